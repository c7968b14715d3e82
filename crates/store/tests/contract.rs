//! What every store must do. The suite is written against the trait; a second back end is put under it by adding one `open`.

use serde_json::{Map, json};
use stagewire_model::{ActionState, Effect, Entity, MAIN, OnceKind, Rung};
use stagewire_store::{
    ActionRow, Admitted, Applied, AuditEntry, ByHand, Claim, Claimed, Class, ConnectionChange,
    DataDir, Decision, DeliveryDone, DeliveryState, Error, Failing, FlowChange, HoldDone, HoldRow,
    HookRow, HookState, NewDelivery, Options, Query, RecordRow, RecordWrite, Replay, RunRow,
    RunState, RungChange, SealedBody, Settle, Sqlite, Store, SubscriptionRow, Table, TimerKind,
    TimerRow, WantRow, WriteSet,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const NOW: i64 = 1_700_000_000_000_000;

struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static N: AtomicU64 = AtomicU64::new(0);
        let path = std::env::temp_dir().join(format!(
            "stagewire-store-{}-{}",
            std::process::id(),
            N.fetch_add(1, Ordering::Relaxed)
        ));
        let _ = std::fs::remove_dir_all(&path);
        Place(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path) -> Sqlite {
    let dir = DataDir::hold(path).expect("the folder is free");
    Sqlite::open(
        dir,
        &Options {
            master: [9; 32],
            now: NOW,
        },
    )
    .expect("the database opens")
}

fn body(s: &dyn Store, class: Class, plain: &[u8]) -> SealedBody {
    SealedBody::new(s.keys(), s.next(Table::Body), MAIN, class, NOW, None, plain)
}

fn delivery(s: &dyn Store, bytes: &[u8], vendor: &str) -> NewDelivery {
    let mut sha = [0; 32];
    sha[..bytes.len().min(32)].copy_from_slice(&bytes[..bytes.len().min(32)]);
    NewDelivery {
        id: s.next(Table::Delivery),
        ws: MAIN,
        conn: "gh".into(),
        at: NOW,
        sha,
        vendor_id: Some(vendor.into()),
        once: None,
        signed: true,
        state: DeliveryState::Waiting,
        note: None,
        manifest: [0; 8],
        bytes: bytes.len() as i64,
        body: body(s, Class::Delivery, bytes),
    }
}

fn action(s: &dyn Store, flow: &str, n: u8) -> ActionRow {
    ActionRow {
        id: s.next(Table::Action),
        ws: MAIN,
        run: 0,
        event: [n; 16],
        flow: flow.into(),
        step: "step".into(),
        item: String::new(),
        redo_of: 0,
        conn: "hook".into(),
        uses: "http.request".into(),
        intent: [n; 32],
        order_key: [n; 16],
        place: s.next(Table::Place),
        effect: Effect::Record,
        once: OnceKind::NativeKey,
        state: ActionState::Planned,
        reason: None,
        due: Some(NOW),
        valid_until: None,
        attempt: 0,
        tries: 0,
        maybe: false,
        first_fail: None,
        quiet_until: None,
        seen_version: None,
        falls: 0,
        request: None,
        person: None,
        paths: None,
        remote_id: None,
        output: None,
        made: NOW,
        settled: None,
        must_hold: false,
    }
}

fn set() -> WriteSet {
    WriteSet {
        ws: MAIN,
        conn: "gh".into(),
        now: NOW,
        ..WriteSet::default()
    }
}

async fn apply(s: &dyn Store, set: WriteSet) -> Applied {
    s.apply(Box::new(set))
        .await
        .expect("the write set is well formed")
}

fn claim(a: &ActionRow) -> Claim {
    Claim {
        action: a.id,
        from: a.state,
        attempt: a.attempt,
        facts: vec![],
        seen_version: None,
        shown_hash: [0; 32],
        hold: ("ana@example.com".into(), NOW + 1_000_000, NOW),
        request: None,
    }
}

fn settle(a: &ActionRow, to: ActionState) -> Settle {
    Settle {
        action: a.id,
        from: ActionState::Claimed,
        attempt: 1,
        to,
        reason: None,
        due: Some(NOW),
        tries: 1,
        maybe: false,
        first_fail: None,
        quiet_until: None,
        remote_id: None,
        output: None,
        calls: vec![],
        bodies: vec![],
        failure: None,
        at: NOW,
        success: true,
    }
}

fn failing(item: Option<(&str, i64)>) -> Failing {
    Failing {
        ws: MAIN,
        group_key: "CALL-422|hook".into(),
        code: "CALL-422".into(),
        conn: Some("hook".into()),
        flow: None,
        cause: "no".into(),
        owner: "ana@example.com".into(),
        at: NOW,
        item: item.map(|(k, n)| (k.to_owned(), n)),
    }
}

fn record(s: &dyn Store, n: u8, revision: i64) -> RecordWrite {
    let fields: Map<String, serde_json::Value> = json!({"full_name": "Nora Example"})
        .as_object()
        .cloned()
        .expect("an object");
    let rid = s.next(Table::Record);
    let sealed = s.keys().seal(
        MAIN,
        Class::Workspace,
        NOW,
        "record",
        rid,
        json!(fields).to_string().as_bytes(),
    );
    let row = RecordRow {
        rid,
        ws: MAIN,
        conn: "gh".into(),
        entity: Entity::Candidate,
        id16: [n; 16],
        remote_id: n.to_string(),
        person: Some([n; 16]),
        revision,
        hash: [0; 32],
        parts: b"{}".to_vec(),
        next_seq: 1,
        channel: "webhook".into(),
        first_seen: NOW,
        changed_at: NOW + i64::from(n),
        observed_at: NOW,
        remote_updated: None,
        deleted_at: None,
        deletion: None,
        event: None,
        delivery: None,
        fields,
    };
    RecordWrite {
        row: row.into(),
        base: 0,
        sealed,
    }
}

#[tokio::test]
async fn a_delivery_is_taken_once_and_survives_the_process() {
    let place = Place::new();
    let s = open(&place.0);
    let first = delivery(&s, b"{\"a\":1}", "v1");
    let id = first.id;
    assert_eq!(s.admit(first).await.expect("room"), Admitted::New);
    let again = s
        .admit(delivery(&s, b"{\"a\":1}", "v1"))
        .await
        .expect("room");
    assert_eq!(
        again,
        Admitted::Duplicate {
            first: id,
            vendor_differs: false
        }
    );
    let other = s
        .admit(delivery(&s, b"{\"a\":1}", "v2"))
        .await
        .expect("room");
    assert_eq!(
        other,
        Admitted::Duplicate {
            first: id,
            vendor_differs: true
        }
    );
    drop(s);
    let s = reopened(&place).await;
    let due = s.due_deliveries("gh".into(), 10).await.expect("readable");
    assert_eq!(due.len(), 1);
    assert_eq!(
        s.body(due[0].body).await.expect("the key is there"),
        b"{\"a\":1}"
    );
    assert!(s.next(Table::Delivery) > id, "numbers do not come back");
}

/// The writer lets go of the folder a moment after the store is dropped.
#[tokio::test]
async fn a_one_time_token_counts_only_with_the_body_it_first_came_with() {
    let place = Place::new();
    let s = open(&place.0);
    let change = ConnectionChange {
        ws: MAIN,
        conn: "gh".into(),
        ..ConnectionChange::default()
    };
    s.connection_put(change).await.expect("written");
    let with = |bytes: &[u8], token: u8, at: i64| {
        let d = delivery(&s, bytes, "v");
        NewDelivery {
            once: Some([token; 32]),
            at,
            ..d
        }
    };
    let admit = async |d| s.admit(d).await.expect("room");
    let first = with(b"{\"a\":1}", 7, NOW);
    assert_eq!(admit(first).await, Admitted::New);
    assert!(matches!(
        admit(with(b"{\"a\":1}", 7, NOW)).await,
        Admitted::Duplicate { .. }
    ));
    assert_eq!(admit(with(b"{\"b\":1}", 8, NOW)).await, Admitted::New);
    let forged = with(b"{\"a\":2}", 7, NOW);
    let id = forged.id;
    assert_eq!(admit(forged).await, Admitted::Reused { kept: true });
    for bytes in [&b"{\"a\":2}"[..], b"{\"a\":3}"] {
        let again = admit(with(bytes, 7, NOW)).await;
        assert_eq!(again, Admitted::Reused { kept: false }, "one is enough");
    }
    let due: Vec<i64> = s
        .due_deliveries("gh".into(), 10)
        .await
        .expect("read")
        .iter()
        .map(|d| d.id)
        .collect();
    assert_eq!(due.len(), 2);
    assert!(!due.contains(&id), "what is kept is not worked on");
    assert!(
        s.delivery_state(id, vec![DeliveryState::Kept], DeliveryState::Waiting, None)
            .await
            .expect("written"),
        "a person may still let it in"
    );
    assert_eq!(s.connections(MAIN).await.expect("read")[0].rejected, 2);
    // the same on another connection, and after a restart, and when its time is over
    let other = NewDelivery {
        conn: "other".into(),
        ..with(b"{\"a\":9}", 7, NOW)
    };
    assert_eq!(admit(other).await, Admitted::New);
    drop(s);
    let s = open(&place.0);
    let with = |bytes: &[u8], at: i64| NewDelivery {
        once: Some([7; 32]),
        at,
        ..delivery(&s, bytes, "v")
    };
    let admit = async |d| s.admit(d).await.expect("room");
    assert_eq!(
        admit(with(b"{\"a\":4}", NOW)).await,
        Admitted::Reused { kept: false }
    );
    let later = NOW + 30 * 86_400_000_000;
    assert_eq!(admit(with(b"{\"a\":5}", later)).await, Admitted::New);
    s.purge(later, 1000).await.expect("purged");
    assert!(
        matches!(
            admit(with(b"{\"a\":6}", later)).await,
            Admitted::Reused { kept: true }
        ),
        "what still counts is not purged"
    );
}

#[tokio::test]
async fn a_webhook_keeps_its_own_secret_sealed_until_it_counts_no_more() {
    let place = Place::new();
    let s = open(&place.0);
    let row = HookRow {
        id: s.next(Table::Hook),
        ws: MAIN,
        conn: "gh".into(),
        event: "moved".into(),
        remote_id: None,
        url: "https://wire.example.com/in/gh".into(),
        state: HookState::Making,
        enabled: true,
        said: None,
        secret: Some("MARK-of-the-secret".into()),
        at: NOW,
        until: None,
    };
    s.hook_put(row.clone()).await.expect("written");
    let made = HookRow {
        remote_id: Some("w1".into()),
        state: HookState::On,
        ..row.clone()
    };
    s.hook_put(made.clone()).await.expect("written");
    let other = HookRow {
        id: s.next(Table::Hook),
        secret: None,
        ..row
    };
    s.hook_put(other.clone()).await.expect("written");
    drop(s);
    for file in std::fs::read_dir(&place.0).expect("the folder") {
        let bytes = std::fs::read(file.expect("a file").path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("MARK-of-the-secret"));
    }
    let s = open(&place.0);
    let all = s.hooks(MAIN, "gh".into()).await.expect("read");
    assert_eq!(all, [made.clone(), other.clone()]);
    assert!(s.next(Table::Hook) > other.id);
    s.hook_drop(other.id).await.expect("dropped");
    let gone = HookRow {
        state: HookState::Gone,
        until: Some(NOW + 10),
        ..made
    };
    s.hook_put(gone.clone()).await.expect("written");
    s.purge(NOW + 9, 100).await.expect("purged");
    assert_eq!(s.hooks(MAIN, "gh".into()).await.expect("read"), [gone]);
    s.purge(NOW + 10, 100).await.expect("purged");
    assert_eq!(s.hooks(MAIN, "gh".into()).await.expect("read"), []);
}

#[tokio::test]
async fn the_last_delivery_of_each_type_is_told() {
    let place = Place::new();
    let s = open(&place.0);
    for (i, kind) in ["moved", "made", "moved"].into_iter().enumerate() {
        let d = NewDelivery {
            at: NOW + i as i64,
            ..delivery(&s, &[i as u8 + 1], "v")
        };
        let done = DeliveryDone {
            id: d.id,
            state: DeliveryState::Mapped,
            wait: 0,
            kind: Some(kind.into()),
            note: None,
            hint: false,
        };
        s.admit(d).await.expect("room");
        let written = WriteSet {
            deliveries: vec![done],
            ..set()
        };
        assert_eq!(apply(&s, written).await, Applied::Done);
    }
    let last = s.last_deliveries(MAIN, "gh".into()).await.expect("read");
    assert_eq!(last, [("made".into(), NOW + 1), ("moved".into(), NOW + 2)]);
    let other = s.last_deliveries(MAIN, "other".into()).await;
    assert_eq!(other.expect("read"), []);
}

async fn reopened(place: &Place) -> Sqlite {
    for _ in 0..1_000 {
        if let Ok(dir) = DataDir::hold(&place.0) {
            return Sqlite::open(
                dir,
                &Options {
                    master: [9; 32],
                    now: NOW,
                },
            )
            .expect("the database opens");
        }
        tokio::task::yield_now().await;
    }
    panic!("the folder stays held");
}

#[tokio::test]
async fn a_second_process_and_a_wrong_key_are_refused() {
    let place = Place::new();
    let s = open(&place.0);
    assert!(matches!(DataDir::hold(&place.0), Err(Error::Refused(say)) if say.contains("in use")));
    s.audit(AuditEntry::default()).await.expect("writable");
    drop(s);
    drop(reopened(&place).await);
    let dir = (0..1_000)
        .find_map(|_| DataDir::hold(&place.0).ok())
        .expect("the folder is free again");
    assert!(matches!(
        Sqlite::open(
            dir,
            &Options {
                master: [8; 32],
                now: NOW
            }
        ),
        Err(Error::WrongMasterKey)
    ));
}

#[tokio::test]
async fn a_write_set_is_taken_whole_or_not_at_all() {
    let place = Place::new();
    let s = open(&place.0);
    let d = delivery(&s, b"x", "v");
    let done = DeliveryDone {
        id: d.id,
        state: DeliveryState::Mapped,
        wait: 0,
        kind: None,
        note: None,
        hint: false,
    };
    s.admit(d).await.expect("room");
    let mut stale = set();
    stale.deliveries.push(done.clone());
    stale.records.push(record(&s, 1, 1));
    stale.records[0].base = 4;
    stale.actions.push(action(&s, "f", 1));
    assert_eq!(
        apply(&s, stale).await,
        Applied::Stale,
        "the record was never at revision 4"
    );
    assert_eq!(
        s.due_deliveries("gh".into(), 10)
            .await
            .expect("readable")
            .len(),
        1
    );
    assert_eq!(s.backlog("hook".into()).await.expect("readable"), 0);
    let mut good = set();
    good.deliveries.push(done.clone());
    good.records.push(record(&s, 1, 1));
    assert_eq!(apply(&s, good).await, Applied::Done);
    let mut twice = set();
    twice.deliveries.push(done);
    assert_eq!(
        apply(&s, twice).await,
        Applied::Stale,
        "the delivery waits no more"
    );
    let held = s
        .records(MAIN, vec![[1; 16], [2; 16]])
        .await
        .expect("readable");
    assert_eq!(
        held[0]
            .as_ref()
            .and_then(|r| r.fields.get("full_name").cloned()),
        Some(json!("Nora Example"))
    );
    assert!(held[1].is_none());
}

#[tokio::test]
async fn only_a_page_that_nothing_follows_from_may_wait_for_the_disk() {
    let place = Place::new();
    let s = open(&place.0);
    let page = || WriteSet {
        checkpoint: Some(("candidates".into(), "{}".into(), 1)),
        records: vec![record(&s, 1, 1)],
        ..set()
    };
    assert!(page().comes_again());
    assert!(!set().comes_again(), "no walk would bring it again");
    let (actions, failures) = (vec![action(&s, "told", 1)], vec![failing(None)]);
    let (watermark, account) = (Some(NOW), Some("acme".to_owned()));
    #[rustfmt::skip]
    let not_yet = [
        WriteSet { actions, ..page() },
        WriteSet { failures, ..page() },
        WriteSet { watermark, ..page() },
        WriteSet { account, ..page() },
        WriteSet { backfilled: true, ..page() },
    ];
    assert!(not_yet.iter().all(|set| !set.comes_again()));
    let taken = s.apply_soon(Box::new(page())).await.expect("it is written");
    assert_eq!(taken, Applied::Done);
    drop(s);
    let cursors = reopened(&place).await.checkpoints("gh".into()).await;
    let found = cursors.expect("readable").len();
    assert_eq!(found, 1, "committed is committed");
}

#[tokio::test]
async fn one_intent_is_one_action() {
    let place = Place::new();
    let s = open(&place.0);
    let a = action(&s, "f", 1);
    assert_eq!(
        apply(
            &s,
            WriteSet {
                actions: vec![a.clone()],
                ..set()
            }
        )
        .await,
        Applied::Done
    );
    let twin = ActionRow {
        id: s.next(Table::Action),
        ..a
    };
    let again = s
        .apply(Box::new(WriteSet {
            actions: vec![twin, action(&s, "f", 2)],
            ..set()
        }))
        .await;
    assert!(matches!(again, Err(Error::Conflict(_))));
    assert_eq!(
        s.backlog("hook".into()).await.expect("readable"),
        1,
        "nothing of the second set was written"
    );
}

#[tokio::test]
async fn a_claim_names_what_it_saw_and_a_settle_names_its_attempt() {
    let place = Place::new();
    let s = open(&place.0);
    let a = action(&s, "f", 1);
    apply(
        &s,
        WriteSet {
            actions: vec![a.clone()],
            ..set()
        },
    )
    .await;
    assert_eq!(
        s.claim(vec![claim(&a)]).await.expect("writable"),
        [Claimed::Go]
    );
    assert_eq!(
        s.claim(vec![claim(&a)]).await.expect("writable"),
        [Claimed::Moved],
        "it flies"
    );
    let late = Settle {
        attempt: 2,
        ..settle(&a, ActionState::Done)
    };
    assert!(
        !s.settle(Box::new(late)).await.expect("writable").taken,
        "not this attempt"
    );
    assert!(
        s.settle(Box::new(settle(&a, ActionState::Done)))
            .await
            .expect("writable")
            .taken
    );
    assert!(
        !s.settle(Box::new(settle(&a, ActionState::Refused)))
            .await
            .expect("writable")
            .taken,
        "it is over"
    );
    assert_eq!(
        s.action(a.id).await.expect("readable").map(|r| r.state),
        Some(ActionState::Done)
    );
}

#[tokio::test]
async fn what_was_claimed_when_the_process_died_is_unsure() {
    let place = Place::new();
    let s = open(&place.0);
    let (a, b) = (
        action(&s, "f", 1),
        ActionRow {
            once: OnceKind::Ledger,
            ..action(&s, "f", 2)
        },
    );
    apply(
        &s,
        WriteSet {
            actions: vec![a.clone(), b.clone()],
            ..set()
        },
    )
    .await;
    s.claim(vec![claim(&a), claim(&b)]).await.expect("writable");
    assert_eq!(s.recover(NOW, 10_000).await.expect("writable"), 2);
    let rows = s.due_actions("hook".into(), 0, 10).await.expect("readable");
    assert!(rows.iter().all(|r| r.state == ActionState::Unsure
        && r.maybe
        && r.quiet_until == Some(NOW + 10_000_000)));
    assert_eq!(
        rows.iter().map(|r| r.due).collect::<Vec<_>>(),
        [Some(NOW), Some(NOW + 10_000_000)],
        "a ledger action waits out the quiet time"
    );
}

#[tokio::test]
async fn a_fall_of_the_rung_stops_what_waits_even_if_it_rises_again() {
    let place = Place::new();
    let s = open(&place.0);
    let put = FlowChange {
        ws: MAIN,
        flow: "f".into(),
        source: Some("x".into()),
        file_hash: None,
        ceiling: Rung::WriteBack,
        owner: "ana@example.com".into(),
        author: "file".into(),
        at: NOW,
    };
    assert_eq!(
        s.flow_put(put.clone()).await.expect("writable").rung,
        Rung::ReadOnly,
        "a rung is earned"
    );
    let to = |to| RungChange {
        ws: MAIN,
        flow: "f".into(),
        to,
        by: "ana".into(),
        note: None,
        at: NOW,
    };
    assert!(
        matches!(s.flow_rung(to(Rung::Auto)).await, Err(Error::Conflict(_))),
        "above the ceiling"
    );
    let row = s
        .flow_rung(to(Rung::WriteBack))
        .await
        .expect("within the ceiling");
    let planned = ActionRow {
        falls: row.falls,
        ..action(&s, "f", 1)
    };
    let internal = ActionRow {
        falls: row.falls,
        effect: Effect::Internal,
        ..action(&s, "f", 2)
    };
    apply(
        &s,
        WriteSet {
            actions: vec![planned.clone(), internal.clone()],
            flows: vec![("f".into(), row.version, row.falls)],
            ..set()
        },
    )
    .await;
    s.flow_rung(to(Rung::Listening)).await.expect("down");
    let row = s.flow_rung(to(Rung::WriteBack)).await.expect("up again");
    assert_eq!(
        s.action(planned.id)
            .await
            .expect("readable")
            .map(|a| a.state),
        Some(ActionState::WouldHave)
    );
    let internal = s
        .action(internal.id)
        .await
        .expect("readable")
        .expect("it is there");
    assert_eq!(
        s.claim(vec![claim(&internal)]).await.expect("writable"),
        [Claimed::Go],
        "the lower rung let it out too"
    );
    let old = WriteSet {
        actions: vec![action(&s, "f", 3)],
        flows: vec![("f".into(), row.version, row.falls - 1)],
        ..set()
    };
    assert_eq!(
        apply(&s, old).await,
        Applied::Stale,
        "planned before the fall"
    );
}

#[tokio::test]
async fn the_first_decision_wins_and_covers_what_was_on_screen() {
    let place = Place::new();
    let s = open(&place.0);
    let held = |n| ActionRow {
        state: ActionState::Held,
        due: None,
        ..action(&s, "f", n)
    };
    let hold = |a: &ActionRow, facts| HoldRow {
        action: a.id,
        ws: MAIN,
        state: "waiting".into(),
        flow: "f".into(),
        owner: "ana".into(),
        due: NOW + 1_000_000,
        shown_hash: [5; 32],
        facts,
        edited: None,
        at: NOW,
        decided_by: None,
        decided_at: None,
        reason: None,
    };
    let (a, b, c) = (held(1), held(2), held(3));
    let records = vec![record(&s, 7, 1)];
    let holds = vec![
        hold(&a, vec![]),
        hold(&b, vec![([7; 16], 9)]),
        hold(&c, vec![]),
    ];
    apply(
        &s,
        WriteSet {
            actions: vec![a.clone(), b.clone(), c.clone()],
            holds,
            records,
            ..set()
        },
    )
    .await;
    let decide = |id, to: &str, hash: u8, at| Decision {
        action: id,
        to: to.into(),
        shown_hash: Some([hash; 32]),
        request: None,
        by: "ana".into(),
        reason: None,
        at,
        place: 99,
        valid_until: None,
    };
    assert_eq!(
        s.decide(decide(a.id, "approved", 4, NOW))
            .await
            .expect("writable"),
        HoldDone::NotShown
    );
    assert_eq!(
        s.decide(decide(a.id, "approved", 5, NOW))
            .await
            .expect("writable"),
        HoldDone::Decided(ActionState::Planned)
    );
    assert_eq!(
        s.decide(decide(a.id, "rejected", 5, NOW))
            .await
            .expect("writable"),
        HoldDone::Already("approved".into())
    );
    assert_eq!(
        s.decide(decide(b.id, "approved", 5, NOW))
            .await
            .expect("writable"),
        HoldDone::Blocked,
        "the facts changed"
    );
    assert_eq!(
        s.decide(decide(c.id, "approved", 5, NOW + 2_000_000))
            .await
            .expect("writable"),
        HoldDone::Already("expired".into())
    );
    assert_eq!(
        s.action(c.id).await.expect("readable").map(|a| a.state),
        Some(ActionState::Skipped),
        "expiry means not sent"
    );
}

#[tokio::test]
async fn what_a_person_must_decide_is_held_at_its_claim_whoever_set_it_going() {
    let place = Place::new();
    let s = open(&place.0);
    let must = ActionRow {
        must_hold: true,
        ..action(&s, "command", 1)
    };
    apply(
        &s,
        WriteSet {
            actions: vec![must.clone()],
            ..set()
        },
    )
    .await;
    let shown = Claim {
        shown_hash: [5; 32],
        ..claim(&must)
    };
    let held = s.claim(vec![shown.clone()]).await.expect("writable");
    assert_eq!(held, [Claimed::Held], "nobody has decided");
    let approve = Decision {
        action: must.id,
        to: "approved".into(),
        shown_hash: Some([5; 32]),
        request: None,
        by: "ana".into(),
        reason: None,
        at: NOW,
        place: 99,
        valid_until: None,
    };
    s.decide(approve).await.expect("writable");
    let other = Claim {
        shown_hash: [6; 32],
        ..shown.clone()
    };
    let again = s.claim(vec![other]).await.expect("writable");
    assert_eq!(again, [Claimed::Held], "another text than the one approved");
}

#[tokio::test]
async fn a_failure_counts_its_items_and_is_fixed_with_the_last_and_comes_back_under_its_name() {
    let place = Place::new();
    let s = open(&place.0);
    let (a, b) = (action(&s, "f", 1), action(&s, "f", 2));
    apply(
        &s,
        WriteSet {
            actions: vec![a.clone(), b.clone()],
            ..set()
        },
    )
    .await;
    s.claim(vec![claim(&a), claim(&b)]).await.expect("writable");
    for x in [&a, &b] {
        let failed = Settle {
            failure: Some(failing(Some(("action", x.id)))),
            ..settle(x, ActionState::Refused)
        };
        s.settle(Box::new(failed)).await.expect("writable");
    }
    let open = s.unalerted(10).await.expect("readable");
    assert_eq!((open.len(), open[0].count), (1, 2), "one cause, one entry");
    s.alerted(open[0].id).await.expect("writable");
    assert!(
        s.unalerted(10).await.expect("writable").is_empty(),
        "told once"
    );
    let by = |kind: &str| ByHand {
        failure: open[0].id,
        kind: kind.into(),
        remote_id: None,
        reason: "called them".into(),
        by: "ana".into(),
        at: NOW,
    };
    assert_eq!(
        s.settle_by_hand(by("done_by_hand"))
            .await
            .expect("writable"),
        2
    );
    let (row, items) = s
        .failure(open[0].id)
        .await
        .expect("readable")
        .expect("it is there");
    assert_eq!((row.state.as_str(), items.len()), ("fixed", 0));
    s.fail(vec![failing(None)]).await.expect("writable");
    assert_eq!(s.unalerted(10).await.expect("writable")[0].state, "back");
}

#[tokio::test]
async fn a_replay_leaves_what_may_have_happened_without_a_way_to_look() {
    let place = Place::new();
    let s = open(&place.0);
    let ledger = ActionRow {
        once: OnceKind::Ledger,
        ..action(&s, "f", 1)
    };
    let plain = action(&s, "f", 2);
    apply(
        &s,
        WriteSet {
            actions: vec![ledger.clone(), plain.clone()],
            ..set()
        },
    )
    .await;
    s.claim(vec![claim(&ledger), claim(&plain)])
        .await
        .expect("writable");
    s.settle(Box::new(Settle {
        maybe: true,
        ..settle(&ledger, ActionState::Parked)
    }))
    .await
    .expect("writable");
    s.settle(Box::new(settle(&plain, ActionState::Refused)))
        .await
        .expect("writable");
    let replay = |plan| Replay {
        actions: vec![ledger.id, plain.id],
        by: "ana".into(),
        at: NOW,
        plan,
        rendered: vec![],
        valid_ms: vec![],
        single: false,
    };
    let planned = s.replay(replay(true)).await.expect("writable");
    assert_eq!(planned.again, [plain.id]);
    assert_eq!(planned.left[0].0, ledger.id);
    assert_eq!(
        s.action(plain.id).await.expect("readable").map(|a| a.state),
        Some(ActionState::Refused),
        "a plan changes nothing"
    );
    s.replay(replay(false)).await.expect("writable");
    assert_eq!(
        s.action(plain.id).await.expect("readable").map(|a| a.state),
        Some(ActionState::Later)
    );
    assert_eq!(
        s.action(ledger.id)
            .await
            .expect("readable")
            .map(|a| a.state),
        Some(ActionState::Parked)
    );
}

#[tokio::test]
async fn a_run_waits_for_steps_that_are_not_planned_yet() {
    let place = Place::new();
    let s = open(&place.0);
    let run = RunRow {
        id: s.next(Table::Run),
        ws: MAIN,
        event: [1; 16],
        flow: "f".into(),
        version: 1,
        state: RunState::Running,
        reason: Some("needs".into()),
        due: None,
        tries: 0,
        at: NOW,
    };
    let a = ActionRow {
        run: run.id,
        ..action(&s, "f", 1)
    };
    apply(
        &s,
        WriteSet {
            runs: vec![run.clone()],
            actions: vec![a.clone()],
            ..set()
        },
    )
    .await;
    s.claim(vec![claim(&a)]).await.expect("writable");
    assert!(
        s.settle(Box::new(settle(&a, ActionState::Done)))
            .await
            .expect("writable")
            .waiters
    );
    assert_eq!(s.runs_to_advance(10).await.expect("readable"), [run.id]);
    let moved = RunRow {
        reason: None,
        state: RunState::Done,
        ..run.clone()
    };
    apply(
        &s,
        WriteSet {
            runs_moved: vec![moved],
            ..set()
        },
    )
    .await;
    assert!(s.runs_to_advance(10).await.expect("readable").is_empty());
}

#[tokio::test]
async fn a_wanted_read_is_answered_only_by_one_asked_later() {
    let place = Place::new();
    let s = open(&place.0);
    let want = WantRow {
        of: None,
        entity: Entity::Application,
        remote_id: "7".into(),
        reason: "hint".into(),
        priority: 1,
        due: NOW,
        tries: 0,
        heard: 5,
    };
    apply(
        &s,
        WriteSet {
            wants: vec![want],
            ..set()
        },
    )
    .await;
    let wanted = |entity| s.wanted("gh".into(), entity);
    assert_eq!(wanted(Entity::Application).await.expect("readable"), ["7"]);
    assert!(wanted(Entity::Job).await.expect("readable").is_empty());
    let answered = vec![(Entity::Application, None, "7".to_owned())];
    apply(
        &s,
        WriteSet {
            answered: answered.clone(),
            asked: 5,
            ..set()
        },
    )
    .await;
    assert_eq!(
        s.wants_due("gh".into(), NOW, 10)
            .await
            .expect("readable")
            .len(),
        1,
        "asked before it was wanted"
    );
    apply(
        &s,
        WriteSet {
            answered,
            asked: 6,
            ..set()
        },
    )
    .await;
    assert!(
        s.wants_due("gh".into(), NOW, 10)
            .await
            .expect("readable")
            .is_empty()
    );
}

#[tokio::test]
async fn the_audit_log_shows_a_changed_entry() {
    let place = Place::new();
    let s = open(&place.0);
    for n in 0..3 {
        let entry = AuditEntry {
            ws: MAIN,
            at: NOW,
            actor: "ana".into(),
            verb: "rung".into(),
            object: format!("flow/{n}"),
            detail: String::new(),
        };
        s.audit(entry).await.expect("writable");
    }
    assert_eq!(s.verify_log().await.expect("readable"), Ok(3));
    drop(s);
    drop(reopened(&place).await);
    let raw = rusqlite::Connection::open(place.0.join("stagewire.db")).expect("the file is there");
    raw.execute("UPDATE audit SET actor = 'eve' WHERE n = 2", [])
        .expect("writable by hand");
    drop(raw);
    assert_eq!(
        reopened(&place).await.verify_log().await.expect("readable"),
        Err(2)
    );
}

#[tokio::test]
async fn pages_go_on_where_they_stopped_and_records_by_time_of_change() {
    let place = Place::new();
    let s = open(&place.0);
    let records: Vec<RecordWrite> = (1..=7).map(|n| record(&s, n, 1)).collect();
    apply(&s, WriteSet { records, ..set() }).await;
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = s
            .page(Query {
                ws: MAIN,
                list: "records/candidate".into(),
                filters: vec![],
                cursor,
                limit: 3,
            })
            .await
            .expect("readable");
        seen.extend(
            page.items
                .iter()
                .filter_map(|r| r["remote_id"].as_str().map(str::to_owned)),
        );
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test]
async fn what_is_over_its_time_is_purged_and_its_number_never_used_again() {
    let place = Place::new();
    let s = open(&place.0);
    let d = delivery(&s, b"x", "v");
    let (id, stored) = (d.id, d.body.id);
    s.admit(d).await.expect("room");
    apply(
        &s,
        WriteSet {
            deliveries: vec![DeliveryDone {
                id,
                state: DeliveryState::Mapped,
                wait: 0,
                kind: None,
                note: None,
                hint: false,
            }],
            ..set()
        },
    )
    .await;
    assert!(
        s.purge(NOW + 40 * stagewire_store::DAY, 100)
            .await
            .expect("writable")
            >= 2
    );
    assert!(matches!(s.body(stored).await, Err(Error::NotFound(_))));
    drop(s);
    let s = reopened(&place).await;
    assert!(s.next(Table::Delivery) > id && s.next(Table::Body) > stored);
}

fn timer(kind: TimerKind, n: u8, key: &str, due: i64) -> TimerRow {
    TimerRow {
        kind,
        rule: "application.stalled after 5 working days".into(),
        subject: [n; 16],
        item: String::new(),
        key: key.into(),
        due,
        firm: true,
    }
}

async fn set_timers(s: &dyn Store, timers: Vec<TimerRow>) {
    let timers_set = timers;
    let set = WriteSet {
        timers_set,
        ..set()
    };
    assert_eq!(apply(s, set).await, Applied::Done);
}

async fn fire(s: &dyn Store, fired: TimerRow) -> Applied {
    let timers_fired = vec![fired];
    let set = WriteSet {
        timers_fired,
        ..set()
    };
    apply(s, set).await
}

async fn due(s: &dyn Store, kind: TimerKind, now: i64) -> Vec<TimerRow> {
    s.timers_due("gh".into(), kind, now, 100)
        .await
        .expect("readable")
}

#[tokio::test]
async fn a_timer_fires_once_for_its_key_and_again_only_for_another_one() {
    let place = Place::new();
    let s = open(&place.0);
    let first = timer(TimerKind::Fact, 1, "stay 1", NOW + 10);
    set_timers(&s, vec![first.clone()]).await;
    assert!(
        due(&s, TimerKind::Fact, NOW + 9).await.is_empty(),
        "not yet"
    );
    assert_eq!(
        due(&s, TimerKind::Fact, NOW + 10).await,
        std::slice::from_ref(&first)
    );
    assert!(due(&s, TimerKind::Settle, NOW + 10).await.is_empty());
    assert_eq!(
        s.timers_next("gh".into()).await.expect("readable"),
        Some(NOW + 10)
    );
    assert_eq!(s.timers_next("other".into()).await.expect("readable"), None);
    let wrong = timer(TimerKind::Fact, 1, "stay 2", NOW + 10);
    assert_eq!(
        fire(&s, wrong).await,
        Applied::Stale,
        "it waits for something else"
    );
    assert_eq!(fire(&s, first.clone()).await, Applied::Done);
    assert_eq!(
        fire(&s, first.clone()).await,
        Applied::Stale,
        "it has fired"
    );
    set_timers(
        &s,
        vec![TimerRow {
            due: NOW + 99,
            ..first.clone()
        }],
    )
    .await;
    assert_eq!(s.timers_next("gh".into()).await.expect("readable"), None);
    let second = timer(TimerKind::Fact, 1, "stay 2", NOW + 20);
    set_timers(&s, vec![second.clone()]).await;
    assert_eq!(due(&s, TimerKind::Fact, NOW + 20).await, [second]);
}

#[tokio::test]
async fn a_time_that_is_only_guessed_does_not_move_the_one_that_is_set() {
    let place = Place::new();
    let s = open(&place.0);
    let first = timer(TimerKind::Fact, 1, "stay", NOW + 10);
    set_timers(&s, vec![first.clone()]).await;
    let guess = TimerRow {
        due: NOW + 50,
        firm: false,
        ..first.clone()
    };
    set_timers(&s, vec![guess]).await;
    assert_eq!(
        s.timers_next("gh".into()).await.expect("readable"),
        Some(NOW + 10)
    );
    set_timers(
        &s,
        vec![TimerRow {
            due: NOW + 30,
            ..first.clone()
        }],
    )
    .await;
    assert_eq!(
        s.timers_next("gh".into()).await.expect("readable"),
        Some(NOW + 30)
    );
    let timers_dropped = vec![first];
    apply(
        &s,
        WriteSet {
            timers_dropped,
            ..set()
        },
    )
    .await;
    assert_eq!(s.timers_next("gh".into()).await.expect("readable"), None);
}

#[tokio::test]
async fn timers_outlive_the_process_and_a_rule_is_forgotten_in_slices() {
    let place = Place::new();
    let rule = "application.stalled after 5 working days";
    {
        let s = open(&place.0);
        let many = (1..=5).map(|n| timer(TimerKind::Fact, n, "stay", NOW + 10));
        set_timers(&s, many.collect()).await;
        set_timers(&s, vec![timer(TimerKind::Rule, 0, "calendar", 0)]).await;
    }
    let s = open(&place.0);
    assert_eq!(due(&s, TimerKind::Fact, NOW + 10).await.len(), 5);
    assert!(
        due(&s, TimerKind::Rule, NOW + 10).await.is_empty(),
        "a note, never due"
    );
    let noted = s
        .timers_all("gh".into(), TimerKind::Rule)
        .await
        .expect("readable");
    assert_eq!(noted[0].key, "calendar");
    let mine = s
        .timers_of("gh".into(), TimerKind::Fact, rule.into(), [3; 16])
        .await;
    assert_eq!(mine.expect("readable").len(), 1);
    let forget = async || {
        s.timers_forget("gh".into(), TimerKind::Fact, rule.into(), 3)
            .await
            .expect("writable")
    };
    assert_eq!((forget().await, forget().await, forget().await), (3, 2, 0));
}

#[tokio::test]
async fn a_later_commit_is_a_later_change_even_where_the_clock_was_set_back() {
    let place = Place::new();
    let s = open(&place.0);
    for n in [9, 3, 5] {
        let records = vec![record(&s, n, 1)]; // each says an earlier time than the first
        apply(&s, WriteSet { records, ..set() }).await;
    }
    let ask = |cursor: Option<String>| Query {
        ws: MAIN,
        list: "records/candidate".into(),
        filters: vec![],
        cursor,
        limit: 10,
    };
    let page = s.page(ask(None)).await.expect("readable");
    let ids = |p: &stagewire_store::Page| {
        p.items
            .iter()
            .filter_map(|r| r["remote_id"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (ids(&page), &page.next),
        (vec!["9".into(), "3".into(), "5".into()], &None)
    );
    drop(s);
    let s = reopened(&place).await;
    let records = vec![record(&s, 1, 1)];
    apply(&s, WriteSet { records, ..set() }).await;
    let later = s.page(ask(page.resume)).await.expect("readable");
    assert_eq!(ids(&later), ["1"], "and after a restart");
}

#[tokio::test]
async fn a_subscriptions_secrets_are_sealed_and_its_misses_counted() {
    let place = Place::new();
    let s = open(&place.0);
    let row = SubscriptionRow {
        id: s.next(Table::Subscription),
        ws: MAIN,
        url: "https://example.com".into(),
        events: vec!["*".into()],
        fields: vec![],
        state: "on".into(),
        at: NOW,
        secret: "whsec_first".into(),
        connections: vec!["gh".into()],
        owner: "ana".into(),
        old: None,
        missed: None,
    };
    let id = row.id;
    s.subscription_put(row, "ana".into())
        .await
        .expect("written");
    assert!(
        s.subscription_secret(id, "whsec_second".into(), NOW + 5, "ana".into(), NOW)
            .await
            .expect("written")
    );
    assert_eq!(
        s.subscription_missed(id, true, NOW + 1)
            .await
            .expect("written"),
        (1, NOW + 1)
    );
    assert_eq!(
        s.subscription_missed(id, true, NOW + 2)
            .await
            .expect("written"),
        (2, NOW + 1)
    );
    drop(s);
    let s = reopened(&place).await;
    let held = s.subscriptions(MAIN).await.expect("readable").remove(0);
    assert_eq!(
        (held.secret.as_str(), held.old),
        ("whsec_second", Some(("whsec_first".into(), NOW + 5)))
    );
    assert_eq!(
        (held.missed, held.owner.as_str()),
        (Some((2, NOW + 1)), "ana")
    );
    assert_eq!(
        s.subscription_missed(id, false, NOW + 3)
            .await
            .expect("written")
            .0,
        0
    );
    s.purge(NOW + 6, 10).await.expect("writable");
    assert_eq!(
        s.subscriptions(MAIN).await.expect("readable")[0].old,
        None,
        "a day later only one signs"
    );
    assert!(
        s.subscription_end(id, "the receiver".into(), "gone".into(), NOW + 7)
            .await
            .expect("written")
    );
    assert!(
        !s.subscription_end(id, "ana".into(), String::new(), NOW + 8)
            .await
            .expect("written")
    );
    assert!(s.subscriptions(MAIN).await.expect("readable").is_empty());
}
