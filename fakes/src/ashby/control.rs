//! What a person or a test can do with this fake beside what can be done with every one: see `crate::control`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Ashby;
use super::acts::Act;
use super::api::Fake;
use super::webhooks::Subscriber;
use crate::control::{self, Controlled, Drift};
use crate::sender::Sent;

/// What can be set here alone.
#[derive(Deserialize)]
pub(crate) struct Settings {
    seed_many: Option<u64>,
    empty_pages: Option<u32>,
    expire_sync_tokens: Option<bool>,
    deactivate_key: Option<String>,
}

impl Controlled for Ashby {
    type Act = Act;
    type Settings = Settings;

    fn perform(&self, act: Act) -> Result<Value, String> {
        let done = self.act(act).map_err(|problem| problem.to_string())?;
        let webhooks: Vec<Value> = done
            .webhooks
            .iter()
            .map(|hook| json!({"action": hook.action, "action_id": hook.action_id}))
            .collect();
        Ok(json!({"webhooks": webhooks, "touched": done.touched}))
    }

    fn state(&self) -> Value {
        let counts: Map<String, Value> = Ashby::ENTITIES
            .iter()
            .filter_map(|name| Some((name.to_string(), json!(self.count(name)?))))
            .collect();
        let core = self.lock();
        json!({
            "now": self.clock.now(),
            "counts": counts,
            "requests": core.requests,
            "refused": core.limits.refused(),
            "waiting_webhooks": core.outbox.len(),
            "settings": core.settings.iter().map(|kept| kept.show()).collect::<Vec<_>>(),
        })
    }

    fn set(&self, settings: Settings) -> Result<Option<Value>, String> {
        if let Some(count) = settings.seed_many {
            self.seed_many(count);
        }
        if let Some(count) = settings.empty_pages {
            self.empty_pages(count);
        }
        if settings.expire_sync_tokens == Some(true) {
            self.expire_sync_tokens();
        }
        if let Some(key) = settings.deactivate_key {
            self.deactivate_key(&key);
        }
        Ok(None)
    }

    fn sent(&self) -> Vec<Sent> {
        self.sent()
    }

    control::by_its_own_name!();
}

pub(crate) fn router() -> Router<Fake> {
    control::router::<Ashby>()
        .route("/_fake/subscribe", post(subscribe))
        .route("/_fake/drift", post(drift))
}

async fn subscribe(State(fake): State<Fake>, Json(setting): Json<Subscriber>) -> Json<Value> {
    Json(fake.make_setting(setting).await.show())
}

async fn drift(State(fake): State<Fake>, Json(drift): Json<Drift>) -> StatusCode {
    fake.lock().drifts.push(drift);
    StatusCode::NO_CONTENT
}
