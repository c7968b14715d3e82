//! Group commit as the references do it: one thread, whatever waits is one transaction, nobody is answered before it is committed.

use anyhow::Result;
use rusqlite::Connection;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};

/// At most so many in one transaction, as in the server.
const GROUP: usize = 256;

/// The way to the thread.
pub(crate) struct Group<T>(mpsc::Sender<(T, oneshot::Sender<T>)>);

impl<T: Send + 'static> Group<T> {
    /// A database with this schema, and how one item is written into it.
    pub(crate) fn start(
        file: &Path,
        schema: &str,
        write: fn(&Connection, &T) -> rusqlite::Result<()>,
    ) -> Result<Group<T>> {
        let conn = Connection::open(file)?;
        conn.execute_batch(
            "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;",
        )?;
        conn.execute_batch(schema)?;
        let (send, queue) = mpsc::channel(4096);
        std::thread::Builder::new()
            .name("reference-db".into())
            .spawn(move || work(&conn, queue, write))?;
        Ok(Group(send))
    }

    /// Writes one; it is given back once it is committed. `None` where it could not be.
    pub(crate) async fn commit(&self, item: T) -> Option<T> {
        let (send, receive) = oneshot::channel();
        self.0.send((item, send)).await.ok()?;
        receive.await.ok()
    }
}

type Job<T> = (T, oneshot::Sender<T>);

fn work<T>(
    conn: &Connection,
    mut queue: mpsc::Receiver<Job<T>>,
    write: fn(&Connection, &T) -> rusqlite::Result<()>,
) {
    let mut jobs: Vec<Job<T>> = Vec::with_capacity(GROUP);
    while queue.blocking_recv_many(&mut jobs, GROUP) > 0 {
        let outcome = (|| {
            conn.execute_batch("BEGIN IMMEDIATE")?;
            jobs.iter().try_for_each(|(item, _)| write(conn, item))?;
            conn.execute_batch("COMMIT")
        })();
        if outcome.is_err() {
            let _ = conn.execute_batch("ROLLBACK");
            jobs.clear(); // their dropped channels say so
        }
        for (item, answer) in jobs.drain(..) {
            let _ = answer.send(item);
        }
    }
}
