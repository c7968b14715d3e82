//! Runs and steps that wait: settling, `after` and `while`, collecting, bursts; over restarts.

use super::world::{World, flow, post};
use serde_json::json;
use stagewire_model::ActionState;
use stagewire_store::TimerKind;

const START: &str = "2026-11-23T09:00:00Z"; // a Monday

fn settled(length: &str) -> String {
    let when = format!("event = \"application.stage_changed\"\nsettle = \"{length}\"");
    flow(&when, &post("tell", "{{ candidate.full_name }}", ""))
}

#[tokio::test]
async fn a_move_that_is_taken_back_is_dropped_and_one_that_stands_is_told() {
    let mut w = World::new(START, "UTC").await;
    w.apply(&[("moves", settled("2m"))]).await;
    for (id, name) in [("p1", "Ben"), ("p2", "Cleo"), ("p3", "Dora")] {
        w.applied(id, name, "review").await;
    }
    w.time("2026-11-23T10:00:00Z").await;
    w.moves("p1", "onsite").await;
    w.moves("p2", "onsite").await;
    w.moves("p3", "onsite").await;
    assert_eq!(
        w.runs("moves").await,
        ["running: settle", "running: settle", "running: settle"]
    );
    w.time("2026-11-23T10:01:00Z").await;
    w.moves("p2", "review").await;
    w.moves("p3", "offer").await;
    w.time("2026-11-23T10:01:59Z").await;
    assert!(w.posted("moves").await.is_empty(), "it waits");
    w.time("2026-11-23T10:02:00Z").await;
    assert_eq!(w.posted("moves").await, ["Ben"]);
    w.time("2026-11-23T10:10:00Z").await;
    // Cleo is where she was; Dora moved on, which is told once
    assert_eq!(w.posted("moves").await, ["Ben", "Dora"]);
    let runs = w.runs("moves").await;
    assert_eq!(
        runs.iter()
            .filter(|run| *run == "skipped: taken back")
            .count(),
        3,
        "{runs:?}"
    );
    assert_eq!(w.waiting(TimerKind::Settle).await, 0);
}

#[tokio::test]
async fn there_and_back_and_there_is_one_move() {
    let mut w = World::new(START, "UTC").await;
    w.apply(&[("moves", settled("10m"))]).await;
    w.applied("p1", "Ben", "review").await;
    for (minute, stage) in [(1, "onsite"), (2, "review"), (3, "onsite")] {
        w.time(&format!("2026-11-23T10:{minute:02}:00Z")).await;
        w.moves("p1", stage).await;
    }
    w.time("2026-11-23T11:00:00Z").await;
    assert_eq!(w.posted("moves").await.len(), 1);
    assert_eq!(
        w.runs("moves").await,
        [
            "skipped: another one followed",
            "skipped: taken back",
            "would_have"
        ]
    );
}

#[tokio::test]
async fn a_run_that_settles_outlives_the_server() {
    let mut w = World::new(START, "UTC").await;
    w.apply(&[("moves", settled("2m"))]).await;
    w.applied("p1", "Ben", "review").await;
    w.applied("p2", "Cleo", "review").await;
    w.time("2026-11-23T10:00:00Z").await;
    w.moves("p1", "onsite").await;
    w.moves("p2", "onsite").await;
    w.time("2026-11-23T10:01:00Z").await;
    w.moves("p2", "review").await;
    let mut w = w.restart_at("2026-11-24T10:00:00Z").await;
    w.rounds().await;
    assert_eq!(w.posted("moves").await, ["Ben"]);
}

#[tokio::test]
async fn a_step_waits_and_what_must_still_hold_is_asked_then() {
    let mut w = World::new(START, "Europe/Berlin").await;
    let steps = post("first", "at once", "")
        + &post(
            "later",
            "still {{ stage.name | default(application.status) }}",
            "after = \"2 days\"\nwhile = \"application.status == 'active'\"",
        );
    w.apply(&[("two", flow("event = \"application.stage_changed\"", &steps))])
        .await;
    w.applied("p1", "Ben", "review").await;
    w.applied("p2", "Cleo", "review").await;
    w.time("2026-11-23T10:00:00Z").await;
    w.moves("p1", "onsite").await;
    w.moves("p2", "onsite").await;
    assert_eq!(w.posted("two").await, ["at once", "at once"]);
    assert_eq!(w.runs("two").await, ["running: after", "running: after"]);
    w.time("2026-11-24T10:00:00Z").await;
    let lost = w.run("p2", "onsite", "lost");
    w.deliver("run", lost).await;
    let mut w = w.restart_at("2026-11-25T09:59:59Z").await;
    w.rounds().await;
    assert_eq!(w.posted("two").await.len(), 2, "not yet");
    w.time("2026-11-25T10:00:00Z").await;
    assert_eq!(
        w.posted("two").await,
        ["at once", "at once", "still active"]
    );
    let skipped: Vec<_> = w
        .actions("two")
        .await
        .into_iter()
        .filter(|a| a.state == ActionState::Skipped)
        .collect();
    assert_eq!(skipped.len(), 1);
    assert_eq!(
        skipped[0].reason.as_deref(),
        Some("its `while` does not hold any more")
    );
    assert_eq!(w.waiting(TimerKind::Step).await, 0);
    w.time("2026-12-25T10:00:00Z").await;
    assert_eq!(w.posted("two").await.len(), 3, "once");
}

fn collected() -> String {
    let when =
        "event = \"application.stage_changed\"\ncollect = { by = \"job.title\", at = \"09:00\" }";
    let step = "[[step]]\nid = \"tell\"\nuse = \"acme.message.post\"\nconnection = \"ats\"\nline = \"{{ candidate.full_name }}\"\nwith = { text = \"{{ event.count }} for {{ event.group }}: {{ lines }}\" }\n";
    flow(when, step)
}

#[tokio::test]
async fn many_events_become_one_message_also_over_a_restart() {
    let mut w = World::new(START, "UTC").await;
    w.apply(&[("digest", collected())]).await;
    for (id, name) in [("p1", "Ben"), ("p2", "Cleo"), ("p3", "Dora")] {
        w.applied(id, name, "review").await;
    }
    w.time("2026-11-27T10:00:00Z").await; // a Friday
    w.moves("p1", "onsite").await;
    w.moves("p2", "onsite").await;
    let mut w = w.restart_at("2026-11-29T10:00:00Z").await;
    w.moves("p3", "onsite").await;
    w.deliver(
        "person",
        json!({"id": "p2", "name": "Cleo", "private": true}),
    )
    .await;
    w.time("2026-11-30T08:59:59Z").await;
    assert!(w.posted("digest").await.is_empty());
    w.time("2026-11-30T09:00:00Z").await;
    assert_eq!(
        w.posted("digest").await,
        ["2 for Cook: Ben\nDora"],
        "what is private stays out"
    );
    let runs = w.runs("digest").await;
    assert_eq!(
        runs.iter()
            .filter(|r| *r == "done: told together with others")
            .count(),
        2,
        "{runs:?}"
    );
    assert!(
        runs.iter().any(|r| r.starts_with("skipped: blocked")),
        "{runs:?}"
    );
    w.time("2026-12-04T09:00:00Z").await;
    assert_eq!(w.posted("digest").await.len(), 1, "nothing more to tell");
    assert_eq!(w.events("collect.due").await.len(), 1);
}

#[tokio::test]
async fn what_is_above_a_burst_becomes_one_message() {
    let mut w = World::new(START, "UTC").await;
    let step = "[[step]]\nid = \"tell\"\nuse = \"acme.message.post\"\nconnection = \"ats\"\nline = \"{{ candidate.full_name }}\"\nwith = { text = \"{{ lines }}\" }\n";
    w.apply(&[(
        "flood",
        flow("event = \"application.stage_changed\"\nburst = 2", step),
    )])
    .await;
    for n in 0..6 {
        w.applied(&format!("p{n}"), &format!("N{n}"), "review")
            .await;
    }
    w.time("2026-11-23T10:00:00Z").await;
    for n in 0..5 {
        w.moves(&format!("p{n}"), "onsite").await;
    }
    assert_eq!(w.posted("flood").await, ["N0", "N1"]);
    w.time("2026-11-23T10:05:00Z").await;
    assert_eq!(w.posted("flood").await, ["N0", "N1", "N2\nN3\nN4"]);
    w.time("2026-11-23T10:30:00Z").await;
    w.moves("p5", "onsite").await;
    assert_eq!(w.posted("flood").await.len(), 4, "the flood is over");
}

#[tokio::test]
async fn a_burst_within_one_batch_counts_and_what_settled_does_not_count_itself() {
    let mut w = World::new(START, "UTC").await;
    let step = "[[step]]\nid = \"tell\"\nuse = \"acme.message.post\"\nconnection = \"ats\"\nline = \"{{ candidate.full_name }}\"\nwith = { text = \"{{ lines }}\" }\n";
    let moved = "event = \"application.stage_changed\"\nburst = 2";
    let slow = "event = \"application.stage_changed\"\nburst = 2\nsettle = \"1m\"";
    w.apply(&[("flood", flow(moved, step)), ("slow", flow(slow, step))])
        .await;
    for n in 0..4 {
        w.applied(&format!("p{n}"), &format!("N{n}"), "review")
            .await;
    }
    w.time("2026-11-23T10:00:00Z").await;
    for n in 0..2 {
        let run = w.run(&format!("p{n}"), "onsite", "open");
        w.admit("moved", run).await;
    }
    w.rounds().await;
    w.time("2026-11-23T10:01:00Z").await;
    assert_eq!(w.posted("flood").await, ["N0", "N1"]);
    assert_eq!(w.posted("slow").await, ["N0", "N1"], "two are no flood");
    w.time("2026-11-23T10:30:00Z").await;
    for n in 0..4 {
        let run = w.run(&format!("p{n}"), "offer", "open");
        w.admit("moved", run).await;
    }
    w.rounds().await;
    assert_eq!(w.posted("flood").await.len(), 4, "counted within the batch");
    w.time("2026-11-23T10:35:00Z").await;
    assert_eq!(w.posted("flood").await[4], "N2\nN3");
    // what has settled is known to be a flood from its first on
    w.time("2026-11-23T10:40:00Z").await;
    assert_eq!(w.posted("slow").await[2..], ["N0\nN1\nN2\nN3"]);
    assert_eq!(w.waiting(TimerKind::Collect).await, 0);
}

#[tokio::test]
async fn an_end_that_is_taken_back_is_dropped_too() {
    let mut w = World::new(START, "UTC").await;
    let when = "event = \"application.rejected\"\nsettle = \"10m\"";
    w.apply(&[(
        "ends",
        flow(when, &post("tell", "{{ candidate.full_name }}", "")),
    )])
    .await;
    w.applied("p1", "Ben", "review").await;
    w.applied("p2", "Cleo", "review").await;
    w.time("2026-11-23T10:00:00Z").await;
    for id in ["p1", "p2"] {
        let lost = w.run(id, "review", "lost");
        w.deliver("run", lost).await;
    }
    w.time("2026-11-23T10:05:00Z").await;
    let back = w.run("p1", "review", "open");
    w.deliver("run", back).await;
    w.time("2026-11-23T10:10:00Z").await;
    assert_eq!(w.posted("ends").await, ["Cleo"]);
}

#[tokio::test]
async fn a_flow_that_goes_leaves_no_timer_behind() {
    let mut w = World::new(START, "UTC").await;
    let moved = "event = \"application.stage_changed\"";
    let later = post("later", "x", "after = \"2 days\"");
    w.apply(&[
        ("settles", settled("1h")),
        ("collects", collected()),
        ("waits", flow(moved, &later)),
    ])
    .await;
    w.applied("p1", "Ben", "review").await;
    w.time("2026-11-23T10:00:00Z").await;
    w.moves("p1", "onsite").await;
    for kind in [TimerKind::Settle, TimerKind::Collect, TimerKind::Step] {
        assert_eq!(w.waiting(kind).await, 1, "{kind:?}");
    }
    w.apply(&[]).await;
    w.time("2026-11-30T10:00:00Z").await;
    w.time("2026-11-30T10:00:02Z").await;
    for (flow, kind) in [
        ("settles", TimerKind::Settle),
        ("collects", TimerKind::Collect),
        ("waits", TimerKind::Step),
    ] {
        assert_eq!(w.waiting(kind).await, 0, "{kind:?}");
        assert_eq!(w.runs(flow).await, ["skipped: its flow is gone"]);
        assert!(w.posted(flow).await.is_empty());
    }
}

#[tokio::test]
async fn what_settled_can_still_be_told_with_others() {
    let mut w = World::new(START, "UTC").await;
    let both = collected().replace("collect = {", "settle = \"10m\"\ncollect = {");
    w.apply(&[("digest", both)]).await;
    w.applied("p1", "Ben", "review").await;
    w.applied("p2", "Cleo", "review").await;
    w.time("2026-11-23T10:00:00Z").await;
    w.moves("p1", "onsite").await;
    w.moves("p2", "onsite").await;
    w.time("2026-11-23T10:05:00Z").await;
    w.moves("p2", "review").await;
    w.time("2026-11-23T11:00:00Z").await;
    assert!(w.posted("digest").await.is_empty());
    w.time("2026-11-24T09:00:00Z").await;
    assert_eq!(w.posted("digest").await, ["1 for Cook: Ben"]);
}
