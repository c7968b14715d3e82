//! What a full scan did not show any more. One scan is not believed: a record that can be read by its id is asked for, any other must
//! be missing twice; and where suddenly many are missing, a person is asked and nothing is concluded.

use super::ReadError;
use super::ask::fail;
use super::cursor::Cursor;
use super::hear;
use super::told::FOUND;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::ingest::{Answered, Heard, Wanted};
use stagewire_connector::{Gone, Stream};
use stagewire_model::{MAIN, Micros, RecordId};
use std::collections::HashSet;
use std::sync::atomic::Ordering;

/// Records looked at in one read of the store.
const SLICE: i64 = 5_000;
/// More missing at once than this share of all records, or than [`MANY`], is for a person to judge (common model, section 7).
const SHARE: usize = 20;
/// See [`SHARE`].
const MANY: usize = 500;

/// The records one scan has seen; `None` where it cannot tell what is missing.
pub(super) struct Presence(Option<Seen>);

struct Seen {
    ids: HashSet<[u8; 16]>,
    began: Option<Micros>,
}

impl Presence {
    /// `partly`: the scan begins in the middle, or there is nothing yet that could be missing.
    pub(super) fn of(stream: &Stream, partly: bool) -> Presence {
        let counts = stream.gone == Gone::FullScan && !partly;
        Presence(counts.then(|| Seen {
            ids: HashSet::new(),
            began: None,
        }))
    }

    /// A page showed these.
    pub(super) fn saw(&mut self, hub: &Hub, conn: &Connection, stream: &Stream, ids: &[String]) {
        let Some(seen) = &mut self.0 else { return };
        seen.began.get_or_insert_with(|| hub.env.now());
        let key = hub.store.install_key();
        let id = |remote: &String| RecordId::of(key, "main", &conn.id, stream.entity, remote).0;
        seen.ids.extend(ids.iter().map(id));
    }

    /// The scan was whole: what it did not show is asked for, or counted.
    pub(super) async fn settle(
        self,
        hub: &Hub,
        conn: &Connection,
        stream: &Stream,
        before: &Cursor,
        after: Cursor,
    ) -> Result<(), ReadError> {
        let Some(Seen {
            ids,
            began: Some(began),
        }) = self.0
        else {
            return Ok(());
        };
        let (mut all, mut missing, mut last) = (0, Vec::new(), 0);
        loop {
            let slice = hub
                .store
                .alive(conn.id.clone(), stream.entity, last, SLICE)
                .await?;
            let Some(end) = slice.last() else { break };
            last = end.rid;
            all += slice.len();
            let gone = slice
                .into_iter()
                .filter(|r| r.first_seen < began.0 && !ids.contains(&r.id16));
            missing.extend(gone.map(|r| r.remote_id));
        }
        if !missing.is_empty() {
            // what is being asked for has its answer soon
            let wanted = hub.store.wanted(conn.id.clone(), stream.entity).await?;
            let wanted: HashSet<String> = wanted.into_iter().collect();
            missing.retain(|id| !wanted.contains(id));
        }
        let group = format!("SCAN-002|{}", stream.name);
        let believed = conn.missing_is_true.load(Ordering::Acquire);
        if missing.len() > (all / SHARE).clamp(1, MANY) && !believed {
            let cause = format!(
                "{} of {all} records of {} are not in {}'s list any more; nothing was marked as gone. If that is right, run a full sync that accepts it; if not, look at the credentials' permissions",
                missing.len(),
                stream.name,
                conn.connector.name
            );
            fail(hub, conn, "SCAN-002", &cause, &group).await;
            return Ok(());
        }
        let mut answered = Answered {
            asked: conn.ask(),
            channel: "poll_full",
            ..Answered::default()
        };
        if conn.connector.reads_for(stream.entity).is_empty() {
            let twice = |id: &String| believed || before.absent.contains(id);
            let (gone, once): (Vec<_>, Vec<_>) = missing.into_iter().partition(twice);
            answered.heard = gone
                .into_iter()
                .map(|id| Heard::Missing(stream.entity, id))
                .collect();
            let counted = Cursor {
                absent: once,
                ..after
            };
            answered.checkpoint = Some((stream.name.clone(), counted.text(), 0));
        } else {
            let why = "it is not in the list any more";
            answered.wants = missing
                .into_iter()
                .map(|id| Wanted::record(stream.entity, id, why, FOUND))
                .collect();
        }
        hear(hub, conn, answered).await?;
        let key = format!("{group}|{}", conn.id);
        hub.store.recovered(MAIN, key, hub.env.now().0).await?;
        Ok(())
    }
}
