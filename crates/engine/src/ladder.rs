//! The ladder: a flow's rung rises with evidence, or by an admin's word with a reason that stays on the flow for ever; it falls at
//! once.

use crate::connection::State;
use crate::engine::reload_flows;
use crate::hub::Hub;
use crate::trial::Events;
use stagewire_model::{MAIN, Rung};
use stagewire_store::{Error, FlowRow, RungChange};
use std::sync::Arc;

/// Events of a dry run that speak for a flow.
const DRY_RUN: i64 = 50;

/// Why a rung does not rise.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Evidence is missing.
    #[error("not yet: {}", .missing.join("; "))]
    Evidence {
        /// What is missing, in plain words.
        missing: Vec<String>,
    },
    /// There is no such flow.
    #[error("there is no such flow")]
    NotFound,
    /// It cannot be.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Hub {
    /// Moves a flow's rung.
    ///
    /// # Errors
    /// What evidence is missing, or that the ceiling is lower.
    pub async fn set_rung(
        self: &Arc<Self>,
        flow: &str,
        to: Rung,
        override_reason: Option<&str>,
        by: &str,
    ) -> Result<FlowRow, Refused> {
        let row = self
            .store
            .flows(MAIN)
            .await?
            .into_iter()
            .find(|f| f.flow == flow && !f.removed)
            .ok_or(Refused::NotFound)?;
        if to > row.rung && override_reason.is_none() {
            let missing = self.missing_evidence(&row, to).await?;
            if !missing.is_empty() {
                return Err(Refused::Evidence { missing });
            }
        }
        let note = override_reason
            .filter(|_| to > row.rung)
            .map(|r| format!("{by}: {r}"));
        let change = RungChange {
            ws: MAIN,
            flow: flow.to_owned(),
            to,
            by: by.to_owned(),
            note,
            at: self.env.now().0,
        };
        let row = self.store.flow_rung(change).await?;
        reload_flows(self).await?;
        self.dispatchers().iter().for_each(|d| d.wake());
        Ok(row)
    }

    async fn missing_evidence(&self, row: &FlowRow, to: Rung) -> Result<Vec<String>, Error> {
        let mut missing = Vec::new();
        if to > Rung::Listening {
            missing.push("two weeks and 100 events of listening, 20 planned writes judged right by a person and no open failure; this version does not count these yet, so it takes an admin's override with a reason".to_owned());
        }
        let flows = self.flows();
        let Some(live) = flows.get(&row.flow) else {
            return Ok(vec!["the flow does not load".into()]);
        };
        let mut connections: Vec<String> = live
            .flow
            .steps
            .iter()
            .filter(|s| s.find.is_none())
            .map(|s| s.connection.clone())
            .chain(live.flow.when.connection.clone())
            .collect();
        connections.sort();
        connections.dedup();
        for id in connections {
            match self.connection(&id).map(|c| c.state().0) {
                Some(State::Working | State::CatchingUp | State::Slow) => {}
                _ => missing.push(format!("connection '{id}' was not tested successfully")),
            }
        }
        if self.alerts.is_empty() {
            missing.push("no alert channel is set".into());
        }
        match self.try_flow(&row.flow, None, Events::Last(DRY_RUN)).await {
            Ok(tried) if tried.is_empty() => {
                missing.push("there is no event yet to try it on".into())
            }
            Ok(tried) => {
                let bad = tried
                    .iter()
                    .filter(|t| {
                        t.verdict == "unknown" || t.steps.iter().any(|s| s["would"] == "park")
                    })
                    .count();
                if bad > 0 {
                    missing.push(format!(
                        "{bad} of the last {} events could not be tried without a problem",
                        tried.len()
                    ));
                }
            }
            Err(e) => missing.push(e.to_string()),
        }
        Ok(missing)
    }
}
