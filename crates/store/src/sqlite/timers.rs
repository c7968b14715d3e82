//! Timers: what is due when, found by a partial index; what is read where time is asked about. A waiting timer costs nothing.

use super::names::Kind;
use super::rows::{EVENT, RECORD, all, event, record};
use super::{Rx, Tx};
use crate::Error;
use crate::types::*;
use rusqlite::{OptionalExtension, Row};
use stagewire_model::{Entity, MAIN};

const TIMER: &str = "kind, rule, subject, item, key, due";

impl TimerKind {
    /// The words that `rule` is one of.
    fn words(self) -> Kind {
        match self {
            TimerKind::Rule | TimerKind::Fact => Kind::Rule,
            _ => Kind::Flow,
        }
    }
}

impl Tx<'_> {
    /// Whether what fires is still waiting for just that.
    pub(super) fn timers_hold(&mut self, set: &WriteSet) -> Result<bool, Error> {
        let conn = self.name(set.ws, Kind::Connection, &set.conn)?;
        for t in &set.timers_fired {
            let rule = self.name(set.ws, t.kind.words(), &t.rule)?;
            let held: Option<(String, i64)> = self
                .sql("SELECT key, due FROM timer WHERE ws = ?1 AND kind = ?2 AND conn = ?3 AND rule = ?4 AND subject = ?5 AND item = ?6 AND state = 0")?
                .query_row((set.ws, t.kind as i64, conn, rule, t.subject, &t.item), |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            if held != Some((t.key.clone(), t.due)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn apply_timers(&mut self, set: &WriteSet, conn: i64) -> Result<(), Error> {
        for t in &set.timers_fired {
            let rule = self.name(set.ws, t.kind.words(), &t.rule)?;
            self.sql("UPDATE timer SET state = 1 WHERE ws = ?1 AND kind = ?2 AND conn = ?3 AND rule = ?4 AND subject = ?5 AND item = ?6")?
                .execute((set.ws, t.kind as i64, conn, rule, t.subject, &t.item))?;
        }
        for t in &set.timers_dropped {
            let rule = self.name(set.ws, t.kind.words(), &t.rule)?;
            self.sql("DELETE FROM timer WHERE ws = ?1 AND kind = ?2 AND conn = ?3 AND rule = ?4 AND subject = ?5 AND item = ?6")?
                .execute((set.ws, t.kind as i64, conn, rule, t.subject, &t.item))?;
        }
        for t in &set.timers_set {
            let rule = self.name(set.ws, t.kind.words(), &t.rule)?;
            let done = i64::from(t.kind == TimerKind::Rule);
            self.sql(
                "INSERT INTO timer(ws, kind, conn, rule, subject, item, key, due, state) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT(ws, kind, conn, rule, subject, item) DO UPDATE SET key = excluded.key, due = excluded.due, state = excluded.state
                 WHERE timer.key <> excluded.key OR timer.kind = 2 OR (timer.state = 0 AND timer.due <> excluded.due AND ?10)",
            )?
            .execute(rusqlite::params![set.ws, t.kind as i64, conn, rule, t.subject, t.item, t.key, t.due, done, t.firm])?;
        }
        Ok(())
    }

    pub(crate) fn timers_forget(
        &mut self,
        conn: String,
        kind: TimerKind,
        rule: String,
        limit: i64,
    ) -> Result<i64, Error> {
        let conn = self.name(MAIN, Kind::Connection, &conn)?;
        let rule = self.name(MAIN, kind.words(), &rule)?;
        let n = self
            .sql("DELETE FROM timer WHERE (ws, kind, conn, rule, subject, item) IN (SELECT ws, kind, conn, rule, subject, item FROM timer WHERE ws = ?1 AND kind = ?2 AND conn = ?3 AND rule = ?4 LIMIT ?5)")?
            .execute((MAIN, kind as i64, conn, rule, limit))?;
        Ok(n as i64)
    }
}

impl Rx<'_> {
    fn timer(&self, r: &Row) -> Result<TimerRow, Error> {
        Ok(TimerRow {
            kind: TimerKind::from_code(r.get(0)?).ok_or(Error::Corrupt("timer"))?,
            rule: self.text(r.get(1)?),
            subject: r.get(2)?,
            item: r.get(3)?,
            key: r.get(4)?,
            due: r.get(5)?,
            firm: true,
        })
    }

    pub(crate) fn timers_due(
        &mut self,
        conn: String,
        kind: TimerKind,
        now: i64,
        limit: i64,
    ) -> Result<Vec<TimerRow>, Error> {
        let conn = self.known(MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql(&format!("SELECT {TIMER} FROM timer WHERE ws = ?1 AND kind = ?2 AND conn = ?3 AND due <= ?4 AND state = 0 ORDER BY due LIMIT ?5"))?;
        all(stmt.query((MAIN, kind as i64, conn, now, limit))?, |r| {
            self.timer(r)
        })
    }

    pub(crate) fn timers_next(&mut self, conn: String) -> Result<Option<i64>, Error> {
        let conn = self.known(MAIN, Kind::Connection, &conn);
        let mut next: Option<i64> = None;
        for kind in [
            TimerKind::Fact,
            TimerKind::Schedule,
            TimerKind::Settle,
            TimerKind::Step,
            TimerKind::Collect,
        ] {
            let due: Option<i64> = self
                .sql("SELECT MIN(due) FROM timer WHERE ws = ?1 AND kind = ?2 AND conn = ?3 AND state = 0")?
                .query_row((MAIN, kind as i64, conn), |r| r.get(0))?;
            next = [next, due].into_iter().flatten().min();
        }
        Ok(next)
    }

    pub(crate) fn timers_of(
        &mut self,
        conn: String,
        kind: TimerKind,
        rule: String,
        subject: [u8; 16],
    ) -> Result<Vec<TimerRow>, Error> {
        let conn = self.known(MAIN, Kind::Connection, &conn);
        let rule = self.known(MAIN, kind.words(), &rule);
        let mut stmt = self.sql(&format!("SELECT {TIMER} FROM timer WHERE ws = ?1 AND kind = ?2 AND conn = ?3 AND rule = ?4 AND subject = ?5"))?;
        all(stmt.query((MAIN, kind as i64, conn, rule, subject))?, |r| {
            self.timer(r)
        })
    }

    pub(crate) fn timers_all(
        &mut self,
        conn: String,
        kind: TimerKind,
    ) -> Result<Vec<TimerRow>, Error> {
        let conn = self.known(MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql(&format!(
            "SELECT {TIMER} FROM timer WHERE ws = ?1 AND kind = ?2 AND conn = ?3 LIMIT 1000"
        ))?;
        all(stmt.query((MAIN, kind as i64, conn))?, |r| self.timer(r))
    }

    pub(crate) fn scan(
        &mut self,
        ws: i64,
        conn: String,
        entity: Entity,
        after: (i64, i64),
        limit: i64,
    ) -> Result<Vec<RecordRow>, Error> {
        let conn = self.known(ws, Kind::Connection, &conn);
        let mut stmt = self.sql(&format!("SELECT {RECORD} FROM record WHERE ws = ?1 AND entity = ?2 AND (changed_at, rid) > (?3, ?4) AND conn = ?5 AND deleted_at IS NULL ORDER BY changed_at, rid LIMIT ?6"))?;
        all(
            stmt.query((ws, entity.code(), after.0, after.1, conn, limit))?,
            |r| record(self, r),
        )
    }

    pub(crate) fn events_of(
        &mut self,
        ws: i64,
        subject: [u8; 16],
        kind: String,
        since: i64,
        limit: i64,
    ) -> Result<Vec<EventRow>, Error> {
        let kind = self.known(ws, Kind::Type, &kind);
        let mut stmt = self.sql(&format!("SELECT {EVENT} FROM event WHERE ws = ?1 AND subject = ?2 AND type = ?3 AND observed >= ?4 AND main = 1 ORDER BY id LIMIT ?5"))?;
        all(stmt.query((ws, subject, kind, since, limit))?, |r| {
            event(self, r)
        })
    }

    pub(crate) fn runs_since(
        &mut self,
        ws: i64,
        flow: String,
        since: i64,
        limit: i64,
    ) -> Result<i64, Error> {
        let flow = self.known(ws, Kind::Flow, &flow);
        Ok(self
            .sql("SELECT COUNT(*) FROM (SELECT at FROM run WHERE ws = ?1 AND flow = ?2 ORDER BY id DESC LIMIT ?4) WHERE at >= ?3")?
            .query_row((ws, flow, since, limit), |r| r.get(0))?)
    }
}
