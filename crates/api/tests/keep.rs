//! What a connection keeps: the rest is nowhere, not in the database's files, not in what they hold sealed, not in an answer. What
//! is kept less or more after a while changes records without an event.

mod common;

use common::{Answer, How, Server};
use serde_json::{Value, json};
use stagewire_connector::Keep;
use stagewire_engine::env::{Env, Machine};
use stagewire_model::MAIN;
use stagewire_store::Store;
use std::path::{Path, PathBuf};

const AT: &str = "2035-01-01T10:00:00.000Z";
/// Stands in every value that is not to be kept.
const MARK: &str = "ZZMARKER";

fn keep(list: &[&str]) -> Keep {
    let list: Vec<String> = list.iter().map(|e| (*e).to_owned()).collect();
    Keep::parse(&list).expect("it is right")
}

fn how(list: &[&str], dir: Option<&Path>) -> How {
    How {
        keep: keep(list),
        dir: dir.map(Path::to_owned),
        ..How::default()
    }
}

/// A person with an application; everything but names, ids and dates is marked.
async fn told(server: &Server, n: usize) {
    let (person, run) = (format!("p{n}"), format!("r{n}"));
    let marked = |what: &str| format!("{MARK}-{what}-{n}");
    server.deliver(&json!({"type": "person.made", "note": marked("root"), "data": {"id": person, "first": "Ana", "last": format!("N{n}"), "emails": [marked("email")], "home": {"city": marked("city"), "street": marked("street")}, "unmapped": {"deep": [marked("unmapped")]}, "updated": AT}})).await.is(202);
    server.deliver(&json!({"type": "run.made", "data": {"id": run, "of": person, "state": "open", "job": "j1", "stage": "s1", "why": marked("why"), "applied": AT, "updated": AT}})).await.is(202);
    server
        .deliver(&json!({"type": "brand.new", "data": {"id": marked("new")}}))
        .await
        .is(202);
}

async fn ready(server: &Server, n: usize) -> Vec<Value> {
    let so = |a: &Answer| a.items().len() == n;
    server.until("/api/v1/records/application", so).await;
    server
        .until("/api/v1/records/candidate", so)
        .await
        .items()
        .to_vec()
}

/// Every byte that lies in the directory, and every body and record as it opens.
async fn everything(dir: &Path, store: &dyn Store) -> String {
    let mut out = String::new();
    for entry in std::fs::read_dir(dir).expect("the directory").flatten() {
        out += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap_or_default());
    }
    for rid in store
        .records_after("ats".into(), 0, 1000)
        .await
        .expect("records")
    {
        out += &format!("{rid:?}");
    }
    for (id, _, body) in store
        .bodies_after("ats".into(), 0, 1000)
        .await
        .expect("bodies")
    {
        out += &format!(
            "\nbody of {id}: {}",
            String::from_utf8_lossy(&body.unwrap_or_default())
        );
    }
    out
}

#[tokio::test]
async fn what_is_not_kept_is_nowhere() {
    let server = Server::start_with(how(&["application", "candidate.full_name"], None)).await;
    told(&server, 1).await;
    let people = ready(&server, 1).await;
    let so = |a: &Answer| a.items().len() == 3 && a.items().iter().all(|d| d["state"] != "waiting");
    server.until("/api/v1/deliveries", so).await;
    let person = &people[0];
    assert_eq!(
        (
            &person["full_name"],
            &person["emails"],
            &person["first_name"]
        ),
        (&json!("Ana N1"), &json!([]), &Value::Null)
    );
    assert_eq!(
        person["meta"]["redacted"],
        json!(["emails", "first_name", "location"])
    );
    let missing = person["meta"]["not_available"].to_string();
    assert!(
        !missing.contains("emails") && missing.contains("phones"),
        "{missing}"
    );
    let store = server.api.hub.store.clone();
    let all = everything(&server.dir, &*store).await;
    assert!(
        all.contains("body of 1") && all.contains("Ana N1"),
        "the test looks at something"
    );
    assert!(!all.contains(MARK), "{}", around(&all));
    for list in [
        "deliveries",
        "events",
        "records/candidate?raw=true",
        "records/application?raw=true",
        "drift",
        "calls",
        "audit",
        "failures",
    ] {
        let page = server
            .call("GET", &format!("/api/v1/{list}"), Some("admin"), None)
            .await
            .is(200);
        assert!(!page.text.contains(MARK), "{list}: {}", page.text);
    }
    let raw = server
        .call(
            "GET",
            "/api/v1/records/candidate?raw=true",
            Some("admin"),
            None,
        )
        .await
        .is(200);
    assert_eq!(
        raw.items()[0]["raw"],
        json!({"type": "person.made", "data": {"id": "p1", "first": "Ana", "last": "N1", "updated": AT}})
    );
}

#[tokio::test]
async fn what_is_read_is_cut_like_what_is_told() {
    let marked = |what: &str| format!("{MARK}-{what}");
    let people = json!([{"id": "p1", "first": "Ana", "last": "N1", "emails": [marked("email")], "home": {"city": marked("city"), "street": marked("street")}, "unmapped": marked("unmapped"), "updated": AT}]);
    let how = How {
        people: Some(people),
        ..how(&["candidate.full_name"], None)
    };
    let server = Server::start_with(how).await;
    let so = |a: &Answer| a.items().len() == 1;
    let page = server.until("/api/v1/records/candidate", so).await;
    let person = &page.items()[0];
    assert_eq!(
        (&person["full_name"], &person["provenance"]["channel"]),
        (&json!("Ana N1"), &json!("backfill"))
    );
    assert_eq!(
        person["meta"]["redacted"],
        json!(["emails", "first_name", "location"])
    );
    server
        .post("/api/v1/connections/ats/check", json!({}))
        .await
        .is(200);
    let store = server.api.hub.store.clone();
    let all = everything(&server.dir, &*store).await;
    assert!(
        all.contains("Ana N1") && !all.contains(MARK),
        "{}",
        around(&all)
    );
    assert!(
        !server
            .vendor
            .sent
            .lock()
            .expect("nobody panicked")
            .is_empty()
    );
}

fn around(text: &str) -> String {
    let at = text.find(MARK).unwrap_or(0);
    text.chars()
        .skip(at.saturating_sub(200))
        .take(400)
        .collect()
}

#[tokio::test]
async fn without_a_list_what_no_field_is_for_goes_and_what_is_mapped_stays() {
    let server = Server::start().await;
    told(&server, 1).await;
    let people = ready(&server, 1).await;
    assert_eq!(people[0]["emails"][0]["value"], format!("{MARK}-email-1"));
    assert_eq!(
        people[0]["meta"]["redacted"],
        json!(["location.street"]),
        "for want of a scope only"
    );
    let store = server.api.hub.store.clone();
    let all = everything(&server.dir, &*store).await;
    for what in ["root", "unmapped", "why", "new"] {
        assert!(
            !all.contains(&format!("{MARK}-{what}")),
            "{what}: {}",
            around(&all)
        );
    }
}

/// A place of its own, with what lies in another one, as a killed server leaves it.
fn copied(from: Option<&Path>, name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("stagewire-keep-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory");
    let files = from.map(|f| std::fs::read_dir(f).expect("a directory"));
    for file in files.into_iter().flatten().flatten() {
        std::fs::copy(file.path(), dir.join(file.file_name())).expect("a copy");
    }
    dir
}

/// Runs a server there until what is asked is done; nothing of it works after that.
fn one_run<T>(list: &[&str], dir: &Path, work: impl AsyncFnOnce(Server) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let how = how(list, Some(dir));
    runtime.block_on(async move { work(Server::start_with(how).await).await })
}

/// Waits until what is stored is cut to what is kept.
async fn settled(server: &Server) {
    for _ in 0..500 {
        let known = server
            .api
            .hub
            .store
            .connections(MAIN)
            .await
            .expect("readable");
        let ats = known.iter().find(|c| c.conn == "ats").expect("it is there");
        if ats.kept.as_ref().is_some_and(|k| k["after"].is_null()) {
            return;
        }
        Machine.sleep(10).await;
    }
    panic!("it is never done");
}

#[test]
fn keeping_less_and_then_more_changes_records_without_an_event() {
    let first = copied(None, "all");
    let events = one_run(&["application", "candidate"], &first, async |server| {
        told(&server, 1).await;
        told(&server, 2).await;
        ready(&server, 2).await;
        let so = |a: &Answer| a.items().len() == 2;
        server.until("/api/v1/events", so).await.items().len()
    });
    let second = copied(Some(&first), "less");
    let cut = one_run(&["candidate.full_name"], &second, async |server| {
        settled(&server).await;
        let people = server.get("/api/v1/records/candidate").await.is(200);
        for person in people.items() {
            assert_eq!(
                (&person["revision"], &person["full_name"].is_string()),
                (&json!(2), &true)
            );
            assert_eq!(
                person["meta"]["redacted"],
                json!(["emails", "first_name", "location"])
            );
        }
        for gone in ["application", "stage_transition"] {
            let page = server.get(&format!("/api/v1/records/{gone}")).await.is(200);
            assert!(page.items().is_empty(), "{}", page.text);
        }
        let by_email = format!("/api/v1/records/candidate?email={MARK}-email-1");
        assert!(server.get(&by_email).await.is(200).items().is_empty());
        let log = server
            .get("/api/v1/audit?object=connection/ats")
            .await
            .is(200);
        assert!(
            log.text.contains("keep changed") && log.text.contains("candidate.full_name"),
            "{}",
            log.text
        );
        let store = server.api.hub.store.clone();
        let all = everything(&server.dir, &*store).await;
        assert!(
            all.contains("body of 1") && !all.contains(MARK),
            "{}",
            around(&all)
        );
        server.get("/api/v1/events").await.is(200).items().len()
    });
    assert_eq!(cut, events);
    let third = copied(Some(&second), "more");
    let more = one_run(&["application", "candidate"], &third, async |server| {
        settled(&server).await;
        let people = server.get("/api/v1/records/candidate").await.is(200);
        let person = &people.items()[0];
        assert_eq!(
            (&person["revision"], &person["meta"]["redacted"]),
            (&json!(3), &json!([]))
        );
        assert!(
            person["meta"]["warnings"]
                .to_string()
                .contains("not_seen_yet")
        );
        assert!(person["meta"].get("unread").is_none(), "{person}");
        // the vendor tells it again: it is filled in, and nobody is told of a change
        server.deliver(&json!({"type": "person.changed", "data": {"id": "p1", "first": "Ana", "last": "N1", "emails": ["ana@example.com"], "updated": "2035-02-01T10:00:00.000Z"}})).await.is(202);
        let so = |a: &Answer| a.items()[0]["emails"][0]["value"] == "ana@example.com";
        server
            .until("/api/v1/records/candidate?remote_id=p1", so)
            .await;
        // what was made before it was held again is history
        let at = "2001-01-01T00:00:00.000Z";
        server.deliver(&json!({"type": "run.made", "data": {"id": "r2", "of": "p2", "state": "open", "applied": at, "updated": "2035-02-01T10:00:00.000Z"}})).await.is(202);
        server
            .until("/api/v1/records/application", |a| a.items().len() == 1)
            .await;
        server.get("/api/v1/events").await.is(200).items().len()
    });
    assert_eq!(more, events);
    for dir in [first, second, third] {
        let _ = std::fs::remove_dir_all(dir);
    }
}

const FLOW: &str = r#"name = "Note"
owner = "ana@example.com"
rung = "write-back"
[when]
event = "application.created"
connection = "ats"
[[step]]
id = "note"
use = "acme.note.create"
connection = "ats"
with = { text = "{{ candidate.full_name }}: {{ candidate.email }}" }
"#;

#[tokio::test]
async fn a_flow_that_reads_what_is_not_kept_is_refused_and_the_shortest_list_is_told() {
    let server = Server::start_with(how(&["application", "candidate.full_name"], None)).await;
    let refused = server
        .post("/api/v1/flows/apply", json!({"files": {"note": FLOW}}))
        .await
        .is(422);
    let problem = &refused.json["problems"][0];
    assert_eq!(
        (&problem["line"], &problem["message"]),
        (&json!(11), &json!("`ats` does not keep `candidate.emails`")),
        "{}",
        refused.text
    );
    assert_eq!(problem["hint"], "add \"candidate.emails\" to its `keep`");
    let fits = FLOW.replace(": {{ candidate.email }}", "");
    server
        .post("/api/v1/flows/apply", json!({"files": {"note": fits}}))
        .await
        .is(200);
    server.post("/api/v1/subscriptions", json!({"url": "https://hooks.example.com", "events": ["application.stage_changed"], "fields": ["candidate.location"]})).await.is(422);
    server.post("/api/v1/subscriptions", json!({"url": "https://hooks.example.com", "events": ["application.stage_changed"], "fields": ["candidate.first_name"]})).await.is(201);
    let card = server.get("/api/v1/connections/ats").await.is(200);
    assert_eq!(
        card.json["keep"],
        json!(["application", "candidate.full_name"])
    );
    assert_eq!(
        card.json["keep_needed"],
        json!([
            "application.status",
            "candidate.first_name",
            "candidate.full_name"
        ])
    );
}

/// The same flow, set off by something about a person.
fn bare_event(flow: &str) -> String {
    flow.replace("application.created", "candidate.created")
}

#[tokio::test]
async fn guards_need_their_records_too() {
    let server = Server::start_with(how(&["application"], None)).await;
    let bare = FLOW.replace("{{ candidate.full_name }}: {{ candidate.email }}", "hello");
    let refused = server
        .post("/api/v1/flows/apply", json!({"files": {"note": bare}}))
        .await
        .is(422);
    let says = refused.json["problems"][0]["message"]
        .as_str()
        .unwrap_or_default();
    assert!(
        says.contains("`candidate.private`") && says.contains("guards"),
        "{}",
        refused.text
    );
    let about = bare_event(&bare);
    let refused = server
        .post("/api/v1/flows/apply", json!({"files": {"people": about}}))
        .await
        .is(422);
    let problem = &refused.json["problems"][0];
    assert_eq!(
        (&problem["line"], &problem["hint"]),
        (&json!(5), &json!("add \"candidate\" to its `keep`")),
        "{}",
        refused.text
    );
    let mail = FLOW.replace(": {{ candidate.email }}", "");
    let refused = server
        .post("/api/v1/flows/apply", json!({"files": {"mail": mail}}))
        .await
        .is(422);
    assert!(
        refused.text.contains("does not keep `candidate.full_name`"),
        "{}",
        refused.text
    );
}
