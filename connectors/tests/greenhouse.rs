//! What this vendor's shapes become, where a snapshot alone would not say why.

use serde_json::{Value, json};
use stagewire_connector::{Ask, Connector, ReadBy, Settings, Verdict};
use stagewire_model::{Announce, Entity, Micros, Seen};
use std::fs;
use std::path::PathBuf;

fn greenhouse() -> Connector {
    let (name, files) = stagewire_connectors::built_in()
        .into_iter()
        .find(|(n, _)| *n == "greenhouse")
        .expect("the folder");
    Connector::load(name, &files).expect("it loads")
}

fn body(fixture: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("greenhouse/fixtures")
        .join(fixture);
    let text = fs::read_to_string(path).expect("a fixture");
    text.split_once("\n\n")
        .expect("a body")
        .1
        .trim_end()
        .as_bytes()
        .to_vec()
}

fn delivery(name: &str) -> stagewire_connector::Mapped {
    let c = greenhouse();
    let cut = c
        .cut(&body(&format!("webhooks/{name}.http")))
        .expect("readable");
    c.map_delivery(&cut.value)
}

fn rows(name: &str) -> Vec<stagewire_connector::Mapped> {
    let c = greenhouse();
    let rows: Vec<Value> =
        serde_json::from_slice(&body(&format!("streams/{name}.http"))).expect("rows");
    let stream = c.stream(name).expect("a stream");
    rows.iter().map(|r| c.map_row(stream, r)).collect()
}

#[test]
fn a_webhook_and_a_row_of_one_application_read_alike() {
    let hook = delivery("new_candidate_application").observations.remove(0);
    let row = rows("applications").remove(0).observations.remove(0);
    for field in [
        "candidate_id",
        "job_id",
        "status",
        "applied_at",
        "rejected_at",
        "source_id",
        "last_activity_at",
        "custom_fields",
    ] {
        assert!(hook.fields.contains_key(field), "{field} in the webhook");
        assert_eq!(hook.fields.get(field), row.fields.get(field), "{field}");
    }
    assert_eq!(hook.own, row.own);
    assert_eq!(hook.dates, row.dates);
    assert_eq!(
        hook.fields["stage_id"],
        json!({"$ref": "job_stage", "id": "2002"})
    );
    assert!(
        !row.fields.contains_key("stage_id"),
        "a row's stage_id is the id of a stay"
    );
    assert!(
        !row.fields["extra"]
            .as_object()
            .is_some_and(|e| e.contains_key("stage_id"))
    );
}

#[test]
fn words_for_the_status_of_both_shapes() {
    let status = |m: &stagewire_connector::Mapped| {
        m.observations[0]
            .fields
            .get("status")
            .cloned()
            .unwrap_or_default()
    };
    let rows = rows("applications");
    assert_eq!(
        rows.iter().map(status).collect::<Vec<_>>(),
        [json!("active"), json!("lead"), json!("closed")]
    );
    assert_eq!(status(&delivery("new_prospect_application")), json!("lead"));
    assert_eq!(status(&delivery("reject_candidate")), json!("rejected"));
    assert_eq!(
        status(&delivery("reject_candidate.withdrawn")),
        json!("withdrawn")
    );
    let odd = delivery("unknown_status");
    assert_eq!(
        (status(&odd), &odd.observations[0].fields["status_raw"]),
        (json!("unknown"), &json!("paused"))
    );
    assert!(
        odd.drift
            .iter()
            .any(|d| d.code == "unknown_value" && d.path == "status")
    );
    assert!(
        odd.drift
            .iter()
            .any(|d| d.code == "unreadable_date" && d.path == "last_activity_at")
    );
    assert!(odd.observations[0].dates.is_empty());
}

#[test]
fn a_hire_has_no_status_and_no_stage_and_still_says_hired() {
    let hire = delivery("hire_candidate");
    let main = &hire.observations[0];
    assert_eq!(
        (main.fields["status"].clone(), main.announces),
        (json!("hired"), Some(Announce::Hired))
    );
    assert!(!main.fields.contains_key("stage_id") && main.dates.is_empty() && main.own.is_empty());
    let offer = hire
        .observations
        .iter()
        .find(|o| o.entity == Entity::Offer)
        .expect("an offer");
    assert_eq!(
        offer.fields["application_id"],
        json!({"$ref": "application", "id": "6001"})
    );
    assert_eq!(offer.fields["start_date"], json!("2027-02-01"));
}

#[test]
fn what_is_embedded_follows_the_main_record() {
    let move_ = delivery("candidate_stage_change");
    assert_eq!(
        (move_.kind.as_str(), move_.known, move_.account.as_deref()),
        ("candidate_stage_change", true, Some("4242"))
    );
    assert_eq!(move_.observations[0].entity, Entity::Application);
    assert_eq!(move_.observations[0].seen, Seen::Present);
    let rest: Vec<(Entity, &str)> = move_.observations[1..]
        .iter()
        .map(|o| (o.entity, o.remote_id.as_str()))
        .collect();
    for wanted in [
        (Entity::Candidate, "5001"),
        (Entity::Job, "3001"),
        (Entity::JobStage, "2003"),
        (Entity::Department, "41"),
        (Entity::Office, "51"),
        (Entity::Source, "31"),
        (Entity::User, "701"),
        (Entity::User, "702"),
    ] {
        assert!(rest.contains(&wanted), "{wanted:?} in {rest:?}");
    }
    assert!(
        move_.observations[1..]
            .iter()
            .all(|o| o.seen == Seen::Embedded && !o.complete)
    );
    assert_eq!(move_.drift, []);
}

#[test]
fn deletes_merges_and_anonymisations_are_told_as_such() {
    let gone = delivery("delete_candidate");
    let all: Vec<_> = gone
        .observations
        .iter()
        .map(|o| (o.entity, o.remote_id.as_str(), o.seen.clone()))
        .collect();
    assert_eq!(
        all,
        [
            (Entity::Candidate, "5001", Seen::Deleted),
            (Entity::Application, "6001", Seen::Deleted),
            (Entity::Application, "6002", Seen::Deleted),
        ]
    );
    assert_eq!(
        delivery("merge_candidate").observations[0].seen,
        Seen::Merged {
            into: "5002".into()
        }
    );
    let wiped = delivery("candidate_anonymized").observations.remove(0);
    assert!(matches!(&wiped.seen, Seen::Anonymized { fields } if fields.len() == 4));
    assert_eq!(
        (
            &wiped.fields["first_name"],
            &wiped.fields["emails"],
            &wiped.fields["anonymized"]
        ),
        (&Value::Null, &json!([]), &json!(true))
    );
    assert_eq!(
        delivery("job_interview_stage_deleted").observations[0].entity,
        Entity::JobStage
    );
}

#[test]
fn offers_flat_nested_and_in_rows_read_the_same_day() {
    let created = delivery("offer_created").observations.remove(0);
    assert_eq!(
        (&created.fields["status"], &created.fields["start_date"]),
        (&json!("pending_approval"), &json!("2027-02-01"))
    );
    assert_eq!(
        delivery("offer_approved").observations[0].fields["status"],
        json!("approved")
    );
    assert_eq!(
        delivery("offer_updated").observations[0].fields["status"],
        json!("sent")
    );
    assert_eq!(
        delivery("offer_updated.accepted").observations[0].fields["status"],
        json!("accepted")
    );
    assert_eq!(
        delivery("offer_deleted").observations[0].seen,
        Seen::Deleted
    );
    let rows = rows("offers");
    assert!(
        !rows[0].observations[0].fields.contains_key("status"),
        "Created alone does not tell whether it was approved"
    );
    assert_eq!(rows[1].observations[0].fields["status"], json!("accepted"));
}

#[test]
fn a_history_row_is_one_stay() {
    let rows = rows("application_stages");
    let stay = &rows[1].observations[0];
    assert_eq!(
        (stay.entity, stay.remote_id.as_str(), &stay.seen),
        (Entity::StageTransition, "880001", &Seen::History)
    );
    assert_eq!(
        stay.fields["application_id"],
        json!({"$ref": "application", "id": "6001"})
    );
    assert_eq!(
        stay.fields["stage_id"],
        json!({"$ref": "job_stage", "id": "2002"})
    );
    assert_eq!(
        (
            &stay.fields["current"],
            stay.own[0].0.as_str(),
            stay.own[0].1.coarse
        ),
        (&json!(true), "entered", false)
    );
    assert!(
        rows[2].observations[0].own.is_empty(),
        "a filled-in stay has no date"
    );
}

#[test]
fn nothing_protected_survives_the_cut() {
    let c = greenhouse();
    for name in ["new_candidate_application", "update_candidate"] {
        let cut = c
            .cut(&body(&format!("webhooks/{name}.http")))
            .expect("readable");
        assert!(
            body(&format!("webhooks/{name}.http"))
                .windows(14)
                .any(|w| w == b"PROTECTED-MARK")
        );
        assert!(
            !String::from_utf8(cut.bytes.expect("something was cut"))
                .expect("text")
                .contains("PROTECTED-MARK")
        );
    }
    let answer = stagewire_connector::Response {
        status: 200,
        headers: vec![],
        body: body("streams/applications.http"),
    };
    let stream = c.stream("applications").expect("a stream");
    let settings = Settings {
        base_url: Some("http://127.0.0.1:9001/".into()),
        ..Settings::default()
    };
    let request = c.first_page(stream, &settings, &Ask::Full).expect("a page");
    let (rows, _) = c.rows(stream, &request, &answer).expect("rows");
    assert!(
        !serde_json::to_string(&rows)
            .expect("text")
            .contains("PROTECTED-MARK")
    );
}

#[test]
fn requests_for_windows_ids_and_histories() {
    let c = greenhouse();
    let settings = Settings {
        base_url: Some("http://127.0.0.1:9001/".into()),
        ..Settings::default()
    };
    let ask = |stream: &str, ask: Ask| {
        c.first_page(c.stream(stream).expect("a stream"), &settings, &ask)
            .map(|r| r.url)
    };
    let (from, to) = (Micros(1_795_521_600_000_000), Micros(1_795_525_200_000_000));
    assert_eq!(
        ask("applications", Ask::Range { from, to }).as_deref(),
        Ok(
            "http://127.0.0.1:9001/v3/applications?updated_at=gte%7C2026-11-24T12:00:00.000Z%7Clte%7C2026-11-24T13:00:00.000Z&per_page=500"
        )
    );
    assert_eq!(
        ask("applications", Ask::Ids(vec!["1".into(), "2".into()])).as_deref(),
        Ok("http://127.0.0.1:9001/v3/applications?ids=1,2&per_page=500")
    );
    let history = Ask::Foreign {
        entity: Entity::Application,
        ids: vec!["1".into()],
    };
    assert_eq!(
        ask("application_stages", history).as_deref(),
        Ok("http://127.0.0.1:9001/v3/application_stages?application_ids=1&per_page=500")
    );
    assert!(
        ask(
            "applications",
            Ask::Ids((0..51).map(|n| n.to_string()).collect())
        )
        .is_err()
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
                "application_stages".into(),
                ReadBy::Foreign(Entity::Application),
                true
            )
        ]
    );
    let parts = |entity| -> Vec<_> {
        let plans = c.reads_for(entity).into_iter();
        plans.filter(|p| p.part).map(|p| p.stream).collect()
    };
    assert_eq!(parts(Entity::Candidate), ["applied_candidate_tags"]);
    assert_eq!(
        parts(Entity::Job),
        ["job_hiring_managers", "job_owners"],
        "a job is read with its team"
    );
    assert_eq!(parts(Entity::Interview), ["interviewers"]);
    assert!(
        c.reads_for(Entity::Question).is_empty(),
        "our ids of questions mean nothing to the vendor"
    );
    let panel = Ask::Foreign {
        entity: Entity::Interview,
        ids: vec!["1".into(), "2".into()],
    };
    assert_eq!(
        ask("interviewers", panel).as_deref(),
        Ok("http://127.0.0.1:9001/v3/interviewers?interview_ids=1,2&per_page=500")
    );
}

#[test]
fn a_seat_in_a_panel_is_a_part_of_its_interview_and_names_the_scorecard_of_it() {
    let seats = rows("interviewers");
    let seat = &seats[0].observations[0];
    assert_eq!(
        (seat.entity, seat.remote_id.as_str()),
        (Entity::Interview, "9501")
    );
    assert_eq!(seat.seen, Seen::Part { row: "91".into() });
    let card = &seats[0].observations[1];
    assert_eq!(
        (card.entity, card.remote_id.as_str()),
        (Entity::Scorecard, "9601")
    );
    assert_eq!(
        card.fields["interview_id"],
        json!({"$ref": "interview", "id": "9501"})
    );
    // an outsider has no user, and a word nobody declared loses nothing
    let guest = &seats[1];
    assert_eq!(guest.observations.len(), 1, "no scorecard yet");
    let guest = &guest.observations[0].fields["interviewers"];
    assert_eq!(
        (&guest["user_id"], &guest["email"], &guest["response"]),
        (&Value::Null, &json!("guest@example.org"), &json!("unknown"))
    );
}

#[test]
fn answers_and_ratings_take_their_words_from_the_lists_of_questions() {
    let answers = rows("scorecard_question_answers");
    let (text, flag) = (
        &answers[0].observations[0].fields["answers"],
        &answers[1].observations[0].fields["answers"],
    );
    assert_eq!(text["value"], "Calm and precise.");
    assert_eq!(flag["value"], true);
    assert_eq!(
        text["question_text"],
        json!({"$ref": "question", "id": "scorecard_question=41", "take": "text"})
    );
    let question = &rows("scorecard_questions")[0].observations[0];
    assert_eq!(
        question.remote_id, "scorecard_question=41",
        "apart from a posting's question 41"
    );
    let rating = &rows("scorecard_candidate_attributes")[0].observations[0].fields["ratings"];
    assert_eq!(
        rating["rating"], "strong_no",
        "other words than a scorecard's own"
    );
    let cards = rows("scorecards");
    let card = &cards[0].observations[0].fields;
    assert_eq!(
        (&card["recommendation"], &card["state"]),
        (&json!("strong_yes"), &json!("submitted"))
    );
    let kept = serde_json::to_string(card).expect("text");
    assert!(!kept.contains("ssh"), "private notes are not kept");
    assert_eq!(cards[1].observations[0].fields["state"], "draft");
}

#[test]
fn notes_files_and_interviews_keep_every_record_whatever_the_words() {
    let notes = rows("notes");
    let odd = &notes[2].observations[0].fields;
    assert_eq!(
        (&odd["kind"], &odd["kind_raw"]),
        (&json!("unknown"), &json!("SCRIBBLE"))
    );
    assert_eq!(notes[1].observations[0].fields["visibility"], "private");
    let files = rows("attachments");
    let file = serde_json::to_string(&files[0].observations[0].fields).expect("text");
    assert!(!file.contains("files.example.com"), "a link that ends");
    let interviews = rows("interviews");
    assert_eq!(
        interviews[1].observations[0].fields["all_day_date"],
        "2026-11-30"
    );
    assert_eq!(interviews[2].observations[0].fields["status"], "unknown");
    let posts = rows("job_posts");
    assert_eq!(
        posts[0].observations[1].remote_id,
        "job_post_question=first_name"
    );
    assert_eq!(posts[0].observations[1].seen, Seen::Present);
}

#[test]
fn a_token_is_asked_for_with_basic_credentials_and_a_subject() {
    let c = greenhouse();
    let settings = Settings {
        auth_url: Some("http://127.0.0.1:9001".into()),
        ..Settings::default()
    }
    .with("client_id", "id")
    .with("client_secret", "s3cret");
    let ask = c
        .token_request(&settings.clone().with("acting_user", "7 1"))
        .expect("a request");
    assert_eq!(
        (ask.method.as_str(), ask.url.as_str()),
        ("POST", "http://127.0.0.1:9001/token")
    );
    assert_eq!(ask.header("authorization"), Some("Basic aWQ6czNjcmV0"));
    assert_eq!(
        String::from_utf8_lossy(&ask.body),
        "grant_type=client_credentials&sub=7%201"
    );
    let plain = c.token_request(&settings).expect("a request");
    assert_eq!(
        String::from_utf8_lossy(&plain.body),
        "grant_type=client_credentials"
    );
    assert!(c.token_request(&Settings::default()).is_none());
}

/// The vendor's own examples, where they lie beside the repository.
fn examples() -> Option<PathBuf> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vendors/greenhouse/webhooks");
    path.is_dir().then_some(path)
}

#[test]
fn every_published_example_maps_without_unexpected_drift() {
    let Some(folder) = examples() else { return };
    let c = greenhouse();
    let mut count = 0;
    for entry in fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
    {
        let cut = c.cut(&fs::read(&entry).expect("a file")).expect("readable");
        let mapped = c.map_delivery(&cut.value);
        assert!(mapped.known, "{}", entry.display());
        assert_eq!(mapped.drift, [], "{}", entry.display());
        assert!(
            mapped.kind == "ping" || !mapped.observations.is_empty(),
            "{}",
            entry.display()
        );
        count += 1;
    }
    assert!(count > 15);
}

#[test]
fn a_recorded_ping_verifies() {
    let Some(body) = examples().and_then(|p| fs::read(p.join("ping.raw.txt")).ok()) else {
        return;
    };
    let c = greenhouse();
    let settings = Settings::default().with("webhook_secret", "1uSUju2H6AohOE7OQVaxeLT3O8Uxxuas");
    let vectors = examples().expect("there").join("../signature-vectors.json");
    let vectors: Value =
        serde_json::from_slice(&fs::read(vectors).expect("vectors")).expect("JSON");
    let header = vectors["vectors"][0]
        .as_object()
        .and_then(|v| {
            v.values()
                .find_map(|v| v.as_str().filter(|s| s.starts_with("sha256 ")))
        })
        .map(str::to_owned);
    let header = header.expect("a header");
    assert_eq!(
        c.verify(&settings, &|_| Some(header.as_str()), &body, Micros(0)),
        Verdict::Verified
    );
    assert!(c.is_ping(&body));
}
