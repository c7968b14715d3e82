//! Resident memory, idle and at work, and the size of the binary.

use crate::Plan;
use crate::company::Company;
use crate::load::paced;
use crate::machine::now;
use crate::receiver::Receiver;
use crate::report::{Bar, Report};
use anyhow::Result;
use std::time::Duration;

const PER_SECOND: u64 = 1_000;

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let receiver = Receiver::start(0).await?;
    let company = Company::start(&plan.launcher, Some(&receiver.url)).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    report.figure(
        "resident, idle",
        company.resident(),
        "MB",
        Bar::AtMost(40.0),
    );
    let total = PER_SECOND * plan.amount(10, 3);
    let begun = now();
    let before = company.threads();
    let sending = paced(
        company.url(),
        &company.template,
        0..total,
        PER_SECOND as f64,
    );
    let mut largest = 0.0_f64;
    let sent = {
        tokio::pin!(sending);
        loop {
            tokio::select! {
                sent = &mut sending => break sent,
                () = tokio::time::sleep(Duration::from_millis(100)) => largest = largest.max(company.resident()),
            }
        }
    };
    let sent = sent?;
    let rate = sent.len() as f64 / begun.elapsed().as_secs_f64();
    let behind = now();
    let last = receiver.until(total, Duration::from_secs(120)).await?;
    largest = largest.max(company.resident());
    report.figure(
        format!("resident, at {rate:.0} events/s"),
        largest,
        "MB",
        Bar::AtMost(100.0),
    );
    let late = last.saturating_duration_since(behind).as_secs_f64();
    report.note(format!(
        "the last was delivered {late:.2} s after the last was accepted"
    ));
    let used = company.threads().all_since(&before);
    let busy: Vec<String> = used
        .iter()
        .take(5)
        .map(|(n, us)| format!("{n} {:.0}", us / total as f64))
        .collect();
    report.note(format!(
        "processor µs per event by thread: {}",
        busy.join(", ")
    ));
    let binary = std::fs::metadata(&plan.binary)?.len() as f64 / 1e6;
    report.figure("binary", binary, "MB", Bar::AtMost(40.0));
    Ok(())
}
