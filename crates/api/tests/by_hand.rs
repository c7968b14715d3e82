//! What people do by hand: a command is held and decided, a failure is taken and settled, a connection is filled in and paused.

mod common;

use common::{Server, first, fits};
use serde_json::json;

#[tokio::test]
async fn a_command_is_held_shown_and_decided_once() {
    let server = Server::start().await;
    server.with_people(1).await;
    let application = first(&server, "/api/v1/records/application").await;
    let wish = json!({"command": "application.move", "connection": "ats", "target": application["id"], "with": {"stage": "Offer"}});
    let taken = server
        .call("POST", "/api/v1/commands", Some("operator"), Some(wish))
        .await
        .is(202);
    assert_eq!(taken.json["state"], "held");
    let id = taken.json["action_id"].as_str().expect("an id").to_owned();
    let hold = server.get(&format!("/api/v1/holds/{id}")).await.is(200);
    fits(&stagewire_api::openapi("0"), "Hold", &hold.json);
    assert!(
        hold.json["request"].to_string().contains("Offer"),
        "{}",
        hold.text
    );
    let approve = format!("/api/v1/holds/{id}/approve");
    let other = server
        .call(
            "POST",
            &approve,
            Some("reviewer"),
            Some(json!({"shown_hash": "0".repeat(64)})),
        )
        .await
        .is(409);
    assert!(other.text.contains("look again"), "{}", other.text);
    let mut request = hold.json["request"].clone();
    let body = request.to_string().replace("Offer", "Interview");
    request = serde_json::from_str(&body).expect("still a request");
    let edit = json!({"shown_hash": hold.json["shown_hash"], "request": request});
    assert_eq!(
        server
            .call(
                "POST",
                &format!("/api/v1/holds/{id}/edit"),
                Some("reviewer"),
                Some(edit)
            )
            .await
            .is(200)
            .json["state"],
        "edited"
    );
    let late = server
        .call(
            "POST",
            &format!("/api/v1/holds/{id}/reject"),
            Some("reviewer"),
            Some(json!({"reason": "no"})),
        )
        .await
        .is(409);
    assert_eq!(late.json["state"], "edited");
    let done = server
        .until(&format!("/api/v1/actions/{id}"), |a| {
            a.json["state"] == "done"
        })
        .await;
    assert!(
        done.json["request"].to_string().contains("Interview"),
        "{}",
        done.text
    );
    assert_eq!(done.json["calls"].as_array().map(Vec::len), Some(1));
    let call = server
        .get(&format!(
            "/api/v1/calls/{}",
            done.json["calls"][0]["id"].as_str().expect("an id")
        ))
        .await
        .is(200);
    fits(&stagewire_api::openapi("0"), "Call", &call.json);
}

#[tokio::test]
async fn a_failure_has_a_title_and_can_be_taken_settled_and_tried_again() {
    let server = Server::start().await;
    server
        .send(server.signed("this is signed, but no JSON"))
        .await
        .is(202);
    let failure = first(&server, "/api/v1/failures?code=IN-002").await;
    assert_eq!(failure["title"], "Signed, but not readable");
    fits(&stagewire_api::openapi("0"), "Failure", &failure);
    let path = format!(
        "/api/v1/failures/{}",
        failure["id"].as_str().expect("an id")
    );
    let detail = server.get(&path).await.is(200);
    assert_eq!(detail.json["items"][0]["kind"], "delivery");
    let delivery = format!(
        "/api/v1/deliveries/{}",
        detail.json["items"][0]["id"].as_str().expect("an id")
    );
    assert_eq!(server.get(&delivery).await.is(200).json["state"], "kept");
    let take = format!("{path}/take");
    assert_eq!(
        server
            .call("POST", &take, Some("operator"), None)
            .await
            .is(200)
            .json["taken_by"],
        "operator token"
    );
    let plan = server
        .post(
            "/api/v1/failures/replay",
            json!({"filter": {"code": "IN-002"}, "plan": true}),
        )
        .await
        .is(200);
    assert_eq!(
        (
            plan.json["failures"].as_i64(),
            plan.json["again"].as_array().map(Vec::len)
        ),
        (Some(1), Some(0))
    );
    server
        .post(
            "/api/v1/failures/replay",
            json!({"filter": {"colour": "red"}, "plan": true}),
        )
        .await
        .is(422);
    server
        .post(
            &format!("{path}/settle"),
            json!({"as": "thrown_away", "reason": "x"}),
        )
        .await
        .is(422);
    assert_eq!(
        server
            .post(
                &format!("{path}/settle"),
                json!({"as": "not_needed", "reason": "a test of theirs"})
            )
            .await
            .is(200)
            .json["settled"],
        1
    );
    server
        .post(&format!("{path}/ignore"), json!({}))
        .await
        .is(409);
}

#[tokio::test]
async fn a_connection_is_shown_filled_in_paused_and_tested() {
    let server = Server::start().await;
    let shown = server.get("/api/v1/connections/ats").await.is(200);
    assert_eq!(
        (
            shown.json["connector"].as_str(),
            shown.json["owner"].as_str()
        ),
        (Some("acme"), Some("ana@example.com"))
    );
    assert!(
        !shown.text.contains("s3cret") && !shown.text.contains("a-hook-secret"),
        "values are never shown"
    );
    assert_eq!(shown.json["fields"][0]["filled_in"], true);
    fits(
        &stagewire_api::openapi("0"),
        "Connection",
        &server.get("/api/v1/connections").await.items()[0],
    );
    assert_eq!(
        server
            .post("/api/v1/connections/ats/pause", json!({}))
            .await
            .is(200)
            .json["state"],
        "paused"
    );
    assert!(
        server
            .get("/api/v1/connections?state=working")
            .await
            .is(200)
            .items()
            .is_empty()
    );
    assert_eq!(
        server
            .post("/api/v1/connections/ats/resume", json!({}))
            .await
            .is(200)
            .json["state"],
        "working"
    );
    assert_eq!(
        server
            .post("/api/v1/connections/ats/check", json!({}))
            .await
            .is(200)
            .json["ok"],
        true
    );
    let filled = server
        .call(
            "PUT",
            "/api/v1/connections/ats/fields",
            Some("admin"),
            Some(json!({"key": "n3w"})),
        )
        .await
        .is(200);
    assert!(!filled.text.contains("n3w"));
    server
        .post("/api/v1/connections/ats/sync", json!({}))
        .await
        .is(409);
}
