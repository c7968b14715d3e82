//! What people do that causes no webhook is told by polls alone, through the whole server: interviews, scorecards, offers, notes, files
//! and tags. The events are the acts, each once.

use serde_json::Value;
use stagewire_fakes::greenhouse::Act;
use stagewire_tests::{Company, Plan};

/// The types of all events but of applications and of what only carries them, oldest first.
async fn kinds(c: &Company, from: usize) -> Vec<String> {
    let mut events = c.server.all("events").await;
    events.sort_by_key(|e| e["id"].as_str().map(str::to_owned));
    let kind = |e: &Value| e["type"].as_str().unwrap_or_default().to_owned();
    let mut out: Vec<String> = events.iter().skip(from).map(kind).collect();
    out.retain(|k| !k.ends_with("application.updated"));
    out
}

async fn record(c: &Company, entity: &str, remote: u64) -> Value {
    let all = c.server.all(&format!("records/{entity}")).await;
    let remote = remote.to_string();
    let mut all = all.into_iter();
    let found = all.find(|r| r["remote_id"] == remote.as_str());
    found.unwrap_or_else(|| panic!("no {entity} {remote}"))
}

fn act(c: &Company, act: Act) -> u64 {
    let done = c.ats.state.act(act).expect("the ATS does it");
    c.ats.state.take_webhooks();
    done.touched.row_id.unwrap_or_default()
}

/// What an act told by polls alone: these types since `seen`, which moves on.
async fn told(c: &Company, seen: &mut usize, types: &[&str]) {
    c.poll().await;
    let new = || async {
        let mut new = kinds(c, *seen).await;
        new.sort();
        new
    };
    // a poll may ask for a record by its id before it is believed
    stagewire_testkit::holds(30, || async { new().await == types }).await;
    assert_eq!(new().await, types);
    *seen = c.server.all("events").await.len();
}

#[tokio::test]
async fn polls_tell_of_interviews_scorecards_offers_notes_and_files() {
    let c = Company::start(Plan::default()).await;
    c.poll().await;
    assert_eq!(kinds(&c, 0).await, [""; 0], "history makes no events");
    for entity in [
        "interview",
        "scorecard",
        "offer",
        "attachment",
        "question",
        "job_posting",
        "opening",
        "tag",
    ] {
        let records = c.server.all(&format!("records/{entity}")).await;
        assert!(!records.is_empty(), "the seeded company has a {entity}");
    }
    let failures = c.server.all("failures").await;
    assert!(failures.is_empty(), "every list can be read: {failures:?}");
    let job = record(&c, "job", c.ats.state.jobs()[0].id).await;
    assert_eq!(
        job["hiring_team"].as_array().map(Vec::len),
        Some(3),
        "manager, recruiter, coordinator: {job}"
    );

    let app = c.apply("Nora");
    c.ats.state.take_webhooks();
    let mut seen = 0;
    told(&c, &mut seen, &["application.created", "candidate.created"]).await;
    let interviews = c.stages()[1].1; // the first stage has no meeting in its plan
    let moved = c.ats.state.move_to(app, Some(interviews));
    moved.expect("the ATS moves");
    c.ats.state.take_webhooks();
    told(&c, &mut seen, &["application.stage_changed"]).await;
    let users = c.ats.state.users();
    let (one, two) = (users[3].id, users[2].id);
    let now = c.ats.state.clock().now();
    let interview = act(
        &c,
        Act::ScheduleInterview {
            application_id: app,
            starts_at: now.plus_secs(86_400),
            user_id: Some(one),
        },
    );
    told(&c, &mut seen, &["interview.scheduled"]).await;
    let held = record(&c, "interview", interview).await;
    assert_eq!(
        (
            held["status"].as_str(),
            held["interviewers"][0]["role"].as_str()
        ),
        (Some("scheduled"), Some("interviewer")),
        "{held}"
    );
    assert!(held["title"].is_string(), "by the job's plan: {held}");
    let stages = c.server.all("records/job_stage").await;
    let stage = stages.iter().find(|s| s["id"] == held["stage_id"]);
    let at = c.ats.state.stage_of(app).map(|s| s.id.to_string());
    assert_eq!(stage.and_then(|s| s["remote_id"].as_str()), at.as_deref());
    act(
        &c,
        Act::RescheduleInterview {
            interview_id: interview,
            starts_at: now.plus_secs(2 * 86_400),
        },
    );
    told(&c, &mut seen, &["interview.rescheduled"]).await;
    act(
        &c,
        Act::AddInterviewer {
            interview_id: interview,
            user_id: two,
        },
    );
    told(&c, &mut seen, &["interview.interviewers_changed"]).await;
    let card = act(
        &c,
        Act::DraftScorecard {
            application_id: app,
            user_id: one,
        },
    );
    told(&c, &mut seen, &[]).await; // a draft is nobody's news

    act(
        &c,
        Act::FinishScorecard {
            scorecard_id: card,
            rating: Some("yes".into()),
        },
    );
    told(
        &c,
        &mut seen,
        &["interview.completed", "scorecard.submitted"],
    )
    .await;
    let held = record(&c, "scorecard", card).await;
    assert_eq!(held["recommendation"], "yes");
    assert_eq!(held["ratings"][0]["attribute"], "Writes clearly", "{held}");
    act(
        &c,
        Act::AddNote {
            candidate_id: c
                .ats
                .state
                .application(app)
                .expect("it is there")
                .candidate_id,
            body: "Prefers mornings.".into(),
            user_id: Some(one),
        },
    );
    told(&c, &mut seen, &["note.created"]).await;
    let file = act(
        &c,
        Act::Attach {
            application_id: app,
            kind: "cover_letter".into(),
            filename: "letter.pdf".into(),
        },
    );
    told(&c, &mut seen, &["attachment.added"]).await;
    assert_eq!(record(&c, "attachment", file).await["kind"], "cover_letter");
    act(
        &c,
        Act::Tag {
            candidate_id: c
                .ats
                .state
                .application(app)
                .expect("it is there")
                .candidate_id,
            name: "Relocation".into(),
        },
    );
    told(&c, &mut seen, &["candidate.tags_changed"]).await;
    let later = act(
        &c,
        Act::ScheduleInterview {
            application_id: app,
            starts_at: now.plus_secs(86_400),
            user_id: None,
        },
    );
    told(&c, &mut seen, &["interview.scheduled"]).await;
    act(
        &c,
        Act::CancelInterview {
            interview_id: later,
        },
    );
    told(&c, &mut seen, &["interview.cancelled"]).await;

    let offer = act(
        &c,
        Act::CreateOffer {
            application_id: app,
            starts_on: Some("2027-03-01".into()),
            salary: Some(64_000),
        },
    );
    told(&c, &mut seen, &["offer.created"]).await;
    let offers = c.server.all_restricted("records/offer").await;
    let remote = offer.to_string();
    let held = offers.iter().find(|o| o["remote_id"] == remote.as_str());
    let pay = &held.expect("the offer")["pay"][0];
    assert_eq!(
        (&pay["kind"], &pay["exact"]["amount"]),
        (&"base".into(), &"64000".into()),
        "{pay}"
    );
    let next = act(
        &c,
        Act::EditOffer {
            offer_id: offer,
            starts_on: Some("2027-04-01".into()),
            salary: None,
        },
    );
    told(&c, &mut seen, &["offer.created", "offer.updated"]).await; // a new version, and the old one is superseded
    assert_eq!(record(&c, "offer", offer).await["status"], "superseded");
    act(&c, Act::ApproveOffer { offer_id: next });
    told(&c, &mut seen, &["offer.sent"]).await;
    act(&c, Act::AcceptOffer { offer_id: next });
    told(
        &c,
        &mut seen,
        &["application.hired", "offer.accepted", "opening.filled"],
    )
    .await;
    c.poll().await;
    assert_eq!(
        c.server.all("events").await.len(),
        seen,
        "the same answers again change nothing"
    );
}
