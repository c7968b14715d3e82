//! Flows: versions, the rung each has, and what a fall of the rung does to what waits.

use super::names::Kind;
use super::rows::{all, one};
use super::{Rx, Tx};
use crate::Error;
use crate::types::*;
use rusqlite::{OptionalExtension, Row};
use serde_json::{Value, json};
use stagewire_model::Rung;

const FLOW: &str = "f.flow, f.live_version, f.file_hash, f.ceiling, f.rung, f.falls, f.owner, f.override_note, f.late, f.removed, COALESCE(v.source, '') FROM flow f LEFT JOIN flow_version v ON v.ws = f.ws AND v.flow = f.flow AND v.version = f.live_version";

impl Tx<'_> {
    pub(crate) fn flow_put(&mut self, c: FlowChange) -> Result<FlowRow, Error> {
        let flow = self.name(c.ws, Kind::Flow, &c.flow)?;
        let held: Option<(i64, String)> = self
            .sql("SELECT live_version, rung FROM flow WHERE ws = ?1 AND flow = ?2")?
            .query_row((c.ws, flow), |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let last: i64 = self
            .sql("SELECT COALESCE(MAX(version), 0) FROM flow_version WHERE ws = ?1 AND flow = ?2")?
            .query_row((c.ws, flow), |r| r.get(0))?;
        let Some(source) = &c.source else {
            self.sql("UPDATE flow SET removed = 1, file_hash = NULL WHERE ws = ?1 AND flow = ?2")?
                .execute((c.ws, flow))?;
            self.flow_audit(&c, "flow removed", String::new())?;
            return self.flow_row(c.ws, flow);
        };
        let version = last + 1;
        self.sql("INSERT INTO flow_version(ws, flow, version, author, at, source) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")?.execute((c.ws, flow, version, &c.author, c.at, source))?;
        match held {
            None => {
                self.sql("INSERT INTO flow(ws, flow, live_version, file_hash, ceiling, rung, owner) VALUES(?1, ?2, ?3, ?4, ?5, 'read-only', ?6)")?
                    .execute((c.ws, flow, version, &c.file_hash, c.ceiling.as_str(), &c.owner))?;
            }
            Some((_, rung)) => {
                self.sql("UPDATE flow SET live_version = ?3, file_hash = COALESCE(?4, file_hash), ceiling = ?5, owner = ?6, removed = 0 WHERE ws = ?1 AND flow = ?2")?
                    .execute((c.ws, flow, version, &c.file_hash, c.ceiling.as_str(), &c.owner))?;
                if Rung::parse(&rung).is_some_and(|r| r > c.ceiling) {
                    self.fall(c.ws, flow, c.ceiling, c.at)?;
                }
            }
        }
        self.flow_audit(&c, "flow version", format!("version {version}"))?;
        self.flow_row(c.ws, flow)
    }

    fn flow_audit(&mut self, c: &FlowChange, verb: &str, detail: String) -> Result<(), Error> {
        self.append_audit(&AuditEntry {
            ws: c.ws,
            at: c.at,
            actor: c.author.clone(),
            verb: verb.into(),
            object: format!("flow/{}", c.flow),
            detail,
        })?;
        Ok(())
    }

    pub(crate) fn flow_rung(&mut self, c: RungChange) -> Result<FlowRow, Error> {
        let flow = self.name(c.ws, Kind::Flow, &c.flow)?;
        let held = self.flow_row(c.ws, flow)?;
        if c.to > held.ceiling {
            return Err(Error::Conflict(format!(
                "the flow's file allows at most '{}'; raise `rung` there first",
                held.ceiling
            )));
        }
        if c.to < held.rung {
            self.fall(c.ws, flow, c.to, c.at)?;
        } else {
            self.sql("UPDATE flow SET rung = ?3, override_note = COALESCE(?4, override_note) WHERE ws = ?1 AND flow = ?2")?.execute((c.ws, flow, c.to.as_str(), &c.note))?;
        }
        let detail = format!(
            "{} → {}{}",
            held.rung,
            c.to,
            c.note
                .as_deref()
                .map(|n| format!(": {n}"))
                .unwrap_or_default()
        );
        self.append_audit(&AuditEntry {
            ws: c.ws,
            at: c.at,
            actor: c.by,
            verb: "rung".into(),
            object: format!("flow/{}", c.flow),
            detail,
        })?;
        self.flow_row(c.ws, flow)
    }

    /// Down to a lower rung: what waits and is shut out becomes `would_have`, for good; what may have happened is still looked at.
    fn fall(&mut self, ws: i64, flow: i64, to: Rung, at: i64) -> Result<(), Error> {
        self.sql("UPDATE flow SET rung = ?3, falls = falls + 1 WHERE ws = ?1 AND flow = ?2")?
            .execute((ws, flow, to.as_str()))?;
        let shut_out = match to {
            Rung::ReadOnly => "'internal', 'record', 'candidate'",
            Rung::Listening => "'record', 'candidate'",
            // candidate messages that nobody has decided about are held at their claim
            Rung::WriteBack | Rung::Auto => "'-'",
        };
        let sql = format!(
            "UPDATE action SET state = 10, reason = 'the rung of the flow fell', settled = ?3 WHERE ws = ?1 AND flow = ?2 AND state IN (0, 1, 3) AND maybe = 0 AND effect IN ({shut_out})"
        );
        self.conn.execute(&sql, (ws, flow, at))?;
        self.sql("UPDATE hold SET state = 'blocked', reason = 'the rung of the flow fell' WHERE state = 'waiting' AND action IN (SELECT id FROM action WHERE ws = ?1 AND flow = ?2 AND state = 10)")?
            .execute((ws, flow))?;
        // what the new rung still lets out was planned before the fall; it counts as planned under it
        self.sql("UPDATE action SET falls = falls + 1 WHERE ws = ?1 AND flow = ?2 AND state IN (0, 1, 3, 4)")?.execute((ws, flow))?;
        Ok(())
    }

    fn flow_row(&mut self, ws: i64, flow: i64) -> Result<FlowRow, Error> {
        let rx = self.reader();
        let mut stmt = rx.sql(&format!("SELECT {FLOW} WHERE f.ws = ?1 AND f.flow = ?2"))?;
        one(stmt.query((ws, flow))?, |r| rx.flow_from(r))?.ok_or(Error::NotFound("flow"))
    }
}

impl Rx<'_> {
    fn flow_from(&self, r: &Row) -> Result<FlowRow, Error> {
        let rung = |i| -> Result<Rung, Error> {
            Rung::parse(&r.get::<_, String>(i)?).ok_or(Error::Corrupt("flow"))
        };
        Ok(FlowRow {
            flow: self.text(r.get(0)?),
            version: r.get(1)?,
            file_hash: r.get(2)?,
            ceiling: rung(3)?,
            rung: rung(4)?,
            falls: r.get(5)?,
            owner: r.get(6)?,
            override_note: r.get(7)?,
            late: r.get(8)?,
            removed: r.get(9)?,
            source: r.get(10)?,
        })
    }

    pub(crate) fn flows(&mut self, ws: i64) -> Result<Vec<FlowRow>, Error> {
        let mut stmt = self.sql(&format!("SELECT {FLOW} WHERE f.ws = ?1 ORDER BY f.flow"))?;
        all(stmt.query([ws])?, |r| self.flow_from(r))
    }

    pub(crate) fn flow_versions(&mut self, ws: i64, flow: String) -> Result<Vec<Value>, Error> {
        let flow = self.known(ws, Kind::Flow, &flow);
        let mut stmt = self.sql("SELECT version, author, at, source FROM flow_version WHERE ws = ?1 AND flow = ?2 ORDER BY version DESC LIMIT 200")?;
        all(stmt.query((ws, flow))?, |r| {
            let at = stagewire_model::Micros(r.get(2)?).text();
            Ok(
                json!({"version": r.get::<_, i64>(0)?, "author": r.get::<_, String>(1)?, "at": at, "source": r.get::<_, String>(3)?}),
            )
        })
    }
}
