//! Sync tokens: what changed since, what they miss, how they end.

use std::time::Duration;

use serde_json::json;
use stagewire_fakes::ashby::{Act, Applicant, Oddities};
use stagewire_fakes::{Fault, Rule};

use crate::fixture::{Fake, text};

#[tokio::test]
async fn a_token_brings_what_changed_since_and_only_once() {
    let fake = Fake::start().await;
    let first = fake.read("application.list", json!({"limit": 7})).await;
    let again = fake
        .read("application.list", json!({"syncToken": first.token}))
        .await;
    assert_eq!(again.rows.len(), 0);

    fake.minutes(1);
    let (application, candidate) = fake.active();
    let act = Act::EditApplication {
        application_id: application.clone(),
        source_id: fake.ats().find("source", "title", "Referral"),
        credited_to_user_id: None,
        custom_field_id: None,
        value: json!(null),
    };
    fake.ats().act(act).unwrap();
    let changed = fake
        .read("application.list", json!({"syncToken": again.token}))
        .await;
    assert_eq!(changed.ids(), std::slice::from_ref(&application));
    assert_eq!(
        changed.rows[0],
        fake.ats().application(&application).unwrap()
    );
    assert_eq!(changed.rows[0]["source"]["title"], "Referral");
    // The change was the application's alone.
    let token = fake.read("candidate.list", json!({})).await.token;
    let act = Act::Tag {
        candidate_id: candidate.clone(),
        tag_id: text(&fake.ats().rows("candidateTag")[0]["id"]),
    };
    fake.ats().act(act).unwrap();
    let people = fake
        .read("candidate.list", json!({"syncToken": token}))
        .await;
    assert_eq!(people.ids(), [candidate]);
    let none = fake
        .read("application.list", json!({"syncToken": changed.token}))
        .await;
    assert_eq!(none.rows.len(), 0);
}

#[tokio::test]
async fn a_change_during_a_run_is_in_the_next_run() {
    let fake = Fake::start().await;
    let token = fake.read("candidate.list", json!({})).await.token;
    let ids: Vec<String> = fake
        .ats()
        .candidates()
        .iter()
        .map(|row| text(&row["id"]))
        .collect();
    let rename = |id: &String, name: &str| {
        let act = Act::EditCandidate {
            candidate_id: id.clone(),
            name: Some(name.into()),
            email: None,
            phone: None,
            company: None,
        };
        fake.ats().act(act).unwrap();
    };
    ids[..4].iter().for_each(|id| rename(id, "One"));
    let body = json!({"syncToken": token, "limit": 2});
    let page = fake.ok("candidate.list", body.clone()).await;
    assert_eq!(page["results"].as_array().unwrap().len(), 2);
    rename(&ids[0], "Two");
    let mut next = body;
    next["cursor"] = page["nextCursor"].clone();
    let rest = fake.read("candidate.list", next).await;
    assert_eq!(rest.ids(), ids[2..4]);
    let after = fake
        .read("candidate.list", json!({"syncToken": rest.token}))
        .await;
    assert_eq!(after.ids(), [ids[0].clone()]);
    assert_eq!(after.rows[0]["name"], "Two");
}

#[tokio::test]
async fn what_was_deleted_is_silently_missing() {
    let fake = Fake::start().await;
    let (application, candidate) = fake.active();
    let token = fake.read("application.list", json!({})).await.token;
    let before = fake.ats().count("application").unwrap();
    let act = Act::DeleteCandidate {
        candidate_id: candidate.clone(),
    };
    fake.ats().act(act).unwrap();
    let since = fake
        .read("application.list", json!({"syncToken": token}))
        .await;
    assert_eq!(since.rows.len(), 0);
    let all = fake.read("application.list", json!({})).await;
    assert!(all.rows.len() < before as usize && !all.ids().contains(&application));
    let refused = fake
        .refused("candidate.info", json!({"id": candidate}))
        .await;
    assert_eq!(refused, (200, "candidate_not_found".into()));
}

#[tokio::test]
async fn tokens_expire_by_age_and_by_decree() {
    let fake = Fake::with(|options| options.sync_token_ttl = Some(Duration::from_secs(120))).await;
    let token = fake.read("job.list", json!({})).await.token;
    fake.minutes(2);
    let fresh = fake
        .read("job.list", json!({"syncToken": token}))
        .await
        .token;
    fake.minutes(1);
    let refused = fake.refused("job.list", json!({"syncToken": token})).await;
    assert_eq!(refused, (200, "sync_token_expired".into()));
    fake.ats().expire_sync_tokens();
    let refused = fake.refused("job.list", json!({"syncToken": fresh})).await;
    assert_eq!(refused.1, "sync_token_expired");
    fake.read("job.list", json!({})).await;
}

#[tokio::test]
async fn an_incremental_run_has_a_page_cap_and_a_full_one_has_none() {
    let fake = Fake::with(|options| options.incremental_pages = Some(2)).await;
    let full = fake.read("candidate.list", json!({"limit": 5})).await;
    assert!(full.pages > 2);
    for n in 0..5 {
        let applicant = Applicant {
            name: format!("New {n}"),
            job_id: text(&fake.ats().jobs()[0]["id"]),
            ..Applicant::default()
        };
        fake.ats().apply(applicant).unwrap();
    }
    let read = fake
        .read(
            "candidate.list",
            json!({"syncToken": full.token, "limit": 3}),
        )
        .await;
    assert_eq!((read.pages, read.rows.len()), (2, 5));
    let mut body = json!({"syncToken": full.token, "limit": 2});
    for _ in 0..2 {
        body["cursor"] = fake.ok("candidate.list", body.clone()).await["nextCursor"].clone();
    }
    let refused = fake.refused("candidate.list", body).await;
    assert_eq!(refused, (200, "incremental_sync_too_large".into()));
}

#[tokio::test]
async fn a_page_may_be_empty_with_more_to_come() {
    let fake = Fake::start().await;
    fake.ats().empty_pages(1);
    let page = fake.ok("job.list", json!({})).await;
    assert_eq!(page["results"], json!([]));
    assert_eq!(page["moreDataAvailable"], true);
    let rest = fake
        .read("job.list", json!({"cursor": page["nextCursor"]}))
        .await;
    assert_eq!(rest.rows.len(), 6);
    // A page looks at so many rows, whether a filter keeps them or not.
    let fake = Fake::with(|options| options.rows_looked_at = 4).await;
    let hired = fake
        .read("application.list", json!({"status": "Hired"}))
        .await;
    assert!(hired.pages >= 7 && hired.rows.len() < 7, "{}", hired.pages);
}

#[tokio::test]
async fn notes_and_events_sync_for_their_parent_only() {
    let fake = Fake::start().await;
    let (application, candidate) = fake.active();
    let notes = json!({"candidateId": candidate});
    let token = fake.read("candidate.listNotes", notes.clone()).await.token;
    let note = Act::Note {
        candidate_id: candidate.clone(),
        text: "Hello".into(),
        private: false,
    };
    fake.ats().act(note).unwrap();
    let mut body = notes;
    body["syncToken"] = json!(token);
    let since = fake.read("candidate.listNotes", body.clone()).await;
    assert_eq!(since.rows[0]["content"], "Hello");
    let other = fake.ats().candidates();
    let other = other
        .iter()
        .map(|row| text(&row["id"]))
        .find(|id| *id != candidate);
    body["candidateId"] = json!(other);
    assert_eq!(
        fake.refused("candidate.listNotes", body).await.1,
        "invalid_input"
    );

    let act = Act::Schedule {
        application_id: application.clone(),
        starts_at: fake.clock.now().plus_secs(86_400),
        user_id: None,
    };
    let schedule = fake.ats().act(act).unwrap().touched.id.unwrap();
    let events = fake
        .read(
            "interviewEvent.list",
            json!({"interviewScheduleId": schedule}),
        )
        .await;
    let mine = fake
        .read(
            "interviewSchedule.list",
            json!({"applicationId": application}),
        )
        .await;
    let shown = mine
        .rows
        .iter()
        .find(|row| row["id"] == json!(schedule))
        .unwrap();
    assert_eq!(shown["interviewEvents"], json!(events.rows));
}

#[tokio::test]
async fn drifts_oddities_and_lag_change_what_is_read() {
    let fake = Fake::start().await;
    let (application, _) = fake.active();
    let ats = fake.ats();
    ats.drift("application", "candidate.name", Some(json!(7)));
    ats.drift_one("application", &application, "job", None);
    let rows = fake.read("application.list", json!({})).await.rows;
    assert!(rows.iter().all(|row| row["candidate"]["name"] == 7));
    let without = rows.iter().filter(|row| row.get("job").is_none());
    assert_eq!(without.count(), 1);
    ats.clear_drifts();
    ats.set_oddities(Oddities {
        no_nulls: true,
        long_reasons: true,
        bare_openings: true,
        error_objects: true,
        ..Oddities::default()
    });
    let rows = fake.read("application.list", json!({})).await.rows;
    assert!(rows.iter().any(|row| row.get("archiveReason").is_none()));
    let reasons = rows.iter().map(|row| &row["archiveReason"]["reasonType"]);
    assert!(reasons.clone().any(|kind| kind == "RejectedByOrganization"));
    let openings = fake.ok("opening.list", json!({})).await;
    assert!(openings.get("syncToken").is_none() && openings.get("moreDataAvailable").is_none());
    let answer = fake.call("demo-key", "job.info", &json!({})).await.json();
    assert_eq!(answer["errors"][0]["parameter"], "id");

    ats.arm(Rule::next(1, "POST", "/application.info", Fault::Lag));
    ats.archive(&application, None).unwrap();
    let body = json!({"applicationId": application});
    let old = fake.ok("application.info", body.clone()).await;
    assert_eq!(old["results"]["status"], "Active");
    let new = fake.ok("application.info", body).await;
    assert_eq!(new["results"]["status"], "Archived");
}
