//! Migrations: forward only, numbered, each once. An older database is copied before it is changed; a newer one is refused.

use crate::Error;
use rusqlite::Connection;
use std::path::Path;

const STEPS: &[&str] = &[include_str!("../migrations/0001.sql")];

pub(super) fn migrate(conn: &Connection, file: &Path, now: i64) -> Result<(), Error> {
    let at: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    let newest = STEPS.len() as i64;
    if at > newest {
        return Err(Error::Refused(format!(
            "this database was written by a newer stagewire (schema {at}, this version knows {newest}); run that version, or restore a backup"
        )));
    }
    if at > 0 && at < newest {
        let copy = file.with_extension(format!("before-{newest}-{}.db", now / 1_000_000));
        conn.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
        tracing::info!(copy = %copy.display(), "backed up before migrating");
    }
    for (i, step) in STEPS.iter().enumerate().skip(at as usize) {
        conn.execute_batch(&format!(
            "BEGIN; {step} PRAGMA user_version = {}; COMMIT;",
            i + 1
        ))?;
    }
    Ok(())
}
