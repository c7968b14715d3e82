//! Wanted reads: taken from the store when due, batched by entity, answered through the lane; a failed one is asked again.

use super::ask::fail;
use super::{Read, ReadError, read_by_id};
use crate::budget::Priority;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::ingest::{Answered, Heard};
use stagewire_model::Entity;
use stagewire_store::WantRow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Wanted reads taken at a time.
const TAKE: i64 = 200;

pub(super) async fn work(hub: Arc<Hub>, conn: Arc<Connection>) {
    if !conn.can_read() {
        return;
    }
    loop {
        tokio::select! { () = conn.wanted.notified() => {}, () = hub.env.sleep(1_000) => {} }
        if conn.watermark().is_none() && conn.spec.poll_ms.is_some() {
            continue; // the first read of everything comes first
        }
        if let Err(e) = round(&hub, &conn).await {
            tracing::warn!(connection.id = %conn.id, cause = %e, "a wanted read failed and will be asked again");
        }
    }
}

async fn round(hub: &Arc<Hub>, conn: &Arc<Connection>) -> Result<(), ReadError> {
    let due = hub
        .store
        .wants_due(conn.id.clone(), hub.env.now().0, TAKE)
        .await?;
    let mut by_entity: BTreeMap<Entity, Vec<WantRow>> = BTreeMap::new();
    due.into_iter()
        .for_each(|w| by_entity.entry(w.entity).or_default().push(w));
    for (entity, wants) in by_entity {
        // what failed together is asked for one by one
        let size = if wants.iter().any(|w| w.tries > 1) {
            1
        } else {
            50
        };
        for chunk in wants.chunks(size) {
            let ids: Vec<String> = chunk.iter().map(|w| w.remote_id.clone()).collect();
            let asked = conn.ask();
            match read_by_id(hub, conn, entity, &ids, Priority::Completing).await {
                Ok(read) => {
                    let answered = answer(conn, entity, ids, read, asked);
                    if let Some(lane) = hub.lane(&conn.id) {
                        lane.hear(answered).await?;
                    }
                }
                Err(e) => {
                    let again = chunk
                        .iter()
                        .map(|w| again(w, &e, hub.env.now().0))
                        .collect();
                    hub.store.want_again(conn.id.clone(), again).await?;
                    if chunk.iter().any(|w| w.tries >= 3) {
                        let (code, say) = match &e {
                            ReadError::Refused { code, say } => (code.clone(), say.clone()),
                            other => ("SCAN-001".to_owned(), other.to_string()),
                        };
                        let cause = format!("a wanted read of {entity} is not answered: {say}");
                        fail(hub, conn, &code, &cause, "READ").await;
                    }
                    if size > 1 {
                        return Err(e);
                    }
                }
            }
        }
    }
    Ok(())
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
    for id in &ids {
        let row = read.rows.remove(id);
        heard.push(match (entity, row) {
            (Entity::Application, Some(row)) => {
                let history = read
                    .with_history
                    .then(|| read.history.remove(id).unwrap_or_default());
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
        answers: ids.into_iter().map(|id| (entity, id)).collect(),
        drift: read.drift,
        ..Answered::default()
    }
}
