//! The error inbox: failures grouped by cause, counted, fixed only when nothing in them is still broken.

use super::names::Kind;
use super::rows::{all, one};
use super::{Rx, Tx};
use crate::Error;
use crate::types::*;
use rusqlite::{OptionalExtension, Row};

const FAILURE: &str = "id, code, conn, flow, cause, state, owner, count, first, last";

impl Tx<'_> {
    /// Opens a failure, counts it again, or brings a fixed one back; gives its number.
    pub(super) fn open_failure(&mut self, f: &Failing) -> Result<i64, Error> {
        let conn = f
            .conn
            .as_deref()
            .map(|c| self.name(f.ws, Kind::Connection, c))
            .transpose()?;
        let flow = f
            .flow
            .as_deref()
            .map(|c| self.name(f.ws, Kind::Flow, c))
            .transpose()?;
        let open: Option<i64> = self
            .sql("SELECT id FROM failure WHERE ws = ?1 AND group_key = ?2 AND state <> 'fixed' AND state <> 'ignored'")?
            .query_row((f.ws, &f.group_key), |r| r.get(0))
            .optional()?;
        let known = match (open, &f.item) {
            (Some(id), Some((kind, item))) => self
                .sql("SELECT 1 FROM failure_item WHERE failure = ?1 AND kind = ?2 AND ref = ?3")?
                .exists((id, kind, item))?,
            _ => false,
        };
        let id = match open {
            Some(id) => {
                self.sql("UPDATE failure SET count = count + ?2, last = ?3, cause = ?4, state = CASE WHEN state = 'waiting' THEN 'open' ELSE state END WHERE id = ?1")?
                    .execute((id, i64::from(!known), f.at, &f.cause))?;
                id
            }
            None => {
                let before = self.sql("SELECT 1 FROM failure WHERE ws = ?1 AND group_key = ?2 AND state = 'fixed'")?.exists((f.ws, &f.group_key))?;
                let state = if before { "back" } else { "open" };
                self.sql("INSERT INTO failure(ws, group_key, code, conn, flow, cause, state, owner, count, first, last) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?9)")?
                    .execute((f.ws, &f.group_key, &f.code, conn, flow, &f.cause, state, &f.owner, f.at))?;
                self.conn.last_insert_rowid()
            }
        };
        if let Some((kind, item)) = &f.item {
            // an item stands in one open failure: its newest cause
            self.sql("DELETE FROM failure_item WHERE kind = ?1 AND ref = ?2 AND failure <> ?3")?
                .execute((kind, item, id))?;
            self.sql(
                "INSERT OR IGNORE INTO failure_item(failure, ws, kind, ref) VALUES(?1, ?2, ?3, ?4)",
            )?
            .execute((id, f.ws, kind, item))?;
        }
        Ok(id)
    }

    /// An item is well again; a failure without items left is fixed.
    pub(super) fn item_fixed(&mut self, kind: &str, item: i64, at: i64) -> Result<(), Error> {
        let of: Vec<i64> = {
            let mut stmt =
                self.sql("SELECT failure FROM failure_item WHERE kind = ?1 AND ref = ?2")?;
            let rows = stmt.query_map((kind, item), |r| r.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        for id in of {
            self.sql("DELETE FROM failure_item WHERE failure = ?1 AND kind = ?2 AND ref = ?3")?
                .execute((id, kind, item))?;
            self.sql("UPDATE failure SET state = 'fixed', last = MAX(last, ?2) WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM failure_item WHERE failure = ?1)")?
                .execute((id, at))?;
        }
        Ok(())
    }

    pub(crate) fn fail(&mut self, failures: Vec<Failing>) -> Result<Vec<i64>, Error> {
        failures.iter().map(|f| self.open_failure(f)).collect()
    }

    pub(crate) fn recovered(
        &mut self,
        ws: i64,
        group_prefix: String,
        now: i64,
    ) -> Result<i64, Error> {
        let n = self
            .sql("UPDATE failure SET state = 'fixed', last = ?3 WHERE ws = ?1 AND (group_key = ?2 OR substr(group_key, 1, length(?2) + 1) = ?2 || '|') AND state NOT IN ('fixed', 'ignored')
                  AND NOT EXISTS (SELECT 1 FROM failure_item WHERE failure = failure.id AND kind <> 'connection')")?
            .execute((ws, group_prefix, now))?;
        Ok(n as i64)
    }

    pub(crate) fn alerted(&mut self, id: i64) -> Result<(), Error> {
        self.sql("UPDATE failure SET alerted = 1 WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    pub(crate) fn failure_state(
        &mut self,
        id: i64,
        to: String,
        by: String,
        at: i64,
    ) -> Result<bool, Error> {
        let n = self
            .sql("UPDATE failure SET state = ?2, taken_by = CASE WHEN ?2 = 'taken' THEN ?3 ELSE taken_by END WHERE id = ?1 AND state NOT IN ('fixed', 'ignored')")?
            .execute((id, &to, &by))?;
        if n == 1 {
            self.append_audit(&AuditEntry {
                ws: 1,
                at,
                actor: by,
                verb: format!("failure {to}"),
                object: format!("failure/{id}"),
                detail: String::new(),
            })?;
        }
        if n == 1 && to == "ignored" {
            let runs: Vec<i64> = {
                let mut stmt = self.sql("SELECT DISTINCT a.run FROM failure_item i JOIN action a ON a.id = i.ref WHERE i.failure = ?1 AND i.kind = 'action'")?;
                let rows = stmt.query_map([id], |r| r.get(0))?;
                rows.collect::<Result<_, _>>()?
            };
            self.sql("UPDATE action SET state = 9, reason = 'its failure was ignored', settled = ?2 WHERE state IN (7, 8) AND id IN (SELECT ref FROM failure_item WHERE failure = ?1 AND kind = 'action')")?
                .execute((id, at))?;
            for run in runs {
                self.run_goes_on(run)?;
            }
        }
        Ok(n == 1)
    }
}

impl Rx<'_> {
    pub(crate) fn unalerted(&mut self, limit: i64) -> Result<Vec<FailureRow>, Error> {
        let mut stmt = self.sql(&format!(
            "SELECT {FAILURE} FROM failure WHERE alerted = 0 AND state IN ('open', 'back') ORDER BY id LIMIT ?1"
        ))?;
        all(stmt.query([limit])?, |r| self.failure_row(r))
    }

    pub(super) fn failure_row(&self, r: &Row) -> Result<FailureRow, Error> {
        Ok(FailureRow {
            id: r.get(0)?,
            code: r.get(1)?,
            conn: r.get::<_, Option<i64>>(2)?.map(|n| self.text(n)),
            flow: r.get::<_, Option<i64>>(3)?.map(|n| self.text(n)),
            cause: r.get(4)?,
            state: r.get(5)?,
            owner: r.get(6)?,
            count: r.get(7)?,
            first: r.get(8)?,
            last: r.get(9)?,
        })
    }

    pub(crate) fn failure(
        &mut self,
        id: i64,
    ) -> Result<Option<(FailureRow, Vec<(String, i64)>)>, Error> {
        let mut stmt = self.sql(&format!("SELECT {FAILURE} FROM failure WHERE id = ?1"))?;
        let Some(row) = one(stmt.query([id])?, |r| self.failure_row(r))? else {
            return Ok(None);
        };
        let mut stmt = self.sql(
            "SELECT kind, ref FROM failure_item WHERE failure = ?1 ORDER BY kind, ref LIMIT 10000",
        )?;
        let items = all(stmt.query([id])?, |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(Some((row, items)))
    }
}
