//! Webhooks that we make at a vendor ourselves, where it has calls for that: listed, made, put right, doubles removed. At start,
//! each day and when somebody asks; one round at a time per connection, so that there are never two of one kind. Makes none at a
//! connection that does not say so, and none while effects are off: a copy of an installation must not take over its deliveries.

mod call;
mod check;
mod plan;
#[cfg(test)]
mod plan_tests;
mod round;
mod state;

use crate::connection::{Connection, Webhooks};
use crate::hub::Hub;
pub use check::{CHECK_HEADER, Checked, Hop};
pub use round::{Done, Wanted};
use stagewire_model::{MAIN, Secret};
use stagewire_store::{Error, HookRow};
pub use state::{EventState, HookStates, SecretState, pace};
use std::sync::Arc;

/// Between two rounds, in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// After a round that did not come through.
const HOUR_MS: u64 = 3_600_000;
/// How often to look whether a round may begin.
const LOOK_MS: u64 = 5_000;

/// Keeps the webhooks of a managed connection right until the server stops.
pub(crate) async fn work(hub: Arc<Hub>, conn: Arc<Connection>) {
    if conn.spec.webhooks != Webhooks::Managed || conn.connector.subscription().is_none() {
        return;
    }
    loop {
        let ready = hub.public_url().is_some() && hub.effects_on() && conn.may_send();
        let wait = if !ready {
            LOOK_MS
        } else {
            match hub.keep_hooks(&conn, Wanted::Right).await {
                Ok(done) if done.problems.is_empty() => DAY_MS,
                Ok(_) => HOUR_MS,
                Err(e) => {
                    tracing::error!(connection.id = %conn.id, cause = %e, "webhooks at the vendor could not be looked after");
                    HOUR_MS
                }
            }
        };
        tokio::select! {
            () = conn.hooks_asked.notified() => {}
            () = hub.env.sleep(wait) => {}
        }
    }
}

impl Hub {
    /// The address that deliveries of a connection are to be sent to.
    pub fn intake_url(&self, conn: &str) -> Option<String> {
        let base = self.public_url()?;
        Some(format!("{}/in/{conn}", base.trim_end_matches('/')))
    }

    /// What we hold of a connection's webhooks, and its secrets made known to it.
    pub(crate) async fn load_hooks(&self, conn: &Connection) -> Result<Vec<HookRow>, Error> {
        let rows = self.store.hooks(MAIN, conn.id.clone()).await?;
        let secrets = rows.iter().filter_map(|r| r.secret.clone());
        conn.set_hook_secrets(secrets.map(Secret::new).collect());
        Ok(rows)
    }
}
