//! Who may do what, how errors look, and what every answer has.

mod common;

use axum::body::Body;
use axum::http::{Method, Request};
use common::{Server, answer, request};
use serde_json::json;
use stagewire_api::auth::needs;

#[tokio::test]
async fn each_role_gets_as_far_as_it_should() {
    let server = Server::start().await;
    let routes = [
        ("GET", "/api/v1/events", "viewer"),
        ("GET", "/api/v1/audit", "viewer"),
        ("POST", "/api/v1/holds/1/reject", "reviewer"),
        ("POST", "/api/v1/failures/1/take", "operator"),
        ("POST", "/api/v1/commands", "operator"),
        ("POST", "/api/v1/connections/ats/check", "operator"),
        ("POST", "/api/v1/flows/pings/try", "operator"),
        ("PUT", "/api/v1/connections/ats/fields", "admin"),
        ("POST", "/api/v1/connections/ats/webhooks", "admin"),
        ("POST", "/api/v1/subscriptions", "admin"),
        ("POST", "/api/v1/flows/apply", "admin"),
        ("POST", "/api/v1/tokens", "admin"),
        ("DELETE", "/api/v1/subscriptions/1", "admin"),
    ];
    let roles = ["viewer", "reviewer", "operator", "admin", "owner"];
    for (method, path, least) in routes {
        let least = roles.iter().position(|r| *r == least).expect("a role");
        for (i, role) in roles.iter().enumerate() {
            let answer = server
                .call(
                    method,
                    path,
                    Some(role),
                    (method != "GET").then(|| json!({})),
                )
                .await;
            assert_eq!(
                answer.status.as_u16() == 403,
                i < least,
                "{method} {path} as {role}: {}",
                answer.text
            );
            if i < least {
                assert_eq!(answer.json["code"], "API-403");
            }
        }
    }
    assert_eq!(
        needs(&Method::POST, "/api/v1/anything/new").as_str(),
        "admin",
        "what nobody listed needs an admin"
    );
}

#[tokio::test]
async fn on_the_local_socket_the_caller_is_an_admin_without_a_token() {
    let server = Server::start().await;
    let made = answer(
        server.local.clone(),
        request(
            "POST",
            "/api/v1/tokens",
            None,
            Some(json!({"name": "ci", "role": "operator"})),
        ),
    )
    .await
    .is(201);
    let mut asked = request("GET", "/api/v1/flows", None, None);
    asked.headers_mut().insert(
        "authorization",
        format!("bearer {}", made.json["token"].as_str().expect("a token"))
            .parse()
            .expect("a header"),
    );
    server.send(asked).await.is(200);
    answer(
        server.local.clone(),
        request(
            "POST",
            "/api/v1/tokens",
            None,
            Some(json!({"name": "x", "role": "owner"})),
        ),
    )
    .await
    .is(403);
    server
        .call(
            "POST",
            "/api/v1/tokens",
            Some("owner"),
            Some(json!({"name": "x", "role": "owner"})),
        )
        .await
        .is(201);
    let log = server.get("/api/v1/audit?limit=500").await.is(200);
    assert!(
        log.items()
            .iter()
            .any(|l| l["actor"] == "local" && l["verb"] == "token created")
    );
    assert!(
        !log.text
            .contains(made.json["token"].as_str().expect("a token")),
        "the log never holds a token"
    );
}

#[tokio::test]
async fn problems_are_documents_with_a_code_and_the_requests_id() {
    let server = Server::start().await;
    let cases = [
        (request("GET", "/nowhere", None, None), 404),
        (request("GET", "/api/v1/nothing", Some("viewer"), None), 404),
        (
            request("GET", "/api/v1/actions/77", Some("viewer"), None),
            404,
        ),
        (
            request("GET", "/api/v1/actions/x", Some("viewer"), None),
            404,
        ),
        (
            request("GET", "/api/v1/events/evt_1", Some("viewer"), None),
            404,
        ),
        (
            request("GET", "/api/v1/records/applicant", Some("viewer"), None),
            404,
        ),
        (
            request("DELETE", "/api/v1/events", Some("admin"), None),
            405,
        ),
        (
            request("GET", "/api/v1/events?limit=many", Some("viewer"), None),
            400,
        ),
        (
            request("GET", "/api/v1/events?cursor=x", Some("viewer"), None),
            400,
        ),
        (
            request("GET", "/api/v1/runs?state=over", Some("viewer"), None),
            400,
        ),
        (
            request(
                "GET",
                "/api/v1/records/job?updated_after=monday",
                Some("viewer"),
                None,
            ),
            400,
        ),
        (
            request(
                "POST",
                "/api/v1/flows/plan",
                Some("admin"),
                Some(json!({"flies": {}})),
            ),
            422,
        ),
        (
            request(
                "POST",
                "/api/v1/commands",
                Some("admin"),
                Some(json!({"command": "note.create", "connection": "none", "target": "x"})),
            ),
            422,
        ),
        (
            request("POST", "/api/v1/failures/9/replay", Some("admin"), None),
            404,
        ),
        (
            request(
                "POST",
                "/api/v1/holds/9/approve",
                Some("admin"),
                Some(json!({"shown_hash": "0".repeat(64)})),
            ),
            404,
        ),
        (
            request(
                "PUT",
                "/api/v1/connections/ats/fields",
                Some("admin"),
                Some(json!({"kee": "x"})),
            ),
            422,
        ),
        (
            request(
                "PUT",
                "/api/v1/connections/ats/fields",
                Some("admin"),
                Some(json!({"mood": "odd"})),
            ),
            422,
        ),
        (
            request(
                "POST",
                "/api/v1/connections/none/pause",
                Some("admin"),
                None,
            ),
            404,
        ),
        (
            request(
                "POST",
                "/api/v1/installation",
                Some("admin"),
                Some(json!({"live": false})),
            ),
            422,
        ),
        (
            Request::post("/api/v1/flows/plan")
                .header("authorization", "Bearer the-admin-token")
                .header("content-type", "application/json")
                .body(Body::from("{"))
                .expect("a request"),
            400,
        ),
        (
            Request::post("/api/v1/flows/plan")
                .header("authorization", "Bearer the-admin-token")
                .header("content-type", "text/plain")
                .body(Body::from("x"))
                .expect("a request"),
            415,
        ),
    ];
    for (mut request, status) in cases {
        let at = format!("{} {}", request.method(), request.uri());
        request
            .headers_mut()
            .insert("x-request-id", "mine-7".parse().expect("a header"));
        let answer = server.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{at}: {}", answer.text);
        assert_eq!(
            (answer.header("content-type"), answer.header("x-request-id")),
            ("application/problem+json", "mine-7"),
            "{at}"
        );
        let p = &answer.json;
        assert_eq!(
            (p["status"].as_u64(), p["request_id"].as_str()),
            (Some(u64::from(status)), Some("mine-7")),
            "{at}"
        );
        let code = p["code"].as_str().expect("a code");
        assert_eq!(p["type"], json!(format!("/docs/errors/{code}")), "{at}");
        assert!(
            p["title"].as_str().is_some_and(|t| !t.is_empty())
                && p["detail"].as_str().is_some_and(|d| !d.is_empty()),
            "{at}: {p}"
        );
    }
}

#[tokio::test]
async fn answers_have_an_id_and_are_neither_guessed_nor_kept() {
    let server = Server::start().await;
    let answer = server.get("/api/v1/events").await.is(200);
    assert!(answer.header("x-request-id").starts_with("req_"));
    assert_eq!(
        (
            answer.header("x-content-type-options"),
            answer.header("cache-control")
        ),
        ("nosniff", "no-store")
    );
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    let mut odd = request("GET", "/api/v1/events", Some("viewer"), None);
    odd.headers_mut()
        .insert("x-request-id", "a b".parse().expect("a header"));
    assert!(
        server
            .send(odd)
            .await
            .header("x-request-id")
            .starts_with("req_"),
        "an odd id is replaced"
    );
}

#[tokio::test]
async fn bodies_are_limited_before_they_are_read_and_while() {
    let server = Server::start().await;
    let big = format!("{{\"files\": {{\"a\": \"{}\"}}}}", "x".repeat(1_100_000));
    let post = || {
        Request::post("/api/v1/flows/plan")
            .header("authorization", "Bearer the-admin-token")
            .header("content-type", "application/json")
    };
    server
        .send(
            post()
                .header("content-length", big.len())
                .body(Body::from("{}"))
                .expect("a request"),
        )
        .await
        .is(413);
    let streamed = futures::stream::iter(
        big.into_bytes()
            .chunks(64_000)
            .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
            .collect::<Vec<_>>(),
    );
    let problem = server
        .send(post().body(Body::from_stream(streamed)).expect("a request"))
        .await
        .is(413);
    assert_eq!(problem.json["code"], "API-413");
    let deep = format!("{{\"files\": {}1{}}}", "[".repeat(500), "]".repeat(500));
    server
        .send(post().body(Body::from(deep)).expect("a request"))
        .await
        .is(422);
}

#[tokio::test]
async fn health_needs_no_token_and_says_whether_anything_leaves() {
    let server = Server::start().await;
    assert_eq!(
        server
            .send(request("GET", "/healthz", None, None))
            .await
            .is(200)
            .text,
        "ok\n"
    );
    assert_eq!(
        server
            .send(request("GET", "/readyz", None, None))
            .await
            .is(200)
            .json["effects"],
        json!(true)
    );
    server.api.hub.set_effects(false);
    assert_eq!(
        server
            .send(request("GET", "/readyz", None, None))
            .await
            .is(200)
            .json["effects"],
        json!(false),
        "it can still take deliveries"
    );
    assert_eq!(
        server.get("/api/v1/installation").await.is(200).json["effects"],
        json!(false)
    );
    assert_eq!(
        server
            .post("/api/v1/installation", json!({"live": true}))
            .await
            .is(200)
            .json["effects"],
        json!(true)
    );
    let text = server
        .send(request("GET", "/metrics", None, None))
        .await
        .is(200)
        .text;
    for line in [
        "stagewire_effects 1",
        "stagewire_info{version=\"0.0.0-test\"} 1",
        "stagewire_circuit_open{connection=\"ats\"} 0",
        "stagewire_holds_waiting 0",
        "stagewire_failures_open 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}
