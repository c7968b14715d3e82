//! One round of a connection's streams, in the manifest's order: what was never read to its end first, then what is due whole, then
//! what changed. One round at a time per connection.

use super::ReadError;
use super::ask::{fail, put_state};
use super::changes::{Gathered, changes};
use super::cursor::Cursor;
use super::full::full;
use super::hear;
use crate::connection::{Connection, State};
use crate::hub::Hub;
use crate::ingest::Answered;
use stagewire_connector::{Since, Stream};
use stagewire_model::{MAIN, Micros};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a round was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Round {
    /// Every stream is read whole, due or not.
    pub full: bool,
    /// What a whole stream does not show any more is believed gone, however much it is.
    pub accept_missing: bool,
}

/// Polls until the server stops.
pub(super) async fn work(hub: Arc<Hub>, conn: Arc<Connection>) {
    let Some(every) = conn.spec.poll_ms else {
        return;
    };
    loop {
        if !conn.can_read() {
            conn.woken.notified().await; // until somebody fills it in
            continue;
        }
        let pause = match sync_now(&hub, &conn, Round::default()).await {
            Ok(()) => every,
            Err(ReadError::NeedsYou(_)) => 60_000,
            Err(e) => {
                tracing::warn!(connection.id = %conn.id, cause = %e, "a poll failed; nothing was moved on");
                every.min(30_000)
            }
        };
        tokio::select! {
            () = conn.woken.notified() => {}
            () = hub.env.sleep(u64::try_from(pause).unwrap_or(60_000)) => {}
        }
    }
}

/// The first read of everything if it is not over, else what changed.
///
/// # Errors
/// Where a part of it was not answered; what was answered before stays.
pub async fn sync_now(hub: &Hub, conn: &Connection, what: Round) -> Result<(), ReadError> {
    let _one_at_a_time = conn.syncing.lock().await;
    conn.missing_is_true
        .store(what.accept_missing, Ordering::Release);
    let done = round(hub, conn, what).await;
    conn.missing_is_true.store(false, Ordering::Release);
    if let Err(ReadError::Partial(say)) = &done {
        fail(hub, conn, "SCAN-001", say, "SCAN-001").await;
    }
    done
}

async fn round(hub: &Hub, conn: &Connection, what: Round) -> Result<(), ReadError> {
    let cursors: BTreeMap<String, Cursor> = hub
        .store
        .checkpoints(conn.id.clone())
        .await?
        .into_iter()
        .map(|(stream, cursor, _)| (stream, Cursor::parse(&cursor)))
        .collect();
    let known = hub.store.connections(MAIN).await?;
    let first = !known.iter().any(|c| c.conn == conn.id && c.backfilled);
    let now = conn.vendor_date().unwrap_or_else(|| hub.env.now());
    let mut gathered = Gathered::default();
    let settings = conn.settings();
    let read = |s: &&Stream| {
        // also where what is held stands only in the rows of something that is not
        let held = s.shows.iter().any(|e| conn.holding.entity(*e));
        s.lists() && held && conn.connector.asks(s, &settings)
    };
    for stream in conn.connector.streams().iter().filter(read) {
        if first && matches!(conn.state().0, State::Unknown | State::Working) {
            let say = "Reading everything for the first time";
            put_state(hub, conn, State::CatchingUp, say).await;
        }
        let cursor = cursors.get(&stream.name).cloned().unwrap_or_default();
        let read = one(hub, conn, stream, &cursor, now, what, &mut gathered).await;
        match read {
            Err(ReadError::Refused { code, say }) => {
                let cause = format!("{} cannot be read: {say}", stream.name);
                let group = format!("{code}|stream {}", stream.name);
                fail(hub, conn, &code, &cause, &group).await;
            }
            other => other?,
        }
    }
    gathered.hear(hub, conn).await?;
    if first {
        let over = Answered {
            backfilled: true,
            channel: "backfill",
            asked: conn.ask(),
            ..Answered::default()
        };
        hear(hub, conn, over).await?;
        put_state(hub, conn, State::Working, "Working").await;
    }
    hub.was_read(conn).await;
    let key = format!("SCAN-001|{}", conn.id);
    hub.store.recovered(MAIN, key, hub.env.now().0).await?;
    Ok(())
}

async fn one(
    hub: &Hub,
    conn: &Connection,
    stream: &Stream,
    cursor: &Cursor,
    now: Micros,
    what: Round,
    gathered: &mut Gathered,
) -> Result<(), ReadError> {
    if cursor.upto.is_none() {
        return full(hub, conn, stream, cursor, true).await;
    }
    let age = now.0 - cursor.full.unwrap_or(0);
    let due = stream.full_every_ms > 0 && age >= stream.full_every_ms * 1000;
    let resumes = cursor.scan.is_some();
    match stream.since {
        Since::Window => {
            if changes(hub, conn, stream, cursor, now, gathered)
                .await?
                .is_none()
            {
                return full(hub, conn, stream, cursor, false).await;
            }
        }
        Since::Token if cursor.token.is_some() => {
            if changes(hub, conn, stream, cursor, now, gathered)
                .await?
                .is_none()
            {
                return full(hub, conn, stream, cursor, false).await;
            }
        }
        Since::Token | Since::Never | Since::Parent(_) => {}
    }
    // a stream that should have given a token and did not is read whole each time it is due
    if due || resumes || what.full {
        full(hub, conn, stream, cursor, false).await?;
    }
    Ok(())
}
