//! Holds: an action waits for a person. The first decision wins, names what was on screen, and covers that request only.

use super::rows::one;
use super::{Rx, Tx, actions::parse_facts};
use crate::types::*;
use crate::{Error, types::action_code};
use rusqlite::{OptionalExtension, Row};
use stagewire_model::ActionState;

const HOLD: &str = "action, ws, state, flow, owner, due, shown_hash, facts, edited, at, decided_by, decided_at, reason";

impl Tx<'_> {
    pub(crate) fn decide(&mut self, d: Decision) -> Result<HoldDone, Error> {
        let row = self
            .sql("SELECT ws, state, shown_hash, facts, due FROM hold WHERE action = ?1")?
            .query_row([d.action], |r| {
                Ok((
                    r.get::<_, i64>(0)?,
                    r.get::<_, String>(1)?,
                    r.get::<_, [u8; 32]>(2)?,
                    r.get::<_, String>(3)?,
                    r.get::<_, i64>(4)?,
                ))
            })
            .optional()?;
        let Some((ws, state, shown, facts, due)) = row else {
            return Ok(HoldDone::NotFound);
        };
        if state != "waiting" {
            return Ok(HoldDone::Already(state));
        }
        if due <= d.at {
            self.end_hold(d.action, "expired", None, d.at, None)?;
            return Ok(HoldDone::Already("expired".into()));
        }
        if d.to == "rejected" {
            self.end_hold(d.action, "rejected", Some(&d.by), d.at, d.reason.as_deref())?;
            self.decided(&d)?;
            return Ok(HoldDone::Decided(ActionState::Skipped));
        }
        if d.shown_hash != Some(shown) {
            return Ok(HoldDone::NotShown);
        }
        if !self.facts_hold(ws, &parse_facts(&facts)?)? {
            self.end_hold(
                d.action,
                "blocked",
                None,
                d.at,
                Some("the facts changed meanwhile"),
            )?;
            return Ok(HoldDone::Blocked);
        }
        let edited = match &d.request {
            Some((body, hash)) => {
                self.put_body(ws, body)?;
                self.sql("UPDATE hold SET shown_hash = ?2, edited = ?3 WHERE action = ?1")?
                    .execute((d.action, hash, body.id))?;
                Some(body.id)
            }
            None => None,
        };
        self.sql("UPDATE hold SET state = ?2, decided_by = ?3, decided_at = ?4, reason = ?5 WHERE action = ?1")?.execute((d.action, &d.to, &d.by, d.at, &d.reason))?;
        self.sql("UPDATE action SET state = ?2, due = ?3, place = ?4, valid_until = ?5, request = COALESCE(?6, request), reason = NULL WHERE id = ?1 AND state = 1")?
            .execute((d.action, action_code(ActionState::Planned), d.at, d.place, d.valid_until, edited))?;
        self.decided(&d)?;
        Ok(HoldDone::Decided(ActionState::Planned))
    }

    fn decided(&mut self, d: &Decision) -> Result<(), Error> {
        let detail = d.reason.clone().unwrap_or_default();
        self.append_audit(&AuditEntry {
            ws: 1,
            at: d.at,
            actor: d.by.clone(),
            verb: format!("hold {}", d.to),
            object: format!("hold/{}", d.action),
            detail,
        })?;
        Ok(())
    }

    fn end_hold(
        &mut self,
        action: i64,
        state: &str,
        by: Option<&str>,
        at: i64,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        self.sql("UPDATE hold SET state = ?2, decided_by = ?3, decided_at = ?4, reason = ?5 WHERE action = ?1")?.execute((action, state, by, at, reason))?;
        self.sql(
            "UPDATE action SET state = ?2, reason = ?3, settled = ?4 WHERE id = ?1 AND state = 1",
        )?
        .execute((
            action,
            action_code(ActionState::Skipped),
            format!("hold {state}"),
            at,
        ))?;
        let run: i64 = self
            .sql("SELECT run FROM action WHERE id = ?1")?
            .query_row([action], |r| r.get(0))?;
        self.run_goes_on(run)?;
        Ok(())
    }

    pub(crate) fn expire_holds(&mut self, now: i64) -> Result<Vec<i64>, Error> {
        let due: Vec<i64> = {
            let mut stmt = self.sql("SELECT action FROM hold WHERE ws = 1 AND state = 'waiting' AND due <= ?1 LIMIT 500")?;
            let rows = stmt.query_map([now], |r| r.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        for action in &due {
            self.end_hold(*action, "expired", None, now, None)?;
        }
        Ok(due)
    }
}

impl Rx<'_> {
    pub(crate) fn hold(&mut self, action: i64) -> Result<Option<HoldRow>, Error> {
        let mut stmt = self.sql(&format!("SELECT {HOLD} FROM hold WHERE action = ?1"))?;
        one(stmt.query([action])?, |r| self.hold_row(r))
    }

    fn hold_row(&self, r: &Row) -> Result<HoldRow, Error> {
        Ok(HoldRow {
            action: r.get(0)?,
            ws: r.get(1)?,
            state: r.get(2)?,
            flow: self.text(r.get(3)?),
            owner: r.get(4)?,
            due: r.get(5)?,
            shown_hash: r.get(6)?,
            facts: parse_facts(&r.get::<_, String>(7)?)?,
            edited: r.get(8)?,
            at: r.get(9)?,
            decided_by: r.get(10)?,
            decided_at: r.get(11)?,
            reason: r.get(12)?,
        })
    }
}
