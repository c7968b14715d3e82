//! One kind of record, ordered by when it was made and by when it last changed, with room for a
//! crowd that is computed and not stored. Every walk starts where it is asked to: no scan.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included};

use super::crowd::Crowd;
use super::rows::Row;
use crate::clock::Time;

/// A row with its dates and the number of its last change.
#[derive(Clone, Debug)]
pub(crate) struct Entry<T> {
    pub(crate) created: Time,
    pub(crate) updated: Time,
    pub(crate) version: u64,
    pub(crate) row: T,
}

/// A collection.
#[derive(Clone)]
pub(crate) struct Table<T: Row> {
    rows: BTreeMap<u64, Entry<T>>,
    by_created: BTreeSet<(Time, u64)>,
    by_version: BTreeSet<(u64, u64)>,
    children: BTreeMap<u64, BTreeSet<u64>>,
    crowd: Option<Crowd<T>>,
    gone: BTreeSet<u64>,
}

impl<T: Row> Default for Table<T> {
    fn default() -> Self {
        Table {
            rows: BTreeMap::new(),
            by_created: BTreeSet::new(),
            by_version: BTreeSet::new(),
            children: BTreeMap::new(),
            crowd: None,
            gone: BTreeSet::new(),
        }
    }
}

impl<T: Row> Table<T> {
    pub(crate) fn insert(&mut self, n: u64, entry: Entry<T>) {
        self.by_created.insert((entry.created, n));
        self.by_version.insert((entry.version, n));
        if let Some(parent) = entry.row.parent() {
            self.children.entry(parent).or_default().insert(n);
        }
        self.rows.insert(n, entry);
    }

    pub(crate) fn set_crowd(&mut self, crowd: Crowd<T>) {
        self.crowd = Some(crowd);
    }

    pub(crate) fn crowd(&self) -> Option<&Crowd<T>> {
        self.crowd.as_ref()
    }

    pub(crate) fn get(&self, n: u64) -> Option<Cow<'_, Entry<T>>> {
        match self.rows.get(&n) {
            Some(entry) => Some(Cow::Borrowed(entry)),
            None => self.computed(n).map(Cow::Owned),
        }
    }

    /// A stored row.
    pub(crate) fn stored(&self, n: u64) -> Option<&Entry<T>> {
        self.rows.get(&n)
    }

    /// All stored rows, oldest number first. The crowd is left out.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Entry<T>)> {
        self.rows.iter().map(|(n, entry)| (*n, entry))
    }

    /// Changes a row; a computed one is stored from then on.
    pub(crate) fn edit<R>(
        &mut self,
        n: u64,
        now: Time,
        version: u64,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut entry = match self.rows.remove(&n) {
            Some(entry) => {
                self.by_version.remove(&(entry.version, n));
                entry
            }
            None => self.computed(n)?,
        };
        let result = change(&mut entry.row);
        entry.updated = now;
        entry.version = version;
        self.insert(n, entry);
        Some(result)
    }

    pub(crate) fn remove(&mut self, n: u64) -> Option<T> {
        let entry = self.get(n)?.into_owned();
        self.rows.remove(&n);
        self.by_created.remove(&(entry.created, n));
        self.by_version.remove(&(entry.version, n));
        if let Some(parent) = entry.row.parent()
            && let Some(children) = self.children.get_mut(&parent)
        {
            children.remove(&n);
        }
        if self.crowd.as_ref().is_some_and(|crowd| crowd.holds(n)) {
            self.gone.insert(n);
        }
        Some(entry.row)
    }

    /// Rows in the order they were made, after this place.
    pub(crate) fn made_after(&self, after: (Time, u64)) -> impl Iterator<Item = (Time, u64)> {
        let stored = self
            .by_created
            .range((Excluded(after), Included(END_OF_TIME)));
        let places = match &self.crowd {
            Some(crowd) => crowd.place_after(after)..crowd.count,
            None => 0..0,
        };
        let computed = places.filter_map(|place| {
            let crowd = self.crowd.as_ref()?;
            let n = crowd.first + place;
            self.is_computed(n).then(|| (crowd.created(place), n))
        });
        merged(stored.copied(), computed)
    }

    /// Rows whose last change lies after `since` and not after `until`, in this order.
    pub(crate) fn changed(&self, since: u64, until: u64) -> impl Iterator<Item = (u64, u64)> {
        let since = since.min(until);
        let range = (Excluded((since, u64::MAX)), Included((until, u64::MAX)));
        let stored = self.by_version.range(range);
        let places = match &self.crowd {
            Some(crowd) => crowd.versions_between(since, until),
            None => 0..0,
        };
        let computed = places.filter_map(|place| {
            let crowd = self.crowd.as_ref()?;
            let n = crowd.first + place;
            self.is_computed(n).then_some((crowd.version + place, n))
        });
        merged(stored.copied(), computed)
    }

    /// The rows that belong to a record, oldest number first.
    pub(crate) fn children(&self, parent: u64) -> impl DoubleEndedIterator<Item = u64> {
        self.children.get(&parent).into_iter().flatten().copied()
    }

    /// Stored and computed rows together.
    pub(crate) fn len(&self) -> u64 {
        let Some(crowd) = &self.crowd else {
            return self.rows.len() as u64;
        };
        let twice = self.rows.keys().filter(|n| crowd.holds(**n)).count();
        (self.rows.len() - twice) as u64 + crowd.count - self.gone.len() as u64
    }

    fn is_computed(&self, n: u64) -> bool {
        !self.rows.contains_key(&n) && !self.gone.contains(&n)
    }

    fn computed(&self, n: u64) -> Option<Entry<T>> {
        let crowd = self.crowd.as_ref()?;
        (crowd.holds(n) && self.is_computed(n)).then(|| crowd.entry(n - crowd.first))
    }
}

const END_OF_TIME: (Time, u64) = (Time::from_ms(i64::MAX), u64::MAX);

fn merged<K: Ord>(
    one: impl Iterator<Item = K>,
    two: impl Iterator<Item = K>,
) -> impl Iterator<Item = K> {
    let (mut one, mut two) = (one.peekable(), two.peekable());
    std::iter::from_fn(move || match (one.peek(), two.peek()) {
        (Some(a), Some(b)) if a <= b => one.next(),
        (Some(_), None) => one.next(),
        _ => two.next(),
    })
}
