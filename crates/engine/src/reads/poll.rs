//! Polls: what changed since the last one, in a two-sided window that overlaps, by the vendor's clock. The window moves on only
//! after its last page. Applications and their history are one answer, in the order of life.

use super::ReadError;
use super::ask::{ask, fail};
use super::backfill::{backfill, hear, split, upto, whole};
use crate::budget::Priority;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::ingest::{Answered, Heard};
use crate::mirror::work::reference;
use serde_json::{Value, json};
use stagewire_connector::{Ask, Scan, Stream};
use stagewire_model::{Drift, Entity, Micros, Observation, Seen};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Records in one write.
const CHUNK: usize = 500;
/// Streams that only come whole are read this often.
const WHOLE_EVERY_MS: i64 = 3_600_000;

pub(super) async fn work(hub: Arc<Hub>, conn: Arc<Connection>) {
    let Some(every) = conn.spec.poll_ms else {
        return;
    };
    loop {
        let pause = match sync_now(&hub, &conn).await {
            Ok(()) => every,
            Err(ReadError::NeedsYou(_)) => 60_000,
            Err(e) => {
                tracing::warn!(connection.id = %conn.id, cause = %e, "a poll failed; nothing was moved on");
                if let ReadError::Partial(say) = &e {
                    fail(&hub, &conn, "SCAN-001", say, "SCAN-001").await;
                }
                every.min(30_000)
            }
        };
        hub.env.sleep(u64::try_from(pause).unwrap_or(60_000)).await;
    }
}

/// The first read of everything if it is not over, else what changed.
///
/// # Errors
/// Where a part of it was not answered; what was answered before stays.
pub async fn sync_now(hub: &Arc<Hub>, conn: &Arc<Connection>) -> Result<(), ReadError> {
    let checkpoints: BTreeMap<String, String> = hub
        .store
        .checkpoints(conn.id.clone())
        .await?
        .into_iter()
        .map(|(stream, cursor, _)| (stream, cursor))
        .collect();
    let row = hub
        .store
        .connections(stagewire_model::MAIN)
        .await?
        .into_iter()
        .find(|c| c.conn == conn.id);
    if !row.is_some_and(|r| r.backfilled) {
        return backfill(hub, conn).await;
    }
    let now = conn.vendor_date().unwrap_or_else(|| hub.env.now());
    let mut apps = Apps::default();
    for stream in conn.connector.streams() {
        let cursor = checkpoints.get(&stream.name).map_or("", String::as_str);
        let Some(since) = upto(cursor) else {
            // never read to its end: from where it stopped
            match whole(hub, conn, stream, cursor, "backfill").await {
                Err(ReadError::Refused { .. }) | Ok(()) => continue,
                Err(e) => return Err(e),
            }
        };
        if stream.incremental {
            delta(hub, conn, stream, since, now, &mut apps).await?;
        } else if now.0 - since.0 > WHOLE_EVERY_MS * 1000 {
            whole(hub, conn, stream, "", "poll_full").await?;
        }
    }
    apps.hear(hub, conn).await?;
    let _ = hub
        .store
        .recovered(
            stagewire_model::MAIN,
            format!("SCAN-001|{}", conn.id),
            hub.env.now().0,
        )
        .await;
    Ok(())
}

/// Applications and their history of one round.
#[derive(Default)]
struct Apps {
    rows: BTreeMap<String, Observation>,
    history: BTreeMap<String, Vec<Observation>>,
    asked: u64,
    checkpoints: Vec<(String, String, i64)>,
    drift: Vec<Drift>,
}

impl Apps {
    async fn hear(mut self, hub: &Hub, conn: &Connection) -> Result<(), ReadError> {
        let mut ids: Vec<String> = self
            .rows
            .keys()
            .chain(self.history.keys())
            .cloned()
            .collect();
        ids.sort();
        ids.dedup();
        for chunk in ids.chunks(CHUNK) {
            let one = |id: &String| Heard::Application {
                remote_id: id.clone(),
                row: self.rows.remove(id),
                history: self.history.remove(id),
                full: false,
            };
            let heard = chunk.iter().map(one).collect();
            hear(
                hub,
                conn,
                Answered {
                    heard,
                    asked: self.asked,
                    channel: "poll_delta",
                    ..Answered::default()
                },
            )
            .await?;
        }
        for checkpoint in self.checkpoints {
            let moved = Answered {
                checkpoint: Some(checkpoint),
                asked: self.asked,
                channel: "poll_delta",
                drift: std::mem::take(&mut self.drift),
                ..Answered::default()
            };
            hear(hub, conn, moved).await?;
        }
        Ok(())
    }
}

async fn delta(
    hub: &Arc<Hub>,
    conn: &Arc<Connection>,
    stream: &Stream,
    since: Micros,
    now: Micros,
    apps: &mut Apps,
) -> Result<(), ReadError> {
    let (from, to) = (
        since.plus_ms(-stream.overlap_ms),
        now.plus_ms(-stream.lag_ms),
    );
    if to <= from {
        return Ok(());
    }
    let with_history = stream.history || stream.entity == Entity::Application;
    let mut request = Some(conn.connector.first_page(
        stream,
        &conn.settings(),
        &Ask::Range { from, to: now },
    )?);
    let (mut scan, mut others, mut count) = (Scan::new(), Vec::new(), 0);
    while let Some(asked) = request.take() {
        let receipt = conn.ask();
        if apps.asked == 0 {
            apps.asked = receipt; // row and history count from when the first of them was asked
        }
        let response = ask(hub, conn, asked.clone(), Priority::Reconcile).await?;
        request = scan.step(&asked, conn.connector.next_page(stream, &asked, &response)?)?;
        for row in conn.connector.rows(stream, &response)? {
            count += 1;
            sort(conn, stream, &row, apps, &mut others);
        }
        if !others.is_empty() {
            let heard = std::mem::take(&mut others);
            hear(
                hub,
                conn,
                Answered {
                    heard,
                    asked: receipt,
                    channel: "poll_delta",
                    ..Answered::default()
                },
            )
            .await?;
        }
    }
    let checkpoint = (
        stream.name.clone(),
        json!({"upto": to.0}).to_string(),
        count,
    );
    if with_history {
        apps.checkpoints.push(checkpoint);
    } else {
        let asked = conn.ask();
        hear(
            hub,
            conn,
            Answered {
                checkpoint: Some(checkpoint),
                channel: "poll_delta",
                asked,
                ..Answered::default()
            },
        )
        .await?;
    }
    Ok(())
}

fn sort(conn: &Connection, stream: &Stream, row: &Value, apps: &mut Apps, others: &mut Vec<Heard>) {
    let (own, drift) = split(conn, stream, row);
    apps.drift.extend(drift);
    for o in own {
        match (&o.seen, o.entity) {
            (Seen::History, _) => {
                if let Some(app) = reference(&o.fields, "application_id") {
                    apps.history.entry(app.to_owned()).or_default().push(o);
                }
            }
            (_, Entity::Application) => drop(apps.rows.insert(o.remote_id.clone(), o)),
            _ => others.push(Heard::Row(o)),
        }
    }
}
