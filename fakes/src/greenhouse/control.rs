//! What a person or a test can do with this fake beside what can be done with every one: see `crate::control`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Greenhouse;
use super::acts::Act;
use super::api::Fake;
use super::webhooks::Subscriber;
use crate::control::{self, Controlled, Drift};
use crate::sender::Sent;

/// What can be set here alone.
#[derive(Deserialize)]
pub(crate) struct Settings {
    revoke_tokens_of: Option<String>,
    seed_many: Option<u64>,
    reenable: Option<String>,
}

impl Controlled for Greenhouse {
    type Act = Act;
    type Settings = Settings;
    const NUMBERED: bool = true;

    fn perform(&self, act: Act) -> Result<Value, String> {
        let done = self.act(act).map_err(|refused| refused.to_string())?;
        let webhooks: Vec<Value> = done
            .webhooks
            .iter()
            .map(|hook| json!({"action": hook.action, "event_id": hook.event_id}))
            .collect();
        Ok(json!({"webhooks": webhooks, "touched": done.touched}))
    }

    fn state(&self) -> Value {
        let core = self.lock();
        let counts: Map<String, Value> = NAMES
            .iter()
            .filter_map(|name| Some((*name, core.world.collection(name)?.count())))
            .map(|(name, count)| (name.to_string(), json!(count)))
            .collect();
        json!({
            "now": self.now(),
            "counts": counts,
            "requests": core.requests,
            "tokens_minted": core.tokens.minted(),
            "notes": core.world.notes.iter().collect::<Vec<_>>(),
            "applied_tags": core.world.applied_candidate_tags.iter().collect::<Vec<_>>(),
            "waiting_webhooks": core.outbox.len(),
            "receivers": core.subscribers.iter()
                .map(|one| json!({"url": one.url, "active": one.active}))
                .collect::<Vec<_>>(),
        })
    }

    fn set(&self, settings: Settings) -> Result<Option<Value>, String> {
        if let Some(client) = settings.revoke_tokens_of {
            self.revoke_tokens(&client);
        }
        if let Some(count) = settings.seed_many {
            self.seed_many(count);
        }
        if let Some(url) = settings.reenable {
            self.reenable(&url);
        }
        Ok(None)
    }

    fn sent(&self) -> Vec<Sent> {
        self.sent()
    }

    control::by_its_own_name!();
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

pub(crate) fn router() -> Router<Fake> {
    control::router::<Greenhouse>()
        .route("/_fake/subscribe", post(subscribe))
        .route("/_fake/drift", post(drift))
}

async fn subscribe(State(fake): State<Fake>, Json(subscriber): Json<Subscriber>) -> Json<Value> {
    let active = fake.subscribe(subscriber).await;
    Json(json!({"active": active}))
}

async fn drift(State(fake): State<Fake>, Json(drift): Json<Drift>) -> StatusCode {
    fake.drift(&drift.entity, &drift.field, drift.value);
    StatusCode::NO_CONTENT
}
