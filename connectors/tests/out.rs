//! What leaves through Slack and HTTP: places, escapes, signatures, and what a repeat is.

use serde_json::{Map, Value, json};
use stagewire_connector::{
    Action, Connector, Lookup, Outcome, RenderError, RenderInput, Request, Response, Settings,
    StoredRequest, sign,
};
use stagewire_model::{Effect, Micros, OnceKind};
use std::collections::BTreeMap;

const NOW: Micros = Micros(1_795_521_600_000_000);

fn connector(id: &str) -> Connector {
    let (name, files) = stagewire_connectors::built_in()
        .into_iter()
        .find(|(n, _)| *n == id)
        .expect("the folder");
    Connector::load(name, &files).expect("it loads")
}

struct Place {
    connector: Connector,
    settings: Settings,
    granted: Vec<String>,
}

impl Place {
    fn action(&self, name: &str) -> &Action {
        self.connector
            .action(name, &self.settings)
            .expect("an action")
    }

    fn render(
        &self,
        name: &str,
        with: Value,
    ) -> Result<(StoredRequest, Option<String>), RenderError> {
        let with: Map<String, Value> = with.as_object().cloned().expect("a table");
        let resolved = BTreeMap::from([(
            Lookup {
                name: "channel".into(),
                value: "hiring".into(),
                within: None,
            },
            "C77".to_owned(),
        )]);
        let input = RenderInput {
            with: &with,
            remote: &|_| None,
            intent_hex: "0a1b",
            intent_short: "0a",
            event_id: "evt_1",
            cloud_event: &json!({"specversion": "1.0", "id": "evt_1"}),
            granted_scopes: Some(&self.granted),
            resolved: &resolved,
            escaped: false,
        };
        self.connector
            .render(self.action(name), &self.settings, &input)
            .map(|r| (r.request, r.limit_key))
    }

    fn send(&self, stored: &StoredRequest, now: Micros) -> Request {
        self.connector
            .prepare(stored, &self.settings, None, now)
            .expect("sent")
    }
}

fn slack(settings: Settings, granted: &[&str]) -> Place {
    Place {
        connector: connector("slack"),
        settings,
        granted: granted.iter().map(|s| (*s).to_owned()).collect(),
    }
}

fn http(settings: Settings) -> Place {
    Place {
        connector: connector("http"),
        settings: Settings {
            base_url: Some("http://127.0.0.1:9003/hooks/x/".into()),
            ..settings
        },
        granted: vec![],
    }
}

#[test]
fn a_name_cannot_ping_a_channel_and_the_token_goes_on_last() {
    let place = slack(
        Settings::default().with("bot_token", "xoxb-1"),
        &["channels:history"],
    );
    let (stored, key) = place
        .render(
            "message.post",
            json!({"channel": "#hiring", "text": "<!channel> A & B"}),
        )
        .expect("rendered");
    let body: Value = serde_json::from_str(&stored.body).expect("JSON");
    assert_eq!(body["text"], "&lt;!channel&gt; A &amp; B");
    assert_eq!(
        (&body["channel"], key.as_deref()),
        (&json!("C77"), Some("C77"))
    );
    assert_eq!(
        (
            &body["unfurl_links"],
            &body["metadata"]["event_payload"]["intent"]
        ),
        (&json!(false), &json!("0a1b"))
    );
    assert_eq!(stored.once, OnceKind::Marker);
    let request = place.send(&stored, NOW);
    assert_eq!(
        (request.url.as_str(), request.header("authorization")),
        (
            "https://slack.com/api/chat.postMessage",
            Some("Bearer xoxb-1")
        )
    );
    let by_id = place
        .render("message.post", json!({"channel": "C0ABC", "text": "x"}))
        .expect("ids pass through");
    assert_eq!(by_id.1.as_deref(), Some("C0ABC"));
    assert!(matches!(
        place.render("message.post", json!({"channel": "#other", "text": "x"})),
        Err(RenderError::Needs(_))
    ));
}

#[test]
fn without_a_history_scope_only_a_person_can_tell() {
    let settings = Settings::default().with("bot_token", "xoxb-1");
    let place = slack(settings.clone(), &["chat:write"]);
    let (stored, _) = place
        .render("message.post", json!({"channel": "C1", "text": "x"}))
        .expect("rendered");
    assert_eq!(stored.once, OnceKind::Ledger);
    assert_eq!(
        place
            .action("message.post")
            .once(&settings, None, &Map::new()),
        OnceKind::Ledger,
        "unknown grants are no grants"
    );
    let header = Response {
        status: 200,
        headers: vec![(
            "X-OAuth-Scopes".into(),
            "chat:write,channels:history".into(),
        )],
        body: vec![],
    };
    assert_eq!(
        place.connector.granted_scopes(&header).map(|s| s.len()),
        Some(2)
    );
}

#[test]
fn a_webhook_address_is_a_secret_and_is_nowhere_but_on_the_wire() {
    let place = slack(
        Settings::default().with(
            "webhook_url",
            "https://hooks.example.com/services/T/B/s3cret",
        ),
        &[],
    );
    let (stored, key) = place
        .render("message.post", json!({"text": "x"}))
        .expect("rendered");
    assert!(
        !serde_json::to_string(&stored)
            .expect("text")
            .contains("s3cret")
    );
    assert_eq!(key.as_deref(), Some("the webhook"), "one hook has one pace");
    let request = place.send(&stored, NOW);
    assert_eq!(request.url, "https://hooks.example.com/services/T/B/s3cret");
    assert!(!format!("{request:?}").contains("s3cret") && !request.template.contains("s3cret"));
    let local = slack(
        Settings {
            base_url: Some("http://127.0.0.1:9002".into()),
            ..place.settings.clone()
        },
        &[],
    );
    assert_eq!(
        local.send(&stored, NOW).url,
        "http://127.0.0.1:9002/services/T/B/s3cret"
    );
    assert!(
        local.connector.check_request(&local.settings).is_none(),
        "nothing harmless to ask"
    );
}

#[test]
fn the_event_is_signed_anew_on_each_attempt_under_one_id() {
    let secret = "whsec_bWFkZS11cC1zaWduaW5nLXNlY3JldC0wMQ==";
    let place = http(Settings::default().with("signing_secret", secret));
    let (stored, _) = place.render("request", json!({})).expect("rendered");
    assert_eq!(stored.once, OnceKind::NativeKey);
    assert!(
        stored
            .headers
            .contains(&("content-type".into(), "application/cloudevents+json".into()))
    );
    let (first, again) = (
        place.send(&stored, NOW),
        place.send(&stored, NOW.plus_ms(60_000)),
    );
    assert_eq!(
        (first.url.as_str(), first.header("webhook-id")),
        ("http://127.0.0.1:9003/hooks/x", Some("0a1b"))
    );
    assert_eq!(
        (first.header("webhook-id"), &first.body),
        (again.header("webhook-id"), &again.body)
    );
    assert_ne!(
        first.header("webhook-signature"),
        again.header("webhook-signature")
    );
    let wanted = sign::standard_webhooks(&[secret], "0a1b", NOW.seconds(), &first.body);
    assert_eq!(first.header("webhook-signature"), wanted.as_deref());
    assert_eq!(first.header("authorization"), None);
    assert_eq!(
        http(Settings::default().with("bearer", "b"))
            .send(&stored, NOW)
            .header("authorization"),
        Some("Bearer b")
    );
}

#[test]
fn a_body_of_ones_own_is_never_repeated_unless_somebody_says_so() {
    let once = |settings: Settings, with: Value| {
        http(settings)
            .render("request", with)
            .expect("rendered")
            .0
            .once
    };
    let plain = Settings::default;
    assert_eq!(once(plain(), json!({"body": {"a": 1}})), OnceKind::Ledger);
    assert_eq!(
        once(plain(), json!({"body": {"a": 1}, "once": "set"})),
        OnceKind::Set
    );
    assert_eq!(
        once(plain().with("once", "native_key"), json!({"body": "a"})),
        OnceKind::NativeKey
    );
    assert_eq!(
        once(plain().with("once", "ledger"), json!({})),
        OnceKind::Ledger
    );
    assert_eq!(
        once(
            plain().with("once", "ledger"),
            json!({"once": "native_key"})
        ),
        OnceKind::NativeKey
    );
    let effect = |settings: Settings| http(settings.clone()).action("request").effect(&settings);
    assert_eq!(effect(plain()), Effect::Record);
    assert_eq!(effect(plain().with("effect", "internal")), Effect::Internal);
}

#[test]
fn a_flow_cannot_send_elsewhere_nor_play_the_connection() {
    let place = http(Settings::default());
    let path = |p: &str| {
        place
            .render("request", json!({ "path": p }))
            .map(|(stored, _)| place.send(&stored, NOW).url)
    };
    assert_eq!(
        path("/rows?x=1").as_deref(),
        Ok("http://127.0.0.1:9003/hooks/x/rows?x=1")
    );
    for bad in [
        "@evil.example",
        "https://evil.example/",
        "//evil.example/",
        "/a b",
        "/a\nb",
        "\\evil",
    ] {
        assert!(path(bad).is_err(), "{bad:?}");
    }
    for name in [
        "Authorization",
        "webhook-id",
        "Host",
        "Content-Length",
        "a b",
        "x\r\ny",
    ] {
        assert!(
            place
                .render("request", json!({"headers": { name: "v" }}))
                .is_err(),
            "{name:?}"
        );
    }
    assert!(
        place
            .render("request", json!({"headers": {"X-A": "v\r\nX-B: w"}}))
            .is_err()
    );
    assert!(place.render("request", json!({"method": "TRACE"})).is_err());
    assert!(
        http(Settings::default())
            .connector
            .check_settings(&Settings::default())[0]
            .contains("base_url")
    );
}

#[test]
fn gone_means_gone_and_a_redirect_is_no_success() {
    let place = http(Settings::default());
    let means = |status: u16| {
        place.connector.classify(
            place.action("request"),
            &Response {
                status,
                ..Response::default()
            },
            NOW,
        )
    };
    assert!(matches!(means(204), Outcome::Done { .. }));
    assert!(matches!(means(410), Outcome::Gone { .. }));
    assert!(matches!(means(301), Outcome::Refused { .. }));
    assert!(matches!(means(504), Outcome::Unclear { .. }));
    assert_eq!(
        (
            place.connector.limits().in_flight,
            place.connector.intake().is_none()
        ),
        (32, true)
    );
    let pace = connector("slack").limits().per_key.expect("a pace");
    assert_eq!((pace.calls, pace.per_ms, pace.burst), (1, 1000, 1));
}

/// The vendor's answers as an outside note tells them, where it lies beside the repository.
#[test]
fn recorded_answers_mean_what_the_note_says() {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vendors/slack/examples/responses.json");
    let Ok(text) = std::fs::read(path) else {
        return;
    };
    let cases: Value = serde_json::from_slice(&text).expect("JSON");
    let bot = slack(Settings::default().with("bot_token", "x"), &[]);
    let hook = slack(
        Settings::default().with("webhook_url", "https://hooks.example.com/x"),
        &[],
    );
    for case in cases["cases"].as_array().expect("cases") {
        let place = match case["api"].as_str() {
            Some("chat.postMessage") => &bot,
            Some("incoming_webhook") => &hook,
            _ => continue,
        };
        let headers = case["headers"].as_object().expect("headers");
        let body = case["body"]
            .as_str()
            .map_or_else(|| case["body"].to_string(), str::to_owned);
        let response = Response {
            status: case["status"].as_u64().expect("a status") as u16,
            headers: headers
                .iter()
                .map(|(n, v)| (n.clone(), v.as_str().unwrap_or_default().to_owned()))
                .collect(),
            body: body.into_bytes(),
        };
        let outcome = place
            .connector
            .classify(place.action("message.post"), &response, NOW);
        let fits = match case["outcome"].as_str().expect("an outcome") {
            "delivered" => matches!(outcome, Outcome::Done { .. }),
            "config_error" => matches!(
                outcome,
                Outcome::AuthLost { .. }
                    | Outcome::MissingScope { .. }
                    | Outcome::Refused {
                        turn: stagewire_connector::Turn::Operator,
                        ..
                    }
            ),
            "bad_request" => matches!(
                outcome,
                Outcome::Refused {
                    turn: stagewire_connector::Turn::Us,
                    ..
                }
            ),
            "retry" => matches!(
                outcome,
                Outcome::RateLimited { .. } | Outcome::TryLater { .. } | Outcome::Unclear { .. }
            ),
            "retry_ambiguous" => matches!(outcome, Outcome::Unclear { .. }),
            other => panic!("{other}"),
        };
        assert!(fits, "{}: {outcome:?}", case["name"]);
        if let (Some(seconds), Outcome::RateLimited { wait_ms }) =
            (case["retry_after_seconds"].as_i64(), &outcome)
        {
            assert_eq!(*wait_ms, seconds * 1000);
        }
    }
}
