//! The routes under `/_fake` by which a person or a test drives the fake. Not the vendor's.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::acts::Act;
use super::api::Fake;
use super::webhooks::Subscriber;
use crate::body;
use crate::faults::Rule;

/// A change of how rows of a collection look.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Drift {
    pub(crate) collection: String,
    pub(crate) field: String,
    /// None takes the field away.
    #[serde(default)]
    pub(crate) value: Option<Value>,
}

impl Drift {
    pub(crate) fn apply(&self, row: &mut Value) {
        let Some(row) = row.as_object_mut() else {
            return;
        };
        match &self.value {
            Some(value) => {
                row.insert(self.field.clone(), value.clone());
            }
            None => {
                row.shift_remove(&self.field);
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
                .map(|hook| json!({"action": hook.action, "event_id": hook.event_id}))
                .collect();
            Json(json!({"webhooks": webhooks, "touched": done.touched})).into_response()
        }
        Err(refused) => wrong(refused.to_string()),
    }
}

/// What a test outside of this process wants to look up.
async fn state(State(fake): State<Fake>) -> Json<Value> {
    let core = fake.lock();
    let counts: Map<String, Value> = NAMES
        .iter()
        .filter_map(|name| Some((*name, core.world.collection(name)?.count())))
        .map(|(name, count)| (name.to_string(), json!(count)))
        .collect();
    Json(json!({
        "now": fake.now(),
        "counts": counts,
        "requests": core.requests,
        "tokens_minted": core.tokens.minted(),
        "notes": core.world.notes.iter().collect::<Vec<_>>(),
        "applied_tags": core.world.applied_candidate_tags.iter().collect::<Vec<_>>(),
        "waiting_webhooks": core.outbox.len(),
        "receivers": core.subscribers.iter()
            .map(|one| json!({"url": one.url, "active": one.active}))
            .collect::<Vec<_>>(),
    }))
}

const NAMES: [&str; 14] = [
    "users",
    "jobs",
    "job_interview_stages",
    "candidates",
    "applications",
    "application_stages",
    "rejection_details",
    "offers",
    "notes",
    "interviews",
    "interviewers",
    "attachments",
    "scorecards",
    "applied_candidate_tags",
];

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

async fn subscribe(State(fake): State<Fake>, Json(subscriber): Json<Subscriber>) -> Json<Value> {
    let active = fake.subscribe(subscriber).await;
    Json(json!({"active": active}))
}

async fn drift(State(fake): State<Fake>, Json(drift): Json<Drift>) -> StatusCode {
    fake.drift(&drift.collection, &drift.field, drift.value);
    StatusCode::NO_CONTENT
}

/// Things that can be set from outside; what is not named stays.
#[derive(Deserialize)]
struct Settings {
    rate_limit: Option<u32>,
    advance_ms: Option<u64>,
    revoke_tokens_of: Option<String>,
    seed_many: Option<u64>,
    reenable: Option<String>,
    lose_webhooks: Option<u32>,
    repeat_webhooks: Option<u32>,
}

async fn set(State(fake): State<Fake>, Json(settings): Json<Settings>) -> StatusCode {
    if let Some(limit) = settings.rate_limit {
        fake.set_rate_limit(limit);
    }
    if let Some(ms) = settings.advance_ms {
        fake.clock().advance(Duration::from_millis(ms));
    }
    if let Some(client) = settings.revoke_tokens_of {
        fake.revoke_tokens(&client);
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
    if let Some(url) = settings.reenable {
        fake.reenable(&url);
    }
    StatusCode::NO_CONTENT
}

/// Form fields are all text: ids become numbers, yes and no become flags, empty ones go.
fn typed(fields: Map<String, Value>) -> Map<String, Value> {
    let typed = fields.into_iter().filter_map(|(name, value)| {
        let text = value.as_str().unwrap_or_default();
        let value = match text {
            "" => return None,
            "true" => json!(true),
            "false" => json!(false),
            text if name.ends_with("_id") => json!(text.parse::<u64>().ok()?),
            text => json!(text),
        };
        Some((name, value))
    });
    typed.collect()
}

fn wrong(text: String) -> Response {
    let body = json!({"error": text});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}
