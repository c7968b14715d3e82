//! One kind of record by number and by date of change, with room for a crowd that is computed, not
//! stored. Nothing here looks at every row to answer for a few.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::Range;

use super::crowd::Plan;
use super::rows::Row;
use crate::clock::Time;

/// From and through, both included; none is open.
pub(crate) type Window = (Option<Time>, Option<Time>);

/// Rows computed from their place in a block of numbers. Later places never changed earlier.
#[derive(Clone)]
pub(crate) struct Crowd<T> {
    pub(crate) first: u64,
    pub(crate) plan: Plan,
    pub(crate) make: fn(&Plan, u64) -> T,
}

impl<T> Crowd<T> {
    fn holds(&self, id: u64) -> bool {
        (self.first..self.first + self.plan.count).contains(&id)
    }
}

/// The records of one kind.
#[derive(Clone)]
pub(crate) struct Table<T> {
    rows: BTreeMap<u64, T>,
    by_time: BTreeSet<(Time, u64)>,
    crowd: Option<Crowd<T>>,
    gone: BTreeSet<u64>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            rows: BTreeMap::new(),
            by_time: BTreeSet::new(),
            crowd: None,
            gone: BTreeSet::new(),
        }
    }
}

impl<T: Row + Clone> Table<T> {
    pub(crate) fn insert(&mut self, row: T) {
        self.by_time.insert((row.updated_at(), row.id()));
        self.rows.insert(row.id(), row);
    }

    pub(crate) fn set_crowd(&mut self, crowd: Crowd<T>) {
        self.crowd = Some(crowd);
    }

    pub(crate) fn get(&self, id: u64) -> Option<Cow<'_, T>> {
        match self.rows.get(&id) {
            Some(row) => Some(Cow::Borrowed(row)),
            None => self.computed(id).map(Cow::Owned),
        }
    }

    /// Changes a row, computed ones too (they are stored from then on).
    pub(crate) fn edit<R>(
        &mut self,
        id: u64,
        now: Time,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut row = match self.rows.remove(&id) {
            Some(row) => row,
            None => self.computed(id)?,
        };
        self.by_time.remove(&(row.updated_at(), id));
        let result = change(&mut row);
        row.touch(now);
        self.insert(row);
        Some(result)
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let computed = self.computed(id).is_some();
        if let Some(row) = self.rows.remove(&id) {
            self.by_time.remove(&(row.updated_at(), id));
        } else if !computed {
            return false;
        }
        if self.crowd.as_ref().is_some_and(|crowd| crowd.holds(id)) {
            self.gone.insert(id);
        }
        true
    }

    /// Whether the row stands here and is not computed.
    pub(crate) fn stores(&self, id: u64) -> bool {
        self.rows.contains_key(&id)
    }

    /// Stored rows, oldest first; the crowd is left out.
    pub(crate) fn iter(&self) -> btree_map::Values<'_, u64, T> {
        self.rows.values()
    }

    /// The numbers of the rows last changed within the window, in rising order.
    pub(crate) fn ids(&self, window: Window) -> Vec<u64> {
        let crowd = self.crowd_ids(window);
        let mut ids: Vec<u64> = match window {
            (None, None) => self.rows.keys().copied().collect(),
            (from, through) => {
                let from = from.unwrap_or(Time::from_ms(i64::MIN));
                let through = through.unwrap_or(Time::from_ms(i64::MAX));
                match from <= through {
                    true => {
                        let range = self.by_time.range((from, 0)..=(through, u64::MAX));
                        range.map(|(_, id)| *id).collect()
                    }
                    false => Vec::new(),
                }
            }
        };
        ids.extend(crowd.filter(|id| !self.rows.contains_key(id) && !self.gone.contains(id)));
        ids.sort_unstable();
        ids
    }

    /// Stored and computed rows together.
    pub(crate) fn len(&self) -> u64 {
        let Some(crowd) = &self.crowd else {
            return self.rows.len() as u64;
        };
        let range = crowd.first..crowd.first + crowd.plan.count;
        let twice = self.rows.range(range).count() as u64;
        self.rows.len() as u64 + crowd.plan.count - twice - self.gone.len() as u64
    }

    fn computed(&self, id: u64) -> Option<T> {
        let crowd = self.crowd.as_ref()?;
        let here = crowd.holds(id) && !self.gone.contains(&id) && !self.rows.contains_key(&id);
        here.then(|| (crowd.make)(&crowd.plan, id - crowd.first))
    }

    fn crowd_ids(&self, window: Window) -> Range<u64> {
        let Some(crowd) = &self.crowd else {
            return 0..0;
        };
        let places = crowd.plan.places(window);
        crowd.first + places.start..crowd.first + places.end
    }
}
