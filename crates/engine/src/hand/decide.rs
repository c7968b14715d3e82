//! Deciding a hold: approve, edit, reject.

use crate::dispatch::Stored;
use crate::hub::Hub;
use crate::planner::shown_hash;
use serde_json::{Map, Value};
use stagewire_model::ActionState;
use stagewire_store::{ActionRow, Decision, Error, HoldDone, Table};
use std::sync::Arc;

/// A person's decision about a hold.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Send exactly what was on screen.
    Approve {
        /// The hash of what was on screen.
        shown_hash: [u8; 32],
    },
    /// Send this instead.
    Edit {
        /// The hash of what was on screen.
        shown_hash: [u8; 32],
        /// What is to be sent: as shown, with another body.
        request: Value,
    },
    /// Do not send.
    Reject {
        /// Why.
        reason: String,
    },
}

impl Hub {
    /// Decides a hold. The first decision wins and covers what was on screen only.
    ///
    /// # Errors
    /// Where an edit changes more than the text, or the store cannot be written.
    pub async fn decide(
        self: &Arc<Self>,
        action: i64,
        verdict: Verdict,
        by: &str,
    ) -> Result<HoldDone, Error> {
        let Some(row) = self.store.action(action).await? else {
            return Ok(HoldDone::NotFound);
        };
        let now = self.env.now();
        let valid = self
            .flows()
            .get(&row.flow)
            .and_then(|f| f.flow.step(&row.step))
            .and_then(|s| s.valid_for);
        let valid_until = valid.map(|d| now.0 + i64::try_from(d.as_micros()).unwrap_or(0));
        let base = Decision {
            action,
            to: String::new(),
            shown_hash: None,
            request: None,
            by: by.to_owned(),
            reason: None,
            at: now.0,
            place: self.store.next(Table::Place),
            valid_until,
        };
        let decision = match verdict {
            Verdict::Approve { shown_hash } => Decision {
                to: "approved".into(),
                shown_hash: Some(shown_hash),
                ..base
            },
            Verdict::Reject { reason } => Decision {
                to: "rejected".into(),
                reason: Some(reason),
                ..base
            },
            Verdict::Edit {
                shown_hash: seen,
                request,
            } => {
                let edited = self.edited(&row, request).await?;
                let hash = shown_hash(&edited);
                let body = self.seal(&edited, row.person, now);
                Decision {
                    to: "edited".into(),
                    shown_hash: Some(seen),
                    request: Some((body, hash)),
                    ..base
                }
            }
        };
        let done = self.store.decide(decision).await?;
        match &done {
            HoldDone::Decided(ActionState::Planned) => self.push_again(action).await?,
            HoldDone::Decided(_) | HoldDone::Blocked => self.run_moved(row.run),
            _ => {}
        }
        Ok(done)
    }

    /// The request with a person's text: nothing but the text may differ.
    async fn edited(&self, row: &ActionRow, request: Value) -> Result<Stored, Error> {
        let held = match row.request {
            Some(id) => self.store.body(id).await?,
            None => return Err(Error::Conflict("it has no request to edit".into())),
        };
        let held: Stored = serde_json::from_slice(&held).map_err(|_| Error::Corrupt("request"))?;
        let edited: Stored = serde_json::from_value(request)
            .map_err(|e| Error::Conflict(format!("the edited request cannot be read: {e}")))?;
        let conn = self
            .connection(&row.conn)
            .ok_or(Error::NotFound("connection"))?;
        let settings = conn.settings();
        let action = conn
            .connector
            .action(crate::dispatch::action_name(&row.uses), &settings);
        let place = action.and_then(|a| a.limit_key.as_deref());
        let same = match (&held, &edited) {
            (
                Stored::Request {
                    request: a,
                    limit_key: k,
                },
                Stored::Request {
                    request: b,
                    limit_key: l,
                },
            ) => {
                k == l
                    && same_place_in(&a.body, &b.body, place)
                    && stagewire_connector::StoredRequest {
                        body: b.body.clone(),
                        ..a.clone()
                    } == *b
            }
            (Stored::Draft(a), Stored::Draft(b)) => {
                same_place(&a.with, &b.with, place)
                    && crate::dispatch::Draft {
                        with: b.with.clone(),
                        ..a.clone()
                    } == *b
            }
            _ => false,
        };
        if same {
            Ok(edited)
        } else {
            Err(Error::Conflict(
                "an edit may change the text only, not where it goes".into(),
            ))
        }
    }
}

/// Whether the value that says where it goes is the same in both; keys are neither added nor taken away.
fn same_place(held: &Map<String, Value>, edited: &Map<String, Value>, place: Option<&str>) -> bool {
    held.len() == edited.len()
        && held.keys().all(|k| edited.contains_key(k))
        && place.is_none_or(|p| held.get(p) == edited.get(p))
}

fn same_place_in(held: &str, edited: &str, place: Option<&str>) -> bool {
    match (serde_json::from_str(held), serde_json::from_str(edited)) {
        (Ok(Value::Object(a)), Ok(Value::Object(b))) => same_place(&a, &b, place),
        (Ok(_) | Err(_), Err(_)) => place.is_none(),
        (Ok(_), Ok(_)) | (Err(_), Ok(_)) => held == edited,
    }
}
