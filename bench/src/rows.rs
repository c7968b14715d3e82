//! The rows of the table of speeds, each in its module. A row that compares takes its reference itself, in the same minute.

mod accept;
mod backfill;
mod end_to_end;
mod latency;
mod memory;
mod outage;
mod overload;
mod restart;

use crate::Plan;
use crate::report::Report;
use anyhow::Result;

/// Every row, in the order in which they are taken.
pub(crate) const ALL: &[&str] = &[
    "accept",
    "backfill",
    "end_to_end",
    "latency",
    "outage",
    "restart",
    "memory",
    "overload",
];

/// Takes one row.
pub(crate) async fn run(row: &str, plan: &Plan, report: &mut Report) -> Result<()> {
    match row {
        "accept" => accept::run(plan, report).await,
        "backfill" => backfill::run(plan, report).await,
        "end_to_end" => end_to_end::run(plan, report).await,
        "latency" => latency::run(plan, report).await,
        "outage" => outage::run(plan, report).await,
        "restart" => restart::run(plan, report).await,
        "memory" => memory::run(plan, report).await,
        _ => overload::run(plan, report).await,
    }
}
