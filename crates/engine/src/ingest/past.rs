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
        let read = read_by_id(
            &self.hub,
            &self.conn,
            Entity::Application,
            &remote_ids,
            crate::budget::Priority::Live,
        );
        tokio::select! {
            answer = read => match answer {
                Ok(Read { mut rows, mut history, .. }) => {
                    let by_id = remote_ids.iter().map(|id| (id.clone(), (rows.remove(id), history.remove(id).unwrap_or_default()))).collect();
                    Pasts::Read(by_id, asked)
                }
                Err(_) => Pasts::TimedOut,
            },
            () = self.hub.env.sleep(PATIENCE_MS) => Pasts::TimedOut,
        }
    }
}
