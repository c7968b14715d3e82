//! Moves what is committed from the log into the database, beside the writer: no commit waits for that while it is in time. Decides
//! nothing about what is committed; a commit is on the disk before anybody is answered, with or without this.

use crate::Error;
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// How much of the log is left, in pages of 4 KiB.
#[derive(Clone, Copy)]
pub(super) struct Log {
    /// After so many more, they are moved.
    pub(super) step: i32,
    /// From so many on the writer moves what is left by itself, so that the log begins anew.
    pub(super) most: i32,
}

/// 4 MiB and 47 MiB: what is written again and again, as indexes are, is moved once.
pub(super) const LOG: Log = Log {
    step: 1_000,
    most: 12_000,
};

/// Starts it for the writer's connection. It ends when that is closed.
pub(super) fn start(
    file: &Path,
    writer: &mut Connection,
    log: Log,
) -> Result<JoinHandle<()>, Error> {
    let (nudge, nudges) = sync_channel(1);
    let own = Connection::open(file)?;
    own.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -1000;")?;
    let mut moved = 0;
    writer.wal_hook(Some(move |wal: &mut Wal, pages: i32| {
        moved = moved.min(pages);
        if pages >= log.most {
            // an error here would be the commit's, which is done; what is left in the log is moved another time
            let _ = wal.checkpoint();
        } else if pages - moved >= log.step && nudge.try_send(()).is_ok() {
            moved = pages;
        }
        Ok(())
    }))?;
    let thread = std::thread::Builder::new().name("store-checkpoint".into());
    let started = thread.spawn(move || work(&own, &nudges));
    started.map_err(|e| Error::Unavailable(e.to_string()))
}

fn work(own: &Connection, nudges: &Receiver<()>) {
    while nudges.recv().is_ok() {
        // what is not moved now is moved the next time
        if let Err(e) = own.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(cause = %e, "the log could not be moved into the database");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 4096;

    /// Writes so many commits of ten pages each, and waits until the thread is over.
    fn written(commits: i64, log: Log) -> (u64, u64) {
        let name = format!("stagewire-log-{}-{commits}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let file = folder.join("log.db");
        let mut writer = Connection::open(&file).expect("it opens");
        writer
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t(n INTEGER, v BLOB);")
            .expect("a table is made");
        let thread = start(&file, &mut writer, log).expect("it starts");
        for n in 0..commits {
            let sql = "INSERT INTO t VALUES(?1, zeroblob(36000))";
            writer.execute(sql, [n]).expect("it is written");
        }
        let none = None::<fn(&mut Wal, i32) -> rusqlite::Result<()>>;
        writer.wal_hook(none).expect("the hook goes");
        thread.join().expect("the thread ends with its hook");
        let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |m| m.len() / PAGE);
        let sizes = (size("log.db"), size("log.db-wal"));
        let sum: i64 = writer
            .query_row("SELECT SUM(n) FROM t", [], |r| r.get(0))
            .expect("it is read");
        assert_eq!(sum, commits * (commits - 1) / 2, "all of it is there");
        drop(writer);
        std::fs::remove_dir_all(&folder).expect("the folder goes");
        sizes
    }

    #[test]
    fn what_is_in_the_log_is_moved_beside_the_writer() {
        let (step, most) = (100, i32::MAX);
        let (database, log) = written(60, Log { step, most });
        assert!(log >= 540, "nothing began anew: {log} pages");
        assert!(database >= 90, "and yet it was moved: {database} pages");
    }

    #[test]
    fn the_log_begins_anew_however_slow_the_other_is() {
        // nobody is ever nudged
        let (step, most) = (i32::MAX, 100);
        let (database, log) = written(200, Log { step, most });
        assert!(log < 130, "{log} pages");
        assert!(database > 1_500, "{database} pages");
    }
}
