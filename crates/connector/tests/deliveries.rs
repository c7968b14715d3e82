//! Made-up vendors whose deliveries prove little: a signature in the body, a secret that may be missing, a bare hint.

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Value, json};
use stagewire_connector::{Connector, Headers, Mapped, Settings, Verdict};
use stagewire_model::{Entity, Micros, Seen};
use std::collections::BTreeMap;

const MAIN: &str = "format = 1\nid = \"acme\"\nname = \"Acme\"\nkind = \"ats\"\nbase_url = \"https://api.acme.example\"\nchecked_on = \"2026-11-24\"\n\
    [fields]\nhook = { label = \"Hook secrets\", secret = true, many = true }\n";
const STREAMS: &str = "[runs]\nget = \"/runs\"\nas = \"run\"\nids = \"ids\"\n[people]\nget = \"/people\"\nas = \"person\"\nids = \"ids\"\n";
const SHAPES: &str = r#"
[run]
entity = "application"
root = "data"
id = "runId"
dates = ["at"]
[run.fields]
stage_id = { at = "toStage", ref = "job_stage" }
extra_word = "word"
[[run.embeds]]
at = "person"
as = "person"
[person]
entity = "candidate"
id = "id"
[person.fields]
full_name = "name"
[person_gone]
entity = "candidate"
root = "data"
id = "personId"
deleted = true
[person_merged]
entity = "candidate"
root = "data"
id = "loser"
merged_into = "winner"
"#;

/// Signs a token in the body and nothing else.
const IN_BODY: &str = r#"
trust = "fetch"
verify = { scheme = "hmac_sha256", over = ["field:token", "field:at"], at = "signature", secret = "hook", guard = "token", timestamp = { at = "at", unit = "ms", note = "1h" } }
test = { at = "data", is = {} }
account = "org"
route = { on = "event" }
[events]
moved = { observes = "run", reads = { candidate = "data.personId" } }
gone = { reads = { application = "data.runId", candidate = ["data.contactId", "data.personId"] } }
bulk = { reads = { application = { at = "data.runs", id = "id" } } }
person_gone = { observes = "person_gone" }
merged = { observes = "person_merged" }
"#;

/// Signs the body, if it was given a secret; gives up for good on most answers.
const OPTIONAL: &str = r#"
reject = 503
never = [401, 403, 404]
verify = { scheme = "hmac_sha256", header = "X-Sig", shape = "sha256={hex}", secret = "hook", optional = true }
ping = { at = "action", is = "ping" }
route = { on = "action" }
group = "data.actId"
[events]
moved = { observes = "run" }
hired = { observes = "run", part_of_act = true }
merged = { observes = "person_merged", reads = { candidate = "data.winner" } }
"#;

/// What a customer's admin can build.
const HINT: &str = r#"
verify = { scheme = "token", header = "X-Key", secret = "hook" }
route = { always = "hint" }
[events]
hint = { reads = { application = ["Job_Application_ID", "id"] } }
"#;

fn files(webhooks: &str) -> BTreeMap<String, String> {
    [
        ("connector.toml", MAIN),
        ("streams.toml", STREAMS),
        ("mapping.toml", SHAPES),
        ("webhooks.toml", webhooks),
    ]
    .map(|(n, t)| (n.to_owned(), t.to_owned()))
    .into()
}

fn acme(webhooks: &str) -> Connector {
    Connector::load("acme", &files(webhooks)).unwrap_or_else(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", told.join("\n"))
    })
}

fn broken(webhooks: &str, from: &str, to: &str) -> String {
    assert!(webhooks.contains(from), "{from}");
    let problems = Connector::load("acme", &files(&webhooks.replacen(from, to, 1)));
    let told: Vec<String> = problems
        .expect_err("it must not load")
        .iter()
        .map(ToString::to_string)
        .collect();
    told.join("\n")
}

fn named(mapped: &Mapped) -> Vec<(Entity, &str)> {
    let all = mapped.observations.iter();
    all.map(|o| (o.entity, o.remote_id.as_str())).collect()
}

#[test]
fn a_delivery_that_proves_nothing_is_reduced_to_the_records_it_names() {
    let c = acme(IN_BODY);
    let moved = json!({"event": "moved", "org": "other", "data": {"runId": "r1", "personId": "p1", "toStage": "s2", "word": "MARK", "at": "2999-01-01T00:00:00Z",
        "person": {"id": "p9", "name": "MARK"}}});
    let mapped = c.map_delivery(&moved);
    assert!(mapped.thin && mapped.known && mapped.note.is_none());
    let left = mapped.only_ids();
    assert_eq!(
        named(&left),
        [(Entity::Application, "r1"), (Entity::Candidate, "p1")],
        "an embedded person is not named: it could be anybody"
    );
    let claim = &left.observations[0];
    assert_eq!(
        Value::Object(claim.fields.clone()),
        json!({"stage_id": {"$ref": "job_stage", "id": "s2"}}),
        "a claim to be denied or confirmed by a read"
    );
    assert!(!serde_json::to_string(&left).expect("json").contains("MARK"));
}

#[test]
fn ids_are_taken_where_they_are_and_missing_ones_are_only_noted() {
    let c = acme(IN_BODY);
    let run = |event: &str, data: Value| {
        c.map_delivery(&json!({"event": event, "data": data}))
            .only_ids()
    };
    assert_eq!(
        named(&run("gone", json!({"runId": 7, "personId": "p1"}))),
        [(Entity::Application, "7"), (Entity::Candidate, "p1")]
    );
    let bulk = json!({"runs": [{"id": "a"}, {"id": null}, {"x": 1}, {"id": "b"}, {"id": "a"}]});
    assert_eq!(
        named(&run("bulk", bulk)),
        [(Entity::Application, "a"), (Entity::Application, "b")]
    );
    let many: Vec<Value> = (0..1000).map(|n| json!({"id": n})).collect();
    assert_eq!(run("bulk", json!({ "runs": many })).observations.len(), 100);
    for data in [
        json!({"runId": null}),
        json!({"runId": {"a": 1}}),
        json!("x"),
        json!(null),
    ] {
        let left = run("gone", data);
        assert!(left.observations.is_empty() && left.drift.is_empty());
        assert_eq!(
            left.note.as_deref(),
            Some("it names no record that could be read")
        );
    }
    let test = run("moved", json!({}));
    assert_eq!(
        test.note.as_deref(),
        Some("a test from the vendor's settings page")
    );
    assert!(c.is_test(br#"{"event":"moved","data":{}}"#) && !c.is_test(br#"{"data":{"a":1}}"#));
}

#[test]
fn what_is_said_to_be_gone_or_merged_without_proof_is_read_and_not_believed() {
    let c = acme(IN_BODY);
    let run = |event: &str, data: Value| {
        c.map_delivery(&json!({"event": event, "data": data}))
            .only_ids()
    };
    let gone = run("person_gone", json!({"personId": "p1"}));
    assert_eq!(named(&gone), [(Entity::Candidate, "p1")]);
    let merged = run("merged", json!({"loser": "p1", "winner": "p2"}));
    assert_eq!(
        named(&merged),
        [(Entity::Candidate, "p1"), (Entity::Candidate, "p2")]
    );
    for o in gone.observations.iter().chain(&merged.observations) {
        assert_eq!((&o.seen, o.fields.len()), (&Seen::Present, 0));
    }
}

#[test]
fn a_signed_delivery_keeps_what_it_says_and_names_what_to_read_besides() {
    let c = acme(OPTIONAL);
    let merged =
        c.map_delivery(&json!({"action": "merged", "data": {"loser": "p1", "winner": "p2"}}));
    assert!(!merged.thin && !merged.shared);
    assert!(matches!(&merged.observations[0].seen, Seen::Merged { into } if into == "p2"));
    assert_eq!(merged.reads, [(Entity::Candidate, "p2".to_owned())]);
    let shared = |event: &str, act: Value| {
        c.map_delivery(&json!({"action": event, "data": {"runId": "r1", "actId": act}}))
            .shared
    };
    assert!(shared("moved", json!("act1")) && !shared("moved", json!(null)));
    assert!(shared("hired", json!(null)), "the manifest says so");
}

#[test]
fn a_hint_needs_no_type_and_names_what_to_read() {
    let c = acme(HINT);
    let hint = c.map_delivery(&json!({"Job_Application_ID": "JA-7", "anything": {"else": 1}}));
    assert_eq!((hint.kind.as_str(), hint.thin), ("hint", true));
    assert_eq!(named(&hint.only_ids()), [(Entity::Application, "JA-7")]);
}

#[test]
fn every_slip_in_webhooks_is_told_with_its_place() {
    let told = |webhooks: &str, from: &str, to: &str, says: &str| {
        let problems = broken(webhooks, from, to);
        assert!(problems.contains(says), "{problems}");
    };
    told(
        IN_BODY,
        "trust = \"fetch\"\n",
        "",
        "webhooks.toml:2:10: only a part of the body is signed",
    );
    told(IN_BODY, "\"fetch\"", "\"fecth\"", "did you mean `fetch`?");
    told(
        IN_BODY,
        "{ application = \"data.runId\"",
        "{ aplication = \"data.runId\"",
        "the model has no entity `aplication`; did you mean `application`?",
    );
    told(
        IN_BODY,
        "{ application = \"data.runId\"",
        "{ offer = \"data.runId\"",
        "`gone` wants a read of a offer, and no stream can be asked for one",
    );
    told(
        IN_BODY,
        "{ at = \"data.runs\", id = \"id\" }",
        "{ at = \"data.runs\", di = \"id\" }",
        "no such key: `di` (did you mean `id`?)",
    );
    told(
        IN_BODY,
        "= \"data.runId\",",
        "= 7,",
        "`application` should be a path",
    );
    told(
        IN_BODY,
        "is = {}",
        "iss = {}",
        "`test` says `at` which path it `is` what",
    );
    told(
        OPTIONAL,
        "reject = 503",
        "reject = 401",
        "401 is never to be answered",
    );
    told(
        OPTIONAL,
        "part_of_act",
        "part_of_atc",
        "did you mean `part_of_act`?",
    );
    told(
        HINT,
        "always = \"hint\"",
        "alway = \"hint\"",
        "did you mean `always`?",
    );
}

fn signed(token: &str, at: i64, key: &str) -> String {
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(format!("{token}{at}").as_bytes());
    let hash = mac.finalize().into_bytes();
    hash.iter().map(|b| format!("{b:02x}")).collect()
}

/// With `STAGEWIRE_VECTORS` naming a file of a vendor's own vectors (`signature_token`, `token`, `triggeredAt`, `signature`), they hold.
#[test]
fn the_vectors_at_hand_hold() {
    let Some(file) = std::env::var_os("STAGEWIRE_VECTORS") else {
        return;
    };
    let text = std::fs::read_to_string(file).expect("the file of vectors");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let vectors = all["vectors"].as_array().expect("a list");
    assert!(!vectors.is_empty());
    let c = acme(&IN_BODY.replace("\"field:at\"", "\"field:triggeredAt\""));
    for v in vectors {
        let text = |key: &str| v[key].as_str().expect("a text");
        let settings = Settings::default().with("hook", text("signature_token"));
        let verdict = |body: &Value| {
            c.prove(&settings, &|_| None, body.to_string().as_bytes(), Micros(0))
                .verdict
        };
        let mut body = json!({"triggeredAt": v["triggeredAt"], "token": text("token"), "signature": text("signature"), "data": {}});
        assert_eq!(verdict(&body), Verdict::Verified);
        body["triggeredAt"] = json!(1);
        assert_eq!(verdict(&body), Verdict::Bad);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let keys = prop_oneof![
            Just("runId"),
            Just("personId"),
            Just("toStage"),
            Just("at"),
            Just("word"),
            Just("person"),
            Just("id"),
            Just("loser"),
            Just("winner"),
            Just("runs")
        ];
        let map = prop::collection::btree_map(keys.prop_map(str::to_owned), inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            map.prop_map(|m| json!(m))
        ]
    })
}

proptest! {
    #[test]
    fn no_data_under_a_captured_token_gets_further_than_ids_and_the_guard_sees_it(data in any_json(), event in prop_oneof![Just("moved"), Just("gone"), Just("bulk"), Just("person_gone"), Just("merged")]) {
        let c = acme(IN_BODY);
        let settings = Settings::default().with("hook", "other,key");
        let none: Headers = &|_| None;
        let at = 1_700_000_000_000;
        let body = json!({"event": event, "token": "tok", "at": at, "signature": signed("tok", at, "key"), "data": data});
        let proof = c.prove(&settings, none, body.to_string().as_bytes(), Micros(at * 1000));
        let captured = json!({"event": "moved", "token": "tok", "at": at, "signature": signed("tok", at, "key"), "data": {"runId": "mine"}});
        let first = c.prove(&settings, none, captured.to_string().as_bytes(), Micros(at * 1000));
        prop_assert_eq!(proof.verdict, Verdict::Verified);
        prop_assert_eq!(proof.once, first.once);
        let mapped = c.map_delivery(&body);
        prop_assert!(mapped.thin);
        for o in mapped.only_ids().observations {
            prop_assert_eq!(&o.seen, &Seen::Present);
            prop_assert!(o.announces.is_none() && !o.complete);
            prop_assert!(o.fields.keys().all(|k| k == "stage_id" || k == "status"));
            prop_assert!(o.entity == Entity::Application || (o.fields.is_empty() && o.dates.is_empty()));
        }
    }

    #[test]
    fn one_changed_byte_of_what_is_signed_is_no_proof(at in 0usize..200, bit in 0u8..8) {
        let c = acme(OPTIONAL);
        let settings = Settings::default().with("hook", "key");
        let body = br#"{"action":"moved","data":{"runId":"r1","toStage":"s2"}}"#.to_vec();
        let (_, good) = c.sign_as_vendor("key", &|_| None, &body).expect("a signature");
        let verdict = |body: &[u8], told: &str| c.prove(&settings, &|_| Some(told), body, Micros(0)).verdict;
        prop_assert_eq!(verdict(&body, &good), Verdict::Verified);
        let mut changed = body.clone();
        let place = at % changed.len();
        changed[place] ^= 1 << bit;
        prop_assert_eq!(verdict(&changed, &good), Verdict::Bad);
    }
}
