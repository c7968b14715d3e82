//! Webhooks we made at vendors, each with its own sealed secret.

use super::names::Kind;
use super::rows::all;
use super::{Rx, Tx};
use crate::{Class, Error, HookRow, HookState};

/// Deliveries looked through for the last of each type.
const LOOKED_AT: i64 = 50_000;

impl Tx<'_> {
    pub(crate) fn hook_put(&mut self, h: HookRow) -> Result<(), Error> {
        let conn = self.name(h.ws, Kind::Connection, &h.conn)?;
        let seal = |secret: &String| {
            let keys = &self.shared.keys;
            keys.seal(
                h.ws,
                Class::Workspace,
                h.at,
                "hook",
                h.id,
                secret.as_bytes(),
            )
        };
        let (key, sealed) = h.secret.as_ref().map(seal).unzip();
        self.write_keys()?;
        self.sql("INSERT INTO hook(id, ws, conn, event, remote_id, url, state, enabled, said, at, until, key_id, secret_sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                  ON CONFLICT(id) DO UPDATE SET remote_id = excluded.remote_id, url = excluded.url, state = excluded.state, enabled = excluded.enabled, said = excluded.said, until = excluded.until, key_id = excluded.key_id, secret_sealed = excluded.secret_sealed")?
            .execute(rusqlite::params![h.id, h.ws, conn, h.event, h.remote_id, h.url, h.state.word(), h.enabled, h.said, h.at, h.until, key, sealed])?;
        Ok(())
    }

    pub(crate) fn hook_drop(&mut self, id: i64) -> Result<(), Error> {
        self.sql("DELETE FROM hook WHERE id = ?1")?.execute([id])?;
        Ok(())
    }
}

impl Rx<'_> {
    pub(crate) fn hooks(&mut self, ws: i64, conn: String) -> Result<Vec<HookRow>, Error> {
        let number = self.known(ws, Kind::Connection, &conn);
        let mut stmt = self.sql("SELECT id, event, remote_id, url, state, enabled, said, at, until, key_id, secret_sealed FROM hook WHERE ws = ?1 AND conn = ?2 ORDER BY id")?;
        all(stmt.query((ws, number))?, |r| {
            let id: i64 = r.get(0)?;
            let word: String = r.get(4)?;
            let state = HookState::ALL.into_iter().find(|(_, w)| *w == word);
            let (key, sealed): (Option<i64>, Option<Vec<u8>>) = (r.get(9)?, r.get(10)?);
            let secret = match key.zip(sealed) {
                Some((key, sealed)) => {
                    let plain = self.shared.keys.open(key, "hook", id, &sealed)?;
                    Some(String::from_utf8(plain).map_err(|_| Error::Corrupt("hook"))?)
                }
                None => None,
            };
            Ok(HookRow {
                id,
                ws,
                conn: conn.clone(),
                event: r.get(1)?,
                remote_id: r.get(2)?,
                url: r.get(3)?,
                state: state.ok_or(Error::Corrupt("hook"))?.0,
                enabled: r.get(5)?,
                said: r.get(6)?,
                secret,
                at: r.get(7)?,
                until: r.get(8)?,
            })
        })
    }

    pub(crate) fn last_deliveries(
        &mut self,
        ws: i64,
        conn: String,
    ) -> Result<Vec<(String, i64)>, Error> {
        let conn = self.known(ws, Kind::Connection, &conn);
        let mut stmt = self.sql("SELECT kind, MAX(at) FROM (SELECT ws, conn, kind, at FROM delivery ORDER BY id DESC LIMIT ?3) WHERE ws = ?1 AND conn = ?2 AND kind IS NOT NULL GROUP BY kind ORDER BY kind")?;
        all(stmt.query((ws, conn, LOOKED_AT))?, |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
    }
}
