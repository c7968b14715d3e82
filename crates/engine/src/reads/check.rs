//! The connection test: one harmless call that shows whether the credentials are taken, what they may do, whose account it is and
//! what the vendor's clock says.

use super::ask::{ReadError, ask, put_state};
use crate::budget::Priority;
use crate::connection::{Connection, State};
use crate::hub::Hub;
use crate::ingest::Answered;
use std::sync::Arc;

/// Tests a connection now.
///
/// # Errors
/// Why it does not work, in plain words.
pub async fn check(hub: &Hub, conn: &Connection) -> Result<(), ReadError> {
    let Some(request) = conn.connector.check_request(&conn.settings()) else {
        return Ok(());
    };
    ask(hub, conn, request, Priority::Person).await?;
    if let (None, Some(date)) = (conn.watermark(), conn.vendor_date())
        && conn.spec.poll_ms.is_none()
    {
        // through the lane: a delivery it is just setting aside for the watermark is released by the same hand
        let asked = conn.ask();
        let first = Answered {
            watermark: Some(date),
            channel: "read_back",
            asked,
            ..Answered::default()
        };
        super::hear(hub, conn, first).await?;
    }
    Ok(())
}

/// Tests a connection when the server starts, and again until it answers.
pub async fn check_at_start(hub: Arc<Hub>, conn: Arc<Connection>) {
    if conn.connector.check_request(&conn.settings()).is_none() {
        if matches!(conn.state().0, State::Unknown) && conn.connector.auth(&conn.settings()).is_ok()
        {
            put_state(&hub, &conn, State::Working, "Working").await;
        }
        return;
    }
    let mut wait = 1_000;
    while let Err(e) = check(&hub, &conn).await {
        tracing::warn!(connection.id = %conn.id, cause = %e, "the connection test failed");
        hub.env.sleep(wait).await;
        wait = (wait * 2).min(300_000);
    }
}
