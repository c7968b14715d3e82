//! Deliveries: admitted, counted, waiting, set aside.

use super::names::Kind;
use super::rows::{all, one};
use super::{Rx, Tx};
use crate::{Admitted, DeliveryState, DueDelivery, Error, Failing, NewDelivery};
use rusqlite::OptionalExtension;

impl Tx<'_> {
    pub(crate) fn admit(&mut self, d: NewDelivery) -> Result<Admitted, Error> {
        let conn = self.name(d.ws, Kind::Connection, &d.conn)?;
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
            return Ok(Admitted::New);
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
                .sql("UPDATE OR IGNORE delivery SET state = ?2, wait = 0 WHERE id = ?1")?
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
