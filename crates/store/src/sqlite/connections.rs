//! Connections: state, sealed fields and token, watermark, checkpoints, look-ups.

use super::names::Kind;
use super::rows::{all, one};
use super::{Rx, Tx};
use crate::types::*;
use crate::{Class, Error};
use rusqlite::OptionalExtension;

impl Tx<'_> {
    pub(crate) fn connection_put(&mut self, c: ConnectionChange) -> Result<(), Error> {
        let conn = self.name(c.ws, Kind::Connection, &c.conn)?;
        self.sql("INSERT OR IGNORE INTO connection(ws, conn, state) VALUES(?1, ?2, 'unknown')")?
            .execute((c.ws, conn))?;
        if let Some(kept) = &c.kept {
            self.sql("UPDATE connection SET kept = ?3 WHERE ws = ?1 AND conn = ?2")?
                .execute((c.ws, conn, kept.to_string()))?;
        }
        for stream in &c.reread {
            self.sql("DELETE FROM checkpoint WHERE ws = ?1 AND conn = ?2 AND stream = ?3")?
                .execute((c.ws, conn, stream))?;
        }
        if let Some((state, sentence)) = &c.state {
            self.sql(
                "UPDATE connection SET state = ?3, sentence = ?4 WHERE ws = ?1 AND conn = ?2",
            )?
            .execute((c.ws, conn, state, sentence))?;
        }
        if let Some(account) = &c.account {
            self.sql(
                "UPDATE connection SET account = COALESCE(account, ?3) WHERE ws = ?1 AND conn = ?2",
            )?
            .execute((c.ws, conn, account))?;
        }
        if let Some(at) = c.watermark {
            self.sql("UPDATE connection SET watermark = COALESCE(watermark, ?3) WHERE ws = ?1 AND conn = ?2")?.execute((c.ws, conn, at))?;
            self.sql("UPDATE delivery SET wait = 4 WHERE conn = ?1 AND state = 0 AND wait = 1")?
                .execute([conn])?;
        }
        if let Some(until) = c.blocked_until {
            self.sql("UPDATE connection SET blocked_until = ?3 WHERE ws = ?1 AND conn = ?2")?
                .execute((c.ws, conn, until))?;
        }
        if let Some(date) = c.vendor_date {
            self.sql("UPDATE connection SET vendor_date = MAX(COALESCE(vendor_date, 0), ?3) WHERE ws = ?1 AND conn = ?2")?.execute((c.ws, conn, date))?;
        }
        if let Some(at) = c.last_success {
            self.sql("UPDATE connection SET last_success = ?3 WHERE ws = ?1 AND conn = ?2")?
                .execute((c.ws, conn, at))?;
        }
        if let Some(at) = c.last_ping {
            self.sql("UPDATE connection SET last_ping = ?3 WHERE ws = ?1 AND conn = ?2")?
                .execute((c.ws, conn, at))?;
        }
        if let Some((fields, hash)) = &c.fields {
            let plain = serde_json::to_vec(fields).map_err(|_| Error::Corrupt("connection"))?;
            let (key, sealed) =
                self.shared
                    .keys
                    .seal(c.ws, Class::Workspace, c.now, "connection", conn, &plain);
            self.write_keys()?;
            self.sql("UPDATE connection SET key_id = ?3, fields_sealed = ?4, fields_hash = ?5 WHERE ws = ?1 AND conn = ?2")?.execute((c.ws, conn, key, sealed, hash))?;
        }
        if let Some(token) = &c.token {
            let sealed = token.as_ref().map(|t| {
                self.shared.keys.seal(
                    c.ws,
                    Class::Workspace,
                    c.now,
                    "token",
                    conn,
                    t.to_string().as_bytes(),
                )
            });
            self.write_keys()?;
            let (key, sealed) = sealed.unzip();
            self.sql("UPDATE connection SET key_id = COALESCE(?3, key_id), token_sealed = ?4 WHERE ws = ?1 AND conn = ?2")?.execute((c.ws, conn, key, sealed))?;
        }
        if let Some(entry) = &c.audit {
            self.append_audit(entry)?;
        }
        Ok(())
    }

    /// Keys made while sealing inside the writer go out before their rows.
    pub(super) fn write_keys(&mut self) -> Result<(), Error> {
        for k in self.shared.keys.take_pending() {
            let sql = "INSERT INTO key(id, ws, class, day, wrapped) VALUES(?1, ?2, ?3, ?4, ?5)";
            let written = self
                .sql(sql)?
                .execute((k.id, k.ws, k.class, k.day, &k.wrapped));
            self.keys.push(k);
            written?;
        }
        Ok(())
    }

    pub(crate) fn lookup_put(
        &mut self,
        conn: String,
        name: String,
        value: String,
        found: String,
        until: i64,
    ) -> Result<(), Error> {
        let conn = self.name(stagewire_model::MAIN, Kind::Connection, &conn)?;
        self.sql("INSERT OR REPLACE INTO lookup(ws, conn, name, value, found, until) VALUES(1, ?1, ?2, ?3, ?4, ?5)")?.execute((conn, name, value, found, until))?;
        Ok(())
    }
}

impl Rx<'_> {
    pub(crate) fn connections(&mut self, ws: i64) -> Result<Vec<ConnectionRow>, Error> {
        let mut stmt = self.sql("SELECT conn, state, sentence, account, watermark, backfilled, last_success, blocked_until, receipt, vendor_date, rejected, refused_large, key_id, fields_sealed, fields_hash, token_sealed, last_ping, kept FROM connection WHERE ws = ?1 ORDER BY conn")?;
        all(stmt.query([ws])?, |r| {
            let conn: i64 = r.get(0)?;
            let key: Option<i64> = r.get(12)?;
            let open = |table, sealed: Option<Vec<u8>>| match (key, sealed) {
                (Some(key), Some(sealed)) => {
                    self.shared.keys.open(key, table, conn, &sealed).map(Some)
                }
                _ => Ok(None),
            };
            let fields = open("connection", r.get(13)?)?;
            let token = open("token", r.get(15)?)?;
            Ok(ConnectionRow {
                conn: self.text(conn),
                state: r.get(1)?,
                sentence: r.get(2)?,
                account: r.get(3)?,
                watermark: r.get(4)?,
                backfilled: r.get(5)?,
                last_success: r.get(6)?,
                blocked_until: r.get(7)?,
                receipt: r.get(8)?,
                vendor_date: r.get(9)?,
                last_ping: r.get(16)?,
                rejected: r.get(10)?,
                refused_large: r.get(11)?,
                fields: fields
                    .and_then(|b| serde_json::from_slice(&b).ok())
                    .unwrap_or_default(),
                fields_hash: r.get(14)?,
                token: token.and_then(|b| serde_json::from_slice(&b).ok()),
                kept: r
                    .get::<_, Option<String>>(17)?
                    .and_then(|k| serde_json::from_str(&k).ok()),
            })
        })
    }

    pub(crate) fn checkpoints(
        &mut self,
        conn: String,
    ) -> Result<Vec<(String, String, i64)>, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let mut stmt =
            self.sql("SELECT stream, cursor, rows FROM checkpoint WHERE ws = 1 AND conn = ?1")?;
        all(stmt.query([conn])?, |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
    }

    pub(crate) fn lookup(
        &mut self,
        conn: String,
        name: String,
        value: String,
        now: i64,
    ) -> Result<Option<String>, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql("SELECT found FROM lookup WHERE ws = 1 AND conn = ?1 AND name = ?2 AND value = ?3 AND until > ?4")?;
        Ok(stmt
            .query_row((conn, name, value, now), |r| r.get(0))
            .optional()?)
    }

    pub(crate) fn token(&mut self, hash: [u8; 32]) -> Result<Option<TokenRow>, Error> {
        let mut stmt = self.sql(
            "SELECT id, ws, name, role, scopes FROM token WHERE hash = ?1 AND revoked IS NULL",
        )?;
        one(stmt.query([hash])?, |r| {
            Ok(TokenRow {
                id: r.get(0)?,
                ws: r.get(1)?,
                name: r.get(2)?,
                role: r.get(3)?,
                scopes: r.get(4)?,
            })
        })
    }

    pub(crate) fn reply(
        &mut self,
        ws: i64,
        token: i64,
        key: String,
    ) -> Result<Option<Reply>, Error> {
        let mut stmt = self.sql("SELECT body_hash, at, status, answer FROM reply WHERE ws = ?1 AND token = ?2 AND key = ?3")?;
        one(stmt.query((ws, token, key))?, |r| {
            Ok(Reply {
                body_hash: r.get(0)?,
                at: r.get(1)?,
                status: r.get(2)?,
                answer: r.get(3)?,
            })
        })
    }
}

impl Tx<'_> {
    pub(crate) fn token_put(
        &mut self,
        ws: i64,
        name: String,
        role: String,
        scopes: String,
        hash: [u8; 32],
        at: i64,
        by: String,
    ) -> Result<i64, Error> {
        self.sql("INSERT INTO token(ws, name, role, scopes, hash, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(hash) DO UPDATE SET name = excluded.name, role = excluded.role, scopes = excluded.scopes, revoked = NULL")?
            .execute((ws, &name, &role, &scopes, hash, at))?;
        let id: i64 = self
            .sql("SELECT id FROM token WHERE hash = ?1")?
            .query_row([hash], |r| r.get(0))?;
        self.append_audit(&AuditEntry {
            ws,
            at,
            actor: by,
            verb: "token created".into(),
            object: format!("token/{id}"),
            detail: format!("{name}, {role} {scopes}").trim_end().to_owned(),
        })?;
        Ok(id)
    }

    pub(crate) fn reply_put(
        &mut self,
        ws: i64,
        token: i64,
        key: String,
        reply: Reply,
    ) -> Result<(), Error> {
        self.sql("INSERT OR IGNORE INTO reply(ws, token, key, body_hash, at, status, answer) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute((ws, token, key, reply.body_hash, reply.at, reply.status, reply.answer))?;
        Ok(())
    }
}
