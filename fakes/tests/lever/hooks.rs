//! Registrations, signatures, conditions, and which act tells what.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use stagewire_fakes::lever::{Act, Applicant, ContactEdit, Done, EVENTS, Subscriber};
use stagewire_fakes::{lever_signature, loopback, receiver};

use super::Ats;

fn events(done: &Done) -> Vec<&str> {
    done.webhooks.iter().map(|one| one.event.as_str()).collect()
}

fn keys(data: &Value) -> BTreeSet<&str> {
    data.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn the_signature_is_in_the_body_and_says_nothing_of_the_data() {
    let ats = Ats::start().await;
    let done = ats.apply("Dora Quist", "dora.quist@example.com");
    let mut tokens = BTreeSet::new();
    for webhook in ats.fake().take_webhooks() {
        let body = webhook.json();
        assert_eq!(body["triggeredAt"], ats.clock.now().ms());
        let token = body["token"].as_str().unwrap();
        assert_eq!(token.len(), 48);
        let signature = lever_signature("demo-signature-token", token, ats.clock.now().ms());
        assert_eq!(body["signature"], json!(signature));
        assert!(body.get("id").is_none());
        let names: Vec<String> = webhook
            .headers
            .iter()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        assert_eq!(names, ["content-type", "user-agent"]);
        tokens.insert(token.to_string());
    }
    assert_eq!(tokens.len(), done.webhooks.len(), "each token is new");
}

#[tokio::test]
async fn each_act_tells_its_own_events_with_their_own_ids() {
    let ats = Ats::start().await;
    let done = ats.apply("Dora Quist", "dora.quist@example.com");
    assert_eq!(events(&done), ["contactCreated", "applicationCreated"]);
    let data = done.webhooks[1].json()["data"].clone();
    let expected = ["applicationId", "candidateId", "contactId", "opportunityId"];
    assert_eq!(keys(&data), BTreeSet::from(expected));
    let id = done.touched.opportunity_id.unwrap();

    let done = ats.fake().move_to(&id, "offer").unwrap();
    assert_eq!(events(&done), ["candidateStageChange"]);
    let data = done.webhooks[0].json()["data"].clone();
    assert_eq!(
        (&data["fromStageId"], &data["toStageId"]),
        (&json!("applicant-new"), &json!("offer"))
    );

    let done = ats.fake().archive(&id, &ats.reason("Timing")).unwrap();
    assert_eq!(events(&done), ["candidateArchiveChange"]);
    let data = done.webhooks[0].json()["data"].clone();
    assert_eq!(data["fromArchived"], Value::Null);
    assert_eq!(data["toArchived"]["reason"], json!(ats.reason("Timing")));
    let done = ats.fake().unarchive(&id).unwrap();
    assert_eq!(done.webhooks[0].json()["data"]["toArchived"], Value::Null);
    let done = ats.fake().hire(&id).unwrap();
    assert_eq!(events(&done), ["candidateArchiveChange", "candidateHired"]);

    let date = ats.clock.now().plus_secs(3600);
    let schedule = Act::ScheduleInterview {
        opportunity_id: id.clone(),
        date,
        user_id: None,
    };
    let done = ats.fake().act(schedule).unwrap();
    assert_eq!(events(&done), ["interviewCreated"]);
    let interview_id = done.touched.row_id.unwrap();
    assert_eq!(
        done.webhooks[0].json()["data"]["interviewId"],
        json!(interview_id)
    );
    let cancel = Act::CancelInterview {
        interview_id: interview_id.clone(),
    };
    assert_eq!(
        events(&ats.fake().act(cancel).unwrap()),
        ["interviewUpdated"]
    );
    let delete = Act::DeleteInterview { interview_id };
    assert_eq!(
        events(&ats.fake().act(delete).unwrap()),
        ["interviewDeleted"]
    );

    let edit = Act::EditContact(ContactEdit {
        contact_id: ats.of(&id, "contact").as_str().unwrap().into(),
        phone: Some("+49 341 5550777".into()),
        ..ContactEdit::default()
    });
    let before = ats.of(&id, "updatedAt");
    ats.later(1);
    let done = ats.fake().act(edit).unwrap();
    assert_eq!(events(&done), ["contactUpdated"]);
    assert_eq!(
        keys(&done.webhooks[0].json()["data"]),
        BTreeSet::from(["contactId"])
    );
    assert_eq!(ats.of(&id, "updatedAt"), before);

    let done = ats.fake().delete(&id).unwrap();
    assert_eq!(events(&done), ["candidateDeleted"]);
    for quiet in [
        Act::AddUser {
            name: "New".into(),
            email: "new@example.com".into(),
        },
        Act::AddStage {
            text: "Team day".into(),
        },
    ] {
        assert!(events(&ats.fake().act(quiet).unwrap()).is_empty());
    }
}

#[tokio::test]
async fn archiving_can_clear_the_interviews_to_come() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    for hours in [-1, 1] {
        let schedule = Act::ScheduleInterview {
            opportunity_id: id.clone(),
            date: ats.clock.now().plus_secs(hours * 3600),
            user_id: None,
        };
        ats.fake().act(schedule).unwrap();
    }
    ats.fake().take_webhooks();
    let body = json!({"reason": ats.reason("Timing"), "cleanInterviews": true});
    ats.put(&format!("/opportunities/{id}/archived"), body)
        .await;
    let told: Vec<String> = ats
        .fake()
        .take_webhooks()
        .into_iter()
        .map(|one| one.event)
        .collect();
    assert_eq!(told, ["candidateArchiveChange", "interviewDeleted"]);
    assert_eq!(ats.fake().interviews_of(&id).len(), 1);
}

#[tokio::test]
async fn the_signature_token_is_shown_once_and_a_double_is_told_twice() {
    let ats = Ats::start().await;
    let hook = json!({"event": "candidateHired", "url": "http://127.0.0.1:1/in"});
    let first = ats.post("/webhooks", hook.clone()).await.json()["data"].clone();
    let token = first["configuration"]["signatureToken"].as_str().unwrap();
    let origins = first["configuration"]["conditions"]["origins"]
        .as_array()
        .unwrap();
    assert_eq!(origins.len(), 6);
    assert_eq!(ats.post("/webhooks", hook.clone()).await.status, 201);
    let list = ats.get("/webhooks").await.json();
    assert!(list.get("hasNext").is_none());
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert!(!list.to_string().contains("signatureToken"));

    let id = ats.somebody();
    let done = ats.fake().hire(&id).unwrap();
    assert_eq!(events(&done), ["candidateHired", "candidateHired"]);
    let body = done.webhooks[0].json();
    let signed = lever_signature(token, body["token"].as_str().unwrap(), ats.clock.now().ms());
    assert_eq!(body["signature"], json!(signed));
    assert_ne!(
        done.webhooks[1].json()["signature"],
        json!(signed),
        "each has its own key"
    );

    let path = format!("/webhooks/{}", first["id"].as_str().unwrap());
    let changed = ats
        .put(&path, json!({"url": "http://127.0.0.1:2/in"}))
        .await
        .json();
    assert_eq!(changed["data"]["url"], "http://127.0.0.1:2/in");
    assert!(!changed.to_string().contains("signatureToken"));
    assert_eq!(
        ats.fake().webhooks()[0]["configuration"]["signatureToken"],
        json!(token)
    );
    assert_eq!(
        ats.call(Method::DELETE, &path, Value::Null).await.status,
        204
    );
    assert_eq!(ats.fake().webhooks().len(), 1);
    let unknown = json!({"event": "noteCreated", "url": "http://127.0.0.1:1/in"});
    assert_eq!(ats.post("/webhooks", unknown).await.status, 400);
}

#[tokio::test]
async fn an_origin_that_is_not_listed_is_silent() {
    let ats = Ats::start().await;
    let conditions = json!({"conditions": {"origins": ["referred", "agency"]}});
    let url = "http://127.0.0.1:1/in";
    let mut hook =
        json!({"event": "candidateStageChange", "url": url, "configuration": conditions});
    assert_eq!(ats.post("/webhooks", hook.clone()).await.status, 201);
    let applied = ats.somebody();
    assert!(events(&ats.fake().move_to(&applied, "offer").unwrap()).is_empty());
    let referred = ats.fake().apply(Applicant {
        name: "Remo".into(),
        origin: Some("referred".into()),
        ..Applicant::default()
    });
    let referred = referred.unwrap().touched.opportunity_id.unwrap();
    let done = ats.fake().move_to(&referred, "offer").unwrap();
    assert_eq!(events(&done), ["candidateStageChange"]);
    hook["event"] = json!("contactCreated");
    assert_eq!(
        ats.post("/webhooks", hook).await.status,
        400,
        "only four events have them"
    );
}

#[tokio::test]
async fn nothing_flows_until_the_event_is_switched_on() {
    let ats = Ats::with(|mut options| {
        options.events_on = false;
        options
    })
    .await;
    let hook = json!({"event": "candidateStageChange", "url": "http://127.0.0.1:1/in"});
    ats.post("/webhooks", hook).await;
    let id = ats.somebody();
    assert!(events(&ats.fake().move_to(&id, "offer").unwrap()).is_empty());
    ats.fake().set_event("candidateStageChange", true);
    assert_eq!(
        events(&ats.fake().move_to(&id, "lead-new").unwrap()).len(),
        1
    );
}

#[tokio::test]
async fn a_webhook_of_the_settings_is_not_changed_by_the_api() {
    let ats = Ats::start().await;
    let mut unsigned = Subscriber::new("http://127.0.0.1:1/in", "contactCreated", "");
    unsigned.signature_token = None;
    let id = ats.fake().add_subscriber(unsigned);
    let path = format!("/webhooks/{id}");
    assert_eq!(
        ats.call(Method::DELETE, &path, Value::Null).await.status,
        403
    );
    let done = ats.apply("Dora Quist", "dora.quist@example.com");
    assert_eq!(events(&done), ["contactCreated"]);
    assert!(done.webhooks[0].json().get("signature").is_none());
    let test = ats.fake().send_test(&id).unwrap().json();
    assert_eq!(
        (&test["event"], &test["data"]),
        (&json!("candidateHired"), &json!({}))
    );
}

#[tokio::test]
async fn webhooks_can_be_lost_doubled_and_sent_again() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    ats.fake().subscribe_to_all("http://127.0.0.1:1/in", "key");
    assert_eq!(ats.fake().webhooks().len(), EVENTS.len());
    ats.fake().lose_webhooks(1);
    ats.fake().repeat_webhooks(1);
    ats.fake().move_to(&id, "offer").unwrap();
    assert!(ats.fake().take_webhooks().is_empty());
    ats.fake().move_to(&id, "lead-new").unwrap();
    let kept = ats.fake().take_webhooks();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].body, kept[1].body);
}

/// Waits until so many deliveries have come to their end; nothing here sleeps.
async fn settled(ats: &Ats, count: usize) -> Vec<stagewire_fakes::Sent> {
    loop {
        let sent = ats.fake().sent();
        if sent.len() == count && sent.iter().all(|one| one.settled) {
            return sent;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_refused_delivery_is_tried_six_times_with_the_same_bytes() {
    let ats = Ats::with(|mut options| {
        options.capture = false;
        options
    })
    .await;
    let hook = receiver::Receiver::new(receiver::Options::default());
    let hook = hook.serve(loopback().await.unwrap()).await.unwrap();
    let refuse = stagewire_fakes::Fault::status(302);
    hook.state
        .arm(stagewire_fakes::Rule::share(1.0, "POST", "", refuse));
    let id = ats
        .apply("Dora Quist", "dora.quist@example.com")
        .touched
        .opportunity_id
        .unwrap();
    ats.fake()
        .subscribe_to_all(&format!("{}/hook", hook.url()), "key");
    ats.fake().move_to(&id, "offer").unwrap();
    let sent = settled(&ats, 1).await;
    assert_eq!(sent[0].attempts.len(), 6);
    assert!(sent[0].attempts.iter().all(|one| one.outcome == Ok(302)));
    assert!(!sent[0].accepted(), "a redirect is a failure");
    hook.state.clear_faults();
    hook.state.arm(stagewire_fakes::Rule::next(
        1,
        "POST",
        "",
        stagewire_fakes::Fault::status(202),
    ));
    ats.fake().move_to(&id, "lead-new").unwrap();
    let sent = settled(&ats, 2).await;
    assert_eq!(
        (sent[0].attempts.len(), sent[0].accepted()),
        (1, true),
        "any 2xx will do"
    );
}
