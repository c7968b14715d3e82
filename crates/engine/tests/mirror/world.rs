//! Vendor, channels and engine together: which steps are possible next, and what a step does.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::engine::Mirror;
use super::vendor::{Do, Quirk, SEC, VApp, VHook, VRow, Vendor, Word};
use stagewire_engine::mirror::application::{Kind, Receipts};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Start {
    /// Backfill is done.
    Live,
    /// Backfill is still to come.
    Fresh,
    /// There is none.
    None,
}

#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// What a person may do.
    pub(crate) kinds: Vec<Do>,
    pub(crate) acts: usize,
    /// Polls besides the closing ones.
    pub(crate) polls: usize,
    pub(crate) dups: usize,
    pub(crate) start: Start,
    pub(crate) quirks: Vec<Quirk>,
    /// Row and history of one read are seen at different moments.
    pub(crate) torn: bool,
    /// A poll shows only what changed since the last one.
    pub(crate) tight: bool,
    /// Answers that show the vendor as it was before its last act.
    pub(crate) lag: usize,
    /// The next act comes in the same second (true) or later.
    pub(crate) gaps: Vec<bool>,
    /// A delivery proves nothing alone.
    pub(crate) thin: bool,
    /// How often a denying answer is asked for again.
    pub(crate) asks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Channel {
    BackfillRows,
    BackfillHistory,
    Poll,
    Want,
    Past,
    Hook(Do),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Past {
    No,
    Read,
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Act(Do, bool),
    Hook(usize, Past),
    /// The vendor writes the body when it sends, not when it happened.
    Render(usize),
    Dup(usize),
    Connect,
    /// Asked, perhaps of a lagging replica.
    Ask(Channel, bool),
    Rows(usize),
    Land(usize),
}

/// A read on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    pub(crate) kind: Channel,
    asked: u64,
    app: Option<VApp>,
    pub(crate) rows: Option<Vec<VRow>>,
    full: bool,
    at: i64,
    waits_rows: bool,
}

/// How an act first showed: where, what status the mirror held, whether a newer act had shown, and
/// whether the record was gone for us.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shown {
    pub(crate) channel: Channel,
    pub(crate) held: Option<Word>,
    pub(crate) newer: bool,
    pub(crate) gone: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) setup: Rc<Setup>,
    pub(crate) v: Vendor,
    old: Vendor,
    pub(crate) e: Mirror,
    pub(crate) hooks: Vec<VHook>,
    pending: Vec<usize>,
    pub(crate) told: Vec<usize>,
    pub(crate) flights: Vec<Flight>,
    acts: usize,
    polls: usize,
    dups: usize,
    lags: usize,
    /// What the first backfill has still to ask.
    backfill: Vec<Channel>,
    connects: bool,
    /// How far polls have read the history.
    upto: i64,
    pub(crate) shown: Vec<(u32, Shown)>,
    /// By uid: the newest act shown before the event, and how many events there were then.
    pub(crate) newest: Vec<(u64, (u32, usize))>,
}

impl World {
    pub(crate) fn new(setup: &Rc<Setup>) -> Self {
        let v = Vendor::new(&setup.quirks);
        let mut w = Self {
            setup: setup.clone(),
            old: v.clone(),
            v,
            e: Mirror::new(setup.thin, setup.asks),
            hooks: vec![],
            pending: vec![],
            told: vec![],
            flights: vec![],
            acts: 0,
            polls: 0,
            dups: 0,
            lags: 0,
            backfill: vec![Channel::BackfillRows, Channel::BackfillHistory],
            connects: setup.start == Start::None,
            upto: 0,
            shown: vec![],
            newest: vec![],
        };
        if w.connects {
            w.backfill.clear();
        }
        if setup.start == Start::Live {
            for _ in 0..2 {
                w.ask(w.backfill[0], false);
                w.land(0);
            }
        }
        w
    }

    fn has(&self, quirk: Quirk) -> bool {
        self.setup.quirks.contains(&quirk)
    }

    /// The world but for the absolute numbers of receipts: of them only the order counts.
    pub(crate) fn key(&self) -> u64 {
        let mut e = self.e.clone();
        let mut flights = self.flights.clone();
        let mut numbers: Vec<u64> = vec![];
        each_receipt(&mut e, &mut flights, |n| numbers.push(*n));
        numbers.sort_unstable();
        numbers.dedup();
        each_receipt(&mut e, &mut flights, |n| {
            *n = numbers.binary_search(n).expect("it was collected") as u64;
        });
        e.receipts = Receipts::default();
        e.app.uid = 0;
        for event in &mut e.events {
            event.date = None;
        }
        let hasher = &mut DefaultHasher::new();
        (&self.v, &flights, e.watermark, &e.app, &e.name, e.by_name).hash(hasher);
        (e.wanted, &e.events, &e.seen, &e.queue).hash(hasher);
        (&self.hooks, &self.pending, &self.told).hash(hasher);
        (self.acts, self.polls, self.dups, self.lags, self.upto).hash(hasher);
        (&self.backfill, self.connects, &self.shown, &self.newest).hash(hasher);
        hasher.finish()
    }

    // ---- steps

    pub(crate) fn steps(&self) -> Vec<Step> {
        let (s, mut out) = (&self.setup, vec![]);
        if self.acts < s.acts {
            let wanted = |k: &Do| s.kinds.iter().any(|x| x.is(*k));
            for kind in self.v.possible().into_iter().filter(wanted) {
                out.extend(s.gaps.iter().map(|same| Step::Act(kind, *same)));
            }
        }
        for i in self.pending.iter().copied() {
            if self.e.needs_past(&self.hooks[i]) {
                out.extend([Step::Hook(i, Past::Read), Step::Hook(i, Past::Late)]);
            } else {
                out.push(Step::Hook(i, Past::No));
            }
        }
        if self.has(Quirk::LateBody) {
            let stale = |i: &&usize| {
                let h = &self.hooks[**i];
                h.body.at.is_some() && self.v.hook(h.n).as_ref() != Some(h)
            };
            out.extend(self.pending.iter().filter(stale).map(|i| Step::Render(*i)));
        }
        if self.dups < s.dups {
            out.extend(self.told.iter().map(|i| Step::Dup(*i)));
        }
        if self.connects {
            if self.flights.is_empty() {
                out.push(Step::Connect);
            }
        } else if let Some(kind) = self.backfill.first() {
            if self.flights.is_empty() {
                out.push(Step::Ask(*kind, false));
            }
        } else if self.polls < s.polls {
            self.asks(Channel::Poll, &mut out);
        }
        if self.e.wanted && self.e.watermark.is_some() {
            self.asks(Channel::Want, &mut out);
        }
        let flights = self.flights.iter().enumerate();
        out.extend(flights.map(|(j, f)| {
            if f.waits_rows {
                Step::Rows(j)
            } else {
                Step::Land(j)
            }
        }));
        out
    }

    fn asks(&self, kind: Channel, out: &mut Vec<Step>) {
        if self.flights.iter().any(|f| f.kind == kind) {
            return;
        }
        out.push(Step::Ask(kind, false));
        if self.lags < self.setup.lag {
            out.push(Step::Ask(kind, true));
        }
    }

    fn newest_shown(&self) -> u32 {
        self.shown.iter().map(|(act, _)| *act).max().unwrap_or(0)
    }

    pub(crate) fn step(&mut self, step: Step) {
        let (n, newest) = (self.e.events.len(), self.newest_shown());
        match step {
            Step::Act(kind, same) => self.act(kind, same),
            Step::Hook(i, past) => self.hook(i, past),
            Step::Render(i) => {
                self.hooks[i] = self.v.hook(self.hooks[i].n).expect("it had one");
            }
            Step::Dup(i) => {
                self.dups += 1;
                self.e.hook(&self.hooks[i], None, false);
            }
            Step::Connect => {
                self.e.set_watermark(self.v.t / SEC);
                self.connects = false;
            }
            Step::Ask(kind, lagging) => self.ask(kind, lagging),
            Step::Rows(j) => self.rows(j),
            Step::Land(j) => self.land(j),
        }
        for event in &self.e.events[n..] {
            let alone = !matches!(step, Step::Hook(..)) && event.kind == Kind::StageChanged;
            let now = if alone { 0 } else { self.newest_shown() };
            self.newest.push((event.uid, (newest.max(now), n)));
        }
    }

    pub(crate) fn then(&self, step: Step) -> Self {
        let mut next = self.clone();
        next.step(step);
        next
    }

    fn act(&mut self, kind: Do, same: bool) {
        if self.setup.lag > 0 {
            self.old = self.v.clone();
        }
        self.acts += 1;
        if let Some(h) = self.v.act(kind, same) {
            self.hooks.push(h);
            self.pending.push(self.hooks.len() - 1);
        }
    }

    fn hook(&mut self, i: usize, past: Past) {
        let h = self.hooks[i].clone();
        self.pending.retain(|x| *x != i);
        self.told.push(i);
        let held = self.held();
        let answer = (past == Past::Read).then(|| (self.v.app(), self.v.history(0)));
        self.e.hook(&h, answer.clone(), past == Past::Late);
        if let Some((Some(app), rows)) = answer {
            let rows = rows.iter().filter(|r| r.entered.is_some() || r.current);
            let stage = app.stage.map(|_| app.by_stage);
            let acts = [app.by_status, app.by_applied].into_iter().chain(stage);
            self.saw(Channel::Past, held, acts.chain(rows.map(|r| r.act)));
        }
        if h.body.at.is_some() && !self.setup.thin {
            let acts = [h.by_stage, h.by_status, h.by_applied].into_iter();
            let own = Some(h.n).filter(|_| !self.has(Quirk::LateBody));
            self.saw(Channel::Hook(h.body.kind), held, acts.chain(own));
        }
    }

    pub(crate) fn ask(&mut self, kind: Channel, lagging: bool) {
        if kind == Channel::BackfillRows {
            self.e.set_watermark(self.v.t / SEC);
        }
        let full = kind != Channel::Poll;
        let since = self.since(full);
        let torn = self.setup.torn && matches!(kind, Channel::Poll | Channel::Want);
        let v = if lagging { &self.old } else { &self.v };
        let app = v.app().filter(|_| kind != Channel::BackfillHistory);
        let rows = (kind != Channel::BackfillRows && !torn).then(|| v.history(since));
        self.lags += usize::from(lagging);
        match kind {
            Channel::BackfillRows | Channel::BackfillHistory => {
                self.backfill.remove(0);
            }
            Channel::Want => self.e.wanted = false,
            _ => self.polls += 1,
        }
        self.flights.push(Flight {
            kind,
            asked: self.e.receipts.tick(),
            app,
            rows,
            // a window that reaches back to its creation shows all of it
            full: full || since <= v.applied,
            at: v.t,
            waits_rows: torn,
        });
    }

    fn since(&self, full: bool) -> i64 {
        if self.setup.tight && !full {
            self.upto
        } else {
            0
        }
    }

    fn rows(&mut self, j: usize) {
        let since = self.since(self.flights[j].kind != Channel::Poll);
        let flight = &mut self.flights[j];
        flight.rows = Some(self.v.history(since));
        flight.waits_rows = false;
    }

    fn land(&mut self, j: usize) {
        let f = self.flights.remove(j);
        match f.kind {
            Channel::BackfillHistory => {
                self.upto = self.e.watermark.expect("it was set when rows were asked") * SEC;
            }
            Channel::Poll => self.upto = self.upto.max(f.at / SEC * SEC),
            _ => {}
        }
        let held = self.held();
        let rows = f.rows.as_deref();
        self.e.read(
            f.app.as_ref(),
            rows,
            f.asked,
            f.full,
            f.kind == Channel::Want,
        );
        if self.e.dropped {
            return; // it was overtaken, and is read again
        }
        if let Some(app) = &f.app {
            let stage = app.stage.map(|_| app.by_stage);
            let acts = [app.by_status, app.by_applied].into_iter().chain(stage);
            self.saw(f.kind, held, acts);
        }
        let known = self.e.app.known;
        let told = rows.unwrap_or_default().iter().filter(|r| {
            // a row newer than its application's row is not counted
            let with = |app: &VApp| r.entered.as_ref().is_none_or(|d| d.micros <= app.at.micros);
            (r.entered.is_some() || r.current) && f.app.as_ref().map_or(known, with)
        });
        self.saw(f.kind, held, told.map(|r| r.act));
    }

    fn saw(&mut self, channel: Channel, held: Option<Word>, acts: impl Iterator<Item = u32>) {
        let newest = self.newest_shown();
        for act in acts {
            if self.shown.iter().all(|(n, _)| *n != act) {
                let shown = Shown {
                    channel,
                    held,
                    newer: newest > act,
                    gone: self.e.app.gone,
                };
                self.shown.push((act, shown));
            }
        }
    }

    pub(crate) fn held(&self) -> Option<Word> {
        self.e.status()
    }

    // ---- the quiet end: everything lands, then polls until nothing is wanted

    pub(crate) fn settle(&mut self) -> bool {
        for _ in 0..8 {
            while let Some(f) = self.flights.first() {
                self.step(if f.waits_rows {
                    Step::Rows(0)
                } else {
                    Step::Land(0)
                });
            }
            if self.connects {
                self.step(Step::Connect);
            } else if let Some(kind) = self.backfill.first() {
                self.step(Step::Ask(*kind, false));
            } else if self.e.wanted && self.e.watermark.is_some() {
                self.step(Step::Ask(Channel::Want, false));
            } else {
                return true;
            }
        }
        false
    }

    pub(crate) fn close(&mut self) -> bool {
        let mut quiet = self.settle();
        self.ask(Channel::Poll, false);
        quiet = self.settle() && quiet;
        if self.v.gone && !self.e.app.gone {
            // full scans find it
            self.ask(Channel::Want, false);
            quiet = self.settle() && quiet;
        }
        quiet
    }
}

fn each_receipt(e: &mut Mirror, flights: &mut [Flight], mut f: impl FnMut(&mut u64)) {
    e.app.status.iter_mut().for_each(|p| f(&mut p.heard));
    e.app.stage.iter_mut().for_each(|p| f(&mut p.heard));
    e.app.history.iter_mut().for_each(|t| f(&mut t.heard));
    e.app.hints.iter_mut().for_each(|h| f(&mut h.receipt));
    e.name.held.iter_mut().for_each(|p| f(&mut p.heard));
    e.name.hints.iter_mut().for_each(|h| f(&mut h.receipt));
    f(&mut e.app.gone_at);
    f(&mut e.name.gone_at);
    flights.iter_mut().for_each(|x| f(&mut x.asked));
}
