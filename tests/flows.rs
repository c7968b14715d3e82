//! Flows through the whole server: needs, holds, rungs, try, commands, notes with a trace, tags that are set once.

use serde_json::json;
use stagewire_fakes::{Fault, Rule};
use stagewire_tests::{Company, Plan, tell_chat};

const HEAD: &str = "name = \"A flow\"\nowner = \"ana@example.com\"\nrung = \"write-back\"\n[when]\nevent = \"application.stage_changed\"\nconnection = \"gh\"\n";

fn note_flow() -> String {
    format!(
        "{HEAD}[[step]]\nid = \"stage\"\nuse = \"http.request\"\nconnection = \"hook\"\nwith = {{ body = {{ name = \"{{{{ candidate.full_name }}}}\" }}, once = \"set\" }}\n[[step]]\nid = \"receipt\"\nuse = \"greenhouse.note.create\"\nconnection = \"gh\"\nneeds = [\"stage\"]\nwith = {{ text = \"Told the receiver about {{{{ stage.name }}}}\" }}\n"
    )
}

async fn move_one(c: &Company, name: &str) -> u64 {
    let app = c.apply(name);
    let applied = c.ats.state.take_webhooks();
    c.deliver(&applied).await;
    c.ats
        .state
        .move_to(app, Some(c.stages()[1].1))
        .expect("the ATS moves");
    let moved = c.ats.state.take_webhooks();
    assert_eq!(c.deliver(&moved).await, [200]);
    app
}

#[tokio::test]
async fn a_step_waits_for_the_one_it_needs_and_a_lost_answer_makes_no_second_note() {
    let c = Company::start(Plan {
        flows: vec![("note", note_flow())],
        ..Plan::default()
    })
    .await;
    c.hook
        .state
        .arm(Rule::next(1, "POST", "/hook", Fault::status(503)));
    c.ats
        .state
        .arm(Rule::next(1, "POST", "/v3/notes", Fault::DropAfter));
    move_one(&c, "Nora").await;
    c.until("the note is there and both steps are done", 90, || async {
        c.server.all("actions?state=done").await.len() == 2
    })
    .await;
    assert_eq!(
        c.ats.state.notes().len(),
        1,
        "found by its trace, not written again"
    );
    let body = c.hook.state.bodies()[0].to_string();
    assert!(
        body.contains("Nora Example"),
        "what was mapped leaves: {body}"
    );
    c.until("the run is done", 60, || async {
        c.server.all("runs?state=done").await.len() == 1
    })
    .await;
}

#[tokio::test]
async fn a_new_flow_only_records_until_its_rung_is_raised_and_a_fall_stops_what_waits() {
    let c = Company::start(Plan {
        flows: vec![("tell", tell_chat())],
        ..Plan::default()
    })
    .await;
    let down = c
        .server
        .post("flows/tell/rung", &json!({"rung": "read-only"}))
        .await
        .expect("the server answers");
    assert_eq!(down.status, 200, "{}", String::from_utf8_lossy(&down.body));
    move_one(&c, "Nora").await;
    c.until("it is recorded only", 60, || async {
        c.server.all("actions?state=would_have").await.len() == 1
    })
    .await;
    assert!(c.chat.state.messages().is_empty());
    let refused = c
        .server
        .post("flows/tell/rung", &json!({"rung": "write-back"}))
        .await
        .expect("the server answers");
    assert!(
        (400..500).contains(&refused.status),
        "evidence is missing: {}",
        refused.status
    );
    let high = c
        .server
        .post(
            "flows/tell/rung",
            &json!({"rung": "auto", "override": true, "reason": "no"}),
        )
        .await
        .expect("the server answers");
    assert!(
        (400..500).contains(&high.status),
        "above the ceiling: {}",
        high.status
    );
}

#[tokio::test]
async fn a_move_is_held_for_a_person_who_sees_the_request_and_decides_once() {
    let flow = format!(
        "{HEAD}[[step]]\nid = \"back\"\nuse = \"greenhouse.application.move\"\nconnection = \"gh\"\nwith = {{ stage = \"{{{{ vars.stage }}}}\" }}\n[vars]\nstage = \"0\"\n"
    );
    let c = Company::start(Plan {
        flows: vec![(
            "back",
            flow.replace("stage = \"0\"", "stage = \"Application Review\""),
        )],
        ..Plan::default()
    })
    .await;
    move_one(&c, "Nora").await;
    c.until("it waits for a person", 60, || async {
        c.server.all("holds?state=waiting").await.len() == 1
    })
    .await;
    let hold = c.server.all("holds").await.remove(0);
    let id = hold["id"].as_str().expect("a hold has an id").to_owned();
    assert!(
        hold["request"].to_string().contains("Application Review")
            || hold["request"].to_string().contains("stage"),
        "{hold}"
    );
    let wrong = c
        .server
        .post(
            &format!("holds/{id}/approve"),
            &json!({"shown_hash": "00".repeat(32)}),
        )
        .await
        .expect("the server answers");
    assert_eq!(wrong.status, 409, "another request than the one on screen");
    let no = c
        .server
        .post(
            &format!("holds/{id}/reject"),
            &json!({"reason": "not this one"}),
        )
        .await
        .expect("the server answers");
    assert_eq!(no.status, 200, "{}", String::from_utf8_lossy(&no.body));
    let late = c
        .server
        .post(
            &format!("holds/{id}/approve"),
            &json!({"shown_hash": hold["shown_hash"]}),
        )
        .await
        .expect("the server answers");
    assert_eq!(late.status, 409, "the first decision wins");
    assert_eq!(c.server.all("actions?state=skipped").await.len(), 1);
}

#[tokio::test]
async fn a_command_with_one_key_is_done_once_and_a_move_by_command_is_held() {
    let c = Company::start(Plan::default()).await;
    move_one(&c, "Nora").await;
    let live = async || {
        let all = c.server.all("records/application").await;
        let found = all.into_iter().find(|r| r["deleted_at"].is_null());
        found.map(|r| r["id"].clone())
    };
    c.until("the record is there", 60, async || live().await.is_some())
        .await;
    let target = live().await;
    let command = json!({"command": "note.create", "connection": "gh", "target": target, "with": {"text": "Hello"}});
    let headers = [
        (
            "authorization",
            format!("Bearer {}", stagewire_testkit::process::TOKEN),
        ),
        ("content-type", "application/json".into()),
        ("idempotency-key", "k-1".into()),
    ];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let mut client = c.server.client();
    for _ in 0..3 {
        let answer = client
            .send(
                "POST",
                "/api/v1/commands",
                &headers,
                command.to_string().as_bytes(),
            )
            .await
            .expect("the server answers");
        assert!(
            answer.status < 300,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    c.until("the note is there", 60, || async {
        c.ats.state.notes().len() == 1 && c.server.all("actions?state=done").await.len() == 1
    })
    .await;
    let stage = c.stages()[2].1.to_string();
    let moved = json!({"command": "application.move", "connection": "gh", "target": target, "with": {"stage": stage}});
    let answer = c
        .server
        .post("commands", &moved)
        .await
        .expect("the server answers");
    assert!(
        answer.status < 300,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(
        c.server.all("holds?state=waiting").await.len(),
        1,
        "a person decides on every stage change"
    );
}

#[tokio::test]
async fn trying_a_flow_shows_the_requests_and_sends_nothing() {
    let c = Company::start(Plan {
        flows: vec![("tell", tell_chat())],
        ..Plan::default()
    })
    .await;
    c.server
        .post("flows/tell/rung", &json!({"rung": "read-only"}))
        .await
        .expect("the server answers");
    move_one(&c, "Nora").await;
    let stage = c.stages()[1].1.to_string();
    c.until("the event and its stage are there", 60, || async {
        let events = c.server.all("events?type=application.stage_changed").await;
        let stages = c.server.all("records/job_stage").await;
        !events.is_empty() && stages.iter().any(|s| s["remote_id"] == stage)
    })
    .await;
    let event = c.server.all("events?type=application.stage_changed").await[0]["id"].clone();
    let tried = c
        .server
        .post("flows/tell/try", &json!({"events": [event]}))
        .await
        .expect("the server answers");
    assert_eq!(
        tried.status,
        200,
        "{}",
        String::from_utf8_lossy(&tried.body)
    );
    assert!(
        tried.json().to_string().contains("Nora Example moved to"),
        "{}",
        tried.json()
    );
    assert!(c.chat.state.messages().is_empty());
}

#[tokio::test]
async fn a_subscription_gets_every_event_signed_and_only_what_was_listed() {
    let c = Company::start(Plan::default()).await;
    let body = json!({"url": format!("{}/hook/sub", c.hook.url()), "events": ["application.*"], "fields": ["candidate.full_name"]});
    let made = c
        .server
        .post("subscriptions", &body)
        .await
        .expect("the server answers");
    assert!(made.status < 300, "{}", String::from_utf8_lossy(&made.body));
    assert!(
        made.json().to_string().contains("whsec_"),
        "the secret is shown once"
    );
    move_one(&c, "Nora").await;
    c.until("it was tried", 60, || async {
        c.hook.state.refused() > 0 || c.hook.state.effects() > 0
    })
    .await;
    let restricted = json!({"url": c.hook.url(), "events": ["*"], "fields": ["offer.pay"]});
    let no = c
        .server
        .post("subscriptions", &restricted)
        .await
        .expect("the server answers");
    assert!((400..500).contains(&no.status), "restricted never leaves");
}

#[tokio::test]
async fn a_flow_that_settles_and_a_step_that_waits_go_on_by_themselves() {
    let flow = format!(
        "{}[[step]]\nid = \"tell\"\nuse = \"http.request\"\nconnection = \"hook\"\n[[step]]\nid = \"again\"\nuse = \"http.request\"\nconnection = \"hook\"\nneeds = [\"tell\"]\nafter = \"1s\"\nwhile = \"application.status == 'active'\"\n",
        HEAD.replace(
            "connection = \"gh\"\n",
            "connection = \"gh\"\nsettle = \"1s\"\n"
        )
    );
    let c = Company::start(Plan {
        flows: vec![("waits", flow)],
        ..Plan::default()
    })
    .await;
    move_one(&c, "Nora").await;
    c.until("both were told", 90, || async {
        c.server.all("actions?state=done").await.len() == 2
    })
    .await;
    assert_eq!(c.hook.state.bodies().len(), 2);
    c.until("the run is done", 60, || async {
        c.server.all("runs?state=done").await.len() == 1
    })
    .await;
}
