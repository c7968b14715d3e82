//! The straight line: a move in the ATS reaches the chat and the receiver, once, and everything between is on show.

use stagewire_tests::{Company, Plan, tell_chat, tell_hook};

#[tokio::test]
async fn a_move_in_the_ats_reaches_chat_and_receiver_and_is_on_show() {
    let c = Company::start(Plan {
        flows: vec![("tell-hook", tell_hook()), ("tell-chat", tell_chat())],
        ..Plan::default()
    })
    .await;
    let app = c.apply("Nora");
    let applied = c.ats.state.take_webhooks();
    assert_eq!(c.deliver(&applied).await, [200]);
    let stage = c.stages()[1].clone();
    c.ats
        .state
        .move_to(app, Some(stage.1))
        .expect("the ATS moves");
    let moved = c.ats.state.take_webhooks();
    assert_eq!(c.deliver(&moved).await, [200]);
    assert_eq!(
        c.deliver(&moved).await,
        [200],
        "the same bytes again are taken"
    );
    c.until("the chat has the message", 60, || async {
        !c.chat.state.messages().is_empty()
    })
    .await;
    c.until("the receiver has the event", 60, || async {
        c.hook.state.effects() == 1
    })
    .await;
    let messages = c.chat.state.messages();
    assert_eq!(messages.len(), 1);
    assert!(
        messages[0].text.contains("Nora Example") && messages[0].text.contains(&stage.0),
        "{}",
        messages[0].text
    );
    c.until("both actions are done", 60, || async {
        c.server.all("actions?state=done").await.len() == 2
    })
    .await;
    let events = c.server.all("events").await;
    let kinds: Vec<&str> = events.iter().filter_map(|e| e["type"].as_str()).collect();
    assert!(
        kinds.contains(&"application.created") && kinds.contains(&"application.stage_changed"),
        "{kinds:?}"
    );
    let moves: Vec<_> = events
        .iter()
        .filter(|e| e["type"] == "application.stage_changed")
        .collect();
    assert_eq!(moves.len(), 1, "one act, one event");
    assert_eq!(
        moves[0]["subject"]
            .as_str()
            .map(|s| s.starts_with("application/app_")),
        Some(true)
    );
    assert_eq!(c.server.all("runs").await.len(), 2);
    let calls = c.server.all("calls").await;
    assert!(
        calls
            .iter()
            .any(|k| k["purpose"] == "action" && k["status"] == 200),
        "{calls:?}"
    );
    assert_eq!(c.server.all("deliveries?state=duplicate").await.len(), 1);
    let body = &c.hook.state.bodies()[0];
    assert_eq!(body["type"], "application.stage_changed");
    assert!(
        !body.to_string().contains("Nora"),
        "only open values leave unless mapped: {body}"
    );
}
