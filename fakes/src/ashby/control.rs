//! The routes under `/_fake` by which a person or a test drives the fake. Not the vendor's.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Ashby;
use super::acts::Act;
use super::api::Fake;
use super::webhooks::Subscriber;
use crate::body;
use crate::faults::Rule;

/// A change of how records look on the wire.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Drift {
    pub(crate) entity: String,
    /// Only this record.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// A field, or a path with dots.
    pub(crate) field: String,
    /// None takes the field away.
    #[serde(default)]
    pub(crate) value: Option<Value>,
}

impl Drift {
    pub(crate) fn apply(&self, entity: &str, row: &mut Value) {
        let ours = self.id.is_none() || row["id"].as_str() == self.id.as_deref();
        if self.entity != entity || !ours {
            return;
        }
        let (path, last) = match self.field.rsplit_once('.') {
            Some((path, last)) => (path.split('.').collect(), last),
            None => (Vec::new(), self.field.as_str()),
        };
        let mut at = row;
        for step in path {
            match at.get_mut(step) {
                Some(inner) => at = inner,
                None => return,
            }
        }
        let Some(at) = at.as_object_mut() else {
            return;
        };
        match &self.value {
            Some(value) => {
                at.insert(last.into(), value.clone());
            }
            None => {
                at.shift_remove(last);
            }
        }
    }
}

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/_fake/state", get(state))
        .route("/_fake/sent", get(sent))
        .route("/_fake/faults", post(arm).delete(clear))
        .route("/_fake/subscribe", post(subscribe))
        .route("/_fake/drift", post(drift))
        .route("/_fake/set", post(set))
        .route("/_fake/{act}", post(act))
}

async fn act(State(fake): State<Fake>, Path(name): Path<String>, request: Request) -> Response {
    let body = match body::read(request).await {
        Ok(body) => body,
        Err(text) => return wrong(text),
    };
    let mut fields = body.fields;
    if body.form {
        fields = typed(fields);
    }
    fields.insert("act".into(), json!(name));
    let act: Act = match serde_json::from_value(Value::Object(fields)) {
        Ok(act) => act,
        Err(error) => return wrong(error.to_string()),
    };
    match fake.act(act) {
        Ok(_) if body.form => Redirect::to("/").into_response(),
        Ok(done) => {
            let webhooks: Vec<Value> = done
                .webhooks
                .iter()
                .map(|hook| json!({"action": hook.action, "action_id": hook.action_id}))
                .collect();
            Json(json!({"webhooks": webhooks, "touched": done.touched})).into_response()
        }
        Err(problem) => wrong(problem.to_string()),
    }
}

/// What a test outside of this process wants to look up.
async fn state(State(fake): State<Fake>) -> Json<Value> {
    let counts: Map<String, Value> = Ashby::ENTITIES
        .iter()
        .filter_map(|name| Some((name.to_string(), json!(fake.count(name)?))))
        .collect();
    let core = fake.lock();
    Json(json!({
        "now": fake.clock.now(),
        "counts": counts,
        "requests": core.requests,
        "refused": core.limits.refused(),
        "waiting_webhooks": core.outbox.len(),
        "settings": core.settings.iter().map(|kept| kept.show()).collect::<Vec<_>>(),
    }))
}

async fn sent(State(fake): State<Fake>) -> Json<Value> {
    let sent = fake.sent().into_iter().map(|sent| {
        let attempts: Vec<Value> = sent
            .attempts
            .iter()
            .map(|attempt| match &attempt.outcome {
                Ok(status) => json!({"at": attempt.at, "status": status}),
                Err(error) => json!({"at": attempt.at, "error": error}),
            })
            .collect();
        json!({"action": sent.name, "url": sent.url, "settled": sent.settled, "attempts": attempts})
    });
    Json(sent.collect())
}

async fn arm(State(fake): State<Fake>, Json(rule): Json<Rule>) -> StatusCode {
    fake.arm(rule);
    StatusCode::NO_CONTENT
}

async fn clear(State(fake): State<Fake>) -> StatusCode {
    fake.clear_faults();
    StatusCode::NO_CONTENT
}

async fn subscribe(State(fake): State<Fake>, Json(setting): Json<Subscriber>) -> Json<Value> {
    Json(fake.make_setting(setting).await.show())
}

async fn drift(State(fake): State<Fake>, Json(drift): Json<Drift>) -> StatusCode {
    fake.lock().drifts.push(drift);
    StatusCode::NO_CONTENT
}

/// Things that can be set from outside; what is not named stays.
#[derive(Deserialize)]
struct Settings {
    rate_limit: Option<u32>,
    advance_ms: Option<u64>,
    seed_many: Option<u64>,
    lose_webhooks: Option<u32>,
    repeat_webhooks: Option<u32>,
    empty_pages: Option<u32>,
    expire_sync_tokens: Option<bool>,
    deactivate_key: Option<String>,
}

async fn set(State(fake): State<Fake>, Json(settings): Json<Settings>) -> StatusCode {
    if let Some(limit) = settings.rate_limit {
        fake.set_rate_limit(limit);
    }
    if let Some(ms) = settings.advance_ms {
        fake.clock.advance(Duration::from_millis(ms));
    }
    if let Some(count) = settings.seed_many {
        fake.seed_many(count);
    }
    if let Some(count) = settings.lose_webhooks {
        fake.lose_webhooks(count);
    }
    if let Some(count) = settings.repeat_webhooks {
        fake.repeat_webhooks(count);
    }
    if let Some(count) = settings.empty_pages {
        fake.empty_pages(count);
    }
    if settings.expire_sync_tokens == Some(true) {
        fake.expire_sync_tokens();
    }
    if let Some(key) = settings.deactivate_key {
        fake.deactivate_key(&key);
    }
    StatusCode::NO_CONTENT
}

/// Form fields are all text: yes and no become flags, empty ones go.
fn typed(fields: Map<String, Value>) -> Map<String, Value> {
    let typed = fields
        .into_iter()
        .filter_map(|(name, value)| match value.as_str() {
            Some("") | None => None,
            Some("true") => Some((name, json!(true))),
            Some("false") => Some((name, json!(false))),
            Some(_) => Some((name, value)),
        });
    typed.collect()
}

fn wrong(text: String) -> Response {
    let body = json!({"error": text});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}
