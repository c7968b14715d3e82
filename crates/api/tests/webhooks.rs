//! A connection's webhooks over the API: how they stand, what cannot be done, and a check of our own address.

mod common;

use common::Server;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/connections/ats/webhooks";

#[tokio::test]
async fn they_are_shown_by_type_and_without_a_secret() {
    let server = Server::start().await;
    server.api.hub.set_public_url("https://wire.example.com/");
    server.with_people(1).await;
    let shown = server.get(PATH).await.is(200);
    assert_eq!(shown.json["mode"], "manual");
    assert_eq!(shown.json["url"], "https://wire.example.com/in/ats");
    assert_eq!(
        shown.json["secret"],
        json!({"field": "hook", "label": "Hook secret", "known": 1, "optional": false})
    );
    let events = shown.json["events"].as_array().expect("a list");
    assert_eq!(events.len(), 5);
    for e in events {
        let delivered = ["person.made", "run.made"].contains(&e["event"].as_str().unwrap_or("-"));
        assert!(
            e["wanted"] == true && e["by_hand"] == true && e["there"].is_null(),
            "{e}"
        );
        assert_eq!(e["last_delivery_at"].is_string(), delivered, "{e}");
    }
    assert!(!shown.text.contains("a-hook-secret"));
    server
        .get("/api/v1/connections/nobody/webhooks")
        .await
        .is(404);
    let connection = server.get("/api/v1/connections/ats").await.is(200);
    assert_eq!(connection.json["webhooks"], "manual");
}

#[tokio::test]
async fn what_the_vendor_has_no_calls_for_is_refused_with_the_way_out() {
    let server = Server::start().await;
    for action in ["register", "repair", "remove"] {
        let refused = server.post(PATH, json!({"action": action})).await.is(409);
        let detail = refused.json["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("\"check\" says how"), "{detail}");
    }
    server.post(PATH, json!({"action": "burn"})).await.is(422);
    assert_eq!(
        server
            .vendor
            .asked
            .load(std::sync::atomic::Ordering::SeqCst),
        1,
        "only the test at the start"
    );
}

#[tokio::test]
async fn a_check_says_which_hop_is_broken_and_nobody_else_can_ask_for_one() {
    let server = Server::start().await;
    let check = |v: &Value| (v["check"]["broken"].clone(), v["check"]["steps"].clone());
    let (broken, steps) = check(
        &server
            .post(PATH, json!({"action": "check"}))
            .await
            .is(200)
            .json,
    );
    assert_eq!(broken, "address");
    assert!(steps[0].as_str().is_some_and(|s| s.contains("public_url")));
    server.api.hub.set_public_url("https://wire.example.com");
    let (broken, _) = check(
        &server
            .post(PATH, json!({"action": "check"}))
            .await
            .is(200)
            .json,
    );
    assert_eq!(broken, "other_server");
    let mut guess = server.signed("{}");
    guess
        .headers_mut()
        .insert("stagewire-check", "00".parse().expect("a value"));
    *guess.body_mut() = axum::body::Body::from("[]");
    let answer = server.send(guess).await.is(401);
    assert_eq!(
        answer.header("stagewire-check"),
        "",
        "only a check that is on its way is answered"
    );
}
