//! What a person or a test can do with this fake beside what can be done with every one: see `crate::control`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Lever;
use super::acts::Act;
use super::api::Fake;
use super::hooks::Subscriber;
use crate::control::{self, Controlled, Drift};
use crate::sender::Sent;

/// What can be set here alone.
#[derive(Deserialize)]
pub(crate) struct Settings {
    revoke_key: Option<String>,
    revoke_tokens_of: Option<String>,
    seed_many: Option<u64>,
    end_offsets: Option<bool>,
}

impl Controlled for Lever {
    type Act = Act;
    type Settings = Settings;
    const NEWS: &'static str = "event";

    fn perform(&self, act: Act) -> Result<Value, String> {
        let done = self.act(act).map_err(|refused| refused.to_string())?;
        let webhooks: Vec<&str> = done.webhooks.iter().map(|one| one.event.as_str()).collect();
        Ok(json!({"webhooks": webhooks, "touched": done.touched}))
    }

    fn state(&self) -> Value {
        let (notes, webhooks) = (self.notes(), self.webhooks());
        let core = self.lock();
        json!({
            "now": self.now(),
            "opportunities": core.world.opportunities.len(),
            "requests": core.requests,
            "answers": core.answers,
            "throttled": core.limits.refused(),
            "tokens_minted": core.oauth.minted(),
            "notes": notes,
            "waiting_webhooks": core.outbox.len(),
            "webhooks": webhooks,
        })
    }

    fn set(&self, settings: Settings) -> Result<Option<Value>, String> {
        if let Some(key) = settings.revoke_key {
            self.revoke_key(&key);
        }
        if let Some(client) = settings.revoke_tokens_of {
            self.revoke_tokens(&client);
        }
        if let Some(count) = settings.seed_many {
            self.seed_many(count);
        }
        if settings.end_offsets == Some(true) {
            self.end_offsets();
        }
        Ok(None)
    }

    fn sent(&self) -> Vec<Sent> {
        self.sent()
    }

    control::by_its_own_name!();
}

pub(crate) fn router() -> Router<Fake> {
    control::router::<Lever>()
        .route("/_fake/subscribe", post(subscribe))
        .route("/_fake/drift", post(drift))
}

async fn subscribe(State(fake): State<Fake>, Json(subscriber): Json<Subscriber>) -> Json<Value> {
    Json(json!({"id": fake.add_subscriber(subscriber)}))
}

async fn drift(State(fake): State<Fake>, Json(drift): Json<Drift>) -> StatusCode {
    fake.lock().drifts.push(drift);
    StatusCode::NO_CONTENT
}
