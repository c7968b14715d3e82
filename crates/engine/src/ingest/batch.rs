//! One batch being computed: deliveries, an answer, or runs that waited. Everything it needs is loaded first or on demand;
//! nothing is written before the lane commits.

use super::Lane;
use super::answer::{Answered, Heard, Wanted};
use super::emit::Outgoing;
use super::past::Pasts;
use crate::mirror::work::{Channel, Held, NewEvent, Work};
use crate::mirror::{AppPast, Fate, PastRead};
use stagewire_connector::Mapped;
use stagewire_model::{Entity, MAIN, Micros, Observation, Seen};
use stagewire_store::{
    Counted, DeliveryDone, DeliveryState, DueDelivery, Error, Failing, RecordRow, WantRow, WriteSet,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub(super) struct Batch<'l> {
    pub(super) lane: &'l Lane,
    pub(super) now: Micros,
    pub(super) set: WriteSet,
    pub(super) records: HashMap<[u8; 16], Held>,
    pub(super) seen: HashSet<[u8; 16]>,
    pub(super) mentioned: HashMap<[u8; 16], (Entity, String)>,
    pub(super) related: HashMap<([u8; 16], Entity), Vec<RecordRow>>,
    pub(super) out: Outgoing,
    wants: BTreeMap<(Entity, Option<Entity>, String), WantRow>,
    pub(super) watermark: Option<Micros>,
    /// A delivery stopped the engine: the batch is computed again without it.
    pub(super) broken: bool,
}

/// A write set, the records as they will be stored, and what goes out once they are.
pub(super) type Ready = (WriteSet, Vec<Arc<RecordRow>>, Outgoing);

/// A delivery, mapped.
struct Said<'d> {
    due: &'d DueDelivery,
    /// Only the records it names, where it is not proven.
    mapped: Mapped,
    /// What it says is proven by its signature.
    proven: bool,
}

impl<'l> Batch<'l> {
    pub(super) fn new(lane: &'l Lane) -> Batch<'l> {
        let now = lane.hub.env.now();
        let set = WriteSet {
            ws: MAIN,
            conn: lane.conn.id.clone(),
            now: now.0,
            ..WriteSet::default()
        };
        Batch {
            lane,
            now,
            set,
            records: HashMap::new(),
            seen: HashSet::new(),
            related: HashMap::new(),
            mentioned: HashMap::new(),
            out: Outgoing::default(),
            wants: BTreeMap::new(),
            watermark: None,
            broken: false,
        }
    }

    /// Computes a batch of deliveries. `bad` collects those whose mapping panicked, so that a second round leaves them out.
    pub(super) async fn deliveries(
        &mut self,
        due: &[DueDelivery],
        bad: &mut HashSet<i64>,
    ) -> Result<(), Error> {
        let mut ready = Vec::new();
        for d in due {
            match self.lane.value(d).await? {
                Some(value) => {
                    let connector = &self.lane.conn.connector;
                    let map = || {
                        let mapped = connector.map_delivery(&value);
                        let proven = d.signed && !mapped.thin;
                        let mut mapped = if proven { mapped } else { mapped.only_ids() };
                        let holding = &self.lane.conn.holding;
                        mapped.observations.retain_mut(|o| holding.observation(o));
                        Said {
                            due: d,
                            mapped,
                            proven,
                        }
                    };
                    match catch_unwind(AssertUnwindSafe(map)) {
                        Ok(one) if !bad.contains(&d.id) => ready.push(one),
                        _ => {
                            bad.insert(d.id);
                            self.set_aside(d);
                        }
                    }
                }
                None => self.done(
                    d,
                    DeliveryState::Failed,
                    0,
                    None,
                    Some("its body is gone or unreadable".into()),
                ),
            }
        }
        let known: Vec<Said> = ready
            .into_iter()
            .filter_map(|r| self.admit_type(r))
            .collect();
        if self.lane.conn.watermark().is_none() {
            known.iter().for_each(|r| {
                self.done(
                    r.due,
                    DeliveryState::Waiting,
                    1,
                    Some(r.mapped.kind.clone()),
                    None,
                )
            });
            return Ok(());
        }
        let mut ids = Vec::new();
        self.with_work(|work| {
            known
                .iter()
                .for_each(|r| work.ids_of(&r.mapped.observations, &mut ids))
        });
        self.load(ids).await?;
        let all = known.iter().flat_map(|r| &r.mapped.observations);
        let merged = all.filter(|o| matches!(o.seen, Seen::Merged { .. }));
        let merged: Vec<String> = merged.map(|o| o.remote_id.clone()).collect();
        self.load_belongings(&merged).await?;
        let missing = self.unknown_pasts(&known);
        let pasts = if missing.is_empty() {
            None
        } else {
            Some(self.lane.pasts(missing).await)
        };
        let mut named = HashMap::new();
        self.with_work(|work| {
            for r in &known {
                work.named_by(&r.mapped.observations, &mut named);
            }
            if let Some(Pasts::Read(by_id, _)) = &pasts {
                for (row, history) in by_id.values() {
                    work.named_by(row.as_slice(), &mut named);
                    work.named_by(history, &mut named);
                }
            }
        });
        self.mentioned.extend(named);
        for r in &known {
            self.deliver(r, pasts.as_ref(), bad);
            if self.broken {
                return Ok(());
            }
        }
        self.events().await?;
        self.set_timers().await
    }

    fn channel(&self, r: &Said) -> Channel {
        Channel {
            word: "webhook",
            delivery: Some(r.due.id),
            released: r.due.wait == 4,
            thin: !r.proven,
        }
    }

    /// Unknown types are kept and reported; another account's delivery is not mapped.
    fn admit_type<'d>(&mut self, r: Said<'d>) -> Option<Said<'d>> {
        let conn = &self.lane.conn;
        for d in &r.mapped.drift {
            self.set
                .drift
                .push((d.shape.clone(), d.path.clone(), d.code.clone()));
        }
        if let Some(account) = &r.mapped.account {
            if !conn.is_account(account) {
                let kind = Some(r.mapped.kind.clone());
                self.done(
                    r.due,
                    DeliveryState::Kept,
                    0,
                    kind,
                    Some("it belongs to another account".into()),
                );
                if r.proven {
                    self.fail("ACCOUNT-001", "deliveries of another account arrive at this connection; they are kept and not used", ("delivery", r.due.id));
                }
                return None;
            }
            // what is not proven pins no account
            if r.proven {
                self.set.account = Some(account.clone());
            }
        }
        let (r, note) = self.usable(r);
        if let Some(note) = note {
            let kind = Some(r.mapped.kind.clone());
            self.done(r.due, DeliveryState::Kept, 0, kind, Some(note));
            return None;
        }
        Some(r)
    }

    /// Or why there is nothing to do with it. Of what is not proven only records count that can be read.
    fn usable<'d>(&self, mut r: Said<'d>) -> (Said<'d>, Option<String>) {
        if !r.mapped.known {
            return (r, Some("a type this connector does not know".into()));
        }
        if r.mapped.note.is_some() || r.proven || r.mapped.observations.is_empty() {
            let note = r.mapped.note.clone();
            return (r, note);
        }
        let conn = &self.lane.conn;
        let readable =
            |o: &Observation| conn.can_read() && !conn.connector.reads_for(o.entity).is_empty();
        let all = std::mem::take(&mut r.mapped.observations);
        let (kept, others): (Vec<_>, Vec<_>) = all.into_iter().partition(readable);
        r.mapped.observations = kept;
        // what only a poll can show is polled for at once
        let polled = |o: &Observation| conn.can_read() && conn.polls_for(o.entity);
        let named = others.into_iter().filter(polled);
        r.mapped.reads = named.map(|o| (o.entity, o.remote_id)).collect();
        let nothing = r.mapped.observations.is_empty() && r.mapped.reads.is_empty();
        let note = nothing.then(|| {
            "it proves nothing by itself, and its record cannot be read by its id: the next poll has what it says".to_owned()
        });
        (r, note)
    }

    fn unknown_pasts(&mut self, known: &[Said]) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        // anybody may name an id: what is not proven waits for a read in its turn, and holds nobody up
        for r in known.iter().filter(|r| r.proven) {
            let channel = self.channel(r);
            for o in &r.mapped.observations {
                if self.with_work(|w| w.needs_past(o, channel)) && !out.contains(&o.remote_id) {
                    out.push(o.remote_id.clone());
                }
            }
        }
        out.truncate(50);
        out
    }

    fn deliver(&mut self, r: &Said, pasts: Option<&Pasts>, bad: &mut HashSet<i64>) {
        let channel = self.channel(r);
        let main = r
            .mapped
            .observations
            .iter()
            .find(|o| !matches!(o.seen, Seen::Embedded));
        let conn = &self.lane.conn;
        let can = |entity| {
            let by_id = !conn.connector.reads_for(entity).is_empty();
            conn.holding.entity(entity) && (by_id || conn.polls_for(entity))
        };
        let named = r.mapped.reads.iter().filter(|(entity, _)| can(*entity));
        let named: Vec<_> = named.collect();
        let applied = catch_unwind(AssertUnwindSafe(|| {
            self.with_work(|work| {
                let mut worst = Fate::Taken;
                for o in embedded_first(&r.mapped.observations) {
                    let part = r.mapped.shared && work.part_of_an_act(o);
                    let channel = Channel {
                        thin: channel.thin || part,
                        ..channel
                    };
                    let f = if o.entity == Entity::Application {
                        let past = past_of(work, o, channel, pasts);
                        work.application(o, past, channel)
                    } else {
                        work.other(o, main, channel)
                    };
                    worst = worse(worst, f, matches!(o.seen, Seen::Embedded));
                }
                for (entity, remote_id) in named {
                    // by its id, or else by a poll at once
                    work.want_of(*entity, None, remote_id, "named by a delivery", 1);
                }
                worst
            })
        }));
        let Ok(fate) = applied else {
            bad.insert(r.due.id);
            self.broken = true;
            return;
        };
        let kind = Some(r.mapped.kind.clone());
        match fate {
            Fate::Taken => self.done(r.due, DeliveryState::Mapped, 0, kind, None),
            Fate::Before => self.done(
                r.due,
                DeliveryState::Mapped,
                0,
                kind,
                Some("dated before this connection was set up: history".into()),
            ),
            Fate::Waiting => self.done(r.due, DeliveryState::Waiting, 2, kind, None),
        }
    }

    /// Counts changes of a day by how they were learned.
    pub(super) fn count(&mut self, at: i64, one: Counted) {
        if one != Counted::default() {
            self.set.counted.push((at, one));
        }
    }

    /// Takes what a read brought into the records in hand. Of the store only records are asked.
    pub(super) async fn hear(&mut self, a: &Answered) -> Result<(), Error> {
        if let Some(at) = a.watermark {
            self.set.watermark = Some(at.0);
            self.set.release = true;
            self.watermark = Some(at);
        }
        let (mut ids, mut named) = (Vec::new(), HashMap::new());
        self.with_work(|work| {
            for h in &a.heard {
                match h {
                    Heard::Row(o) => {
                        work.named_by(std::slice::from_ref(o), &mut named);
                        work.ids_of(std::slice::from_ref(o), &mut ids);
                    }
                    Heard::Missing(entity, remote) => ids.push(work.id(*entity, remote)),
                    Heard::Parts {
                        entity,
                        remote_id,
                        rows,
                        ..
                    } => {
                        ids.push(work.id(*entity, remote_id));
                        work.ids_of(rows, &mut ids);
                    }
                    Heard::Application {
                        remote_id,
                        row,
                        history,
                        ..
                    } => {
                        work.named_by(row.as_slice(), &mut named);
                        work.named_by(history.as_deref().unwrap_or_default(), &mut named);
                        ids.push(work.id(Entity::Application, remote_id));
                        work.ids_of(row.as_slice(), &mut ids);
                    }
                }
            }
        });
        self.mentioned.extend(named);
        self.with_work(|work| {
            let rows = a.wants_if_new.iter().map(|(row, _)| row);
            rows.for_each(|row| work.ids_of(std::slice::from_ref(row), &mut ids));
        });
        self.load(ids).await?;
        let channel = Channel {
            word: a.channel,
            delivery: None,
            released: false,
            thin: false,
        };
        self.with_work(|work| {
            // before it is heard
            let new = a.wants_if_new.iter().filter(|(row, _)| !work.shows(row));
            let wants: Vec<&Wanted> = new.flat_map(|(_, wants)| wants).collect();
            for w in wants {
                work.want_of(w.entity, w.of, &w.remote_id, w.reason, w.priority);
            }
            for h in &a.heard {
                match h {
                    Heard::Row(o) if matches!(o.seen, Seen::Deleted) => work.gone_row(o, channel),
                    Heard::Row(o) => {
                        work.other_read(o.entity, &o.remote_id, Some(o), a.by_id, a.asked, channel)
                    }
                    Heard::Missing(Entity::Application, remote) => {
                        work.application_read(remote, None, Some(&[]), true, true, a.asked, channel)
                    }
                    Heard::Parts {
                        entity,
                        remote_id,
                        shape,
                        rows,
                        whole,
                    } => work.parts(*entity, remote_id, shape, rows, *whole, channel),
                    Heard::Missing(entity, remote) => {
                        work.other_read(*entity, remote, None, true, a.asked, channel)
                    }
                    Heard::Application {
                        remote_id,
                        row,
                        history,
                        full,
                    } => {
                        work.application_read(
                            remote_id,
                            row.as_ref(),
                            history.as_deref(),
                            *full,
                            a.by_id,
                            a.asked,
                            channel,
                        );
                    }
                }
            }
            for w in &a.wants {
                work.want_of(w.entity, w.of, &w.remote_id, w.reason, w.priority);
            }
        });
        self.set.answered.extend(a.answers.iter().cloned());
        self.set.asked = i64::try_from(a.asked).unwrap_or(i64::MAX);
        self.set.checkpoint.clone_from(&a.checkpoint);
        self.set.backfilled = a.backfilled;
        self.set.drift.extend(
            a.drift
                .iter()
                .map(|d| (d.shape.clone(), d.path.clone(), d.code.clone())),
        );
        Ok(())
    }

    /// Whether something happened that flows may want.
    pub(super) fn tells(&self) -> bool {
        !self.out.events.is_empty()
    }

    /// What follows from what was heard: events, what flows make of them, timers.
    pub(super) async fn tell(&mut self) -> Result<(), Error> {
        self.events().await?;
        self.set_timers().await
    }

    /// Works on the records in hand.
    pub(super) fn with_work<T>(&mut self, f: impl FnOnce(&mut Work) -> T) -> T {
        let conn = &self.lane.conn;
        let mut receipts = conn.receipts();
        let readable =
            |entity| conn.holding.entity(entity) && !conn.connector.reads_for(entity).is_empty();
        let since = |entity| conn.held_since(entity);
        let settings = conn.settings();
        let confirmed = |entity, name: &str| {
            let kind = conn.connector.confirmed(&settings, entity, name);
            kind.map(str::to_owned)
        };
        let mut work = Work {
            confirmed_kind: &confirmed,
            readable: &readable,
            since: &since,
            hides: conn.connector.hides(),
            conn: &conn.id,
            reads: conn.can_read(),
            watermark: self.watermark.or(conn.watermark()).unwrap_or(self.now),
            receipts: &mut receipts,
            now: self.now,
            store: &*self.lane.hub.store,
            records: std::mem::take(&mut self.records),
            events: std::mem::take(&mut self.out.events),
            transitions: std::mem::take(&mut self.set.transitions),
            wants: std::mem::take(&mut self.wants),
            answered: Vec::new(),
            confirmed: Vec::new(),
        };
        let result = f(&mut work);
        let Work {
            records,
            events,
            transitions,
            wants,
            answered,
            confirmed,
            ..
        } = work;
        self.set.receipt = i64::try_from(receipts.last()).unwrap_or(i64::MAX);
        drop(receipts);
        (
            self.records,
            self.out.events,
            self.set.transitions,
            self.wants,
        ) = (records, events, transitions, wants);
        for found in confirmed {
            let late = Counted {
                late: 1,
                recovered: -1,
                ..Counted::default()
            };
            self.count(found, late);
        }
        for id in answered {
            // the same delivery may be in this batch still
            self.set.deliveries.retain(|d| d.id != id);
            self.set.deliveries.push(DeliveryDone {
                id,
                state: DeliveryState::Mapped,
                wait: 0,
                kind: None,
                note: Some("confirmed by a read".into()),
                hint: true,
            });
        }
        result
    }

    /// Loads records that are not in hand yet.
    pub(super) async fn load(&mut self, ids: Vec<[u8; 16]>) -> Result<(), Error> {
        let mut missing = Vec::new();
        {
            let known = self.lane.records();
            for id in ids {
                if !self.seen.insert(id) {
                    continue;
                }
                match known.get(&id) {
                    Some(row) => drop(self.records.insert(id, Work::hold(row.clone()))),
                    None => missing.push(id),
                }
            }
        }
        if !missing.is_empty() {
            for row in self
                .lane
                .hub
                .store
                .records(MAIN, missing)
                .await?
                .into_iter()
                .flatten()
            {
                self.records.insert(row.id16, Work::hold(row));
            }
        }
        Ok(())
    }

    fn done(
        &mut self,
        d: &DueDelivery,
        state: DeliveryState,
        wait: i64,
        kind: Option<String>,
        note: Option<String>,
    ) {
        self.set.deliveries.retain(|x| x.id != d.id);
        self.set.deliveries.push(DeliveryDone {
            id: d.id,
            state,
            wait,
            kind,
            note,
            hint: false,
        });
    }

    fn set_aside(&mut self, d: &DueDelivery) {
        self.done(
            d,
            DeliveryState::Failed,
            0,
            None,
            Some("set aside: it stopped the engine".into()),
        );
        self.fail("POISON-001", "a delivery stopped the engine while it was being mapped; it was set aside and the rest went on", ("delivery", d.id));
    }

    pub(super) fn fail(&mut self, code: &str, cause: &str, item: (&str, i64)) {
        self.out.failed = true;
        self.set.failures.push(Failing {
            ws: MAIN,
            group_key: format!("{code}|{}", self.lane.conn.id),
            code: code.to_owned(),
            conn: Some(self.lane.conn.id.clone()),
            flow: None,
            cause: cause.to_owned(),
            owner: self.lane.conn.spec.owner.clone(),
            at: self.now.0,
            item: Some((item.0.to_owned(), item.1)),
        });
    }

    pub(super) fn want(&mut self, entity: Entity, remote_id: &str, reason: &str, priority: i64) {
        self.with_work(|w| w.want(entity, remote_id, reason, priority));
    }

    /// The write set, the records as they will be stored, and what goes out once it is.
    pub(super) fn finish(mut self) -> Ready {
        let writes = self.with_work(|w| w.writes());
        let records = writes.iter().map(|w| w.row.clone()).collect();
        self.set.records = writes;
        self.set
            .wants
            .extend(std::mem::take(&mut self.wants).into_values());
        (self.set, records, self.out)
    }

    pub(super) fn take_events(&mut self) -> Vec<NewEvent> {
        std::mem::take(&mut self.out.events)
    }
}

fn past_of(work: &mut Work, o: &Observation, channel: Channel, pasts: Option<&Pasts>) -> AppPast {
    if !work.needs_past(o, channel) {
        return AppPast::NotNeeded;
    }
    match pasts {
        Some(Pasts::Read(by_id, asked)) => match by_id.get(&o.remote_id) {
            Some((row, history)) => AppPast::Read(Box::new(PastRead {
                row: row.clone(),
                history: history.clone(),
                asked: *asked,
            })),
            None => AppPast::TimedOut,
        },
        _ => AppPast::TimedOut,
    }
}

/// What becomes of a delivery with several observations: it waits if any of them waits; an embedded one never keeps it.
fn worse(a: Fate, b: Fate, embedded: bool) -> Fate {
    match (a, b) {
        (_, _) if embedded => a,
        (Fate::Waiting, _) | (_, Fate::Waiting) => Fate::Waiting,
        (Fate::Before, _) | (_, Fate::Before) => Fate::Before,
        _ => Fate::Taken,
    }
}

/// What a record refers to comes before the record.
fn embedded_first(all: &[Observation]) -> impl Iterator<Item = &Observation> {
    let embedded = |o: &&Observation| matches!(o.seen, Seen::Embedded);
    all.iter()
        .filter(embedded)
        .chain(all.iter().filter(move |o| !embedded(o)))
}
