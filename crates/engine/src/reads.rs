//! The one way to read: wanted reads by id, the first read of everything, and polls, all answered through the mirror. A read that
//! fails moves nothing on; what is asked again is asked after a pause.

mod ask;
mod backfill;
mod check;
mod poll;
mod wanted;

use crate::budget::Priority;
use crate::connection::Connection;
use crate::hub::Hub;
pub use ask::ReadError;
use ask::ask;
use stagewire_connector::{Ask, ReadBy, Scan, Stream};
use stagewire_model::{Drift, Entity, Observation, Seen};
use std::collections::HashMap;
use std::sync::Arc;

/// Pages of one read by id.
const PAGES: usize = 50;

/// What a read by id brought.
#[derive(Default)]
pub struct Read {
    /// Rows by remote id.
    pub rows: HashMap<String, Observation>,
    /// History rows by the remote id of what they belong to.
    pub history: HashMap<String, Vec<Observation>>,
    /// Whether a history was asked for.
    pub with_history: bool,
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
    for plan in plans {
        let Some(stream) = conn.connector.stream(&plan.stream) else {
            continue;
        };
        read.with_history |= plan.history;
        for chunk in ids.chunks(plan.max_ids.clamp(1, 50)) {
            let what = match plan.by {
                ReadBy::Ids => Ask::Ids(chunk.to_vec()),
                ReadBy::Foreign(of) => Ask::Foreign {
                    entity: of,
                    ids: chunk.to_vec(),
                },
            };
            let mut scan = Scan::new();
            let mut request = Some(conn.connector.first_page(stream, &conn.settings(), &what)?);
            let mut pages = 0;
            while let Some(asked) = request.take() {
                let response = ask(hub, conn, asked.clone(), priority).await?;
                for row in conn.connector.rows(stream, &response)? {
                    sort(conn, stream, &row, &mut read);
                }
                pages += 1;
                request = if pages < PAGES {
                    scan.step(&asked, conn.connector.next_page(stream, &asked, &response)?)?
                } else {
                    None
                };
            }
        }
    }
    Ok(read)
}

fn sort(conn: &Connection, stream: &Stream, row: &serde_json::Value, read: &mut Read) {
    let mapped = conn.connector.map_row(stream, row);
    read.drift.extend(mapped.drift);
    for o in mapped.observations {
        match &o.seen {
            Seen::Embedded => read.embedded.push(o),
            Seen::History => {
                if let Some(of) = crate::mirror::work::reference(&o.fields, "application_id") {
                    read.history.entry(of.to_owned()).or_default().push(o);
                }
            }
            _ => drop(read.rows.insert(o.remote_id.clone(), o)),
        }
    }
}

/// Starts the reader of a connection: wanted reads, and polls where it has them.
pub fn start(hub: &Arc<Hub>, conn: &Arc<Connection>) -> Vec<tokio::task::JoinHandle<()>> {
    let mut tasks = vec![tokio::spawn(wanted::work(hub.clone(), conn.clone()))];
    if conn.spec.poll_ms.is_some() && conn.can_read() {
        tasks.push(tokio::spawn(poll::work(hub.clone(), conn.clone())));
    }
    tasks
}

pub use check::check;
pub use check::check_at_start;
pub use poll::sync_now;
