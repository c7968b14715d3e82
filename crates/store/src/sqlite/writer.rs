//! The one writer: whatever waits is one transaction, and nobody is answered before it is committed, and but for what would come
//! again, on the disk. A job that fails is undone
//! alone; a commit that fails fails everybody in it.

use super::{Shared, Tx};
use crate::Error;
use rusqlite::Connection;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// At most this many jobs in one transaction.
const GROUP: usize = 256;
/// At most this many jobs wait.
const QUEUE: usize = 4096;

/// What is committed is on the disk: in the log, synced.
const AT_ONCE: &str = "PRAGMA synchronous = FULL";
/// What is committed is in the log, whole or not at all, and synced with the next commit that is, or before it leaves the log.
const NOT_YET: &str = "PRAGMA synchronous = NORMAL";

type Answer = Box<dyn FnOnce(Option<String>) + Send>;
struct Job {
    run: Box<dyn FnOnce(&mut Tx) -> Answer + Send>,
    /// It need not be on the disk when it is answered: what it writes would come again.
    soon: bool,
}

pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        conn: Connection,
        shared: Arc<Shared>,
        moving: JoinHandle<()>,
    ) -> Result<Writer, Error> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let write = move || {
            work(&conn, &shared, queue);
            drop(conn);
            let _ = moving.join();
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(write)
            .map_err(|e| Error::Unavailable(e.to_string()))?;
        Ok(Writer {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    fn jobs(&self) -> Result<&mpsc::Sender<Job>, Error> {
        self.jobs.as_ref().ok_or_else(gone)
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send(f, false).await
    }

    /// The same for what need not be on the disk yet when it is answered; it is there no later than the next that must.
    pub(super) async fn run_soon<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send(f, true).await
    }

    async fn send<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx) -> Result<T, Error> + Send + 'static,
        soon: bool,
    ) -> Result<T, Error> {
        let (job, answer) = job(f, soon);
        self.jobs()?.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) async fn run_or_busy<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (job, answer) = job(f, false);
        self.jobs()?.try_send(job).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => gone(),
        })?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    /// The files belong to nobody once it is gone.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn gone() -> Error {
    Error::Unavailable("the writer has stopped".into())
}

fn job<T: Send + 'static>(
    f: impl FnOnce(&mut Tx) -> Result<T, Error> + Send + 'static,
    soon: bool,
) -> (Job, oneshot::Receiver<Result<T, Error>>) {
    let (send, receive) = oneshot::channel();
    let run = Box::new(move |tx: &mut Tx| {
        let result = tx.alone(f);
        Box::new(move |broken: Option<String>| {
            let _ = send.send(match broken {
                Some(why) => Err(Error::Unavailable(why)),
                None => result,
            });
        }) as Answer
    });
    (Job { run, soon }, receive)
}

fn work(conn: &Connection, shared: &Arc<Shared>, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(GROUP);
    // as the connection was opened
    let mut soon = false;
    loop {
        jobs.clear();
        if queue.blocking_recv_many(&mut jobs, GROUP) == 0 {
            let _ = conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
            return;
        }
        group(conn, shared, &mut jobs, &mut soon);
    }
}

fn group(conn: &Connection, shared: &Arc<Shared>, jobs: &mut Vec<Job>, soon: &mut bool) {
    let mut answers: Vec<Answer> = Vec::with_capacity(jobs.len());
    let keys = shared.keys.take_pending();
    let mut tx = Tx::new(conn, shared, jobs.len() == 1);
    // one that must be on the disk brings with it all that was written before
    let all_soon = jobs.iter().all(|job| job.soon);
    let outcome = (|| {
        if *soon != all_soon {
            conn.execute_batch(if all_soon { NOT_YET } else { AT_ONCE })?;
            *soon = all_soon;
        }
        conn.execute_batch("BEGIN IMMEDIATE")?;
        for k in &keys {
            let sql = "INSERT INTO key(id, ws, class, day, wrapped) VALUES(?1, ?2, ?3, ?4, ?5)";
            conn.prepare_cached(sql)?
                .execute((k.id, k.ws, k.class, k.day, &k.wrapped))?;
        }
        for job in jobs.drain(..) {
            answers.push((job.run)(&mut tx));
            if conn.is_autocommit() {
                return Err(rusqlite::Error::InvalidQuery); // SQLite gave the whole transaction up (disk full)
            }
        }
        match tx.undone {
            true => Ok(()),
            false => conn.execute_batch("COMMIT"),
        }
    })();
    let broken = outcome.err().map(|e| e.to_string());
    if broken.is_some() || tx.undone {
        if !conn.is_autocommit() {
            let _ = conn.execute_batch("ROLLBACK");
        }
        shared.names.undo(&tx.fresh);
        shared.keys.put_back(keys);
        shared.keys.put_back(std::mem::take(&mut tx.keys));
    }
    if let Some(why) = &broken {
        tracing::error!(cause = %why, "a group of writes could not be committed; nobody in it was answered with success");
        jobs.clear(); // those not run yet are answered by their dropped channel
    }
    for answer in answers {
        answer(broken.clone());
    }
}

#[cfg(test)]
mod tests {
    use crate::sqlite::{DataDir, Options, Sqlite};
    use crate::{Error, sqlite::Tx};

    fn synchronous(tx: &mut Tx) -> Result<i64, Error> {
        Ok(tx
            .conn
            .query_row("PRAGMA synchronous", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn who_waits_for_the_disk_has_it_whoever_was_before() {
        let folder = std::env::temp_dir().join(format!("stagewire-soon-{}", std::process::id()));
        let dir = DataDir::hold(&folder).expect("a folder can be held");
        let options = Options {
            master: [7; 32],
            now: 0,
        };
        let store = Sqlite::open(dir, &options).expect("it opens");
        const FULL: i64 = 2;
        const NORMAL: i64 = 1;
        assert_eq!(store.write(synchronous).await.expect("it writes"), FULL);
        assert_eq!(store.write_soon(synchronous).await.expect("so"), NORMAL);
        assert_eq!(store.write_or_busy(synchronous).await.expect("it"), FULL);
        let both = tokio::join!(store.write_soon(synchronous), store.write(synchronous));
        assert_eq!(both.1.expect("it writes"), FULL);
        drop(store);
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    }
}
