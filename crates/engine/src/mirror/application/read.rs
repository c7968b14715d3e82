//! Reads: an answer counts from when it was asked. Refuses what was overtaken, torn, or denies a
//! delivery for the first time; it is asked for again then.

use std::cmp::Ordering::{Equal, Greater, Less};

use super::turn::{Turn, When};
use super::{
    Answer, Fate, Hint, HistoryRow, Hook, Kind, Part, PartName, Row, Standing, Status, Tag, Told,
};
use super::{Transition, Value, compare, newest, order, same};

impl<T: Tag> Turn<'_, '_, T> {
    pub(super) fn read(&mut self, answer: Answer<T>, asked: u64) {
        (self.unanswered, self.heard) = (false, asked);
        let Answer {
            row,
            history,
            full,
            by_id,
        } = answer;
        let missing = by_id && row.is_none();
        let named = |hint: &Hint<T>| !hint.hook.deleted && hint.receipt < asked;
        // what a delivery names may not have reached the replica that answers
        let denies = self.app.known || (!self.app.gone && self.app.hints.iter().any(named));
        if missing && denies && self.ask_again() {
            self.out.dropped = true;
            return; // not found: asked again before it is believed
        }
        self.tombstone(row.is_some(), missing, asked);
        let row = row.as_ref();
        let whole = missing || (row.is_some() && history.is_some() && full);
        if !self.app.gone {
            let full = full && history.is_some();
            self.apply(row, history.unwrap_or_default(), asked, full);
        }
        self.flush();
        self.answer_hints(row, whole, asked);
    }

    fn tombstone(&mut self, found: bool, missing: bool, asked: u64) {
        if missing && asked > self.app.gone_at {
            if self.app.known && !self.app.gone {
                self.emit(Kind::Deleted, None, T::default());
            }
            (self.app.gone, self.app.gone_at) = (true, self.receipt());
        }
        if found && self.app.gone && asked > self.app.gone_at {
            self.app.gone = false;
            self.emit(Kind::Restored, None, T::default());
        }
    }

    /// Hints asked about are weighed once more against what we know now.
    fn answer_hints(&mut self, row: Option<&Row<T>>, whole: bool, asked: u64) {
        let whole = whole && !self.unanswered;
        let answered = |receipt: u64| whole && receipt < asked;
        let mut hints = self.app.hints.iter();
        if hints.any(|hint| answered(hint.receipt) && self.denied(row, &hint.hook))
            && self.ask_again()
        {
            return;
        }
        if !whole {
            return;
        }
        self.app.tries = 0;
        let hints = std::mem::take(&mut self.app.hints);
        let (done, kept): (Vec<_>, Vec<_>) =
            hints.into_iter().partition(|hint| answered(hint.receipt));
        self.app.hints = kept;
        for hint in done {
            self.heard = hint.receipt;
            self.take(&hint.hook, true);
            self.flush();
            self.out.answered.push(hint.hook.delivery);
        }
        self.out.fate = Fate::Taken;
    }

    /// The answer does not show what the delivery says, and is not dated later either.
    fn denied(&self, row: Option<&Row<T>>, h: &Hook<T>) -> bool {
        let later = row.is_some_and(|row| compare(row.at.as_ref(), h.at.as_ref()) == Some(Greater));
        !later && !self.confirmed(h)
    }

    fn confirmed(&self, h: &Hook<T>) -> bool {
        self.app.gone
            || !self.app.known
            || (!h.deleted
                && h.status.is_none_or(|status| self.status_is(status))
                && h.stage.as_deref().is_none_or(|stage| self.stage_is(stage)))
    }

    /// An answer that denies what a delivery says may come from a lagging replica: asked again.
    fn ask_again(&mut self) -> bool {
        if self.app.tries >= self.cx.asks {
            return false;
        }
        self.app.tries += 1;
        self.want();
        true
    }

    fn apply(&mut self, row: Option<&Row<T>>, every: Vec<HistoryRow<T>>, asked: u64, full: bool) {
        let rows = self.cut(row, &every);
        let partial = (row.is_none() && rows.len() < every.len())
            || (!rows.is_empty() && !self.app.complete && !full);
        self.out.dropped = partial
            || self.overtaken(row, &rows, asked)
            || ((self.status_tie(row) || self.stage_tie(row) || self.no_row_for_told(&rows))
                && self.ask_again());
        if self.out.dropped {
            return self.want();
        }
        let shown = self.app.known || row.is_some();
        self.app.complete = self.app.complete || (full && !rows.is_empty() && shown);
        let Some(row) = row else {
            return self.rows(&rows, asked, &every);
        };
        self.app.known = true;
        self.creation(row.applied.as_ref(), &row.tags.created);
        let standing = row.standing();
        if let Some(v) = &standing {
            self.finer_end(v, &row.tags.status);
        }
        let (before, after): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|r| standing.as_ref().is_some_and(|v| moved_before(r, v)));
        self.rows(&before, asked, &every);
        self.flush();
        if row.status.is_some_and(Status::ended) {
            self.stage_row(row, asked); // who is ended is not moved: that happened before
            self.flush();
            self.status_row(row, asked);
        } else {
            self.status_row(row, asked);
            self.flush();
            self.stage_row(row, asked);
        }
        self.flush();
        self.rows(&after, asked, &every);
    }

    /// The finer of two equal own times.
    fn finer_end(&mut self, v: &Standing, tag: &T) {
        let Some(own) = v.own.as_ref().filter(|_| self.same_status(v)) else {
            return;
        };
        let known = |t: &&Transition<T>| {
            t.to.status() == Some(v.status) && same(t.date.as_ref(), Some(own)) == Some(true)
        };
        let last = self.app.statuses().rev().find(known).map(|t| t.uid);
        let Some(p) = &mut self.app.status else {
            return;
        };
        let learned = p.value != *v;
        p.value = v.clone();
        if let Some(uid) = last.filter(|_| learned) {
            self.amend(uid, |t| (t.date, t.tag) = (Some(own.clone()), tag.clone()));
        }
    }

    /// History up to the date of its application's row; what is newer is read again with its row.
    fn cut(&mut self, row: Option<&Row<T>>, every: &[HistoryRow<T>]) -> Vec<HistoryRow<T>> {
        let held = self.app.status.as_ref().and_then(|p| p.date.as_ref());
        let date = row.map_or(held, |row| row.at.as_ref());
        let old = |r: &&HistoryRow<T>| compare(r.entered.as_ref(), date) != Some(Greater);
        let old: Vec<_> = every.iter().filter(old).cloned().collect();
        if old.len() < every.len() {
            self.want();
        }
        old
    }

    /// Asked before what we heard last, and in one second with it: only another read can tell which
    /// is newer.
    fn overtaken(&self, row: Option<&Row<T>>, rows: &[HistoryRow<T>], asked: u64) -> bool {
        let tie = |r: &HistoryRow<T>, t: &Transition<T>| {
            t.row.is_none()
                && t.to.stage() != Some(&r.stage)
                && compare(t.date.as_ref(), r.entered.as_ref()) == Some(Equal)
        };
        let stage = self.app.stage.as_ref().filter(|p| !Self::fresh(p, asked));
        let status = self.app.status.as_ref().filter(|p| !Self::fresh(p, asked));
        let by_history = stage.is_some_and(|p| {
            rows.iter().any(|r| {
                let new = r.entered.is_some() && !self.knows_row(r);
                let c = compare(r.entered.as_ref(), p.date.as_ref());
                new && ((c == Some(Equal) && r.stage != p.value)
                    || self.app.stages().any(|t| tie(r, t)))
            })
        });
        by_history
            || (stage.is_some() && self.stage_tie(row))
            || (status.is_some() && self.status_tie(row))
    }

    /// A webhook told of a stage in the second of a new row, and the answer has no row for it.
    fn no_row_for_told(&self, rows: &[HistoryRow<T>]) -> bool {
        self.app.stages().filter(|t| t.row.is_none()).any(|t| {
            let tie =
                |r: &&HistoryRow<T>| compare(r.entered.as_ref(), t.date.as_ref()) == Some(Equal);
            let mut ties = rows.iter().filter(tie).peekable();
            ties.peek().is_some() && !ties.any(|r| t.to.stage() == Some(&r.stage))
        })
    }

    fn status_tie(&self, row: Option<&Row<T>>) -> bool {
        let (Some(row), Some(p)) = (row, &self.app.status) else {
            return false;
        };
        let differs = row.standing().is_some_and(|v| !self.same_status(&v));
        differs && order(row.at.as_ref(), p.date.as_ref()) == Some(Equal)
    }

    fn status_row(&mut self, row: &Row<T>, asked: u64) {
        let Some(v) = row.standing() else {
            return;
        };
        let (at, same) = (row.at.as_ref(), self.same_status(&v));
        let Some(p) = &mut self.app.status else {
            return self.first_status(v, at, &row.tags.status, None);
        };
        let older = order(at, p.date.as_ref()) == Some(Less);
        match (same, older) {
            (true, false) => {
                p.date = newest(at, p.date.as_ref());
                p.heard = p.heard.max(asked);
            }
            (true, true) => {}
            (false, false) => self.change_status(v, at, &row.tags.status, None),
            (false, true) => self.late_end(&v, &row.tags.status),
        }
    }

    // ---- the stage of a vendor without history: there the read's difference is the event

    fn stage_tie(&self, row: Option<&Row<T>>) -> bool {
        let (Some(row), Some(p)) = (row, &self.app.stage) else {
            return false;
        };
        let differs = row.stage.as_ref().is_some_and(|stage| *stage != p.value);
        differs && order(row.at.as_ref(), p.date.as_ref()) == Some(Equal)
    }

    fn stage_row(&mut self, row: &Row<T>, asked: u64) {
        let Some(stage) = &row.stage else {
            return;
        };
        let from = match &mut self.app.stage {
            None => None,
            Some(p) if order(row.at.as_ref(), p.date.as_ref()) == Some(Less) => return,
            Some(p) if p.value == *stage => {
                p.date = newest(row.at.as_ref(), p.date.as_ref());
                p.heard = p.heard.max(asked);
                return;
            }
            Some(p) => Some(p.value.clone()),
        };
        let unannounced = from.is_none() && !self.born_live();
        self.app.stage = Some(Part {
            value: stage.clone(),
            date: row.at.clone(),
            heard: self.tick(),
            unannounced,
            tag: row.tags.stage.clone(),
        });
        let uid = self.new_uid();
        let t = Transition {
            uid,
            to: Value::Stage(stage.clone()),
            date: row.at.clone(),
            sure: false,
            row: None,
            told: match (&from, unannounced) {
                (Some(_), _) => Told::Yes,
                (None, true) => Told::Open,
                (None, false) => Told::Never, // the entry belongs to `created`
            },
            heard: self.heard,
            tag: row.tags.stage.clone(),
        };
        self.put(t, None);
        if let Some(from) = from {
            let late = self.newer_told(None, PartName::Stage);
            let when = When {
                date: row.at.clone(),
                late,
            };
            self.tell(uid, Kind::StageChanged, Some(Value::Stage(from)), when);
        }
    }
}

/// People move what is active: an end comes after the moves, a new start before them.
fn moved_before<T>(r: &HistoryRow<T>, v: &Standing) -> bool {
    match &v.own {
        Some(own) => compare(r.entered.as_ref(), Some(own)) != Some(Greater),
        None => v.status.ended(),
    }
}
