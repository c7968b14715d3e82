//! Verified, durable accept over 64 connections, against a handler that only verifies and parses, and against a prototype that
//! writes the same rows. No flow; the mirror works behind it on the same cores, as it always does.

use crate::Plan;
use crate::child::Child;
use crate::company::Company;
use crate::load::{CONNECTIONS, closed};
use crate::machine::{median, quantile};
use crate::report::{Bar, Report};
use crate::template::{APPLICATIONS, Template};
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Requests before the clock runs.
const WARM: u64 = 2_000;

/// One thing measured, round by round.
#[derive(Default)]
struct Rounds {
    /// Requests per second.
    rates: Vec<f64>,
    /// Microseconds of its processor time per request: steadier than the rate where others use the machine too.
    used: Vec<f64>,
}

impl Rounds {
    /// Each round's ratio to another's of the same minute.
    fn to(&self, other: &Rounds) -> Vec<f64> {
        let pairs = self.rates.iter().zip(&other.rates);
        pairs.map(|(a, b)| a / b).collect()
    }
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let count = plan.amount(40_000, 8_000);
    let (mut bare, mut prototype, mut ours) = <(Rounds, Rounds, Rounds)>::default();
    let (mut p50, mut p99, mut wal, mut drained) = (vec![], vec![], 0.0_f64, vec![]);
    for round in 0..plan.rounds {
        let template = Template::capture().await?.over(APPLICATIONS);
        if round == 0 {
            report.note(format!("a body has {} bytes", template.body(0).len()));
        }
        reference(Child::bare().await?, &template, count, &mut bare).await?;
        reference(Child::prototype().await?, &template, count, &mut prototype).await?;

        let company = Arc::new(Company::start(&plan.launcher, None).await?);
        let warm = company.template.requests(0..WARM);
        closed(company.url(), warm, CONNECTIONS).await?;
        company.mirrored().await?;
        let requests = company.template.requests(WARM..WARM + count);
        let watch = watch_wal(company.clone());
        let before = company.threads();
        let mut sent = closed(company.url(), requests, CONNECTIONS).await?;
        let used = company.threads();
        drained.push(company.mirrored().await?.as_secs_f64());
        wal = wal.max(watch.stop().await);
        ours.rates.push(sent.rate());
        ours.used.push(used.total_since(&before) / count as f64);
        p50.push(quantile(&mut sent.latencies, 0.5) / 1000.0);
        p99.push(quantile(&mut sent.latencies, 0.99) / 1000.0);
        if round + 1 == plan.rounds {
            for (name, micros) in used.all_since(&before).into_iter().take(5) {
                let each = micros / sent.accepted as f64;
                report.note(format!("thread {name}: {each:.0} µs per webhook accepted"));
            }
        }
    }
    for (beside, name, bar) in [
        (&bare, "bare", Bar::AtLeast(0.40)),
        (&prototype, "prototype", Bar::None),
    ] {
        let ratios = ours.to(beside);
        report.note(format!("ratios to {name}, each round: {ratios:.2?}"));
        let against = (name, median(&beside.rates), median(&ratios));
        report.ratio("accepted", median(&ours.rates), "/s", against, bar);
    }
    report.note(format!(
        "processor µs per request: bare {:.0}, prototype {:.0}, server {:.0} (with what its mirror did meanwhile)",
        median(&bare.used),
        median(&prototype.used),
        median(&ours.used)
    ));
    report.figure("accept p50", median(&p50), "ms", Bar::None);
    report.figure("accept p99", median(&p99), "ms", Bar::AtMost(10.0));
    report.figure("largest log", wal, "MB", Bar::AtMost(64.0));
    let drained = median(&drained);
    report.figure("mirror done after the last", drained, "s", Bar::None);
    Ok(())
}

/// One round of a reference.
async fn reference(
    child: Child,
    template: &Template,
    count: u64,
    rounds: &mut Rounds,
) -> Result<()> {
    closed(&child.url, template.requests(0..WARM), CONNECTIONS).await?;
    let requests = template.requests(WARM..WARM + count);
    let before = child.threads();
    rounds
        .rates
        .push(closed(&child.url, requests, CONNECTIONS).await?.rate());
    rounds
        .used
        .push(child.threads().total_since(&before) / count as f64);
    child.stop().await;
    Ok(())
}

struct Watch {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<f64>,
}

fn watch_wal(company: Arc<Company>) -> Watch {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let mut largest = 0.0_f64;
        while !stopped.load(Ordering::SeqCst) {
            largest = largest.max(company.wal());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        largest
    });
    Watch { stop, task }
}

impl Watch {
    async fn stop(self) -> f64 {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap_or(0.0)
    }
}
