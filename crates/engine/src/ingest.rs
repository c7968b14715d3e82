//! The ingest lane of one source connection: one batch in flight, deliveries and answers of reads alike. It maps, compares, plans
//! and hands over a write set with the ground it was computed on; where the ground has moved it computes again. Waits for no
//! vendor but, at most a second, for the missing past of an unknown record.

mod answer;
mod batch;
mod bind;
mod chores;
mod due;
pub(crate) mod emit;
mod flight;
mod merged;
mod past;
mod timers;
mod together;

use crate::connection::Connection;
use crate::hub::Hub;
pub use answer::{Answered, Heard, Wanted};
use batch::Batch;
use chores::Chores;
pub use flight::{Chain, Handed};
use flight::{Known, landing};
use serde_json::Value;
use stagewire_store::{DueDelivery, Error};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc, oneshot};

/// Deliveries in one batch.
const BATCH: i64 = 64;
/// Parsed deliveries kept for the lane.
const PARSED: usize = 4_096;

fn stopped() -> Error {
    Error::Unavailable("the lane has stopped".into())
}

type Job = (Answered, oneshot::Sender<Result<(), Error>>);

/// One source's lane.
pub struct Lane {
    /// The source.
    pub conn: Arc<Connection>,
    pub(crate) hub: Arc<Hub>,
    notify: Notify,
    parsed: Mutex<HashMap<i64, Value>>,
    records: Mutex<Known>,
    answers: mpsc::Sender<Job>,
    inbox: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    replan: AtomicBool,
    /// When the next timer is due, as far as this lane knows.
    next_due: AtomicI64,
    chores: Chores,
}

impl Lane {
    /// A lane that does not run yet.
    pub fn new(conn: Arc<Connection>, hub: Arc<Hub>) -> Lane {
        let (answers, inbox) = mpsc::channel(8);
        Lane {
            conn,
            hub,
            notify: Notify::new(),
            parsed: Mutex::default(),
            records: Mutex::default(),
            answers,
            inbox: tokio::sync::Mutex::new(inbox),
            replan: AtomicBool::new(true),
            next_due: AtomicI64::new(i64::MIN),
            chores: Chores::default(),
        }
    }

    /// A delivery was admitted: its parsed body is kept so that it is parsed once.
    pub fn admitted(&self, id: i64, value: Value) {
        let mut parsed = self.parsed();
        if parsed.len() < PARSED {
            parsed.insert(id, value);
        }
        drop(parsed);
        self.notify.notify_one();
    }

    /// Something is due: look.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// The same bytes came again under another vendor id: perhaps it really happened twice, so its record is read once.
    pub async fn seen_again(&self, value: Value) {
        let mapped = self.conn.connector.map_delivery(&value);
        let main = mapped
            .observations
            .into_iter()
            .find(|o| !matches!(o.seen, stagewire_model::Seen::Embedded));
        if let Some(o) = main {
            let wants = vec![Wanted::record(
                o.entity,
                o.remote_id,
                "the same bytes came twice",
                1,
            )];
            let asked = self.conn.ask();
            let _ = self
                .hear(Answered {
                    wants,
                    channel: "read_back",
                    asked,
                    ..Answered::default()
                })
                .await;
        }
    }

    /// Runs that wait for a path are to be planned again.
    pub fn plan_again(&self) {
        self.replan.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Hands an answer in and waits until it is written.
    ///
    /// # Errors
    /// Where the store cannot take it.
    pub async fn hear(&self, answered: Answered) -> Result<(), Error> {
        self.hand(answered).await?.stored().await
    }

    /// Hands an answer in; it is not written yet.
    ///
    /// # Errors
    /// Where the lane has stopped.
    pub async fn hand(&self, mut answered: Answered) -> Result<Handed, Error> {
        answered.keep(&self.conn.holding);
        let (send, receive) = oneshot::channel();
        let sent = self.answers.send((answered, send)).await;
        sent.map(|()| Handed(receive)).map_err(|_| stopped())
    }

    fn parsed(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Value>> {
        self.parsed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn records(&self) -> std::sync::MutexGuard<'_, Known> {
        self.records
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Works until the server stops.
    pub async fn work(self: Arc<Self>) {
        let mut inbox = self.inbox.lock().await;
        let mut flight = None;
        loop {
            if flight.is_some() && self.other_work().await {
                self.land(&mut flight).await;
            }
            let more = flight.is_none() && self.round().await;
            let job = if more {
                inbox.try_recv().ok()
            } else {
                let (wait, idle) = self.until_due();
                tokio::select! {
                    job = inbox.recv() => job,
                    () = landing(&mut flight) => { self.land(&mut flight).await; None }
                    () = self.notify.notified() => None,
                    () = self.hub.env.sleep(wait) => { self.look_again(idle); None }
                }
            };
            if let Some(job) = job {
                self.answer(job, &mut flight).await;
            }
        }
    }

    /// Whether there is something to do but to hear answers. An answer that is still being written is waited for then.
    async fn other_work(&self) -> bool {
        let (store, conn) = (&self.hub.store, &self.conn.id);
        let due = store.due_deliveries(conn.clone(), 1).await;
        let runs = match self.replan.load(Ordering::Acquire) {
            true => store.completing(conn.clone(), 1).await,
            false => Ok(Vec::new()),
        };
        // what cannot be asked is asked again by the round
        let due = due.map_or(true, |d| !d.is_empty()) || runs.map_or(true, |r| !r.is_empty());
        due || self.is_due().await
    }

    /// One round of what is due, without waiting; true where there may be more at once.
    pub async fn round(&self) -> bool {
        // what waited for a path comes before what is newer
        if self.replan.swap(false, Ordering::AcqRel)
            && let Err(e) = self.plan_waiting_runs().await
        {
            tracing::error!(connection.id = %self.conn.id, cause = %e, "waiting runs could not be planned");
        }
        let delivered = match self.deliveries().await {
            Ok(n) => n == BATCH as usize,
            Err(e) => {
                tracing::error!(connection.id = %self.conn.id, cause = %e, "deliveries could not be worked on; trying again");
                self.hub.env.sleep(500).await;
                true
            }
        };
        match self.time().await {
            Ok(more) => more || delivered,
            Err(e) => {
                tracing::error!(connection.id = %self.conn.id, cause = %e, "what is due could not be worked on; trying again");
                self.hub.env.sleep(500).await;
                true
            }
        }
    }

    /// One batch of waiting deliveries; how many there were.
    async fn deliveries(&self) -> Result<usize, Error> {
        let due = self
            .hub
            .store
            .due_deliveries(self.conn.id.clone(), BATCH)
            .await?;
        if due.is_empty() {
            return Ok(0);
        }
        let count = due.len();
        let mut bad = HashSet::new();
        loop {
            let mut batch = Batch::new(self);
            batch.deliveries(&due, &mut bad).await?;
            if batch.broken {
                continue; // nothing of it is kept; the delivery that stopped it is left out now
            }
            if self.commit(batch).await? {
                break;
            }
            self.moved_ground().await?;
        }
        let mut parsed = self.parsed();
        due.iter().for_each(|d| drop(parsed.remove(&d.id)));
        Ok(count)
    }

    async fn plan_waiting_runs(&self) -> Result<(), Error> {
        loop {
            let mut batch = Batch::new(self);
            if !batch.completing().await? || self.commit(batch).await? {
                return Ok(());
            }
            self.moved_ground().await?;
        }
    }

    /// The ground had moved: the flows are read again, and the next round waits a moment.
    async fn moved_ground(&self) -> Result<(), Error> {
        crate::engine::reload_flows(&self.hub).await?;
        self.hub.env.sleep(20).await;
        Ok(())
    }

    /// A delivery's parsed body, from memory or from the store.
    async fn value(&self, d: &DueDelivery) -> Result<Option<Value>, Error> {
        if let Some(v) = self.parsed().get(&d.id) {
            return Ok(Some(v.clone()));
        }
        match self.hub.store.body(d.body).await {
            Ok(bytes) => Ok(self.conn.connector.cut(&bytes).ok().map(|c| {
                let mut value = c.value;
                let conn = &self.conn;
                conn.connector.cut_delivery(&conn.holding, &mut value);
                value
            })),
            Err(Error::NotFound(_) | Error::Sealed(..)) => Ok(None),
            Err(e) => Err(e),
        }
    }
}
