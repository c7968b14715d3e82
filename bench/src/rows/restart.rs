//! Very much is pending because the destination refuses connections; the server is killed. How soon does it accept again, and how
//! soon is everything delivered once the destination is back.

use crate::Plan;
use crate::company::Company;
use crate::load::{Wire, pour};
use crate::machine::now;
use crate::receiver::Receiver;
use crate::report::{Bar, Report};
use anyhow::{Result, bail};
use stagewire_testkit::process::free_port;
use std::time::Duration;

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let pending: u64 = plan.amount(100_000, 20_000);
    let port = free_port().await;
    let mut company =
        Company::start(&plan.launcher, Some(&format!("http://127.0.0.1:{port}"))).await?;
    let sent = pour(company.url(), &company.template, 0..pending).await?;
    report.note(format!(
        "{pending} accepted at {:.0}/s while nothing could be delivered",
        sent.rate()
    ));
    let mirrored = company.mirrored().await?;
    report.note(format!(
        "all mirrored and planned {:.1} s after the last",
        mirrored.as_secs_f64()
    ));
    report.figure(
        "resident memory with all of them pending",
        company.resident(),
        "MB",
        Bar::None,
    );
    company.server.kill().await;

    let (url, request) = (company.url().to_owned(), company.template.request(pending));
    let from = now();
    let accepting = tokio::spawn(async move {
        while from.elapsed() < Duration::from_secs(60) {
            if let Ok(mut wire) = Wire::open(&url).await
                && let Ok(200..=299) = wire.ask(&request).await
            {
                return Ok(from.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!("nothing was accepted within 60 s of the start")
    });
    company.server.run().await;
    let first = accepting.await??;
    let what = format!(
        "first 2xx after kill -9, {} thousand pending",
        pending / 1000
    );
    report.figure(what, first.as_secs_f64() * 1000.0, "ms", Bar::AtMost(200.0));

    let from = now();
    let receiver = Receiver::start(port).await?;
    let begun = receiver.until(1, Duration::from_secs(120)).await?;
    report.figure(
        "first delivery after the destination is back",
        (begun - from).as_secs_f64(),
        "s",
        Bar::None,
    );
    let last = receiver
        .until(pending + 1, Duration::from_secs(600))
        .await?;
    let took = (last - from).as_secs_f64();
    report.figure(
        "all delivered after the destination is back",
        took,
        "s",
        Bar::None,
    );
    report.note(format!("that is {:.0}/s", pending as f64 / took));
    let repeats = receiver.requests().saturating_sub(receiver.delivered());
    report.note(format!("{repeats} requests were repeats of an id"));
    Ok(())
}
