//! What people do changes its own record, sends its hint and nothing else.

use super::*;
use serde_json::json;
use stagewire_fakes::workday::{Act, Applicant, CandidateChange, HintTo, Party, RequisitionChange};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn nora(requisition_id: u64) -> Applicant {
    Applicant {
        first_name: "Nora".into(),
        last_name: "Wickström".into(),
        requisition_id,
        ..Applicant::default()
    }
}

#[tokio::test]
async fn each_act_bumps_its_own_record_and_no_other() {
    let tenant = Tenant::start().await;
    let fake = tenant.fake();
    let start = tenant.clock.now();
    tenant.wait(60);
    let now = tenant.clock.now();
    let changed = || {
        let mut changed: Vec<String> = Vec::new();
        let rows = fake.applications().into_iter();
        changed.extend(
            rows.filter(|row| row.updated_at > start)
                .map(|row| row.key()),
        );
        let rows = fake.candidates().into_iter();
        changed.extend(
            rows.filter(|row| row.updated_at > start)
                .map(|row| row.key()),
        );
        let rows = fake.requisitions().into_iter();
        changed.extend(
            rows.filter(|row| row.updated_at > start)
                .map(|row| row.key()),
        );
        changed
    };
    fake.move_to(5001, Some("Interview")).unwrap();
    assert_eq!(changed(), ["JA-5001"]);
    let row = fake.application(5001).unwrap();
    assert_eq!((row.stage.name, row.status_at), ("Interview", now));
    let [.., before, last] = row.history.as_slice() else {
        panic!("two stays at least");
    };
    assert_eq!(
        (before.exited, last.entered, last.exited),
        (Some(now), now, None)
    );
    let change = CandidateChange {
        candidate_id: 1002,
        email: Some(String::new()),
        add_tag: Some("relocates".into()),
        ..CandidateChange::default()
    };
    fake.act(Act::ChangeCandidate(change)).unwrap();
    assert_eq!(changed(), ["JA-5001", "C-1002"]);
    assert_eq!(fake.candidate(1002).unwrap().email, None);
    let change = RequisitionChange {
        requisition_id: 101,
        title: Some("Backend Engineer (m/w/d)".into()),
        ..RequisitionChange::default()
    };
    fake.act(Act::ChangeRequisition(change)).unwrap();
    assert_eq!(changed(), ["JA-5001", "C-1002", "R-101"]);
    fake.act(Act::ExtendOffer {
        application_id: 5002,
    })
    .unwrap();
    assert_eq!(changed(), ["JA-5001", "C-1002", "R-101"]);
}

#[tokio::test]
async fn an_ended_application_keeps_its_stage_and_stays_ended() {
    let tenant = Tenant::start().await;
    let fake = tenant.fake();
    let stage = fake.application(5002).unwrap().stage;
    fake.act(Act::Withdraw {
        application_id: 5002,
    })
    .unwrap();
    let row = fake.application(5002).unwrap();
    assert_eq!(row.stage, stage);
    assert_eq!(row.disposition.map(|why| why.by), Some(Party::Candidate));
    assert!(fake.move_to(5002, None).is_err());
    assert!(fake.dispose(5002, "Not a fit").is_err());
    assert!(fake.dispose(5003, "Bad hair").is_err());
    fake.hire(5003).unwrap();
    assert_eq!(fake.application(5003).unwrap().stage.name, "Ready for Hire");
    let gone = fake.apply(nora(104));
    assert!(gone.is_err(), "the requisition is frozen");
}

#[tokio::test]
async fn a_deleted_candidate_vanishes_and_a_merged_ones_applications_change_hands() {
    let tenant = Tenant::start().await;
    let fake = tenant.fake();
    let duplicate = fake.candidates().last().unwrap().clone();
    assert_eq!(duplicate.last_name, "Quillfeather-Moss");
    let moved = fake.applications_of(duplicate.id)[0].id;
    tenant.wait(60);
    fake.act(Act::MergeCandidate {
        candidate_id: duplicate.id,
        into_candidate_id: 1001,
    })
    .unwrap();
    assert!(fake.candidate(duplicate.id).is_none());
    assert_eq!(fake.application(moved).unwrap().candidate_id, 1001);
    let query = "format=json&Updated_From=2026-09-01T08:01:00Z";
    let delta = tenant
        .report("ATS_Applications_Delta", query)
        .await
        .entries();
    assert_eq!(column(&delta, "Candidate_ID"), ["C-1001"]);
    assert_eq!(delta[0]["Applications_group"].as_array().unwrap().len(), 2);

    fake.act(Act::DeleteCandidate { candidate_id: 1001 })
        .unwrap();
    assert!(fake.application(moved).is_none() && fake.application(5001).is_none());
    assert!(
        tenant
            .report("ATS_Applications_Delta", query)
            .await
            .entries()
            .is_empty()
    );
    let all = tenant
        .report("ATS_Candidates", "format=json")
        .await
        .entries();
    let ids = column(&all, "Candidate_ID");
    assert!(!ids.contains(&"C-1001".into()) && !ids.contains(&duplicate.key()));
}

#[tokio::test]
async fn a_hint_is_thin_carries_its_secret_and_comes_from_job_applications_only() {
    let tenant = Tenant::start().await;
    let fake = tenant.fake();
    assert!(fake.take_webhooks().is_empty(), "seeds send nothing");
    fake.notify(Some(HintTo {
        url: "http://127.0.0.1:9/in/wd".into(),
        header: "X-Stagewire-Token".into(),
        secret: "open-sesame".into(),
    }));
    let made = fake.apply(nora(101)).unwrap();
    let candidate_id = made.touched.candidate_id.unwrap();
    let application_id = made.touched.application_id.unwrap();
    fake.move_to(application_id, None).unwrap();
    fake.dispose(application_id, "Not a fit").unwrap();
    let change = CandidateChange {
        candidate_id,
        ..CandidateChange::default()
    };
    fake.act(Act::ChangeCandidate(change)).unwrap();
    fake.act(Act::DeleteCandidate { candidate_id }).unwrap();
    let hints = fake.take_webhooks();
    let steps: Vec<&str> = hints.iter().map(|hint| hint.step.as_str()).collect();
    assert_eq!(steps, ["Review Candidate", "Phone Screen", "Disposition"]);
    let key = format!("JA-{application_id}");
    assert_eq!(
        hints[1].json(),
        json!({
            "Business_Process": "Job Application",
            "Step": "Phone Screen",
            "Job_Application_ID": key,
            "Sent": "2026-09-01T01:00:00.000-07:00",
        })
    );
    let secret = ("X-Stagewire-Token".to_owned(), "open-sesame".to_owned());
    assert!(hints[0].headers.contains(&secret));
    fake.lose_webhooks(1);
    fake.repeat_webhooks(1);
    for _ in 0..3 {
        fake.apply(nora(101)).unwrap();
    }
    assert_eq!(
        fake.take_webhooks().len(),
        3,
        "one lost, one doubled, one plain"
    );
}

#[tokio::test]
async fn a_kept_hint_can_be_delivered_and_the_page_plays_along() {
    let listener = loopback().await.unwrap();
    let url = format!("http://{}/in/wd", listener.local_addr().unwrap());
    let tenant = Tenant::start().await;
    let page = tenant.get("/", "").await;
    assert!(page.text.contains("Zoë Hartmut") && page.text.contains("/_fake/move"));
    let hint = json!({"url": url, "header": "X-Token", "secret": "s"});
    let post = |path: &str| tenant.client.post(tenant.url(path));
    let json = |path: &str| post(path).header("content-type", "application/json");
    assert_eq!(
        send(json("/_fake/hint").body(hint.to_string()))
            .await
            .status,
        204
    );
    let form = post("/_fake/move").header("content-type", "application/x-www-form-urlencoded");
    let moved = send(form.body("application_id=JA-5001&stage=Offer")).await;
    assert_eq!(moved.status, 303, "{}", moved.text);
    assert_eq!(tenant.fake().application(5001).unwrap().stage.name, "Offer");
    let wrong = json("/_fake/move").body("{\"application_id\": 1}");
    assert_eq!(send(wrong).await.status, 422);
    let hints = tenant.fake().take_webhooks();
    assert_eq!(hints.len(), 1);
    let state = send(tenant.client.get(tenant.url("/_fake/state")))
        .await
        .json();
    assert_eq!(state["counts"]["requisitions"], 6);
    let set = json("/_fake/set").body("{\"maintenance\": true}");
    assert_eq!(send(set).await.status, 200);
    assert_eq!(tenant.report("ATS_Offers", "").await.status, 503);
    tenant.fake().deliver(&hints[0]);
    let (mut wire, _) = listener.accept().await.unwrap();
    let mut arrived = String::new();
    while !arrived.contains("-07:00\"}") {
        let mut bytes = [0; 4096];
        let count = wire.read(&mut bytes).await.unwrap();
        assert!(count > 0, "the hint broke off: {arrived}");
        arrived.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    wire.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    assert!(arrived.starts_with("POST /in/wd "));
    assert!(arrived.contains("x-token: s\r\n") && arrived.contains("\"JA-5001\""));
}
