//! History rows: each new one is one act. Refuses to tell what lies before the watermark, the entry
//! that belongs to `created`, and what the vendor filled in.

use std::cmp::Ordering::{Equal, Greater, Less};

use super::turn::{Turn, When};
use super::{Date, HistoryRow, Kind, Part, PartName, RowRef, Tag, Told, Transition, Value};
use super::{compare, order};

impl<T: Tag> Turn<'_, '_, T> {
    /// `whole` is the answer as it came, `rows` what of it is taken now.
    pub(super) fn rows(&mut self, rows: &[HistoryRow<T>], asked: u64, whole: &[HistoryRow<T>]) {
        if !self.app.known {
            if !rows.is_empty() {
                self.want();
            }
            return;
        }
        let (rows, whole, first) = (
            oldest_first(rows),
            oldest_first(whole),
            self.app.stage.is_none(),
        );
        for r in &rows {
            self.adopt(r, &whole, asked); // what we know inexactly is dated first
        }
        for r in &rows {
            let known = self.app.history.iter().find(|t| is_of(t, r));
            match (known, &r.entered) {
                (None, Some(entered)) => self.new_row(r, entered, &whole),
                (None, None) => self.undated_row(r, asked, first),
                (Some(t), Some(entered)) if t.told == Told::Open => {
                    let (uid, heard) = (t.uid, t.heard);
                    self.learned(uid, heard, r, entered);
                }
                (Some(_), _) => {}
            }
            self.flush();
        }
        self.current(&rows, &whole, asked);
    }

    /// What the vendor calls current is current, news or not.
    fn current(&mut self, rows: &[&HistoryRow<T>], whole: &[&HistoryRow<T>], asked: u64) {
        let taken = |r: &HistoryRow<T>| rows.iter().any(|x| x.row.is(&r.row));
        let mut whole = whole.iter();
        let now = whole.find(|r| r.current && r.entered.is_some() && taken(r));
        let (Some(now), Some(p)) = (now, &mut self.app.stage) else {
            return;
        };
        let older = order(now.entered.as_ref(), p.date.as_ref()) == Some(Less);
        if now.stage != p.value && Self::fresh(p, asked) && !older {
            self.set_stage(now, false);
        }
    }

    fn set_stage(&mut self, r: &HistoryRow<T>, unannounced: bool) {
        self.app.stage = Some(Part {
            value: r.stage.clone(),
            date: r.entered.clone(),
            heard: self.tick(),
            unannounced,
            tag: r.tag.clone(),
        });
    }

    pub(super) fn knows_row(&self, r: &HistoryRow<T>) -> bool {
        self.app.history.iter().any(|t| is_of(t, r))
    }

    /// Where a dated row belongs: before the first transition that is newer.
    fn place(&self, date: &Date, row: &RowRef) -> Option<u64> {
        let newer = |t: &&Transition<T>| match compare(t.date.as_ref(), Some(date)) {
            Some(Greater) => true,
            Some(Equal) => after(t, row),
            _ => false,
        };
        self.app.stages().find(newer).map(|t| t.uid)
    }

    /// The entry belongs to `created`; what is before the watermark is history.
    fn silent(&self, r: &HistoryRow<T>, entered: &Date, whole: &[&HistoryRow<T>]) -> bool {
        let earlier = |t: &Transition<T>| t.row.as_ref().is_some_and(|w| w.key() < r.row.key());
        let first = whole.iter().all(|w| w.row.key() >= r.row.key());
        let entry = first && !self.app.stages().any(earlier);
        entry || entered.second() < self.cx.watermark
    }

    /// The inexact transition to this stage between the row's neighbours, the vendor's and ours; news
    /// only by news.
    fn adopt(&mut self, r: &HistoryRow<T>, whole: &[&HistoryRow<T>], asked: u64) {
        let Some(entered) = r.entered.as_ref().filter(|_| !self.knows_row(r)) else {
            return;
        };
        let silent = self.silent(r, entered, whole);
        let Some(t) = self.adoptable(r, entered, whole, silent, asked) else {
            return;
        };
        let mut t = t.clone();
        t.told = match t.told {
            Told::Open if silent => Told::Never,
            told => told, // what is open is told by `learned`
        };
        t.row = Some(r.row.clone());
        t.date = Some(entered.clone());
        (t.sure, t.tag) = (true, r.tag.clone());
        self.app.history.retain(|x| x.uid != t.uid);
        let place = self.place(entered, &r.row);
        self.put(t, place);
    }

    fn adoptable(
        &self,
        r: &HistoryRow<T>,
        entered: &Date,
        whole: &[&HistoryRow<T>],
        silent: bool,
        asked: u64,
    ) -> Option<&Transition<T>> {
        let later = whole.iter().filter(|w| w.row.key() > r.row.key());
        let ours = self.app.stages().filter(|t| after(t, &r.row));
        let end = later
            .filter_map(|w| w.entered.as_ref())
            .chain(ours.filter_map(|t| t.date.as_ref()))
            .min();
        let mut before = None;
        self.app.stages().find(|t| {
            let (date, prev) = (t.date.as_ref(), before.replace(*t));
            let between = date.is_none()
                || (compare(Some(entered), date) != Some(Greater)
                    && compare(date, end) != Some(Greater)
                    && prev.is_none_or(|prev: &Transition<T>| {
                        compare(prev.date.as_ref(), Some(entered)) != Some(Greater)
                    }));
            // one that its webhook announced: else its own row may be missing
            let answered =
                !t.sure || asked > t.heard || compare(Some(entered), date) == Some(Equal);
            let alike = t.told == Told::Open || (t.told == Told::Yes) != silent;
            t.row.is_none() && t.to.stage() == Some(&r.stage) && between && answered && alike
        })
    }

    /// Unannounced until its own time is known.
    fn learned(&mut self, uid: u64, heard: u64, r: &HistoryRow<T>, entered: &Date) {
        let tag = r.tag.clone();
        self.amend(uid, |t| (t.told, t.tag) = (Told::Yes, tag));
        let last = self.app.stages().next_back().is_some_and(|t| t.uid == uid);
        let from = self.app.stages().take_while(|t| t.uid != uid).last();
        let from = from.map(|t| t.to.clone());
        if let Some(p) = &mut self.app.stage {
            p.unannounced = p.unannounced && !last;
        }
        let since = |t: &Transition<T>| t.told == Told::Yes && t.heard >= heard;
        let late = !last
            || self.newer_told(Some(entered), PartName::Stage)
            || self.app.statuses().any(since);
        let date = Some(entered.clone());
        self.tell(uid, Kind::StageChanged, from, When { date, late });
    }

    fn new_row(&mut self, r: &HistoryRow<T>, entered: &Date, whole: &[&HistoryRow<T>]) {
        let before = whole.iter().filter(|w| w.row.key() < r.row.key());
        // a row for the stage that somebody is in already moves nobody
        let stayed = before
            .max_by_key(|w| w.row.key())
            .is_some_and(|w| w.stage == r.stage);
        let silent = stayed || self.silent(r, entered, whole);
        let mut after = self.place(entered, &r.row);
        let unproved = self
            .app
            .stages()
            .next_back()
            .is_some_and(|t| t.row.is_none());
        if silent && after.is_none() && unproved {
            // the entry comes before whatever webhooks told
            after = self.app.stages().next().map(|t| t.uid);
        }
        let c = match &self.app.stage {
            Some(p) => compare(Some(entered), p.date.as_ref()),
            None => Some(Greater),
        };
        let newer: Vec<_> = self
            .app
            .stages()
            .skip_while(|t| Some(t.uid) != after)
            .collect();
        let late = newer.iter().any(|t| t.told == Told::Yes)
            || (c == Some(Less) && !r.current)
            || self.newer_told(Some(entered), PartName::Stage);
        let before = self.app.stages().take_while(|t| Some(t.uid) != after);
        let from = before.last().map(|t| t.to.clone());
        let told = if silent { Told::Never } else { Told::Yes };
        let uid = self.put_row(r, told, after);
        if after.is_none() && c != Some(Less) {
            self.set_stage(r, false);
        }
        if !silent {
            if let Some(p) = &mut self.app.stage {
                p.unannounced = p.unannounced && after.is_some();
            }
            let date = Some(entered.clone());
            self.tell(uid, Kind::StageChanged, from, When { date, late });
        }
    }

    fn put_row(&mut self, r: &HistoryRow<T>, told: Told, before: Option<u64>) -> u64 {
        let uid = self.new_uid();
        let t = Transition {
            uid,
            to: Value::Stage(r.stage.clone()),
            date: r.entered.clone(),
            sure: r.entered.is_some(),
            row: Some(r.row.clone()),
            told,
            heard: 0,
            tag: r.tag.clone(),
        };
        self.put(t, before);
        uid
    }

    fn undated_row(&mut self, r: &HistoryRow<T>, asked: u64, first: bool) {
        if !r.current {
            // filled in by the vendor: history, never an event
            let oldest = self.app.stages().next().map(|t| t.uid);
            self.put_row(r, Told::Never, oldest);
            return;
        }
        let last = self.app.stages().next_back();
        let from = last.map(|t| t.to.clone());
        if let Some(p) = &self.app.stage {
            if !first && !Self::fresh(p, asked) {
                self.app.complete = false;
                return self.want();
            }
            let unproved = last.filter(|t| t.row.is_none() && t.to.stage() == Some(&r.stage));
            if let Some(t) = unproved.filter(|_| p.value == r.stage) {
                let (row, tag) = (r.row.clone(), r.tag.clone());
                return self.amend(t.uid, |t| (t.row, t.tag) = (Some(row), tag));
            }
        }
        let live = !first || (self.born_live() && from.is_some());
        let told = if live { Told::Yes } else { Told::Never };
        let uid = self.put_row(r, told, None);
        self.set_stage(r, !live && !self.born_live());
        if live {
            self.tell(uid, Kind::StageChanged, from, When::now(None));
        }
    }
}

fn is_of<T>(t: &Transition<T>, r: &HistoryRow<T>) -> bool {
    t.row.as_ref().is_some_and(|row| row.is(&r.row))
}

/// The vendor has it after that row.
fn after<T>(t: &Transition<T>, row: &RowRef) -> bool {
    t.row.as_ref().is_some_and(|own| own.key() > row.key())
}

/// Undated ones first, but an undated current one last.
fn oldest_first<T>(rows: &[HistoryRow<T>]) -> Vec<&HistoryRow<T>> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by(|a, b| {
        let key = |r: &HistoryRow<T>| r.entered.is_none() && r.current;
        (key(a), &a.entered, a.row.key()).cmp(&(key(b), &b.entered, b.row.key()))
    });
    rows
}
