//! What people do by hand: try again, send to the new place, decide a hold, settle a failure, pause and fill in a connection. Every
//! change is in the audit log; what is in flight can be neither tried again nor settled.

use crate::connection::State;
use crate::dispatch::Stored;
use crate::flow::plan::StepState;
use crate::hub::Hub;
use crate::ingest::emit::event_of;
use crate::planner::{intent, shown_hash};
use crate::scoped::Loader;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use stagewire_model::{ActionState, MAIN, canonical};
use stagewire_store::{
    ActionRow, Applied, AuditEntry, ByHand, ConnectionChange, Decision, DeliveryState, Error,
    HoldDone, Replay, ReplayDone, SealedBody, Table, WriteSet,
};
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
    /// Tries actions again, or says what would happen (`plan`). `single`: a person named this one.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub async fn replay(
        self: &Arc<Self>,
        actions: Vec<i64>,
        by: &str,
        plan: bool,
        single: bool,
    ) -> Result<ReplayDone, Error> {
        let now = self.env.now();
        let (mut rendered, mut valid, mut cannot, mut again) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for id in actions {
            let Some(row) = self.store.action(id).await? else {
                cannot.push((id, "there is no such action".to_owned()));
                continue;
            };
            if !row.maybe && self.flows().get(&row.flow).is_some() {
                match self.render_again(&row).await? {
                    Ok((body, ms)) => {
                        rendered.push((id, body));
                        valid.push((id, ms));
                    }
                    Err(say) => {
                        cannot.push((id, say));
                        continue;
                    }
                }
            } else if row.request.is_none() {
                cannot.push((id, "it was never rendered and its flow is gone".to_owned()));
                continue;
            }
            again.push(id);
        }
        let replay = Replay {
            actions: again,
            by: by.to_owned(),
            at: now.0,
            plan,
            rendered,
            valid_ms: valid,
            single,
        };
        let mut done = self.store.replay(replay).await?;
        done.left.extend(cannot);
        if !plan {
            for id in &done.again {
                self.push_again(*id).await?;
            }
        }
        Ok(done)
    }

    async fn push_again(self: &Arc<Self>, id: i64) -> Result<(), Error> {
        if let Some(row) = self.store.action(id).await?
            && let Some(dispatcher) = self.dispatcher(&row.conn)
        {
            dispatcher.forget(id, &row.order_key);
            dispatcher.push(row, None);
        }
        Ok(())
    }

    /// The request of an action as the flow renders it now, and how long it is valid.
    async fn render_again(
        &self,
        row: &ActionRow,
    ) -> Result<Result<(SealedBody, i64), String>, Error> {
        let Some((stored, mut fresh)) = self.request_now(row).await? else {
            return Ok(Err("its flow has no such step any more".into()));
        };
        match stored {
            Ok(stored) => {
                let ms = fresh
                    .valid_until
                    .take()
                    .map_or(0, |v| (v - fresh.made) / 1000);
                Ok(Ok((self.seal(&stored, row.person, self.env.now()), ms)))
            }
            Err(say) => Ok(Err(say)),
        }
    }

    /// Plans the step of an action again with the flow as it is now.
    async fn request_now(
        &self,
        row: &ActionRow,
    ) -> Result<Option<(Result<Stored, String>, ActionRow)>, Error> {
        let flows = self.flows();
        let Some(live) = flows.get(&row.flow) else {
            return Ok(None);
        };
        let Some(step) = live.flow.step(&row.step) else {
            return Ok(None);
        };
        let Some(event) = self.store.event(row.event).await? else {
            return Ok(None);
        };
        let (model, subject) = (event_of(&event), (event.entity, event.subject));
        let Some(conn) = self.connection(&event.conn) else {
            return Ok(None);
        };
        let bound = Loader::new(self)
            .bind(
                &model,
                subject,
                &conn,
                &crate::binding::roots_of(&live.flow),
            )
            .await?;
        let mut fresh = ActionRow {
            conn: step.connection.clone(),
            uses: step.action.clone(),
            made: self.env.now().0,
            valid_until: None,
            ..row.clone()
        };
        if let Some(d) = step.valid_for {
            fresh.valid_until = Some(fresh.made + i64::try_from(d.as_micros()).unwrap_or(0));
        }
        let with = match live.flow.plan_step(step, &bound.data, false) {
            StepState::Ready(requests) => match requests
                .into_iter()
                .find(|r| r.item.clone().unwrap_or_default() == row.item)
                .map(|r| r.with)
            {
                Some(Ok(Value::Object(with))) => with,
                Some(Err(crate::flow::plan::Stop::Parked(e))) => {
                    return Ok(Some((Err(e.to_string()), fresh)));
                }
                _ => return Ok(Some((Err("its condition is false now".into()), fresh))),
            },
            StepState::Parked(e) => return Ok(Some((Err(e.to_string()), fresh))),
            _ => return Ok(Some((Err("its step does not run now".into()), fresh))),
        };
        let draft = crate::dispatch::Draft {
            with,
            remote: bound.remote.clone(),
            intent_hex: canonical::hex(&row.intent),
            event_id: model.id.text(),
            cloud_event: model.cloud_event(),
            escaped: false,
        };
        let stored = self.render(&mut fresh, draft);
        Ok(Some((stored, fresh)))
    }

    /// Sends to where the flow points now: a new intent with a name on it; the old action ends skipped.
    ///
    /// # Errors
    /// Where the action is not over, its flow is gone, or the store cannot be written.
    pub async fn new_place(self: &Arc<Self>, action: i64, by: &str) -> Result<i64, Error> {
        let old = self
            .store
            .action(action)
            .await?
            .ok_or(Error::NotFound("action"))?;
        if !matches!(old.state, ActionState::Refused | ActionState::Parked) {
            return Err(Error::Conflict(format!(
                "it is {}; only what was refused or parked can go to a new place",
                old.state
            )));
        }
        let id = self.store.next(Table::Action);
        let made = intent(&old.flow, &old.event, &old.step, &old.item, old.id);
        let Some((stored, fresh)) = self
            .request_now(&ActionRow {
                intent: made,
                ..old.clone()
            })
            .await?
        else {
            return Err(Error::Conflict("its flow or step is gone".into()));
        };
        let stored = stored.map_err(Error::Conflict)?;
        let now = self.env.now();
        let body = self.seal(&stored, old.person, now);
        let order_key = self
            .store
            .event(old.event)
            .await?
            .map_or(old.order_key, |e| {
                crate::planner::order_key(&fresh.conn, &e.part)
            });
        let new = ActionRow {
            id,
            redo_of: old.id,
            intent: made,
            order_key,
            place: self.store.next(Table::Place),
            state: ActionState::Planned,
            reason: Some(format!("sent to the new place by {by}")),
            due: Some(now.0),
            attempt: 0,
            tries: 0,
            maybe: false,
            first_fail: None,
            quiet_until: None,
            seen_version: None,
            request: Some(body.id),
            remote_id: None,
            output: None,
            settled: None,
            ..fresh
        };
        let ended = ActionRow {
            state: ActionState::Skipped,
            reason: Some(format!("sent to the new place as action {id}")),
            settled: Some(now.0),
            ..old.clone()
        };
        let set = WriteSet {
            ws: MAIN,
            conn: new.conn.clone(),
            now: now.0,
            actions: vec![new.clone()],
            actions_moved: vec![(ended, old.state)],
            bodies: vec![body],
            ..WriteSet::default()
        };
        if self.store.apply(Box::new(set)).await? == Applied::Stale {
            return Err(Error::Conflict("it changed meanwhile; look again".into()));
        }
        self.note(
            by,
            "new place",
            &format!("action/{action}"),
            &format!("as action {id}"),
        )
        .await?;
        if let Some(d) = self.dispatcher(&new.conn) {
            d.push(new, Some(stored));
        }
        Ok(id)
    }

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
                    && stagewire_connector::StoredRequest {
                        body: b.body.clone(),
                        ..a.clone()
                    } == *b
            }
            (Stored::Draft(a), Stored::Draft(b)) => {
                crate::dispatch::Draft {
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

    /// Settles a failure's items by hand.
    ///
    /// # Errors
    /// Where the way to settle is unknown, or the store cannot be written.
    pub async fn settle_failure(
        self: &Arc<Self>,
        failure: i64,
        kind: &str,
        remote_id: Option<String>,
        reason: &str,
        by: &str,
    ) -> Result<i64, Error> {
        let Some((_, items)) = self.store.failure(failure).await? else {
            return Err(Error::NotFound("failure"));
        };
        let by_hand = ByHand {
            failure,
            kind: kind.to_owned(),
            remote_id,
            reason: reason.to_owned(),
            by: by.to_owned(),
            at: self.env.now().0,
        };
        let n = self.store.settle_by_hand(by_hand).await?;
        for (what, id) in items.iter().filter(|(what, _)| what == "action") {
            let Some(row) = self.store.action(*id).await? else {
                continue;
            };
            if row.state == ActionState::Later {
                self.push_again(*id).await?;
            }
            let _ = what;
            self.run_moved(row.run);
        }
        Ok(n)
    }

    /// Tries everything in a failure again: actions, deliveries, runs.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub async fn replay_failure(
        self: &Arc<Self>,
        failure: i64,
        by: &str,
        plan: bool,
    ) -> Result<ReplayDone, Error> {
        let Some((row, items)) = self.store.failure(failure).await? else {
            return Err(Error::NotFound("failure"));
        };
        let actions: Vec<i64> = items
            .iter()
            .filter(|(k, _)| k == "action")
            .map(|(_, id)| *id)
            .collect();
        let single = actions.len() == 1;
        let done = self.replay(actions, by, plan, single).await?;
        if plan {
            return Ok(done);
        }
        for (kind, id) in &items {
            match kind.as_str() {
                "delivery" => drop(self.replay_delivery(*id, by).await?),
                "run" => {
                    self.store
                        .run_again(*id, self.env.now().plus_ms(120_000).0)
                        .await?;
                    self.connections()
                        .iter()
                        .filter_map(|c| self.lane(&c.id))
                        .for_each(|l| l.plan_again());
                }
                "connection" => {
                    if let Some(conn) = row.conn.as_deref().and_then(|c| self.connection(c)) {
                        let _ = crate::reads::check(self, &conn).await;
                        let _ = self
                            .store
                            .recovered(MAIN, format!("{}|{}", row.code, conn.id), self.env.now().0)
                            .await;
                    }
                }
                _ => {}
            }
        }
        Ok(done)
    }

    /// Maps a delivery again that was kept or failed.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn replay_delivery(self: &Arc<Self>, id: i64, by: &str) -> Result<bool, Error> {
        let moved = self
            .store
            .delivery_state(
                id,
                vec![DeliveryState::Kept, DeliveryState::Failed],
                DeliveryState::Waiting,
                None,
            )
            .await?;
        if moved {
            self.note(by, "delivery mapped again", &format!("delivery/{id}"), "")
                .await?;
            self.connections()
                .iter()
                .filter_map(|c| self.lane(&c.id))
                .for_each(|l| l.wake());
        }
        Ok(moved)
    }

    /// New values for a connection's fields; others stay. They win over the file until the file's entry changes.
    ///
    /// # Errors
    /// Where a field is unknown, or the store cannot be written.
    pub async fn set_fields(
        self: &Arc<Self>,
        id: &str,
        fields: Map<String, Value>,
        by: &str,
    ) -> Result<(), Error> {
        let conn = self.connection(id).ok_or(Error::NotFound("connection"))?;
        let known: Vec<&str> = conn
            .connector
            .fields
            .iter()
            .map(|f| f.key.as_str())
            .collect();
        if let Some(unknown) = fields.keys().find(|k| !known.contains(&k.as_str())) {
            return Err(Error::Conflict(format!(
                "{} has no field '{unknown}'; it has {}",
                conn.connector.name,
                known.join(", ")
            )));
        }
        let held = self
            .store
            .connections(MAIN)
            .await?
            .into_iter()
            .find(|c| c.conn == id)
            .unwrap_or_default();
        let mut all = held.fields;
        let names: Vec<String> = fields.keys().cloned().collect();
        all.extend(fields);
        let now = self.env.now();
        let hash = held
            .fields_hash
            .unwrap_or_else(|| Sha256::digest(b"").to_vec());
        let change = ConnectionChange {
            ws: MAIN,
            conn: id.to_owned(),
            state: Some((
                State::Unknown.as_str().into(),
                "New credentials, not tried yet".into(),
            )),
            fields: Some((all.clone(), hash)),
            token: Some(None),
            audit: Some(entry(
                now.0,
                by,
                "fields changed",
                &format!("connection/{id}"),
                &names.join(", "),
            )),
            now: now.0,
            ..ConnectionChange::default()
        };
        self.store.connection_put(change).await?;
        *conn.token.lock().await = None;
        conn.set_settings(crate::engine::settings(&conn.spec, &all));
        conn.set_state(State::Unknown, "New credentials, not tried yet");
        tokio::spawn(crate::reads::check_at_start(self.clone(), conn.clone()));
        if let Some(d) = self.dispatcher(id) {
            d.wake();
        }
        Ok(())
    }

    /// Pauses a connection's writes, or lets them go on.
    ///
    /// # Errors
    /// Where there is no such connection, or the store cannot be written.
    pub async fn pause(self: &Arc<Self>, id: &str, paused: bool, by: &str) -> Result<(), Error> {
        let conn = self.connection(id).ok_or(Error::NotFound("connection"))?;
        let (state, sentence) = if paused {
            (State::Paused, format!("Paused by {by}"))
        } else {
            (State::Working, "Working".to_owned())
        };
        conn.set_state(state, &sentence);
        let now = self.env.now().0;
        let audit = Some(entry(
            now,
            by,
            if paused { "paused" } else { "resumed" },
            &format!("connection/{id}"),
            "",
        ));
        let change = ConnectionChange {
            ws: MAIN,
            conn: id.to_owned(),
            state: Some((state.as_str().into(), sentence)),
            audit,
            now,
            ..ConnectionChange::default()
        };
        self.store.connection_put(change).await?;
        if let Some(d) = self.dispatcher(id) {
            d.wake();
        }
        Ok(())
    }

    /// One line in the audit log.
    pub(crate) async fn note(
        &self,
        by: &str,
        verb: &str,
        object: &str,
        detail: &str,
    ) -> Result<(), Error> {
        self.store
            .audit(entry(self.env.now().0, by, verb, object, detail))
            .await
            .map(drop)
    }
}

fn entry(at: i64, by: &str, verb: &str, object: &str, detail: &str) -> AuditEntry {
    AuditEntry {
        ws: MAIN,
        at,
        actor: by.to_owned(),
        verb: verb.to_owned(),
        object: object.to_owned(),
        detail: detail.to_owned(),
    }
}
