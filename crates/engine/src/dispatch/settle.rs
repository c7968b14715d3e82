//! What became of an action, written down: the state, its calls, the inbox, and what it means for the connection. An answer that
//! cannot be written is kept and tried again: it is never thrown away.

use super::decide::Decision;
use super::decision::ended;
use super::line::{Entry, Result as Landed};
use super::{Dispatcher, Loaded};
use crate::connection::State;
use stagewire_model::{ActionState, MAIN, Micros};
use stagewire_store::{CallRow, Class, Failing, SealedBody, Settle, Table};
use std::sync::Arc;

impl Dispatcher {
    /// Its turn stopped the engine: it is set aside, and its line goes on.
    pub(super) async fn poisoned(self: &Arc<Self>, entry: Entry) {
        let now = self.hub.env.now();
        let cause = "this action stopped the engine; it was set aside and the rest went on";
        if let Ok(Some(row)) = self.store().action(entry.id).await {
            let maybe = row.maybe || row.state == ActionState::Claimed;
            let (state, attempt, tries) = (row.state, row.attempt, row.tries);
            let loaded = Loaded {
                row,
                stored: None,
                fresh: false,
                shown: None,
            };
            let settle = Settle {
                action: entry.id,
                from: state,
                attempt,
                to: ActionState::Parked,
                reason: Some(cause.into()),
                due: None,
                tries,
                maybe,
                first_fail: None,
                quiet_until: None,
                remote_id: None,
                output: None,
                calls: Vec::new(),
                bodies: Vec::new(),
                failure: Some(self.failing(&loaded, "POISON-001", cause, now)),
                at: now.0,
                success: false,
            };
            self.write_down(settle).await;
            self.hub.settled(loaded.row.run, true, true);
        }
        self.release(&entry, Landed::Ended, None);
    }

    pub(super) async fn overtaken(self: &Arc<Self>, entry: Entry) {
        let Some(loaded) = self.loaded(&entry).await else {
            let later = super::decision::waits(&entry, self.hub.env.now().plus_ms(1_000));
            return self.release(&entry, later, None);
        };
        let mut decision = ended(
            ActionState::Skipped,
            "overtaken: its time was over before it could go",
            &entry,
        );
        decision.failure = Some((
            "LATE-001".into(),
            "these came due too late to be of use; they were not sent".into(),
        ));
        self.put_off(&entry, &loaded, decision).await;
    }

    pub(super) async fn settle(
        self: &Arc<Self>,
        entry: &Entry,
        loaded: &Arc<Loaded>,
        from: ActionState,
        attempt: i64,
        decision: Decision,
        calls: Vec<CallRow>,
        bodies: Vec<SealedBody>,
    ) {
        let now = self.hub.env.now();
        let decision = self.unless_over(entry, decision);
        let first_fail = match decision.to {
            ActionState::Later | ActionState::Unsure => entry
                .first_fail
                .or((decision.well == Some(false)).then_some(now)),
            _ => None,
        };
        let waits = Landed::Waits {
            due: decision.due.unwrap_or(now),
            state: decision.to,
            attempt,
            tries: decision.tries,
            first_fail,
            limited: decision.blocked.is_some(),
        };
        let over = !matches!(
            decision.to,
            ActionState::Later | ActionState::Unsure | ActionState::Planned
        );
        let settle = Settle {
            action: entry.id,
            from,
            attempt,
            to: decision.to,
            reason: decision.reason.clone(),
            due: decision.due.map(|d| d.0),
            tries: decision.tries,
            maybe: decision.maybe,
            first_fail: first_fail.map(|t| t.0),
            quiet_until: decision.quiet_until.map(|t| t.0),
            remote_id: decision.done.as_ref().and_then(|d| d.0.clone()),
            output: self.seal_output(loaded, &decision, now),
            calls,
            bodies,
            failure: decision
                .failure
                .as_ref()
                .map(|(code, cause)| self.failing(loaded, code, cause, now)),
            at: now.0,
            success: decision.to == ActionState::Done,
        };
        let (failed, used) = (
            settle.failure.is_some(),
            !settle.calls.is_empty() || from == ActionState::Unsure,
        );
        let settled = self.write_down(settle).await;
        // what is in hand is brought up to date before the line may give it another turn
        let mut next = loaded.row.clone();
        (next.state, next.attempt, next.tries) = (decision.to, attempt, decision.tries);
        (next.maybe, next.quiet_until) = (decision.maybe, decision.quiet_until.map(|t| t.0));
        let held = Loaded {
            row: next,
            stored: loaded.stored.clone(),
            fresh: loaded.fresh,
            shown: loaded.shown,
        };
        if over {
            self.rows().remove(&entry.id);
        } else {
            self.rows().insert(entry.id, Arc::new(held));
        }
        let parked = self.landed(
            entry,
            if over { Landed::Ended } else { waits },
            decision.well,
            used,
        );
        if parked {
            self.park_overdue(entry, loaded, attempt, decision).await;
        }
        if settled || failed {
            self.hub.settled(loaded.row.run, settled, failed);
        }
    }

    /// What came back after its subscription had ended does not wait for another try.
    fn unless_over(&self, entry: &Entry, decision: Decision) -> Decision {
        let waits = matches!(decision.to, ActionState::Later | ActionState::Unsure);
        let over = self.stopped.load(std::sync::atomic::Ordering::Acquire)
            && crate::subscribe::number(&self.conn.id).is_some();
        match waits && over {
            true => ended(ActionState::Skipped, "its subscription ended", entry),
            false => decision,
        }
    }

    /// Its ten minutes and its last try are over: parked visibly, and the next goes.
    pub(super) async fn park_overdue(
        &self,
        entry: &Entry,
        loaded: &Arc<Loaded>,
        attempt: i64,
        decision: Decision,
    ) {
        let now = self.hub.env.now();
        let cause =
            "it failed for ten minutes while something newer of the same record waited behind it";
        let settle = Settle {
            action: entry.id,
            from: decision.to,
            attempt,
            to: ActionState::Parked,
            reason: Some(cause.into()),
            due: None,
            tries: decision.tries,
            maybe: decision.maybe,
            first_fail: None,
            quiet_until: decision.quiet_until.map(|t| t.0),
            remote_id: None,
            output: None,
            calls: Vec::new(),
            bodies: Vec::new(),
            failure: Some(self.failing(loaded, "ORDER-001", cause, now)),
            at: now.0,
            success: false,
        };
        let settled = self.write_down(settle).await;
        self.hub.settled(loaded.row.run, settled, true);
    }

    /// Writes until it is written: an answer is never thrown away.
    pub(super) async fn write_down(&self, settle: Settle) -> bool {
        loop {
            match self.store().settle(Box::new(settle.clone())).await {
                Ok(settled) => return settled.waiters,
                Err(e) => {
                    tracing::error!(action.id = settle.action, cause = %e, "what became of an action could not be written down; trying again");
                    self.hub.env.sleep(500).await;
                }
            }
        }
    }

    pub(super) fn landed(
        &self,
        entry: &Entry,
        result: Landed,
        well: Option<bool>,
        used: bool,
    ) -> bool {
        if used {
            self.conn.budget.release()
        } else {
            self.conn.budget.give_back()
        };
        let parked = self
            .line()
            .landed(entry.id, self.hub.env.now(), result, well);
        self.wake();
        parked
    }

    /// The turn is over without a call: slot and turn go back.
    pub(super) fn release(&self, entry: &Entry, result: Landed, well: Option<bool>) {
        self.landed(entry, result, well, false);
        if result == Landed::Ended {
            self.rows().remove(&entry.id);
        }
    }

    pub(super) fn failing(&self, loaded: &Loaded, code: &str, cause: &str, now: Micros) -> Failing {
        let row = &loaded.row;
        let wide = code.starts_with("NET-")
            || code.starts_with("AUTH-00") && code != "AUTH-003"
            || code == "LATE-001";
        let group_key = if wide {
            format!("{code}|{}", row.conn)
        } else {
            format!("{code}|{}|{}|{}", row.conn, row.flow, row.step)
        };
        Failing {
            ws: MAIN,
            group_key,
            code: code.to_owned(),
            conn: Some(row.conn.clone()),
            flow: (!wide).then(|| row.flow.clone()),
            cause: cause.to_owned(),
            owner: self.hub.owner_of(&row.flow, &self.conn.spec.owner),
            at: now.0,
            item: Some(("action".into(), row.id)),
        }
    }

    pub(super) fn seal_output(
        &self,
        loaded: &Loaded,
        decision: &Decision,
        now: Micros,
    ) -> Option<SealedBody> {
        let (_, output) = decision.done.as_ref()?;
        if output.is_null() || !self.hub.output_is_read(&loaded.row) {
            return None;
        }
        let id = self.store().next(Table::Body);
        Some(SealedBody::new(
            self.store().keys(),
            id,
            MAIN,
            Class::Request,
            now.0,
            loaded.row.person,
            output.to_string().as_bytes(),
        ))
    }

    pub(super) async fn needs_you(&self, code: &str, say: &str) {
        self.hub.needs_you(&self.conn, code, say).await;
    }

    pub(super) async fn set_state(&self, state: State, sentence: &str) {
        self.hub.put_state(&self.conn, state, sentence).await;
    }
}
