//! Far more connections than the server can answer at once: it sheds, what it accepts it accepts soon, and it is itself again
//! shortly after. The sender shares the machine, so what is offered is what the machine can offer.

use crate::Plan;
use crate::company::Company;
use crate::load::{CONNECTIONS, Wire, closed, flood};
use crate::machine::{self, micros, now, quantile};
use crate::report::{Bar, Report};
use anyhow::{Result, bail};
use std::time::Duration;

/// Far more than the writer's queue holds, where this process may open so many.
const MANY: usize = 12_000;
/// An answer this soon is normal.
const NORMAL: Duration = Duration::from_millis(50);

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let company = Company::start(&plan.launcher, None).await?;
    let usual = plan.amount(20_000, 5_000);
    let capacity = closed(
        company.url(),
        company.template.requests(0..usual),
        CONNECTIONS,
    )
    .await?;
    company.mirrored().await?;
    let seconds = plan.amount(10, 4);
    let many = MANY.min(machine::open_files().saturating_sub(500));
    let mut sent = flood(company.url(), &company.template, usual, many, seconds).await?;
    // the last answers come after the sender has stopped
    let ended = now() - sent.took.saturating_sub(Duration::from_secs(seconds));
    let offered = (sent.accepted + sent.shed) as f64;
    let rate = offered / sent.took.as_secs_f64();
    report.figure(
        format!("offered by {many} connections"),
        rate,
        "/s",
        Bar::None,
    );
    report.note(format!(
        "with {CONNECTIONS} connections it takes {:.0}/s",
        capacity.rate()
    ));
    report.figure(
        "shed with 503",
        sent.shed as f64 / offered * 100.0,
        "%",
        Bar::None,
    );
    report.figure("accepted meanwhile", sent.rate(), "/s", Bar::None);
    report.figure(
        "p50 of the accepted",
        quantile(&mut sent.latencies, 0.5) / 1000.0,
        "ms",
        Bar::None,
    );
    report.figure(
        "p99 of the accepted",
        quantile(&mut sent.latencies, 0.99) / 1000.0,
        "ms",
        Bar::None,
    );
    let again = normal(&company, 50_000_000).await?;
    report.figure(
        "normal again after",
        (again - ended).as_secs_f64(),
        "s",
        Bar::AtMost(5.0),
    );
    report.figure(
        "resident memory after that",
        company.resident(),
        "MB",
        Bar::None,
    );
    Ok(())
}

/// When ten answers in a row began to come soon.
async fn normal(company: &Company, from: u64) -> Result<std::time::Instant> {
    let begun = now();
    let (mut row, mut since) = (0, begun);
    for n in from.. {
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("not normal again after 60 s");
        }
        let asked = now();
        let mut wire = Wire::open(company.url()).await?;
        let status = wire.ask(&company.template.request(n)).await?;
        if (200..300).contains(&status) && micros(asked.elapsed()) < micros(NORMAL) {
            row += 1;
        } else {
            (row, since) = (0, now());
        }
        if row == 10 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(since)
}
