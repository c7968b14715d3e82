//! Housekeeping while the server runs: holds expire, what is over its time is purged in slices, receipts are kept.

use crate::hub::Hub;
use std::sync::Arc;

/// Rows in one slice of the purge.
const SLICE: i64 = 500;

/// Works until the server stops.
pub async fn work(hub: Arc<Hub>) {
    let mut round = 0_u64;
    loop {
        hub.env.sleep(5_000).await;
        let now = hub.env.now().0;
        match hub.store.expire_holds(now).await {
            Ok(expired) if !expired.is_empty() => tracing::info!(
                holds = expired.len(),
                "holds expired; what they held was not sent"
            ),
            Ok(_) => {}
            Err(e) => tracing::error!(cause = %e, "holds could not be expired"),
        }
        if round.is_multiple_of(60) {
            purge(&hub, now).await;
            if let Err(e) = hub.refresh_subscriptions().await {
                tracing::error!(cause = %e, "subscriptions could not be read");
            }
        }
        round += 1;
    }
}

async fn purge(hub: &Hub, now: i64) {
    loop {
        match hub.store.purge(now, SLICE).await {
            Ok(0) => return,
            Ok(_) => hub.env.sleep(20).await,
            Err(e) => {
                return tracing::error!(cause = %e, "what is over its time could not be purged");
            }
        }
    }
}
