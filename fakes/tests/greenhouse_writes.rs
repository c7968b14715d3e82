//! Writes and acts change the fake ATS's book and cause its webhooks.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::Ats;
use reqwest::Method;
use serde_json::json;
use stagewire_fakes::greenhouse::{Act, Applicant, Done, MoveFrom, Options, Subscriber};
use stagewire_fakes::{Fault, Rule, greenhouse_signature};

fn actions(done: &Done) -> Vec<&str> {
    done.webhooks
        .iter()
        .map(|hook| hook.action.as_str())
        .collect()
}

fn applicant(ats: &Ats) -> Applicant {
    Applicant {
        first_name: "Zoë".into(),
        last_name: "<Krämer>".into(),
        email: Some("zoe@example.com".into()),
        job_id: Some(ats.handle.state.jobs()[0].id),
        ..Applicant::default()
    }
}

#[tokio::test]
async fn a_webhook_is_signed_over_its_escaped_bytes() {
    let ats = Ats::start().await;
    let done = ats.handle.state.apply(applicant(&ats)).unwrap();
    assert_eq!(actions(&done), ["new_candidate_application"]);
    let hook = &ats.handle.state.take_webhooks()[0];
    assert!(hook.body.is_ascii());
    let text = std::str::from_utf8(&hook.body).unwrap();
    assert!(text.contains(r"Zo\u00eb") && text.contains(r"\u003cKr\u00e4mer\u003e"));
    let signature = hook.headers.iter().find(|(name, _)| name == "Signature");
    let expected = greenhouse_signature("demo-webhook-secret", &hook.body);
    assert_eq!(signature.unwrap().1, expected);
    let json = hook.json();
    assert_eq!(json["organization_name"], "Lindenhof Works");
    let app = &json["payload"]["application"];
    assert_eq!(app["status"], "active");
    assert_eq!(app["applied_at"], "2026-09-01T08:00:00Z");
    assert_eq!(app["current_stage"]["name"], "Application Review");
    assert!(ats.handle.state.take_webhooks().is_empty());
}

#[tokio::test]
async fn an_applications_whole_way_tells_its_story() {
    let ats = Ats::start().await;
    let state = &ats.handle.state;
    let id = state
        .apply(applicant(&ats))
        .unwrap()
        .touched
        .application_id
        .unwrap();
    let moved = state.move_to(id, None).unwrap();
    assert_eq!(actions(&moved), ["candidate_stage_change"]);
    let app = &moved.webhooks[0].json()["payload"]["application"];
    assert_eq!(app["current_stage"]["id"], state.stage_of(id).unwrap().id);
    assert_ne!(
        app["current_stage"]["id"],
        json!(state.application(id).unwrap().stage_id)
    );

    let reason = state.rejection_reasons()[0].id;
    let rejected = state.reject(id, Some(reason)).unwrap();
    assert_eq!(actions(&rejected), ["reject_candidate"]);
    let app = &rejected.webhooks[0].json()["payload"]["application"];
    assert_eq!(
        (&app["rejection_reason"]["id"], &app["status"]),
        (&json!(reason), &json!("rejected"))
    );
    assert!(state.move_to(id, None).is_err());
    assert_eq!(
        actions(&state.unreject(id).unwrap()),
        ["unreject_candidate"]
    );

    let offer = state.act(Act::CreateOffer {
        application_id: id,
        starts_on: Some("2026-10-05".into()),
        salary: Some(50_000),
    });
    let offer = offer.unwrap();
    let payload = &offer.webhooks[0].json()["payload"];
    assert_eq!(
        (&payload["start_date"], &payload["offer_status"]),
        (&json!("10/05/2026"), &json!("Created"))
    );
    let offer_id = offer.touched.row_id.unwrap();
    let edited = state
        .act(Act::EditOffer {
            offer_id,
            starts_on: None,
            salary: Some(52_000),
        })
        .unwrap();
    assert_eq!(actions(&edited), ["offer_updated", "offer_created"]);
    assert_eq!(
        edited.webhooks[0].json()["payload"]["offer_status"],
        "Deprecated"
    );
    let hired = state.hire(id).unwrap();
    assert_eq!(actions(&hired), ["offer_updated", "hire_candidate"]);
    let app = &hired.webhooks[1].json()["payload"]["application"];
    assert!(app.get("status").is_none() && app.get("current_stage").is_none());
    assert_eq!(app["offer"]["version"], 2);
    assert_eq!(
        actions(&state.act(Act::Unhire { application_id: id }).unwrap()),
        ["unhire_candidate"]
    );
    let gone = state
        .act(Act::DeleteApplication { application_id: id })
        .unwrap();
    assert_eq!(actions(&gone), ["delete_application"]);
    assert!(
        ats.walk(&format!("/v3/application_stages?application_ids={id}"))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn candidates_are_merged_anonymized_and_deleted() {
    let ats = Ats::start().await;
    let state = &ats.handle.state;
    let one = state.apply(applicant(&ats)).unwrap().touched;
    let two = state.apply(applicant(&ats)).unwrap().touched;
    let (loser, winner) = (one.candidate_id.unwrap(), two.candidate_id.unwrap());
    let merge = Act::Merge {
        candidate_id: loser,
        into_candidate_id: winner,
    };
    let merged = state.act(merge).unwrap();
    let last = merged.webhooks.last().unwrap();
    assert_eq!(last.action, "merge_candidate");
    assert_eq!(last.json()["payload"]["person"]["new_candidate_id"], winner);
    let moved = state.application(one.application_id.unwrap()).unwrap();
    assert_eq!(moved.candidate_id, winner);

    let anonymize = Act::Anonymize {
        candidate_id: winner,
        fields: vec!["full_name".into()],
    };
    let payload = state.act(anonymize).unwrap().webhooks[0].json()["payload"].clone();
    assert_eq!(
        payload,
        json!({"candidate_id": winner, "anonymized_fields": ["full_name"]})
    );
    assert_eq!(state.candidate(winner).unwrap().first_name, None);

    let gone = state
        .act(Act::DeleteCandidate {
            candidate_id: winner,
        })
        .unwrap();
    assert_eq!(actions(&gone), ["delete_candidate"]);
    let deleted = gone.webhooks[0].json()["payload"]["person"]["deleted_application_ids"].clone();
    assert_eq!(deleted, json!([one.application_id, two.application_id]));
    assert!(state.application(two.application_id.unwrap()).is_none());
}

#[tokio::test]
async fn a_repeated_note_is_a_second_note_and_an_orphan_is_kept() {
    let ats = Ats::start().await;
    let body =
        json!({"candidate_id": 9, "body": "Hello", "visibility": "private", "note_type": "NOTE"});
    let first = ats.post("/v3/notes", body.clone()).await;
    assert_eq!(
        (first.status, &first.json()["visibility"]),
        (201, &json!("privately_visible"))
    );
    assert_eq!(ats.post("/v3/notes", body).await.status, 201);
    assert_eq!(ats.walk("/v3/notes?candidate_ids=9").await.len(), 2);
    assert_eq!(ats.handle.state.notes().len(), 2);
    let missing = ats.post("/v3/notes", json!({"candidate_id": 9})).await;
    assert_eq!(
        (missing.status, &missing.json()["errors"][0]),
        (422, &json!({"body": "is missing"}))
    );
    assert!(ats.handle.state.take_webhooks().is_empty());
}

#[tokio::test]
async fn tags_go_on_and_off_by_row() {
    let ats = Ats::start().await;
    let candidate = ats.handle.state.applications()[0].candidate_id;
    let tag = ats
        .post("/v3/candidate_tags", json!({"name": "Night owl"}))
        .await;
    assert_eq!(tag.status, 201);
    let body = json!({"candidate_id": candidate, "candidate_tag_id": tag.json()["id"]});
    let applied = ats.post("/v3/applied_candidate_tags", body.clone()).await;
    assert_eq!(applied.status, 201);
    assert_eq!(
        ats.handle.state.take_webhooks()[0].action,
        "update_candidate"
    );
    let again = ats.post("/v3/applied_candidate_tags", body).await;
    assert_eq!(again.json()["id"], applied.json()["id"]);
    let found = ats.walk("/v3/candidates?tag=Night owl").await;
    assert_eq!(found[0]["id"], candidate);
    let path = format!("/v3/applied_candidate_tags/{}", applied.json()["id"]);
    assert_eq!(ats.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(ats.call(Method::DELETE, &path, None).await.status, 404);
}

#[tokio::test]
async fn an_application_is_moved_rejected_and_hired_over_the_api() {
    let ats = Ats::with(|options| Options {
        move_from: MoveFrom::Instance,
        ..options
    })
    .await;
    let state = &ats.handle.state;
    let id = state
        .apply(applicant(&ats))
        .unwrap()
        .touched
        .application_id
        .unwrap();
    state.take_webhooks();
    let job = state.application(id).unwrap().job_id.unwrap();
    let (stay, stages) = (state.application(id).unwrap().stage_id, state.stages(job));
    let path = format!("/v3/applications/{id}/move");
    let to = stages[2].id;
    let wrong = ats
        .post(
            &path,
            json!({"to_stage_id": to, "from_stage_id": stages[0].id}),
        )
        .await;
    assert_eq!(wrong.status, 422);
    let moved = ats
        .post(&path, json!({"to_stage_id": to, "from_stage_id": stay}))
        .await;
    assert_eq!((moved.status, moved.text.as_str()), (204, ""));
    assert_eq!(state.stage_of(id).unwrap().id, to);
    assert_eq!(state.take_webhooks()[0].action, "candidate_stage_change");
    assert_eq!(ats.post(&path, json!({})).await.status, 204);
    let reason = state.rejection_reasons()[1].id;
    let reject = format!("/v3/applications/{id}/reject");
    assert_eq!(ats.post(&reject, json!({})).await.status, 422);
    assert_eq!(
        ats.post(&reject, json!({"rejection_reason_id": reason}))
            .await
            .status,
        204
    );
    assert_eq!(ats.post(&path, json!({})).await.status, 422);
    assert_eq!(
        ats.post(&format!("/v3/applications/{id}/unreject"), json!({}))
            .await
            .status,
        204
    );
    let missing = ats.post("/v3/applications/1/move", json!({})).await;
    assert_eq!(missing.json()["errors"], "Application not found");
}

#[tokio::test]
async fn a_note_can_be_written_without_an_answer() {
    let ats = Ats::start().await;
    let state = &ats.handle.state;
    let body = json!({"candidate_id": 9, "body": "x", "visibility": "public", "note_type": "NOTE"});
    for fault in [Fault::DropAfter, Fault::DropBefore] {
        state.arm(Rule::next(1, "POST", "/v3/notes", fault));
        let url = format!("{}/v3/notes", ats.handle.url());
        let request = ats
            .client
            .post(url)
            .bearer_auth(&ats.token)
            .body(body.to_string());
        assert!(request.send().await.is_err());
    }
    state.arm(Rule::next(1, "POST", "/v3/notes", Fault::FailAfter));
    assert_eq!(ats.post("/v3/notes", body.clone()).await.status, 500);
    state.arm(Rule::next(1, "", "", Fault::status(503)));
    assert_eq!(ats.post("/v3/notes", body).await.status, 503);
    assert_eq!(state.notes().len(), 2);
}

#[tokio::test]
async fn webhooks_get_lost_and_doubled_when_told() {
    let ats = Ats::start().await;
    let state = &ats.handle.state;
    state.lose_webhooks(1);
    state.repeat_webhooks(1);
    for _ in 0..3 {
        assert_eq!(state.apply(applicant(&ats)).unwrap().webhooks.len(), 1);
    }
    let kept = state.take_webhooks();
    assert_eq!(kept.len(), 3);
    assert_eq!(
        (&kept[0].body, &kept[0].event_id),
        (&kept[1].body, &kept[1].event_id)
    );
    assert_ne!(kept[1].body, kept[2].body);
}

#[tokio::test]
async fn the_page_and_the_control_routes_work_without_script() {
    let ats = Ats::start().await;
    let page = ats.get("/").await;
    assert_eq!(page.status, 200);
    for text in [
        "Backend Engineer",
        "Application Review",
        "<label",
        "Webhooks sent",
        "Lindenhof",
    ] {
        assert!(page.text.contains(text), "{text} is missing");
    }
    assert!(!page.text.contains("<script"));
    let mut app = ats.handle.state.applications().into_iter();
    let app = app
        .rfind(|app| app.status == "in_process" && !app.prospect)
        .unwrap();
    let form = ats
        .client
        .post(format!("{}/_fake/reject", ats.handle.url()));
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let answer =
        common::send(form.body(format!("application_id={}&rejection_reason_id=", app.id))).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    let answer = ats
        .post("/_fake/unreject", json!({"application_id": app.id}))
        .await;
    assert_eq!(answer.json()["webhooks"][0]["action"], "unreject_candidate");
    assert_eq!(
        ats.post("/_fake/unreject", json!({"application_id": app.id}))
            .await
            .status,
        422
    );
    let state = ats.get("/_fake/state").await.json();
    assert_eq!(state["counts"]["candidates"], 41);
}

#[tokio::test]
async fn a_webhook_is_sent_again_until_it_gets_a_200() {
    use stagewire_fakes::receiver::{self, Receiver};
    let receiver = Receiver::new(receiver::Options::default());
    let receiver = receiver
        .serve(stagewire_fakes::loopback().await.unwrap())
        .await
        .unwrap();
    let ats = Ats::with(|options| Options {
        capture: false,
        ..options
    })
    .await;
    let url = format!("{}/hook", receiver.url());
    receiver
        .state
        .arm(Rule::next(1, "POST", "", Fault::status(500)));
    let subscriber = Subscriber::to_all(url.as_str(), "secret");
    assert!(
        !ats.handle.state.subscribe(subscriber).await,
        "a failed ping disables"
    );
    ats.handle.state.reenable(&url);
    receiver
        .state
        .arm(Rule::next(2, "POST", "", Fault::status(204)));
    ats.handle.state.apply(applicant(&ats)).unwrap();
    while receiver.state.requests() < 1 {
        tokio::task::yield_now().await;
    }
    let body = receiver.state.bodies()[0].clone();
    assert_eq!(body["action"], "new_candidate_application");
    while !ats.handle.state.sent()[0].settled {
        tokio::task::yield_now().await;
    }
    let sent = &ats.handle.state.sent()[0];
    assert_eq!(sent.attempts.len(), 3);
    assert!(sent.accepted());
    receiver.shutdown().await;
}
