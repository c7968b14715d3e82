//! The ledger: claiming, settling and recovering actions. Every change names the state and attempt it comes from.

use super::names::Kind;
use super::rows::{ACTION, EVENT, RUN, action, all, event, one, run};
use super::{Rx, Tx};
use crate::types::*;
use crate::{Error, SealedBody};
use rusqlite::OptionalExtension;
use stagewire_model::action::Gate;
use stagewire_model::{ActionState, Effect, Rung};

impl Tx<'_> {
    pub(crate) fn claim(&mut self, claims: Vec<Claim>) -> Result<Vec<Claimed>, Error> {
        claims.into_iter().map(|c| self.claim_one(c)).collect()
    }

    fn claim_one(&mut self, c: Claim) -> Result<Claimed, Error> {
        let row = self
            .sql("SELECT ws, flow, falls, effect, state, attempt, maybe, must_hold, run FROM action WHERE id = ?1")?
            .query_row([c.action], |r| {
                Ok(Seen {
                    ws: r.get(0)?,
                    flow: r.get(1)?,
                    falls: r.get(2)?,
                    effect: r.get(3)?,
                    state: r.get(4)?,
                    attempt: r.get(5)?,
                    maybe: r.get(6)?,
                    must_hold: r.get(7)?,
                    run: r.get(8)?,
                })
            })
            .optional()?;
        let Some(row) = row else {
            return Ok(Claimed::Moved);
        };
        if row.state != action_code(c.from) || row.attempt != c.attempt {
            return Ok(Claimed::Moved);
        }
        // what may have happened already is repeated or looked for; nobody can hold it back any more
        if !row.maybe {
            if let Some(stopped) = self.stopped(&row, &c)? {
                return Ok(stopped);
            }
            if !self.facts_hold(row.ws, &c.facts)? {
                return Ok(Claimed::Facts);
            }
        }
        let request = c
            .request
            .as_ref()
            .map(|b| self.put_body(row.ws, b))
            .transpose()?;
        self.sql("UPDATE action SET state = 2, attempt = attempt + 1, reason = NULL, quiet_until = NULL, request = COALESCE(?2, request), seen_version = CASE WHEN maybe THEN seen_version ELSE COALESCE(?3, seen_version) END WHERE id = ?1")?
            .execute((c.action, request, &c.seen_version))?;
        Ok(Claimed::Go)
    }

    /// The rung and the hold, checked again in the claim's own transaction.
    fn stopped(&mut self, row: &Seen, c: &Claim) -> Result<Option<Claimed>, Error> {
        let effect = Effect::parse(&row.effect).unwrap_or(Effect::Candidate);
        let flow: Option<(String, i64)> = self
            .sql("SELECT rung, falls FROM flow WHERE ws = ?1 AND flow = ?2")?
            .query_row((row.ws, row.flow), |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let mut hold = row.must_hold;
        if let Some((rung, falls)) = flow {
            let gate = Rung::parse(&rung)
                .unwrap_or(Rung::ReadOnly)
                .gate(effect, row.must_hold);
            if gate == Gate::WouldHave || falls != row.falls {
                let sql = "UPDATE action SET state = 10, reason = 'the rung of the flow fell', settled = made WHERE id = ?1";
                self.over(row, c.action, sql)?;
                return Ok(Some(Claimed::WouldHave));
            }
            hold = gate == Gate::Hold;
        }
        let decided: Option<(String, String, [u8; 32])> = self
            .sql("SELECT state, facts, shown_hash FROM hold WHERE action = ?1")?
            .query_row([c.action], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        match decided {
            Some((state, facts, shown)) if state == "approved" || state == "edited" => {
                if !self.facts_hold(row.ws, &parse_facts(&facts)?)? {
                    self.sql("UPDATE hold SET state = 'blocked', reason = 'the facts changed after the decision' WHERE action = ?1")?
                        .execute([c.action])?;
                    let sql = "UPDATE action SET state = 9, reason = 'blocked: the facts changed after the decision' WHERE id = ?1";
                    self.over(row, c.action, sql)?;
                    return Ok(Some(Claimed::Blocked));
                }
                if shown == c.shown_hash {
                    return Ok(None);
                }
                self.hold_again(row, c)
            }
            Some(_) => self.hold_again(row, c),
            None if hold => self.hold_again(row, c),
            None => Ok(None),
        }
    }

    /// Nobody has decided about this very request: a person is asked (again).
    fn hold_again(&mut self, row: &Seen, c: &Claim) -> Result<Option<Claimed>, Error> {
        let facts = serde_json::to_string(&c.facts).map_err(|_| Error::Corrupt("hold"))?;
        let request = c
            .request
            .as_ref()
            .map(|b| self.put_body(row.ws, b))
            .transpose()?;
        self.sql("UPDATE action SET state = 1, due = NULL, reason = NULL, must_hold = 1, request = COALESCE(?2, request) WHERE id = ?1")?
            .execute((c.action, request))?;
        self.sql(
            "INSERT INTO hold(action, ws, state, flow, owner, due, shown_hash, facts, at) VALUES(?1, ?2, 'waiting', ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT(action) DO UPDATE SET state = 'waiting', due = excluded.due, shown_hash = excluded.shown_hash, facts = excluded.facts, edited = NULL, decided_by = NULL, decided_at = NULL, reason = NULL",
        )?
        .execute((c.action, row.ws, row.flow, &c.hold.0, c.hold.1, c.shown_hash, facts, c.hold.2))?;
        Ok(Some(Claimed::Held))
    }

    /// An action ended without a call: its run may go on, its failure is over.
    fn over(&mut self, row: &Seen, action: i64, sql: &'static str) -> Result<(), Error> {
        self.sql(sql)?.execute([action])?;
        self.item_fixed("action", action, 0)?;
        self.run_goes_on(row.run)?;
        Ok(())
    }

    pub(super) fn facts_hold(&mut self, ws: i64, facts: &[([u8; 16], i64)]) -> Result<bool, Error> {
        for (id, revision) in facts {
            let now: Option<i64> = self
                .sql("SELECT revision FROM record WHERE ws = ?1 AND id16 = ?2")?
                .query_row((ws, id), |r| r.get(0))
                .optional()?;
            if now != Some(*revision) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn settle(&mut self, s: Box<Settle>) -> Result<Settled, Error> {
        let s = *s;
        let ids: Option<(i64, i64, i64, i64)> = self
            .sql("SELECT ws, conn, run, step FROM action WHERE id = ?1")?
            .query_row([s.action], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })
            .optional()?;
        let Some((ws, conn, run, _)) = ids else {
            return Ok(Settled {
                taken: false,
                waiters: false,
            });
        };
        for b in &s.bodies {
            self.put_body(ws, b)?;
        }
        for c in &s.calls {
            self.put_call(c)?;
        }
        let output = s
            .output
            .as_ref()
            .map(|b: &SealedBody| self.put_body(ws, b))
            .transpose()?;
        let over = matches!(
            s.to,
            ActionState::Done
                | ActionState::AlreadyThere
                | ActionState::Refused
                | ActionState::Parked
                | ActionState::Skipped
                | ActionState::WouldHave
        );
        let taken = self
            .sql("UPDATE action SET state = ?4, reason = ?5, due = ?6, tries = ?7, maybe = ?8, first_fail = ?9, quiet_until = ?10, remote_id = COALESCE(?11, remote_id), output = COALESCE(?12, output), settled = ?13 WHERE id = ?1 AND state = ?2 AND attempt = ?3")?
            .execute(rusqlite::params![s.action, action_code(s.from), s.attempt, action_code(s.to), s.reason, s.due, s.tries, s.maybe, s.first_fail, s.quiet_until, s.remote_id, output, over.then_some(s.at)])?
            == 1;
        if s.success {
            self.sql("UPDATE connection SET last_success = ?3 WHERE ws = ?1 AND conn = ?2 AND COALESCE(last_success, 0) < ?3 - 1000000")?.execute((ws, conn, s.at))?;
        }
        if !taken {
            return Ok(Settled {
                taken,
                waiters: false,
            });
        }
        if let Some(f) = &s.failure {
            self.open_failure(f)?;
        } else if s.to.settled() {
            self.item_fixed("action", s.action, s.at)?;
        }
        let waiters = over && self.run_goes_on(run)?;
        Ok(Settled { taken, waiters })
    }

    /// After an action ended: the run's own state; true where other steps wait.
    pub(super) fn run_goes_on(&mut self, run: i64) -> Result<bool, Error> {
        if run == 0 {
            return Ok(false);
        }
        let (open, parked, would): (i64, i64, i64) = self
            .sql("SELECT SUM(state IN (0, 1, 2, 3, 4)), SUM(state IN (7, 8)), SUM(state = 10) FROM action WHERE run = ?1")?
            .query_row([run], |r| Ok((r.get::<_, Option<i64>>(0)?.unwrap_or(0), r.get::<_, Option<i64>>(1)?.unwrap_or(0), r.get::<_, Option<i64>>(2)?.unwrap_or(0))))?;
        let waiting = self
            .sql("SELECT 1 FROM run WHERE id = ?1 AND reason IN ('needs', 'after')")?
            .exists([run])?;
        let state = match () {
            () if parked > 0 => RunState::Parked,
            () if open > 0 || waiting => RunState::Running,
            () if would > 0 => RunState::WouldHave,
            () => RunState::Done,
        };
        self.sql("UPDATE run SET state = ?2, reason = CASE WHEN reason IN ('needs', 'after') THEN reason END WHERE id = ?1 AND state <> ?2 AND state IN (1, 2, 3)")?.execute((run, state as i64))?;
        Ok(waiting)
    }

    pub(super) fn put_call(&mut self, c: &CallRow) -> Result<(), Error> {
        let conn = self.name(c.ws, Kind::Connection, &c.conn)?;
        let (host, path) = (
            self.name(c.ws, Kind::Host, &c.host)?,
            self.name(c.ws, Kind::Path, &c.path)?,
        );
        let code = if c.code.is_empty() {
            0
        } else {
            self.name(c.ws, Kind::Code, &c.code)?
        };
        self.sql("INSERT OR IGNORE INTO call(id, ws, at, conn, method, host, path, status, code, ms, attempt, action, purpose, limit_left, request, response) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)")?.execute(rusqlite::params![
            c.id, c.ws, c.at, conn, c.method, host, path, c.status, code, c.ms, c.attempt, c.action, c.purpose, c.limit_left, c.request, c.response
        ])?;
        Ok(())
    }

    pub(crate) fn log_calls(
        &mut self,
        calls: Vec<CallRow>,
        bodies: Vec<SealedBody>,
    ) -> Result<(), Error> {
        for b in &bodies {
            self.put_body(stagewire_model::MAIN, b)?;
        }
        calls.iter().try_for_each(|c| self.put_call(c))
    }

    pub(crate) fn recover(&mut self, now: i64, quiet_ms: i64) -> Result<i64, Error> {
        let n = self
            .sql("UPDATE action SET state = 4, maybe = 1, due = CASE WHEN once IN ('ledger', 'set') THEN ?2 ELSE ?1 END, quiet_until = ?2, reason = 'the server stopped while it was being sent' WHERE state = 2")?
            .execute((now, now + quiet_ms * 1000))?;
        Ok(n as i64)
    }
}

/// What a claim reads of the action.
struct Seen {
    ws: i64,
    flow: i64,
    falls: i64,
    effect: String,
    state: i64,
    attempt: i64,
    maybe: bool,
    must_hold: bool,
    run: i64,
}

pub(super) fn parse_facts(text: &str) -> Result<Vec<([u8; 16], i64)>, Error> {
    serde_json::from_str(text).map_err(|_| Error::Corrupt("hold"))
}

impl Rx<'_> {
    pub(crate) fn due_actions(
        &mut self,
        conn: String,
        after_place: i64,
        limit: i64,
    ) -> Result<Vec<ActionRow>, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql(&format!("SELECT {ACTION} FROM action WHERE conn = ?1 AND place > ?2 AND state IN (0, 2, 3, 4) ORDER BY place LIMIT ?3"))?;
        all(stmt.query((conn, after_place, limit))?, |r| action(self, r))
    }

    pub(crate) fn backlog(&mut self, conn: String) -> Result<i64, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        Ok(self
            .sql("SELECT COUNT(*) FROM action WHERE conn = ?1 AND state IN (0, 2, 3, 4)")?
            .query_row([conn], |r| r.get(0))?)
    }

    pub(crate) fn action(&mut self, id: i64) -> Result<Option<ActionRow>, Error> {
        let mut stmt = self.sql(&format!("SELECT {ACTION} FROM action WHERE id = ?1"))?;
        one(stmt.query([id])?, |r| action(self, r))
    }

    pub(crate) fn actions_of_run(&mut self, run: i64) -> Result<Vec<ActionRow>, Error> {
        let mut stmt = self.sql(&format!(
            "SELECT {ACTION} FROM action WHERE run = ?1 ORDER BY id"
        ))?;
        all(stmt.query([run])?, |r| action(self, r))
    }

    pub(crate) fn run(&mut self, id: i64) -> Result<Option<RunRow>, Error> {
        let mut stmt = self.sql(&format!("SELECT {RUN} FROM run WHERE id = ?1"))?;
        one(stmt.query([id])?, |r| run(self, r))
    }

    pub(crate) fn event(&mut self, uid: [u8; 16]) -> Result<Option<EventRow>, Error> {
        let mut stmt = self.sql(&format!(
            "SELECT {EVENT} FROM event WHERE ws = ?1 AND uid = ?2"
        ))?;
        one(stmt.query((stagewire_model::MAIN, uid))?, |r| {
            event(self, r)
        })
    }

    pub(crate) fn recent_events(
        &mut self,
        ws: i64,
        kind: Option<String>,
        conn: Option<String>,
        limit: i64,
    ) -> Result<Vec<EventRow>, Error> {
        let kind = kind.map(|k| self.known(ws, Kind::Type, &k));
        let conn = conn.map(|c| self.known(ws, Kind::Connection, &c));
        let mut stmt = self.sql(&format!(
            "SELECT {EVENT} FROM event WHERE ws = ?1 AND main = 1 AND (?2 IS NULL OR type = ?2) AND (?3 IS NULL OR conn = ?3) ORDER BY id DESC LIMIT ?4"
        ))?;
        all(stmt.query((ws, kind, conn, limit))?, |r| event(self, r))
    }

    pub(crate) fn runs_to_advance(&mut self, limit: i64) -> Result<Vec<i64>, Error> {
        let mut stmt =
            self.sql("SELECT id FROM run WHERE reason = 'needs' AND state IN (1, 3) ORDER BY RANDOM() LIMIT ?1")?;
        all(stmt.query([limit])?, |r| Ok(r.get(0)?))
    }
}
