//! Saturated end to end: accept, mirror, one flow, deliver; against accept, commit, deliver with nothing between. Then what an event
//! costs when many are stored already.

use crate::Plan;
use crate::child::Child;
use crate::company::Company;
use crate::load::{CONNECTIONS, closed, pour};
use crate::machine::{median, now};
use crate::receiver::Receiver;
use crate::report::{Bar, Report};
use crate::template::{APPLICATIONS, Template};
use anyhow::Result;
use std::ops::Range;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(600);
/// The thread that writes.
const WRITER: &str = "store-writer";

/// What a stretch of events cost.
struct Stretch {
    per_second: f64,
    accepted_per_second: f64,
    writer: f64,
    /// Of the whole server, in microseconds of processor time per event.
    server: f64,
    threads: Vec<(String, f64)>,
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let count: u64 = plan.amount(20_000, 4_000);
    let (mut plains, mut plain_used, mut ours, mut ratios) = (vec![], vec![], vec![], vec![]);
    let mut last = None;
    for _ in 0..plan.rounds {
        let receiver = Receiver::start(0).await?;
        let plain = Child::plain(&format!("{}/hook", receiver.url)).await?;
        let (rate, used) = through_plain(&plain, &receiver, count).await?;
        plains.push(rate);
        plain_used.push(used);
        plain.stop().await;
        receiver.forget();

        drop(last.take()); // the server of the round before ends first
        let company = Company::start(&plan.launcher, Some(&receiver.url)).await?;
        let stretch = through(&company, &receiver, 0..count).await?;
        ratios.push(stretch.per_second / plains[plains.len() - 1]);
        ours.push(stretch.per_second);
        last = Some((company, receiver, stretch));
    }
    report.note(format!("ratios to plain, each round: {ratios:.2?}"));
    let against = ("plain", median(&plains), median(&ratios));
    report.ratio(
        "delivered, all new applications",
        median(&ours),
        "/s",
        against,
        Bar::AtLeast(0.25),
    );
    let used = median(&plain_used);
    report.note(format!("plain uses {used:.0} µs of processor per event"));
    let Some((company, receiver, first)) = last else {
        return Ok(());
    };
    tell(report, "all new applications", &first);
    growth(plan, report, &company, &receiver, count).await
}

async fn through_plain(plain: &Child, receiver: &Receiver, count: u64) -> Result<(f64, f64)> {
    let requests = Template::capture().await?.requests(0..count);
    let before = plain.threads();
    let from = now();
    closed(&plain.url, requests, CONNECTIONS).await?;
    let end = receiver.until(count, PATIENCE).await?;
    let rate = count as f64 / (end - from).as_secs_f64();
    Ok((rate, plain.threads().total_since(&before) / count as f64))
}

/// Sends a stretch as fast as it is accepted and waits until all of it was delivered.
async fn through(company: &Company, receiver: &Receiver, which: Range<u64>) -> Result<Stretch> {
    let count = which.end - which.start;
    let requests = company.template.requests(which);
    let already = receiver.delivered();
    let before = company.threads();
    let from = now();
    let sent = closed(company.url(), requests, CONNECTIONS).await?;
    let end = receiver.until(already + count, PATIENCE).await?;
    // the last answers are still being written
    tokio::time::sleep(Duration::from_millis(300)).await;
    let used = company.threads();
    let each = |(name, micros): (String, f64)| (name, micros / count as f64);
    Ok(Stretch {
        per_second: count as f64 / (end - from).as_secs_f64(),
        accepted_per_second: sent.rate(),
        writer: used.since(&before, WRITER) / count as f64,
        server: used.total_since(&before) / count as f64,
        threads: used.all_since(&before).into_iter().map(each).collect(),
    })
}

fn tell(report: &mut Report, what: &str, stretch: &Stretch) {
    report.figure(
        format!("writer per event, {what}"),
        stretch.writer,
        "µs",
        Bar::None,
    );
    report.figure(
        format!("whole server per event, {what}"),
        stretch.server,
        "µs of processor",
        Bar::None,
    );
    report.note(format!(
        "accepted meanwhile: {:.0}/s",
        stretch.accepted_per_second
    ));
    let threads = stretch.threads.iter().take(5);
    let threads: Vec<String> = threads.map(|(n, us)| format!("{n} {us:.0}")).collect();
    report.note(format!(
        "processor µs per event by thread: {}",
        threads.join(", ")
    ));
}

/// The same stretch of moves of known applications, with few and with many events stored.
async fn growth(
    plan: &Plan,
    report: &mut Report,
    company: &Company,
    receiver: &Receiver,
    from: u64,
) -> Result<()> {
    let size = plan.amount(10_000, 4_000);
    let start = APPLICATIONS; // every application is known from here on
    pour(company.url(), &company.template, from..start).await?;
    receiver.until(start, PATIENCE).await?;
    let few = through(company, receiver, start..start + size).await?;
    let label = format!("at {} thousand stored", start / 1000);
    report.figure(
        format!("delivered, moves of known applications, {label}"),
        few.per_second,
        "/s",
        Bar::None,
    );
    tell(report, &label, &few);
    let mut marks = vec![plan.amount(100_000, 30_000)];
    if plan.long {
        marks.push(1_000_000);
    }
    let mut at = start + size;
    for mark in marks {
        pour(company.url(), &company.template, at..mark).await?;
        receiver.until(mark, PATIENCE * 6).await?;
        let many = through(company, receiver, mark..mark + size).await?;
        at = mark + size;
        let label = format!("at {} thousand stored", mark / 1000);
        let cost = |s: &Stretch| 1e6 / s.per_second;
        let against = ("few stored", cost(&few), cost(&many) / cost(&few));
        report.ratio(
            format!("cost per event {label}"),
            cost(&many),
            "µs",
            against,
            Bar::AtMost(1.5),
        );
        tell(report, &label, &many);
        let against = ("few stored", few.server, many.server / few.server);
        report.ratio(
            format!("processor time per event {label}"),
            many.server,
            "µs",
            against,
            Bar::None,
        );
    }
    report.figure(
        "resident memory after that",
        company.resident(),
        "MB",
        Bar::None,
    );
    Ok(())
}
