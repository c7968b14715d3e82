//! Trying again, and sending to the new place.

use crate::advance::with_outputs;
use crate::dispatch::Stored;
use crate::flow::plan::StepState;
use crate::hub::Hub;
use crate::ingest::emit::event_of;
use crate::planner::intent;
use crate::scoped::Loader;
use serde_json::Value;
use stagewire_model::{ActionState, MAIN, canonical};
use stagewire_store::{ActionRow, Applied, Error, Replay, ReplayDone, SealedBody, Table, WriteSet};
use std::sync::Arc;

impl Hub {
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

    pub(super) async fn push_again(self: &Arc<Self>, id: i64) -> Result<(), Error> {
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
        let mut bound = Loader::new(self)
            .bind(
                &model,
                subject,
                &conn,
                &crate::binding::roots_of(&live.flow),
            )
            .await?;
        with_outputs(self, row.run, step, &mut bound.data).await?;
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
            must_hold: old.must_hold,
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
        if let Some(d) = self.dispatcher(&new.conn) {
            d.push(new, Some(stored));
        }
        self.note(
            by,
            "new place",
            &format!("action/{action}"),
            &format!("as action {id}"),
        )
        .await?;
        Ok(id)
    }
}
