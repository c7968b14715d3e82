//! Trying a flow, saved or not, on recorded events: shows every request it would have sent. It has no transport and writes
//! nothing: it cannot send.

use crate::advance::put_output;
use crate::flow::plan::{Plan, StepState, Stop};
use crate::flow::problem::Problem;
use crate::flows::{Connections, check};
use crate::hub::Hub;
use crate::ingest::emit::event_of;
use crate::planner::happened;
use crate::scoped::Loader;
use serde::Serialize;
use serde_json::{Value, json};
use stagewire_model::{EventId, MAIN, Rung};
use stagewire_store::Error;

/// Which events.
#[derive(Clone, Debug)]
pub enum Events {
    /// These.
    Ids(Vec<EventId>),
    /// The newest that many of the flow's own type.
    Last(i64),
}

/// What a flow would have done about one event.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// The event.
    pub event_id: String,
    /// Its type.
    pub event: String,
    /// `runs`, `not_wanted`, `late`, `condition_false`, `unknown`.
    pub verdict: &'static str,
    /// Why it is unknown.
    pub because: Option<String>,
    /// Each step: id, item, what its rung would make of it, and the request.
    pub steps: Vec<Value>,
}

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The flow has problems.
    #[error("the flow has {} problem(s)", .problems.len())]
    Problems {
        /// Each with its position.
        problems: Vec<Problem>,
    },
    /// There is no such flow.
    #[error("there is no such flow")]
    NotFound,
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Store(#[from] Error),
}

impl Hub {
    /// Runs a flow over recorded events with effects off.
    ///
    /// # Errors
    /// Where the flow does not load or the store cannot be read.
    pub async fn try_flow(
        &self,
        id: &str,
        source: Option<&str>,
        events: Events,
    ) -> Result<Vec<Tried>, Failed> {
        let stored = self
            .store
            .flows(MAIN)
            .await?
            .into_iter()
            .find(|f| f.flow == id && !f.removed);
        let source = match (source, &stored) {
            (Some(s), _) => s.to_owned(),
            (None, Some(f)) => f.source.clone(),
            (None, None) => return Err(Failed::NotFound),
        };
        let flow = check(id, &source, &Connections(self.connections()))
            .map_err(|problems| Failed::Problems { problems })?;
        let rung = stored.map_or(Rung::ReadOnly, |f| f.rung);
        let mut recorded = Vec::new();
        let rows = match events {
            // a schedule is tried on what is there now: what it told before is over
            Events::Last(_) if flow.when.schedule.is_some() => {
                let conn = flow.when.connection.as_deref();
                if let Some(conn) = conn.and_then(|conn| self.connection(conn)) {
                    recorded = self.scheduled_now(&flow, &conn).await?;
                }
                Vec::new()
            }
            Events::Last(n) => {
                self.store
                    .recent_events(
                        MAIN,
                        Some(flow.when.event.clone()),
                        flow.when.connection.clone(),
                        n.clamp(1, 500),
                    )
                    .await?
            }
            Events::Ids(ids) => {
                let mut rows = Vec::new();
                for id in ids {
                    rows.extend(self.store.event(id.0).await?);
                }
                rows
            }
        };
        recorded.extend(
            rows.iter()
                .map(|row| (event_of(row), (row.entity, row.subject))),
        );
        let mut out = Vec::new();
        for (event, subject) in recorded {
            let Some(conn) = self.connection(&event.connection) else {
                continue;
            };
            let mut bound = Loader::new(self)
                .bind(&event, subject, &conn, &crate::binding::roots_of(&flow))
                .await?;
            for (step, filter) in flow
                .steps
                .iter()
                .filter_map(|s| Some((s, s.find.as_ref()?)))
            {
                let search = self.look(&conn, filter, None, &flow).await?;
                put_output(&mut bound.data, &step.id, search.output(filter));
            }
            let mut tried = Tried {
                event_id: event.id.text(),
                event: event.kind.clone(),
                verdict: "runs",
                because: None,
                steps: Vec::new(),
            };
            match flow.rehearse(&happened(&event), &bound.data) {
                Plan::NotWanted => tried.verdict = "not_wanted",
                Plan::Late => tried.verdict = "late",
                Plan::No => tried.verdict = "condition_false",
                Plan::Untold(e) => {
                    (tried.verdict, tried.because) = ("unknown", Some(e.to_string()))
                }
                Plan::Run(steps) => {
                    for step in steps {
                        let def = flow.step(&step.id);
                        let (effect, always) = def
                            .map_or((stagewire_model::Effect::Candidate, true), |s| {
                                (s.effect, s.hold_always)
                            });
                        let gate = format!("{:?}", rung.gate(effect, always)).to_lowercase();
                        match step.state {
                            StepState::Ready(_) if def.is_some_and(|s| s.find.is_some()) => {
                                tried.steps.push(json!({"step": step.id, "would": "find"}));
                            }
                            StepState::Ready(requests) => {
                                for r in requests {
                                    tried.steps.push(match r.with {
                                        Ok(with) => json!({"step": step.id, "item": r.item, "uses": def.map(|s| &s.action), "connection": def.map(|s| &s.connection), "would": gate, "with": with}),
                                        Err(Stop::IfFalse) => json!({"step": step.id, "item": r.item, "would": "skip", "because": "its condition is false"}),
                                        Err(Stop::Parked(e)) => json!({"step": step.id, "item": r.item, "would": "park", "because": e.to_string()}),
                                    });
                                }
                            }
                            StepState::Parked(e) => tried.steps.push(
                                json!({"step": step.id, "would": "park", "because": e.to_string()}),
                            ),
                            StepState::Skipped(_) => {
                                tried.steps.push(json!({"step": step.id, "would": "skip"}))
                            }
                            StepState::Waits(needs) => tried
                                .steps
                                .push(json!({"step": step.id, "would": "wait", "needs": needs})),
                        }
                    }
                }
            }
            out.push(tried);
        }
        Ok(out)
    }
}
