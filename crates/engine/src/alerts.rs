//! Alerts: one message per new failure group, as an action under the reserved flow `alert`, so that it is logged, limited and
//! never doubled. An alert about a connection never travels only through that connection.

use crate::dispatch::{Draft, Stored};
use crate::env::event_id;
use crate::hub::{AlertTarget, Hub};
use crate::planner::{intent, order_key};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use stagewire_model::{ActionState, Effect, MAIN, OnceKind, canonical};
use stagewire_store::{ActionRow, Error, FailureRow, Table, WriteSet};
use std::sync::Arc;

/// Works until the server stops.
pub async fn work(hub: Arc<Hub>) {
    loop {
        tokio::select! { () = hub.failed.notified() => {}, () = hub.env.sleep(10_000) => {} }
        if hub.alerts.is_empty() {
            continue;
        }
        match hub.store.unalerted(20).await {
            Ok(failures) => {
                for f in failures {
                    // planned before it counts as told: a crash between the two plans the same intent again, which is one
                    let told = match alert(&hub, &f).await {
                        Ok(()) | Err(Error::Conflict(_)) => hub.store.alerted(f.id).await,
                        Err(e) => Err(e),
                    };
                    if let Err(e) = told {
                        tracing::error!(failure.id = f.id, cause = %e, "an alert could not be planned; it will be tried again");
                    }
                }
            }
            Err(e) => tracing::error!(cause = %e, "new failures could not be read"),
        }
    }
}

async fn alert(hub: &Hub, f: &FailureRow) -> Result<(), Error> {
    let about = f.conn.as_deref().unwrap_or("");
    let others: Vec<&AlertTarget> = hub
        .alerts
        .iter()
        .filter(|t| t.connection != about)
        .collect();
    let targets = if others.is_empty() {
        hub.alerts.iter().collect()
    } else {
        others
    };
    if f.flow.as_deref() == Some("alert") {
        return Ok(()); // an alert that fails stays in the inbox; it does not alert itself
    }
    for target in targets {
        plan(hub, f, target).await?;
    }
    Ok(())
}

async fn plan(hub: &Hub, f: &FailureRow, target: &AlertTarget) -> Result<(), Error> {
    let Some(conn) = hub.connection(&target.connection) else {
        return Ok(());
    };
    let settings = conn.settings();
    let speaks = |a: &&stagewire_connector::Action| a.with.iter().any(|w| w.key == "text");
    let Some(action) = conn
        .connector
        .actions(&settings)
        .find(speaks)
        .map(|a| a.name.clone())
    else {
        return Ok(());
    };
    let now = hub.env.now();
    let place = match (&f.flow, &f.conn) {
        (Some(flow), Some(conn)) => format!("flow {flow}, connection {conn}"),
        (Some(flow), None) => format!("flow {flow}"),
        (None, Some(conn)) => format!("connection {conn}"),
        (None, None) => "the server".into(),
    };
    let again = if f.state == "back" { " is back" } else { "" };
    let text = format!(
        "{}{again} ({place}): {}. Owner: {}. Failure {}.",
        f.code,
        f.cause.trim_end_matches('.'),
        f.owner,
        f.id
    );
    let mut with = Map::new();
    with.insert("channel".into(), json!(target.address));
    with.insert("text".into(), json!(text));
    let digest = Sha256::digest(format!(
        "alert|{}|{}|{}",
        f.id, target.connection, target.address
    ));
    let mut event = [0; 16];
    event.copy_from_slice(&digest[..16]);
    let mut row = ActionRow {
        id: hub.store.next(Table::Action),
        ws: MAIN,
        run: 0,
        event,
        flow: "alert".into(),
        step: "send".into(),
        item: String::new(),
        redo_of: 0,
        conn: conn.id.clone(),
        uses: format!("{}.{action}", conn.connector.id),
        intent: intent("alert", &event, "send", "", 0),
        order_key: order_key(&conn.id, "alert"),
        place: hub.store.next(Table::Place),
        effect: Effect::Internal,
        once: OnceKind::Ledger,
        state: ActionState::Planned,
        reason: None,
        due: Some(now.0),
        valid_until: None,
        attempt: 0,
        tries: 0,
        maybe: false,
        first_fail: None,
        quiet_until: None,
        seen_version: None,
        falls: 0,
        request: None,
        person: None,
        paths: None,
        remote_id: None,
        output: None,
        made: now.0,
        settled: None,
        must_hold: false,
    };
    let draft = Draft {
        with,
        remote: Default::default(),
        intent_hex: canonical::hex(&row.intent),
        event_id: event_id(&*hub.env).text(),
        cloud_event: json!({}),
        escaped: false,
    };
    let stored: Stored = match hub.render(&mut row, draft) {
        Ok(stored) => stored,
        Err(say) => {
            tracing::error!(failure.id = f.id, cause = %say, "an alert could not be rendered");
            return Ok(());
        }
    };
    let body = hub.seal(&stored, None, now);
    row.request = Some(body.id);
    let set = WriteSet {
        ws: MAIN,
        conn: conn.id.clone(),
        now: now.0,
        actions: vec![row.clone()],
        bodies: vec![body],
        ..WriteSet::default()
    };
    hub.store.apply(Box::new(set)).await?;
    if let Some(d) = hub.dispatcher(&conn.id) {
        d.push(row, Some(stored));
    }
    Ok(())
}
