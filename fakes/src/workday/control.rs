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
use super::drift::Drift;
use super::hints::HintTo;
use crate::body;
use crate::faults::Rule;

pub(crate) fn router() -> Router<Fake> {
    Router::new()
        .route("/_fake/state", get(state))
        .route("/_fake/faults", post(arm).delete(clear))
        .route("/_fake/hint", post(hint))
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
            let hints = done.webhooks.iter().map(|hint| hint.json());
            let hints: Vec<Value> = hints.collect();
            Json(json!({"webhooks": hints, "touched": done.touched})).into_response()
        }
        Err(refused) => wrong(refused.to_string()),
    }
}

/// What a test outside of this process wants to look up.
async fn state(State(fake): State<Fake>) -> Json<Value> {
    let core = fake.lock();
    let world = &core.world;
    Json(json!({
        "now": fake.now(),
        "counts": {
            "candidates": world.candidates.len(),
            "applications": world.applications.len(),
            "requisitions": world.requisitions.len(),
            "interviews": world.interviews.len(),
            "offers": world.offers.len(),
        },
        "requests": core.requests,
        "throttled": core.throttled,
        "tokens_minted": core.tokens.minted,
        "waiting_webhooks": core.outbox.len(),
        "hint_url": core.hint_to.as_ref().map(|to| to.url.clone()),
    }))
}

async fn arm(State(fake): State<Fake>, Json(rule): Json<Rule>) -> StatusCode {
    fake.arm(rule);
    StatusCode::NO_CONTENT
}

async fn clear(State(fake): State<Fake>) -> StatusCode {
    fake.clear_faults();
    StatusCode::NO_CONTENT
}

async fn hint(State(fake): State<Fake>, Json(to): Json<Option<HintTo>>) -> StatusCode {
    fake.notify(to);
    StatusCode::NO_CONTENT
}

async fn drift(State(fake): State<Fake>, Json(drift): Json<Drift>) -> StatusCode {
    fake.add_drift(&drift.entity, &drift.field, drift.change);
    StatusCode::NO_CONTENT
}

/// Things that can be set from outside; what is not named stays.
#[derive(Deserialize)]
struct Settings {
    rate_limit: Option<u32>,
    raas_at_once: Option<usize>,
    advance_ms: Option<u64>,
    seed_many: Option<u64>,
    maintenance: Option<bool>,
    throttle_soap: Option<u32>,
    cut_next_report: Option<u64>,
    revoke_tokens_of: Option<String>,
    regenerate_refresh_token_of: Option<String>,
    lose_webhooks: Option<u32>,
    repeat_webhooks: Option<u32>,
}

/// Answers the new refresh token, if one was made.
async fn set(State(fake): State<Fake>, Json(settings): Json<Settings>) -> Response {
    if let Some(limit) = settings.rate_limit {
        fake.set_rate_limit(limit);
    }
    if let Some(limit) = settings.raas_at_once {
        fake.set_raas_at_once(limit);
    }
    if let Some(ms) = settings.advance_ms {
        fake.clock().advance(Duration::from_millis(ms));
    }
    if let Some(on) = settings.maintenance {
        fake.set_maintenance(on);
    }
    if let Some(count) = settings.throttle_soap {
        fake.throttle_soap(count);
    }
    if let Some(rows) = settings.cut_next_report {
        fake.cut_next_report(rows);
    }
    if let Some(client) = settings.revoke_tokens_of {
        fake.revoke_access_tokens(&client);
    }
    if let Some(count) = settings.lose_webhooks {
        fake.lose_webhooks(count);
    }
    if let Some(count) = settings.repeat_webhooks {
        fake.repeat_webhooks(count);
    }
    if let Some(count) = settings.seed_many
        && let Err(refused) = fake.seed_many(count)
    {
        return wrong(refused.to_string());
    }
    let client = settings.regenerate_refresh_token_of;
    let token = client.and_then(|client| fake.regenerate_refresh_token(&client));
    Json(json!({"refresh_token": token})).into_response()
}

/// Form fields are all text: yes and no become flags, empty ones go.
fn typed(fields: Map<String, Value>) -> Map<String, Value> {
    let typed = fields.into_iter().filter_map(|(name, value)| {
        let value = match value.as_str() {
            Some("") => return None,
            Some("true") => json!(true),
            Some("false") => json!(false),
            _ => value,
        };
        Some((name, value))
    });
    typed.collect()
}

fn wrong(text: String) -> Response {
    let body = json!({"error": text});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}
