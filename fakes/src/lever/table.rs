//! One collection of rows, newest first, with room for a crowd that is computed, not stored.
//! Rows that belong to another one are found through it, without a look at the rest.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::Range;
use std::sync::Arc;

use super::crowd::Plan;
use super::id::Id;

/// A row and where it belongs.
pub(crate) trait Row: Clone {
    fn id(&self) -> Id;
    /// The row it belongs to; none for what stands alone.
    fn parent(&self) -> Option<Id> {
        None
    }
}

/// Rows computed from their place; not every place has one.
#[derive(Clone)]
struct Crowd<T> {
    first: u64,
    make: fn(&Plan, u64) -> Option<T>,
    plan: Arc<Plan>,
}

/// A collection.
#[derive(Clone)]
pub(crate) struct Table<T> {
    rows: BTreeMap<Id, T>,
    children: BTreeMap<Id, Vec<Id>>,
    crowd: Option<Crowd<T>>,
    gone: BTreeSet<Id>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            rows: BTreeMap::new(),
            children: BTreeMap::new(),
            crowd: None,
            gone: BTreeSet::new(),
        }
    }
}

impl<T: Row> Table<T> {
    pub(crate) fn insert(&mut self, row: T) {
        let id = row.id();
        if let Some(parent) = row.parent() {
            self.children.entry(parent).or_default().push(id);
        }
        self.rows.insert(id, row);
    }

    pub(crate) fn set_crowd(
        &mut self,
        first: u64,
        plan: &Arc<Plan>,
        make: fn(&Plan, u64) -> Option<T>,
    ) {
        self.crowd = Some(Crowd {
            first,
            make,
            plan: Arc::clone(plan),
        });
    }

    pub(crate) fn get(&self, id: Id) -> Option<Cow<'_, T>> {
        match self.rows.get(&id) {
            Some(row) => Some(Cow::Borrowed(row)),
            None => self.computed(id).map(Cow::Owned),
        }
    }

    /// A row to change; a computed one is stored from then on.
    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        if !self.rows.contains_key(&id) {
            let row = self.computed(id)?;
            self.insert(row);
        }
        self.rows.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let row = self.get(id)?.into_owned();
        self.rows.remove(&id);
        if let Some(siblings) = row.parent().and_then(|id| self.children.get_mut(&id)) {
            siblings.retain(|other| *other != id);
        }
        if self.place(id).is_some() {
            self.gone.insert(id);
        }
        Some(row)
    }

    /// Stored rows, oldest first. The crowd is left out: it is for reading in pages.
    pub(crate) fn iter(&self) -> btree_map::Values<'_, Id, T> {
        self.rows.values()
    }

    /// What belongs to one row, oldest first.
    pub(crate) fn of(&self, parent: Id) -> Vec<Cow<'_, T>> {
        let mut found = Vec::new();
        if let Some(crowd) = &self.crowd
            && let Some(place) = crowd.plan.place_of(parent)
        {
            let id = Id(crowd.first + place);
            if !self.rows.contains_key(&id) {
                found.extend(self.computed(id).map(Cow::Owned));
            }
        }
        let stored = self.children.get(&parent).into_iter().flatten();
        found.extend(stored.filter_map(|id| self.get(*id)));
        found
    }

    /// Stored rows with an id below `before`, newest first.
    pub(crate) fn stored_below(&self, before: Id) -> impl Iterator<Item = Id> + '_ {
        self.rows.range(..before).rev().map(|(id, _)| *id)
    }

    /// Rows of the crowd that are neither stored nor gone, in these places, newest first.
    pub(crate) fn computed_below(
        &self,
        before: Id,
        places: Range<u64>,
    ) -> impl Iterator<Item = Id> + '_ {
        let first = self.crowd.as_ref().map_or(0, |crowd| crowd.first);
        let end = before.0.saturating_sub(first).min(places.end);
        let ids = (places.start.min(end)..end)
            .rev()
            .map(move |place| Id(first + place));
        ids.filter(|id| !self.rows.contains_key(id) && !self.gone.contains(id))
    }

    /// Stored and computed rows together, if each place of the crowd has one.
    pub(crate) fn len(&self) -> u64 {
        let crowd = self.crowd.as_ref().map_or(0, |crowd| crowd.plan.count());
        let held = |id: &&Id| self.place(**id).is_some();
        let twice = self.rows.keys().filter(held).count() as u64;
        self.rows.len() as u64 + crowd - twice - self.gone.len() as u64
    }

    fn place(&self, id: Id) -> Option<u64> {
        let crowd = self.crowd.as_ref()?;
        let place = id.0.checked_sub(crowd.first)?;
        (place < crowd.plan.count()).then_some(place)
    }

    fn computed(&self, id: Id) -> Option<T> {
        let crowd = self.crowd.as_ref()?;
        let place = self.place(id)?;
        match self.gone.contains(&id) {
            true => None,
            false => (crowd.make)(&crowd.plan, place),
        }
    }
}
