//! From what the mirror emitted to event rows, runs and actions: sequences, flows, subscriptions, and what is claimed at once.

use super::batch::Batch;
use crate::binding::{Bound, roots_of};
use crate::dispatch::{Dispatcher, Stored};
use crate::env::event_id;
use crate::flow::file::Step;
use crate::flows::LiveFlow;
use crate::mirror::work::{NewEvent, reference_text};
use crate::planner::{For, Planned};
use crate::time::items::{CHANNEL, COLLECT, SCHEDULE};
use serde_json::Value;
use stagewire_model::{ActionState, Entity, Event, MAIN, Micros, RecordId};
use stagewire_store::{ActionRow, Class, Counted, Error, EventRow, RunRow, RunState, Table};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long a run waits for a path to be read.
const COMPLETE_MS: i64 = 120_000;
/// How often it is planned again.
const COMPLETE_TRIES: i64 = 3;

/// What goes out once the write set is committed.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) events: Vec<NewEvent>,
    pub(super) failed: bool,
    /// Runs with a step whose turn may have come already.
    pub(super) goes_on: Vec<i64>,
    claimed: Vec<(Arc<Dispatcher>, ActionRow, Stored)>,
    planned: Vec<(Arc<Dispatcher>, ActionRow, Option<Stored>)>,
}

impl Outgoing {
    /// Committed: what was claimed is sent, the rest waits for its turn. Not committed: every turn goes back.
    pub(super) fn settle(mut self, committed: bool) {
        if committed {
            std::mem::take(&mut self.claimed)
                .into_iter()
                .for_each(|(dispatcher, row, stored)| dispatcher.launch(row, stored));
            std::mem::take(&mut self.planned)
                .into_iter()
                .for_each(|(dispatcher, row, stored)| dispatcher.push(row, stored));
        }
    }
}

impl Outgoing {
    /// Whether an earlier event of its order key waits in this batch: then it must not overtake it.
    fn behind(&self, row: &ActionRow) -> bool {
        let same = |r: &ActionRow| r.order_key == row.order_key && r.event != row.event;
        self.planned.iter().any(|(_, r, _)| same(r))
    }
}

impl Drop for Outgoing {
    /// Turns that were taken and not used go back, however the batch ended.
    fn drop(&mut self) {
        self.claimed
            .iter()
            .for_each(|(dispatcher, row, _)| dispatcher.unreserve(row.id));
    }
}

impl Batch<'_> {
    /// Gives the events their rows and plans what wants them.
    pub(super) async fn events(&mut self) -> Result<(), Error> {
        for new in self.take_events() {
            let (event, uid) = self.event_row(new);
            if let Some((event, subject)) = event {
                self.plan_event(&event, uid, subject).await?;
            }
        }
        Ok(())
    }

    /// Writes the event; gives it back where it starts flows.
    fn event_row(&mut self, new: NewEvent) -> (Option<(Event, (Entity, [u8; 16]))>, [u8; 16]) {
        let hub = &self.lane.hub;
        let uid = event_id(&*hub.env);
        let partition = self.partition(new.entity, new.id);
        let sequence = self.records.get_mut(&partition.1).map_or(0, |held| {
            held.touched = true;
            let n = held.row.next_seq;
            held.row.next_seq += 1;
            n
        });
        let event = Event {
            id: uid,
            kind: new.kind,
            connection: self.lane.conn.id.clone(),
            subject: format!(
                "{}/{}",
                new.entity.name(),
                RecordId(new.id).text(new.entity)
            ),
            partition: RecordId(partition.1).text(partition.0),
            sequence,
            time: new.time,
            observed: self.now,
            data: new.data,
        };
        let id = hub.store.next(Table::Event);
        let data = serde_json::to_vec(&event.data).unwrap_or_default();
        let sealed = hub
            .store
            .keys()
            .seal(MAIN, Class::Workspace, self.now.0, "event", id, &data);
        let row = EventRow {
            id,
            uid: uid.0,
            ws: MAIN,
            conn: event.connection.clone(),
            kind: event.kind.clone(),
            entity: new.entity,
            subject: new.id,
            part: event.partition.clone(),
            seq: sequence,
            time: new.time.0,
            observed: self.now.0,
            channel: new.channel.to_owned(),
            late: new.late,
            main: !new.attached,
            delivery: new.delivery,
            data: Value::Null,
        };
        self.set.events.push((row, sealed));
        if let Some(held) = self.records.get_mut(&new.id) {
            held.row.event = Some(uid.0);
        }
        if let Some(t) = new.transition
            && let Some(row) = self
                .set
                .transitions
                .iter_mut()
                .rev()
                .find(|r| r.app == new.id && r.uid == i64::try_from(t).unwrap_or(-1))
        {
            row.event = Some(uid.0);
        }
        let one = match (new.late, new.delivery.is_some()) {
            _ if new.attached || matches!(new.channel, "backfill" | CHANNEL) => Counted::default(),
            (false, true) => Counted {
                live: 1,
                ..Counted::default()
            },
            (true, true) => Counted {
                late: 1,
                ..Counted::default()
            },
            (false, false) => Counted {
                recovered: 1,
                ..Counted::default()
            },
            (true, false) => Counted {
                missed: 1,
                ..Counted::default()
            },
        };
        self.count(self.now.0, one);
        (
            (!new.attached).then_some((event, (new.entity, new.id))),
            uid.0,
        )
    }

    /// The order key's record: the application, the job, or the record itself.
    fn partition(&self, entity: Entity, id: [u8; 16]) -> (Entity, [u8; 16]) {
        let field = match entity {
            Entity::Offer | Entity::Interview | Entity::Scorecard | Entity::Signal => {
                "application_id"
            }
            Entity::JobStage | Entity::Opening | Entity::JobPosting => "job_id",
            _ => return (entity, id),
        };
        let linked = self
            .records
            .get(&id)
            .and_then(|h| reference_text(&h.row.fields, field));
        linked
            .filter(|(_, id)| self.records.contains_key(id))
            .unwrap_or((entity, id))
    }

    async fn plan_event(
        &mut self,
        event: &Event,
        uid: [u8; 16],
        subject: (Entity, [u8; 16]),
    ) -> Result<(), Error> {
        let flows = self.lane.hub.flows();
        let wanting = flows.wanting(event);
        // what is for one flow alone is nobody else's
        let alone = matches!(event.kind.as_str(), SCHEDULE | COLLECT);
        let subscribed = flows
            .subscriptions
            .iter()
            .filter(|s| !alone && crate::subscribe::wants(s, &event.kind, &event.connection))
            .cloned()
            .collect::<Vec<_>>();
        if !wanting.is_empty() {
            let roots: BTreeSet<&str> = wanting.iter().flat_map(|f| roots_of(&f.flow)).collect();
            let bound = self
                .bind(event, subject, &roots.into_iter().collect::<Vec<_>>())
                .await?;
            for live in &wanting {
                let of = For {
                    event,
                    uid,
                    bound: &bound,
                    now: self.now,
                    recorded: false,
                };
                let planned = self.lane.hub.plan(live, &of);
                self.take_plan(live, planned, &bound, None, event).await?;
            }
        }
        for s in subscribed {
            let roots = crate::subscribe::roots_of(&s.fields);
            let bound = self.bind(event, subject, &roots).await?;
            if let Some((row, stored, body)) =
                crate::subscribe::plan(&self.lane.hub, &s, event, uid, &bound, self.now)
            {
                self.set.bodies.push(body);
                self.go(row, Some(stored));
            }
        }
        Ok(())
    }

    /// Takes a plan into the write set; a run that lacks a path which a read may bring waits for it, and one that is to settle or
    /// to be told with others waits for its time.
    pub(super) async fn take_plan(
        &mut self,
        live: &LiveFlow,
        planned: Planned,
        bound: &Bound,
        again: Option<&RunRow>,
        event: &Event,
    ) -> Result<(), Error> {
        let Some(mut run) = planned.run else {
            if let Some(old) = again {
                let done = RunRow {
                    state: RunState::Skipped,
                    reason: Some("its condition is false".into()),
                    ..old.clone()
                };
                self.set.runs_moved.push(done);
            }
            return Ok(());
        };
        let read = again.filter(|old| old.state == RunState::Completing);
        if let Some(old) = again {
            (run.id, run.at) = (old.id, old.at);
            run.tries = read.map_or(0, |old| old.tries + 1);
        }
        let waits = match run.state {
            RunState::Skipped => None,
            _ => self.waits(live, event, &bound.data, again).await?,
        };
        let settles = waits.as_ref().is_some_and(|(why, _)| *why == "settle");
        let waited_enough = read.is_some_and(|old| {
            old.tries + 1 >= COMPLETE_TRIES || old.due.is_some_and(|d| d <= self.now.0)
        });
        if !settles
            && let Some(path) = planned.lacks.as_ref().filter(|_| !waited_enough)
            && self.can_complete(path, bound, read.is_some())
        {
            run.state = RunState::Completing;
            run.reason = Some(format!("{path} is being read"));
            run.due = read.map_or(Some(self.now.plus_ms(COMPLETE_MS).0), |old| old.due);
            if again.is_some() {
                self.set.runs_moved.push(run)
            } else {
                self.set.runs.push(run)
            };
            return Ok(());
        }
        self.set
            .flows
            .push((live.row.flow.clone(), live.row.version, live.row.falls));
        if let Some(waits) = waits {
            self.put_off(run, waits, again.is_some());
            return Ok(());
        }
        self.set.bodies.extend(planned.bodies);
        self.set.holds.extend(planned.holds);
        self.out.failed |= !planned.failures.is_empty();
        self.set.failures.extend(planned.failures);
        for (mut row, stored) in planned.actions {
            row.run = run.id;
            self.go(row, stored);
        }
        let later = |s: &Step| s.needs.is_empty() && s.has_its_turn_later();
        if run.reason.as_deref() == Some("needs") && live.flow.steps.iter().any(later) {
            self.out.goes_on.push(run.id);
        }
        if again.is_some() {
            self.set.runs_moved.push(run)
        } else {
            self.set.runs.push(run)
        };
        Ok(())
    }

    /// Whether a read may bring this path: its record was only ever seen in part.
    fn can_complete(&mut self, path: &str, bound: &Bound, asked: bool) -> bool {
        let root = root_of(path);
        let Some((entity, remote)) = bound.behind.get(root).cloned() else {
            return false;
        };
        let conn = &self.lane.conn;
        if !conn.can_read() || conn.connector.reads_for(entity).is_empty() {
            return false;
        }
        let id = RecordId::of(
            self.lane.hub.store.install_key(),
            "main",
            &conn.id,
            entity,
            &remote,
        )
        .0;
        let held = self.records.get(&id);
        let read_before = held.is_some_and(|h| h.row.channel != "webhook");
        // what is kept since lately was not in what was read before
        let unread = held.is_some_and(|h| {
            let unread = crate::mirror::work::unread(&h.row.fields);
            let field = path.split('.').nth(1).unwrap_or_default();
            let mut stored = stagewire_connector::keep::stored(entity, field).into_iter();
            stored.any(|f| unread.contains(f))
        });
        if read_before && !unread {
            return false;
        }
        if !asked {
            self.want(entity, &remote, "a flow needs a field of it", 2);
        }
        true
    }

    /// An action whose plan is complete: claimed with it where its turn can be had at once, else planned.
    pub(super) fn go(&mut self, mut row: ActionRow, stored: Option<Stored>) {
        let may_go = row.state == ActionState::Planned && row.due.is_some();
        let Some(dispatcher) = self.lane.hub.dispatcher(&row.conn).filter(|_| may_go) else {
            return self.set.actions.push(row);
        };
        match stored {
            Some(stored @ Stored::Request { .. })
                if !self.out.behind(&row)
                    && row.once != stagewire_model::OnceKind::Compare
                    && dispatcher.reserve(&row, &stored) =>
            {
                (row.state, row.attempt) = (ActionState::Claimed, 1);
                self.out.claimed.push((dispatcher, row.clone(), stored));
            }
            stored => self.out.planned.push((dispatcher, row.clone(), stored)),
        }
        self.set.actions.push(row);
    }

    /// Plans again what waited for a path; true where there is something to write.
    pub(super) async fn completing(&mut self) -> Result<bool, Error> {
        let runs = self
            .lane
            .hub
            .store
            .completing(self.lane.conn.id.clone(), 100)
            .await?;
        let flows = self.lane.hub.flows();
        for old in &runs {
            let stored = self.lane.hub.store.event(old.event).await?;
            let (Some(live), Some(row)) = (flows.get(&old.flow).cloned(), stored) else {
                self.set.runs_moved.push(RunRow {
                    state: RunState::Skipped,
                    reason: Some("its flow is gone".into()),
                    ..old.clone()
                });
                continue;
            };
            let event = event_of(&row);
            let roots = roots_of(&live.flow);
            let bound = self.bind(&event, (row.entity, row.subject), &roots).await?;
            let of = For {
                event: &event,
                uid: row.uid,
                bound: &bound,
                now: self.now,
                recorded: false,
            };
            let planned = self.lane.hub.plan(&live, &of);
            let still = planned.lacks.is_some() && old.due.is_some_and(|d| d > self.now.0);
            // a record that is not there yet may still come; one that was read and lacks it will not bring it
            let may_come = planned.lacks.as_deref().is_some_and(|p| {
                !bound.behind.contains_key(root_of(p)) || self.can_complete(p, &bound, true)
            });
            if still && may_come {
                continue;
            }
            self.take_plan(&live, planned, &bound, Some(old), &event)
                .await?;
        }
        Ok(!self.set.runs_moved.is_empty())
    }
}

/// A stored event as the model has it.
pub(crate) fn event_of(row: &EventRow) -> Event {
    Event {
        id: stagewire_model::EventId(row.uid),
        kind: row.kind.clone(),
        connection: row.conn.clone(),
        subject: format!(
            "{}/{}",
            row.entity.name(),
            RecordId(row.subject).text(row.entity)
        ),
        partition: row.part.clone(),
        sequence: row.seq,
        time: Micros(row.time),
        observed: Micros(row.observed),
        data: row.data.as_object().cloned().unwrap_or_default(),
    }
}

fn root_of(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}
