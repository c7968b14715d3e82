//! Schedules over records and `records.find`: once for each time, once for all that were missed, never for being edited.

use super::world::{World, flow, post};
use serde_json::json;
use stagewire_engine::trial::Events;

const START: &str = "2026-11-23T10:00:00Z"; // a Monday

fn digest(schedule: &str, more: &str) -> String {
    let when = format!("schedule = \"{schedule}\"\nconnection = \"ats\"\n{more}");
    let step = "[[step]]\nid = \"tell\"\nuse = \"acme.message.post\"\nconnection = \"ats\"\nline = \"{{ candidate.full_name }}\"\nwith = { text = \"{{ event.count }}: {{ lines }}\" }\n";
    flow(&when, step)
}

const ACTIVE: &str = "records = \"application\"\nonly_if = \"application.status == 'active'\"";

async fn people(w: &mut World) {
    for (id, name) in [("p1", "Ben"), ("p2", "Cleo"), ("p3", "Dora")] {
        w.applied(id, name, "review").await;
    }
    let lost = w.run("p2", "review", "lost");
    w.deliver("run", lost).await;
}

#[tokio::test]
async fn a_schedule_tells_what_it_finds_once_for_each_time() {
    let mut w = World::new(START, "Europe/Berlin").await;
    people(&mut w).await;
    w.apply(&[("morning", digest("Mon-Fri 09:00", ACTIVE))])
        .await;
    w.time("2026-11-24T07:59:59Z").await;
    assert!(w.posted("morning").await.is_empty());
    w.time("2026-11-24T08:00:00Z").await;
    assert_eq!(w.posted("morning").await, ["2: Ben\nDora"]);
    w.time("2026-11-24T23:00:00Z").await;
    assert_eq!(w.posted("morning").await.len(), 1);
    w.time("2026-11-25T08:00:00Z").await;
    assert_eq!(w.posted("morning").await.len(), 2);
    let told = w.events("schedule.due").await;
    assert_eq!(told[0]["data"]["missed"], 0);
    assert_eq!(told[0]["data"]["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn times_that_were_missed_are_told_once_and_too_late_is_said() {
    let mut w = World::new(START, "Europe/Berlin").await;
    people(&mut w).await;
    w.apply(&[("morning", digest("Mon-Fri 09:00", ACTIVE))])
        .await;
    let mut w = w.restart_at("2026-11-27T10:30:00Z").await;
    w.rounds().await;
    let told = w.events("schedule.due").await;
    assert_eq!(told.len(), 1, "not once for each");
    assert_eq!(told[0]["data"]["missed"], 3);
    assert_eq!(told[0]["time"], "2026-11-27T08:00:00.000Z");
    let action = w.actions("morning").await.remove(0);
    let until = action.valid_until.expect("a message grows old");
    assert_eq!(
        until - action.made,
        90 * 60 * 1_000_000,
        "four hours from its time, not from ours"
    );
    w.time("2026-11-30T08:00:00Z").await;
    assert_eq!(w.events("schedule.due").await.len(), 2);
}

#[tokio::test]
async fn editing_a_schedule_never_fires_it() {
    let mut w = World::new(START, "UTC").await;
    people(&mut w).await;
    w.apply(&[("morning", digest("daily 11:00", ACTIVE))]).await;
    for time in ["daily 09:00", "daily 10:00", "daily 09:59", "Mon 08:00"] {
        w.apply(&[("morning", digest(time, ACTIVE))]).await;
        assert!(w.events("schedule.due").await.is_empty(), "{time}");
    }
    // the words of a step are another matter: the time that was waited for stays
    w.apply(&[("morning", digest("daily 12:00", ACTIVE))]).await;
    w.time("2026-11-23T11:30:00Z").await;
    w.apply(&[(
        "morning",
        digest("daily 12:00", ACTIVE).replace("{{ event.count }}: ", ""),
    )])
    .await;
    w.time("2026-11-23T12:00:00Z").await;
    assert_eq!(w.posted("morning").await, ["Ben\nDora"]);
    w.apply(&[]).await;
    w.time("2026-11-24T12:00:00Z").await;
    assert_eq!(w.events("schedule.due").await.len(), 1, "its file is gone");
}

#[tokio::test]
async fn a_schedule_makes_one_message_for_each_group_and_none_for_nothing() {
    let mut w = World::new(START, "UTC").await;
    people(&mut w).await;
    w.deliver(
        "job",
        json!({"id": "j2", "title": "Baker", "state": "open"}),
    )
    .await;
    w.deliver("person", json!({"id": "p4", "name": "Emil"}))
        .await;
    w.deliver(
        "run",
        json!({"id": "p4", "of": "p4", "job": "j2", "state": "open", "stage": "review"}),
    )
    .await;
    let by = format!("{ACTIVE}\ncollect = {{ by = \"job.title\" }}");
    let none = "records = \"application\"\nonly_if = \"application.status == 'hired'\"";
    w.apply(&[
        ("jobs", digest("daily 12:00", &by)),
        ("hired", digest("daily 12:00", none)),
    ])
    .await;
    w.time("2026-11-23T12:00:00Z").await;
    let mut texts = w.posted("jobs").await;
    texts.sort();
    assert_eq!(texts, ["1: Emil", "2: Ben\nDora"]);
    assert!(w.runs("hired").await.is_empty());
    let groups = |events: &[serde_json::Value]| -> Vec<String> {
        let of = |e: &serde_json::Value| e["data"]["group"].as_str().map(str::to_owned);
        events.iter().filter_map(of).collect()
    };
    let mut told = groups(&w.events("schedule.due").await);
    told.sort();
    assert_eq!(told, ["Baker", "Cook"]);
    // a name is somebody's own and does not stand in the event
    let by = format!("{ACTIVE}\ncollect = {{ by = \"candidate.full_name\" }}");
    w.apply(&[("people", digest("daily 13:00", &by))]).await;
    w.time("2026-11-23T13:00:00Z").await;
    assert_eq!(w.posted("people").await.len(), 3);
    assert_eq!(groups(&w.events("schedule.due").await)[2..], ["", "", ""]);
}

#[tokio::test]
async fn only_what_is_old_enough_is_told_the_oldest_first() {
    let mut w = World::new(START, "UTC").await;
    people(&mut w).await;
    w.time("2026-11-25T10:00:00Z").await;
    w.applied("p4", "Emil", "review").await;
    w.moves("p1", "onsite").await;
    let old = "records = { entity = \"application\", older_than = \"1 day\" }\nonly_if = \"application.status == 'active'\"";
    let sorted =
        "records = { entity = \"application\", sort = \"-candidate.full_name\", limit = 2 }";
    w.apply(&[
        ("old", digest("daily 12:00", old)),
        ("sorted", digest("daily 12:00", sorted)),
    ])
    .await;
    w.time("2026-11-25T12:00:00Z").await;
    assert_eq!(w.posted("old").await, ["1: Dora"]);
    assert_eq!(w.posted("sorted").await, ["4: Emil\nDora"]);
    w.time("2026-11-26T12:00:00Z").await;
    assert_eq!(w.posted("old").await[1], "3: Dora\nBen\nEmil");
}

#[tokio::test]
async fn records_that_cannot_be_told_are_left_out_and_said() {
    let mut w = World::new(START, "UTC").await;
    people(&mut w).await;
    let asks = "records = \"application\"\nonly_if = \"application.source_id == 'x' or application.status == 'rejected'\"";
    w.apply(&[("morning", digest("daily 12:00", asks))]).await;
    w.time("2026-11-23T12:00:00Z").await;
    assert_eq!(w.posted("morning").await, ["1: Cleo"]);
    let failures = w.list("failures", &[]).await;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0]["code"], "DATA-001");
    let cause = failures[0]["cause"].as_str().expect("a cause");
    assert!(
        cause.contains("application.source_id") && cause.contains("2 record(s)"),
        "{cause}"
    );
}

#[tokio::test]
async fn a_step_finds_records_and_counts_them() {
    let mut w = World::new(START, "UTC").await;
    people(&mut w).await;
    let find = "[[step]]\nid = \"others\"\nuse = \"records.find\"\nwith = { records = \"application\", only_if = \"application.status == 'active'\", sort = \"candidate.full_name\", limit = 1 }\n\
                [[step]]\nid = \"states\"\nuse = \"records.find\"\nwith = { records = \"application\", count_by = \"application.status\" }\n";
    let tell = "[[step]]\nid = \"tell\"\nuse = \"acme.message.post\"\nconnection = \"ats\"\nneeds = [\"others\", \"states\"]\neach = \"steps.others.output.items\"\nline = \"{{ item.candidate.full_name }} for {{ item.job.title }}\"\nwith = { text = \"{{ steps.others.output.count }}: {{ lines }}\" }\n\
                [[step]]\nid = \"numbers\"\nuse = \"acme.message.post\"\nconnection = \"ats\"\nneeds = [\"states\"]\neach = \"steps.states.output.counts\"\nline = \"{{ item.key }} {{ item.count }}\"\nwith = { text = \"{{ lines }}\" }\n";
    w.apply(&[(
        "look",
        flow(
            "event = \"application.stage_changed\"",
            &format!("{find}{tell}"),
        ),
    )])
    .await;
    w.moves("p1", "onsite").await;
    assert_eq!(
        w.posted("look").await,
        ["2: Ben for Cook", "active 2\nrejected 1"]
    );
    let found = w
        .actions("look")
        .await
        .into_iter()
        .filter(|a| a.uses == "records.find");
    assert_eq!(found.count(), 2);
    assert_eq!(w.runs("look").await, ["would_have"]);
}

#[tokio::test]
async fn a_schedule_can_be_tried_before_its_time_and_what_it_told_after() {
    let mut w = World::new(START, "UTC").await;
    people(&mut w).await;
    let draft = digest("daily 12:00", ACTIVE);
    let tried = w
        .hub
        .try_flow("morning", Some(&draft), Events::Last(20))
        .await
        .expect("it loads");
    assert_eq!(tried.len(), 1);
    assert_eq!(tried[0].steps[0]["with"]["text"], "2: Ben\nDora");
    assert!(w.events("schedule.due").await.is_empty() && w.actions("morning").await.is_empty());
    w.apply(&[("morning", draft)]).await;
    w.time("2026-11-23T12:00:00Z").await;
    let event = w.events("schedule.due").await.remove(0);
    let id = stagewire_model::EventId::parse(event["id"].as_str().expect("an id")).expect("an id");
    w.deliver("person", json!({"id": "p3", "name": "Dorothea"}))
        .await;
    let tried = w
        .hub
        .try_flow("morning", None, Events::Ids(vec![id]))
        .await
        .expect("it loads");
    assert_eq!(
        tried[0].steps[0]["with"]["text"], "2: Ben\nDorothea",
        "as it would be told now"
    );
}

#[tokio::test]
async fn a_long_list_says_how_many_more() {
    let mut w = World::new(START, "UTC").await;
    for n in 0..60 {
        w.applied(
            &format!("p{n:02}"),
            &format!("{n:02}{}", "x".repeat(98)),
            "review",
        )
        .await;
    }
    let step = post("x", "y", "");
    assert!(!step.is_empty());
    w.apply(&[("long", digest("daily 12:00", ACTIVE))]).await;
    w.time("2026-11-23T12:00:00Z").await;
    let text = w.posted("long").await.remove(0);
    assert!(
        text.starts_with("60: ") && text.ends_with("… and 33 more"),
        "{text}"
    );
    assert!(text.len() < 2_900);
}
