//! The ingest lane of one source connection: one batch in flight, deliveries and answers of reads alike. It maps, compares, plans
//! and hands over a write set with the ground it was computed on; where the ground has moved it computes again. Waits for no
//! vendor but, at most a second, for the missing past of an unknown record.

mod answer;
mod batch;
mod bind;
mod chores;
mod due;
pub(crate) mod emit;
mod merged;
mod past;
mod timers;
mod together;

use crate::connection::Connection;
use crate::hub::Hub;
pub use answer::{Answered, Heard, Wanted};
use batch::Batch;
use chores::Chores;
use serde_json::Value;
use stagewire_store::{Applied, DueDelivery, Error, RecordRow};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc, oneshot};

/// Deliveries in one batch.
const BATCH: i64 = 64;
/// Parsed deliveries kept for the lane.
const PARSED: usize = 4_096;
/// Records kept between batches.
const RECORDS: usize = 2_000;

type Job = (Answered, oneshot::Sender<Result<(), Error>>);

/// One source's lane.
pub struct Lane {
    /// The source.
    pub conn: Arc<Connection>,
    pub(crate) hub: Arc<Hub>,
    notify: Notify,
    parsed: Mutex<HashMap<i64, Value>>,
    cache: Mutex<HashMap<[u8; 16], RecordRow>>,
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
            cache: Mutex::default(),
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
    pub async fn hear(&self, mut answered: Answered) -> Result<(), Error> {
        answered.keep(&self.conn.holding);
        let (send, receive) = oneshot::channel();
        let gone = |_| Error::Unavailable("the lane has stopped".into());
        self.answers
            .send((answered, send))
            .await
            .map_err(|_| gone(()))?;
        receive.await.map_err(|_| gone(()))?
    }

    fn parsed(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Value>> {
        self.parsed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 16], RecordRow>> {
        self.cache
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Works until the server stops.
    pub async fn work(self: Arc<Self>) {
        let mut inbox = self.inbox.lock().await;
        loop {
            let more = self.round().await;
            let job = if more {
                inbox.try_recv().ok()
            } else {
                let (wait, idle) = self.until_due();
                tokio::select! {
                    job = inbox.recv() => job,
                    () = self.notify.notified() => None,
                    () = self.hub.env.sleep(wait) => { self.look_again(idle); None }
                }
            };
            if let Some((answered, done)) = job {
                let _ = done.send(self.answer(answered).await);
            }
        }
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

    async fn answer(&self, answered: Answered) -> Result<(), Error> {
        loop {
            let mut batch = Batch::new(self);
            batch.answer(&answered).await?;
            if self.commit(batch).await? {
                break;
            }
            self.moved_ground().await?;
        }
        if let Some(at) = answered.watermark {
            self.conn.set_watermark(at);
            self.notify.notify_one();
        }
        self.replan.store(true, Ordering::Release);
        Ok(())
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

    /// Hands the write set over; true where it was taken. Then what may go, goes.
    async fn commit(&self, batch: Batch<'_>) -> Result<bool, Error> {
        let (set, records, mut outgoing) = batch.finish();
        let next = set.timers_set.iter().map(|t| t.due).min();
        let (wanted, account) = (!set.wants.is_empty(), set.account.clone());
        let taken = self.hub.store.apply(Box::new(set)).await;
        let done = matches!(taken, Ok(Applied::Done));
        if done {
            let mut cache = self.cache();
            if cache.len() > RECORDS {
                cache.clear();
            }
            cache.extend(records.into_iter().map(|r| (r.id16, r)));
        } else {
            self.cache().clear();
        }
        if let Some(due) = next.filter(|_| done) {
            self.due_at(due);
        }
        let (failed, goes_on) = (outgoing.failed, std::mem::take(&mut outgoing.goes_on));
        outgoing.settle(done);
        goes_on
            .into_iter()
            .filter(|_| done)
            .for_each(|run| self.hub.run_moved(run));
        if done && let Some(account) = account {
            self.conn.pin_account(&account);
        }
        if done && wanted {
            self.conn.wanted.notify_one();
        }
        if done && failed {
            self.hub.failed.notify_one();
        }
        taken.map(|t| t == Applied::Done)
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
