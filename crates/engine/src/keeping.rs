//! What a connection keeps, over time: noticing that it changed, cutting what is stored in the background, a slice at a time and
//! without events, and saying which list would be enough. What is kept again later is read again only when something asks for it.

mod needed;

pub use needed::needed;
pub(crate) use needed::{guarded, read_at};

use crate::connection::Connection;
use crate::hub::Hub;
use crate::mirror::work::Work;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stagewire_model::{Entity, MAIN, Micros};
use stagewire_store::{
    Applied, AuditEntry, Class, ConnectionChange, ConnectionRow, Error, RecordRow, SealedBody,
    WriteSet,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows of one slice.
const SLICE: i64 = 200;
/// Pause between two slices, so that what is live goes first.
const PAUSE_MS: u64 = 5;

type Fields = BTreeMap<String, BTreeSet<String>>;

/// What the store remembers of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// Entities and the fields of each that are held.
    now: Fields,
    /// What was held before the change that is being worked on.
    before: Fields,
    /// Since when an entity is held, where not from the beginning.
    since: BTreeMap<String, i64>,
    /// How far the records are cut; none: they are all.
    after: Option<i64>,
}

/// Compares what is held with what was held when the server ran last; what follows from it is done in the background.
pub(crate) async fn at_start(
    hub: &Hub,
    conn: &Connection,
    known: &ConnectionRow,
) -> Result<(), Error> {
    let now = hub.env.now().0;
    let held = conn.holding.resolved();
    let old = known
        .kept
        .clone()
        .and_then(|k| serde_json::from_value(k).ok());
    let mut kept: Kept = old.clone().unwrap_or_default();
    if old.is_none() || kept.now != held {
        let first = old.is_none();
        let mut reread = Vec::new();
        if !first {
            for entity in held.keys().filter(|e| !kept.now.contains_key(*e)) {
                kept.since.insert(entity.clone(), now);
            }
            let gone = |name: &str| kept.now.contains_key(name) && !held.contains_key(name);
            let streams = conn.connector.streams().iter();
            let lost = streams.filter(|s| s.shows.iter().any(|e| gone(e.name())));
            reread = lost.map(|s| s.name.clone()).collect();
            // a change on top of one that is not finished: what both held was held throughout
            kept.before = match kept.after {
                None => kept.now.clone(),
                Some(_) => both(&kept.before, &kept.now),
            };
            kept.after = Some(0);
        }
        kept.since.retain(|entity, _| held.contains_key(entity));
        kept.now = held;
        let said = conn.spec.keep.said();
        let audit = (!first).then(|| AuditEntry {
            ws: MAIN,
            at: now,
            actor: "configuration".into(),
            verb: "keep changed".into(),
            object: format!("connection/{}", conn.id),
            detail: said.map_or_else(|| "no list".to_owned(), |l| l.join(", ")),
        });
        let change = ConnectionChange {
            ws: MAIN,
            conn: conn.id.clone(),
            kept: Some(json!(kept)),
            reread,
            audit,
            now,
            ..ConnectionChange::default()
        };
        hub.store.connection_put(change).await?;
    }
    let since = kept.since.iter();
    let since = since.filter_map(|(name, at)| Some((Entity::parse(name)?, Micros(*at))));
    conn.set_held_since(since.collect());
    Ok(())
}

fn both(a: &Fields, b: &Fields) -> Fields {
    let shared = a.iter().filter_map(|(entity, fields)| {
        let other = b.get(entity)?;
        Some((
            entity.clone(),
            fields.intersection(other).cloned().collect(),
        ))
    });
    shared.collect()
}

/// Cuts what is stored to what is held, until it is done.
pub(crate) async fn work(hub: Arc<Hub>, conn: Arc<Connection>) {
    while let Err(e) = round(&hub, &conn).await {
        tracing::error!(connection.id = %conn.id, cause = %e, "what is not kept any more could not be cut; trying again");
        hub.env.sleep(5_000).await;
    }
}

async fn round(hub: &Hub, conn: &Connection) -> Result<(), Error> {
    let rows = hub.store.connections(MAIN).await?;
    let row = rows.into_iter().find(|c| c.conn == conn.id);
    let kept = row.and_then(|r| r.kept);
    let Some(mut kept) = kept.and_then(|k| serde_json::from_value::<Kept>(k).ok()) else {
        return Ok(());
    };
    let Some(mut after) = kept.after else {
        return Ok(());
    };
    loop {
        let slice = hub
            .store
            .records_after(conn.id.clone(), after, SLICE)
            .await?;
        let Some(last) = slice.last().map(|r| r.rid) else {
            break;
        };
        if !cut(hub, conn, &kept, slice).await? {
            hub.env.sleep(20).await; // somebody changed one of them meanwhile
            continue;
        }
        after = last;
        put(hub, conn, &mut kept, Some(after)).await?;
        hub.env.sleep(PAUSE_MS).await;
    }
    bodies(hub, conn).await?;
    put(hub, conn, &mut kept, None).await?;
    tracing::info!(connection.id = %conn.id, "what is stored is cut to what is kept");
    Ok(())
}

async fn put(
    hub: &Hub,
    conn: &Connection,
    kept: &mut Kept,
    after: Option<i64>,
) -> Result<(), Error> {
    kept.after = after;
    let change = ConnectionChange {
        ws: MAIN,
        conn: conn.id.clone(),
        kept: Some(json!(kept)),
        now: hub.env.now().0,
        ..ConnectionChange::default()
    };
    hub.store.connection_put(change).await
}

/// One slice of records; false where the ground had moved.
async fn cut(
    hub: &Hub,
    conn: &Connection,
    kept: &Kept,
    slice: Vec<RecordRow>,
) -> Result<bool, Error> {
    let now = hub.env.now();
    let (mut records, mut gone) = (Vec::new(), Vec::new());
    for row in slice {
        let entity = row.entity;
        if !conn.holding.entity(entity) {
            gone.push(row.id16);
            continue;
        }
        let before = kept.before.get(entity.name());
        let fresh: BTreeSet<String> = kept
            .now
            .get(entity.name())
            .into_iter()
            .flatten()
            .filter(|f| before.is_some_and(|b| !b.contains(*f)))
            .cloned()
            .collect();
        let mut held = Work::hold(row);
        if held.keep(&|name| conn.holding.field(entity, name), &fresh, now) {
            records.push(held.write(&*hub.store, now));
        }
    }
    if !records.is_empty() {
        let set = WriteSet {
            ws: MAIN,
            conn: conn.id.clone(),
            now: now.0,
            records,
            ..WriteSet::default()
        };
        if hub.store.apply(Box::new(set)).await? == Applied::Stale {
            return Ok(false);
        }
    }
    if !gone.is_empty() {
        hub.store.records_drop(MAIN, gone).await?;
        if let Some(lane) = hub.lane(&conn.id) {
            lane.records().forget();
        }
    }
    Ok(true)
}

/// Kept deliveries, cut like new ones.
async fn bodies(hub: &Hub, conn: &Connection) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let slice = hub
            .store
            .bodies_after(conn.id.clone(), after, SLICE)
            .await?;
        let Some((last, ..)) = slice.last() else {
            return Ok(());
        };
        after = *last;
        for (_, body, bytes) in slice {
            let value = bytes.and_then(|b| serde_json::from_slice(&b).ok());
            let Some(mut value) = value else {
                continue; // unreadable, or over its time
            };
            if !conn.connector.cut_delivery(&conn.holding, &mut value) {
                continue;
            }
            let plain = serde_json::to_vec(&value).unwrap_or_default();
            let now = hub.env.now().0;
            let keys = hub.store.keys();
            let (class, person) = (Class::Delivery, None);
            let cut = SealedBody::new(keys, body, MAIN, class, now, person, &plain);
            hub.store.body_replace(cut).await?;
        }
        hub.env.sleep(PAUSE_MS).await;
    }
}
