//! Subscriptions: events that leave as signed CloudEvents. Each is an action with its own destination, so that it has its own
//! order, retries and circuit. Only `open` values leave, and the `personal` fields an admin has listed.

mod life;
mod wish;

pub(crate) use life::Answer;
pub use life::over;
pub use wish::{Refused, Wish, check_fields, roots_of};

use crate::binding::Bound;
use crate::connection::{Connection, ConnectionSpec};
use crate::dispatch::{Dispatcher, Draft, Stored};
use crate::hub::Hub;
use crate::planner::{intent, order_key};
use serde_json::{Map, Value, json};
use stagewire_connector::Settings;
use stagewire_model::{ActionState, Effect, Event, MAIN, Micros, OnceKind, canonical};
use stagewire_store::{ActionRow, ConnectionRow, SealedBody, SubscriptionRow, Table};
use std::sync::Arc;

/// The reserved flow and connection id of a subscription.
pub fn flow_id(id: i64) -> String {
    format!("subscription/{id}")
}

/// The subscription behind a destination's id.
pub fn number(conn: &str) -> Option<i64> {
    conn.strip_prefix("subscription/")?.parse().ok()
}

/// Whether a subscription wants this type of event (`*`, an exact type, or `application.*`) of this connection.
pub fn wants(s: &SubscriptionRow, kind: &str, conn: &str) -> bool {
    let of_type = s.events.iter().any(|e| {
        e == "*"
            || e == kind
            || e.strip_suffix(".*")
                .is_some_and(|p| kind.split('.').next() == Some(p))
    });
    of_type && (s.connections.is_empty() || s.connections.iter().any(|c| c == conn))
}

/// The destination of a subscription, started.
pub fn connect(hub: &Arc<Hub>, s: &SubscriptionRow) -> Option<Arc<Dispatcher>> {
    let carrier = hub.carrier.clone()?;
    let id = flow_id(s.id);
    let settings = settings(s, hub.env.now());
    let spec = ConnectionSpec {
        id,
        connector: carrier.id.clone(),
        base_url: Some(s.url.clone()),
        auth_url: None,
        owner: s.owner.clone(),
        poll_ms: None,
        effect: None,
        once: None,
        webhooks: crate::connection::Webhooks::None,
        keep: Default::default(),
    };
    let conn = Connection::new(
        spec,
        carrier,
        settings,
        &ConnectionRow {
            state: "working".into(),
            ..ConnectionRow::default()
        },
    );
    Some(hub.add(conn, false))
}

/// Address and secrets; during a rotation both secrets sign.
pub(crate) fn settings(s: &SubscriptionRow, now: Micros) -> Settings {
    let mut secrets = s.secret.clone();
    if let Some((old, _)) = s.old.as_ref().filter(|(_, until)| *until > now.0) {
        secrets = format!("{secrets},{old}");
    }
    Settings {
        base_url: Some(s.url.clone()),
        ..Settings::default()
    }
    .with("base_url", &s.url)
    .with("signing_secret", &secrets)
}

/// The action that sends an event to a subscription.
pub fn plan(
    hub: &Hub,
    s: &SubscriptionRow,
    event: &Event,
    uid: [u8; 16],
    bound: &Bound,
    now: Micros,
) -> Option<(ActionRow, Stored, SealedBody)> {
    let flow = flow_id(s.id);
    let dispatcher = hub.dispatcher(&flow)?;
    let action = dispatcher
        .conn
        .connector
        .actions(&dispatcher.conn.settings())
        .next()?
        .name
        .clone();
    let mut row = ActionRow {
        id: hub.store.next(Table::Action),
        ws: MAIN,
        run: 0,
        event: uid,
        step: "deliver".into(),
        item: String::new(),
        redo_of: 0,
        conn: flow.clone(),
        uses: format!("{}.{action}", dispatcher.conn.connector.id),
        intent: intent(&flow, &uid, "deliver", "", 0),
        order_key: order_key(&flow, &event.partition),
        place: hub.store.next(Table::Place),
        flow,
        effect: Effect::Feed,
        once: OnceKind::NativeKey,
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
        person: bound.person,
        paths: Some(s.fields.join(" ")),
        remote_id: None,
        output: None,
        made: now.0,
        settled: None,
        must_hold: false,
    };
    // the receiver's key is the event itself, so that two subscriptions of one receiver agree
    let draft = Draft {
        with: Map::new(),
        remote: bound.remote.clone(),
        intent_hex: canonical::hex(&row.intent),
        event_id: event.id.text(),
        cloud_event: with_fields(event, s, bound),
        escaped: true,
    };
    let rendered = draft
        .render(
            &dispatcher.conn.connector,
            &action,
            &dispatcher.conn.settings(),
            None,
            &Default::default(),
        )
        .ok()?;
    let mut request = rendered.request;
    request.intent = event.id.text();
    let stored = Stored::Request {
        request,
        limit_key: rendered.limit_key,
    };
    let body = hub.seal(&stored, row.person, now);
    row.request = Some(body.id);
    Some((row, stored, body))
}

/// The event with the fields an admin has listed, under `data.fields`.
fn with_fields(event: &Event, s: &SubscriptionRow, bound: &Bound) -> Value {
    let mut envelope = event.cloud_event();
    let mut fields = Map::new();
    for path in &s.fields {
        if let Some((root, name)) = path.split_once('.')
            && let Some(value) = bound.data.get(root).and_then(|r| r.get(name))
        {
            fields.insert(path.clone(), value.clone());
        }
    }
    if !fields.is_empty() {
        envelope["data"]["fields"] = json!(fields);
    }
    envelope
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(events: &[&str]) -> SubscriptionRow {
        SubscriptionRow {
            id: 1,
            ws: MAIN,
            url: "https://example.com".into(),
            events: events.iter().map(|e| (*e).to_owned()).collect(),
            fields: Vec::new(),
            state: "on".into(),
            at: 0,
            secret: String::new(),
            connections: Vec::new(),
            owner: "ana".into(),
            old: None,
            missed: None,
        }
    }

    #[test]
    fn types_are_matched_whole_or_by_their_entity() {
        assert!(wants(&subscription(&["*"]), "candidate.created", "gh"));
        assert!(wants(
            &subscription(&["application.*"]),
            "application.hired",
            "gh"
        ));
        assert!(!wants(
            &subscription(&["application.*"]),
            "applications.hired",
            "gh"
        ));
        assert!(!wants(
            &subscription(&["application.hired"]),
            "application.unhired",
            "gh"
        ));
        let one = SubscriptionRow {
            connections: vec!["gh".into()],
            ..subscription(&["*"])
        };
        assert!(wants(&one, "job.opened", "gh") && !wants(&one, "job.opened", "other"));
    }

    #[test]
    fn both_secrets_sign_during_a_rotation_and_only_the_new_one_after_it() {
        let mut s = subscription(&["*"]);
        (s.secret, s.old) = ("new".into(), Some(("old".into(), 50)));
        assert_eq!(
            settings(&s, Micros(49)).all("signing_secret"),
            ["new", "old"]
        );
        assert_eq!(settings(&s, Micros(50)).all("signing_secret"), ["new"]);
    }
}
