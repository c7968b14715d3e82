//! The first read of very many applications with their histories, from a fake ATS without a limit, beside a plain program that reads
//! the same pages and stores the rows as they came. Memory must not grow with the size.

use crate::Plan;
use crate::machine::{self, Threads, now};
use crate::report::{Bar, Report};
use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use serde_json::Value;
use stagewire_fakes::greenhouse::{Greenhouse, Options};
use stagewire_fakes::{Clock, Handle};
use stagewire_testkit::http::Client;
use stagewire_testkit::process::{Folder, Server};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the crowd fills; everything else is a handful of rows.
const LISTS: &[&str] = &["candidates", "applications", "application_stages"];
/// The client that the fake knows, as a Basic header.
const BASIC: &str = "Basic ZGVtby1jbGllbnQ6ZGVtby1zZWNyZXQ=";
const PATIENCE: Duration = Duration::from_secs(1800);

/// What one read came to.
struct Seen {
    rows: f64,
    seconds: f64,
    largest: f64,
    ended: f64,
    processor: Vec<(String, f64)>,
}

impl Seen {
    fn rate(&self) -> f64 {
        self.rows / self.seconds
    }
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    let (small, large): (u64, u64) = plan.amount((20_000, 200_000), (2_000, 10_000));
    let few = server(plan, small).await?;
    let ats = company(large).await?;
    let plain = reference(&ats).await?;
    drop(ats);
    let many = server(plan, large).await?;
    report.ratio(
        format!("{} thousand applications, rows of all lists", large / 1000),
        many.rate(),
        "rows/s",
        ("plain", plain, many.rate() / plain),
        Bar::None,
    );
    report.figure(
        "the same against the bar",
        many.rate(),
        "rows/s",
        Bar::AtLeast(10_000.0),
    );
    report.note(format!("{} rows in {:.0} s", many.rows, many.seconds));
    let used: Vec<String> = many
        .processor
        .iter()
        .take(5)
        .map(|(name, us)| format!("{name} {:.0}", us / many.rows))
        .collect();
    report.note(format!(
        "processor µs per row by thread: {}",
        used.join(", ")
    ));
    report.figure(
        "largest resident memory meanwhile",
        many.largest,
        "MB",
        Bar::None,
    );
    report.ratio(
        format!("the same ÷ that at {} thousand", small / 1000),
        many.largest,
        "MB",
        ("at the small size", few.largest, many.largest / few.largest),
        Bar::AtMost(1.3),
    );
    report.figure("resident memory at its end", many.ended, "MB", Bar::None);
    Ok(())
}

async fn company(applications: u64) -> Result<Handle<Greenhouse>> {
    let ats = Greenhouse::new(Options::for_tests(Clock::real()));
    ats.set_rate_limit(0);
    ats.seed_company();
    ats.seed_many(applications);
    Ok(ats.serve(stagewire_fakes::loopback().await?).await?)
}

/// The server's first read; its rate is that of all rows from the first request to the last commit.
async fn server(plan: &Plan, applications: u64) -> Result<Seen> {
    let ats = company(applications).await?;
    let config = format!(
        "[[connection]]\nid = \"gh\"\nconnector = \"greenhouse\"\nbase_url = \"{url}\"\nauth_url = \"{url}\"\nowner = \"ana@example.com\"\npoll = \"1h\"\n[connection.fields]\nclient_id = \"demo-client\"\nclient_secret = \"demo-secret\"\n",
        url = ats.url()
    );
    let from = now();
    let server = Server::start(&plan.binary, &config, &BTreeMap::new()).await;
    let pid = server.id().context("the server runs")?;
    let mut largest = 0.0_f64;
    let resident = || machine::resident(pid).unwrap_or(0) as f64 / 1e6;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        largest = largest.max(resident());
        let page = server.get("connections?limit=10").await?.json();
        if page["items"][0]["backfilled"] == true {
            break;
        }
        ensure!(
            from.elapsed() < PATIENCE,
            "the first read did not end: {}",
            server.get("connections/gh/sync").await?.json()
        );
    }
    let seconds = from.elapsed().as_secs_f64();
    let sync = server.get("connections/gh/sync").await?.json();
    let streams = sync["streams"].as_array().context("streams are listed")?;
    let rows = streams.iter().filter_map(|s| s["rows"].as_f64()).sum();
    let processor = Threads::of(pid).all_since(&Threads::default());
    Ok(Seen {
        rows,
        seconds,
        largest,
        ended: resident(),
        processor,
    })
}

/// Reads the big lists page by page and stores each row as it came, a page in one transaction; rows per second.
async fn reference(ats: &Handle<Greenhouse>) -> Result<f64> {
    let folder = Folder::new("bench-backfill");
    let mut db = Connection::open(folder.0.join("rows.db"))?;
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row(list TEXT, id INTEGER, body TEXT, PRIMARY KEY(list, id)) WITHOUT ROWID")?;
    let mut client = Client::new(&ats.url());
    let headers = [
        ("authorization", BASIC),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let form = b"grant_type=client_credentials&sub=1";
    let token = client.send("POST", "/token", &headers, form).await?.json();
    let token = token["access_token"].as_str().context("a token is given")?;
    let (from, mut rows) = (now(), 0.0);
    for list in LISTS {
        let mut next = Some(format!("/v3/{list}?per_page=500"));
        while let Some(path) = next {
            let answer = client.get(&path, token).await?;
            ensure!(answer.status == 200, "{path} answers {}", answer.status);
            let page = answer.json();
            let items = page.as_array().context("a page is a list")?;
            let tx = db.transaction()?;
            for item in items {
                store(&tx, list, item)?;
            }
            tx.commit()?;
            rows += items.len() as f64;
            let link = answer.header("link").unwrap_or_default();
            next = link
                .split_once('<')
                .and_then(|(_, l)| l.split_once('>'))
                .and_then(|(url, _)| Some(url.strip_prefix(&ats.url())?.to_owned()));
        }
    }
    Ok(rows / from.elapsed().as_secs_f64())
}

fn store(db: &Connection, list: &str, item: &Value) -> Result<()> {
    db.prepare_cached("INSERT INTO row(list, id, body) VALUES(?1, ?2, ?3)")?
        .execute((list, item["id"].as_i64(), item.to_string()))?;
    Ok(())
}
