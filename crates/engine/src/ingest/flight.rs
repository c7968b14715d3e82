//! Write sets on their way to the disk. While an answer is being written the lane works out the next one, on the records as they
//! will be; it sends nothing and asks the store for nothing else before what it built on has landed. What did not land is worked
//! out again, and so is what came after it.

use super::batch::{Batch, Ready};
use super::emit::Outgoing;
use super::{Answered, Job, Lane};
use futures::future::{MaybeDone, maybe_done};
use stagewire_store::{Applied, Error, RecordRow};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Records kept between batches.
const RECORDS: usize = 2_000;

/// Answers of one walk, in their order: after one that could not be stored, none is.
#[derive(Clone, Debug, Default)]
pub struct Chain(Arc<AtomicBool>);

impl Chain {
    fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// An answer that was handed in.
#[must_use]
pub struct Handed(pub(super) oneshot::Receiver<Result<(), Error>>);

impl Handed {
    /// Waits until it is written.
    ///
    /// # Errors
    /// Where the store could not take it, or one before it in its chain.
    pub async fn stored(self) -> Result<(), Error> {
        self.0.await.map_err(|_| super::stopped())?
    }
}

/// A write set that was handed over, and what follows once it is taken.
pub(super) struct Sent {
    taken: MaybeDone<JoinHandle<Result<Applied, Error>>>,
    outgoing: Outgoing,
    next_due: Option<i64>,
    wanted: bool,
    account: Option<String>,
}

/// An answer that is being written, and who waits for that.
pub(super) struct Flight {
    answered: Answered,
    done: oneshot::Sender<Result<(), Error>>,
    sent: Sent,
}

/// Until what is being written is written or not; for ever where there is nothing.
pub(super) async fn landing(flight: &mut Option<Flight>) {
    match flight {
        Some(flight) => (&mut flight.sent.taken).await,
        None => std::future::pending().await,
    }
}

/// Records that a batch need not load.
#[derive(Default)]
pub(crate) struct Known {
    /// As they are stored.
    stored: HashMap<[u8; 16], Arc<RecordRow>>,
    /// As they will be once what is being written is.
    flying: HashMap<[u8; 16], Arc<RecordRow>>,
}

impl Known {
    pub(super) fn get(&self, id: &[u8; 16]) -> Option<&RecordRow> {
        let row = self.flying.get(id).or_else(|| self.stored.get(id));
        row.map(|row| &**row)
    }

    /// Somebody else has written records.
    pub(crate) fn forget(&mut self) {
        self.stored.clear();
    }

    fn settle(&mut self, done: bool) {
        if !done || self.stored.len() > RECORDS {
            self.stored.clear();
        }
        let flying = std::mem::take(&mut self.flying);
        self.stored.extend(flying.into_iter().filter(|_| done));
    }
}

impl Lane {
    /// Works an answer out, beside the one that is being written, and sends it off in its place.
    pub(super) async fn answer(&self, (answered, done): Job, flight: &mut Option<Flight>) {
        match self.work_out(&answered, flight).await {
            Ok(sent) => {
                *flight = Some(Flight {
                    answered,
                    done,
                    sent,
                });
            }
            Err(e) => {
                answered.chain.stop();
                let _ = done.send(Err(e));
            }
        }
    }

    async fn work_out(
        &self,
        answered: &Answered,
        flight: &mut Option<Flight>,
    ) -> Result<Sent, Error> {
        loop {
            let mut batch = Batch::new(self);
            batch.hear(answered).await?;
            if batch.tells() && !self.land(flight).await {
                continue; // flows see only what is stored
            }
            batch.tell().await?;
            let ready = batch.finish();
            if !self.land(flight).await {
                continue;
            }
            if answered.chain.stopped() {
                return Err(Error::Unavailable(
                    "what came before it could not be stored".into(),
                ));
            }
            return Ok(self.send(ready));
        }
    }

    /// Waits for what is being written; false where what was worked out on it must be worked out again.
    pub(super) async fn land(&self, flight: &mut Option<Flight>) -> bool {
        let Some(Flight {
            answered,
            done,
            sent,
        }) = flight.take()
        else {
            return true;
        };
        let taken = self.landed(sent).await;
        let at_once = matches!(taken, Ok(true));
        let stored = match taken {
            Ok(true) => Ok(()),
            Ok(false) => self.work_out_again(&answered).await,
            Err(e) => Err(e),
        };
        match &stored {
            Ok(()) => self.was_heard(&answered),
            Err(_) => answered.chain.stop(),
        }
        let _ = done.send(stored);
        at_once
    }

    async fn work_out_again(&self, answered: &Answered) -> Result<(), Error> {
        loop {
            self.moved_ground().await?;
            let mut batch = Batch::new(self);
            batch.hear(answered).await?;
            batch.tell().await?;
            if self.commit(batch).await? {
                return Ok(());
            }
        }
    }

    fn was_heard(&self, answered: &Answered) {
        if let Some(at) = answered.watermark {
            self.conn.set_watermark(at);
            self.notify.notify_one();
        }
        self.replan.store(true, Ordering::Release);
    }

    /// Hands a write set over and waits; true where it was taken.
    pub(super) async fn commit(&self, batch: Batch<'_>) -> Result<bool, Error> {
        let sent = self.send(batch.finish());
        self.landed(sent).await
    }

    fn send(&self, (set, records, outgoing): Ready) -> Sent {
        let next_due = set.timers_set.iter().map(|t| t.due).min();
        let (wanted, account) = (!set.wants.is_empty(), set.account.clone());
        self.records().flying = records.into_iter().map(|r| (r.id16, r)).collect();
        let store = self.hub.store.clone();
        let taken = tokio::spawn(async move {
            match set.comes_again() {
                true => store.apply_soon(Box::new(set)).await,
                false => store.apply(Box::new(set)).await,
            }
        });
        Sent {
            taken: maybe_done(taken),
            outgoing,
            next_due,
            wanted,
            account,
        }
    }

    /// What may go once a write set is taken, goes.
    async fn landed(&self, mut sent: Sent) -> Result<bool, Error> {
        (&mut sent.taken).await;
        let taken = std::pin::Pin::new(&mut sent.taken).take_output();
        let taken = taken.unwrap_or(Ok(Err(super::stopped())));
        let taken = taken.unwrap_or_else(|_| Err(super::stopped()));
        let done = matches!(taken, Ok(Applied::Done));
        self.records().settle(done);
        if let Some(due) = sent.next_due.filter(|_| done) {
            self.due_at(due);
        }
        let mut outgoing = sent.outgoing;
        let (failed, goes_on) = (outgoing.failed, std::mem::take(&mut outgoing.goes_on));
        outgoing.settle(done);
        goes_on
            .into_iter()
            .filter(|_| done)
            .for_each(|run| self.hub.run_moved(run));
        if done && let Some(account) = sent.account {
            self.conn.pin_account(&account);
        }
        if done && sent.wanted {
            self.conn.wanted.notify_one();
        }
        if done && failed {
            self.hub.failed.notify_one();
        }
        taken.map(|t| t == Applied::Done)
    }
}
