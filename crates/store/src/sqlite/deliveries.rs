//! Deliveries: admitted, counted, waiting, set aside.

use super::names::Kind;
use super::rows::{all, one};
use super::{Rx, Tx};
use crate::{Admitted, DAY, DeliveryState, DueDelivery, Error, Failing, NewDelivery};
use rusqlite::OptionalExtension;

impl Tx<'_> {
    pub(crate) fn admit(&mut self, mut d: NewDelivery) -> Result<Admitted, Error> {
        let conn = self.name(d.ws, Kind::Connection, &d.conn)?;
        let reused = self.token_seen(&d, conn)?;
        match reused {
            None => {}
            Some(0) => {
                d.state = DeliveryState::Kept;
                d.note = Some("its token came before with another body: not used".into());
            }
            Some(_) => {
                self.count_refused(d.ws, d.conn, false)?;
                return Ok(Admitted::Reused { kept: false });
            }
        }
        let insert = "INSERT INTO delivery(id, ws, conn, at, sha, vendor_id, verdict, state, note, manifest, bytes, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT(ws, conn, sha) WHERE state IN (0, 1) DO NOTHING";
        let new = self.sql(insert)?.execute((
            d.id,
            d.ws,
            conn,
            d.at,
            d.sha,
            &d.vendor_id,
            d.signed,
            d.state as i64,
            &d.note,
            d.manifest,
            d.bytes,
            d.body.id,
        ))?;
        if new == 1 {
            self.put_body(d.ws, &d.body)?;
            return Ok(match reused {
                Some(_) => Admitted::Reused { kept: true },
                None => Admitted::New,
            });
        }
        let (first, vendor): (i64, Option<String>) = self
            .sql("SELECT id, vendor_id FROM delivery WHERE ws = ?1 AND conn = ?2 AND sha = ?3 AND state IN (0, 1)")?
            .query_row((d.ws, conn, d.sha), |r| Ok((r.get(0)?, r.get(1)?)))?;
        self.sql("INSERT INTO delivery(id, ws, conn, at, sha, vendor_id, verdict, state, note, bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 3, ?8, ?9)")?
            .execute((d.id, d.ws, conn, d.at, d.sha, &d.vendor_id, d.signed, format!("same bytes as delivery {first}"), d.bytes))?;
        Ok(Admitted::Duplicate {
            first,
            vendor_differs: d.vendor_id.is_some() && d.vendor_id != vendor,
        })
    }

    /// How often this one-time token came before with other bodies than its first; `None` where it never did.
    fn token_seen(&mut self, d: &NewDelivery, conn: i64) -> Result<Option<i64>, Error> {
        let Some(token) = d.once else {
            return Ok(None);
        };
        let new = self.sql("INSERT INTO guard(ws, conn, token, sha, until) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(ws, conn, token) DO UPDATE SET sha = excluded.sha, until = excluded.until, reused = 0 WHERE until <= ?6")?
            .execute((d.ws, conn, token, d.sha, d.at + 30 * DAY, d.at))?;
        if new == 1 {
            return Ok(None);
        }
        let (sha, reused): ([u8; 32], i64) = self
            .sql("SELECT sha, reused FROM guard WHERE ws = ?1 AND conn = ?2 AND token = ?3")?
            .query_row((d.ws, conn, token), |r| Ok((r.get(0)?, r.get(1)?)))?;
        if sha == d.sha {
            return Ok(None);
        }
        self.sql(
            "UPDATE guard SET reused = reused + 1 WHERE ws = ?1 AND conn = ?2 AND token = ?3",
        )?
        .execute((d.ws, conn, token))?;
        Ok(Some(reused))
    }

    pub(crate) fn count_refused(
        &mut self,
        ws: i64,
        conn: String,
        large: bool,
    ) -> Result<(), Error> {
        let conn = self.name(ws, Kind::Connection, &conn)?;
        let sql = if large {
            "UPDATE connection SET refused_large = refused_large + 1 WHERE ws = ?1 AND conn = ?2"
        } else {
            "UPDATE connection SET rejected = rejected + 1 WHERE ws = ?1 AND conn = ?2"
        };
        self.sql(sql)?.execute((ws, conn))?;
        Ok(())
    }

    pub(crate) fn delivery_state(
        &mut self,
        id: i64,
        from: Vec<DeliveryState>,
        to: DeliveryState,
        failure: Option<Failing>,
    ) -> Result<bool, Error> {
        let state: Option<i64> = self
            .sql("SELECT state FROM delivery WHERE id = ?1")?
            .query_row([id], |r| r.get(0))
            .optional()?;
        let fits = state
            .and_then(DeliveryState::from_code)
            .is_some_and(|s| from.contains(&s));
        if fits {
            // a second copy may have taken its place meanwhile: then this one stays as it is
            let moved = self
                .sql("UPDATE OR IGNORE delivery SET state = ?2, wait = 0, note = CASE WHEN ?2 = 0 THEN NULL ELSE note END WHERE id = ?1")?
                .execute((id, to as i64))?;
            if let Some(f) = failure {
                self.open_failure(&f)?;
            } else if moved == 1 {
                self.item_fixed("delivery", id, 0)?;
            }
            return Ok(moved == 1);
        }
        Ok(false)
    }
}

impl Rx<'_> {
    pub(crate) fn due_deliveries(
        &mut self,
        conn: String,
        limit: i64,
    ) -> Result<Vec<DueDelivery>, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql(
            "SELECT id, at, sha, vendor_id, verdict, wait, body FROM delivery WHERE conn = ?1 AND state = 0 AND wait IN (0, 4) ORDER BY id LIMIT ?2",
        )?;
        all(stmt.query((conn, limit))?, |r| {
            Ok(DueDelivery {
                id: r.get(0)?,
                at: r.get(1)?,
                sha: r.get(2)?,
                vendor_id: r.get(3)?,
                signed: r.get(4)?,
                wait: r.get(5)?,
                body: r.get(6)?,
            })
        })
    }

    pub(crate) fn body(&mut self, id: i64) -> Result<Vec<u8>, Error> {
        let mut stmt = self.sql("SELECT key_id, sealed FROM body WHERE id = ?1")?;
        let found = one(stmt.query([id])?, |r| {
            Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?))
        })?;
        let (key, sealed) = found.ok_or(Error::NotFound("body"))?;
        self.shared.keys.open(key, "body", id, &sealed)
    }
}
