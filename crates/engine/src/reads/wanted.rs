//! Wanted reads: taken from the store when due, batched by entity, answered through the lane; a failed one is asked again.

use super::ask::fail;
use super::told::{FIRST, FOUND, NAMED, wants_of};
use super::{Read, ReadError, Round, hear, read_by_id, read_of, sync_now};
use crate::budget::Priority;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::ingest::{Answered, Heard, Wanted};
use stagewire_model::{Entity, Observation};
use stagewire_store::WantRow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Wanted reads taken at a time.
const TAKE: i64 = 200;
/// Of those that belong to the first read of everything, so that what is more urgent never waits long behind them: lists of one
/// record, and records, of which many may be one question.
const PATIENT: (usize, usize) = (10, 50);

pub(super) async fn work(hub: Arc<Hub>, conn: Arc<Connection>) {
    if conn.connector.streams().is_empty() {
        return;
    }
    loop {
        tokio::select! { () = conn.wanted.notified() => {}, () = hub.env.sleep(1_000) => {} }
        if !conn.can_read() {
            continue; // until somebody fills it in
        }
        if conn.watermark().is_none() && conn.spec.poll_ms.is_some() {
            continue; // the first read of everything comes first
        }
        loop {
            match round(&hub, &conn).await {
                Ok(full) if full => {} // there is more
                Ok(_) => break,
                Err(e) => {
                    tracing::warn!(connection.id = %conn.id, cause = %e, "a wanted read failed and will be asked again");
                    break;
                }
            }
        }
    }
}

/// What belongs together in one question: rows of one kind, by what, and how urgent.
type Group = (i64, Entity, Option<Entity>);

/// One batch of what is due; true where it was a full one.
async fn round(hub: &Arc<Hub>, conn: &Arc<Connection>) -> Result<bool, ReadError> {
    let mut due = hub
        .store
        .wants_due(conn.id.clone(), hub.env.now().0, TAKE)
        .await?;
    let all = due.len();
    let mut left = PATIENT;
    due.retain(|w| {
        let (lists, ids) = &mut left;
        let left = if w.of.is_some() { lists } else { ids };
        let takes = w.priority < FIRST || *left > 0;
        *left -= usize::from(takes && w.priority >= FIRST);
        takes
    });
    let full = all as i64 == TAKE || due.len() < all;
    let mut groups: BTreeMap<Group, Vec<WantRow>> = BTreeMap::new();
    for w in due {
        groups
            .entry((w.priority, w.entity, w.of))
            .or_default()
            .push(w);
    }
    let mut by_poll: Vec<WantRow> = Vec::new();
    for ((urgency, entity, of), wants) in groups {
        let by_id = !conn.connector.reads_for(entity).is_empty();
        if of.is_none() && !by_id && conn.polls_for(entity) {
            by_poll.extend(wants);
            continue;
        }
        let priority = if urgency >= FIRST {
            Priority::Backfill
        } else {
            Priority::Completing
        };
        // what failed together is asked for one by one
        let size = if of.is_some() || wants.iter().any(|w| w.tries > 1) {
            1
        } else {
            50
        };
        for chunk in wants.chunks(size) {
            let ids: Vec<String> = chunk.iter().map(|w| w.remote_id.clone()).collect();
            let asked = conn.ask();
            let read = match of {
                Some(of) => read_of(hub, conn, entity, of, &ids[0], priority).await,
                None => read_by_id(hub, conn, entity, &ids, priority).await,
            };
            match read {
                Ok(read) => {
                    let mut answered = match of {
                        Some(of) => belongings(entity, of, ids, read, asked),
                        None => {
                            let also = also(conn, urgency, &read);
                            Answered {
                                wants_if_new: also.1,
                                wants: also.0,
                                ..answer(conn, entity, ids, read, asked)
                            }
                        }
                    };
                    answered.channel = match urgency {
                        FOUND => "poll_delta", // a poll has found it
                        FIRST.. => "backfill",
                        _ => answered.channel,
                    };
                    hear(hub, conn, answered).await?;
                }
                Err(e) => {
                    if matches!(e, ReadError::NeedsYou(_)) {
                        return Err(e); // it is the key, not the record
                    }
                    failed(hub, conn, chunk, &e).await?;
                    if chunk.len() > 1 || matches!(e, ReadError::NoAnswer(_)) {
                        return Err(e);
                    }
                }
            }
        }
    }
    if !by_poll.is_empty() {
        poll(hub, conn, by_poll).await?;
    }
    Ok(full)
}

/// What belongs to records that were read: where a delivery named one, something of it may be new although its row is not.
fn also(
    conn: &Connection,
    urgency: i64,
    read: &Read,
) -> (Vec<Wanted>, Vec<(Observation, Vec<Wanted>)>) {
    let each = read
        .rows
        .values()
        .map(|row| (row.clone(), wants_of(conn, row, FOUND)));
    let each = each.filter(|(_, wants)| !wants.is_empty());
    if urgency <= NAMED {
        (each.flat_map(|(_, wants)| wants).collect(), Vec::new())
    } else {
        (Vec::new(), each.collect())
    }
}

/// Records of a kind that cannot be asked for by id: what changed is asked for now, and what that brings is the answer.
async fn poll(hub: &Hub, conn: &Connection, wants: Vec<WantRow>) -> Result<(), ReadError> {
    if let Err(e) = sync_now(hub, conn, Round::default()).await {
        if !matches!(e, ReadError::NeedsYou(_)) {
            failed(hub, conn, &wants, &e).await?;
        }
        return Err(e);
    }
    let answered = Answered {
        asked: conn.ask(),
        channel: "poll_delta",
        answers: wants
            .into_iter()
            .map(|w| (w.entity, None, w.remote_id))
            .collect(),
        ..Answered::default()
    };
    hear(hub, conn, answered).await
}

async fn failed(
    hub: &Hub,
    conn: &Connection,
    chunk: &[WantRow],
    e: &ReadError,
) -> Result<(), ReadError> {
    let now = hub.env.now().0;
    let rows = chunk.iter().map(|w| again(w, e, now)).collect();
    hub.store.want_again(conn.id.clone(), rows).await?;
    if let Some(w) = chunk.iter().find(|w| w.tries >= 3) {
        let (code, say) = match e {
            ReadError::Refused { code, say } => (code.clone(), say.clone()),
            other => ("SCAN-001".to_owned(), other.to_string()),
        };
        let cause = format!("a wanted read of {} is not answered: {say}", w.entity);
        fail(hub, conn, &code, &cause, "READ").await;
    }
    Ok(())
}

/// The rows that belong to one record.
fn belongings(entity: Entity, of: Entity, ids: Vec<String>, read: Read, asked: u64) -> Answered {
    Answered {
        heard: read
            .rows
            .into_values()
            .chain(read.beside)
            .map(Heard::Row)
            .collect(),
        asked,
        channel: "read_back",
        answers: ids.into_iter().map(|id| (entity, Some(of), id)).collect(),
        drift: read.drift,
        ..Answered::default()
    }
}

fn again(w: &WantRow, e: &ReadError, now: i64) -> WantRow {
    let wait = match (e, w.tries) {
        (ReadError::NotSupported, _) => 86_400_000,
        (_, 0) => 1_000,
        (_, 1) => 5_000,
        (_, 2) => 30_000,
        _ => 300_000,
    };
    WantRow {
        due: now + wait * 1000,
        tries: w.tries + 1,
        ..w.clone()
    }
}

pub(super) fn answer(
    conn: &Connection,
    entity: Entity,
    ids: Vec<String>,
    mut read: Read,
    asked: u64,
) -> Answered {
    let mut heard: Vec<Heard> = Vec::new();
    for ((of, remote_id, shape), (rows, whole)) in std::mem::take(&mut read.parts) {
        // no parts of a record that is not there
        if of != entity || read.rows.contains_key(&remote_id) {
            heard.push(Heard::Parts {
                entity: of,
                remote_id,
                shape,
                rows,
                whole,
            });
        }
    }
    for id in &ids {
        let row = read.rows.remove(id);
        heard.push(match (entity, row) {
            (Entity::Application, Some(row)) => {
                // of a vendor without history the row alone is the whole answer
                let history = Some(read.history.remove(id).unwrap_or_default());
                Heard::Application {
                    remote_id: id.clone(),
                    row: Some(row),
                    history,
                    full: true,
                }
            }
            (_, Some(row)) => Heard::Row(row),
            (_, None) => Heard::Missing(entity, id.clone()),
        });
    }
    heard.extend(read.beside.into_iter().map(Heard::Row));
    let first = conn
        .watermark()
        .is_none()
        .then(|| conn.vendor_date())
        .flatten();
    Answered {
        heard,
        by_id: true,
        asked,
        channel: "read_back",
        watermark: first,
        answers: ids.into_iter().map(|id| (entity, None, id)).collect(),
        drift: read.drift,
        ..Answered::default()
    }
}
