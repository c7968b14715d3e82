//! Who is told what: registrations, and news turned into signed deliveries. The signature stands in
//! the body and covers nothing but its own token and time. It does not send: see `sender`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::acts::{News, id_in};
use super::id::Id;
use super::world::{ORIGINS, Refused, invalid};
use crate::clock::Time;
use crate::rng::Rng;
use crate::sender::Parcel;
use crate::signing::lever_signature;

/// Every event there is.
pub const EVENTS: [&str; 10] = [
    "applicationCreated",
    "candidateHired",
    "candidateStageChange",
    "candidateArchiveChange",
    "candidateDeleted",
    "interviewCreated",
    "interviewUpdated",
    "interviewDeleted",
    "contactCreated",
    "contactUpdated",
];

/// The events that can be narrowed to some origins.
const WITH_ORIGINS: [&str; 4] = [
    "applicationCreated",
    "candidateArchiveChange",
    "candidateHired",
    "candidateStageChange",
];

/// A webhook that a person sets up in the settings.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscriber {
    /// Where to send.
    pub url: String,
    /// One of `EVENTS`.
    pub event: String,
    /// The signature token; without one, deliveries are not signed.
    #[serde(default)]
    pub signature_token: Option<String>,
    /// The origins wanted; none means all six.
    #[serde(default)]
    pub origins: Option<Vec<String>>,
}

impl Subscriber {
    /// One event to one address, signed.
    pub fn new(
        url: impl Into<String>,
        event: impl Into<String>,
        signature_token: impl Into<String>,
    ) -> Self {
        Subscriber {
            url: url.into(),
            event: event.into(),
            signature_token: Some(signature_token.into()),
            origins: None,
        }
    }
}

/// One registration.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) id: Id,
    pub(crate) event: String,
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) origins: Vec<String>,
    pub(crate) by_api: bool,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

impl Hook {
    pub(crate) fn by_hand(subscriber: Subscriber, id: Id, now: Time) -> Hook {
        let all = || ORIGINS.map(String::from).to_vec();
        Hook {
            id,
            url: subscriber.url,
            token: subscriber.signature_token,
            origins: subscriber.origins.unwrap_or_else(all),
            event: subscriber.event,
            by_api: false,
            created_at: now,
            updated_at: now,
        }
    }

    /// Reads the body of a request; what it does not name comes from `was`.
    pub(crate) fn read(
        body: &Map<String, Value>,
        was: Option<Hook>,
        id: Id,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Hook, Refused> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(String::from);
        let (old_url, old_event) = match &was {
            Some(was) => (Some(was.url.clone()), Some(was.event.clone())),
            None => (None, None),
        };
        let event = text("event").or(old_event);
        let event = event.ok_or_else(|| invalid("event is required"))?;
        let url = text("url").or(old_url);
        let url = url.ok_or_else(|| invalid("url is required"))?;
        if !EVENTS.contains(&event.as_str()) {
            return Err(invalid(format!("{event} is not an event")));
        }
        let asked = body.get("configuration");
        let asked = asked.and_then(|all| all["conditions"]["origins"].as_array());
        let origins = match asked {
            Some(_) if !WITH_ORIGINS.contains(&event.as_str()) => {
                return Err(invalid(format!("{event} has no conditions")));
            }
            Some(list) => {
                let words = list.iter().map(|word| word.as_str().unwrap_or_default());
                let words: Vec<String> = words.map(String::from).collect();
                if words.iter().any(|word| !ORIGINS.contains(&word.as_str())) {
                    return Err(invalid("conditions.origins has an unknown word"));
                }
                words
            }
            None => match &was {
                Some(was) => was.origins.clone(),
                None => ORIGINS.map(String::from).to_vec(),
            },
        };
        let created_at = was.as_ref().map_or(now, |was| was.created_at);
        let token = match was {
            Some(was) => was.token,
            None => Some(token(rng)),
        };
        Ok(Hook {
            id,
            event,
            url,
            token,
            origins,
            by_api: true,
            created_at,
            updated_at: now,
        })
    }

    /// As it looks in answers; the signature token only when it has just been made.
    pub(crate) fn show(&self, with_token: bool) -> Value {
        let mut configuration = json!({});
        if WITH_ORIGINS.contains(&self.event.as_str()) {
            configuration["conditions"] = json!({"origins": self.origins});
        }
        if with_token {
            configuration["signatureToken"] = json!(self.token);
        }
        json!({
            "id": self.id,
            "event": self.event,
            "url": self.url,
            "configuration": configuration,
            "createdAt": self.created_at.ms(),
            "updatedAt": self.updated_at.ms(),
        })
    }

    fn wants(&self, news: &News) -> bool {
        let narrowed = WITH_ORIGINS.contains(&news.event);
        let has = |origin: &str| self.origins.iter().any(|have| have == origin);
        self.event == news.event && news.origin.is_none_or(|origin| !narrowed || has(origin))
    }
}

/// A delivery, as it goes or would go over the wire.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The `event` of the body.
    pub event: String,
    /// Where it belongs; none if nobody subscribed (captured only).
    pub url: Option<String>,
    /// All headers. None of them is a signature.
    pub headers: Vec<(String, String)>,
    /// The bytes, signature included.
    pub body: Bytes,
}

impl Webhook {
    /// The body, parsed.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("we made this body")
    }

    pub(crate) fn parcel(&self) -> Option<Parcel> {
        Some(Parcel {
            name: self.event.clone(),
            url: self.url.clone()?,
            headers: self.headers.clone(),
            body: self.body.clone(),
        })
    }
}

/// What deliveries are made with.
pub(crate) struct Press<'a> {
    pub(crate) hooks: &'a [Hook],
    /// Signs while nobody has subscribed.
    pub(crate) fallback: &'a str,
    pub(crate) with_ids: bool,
    pub(crate) now: Time,
    pub(crate) rng: &'a mut Rng,
}

impl Press<'_> {
    /// Signs news for each hook that wants it; without any hook, once.
    pub(crate) fn make(&mut self, news: &News) -> Vec<Webhook> {
        if self.hooks.is_empty() {
            let key = Some(self.fallback);
            return vec![self.sign(news.event, &news.data, None, key)];
        }
        let hooks = self.hooks.iter().filter(|hook| hook.wants(news));
        hooks
            .map(|hook| self.sign_for(hook, news.event, &news.data))
            .collect()
    }

    /// What the settings' test button sends, whatever the hook's own event is.
    pub(crate) fn test(&mut self, hook: &Hook) -> Webhook {
        self.sign_for(hook, "candidateHired", &json!({}))
    }

    fn sign_for(&mut self, hook: &Hook, event: &str, data: &Value) -> Webhook {
        self.sign(event, data, Some(hook.url.clone()), hook.token.as_deref())
    }

    fn sign(
        &mut self,
        event: &str,
        data: &Value,
        url: Option<String>,
        key: Option<&str>,
    ) -> Webhook {
        let at = self.now.ms();
        let token = token(self.rng);
        let mut body = json!({"event": event, "triggeredAt": at});
        if self.with_ids {
            body["id"] = json!(self.rng.uuid());
        }
        body["token"] = json!(token);
        if let Some(key) = key {
            body["signature"] = json!(lever_signature(key, &token, at));
        }
        body["data"] = data.clone();
        let header = |name: &str, value: &str| (name.to_string(), value.to_string());
        Webhook {
            event: event.into(),
            url,
            headers: vec![
                header("Content-Type", "application/json"),
                header("User-Agent", "Lever-Webhooks"),
            ],
            body: Bytes::from(body.to_string()),
        }
    }
}

/// Forty-eight letters that are never the same again.
fn token(rng: &mut Rng) -> String {
    format!("{:016x}{:016x}{:016x}", rng.next(), rng.next(), rng.next())
}

/// The place of a hook that the API may change: one made through it.
pub(crate) fn place(hooks: &[Hook], id: &str) -> Result<usize, Refused> {
    let number = id_in("webhooks", id)?;
    let place = hooks.iter().position(|hook| hook.id == number);
    let place = place.ok_or_else(|| Refused::Missing("webhooks", id.to_string()))?;
    match hooks[place].by_api {
        true => Ok(place),
        false => Err(Refused::Forbidden(
            "a webhook made in the settings is changed there".into(),
        )),
    }
}
