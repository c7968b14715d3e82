//! One budget per vendor limit: how many calls may fly, how many may go in the window, and until when none may. Shared by
//! priority, so that a backfill never starves live events. Lives in memory; only "blocked until" is stored, by the caller.

use stagewire_connector::{Learned, LimitSpec};
use stagewire_model::Micros;
use std::collections::HashMap;
use std::sync::Mutex;

/// Who asks; what comes first gets more of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A person waits for it.
    Person,
    /// A live event.
    Live,
    /// A read that a run or a delivery waits for.
    Completing,
    /// Comparing polls with what webhooks brought.
    Reconcile,
    /// The first read of everything.
    Backfill,
}

impl Priority {
    /// The share of the window (in percent) that is kept for those before it.
    fn kept(self) -> u32 {
        match self {
            Priority::Person => 0,
            Priority::Live => 2,
            Priority::Completing => 10,
            Priority::Reconcile => 20,
            Priority::Backfill => 30,
        }
    }
}

#[derive(Debug)]
struct Inner {
    spec: LimitSpec,
    in_flight: u32,
    limit: Option<u32>,
    used: u32,
    window_ends: Micros,
    blocked_until: Micros,
    keys: HashMap<String, Vec<Micros>>,
}

/// The budget of one connection.
#[derive(Debug)]
pub struct Budget(Mutex<Inner>);

/// Whether a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// It may, and is counted; give it back with [`Budget::release`].
    Taken,
    /// Not before that time.
    Wait(Micros),
    /// As many fly as may; when one lands there is room.
    Full,
}

impl Budget {
    /// A budget as the manifest describes it, until the vendor's answers teach better.
    pub fn new(spec: LimitSpec, blocked_until: Micros) -> Budget {
        Budget(Mutex::new(Inner {
            spec,
            in_flight: 0,
            limit: None,
            used: 0,
            window_ends: Micros(0),
            blocked_until,
            keys: HashMap::new(),
        }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes a slot if there is one; `key` is what the vendor also counts by (a channel).
    pub fn take(&self, now: Micros, priority: Priority, key: Option<&str>) -> Slot {
        let mut b = self.lock();
        if now < b.blocked_until {
            return Slot::Wait(b.blocked_until);
        }
        // one place stays free of what can wait, so that a live event never stands behind it
        let kept = u32::from(priority >= Priority::Reconcile && b.spec.in_flight > 1);
        if b.in_flight + kept >= b.spec.in_flight {
            return Slot::Full;
        }
        if let Some(window) = &b.spec.window {
            let (calls, per_ms) = (b.limit.unwrap_or(window.calls).max(1), window.per_ms);
            if now >= b.window_ends {
                b.used = 0;
                b.window_ends = now.plus_ms(per_ms);
            }
            let kept = (calls * priority.kept()).div_ceil(100);
            if b.used >= calls.saturating_sub(kept).max(1) {
                return Slot::Wait(b.window_ends);
            }
        }
        if let (Some(per_key), Some(key)) = (b.spec.per_key, key) {
            let since = now.plus_ms(-per_key.per_ms);
            if b.keys.len() > 4096 {
                b.keys
                    .retain(|_, sent| sent.last().is_some_and(|t| *t > since));
            }
            let sent = b.keys.entry(key.to_owned()).or_default();
            sent.retain(|t| *t > since);
            if sent.len() as u32 >= per_key.calls.max(per_key.burst) {
                return Slot::Wait(sent[0].plus_ms(per_key.per_ms));
            }
            sent.push(now);
        }
        b.used += 1;
        b.in_flight += 1;
        Slot::Taken
    }

    /// What an answer taught.
    pub fn learn(&self, now: Micros, learned: &Learned) {
        let mut b = self.lock();
        if let Some(limit) = learned.limit {
            b.limit = Some(limit);
        }
        if let Some(reset) = learned.reset_at
            && reset > now
            && reset < now.plus_ms(3_600_000)
        {
            b.window_ends = reset;
        }
        if let (Some(remaining), Some(limit)) = (learned.remaining, b.limit) {
            b.used = b.used.max(limit.saturating_sub(remaining)).min(limit);
            if remaining > limit / 2 {
                b.used = limit.saturating_sub(remaining).max(b.in_flight);
            }
        }
    }

    /// The slot was used and is free again.
    pub fn release(&self) {
        let mut b = self.lock();
        b.in_flight = b.in_flight.saturating_sub(1);
    }

    /// A slot that is taken whatever the limits say: for what makes no call.
    pub fn take_anyway(&self) {
        let mut b = self.lock();
        b.in_flight += 1;
        b.used += 1;
    }

    /// The slot was not used after all.
    pub fn give_back(&self) {
        let mut b = self.lock();
        b.in_flight = b.in_flight.saturating_sub(1);
        b.used = b.used.saturating_sub(1);
    }

    /// The vendor said "not now": nothing goes before that time.
    pub fn block(&self, until: Micros) {
        let mut b = self.lock();
        b.blocked_until = b.blocked_until.max(until);
    }

    /// Until when nothing goes.
    pub fn blocked_until(&self) -> Micros {
        self.lock().blocked_until
    }

    /// Calls in flight.
    pub fn flying(&self) -> u32 {
        self.lock().in_flight
    }
}
