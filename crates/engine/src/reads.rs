//! The one way to read: wanted reads, the first read of everything, full scans and what changed, all answered through the mirror. A
//! read that fails moves nothing on; what is asked again is asked after a pause.

mod ask;
mod changes;
mod check;
mod cursor;
mod full;
mod presence;
mod progress;
mod sync;
mod told;
mod walk;
mod wanted;

use crate::budget::Priority;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::ingest::{Answered, Handed};
pub use ask::ReadError;
pub use check::{check, check_at_start};
pub use progress::{Phase, Progress, StreamProgress};
use stagewire_connector::{Ask, ReadBy, Stream};
use stagewire_model::{Drift, Entity, Observation, Seen};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
pub use sync::{Round, sync_now};
use walk::Walk;

/// Pages of one read by id.
const PAGES: usize = 50;

/// By the record's kind and id and the rows' shape: the rows, and whether there are no others.
type Parts = BTreeMap<(Entity, String, String), (Vec<Observation>, bool)>;

/// What a read by id brought.
#[derive(Default)]
pub struct Read {
    /// Rows by remote id.
    pub rows: HashMap<String, Observation>,
    /// History rows by the remote id of what they belong to.
    pub history: HashMap<String, Vec<Observation>>,
    /// Rows that are parts of records, by the record and their shape; and whether they are all of them.
    pub parts: Parts,
    /// Records of other kinds that stand whole inside the rows, and nowhere else.
    pub beside: Vec<Observation>,
    /// Records named inside the rows.
    pub embedded: Vec<Observation>,
    /// What was not as expected.
    pub drift: Vec<Drift>,
}

/// Reads records by their ids: the row first, then the history.
///
/// # Errors
/// Where any part of it was not answered: half an answer is none.
pub async fn read_by_id(
    hub: &Hub,
    conn: &Connection,
    entity: Entity,
    ids: &[String],
    priority: Priority,
) -> Result<Read, ReadError> {
    let mut read = Read::default();
    let plans = conn.connector.reads_for(entity);
    if plans.is_empty() {
        return Err(ReadError::NotSupported);
    }
    let (parts, plans): (Vec<_>, Vec<_>) = plans.into_iter().partition(|p| p.part);
    for plan in plans {
        let Some(stream) = conn.connector.stream(&plan.stream) else {
            continue;
        };
        for chunk in ids.chunks(plan.max_ids.clamp(1, 50)) {
            let what = match plan.by {
                ReadBy::Ids => Ask::Ids(chunk.to_vec()),
                ReadBy::Foreign(of) => Ask::Foreign {
                    entity: of,
                    ids: chunk.to_vec(),
                },
            };
            let mut walk = Walk::new(hub, conn, stream, &what, None, priority)?;
            let mut pages = 0;
            loop {
                let page = match walk.page().await {
                    // one record, asked for by its own address, and there is none
                    Err(ReadError::Refused { code, .. })
                        if chunk.len() == 1 && code == "CALL-404" =>
                    {
                        break;
                    }
                    other => other?,
                };
                let Some(page) = page else { break };
                if pages == PAGES {
                    let say = format!("single records on more than {PAGES} pages");
                    return Err(ReadError::Partial(say)); // half an answer is none
                }
                for row in &page.rows {
                    sort(conn, stream, row, &mut read);
                }
                pages += 1;
            }
        }
    }
    for plan in parts {
        if let Some(stream) = conn.connector.stream(&plan.stream) {
            parts_by_id(hub, conn, entity, stream, ids, priority, &mut read).await?;
        }
    }
    Ok(read)
}

/// All parts of those records in one of the lists. A list that may not be read tells nothing, and spoils nothing.
async fn parts_by_id(
    hub: &Hub,
    conn: &Connection,
    entity: Entity,
    stream: &Stream,
    ids: &[String],
    priority: Priority,
    read: &mut Read,
) -> Result<(), ReadError> {
    for chunk in ids.chunks(stream.max_ids.clamp(1, 50)) {
        let what = Ask::Foreign {
            entity,
            ids: chunk.to_vec(),
        };
        let mut walk = Walk::new(hub, conn, stream, &what, None, priority)?;
        let mut found = Read::default();
        for id in chunk {
            let key = (entity, id.clone(), stream.shape.clone());
            found.parts.insert(key, (Vec::new(), true));
        }
        loop {
            match walk.page().await {
                Ok(Some(page)) => {
                    for row in &page.rows {
                        sort(conn, stream, row, &mut found);
                    }
                }
                Ok(None) => break,
                Err(ReadError::Refused { .. }) => return Ok(()),
                Err(other) => return Err(other),
            }
        }
        read.parts.extend(found.parts);
        read.drift.extend(found.drift);
    }
    Ok(())
}

fn sort(conn: &Connection, stream: &Stream, row: &serde_json::Value, read: &mut Read) {
    let mapped = conn.connector.map_row(stream, row);
    read.drift.extend(mapped.drift);
    for o in mapped.observations {
        match &o.seen {
            Seen::Embedded => read.embedded.push(o),
            Seen::Part { .. } => {
                let key = (o.entity, o.remote_id.clone(), o.shape.clone());
                read.parts.entry(key).or_default().0.push(o);
            }
            Seen::History => {
                if let Some(of) = crate::mirror::work::reference(&o.fields, "application_id") {
                    read.history.entry(of.to_owned()).or_default().push(o);
                }
            }
            _ if o.entity != stream.entity => read.beside.push(o),
            _ => drop(read.rows.insert(o.remote_id.clone(), o)),
        }
    }
}

/// Reads the rows of one kind that belong to one record.
///
/// # Errors
/// Where it was not answered whole.
pub(crate) async fn read_of(
    hub: &Hub,
    conn: &Connection,
    entity: Entity,
    of: Entity,
    remote_id: &str,
    priority: Priority,
) -> Result<Read, ReadError> {
    let (mut read, mut asked) = (Read::default(), false);
    let lists = conn.connector.streams().iter();
    for stream in lists.filter(|s| s.entity == entity && !s.history && s.by_foreign(of)) {
        asked = true;
        let what = Ask::Foreign {
            entity: of,
            ids: vec![remote_id.to_owned()],
        };
        let mut walk = Walk::new(hub, conn, stream, &what, None, priority)?;
        loop {
            let page = match walk.page().await {
                // the record it belongs to is gone
                Err(ReadError::Refused { code, .. }) if code == "CALL-404" => break,
                other => other?,
            };
            let Some(page) = page else { break };
            for row in &page.rows {
                sort(conn, stream, row, &mut read);
            }
        }
    }
    if asked {
        Ok(read)
    } else {
        Err(ReadError::NotSupported)
    }
}

/// Hands an answer to the lane and waits until it is stored.
async fn hear(hub: &Hub, conn: &Connection, answered: Answered) -> Result<(), ReadError> {
    match hub.lane(&conn.id) {
        Some(lane) => Ok(lane.hear(answered).await?),
        None => Ok(()),
    }
}

/// Hands an answer to the lane; it is not stored yet.
async fn hand(
    hub: &Hub,
    conn: &Connection,
    answered: Answered,
) -> Result<Option<Handed>, ReadError> {
    match hub.lane(&conn.id) {
        Some(lane) => Ok(Some(lane.hand(answered).await?)),
        None => Ok(None),
    }
}

/// The vendor wants a walk begun anew: its token or its place in the list is too old.
fn refused_reset(e: &ReadError) -> bool {
    matches!(e, ReadError::Refused { code, .. } if code == "SYNC-001")
}

/// Starts the reader of a connection: wanted reads, and polls where it has them.
pub fn start(hub: &Arc<Hub>, conn: &Arc<Connection>) -> Vec<tokio::task::JoinHandle<()>> {
    let mut tasks = vec![tokio::spawn(wanted::work(hub.clone(), conn.clone()))];
    if conn.spec.poll_ms.is_some() && !conn.connector.streams().is_empty() {
        tasks.push(tokio::spawn(sync::work(hub.clone(), conn.clone())));
    }
    tasks
}
