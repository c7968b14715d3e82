//! What this vendor's shapes become, where a snapshot alone would not say why. Where the vendor's published answers are at hand, they
//! are read too.

use serde_json::{Value, json};
use stagewire_connector::{Ask, Connector, Mapped, Outcome, Response, Settings};
use stagewire_model::{Entity, Micros, Observation, Seen};
use std::fs;
use std::path::PathBuf;

fn lever() -> Connector {
    let (name, files) = stagewire_connectors::built_in()
        .into_iter()
        .find(|(n, _)| *n == "lever")
        .expect("the folder");
    Connector::load(name, &files).expect("it loads")
}

fn answer(body: &[u8]) -> Response {
    Response {
        status: 200,
        headers: Vec::new(),
        body: body.to_vec(),
    }
}

/// The rows of an answer to that stream, as they are mapped.
fn read(stream: &str, body: &[u8]) -> Vec<Mapped> {
    let c = lever();
    let s = c.stream(stream).expect("a stream");
    let ids = vec!["opp-1".to_owned()];
    let ask = match (s.lists(), s.by_foreign(Entity::Application)) {
        (true, _) => Ask::Full,
        (false, true) => Ask::Foreign {
            entity: Entity::Application,
            ids,
        },
        (false, false) => Ask::Ids(ids),
    };
    let request = c
        .first_page(s, &Settings::default(), &ask)
        .expect("a request");
    let (rows, _) = c.rows(s, &request, &answer(body)).expect("rows");
    rows.iter().map(|r| c.map_row(s, r)).collect()
}

fn fixture(name: &str) -> Vec<Mapped> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("lever/fixtures/streams")
        .join(format!("{name}.http"));
    let text = fs::read_to_string(path).expect("a fixture");
    let (_, body) = text.split_once("\n\n").expect("a body");
    let stream = name.split('.').next().unwrap_or(name);
    read(stream, body.as_bytes())
}

fn main_of(mapped: &Mapped) -> &Observation {
    &mapped.observations[0]
}

fn field<'a>(mapped: &'a Mapped, name: &str) -> &'a Value {
    main_of(mapped).fields.get(name).unwrap_or(&Value::Null)
}

fn reference(entity: &str, id: &str) -> Value {
    json!({ "$ref": entity, "id": id })
}

#[test]
fn the_end_of_an_opportunity_is_told_by_its_reason() {
    let mut rows = fixture("opportunities.page1");
    rows.extend(fixture("opportunities"));
    let words: Vec<&str> = rows
        .iter()
        .filter_map(|r| field(r, "status").as_str())
        .collect();
    assert_eq!(
        words,
        ["active", "lead", "by_reason", "by_reason", "by_reason"]
    );
    assert_eq!(
        field(&rows[1], "job_id"),
        &Value::Null,
        "a lead has no posting"
    );
    let hired = main_of(&rows[2]);
    let ends: Vec<&str> = hired.own.iter().map(|(state, _)| state.as_str()).collect();
    for state in ["hired", "rejected", "withdrawn", "closed"] {
        assert!(
            ends.contains(&state),
            "whatever the reason says, its date is known: {state}"
        );
    }
    assert_eq!(field(&rows[4], "origin"), "unknown");
    assert_eq!(field(&rows[4], "origin_raw"), "carrier pigeon");
    assert!(rows[4].drift.iter().any(|d| d.code == "unknown_value"));
}

#[test]
fn only_the_vendors_own_word_makes_a_reason_one_of_a_hire() {
    let kinds: Vec<(Value, Value)> = fixture("archive_reasons")
        .iter()
        .map(|r| (field(r, "kind").clone(), field(r, "kind_source").clone()))
        .collect();
    let pair = |kind: &str, source: &str| (json!(kind), json!(source));
    assert_eq!(
        kinds,
        [
            pair("company_rejected", "guessed"),
            pair("candidate_withdrew", "guessed"),
            pair("hired", "vendor"),
            pair("other", "guessed"),
            pair("unknown", "guessed"),
        ]
    );
    assert_eq!(
        fixture("archive_reasons.hired").len(),
        1,
        "one object is a list of one"
    );
}

#[test]
fn an_opportunity_brings_its_person_and_its_history() {
    let row = fixture("opportunities.one").remove(0);
    let person = row
        .observations
        .iter()
        .find(|o| o.entity == Entity::Candidate)
        .expect("the contact");
    assert_eq!(
        person.seen,
        Seen::Present,
        "contacts have no list of their own"
    );
    assert_eq!(
        field(&row, "candidate_id"),
        &reference("candidate", &person.remote_id)
    );
    let stays: Vec<&Observation> = row
        .observations
        .iter()
        .filter(|o| o.seen == Seen::History)
        .collect();
    assert_eq!(stays.len(), 2);
    assert_ne!(stays[0].remote_id, stays[1].remote_id);
    for stay in &stays {
        let of = &stay.fields["application_id"];
        assert_eq!(of, &reference("application", &main_of(&row).remote_id));
        assert_eq!(stay.own[0].0, "entered");
    }
    let answers = field(&row, "answers").as_array().map(Vec::len);
    assert_eq!(
        answers,
        Some(3),
        "one of the four asks for protected data and is cut"
    );
}

#[test]
fn old_rows_and_odd_values_lose_no_record() {
    let rows = fixture("opportunities.old");
    let old = main_of(&rows[0]);
    assert_eq!(
        old.fields["candidate_id"]["$ref"], "candidate",
        "a contact that is not expanded"
    );
    assert_eq!(old.fields["status"], "by_reason");
    assert!(old.dates.is_empty() && rows[0].drift.is_empty());
    let whole = |o: &&Observation| !matches!(o.seen, Seen::Part { .. });
    let all = rows[0].observations.iter();
    assert_eq!(all.filter(whole).count(), 1, "no history, no person");
    let odd = main_of(&rows[1]);
    assert_eq!(
        odd.fields["status"], "active",
        "a bad date puts only its field aside"
    );
    assert!(!odd.fields.contains_key("remote_created_at"));
    let codes: Vec<&str> = rows[1].drift.iter().map(|d| d.code.as_str()).collect();
    assert!(
        codes.contains(&"unreadable_date") && codes.contains(&"wrong_type"),
        "{codes:?}"
    );
    assert_eq!(odd.dates.len(), 1, "milliseconds written as a text");
}

#[test]
fn a_posting_is_a_job_and_its_advert_and_names_places_by_words() {
    let mut rows = fixture("postings.page1");
    rows.extend(fixture("postings"));
    let status: Vec<&Value> = rows.iter().map(|r| field(r, "status")).collect();
    assert_eq!(status, ["open", "open", "pending_approval", "unknown"]);
    let secret: Vec<&Value> = rows.iter().map(|r| field(r, "confidential")).collect();
    assert_eq!(
        secret,
        [&json!(false), &json!(false), &json!(true), &json!(false)]
    );
    let seen = |row: &Mapped, entity: Entity| -> Vec<String> {
        row.observations
            .iter()
            .filter(|o| o.entity == entity)
            .map(|o| o.remote_id.clone())
            .collect()
    };
    assert_eq!(seen(&rows[0], Entity::Department), ["Engineering"]);
    assert_eq!(seen(&rows[0], Entity::Office), ["Leipzig", "Graz"]);
    assert!(
        seen(&rows[1], Entity::Department).is_empty(),
        "a posting without a department"
    );
    let shown: Vec<Value> = rows
        .iter()
        .map(|r| {
            let advert = r
                .observations
                .iter()
                .find(|o| o.entity == Entity::JobPosting);
            advert.expect("the advert").fields["visibility"].clone()
        })
        .collect();
    assert_eq!(shown, ["public", "internal", "unlisted", "public"]);
    assert_eq!(field(&rows[0], "pay")[0]["max"]["amount"], "72500.5");
    assert_eq!(field(&rows[0], "pay")[0]["period"], "year");
    assert_eq!(field(&rows[3], "pay")[0].get("max"), None, "no upper end");
    assert_eq!(field(&rows[2], "pay"), &json!([]));
}

#[test]
fn what_belongs_to_an_opportunity_says_whose_it_is() {
    for stream in [
        "interviews",
        "feedback",
        "offers",
        "notes",
        "files",
        "resumes",
    ] {
        for row in fixture(stream) {
            let of = field(&row, "application_id");
            assert_eq!(of, &reference("application", "opp-1"), "{stream}");
        }
    }
    let interviews = fixture("interviews");
    let status: Vec<&Value> = interviews.iter().map(|r| field(r, "status")).collect();
    assert_eq!(status, ["scheduled", "cancelled", "completed", "scheduled"]);
    let needed = field(&interviews[0], "interviewers");
    assert_eq!(
        (
            &needed[0]["feedback_required"],
            &needed[1]["feedback_required"]
        ),
        (&json!(false), &json!(true))
    );
    assert!(!main_of(&interviews[3]).fields.contains_key("end_at"));
    let offers = fixture("offers");
    let pay = &field(&offers[0], "pay")[0];
    assert_eq!(
        pay["exact"],
        json!({"amount": "71250.5", "currency": "EUR"})
    );
    assert_eq!(field(&offers[2], "pay"), &json!([]), "no amount, no pay");
    assert_eq!(field(&offers[3], "status"), "unknown");
    let notes = fixture("notes");
    assert_eq!(
        field(&notes[0], "body_text"),
        "Let us move on.\n\nAgreed.",
        "a whole thread"
    );
    assert_eq!(field(&notes[1], "visibility"), "private");
    assert_eq!(main_of(&notes[2]).seen, Seen::Deleted);
    assert_eq!(field(&fixture("files")[0], "size_bytes"), &json!(1000));
}

#[test]
fn feedback_is_a_draft_until_it_is_completed() {
    let rows = fixture("feedback");
    let state: Vec<&Value> = rows.iter().map(|r| field(r, "state")).collect();
    assert_eq!(state[..2], ["submitted", "draft"]);
    let says: Vec<&Value> = rows.iter().map(|r| field(r, "recommendation")).collect();
    assert_eq!(says[..2], ["strong_yes", "no"]);
    assert_eq!(field(&rows[0], "ratings")[0]["rating"], "yes");
    assert_eq!(
        field(&rows[0], "ratings")[1]["rating"],
        "unknown",
        "nine of four"
    );
    assert_eq!(main_of(&rows[2]).seen, Seen::Deleted);
}

#[test]
fn seeded_markers_are_nowhere() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("lever/fixtures/streams");
    let mut seeded = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let text = fs::read_to_string(entry.path()).expect("text");
        seeded += text.matches("MARKER-").count();
        let name = entry.file_name().to_string_lossy().replace(".http", "");
        let mapped = serde_json::to_string(&fixture(&name)).expect("json");
        assert!(!mapped.contains("MARKER-"), "{name}");
    }
    assert!(seeded > 5, "there is something to find");
}

#[test]
fn windows_are_in_milliseconds_and_postings_ask_for_nothing_beside_them() {
    let c = lever();
    let settings = Settings::default();
    let url = |stream: &str, ask: &Ask| {
        let stream = c.stream(stream).expect("a stream");
        c.first_page(stream, &settings, ask).expect("a request").url
    };
    let range = Ask::Range {
        from: Micros(1_790_000_000_000_000),
        to: Micros(1_790_000_060_000_000),
    };
    let changed = url("postings_changed", &range);
    assert!(changed.contains("updated_at_start=1790000000000&updated_at_end=1790000060000"));
    assert!(changed.contains("confidentiality=all") && !changed.contains("distributionChannel"));
    let all = url("postings", &Ask::Full);
    assert!(all.contains("distributionChannel=public&distributionChannel=internal"));
    let one = url("opportunities", &Ask::Ids(vec!["o-1".into()]));
    assert!(one.ends_with("/v1/opportunities/o-1?expand=contact&expand=applications"));
}

#[test]
fn a_stale_place_in_a_list_is_read_anew_and_too_fast_is_waited_for() {
    let c = lever();
    let told = |status: u16, body: &str| {
        let response = Response {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        c.classify_read(&response, Micros(0))
    };
    let stale = told(
        400,
        r#"{"code":"BadRequest","message":"Invalid offset token"}"#,
    );
    assert!(matches!(stale, Outcome::Refused { code, .. } if code == "SYNC-001"));
    let other = told(
        400,
        r#"{"code":"BadRequest","message":"no such parameter"}"#,
    );
    assert!(matches!(other, Outcome::Refused { code, .. } if code != "SYNC-001"));
    assert_eq!(told(429, "{}"), Outcome::RateLimited { wait_ms: 2000 });
    assert_eq!(told(503, ""), Outcome::RateLimited { wait_ms: 2000 });
    assert!(matches!(told(401, "{}"), Outcome::AuthLost { .. }));
    assert!(matches!(told(403, "{}"), Outcome::MissingScope { .. }));
}

/// Answers as the vendor publishes them, where somebody has put them beside the checkout; they are not ours to copy.
#[test]
fn published_answers_are_read_where_they_are_at_hand() {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vendors/lever/responses");
    for (file, stream) in [
        ("get_archive_reasons", "archive_reasons"),
        ("get_contacts_id", "contacts"),
        ("get_opportunities", "opportunities"),
        ("get_opportunities_id_feedback", "feedback"),
        ("get_opportunities_id_files", "files"),
        ("get_opportunities_id_interviews", "interviews"),
        ("get_opportunities_id_notes", "notes"),
        ("get_opportunities_id_offers", "offers"),
        ("get_postings", "postings"),
        ("get_requisitions", "requisitions"),
        ("get_sources", "sources"),
        ("get_stages", "stages"),
        ("get_tags", "tags"),
        ("get_users", "users"),
    ] {
        let Ok(body) = fs::read(folder.join(format!("{file}.json"))) else {
            continue;
        };
        let rows = read(stream, &body);
        assert!(!rows.is_empty(), "{file}");
        for row in rows {
            assert!(!row.observations.is_empty(), "{file}: {:?}", row.drift);
            let odd: Vec<_> = row.drift.iter().filter(|d| d.code != "missing").collect();
            assert!(odd.is_empty(), "{file}: {odd:?}");
        }
    }
}

#[test]
fn people_are_known_to_come_in_the_rows_of_opportunities() {
    let lever = lever();
    let of = |name: &str| lever.streams().iter().find(|s| s.name == name);
    let shown = &of("opportunities").expect("a list").shows;
    assert!(shown.contains(&Entity::Application) && shown.contains(&Entity::Candidate));
    let made = lever.made_from(Entity::Note, Some("candidate_id"));
    assert!(
        made.iter().any(|(of, _)| *of == Entity::Application),
        "{made:?}"
    );
}
