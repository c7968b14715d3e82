//! Everything that leaves goes through here, one dispatcher per destination: a slot, the order key's turn, a committed claim, the
//! call, and what became of it, committed. Knows no flow and no vendor.

pub mod circuit;
pub mod decide;
mod decision;
pub mod line;
mod look;
mod prepare;
mod request;
mod send;
mod settle;

use crate::budget::{Priority, Slot};
use crate::connection::Connection;
use crate::hub::Hub;
use futures::FutureExt;
use line::{Entry, Line, Turn};
pub use request::{Draft, Stored};
pub(crate) use send::action_name;
use stagewire_model::{ActionState, Micros};
use stagewire_store::{ActionRow, Store};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// At most this many actions of one destination are held in memory; the rest wait in the store.
const IN_MEMORY: usize = 20_000;
/// How often the store is swept for what memory has lost sight of, in microseconds.
const SWEEP_US: i64 = 60_000_000;
/// How many are loaded at a time.
const LOAD: i64 = 2_000;

/// An action with its request, as long as it is in memory.
pub(crate) struct Loaded {
    pub(crate) row: ActionRow,
    pub(crate) stored: Option<Arc<Stored>>,
    /// The request in hand is newer than the one in the store.
    pub(crate) fresh: bool,
    /// The hash of the request as a person saw it, where it was rendered since.
    pub(crate) shown: Option<[u8; 32]>,
}

/// One destination's dispatcher.
pub struct Dispatcher {
    /// The destination.
    pub conn: Arc<Connection>,
    hub: Arc<Hub>,
    line: Mutex<Line>,
    rows: Mutex<HashMap<i64, Arc<Loaded>>>,
    notify: Notify,
    overflow: AtomicBool,
    loaded_place: AtomicI64,
    looks: Mutex<HashMap<i64, i64>>,
    stopped: AtomicBool,
    swept: AtomicI64,
    /// A subscriber answered 404 last.
    missed: AtomicBool,
}

impl Dispatcher {
    /// A dispatcher that has loaded nothing yet.
    pub fn new(conn: Arc<Connection>, hub: Arc<Hub>) -> Dispatcher {
        Dispatcher {
            conn,
            hub,
            line: Mutex::default(),
            rows: Mutex::default(),
            notify: Notify::new(),
            overflow: AtomicBool::new(true),
            loaded_place: AtomicI64::new(0),
            looks: Mutex::default(),
            stopped: AtomicBool::new(false),
            swept: AtomicI64::new(0),
            missed: AtomicBool::new(true),
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<i64, Arc<Loaded>>> {
        self.rows
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Works until the server stops.
    pub async fn work(self: Arc<Self>) {
        while !self.stopped.load(Ordering::Acquire) {
            let now = self.hub.env.now();
            // a sweep finds anything due that memory has lost sight of
            if now.0 - self.swept.load(Ordering::Acquire) > SWEEP_US {
                self.swept.store(now.0, Ordering::Release);
                self.loaded_place.store(0, Ordering::Release);
                self.overflow.store(true, Ordering::Release);
            }
            self.load().await;
            let now = self.hub.env.now();
            let wake = if self.conn.may_send() && self.hub.effects_on() {
                self.send_what_may_go(now)
            } else {
                None
            };
            match wake {
                Some(at) => {
                    let ms = u64::try_from((at.0 - now.0).max(0) / 1000 + 1).unwrap_or(1);
                    tokio::select! { () = self.notify.notified() => {}, () = self.hub.env.sleep(ms.min(60_000)) => {} }
                }
                None => {
                    tokio::select! { () = self.notify.notified() => {}, () = self.hub.env.sleep(60_000) => {} }
                }
            }
        }
    }

    /// Starts all whose turn it is; says when to look again.
    fn send_what_may_go(self: &Arc<Self>, now: Micros) -> Option<Micros> {
        let mut blocked = None;
        loop {
            let mut line = self.line();
            let turn = line.next(now, |e| {
                match self
                    .conn
                    .budget
                    .take(now, Priority::Live, e.limit_key.as_deref())
                {
                    Slot::Taken => true,
                    Slot::Wait(until) => {
                        blocked = Some(blocked.map_or(until, |b: Micros| b.min(until)));
                        false
                    }
                    Slot::Full => false,
                }
            });
            let wake = line.wake_at(now);
            drop(line);
            match turn {
                Some(Turn::Go(entry, free)) => {
                    let me = self.clone();
                    tokio::spawn(async move {
                        let held = entry.clone();
                        let turn = AssertUnwindSafe(me.turn(entry, free));
                        if turn.catch_unwind().await.is_err() {
                            me.poisoned(held).await;
                        }
                    });
                }
                Some(Turn::Overtaken(entry)) => {
                    self.conn.budget.take_anyway();
                    let me = self.clone();
                    tokio::spawn(async move { me.overtaken(entry).await });
                }
                // what is due but found no slot waits for the budget, or for a call to land (which wakes us)
                None => {
                    return if wake.is_some_and(|w| w <= now) {
                        blocked
                    } else {
                        wake
                    };
                }
            }
        }
    }

    /// Fills the memory from the store, in order of place.
    async fn load(&self) {
        while self.overflow.load(Ordering::Acquire) && self.line().len() < IN_MEMORY / 2 {
            let after = self.loaded_place.load(Ordering::Acquire);
            let rows = match self
                .hub
                .store
                .due_actions(self.conn.id.clone(), after, LOAD)
                .await
            {
                Ok(rows) => rows,
                Err(e) => {
                    tracing::error!(connection.id = %self.conn.id, cause = %e, "waiting actions could not be loaded");
                    return self.hub.env.sleep(1_000).await;
                }
            };
            let full = rows.len() as i64 == LOAD;
            for row in rows {
                self.loaded_place.fetch_max(row.place, Ordering::AcqRel);
                self.take_in(row, None);
            }
            if !full {
                self.overflow.store(false, Ordering::Release);
            }
        }
    }

    fn take_in(&self, row: ActionRow, stored: Option<Arc<Stored>>) {
        let waits_for_step = row.state == ActionState::Planned && row.due.is_none();
        if waits_for_step
            || !matches!(
                row.state,
                ActionState::Planned | ActionState::Later | ActionState::Unsure
            )
        {
            return;
        }
        if self.line().holds(row.id, &row.order_key) {
            return;
        }
        let entry = self.entry(&row, stored.as_deref());
        self.rows().insert(
            row.id,
            Arc::new(Loaded {
                row,
                stored,
                fresh: false,
                shown: None,
            }),
        );
        self.line().push(entry);
    }

    fn entry(&self, row: &ActionRow, stored: Option<&Stored>) -> Entry {
        Entry {
            id: row.id,
            place: row.place,
            key: row.order_key,
            event: row.event,
            once: row.once,
            state: row.state,
            attempt: row.attempt,
            tries: row.tries,
            due: Micros(row.due.unwrap_or(0)),
            own_due: Micros(row.due.unwrap_or(0)),
            valid_until: row.valid_until.map(Micros),
            first_fail: row.first_fail.map(Micros),
            limit_key: stored.and_then(Stored::limit_key),
            tried: Micros(0),
            last_chance: false,
        }
    }

    /// Takes the slot and the turn for an action that is about to be planned, so that it can be claimed with its plan. False where
    /// something else is first. [`Dispatcher::launch`] or [`Dispatcher::unreserve`] must follow.
    pub fn reserve(&self, row: &ActionRow, stored: &Stored) -> bool {
        if !self.conn.may_send() || !self.hub.effects_on() || self.overflow.load(Ordering::Acquire)
        {
            return false;
        }
        let now = self.hub.env.now();
        let mut line = self.line();
        if !line.free(&row.order_key) {
            return false;
        }
        let entry = self.entry(row, Some(stored));
        if self
            .conn
            .budget
            .take(now, Priority::Live, entry.limit_key.as_deref())
            != Slot::Taken
        {
            return false;
        }
        line.push_flying(entry);
        true
    }

    /// The plan was not taken: the turn goes back.
    pub fn unreserve(&self, id: i64) {
        self.line().drop_flying(id);
        self.conn.budget.give_back();
        self.notify.notify_one();
    }

    /// A reserved action was committed as claimed: it is sent now.
    pub fn launch(self: &Arc<Self>, row: ActionRow, stored: Stored) {
        let entry = self.entry(&row, Some(&stored));
        let loaded = Arc::new(Loaded {
            row,
            stored: Some(Arc::new(stored)),
            fresh: false,
            shown: None,
        });
        let me = self.clone();
        tokio::spawn(async move {
            let held = entry.clone();
            let send = AssertUnwindSafe(me.send_claimed(entry, loaded, false));
            if send.catch_unwind().await.is_err() {
                me.poisoned(held).await;
            }
        });
    }

    /// A committed action that waits: planned, or set going again by a person.
    pub fn push(&self, row: ActionRow, stored: Option<Stored>) {
        let beyond = self.overflow.load(Ordering::Acquire)
            && row.place > self.loaded_place.load(Ordering::Acquire);
        if beyond || self.line().len() >= IN_MEMORY {
            self.overflow.store(true, Ordering::Release);
        } else {
            self.loaded_place.fetch_max(row.place, Ordering::AcqRel);
            self.take_in(row, stored.map(Arc::new));
        }
        self.notify.notify_one();
    }

    /// Nothing leaves here any more; what waits stays in the store.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Something outside changed: look again.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// An action was settled by somebody else.
    pub fn forget(&self, id: i64, key: &line::Key) {
        self.line().remove(id, key);
        self.rows().remove(&id);
        self.notify.notify_one();
    }

    /// How many actions are in memory, and whether more wait in the store.
    pub fn waiting(&self) -> (usize, bool) {
        (self.line().len(), self.overflow.load(Ordering::Acquire))
    }

    /// Since when the circuit is open.
    pub fn circuit_open_since(&self) -> Option<Micros> {
        self.line().circuit.open_since()
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.hub.store
    }
}
