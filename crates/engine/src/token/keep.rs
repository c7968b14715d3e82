//! Keeping consents alive: what dies when it is not used is used in time, and an end that nothing can put off is told 30, 7 and 1
//! days before. Works for paused connections too; renews nothing that only waits to be used.

use super::{Held, NoToken};
use crate::connection::Connection;
use crate::hub::Hub;
use stagewire_connector::Rules;
use stagewire_model::{MAIN, Micros};
use stagewire_store::Failing;
use std::sync::Arc;

/// How often is looked.
const EVERY_MS: u64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Days before an end at which it is told.
const LEVELS: [i64; 3] = [1, 7, 30];

/// Works until the server stops.
pub async fn work(hub: Arc<Hub>) {
    loop {
        hub.env.sleep(EVERY_MS).await;
        round(&hub).await;
    }
}

/// Looks at every connection once.
pub async fn round(hub: &Hub) {
    for conn in hub.connections() {
        let settings = conn.settings();
        let Ok(auth) = conn.connector.auth(&settings) else {
            continue;
        };
        let held = conn.purse.held();
        let (Some(rules), Some(held)) = (auth.rules(), held.of(&auth.basis(&settings))) else {
            continue;
        };
        if held.refresh.is_none() || held.over.is_some() {
            continue;
        }
        if is_time(&rules, held, hub.env.now()) {
            match hub.caller.renew(&conn).await {
                Ok(()) => {
                    tracing::debug!(connection.id = %conn.id, "renewed before its consent would have died of disuse");
                }
                Err(NoToken::Later(_)) => {}
                Err(no) => {
                    if let Some((code, say)) = no.words() {
                        hub.needs_you(&conn, code, &say).await;
                    }
                }
            }
        }
        forecast(hub, &conn).await;
    }
}

/// Half its idle life is over; or its end is near, and renewing puts that off.
fn is_time(rules: &Rules, held: &Held, now: Micros) -> bool {
    let idle = rules
        .idle_ms
        .is_some_and(|ms| held.used_at.plus_ms(ms / 2) <= now);
    let ends = held.refresh_expires_at.filter(|_| rules.single_use);
    let ending = ends.is_some_and(|end| now.plus_ms(31 * DAY_MS) >= end);
    idle || (ending && held.used_at.plus_ms(DAY_MS) <= now)
}

async fn forecast(hub: &Hub, conn: &Connection) {
    let Some(end) = conn.purse.held().refresh_expires_at else {
        return;
    };
    let left = (end.0 - hub.env.now().0).max(0);
    let level = LEVELS.into_iter().find(|days| left <= days * DAY_MS * 1000);
    let Some(level) = level.filter(|l| conn.purse.forecast(end, *l)) else {
        return;
    };
    let day = end.text().chars().take(10).collect::<String>();
    let failing = Failing {
        ws: MAIN,
        group_key: format!("AUTH-006|{}|{level}", conn.id),
        code: "AUTH-006".into(),
        conn: Some(conn.id.clone()),
        flow: None,
        cause: format!(
            "its access to {} ends on {day} and cannot be put off; connect it again before",
            conn.connector.name
        ),
        owner: conn.spec.owner.clone(),
        at: hub.env.now().0,
        item: Some(("connection".into(), 0)),
    };
    if hub.store.fail(vec![failing]).await.is_ok() {
        hub.failed.notify_one();
    }
}
