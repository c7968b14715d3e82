//! `stagewire sync`: reads what is new, now, through the same lanes as polling.

use anyhow::Result;
use serde_json::{Value, json};
use stagewire_engine::env::{Env as _, Machine};

use crate::door::Door;
use crate::setup::Installation;
use crate::told::{Format, Stop, answer};

const AGAIN_MS: u64 = 1_000;

pub(crate) async fn sync(
    installation: &Installation,
    connection: Option<&str>,
    format: Format,
) -> Result<(), Stop> {
    let ids: Vec<&str> = match connection {
        Some(id) => vec![id],
        None => readable(installation).collect(),
    };
    let door = Door::open(installation, false).await?;
    let mut done = Vec::new();
    let mut bad = 0;
    for id in ids {
        let says = match read(&door, id).await {
            Ok(()) => "read".to_owned(),
            Err(error) => {
                bad += 1;
                error.to_string()
            }
        };
        done.push(json!({"connection": id, "says": says}));
    }
    answer(format, &json!({ "items": done }), || {
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let lines = done.iter();
        let lines = lines.map(|row| format!("{}: {}", text(row, "connection"), text(row, "says")));
        lines.collect::<Vec<_>>().join("\n")
    });
    match bad {
        0 => Ok(()),
        bad => Err(anyhow::anyhow!("{bad} connection(s) were not read").into()),
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

/// Asks until it is read: a long read goes on while nobody waits for it.
async fn read(door: &Door, id: &str) -> Result<()> {
    let path = format!("/api/v1/connections/{id}/sync");
    while door.done("POST", &path, None).await?["state"] == "running" {
        Machine.sleep(AGAIN_MS).await;
    }
    Ok(())
}
