//! The routes under `/_fake` by which a person or a test drives a fake: acts, faults, settings, what it looks like and what it sent.
//! Not the vendors'. What one fake has alone stands in its own `control`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::body;
use crate::clock::Clock;
use crate::faults::Rule;
use crate::sender::Sent;

/// A fake that can be driven from outside.
pub(crate) trait Controlled: Send + Sync + 'static {
    /// What a person does there.
    type Act: DeserializeOwned;
    /// What can be set beside what can be set everywhere.
    type Settings: DeserializeOwned;
    /// Whether ids are numbers.
    const NUMBERED: bool = false;
    /// What the type of a webhook is called.
    const NEWS: &'static str = "action";

    /// Does it; what it caused.
    fn perform(&self, act: Self::Act) -> Result<Value, String>;
    /// What a test outside of this process wants to look up.
    fn state(&self) -> Value;
    /// Sets it; an answer, if there is something to say.
    fn set(&self, settings: Self::Settings) -> Result<Option<Value>, String>;
    /// What was sent, newest first.
    fn sent(&self) -> Vec<Sent> {
        Vec::new()
    }
    /// Arms a fault.
    fn arm(&self, rule: Rule);
    /// Takes all faults back.
    fn clear_faults(&self);
    /// Its clock.
    fn clock(&self) -> &Clock;
    /// Changes its limit.
    fn set_rate_limit(&self, limit: u32);
    /// The next webhooks never leave.
    fn lose_webhooks(&self, count: u32);
    /// The next webhooks leave twice.
    fn repeat_webhooks(&self, count: u32);
}

/// Lets a fake be driven by what it can do under the same names.
macro_rules! by_its_own_name {
    () => {
        fn arm(&self, rule: $crate::faults::Rule) {
            self.arm(rule);
        }
        fn clear_faults(&self) {
            self.clear_faults();
        }
        fn clock(&self) -> &$crate::clock::Clock {
            self.clock()
        }
        fn set_rate_limit(&self, limit: u32) {
            self.set_rate_limit(limit);
        }
        fn lose_webhooks(&self, count: u32) {
            self.lose_webhooks(count);
        }
        fn repeat_webhooks(&self, count: u32) {
            self.repeat_webhooks(count);
        }
    };
}
pub(crate) use by_its_own_name;

/// A change of how records look on the wire.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Drift {
    #[serde(alias = "collection")]
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

/// The routes that every fake has.
pub(crate) fn router<F: Controlled>() -> Router<Arc<F>> {
    Router::new()
        .route("/_fake/state", get(state::<F>))
        .route("/_fake/sent", get(sent::<F>))
        .route("/_fake/faults", post(arm::<F>).delete(clear::<F>))
        .route("/_fake/set", post(set::<F>))
        .route("/_fake/{act}", post(act::<F>))
}

async fn act<F: Controlled>(
    State(fake): State<Arc<F>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let body = match body::read(request).await {
        Ok(body) => body,
        Err(text) => return wrong(text),
    };
    let mut fields = body.fields;
    if body.form {
        fields = typed(fields, F::NUMBERED);
    }
    fields.insert("act".into(), json!(name));
    let act: F::Act = match serde_json::from_value(Value::Object(fields)) {
        Ok(act) => act,
        Err(error) => return wrong(error.to_string()),
    };
    match fake.perform(act) {
        Ok(_) if body.form => Redirect::to("/").into_response(),
        Ok(done) => Json(done).into_response(),
        Err(refused) => wrong(refused),
    }
}

async fn state<F: Controlled>(State(fake): State<Arc<F>>) -> Json<Value> {
    Json(fake.state())
}

async fn sent<F: Controlled>(State(fake): State<Arc<F>>) -> Json<Value> {
    let sent = Controlled::sent(&*fake).into_iter().map(|sent| {
        let attempts: Vec<Value> = sent
            .attempts
            .iter()
            .map(|attempt| match &attempt.outcome {
                Ok(status) => json!({"at": attempt.at, "status": status}),
                Err(error) => json!({"at": attempt.at, "error": error}),
            })
            .collect();
        json!({F::NEWS: sent.name, "url": sent.url, "settled": sent.settled, "attempts": attempts})
    });
    Json(sent.collect())
}

async fn arm<F: Controlled>(State(fake): State<Arc<F>>, Json(rule): Json<Rule>) -> StatusCode {
    Controlled::arm(&*fake, rule);
    StatusCode::NO_CONTENT
}

async fn clear<F: Controlled>(State(fake): State<Arc<F>>) -> StatusCode {
    Controlled::clear_faults(&*fake);
    StatusCode::NO_CONTENT
}

/// What can be set everywhere; what is not named stays.
#[derive(Deserialize)]
struct Common {
    rate_limit: Option<u32>,
    advance_ms: Option<u64>,
    lose_webhooks: Option<u32>,
    repeat_webhooks: Option<u32>,
}

async fn set<F: Controlled>(State(fake): State<Arc<F>>, Json(all): Json<Value>) -> Response {
    let read = serde_json::from_value::<Common>(all.clone());
    let own = serde_json::from_value::<F::Settings>(all);
    let (common, own) = match (read, own) {
        (Ok(common), Ok(own)) => (common, own),
        (Err(error), _) | (_, Err(error)) => return wrong(error.to_string()),
    };
    if let Some(limit) = common.rate_limit {
        Controlled::set_rate_limit(&*fake, limit);
    }
    if let Some(ms) = common.advance_ms {
        Controlled::clock(&*fake).advance(Duration::from_millis(ms));
    }
    if let Some(count) = common.lose_webhooks {
        Controlled::lose_webhooks(&*fake, count);
    }
    if let Some(count) = common.repeat_webhooks {
        Controlled::repeat_webhooks(&*fake, count);
    }
    match fake.set(own) {
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Ok(Some(said)) => Json(said).into_response(),
        Err(refused) => wrong(refused),
    }
}

/// Form fields are all text: yes and no become flags, ids numbers where they are, empty ones go.
fn typed(fields: Map<String, Value>, numbered: bool) -> Map<String, Value> {
    let typed = fields.into_iter().filter_map(|(name, value)| {
        let value = match value.as_str()? {
            "" => return None,
            "true" => json!(true),
            "false" => json!(false),
            text if numbered && name.ends_with("_id") => json!(text.parse::<u64>().ok()?),
            text => json!(text),
        };
        Some((name, value))
    });
    typed.collect()
}

/// What cannot be done, in a sentence.
pub(crate) fn wrong(text: String) -> Response {
    let body = json!({"error": text});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}
