//! Work that goes over many records, a slice in each round so that deliveries go on: the timers of a rule that is new, and the
//! records of a schedule whose time has come. Begun again after a crash; what it writes is the same.

use super::Lane;
use super::batch::Batch;
use crate::binding::roots_of;
use crate::flow::expr::Scope;
use crate::flows::LiveFlow;
use crate::mirror::work::{NewEvent, Work};
use crate::planner::left_out;
use crate::time::filter::Search;
use crate::time::items::{CHANNEL, SCHEDULE, may_be_told};
use crate::time::look::{SLICE, probe, told};
use stagewire_model::{MAIN, Micros};
use stagewire_store::{Applied, Error, Failing, RecordRow, TimerKind, TimerRow, WriteSet};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Timers forgotten in one write.
const FORGET: i64 = 1_000;

/// What a lane has begun.
pub(super) struct Chores {
    /// The flows may wait for other things than before.
    changed: AtomicBool,
    queue: tokio::sync::Mutex<VecDeque<Chore>>,
}

impl Default for Chores {
    fn default() -> Self {
        Self {
            changed: AtomicBool::new(true),
            queue: tokio::sync::Mutex::default(),
        }
    }
}

impl Chores {
    pub(super) async fn any(&self) -> bool {
        !self.queue.lock().await.is_empty()
    }
}

struct Chore {
    /// The rule, or the flow.
    name: String,
    /// How far it came.
    after: (i64, i64),
    /// Of a schedule, else a rule.
    schedule: Option<Going>,
}

/// A schedule's time, while its records are looked through.
struct Going {
    timer: TimerRow,
    due: Micros,
    missed: i64,
    search: Search,
}

impl Lane {
    /// The flows are others now.
    pub fn flows_changed(&self) {
        self.chores.changed.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// One slice of the first chore; true where there is more.
    pub(super) async fn chore(&self) -> Result<bool, Error> {
        if self.chores.changed.swap(false, Ordering::AcqRel)
            && let Err(e) = self.look_at_flows().await
        {
            self.chores.changed.store(true, Ordering::Release);
            return Err(e);
        }
        let mut queue = self.chores.queue.lock().await;
        let Some(mut chore) = queue.pop_front() else {
            return Ok(false);
        };
        let done = match chore.schedule.is_some() {
            true => self.schedule(&mut chore).await,
            false => self.rule(&mut chore).await,
        };
        if !matches!(done, Ok(true)) {
            queue.push_front(chore);
        }
        done.map(|done| !done || !queue.is_empty())
    }

    /// Compares what the flows wait for with what timers are set for.
    async fn look_at_flows(&self) -> Result<(), Error> {
        let (store, id) = (&self.hub.store, &self.conn.id);
        let flows = self.hub.flows();
        let (facts, mark) = (flows.facts(id), self.hub.calendar.mark());
        let known = store.timers_all(id.clone(), TimerKind::Rule).await?;
        for gone in known.iter().filter(|k| !facts.contains_key(&k.rule)) {
            self.forget(TimerKind::Fact, &gone.rule).await?;
            self.forget(TimerKind::Rule, &gone.rule).await?;
        }
        let mut queue = self.chores.queue.lock().await;
        queue.retain(|chore| chore.schedule.is_some() || facts.contains_key(&chore.name));
        for rule in facts.keys() {
            let begun = |chore: &Chore| chore.schedule.is_none() && chore.name == *rule;
            let noted = known.iter().any(|k| k.rule == *rule && k.key == mark);
            if !noted && !queue.iter().any(begun) {
                queue.push_back(Chore {
                    name: rule.clone(),
                    after: (i64::MIN, 0),
                    schedule: None,
                });
            }
        }
        drop(queue);
        let known = store.timers_all(id.clone(), TimerKind::Schedule).await?;
        let mut wanted = BTreeMap::new();
        for (live, schedule) in flows.scheduled(id) {
            wanted.insert(live.row.flow.clone(), schedule);
        }
        for gone in known.iter().filter(|k| !wanted.contains_key(&k.rule)) {
            self.forget(TimerKind::Schedule, &gone.rule).await?;
        }
        for (flow, schedule) in wanted {
            // the same times as before: one that passed while the server was down is still to come
            let key = format!("{schedule} {mark}");
            let held = known.iter().any(|k| k.rule == flow && k.key == key);
            let now = self.hub.env.now();
            let next = schedule.next(now, &self.hub.calendar);
            if let Some(next) = next.filter(|_| !held) {
                let timers_set = vec![of_schedule(flow, key, next)];
                self.write(WriteSet {
                    timers_set,
                    ..self.write_set()
                })
                .await?;
            }
        }
        Ok(())
    }

    async fn forget(&self, kind: TimerKind, rule: &str) -> Result<(), Error> {
        let (store, id) = (&self.hub.store, self.conn.id.clone());
        while store
            .timers_forget(id.clone(), kind, rule.to_owned(), FORGET)
            .await?
            == FORGET
        {}
        Ok(())
    }

    pub(super) fn write_set(&self) -> WriteSet {
        WriteSet {
            ws: MAIN,
            conn: self.conn.id.clone(),
            now: self.hub.env.now().0,
            ..WriteSet::default()
        }
    }

    pub(super) async fn write(&self, set: WriteSet) -> Result<(), Error> {
        let next = set.timers_set.iter().map(|t| t.due).min();
        if self.hub.store.apply(Box::new(set)).await? == Applied::Done
            && let Some(next) = next
        {
            self.due_at(next);
        }
        Ok(())
    }

    /// A slice of the records a new rule may hold of; true where it was the last.
    async fn rule(&self, chore: &mut Chore) -> Result<bool, Error> {
        let flows = self.hub.flows();
        let facts = flows.facts(&self.conn.id);
        let Some((rule, fact)) = facts.get_key_value(&chore.name) else {
            return Ok(true);
        };
        let rows = self.slice(fact.entity(), chore.after).await?;
        let done = (rows.len() as i64) < SLICE;
        let after = rows.last().map_or(chore.after, |r| (r.changed_at, r.rid));
        let ids: Vec<[u8; 16]> = rows.iter().map(|row| row.id16).collect();
        let mut batch = Batch::new(self);
        batch.hold(rows);
        let only = BTreeMap::from([(rule.clone(), *fact)]);
        batch.set_timers_of(&only, &ids, 0).await?;
        if done {
            batch.set.timers_set.push(TimerRow {
                kind: TimerKind::Rule,
                key: self.hub.calendar.mark(),
                ..of_schedule(rule.clone(), String::new(), Micros(0))
            });
        }
        if self.commit(batch).await? {
            chore.after = after;
            return Ok(done);
        }
        Ok(false)
    }

    /// A schedule's time has come.
    pub(super) async fn begin(&self, timer: TimerRow) {
        let mut queue = self.chores.queue.lock().await;
        let going = |chore: &Chore| chore.schedule.is_some() && chore.name == timer.rule;
        if queue.iter().any(going) {
            return;
        }
        let flows = self.hub.flows();
        let mut scheduled = flows.scheduled(&self.conn.id);
        let found = scheduled.find(|(live, _)| live.row.flow == timer.rule);
        let Some((_, schedule)) = found else { return };
        let now = self.hub.env.now();
        let (due, missed) = schedule.last(Micros(timer.due), now, &self.hub.calendar);
        if missed > 0 {
            tracing::info!(flow.id = %timer.rule, missed, "a schedule's times passed while the server was down; the last one is told now, once");
        }
        queue.push_back(Chore {
            name: timer.rule.clone(),
            after: (i64::MIN, 0),
            schedule: Some(Going {
                timer,
                due,
                missed,
                search: Search::default(),
            }),
        });
    }

    /// A slice of the records a schedule goes over; true where it was the last and all is told.
    async fn schedule(&self, chore: &mut Chore) -> Result<bool, Error> {
        let flows = self.hub.flows();
        let Some(going) = &mut chore.schedule else {
            return Ok(true);
        };
        let Some(live) = flows.get(&chore.name).cloned() else {
            return Ok(true);
        };
        let Some((schedule, filter)) = &live.flow.when.schedule else {
            return Ok(true);
        };
        let rows = self.slice(filter.entity, chore.after).await?;
        let by = live.flow.when.collect.as_ref().and_then(|c| c.by.as_ref());
        let event = probe(SCHEDULE, &self.conn, going.due);
        let roots = roots_of(&live.flow);
        let mut batch = Batch::new(self);
        batch.hold(rows.clone());
        for row in &rows {
            let subject = (row.entity, row.id16);
            let bound = batch.bind(&event, subject, &roots).await?;
            if may_be_told(&bound) {
                let scope = Scope::new(&bound.data).with_vars(&live.flow.vars);
                let at = (going.due, &self.hub.calendar);
                going.search.look(filter, by, row, &scope, at);
            }
        }
        if let Some(last) = rows.last().filter(|_| rows.len() as i64 == SLICE)
            && !going.search.is_full()
        {
            chore.after = (last.changed_at, last.rid);
            return Ok(false);
        }
        let mut batch = Batch::new(self);
        let now = self.hub.env.now();
        let (due, timer) = (going.due, going.timer.clone());
        let search = std::mem::take(&mut going.search);
        if let Some((count, why)) = &search.untold {
            batch.set.failures.push(untold(&live, *count, why, now));
            batch.out.failed = true;
        }
        let told = told(search, &live.flow, filter, due, going.missed);
        batch.load(told.iter().map(|t| t.first).collect()).await?;
        for group in told {
            batch.out.events.push(NewEvent {
                kind: SCHEDULE.to_owned(),
                entity: filter.entity,
                id: group.first,
                late: false,
                attached: false,
                time: due,
                channel: CHANNEL,
                delivery: None,
                data: group.data,
                transition: None,
            });
        }
        batch.set.timers_fired.push(timer.clone());
        if let Some(next) = schedule.next(now, &self.hub.calendar) {
            let due = next.0;
            batch.set.timers_set.push(TimerRow { due, ..timer });
        }
        batch.events().await?;
        if !self.commit(batch).await? {
            // the ground moved: if it is still due, it is begun again
            self.moved_ground().await?;
        }
        Ok(true)
    }

    async fn slice(
        &self,
        entity: stagewire_model::Entity,
        after: (i64, i64),
    ) -> Result<Vec<RecordRow>, Error> {
        let id = self.conn.id.clone();
        self.hub.store.scan(MAIN, id, entity, after, SLICE).await
    }
}

impl Batch<'_> {
    /// Records that were read in a slice.
    fn hold(&mut self, rows: Vec<RecordRow>) {
        for row in rows {
            self.seen.insert(row.id16);
            self.records.insert(row.id16, Work::hold(row));
        }
    }
}

fn of_schedule(rule: String, key: String, due: Micros) -> TimerRow {
    TimerRow {
        kind: TimerKind::Schedule,
        rule,
        subject: [0; 16],
        item: String::new(),
        key,
        due: due.0,
        firm: true,
    }
}

fn untold(live: &Arc<LiveFlow>, count: usize, why: &str, now: Micros) -> Failing {
    let flow = &live.row.flow;
    Failing {
        ws: MAIN,
        group_key: format!("DATA-001|{flow}|records"),
        code: "DATA-001".into(),
        conn: None,
        flow: Some(flow.clone()),
        cause: left_out(count, why),
        owner: live.row.owner.clone(),
        at: now.0,
        item: None,
    }
}
