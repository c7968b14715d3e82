//! The whole way: a delivery comes in, records and events are listed, flows are applied and tried, commands and holds are decided.

mod common;

use common::{Server, first, fits};
use serde_json::json;
use std::collections::BTreeSet;

const FLOW: &str = r#"
name = "Note the start"
owner = "ana@example.com"
rung = "write-back"
[when]
event = "application.created"
connection = "ats"
[[step]]
id = "note"
use = "acme.note.create"
connection = "ats"
with = { text = "{{ candidate.full_name }} applied" }
"#;

#[tokio::test]
async fn lists_are_paged_filtered_and_complete() {
    let server = Server::start().await;
    server.with_people(5).await;
    for (list, total) in [
        ("deliveries", 10),
        ("records/application", 5),
        ("records/candidate", 5),
        ("audit", 5),
    ] {
        let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = server
                .get(&format!("/api/v1/{list}?limit=2{cursor}"))
                .await
                .is(200);
            seen.extend(page.items().iter().map(|i| {
                i["id"]
                    .as_str()
                    .map_or_else(|| i["n"].to_string(), str::to_owned)
            }));
            pages += 1;
            match page.json["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert!(
            seen.len() >= total && pages > 1 && distinct.len() == seen.len(),
            "{list}: {seen:?}"
        );
    }
    let one = server
        .get("/api/v1/records/candidate?remote_id=p3&connection=ats")
        .await
        .is(200);
    assert_eq!(
        (one.items().len(), &one.items()[0]["full_name"]),
        (1, &json!("Ana N3"))
    );
    let id = one.items()[0]["id"].as_str().expect("an id");
    assert_eq!(
        server
            .get(&format!("/api/v1/records/candidate/{id}"))
            .await
            .is(200)
            .json,
        one.items()[0]
    );
    server
        .get(&format!("/api/v1/records/job/{id}"))
        .await
        .is(404);
    assert!(
        server
            .get("/api/v1/records/candidate?updated_after=2100-01-01T00:00:00Z")
            .await
            .is(200)
            .items()
            .is_empty()
    );
    let document = stagewire_api::openapi("0");
    fits(&document, "record_candidate", &one.items()[0]);
    assert!(
        one.items()[0]["meta"]["not_available"]
            .as_array()
            .is_some_and(|n| n.contains(&json!("phones")))
    );
}

#[tokio::test]
async fn what_happened_to_a_person_stands_on_one_page() {
    let server = Server::start().await;
    server.with_people(2).await;
    let candidate = first(&server, "/api/v1/records/candidate?remote_id=p1").await;
    let path = format!(
        "/api/v1/candidates/{}/timeline",
        candidate["id"].as_str().expect("an id")
    );
    let page = server
        .until(&path, |a| {
            a.items()
                .iter()
                .any(|i| i["event"]["type"] == "application.created")
        })
        .await;
    assert!(
        page.items()
            .iter()
            .all(|i| i["time"].is_string() && i["kind"] == "event"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("p0"), "nobody else is on it");
    server
        .get("/api/v1/candidates/can_00000000000000000000000000/timeline")
        .await
        .is(404);
}

#[tokio::test]
async fn flows_are_planned_applied_tried_and_raised() {
    let server = Server::start().await;
    let files = json!({"files": {"notes": FLOW}});
    let plan = server
        .call(
            "POST",
            "/api/v1/flows/plan",
            Some("operator"),
            Some(files.clone()),
        )
        .await
        .is(200);
    assert_eq!(plan.json["changes"][0]["change"], "added");
    let wrong = server
        .post(
            "/api/v1/flows/apply",
            json!({"files": {"notes": FLOW.replace("full_name", "ful_name")}}),
        )
        .await
        .is(422);
    assert_eq!(
        (
            wrong.json["code"].as_str(),
            wrong.json["problems"][0]["file"].as_str()
        ),
        (Some("FLOW-001"), Some("notes.toml"))
    );
    server
        .post("/api/v1/flows/apply", files.clone())
        .await
        .is(200);
    let flow = server.get("/api/v1/flows/notes").await.is(200);
    assert_eq!(
        (
            flow.json["rung"].as_str(),
            flow.json["ceiling"].as_str(),
            flow.json["source"].as_str()
        ),
        (Some("read-only"), Some("write-back"), Some(FLOW))
    );
    assert_eq!(server.get("/api/v1/flows/export").await.is(200).json, files);
    fits(
        &stagewire_api::openapi("0"),
        "Flow",
        &server.get("/api/v1/flows").await.items()[0],
    );
    server.with_people(1).await;
    let run = first(&server, "/api/v1/runs?flow=notes").await;
    let run = server
        .get(&format!(
            "/api/v1/runs/{}",
            run["id"].as_str().expect("an id")
        ))
        .await
        .is(200);
    assert_eq!(
        run.json["actions"][0]["state"], "would_have",
        "{}",
        run.text
    );
    let action = run.json["actions"][0]["id"].as_str().expect("an id");
    let action = server
        .get(&format!("/api/v1/actions/{action}"))
        .await
        .is(200);
    assert!(
        action.json["request"]
            .to_string()
            .contains("Ana N0 applied"),
        "{}",
        action.text
    );
    let tried = server
        .call(
            "POST",
            "/api/v1/flows/notes/try",
            Some("operator"),
            Some(json!({"events": 5})),
        )
        .await
        .is(200);
    assert_eq!(
        tried.items()[0]["steps"][0]["with"]["text"],
        "Ana N0 applied",
        "{}",
        tried.text
    );
    let early = server
        .post("/api/v1/flows/notes/rung", json!({"rung": "listening"}))
        .await
        .is(409);
    assert!(
        early.json["missing"]
            .as_array()
            .is_some_and(|m| !m.is_empty())
    );
    let word = json!({"rung": "write-back", "override": true, "reason": "we watched it"});
    server
        .call(
            "POST",
            "/api/v1/flows/notes/rung",
            Some("operator"),
            Some(word.clone()),
        )
        .await
        .is(403);
    assert_eq!(
        server
            .post("/api/v1/flows/notes/rung", word)
            .await
            .is(200)
            .json["override_note"],
        "admin token: we watched it"
    );
    server.with_people(2).await;
    server
        .until("/api/v1/actions?flow=notes&state=done", |a| {
            a.items().len() == 1
        })
        .await;
}
