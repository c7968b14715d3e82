//! Deliveries of which only a token is signed, or nothing: they name records, and a read decides.

use super::world::World;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use stagewire_model::MAIN;

const IN_BODY: &str = r#"
trust = "fetch"
account = "org"
verify = { scheme = "hmac_sha256", over = ["field:token", "field:at"], at = "signature", secret = "hook", guard = "token", timestamp = { at = "at", unit = "ms", note = "1h" } }
test = { at = "data", is = {} }
route = { on = "event" }
[events]
moved = { observes = "run_hook" }
gone = { reads = { application = "data.id" } }
run_gone = { observes = "run_gone" }
person_gone = { observes = "person_gone" }
merged = { observes = "person_merged" }
"#;

const OPTIONAL: &str = r#"
reject = 503
never = [401, 403, 404, 413]
max_body = 5000
verify = { scheme = "hmac_sha256", header = "X-Sig", shape = "sha256={hex}", secret = "hook", optional = true }
ping = { at = "event", is = "ping" }
route = { on = "event" }
group = "data.act"
[events]
moved = { observes = "run_hook" }
merged = { observes = "person_merged" }
person_gone = { observes = "person_gone" }
"#;

const FIELDS: &[(&str, &str)] = &[("key", "k"), ("hook", "other, key")];

fn run(stage: &str, state: &str, updated: &str) -> Value {
    json!({"id": "r1", "person": "p1", "stage": stage, "state": state, "applied": "2026-11-20T10:00:00Z", "updated": updated})
}

fn person(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "updated": "2026-11-20T10:00:00Z"})
}

/// Signs the token and the time, and nothing else.
fn told(event: &str, token: &str, at: i64, data: Value) -> Value {
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(b"key").expect("a key");
    mac.update(format!("{token}{at}").as_bytes());
    let hash = mac.finalize().into_bytes();
    let signature: String = hash.iter().map(|b| format!("{b:02x}")).collect();
    json!({"event": event, "token": token, "at": at, "signature": signature, "data": data})
}

fn now(w: &World) -> i64 {
    w.hub.env.now().0 / 1000
}

async fn known(webhooks: &str, fields: &[(&str, &str)]) -> World {
    let vendor = std::sync::Arc::new(super::world::Vendor::default());
    vendor.put("people", person("p1", "Ana"));
    vendor.put("runs", run("s1", "open", "2026-11-20T10:00:00Z"));
    World::begin(super::world::folder(webhooks, ""), fields, vendor).await
}

#[tokio::test]
async fn a_thin_delivery_waits_for_a_read_and_the_read_decides() {
    let w = known(IN_BODY, FIELDS).await;
    w.vendor
        .put("runs", run("s2", "open", "2026-11-21T10:00:00Z"));
    let body = told("moved", "t1", now(&w), json!({"id": "r1", "stage": "s2"}));
    assert_eq!(w.send(&[], &body).await, 200);
    w.settled(1).await;
    assert_eq!(w.vendor.reads_of("r1"), 1);
    assert_eq!(
        w.events().await,
        ["application.created", "application.stage_changed"]
    );
    assert_eq!(w.send(&[], &body).await, 200, "the same bytes again");
    assert_eq!(w.deliveries().await[1].1, "duplicate");
    assert_eq!(w.vendor.reads_of("r1"), 1);
}

#[tokio::test]
async fn a_read_that_lags_behind_the_claim_is_asked_again() {
    let w = known(IN_BODY, FIELDS).await;
    w.vendor
        .lag(vec![run("s1", "open", "2026-11-20T10:00:00Z")]);
    w.vendor
        .put("runs", run("s2", "open", "2026-11-21T10:00:00Z"));
    let body = told("moved", "t1", now(&w), json!({"id": "r1", "stage": "s2"}));
    w.send(&[], &body).await;
    w.settled(1).await;
    assert_eq!(w.vendor.reads_of("r1"), 2);
    assert_eq!(
        w.events().await.last().map(String::as_str),
        Some("application.stage_changed")
    );
}

#[tokio::test]
async fn a_record_that_the_replica_does_not_show_yet_is_asked_for_again() {
    let w = World::start(IN_BODY, FIELDS).await;
    w.vendor.lag(vec![]);
    w.vendor
        .put("runs", run("s1", "open", "2026-11-20T10:00:00Z"));
    let body = told("moved", "t1", now(&w), json!({"id": "r1", "stage": "s1"}));
    w.send(&[], &body).await;
    w.settled(1).await;
    assert_eq!(w.vendor.reads_of("r1"), 2);
    assert_eq!(w.events().await, ["application.created"]);
}

#[tokio::test]
async fn forged_data_under_a_good_token_changes_nothing_that_a_read_does_not_show() {
    let w = known(IN_BODY, FIELDS).await;
    let before = (
        w.list("records/application").await,
        w.list("records/candidate").await,
    );
    let lie = json!({"id": "r1", "stage": "s9", "state": "lost", "updated": "2999-01-01T00:00:00Z", "person": "p7",
        "who": {"id": "p1", "name": "MARK", "updated": "2999-01-01T00:00:00Z"}});
    let lies = [
        ("moved", lie),
        ("run_gone", json!({"id": "r1"})),
        ("person_gone", json!({"person": "p1"})),
        ("merged", json!({"loser": "p1", "winner": "p2"})),
        ("gone", json!({"id": "r1"})),
    ];
    let n = lies.len();
    for (i, (event, data)) in lies.into_iter().enumerate() {
        let mut body = told(event, &format!("t{i}"), now(&w), data);
        body["org"] = json!("somebody else's");
        assert_eq!(w.send(&[], &body).await, 200);
    }
    w.settled(n).await;
    w.until("all is asked", async |w| w.vendor.reads_of("p2") == 3)
        .await;
    assert_eq!(w.events().await, ["application.created"]);
    let fields = |all: &[Value]| -> Vec<Value> {
        all.iter()
            .filter(|r| r["deleted_at"].is_null())
            .map(|r| {
                let mut r = r.clone();
                r.as_object_mut()
                    .expect("a table")
                    .shift_remove("provenance");
                r
            })
            .collect()
    };
    assert_eq!(
        fields(&w.list("records/application").await),
        fields(&before.0)
    );
    assert_eq!(
        fields(&w.list("records/candidate").await),
        fields(&before.1)
    );
    let pinned = w.hub.connection("ats").expect("it is there").account();
    assert_eq!(pinned, None, "what is not proven pins no account");
}

#[tokio::test]
async fn what_a_read_does_not_find_any_more_is_gone() {
    let w = known(IN_BODY, FIELDS).await;
    w.vendor.take("runs", "r1");
    let body = told("run_gone", "t1", now(&w), json!({"id": "r1"}));
    w.send(&[], &body).await;
    w.settled(1).await;
    w.until("it is gone", async |w| {
        w.events().await.last().map(String::as_str) == Some("application.deleted")
    })
    .await;
    assert!(
        w.vendor.reads_of("r1") >= 2,
        "asked again before it is believed"
    );
}

#[tokio::test]
async fn a_token_with_another_body_is_kept_once_and_then_refused() {
    let w = known(IN_BODY, FIELDS).await;
    let at = now(&w);
    w.send(&[], &told("gone", "t1", at, json!({"id": "r1"})))
        .await;
    w.settled(1).await;
    let reads = w.vendor.reads_of("r1");
    for (i, status) in [200, 401, 401].into_iter().enumerate() {
        let other = told("gone", "t1", at, json!({"id": "r1", "n": i}));
        assert_eq!(w.send(&[], &other).await, status);
    }
    // a digit moved from the time to the token: the same signature, another token
    let text = at.to_string();
    let mut moved = told("gone", "t1", at, json!({"id": "r1"}));
    moved["token"] = json!(format!("t1{}", &text[..1]));
    moved["at"] = serde_json::from_str(&text[1..]).expect("a number");
    assert_eq!(w.send(&[], &moved).await, 401);
    let all = w.deliveries().await;
    assert_eq!((all.len(), all[1].1.as_str()), (2, "kept"), "{all:?}");
    assert!(all[1].2.contains("came before with another body"));
    assert_eq!(w.vendor.reads_of("r1"), reads);
    let failures = w.list("failures").await;
    assert_eq!(failures[0]["code"], "IN-004");
    let rejected = w.hub.store.connections(MAIN).await.expect("read")[0].rejected;
    assert_eq!(rejected, 3);
}

#[tokio::test]
async fn an_old_one_is_noted_and_a_test_or_one_without_ids_is_kept_and_no_failure() {
    let w = known(IN_BODY, FIELDS).await;
    let old = now(&w) - 5 * 3_600_000;
    w.send(&[], &told("moved", "t1", old, json!({}))).await;
    w.send(&[], &told("moved", "t2", now(&w), json!({"stage": "s2"})))
        .await;
    w.settled(2).await;
    let all = w.deliveries().await;
    assert_eq!(
        (all[0].1.as_str(), all[0].2.as_str()),
        ("kept", "a test from the vendor's settings page")
    );
    assert_eq!(
        (all[1].1.as_str(), all[1].2.as_str()),
        ("kept", "it names no record that could be read")
    );
    w.send(
        &[],
        &told("gone", "t3", old, json!({"id": "nobody", "x": 1})),
    )
    .await;
    w.settled(3).await;
    let third = &w.deliveries().await[2];
    assert_eq!(third.1, "mapped");
    assert!(w.list("failures").await.is_empty());
    assert!(
        w.record("records/application", "nobody")
            .await
            .is_none_or(|r| !r["deleted_at"].is_null()),
        "what was never there is not shown"
    );
}

#[tokio::test]
async fn without_a_secret_a_delivery_is_only_a_hint_and_with_one_it_must_be_signed() {
    let w = known(OPTIONAL, &[("key", "k")]).await;
    let lie = json!({"event": "merged", "data": {"loser": "p1", "winner": "p2"}});
    assert_eq!(w.send(&[], &lie).await, 200);
    w.settled(1).await;
    assert_eq!(w.events().await, ["application.created"]);
    assert!(w.vendor.reads_of("p1") == 1 && w.vendor.reads_of("p2") >= 1);
    assert_eq!(
        w.signed(&lie).await,
        503,
        "it signs: the secret is still to be typed in"
    );
    let ping = json!({"event": "ping", "data": {}});
    assert_eq!(w.hub.connection("ats").expect("there").last_ping(), None);
    assert_eq!(w.send(&[], &ping).await, 200);
    assert!(
        w.hub
            .connection("ats")
            .expect("there")
            .last_ping()
            .is_some()
    );
    assert_eq!(w.hub.too_large("ats", None).await.status, 503, "never 413");
    let secret = json!({"hook": "key"});
    let secret = secret.as_object().expect("a table").clone();
    w.hub.set_fields("ats", secret, "ana").await.expect("set");
    assert_eq!(w.send(&[], &lie).await, 503, "never 401");
    let gone = json!({"event": "person_gone", "data": {"person": "p1"}});
    assert_eq!(w.signed(&gone).await, 200);
    w.until("it is believed", async |w| {
        w.events().await.iter().any(|e| e == "candidate.deleted")
    })
    .await;
}

#[tokio::test]
async fn an_act_told_in_several_deliveries_is_read_once_and_arrives_whole() {
    let w = known(OPTIONAL, FIELDS).await;
    let hired = run("s3", "won", "2026-11-22T10:00:00Z");
    w.vendor.put("runs", hired.clone());
    let part = |extra: Value| {
        let mut data = json!({"id": "r1", "act": "a1", "updated": "2026-11-22T10:00:00Z"});
        data.as_object_mut()
            .expect("a table")
            .extend(extra.as_object().expect("a table").clone());
        json!({"event": "moved", "data": data})
    };
    assert_eq!(w.signed(&part(json!({"stage": "s3"}))).await, 200);
    w.settled(1).await;
    assert_eq!(w.vendor.reads_of("r1"), 1);
    let events = w.events().await;
    assert_eq!(
        events,
        [
            "application.created",
            "application.stage_changed",
            "application.hired"
        ],
        "the first delivery told the stage alone, and the read the whole act"
    );
    for rest in [
        json!({"state": "won"}),
        json!({"state": "won", "stage": "s3"}),
    ] {
        assert_eq!(w.signed(&part(rest)).await, 200);
    }
    w.settled(3).await;
    assert_eq!(w.vendor.reads_of("r1"), 1, "the rest compares equal");
    assert_eq!(w.events().await, events);
}
