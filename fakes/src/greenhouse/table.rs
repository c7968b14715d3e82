//! One collection of rows, newest id first, with room for a crowd that is computed, not stored.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::Range;

use serde::Serialize;

use crate::clock::Time;

/// One row of a collection.
pub(crate) trait Row: Serialize + Clone + Send + Sync + 'static {
    /// Its number.
    fn id(&self) -> u64;
    fn created_at(&self) -> Time;
    fn updated_at(&self) -> Time;
    /// Marks it as changed now.
    fn touch(&mut self, now: Time);
    /// Whether the foreign key `field` is one of `wanted`; none if there is no such key.
    fn points_at(&self, field: &str, wanted: &[u64]) -> Option<bool>;
}

/// The shape of a foreign key: one id, perhaps none, or several.
pub(crate) trait ForeignKey {
    fn is_any_of(&self, wanted: &[u64]) -> bool;
}

impl ForeignKey for u64 {
    fn is_any_of(&self, wanted: &[u64]) -> bool {
        wanted.contains(self)
    }
}

impl ForeignKey for Option<u64> {
    fn is_any_of(&self, wanted: &[u64]) -> bool {
        self.is_some_and(|id| wanted.contains(&id))
    }
}

impl ForeignKey for Vec<u64> {
    fn is_any_of(&self, wanted: &[u64]) -> bool {
        self.iter().any(|id| wanted.contains(id))
    }
}

/// Rows computed from their place in a block of ids. Later places never changed earlier.
pub(crate) struct Crowd<T> {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) make: fn(&super::crowd::Plan, u64) -> T,
    pub(crate) plan: super::crowd::Plan,
}

impl<T> Clone for Crowd<T> {
    fn clone(&self) -> Self {
        Crowd {
            plan: self.plan.clone(),
            ..*self
        }
    }
}

/// A collection.
#[derive(Clone)]
pub(crate) struct Table<T: Row> {
    rows: BTreeMap<u64, T>,
    crowd: Option<Crowd<T>>,
    gone: BTreeSet<u64>,
}

impl<T: Row> Default for Table<T> {
    fn default() -> Self {
        Table {
            rows: BTreeMap::new(),
            crowd: None,
            gone: BTreeSet::new(),
        }
    }
}

impl<T: Row> Table<T> {
    pub(crate) fn insert(&mut self, row: T) {
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
        if !self.rows.contains_key(&id) {
            let row = self.computed(id)?;
            self.rows.insert(id, row);
        }
        let row = self.rows.get_mut(&id)?;
        let result = change(row);
        row.touch(now);
        Some(result)
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<T> {
        let row = self.computed(id);
        let row = self.rows.remove(&id).or(row)?;
        if self.crowd.as_ref().is_some_and(|crowd| crowd.holds(id)) {
            self.gone.insert(id);
        }
        Some(row)
    }

    /// Stored rows, oldest first. The crowd is left out: it is for reading in pages.
    pub(crate) fn iter(&self) -> btree_map::Values<'_, u64, T> {
        self.rows.values()
    }

    /// All rows with an id below `before`, newest first. Computed rows last changed outside of
    /// `window` may be left out.
    pub(crate) fn newest_first(
        &self,
        before: u64,
        window: (Option<Time>, Option<Time>),
    ) -> impl Iterator<Item = Cow<'_, T>> {
        let mut stored = self.rows.range(..before).rev().peekable();
        let mut computed = self.crowd_ids(before, window).rev().peekable();
        std::iter::from_fn(move || {
            loop {
                let crowd_id = computed.peek().copied();
                match (stored.peek(), crowd_id) {
                    (Some((id, _)), Some(other)) if **id == other => {
                        computed.next();
                    }
                    (Some((id, _)), other) if other.is_none_or(|other| other < **id) => {
                        return stored.next().map(|(_, row)| Cow::Borrowed(row));
                    }
                    (_, Some(id)) => {
                        computed.next();
                        if let Some(row) = self.computed(id) {
                            return Some(Cow::Owned(row));
                        }
                    }
                    (_, None) => return None,
                }
            }
        })
    }

    /// The rows with these ids, newest first.
    pub(crate) fn with_ids(&self, ids: &[u64], before: u64) -> Vec<Cow<'_, T>> {
        let wanted: BTreeSet<u64> = ids.iter().copied().filter(|id| *id < before).collect();
        wanted
            .into_iter()
            .rev()
            .filter_map(|id| self.get(id))
            .collect()
    }

    /// Rows whose `field` is one of `wanted`, newest first; computed ones by arithmetic.
    pub(crate) fn pointing_at(&self, field: &str, wanted: &[u64], before: u64) -> Vec<Cow<'_, T>> {
        let mut found: BTreeMap<u64, Cow<'_, T>> = self
            .rows
            .range(..before)
            .filter(|(_, row)| row.points_at(field, wanted) == Some(true))
            .map(|(id, row)| (*id, Cow::Borrowed(row)))
            .collect();
        if let Some(crowd) = &self.crowd
            && let Some(first) = crowd.plan.block_of(field)
        {
            for id in wanted.iter().filter_map(|id| id.checked_sub(first)) {
                let id = crowd.first + id;
                if id < before
                    && !self.rows.contains_key(&id)
                    && let Some(row) = self.computed(id)
                {
                    found.insert(id, Cow::Owned(row));
                }
            }
        }
        found.into_values().rev().collect()
    }

    /// Whether `pointing_at` finds every row of this key, computed ones included.
    pub(crate) fn indexed(&self, field: &str) -> bool {
        self.crowd
            .as_ref()
            .is_none_or(|crowd| crowd.plan.block_of(field).is_some())
    }

    /// Stored and computed rows together.
    pub(crate) fn len(&self) -> u64 {
        let crowd = self.crowd.as_ref().map_or(0, |crowd| crowd.count);
        let stored = self.rows.len() as u64;
        let twice = match &self.crowd {
            Some(crowd) => self.rows.keys().filter(|id| crowd.holds(**id)).count() as u64,
            None => 0,
        };
        stored + crowd - twice - self.gone.len() as u64
    }

    fn computed(&self, id: u64) -> Option<T> {
        let crowd = self.crowd.as_ref()?;
        (crowd.holds(id) && !self.gone.contains(&id))
            .then(|| (crowd.make)(&crowd.plan, id - crowd.first))
    }

    fn crowd_ids(&self, before: u64, window: (Option<Time>, Option<Time>)) -> Range<u64> {
        let Some(crowd) = &self.crowd else {
            return 0..0;
        };
        let places = crowd.plan.places(window.0, window.1);
        let end = (crowd.first + places.end).min(before);
        (crowd.first + places.start).min(end)..end
    }
}

impl<T> Crowd<T> {
    fn holds(&self, id: u64) -> bool {
        (self.first..self.first + self.count).contains(&id)
    }
}

/// Declares a row: its columns in the vendor's names, and which of them are foreign keys.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident, keys($($key:ident),*), {
        $($(#[$attr:meta])* $field:ident: $kind:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[allow(missing_docs)]
        pub struct $name {
            pub id: u64,
            pub created_at: $crate::clock::Time,
            pub updated_at: $crate::clock::Time,
            $($(#[$attr])* pub $field: $kind,)*
        }

        impl $crate::greenhouse::table::Row for $name {
            fn id(&self) -> u64 {
                self.id
            }
            fn created_at(&self) -> $crate::clock::Time {
                self.created_at
            }
            fn updated_at(&self) -> $crate::clock::Time {
                self.updated_at
            }
            fn touch(&mut self, now: $crate::clock::Time) {
                self.updated_at = now;
            }
            fn points_at(&self, field: &str, wanted: &[u64]) -> Option<bool> {
                #[allow(unused_imports)]
                use $crate::greenhouse::table::ForeignKey as _;
                let _ = wanted;
                match field {
                    "id" => Some(wanted.contains(&self.id)),
                    $(stringify!($key) => Some(self.$key.is_any_of(wanted)),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use row;
