//! Settling failures, and mapping deliveries again.

use crate::hub::Hub;
use stagewire_model::{ActionState, MAIN};
use stagewire_store::{ByHand, DeliveryState, Error, ReplayDone};
use std::sync::Arc;

impl Hub {
    /// Settles a failure's items by hand.
    ///
    /// # Errors
    /// Where the way to settle is unknown, or the store cannot be written.
    pub async fn settle_failure(
        self: &Arc<Self>,
        failure: i64,
        kind: &str,
        remote_id: Option<String>,
        reason: &str,
        by: &str,
    ) -> Result<i64, Error> {
        let Some((_, items)) = self.store.failure(failure).await? else {
            return Err(Error::NotFound("failure"));
        };
        let by_hand = ByHand {
            failure,
            kind: kind.to_owned(),
            remote_id,
            reason: reason.to_owned(),
            by: by.to_owned(),
            at: self.env.now().0,
        };
        let n = self.store.settle_by_hand(by_hand).await?;
        for (what, id) in items.iter().filter(|(what, _)| what == "action") {
            let Some(row) = self.store.action(*id).await? else {
                continue;
            };
            if row.state == ActionState::Later {
                self.push_again(*id).await?;
            }
            let _ = what;
            self.run_moved(row.run);
        }
        Ok(n)
    }

    /// Tries everything in a failure again: actions, deliveries, runs.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub async fn replay_failure(
        self: &Arc<Self>,
        failure: i64,
        by: &str,
        plan: bool,
    ) -> Result<ReplayDone, Error> {
        let Some((row, items)) = self.store.failure(failure).await? else {
            return Err(Error::NotFound("failure"));
        };
        let actions: Vec<i64> = items
            .iter()
            .filter(|(k, _)| k == "action")
            .map(|(_, id)| *id)
            .collect();
        let single = actions.len() == 1;
        let done = self.replay(actions, by, plan, single).await?;
        if plan {
            return Ok(done);
        }
        for (kind, id) in &items {
            match kind.as_str() {
                "delivery" => drop(self.replay_delivery(*id, by).await?),
                "run" => {
                    self.store
                        .run_again(*id, self.env.now().plus_ms(120_000).0)
                        .await?;
                    self.connections()
                        .iter()
                        .filter_map(|c| self.lane(&c.id))
                        .for_each(|l| l.plan_again());
                }
                "connection" => {
                    if let Some(conn) = row.conn.as_deref().and_then(|c| self.connection(c)) {
                        let _ = crate::reads::check(self, &conn).await;
                        let _ = self
                            .store
                            .recovered(MAIN, format!("{}|{}", row.code, conn.id), self.env.now().0)
                            .await;
                    }
                }
                _ => {}
            }
        }
        Ok(done)
    }

    /// Maps a delivery again that was kept or failed.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn replay_delivery(self: &Arc<Self>, id: i64, by: &str) -> Result<bool, Error> {
        let moved = self
            .store
            .delivery_state(
                id,
                vec![DeliveryState::Kept, DeliveryState::Failed],
                DeliveryState::Waiting,
                None,
            )
            .await?;
        if moved {
            self.note(by, "delivery mapped again", &format!("delivery/{id}"), "")
                .await?;
            self.connections()
                .iter()
                .filter_map(|c| self.lane(&c.id))
                .for_each(|l| l.wake());
        }
        Ok(moved)
    }
}
