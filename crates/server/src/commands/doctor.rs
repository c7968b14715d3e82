//! `stagewire doctor`: whether everything that a server needs is there. Looks and says; it repairs
//! nothing, and with a running server it asks that one.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};
use stagewire_engine::env::{Env as _, Machine};

use crate::disk;
use crate::door::Door;
use crate::setup::{Installation, environment};
use crate::told::{Format, Stop, answer};

/// The clock of a machine that was never set is earlier than this: 2026-01-01.
const EARLIEST_US: i64 = 1_767_225_600_000_000;
/// A clock further away from the vendors' than this breaks signatures.
const APART_US: i64 = 60_000_000;

/// What was looked at, and what came of it.
struct Look {
    what: String,
    ok: bool,
    says: String,
}

pub(crate) async fn doctor(file: Option<&Path>, format: Format) -> Result<(), Stop> {
    let installation = Installation::read(file, &environment)?;
    let mut looks = vec![look("configuration", Ok("is readable".to_owned()))];
    looks.push(look("data directory", writable(&installation)));
    looks.push(look(
        "disk",
        disk::look(&installation.config.server.data_dir),
    ));
    looks.push(look("clock", clock()));
    match Door::open(&installation, false).await {
        Ok(door) => inside(&installation, &door, &mut looks).await,
        Err(Stop::Because(error)) => looks.push(look("database", Err(format!("{error:#}")))),
        Err(problems) => return Err(problems),
    }
    let bad = looks.iter().filter(|look| !look.ok).count();
    let row = |look: &Look| json!({"what": look.what, "ok": look.ok, "says": look.says});
    let rows: Vec<Value> = looks.iter().map(row).collect();
    answer(format, &json!({ "looks": rows }), || {
        let line = |look: &Look| {
            let word = if look.ok { "ok    " } else { "NOT OK" };
            format!("{word} {}: {}", look.what, look.says)
        };
        looks.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    match bad {
        0 => Ok(()),
        bad => Err(anyhow::anyhow!("{bad} thing(s) are not as they should be").into()),
    }
}

/// What only an open database can tell; opening it has proven the key.
async fn inside(installation: &Installation, door: &Door, looks: &mut Vec<Look>) {
    let version = stagewire_store::sqlite_version();
    looks.push(look(
        "database",
        Ok(format!("opens with the master key; SQLite {version}")),
    ));
    let server = match door {
        Door::Server(_) => Ok("a server runs here".to_owned()),
        Door::Here(..) => free(installation),
    };
    looks.push(look("server", server));
    let effects = door.done("GET", "/api/v1/installation", None).await;
    if matches!(door, Door::Server(_)) {
        looks.push(look(
            "effects",
            match effects {
                Ok(value) if value["effects"] == true => Ok("may leave".to_owned()),
                Ok(_) => Err(
                    "nothing is sent until somebody confirms that this is the live one".to_owned(),
                ),
                Err(error) => Err(error.to_string()),
            },
        ));
    }
    let connections = door
        .done("GET", "/api/v1/connections?limit=500", None)
        .await;
    match connections {
        Err(error) => looks.push(look("connections", Err(error.to_string()))),
        Ok(page) => {
            let rows = page["items"].as_array();
            for row in rows.into_iter().flatten() {
                let text = |key: &str| row[key].as_str().unwrap_or_default();
                let says = format!("{}: {}", text("state"), text("sentence"));
                looks.push(Look {
                    what: format!("connection {}", text("id")),
                    ok: text("state") != "needs_you",
                    says,
                });
            }
        }
    }
    if let Door::Here(_, opened) = door {
        let apart = |c: &std::sync::Arc<stagewire_engine::connection::Connection>| {
            let date = c.vendor_date()?;
            let ahead = date.0 - Machine.now().0;
            (ahead > APART_US).then(|| c.id.clone())
        };
        for id in opened.hub.connections().iter().filter_map(apart) {
            let says = format!("is behind the clock of {id} by more than a minute");
            looks.push(look("clock", Err(says)));
        }
    }
}

fn look(what: &str, found: Result<String, String>) -> Look {
    let ok = found.is_ok();
    let (Ok(says) | Err(says)) = found;
    let what = what.to_owned();
    Look { what, ok, says }
}

/// Tried by writing: permissions alone do not tell about a full or read-only disk.
fn writable(installation: &Installation) -> Result<String, String> {
    let data_dir = &installation.config.server.data_dir;
    let tried = data_dir.join("doctor.tmp");
    let written = fs::create_dir_all(data_dir)
        .and_then(|()| fs::write(&tried, b"x"))
        .and_then(|()| fs::remove_file(&tried));
    match written {
        Ok(()) => Ok(format!("{} can be written", data_dir.display())),
        Err(error) => Err(format!("{} cannot be written: {error}", data_dir.display())),
    }
}

fn clock() -> Result<String, String> {
    let now = Machine.now();
    match now.0 < EARLIEST_US {
        true => Err(format!("says {}, which cannot be", now.text())),
        false => Ok(format!("says {}", now.text())),
    }
}

fn free(installation: &Installation) -> Result<String, String> {
    let at = installation.config.server.listen;
    match TcpListener::bind(at) {
        Ok(_) => Ok(format!("none runs; {at} is free")),
        Err(error) => Err(format!(
            "none runs, and {at} cannot be listened on: {error}"
        )),
    }
}
