//! Webhooks: what fires with what, the envelope, the signature, settings, pings and retries.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use stagewire_fakes::ashby::{Act, ActionIds, Applicant, BY_API, BY_HAND, Subscriber, Webhook};
use stagewire_fakes::{Sent, ashby_signature};
use tokio::sync::Mutex;

use crate::fixture::{Fake, text};

fn did(fake: &Fake, act: Act) -> Vec<Webhook> {
    fake.ats().act(act).unwrap().webhooks
}

fn actions(webhooks: &[Webhook]) -> Vec<&str> {
    webhooks.iter().map(|hook| hook.action.as_str()).collect()
}

#[tokio::test]
async fn a_hire_is_told_three_times_with_one_state() {
    let fake = Fake::start().await;
    let (application, _) = fake.active();
    let offer = Act::CreateOffer {
        application_id: application.clone(),
        starts_on: Some("2026-10-01".into()),
        salary: Some(70_000),
    };
    let offer_id = fake.ats().act(offer).unwrap().touched.id.unwrap();
    let accept = Act::AcceptOffer {
        offer_id: offer_id.clone(),
    };
    assert_eq!(actions(&did(&fake, accept)), ["offerUpdate"]);
    fake.minutes(1);
    let told = fake.ats().hire(&application).unwrap().webhooks;
    assert_eq!(
        actions(&told),
        ["candidateHire", "candidateStageChange", "applicationUpdate"]
    );
    let states: Vec<Value> = told
        .iter()
        .map(|hook| hook.json()["data"]["application"].clone())
        .collect();
    assert_eq!(states[0], fake.ats().application(&application).unwrap());
    assert!(states.iter().all(|state| *state == states[0]));
    assert_eq!(states[0]["status"], "Hired");
    assert_eq!(told[0].json()["data"]["offer"]["id"], json!(offer_id));
    assert!(told[1].json()["data"].get("offer").is_none());
}

#[tokio::test]
async fn the_envelope_names_an_event_an_act_or_neither() {
    for (mode, different) in [
        (ActionIds::PerEvent, 3),
        (ActionIds::PerAct, 1),
        (ActionIds::Missing, 0),
    ] {
        let fake = Fake::with(|options| options.action_ids = mode).await;
        let (application, _) = fake.active();
        // Two settings of one type get the same bytes.
        for kind in [
            "candidateHire",
            "candidateHire",
            "candidateStageChange",
            "applicationUpdate",
        ] {
            fake.ats()
                .add_subscriber(Subscriber::new(kind, "http://127.0.0.1:1/", "s"));
        }
        let told = fake.ats().hire(&application).unwrap().webhooks;
        assert_eq!(told.len(), 4);
        assert_eq!(told[0].body, told[1].body);
        let mut ids: Vec<String> = told
            .iter()
            .filter_map(|hook| hook.json()["webhookActionId"].as_str().map(str::to_owned))
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), different, "{mode:?}");
    }
}

#[tokio::test]
async fn each_act_tells_what_the_reference_names() {
    let fake = Fake::start().await;
    let ats = fake.ats();
    let (application_id, candidate_id) = fake.active();
    let job_id = text(&ats.jobs()[0]["id"]);
    let posting_id = text(&ats.rows("jobPosting")[0]["id"]);
    let applicant = Applicant {
        name: "Uta Grimm".into(),
        job_id: job_id.clone(),
        ..Applicant::default()
    };
    let bulk = Applicant {
        bulk: true,
        ..applicant.clone()
    };
    let move_on = Act::Move {
        application_id: application_id.clone(),
        stage_id: None,
    };
    let plans = ats.rows("interviewPlan");
    let job = ats.row("job", &job_id).unwrap();
    let other = plans
        .iter()
        .find(|plan| plan["id"] != job["defaultInterviewPlanId"]);
    let plan_id = text(&other.unwrap()["id"]);
    let schedule = Act::Schedule {
        application_id: application_id.clone(),
        starts_at: fake.clock.now(),
        user_id: None,
    };
    let done = ats.act(schedule).unwrap();
    assert_eq!(
        actions(&done.webhooks),
        ["interviewScheduleCreate", "interviewScheduleUpdate"]
    );
    let shown = |at: usize| done.webhooks[at].json()["data"]["interviewSchedule"].clone();
    assert!(shown(0).get("candidateId").is_none());
    assert_eq!(shown(1)["candidateId"], json!(candidate_id));
    let schedule_id = done.touched.id.unwrap();
    let edit = |name: &str| Act::EditCandidate {
        candidate_id: candidate_id.clone(),
        name: Some(name.into()),
        email: None,
        phone: None,
        company: None,
    };
    let cases: Vec<(Act, &[&str])> = vec![
        (Act::Apply(applicant), &["applicationSubmit"]),
        (Act::Apply(bulk), &[]),
        (move_on, &["candidateStageChange", "applicationUpdate"]),
        (edit("New Name"), &[]),
        (
            Act::CancelSchedule {
                schedule_id: schedule_id.clone(),
            },
            &["interviewScheduleUpdate"],
        ),
        (
            Act::Feedback {
                schedule_id,
                rating: 3,
            },
            &[],
        ),
        (
            Act::AddJob {
                title: "Baker".into(),
                confidential: false,
            },
            &["jobCreate"],
        ),
        (
            Act::EditJob {
                job_id: job_id.clone(),
                title: "T".into(),
            },
            &["jobUpdate"],
        ),
        (
            Act::SwitchPlan {
                job_id: job_id.clone(),
                plan_id,
            },
            &["interviewPlanTransition", "jobUpdate"],
        ),
        (
            Act::UnpublishPosting {
                posting_id: posting_id.clone(),
            },
            &["jobPostingUnpublish", "jobPostingUpdate"],
        ),
        (
            Act::PublishPosting {
                posting_id: posting_id.clone(),
            },
            &["jobPostingPublish", "jobPostingUpdate"],
        ),
        (
            Act::EditPosting {
                posting_id,
                title: "T".into(),
            },
            &["jobPostingUpdate"],
        ),
        (
            Act::AddOpening {
                job_id,
                identifier: "O-1".into(),
            },
            &["openingCreate"],
        ),
        (
            Act::PushToHris {
                application_id: application_id.clone(),
            },
            &["pushToHRIS"],
        ),
        (Act::DeleteApplication { application_id }, &[]),
        (
            Act::DeleteCandidate {
                candidate_id: candidate_id.clone(),
            },
            &["candidateDelete"],
        ),
    ];
    for (act, wanted) in cases {
        let name = format!("{act:?}");
        assert_eq!(actions(&did(&fake, act)), wanted, "{name}");
    }
}

#[tokio::test]
async fn deletes_and_merges_name_ids_only() {
    let fake = Fake::start().await;
    let people: Vec<String> = fake
        .ats()
        .candidates()
        .iter()
        .map(|row| text(&row["id"]))
        .collect();
    let note = Act::Note {
        candidate_id: people[1].clone(),
        text: "Kept".into(),
        private: false,
    };
    let note_id = fake.ats().act(note).unwrap().touched.id;
    let merge = Act::MergeCandidate {
        candidate_id: people[1].clone(),
        into_candidate_id: people[2].clone(),
    };
    let applications = fake.ats().candidate(&people[1]).unwrap()["applicationIds"].clone();
    let told = did(&fake, merge);
    assert_eq!(
        told[0].json()["data"],
        json!({
            "deletedCandidate": {"id": people[1]},
            "mergedCandidate": {"id": people[2]},
        })
    );
    assert!(fake.ats().candidate(&people[1]).is_none());
    let moved = fake
        .ats()
        .application(applications[0].as_str().unwrap())
        .unwrap();
    assert_eq!(moved["candidate"]["id"], json!(people[2]));
    let notes = fake.ats().notes(&people[2]);
    assert!(
        notes
            .iter()
            .any(|note| note["id"].as_str() == note_id.as_deref())
    );

    let told = did(
        &fake,
        Act::DeleteCandidate {
            candidate_id: people[2].clone(),
        },
    );
    assert_eq!(
        told[0].json()["data"],
        json!({"candidate": {"id": people[2]}})
    );
    let offer = &fake.ats().offers()[0];
    let told = did(
        &fake,
        Act::DeleteOffer {
            offer_id: text(&offer["id"]),
        },
    );
    let data = json!({"offer": {"id": offer["id"], "applicationId": offer["applicationId"]}});
    assert_eq!(told[0].json()["data"], data);
}

#[tokio::test]
async fn protected_surveys_carry_no_answers_and_anonymous_ones_are_not_told() {
    let fake = Fake::start().await;
    let (application, _) = fake.active();
    let submit = |kind: &str, anonymous| Act::SubmitSurvey {
        application_id: application.clone(),
        survey_type: kind.into(),
        anonymous,
    };
    for (kind, answers) in [
        ("Questionnaire", true),
        ("EEOC", false),
        ("Diversity", false),
    ] {
        let told = did(&fake, submit(kind, false));
        let shown = told[0].json()["data"]["surveySubmission"].clone();
        assert_eq!(shown.get("submittedValues").is_some(), answers, "{kind}");
        let listed = fake
            .read("surveySubmission.list", json!({"surveyType": kind}))
            .await;
        assert!(
            listed
                .rows
                .iter()
                .all(|row| row["submittedValues"].is_object())
        );
    }
    assert_eq!(did(&fake, submit("CandidateExperience", true)).len(), 0);
}

#[tokio::test]
async fn the_signature_covers_the_bytes_and_is_missing_without_a_secret() {
    let fake = Fake::start().await;
    let (application, _) = fake.active();
    fake.ats().add_subscriber(Subscriber::new(
        "applicationUpdate",
        "http://127.0.0.1:1/",
        "a",
    ));
    fake.ats().add_subscriber(Subscriber {
        secret: None,
        ..Subscriber::new("applicationUpdate", "http://127.0.0.1:1/", "")
    });
    let told = fake.ats().move_to(&application, None).unwrap().webhooks;
    assert_eq!(actions(&told), ["applicationUpdate", "applicationUpdate"]);
    let signature = |hook: &Webhook| {
        let mut headers = hook.headers.iter();
        let found = headers.find(|(name, _)| name == "Ashby-Signature");
        found.map(|(_, value)| value.clone())
    };
    assert_eq!(
        signature(&told[0]),
        Some(ashby_signature("a", &told[0].body))
    );
    assert_eq!(signature(&told[1]), None);
    fake.ats().lose_webhooks(1);
    fake.ats().repeat_webhooks(1);
    fake.ats().take_webhooks();
    fake.ats().archive(&application, None).unwrap();
    assert_eq!(fake.ats().take_webhooks().len(), 2, "one lost, one twice");
}

#[tokio::test]
async fn settings_are_made_for_one_type_of_the_known_ones_and_pinged() {
    let fake = Fake::start().await;
    let body = |kind: &str| {
        json!({
            "webhookType": kind, "requestUrl": "http://127.0.0.1:1/in", "secretToken": "s",
        })
    };
    for kind in BY_API {
        fake.ok("webhook.create", body(kind)).await;
    }
    for kind in BY_HAND {
        let refused = fake.refused("webhook.create", body(kind)).await;
        assert_eq!(refused, (200, "invalid_input".into()), "{kind}");
    }
    let pings = fake.ats().take_webhooks();
    assert_eq!(pings.len(), BY_API.len());
    assert_eq!(pings[0].json()["action"], "ping");
    let made = fake.ok("webhook.create", body("offerCreate")).await;
    let id = &made["results"]["id"];
    assert_eq!(made["results"]["webhookType"], "offerCreate");
    let off = json!({"webhookId": id, "enabled": false});
    fake.ok("webhook.update", off).await;
    let info = fake.ok("webhook.info", json!({"webhookId": id})).await;
    assert_eq!(info["results"]["enabled"], false);
    assert_eq!(
        fake.ats().take_webhooks().len(),
        2,
        "made and changed: two pings"
    );
    fake.ok("webhook.delete", json!({"webhookId": id})).await;
    let refused = fake.refused("webhook.info", json!({"webhookId": id})).await;
    assert_eq!(refused.1, "webhook_not_found");
}

/// A receiver that answers with one status and remembers what it heard.
#[derive(Clone)]
struct Ear {
    status: StatusCode,
    heard: Arc<Mutex<Vec<Value>>>,
}

async fn hear(State(ear): State<Ear>, body: String) -> StatusCode {
    ear.heard
        .lock()
        .await
        .push(serde_json::from_str(&body).unwrap());
    ear.status
}

async fn ear(status: u16) -> (Ear, String) {
    let ear = Ear {
        status: StatusCode::from_u16(status).unwrap(),
        heard: Arc::default(),
    };
    let listener = stagewire_fakes::loopback().await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/in", post(hear))
        .with_state(ear.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (ear, url)
}

#[tokio::test]
async fn ten_attempts_at_most_and_one_where_the_answer_is_final() {
    for (status, attempts) in [
        (204, 1),
        (500, 10),
        (400, 10),
        (401, 1),
        (403, 1),
        (404, 1),
        (405, 1),
        (410, 1),
    ] {
        let fake = Fake::with(|options| options.capture = false).await;
        let (ear, url) = ear(status).await;
        let hook = Subscriber::new("applicationSubmit", url, "s");
        fake.ats().add_subscriber(hook);
        let applicant = Applicant {
            name: "Uta Grimm".into(),
            job_id: text(&fake.ats().jobs()[0]["id"]),
            ..Applicant::default()
        };
        fake.ats().apply(applicant).unwrap();
        let done = |sent: &Sent| sent.settled;
        while fake.ats().sent().is_empty() || !fake.ats().sent().iter().all(done) {
            tokio::task::yield_now().await;
        }
        let heard = ear.heard.lock().await;
        assert_eq!(heard.len(), attempts, "{status}");
        assert!(heard.iter().all(|body| *body == heard[0]), "{status}");
        assert_eq!(fake.ats().sent()[0].attempts.len(), attempts);
    }
}

#[tokio::test]
async fn a_failed_ping_leaves_the_setting_off() {
    let fake = Fake::with(|options| options.capture = false).await;
    for (status, on) in [(200, true), (204, true), (404, false), (500, false)] {
        let (ear, url) = ear(status).await;
        let body = json!({"webhookType": "offerCreate", "requestUrl": url, "secretToken": "s"});
        let made = fake.ok("webhook.create", body).await;
        assert_eq!(made["results"]["enabled"], on, "{status}");
        assert_eq!(
            ear.heard.lock().await[0]["data"]["webhookActionType"],
            "ping"
        );
    }
}
