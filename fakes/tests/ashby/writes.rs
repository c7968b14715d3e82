//! The writes: bodies, refusals, what a repeat does, what they tell.

use serde_json::{Value, json};

use crate::fixture::{Fake, text};

fn actions(fake: &Fake) -> Vec<String> {
    let webhooks = fake.ats().take_webhooks();
    webhooks.into_iter().map(|hook| hook.action).collect()
}

#[tokio::test]
async fn a_note_is_a_text_or_an_object_and_a_repeat_makes_two() {
    let fake = Fake::start().await;
    let (_, candidate) = fake.active();
    let before = fake.ats().notes(&candidate).len();
    let updated = fake.ats().candidate(&candidate).unwrap()["updatedAt"].clone();
    fake.minutes(1);
    for note in [
        json!("Hello (ref 1)"),
        json!({"type": "text/html", "value": "<b>Hi</b>"}),
    ] {
        let body = json!({"candidateId": candidate, "note": note});
        let made = fake.ok("candidate.createNote", body.clone()).await;
        assert_eq!(made["results"]["isPrivate"], false);
        fake.ok("candidate.createNote", body).await;
    }
    let notes = fake.ats().notes(&candidate);
    assert_eq!(notes.len(), before + 4);
    let listed = fake
        .read("candidate.listNotes", json!({"candidateId": candidate}))
        .await;
    assert_eq!(listed.rows, notes);
    assert_eq!(
        fake.ats().candidate(&candidate).unwrap()["updatedAt"],
        updated
    );
    assert_eq!(actions(&fake), [""; 0]);
    for note in [
        json!(5),
        json!({"type": "text/markdown", "value": "x"}),
        Value::Null,
    ] {
        let body = json!({"candidateId": candidate, "note": note});
        assert_eq!(
            fake.refused("candidate.createNote", body).await.1,
            "invalid_input"
        );
    }
}

#[tokio::test]
async fn a_tag_is_set_or_not() {
    let fake = Fake::start().await;
    let (_, candidate) = fake.active();
    let tag = fake
        .ok("candidateTag.create", json!({"title": "Fast lane"}))
        .await;
    let body = json!({"candidateId": candidate, "tagId": tag["results"]["id"]});
    fake.minutes(1);
    let once = fake.ok("candidate.addTag", body.clone()).await;
    fake.minutes(1);
    let twice = fake.ok("candidate.addTag", body.clone()).await;
    assert_eq!(once, twice);
    assert!(once["results"]["tags"].to_string().contains("Fast lane"));
    let gone = fake.ok("candidate.removeTag", body.clone()).await;
    assert!(!gone["results"]["tags"].to_string().contains("Fast lane"));
    assert_ne!(gone["results"]["updatedAt"], once["results"]["updatedAt"]);
    let wrong = json!({"candidateId": candidate, "tagId": candidate});
    assert_eq!(
        fake.refused("candidate.addTag", wrong).await.1,
        "candidate_tag_not_found"
    );
}

#[tokio::test]
async fn a_move_into_an_archived_stage_needs_a_reason() {
    let fake = Fake::start().await;
    let (application, _) = fake.active();
    let mut body = json!({
        "applicationId": application,
        "interviewStageId": fake.stage(&application, "Archived"),
    });
    let refused = fake.refused("application.changeStage", body.clone()).await;
    assert_eq!(refused, (200, "invalid_input".into()));
    body["archiveReasonId"] = body["applicationId"].clone();
    let refused = fake.refused("application.changeStage", body.clone()).await;
    assert_eq!(refused.1, "archive_reason_not_found");
    body["archiveReasonId"] = fake.ats().rows("archiveReason")[1]["id"].clone();
    fake.minutes(1);
    let moved = fake.ok("application.changeStage", body.clone()).await;
    assert_eq!(moved["results"]["status"], "Archived");
    assert_eq!(moved["results"]["archivedAt"], json!(fake.clock.now()));
    assert_eq!(moved["results"]["archiveReason"]["text"], "Withdrew");
    assert_eq!(
        actions(&fake),
        ["candidateStageChange", "applicationUpdate"]
    );
    fake.minutes(1);
    let again = fake.ok("application.changeStage", body).await;
    assert_eq!(again, moved);
    assert_eq!(actions(&fake), [""; 0]);

    let history = fake.ats().history(&application);
    let (last, before) = (&history[history.len() - 1], &history[history.len() - 2]);
    assert_eq!(last["enteredStageAt"], before["leftStageAt"]);
    let foreign = fake.ats().rows("interviewStage");
    let plan = &moved["results"]["currentInterviewStage"]["interviewPlanId"];
    let foreign = foreign
        .iter()
        .find(|stage| stage["interviewPlanId"] != *plan);
    let body = json!({"applicationId": application, "interviewStageId": foreign.unwrap()["id"]});
    let refused = fake.refused("application.changeStage", body).await;
    assert_eq!(refused.1, "interview_stage_not_found");
}

#[tokio::test]
async fn a_new_candidate_and_application_come_without_a_submission() {
    let fake = Fake::start().await;
    let body = json!({"name": "Edda Rausch", "email": "edda.rausch@example.com"});
    let made = fake.ok("candidate.create", body.clone()).await;
    fake.ok("candidate.create", body).await;
    let found = fake
        .ok(
            "candidate.search",
            json!({"email": "EDDA.RAUSCH@example.com"}),
        )
        .await;
    assert_eq!(found["results"].as_array().unwrap().len(), 2);

    let job = fake.ats().find("job", "title", "Product Designer").unwrap();
    let candidate = &made["results"]["id"];
    let body = json!({"candidateId": candidate, "jobId": job});
    let made = fake.ok("application.create", body.clone()).await;
    assert_eq!(made["results"]["status"], "Lead");
    let stub = made["results"]["currentInterviewStage"]
        .as_object()
        .unwrap();
    assert_eq!(stub.keys().collect::<Vec<_>>(), ["id"]);
    let whole = fake
        .ats()
        .application(made["results"]["id"].as_str().unwrap())
        .unwrap();
    assert_eq!(whole["currentInterviewStage"]["title"], "New Lead");
    let person = fake.ats().candidate(candidate.as_str().unwrap()).unwrap();
    assert_eq!(person["applicationIds"], json!([whole["id"]]));

    let mut body = body;
    body["interviewStageId"] = json!("FirstPreInterviewScreen");
    let made = fake.ok("application.create", body.clone()).await;
    let n = text(&made["results"]["id"]);
    let stage = &fake.ats().application(&n).unwrap()["currentInterviewStage"];
    assert_eq!(stage["title"], "Application Review");
    assert_eq!(actions(&fake), [""; 0]);
    body["jobId"] = candidate.clone();
    assert_eq!(
        fake.refused("application.create", body).await.1,
        "job_not_found"
    );
}
