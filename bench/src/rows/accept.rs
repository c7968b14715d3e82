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

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let count = plan.amount(40_000, 8_000);
    let (mut bares, mut prototypes, mut accepts) = (vec![], vec![], vec![]);
    let (mut p50, mut p99, mut wal, mut drained) = (vec![], vec![], 0.0_f64, vec![]);
    for round in 0..plan.rounds {
        let template = Template::capture().await?.over(APPLICATIONS);
        if round == 0 {
            report.note(format!("a body has {} bytes", template.body(0).len()));
        }
        let bare = Child::bare().await?;
        closed(&bare.url, template.requests(0..2_000), CONNECTIONS).await?;
        bares.push(
            closed(&bare.url, template.requests(0..count), CONNECTIONS)
                .await?
                .rate(),
        );
        bare.stop().await;

        let prototype = Child::prototype().await?;
        closed(&prototype.url, template.requests(0..2_000), CONNECTIONS).await?;
        let rows = template.requests(2_000..2_000 + count);
        prototypes.push(closed(&prototype.url, rows, CONNECTIONS).await?.rate());
        prototype.stop().await;

        let company = Arc::new(Company::start(&plan.launcher, None).await?);
        closed(
            company.url(),
            company.template.requests(0..2_000),
            CONNECTIONS,
        )
        .await?;
        company.mirrored().await?;
        let requests = company.template.requests(2_000..2_000 + count);
        let watch = watch_wal(company.clone());
        let before = company.threads();
        let mut sent = closed(company.url(), requests, CONNECTIONS).await?;
        let used = company.threads();
        drained.push(company.mirrored().await?.as_secs_f64());
        wal = wal.max(watch.stop().await);
        accepts.push(sent.rate());
        p50.push(quantile(&mut sent.latencies, 0.5) / 1000.0);
        p99.push(quantile(&mut sent.latencies, 0.99) / 1000.0);
        if round + 1 == plan.rounds {
            for (name, micros) in used.all_since(&before).into_iter().take(5) {
                let each = micros / sent.accepted as f64;
                report.note(format!("thread {name}: {each:.0} µs per webhook accepted"));
            }
        }
    }
    let ratios =
        |over: &[f64]| -> Vec<f64> { accepts.iter().zip(over).map(|(a, b)| a / b).collect() };
    let rate = median(&accepts);
    let to_bare = ratios(&bares);
    report.note(format!("ratios to bare, each round: {to_bare:.2?}"));
    let against = ("bare", median(&bares), median(&to_bare));
    report.ratio("accepted", rate, "/s", against, Bar::AtLeast(0.40));
    let against = (
        "prototype",
        median(&prototypes),
        median(&ratios(&prototypes)),
    );
    report.ratio("accepted", rate, "/s", against, Bar::None);
    report.figure("accept p50", median(&p50), "ms", Bar::None);
    report.figure("accept p99", median(&p99), "ms", Bar::AtMost(10.0));
    report.figure("largest log", wal, "MB", Bar::AtMost(64.0));
    report.figure(
        "mirror done after the last",
        median(&drained),
        "s",
        Bar::None,
    );
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
