//! From sending a webhook until the request arrives at the destination, at rates far below saturation; with and without a
//! destination that fails often. The first attempt counts: what is repeated is slow on purpose.

use crate::Plan;
use crate::child::Child;
use crate::company::Company;
use crate::load::paced;
use crate::machine::{micros, quantile};
use crate::receiver::Receiver;
use crate::report::{Bar, Report};
use crate::template::Template;
use anyhow::{Result, ensure};
use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

struct Latency {
    p50: f64,
    p99: f64,
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let seconds = plan.amount(20, 4);
    let receiver = Receiver::start(0).await?;
    let company = Company::start(&plan.launcher, Some(&receiver.url)).await?;
    let plain = Child::plain(&format!("{}/hook", receiver.url)).await?;
    let mut from = 0;
    // the first calls open connections and fill caches
    let url = company.url();
    through(url, &company.template, &receiver, 0..200, 100.0).await?;
    let template = Template::capture().await?;
    through(&plain.url, &template, &receiver, 0..200, 100.0).await?;
    from += 200;
    let mut quiet = HashMap::new();
    for rate in [20_u32, 200] {
        let which = from..from + u64::from(rate) * seconds;
        from = which.end;
        let per_second = f64::from(rate);
        let theirs = through(&plain.url, &template, &receiver, which.clone(), per_second).await?;
        let ours = through(url, &company.template, &receiver, which, per_second).await?;
        let against = ("plain", theirs.p50, ours.p50 / theirs.p50);
        report.ratio(
            format!("p50 at {rate}/s"),
            ours.p50,
            "ms",
            against,
            Bar::AtMost(2.0),
        );
        let against = ("plain", theirs.p99, ours.p99 / theirs.p99);
        report.ratio(
            format!("p99 at {rate}/s"),
            ours.p99,
            "ms",
            against,
            Bar::AtMost(3.0),
        );
        quiet.insert(rate, ours);
    }
    receiver.fail(300);
    let which = from..from + 200 * seconds;
    let failing = through(url, &company.template, &receiver, which, 200.0).await?;
    receiver.fail(0);
    if let Some(quiet) = quiet.get(&200) {
        for (what, is, was) in [
            ("p50", failing.p50, quiet.p50),
            ("p99", failing.p99, quiet.p99),
        ] {
            let against = ("none failing", was, is / was);
            report.ratio(
                format!("{what} at 200/s, 30 % of deliveries fail"),
                is,
                "ms",
                against,
                Bar::None,
            );
        }
    }
    Ok(())
}

async fn through(
    url: &str,
    template: &Template,
    receiver: &Receiver,
    which: Range<u64>,
    per_second: f64,
) -> Result<Latency> {
    receiver.forget();
    let sent = paced(url, template, which, per_second).await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let arrived = receiver.arrived();
    let mut took = between(&sent, &arrived);
    let (seen, all) = (took.len(), sent.len());
    ensure!(
        seen * 100 >= all * 98,
        "only {seen} of {all} reached the destination within 1.5 s of the last"
    );
    Ok(Latency {
        p50: quantile(&mut took, 0.5),
        p99: quantile(&mut took, 0.99),
    })
}

/// Milliseconds from one to the other, of those in both.
fn between(sent: &HashMap<i64, Instant>, arrived: &HashMap<i64, Instant>) -> Vec<f64> {
    let each = sent.iter().filter_map(|(about, at)| {
        let there = arrived.get(about)?;
        Some(micros(there.saturating_duration_since(*at)) / 1000.0)
    });
    each.collect()
}
