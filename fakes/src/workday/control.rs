//! What a person or a test can do with this fake beside what can be done with every one: see `crate::control`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Workday;
use super::acts::Act;
use super::api::Fake;
use super::drift::Drift;
use super::hints::HintTo;
use crate::control::{self, Controlled};
use crate::sender::Sent;

/// What can be set here alone.
#[derive(Deserialize)]
pub(crate) struct Settings {
    raas_at_once: Option<usize>,
    seed_many: Option<u64>,
    maintenance: Option<bool>,
    throttle_soap: Option<u32>,
    cut_next_report: Option<u64>,
    revoke_tokens_of: Option<String>,
    regenerate_refresh_token_of: Option<String>,
}

impl Controlled for Workday {
    type Act = Act;
    type Settings = Settings;

    fn perform(&self, act: Act) -> Result<Value, String> {
        let done = self.act(act).map_err(|refused| refused.to_string())?;
        let hints: Vec<Value> = done.webhooks.iter().map(|hint| hint.json()).collect();
        Ok(json!({"webhooks": hints, "touched": done.touched}))
    }

    fn state(&self) -> Value {
        let core = self.lock();
        let world = &core.world;
        json!({
            "now": self.now(),
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
        })
    }

    /// Answers the new refresh token, if one was made.
    fn set(&self, settings: Settings) -> Result<Option<Value>, String> {
        if let Some(limit) = settings.raas_at_once {
            self.set_raas_at_once(limit);
        }
        if let Some(on) = settings.maintenance {
            self.set_maintenance(on);
        }
        if let Some(count) = settings.throttle_soap {
            self.throttle_soap(count);
        }
        if let Some(rows) = settings.cut_next_report {
            self.cut_next_report(rows);
        }
        if let Some(client) = settings.revoke_tokens_of {
            self.revoke_access_tokens(&client);
        }
        if let Some(count) = settings.seed_many {
            self.seed_many(count)
                .map_err(|refused| refused.to_string())?;
        }
        let client = settings.regenerate_refresh_token_of;
        let token = client.and_then(|client| self.regenerate_refresh_token(&client));
        Ok(Some(json!({"refresh_token": token})))
    }

    fn sent(&self) -> Vec<Sent> {
        self.sent()
    }

    control::by_its_own_name!();
}

pub(crate) fn router() -> Router<Fake> {
    control::router::<Workday>()
        .route("/_fake/hint", post(hint))
        .route("/_fake/drift", post(drift))
}

async fn hint(State(fake): State<Fake>, Json(to): Json<Option<HintTo>>) -> StatusCode {
    fake.notify(to);
    StatusCode::NO_CONTENT
}

async fn drift(State(fake): State<Fake>, Json(drift): Json<Drift>) -> StatusCode {
    fake.add_drift(&drift.entity, &drift.field, drift.change);
    StatusCode::NO_CONTENT
}
