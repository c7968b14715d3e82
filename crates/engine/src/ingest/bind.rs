//! The scope of an event from the records a batch has in hand, loading what is missing; with the scopes of what the event was made of.

use super::batch::Batch;
use super::emit::event_of;
use crate::binding::{Bound, Need, Records, bind};
use crate::mirror::work::Held;
use crate::time::items::{Item, items_of, may_be_told, put};
use stagewire_model::{Entity, Event, MAIN};
use stagewire_store::{Error, RecordRow};
use std::collections::{HashMap, HashSet};

/// The records in hand and those loaded for binding.
struct InHand<'a> {
    records: &'a HashMap<[u8; 16], Held>,
    seen: &'a HashSet<[u8; 16]>,
    related: &'a HashMap<([u8; 16], Entity), Vec<RecordRow>>,
    mentioned: &'a HashMap<[u8; 16], (Entity, String)>,
}

impl Records for InHand<'_> {
    fn remote_of(&self, id: &[u8; 16]) -> Option<(Entity, String)> {
        self.mentioned.get(id).cloned()
    }

    fn get(&self, id: &[u8; 16]) -> Option<Option<&RecordRow>> {
        match self.records.get(id) {
            Some(held) => Some(Some(&held.row)),
            None if self.seen.contains(id) => Some(None),
            None => None,
        }
    }

    fn related(&self, person: &[u8; 16], entity: Entity) -> Option<Vec<&RecordRow>> {
        let stored = self.related.get(&(*person, entity))?;
        let mut out: Vec<&RecordRow> = stored
            .iter()
            .map(|r| self.records.get(&r.id16).map_or(r, |h| &h.row))
            .collect();
        let fresh = self.records.values().filter(|h| {
            h.row.entity == entity
                && h.row.person == Some(*person)
                && stored.iter().all(|r| r.id16 != h.row.id16)
        });
        out.extend(fresh.map(|h| &h.row));
        out.sort_by_key(|r| std::cmp::Reverse(r.changed_at));
        Some(out)
    }
}

impl Batch<'_> {
    /// Makes the scope, loading what it needs; with the scopes of what the event was made of.
    pub(super) async fn bind(
        &mut self,
        event: &Event,
        subject: (Entity, [u8; 16]),
        roots: &[&str],
    ) -> Result<Bound, Error> {
        let mut bound = self.bind_one(event, subject, roots).await?;
        let items = items_of(event);
        if items.is_empty() {
            return Ok(bound);
        }
        let mut scopes = Vec::new();
        for item in items {
            let one = match item {
                Item::Record(entity, id) => self.bind_one(event, (entity, id), roots).await?,
                Item::Event(uid) => {
                    let Some(row) = self.lane.hub.store.event(uid).await? else {
                        continue;
                    };
                    let subject = (row.entity, row.subject);
                    self.bind_one(&event_of(&row), subject, roots).await?
                }
            };
            if may_be_told(&one) {
                scopes.push(one.data);
            }
        }
        put(&mut bound, scopes);
        Ok(bound)
    }

    async fn bind_one(
        &mut self,
        event: &Event,
        subject: (Entity, [u8; 16]),
        roots: &[&str],
    ) -> Result<Bound, Error> {
        let conn = self.lane.conn.clone();
        self.load(vec![subject.1]).await?;
        for _ in 0..8 {
            let hand = InHand {
                records: &self.records,
                seen: &self.seen,
                related: &self.related,
                mentioned: &self.mentioned,
            };
            let needs = match bind(
                event,
                subject,
                (&conn.id, &conn.connector.id, &conn.spec.owner),
                Some(roots),
                &hand,
            ) {
                Ok(bound) => return Ok(bound.with_vars(&self.lane.hub.vars)),
                Err(needs) => needs,
            };
            let mut ids = Vec::new();
            for need in needs {
                match need {
                    Need::Record(id) => ids.push(id),
                    Need::Related(person, entity) => {
                        let rows = self.lane.hub.store.related(MAIN, person, entity).await?;
                        self.related.insert((person, entity), rows);
                    }
                }
            }
            self.load(ids).await?;
        }
        Ok(Bound::default())
    }
}
