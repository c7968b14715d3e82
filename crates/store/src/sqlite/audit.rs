//! The audit log: each entry carries the hash of the one before, so that none can be changed or taken out unseen.

use super::{Rx, Tx};
use crate::{AuditEntry, Error};
use rusqlite::OptionalExtension;
use sha2::{Digest, Sha256};

fn chain(prev: &[u8; 32], n: i64, e: &AuditEntry) -> [u8; 32] {
    let mut h = Sha256::new();
    h.update(prev);
    h.update(n.to_be_bytes());
    h.update(e.ws.to_be_bytes());
    h.update(e.at.to_be_bytes());
    for text in [&e.actor, &e.verb, &e.object, &e.detail] {
        h.update((text.len() as u64).to_be_bytes());
        h.update(text.as_bytes());
    }
    h.finalize().into()
}

impl Tx<'_> {
    pub(crate) fn audit(&mut self, entry: AuditEntry) -> Result<i64, Error> {
        self.append_audit(&entry)
    }

    pub(super) fn append_audit(&mut self, e: &AuditEntry) -> Result<i64, Error> {
        let last: Option<(i64, [u8; 32])> = self
            .sql("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")?
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let (n, prev) = last.unwrap_or((0, [0; 32]));
        self.sql("INSERT INTO audit(n, ws, at, actor, verb, object, detail, prev, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?.execute((
            n + 1,
            e.ws,
            e.at,
            &e.actor,
            &e.verb,
            &e.object,
            &e.detail,
            prev,
            chain(&prev, n + 1, e),
        ))?;
        Ok(n + 1)
    }
}

impl Rx<'_> {
    /// `Ok(entries)` where the chain holds; `Err(n)` names the first entry that does not fit.
    pub(crate) fn verify_log(&mut self) -> Result<Result<i64, i64>, Error> {
        let mut stmt = self.sql(
            "SELECT n, ws, at, actor, verb, object, detail, prev, hash FROM audit ORDER BY n",
        )?;
        let mut rows = stmt.query([])?;
        let (mut count, mut last) = (0, [0; 32]);
        while let Some(r) = rows.next()? {
            let n: i64 = r.get(0)?;
            let e = AuditEntry {
                ws: r.get(1)?,
                at: r.get(2)?,
                actor: r.get(3)?,
                verb: r.get(4)?,
                object: r.get(5)?,
                detail: r.get(6)?,
            };
            let (prev, hash): ([u8; 32], [u8; 32]) = (r.get(7)?, r.get(8)?);
            if n != count + 1 || prev != last || hash != chain(&prev, n, &e) {
                return Ok(Err(n));
            }
            (count, last) = (n, hash);
        }
        Ok(Ok(count))
    }
}
