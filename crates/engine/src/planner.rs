//! From one event to runs and actions: which flows want it, what each step would send, and what the rung, the guards and `hold`
//! make of it. The same event gives the same intents on every replay. Writes nothing.

use crate::binding::Bound;
use crate::dispatch::{Draft, Stored};
use crate::flow::expr::Error as Expr;
use crate::flow::plan::{Happened, Plan, Request, Skip, StepPlan, StepState, Stop};
use crate::flows::LiveFlow;
use crate::guards::{About, blocked};
use crate::hub::Hub;
use crate::time::items;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use stagewire_connector::RenderError;
use stagewire_model::action::Gate;
use stagewire_model::{ActionState, Effect, Event, MAIN, Micros, OnceKind, canonical};
use stagewire_store::{ActionRow, Class, Failing, HoldRow, RunRow, RunState, SealedBody, Table};
use std::collections::BTreeMap;

/// How long a hold waits for a person.
const HOLD_MS: i64 = 7 * 86_400_000;

/// What one flow makes of one event.
#[derive(Debug, Default)]
pub struct Planned {
    /// The run; none where the flow does not want the event.
    pub run: Option<RunRow>,
    /// Its actions with their requests.
    pub actions: Vec<(ActionRow, Option<Stored>)>,
    /// Holds.
    pub holds: Vec<HoldRow>,
    /// Sealed requests.
    pub bodies: Vec<SealedBody>,
    /// For the inbox.
    pub failures: Vec<Failing>,
    /// The path that the mirror lacks: it may be read.
    pub lacks: Option<String>,
}

/// The event a plan is made for.
pub struct For<'a> {
    /// The event.
    pub event: &'a Event,
    /// Its order key's text.
    pub uid: [u8; 16],
    /// Its scope.
    pub bound: &'a Bound,
    /// Now.
    pub now: Micros,
    /// A step that this one needs was only recorded: then it is only recorded too.
    pub recorded: bool,
}

/// The deterministic intent of an action.
pub fn intent(flow: &str, event: &[u8; 16], step: &str, item: &str, redo_of: i64) -> [u8; 32] {
    let mut h = Sha256::new();
    for part in [
        b"main".as_slice(),
        flow.as_bytes(),
        event,
        step.as_bytes(),
        item.as_bytes(),
    ] {
        h.update((part.len() as u64).to_be_bytes());
        h.update(part);
    }
    if redo_of != 0 {
        h.update(redo_of.to_be_bytes());
    }
    h.finalize().into()
}

/// What keeps order: the destination and the event's partition.
pub fn order_key(conn: &str, partition: &str) -> [u8; 16] {
    let digest = Sha256::digest(format!("{conn}\u{1f}{partition}").as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

impl Hub {
    /// Plans one flow for one event.
    pub fn plan(&self, live: &LiveFlow, of: &For) -> Planned {
        let happened = happened(of.event);
        let mut planned = Planned::default();
        let mut run = RunRow {
            id: self.store.next(Table::Run),
            ws: MAIN,
            event: of.uid,
            flow: live.row.flow.clone(),
            version: live.row.version,
            state: RunState::Running,
            reason: None,
            due: None,
            tries: 0,
            at: of.now.0,
        };
        match live.flow.plan(&happened, &of.bound.data) {
            Plan::NotWanted | Plan::No => return planned,
            Plan::Late => (run.state, run.reason) = (RunState::Skipped, Some("late".into())),
            Plan::Untold(error) => {
                (run.state, run.reason) = (RunState::Parked, Some(error.to_string()));
                planned.lacks = missing(&error);
                planned
                    .failures
                    .push(self.run_failing(live, &run, &error, of.now));
            }
            Plan::Run(steps) => self.plan_steps(live, of, &mut run, steps, &mut planned),
        }
        if planned.lacks.is_none() && !planned.actions.is_empty() {
            planned.lacks = guard_lacks(of.bound);
        }
        planned.run = Some(run);
        planned
    }

    fn plan_steps(
        &self,
        live: &LiveFlow,
        of: &For,
        run: &mut RunRow,
        steps: Vec<StepPlan>,
        planned: &mut Planned,
    ) {
        for step in steps {
            self.plan_step(live, of, run, &step.id, step.state, planned);
        }
        run_state(run, &planned.actions);
    }

    /// Plans one step whose turn it is: in the first plan, or when what it needs has ended.
    pub fn plan_step(
        &self,
        live: &LiveFlow,
        of: &For,
        run: &mut RunRow,
        id: &str,
        state: StepState,
        planned: &mut Planned,
    ) {
        match state {
            StepState::Waits(_) => run.reason = Some("needs".into()),
            StepState::Skipped(skip) => {
                let why = match skip {
                    Skip::IfFalse => "its condition is false".to_owned(),
                    Skip::WhileFalse => "its `while` does not hold any more".to_owned(),
                    Skip::NoItems => "its list is empty".to_owned(),
                    Skip::Needs(other) => format!("step {other} does not run"),
                };
                let row = self.action_row(live, of, run, id, "", ActionState::Skipped, Some(why));
                planned.actions.push((row, None));
            }
            StepState::Parked(error) => self.park(live, of, run, id, "", &error, planned),
            StepState::Ready(requests) => {
                for request in requests {
                    self.plan_request(live, of, run, id, request, planned);
                }
            }
        }
    }

    /// What a step of `records.find` found, kept as its output.
    pub fn found(
        &self,
        live: &LiveFlow,
        of: &For,
        run: &RunRow,
        id: &str,
        output: &Value,
        untold: Option<(usize, String)>,
        planned: &mut Planned,
    ) {
        let mut row = self.action_row(live, of, run, id, "", ActionState::Done, None);
        let plain = serde_json::to_vec(output).unwrap_or_default();
        let number = self.store.next(Table::Body);
        let body = SealedBody::new(
            self.store.keys(),
            number,
            MAIN,
            Class::Request,
            of.now.0,
            None,
            &plain,
        );
        (row.output, row.settled) = (Some(body.id), Some(of.now.0));
        planned.bodies.push(body);
        if let Some((count, why)) = untold {
            let cause = left_out(count, &why);
            planned.failures.push(Failing {
                item: None,
                ..self.action_failing(live, &row, "DATA-001", &cause, of.now)
            });
        }
        planned.actions.push((row, None));
    }

    fn park(
        &self,
        live: &LiveFlow,
        of: &For,
        run: &RunRow,
        id: &str,
        item: &str,
        error: &Expr,
        planned: &mut Planned,
    ) {
        planned.lacks = planned.lacks.take().or_else(|| missing(error));
        let row = self.action_row(
            live,
            of,
            run,
            id,
            item,
            ActionState::Parked,
            Some(error.to_string()),
        );
        planned.failures.push(self.action_failing(
            live,
            &row,
            code(error),
            &error.to_string(),
            of.now,
        ));
        planned.actions.push((row, None));
    }

    fn plan_request(
        &self,
        live: &LiveFlow,
        of: &For,
        run: &RunRow,
        id: &str,
        request: Request,
        planned: &mut Planned,
    ) {
        let item = request.item.clone().unwrap_or_default();
        let with = match request.with {
            Ok(Value::Object(with)) => with,
            Ok(_) => Map::new(),
            Err(Stop::IfFalse) => {
                let row = self.action_row(
                    live,
                    of,
                    run,
                    id,
                    &item,
                    ActionState::Skipped,
                    Some("its condition is false".into()),
                );
                return planned.actions.push((row, None));
            }
            Err(Stop::Parked(error)) => {
                return self.park(live, of, run, id, &item, &error, planned);
            }
        };
        let mut row = self.action_row(live, of, run, id, &item, ActionState::Planned, None);
        let draft = Draft {
            with,
            remote: of.bound.remote.clone(),
            intent_hex: canonical::hex(&row.intent),
            event_id: of.event.id.text(),
            cloud_event: open_event(of.event),
            escaped: false,
        };
        let stored = match self.render(&mut row, draft) {
            Ok(stored) => stored,
            Err(say) => {
                (row.state, row.reason) = (ActionState::Parked, Some(say.clone()));
                planned
                    .failures
                    .push(self.action_failing(live, &row, "EXPR-001", &say, of.now));
                return planned.actions.push((row, None));
            }
        };
        if of.event.kind == items::SCHEDULE {
            // what a schedule tells is as old as its time, however late the server came to it
            let late = of.now.0 - of.event.time.0;
            row.valid_until = row.valid_until.map(|until| until - late);
        }
        let step = live.flow.step(id);
        let always = step.is_some_and(|s| s.hold_always);
        let about = About {
            application: of.bound.application.as_ref(),
            candidate: of.bound.candidate.as_ref(),
            job: of.bound.job.as_ref(),
        };
        if let Some(reason) = blocked(row.effect, about) {
            (row.state, row.reason, row.settled) = (
                ActionState::Skipped,
                Some(format!("blocked: {reason}")),
                Some(of.now.0),
            );
        } else {
            let gate = live.row.rung.gate(row.effect, always);
            match if of.recorded { Gate::WouldHave } else { gate } {
                Gate::WouldHave => {
                    (row.state, row.settled) = (ActionState::WouldHave, Some(of.now.0))
                }
                Gate::Hold => {
                    row.state = ActionState::Held;
                    planned
                        .holds
                        .push(self.hold_row(live, &row, &stored, &of.bound.facts, of.now));
                }
                Gate::Go => row.due = Some(of.now.0),
            }
        }
        let body = self.seal(&stored, row.person, of.now);
        row.request = Some(body.id);
        planned.bodies.push(body);
        planned.actions.push((row, Some(stored)));
    }

    /// Renders a draft; names that must be looked up first leave it a draft.
    ///
    /// # Errors
    /// What is wrong with the step's `with`, in plain words.
    pub fn render(&self, row: &mut ActionRow, draft: Draft) -> Result<Stored, String> {
        let conn = self
            .connection(&row.conn)
            .ok_or_else(|| format!("there is no connection '{}'", row.conn))?;
        let (settings, granted) = (conn.settings(), conn.granted());
        let name = crate::dispatch::action_name(&row.uses);
        if let Some(action) = conn.connector.action(name, &settings) {
            row.effect = conn.spec.effect.unwrap_or_else(|| action.effect(&settings));
            row.once = conn
                .spec
                .once
                .unwrap_or_else(|| action.once(&settings, granted.as_deref(), &draft.with));
            if row.valid_until.is_none() {
                row.valid_until = action.valid_for_ms.map(|ms| Micros(row.made).plus_ms(ms).0);
            }
        }
        match draft.render(
            &conn.connector,
            name,
            &settings,
            granted.as_deref(),
            &BTreeMap::new(),
        ) {
            Ok(r) => {
                if conn.spec.once.is_none() {
                    row.once = r.request.once;
                }
                Ok(Stored::Request {
                    request: r.request,
                    limit_key: r.limit_key,
                })
            }
            Err(RenderError::Needs(_)) => Ok(Stored::Draft(draft)),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Seals a request as a body.
    pub fn seal(&self, stored: &Stored, person: Option<[u8; 16]>, now: Micros) -> SealedBody {
        let plain = serde_json::to_vec(stored).unwrap_or_default();
        SealedBody::new(
            self.store.keys(),
            self.store.next(Table::Body),
            MAIN,
            Class::Request,
            now.0,
            person,
            &plain,
        )
    }

    fn action_row(
        &self,
        live: &LiveFlow,
        of: &For,
        run: &RunRow,
        step: &str,
        item: &str,
        state: ActionState,
        reason: Option<String>,
    ) -> ActionRow {
        let def = live.flow.step(step);
        let conn = def.map(|s| s.connection.clone()).unwrap_or_default();
        let over = matches!(state, ActionState::Skipped | ActionState::Parked);
        let valid = def
            .and_then(|s| s.valid_for)
            .and_then(|d| i64::try_from(d.as_millis()).ok());
        ActionRow {
            id: self.store.next(Table::Action),
            ws: MAIN,
            run: run.id,
            event: of.uid,
            flow: live.row.flow.clone(),
            step: step.to_owned(),
            item: item.to_owned(),
            redo_of: 0,
            uses: def.map(|s| s.action.clone()).unwrap_or_default(),
            intent: intent(&live.row.flow, &of.uid, step, item, 0),
            order_key: order_key(&conn, &of.event.partition),
            conn,
            place: self.store.next(Table::Place),
            effect: def.map_or(Effect::Candidate, |s| s.effect),
            once: OnceKind::Ledger,
            state,
            reason,
            due: None,
            valid_until: valid.map(|ms| of.now.plus_ms(ms).0),
            attempt: 0,
            tries: 0,
            maybe: false,
            first_fail: None,
            quiet_until: None,
            seen_version: None,
            falls: live.row.falls,
            request: None,
            person: of.bound.person,
            paths: Some(
                live.flow
                    .reads()
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
            remote_id: None,
            output: None,
            made: of.now.0,
            settled: over.then_some(of.now.0),
            must_hold: def.is_some_and(|s| s.hold_always),
        }
    }

    fn hold_row(
        &self,
        live: &LiveFlow,
        row: &ActionRow,
        stored: &Stored,
        facts: &[([u8; 16], i64)],
        now: Micros,
    ) -> HoldRow {
        HoldRow {
            action: row.id,
            ws: MAIN,
            state: "waiting".into(),
            flow: row.flow.clone(),
            owner: live.row.owner.clone(),
            due: now.plus_ms(HOLD_MS).0,
            shown_hash: shown_hash(stored),
            facts: facts.to_vec(),
            edited: None,
            at: now.0,
            decided_by: None,
            decided_at: None,
            reason: None,
        }
    }

    fn run_failing(&self, live: &LiveFlow, run: &RunRow, error: &Expr, now: Micros) -> Failing {
        let code = code(error);
        Failing {
            ws: MAIN,
            group_key: format!("{code}|{}|only_if", live.row.flow),
            code: code.into(),
            conn: None,
            flow: Some(live.row.flow.clone()),
            cause: error.to_string(),
            owner: live.row.owner.clone(),
            at: now.0,
            item: Some(("run".into(), run.id)),
        }
    }

    fn action_failing(
        &self,
        live: &LiveFlow,
        row: &ActionRow,
        code: &str,
        cause: &str,
        now: Micros,
    ) -> Failing {
        Failing {
            ws: MAIN,
            group_key: format!("{code}|{}|{}|{}", row.conn, row.flow, row.step),
            code: code.to_owned(),
            conn: Some(row.conn.clone()),
            flow: Some(row.flow.clone()),
            cause: cause.to_owned(),
            owner: live.row.owner.clone(),
            at: now.0,
            item: Some(("action".into(), row.id)),
        }
    }
}

/// A record that a guard reads and the mirror lacks, though it can be read: its paths count as read by every flow.
fn guard_lacks(bound: &Bound) -> Option<String> {
    let app = bound.application.as_ref()?;
    let lacks = |root: &str, field: &str, held: bool| {
        let named = app.get(field).is_some_and(Value::is_string);
        named && !held && bound.behind.contains_key(root)
    };
    if lacks("candidate", "candidate_id", bound.candidate.is_some()) {
        return Some("candidate.private".into());
    }
    lacks("job", "job_id", bound.job.is_some()).then(|| "job.confidential".into())
}

/// What of an event decides whether a flow wants it.
pub fn happened(event: &Event) -> Happened<'_> {
    let own = event
        .data
        .get("cause")
        .and_then(|c| c.get("origin"))
        .and_then(Value::as_str)
        == Some("this_engine");
    Happened {
        event: &event.kind,
        connection: &event.connection,
        late: event.late(),
        own_echo: own,
        rule: event.data.get("rule").and_then(Value::as_str),
    }
}

/// A run's state from its actions, unless steps are still to be planned.
pub fn run_state(run: &mut RunRow, actions: &[(ActionRow, Option<Stored>)]) {
    let any = |s: &[ActionState]| actions.iter().any(|(a, _)| s.contains(&a.state));
    run.state = if any(&[ActionState::Parked, ActionState::Refused]) {
        RunState::Parked
    } else if any(&[
        ActionState::Planned,
        ActionState::Held,
        ActionState::Claimed,
    ]) || matches!(run.reason.as_deref(), Some("needs" | "after"))
    {
        RunState::Running
    } else if any(&[ActionState::WouldHave]) {
        RunState::WouldHave
    } else {
        RunState::Done
    };
}

/// Records of which a filter could not tell, in plain words.
pub fn left_out(count: usize, why: &str) -> String {
    format!("{why}; {count} record(s) of which this could not be told were left out")
}

fn missing(error: &Expr) -> Option<String> {
    match error {
        Expr::Missing { path, .. } => Some(path.to_string()),
        _ => None,
    }
}

fn code(error: &Expr) -> &'static str {
    if matches!(error, Expr::Missing { .. }) {
        "DATA-001"
    } else {
        "EXPR-001"
    }
}

/// The hash of a request as a person sees it.
pub fn shown_hash(stored: &Stored) -> [u8; 32] {
    canonical::hash(&serde_json::to_value(stored).unwrap_or(Value::Null))
}

/// The event as it may leave: `open` values only.
pub fn open_event(event: &Event) -> Value {
    event.cloud_event()
}
