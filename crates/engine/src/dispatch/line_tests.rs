//! The rules of order, of the ten minutes and of the circuit, on a clock that only the tests move.

use super::*;

const T0: Micros = Micros(1_000_000_000_000_000);

fn at(ms: i64) -> Micros {
    T0.plus_ms(ms)
}

fn entry(id: i64, key: u8, event: u8) -> Entry {
    Entry {
        id,
        place: id,
        key: [key; 16],
        event: [event; 16],
        once: OnceKind::NativeKey,
        state: ActionState::Planned,
        attempt: 0,
        tries: 0,
        due: T0,
        own_due: T0,
        valid_until: None,
        first_fail: None,
        limit_key: None,
        tried: Micros(0),
        last_chance: false,
    }
}

fn ids(line: &mut Line, now: Micros) -> Vec<i64> {
    let mut out = Vec::new();
    while let Some(turn) = line.next(now, |_| true) {
        match turn {
            Turn::Go(e, _) => out.push(e.id),
            Turn::Overtaken(e) => out.push(-e.id),
        }
    }
    out
}

fn later(due: Micros, tries: i64, first_fail: Micros) -> Result {
    Result::Waits {
        due,
        state: ActionState::Later,
        attempt: tries,
        tries,
        first_fail: Some(first_fail),
        limited: false,
    }
}

#[test]
fn two_events_of_one_key_never_fly_together_and_two_of_one_event_do() {
    let mut line = Line::default();
    [
        entry(1, 1, 1),
        entry(2, 1, 1),
        entry(3, 1, 2),
        entry(4, 2, 3),
    ]
    .into_iter()
    .for_each(|e| line.push(e));
    assert_eq!(ids(&mut line, at(0)), [1, 2, 4]);
    line.landed(1, at(1), Result::Ended, Some(true));
    assert!(
        ids(&mut line, at(1)).is_empty(),
        "a peer of the first event still flies"
    );
    line.landed(2, at(2), Result::Ended, Some(true));
    assert_eq!(ids(&mut line, at(2)), [3]);
}

#[test]
fn a_head_that_waits_for_its_retry_holds_its_key_and_no_other() {
    let mut line = Line::default();
    [entry(1, 1, 1), entry(2, 1, 2), entry(3, 2, 3)]
        .into_iter()
        .for_each(|e| line.push(e));
    assert_eq!(ids(&mut line, at(0)), [1, 3]);
    line.landed(1, at(1), later(at(5_000), 1, at(1)), Some(false));
    assert!(ids(&mut line, at(4_999)).is_empty());
    assert_eq!(line.wake_at(at(4_999)), Some(at(5_000)));
    assert_eq!(ids(&mut line, at(5_000)), [1]);
}

#[test]
fn after_ten_minutes_a_head_with_something_newer_behind_is_tried_once_more_then_parked() {
    let mut line = Line::default();
    [entry(1, 1, 1), entry(2, 1, 2)]
        .into_iter()
        .for_each(|e| line.push(e));
    assert_eq!(ids(&mut line, at(0)), [1]);
    let late = at(PATIENCE_MS + 2);
    assert!(
        !line.landed(1, late, later(late.plus_ms(900_000), 5, at(0)), Some(false)),
        "not parked before its last try"
    );
    assert_eq!(ids(&mut line, late), [1], "the last try comes at once");
    assert!(
        line.landed(
            1,
            late.plus_ms(1),
            later(late.plus_ms(900_000), 6, at(0)),
            Some(false)
        ),
        "parked"
    );
    assert_eq!(ids(&mut line, late.plus_ms(2)), [2]);
}

#[test]
fn a_head_with_nothing_behind_it_keeps_its_schedule() {
    let mut line = Line::default();
    line.push(entry(1, 1, 1));
    assert_eq!(ids(&mut line, at(0)), [1]);
    let late = at(PATIENCE_MS + 2);
    assert!(!line.landed(1, late, later(late.plus_ms(900_000), 5, at(0)), Some(false)));
    assert!(ids(&mut line, late.plus_ms(1)).is_empty());
}

#[test]
fn five_failures_of_two_keys_open_the_circuit_and_one_good_probe_wakes_all() {
    let mut line = Line::default();
    (1..=6).for_each(|n| line.push(entry(n, n as u8, n as u8)));
    assert_eq!(ids(&mut line, at(0)), [1, 2, 3, 4, 5, 6]);
    (1..=6).for_each(|n| {
        line.landed(n, at(10), later(at(60_000), 1, at(10)), Some(false));
    });
    assert!(line.circuit.is_open());
    assert!(ids(&mut line, at(500)).is_empty());
    assert_eq!(ids(&mut line, at(1_010)), [1], "one probe at a time");
    line.landed(1, at(1_020), later(at(60_000), 1, at(10)), Some(false));
    assert!(ids(&mut line, at(2_500)).is_empty());
    assert_eq!(
        ids(&mut line, at(3_020)),
        [2],
        "after two seconds, the one tried longest ago"
    );
    line.landed(2, at(3_030), Result::Ended, Some(true));
    assert_eq!(
        ids(&mut line, at(3_031)),
        [1, 3, 4, 5, 6],
        "all that waited is due"
    );
}

#[test]
fn failures_of_one_key_alone_or_beside_fresh_successes_do_not_open_it() {
    let mut line = Line::default();
    line.push(entry(1, 1, 1));
    for n in 0..8 {
        assert_eq!(ids(&mut line, at(n)), [1]);
        line.landed(1, at(n), later(at(n), 1, at(0)), Some(false));
    }
    assert!(!line.circuit.is_open(), "one order key");
    (2..=9).for_each(|n| line.push(entry(n, n as u8, n as u8)));
    assert_eq!(ids(&mut line, at(100)).len(), 9);
    line.landed(2, at(100), Result::Ended, Some(true));
    (3..=9).for_each(|n| {
        line.landed(n, at(200), later(at(9_000), 1, at(200)), Some(false));
    });
    assert!(!line.circuit.is_open(), "a success a moment ago");
}

#[test]
fn a_ledger_action_is_the_probe_only_when_nothing_else_waits() {
    let mut line = Line::default();
    let ledger = |n: i64| Entry {
        once: OnceKind::Ledger,
        ..entry(n, n as u8, n as u8)
    };
    line.push(ledger(1));
    (2..=6).for_each(|n| line.push(entry(n, n as u8, n as u8)));
    assert_eq!(ids(&mut line, at(0)).len(), 6);
    (1..=6).for_each(|n| {
        line.landed(n, at(10 + n), later(at(60_000), 1, at(10)), Some(false));
    });
    assert!(line.circuit.is_open());
    assert_eq!(ids(&mut line, at(2_000)), [2]);
}

#[test]
fn after_not_now_the_other_keys_go_first() {
    let mut line = Line::default();
    [entry(1, 1, 1), entry(2, 2, 2)]
        .into_iter()
        .for_each(|e| line.push(e));
    let first = line.next(at(0), |_| true);
    assert!(matches!(first, Some(Turn::Go(e, _)) if e.id == 1));
    let limited = Result::Waits {
        due: at(0),
        state: ActionState::Later,
        attempt: 1,
        tries: 0,
        first_fail: None,
        limited: true,
    };
    line.landed(1, at(0), limited, Some(true));
    assert_eq!(ids(&mut line, at(10)), [2, 1]);
}

#[test]
fn what_is_over_its_time_is_not_sent_and_what_may_have_happened_is_still_looked_at() {
    let mut line = Line::default();
    line.push(Entry {
        valid_until: Some(at(1_000)),
        ..entry(1, 1, 1)
    });
    line.push(Entry {
        valid_until: Some(at(1_000)),
        state: ActionState::Unsure,
        ..entry(2, 2, 2)
    });
    assert_eq!(ids(&mut line, at(1_001)), [-1, 2]);
}

#[test]
fn a_full_channel_does_not_hold_up_another_channel() {
    let mut line = Line::default();
    let to = |n: i64, channel: &str| Entry {
        limit_key: Some(channel.into()),
        ..entry(n, n as u8, n as u8)
    };
    [to(1, "a"), to(2, "a"), to(3, "b")]
        .into_iter()
        .for_each(|e| line.push(e));
    let mut out = Vec::new();
    while let Some(Turn::Go(e, _)) = line.next(at(0), |e| e.limit_key.as_deref() == Some("b")) {
        out.push(e.id);
    }
    assert_eq!(out, [3]);
}

#[test]
fn a_try_before_its_own_time_is_free() {
    let mut line = Line::default();
    (1..=6).for_each(|n| line.push(entry(n, n as u8, n as u8)));
    ids(&mut line, at(0));
    (1..=6).for_each(|n| {
        line.landed(n, at(10), later(at(60_000), 1, at(10)), Some(false));
    });
    assert!(matches!(
        line.next(at(1_500), |_| true),
        Some(Turn::Go(_, true))
    ));
}
