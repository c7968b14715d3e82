//! A run goes on: steps that waited for another are planned when it has ended, and skipped when it never will.

use crate::binding::{Bound, roots_of};
use crate::connection::Connection;
use crate::dispatch::Stored;
use crate::flow::expr::Scope;
use crate::flow::file::Step;
use crate::flow::plan::{Skip, StepState};
use crate::flows::LiveFlow;
use crate::hub::{Hub, Signal};
use crate::ingest::emit::event_of;
use crate::planner::{For, Planned, run_state};
use crate::scoped::Loader;
use crate::time::filter::Filter;
use serde_json::{Map, Value, json};
use stagewire_model::{ActionState, Event, MAIN};
use stagewire_store::{
    ActionRow, Applied, Error, RunRow, RunState, TimerKind, TimerRow, WriteSet, about_run,
};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// Works until the server stops: on signals, and now and then on whatever a crash left behind.
pub async fn work(hub: Arc<Hub>, mut signals: UnboundedReceiver<Signal>) {
    loop {
        let run = tokio::select! {
            signal = signals.recv() => match signal {
                Some(Signal::Advance(run)) => vec![run],
                None => return,
            },
            () = hub.env.sleep(5_000) => hub.store.runs_to_advance(500).await.unwrap_or_default(),
        };
        for id in run {
            if let Err(e) = advance(&hub, id).await {
                tracing::error!(run.id = id, cause = %e, "a run could not go on; it will be tried again");
            }
        }
    }
}

/// How a needed step ended, if it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    Recorded,
    Skipped,
    Broken,
}

/// Plans what can be planned of a run now.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn advance(hub: &Arc<Hub>, id: i64) -> Result<(), Error> {
    let Some(mut run) = hub.store.run(id).await? else {
        return Ok(());
    };
    if !matches!(run.reason.as_deref(), Some("needs" | "after")) {
        return Ok(());
    }
    let flows = hub.flows();
    let row = hub.store.event(run.event).await?;
    let (Some(live), Some(row)) = (flows.get(&run.flow), row) else {
        // what waited for another step has nothing to wait for any more
        run.reason = Some("its flow is gone".into());
        run.state = RunState::Skipped;
        let set = WriteSet {
            ws: MAIN,
            conn: "local".into(),
            now: hub.env.now().0,
            runs_moved: vec![run],
            ..WriteSet::default()
        };
        return hub.store.apply(Box::new(set)).await.map(drop);
    };
    let actions = hub.store.actions_of_run(id).await?;
    let event = event_of(&row);
    let Some(conn) = hub.connection(&event.connection) else {
        return Ok(());
    };
    let mut bound = Loader::new(hub)
        .bind(
            &event,
            (row.entity, row.subject),
            &conn,
            &roots_of(&live.flow),
        )
        .await?;
    let mut planned = Planned::default();
    let (mut left, mut later) = (false, false);
    let mut waits = Waits::of(hub, &run, &conn.id).await?;
    run.reason = None;
    for step in live
        .flow
        .steps
        .iter()
        .filter(|s| s.has_its_turn_later() && actions.iter().all(|a| a.step != s.id))
    {
        let Some((skip, recorded)) = turn(hub, step, &actions, &planned, &mut bound.data).await
        else {
            left = true;
            continue;
        };
        if skip.is_none() && !waits.are_over(step, hub) {
            later = true;
            continue;
        }
        if skip.is_none()
            && let Some(filter) = &step.find
        {
            let of = Going {
                hub,
                live,
                conn: &conn,
                event: &event,
                uid: row.uid,
            };
            of.find(step, filter, &mut run, &mut planned, &mut bound)
                .await?;
            continue;
        }
        let state = skip.unwrap_or_else(|| now(live, step, &bound.data, recorded));
        let of = For {
            event: &event,
            uid: row.uid,
            bound: &bound,
            now: hub.env.now(),
            recorded,
        };
        hub.plan_step(live, &of, &mut run, &step.id, state, &mut planned);
    }
    let reason = match (left, later) {
        (true, _) => Some("needs"),
        (false, true) => Some("after"),
        (false, false) => None,
    };
    if planned.actions.is_empty() && waits.set.is_empty() && !later {
        return Ok(());
    }
    let before: Vec<(ActionRow, Option<Stored>)> = actions.into_iter().map(|a| (a, None)).collect();
    let all: Vec<_> = before
        .into_iter()
        .chain(planned.actions.iter().cloned())
        .collect();
    run.reason = reason.map(str::to_owned);
    run_state(&mut run, &all);
    let next = waits.set.iter().map(|t| t.due).min();
    let set = WriteSet {
        ws: MAIN,
        conn: event.connection.clone(),
        now: hub.env.now().0,
        runs_moved: vec![run.clone()],
        actions: planned.actions.iter().map(|(a, _)| a.clone()).collect(),
        bodies: planned.bodies,
        holds: planned.holds,
        failures: planned.failures,
        flows: vec![(live.row.flow.clone(), live.row.version, live.row.falls)],
        timers_dropped: waits.over,
        timers_set: waits.set,
        ..WriteSet::default()
    };
    if hub.store.apply(Box::new(set)).await? == Applied::Stale {
        return Ok(()); // the flow changed meanwhile: the sweep comes again
    }
    for (action, stored) in planned.actions {
        if action.state == ActionState::Planned
            && let Some(d) = hub.dispatcher(&action.conn)
        {
            d.push(action, stored);
        }
    }
    if let (Some(due), Some(lane)) = (next, hub.lane(&conn.id)) {
        lane.due_at(due);
    }
    if left && run.state == RunState::Running {
        hub.run_moved(id);
    }
    Ok(())
}

/// The times that steps of a run wait for.
struct Waits {
    run: RunRow,
    held: Vec<TimerRow>,
    set: Vec<TimerRow>,
    over: Vec<TimerRow>,
}

impl Waits {
    async fn of(hub: &Hub, run: &RunRow, conn: &str) -> Result<Waits, Error> {
        let (kind, subject) = (TimerKind::Step, about_run(run.id));
        let held = hub
            .store
            .timers_of(conn.to_owned(), kind, run.flow.clone(), subject);
        Ok(Waits {
            run: run.clone(),
            held: held.await?,
            set: Vec::new(),
            over: Vec::new(),
        })
    }

    /// Whether a step has waited enough; the first time it is asked, the wait begins.
    fn are_over(&mut self, step: &Step, hub: &Hub) -> bool {
        let Some(after) = step.after else { return true };
        let now = hub.env.now();
        match self.held.iter().find(|t| t.item == step.id) {
            Some(timer) if timer.due <= now.0 => self.over.push(timer.clone()),
            Some(_) => return false,
            None => {
                self.set.push(TimerRow {
                    kind: TimerKind::Step,
                    rule: self.run.flow.clone(),
                    subject: about_run(self.run.id),
                    item: step.id.clone(),
                    key: String::new(),
                    due: after.after(now, &hub.calendar).0,
                    firm: false,
                });
                return false;
            }
        }
        true
    }
}

/// How a step looks whose turn it is; what it was to wait for must still hold.
fn now(live: &LiveFlow, step: &Step, data: &Value, recorded: bool) -> StepState {
    let scope = Scope::new(data).with_vars(&live.flow.vars);
    match step.only_while.as_ref().map(|c| c.evaluate(&scope)) {
        None | Some(Ok(true)) => live.flow.plan_step(step, data, recorded),
        Some(Ok(false)) => StepState::Skipped(Skip::WhileFalse),
        Some(Err(error)) => StepState::Parked(error),
    }
}

/// The run that goes on.
struct Going<'a> {
    hub: &'a Hub,
    live: &'a LiveFlow,
    conn: &'a Connection,
    event: &'a Event,
    uid: [u8; 16],
}

impl Going<'_> {
    /// Looks through the records and keeps what was found as the step's output.
    async fn find(
        &self,
        step: &Step,
        filter: &Filter,
        run: &mut RunRow,
        planned: &mut Planned,
        bound: &mut Bound,
    ) -> Result<(), Error> {
        let (hub, live) = (self.hub, self.live);
        let state = now(live, step, &bound.data, false);
        let of = For {
            event: self.event,
            uid: self.uid,
            bound,
            now: hub.env.now(),
            recorded: false,
        };
        if !matches!(state, StepState::Ready(_)) {
            hub.plan_step(live, &of, run, &step.id, state, planned);
            return Ok(());
        }
        let search = hub.look(self.conn, filter, None, &live.flow).await?;
        let untold = search.untold.clone();
        let output = search.output(filter);
        hub.found(live, &of, run, &step.id, &output, untold, planned);
        put_output(&mut bound.data, &step.id, output);
        Ok(())
    }
}

/// Whether a step's turn has come: `None` where what it needs has not ended; else that it does not run, or nothing yet.
async fn turn(
    hub: &Hub,
    step: &Step,
    actions: &[ActionRow],
    planned: &Planned,
    data: &mut Value,
) -> Option<(Option<StepState>, bool)> {
    let mut recorded = false;
    for need in &step.needs {
        let mine: Vec<&ActionRow> = actions
            .iter()
            .chain(planned.actions.iter().map(|(a, _)| a))
            .filter(|a| a.step == *need)
            .collect();
        let end = end_of(&mine)?;
        match (end, step.on_failed) {
            (End::Broken, true) | (End::Well, false) => {}
            (End::Recorded, _) => recorded = true,
            (End::Broken, false) => return None,
            (End::Well | End::Skipped, true) | (End::Skipped, false) => {
                let skip = StepState::Skipped(Skip::Needs(need.clone()));
                return Some((Some(skip), recorded));
            }
        }
        // what was found just now is not stored yet
        let known = data.get("steps").is_some_and(|s| s.get(need).is_some());
        if (end == End::Well && !known) || end == End::Broken {
            let output = outputs(hub, &mine).await;
            put_output(data, need, output);
        }
    }
    Some((None, recorded))
}

/// Puts what a step gave back where later steps read it.
pub(crate) fn put_output(data: &mut Value, step: &str, output: Value) {
    if let Value::Object(roots) = data {
        let steps = roots
            .entry("steps")
            .or_insert_with(|| Value::Object(Map::new()));
        steps[step] = json!({"output": output});
    }
}

fn end_of(actions: &[&ActionRow]) -> Option<End> {
    let all =
        |s: &[ActionState]| !actions.is_empty() && actions.iter().all(|a| s.contains(&a.state));
    let any = |s: &[ActionState]| actions.iter().any(|a| s.contains(&a.state));
    if any(&[
        ActionState::Planned,
        ActionState::Held,
        ActionState::Claimed,
        ActionState::Later,
        ActionState::Unsure,
    ]) || actions.is_empty()
    {
        return None;
    }
    Some(match () {
        () if any(&[ActionState::Refused, ActionState::Parked]) => End::Broken,
        () if any(&[ActionState::WouldHave]) => End::Recorded,
        () if all(&[ActionState::Skipped]) => End::Skipped,
        () => End::Well,
    })
}

/// What the steps that this one needs gave back, for rendering it again.
pub(crate) async fn with_outputs(
    hub: &Hub,
    run: i64,
    step: &Step,
    data: &mut Value,
) -> Result<(), Error> {
    if step.needs.is_empty() {
        return Ok(());
    }
    let actions = hub.store.actions_of_run(run).await?;
    for need in &step.needs {
        let mine: Vec<&ActionRow> = actions.iter().filter(|a| a.step == *need).collect();
        if matches!(end_of(&mine), Some(End::Well | End::Broken)) {
            let output = outputs(hub, &mine).await;
            put_output(data, need, output);
        }
    }
    Ok(())
}

/// What the actions of a step gave back: one object, or a list where it ran for several items.
async fn outputs(hub: &Hub, actions: &[&ActionRow]) -> Value {
    let mut out = Vec::new();
    for a in actions {
        let mut value = match a.output {
            Some(id) => hub
                .store
                .body(id)
                .await
                .ok()
                .and_then(|b| serde_json::from_slice(&b).ok())
                .unwrap_or(Value::Null),
            None => Value::Null,
        };
        if !value.is_object() {
            value = json!({"body": value});
        }
        if let (Value::Object(o), Some(remote)) = (&mut value, &a.remote_id) {
            o.entry("id").or_insert_with(|| json!(remote));
        }
        out.push(value);
    }
    if out.len() == 1 && actions[0].item.is_empty() {
        out.remove(0)
    } else {
        Value::Array(out)
    }
}
