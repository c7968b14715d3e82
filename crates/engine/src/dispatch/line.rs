//! What waits for one destination, in memory: whose turn it is, per order key; the circuit; the ten-minute rule. Pure: no clock,
//! no store, no calls. It is only a cache of due rows: the store decides whether an action may be claimed.

use super::circuit::Circuit;
use stagewire_model::{ActionState, Micros, OnceKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A destination and an application, a job or a record: what keeps order.
pub type Key = [u8; 16];

/// A head that failed this long, with something newer behind it, is tried once more and then parked.
pub const PATIENCE_MS: i64 = 600_000;

/// An action that waits.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the action table")]
pub struct Entry {
    pub id: i64,
    pub place: i64,
    pub key: Key,
    pub event: [u8; 16],
    pub once: OnceKind,
    pub state: ActionState,
    pub attempt: i64,
    pub tries: i64,
    pub due: Micros,
    /// Its own time, before a recovery of the destination made it due.
    pub own_due: Micros,
    pub valid_until: Option<Micros>,
    pub first_fail: Option<Micros>,
    /// What the vendor also counts by.
    pub limit_key: Option<String>,
    /// When it was last tried.
    pub tried: Micros,
    /// It failed too long and has its last try.
    pub last_chance: bool,
}

/// What is to be done with an entry whose turn it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// Send it (or look for it, where it is unsure). `free`: before its own time, so it costs no attempt.
    Go(Entry, bool),
    /// Its time is over: it is not sent.
    Overtaken(Entry),
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Result {
    /// It ended, however: it holds nothing up.
    Ended,
    /// It waits, in its place.
    Waits {
        /// Not before then.
        due: Micros,
        /// Its state now.
        state: ActionState,
        /// Attempts made.
        attempt: i64,
        /// Attempts used up.
        tries: i64,
        /// When its failing began.
        first_fail: Option<Micros>,
        /// The vendor said "not now": others go first.
        limited: bool,
    },
}

/// What waits for one destination.
#[derive(Debug, Default)]
pub struct Line {
    keys: HashMap<Key, BTreeMap<(i64, i64), Entry>>,
    /// Heads by the time they are due.
    ready: BTreeSet<(Micros, i64, i64, Key)>,
    shown: HashMap<Key, Vec<(Micros, i64, i64)>>,
    flying: HashMap<i64, Key>,
    count: usize,
    /// The circuit of this destination.
    pub circuit: Circuit,
}

impl Line {
    /// How many wait or fly.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether an action of this key could go at once.
    pub fn free(&self, key: &Key) -> bool {
        !self.keys.contains_key(key) && !self.circuit.is_open()
    }

    /// Takes an action in; one that is here already is left as it is.
    pub fn push(&mut self, entry: Entry) {
        let key = entry.key;
        let queue = self.keys.entry(key).or_default();
        if let std::collections::btree_map::Entry::Vacant(v) = queue.entry((entry.place, entry.id))
        {
            v.insert(entry);
            self.count += 1;
            self.show(key);
        }
    }

    /// Takes an action in that flies already.
    pub fn push_flying(&mut self, entry: Entry) {
        self.flying.insert(entry.id, entry.key);
        self.push(entry);
    }

    /// An action in flight did not fly after all, or went another way: it is out of the line.
    pub fn drop_flying(&mut self, id: i64) {
        if let Some(key) = self.flying.remove(&id) {
            self.take_out(&key, id);
        }
    }

    /// Whether it is here.
    pub fn holds(&self, id: i64, key: &Key) -> bool {
        self.keys
            .get(key)
            .is_some_and(|q| q.values().any(|e| e.id == id))
    }

    /// Takes out what does not fly (a fall of the rung, a decision, a settle by hand).
    pub fn remove(&mut self, id: i64, key: &Key) {
        if !self.flying.contains_key(&id) {
            self.take_out(key, id);
        }
    }

    fn take_out(&mut self, key: &Key, id: i64) {
        if let Some(queue) = self.keys.get_mut(key) {
            let before = queue.len();
            queue.retain(|_, e| e.id != id);
            self.count -= before - queue.len();
            if queue.is_empty() {
                self.keys.remove(key);
            }
            self.show(*key);
        }
    }

    /// The entries of a key whose turn it is: those of the first event that is not over, peers of one event side by side.
    fn show(&mut self, key: Key) {
        for (due, place, id) in self.shown.remove(&key).unwrap_or_default() {
            self.ready.remove(&(due, place, id, key));
        }
        let Some(queue) = self.keys.get(&key) else {
            return;
        };
        let Some(first) = queue.values().next().map(|e| e.event) else {
            return;
        };
        // one that came back to an earlier place waits for what flies already
        if queue
            .values()
            .any(|e| e.event != first && self.flying.contains_key(&e.id))
        {
            return;
        }
        let heads: Vec<_> = queue
            .values()
            .take_while(|e| e.event == first)
            .filter(|e| !self.flying.contains_key(&e.id))
            .map(|e| (e.due, e.place, e.id))
            .collect();
        for (due, place, id) in &heads {
            self.ready.insert((*due, *place, *id, key));
        }
        if !heads.is_empty() {
            self.shown.insert(key, heads);
        }
    }

    /// The next entry whose turn it is; `slot` takes a slot of the budget and says whether there was one. `None` where nothing can
    /// go now: [`Line::wake_at`] says when to look again.
    pub fn next(&mut self, now: Micros, mut slot: impl FnMut(&Entry) -> bool) -> Option<Turn> {
        let picked = if self.circuit.is_open() {
            self.probe(now)?
        } else {
            self.first_due(now, &mut slot)?
        };
        let (place, id, key) = picked;
        let entry = self
            .keys
            .get(&key)
            .and_then(|q| q.get(&(place, id)))
            .cloned()?;
        if entry.valid_until.is_some_and(|v| v < now) && entry.state != ActionState::Unsure {
            self.flying.insert(id, key);
            self.show(key);
            return Some(Turn::Overtaken(entry));
        }
        if self.circuit.is_open() && !slot(&entry) {
            return None;
        }
        let free = entry.own_due > now;
        self.flying.insert(id, key);
        if self.circuit.is_open() {
            self.circuit.probing(id);
        }
        self.show(key);
        Some(Turn::Go(entry, free))
    }

    fn first_due(
        &self,
        now: Micros,
        slot: &mut impl FnMut(&Entry) -> bool,
    ) -> Option<(i64, i64, Key)> {
        let mut refused: Vec<&str> = Vec::new();
        for (due, place, id, key) in &self.ready {
            if *due > now {
                return None;
            }
            let entry = self.keys.get(key)?.get(&(*place, *id))?;
            if entry.valid_until.is_some_and(|v| v < now) && entry.state != ActionState::Unsure {
                return Some((*place, *id, *key));
            }
            let limit_key = entry.limit_key.as_deref();
            if limit_key.is_some_and(|k| refused.contains(&k)) {
                continue;
            }
            if slot(entry) {
                return Some((*place, *id, *key));
            }
            refused.push(limit_key?); // without a key of its own it is the whole connection that must wait
            if refused.len() > 64 {
                return None;
            }
        }
        None
    }

    /// With an open circuit: the one tried longest ago, `ledger` last.
    fn probe(&self, now: Micros) -> Option<(i64, i64, Key)> {
        if !self.circuit.may_probe(now) {
            return None;
        }
        let rank = |e: &Entry| (e.once == OnceKind::Ledger, e.tried, e.place);
        let heads = self.ready.iter().filter_map(|(_, place, id, key)| {
            Some((self.keys.get(key)?.get(&(*place, *id))?, *key))
        });
        heads
            .min_by_key(|(e, _)| rank(e))
            .map(|(e, key)| (e.place, e.id, key))
    }

    /// When something may be due that is not now; `None` where only an answer or a new action changes anything.
    pub fn wake_at(&self, now: Micros) -> Option<Micros> {
        if self.circuit.is_open() {
            return self.circuit.next_probe().filter(|_| !self.ready.is_empty());
        }
        self.ready.iter().next().map(|(due, ..)| (*due).max(now))
    }

    /// What became of a try. `well`: the destination answered (anything but a refused connection, a time-out or a 5xx). Says
    /// whether the entry must be parked now because it failed too long with something newer behind it.
    pub fn landed(&mut self, id: i64, now: Micros, result: Result, well: Option<bool>) -> bool {
        let Some(key) = self.flying.remove(&id) else {
            return false;
        };
        if well.is_none() {
            self.circuit.unprobed(id, now);
        }
        if let Some(well) = well {
            let was_open = self.circuit.is_open();
            self.circuit.answered(id, key, now, well);
            if was_open && !self.circuit.is_open() {
                self.wake_all(now);
            }
        }
        match result {
            Result::Ended => self.take_out(&key, id),
            Result::Waits {
                due,
                state,
                attempt,
                tries,
                first_fail,
                limited,
            } => {
                let behind = self.newer_event_waits(&key, id);
                let open = self.circuit.is_open();
                let Some(entry) = self
                    .keys
                    .get_mut(&key)
                    .and_then(|q| q.values_mut().find(|e| e.id == id))
                else {
                    return false;
                };
                if entry.last_chance && !limited && !open && behind {
                    self.take_out(&key, id);
                    return true;
                }
                (
                    entry.due,
                    entry.state,
                    entry.attempt,
                    entry.tries,
                    entry.first_fail,
                    entry.tried,
                ) = (due, state, attempt, tries, first_fail, now);
                entry.own_due = due;
                if limited {
                    entry.due = due.plus_ms(1);
                } else if !open
                    && behind
                    && first_fail.is_some_and(|t| now.0 - t.0 > PATIENCE_MS * 1000)
                {
                    (entry.last_chance, entry.due) = (true, now);
                }
                self.show(key);
            }
        }
        false
    }

    fn newer_event_waits(&self, key: &Key, id: i64) -> bool {
        let Some(queue) = self.keys.get(key) else {
            return false;
        };
        let Some(me) = queue.values().find(|e| e.id == id) else {
            return false;
        };
        queue
            .values()
            .any(|e| e.place > me.place && e.event != me.event)
    }

    /// One good probe: everything that waited for a retry is due.
    fn wake_all(&mut self, now: Micros) {
        let keys: Vec<Key> = self.keys.keys().copied().collect();
        for key in keys {
            if let Some(queue) = self.keys.get_mut(&key) {
                queue
                    .values_mut()
                    .filter(|e| e.state == ActionState::Later)
                    .for_each(|e| e.due = e.due.min(now));
            }
            self.show(key);
        }
    }

    /// What the vendor also counts this action by.
    pub fn counts_by(&mut self, id: i64, key: &Key, limit_key: String) {
        if let Some(entry) = self
            .keys
            .get_mut(key)
            .and_then(|q| q.values_mut().find(|e| e.id == id))
        {
            entry.limit_key = Some(limit_key);
        }
    }

    /// Everything that waits, for a listing.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.keys.values().flat_map(BTreeMap::values)
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
