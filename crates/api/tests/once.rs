//! `Idempotency-Key`: the same request again does nothing and gets the same answer.

mod common;

use common::{Answer, Server, request, token};
use serde_json::{Value, json};

async fn keyed(server: &Server, key: &str, role: &str, path: &str, body: Value) -> Answer {
    let mut request = request("POST", path, Some(role), Some(body));
    request
        .headers_mut()
        .insert("idempotency-key", key.parse().expect("a header"));
    server.send(request).await
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer_and_does_nothing() {
    let server = Server::start().await;
    let wish = json!({"name": "ci", "role": "viewer"});
    let first = keyed(&server, "k1", "admin", "/api/v1/tokens", wish.clone())
        .await
        .is(201);
    assert_eq!(first.header("idempotent-replay"), "");
    let again = keyed(&server, "k1", "admin", "/api/v1/tokens", wish.clone())
        .await
        .is(201);
    assert_eq!(
        (again.header("idempotent-replay"), &again.json),
        ("true", &first.json)
    );
    let made = server.get("/api/v1/audit?limit=500").await;
    assert_eq!(
        made.items()
            .iter()
            .filter(|l| l["detail"] == "ci, viewer")
            .count(),
        1
    );
    let kept = server
        .api
        .hub
        .store
        .reply(1, 4, "k1".into())
        .await
        .expect("a store")
        .expect("the admin's reply");
    assert!(
        !kept
            .answer
            .contains(first.json["token"].as_str().expect("a token")),
        "answers are kept sealed"
    );
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let server = Server::start().await;
    keyed(
        &server,
        "k",
        "admin",
        "/api/v1/tokens",
        json!({"name": "a", "role": "viewer"}),
    )
    .await
    .is(201);
    let other = keyed(
        &server,
        "k",
        "admin",
        "/api/v1/tokens",
        json!({"name": "b", "role": "viewer"}),
    )
    .await
    .is(422);
    assert_eq!(other.header("content-type"), "application/problem+json");
    keyed(
        &server,
        "k",
        "admin",
        "/api/v1/installation",
        json!({"live": true}),
    )
    .await
    .is(422);
    keyed(
        &server,
        "k",
        "owner",
        "/api/v1/tokens",
        json!({"name": "b", "role": "viewer"}),
    )
    .await
    .is(201);
    keyed(
        &server,
        &"x".repeat(300),
        "admin",
        "/api/v1/tokens",
        json!({"name": "b", "role": "viewer"}),
    )
    .await
    .is(400);
}

#[tokio::test]
async fn a_refusal_is_repeated_too_but_not_one_for_who_asks() {
    let server = Server::start().await;
    let empty = json!({"name": "", "role": "viewer"});
    keyed(&server, "bad", "admin", "/api/v1/tokens", empty.clone())
        .await
        .is(422);
    let again = keyed(&server, "bad", "admin", "/api/v1/tokens", empty)
        .await
        .is(422);
    assert_eq!(
        (
            again.header("idempotent-replay"),
            again.json["code"].as_str()
        ),
        ("true", Some("API-422"))
    );
    assert!(
        again.json["request_id"]
            .as_str()
            .is_some_and(|id| id == again.header("x-request-id")),
        "the id is this request's own"
    );
    let owner = json!({"name": "o", "role": "owner"});
    keyed(&server, "who", "admin", "/api/v1/tokens", owner.clone())
        .await
        .is(403);
    assert_eq!(
        keyed(&server, "who", "admin", "/api/v1/tokens", owner)
            .await
            .is(403)
            .header("idempotent-replay"),
        ""
    );
    keyed(&server, "no", "viewer", "/api/v1/tokens", json!({}))
        .await
        .is(403);
    assert_ne!(token("viewer"), token("admin"));
}

#[tokio::test]
async fn two_at_the_same_time_make_one() {
    let server = Server::start().await;
    let wish = json!({"name": "twins", "role": "viewer"});
    let (a, b) = futures::join!(
        keyed(&server, "t", "admin", "/api/v1/tokens", wish.clone()),
        keyed(&server, "t", "admin", "/api/v1/tokens", wish)
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert!(
        statuses == [201, 409] || statuses == [201, 201],
        "{statuses:?}"
    );
    let made = server.get("/api/v1/audit?limit=500").await;
    assert_eq!(
        made.items()
            .iter()
            .filter(|l| l["detail"] == "twins, viewer")
            .count(),
        1
    );
}
