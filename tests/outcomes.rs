//! Promise P4, row by row: destinations that say no, say "not now", break before or after the effect, or lie with a 200. Never two
//! effects for one intent.

use serde_json::{Value, json};
use stagewire_fakes::{Fault, Rule};
use stagewire_tests::{Company, Plan, tell_chat, tell_hook};

/// One move through the ATS; its webhook delivered.
async fn one_move(c: &Company, name: &str) {
    let app = c.apply(name);
    let applied = c.ats.state.take_webhooks();
    c.deliver(&applied).await;
    c.ats
        .state
        .move_to(app, Some(c.stages()[1].1))
        .expect("the ATS moves");
    let moved = c.ats.state.take_webhooks();
    assert_eq!(c.deliver(&moved).await, [200]);
}

async fn state(c: &Company, state: &str) -> Vec<Value> {
    c.server.all(&format!("actions?state={state}")).await
}

async fn hook_company(hook: &'static str, ignores_ids: bool) -> Company {
    Company::start(Plan {
        flows: vec![("tell", tell_hook())],
        hook,
        ignores_ids,
        ..Plan::default()
    })
    .await
}

async fn chat_company(history: bool) -> Company {
    Company::start(Plan {
        flows: vec![("tell", tell_chat())],
        history,
        ..Plan::default()
    })
    .await
}

#[tokio::test]
async fn a_receiver_that_breaks_after_the_effect_gets_the_same_id_again() {
    for fault in [Fault::DropAfter, Fault::FailAfter] {
        let c = hook_company("", false).await;
        c.hook.state.arm(Rule::next(1, "POST", "/hook", fault));
        one_move(&c, "Nora").await;
        c.until("it is done", 60, || async {
            state(&c, "done").await.len() == 1
        })
        .await;
        assert_eq!(
            (c.hook.state.effects(), c.hook.state.requests()),
            (1, 2),
            "one effect, two requests under one id"
        );
        let calls = c.server.all("calls?connection=hook").await;
        assert_eq!(
            calls.iter().filter(|k| k["purpose"] == "action").count(),
            2,
            "both attempts are logged: {calls:?}"
        );
    }
}

#[tokio::test]
async fn not_now_costs_no_attempt_and_is_waited_for() {
    let c = hook_company("", false).await;
    c.hook.state.arm(Rule::next(
        2,
        "POST",
        "/hook",
        Fault::Answer {
            status: 429,
            body: None,
            retry_after: Some("1".into()),
        },
    ));
    one_move(&c, "Nora").await;
    c.until("it is done", 60, || async {
        state(&c, "done").await.len() == 1
    })
    .await;
    let done = &state(&c, "done").await[0];
    assert_eq!(
        (done["attempts"].as_i64(), done["tries"].as_i64()),
        (Some(3), Some(0))
    );
    assert_eq!(c.hook.state.effects(), 1);
}

#[tokio::test]
async fn a_no_for_good_is_in_the_inbox_at_once_and_a_replay_makes_one_effect() {
    let c = hook_company("", false).await;
    c.hook.state.arm(Rule::next(
        1,
        "POST",
        "/hook",
        Fault::Answer {
            status: 422,
            body: Some(json!({"error": "start_date is missing"})),
            retry_after: None,
        },
    ));
    one_move(&c, "Nora").await;
    c.until("it is refused", 60, || async {
        state(&c, "refused").await.len() == 1
    })
    .await;
    let failures = c.server.all("failures").await;
    assert_eq!(failures.len(), 1);
    let f = &failures[0];
    assert_eq!(
        (f["code"].as_str(), f["owner"].as_str(), f["state"].as_str()),
        (Some("CALL-422"), Some("ana@example.com"), Some("open"))
    );
    let id = f["id"].as_str().expect("a failure has an id");
    let replayed = c
        .server
        .post(&format!("failures/{id}/replay"), &json!({}))
        .await
        .expect("the server answers");
    assert_eq!(
        replayed.status,
        200,
        "{}",
        String::from_utf8_lossy(&replayed.body)
    );
    c.until("it is done", 60, || async {
        state(&c, "done").await.len() == 1
    })
    .await;
    assert_eq!(c.hook.state.effects(), 1);
    c.until("the failure is fixed", 30, || async {
        c.server.all("failures?state=fixed").await.len() == 1
    })
    .await;
}

#[tokio::test]
async fn unclear_at_a_receiver_that_ignores_ids_waits_for_a_person_and_did_not_arrive_sends_once_more()
 {
    let c = hook_company("once = \"ledger\"", true).await;
    c.hook
        .state
        .arm(Rule::next(1, "POST", "/hook", Fault::DropBefore));
    one_move(&c, "Nora").await;
    c.until("it is parked once the quiet time is over", 60, || async {
        state(&c, "parked").await.len() == 1
    })
    .await;
    assert_eq!(c.hook.state.effects(), 0);
    let failures = c.server.all("failures?code=UNSURE-001").await;
    let id = failures[0]["id"]
        .as_str()
        .expect("a failure has an id")
        .to_owned();
    let again = c
        .server
        .post(&format!("failures/{id}/replay"), &json!({}))
        .await
        .expect("the server answers")
        .json();
    assert_eq!(
        again["again"].as_array().map(Vec::len),
        Some(0),
        "a replay leaves it: {again}"
    );
    let settled = c
        .server
        .post(
            &format!("failures/{id}/settle"),
            &json!({"as": "did_not_arrive", "reason": "looked there"}),
        )
        .await
        .expect("the server answers");
    assert_eq!(
        settled.status,
        200,
        "{}",
        String::from_utf8_lossy(&settled.body)
    );
    c.until("it is done", 60, || async {
        state(&c, "done").await.len() == 1
    })
    .await;
    assert_eq!(c.hook.state.effects(), 1);
}

#[tokio::test]
async fn a_chat_post_whose_answer_is_lost_is_looked_for_and_not_posted_twice() {
    let c = chat_company(true).await;
    c.chat.state.arm(Rule::next(
        1,
        "POST",
        "/api/chat.postMessage",
        Fault::DropAfter,
    ));
    one_move(&c, "Nora").await;
    c.until("it is done", 60, || async {
        state(&c, "done").await.len() == 1
    })
    .await;
    assert_eq!(c.chat.state.messages().len(), 1, "found, not posted again");
    let calls = c.server.all("calls?connection=chat").await;
    assert!(calls.iter().any(|k| k["purpose"] == "look"), "{calls:?}");
}

#[tokio::test]
async fn a_chat_post_that_was_never_made_is_made_after_the_quiet_time() {
    let c = chat_company(true).await;
    c.chat.state.arm(Rule::next(
        1,
        "POST",
        "/api/chat.postMessage",
        Fault::DropBefore,
    ));
    one_move(&c, "Nora").await;
    c.until("it is done", 90, || async {
        state(&c, "done").await.len() == 1
    })
    .await;
    assert_eq!(c.chat.state.messages().len(), 1);
}

#[tokio::test]
async fn without_the_history_scope_an_unclear_chat_post_waits_for_a_person() {
    let c = chat_company(false).await;
    c.chat.state.arm(Rule::next(
        1,
        "POST",
        "/api/chat.postMessage",
        Fault::DropAfter,
    ));
    one_move(&c, "Nora").await;
    c.until("it is parked", 60, || async {
        state(&c, "parked").await.len() == 1
    })
    .await;
    assert_eq!(c.chat.state.messages().len(), 1);
    assert_eq!(c.server.all("failures?code=UNSURE-001").await.len(), 1);
}

#[tokio::test]
async fn a_200_that_means_no_is_a_no() {
    let c = chat_company(true).await;
    let body = Some(json!({"ok": false, "error": "is_archived"}));
    c.chat.state.arm(Rule::next(
        1,
        "POST",
        "/api/chat.postMessage",
        Fault::Answer {
            status: 200,
            body,
            retry_after: None,
        },
    ));
    one_move(&c, "Nora").await;
    c.until("it is refused", 60, || async {
        state(&c, "refused").await.len() == 1
    })
    .await;
    let cause = c.server.all("failures").await[0]["cause"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        cause.contains("archived"),
        "the vendor's words are kept: {cause}"
    );
}

#[tokio::test]
async fn a_refused_token_pauses_the_connection_and_what_waits_goes_out_after_the_fix() {
    let c = chat_company(true).await;
    c.until("the connection was tested", 60, || async {
        c.server
            .all("connections")
            .await
            .iter()
            .all(|k| k["state"] == "working")
    })
    .await;
    c.chat.state.revoke("xoxb-test");
    one_move(&c, "Nora").await;
    let stopped = || async {
        c.server
            .all("connections")
            .await
            .iter()
            .any(|k| k["id"] == "chat" && k["state"] == "needs_you")
    };
    c.until("the connection needs a person", 20, stopped).await;
    assert!(
        state(&c, "parked").await.is_empty() && state(&c, "refused").await.is_empty(),
        "nothing counts as failed"
    );
}

#[tokio::test]
async fn changes_of_one_application_arrive_in_order_though_the_destination_fails() {
    let c = hook_company("", false).await;
    let app = c.apply("Nora");
    let applied = c.ats.state.take_webhooks();
    c.deliver(&applied).await;
    c.hook
        .state
        .arm(Rule::next(3, "POST", "/hook", Fault::status(503)));
    for (_, stage) in c.stages().into_iter().skip(1).take(4) {
        c.ats
            .state
            .move_to(app, Some(stage))
            .expect("the ATS moves");
        let moved = c.ats.state.take_webhooks();
        c.deliver(&moved).await;
    }
    c.until("all are delivered", 60, || async {
        c.hook.state.effects() >= 1
            && state(&c, "later").await.is_empty()
            && state(&c, "planned").await.is_empty()
    })
    .await;
    let sequences: Vec<String> = c
        .hook
        .state
        .bodies()
        .iter()
        .map(|b| b["sequence"].as_str().unwrap_or_default().to_owned())
        .collect();
    let arrived: Vec<String> = c.hook.state.order();
    assert_eq!(arrived.len(), c.hook.state.effects() as usize);
    let by_id: std::collections::HashMap<String, String> = c
        .server
        .all("actions")
        .await
        .iter()
        .map(|a| {
            (
                a["intent"].as_str().unwrap_or_default().to_owned(),
                a["event_id"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let events: std::collections::HashMap<String, String> = c
        .server
        .all("events")
        .await
        .iter()
        .map(|e| {
            (
                e["id"].as_str().unwrap_or_default().to_owned(),
                e["sequence"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let order: Vec<&String> = arrived
        .iter()
        .filter_map(|id| events.get(by_id.get(id)?))
        .collect();
    assert!(order.is_sorted(), "{order:?} {sequences:?}");
    assert_eq!(order.len(), arrived.len());
}

#[tokio::test]
async fn a_new_failure_group_is_told_once_in_the_alert_channel() {
    let plan = Plan {
        flows: vec![("tell", tell_hook())],
        more: "[[alert]]\nto = \"slack:chat:#hiring-ops\"\n".into(),
        ..Plan::default()
    };
    let c = Company::start(plan).await;
    c.hook
        .state
        .arm(Rule::next(3, "POST", "/hook", Fault::status(404)));
    for name in ["Nora", "Olga", "Pia"] {
        one_move(&c, name).await;
    }
    c.until("all three are refused", 60, || async {
        state(&c, "refused").await.len() == 3
    })
    .await;
    c.until("the channel is told", 60, || async {
        c.chat.state.messages_in("C0OPS").len() == 1
    })
    .await;
    let failures = c.server.all("failures").await;
    assert_eq!(
        (failures.len(), failures[0]["count"].as_i64()),
        (1, Some(3)),
        "one cause, one entry: {failures:?}"
    );
    assert!(
        c.chat.state.messages_in("C0OPS")[0]
            .text
            .contains("ana@example.com")
    );
}
