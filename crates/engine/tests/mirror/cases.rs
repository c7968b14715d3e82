//! What the schedules do not reach, case by case: words of other vendors, connections that cannot
//! read, vendors without history, plain records, and what is stored.

use stagewire_engine::mirror::application::{
    Answer, Application, Context, Date, Fate, HistoryRow, Hook, Kind, Outcome, Past, Receipts, Row,
    RowRef, SEC, Status,
};
use stagewire_engine::mirror::plain::{Plain, Seen, Verdict};

struct Connection {
    receipts: Receipts,
    reads: bool,
}

impl Connection {
    fn new(reads: bool) -> Self {
        let receipts = Receipts::default();
        Self { receipts, reads }
    }

    /// The watermark is at 100 s.
    fn context(&mut self) -> Context<'_> {
        Context {
            watermark: 100,
            reads: self.reads,
            asks: 1,
            receipts: &mut self.receipts,
        }
    }

    fn ask(&mut self) -> u64 {
        self.receipts.tick()
    }

    fn deliver(&mut self, app: &mut Application, hook: &Hook) -> Outcome {
        app.deliver(&mut self.context(), hook.clone(), Past::NotNeeded)
    }

    fn read(&mut self, app: &mut Application, row: &Row, history: Vec<HistoryRow>) -> Outcome {
        let asked = self.ask();
        app.read(&mut self.context(), whole(row, history), asked)
    }

    fn shown(&mut self, plain: &mut Plain, content: &str, at: Option<i64>) -> Verdict {
        let cx = &mut self.context();
        plain
            .deliver(cx, "d".into(), seen(content, at), false)
            .verdict
    }
}

fn whole(row: &Row, history: Vec<HistoryRow>) -> Answer {
    Answer {
        row: Some(row.clone()),
        history: Some(history),
        full: true,
        by_id: true,
    }
}

fn at(seconds: i64) -> Option<Date> {
    Some(Date {
        micros: seconds * SEC,
        coarse: false,
        path: "changed".into(),
    })
}

fn coarse(date: Option<Date>) -> Option<Date> {
    date.map(|date| Date {
        coarse: true,
        ..date
    })
}

fn seen(content: &str, date: Option<i64>) -> Seen {
    Seen {
        content: content.into(),
        at: date.and_then(at),
        created: at(50),
    }
}

fn hook(stage: &str, status: Status, date: i64) -> Hook {
    Hook {
        delivery: date.to_string().into(),
        status: Some(status),
        stage: Some(stage.into()),
        at: at(date),
        applied: at(50),
        ..Hook::default()
    }
}

fn row(status: Status, date: i64) -> Row {
    Row {
        status: Some(status),
        at: at(date),
        applied: at(50),
        ..Row::default()
    }
}

fn entered(rank: i64, stage: &str, date: i64) -> HistoryRow {
    HistoryRow {
        row: RowRef {
            rank,
            id: format!("row {rank}").into(),
        },
        stage: stage.into(),
        entered: at(date),
        current: true,
        tag: (),
    }
}

fn kinds(out: &Outcome) -> Vec<Kind> {
    out.events.iter().map(|e| e.kind).collect()
}

fn held(app: &Application) -> Status {
    app.status.as_ref().expect("it has one").value.status
}

/// Applied long ago, moved to A long ago, active.
fn known(connection: &mut Connection) -> Application {
    let mut app = Application::new();
    let rows = vec![entered(1, "A", 50)];
    let out = connection.read(&mut app, &row(Status::Active, 60), rows);
    assert_eq!(kinds(&out), []);
    app
}

#[test]
fn each_change_of_status_has_its_own_word() {
    use Status::{Active, Closed, Hired, Lead, Rejected, Unknown, Withdrawn};
    let c = &mut Connection::new(true);
    let mut app = known(c);
    let life = [
        (Withdrawn, Kind::Withdrawn),
        (Active, Kind::Reopened),
        (Closed, Kind::Closed),
        (Lead, Kind::Reopened),
        (Active, Kind::Converted),
        (Unknown, Kind::Updated),
        (Rejected, Kind::Rejected),
        (Withdrawn, Kind::Withdrawn),
        (Hired, Kind::Hired),
        (Active, Kind::Unhired),
    ];
    for (i, (status, kind)) in life.into_iter().enumerate() {
        let date = 200 + 10 * i as i64;
        let own = at(date).filter(|_| status.has_own_time());
        let told = Hook {
            own,
            ..hook("A", status, date)
        };
        assert_eq!(kinds(&c.deliver(&mut app, &told)), [kind], "to {status:?}");
    }
}

#[test]
fn a_time_left_behind_by_an_end_undone_says_nothing() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    let told = Hook {
        own: at(200),
        ..hook("A", Status::Rejected, 200)
    };
    assert_eq!(kinds(&c.deliver(&mut app, &told)), [Kind::Rejected]);
    let left = Row {
        own: at(200),
        ..row(Status::Active, 300)
    };
    let out = c.read(&mut app, &left, vec![entered(1, "A", 50)]);
    assert_eq!(kinds(&out), [Kind::Reopened]);
    assert_eq!(app.status.expect("it has one").value.own, None);
}

#[test]
fn the_finer_of_two_equal_times_is_kept() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    let told = Hook {
        own: coarse(at(200)),
        ..hook("A", Status::Rejected, 200)
    };
    let uid = c.deliver(&mut app, &told).events[0].uid;
    let shown = Row {
        own: at(200),
        ..row(Status::Rejected, 200)
    };
    let out = c.read(&mut app, &shown, vec![entered(1, "A", 50)]);
    assert_eq!((kinds(&out), out.changed), (vec![], vec![uid]));
    assert_eq!(app.transition(uid).expect("it is there").date, at(200));
}

#[test]
fn a_path_that_is_absent_changes_nothing() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    let told = Hook {
        status: None,
        ..hook("B", Status::Unknown, 200)
    };
    assert_eq!(kinds(&c.deliver(&mut app, &told)), [Kind::StageChanged]);
    assert_eq!(held(&app), Status::Active);
}

#[test]
fn what_our_history_shows_at_that_time_is_a_repeat_and_wants_no_read() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    for (stage, date) in [("B", 200), ("C", 300)] {
        c.deliver(&mut app, &hook(stage, Status::Active, date));
    }
    let out = c.deliver(&mut app, &hook("B", Status::Active, 210));
    assert_eq!(
        (out.fate, out.wanted, out.events.len()),
        (Fate::Taken, false, 0)
    );
}

#[test]
fn a_hint_waits_for_a_read_asked_after_it() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    c.deliver(&mut app, &hook("B", Status::Active, 300));
    let early = c.ask();
    let tie = Hook {
        delivery: "tie".into(),
        ..hook("C", Status::Active, 300)
    };
    let out = c.deliver(&mut app, &tie);
    assert_eq!((out.fate, out.wanted), (Fate::Waiting, true));

    let moves = vec![entered(1, "A", 50), entered(2, "B", 299)];
    let answer = whole(&row(Status::Active, 300), moves.clone());
    let out = app.read(&mut c.context(), answer, early);
    assert_eq!((out.answered.len(), kinds(&out)), (0, vec![]));

    let moves = [moves, vec![entered(3, "C", 300)]].concat();
    let out = c.read(&mut app, &row(Status::Active, 300), moves);
    assert_eq!(out.answered, ["tie".into()]);
    assert_eq!(kinds(&out), [Kind::StageChanged]);
}

#[test]
fn a_delivery_of_before_the_watermark_is_left_to_the_backfill() {
    let c = &mut Connection::new(true);
    let mut app = Application::new();
    let old = hook("B", Status::Active, 99);
    assert!(app.needs_past(&c.context(), &old));
    assert_eq!(c.deliver(&mut app, &old).fate, Fate::Before);
    let undated = Hook { at: None, ..old };
    let out = app.release(&mut c.context(), undated);
    assert_eq!(out.fate, Fate::Before);
}

#[test]
fn a_past_that_is_not_found_is_no_tombstone() {
    let c = &mut Connection::new(true);
    let mut app = Application::new();
    let asked = c.ask();
    let answer = Answer {
        row: None,
        history: None,
        full: true,
        by_id: true,
    };
    let past = Past::Read { answer, asked };
    let told = Hook {
        applied: at(200),
        announces: Some(Kind::Created),
        ..hook("A", Status::Active, 200)
    };
    let out = app.deliver(&mut c.context(), told, past);
    assert_eq!(kinds(&out), [Kind::Created]);
    assert!(!app.gone);
}

#[test]
fn without_reads_ties_and_undated_content_are_taken_in_order_of_receipt() {
    let c = &mut Connection::new(false);
    let mut app = Application::new();
    let first = Hook {
        applied: at(200),
        ..hook("A", Status::Active, 200)
    };
    assert!(!app.needs_past(&c.context(), &first));
    assert_eq!(kinds(&c.deliver(&mut app, &first)), [Kind::Created]);
    let tie = c.deliver(&mut app, &hook("B", Status::Active, 200));
    assert_eq!((kinds(&tie), tie.wanted), (vec![Kind::StageChanged], false));
    let undated = Hook {
        at: None,
        announces: Some(Kind::Hired),
        ..hook("B", Status::Hired, 0)
    };
    let hired = c.deliver(&mut app, &undated);
    assert_eq!((kinds(&hired), hired.wanted), (vec![Kind::Hired], false));
    let older = c.deliver(&mut app, &hook("A", Status::Active, 190));
    assert_eq!((older.fate, older.events.len()), (Fate::Taken, 0));
    assert!(app.hints.is_empty() && held(&app) == Status::Hired);
}

#[test]
fn without_history_the_difference_of_two_rows_is_the_event() {
    let c = &mut Connection::new(true);
    let mut app = Application::new();
    let shown = |stage: &str, status, date| Row {
        stage: Some(stage.into()),
        ..row(status, date)
    };
    let out = c.read(&mut app, &shown("A", Status::Active, 60), vec![]);
    assert_eq!(kinds(&out), []);
    let out = c.read(&mut app, &shown("B", Status::Hired, 200), vec![]);
    assert_eq!(kinds(&out), [Kind::StageChanged, Kind::Hired]);
    let out = c.read(&mut app, &shown("C", Status::Active, 300), vec![]);
    assert_eq!(kinds(&out), [Kind::Unhired, Kind::StageChanged]);
    let out = c.read(&mut app, &shown("B", Status::Active, 290), vec![]);
    assert_eq!(kinds(&out), []);
}

#[test]
fn one_delivery_of_two_changes_has_one_primary_event() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    let out = c.deliver(&mut app, &hook("B", Status::Hired, 200));
    assert_eq!(kinds(&out), [Kind::Hired, Kind::StageChanged]);
    let primary = out.events[0].uid;
    assert_eq!(out.events[0].also_of, None);
    assert_eq!(out.events[1].also_of, Some(primary));
}

#[test]
fn a_vendor_date_however_odd_panics_nothing() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    for micros in [i64::MIN, i64::MAX, -1, 0] {
        let odd = at(0).map(|date| Date { micros, ..date });
        let told = Hook {
            at: odd.clone(),
            own: odd.clone(),
            applied: odd.clone(),
            ..hook("B", Status::Rejected, 0)
        };
        c.deliver(&mut app, &told);
        let rows = vec![HistoryRow {
            entered: odd,
            ..entered(2, "B", 0)
        }];
        c.read(&mut app, &row(Status::Active, 200), rows);
    }
}

#[test]
fn a_mirror_is_stored_and_read_again_without_its_tags() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    c.deliver(&mut app, &hook("B", Status::Active, 200));
    c.deliver(&mut app, &hook("C", Status::Active, 200));
    assert_eq!(app.hints.len(), 1);
    let text = serde_json::to_string(&app).expect("it is plain data");
    assert!(!text.contains("\"tag"), "{text}");
    let again: Application = serde_json::from_str(&text).expect("it was written so");
    assert_eq!(again, app);
    let empty: Application = serde_json::from_str("{}").expect("all has a default");
    assert_eq!(empty, Application::new());
}

// ---- plain records

#[test]
fn a_plain_record_is_believed_if_later_and_else_read() {
    let (c, plain) = (&mut Connection::new(true), &mut Plain::default());
    assert_eq!(c.shown(plain, "X", None), Verdict::Hint);
    assert_eq!(
        c.shown(plain, "X", Some(200)),
        Verdict::Apply { first: true }
    );
    assert_eq!(c.shown(plain, "X", None), Verdict::Equal);
    assert_eq!(c.shown(plain, "Y", None), Verdict::Hint);
    assert_eq!(c.shown(plain, "Y", Some(200)), Verdict::Hint);
    assert_eq!(c.shown(plain, "Y", Some(150)), Verdict::Hint);
    assert_eq!(c.shown(plain, "Y", Some(99)), Verdict::Before);
    assert_eq!(
        c.shown(plain, "Y", Some(300)),
        Verdict::Apply { first: false }
    );
    let asked = c.ask();
    let out = plain.read(&mut c.context(), Some(seen("Y", Some(300))), true, asked);
    // one hint says X and has no date: the answer may lag behind it, so it is asked once more
    assert_eq!(
        (out.verdict, out.wanted, out.answered.len()),
        (Verdict::Equal, true, 0)
    );
    let asked = c.ask();
    let out = plain.read(&mut c.context(), Some(seen("Y", Some(300))), true, asked);
    assert_eq!(
        (out.verdict, out.wanted, out.answered.len()),
        (Verdict::Equal, false, 4)
    );
}

#[test]
fn an_embedded_copy_only_fills_what_is_missing() {
    let (c, plain) = (&mut Connection::new(true), &mut Plain::default());
    let fills = plain.embedded(&mut c.context(), seen("X", Some(200)));
    assert_eq!(fills.verdict, Verdict::Apply { first: true });
    let differs = plain.embedded(&mut c.context(), seen("Y", Some(300)));
    assert_eq!((differs.verdict, differs.wanted), (Verdict::Stale, true));
}

#[test]
fn a_tie_between_a_copy_and_a_read_goes_to_the_read_only_if_it_was_asked_after() {
    let (c, plain) = (&mut Connection::new(true), &mut Plain::default());
    let early = c.ask();
    plain.embedded(&mut c.context(), seen("X", Some(200)));
    let read = |date| {
        let at = coarse(at(date));
        Some(Seen {
            at,
            ..seen("Y", None)
        })
    };
    let out = plain.read(&mut c.context(), read(201), true, early);
    assert_eq!((out.verdict, out.wanted), (Verdict::Stale, true));
    let asked = c.ask();
    let out = plain.read(&mut c.context(), read(201), true, asked);
    assert_eq!(out.verdict, Verdict::Apply { first: false });
}

#[test]
fn only_a_read_asked_after_it_lifts_a_plain_tombstone() {
    let (c, plain) = (&mut Connection::new(true), &mut Plain::default());
    c.shown(plain, "X", Some(200));
    let early = c.ask();
    assert!(plain.delete(&mut c.context()).deleted);
    assert_eq!(c.shown(plain, "Y", Some(300)), Verdict::Hint);
    let out = plain.read(&mut c.context(), Some(seen("Y", Some(300))), true, early);
    assert_eq!(
        (out.verdict, out.restored, plain.gone),
        (Verdict::Stale, false, true)
    );
    let asked = c.ask();
    let out = plain.read(&mut c.context(), Some(seen("Y", Some(300))), true, asked);
    assert_eq!(
        (out.verdict, out.restored),
        (Verdict::Apply { first: false }, true)
    );
    assert_eq!(out.answered.len(), 1);
}

#[test]
fn a_plain_record_not_found_is_asked_again_before_it_is_gone() {
    let (c, plain) = (&mut Connection::new(true), &mut Plain::default());
    c.shown(plain, "X", Some(200));
    let asked = c.ask();
    let out = plain.read(&mut c.context(), None, true, asked);
    assert_eq!((out.dropped, out.wanted, out.deleted), (true, true, false));
    let asked = c.ask();
    let out = plain.read(&mut c.context(), None, true, asked);
    assert_eq!((out.dropped, out.wanted, out.deleted), (false, false, true));
}

#[test]
fn a_plain_record_is_created_once_and_only_after_the_watermark() {
    let (c, plain) = (&mut Connection::new(true), &mut Plain::default());
    let made = |content| Seen {
        created: at(100),
        ..seen(content, Some(200))
    };
    let out = plain.embedded(&mut c.context(), made("X"));
    assert!(out.created);
    let asked = c.ask();
    assert!(
        !plain
            .read(&mut c.context(), Some(made("X")), true, asked)
            .created
    );
    let old = &mut Plain::default();
    assert!(!old.embedded(&mut c.context(), seen("X", Some(200))).created);
}

#[test]
fn without_reads_a_plain_record_is_taken_in_order_of_receipt() {
    let (c, plain) = (&mut Connection::new(false), &mut Plain::default());
    assert_eq!(c.shown(plain, "X", None), Verdict::Apply { first: true });
    assert_eq!(c.shown(plain, "Y", None), Verdict::Apply { first: false });
    assert_eq!(c.shown(plain, "Y", Some(300)), Verdict::Equal);
    assert_eq!(c.shown(plain, "X", Some(200)), Verdict::Stale);
    assert!(plain.hints.is_empty());
}

#[test]
fn from_one_stage_to_the_same_is_no_event() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    let rows = vec![entered(1, "A", 50), entered(2, "A", 200)];
    let out = c.read(&mut app, &row(Status::Active, 300), rows);
    assert_eq!(kinds(&out), [], "nobody moved");
    let rows = vec![
        entered(1, "A", 50),
        entered(2, "A", 200),
        entered(3, "B", 400),
    ];
    let out = c.read(&mut app, &row(Status::Active, 400), rows);
    assert_eq!(kinds(&out), [Kind::StageChanged]);
}

#[test]
fn an_end_told_again_at_another_time_came_from_what_nobody_saw() {
    let c = &mut Connection::new(true);
    let mut app = known(c);
    let end = |date| Row {
        own: at(date),
        ..row(Status::Rejected, date)
    };
    let rows = || vec![entered(1, "A", 50)];
    assert_eq!(
        kinds(&c.read(&mut app, &end(200), rows())),
        [Kind::Rejected]
    );
    let out = c.read(&mut app, &end(500), rows());
    assert_eq!(kinds(&out), [Kind::Rejected]);
    assert_eq!(out.events[0].from, None);
}
