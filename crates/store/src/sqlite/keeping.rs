//! Holding less than before: records and bodies of one connection, a slice at a time, cut or forgotten. What is overwritten is
//! overwritten in the file too (`secure_delete`).

use super::names::Kind;
use super::rows::{RECORD, all, record};
use super::{Rx, Tx};
use crate::Error;
use crate::types::*;
use stagewire_model::MAIN;

impl Rx<'_> {
    pub(crate) fn records_after(
        &mut self,
        conn: String,
        rid: i64,
        limit: i64,
    ) -> Result<Vec<RecordRow>, Error> {
        let conn = self.known(MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql(&format!(
            "SELECT {RECORD} FROM record WHERE rid > ?1 AND conn = ?2 ORDER BY rid LIMIT ?3"
        ))?;
        all(stmt.query((rid, conn, limit))?, |r| record(self, r))
    }

    pub(crate) fn bodies_after(
        &mut self,
        conn: String,
        delivery: i64,
        limit: i64,
    ) -> Result<Vec<(i64, i64, Option<Vec<u8>>)>, Error> {
        let conn = self.known(MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql("SELECT d.id, b.id, b.key_id, b.sealed FROM delivery d JOIN body b ON b.id = d.body WHERE d.id > ?1 AND d.conn = ?2 ORDER BY d.id LIMIT ?3")?;
        all(stmt.query((delivery, conn, limit))?, |r| {
            let (id, body, key): (i64, i64, i64) = (r.get(0)?, r.get(1)?, r.get(2)?);
            let sealed: Vec<u8> = r.get(3)?;
            Ok((
                id,
                body,
                self.shared.keys.open(key, "body", body, &sealed).ok(),
            ))
        })
    }
}

impl Tx<'_> {
    pub(crate) fn records_drop(&mut self, ws: i64, ids: Vec<[u8; 16]>) -> Result<i64, Error> {
        let mut n = 0;
        for id in ids {
            self.sql("DELETE FROM email WHERE rid IN (SELECT rid FROM record WHERE ws = ?1 AND id16 = ?2)")?
                .execute((ws, id))?;
            self.sql("DELETE FROM transition WHERE ws = ?1 AND app = ?2")?
                .execute((ws, id))?;
            n += self
                .sql("DELETE FROM record WHERE ws = ?1 AND id16 = ?2")?
                .execute((ws, id))?;
        }
        Ok(n as i64)
    }

    pub(crate) fn body_replace(&mut self, body: SealedBody) -> Result<(), Error> {
        self.sql("UPDATE body SET key_id = ?2, sealed = ?3 WHERE id = ?1")?
            .execute((body.id, body.key_id, &body.sealed))?;
        Ok(())
    }
}
