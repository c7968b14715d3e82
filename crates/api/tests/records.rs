//! Records as other programs read them: found by what is indexed, in the order of changes, shown as far as the token may see.

mod common;

use common::{Answer, Server, request};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const AT: &str = "2035-01-01T10:00:00.000Z";

/// A person with an application, told by webhooks.
async fn hired_hand(server: &Server, n: usize) {
    let (person, run) = (format!("p{n}"), format!("r{n}"));
    server.deliver(&json!({"type": "person.made", "data": {"id": person, "first": "Ana", "last": format!("N{n}"), "emails": [format!("Ana.N{n}@Example.com")], "home": {"city": "Bonn", "street": "Am Weg 1"}, "updated": AT}})).await.is(202);
    server.deliver(&json!({"type": "run.made", "data": {"id": run, "of": person, "state": if n.is_multiple_of(2) { "open" } else { "lost" }, "job": "j1", "stage": format!("s{n}"), "applied": AT, "updated": AT}})).await.is(202);
}

async fn of(server: &Server, path: &str, count: usize) -> Vec<Value> {
    let full = format!("/api/v1/records/{path}");
    let so = |a: &Answer| a.items().len() == count;
    server.until(&full, so).await.items().to_vec()
}

#[tokio::test]
async fn records_are_found_by_every_filter_and_by_no_other() {
    let server = Server::start().await;
    for n in 0..4 {
        hired_hand(&server, n).await;
    }
    let runs = of(&server, "application", 4).await;
    let one = runs
        .iter()
        .find(|r| r["remote_id"] == "r2")
        .expect("it is there");
    let text = |key: &str| one[key].as_str().expect("a text").to_owned();
    for (filter, count) in [
        (format!("candidate_id={}", text("candidate_id")), 1),
        (format!("job_id={}", text("job_id")), 4),
        (format!("stage_id={}", text("stage_id")), 1),
        (format!("job_id={}&status=active", text("job_id")), 2),
        ("status=rejected".into(), 2),
        ("status=active&connection=ats".into(), 2),
        ("connection=ats".into(), 4),
        ("connection=out".into(), 0),
        ("remote_id=r3".into(), 1),
        ("remote_id=r3&connection=out".into(), 0),
        (format!("id={}", text("id")), 1),
        ("updated_after=2100-01-01T00:00:00Z".into(), 0),
        ("changed_after=2001-01-01T00:00:00Z".into(), 4),
        ("deleted=only".into(), 0),
        ("deleted=false".into(), 4),
    ] {
        let page = server
            .get(&format!("/api/v1/records/application?{filter}"))
            .await
            .is(200);
        assert_eq!(page.items().len(), count, "{filter}: {}", page.text);
    }
    let person = server
        .get("/api/v1/records/candidate?email=ana.n2@example.com")
        .await
        .is(200);
    assert_eq!(
        (person.items().len(), &person.items()[0]["remote_id"]),
        (1, &json!("p2"))
    );
    for (path, says) in [
        ("application?email=x@example.com", "it can be: connection"),
        ("application?stage=x", "job_id, stage_id, status"),
        ("application?status=actve", "is not one of lead, active"),
        ("candidate?job_id=x", "it can be: connection"),
        ("application?raw=yes", "true or false"),
        ("application?fields=statu", "did you mean `status`?"),
        (
            "application?updated_after=2001-01-01T00:00:00Z&changed_after=2001-01-01T00:00:00Z",
            "given twice",
        ),
        ("stage_transition?status=active", "it can be: updated_after"),
    ] {
        let refused = server.get(&format!("/api/v1/records/{path}")).await.is(400);
        assert!(refused.text.contains(says), "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_reader_who_pages_while_records_change_misses_none_and_sees_none_twice_unchanged() {
    let server = Server::start().await;
    for n in 0..6 {
        hired_hand(&server, n).await;
    }
    of(&server, "candidate", 6).await;
    let (mut seen, mut cursor, mut turn) = (BTreeMap::<String, i64>::new(), String::new(), 0);
    let mut last;
    loop {
        let page = server
            .get(&format!("/api/v1/records/candidate?limit=2{cursor}"))
            .await
            .is(200);
        for item in page.items() {
            let id = item["id"].as_str().expect("an id").to_owned();
            let revision = item["revision"].as_i64().expect("a number");
            let before = seen.insert(id, revision);
            assert!(
                before.is_none_or(|b| b < revision),
                "twice unchanged: {item}"
            );
        }
        last = page.json["resume"]
            .as_str()
            .expect("where to go on")
            .to_owned();
        turn += 1;
        if turn <= 2 {
            // one that was seen and one that was not change meanwhile
            for n in [0, 5] {
                let name = format!("T{turn}");
                server.deliver(&json!({"type": "person.changed", "data": {"id": format!("p{n}"), "first": "Ana", "last": name, "updated": format!("2035-01-0{}T10:00:00.000Z", turn + 1)}})).await.is(202);
                let path = format!("/api/v1/records/candidate?remote_id=p{n}");
                server
                    .until(&path, |a| {
                        a.items()[0]["full_name"] == json!(format!("Ana {name}"))
                    })
                    .await;
            }
        }
        match page.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(
        seen.values().filter(|r| **r == 3).count(),
        2,
        "the newest of both was seen: {seen:?}"
    );
    let quiet = server
        .get(&format!("/api/v1/records/candidate?cursor={last}"))
        .await
        .is(200);
    assert_eq!(
        (quiet.items().len(), quiet.json["resume"].as_str()),
        (0, Some(last.as_str()))
    );
    hired_hand(&server, 7).await;
    let more = server
        .until(&format!("/api/v1/records/candidate?cursor={last}"), |a| {
            !a.items().is_empty()
        })
        .await;
    assert_eq!(more.items()[0]["remote_id"], "p7");
}

#[tokio::test]
async fn restricted_fields_need_a_scope_and_an_open_token_sees_no_person() {
    let server = Server::start().await;
    hired_hand(&server, 1).await;
    of(&server, "candidate", 1).await;
    let mut tokens = BTreeMap::new();
    for scope in ["records:restricted", "records:open"] {
        let made = server
            .post(
                "/api/v1/tokens",
                json!({"name": scope, "role": "viewer", "scopes": [scope]}),
            )
            .await
            .is(201);
        tokens.insert(
            scope,
            made.json["token"].as_str().expect("a token").to_owned(),
        );
    }
    let wrong = server
        .post(
            "/api/v1/tokens",
            json!({"name": "x", "role": "viewer", "scopes": ["records:all"]}),
        )
        .await
        .is(422);
    assert!(wrong.text.contains("records:restricted"), "{}", wrong.text);
    let ask = async |token: &str| {
        let mut asked = request("GET", "/api/v1/records/candidate", None, None);
        let value = format!("Bearer {token}").parse().expect("a header");
        asked.headers_mut().insert("authorization", value);
        server.send(asked).await.is(200).items()[0].clone()
    };
    let usual = server
        .get("/api/v1/records/candidate")
        .await
        .is(200)
        .items()[0]
        .clone();
    assert_eq!(
        (&usual["full_name"], &usual["location"]["street"]),
        (&json!("Ana N1"), &Value::Null)
    );
    assert_eq!(usual["meta"]["redacted"], json!(["location.street"]));
    let whole = ask(&tokens["records:restricted"]).await;
    assert_eq!(
        (&whole["location"]["street"], &whole["meta"]["redacted"]),
        (&json!("Am Weg 1"), &json!([]))
    );
    let open = ask(&tokens["records:open"]).await.to_string();
    assert!(
        !open.contains("Ana") && !open.contains("Weg") && !open.contains("Bonn"),
        "{open}"
    );
    let log = server.get("/api/v1/audit").await.is(200);
    assert!(
        log.text.contains("records:restricted"),
        "who may see more stands in the log"
    );
}

#[tokio::test]
async fn raw_payloads_are_for_admins_and_every_look_is_written_down() {
    let server = Server::start().await;
    hired_hand(&server, 2).await;
    let person = of(&server, "candidate", 1).await.remove(0);
    assert!(person["provenance"]["raw_ref"].is_string(), "{person}");
    let run = of(&server, "application", 1).await.remove(0);
    let told = run["provenance"]["event_id"].as_str().expect("an event");
    let event = server.get(&format!("/api/v1/events/{told}")).await.is(200);
    assert_eq!(event.json["type"], "application.created");
    server
        .get("/api/v1/records/candidate?raw=true")
        .await
        .is(403);
    let page = server
        .call(
            "GET",
            "/api/v1/records/candidate?raw=true&fields=full_name",
            Some("admin"),
            None,
        )
        .await
        .is(200);
    let item = &page.items()[0];
    assert_eq!(
        (&item["raw"]["data"]["first"], &item["full_name"]),
        (&json!("Ana"), &json!("Ana N2"))
    );
    assert!(
        item.get("emails").is_none(),
        "only what was asked for: {item}"
    );
    server
        .call(
            "GET",
            "/api/v1/records/candidate?raw=true&limit=500",
            Some("admin"),
            None,
        )
        .await
        .is(400);
    let id = person["id"].as_str().expect("an id");
    let one = server
        .call(
            "GET",
            &format!("/api/v1/records/candidate/{id}?raw=true"),
            Some("admin"),
            None,
        )
        .await
        .is(200);
    assert_eq!(one.json["raw"]["data"]["id"], "p2");
    let log = server
        .get("/api/v1/audit?object=records/candidate")
        .await
        .is(200);
    assert_eq!(log.items().len(), 2, "{}", log.text);
    assert!(
        log.text.contains(id) && log.text.contains("admin token"),
        "{}",
        log.text
    );
}

#[tokio::test]
async fn a_deleted_record_stays_as_a_tombstone() {
    let server = Server::start().await;
    hired_hand(&server, 1).await;
    hired_hand(&server, 2).await;
    of(&server, "candidate", 2).await;
    let page = server.get("/api/v1/records/candidate").await.is(200);
    let resume = page.json["resume"]
        .as_str()
        .expect("where to go on")
        .to_owned();
    server
        .deliver(&json!({"type": "person.gone", "data": {"id": "p1"}}))
        .await
        .is(202);
    let gone = server
        .until(&format!("/api/v1/records/candidate?cursor={resume}"), |a| {
            a.items().len() == 1
        })
        .await;
    let gone = &gone.items()[0];
    assert_eq!(
        (&gone["remote_id"], &gone["deletion"]["reason"]),
        (&json!("p1"), &json!("remote_deleted"))
    );
    assert!(gone["deleted_at"].is_string());
    assert_eq!(
        of(&server, "candidate?deleted=only", 1).await[0]["remote_id"],
        "p1"
    );
    assert_eq!(
        of(&server, "candidate?deleted=false", 1).await[0]["remote_id"],
        "p2"
    );
    of(&server, "candidate?deleted=true", 2).await;
}

#[tokio::test]
async fn the_history_of_an_application_is_whole_and_its_rows_have_ids() {
    let server = Server::start().await;
    hired_hand(&server, 2).await;
    let app = of(&server, "application", 1).await.remove(0);
    server.deliver(&json!({"type": "run.moved", "data": {"id": "r2", "of": "p2", "state": "open", "job": "j1", "stage": "s9", "applied": AT, "updated": "2035-01-02T10:00:00.000Z"}})).await.is(202);
    let path = format!(
        "/api/v1/records/stage_transition?application_id={}",
        app["id"].as_str().expect("an id")
    );
    let page = server
        .until(&path, |a| {
            a.items().iter().filter(|t| t["part"] == "stage").count() == 2
        })
        .await;
    let stays: Vec<&Value> = page
        .items()
        .iter()
        .filter(|t| t["part"] == "stage")
        .collect();
    let moved = stays[1];
    assert_eq!(
        (&moved["from_stage_id"], &stays[0]["to_stage_id"]),
        (&app["stage_id"], &app["stage_id"])
    );
    assert_eq!(
        (
            &moved["from_status"],
            &moved["to_status"],
            &moved["connection"]
        ),
        (&json!("active"), &json!("active"), &json!("ats"))
    );
    assert_eq!(stays[0]["left_at"], moved["entered_at"]);
    assert_eq!(moved["actor"]["kind"], "unknown");
    let ids: std::collections::BTreeSet<&str> = page
        .items()
        .iter()
        .filter_map(|t| t["id"].as_str())
        .collect();
    assert!(
        ids.len() == page.items().len() && ids.iter().all(|id| id.starts_with("trn_")),
        "{}",
        page.text
    );
    let again = server.get(&path).await.is(200);
    assert_eq!(again.items(), page.items(), "the same ids each time");
    let all = server
        .get("/api/v1/records/stage_transition?limit=1")
        .await
        .is(200);
    let rest = server
        .get(&format!(
            "/api/v1/records/stage_transition?cursor={}",
            all.json["next"].as_str().expect("more")
        ))
        .await
        .is(200);
    assert_eq!(1 + rest.items().len(), page.items().len());
    assert_eq!(rest.json["next"], Value::Null);
    let one = server
        .get(&format!(
            "/api/v1/records/stage_transition/{}",
            moved["id"].as_str().expect("an id")
        ))
        .await
        .is(404);
    assert!(one.text.contains("application_id"), "{}", one.text);
}
