//! Housekeeping: what is over its time goes, a slice at a time; counts for metrics; single values.

use super::{Rx, Tx};
use crate::Error;
use rusqlite::OptionalExtension;
use std::path::PathBuf;

const DAY: i64 = crate::DAY;

impl Tx<'_> {
    pub(crate) fn purge(&mut self, now: i64, limit: i64) -> Result<i64, Error> {
        self.keep_numbers()?;
        let mut n = 0;
        n += self.sql("DELETE FROM body WHERE id IN (SELECT id FROM body WHERE class IN (1, 2, 3) AND expires <= ?1 AND NOT EXISTS (SELECT 1 FROM action WHERE action.request = body.id AND action.state IN (0, 1, 2, 3, 4, 7, 8)) LIMIT ?2)")?.execute((now, limit))?;
        n += self.sql("DELETE FROM delivery WHERE id IN (SELECT id FROM (SELECT id, at, state FROM delivery ORDER BY id LIMIT ?2 * 4) WHERE state IN (1, 2, 3) AND at <= ?1)")?.execute((now - 30 * DAY, limit))?;
        n += self.sql("DELETE FROM call WHERE id IN (SELECT id FROM (SELECT id, at FROM call ORDER BY id LIMIT ?2) WHERE at <= ?1)")?.execute((now - 90 * DAY, limit))?;
        n += self
            .sql("DELETE FROM reply WHERE at <= ?1")?
            .execute([now - 30 * DAY])?;
        n += self.sql("DELETE FROM guard WHERE (ws, conn, token) IN (SELECT ws, conn, token FROM guard WHERE until <= ?1 LIMIT ?2)")?.execute((now, limit))?;
        n += self
            .sql("DELETE FROM lookup WHERE until <= ?1")?
            .execute([now])?;
        n += self
            .sql("DELETE FROM hook WHERE state = 'gone' AND until <= ?1")?
            .execute([now])?;
        self.sql(
            "UPDATE subscription SET old_sealed = NULL, old_until = NULL WHERE old_until <= ?1",
        )?
        .execute([now])?;
        let dead: Vec<i64> = {
            let mut stmt = self.sql("SELECT k.id FROM key k WHERE (k.class = 1 AND k.day < ?1) OR (k.class = 2 AND k.day < ?2)")?;
            let rows = stmt
                .query_map((now.div_euclid(DAY) - 31, now.div_euclid(DAY) - 91), |r| {
                    r.get(0)
                })?;
            rows.collect::<Result<_, _>>()?
        };
        for id in &dead {
            self.sql("DELETE FROM key WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM body WHERE class = key.class AND expires < (key.day + 93) * 86400000000 AND key_id = ?1)")?.execute([id])?;
        }
        self.shared.keys.forget(&dead);
        if n > 0 {
            self.sql("PRAGMA incremental_vacuum(200)")?
                .query([])?
                .next()?;
        }
        Ok(n as i64)
    }

    /// The highest numbers used, so that purged ones never come back after a restart.
    fn keep_numbers(&mut self) -> Result<(), Error> {
        for (table, column) in [
            ("body", "id"),
            ("delivery", "id"),
            ("call", "id"),
            ("hook", "id"),
        ] {
            let max: i64 = self.conn.query_row(
                &format!("SELECT COALESCE(MAX({column}), 0) FROM {table}"),
                [],
                |r| r.get(0),
            )?;
            let k = format!("max_{table}_{column}");
            let held: Option<Vec<u8>> = self
                .sql("SELECT v FROM meta WHERE k = ?1")?
                .query_row([&k], |r| r.get(0))
                .optional()?;
            let held = held
                .and_then(|v| v.try_into().ok().map(i64::from_be_bytes))
                .unwrap_or(0);
            if max > held {
                self.meta_put(k, max.to_be_bytes().to_vec())?;
            }
        }
        Ok(())
    }

    pub(crate) fn ping(&mut self) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn meta_put(&mut self, k: String, v: Vec<u8>) -> Result<(), Error> {
        self.sql("INSERT OR REPLACE INTO meta(k, v) VALUES(?1, ?2)")?
            .execute((k, v))?;
        Ok(())
    }
}

impl Rx<'_> {
    pub(crate) fn meta(&mut self, k: String) -> Result<Option<Vec<u8>>, Error> {
        Ok(self
            .sql("SELECT v FROM meta WHERE k = ?1")?
            .query_row([k], |r| r.get(0))
            .optional()?)
    }

    pub(crate) fn backup(&mut self, file: PathBuf) -> Result<(), Error> {
        let refused = |e: std::io::Error| {
            Error::Refused(format!(
                "the backup cannot be written to {}: {e}",
                file.display()
            ))
        };
        // Made before anything is in it, so that nobody else can ever read it; SQLite takes an empty file.
        let mut options = std::fs::File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let made = options.open(&file).map_err(refused)?;
        // a copy is a snapshot of its own, and is not made within another
        self.conn.execute_batch("ROLLBACK")?;
        let copied = self
            .conn
            .execute("VACUUM INTO ?1", [file.to_string_lossy()]);
        if let Err(e) = copied {
            let _ = std::fs::remove_file(&file);
            return Err(e.into());
        }
        made.sync_all().map_err(refused)
    }

    pub(crate) fn counts(&mut self) -> Result<Vec<(String, String, i64)>, Error> {
        let mut out = Vec::new();
        let mut add = |what: &str, sql: &str| -> Result<(), Error> {
            let mut stmt = self.sql(sql)?;
            let mut rows = stmt.query([])?;
            while let Some(r) = rows.next()? {
                out.push((what.to_owned(), self.text(r.get(0)?), r.get(1)?));
            }
            Ok(())
        };
        add(
            "deliveries_waiting",
            "SELECT conn, COUNT(*) FROM delivery WHERE state = 0 GROUP BY conn",
        )?;
        add(
            "actions_unfinished",
            "SELECT conn, COUNT(*) FROM action WHERE state IN (0, 2, 3, 4) GROUP BY conn",
        )?;
        add(
            "delivery_oldest",
            "SELECT conn, MIN(at) FROM delivery WHERE state = 0 GROUP BY conn",
        )?;
        add(
            "delivery_ready",
            "SELECT conn, MIN(at) FROM delivery WHERE state = 0 AND wait IN (0, 4) GROUP BY conn",
        )?;
        for kind in ["seen_live", "late", "recovered", "missed"] {
            let sql = format!("SELECT conn, SUM({kind}) FROM completeness GROUP BY conn");
            add(kind, &sql)?;
        }
        let plain: i64 = self
            .sql("SELECT COUNT(*) FROM hold WHERE state = 'waiting'")?
            .query_row([], |r| r.get(0))?;
        out.push(("holds_waiting".into(), String::new(), plain));
        let open: i64 = self
            .sql(
                "SELECT COUNT(*) FROM failure WHERE state IN ('open', 'taken', 'waiting', 'back')",
            )?
            .query_row([], |r| r.get(0))?;
        out.push(("failures_open".into(), String::new(), open));
        Ok(out)
    }
}
