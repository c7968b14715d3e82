//! Subscriptions: events that leave as signed CloudEvents. Each is an action with its own destination, so that it has its own
//! order, retries and circuit. Only `open` values leave, and the `personal` fields an admin has listed.

use crate::binding::Bound;
use crate::connection::{Connection, ConnectionSpec};
use crate::dispatch::{Dispatcher, Draft, Stored};
use crate::hub::Hub;
use crate::mirror::deep_class;
use crate::planner::{intent, order_key};
use serde_json::{Map, Value, json};
use stagewire_connector::Settings;
use stagewire_model::fields::{Class, field};
use stagewire_model::{ActionState, Effect, Event, MAIN, Micros, OnceKind, Secret, canonical};
use stagewire_store::{ActionRow, ConnectionRow, SealedBody, SubscriptionRow, Table};
use std::sync::Arc;

/// The reserved flow and connection id of a subscription.
pub fn flow_id(id: i64) -> String {
    format!("subscription/{id}")
}

/// Whether a subscription wants this type of event: `*`, an exact type, or `application.*`.
pub fn wants(s: &SubscriptionRow, kind: &str) -> bool {
    s.events.iter().any(|e| {
        e == "*"
            || e == kind
            || e.strip_suffix(".*")
                .is_some_and(|p| kind.split('.').next() == Some(p))
    })
}

/// Checks the fields an admin wants to send: known, and never `restricted`.
///
/// # Errors
/// The first field that cannot be sent, and why.
pub fn check_fields(fields: &[String]) -> Result<(), String> {
    for path in fields {
        let (entity, name) = path
            .split_once('.')
            .ok_or_else(|| format!("'{path}' is not a field; write it like candidate.full_name"))?;
        match field(entity, name) {
            None => return Err(format!("{entity} has no field '{name}'")),
            Some(f) if deep_class(&f) > Class::Personal => {
                return Err(format!(
                    "'{path}' is restricted and never leaves with a subscription"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The destination of a subscription, started.
pub fn connect(hub: &Arc<Hub>, s: &SubscriptionRow) -> Option<Arc<Dispatcher>> {
    let carrier = hub.carrier.clone()?;
    let id = flow_id(s.id);
    let mut settings = Settings {
        base_url: Some(s.url.clone()),
        ..Settings::default()
    };
    settings
        .fields
        .insert("base_url".into(), Secret::new(s.url.clone()));
    settings
        .fields
        .insert("signing_secret".into(), Secret::new(s.secret.clone()));
    let spec = ConnectionSpec {
        id,
        connector: carrier.id.clone(),
        base_url: Some(s.url.clone()),
        auth_url: None,
        owner: "admin".into(),
        poll_ms: None,
        effect: None,
        once: None,
        webhooks: crate::connection::Webhooks::None,
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

/// Why a subscription is not taken, in plain words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl Hub {
    /// A new subscription: its number and its signing secret, shown once.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn subscribe(
        self: &Arc<Self>,
        url: &str,
        events: Vec<String>,
        fields: Vec<String>,
        by: &str,
    ) -> Result<(i64, String), Refused> {
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(Refused(
                "the url must begin with https:// or http://".into(),
            ));
        }
        if events.is_empty() {
            return Err(Refused("say which events: [\"*\"] for all".into()));
        }
        check_fields(&fields).map_err(Refused)?;
        let secret = crate::engine::new_secret(&*self.env);
        let id = self.store.next(Table::Subscription);
        let row = SubscriptionRow {
            id,
            ws: MAIN,
            url: url.to_owned(),
            events,
            fields,
            state: "on".into(),
            at: self.env.now().0,
            secret: secret.clone(),
        };
        let failed = |e: stagewire_store::Error| Refused(e.to_string());
        self.store
            .subscription_put(row, by.to_owned())
            .await
            .map_err(failed)?;
        crate::engine::reload_flows(self).await.map_err(failed)?;
        Ok((id, secret))
    }

    /// Ends a subscription; what waits for it is not sent.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn unsubscribe(
        self: &Arc<Self>,
        id: i64,
        by: &str,
    ) -> Result<bool, stagewire_store::Error> {
        let ended = self
            .store
            .subscription_state(id, "deleted".into(), by.to_owned(), self.env.now().0)
            .await?;
        if let Some(dispatcher) = self.dispatcher(&flow_id(id)) {
            dispatcher.stop();
        }
        self.remove(&flow_id(id));
        crate::engine::reload_flows(self).await?;
        Ok(ended)
    }
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
        }
    }

    #[test]
    fn types_are_matched_whole_or_by_their_entity() {
        assert!(wants(&subscription(&["*"]), "candidate.created"));
        assert!(wants(
            &subscription(&["application.*"]),
            "application.hired"
        ));
        assert!(!wants(
            &subscription(&["application.*"]),
            "applications.hired"
        ));
        assert!(!wants(
            &subscription(&["application.hired"]),
            "application.unhired"
        ));
    }

    #[test]
    fn restricted_fields_are_refused_by_name() {
        assert!(check_fields(&["candidate.full_name".into()]).is_ok());
        assert!(check_fields(&["offer.pay".into()]).is_err_and(|e| e.contains("restricted")));
        assert!(
            check_fields(&["candidate.shoe_size".into()]).is_err_and(|e| e.contains("no field"))
        );
    }
}
