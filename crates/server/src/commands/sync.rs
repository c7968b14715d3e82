//! `stagewire sync`: reads what is new, now, through the same lanes as polling, and shows how far it is. Says what was not read, and
//! why; reads nothing itself.

mod progress;

use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};
use stagewire_engine::env::{Env as _, Machine};
use stagewire_engine::flow::nearest::hint;

use self::progress::Progress;
use crate::cli::Sync;
use crate::door::Door;
use crate::setup::Installation;
use crate::told::{Format, Stop, answer};

/// How often the server is asked how far it is.
const LOOK_MS: u64 = 250;
/// Where a failure stands that is not over.
const OPEN: [&str; 4] = ["open", "taken", "waiting", "back"];

pub(crate) async fn sync(
    installation: &Installation,
    asked: &Sync,
    format: Format,
) -> Result<(), Stop> {
    let ids = match &asked.connection {
        Some(id) => vec![known(installation, id)?],
        None => readable(installation).collect(),
    };
    let door = Door::open(installation, false).await?;
    if asked.no_wait && matches!(door, Door::Here(..)) {
        let says = "no server runs, so the read would end with this command; leave out --no-wait";
        return Err(anyhow!(says).into());
    }
    let mut done = Vec::new();
    for id in ids {
        let read = one(&door, id, asked, format).await;
        let (ok, says) = match read {
            Ok(says) => (true, says),
            Err(error) => (false, format!("{error:#}")),
        };
        done.push(json!({"connection": id, "ok": ok, "says": says}));
    }
    answer(format, &json!({ "items": done }), || {
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let lines = done.iter();
        let lines = lines.map(|row| format!("{}: {}", text(row, "connection"), text(row, "says")));
        lines.collect::<Vec<_>>().join("\n")
    });
    match done.iter().filter(|row| row["ok"] == false).count() {
        0 => Ok(()),
        bad => Err(anyhow!("{bad} connection(s) were not read to the end").into()),
    }
}

/// The connection's id, if it is one.
fn known<'a>(installation: &'a Installation, id: &str) -> Result<&'a str> {
    let mut ids = installation
        .config
        .connections
        .iter()
        .map(|c| c.id.as_str());
    match ids.clone().find(|known| *known == id) {
        Some(id) => Ok(id),
        None => {
            let hint = hint(id, &mut ids).map(|hint| format!("; {hint}"));
            bail!("there is no connection `{id}`{}", hint.unwrap_or_default())
        }
    }
}

/// The connections that have something to read.
fn readable(installation: &Installation) -> impl Iterator<Item = &str> {
    let connections = installation.config.connections.iter();
    let readable = connections.filter(|c| {
        let connector = installation.shelf.get(&c.connector);
        connector.is_some_and(|connector| !connector.streams().is_empty())
    });
    readable.map(|c| c.id.as_str())
}

/// Begins a round and stays until it is over; what came of it in a few words.
async fn one(door: &Door, id: &str, asked: &Sync, format: Format) -> Result<String> {
    let path = format!("/api/v1/connections/{id}/sync");
    let body =
        json!({"background": true, "full": asked.full, "accept_missing": asked.accept_missing});
    let begun = door.done("POST", &path, Some(&body)).await?;
    if asked.no_wait {
        return Ok("the server reads on".to_owned());
    }
    let mut shown = Progress::of(id, format);
    let (at, round) = loop {
        let at = door.done("GET", &path, None).await?;
        let mut rounds = at["rounds"].as_array().into_iter().flatten();
        let Some(round) = rounds.find(|r| r["round"] == begun["round"]) else {
            bail!("the server was started anew meanwhile; it goes on where it was: ask again");
        };
        let round = round.clone();
        shown.show(&at, &round, Machine.now());
        if !round["ended_at"].is_null() {
            break (at, round);
        }
        Machine.sleep(LOOK_MS).await;
    };
    shown.clear();
    if let Some(why) = round["failed"].as_str() {
        bail!("{why}; what came before that is kept, and the next read goes on from there");
    }
    outcome(door, id, &at, &shown, asked.full).await
}

/// What came of a round that is over: some lists may have been refused, and much may be missing.
async fn outcome(
    door: &Door,
    id: &str,
    at: &Value,
    shown: &Progress,
    full: bool,
) -> Result<String> {
    if let [one, ..] = &shown.refused[..] {
        bail!("{} list(s) were not read: {one}", shown.refused.len());
    }
    if full {
        let path = format!("/api/v1/failures?code=SCAN-002&connection={id}&limit=100");
        let failures = door.done("GET", &path, None).await?;
        let asks = |f: &&Value| OPEN.iter().any(|state| f["state"] == *state);
        let mut failures = failures["items"].as_array().into_iter().flatten();
        if let Some(cause) = failures.find(asks).and_then(|f| f["cause"].as_str()) {
            bail!("{cause}: stagewire sync {id} --full --accept-missing");
        }
    }
    let waits = match at["waiting_reads"].as_i64() {
        None | Some(0) => String::new(),
        Some(n) => format!("; {n} single read(s) still wait for their turn"),
    };
    Ok(format!("read, {} row(s){waits}", shown.rows))
}
