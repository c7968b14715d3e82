//! By hand: trying actions again, and settling what nobody else can tell. Leaves alone what is in flight, what may have happened
//! without a way to look, and what something newer has overtaken.

use super::Tx;
use super::rows::{ACTION, action, one};
use crate::types::*;
use crate::{Error, types::action_code};
use stagewire_model::{ActionState, OnceKind};

impl Tx<'_> {
    pub(crate) fn replay(&mut self, r: Replay) -> Result<ReplayDone, Error> {
        let mut done = ReplayDone::default();
        let mut rows = Vec::new();
        for id in &r.actions {
            let found = {
                let rx = self.reader();
                let mut stmt = rx.sql(&format!("SELECT {ACTION} FROM action WHERE id = ?1"))?;
                one(stmt.query([id])?, |x| action(&rx, x))?
            };
            match found {
                Some(a) => rows.push(a),
                None => done.left.push((*id, "there is no such action".into())),
            }
        }
        rows.sort_by_key(|a| a.place);
        for a in rows {
            let newer: Option<i64> = self
                .sql("SELECT MIN(id) FROM action WHERE ws = ?1 AND conn = (SELECT conn FROM action WHERE id = ?2) AND order_key = ?3 AND place > ?4 AND state IN (5, 6)")?
                .query_row((a.ws, a.id, a.order_key, a.place), |x| x.get(0))?;
            if let Some(why) = leave(&a, newer, r.single) {
                done.left.push((a.id, why));
                continue;
            }
            done.overtaken_by.extend(newer.map(|n| (a.id, n)));
            done.again.push(a.id);
            if !r.plan {
                self.again(&a, &r)?;
            }
        }
        if !r.plan && !done.again.is_empty() {
            let detail = format!("{} tried again, {} left", done.again.len(), done.left.len());
            self.append_audit(&AuditEntry {
                ws: 1,
                at: r.at,
                actor: r.by,
                verb: "replay".into(),
                object: format!("action/{}", done.again[0]),
                detail,
            })?;
        }
        Ok(done)
    }

    fn again(&mut self, a: &ActionRow, r: &Replay) -> Result<(), Error> {
        let request = match r.rendered.iter().find(|(id, _)| *id == a.id) {
            Some((_, body)) if !a.maybe => Some(self.put_body(a.ws, body)?),
            _ => None,
        };
        let valid = r
            .valid_ms
            .iter()
            .find(|(id, ms)| *id == a.id && *ms > 0)
            .map(|(_, ms)| r.at + ms * 1000);
        let look = a.maybe && matches!(a.once, OnceKind::Compare | OnceKind::Marker);
        let state = if look {
            ActionState::Unsure
        } else {
            ActionState::Later
        };
        self.sql("UPDATE action SET state = ?2, due = ?3, tries = 0, first_fail = NULL, reason = 'tried again by hand', settled = NULL, request = COALESCE(?4, request), valid_until = ?5, crashes = 0, falls = COALESCE((SELECT falls FROM flow WHERE flow.ws = action.ws AND flow.flow = action.flow), falls) WHERE id = ?1")?
            .execute((a.id, action_code(state), r.at, request, valid))?;
        self.sql("UPDATE run SET state = 1 WHERE id = ?1 AND state = 3")?
            .execute([a.run])?;
        self.sql("UPDATE failure SET state = 'waiting' WHERE state IN ('open', 'taken', 'back') AND id IN (SELECT failure FROM failure_item WHERE kind = 'action' AND ref = ?1)")?
            .execute([a.id])?;
        Ok(())
    }

    pub(crate) fn settle_by_hand(&mut self, by: ByHand) -> Result<i64, Error> {
        let items: Vec<(String, i64)> = {
            let mut stmt = self.sql("SELECT kind, ref FROM failure_item WHERE failure = ?1")?;
            let rows = stmt.query_map([by.failure], |r| Ok((r.get(0)?, r.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        let mut n = 0;
        for (kind, id) in items {
            if kind != "action" {
                if by.kind == "not_needed" {
                    self.item_fixed(&kind, id, by.at)?;
                    n += 1;
                }
                continue;
            }
            n += self.settle_action_by_hand(id, &by)?;
        }
        let detail = format!("{} item(s): {}", n, by.reason);
        self.append_audit(&AuditEntry {
            ws: 1,
            at: by.at,
            actor: by.by,
            verb: format!("settle {}", by.kind),
            object: format!("failure/{}", by.failure),
            detail,
        })?;
        Ok(n)
    }

    fn settle_action_by_hand(&mut self, id: i64, by: &ByHand) -> Result<i64, Error> {
        let (state, reason) = match by.kind.as_str() {
            "done_by_hand" => (ActionState::Done, "done by hand"),
            "not_needed" => (ActionState::Skipped, "not needed"),
            "did_not_arrive" => (ActionState::Later, "a person says it did not arrive"),
            other => {
                return Err(Error::Conflict(format!(
                    "'{other}' is not a way to settle; use done_by_hand, did_not_arrive or not_needed"
                )));
            }
        };
        let over = state != ActionState::Later;
        let n = self
            .sql("UPDATE action SET state = ?2, reason = ?3, remote_id = COALESCE(?4, remote_id), settled = ?5, due = ?6, valid_until = CASE WHEN ?7 THEN NULL ELSE valid_until END, falls = COALESCE((SELECT falls FROM flow WHERE flow.ws = action.ws AND flow.flow = action.flow), falls), maybe = CASE WHEN ?7 THEN 0 ELSE maybe END, tries = CASE WHEN ?7 THEN 0 ELSE tries END, first_fail = NULL
                  WHERE id = ?1 AND state IN (7, 8) AND (?7 = 0 OR quiet_until IS NULL OR quiet_until <= ?8)")?
            .execute((id, action_code(state), reason, &by.remote_id, over.then_some(by.at), by.at, !over, by.at))?;
        if n == 1 {
            if over {
                self.item_fixed("action", id, by.at)?;
            } else {
                self.sql("UPDATE failure SET state = 'waiting' WHERE id = ?1")?
                    .execute([by.failure])?;
            }
            let run: i64 = self
                .sql("SELECT run FROM action WHERE id = ?1")?
                .query_row([id], |r| r.get(0))?;
            self.run_goes_on(run)?;
        }
        Ok(n as i64)
    }
}

/// Why an action is left alone by a replay; `None` where it goes again.
fn leave(a: &ActionRow, newer: Option<i64>, single: bool) -> Option<String> {
    if !matches!(
        a.state,
        ActionState::Refused | ActionState::Parked | ActionState::Later | ActionState::Skipped
    ) {
        return Some(format!("it is {}", a.state));
    }
    if a.state == ActionState::Skipped
        && !a.reason.as_deref().unwrap_or("").starts_with("overtaken")
    {
        return Some("it was skipped on purpose".into());
    }
    if a.maybe && a.once == OnceKind::Ledger {
        return Some(
            "it may have arrived and nothing can tell; look there, then settle it by hand".into(),
        );
    }
    if !single && let Some(n) = newer {
        return Some(format!("action {n} about the same record went meanwhile"));
    }
    None
}
