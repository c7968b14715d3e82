//! The read pool: a few threads, each with its own read-only connection. No read transaction outlives its operation.

use super::{Rx, Shared, read_only};
use crate::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&mut Rx) + Send>;

pub(super) struct Readers {
    jobs: mpsc::Sender<Job>,
}

impl Readers {
    pub(super) fn start(file: &Path, shared: &Arc<Shared>, count: usize) -> Result<Readers, Error> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        for n in 0..count {
            let (conn, shared, queue) = (read_only(file)?, shared.clone(), queue.clone());
            let work = move || {
                loop {
                    let job = crate::seal::lock(&queue).recv();
                    let Ok(job) = job else { return };
                    // one snapshot for all that the job asks; where none can be had, its first question fails too
                    let _snapshot = conn.unchecked_transaction();
                    job(&mut Rx {
                        conn: &conn,
                        shared: &shared,
                    });
                }
            };
            std::thread::Builder::new()
                .name(format!("store-reader-{n}"))
                .spawn(work)
                .map_err(|e| Error::Unavailable(e.to_string()))?;
        }
        Ok(Readers { jobs })
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Rx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (send, receive) = oneshot::channel();
        let job: Job = Box::new(move |rx| drop(send.send(f(rx))));
        self.jobs
            .send(job)
            .map_err(|_| Error::Unavailable("the read pool has stopped".into()))?;
        receive
            .await
            .map_err(|_| Error::Unavailable("a reader stopped".into()))?
    }
}
