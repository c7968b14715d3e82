//! Each action in three acts: clean, repeated, and unsure then found; as far as that can be told without a wire.

use super::fixture::{self, Message};
use super::{ACTIONS, NOW, Walk};
use crate::http::Response;
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::write::{Action, Compared, Found, Lookup, RenderInput, StoredRequest};
use serde_json::{Map, Value, json};
use stagewire_model::{Entity, OnceKind};
use std::collections::{BTreeMap, BTreeSet};

/// A made-up intent.
const INTENT: &str = "6f1c0c5e2b7d4a98b3e0d1f2a4c6e8091b2d3f405162738495a6b7c8d9eafb0c";

impl Walk<'_> {
    pub(super) fn actions(&mut self) {
        let mut met = BTreeSet::new();
        for (path, stem, text) in self.under(ACTIONS, ".toml") {
            match fixture::toml(text).and_then(|table| self.act(&path, &stem, &table)) {
                Ok(variant) => {
                    met.insert(variant);
                }
                Err(why) => self.wrong(&path, why),
            }
        }
        let connector = self.connector;
        for action in connector.actions.all.iter().map(|a| &a.variant) {
            if !met.contains(action) {
                self.wrong("actions.toml", format!("no fixture plays `{action}`"));
            }
        }
    }

    fn act(
        &mut self,
        path: &str,
        stem: &str,
        table: &Map<String, Value>,
    ) -> Result<String, String> {
        let settings = match table.get("settings").and_then(Value::as_object) {
            Some(own) => fixture::settings(own),
            None => self.settings.clone(),
        };
        let name = table
            .get("does")
            .and_then(Value::as_str)
            .ok_or("`does` is missing")?;
        let connector = self.connector;
        let action = connector
            .action(name, &settings)
            .ok_or(format!("there is no action `{name}` with these settings"))?;
        let stored = self.rendered(action, &settings, table)?;
        if self.rendered(action, &settings, table)? != stored {
            self.wrong(path, "the same intent renders two requests");
        }
        self.secrets(path, &settings, &stored);
        self.sent_twice(path, &settings, &stored);
        let mut said = Vec::new();
        for answer in table
            .get("answer")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let response = response(answer)?;
            let outcome = connector.classify(action, &response, NOW);
            let wanted = answer
                .get("means")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if word(&outcome) != wanted {
                self.wrong(
                    path,
                    format!(
                        "the answer {} should mean `{wanted}` and means {outcome:?}",
                        response.status
                    ),
                );
            }
            said.push(json!({ "status": response.status, "means": format!("{outcome:?}") }));
        }
        self.looks(path, action, &settings, &stored, table)?;
        self.snapshot(
            &format!("actions.{stem}"),
            &json!({ "effect": action.effect(&settings), "request": stored, "answers": said }),
        );
        Ok(action.variant.clone())
    }

    fn rendered(
        &self,
        action: &Action,
        settings: &Settings,
        table: &Map<String, Value>,
    ) -> Result<StoredRequest, String> {
        let empty = Map::new();
        let with = table
            .get("with")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let subject = table
            .get("subject")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let remote = |entity: Entity| {
            subject
                .get(entity.name())
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let granted: Option<Vec<String>> =
            table.get("granted").and_then(Value::as_array).map(|g| {
                g.iter()
                    .filter_map(|s| s.as_str().map(str::to_owned))
                    .collect()
            });
        let event = json!({ "specversion": "1.0", "id": "evt_01", "type": "application.stage_changed", "source": "connection/x", "data": {} });
        let resolved: BTreeMap<Lookup, String> = table
            .get("resolved")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|r| {
                let text = |key: &str| r.get(key).and_then(Value::as_str).map(str::to_owned);
                Some((
                    Lookup {
                        name: text("name")?,
                        value: text("value")?,
                        within: text("within"),
                    },
                    text("id")?,
                ))
            })
            .collect();
        let input = RenderInput {
            with,
            remote: &remote,
            intent_hex: INTENT,
            intent_short: &INTENT[..12],
            event_id: "evt_01",
            cloud_event: &event,
            granted_scopes: granted.as_deref(),
            resolved: &resolved,
            escaped: false,
        };
        self.connector
            .render(action, settings, &input)
            .map(|r| r.request)
            .map_err(|e| format!("it does not render: {e}: {e:?}"))
    }

    /// Nothing secret is stored, and everything secret is there when it is sent.
    fn secrets(&mut self, path: &str, settings: &Settings, stored: &StoredRequest) {
        let text = serde_json::to_string(stored).unwrap_or_default();
        let secret = |key: &String| {
            self.connector
                .fields
                .iter()
                .any(|f| f.key == *key && f.secret)
        };
        let leak = settings
            .fields
            .iter()
            .filter(|(k, _)| secret(k))
            .find(|(_, v)| !v.reveal().is_empty() && text.contains(v.reveal()));
        if let Some((key, _)) = leak {
            self.wrong(path, format!("the stored request holds the secret `{key}`"));
        }
    }

    /// A repeat is the same request: only credentials and times of signatures may differ.
    fn sent_twice(&mut self, path: &str, settings: &Settings, stored: &StoredRequest) {
        let send = |ms: i64, token: &str| {
            self.connector
                .prepare(stored, settings, Some(token), NOW.plus_ms(ms))
        };
        match (send(0, "token-1"), send(60_000, "token-2")) {
            (Ok(a), Ok(b)) => {
                let same = a.method == b.method
                    && a.url == b.url
                    && a.body == b.body
                    && a.header("webhook-id") == b.header("webhook-id");
                if !same {
                    self.wrong(path, "a repeat is another request");
                }
                let needs = self.connector.auth(settings).is_ok_and(|x| x.needs_token());
                if needs && b.header("authorization") != Some("Bearer token-2") {
                    self.wrong(path, "a repeat does not carry the newer token");
                }
            }
            (a, b) => self.wrong(
                path,
                format!("it cannot be sent: {:?}", a.err().or(b.err())),
            ),
        }
    }

    /// Unsure, then found; and not found where it is not.
    fn looks(
        &mut self,
        path: &str,
        action: &Action,
        settings: &Settings,
        stored: &StoredRequest,
        table: &Map<String, Value>,
    ) -> Result<(), String> {
        let Some(look) = table.get("look").and_then(Value::as_object) else {
            if matches!(stored.once, OnceKind::Marker | OnceKind::Compare) {
                self.wrong(
                    path,
                    "a look at the vendor is missing: `[look]` with `found` and `empty`",
                );
            }
            return Ok(());
        };
        let Some(request) = self
            .connector
            .probe(stored, settings, NOW, NOW.plus_ms(30_000))
        else {
            self.wrong(path, "its look cannot be asked for");
            return Ok(());
        };
        if let Some(url) = look.get("url").and_then(Value::as_str)
            && !request.url.ends_with(url)
        {
            self.wrong(path, format!("the look asks {}", request.url));
        }
        let marker = stored.marker.clone().unwrap_or_default();
        let page = |key: &str| {
            look.get(key).and_then(Value::as_str).map(|b| Response {
                status: 200,
                headers: vec![],
                body: b.replace("{marker}", &marker).into_bytes(),
            })
        };
        let (found, empty) = (
            page("found").ok_or("`look.found` is missing")?,
            page("empty").ok_or("`look.empty` is missing")?,
        );
        let broken = Response {
            status: 200,
            headers: vec![],
            body: b"oops".to_vec(),
        };
        let good = match action.once.kind {
            OnceKind::Compare => {
                self.connector.compare(stored, &found) == Compared::Done
                    && matches!(
                        self.connector.compare(stored, &empty),
                        Compared::Other { .. }
                    )
                    && self.connector.compare(stored, &broken) == Compared::Unreadable
            }
            _ => {
                matches!(
                    self.connector.found(stored, &found),
                    Found::Yes { remote_id: Some(_) }
                ) && self.connector.found(stored, &empty) == Found::No
                    && self.connector.found(stored, &broken) == Found::Unreadable
            }
        };
        if !good {
            self.wrong(
                path,
                "the look does not tell what is there from what is not",
            );
        }
        Ok(())
    }
}

fn response(answer: &Value) -> Result<Response, String> {
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    let status = answer
        .get("status")
        .and_then(Value::as_u64)
        .ok_or("`answer.status` is missing")?;
    let head = Message::parse(&format!("HTTP/1.1 {status}\n{}", text("headers")))?;
    Ok(Response {
        status: status as u16,
        headers: head.headers,
        body: text("body").as_bytes().to_vec(),
    })
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done { .. } => "done",
        Outcome::AlreadyThere => "already_there",
        Outcome::Refused { .. } => "refused",
        Outcome::RateLimited { .. } => "rate_limited",
        Outcome::TryLater { .. } => "try_later",
        Outcome::AuthLost { .. } => "auth_lost",
        Outcome::MissingScope { .. } => "missing_scope",
        Outcome::Unclear { .. } => "unclear",
        Outcome::Gone { .. } => "gone",
    }
}
