//! A person's browser on its way to the vendor and back: who may begin, what each page says, and what no page says.

mod common;

use axum::body::Body;
use axum::http::Request;
use common::{Answer, Server, fits, request};
use serde_json::{Value, json};

fn browser(url: &str, cookie: Option<&str>) -> Request<Body> {
    let path = url.strip_prefix("https://sw.example").unwrap_or(url);
    let mut request = Request::get(path);
    if let Some(cookie) = cookie {
        request = request.header("cookie", format!("theme=dark; {cookie}"));
    }
    request.body(Body::empty()).expect("a request")
}

async fn link(server: &Server) -> String {
    let made = server.call(
        "POST",
        "/api/v1/connections/lv/connect",
        Some("operator"),
        Some(json!({})),
    );
    let made = made.await.is(200);
    made.json["url"].as_str().expect("a link").to_owned()
}

/// Where the browser is sent, the state in it, and what it keeps.
fn gone(answer: &Answer) -> (String, String, String) {
    let url = answer.header("location").to_owned();
    let state = url.split("state=").nth(1).and_then(|s| s.split('&').next());
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    (url.clone(), state.expect("a state").to_owned(), cookie)
}

fn is_strict(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn a_link_leads_to_the_vendor_and_back_to_a_working_connection() {
    let server = Server::consenting().await;
    let before = server.get("/api/v1/connections/lv").await.is(200);
    assert_eq!(
        (&before.json["by_consent"], &before.json["token_expires_at"]),
        (&json!(true), &Value::Null)
    );
    fits(
        &stagewire_api::openapi("0"),
        "Connection",
        &server.get("/api/v1/connections").await.items()[0],
    );
    let url = link(&server).await;
    assert!(
        url.starts_with("https://sw.example/connect/lv?ticket="),
        "{url}"
    );
    let away = server.send(browser(&url, None)).await.is(303);
    is_strict(&away);
    let (vendor, state, cookie) = gone(&away);
    assert!(vendor.starts_with("https://auth.lv.example/authorize?response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fsw.example%2Fconnect%2Fcallback&"), "{vendor}");
    let kept = away.header("set-cookie");
    for part in [
        "stagewire_connect_lv=",
        "; Path=/connect;",
        "HttpOnly",
        "SameSite=Lax",
        "Secure",
        "Max-Age=600",
    ] {
        assert!(kept.contains(part), "{kept}");
    }
    let back = format!("/connect/callback?code=good&state={state}&iss=whatever");
    let done = server.send(browser(&back, Some(&cookie))).await.is(200);
    is_strict(&done);
    assert!(
        done.text.contains("<h1>Connected</h1>")
            && done.text.contains("Leave is connected (connection lv)"),
        "{}",
        done.text
    );
    assert!(done.header("set-cookie").contains("Max-Age=0"));
    server
        .until("/api/v1/connections/lv", |a| a.json["state"] == "working")
        .await;
    let after = server.get("/api/v1/connections/lv").await;
    assert!(
        after.json["token_expires_at"].is_string() && after.json["refresh_expires_at"].is_string(),
        "{}",
        after.text
    );
    assert_eq!(after.json["scopes"]["needed"], json!(["people:read"]));
    let log = server.get("/api/v1/audit?limit=500").await;
    let mine = |i: &&Value| i["object"] == "connection/lv" && i["actor"] == "operator token";
    assert_eq!(log.items().iter().filter(mine).count(), 2, "{}", log.text);
    // what is secret stands nowhere
    let calls = server.get("/api/v1/calls?limit=500").await;
    for text in [&log.text, &calls.text, &after.text, &done.text] {
        for secret in [state.as_str(), "good", "ticket=", "lv-access", "lv-refresh"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test]
async fn who_may_begin_and_who_may_not() {
    let server = Server::consenting().await;
    for (role, status) in [
        ("viewer", 403),
        ("reviewer", 403),
        ("operator", 200),
        ("admin", 200),
    ] {
        let asked = server.call(
            "POST",
            "/api/v1/connections/lv/connect",
            Some(role),
            Some(json!({})),
        );
        asked.await.is(status);
        let leads = server.call("GET", "/connect/lv", Some(role), None).await;
        assert_eq!(
            leads.status.as_u16(),
            if status == 200 { 303 } else { 403 },
            "{role}"
        );
    }
    let nobody = server.send(browser("/connect/lv", None)).await.is(401);
    assert!(
        nobody.text.contains("A link is needed") && nobody.text.starts_with("<!doctype html>"),
        "{}",
        nobody.text
    );
    let mut wrong = request("GET", "/connect/lv", None, None);
    wrong
        .headers_mut()
        .insert("authorization", "Bearer nobody".parse().expect("a header"));
    server.send(wrong).await.is(401);
    server
        .send(browser("/connect/lv?ticket=made-up", None))
        .await
        .is(400);
    server
        .send(browser("/connect/nobody?ticket=x", None))
        .await
        .is(404);
    server
        .send(browser("/connect/ats?ticket=x", None))
        .await
        .is(409);
    let told = server
        .post("/api/v1/connections/ats/connect", json!({}))
        .await
        .is(409);
    assert!(told.text.contains("needs no consent"), "{}", told.text);
    server
        .post("/api/v1/connections/nobody/connect", json!({}))
        .await
        .is(404);
    let told = server
        .post(
            "/api/v1/connections/lv/connect",
            json!({"actions": ["lv.note.create", "x.y"]}),
        )
        .await
        .is(422);
    assert!(
        told.text.contains("no action `lv.note.create`"),
        "{}",
        told.text
    );
}

#[tokio::test]
async fn a_link_works_once_and_is_not_used_up_by_who_only_looks() {
    let server = Server::consenting().await;
    let url = link(&server).await;
    let mut look = browser(&url, None);
    *look.method_mut() = axum::http::Method::HEAD;
    server.send(look).await.is(200);
    server.send(browser(&url, None)).await.is(303);
    let again = server.send(browser(&url, None)).await.is(400);
    is_strict(&again);
    assert!(
        again.text.contains("used already") && again.text.contains("Make a new link"),
        "{}",
        again.text
    );
}

#[tokio::test]
async fn what_goes_wrong_at_the_vendor_is_said_and_what_to_do() {
    let server = Server::consenting().await;
    let come_back = async |query: &str, with: bool| {
        let away = server
            .send(browser(&link(&server).await, None))
            .await
            .is(303);
        let (_, state, cookie) = gone(&away);
        let back = format!("/connect/callback?state={state}&{query}");
        let first = server
            .send(browser(&back, with.then_some(cookie.as_str())))
            .await;
        is_strict(&first);
        let replay = server.send(browser(&back, Some(&cookie))).await.is(400);
        assert!(
            replay.text.contains("belongs to nothing"),
            "{}",
            replay.text
        );
        first
    };
    let no = come_back(
        "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E",
        true,
    )
    .await
    .is(400);
    assert!(
        no.text.contains("Leave said no: &lt;script&gt;") && !no.text.contains("<script"),
        "{}",
        no.text
    );
    assert!(no.text.contains("ask an administrator"), "{}", no.text);
    let bad = come_back("code=made-up", true).await.is(502);
    assert!(
        bad.text.contains("Leave gave no access") && bad.text.contains("redirect address"),
        "{}",
        bad.text
    );
    let elsewhere = come_back("code=good", false).await.is(400);
    assert!(
        elsewhere.text.contains("another browser"),
        "{}",
        elsewhere.text
    );
    for query in [
        "",
        "?code=good",
        "?state=lv.x&code=good",
        "?state=ats.x&code=good",
        "?state=%ff",
        "?state=lv.%0d%0aX:1&code=good",
        "?state=a&state=b",
    ] {
        let told = server
            .send(browser(&format!("/connect/callback{query}"), None))
            .await
            .is(400);
        is_strict(&told);
    }
    let state = server.get("/api/v1/connections/lv").await;
    assert_eq!(state.json["token_expires_at"], Value::Null);
}

#[tokio::test]
async fn the_outside_listener_takes_who_comes_back_and_leads_nobody_away() {
    let server = Server::consenting().await;
    let outside = stagewire_api::intake_router(server.api.clone());
    let back = common::answer(
        outside.clone(),
        browser("/connect/callback?state=lv.x&code=good", None),
    )
    .await;
    assert_eq!(back.is(400).header("referrer-policy"), "no-referrer");
    common::answer(outside, browser("/connect/lv?ticket=x", None))
        .await
        .is(404);
}
