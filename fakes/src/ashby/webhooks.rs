//! Webhook settings, and news made into signed webhooks for each setting that wants them. It does
//! not send: see `sender`. One setting has one event type, and there is no event id but the
//! `webhookActionId` of the envelope.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::acts::News;
use super::ids::{Kind, id};
use super::options::ActionIds;
use super::problem::Problem;
use crate::rng::Rng;
use crate::sender::Parcel;
use crate::signing::ashby_signature;

/// The event types of `webhook.create`.
pub const BY_API: [&str; 17] = [
    "applicationSubmit",
    "applicationUpdate",
    "candidateHire",
    "candidateStageChange",
    "candidateDelete",
    "candidateMerge",
    "interviewPlanTransition",
    "interviewScheduleCreate",
    "interviewScheduleUpdate",
    "jobPostingUpdate",
    "jobPostingPublish",
    "jobPostingUnpublish",
    "offerCreate",
    "offerUpdate",
    "offerDelete",
    "pushToHRIS",
    "surveySubmit",
];

/// The event types that only a person can set up.
pub const BY_HAND: [&str; 4] = [
    "jobCreate",
    "jobUpdate",
    "openingCreate",
    "signatureRequestUpdate",
];

/// A webhook setting: one event type for one address.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscriber {
    /// The event type.
    pub webhook_type: String,
    /// Where to send.
    pub url: String,
    /// Without a secret there is no signature.
    #[serde(default)]
    pub secret: Option<String>,
    /// Off after a failed ping.
    #[serde(default = "on")]
    pub enabled: bool,
}

fn on() -> bool {
    true
}

impl Subscriber {
    /// A setting that is on.
    pub fn new(webhook_type: &str, url: impl Into<String>, secret: &str) -> Self {
        Subscriber {
            webhook_type: webhook_type.into(),
            url: url.into(),
            secret: Some(secret.into()),
            enabled: true,
        }
    }
}

/// A setting and its number.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) n: u64,
    pub(crate) setting: Subscriber,
}

impl Kept {
    pub(crate) fn show(&self) -> Value {
        json!({
            "id": id(Kind::Webhook, self.n),
            "enabled": self.setting.enabled,
            "requestUrl": self.setting.url,
            "secretToken": self.setting.secret,
            "webhookType": self.setting.webhook_type,
        })
    }
}

/// The type of a new setting, if the API can make it.
pub(crate) fn type_by_api(name: &str) -> Result<&str, Problem> {
    match BY_API.contains(&name) {
        true => Ok(name),
        false => Err(Problem::input(
            "webhookType",
            "webhookType is not one of the known ones",
        )),
    }
}

/// A signed delivery, as it goes or would go over the wire.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The `action` of the body.
    pub action: String,
    /// The `webhookActionId` of the body.
    pub action_id: Option<String>,
    /// Where it belongs; none if there was no setting (captured only).
    pub url: Option<String>,
    /// All headers, the signature included.
    pub headers: Vec<(String, String)>,
    /// The signed bytes.
    pub body: Bytes,
}

impl Webhook {
    /// The body, parsed.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("we made this body")
    }

    pub(crate) fn parcel(&self) -> Option<Parcel> {
        Some(Parcel {
            name: self.action.clone(),
            url: self.url.clone()?,
            headers: self.headers.clone(),
            body: self.body.clone(),
        })
    }
}

/// Signs news for each setting of its type; without any setting, once with `secret`.
pub(crate) fn make(
    news: &[News],
    settings: &[Kept],
    secret: &str,
    ids: ActionIds,
    rng: &mut Rng,
) -> Vec<Webhook> {
    let of_act = rng.uuid();
    let mut made = Vec::new();
    for item in news {
        let action_id = match ids {
            ActionIds::Missing => None,
            ActionIds::PerEvent => Some(rng.uuid()),
            ActionIds::PerAct => Some(of_act.clone()),
        };
        let body = envelope(item.action, action_id.as_deref(), &item.data);
        let mut push = |url: Option<&String>, secret: Option<&str>| {
            made.push(Webhook {
                action: item.action.into(),
                action_id: action_id.clone(),
                url: url.cloned(),
                headers: headers(secret, &body),
                body: body.clone(),
            });
        };
        if settings.is_empty() {
            push(None, Some(secret));
        }
        let wanted = settings.iter().map(|kept| &kept.setting);
        for one in wanted.filter(|one| one.enabled && one.webhook_type == item.action) {
            push(Some(&one.url), one.secret.as_deref());
        }
    }
    made
}

/// What is sent when a setting is made or changed.
pub(crate) fn ping(setting: &Subscriber, ids: ActionIds, rng: &mut Rng) -> Webhook {
    let action_id = (ids != ActionIds::Missing).then(|| rng.uuid());
    let data = json!({"webhookActionType": "ping"});
    let body = envelope("ping", action_id.as_deref(), &data);
    Webhook {
        action: "ping".into(),
        action_id,
        url: Some(setting.url.clone()),
        headers: headers(setting.secret.as_deref(), &body),
        body,
    }
}

fn envelope(action: &str, action_id: Option<&str>, data: &Value) -> Bytes {
    let mut body = Map::new();
    if let Some(action_id) = action_id {
        body.insert("webhookActionId".into(), json!(action_id));
    }
    body.insert("action".into(), json!(action));
    body.insert("data".into(), data.clone());
    Bytes::from(Value::Object(body).to_string())
}

fn headers(secret: Option<&str>, body: &[u8]) -> Vec<(String, String)> {
    let mut headers = vec![
        ("Content-Type".to_string(), "application/json".to_string()),
        ("User-Agent".to_string(), "Fake ATS Webhooks".to_string()),
    ];
    if let Some(secret) = secret {
        headers.push(("Ashby-Signature".into(), ashby_signature(secret, body)));
    }
    headers
}

/// What ends a webhook's story: it was taken, or refused in a way that is not tried again.
pub(crate) fn ends(status: u16) -> bool {
    (200..300).contains(&status) || matches!(status, 401 | 403 | 404 | 405 | 410)
}
