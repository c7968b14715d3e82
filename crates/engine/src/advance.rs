//! A run goes on: steps that waited for another are planned when it has ended, and skipped when it never will.

use crate::binding::roots_of;
use crate::dispatch::Stored;
use crate::flow::file::Step;
use crate::flow::plan::{Skip, StepState};
use crate::flows::LiveFlow;
use crate::hub::{Hub, Signal};
use crate::ingest::emit::event_of;
use crate::planner::{For, Planned, run_state};
use crate::scoped::Loader;
use serde_json::{Map, Value, json};
use stagewire_model::{ActionState, MAIN};
use stagewire_store::{ActionRow, Applied, Error, RunState, WriteSet};
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
    if run.reason.as_deref() != Some("needs") {
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
    let mut left = false;
    run.reason = None;
    for step in live
        .flow
        .steps
        .iter()
        .filter(|s| !s.needs.is_empty() && actions.iter().all(|a| a.step != s.id))
    {
        let Some((state, recorded)) =
            turn(hub, live, step, &actions, &planned, &mut bound.data).await
        else {
            left = true;
            continue;
        };
        let of = For {
            event: &event,
            uid: row.uid,
            bound: &bound,
            now: hub.env.now(),
            recorded,
        };
        hub.plan_step(live, &of, &mut run, &step.id, state, &mut planned);
    }
    if planned.actions.is_empty() {
        return Ok(());
    }
    let before: Vec<(ActionRow, Option<Stored>)> = actions.into_iter().map(|a| (a, None)).collect();
    let all: Vec<_> = before
        .into_iter()
        .chain(planned.actions.iter().cloned())
        .collect();
    run.reason = left.then(|| "needs".to_owned());
    run_state(&mut run, &all);
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
    if left && run.state == RunState::Running {
        hub.run_moved(id);
    }
    Ok(())
}

/// Whether a step's turn has come, and how it looks; `None` where what it needs has not ended.
async fn turn(
    hub: &Hub,
    live: &LiveFlow,
    step: &Step,
    actions: &[ActionRow],
    planned: &Planned,
    data: &mut Value,
) -> Option<(StepState, bool)> {
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
                return Some((StepState::Skipped(Skip::Needs(need.clone())), recorded));
            }
        }
        let output = outputs(hub, &mine).await;
        if let Value::Object(d) = data {
            let steps = d
                .entry("steps")
                .or_insert_with(|| Value::Object(Map::new()));
            if end == End::Well || end == End::Broken {
                steps[need.as_str()] = json!({"output": output});
            }
        }
    }
    Some((live.flow.plan_step(step, data, recorded), recorded))
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
