//! The missing past of unknown applications: row and history, asked once for a whole batch and waited for at most a second.

use super::Lane;
use crate::reads::{Read, read_by_id};
use stagewire_model::{Entity, Observation};
use std::collections::HashMap;

/// How long a delivery waits for its record's past.
const PATIENCE_MS: u64 = 1_000;

/// The past of each application asked for.
pub(super) enum Pasts {
    /// Row and history by remote id, asked under that receipt number.
    Read(
        HashMap<String, (Option<Observation>, Vec<Observation>)>,
        u64,
    ),
    /// It did not come in time.
    TimedOut,
}

impl Lane {
    pub(super) async fn pasts(&self, remote_ids: Vec<String>) -> Pasts {
        let asked = self.conn.ask();
        // in a task of its own, so that a call that comes too late is logged all the same
        let (hub, conn, ids) = (self.hub.clone(), self.conn.clone(), remote_ids.clone());
        let read = tokio::spawn(async move {
            let live = crate::budget::Priority::Live;
            read_by_id(&hub, &conn, Entity::Application, &ids, live).await
        });
        tokio::select! {
            answer = read => match answer {
                Ok(Ok(Read { mut rows, mut history, .. })) => {
                    let told = rows.values_mut().chain(history.values_mut().flatten());
                    told.for_each(|o| self.conn.holding.cut(o));
                    let by_id = remote_ids.iter().map(|id| (id.clone(), (rows.remove(id), history.remove(id).unwrap_or_default()))).collect();
                    Pasts::Read(by_id, asked)
                }
                _ => Pasts::TimedOut,
            },
            () = self.hub.env.sleep(PATIENCE_MS) => Pasts::TimedOut,
        }
    }
}
