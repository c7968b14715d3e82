//! What this vendor's shapes become, where a snapshot alone would not say why.

use serde_json::{Value, json};
use stagewire_connector::{Ask, Connector, Mapped, Outcome, ReadBy, Response, Settings, Since};
use stagewire_model::{Announce, Entity, Micros, Seen};
use std::fs;
use std::path::PathBuf;

fn ashby() -> Connector {
    let (name, files) = stagewire_connectors::built_in()
        .into_iter()
        .find(|(n, _)| *n == "ashby")
        .expect("the folder");
    Connector::load(name, &files).expect("it loads")
}

fn body(fixture: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("ashby/fixtures")
        .join(fixture);
    let text = fs::read_to_string(path).expect("a fixture");
    let (_, body) = text.split_once("\n\n").expect("a body");
    body.trim_end().as_bytes().to_vec()
}

fn delivery(name: &str) -> Mapped {
    let c = ashby();
    let cut = c.cut(&body(&format!("webhooks/{name}.http")));
    c.map_delivery(&cut.expect("readable").value)
}

fn settings() -> Settings {
    Settings {
        base_url: Some("http://127.0.0.1:9001/".into()),
        ..Settings::default()
    }
    .with("api_key", "k3y")
}

fn answer(status: u16, body: Value) -> Response {
    Response {
        status,
        headers: vec![],
        body: body.to_string().into_bytes(),
    }
}

fn rows(name: &str) -> Vec<Mapped> {
    let c = ashby();
    let stream = c.stream(name).expect("a stream");
    let ask = match stream.since {
        Since::Parent(entity) => Ask::Foreign {
            entity,
            ids: vec!["owner".into()],
        },
        _ => Ask::Full,
    };
    let request = c.first_page(stream, &settings(), &ask).expect("a request");
    let page = Response {
        status: 200,
        headers: vec![],
        body: body(&format!("streams/{name}.http")),
    };
    let (rows, _) = c.rows(stream, &request, &page).expect("rows");
    rows.iter().map(|r| c.map_row(stream, r)).collect()
}

#[test]
fn one_word_for_archived_and_four_ends() {
    let status = |m: &Mapped| m.observations[0].fields["status"].clone();
    let told: Vec<Value> = rows("applications").iter().map(status).collect();
    assert_eq!(
        told,
        [
            "active",
            "lead",
            "rejected",
            "withdrawn",
            "closed",
            "rejected",
            "hired"
        ]
        .map(Value::from)
    );
    assert_eq!(
        status(&delivery("applicationUpdate.withdrawn")),
        json!("withdrawn")
    );
    let odd = delivery("applicationUpdate.odd");
    assert_eq!(
        (
            status(&odd),
            &odd.observations[0].fields["status_raw"],
            odd.act.clone()
        ),
        (json!("unknown"), &json!("Paused"), None)
    );
    assert!(odd.observations[0].dates.is_empty());
    assert!(odd.drift.iter().any(|d| d.code == "unreadable_date"));
}

#[test]
fn a_webhook_and_a_row_are_one_shape_and_the_act_has_an_id() {
    let hook = delivery("candidateStageChange");
    let row = rows("applications").remove(0);
    assert_eq!(hook.observations[0].fields, row.observations[0].fields);
    assert_eq!(hook.observations[0].dates, row.observations[0].dates);
    assert_eq!(
        (hook.act.as_deref(), hook.observations[0].announces),
        (
            Some("act-candidateStageChange"),
            Some(Announce::StageChanged)
        )
    );
    let hire = delivery("candidateHire");
    assert_eq!(
        (
            hire.observations[0].announces,
            &hire.observations[0].fields["status"]
        ),
        (Some(Announce::Hired), &json!("hired"))
    );
}

#[test]
fn deletes_and_merges_are_told_as_such() {
    assert_eq!(
        delivery("candidateDelete").observations[0].seen,
        Seen::Deleted
    );
    assert_eq!(delivery("offerDelete").observations[0].seen, Seen::Deleted);
    let merge = delivery("candidateMerge").observations.remove(0);
    assert!(
        matches!(&merge.seen, Seen::Merged { into } if into.starts_with("00130002")),
        "{merge:?}"
    );
}

#[test]
fn each_event_of_a_schedule_is_an_interview_and_the_schedule_says_its_state() {
    let found = rows("interviews");
    assert_eq!(found[0].observations.len(), 2);
    assert!(
        found[1].observations.is_empty() && found[1].drift.is_empty(),
        "nothing is scheduled yet"
    );
    let cancelled = delivery("interviewScheduleUpdate").observations;
    for o in &cancelled {
        assert_eq!(
            (&o.fields["status"], &o.seen),
            (&json!("cancelled"), &Seen::Present)
        );
        let newest = o.dates.iter().map(|d| d.at).max();
        assert_eq!(
            newest.map(|d| d.text()).as_deref(),
            Some("2026-11-23T10:00:00.000Z"),
            "the schedule's date, which is the newer one"
        );
    }
    assert_eq!(
        cancelled[0].fields["interviewers"][0]["feedback_required"],
        json!(true)
    );
}

#[test]
fn rows_of_a_list_that_belongs_to_one_record_know_whose_they_are() {
    let stay = rows("histories").remove(1).observations.remove(0);
    assert_eq!(
        (
            &stay.seen,
            &stay.fields["application_id"],
            &stay.fields["current"]
        ),
        (
            &Seen::History,
            &json!({"$ref": "application", "id": "owner"}),
            &json!(true)
        )
    );
    let note = rows("notes").remove(0).observations.remove(0);
    assert_eq!(
        (&note.fields["candidate_id"], &note.fields["visibility"]),
        (
            &json!({"$ref": "candidate", "id": "owner"}),
            &json!("private")
        )
    );
}

#[test]
fn files_are_kept_by_reference_and_a_resume_is_one_file() {
    let found = rows("candidates").remove(0).observations;
    let files: Vec<_> = found
        .iter()
        .filter(|o| o.entity == Entity::Attachment)
        .map(|o| (o.fields["kind"].clone(), o.seen.clone()))
        .collect();
    assert_eq!(
        files,
        [
            (json!("resume"), Seen::Present),
            (json!("other"), Seen::Present)
        ]
    );
}

#[test]
fn pay_is_exact_and_custom_fields_are_known_by_their_ids() {
    let offer = rows("offers").remove(0).observations.remove(0);
    assert_eq!(
        offer.fields["pay"][0]["exact"],
        json!({"amount": "61000.5", "currency": "EUR"})
    );
    let app = rows("applications").remove(0).observations.remove(0);
    let custom = app.fields["custom_fields"].as_array().expect("a list");
    let told: Vec<_> = custom
        .iter()
        .map(|f| (f["label"].as_str().unwrap_or_default(), &f["type"]))
        .collect();
    assert_eq!(
        told,
        [
            ("Laptop", &json!("text")),
            ("Team", &json!("single_select")),
            ("Notice weeks", &json!("number")),
            ("Wished pay", &json!("json"))
        ]
    );
    assert!(
        custom
            .iter()
            .all(|f| f["key"].as_str().is_some_and(|k| k.starts_with("0022")))
    );
}

#[test]
fn nothing_protected_survives_the_cut() {
    for name in ["applicationSubmit", "pushToHRIS", "surveySubmit"] {
        let raw = body(&format!("webhooks/{name}.http"));
        assert!(raw.windows(14).any(|w| w == b"PROTECTED-MARK"), "{name}");
        let cut = ashby().cut(&raw).expect("readable");
        let kept = String::from_utf8(cut.bytes.expect("something was cut")).expect("text");
        assert!(!kept.contains("PROTECTED-MARK"), "{name}");
    }
    for name in ["applications", "candidates", "feedback"] {
        let raw = body(&format!("streams/{name}.http"));
        assert!(raw.windows(14).any(|w| w == b"PROTECTED-MARK"), "{name}");
        let told = serde_json::to_string(&rows(name)).expect("text");
        assert!(!told.contains("PROTECTED-MARK"), "{name}");
    }
}

#[test]
fn errors_inside_a_200_are_errors() {
    let c = ashby();
    let means = |status: u16, code: &str| {
        let body = json!({"success": false, "errors": [{"message": "No", "parameter": null}], "errorInfo": {"code": code, "message": "No", "requestId": "r"}});
        c.classify_read(&answer(status, body), Micros(0))
    };
    let code = |o: Outcome| match o {
        Outcome::Refused { code, .. } => code,
        other => format!("{other:?}"),
    };
    assert_eq!(code(means(200, "sync_token_expired")), "SYNC-001");
    assert_eq!(code(means(200, "incremental_sync_too_large")), "SYNC-001");
    assert_eq!(code(means(200, "application_not_found")), "CALL-404");
    assert_eq!(code(means(200, "invalid_input")), "CALL-422");
    assert_eq!(code(means(200, "a_word_nobody_knows")), "CALL-4xx");
    assert!(matches!(
        means(403, "missing_endpoint_permission"),
        Outcome::MissingScope { .. }
    ));
    assert!(matches!(means(403, "key_is_off"), Outcome::AuthLost { .. }));
    assert!(matches!(
        means(429, "rate_limit_exceeded"),
        Outcome::RateLimited { wait_ms: 60_000 }
    ));
    let fine = answer(200, json!({"success": true, "results": []}));
    assert!(matches!(
        c.classify_read(&fine, Micros(0)),
        Outcome::Done { .. }
    ));
}

#[test]
fn requests_carry_the_key_tokens_and_ids_in_their_places() {
    let c = ashby();
    let ask = |name: &str, ask: Ask| {
        let stream = c.stream(name).expect("a stream");
        let request = c.first_page(stream, &settings(), &ask).expect("a request");
        let signed = c
            .authorize(request, &settings(), None)
            .expect("credentials");
        assert_eq!(signed.header("authorization"), Some("Basic azN5Og=="));
        let body: Value = serde_json::from_slice(&signed.body).expect("JSON");
        (signed.method.clone(), signed.template.clone(), body)
    };
    let post = |path: &str, body: Value| ("POST".to_owned(), path.to_owned(), body);
    assert_eq!(
        ask("candidates", Ask::Since("tok".into())),
        post("/candidate.list", json!({"syncToken": "tok", "limit": 100}))
    );
    assert_eq!(
        ask("applications", Ask::Ids(vec!["a-1".into()])),
        post(
            "/application.info",
            json!({"applicationId": "a-1", "expand": ["applicationFormSubmissions"]})
        )
    );
    assert_eq!(
        ask("stages", Ask::Each),
        post(
            "/interviewPlan.list",
            json!({"includeArchived": true, "limit": 100})
        )
    );
    let of = |entity, id: &str| Ask::Foreign {
        entity,
        ids: vec![id.into()],
    };
    assert_eq!(
        ask("stages", of(Entity::JobStage, "p-1")),
        post("/interviewStage.list", json!({"interviewPlanId": "p-1"}))
    );
    assert_eq!(
        ask("histories", of(Entity::Application, "a-1")),
        post(
            "/application.listHistory",
            json!({"applicationId": "a-1", "limit": 100})
        )
    );
    let plans: Vec<_> = c
        .reads_for(Entity::Application)
        .into_iter()
        .map(|p| (p.stream, p.by, p.history))
        .collect();
    assert_eq!(
        plans,
        [
            ("applications".into(), ReadBy::Ids, false),
            (
                "histories".into(),
                ReadBy::Foreign(Entity::Application),
                true
            )
        ]
    );
}

/// The vendor's own examples, where they lie beside the repository.
fn examples(folder: &str) -> Vec<(String, Value)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vendors/ashby")
        .join(folder);
    let files = fs::read_dir(path).into_iter().flatten().flatten();
    let read = |p: PathBuf| {
        let name = p.file_name()?.to_str()?.to_owned();
        let value = serde_json::from_slice(&fs::read(p).ok()?).ok()?;
        name.ends_with(".json").then_some((name, value))
    };
    files.filter_map(|e| read(e.path())).collect()
}

#[test]
fn every_published_example_maps_without_drift() {
    let c = ashby();
    for (name, value) in examples("webhooks") {
        let cut = c.cut(value.to_string().as_bytes()).expect("readable");
        let mapped = c.map_delivery(&cut.value);
        assert!(mapped.known, "{name}");
        assert_eq!(mapped.drift, [], "{name}");
    }
    let lists = [
        ("application.list.page.json", "applications", 3),
        ("application.info.json", "applications", 1),
        ("candidate.info.json", "candidates", 1),
        ("candidate.list.page.json", "candidates", 1),
        ("department.list.json", "departments", 1),
        ("job.info.json", "jobs", 1),
        ("job.list.page.json", "jobs", 2),
        ("jobPosting.list.json", "postings", 1),
        ("source.list.json", "sources", 6),
        ("user.list.json", "users", 4),
    ];
    for (name, value) in examples("responses") {
        let Some((_, list, least)) = lists.iter().find(|(file, ..)| *file == name) else {
            continue;
        };
        let stream = c.stream(list).expect("a stream");
        let found = match &value["results"] {
            Value::Array(rows) => rows.clone(),
            one => vec![one.clone()],
        };
        assert!(found.len() >= *least, "{name}");
        for row in &found {
            let mapped = c.map_row(stream, row);
            assert!(!mapped.observations.is_empty(), "{name}");
            assert_eq!(mapped.drift, [], "{name}");
        }
    }
}
