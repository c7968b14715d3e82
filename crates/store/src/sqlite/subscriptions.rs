//! Subscriptions: their secrets sealed, how often their address was empty in a row, and what ends with them.

use super::names::Kind;
use super::rows::all;
use super::{Rx, Tx};
use crate::types::*;
use crate::{Class, Error};
use rusqlite::OptionalExtension;

/// The table a secret is sealed for.
const NOW: &str = "subscription";
/// The table the secret before it is sealed for.
const OLD: &str = "subscription_old";

impl Rx<'_> {
    pub(crate) fn subscriptions(&mut self, ws: i64) -> Result<Vec<SubscriptionRow>, Error> {
        let mut stmt = self.sql("SELECT id, ws, url, events, fields, state, at, key_id, secret_sealed, connections, owner, old_sealed, old_until, missed, missed_since FROM subscription WHERE ws = ?1 AND state <> 'deleted' ORDER BY id")?;
        all(stmt.query([ws])?, |r| {
            let (id, key): (i64, i64) = (r.get(0)?, r.get(7)?);
            let words = |i| -> Result<Vec<String>, Error> {
                serde_json::from_str(&r.get::<_, String>(i)?)
                    .map_err(|_| Error::Corrupt("subscription"))
            };
            let open = |table, sealed: Vec<u8>| {
                let plain = self.shared.keys.open(key, table, id, &sealed)?;
                String::from_utf8(plain).map_err(|_| Error::Corrupt("subscription"))
            };
            let old = match (r.get::<_, Option<Vec<u8>>>(11)?, r.get(12)?) {
                (Some(sealed), Some(until)) => Some((open(OLD, sealed)?, until)),
                _ => None,
            };
            let since: Option<i64> = r.get(14)?;
            let missed: i64 = r.get(13)?;
            Ok(SubscriptionRow {
                id,
                ws: r.get(1)?,
                url: r.get(2)?,
                events: words(3)?,
                fields: words(4)?,
                state: r.get(5)?,
                at: r.get(6)?,
                secret: open(NOW, r.get(8)?)?,
                connections: words(9)?,
                owner: r.get(10)?,
                old,
                missed: since.map(|since| (missed, since)),
            })
        })
    }
}

impl Tx<'_> {
    pub(crate) fn subscription_put(
        &mut self,
        row: SubscriptionRow,
        by: String,
    ) -> Result<(), Error> {
        let (key, sealed) = self.seal_secret(NOW, &row.secret, (row.ws, row.id), row.at)?;
        let texts = |list: &[String]| serde_json::json!(list).to_string();
        let fields = texts(&row.fields);
        self.sql("INSERT INTO subscription(id, ws, url, events, fields, state, at, key_id, secret_sealed, connections, owner) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
            .execute((row.id, row.ws, &row.url, texts(&row.events), &fields, &row.state, row.at, key, sealed, texts(&row.connections), &row.owner))?;
        self.told(
            (row.id, row.at),
            by,
            "subscription created",
            format!("fields {fields}"),
        )
    }

    pub(crate) fn subscription_secret(
        &mut self,
        id: i64,
        secret: String,
        until: i64,
        by: String,
        at: i64,
    ) -> Result<bool, Error> {
        let held: Option<(i64, Vec<u8>)> = self
            .sql("SELECT key_id, secret_sealed FROM subscription WHERE id = ?1 AND state <> 'deleted'")?
            .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((key, sealed)) = held else {
            return Ok(false);
        };
        let plain = self.shared.keys.open(key, NOW, id, &sealed)?;
        let plain = String::from_utf8(plain).map_err(|_| Error::Corrupt("subscription"))?;
        let (_, old) = self.seal_secret(OLD, &plain, (1, id), at)?;
        let (key, new) = self.seal_secret(NOW, &secret, (1, id), at)?;
        self.sql("UPDATE subscription SET key_id = ?2, secret_sealed = ?3, old_sealed = ?4, old_until = ?5 WHERE id = ?1")?
            .execute((id, key, new, old, until))?;
        self.told((id, at), by, "subscription secret changed", String::new())?;
        Ok(true)
    }

    pub(crate) fn subscription_missed(
        &mut self,
        id: i64,
        missed: bool,
        at: i64,
    ) -> Result<(i64, i64), Error> {
        if !missed {
            self.sql("UPDATE subscription SET missed = 0, missed_since = NULL WHERE id = ?1")?
                .execute([id])?;
            return Ok((0, at));
        }
        let counted = self
            .sql("UPDATE subscription SET missed = missed + 1, missed_since = COALESCE(missed_since, ?2) WHERE id = ?1 RETURNING missed, missed_since")?
            .query_row((id, at), |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        Ok(counted.unwrap_or((0, at)))
    }

    pub(crate) fn subscription_end(
        &mut self,
        id: i64,
        by: String,
        why: String,
        at: i64,
    ) -> Result<bool, Error> {
        let n = self
            .sql("UPDATE subscription SET state = 'deleted', old_sealed = NULL, old_until = NULL WHERE id = ?1 AND state <> 'deleted'")?
            .execute([id])?;
        if n == 1 {
            let conn = self.name(1, Kind::Connection, &format!("subscription/{id}"))?;
            self.sql("UPDATE action SET state = 9, reason = 'its subscription ended', settled = ?2 WHERE conn = ?1 AND state IN (0, 3, 4)")?
                .execute((conn, at))?;
            self.told((id, at), by, "subscription deleted", why)?;
        }
        Ok(n == 1)
    }

    fn seal_secret(
        &mut self,
        table: &'static str,
        secret: &str,
        (ws, id): (i64, i64),
        at: i64,
    ) -> Result<(i64, Vec<u8>), Error> {
        let keys = &self.shared.keys;
        let sealed = keys.seal(ws, Class::Workspace, at, table, id, secret.as_bytes());
        self.write_keys()?;
        Ok(sealed)
    }

    fn told(
        &mut self,
        (id, at): (i64, i64),
        by: String,
        verb: &str,
        detail: String,
    ) -> Result<(), Error> {
        let entry = AuditEntry {
            ws: 1,
            at,
            actor: by,
            verb: verb.to_owned(),
            object: format!("subscription/{id}"),
            detail,
        };
        self.append_audit(&entry).map(drop)
    }
}
