//! Moves what is committed from the log into the database, beside the writer: no commit waits for that while it is in time. Decides
//! nothing about what is committed; a commit is on the disk before anybody is answered, with or without this.

use crate::Error;
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

/// Pages in the log (4 KiB each) after which they are moved, again and again.
const STEP: i32 = 3_000;
/// Pages in the log from which the writer moves what is left by itself, so that the log begins anew: 64 MiB.
const MOST: i32 = 16_000;
const MOVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Starts it for the writer's connection; it ends with that.
pub(super) fn start(file: &Path, writer: &mut Connection) -> Result<(), Error> {
    let (nudge, nudges) = sync_channel(1);
    let own = Connection::open(file)?;
    own.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -1000;")?;
    let mut moved = 0;
    writer.wal_hook(Some(move |wal: &mut Wal, pages: i32| {
        if pages >= MOST {
            // an error here would be the commit's, which is done; what is left in the log is moved another time
            let _ = wal.checkpoint();
            return Ok(());
        }
        moved = moved.min(pages);
        if pages - moved >= STEP && nudge.try_send(()).is_ok() {
            moved = pages;
        }
        Ok(())
    }))?;
    let name = "store-checkpoint".to_owned();
    let thread = std::thread::Builder::new().name(name);
    let started = thread.spawn(move || work(&own, &nudges));
    started.map_err(|e| Error::Unavailable(e.to_string()))?;
    Ok(())
}

fn work(own: &Connection, nudges: &Receiver<()>) {
    while nudges.recv().is_ok() {
        // what is not moved now is moved the next time
        if let Err(e) = own.query_row(MOVE, [], |_| Ok(())) {
            tracing::warn!(cause = %e, "the log could not be moved into the database");
        }
    }
}
