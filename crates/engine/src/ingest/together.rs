//! Runs that wait: for the change to be taken back (`settle`), or to be told with others (`collect`, `burst`). When their time
//! has come they are dropped, go on, or become one event for all.

use super::batch::Batch;
use super::emit::event_of;
use crate::binding::roots_of;
use crate::flow::expr::Scope;
use crate::flow::file::Collect;
use crate::flows::LiveFlow;
use crate::mirror::work::NewEvent;
use crate::planner::For;
use crate::time::Length;
use crate::time::items::{self, CHANNEL, COLLECT, Item, may_be_told};
use serde_json::{Map, Value};
use stagewire_model::{Event, MAIN, Micros};
use stagewire_store::{Error, EventRow, RunRow, RunState, TimerKind, TimerRow, about_run};
use std::sync::Arc;

/// The while in which a burst is counted, and after which what is above it is told.
const BURST_MICROS: i64 = 300_000_000;
/// Events of one record that are looked through for a change and its end.
const CHAIN: i64 = 100;
/// Fields whose values are a move: another one later is another move.
const MOVES: [&str; 4] = ["stage_id", "status", "state", "start_at"];

impl Batch<'_> {
    /// What a new run waits for before it is planned, if anything.
    pub(super) async fn waits(
        &self,
        live: &LiveFlow,
        event: &Event,
        bound: &Value,
        again: Option<&RunRow>,
    ) -> Result<Option<(&'static str, TimerRow)>, Error> {
        let when = &live.flow.when;
        let timer = |kind, key, due: Micros| TimerRow {
            kind,
            rule: live.row.flow.clone(),
            subject: [0; 16],
            item: String::new(),
            key,
            due: due.0,
            firm: false,
        };
        if event.data.get("items").is_some() {
            return Ok(None);
        }
        if let Some(settle) = when.settle.filter(|_| again.is_none()) {
            let due = settle.after(self.now, &self.lane.hub.calendar);
            let timer = timer(TimerKind::Settle, String::new(), due);
            return Ok(Some(("settle", timer)));
        }
        if let Some(collect) = &when.collect {
            let group = group(live, collect, bound);
            let at = collect.at.as_ref();
            let due = at.and_then(|at| at.next(self.now, &self.lane.hub.calendar));
            let timer = timer(
                TimerKind::Collect,
                items::group_key(&group),
                due.unwrap_or(self.now),
            );
            return Ok(Some(("collect", timer)));
        }
        let Some(burst) = when.burst else {
            return Ok(None);
        };
        // a run that has settled is itself among those that are counted
        let burst = burst + i64::from(again.is_some());
        let (flow, since) = (live.row.flow.clone(), self.now.0 - BURST_MICROS);
        let before = self.lane.hub.store.runs_since(MAIN, flow, since, burst);
        let here = self.set.runs.iter().filter(|r| r.flow == live.row.flow);
        if before.await? + (here.count() as i64) < burst {
            return Ok(None);
        }
        let due = self.now.0 - self.now.0.rem_euclid(BURST_MICROS) + BURST_MICROS;
        let timer = timer(TimerKind::Collect, String::new(), Micros(due));
        Ok(Some(("collect", timer)))
    }

    /// Runs whose change has settled, or was taken back.
    pub(super) async fn settle(&mut self, due: &[TimerRow]) -> Result<(), Error> {
        for timer in due {
            let Some((run, event)) = self.waiting(timer, "settle").await? else {
                continue;
            };
            let flows = self.lane.hub.flows();
            let Some(live) = flows.get(&run.flow).cloned() else {
                self.end(&run, RunState::Skipped, "its flow is gone");
                continue;
            };
            let settle = live.flow.when.settle;
            if let Some(why) = self.taken_back(&event, settle).await? {
                self.end(&run, RunState::Skipped, why);
                continue;
            }
            let model = event_of(&event);
            let roots = roots_of(&live.flow);
            let subject = (event.entity, event.subject);
            let bound = self.bind(&model, subject, &roots).await?;
            let of = For {
                event: &model,
                uid: event.uid,
                bound: &bound,
                now: self.now,
                recorded: false,
            };
            let planned = self.lane.hub.plan(&live, &of);
            self.take_plan(&live, planned, &bound, Some(&run), &model)
                .await?;
        }
        Ok(())
    }

    /// Why a change does not stand any more, if it does not.
    async fn taken_back(
        &mut self,
        event: &EventRow,
        settle: Option<Length>,
    ) -> Result<Option<&'static str>, Error> {
        self.load(vec![event.subject]).await?;
        let Some(held) = self.records.get(&event.subject) else {
            return Ok(Some("its record is gone"));
        };
        if held.row.deleted_at.is_some() {
            return Ok(Some("its record is gone"));
        }
        let told = |of: &Value, under: &str| -> Map<String, Value> {
            let values = of.get(under).and_then(Value::as_object);
            values.cloned().unwrap_or_default()
        };
        let all = event.kind.ends_with(".updated");
        let moved = |key: &String| all || MOVES.contains(&key.as_str());
        let mut current = told(&event.data, "current");
        current.retain(|key, _| moved(key) && !event.kind.ends_with(".created"));
        let stands = |(key, value): (&String, &Value)| held.row.fields.get(key) == Some(value);
        if !current.iter().all(stands) {
            return Ok(Some("taken back"));
        }
        if current.is_empty() {
            return Ok(None);
        }
        // there and back again within the time is no change, and of two times the same the last one tells it
        let now = self.now;
        let waited = settle.map_or(0, |s| s.after(now, &self.lane.hub.calendar).0 - now.0);
        let (subject, kind) = (event.subject, event.kind.clone());
        let since = event.observed - waited;
        let chain = self
            .lane
            .hub
            .store
            .events_of(MAIN, subject, kind, since, CHAIN);
        let chain = chain.await?;
        if chain.last().is_some_and(|last| last.id > event.id) {
            return Ok(Some("another one followed"));
        }
        let first = chain.first().filter(|first| first.id < event.id);
        let before = first.map(|first| told(&first.data, "previous"));
        let same = |before: Map<String, Value>| {
            let known = current.keys().all(|key| before.contains_key(key));
            known
                && current
                    .iter()
                    .all(|(key, value)| before.get(key) == Some(value))
        };
        Ok(before.is_some_and(same).then_some("taken back"))
    }

    /// Events whose time to be told has come: one event for each flow and group.
    pub(super) async fn tell_together(&mut self, due: &[TimerRow]) -> Result<(), Error> {
        let mut groups: Vec<(&TimerRow, Vec<&TimerRow>)> = Vec::new();
        for timer in due {
            let same = |t: &TimerRow| t.rule == timer.rule && t.key == timer.key;
            match groups.iter_mut().find(|(first, _)| same(first)) {
                Some((_, timers)) => timers.push(timer),
                None => groups.push((timer, vec![timer])),
            }
        }
        for (first, timers) in groups {
            let flows = self.lane.hub.flows();
            let live = flows.get(&first.rule).cloned();
            self.tell_group(first, &timers, live).await?;
        }
        self.events().await
    }

    async fn tell_group(
        &mut self,
        first: &TimerRow,
        timers: &[&TimerRow],
        live: Option<Arc<LiveFlow>>,
    ) -> Result<(), Error> {
        let (mut told, mut leader) = (Vec::new(), None);
        for timer in timers {
            let Some((run, event)) = self.waiting(timer, "collect").await? else {
                continue;
            };
            let Some(live) = &live else {
                self.end(&run, RunState::Skipped, "its flow is gone");
                continue;
            };
            let subject = (event.entity, event.subject);
            let roots = roots_of(&live.flow);
            let bound = self.bind(&event_of(&event), subject, &roots).await?;
            if !may_be_told(&bound) {
                self.end(
                    &run,
                    RunState::Skipped,
                    "blocked: a guard keeps it out of what is told together",
                );
                continue;
            }
            self.end(&run, RunState::Done, "told together with others");
            told.push(Item::Event(event.uid));
            if leader.is_none() {
                let collect = live.flow.when.collect.as_ref();
                let group = collect.map_or(Value::Null, |c| group(live, c, &bound.data));
                leader = Some((event, items::group_shown(collect, &group)));
            }
        }
        let Some((leader, group)) = leader else {
            return Ok(());
        };
        let due = Micros(first.due);
        self.out.events.push(NewEvent {
            kind: COLLECT.to_owned(),
            entity: leader.entity,
            id: leader.subject,
            late: false,
            attached: false,
            time: due,
            channel: CHANNEL,
            delivery: None,
            data: items::data(&first.rule, &group, &told, due),
            transition: None,
        });
        Ok(())
    }

    /// The run a timer is about and its event, where it still waits for just that; the timer is over either way.
    async fn waiting(
        &mut self,
        timer: &TimerRow,
        reason: &str,
    ) -> Result<Option<(RunRow, EventRow)>, Error> {
        self.set.timers_fired.push(timer.clone());
        self.set.timers_dropped.push(timer.clone());
        let run = self.lane.hub.store.run(timer.run()).await?;
        let Some(run) = run.filter(|r| r.reason.as_deref() == Some(reason)) else {
            return Ok(None);
        };
        let event = self.lane.hub.store.event(run.event).await?;
        Ok(event.map(|event| (run, event)))
    }

    fn end(&mut self, run: &RunRow, state: RunState, reason: &str) {
        self.set.runs_moved.push(RunRow {
            state,
            reason: Some(reason.to_owned()),
            due: None,
            ..run.clone()
        });
    }

    /// A run that waits, with its timer.
    pub(super) fn put_off(
        &mut self,
        mut run: RunRow,
        (reason, timer): (&str, TimerRow),
        again: bool,
    ) {
        let subject = about_run(run.id);
        (run.state, run.reason) = (RunState::Running, Some(reason.to_owned()));
        run.due = None;
        self.set.timers_set.push(TimerRow { subject, ..timer });
        match again {
            true => self.set.runs_moved.push(run),
            false => self.set.runs.push(run),
        }
    }
}

/// What an event is grouped by; what cannot be told is a group of its own.
fn group(live: &LiveFlow, collect: &Collect, data: &Value) -> Value {
    let scope = Scope::new(data).with_vars(&live.flow.vars);
    let by = collect.by.as_ref().map(|by| by.evaluate(&scope));
    by.and_then(Result::ok).unwrap_or(Value::Null)
}
