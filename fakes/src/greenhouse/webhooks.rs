//! Turns news into signed webhooks for everybody who subscribed. It does not send: see `sender`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::acts::News;
use super::world::World;
use crate::rng::Rng;
use crate::sender::Parcel;
use crate::signing::greenhouse_signature;

/// Somebody who set a webhook up by hand.
#[derive(Clone, Debug, Deserialize)]
pub struct Subscriber {
    /// Where to send.
    pub url: String,
    /// The secret key.
    pub secret: String,
    /// The actions wanted; none means all.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// Extra headers, the same on each delivery.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Off after a failed ping, until somebody switches it on again.
    #[serde(default = "on")]
    pub active: bool,
}

fn on() -> bool {
    true
}

impl Subscriber {
    /// Everything, to one address.
    pub fn to_all(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Subscriber {
            url: url.into(),
            secret: secret.into(),
            events: None,
            headers: Vec::new(),
            active: true,
        }
    }

    fn wants(&self, action: &str) -> bool {
        let events = self.events.as_ref();
        self.active && events.is_none_or(|events| events.iter().any(|event| event == action))
    }
}

/// A signed delivery, as it goes or would go over the wire.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The `action` of the body.
    pub action: String,
    /// The `Greenhouse-Event-ID`.
    pub event_id: String,
    /// Where it belongs; none if nobody subscribed (captured only).
    pub url: Option<String>,
    /// All headers, signature included.
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

/// Signs news for each subscriber that wants it; without any subscriber, once with `secret`.
pub(crate) fn make(
    news: &[News],
    world: &World,
    subscribers: &[Subscriber],
    secret: &str,
    rng: &mut Rng,
) -> Vec<Webhook> {
    let mut made = Vec::new();
    for item in news {
        let item = as_configured(item, subscribers);
        let body = escaped(&json!({
            "action": item.action,
            "payload": item.payload,
            "organization_id": world.organization_id,
            "organization_name": world.organization_name,
        }));
        if subscribers.is_empty() {
            made.push(sign(&item.action, &body, None, secret, &[], rng));
        }
        for one in subscribers.iter().filter(|one| one.wants(&item.action)) {
            let url = Some(one.url.clone());
            made.push(sign(
                &item.action,
                &body,
                url,
                &one.secret,
                &one.headers,
                rng,
            ));
        }
    }
    made
}

/// The ping sent when a webhook is set up. It carries no organization.
pub(crate) fn ping(subscriber: &Subscriber, id: u64, at: crate::Time, rng: &mut Rng) -> Webhook {
    let event = subscriber.events.as_ref().and_then(|events| events.first());
    let body = escaped(&json!({"action": "ping", "payload": {
        "web_hook_id": id,
        "endpoint_url": subscriber.url,
        "created_at": at.to_seconds_text(),
        "updated_at": at.to_seconds_text(),
        "name": "Stagewire",
        "event": event.map_or("All", String::as_str),
        "active": true,
        "content-type": "application/json",
    }}));
    let url = Some(subscriber.url.clone());
    sign(
        "ping",
        &body,
        url,
        &subscriber.secret,
        &subscriber.headers,
        rng,
    )
}

/// JSON with `<`, `>` and everything beyond ASCII as `\uXXXX`; these bytes are what is signed.
pub(crate) fn escaped(value: &Value) -> Bytes {
    use std::fmt::Write as _;
    let plain = value.to_string();
    let mut text = String::with_capacity(plain.len());
    for c in plain.chars() {
        if c.is_ascii() && c != '<' && c != '>' {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    Bytes::from(text)
}

struct Item {
    action: String,
    payload: Value,
}

/// Without a merge webhook anywhere, a merge is told as a deletion.
fn as_configured(news: &News, subscribers: &[Subscriber]) -> Item {
    let mut item = Item {
        action: news.action.into(),
        payload: news.payload.clone(),
    };
    let told = subscribers.is_empty() || subscribers.iter().any(|one| one.wants("merge_candidate"));
    if item.action == "merge_candidate" && !told {
        item.action = "delete_candidate".into();
        if let Some(person) = item.payload["person"].as_object_mut() {
            person.shift_remove("new_candidate_id");
            person.insert("deleted_application_ids".into(), json!([]));
        }
    }
    item
}

fn sign(
    action: &str,
    body: &Bytes,
    url: Option<String>,
    secret: &str,
    extra: &[(String, String)],
    rng: &mut Rng,
) -> Webhook {
    let event_id = rng.uuid();
    let mut headers = vec![
        ("Content-Type".to_string(), "application/json".to_string()),
        ("User-Agent".to_string(), "Fake ATS Webhooks".to_string()),
        ("Signature".to_string(), greenhouse_signature(secret, body)),
        ("Greenhouse-Event-ID".to_string(), event_id.clone()),
    ];
    headers.extend(extra.iter().cloned());
    Webhook {
        action: action.into(),
        event_id,
        url,
        headers,
        body: body.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_ascii_and_still_means_the_same() {
        let value = json!({"name": "Zoë <b>👋</b> & co"});
        let body = escaped(&value);
        let text = std::str::from_utf8(&body).unwrap();
        assert_eq!(
            text,
            r#"{"name":"Zo\u00eb \u003cb\u003e\ud83d\udc4b\u003c/b\u003e & co"}"#
        );
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), value);
    }

    #[test]
    fn a_merge_nobody_asked_for_is_told_as_a_deletion() {
        let news = News {
            action: "merge_candidate",
            payload: json!({"person": {"id": 1, "new_candidate_id": 2}}),
        };
        let mut only = Subscriber::to_all("http://127.0.0.1:1", "s");
        only.events = Some(vec!["delete_candidate".into()]);
        let world = World::empty("Org", 1);
        let made = make(&[news], &world, &[only], "s", &mut Rng::new(1));
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].action, "delete_candidate");
        assert!(
            made[0].json()["payload"]["person"]
                .get("new_candidate_id")
                .is_none()
        );
    }
}
