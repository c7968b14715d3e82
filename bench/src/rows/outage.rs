//! A destination answers 500 for a while and recovers: is everything delivered, and how soon after the recovery.

use crate::Plan;
use crate::company::Company;
use crate::load::paced;
use crate::machine::now;
use crate::receiver::Receiver;
use crate::report::{Bar, Report};
use anyhow::Result;
use std::time::Duration;

const PER_SECOND: u64 = 50;
/// How long it answers 500.
const OUT: Duration = Duration::from_secs(8);

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let receiver = Receiver::start(0).await?;
    let company = Company::start(&plan.launcher, Some(&receiver.url)).await?;
    let total = PER_SECOND * plan.amount(20, 13);
    let begun = now();
    let sending = paced(
        company.url(),
        &company.template,
        0..total,
        PER_SECOND as f64,
    );
    let failing = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        receiver.fail(1000);
        tokio::time::sleep(OUT).await;
        receiver.fail(0);
        (now(), receiver.requests())
    };
    let (sent, (recovered, requests)) = tokio::join!(sending, failing);
    let sent = sent?;
    let all = receiver.until(total, Duration::from_secs(120)).await;
    let accepted = receiver.accepted();
    let waited = sent.iter().filter(|(_, at)| **at < recovered);
    let ends = waited.filter_map(|(about, _)| accepted.get(about));
    let last = ends.max().copied().unwrap_or(begun);
    let share = receiver.delivered() as f64 / total as f64;
    report.figure("delivered", share * 100.0, "%", Bar::AtLeast(100.0));
    let after = last.saturating_duration_since(recovered).as_secs_f64();
    // intervals of 1, 2, 4 s … by the end of eight seconds: two of them are at most 8 s
    report.figure(
        "last of what had waited, after the recovery",
        after,
        "s",
        Bar::AtMost(8.0),
    );
    report.note(format!(
        "{requests} requests reached the destination before it recovered"
    ));
    all.map(drop)
}
