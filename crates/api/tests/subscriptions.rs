//! Subscriptions from their making to their end: what they are sent, who signs it, and how they end by themselves.

mod common;

use common::Server;
use serde_json::{Value, json};
use stagewire_connector::sign::standard_webhooks;
use stagewire_connector::{Request, Settings};
use stagewire_engine::connection::Connection;
use stagewire_model::MAIN;

const URL: &str = "https://hooks.example.com/in";

async fn subscribed(server: &Server, more: Value) -> (String, String) {
    let mut body = json!({"url": URL, "events": ["*"]});
    body.as_object_mut()
        .expect("an object")
        .extend(more.as_object().cloned().unwrap_or_default());
    let made = server.post("/api/v1/subscriptions", body).await.is(201);
    let text = |key: &str| made.json[key].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    let found = request.headers.iter().find(|(n, _)| n == name);
    found.map_or("", |(_, v)| v.as_str())
}

/// Waits until that many requests went to the receiver.
async fn sent(server: &Server, count: usize) -> Vec<Request> {
    server
        .until("/api/v1/actions", |_| {
            server.vendor.sent_to(URL).len() >= count
        })
        .await;
    server.vendor.sent_to(URL)
}

/// Whether this secret has signed a request.
fn signed_by(request: &Request, secret: &str) -> bool {
    let (id, at) = (
        header(request, "webhook-id"),
        header(request, "webhook-timestamp"),
    );
    let mine = standard_webhooks(&[secret], id, at.parse().expect("seconds"), &request.body);
    let entries = header(request, "webhook-signature");
    mine.is_some_and(|m| entries.split(' ').any(|e| e == m))
}

#[tokio::test]
async fn a_subscription_gets_what_it_asked_for_and_shows_its_secret_once() {
    let server = Server::start().await;
    let (id, secret) = subscribed(&server, json!({"events": ["application.*"], "fields": ["candidate.full_name"], "connections": ["ats"]})).await;
    server.with_people(1).await;
    let requests = sent(&server, 1).await;
    let event: Value = serde_json::from_slice(&requests[0].body).expect("an event");
    assert_eq!(
        (
            &event["type"],
            &event["data"]["fields"]["candidate.full_name"]
        ),
        (&json!("application.created"), &json!("Ana N0"))
    );
    assert!(signed_by(&requests[0], &secret));
    let shown = server
        .get(&format!("/api/v1/subscriptions/{id}"))
        .await
        .is(200);
    common::fits(&stagewire_api::openapi("0"), "Subscription", &shown.json);
    assert_eq!(
        (&shown.json["connections"], &shown.json["owner"]),
        (&json!(["ats"]), &json!("admin token"))
    );
    assert!(
        !server
            .get("/api/v1/subscriptions")
            .await
            .is(200)
            .text
            .contains("whsec_")
    );
    for (more, says) in [
        (json!({"events": ["application.hird"]}), "application.hired"),
        (json!({"connections": ["atz"]}), "did you mean `ats`?"),
        (json!({"fields": ["offer.pay"]}), "restricted"),
    ] {
        let mut body = json!({"url": URL, "events": ["*"]});
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        let refused = server.post("/api/v1/subscriptions", body).await.is(422);
        assert!(refused.text.contains(says), "{}", refused.text);
    }
    server
        .call(
            "DELETE",
            &format!("/api/v1/subscriptions/{id}"),
            Some("admin"),
            None,
        )
        .await
        .is(204);
    server
        .get(&format!("/api/v1/subscriptions/{id}"))
        .await
        .is(404);
}

#[tokio::test]
async fn a_test_is_signed_and_a_new_secret_signs_beside_the_old_one() {
    let server = Server::start().await;
    let (id, old) = subscribed(&server, json!({})).await;
    let test = format!("/api/v1/subscriptions/{id}/test");
    let first = server.post(&test, json!({})).await.is(202);
    let requests = sent(&server, 1).await;
    assert_eq!(header(&requests[0], "webhook-id"), first.json["event_id"]);
    assert!(
        requests[0]
            .body
            .windows(17)
            .any(|w| w == b"subscription.test")
    );
    let made = server
        .post(&format!("/api/v1/subscriptions/{id}/rotate"), json!({}))
        .await
        .is(200);
    let new = made.json["secret"].as_str().expect("a secret");
    assert_ne!(new, old);
    assert!(made.json["both_until"].is_string());
    server.post(&test, json!({})).await.is(202);
    let requests = sent(&server, 2).await;
    assert!(signed_by(&requests[1], new) && signed_by(&requests[1], &old));
    assert!(signed_by(&requests[0], &old) && !signed_by(&requests[0], new));
    let shown = server
        .get(&format!("/api/v1/subscriptions/{id}"))
        .await
        .is(200);
    assert_eq!(shown.json["both_until"], made.json["both_until"]);
    server
        .post("/api/v1/subscriptions/99/rotate", json!({}))
        .await
        .is(404);
    server
        .post("/api/v1/subscriptions/99/test", json!({}))
        .await
        .is(404);
    server
        .call("POST", &test, Some("operator"), Some(json!({})))
        .await
        .is(403);
}

#[tokio::test]
async fn a_receiver_that_is_gone_ends_its_subscription_and_the_inbox_says_so() {
    let server = Server::start().await;
    let (id, _) = subscribed(&server, json!({})).await;
    server.vendor.answer(URL, 410);
    server.with_people(1).await;
    let inbox = server
        .until("/api/v1/failures?code=SUB-001", |a| a.items().len() == 1)
        .await;
    let told = &inbox.items()[0];
    assert!(
        told["cause"].as_str().is_some_and(|c| c.contains("removed")
            && c.contains("hooks.example.com")
            && c.contains("410")
            && !c.contains("/in")),
        "{told}"
    );
    assert_eq!(
        (&told["owner"], &told["title"]),
        (
            &json!("admin token"),
            &json!("A subscription ended by itself")
        )
    );
    server
        .get(&format!("/api/v1/subscriptions/{id}"))
        .await
        .is(404);
    let log = server
        .get(&format!("/api/v1/audit?object=subscription/{id}"))
        .await
        .is(200);
    assert!(
        log.text.contains("the receiver") && log.text.contains("410"),
        "{}",
        log.text
    );
    let over = |a: &common::Answer| a.items().iter().all(|i| i["state"] == "skipped");
    server
        .until(
            &format!("/api/v1/actions?connection=subscription/{id}"),
            over,
        )
        .await;
    let count = server.vendor.sent_to(URL).len();
    server.with_people(2).await;
    assert_eq!(
        server.vendor.sent_to(URL).len(),
        count,
        "nothing more is sent"
    );
}

#[tokio::test]
async fn answers_that_nothing_is_there_are_counted_until_one_is_good() {
    let server = Server::start().await;
    let (id, _) = subscribed(&server, json!({})).await;
    server.vendor.answer(URL, 404);
    let test = format!("/api/v1/subscriptions/{id}/test");
    for n in 1..=2 {
        server.post(&test, json!({})).await.is(202);
        server
            .until(&format!("/api/v1/subscriptions/{id}"), |a| {
                a.json["not_found"] == n
            })
            .await;
    }
    server.vendor.answer(URL, 200);
    server.post(&test, json!({})).await.is(202);
    let so = |a: &common::Answer| a.json["not_found"] == 0 && a.json["not_found_since"].is_null();
    server
        .until(&format!("/api/v1/subscriptions/{id}"), so)
        .await;
}

#[tokio::test]
async fn an_address_that_is_gone_pauses_its_connection_until_a_person_lets_it_go_on() {
    let server = Server::start_with(common::How {
        out: true,
        ..Default::default()
    })
    .await;
    let flow = "name = \"Tell\"\nowner = \"ana@example.com\"\nrung = \"write-back\"\n[when]\nevent = \"application.created\"\nconnection = \"ats\"\n[[step]]\nid = \"tell\"\nuse = \"hook.request\"\nconnection = \"out\"\n";
    server
        .post(
            "/api/v1/flows/apply",
            json!({"files": {"tell": flow}, "override_reason": "a test"}),
        )
        .await
        .is(200);
    server.vendor.answer("https://out.example", 410);
    server.with_people(1).await;
    server
        .until("/api/v1/connections/out", |a| a.json["state"] == "paused")
        .await;
    let known = server
        .api
        .hub
        .store
        .connections(MAIN)
        .await
        .expect("readable");
    let row = known
        .iter()
        .find(|c| c.conn == "out")
        .expect("it is stored");
    let live = server.api.hub.connection("out").expect("it is there");
    let next = Connection::new(
        live.spec.clone(),
        live.connector.clone(),
        Settings::default(),
        row,
    );
    assert!(!next.may_send(), "a new start does not wake it: {row:?}");
    server.vendor.answer("https://out.example", 200);
    server
        .post("/api/v1/connections/out/resume", json!({}))
        .await
        .is(200);
    assert_eq!(
        server.get("/api/v1/connections/out").await.is(200).json["state"],
        "working"
    );
    let log = server
        .get("/api/v1/audit?object=connection/out")
        .await
        .is(200);
    assert!(log.text.contains("resumed"), "{}", log.text);
}
