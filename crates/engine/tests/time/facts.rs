//! Facts that time brings about: told once for each stay, never where the stage was left before, and once after a server was down.

use super::world::{World, flow, post};
use serde_json::{Value, json};
use stagewire_engine::time::Calendar;
use stagewire_model::{Entity, MAIN};
use stagewire_store::{Applied, Class, Table};
use stagewire_store::{RecordRow, RecordWrite, TimerKind, TimerRow, WriteSet};

const START: &str = "2026-11-23T09:00:00Z"; // a Monday

fn stalled() -> String {
    let when = "event = \"application.stalled\"\nafter = \"5 working days\"";
    flow(
        when,
        &post(
            "tell",
            "{{ candidate.full_name }} waits since {{ event.since | date }}",
            "",
        ),
    )
}

#[tokio::test]
async fn a_stall_is_told_once_for_each_stay_in_a_stage() {
    let mut w = World::new(START, "Europe/Berlin").await;
    w.apply(&[("stuck", stalled())]).await;
    w.applied("p1", "Ben", "review").await;
    assert_eq!(w.waiting(TimerKind::Fact).await, 1);
    w.time("2026-11-30T08:59:59Z").await;
    assert!(w.events("application.stalled").await.is_empty(), "not yet");
    w.time("2026-11-30T09:00:00Z").await;
    assert_eq!(w.posted("stuck").await, ["Ben waits since 2026-11-23"]);
    // whatever else changes, and however long it stays
    w.deliver("person", json!({"id": "p1", "name": "Benno"}))
        .await;
    w.deliver("run", w.run("p1", "review", "open")).await;
    w.time("2027-03-01T09:00:00Z").await;
    assert_eq!(w.events("application.stalled").await.len(), 1);
    // away and back is another stay
    w.moves("p1", "onsite").await;
    w.time("2027-03-02T09:00:00Z").await;
    w.moves("p1", "review").await;
    w.time("2027-03-09T09:00:00Z").await;
    let told = w.events("application.stalled").await;
    assert_eq!(told.len(), 2);
    let keys: Vec<&Value> = told.iter().map(|e| &e["data"]["dedupe_key"]).collect();
    assert_ne!(keys[0], keys[1]);
    assert_eq!(told[1]["time"], "2027-03-09T09:00:00.000Z");
}

#[tokio::test]
async fn a_stage_left_before_it_is_due_is_never_told() {
    let mut w = World::new(START, "Europe/Berlin").await;
    w.apply(&[("stuck", stalled())]).await;
    w.applied("p1", "Ben", "review").await;
    w.applied("p2", "Cleo", "review").await;
    w.applied("p3", "Dora", "review").await;
    w.time("2026-11-27T09:00:00Z").await;
    w.moves("p1", "onsite").await;
    let lost = w.run("p2", "review", "lost");
    w.deliver("run", lost).await;
    assert_eq!(
        w.waiting(TimerKind::Fact).await,
        2,
        "the rejected one waits for nothing"
    );
    w.time("2026-11-30T09:00:00Z").await;
    assert_eq!(w.posted("stuck").await, ["Dora waits since 2026-11-23"]);
    w.time("2026-12-04T09:00:00Z").await;
    assert_eq!(
        w.posted("stuck").await.last().map(String::as_str),
        Some("Ben waits since 2026-11-27")
    );
    assert_eq!(w.events("application.stalled").await.len(), 2);
}

#[tokio::test]
async fn a_server_that_was_down_tells_what_still_holds_once() {
    let mut w = World::new(START, "Europe/Berlin").await;
    w.apply(&[("stuck", stalled())]).await;
    w.applied("p1", "Ben", "review").await;
    let mut w = w.restart_at("2027-01-18T11:00:00Z").await;
    w.rounds().await;
    let told = w.events("application.stalled").await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0]["time"], "2026-11-30T09:00:00.000Z",
        "when it came due"
    );
    assert_eq!(told[0]["observedat"], "2027-01-18T11:00:00.000Z");
    let mut w = w.restart_at("2027-01-19T11:00:00Z").await;
    w.rounds().await;
    assert_eq!(w.events("application.stalled").await.len(), 1);
}

#[tokio::test]
async fn a_flow_that_comes_later_tells_what_holds_and_not_what_was_before_us() {
    let mut w = World::new(START, "Europe/Berlin").await;
    w.applied("p1", "Ben", "review").await;
    w.time("2026-12-07T09:00:00Z").await;
    w.applied("p2", "Cleo", "review").await;
    w.apply(&[("stuck", stalled())]).await;
    assert_eq!(w.posted("stuck").await, ["Ben waits since 2026-11-23"]);
    // another flow with the same words waits for the same events; what was told is not told again
    w.apply(&[("stuck", stalled()), ("again", stalled())]).await;
    assert!(w.posted("again").await.is_empty());
    // gone and come back: what was told stays told
    w.apply(&[]).await;
    assert_eq!(w.waiting(TimerKind::Fact).await, 0, "nobody waits");
    w.apply(&[("stuck", stalled())]).await;
    assert_eq!(w.waiting(TimerKind::Fact).await, 1, "Cleo's");
    w.time("2026-12-14T09:00:00Z").await;
    assert_eq!(w.posted("stuck").await.len(), 2);
}

#[tokio::test]
async fn other_holidays_move_what_waits() {
    let mut w = World::new(START, "Europe/Berlin").await;
    w.apply(&[("stuck", stalled())]).await;
    w.applied("p1", "Ben", "review").await;
    w.calendar = w
        .calendar
        .clone()
        .with_holiday("2026-11-26")
        .expect("a date");
    let mut w = w.restart_at("2026-11-25T09:00:00Z").await;
    w.rounds().await;
    w.time("2026-11-30T10:00:00Z").await;
    assert!(
        w.events("application.stalled").await.is_empty(),
        "a day later"
    );
    // a holiday that is none after all: it comes due a day earlier again
    w.calendar = zone_of_berlin();
    let mut w = w.restart_at("2026-11-30T11:00:00Z").await;
    w.rounds().await;
    assert_eq!(w.events("application.stalled").await.len(), 1);
}

fn zone_of_berlin() -> Calendar {
    Calendar::default()
        .in_zone("Europe/Berlin")
        .expect("a zone")
}

#[tokio::test]
async fn feedback_is_overdue_by_its_date_or_by_its_interview() {
    let mut w = World::new(START, "Europe/Berlin").await;
    let when = "event = \"scorecard.overdue\"\nafter = \"1 working day\"";
    w.apply(&[(
        "nag",
        flow(when, &post("tell", "{{ candidate.full_name }}", "")),
    )])
    .await;
    w.applied("p1", "Ben", "onsite").await;
    w.applied("p2", "Cleo", "onsite").await;
    w.applied("p3", "Dora", "onsite").await;
    let talk = json!({"id": "t1", "run": "p1", "state": "on", "start": "2026-11-24T10:00:00Z", "end": "2026-11-24T11:00:00Z"});
    w.deliver("talk", talk).await;
    w.deliver(
        "card",
        json!({"id": "c1", "run": "p1", "talk": "t1", "state": "asked"}),
    )
    .await;
    w.deliver(
        "card",
        json!({"id": "c2", "run": "p2", "state": "asked", "due": "2026-11-25T12:00:00Z"}),
    )
    .await;
    w.deliver(
        "card",
        json!({"id": "c3", "run": "p3", "state": "asked", "due": "2026-11-25T12:00:00Z"}),
    )
    .await;
    w.time("2026-11-25T11:00:00Z").await;
    assert_eq!(
        w.posted("nag").await,
        ["Ben"],
        "a working day after the interview ended"
    );
    w.deliver(
        "card",
        json!({"id": "c3", "run": "p3", "state": "sent", "due": "2026-11-25T12:00:00Z"}),
    )
    .await;
    w.time("2026-11-27T12:00:00Z").await;
    assert_eq!(
        w.posted("nag").await,
        ["Ben", "Cleo"],
        "what was handed in is not overdue"
    );
}

#[tokio::test]
async fn what_moved_without_its_timer_is_seen_when_it_comes_due() {
    let mut w = World::new(START, "Europe/Berlin").await;
    let when = "event = \"scorecard.overdue\"";
    w.apply(&[("nag", flow(when, &post("tell", "{{ event.since }}", "")))])
        .await;
    w.applied("p1", "Ben", "onsite").await;
    let talk =
        |end: &str, state: &str| json!({"id": "t1", "run": "p1", "state": state, "end": end});
    w.deliver("talk", talk("2026-11-24T11:00:00Z", "on")).await;
    w.deliver(
        "card",
        json!({"id": "c1", "run": "p1", "talk": "t1", "state": "asked"}),
    )
    .await;
    // the interview does not name its scorecards, so their timer stays where it was
    w.deliver("talk", talk("2026-11-25T11:00:00Z", "on")).await;
    w.time("2026-11-24T11:00:00Z").await;
    assert!(w.posted("nag").await.is_empty(), "it has not been held yet");
    w.deliver("talk", talk("2026-11-25T11:00:00Z", "off")).await;
    w.time("2026-11-25T11:00:00Z").await;
    assert!(w.posted("nag").await.is_empty(), "nobody owes feedback now");
    assert_eq!(w.waiting(TimerKind::Fact).await, 0);
    w.deliver("talk", talk("2026-11-26T11:00:00Z", "done"))
        .await;
    w.deliver(
        "card",
        json!({"id": "c1", "run": "p1", "talk": "t1", "state": "asked", "due": "2026-11-27T11:00:00Z"}),
    )
    .await;
    w.time("2026-11-27T11:00:00Z").await;
    assert_eq!(w.posted("nag").await, ["2026-11-27T11:00:00.000Z"]);
}

#[tokio::test]
async fn an_interview_is_told_before_it_begins_and_again_when_it_moves() {
    let mut w = World::new(START, "Europe/Berlin").await;
    let when = "event = \"interview.starting_soon\"\nbefore = \"24h\"";
    w.apply(&[(
        "soon",
        flow(
            when,
            &post("tell", "{{ interview.start_at | date('%d.%m.') }}", ""),
        ),
    )])
    .await;
    w.applied("p1", "Ben", "onsite").await;
    let talk =
        |start: &str, state: &str| json!({"id": "t1", "run": "p1", "state": state, "start": start});
    w.deliver("talk", talk("2026-11-26T10:00:00Z", "on")).await;
    w.time("2026-11-24T10:00:00Z").await;
    w.deliver("talk", talk("2026-11-27T10:00:00Z", "on")).await;
    w.time("2026-11-25T10:00:00Z").await;
    assert!(w.posted("soon").await.is_empty(), "it was moved");
    w.time("2026-11-26T10:00:00Z").await;
    assert_eq!(w.posted("soon").await, ["27.11."]);
    // moved to this afternoon: that is within a day, so it is told at once
    w.deliver("talk", talk("2026-11-26T15:00:00Z", "on")).await;
    assert_eq!(w.posted("soon").await, ["27.11.", "26.11."]);
    // one that began, and one that is off, are told by nobody
    w.deliver(
        "talk",
        json!({"id": "t2", "run": "p1", "state": "on", "start": "2026-11-26T09:00:00Z"}),
    )
    .await;
    w.deliver(
        "talk",
        json!({"id": "t3", "run": "p1", "state": "off", "start": "2026-11-26T15:00:00Z"}),
    )
    .await;
    w.time("2026-11-27T10:00:00Z").await;
    assert_eq!(w.posted("soon").await.len(), 2);
}

#[tokio::test]
async fn a_date_of_a_record_is_told_before_and_after_it() {
    let mut w = World::new(START, "Europe/Berlin").await;
    let before = flow(
        "at = \"offer.start_date 08:00\"\nbefore = \"3 working days\"",
        &post("tell", "begins {{ offer.start_date }}", ""),
    );
    let after = flow(
        "at = \"offer.start_date\"\nafter = \"1 week\"\nonly_if = \"offer.status == 'accepted'\"",
        &post("tell", "{{ event.due }}", ""),
    );
    w.apply(&[("before", before), ("after", after)]).await;
    w.applied("p1", "Ben", "offer").await;
    let deal = |start: &str| json!({"id": "o1", "run": "p1", "state": "yes", "start": start});
    w.deliver("deal", deal("2026-12-01")).await;
    w.time("2026-11-26T07:00:00Z").await;
    assert_eq!(w.posted("before").await, ["begins 2026-12-01"]);
    w.deliver("deal", deal("2026-12-15")).await;
    w.time("2026-12-09T08:00:00Z").await;
    assert!(
        w.posted("after").await.is_empty(),
        "not of the date that was given up"
    );
    w.time("2026-12-10T07:00:00Z").await;
    w.time("2026-12-22T08:00:00Z").await;
    assert_eq!(
        w.posted("before").await,
        ["begins 2026-12-01", "begins 2026-12-15"]
    );
    assert_eq!(w.posted("after").await, ["2026-12-22T08:00:00.000Z"]);
    // long ago when it is first heard of
    w.deliver(
        "deal",
        json!({"id": "o2", "run": "p1", "state": "yes", "start": "2024-01-01"}),
    )
    .await;
    assert_eq!(w.posted("after").await.len(), 1);
}

#[tokio::test]
async fn two_lengths_are_two_events_and_each_flow_gets_its_own() {
    let mut w = World::new(START, "UTC").await;
    let one = |length: &str| {
        flow(
            &format!("event = \"application.stalled\"\nafter = \"{length}\""),
            &post("tell", "x", ""),
        )
    };
    w.apply(&[("days", one("2 days")), ("hours", one("3h"))])
        .await;
    w.applied("p1", "Ben", "review").await;
    w.time("2026-11-23T12:00:00Z").await;
    assert_eq!(
        (w.posted("hours").await.len(), w.posted("days").await.len()),
        (1, 0)
    );
    w.time("2026-11-25T09:00:00Z").await;
    assert_eq!(
        (w.posted("hours").await.len(), w.posted("days").await.len()),
        (1, 1)
    );
    let kinds: Vec<String> = w
        .events("application.stalled")
        .await
        .iter()
        .map(|e| e["data"]["rule"].to_string())
        .collect();
    assert_eq!(
        kinds,
        [
            "\"application.stalled after 3 hours\"",
            "\"application.stalled after 2 days\""
        ]
    );
}

/// A hundred thousand timers of made-up records, far ahead.
async fn crowd(w: &World) {
    let timer = |n: u32| {
        let mut subject = [1; 16];
        subject[..4].copy_from_slice(&n.to_be_bytes());
        TimerRow {
            kind: TimerKind::Fact,
            rule: "application.stalled after 5 working days".into(),
            subject,
            item: String::new(),
            key: "stay".into(),
            due: i64::MAX / 2,
            firm: true,
        }
    };
    for slice in 0..20 {
        let timers_set = (slice * 5_000..(slice + 1) * 5_000).map(timer).collect();
        let set = WriteSet {
            ws: MAIN,
            conn: "ats".into(),
            timers_set,
            ..WriteSet::default()
        };
        assert_eq!(
            w.hub.store.apply(Box::new(set)).await.expect("writable"),
            Applied::Done
        );
    }
}

#[tokio::test]
async fn among_a_hundred_thousand_that_wait_the_one_that_is_due_is_found() {
    let mut w = World::new(START, "Europe/Berlin").await;
    w.apply(&[("stuck", stalled())]).await;
    crowd(&w).await;
    w.applied("p1", "Ben", "review").await;
    assert_eq!(
        w.hub
            .store
            .timers_next("ats".into())
            .await
            .expect("readable"),
        Some(1_796_029_200_000_000)
    );
    w.time("2026-11-30T09:00:00Z").await;
    assert_eq!(w.posted("stuck").await.len(), 1);
    assert_eq!(w.waiting(TimerKind::Fact).await, 100_000);
}

#[tokio::test]
async fn a_rule_is_worked_out_for_more_records_than_one_slice() {
    let mut w = World::new(START, "UTC").await;
    let now = w.hub.env.now().0;
    let records = (0..1_203_u32).map(|n| {
        let mut id16 = [2; 16];
        id16[..4].copy_from_slice(&n.to_be_bytes());
        // the last three entered so long ago that they were stuck before we came
        let entered = if n < 1_200 {
            "2026-11-20"
        } else {
            "2026-11-13"
        };
        let entered = format!("{entered}T09:00:00.000Z");
        let fields = json!({"status": "active", "stage_id": "stg_X", "stage_entered_at": entered});
        let rid = w.hub.store.next(Table::Record);
        let sealed = w.hub.store.keys().seal(
            MAIN,
            Class::Workspace,
            now,
            "record",
            rid,
            fields.to_string().as_bytes(),
        );
        let row = RecordRow {
            rid,
            ws: MAIN,
            conn: "ats".into(),
            entity: Entity::Application,
            id16,
            remote_id: n.to_string(),
            person: None,
            revision: 1,
            hash: [0; 32],
            parts: Vec::new(),
            next_seq: 1,
            channel: "backfill".into(),
            first_seen: now,
            // many of the same time: the place within it counts too
            changed_at: now + i64::from(n / 700),
            observed_at: now,
            remote_updated: None,
            deleted_at: None,
            deletion: None,
            event: None,
            delivery: None,
            fields: Default::default(),
        };
        RecordWrite {
            row: row.into(),
            base: 0,
            sealed,
        }
    });
    let set = WriteSet {
        ws: MAIN,
        conn: "ats".into(),
        records: records.collect(),
        ..WriteSet::default()
    };
    w.hub.store.apply(Box::new(set)).await.expect("writable");
    w.apply(&[("stuck", stalled())]).await;
    assert_eq!(w.waiting(TimerKind::Fact).await, 1_200);
    assert!(w.events("application.stalled").await.is_empty());
}
