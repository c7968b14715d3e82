//! The first read of everything: stream by stream, page by page, each page with its checkpoint in one transaction, so that a
//! killed one goes on where it was. Its first answer's date is the watermark; what it reads is history and emits nothing.

use super::ReadError;
use super::ask::{ask, put_state};
use crate::budget::Priority;
use crate::connection::{Connection, State};
use crate::hub::Hub;
use crate::ingest::{Answered, Heard};
use crate::mirror::work::reference;
use serde_json::{Value, json};
use stagewire_connector::{Ask, Scan, Stream};
use stagewire_model::{Drift, Entity, Micros, Observation, Seen};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a stream's first read stands.
pub(super) fn upto(cursor: &str) -> Option<Micros> {
    serde_json::from_str::<Value>(cursor)
        .ok()?
        .get("upto")?
        .as_i64()
        .map(Micros)
}

pub(super) async fn backfill(hub: &Arc<Hub>, conn: &Arc<Connection>) -> Result<(), ReadError> {
    put_state(
        hub,
        conn,
        State::CatchingUp,
        "Reading everything for the first time",
    )
    .await;
    let known: BTreeMap<String, String> = hub
        .store
        .checkpoints(conn.id.clone())
        .await?
        .into_iter()
        .map(|(s, c, _)| (s, c))
        .collect();
    let names: Vec<String> = conn
        .connector
        .streams()
        .iter()
        .map(|s| s.name.clone())
        .collect();
    for name in names {
        let cursor = known.get(&name).map(String::as_str).unwrap_or("");
        if upto(cursor).is_none() {
            let Some(stream) = conn.connector.stream(&name) else {
                continue;
            };
            match whole(hub, conn, stream, cursor, "backfill").await {
                Err(ReadError::Refused { code, say }) => {
                    let cause = format!("{name} cannot be read: {say}");
                    super::ask::fail(hub, conn, &code, &cause, &format!("{code}|stream {name}"))
                        .await;
                }
                other => other?,
            }
        }
    }
    let asked = conn.ask();
    hear(
        hub,
        conn,
        Answered {
            backfilled: true,
            channel: "backfill",
            asked,
            ..Answered::default()
        },
    )
    .await?;
    put_state(hub, conn, State::Working, "Working").await;
    Ok(())
}

/// One stream from its beginning, or from where it stopped.
pub(super) async fn whole(
    hub: &Arc<Hub>,
    conn: &Arc<Connection>,
    stream: &Stream,
    cursor: &str,
    channel: &'static str,
) -> Result<(), ReadError> {
    let resumed: Option<Value> = serde_json::from_str(cursor).ok();
    let mut request = Some(
        conn.connector
            .first_page(stream, &conn.settings(), &Ask::Full)?,
    );
    if let (Some(request), Some(next)) = (
        &mut request,
        resumed
            .as_ref()
            .and_then(|c| c.get("next"))
            .and_then(Value::as_str),
    ) {
        next.clone_into(&mut request.url);
    }
    let mut from = resumed
        .and_then(|c| c.get("from").and_then(Value::as_i64))
        .map(Micros);
    let mut scan = Scan::new();
    while let Some(asked) = request.take() {
        let receipt = conn.ask();
        let response = ask(hub, conn, asked.clone(), Priority::Backfill).await?;
        let began =
            *from.get_or_insert_with(|| conn.vendor_date().unwrap_or_else(|| hub.env.now()));
        request = scan.step(&asked, conn.connector.next_page(stream, &asked, &response)?)?;
        let rows = conn.connector.rows(stream, &response)?;
        let cursor = match &request {
            Some(next) => json!({"next": next.url, "from": began.0}),
            None => json!({"upto": began.0}),
        };
        let mut answered = heard(conn, stream, &rows, channel == "backfill", began);
        answered.watermark = conn.watermark().is_none().then_some(began);
        answered.checkpoint = Some((stream.name.clone(), cursor.to_string(), rows.len() as i64));
        (answered.asked, answered.channel) = (receipt, channel);
        hear(hub, conn, answered).await?;
    }
    Ok(())
}

/// What a page tells. While everything is read for the first time, a history row from after the watermark is left to a read of its
/// application, row and whole history together.
fn heard(
    conn: &Connection,
    stream: &Stream,
    rows: &[Value],
    first: bool,
    began: Micros,
) -> Answered {
    let mut out = Answered::default();
    let mut history: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
    let watermark = conn.watermark().unwrap_or(began);
    for row in rows {
        let (own, drift) = split(conn, stream, row);
        out.drift.extend(drift);
        for o in own {
            match (&o.seen, o.entity) {
                (Seen::History, _) => {
                    let Some(app) = reference(&o.fields, "application_id").map(str::to_owned)
                    else {
                        continue;
                    };
                    let fresh = o
                        .own
                        .iter()
                        .any(|(_, d)| d.at.seconds() >= watermark.seconds());
                    if first && fresh {
                        out.wants.push((Entity::Application, app))
                    } else {
                        history.entry(app).or_default().push(o)
                    }
                }
                (_, Entity::Application) => {
                    out.heard.push(Heard::Application {
                        remote_id: o.remote_id.clone(),
                        row: Some(o),
                        history: None,
                        full: false,
                    });
                }
                _ => out.heard.push(Heard::Row(o)),
            }
        }
    }
    out.wants.sort();
    out.wants.dedup();
    let apps = history
        .into_iter()
        .map(|(remote_id, rows)| Heard::Application {
            remote_id,
            row: None,
            history: Some(rows),
            full: true,
        });
    out.heard.extend(apps);
    out
}

/// The row's own observations; what is named inside it is read by its own stream.
pub(super) fn split(
    conn: &Connection,
    stream: &Stream,
    row: &Value,
) -> (Vec<Observation>, Vec<Drift>) {
    let mapped = conn.connector.map_row(stream, row);
    let own = mapped
        .observations
        .into_iter()
        .filter(|o| !matches!(o.seen, Seen::Embedded))
        .collect();
    (own, mapped.drift)
}

pub(super) async fn hear(
    hub: &Hub,
    conn: &Connection,
    answered: Answered,
) -> Result<(), ReadError> {
    match hub.lane(&conn.id) {
        Some(lane) => Ok(lane.hear(answered).await?),
        None => Ok(()),
    }
}
