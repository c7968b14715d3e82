//! Binding a scope outside a lane: loads the records an event's scope needs straight from the store.

use crate::binding::{Bound, Need, Records, bind};
use crate::connection::Connection;
use crate::hub::Hub;
use crate::ingest::emit::event_of;
use crate::time::items::{Item, items_of, may_be_told, put};
use stagewire_model::{Entity, Event, MAIN};
use stagewire_store::{Error, RecordRow};
use std::collections::HashMap;

/// Loads on demand.
pub struct Loader<'h> {
    hub: &'h Hub,
    records: HashMap<[u8; 16], Option<RecordRow>>,
    related: HashMap<([u8; 16], Entity), Vec<RecordRow>>,
}

impl Records for Loader<'_> {
    fn get(&self, id: &[u8; 16]) -> Option<Option<&RecordRow>> {
        self.records.get(id).map(Option::as_ref)
    }

    fn related(&self, person: &[u8; 16], entity: Entity) -> Option<Vec<&RecordRow>> {
        self.related
            .get(&(*person, entity))
            .map(|rows| rows.iter().collect())
    }
}

impl<'h> Loader<'h> {
    /// A loader that has loaded nothing.
    pub fn new(hub: &'h Hub) -> Loader<'h> {
        Loader {
            hub,
            records: HashMap::new(),
            related: HashMap::new(),
        }
    }

    /// A record that was loaded already.
    pub fn hold(&mut self, row: RecordRow) {
        self.records.insert(row.id16, Some(row));
    }

    /// Makes the scope of an event, with the scopes of what it was made of; no roots = all.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn bind(
        &mut self,
        event: &Event,
        subject: (Entity, [u8; 16]),
        conn: &Connection,
        roots: &[&str],
    ) -> Result<Bound, Error> {
        let mut bound = self.bind_one(event, subject, conn, roots).await?;
        let items = items_of(event);
        if items.is_empty() {
            return Ok(bound);
        }
        let mut scopes = Vec::new();
        for item in items {
            let one = match item {
                Item::Record(entity, id) => self.bind_one(event, (entity, id), conn, roots).await?,
                Item::Event(uid) => {
                    let Some(row) = self.hub.store.event(uid).await? else {
                        continue;
                    };
                    let subject = (row.entity, row.subject);
                    self.bind_one(&event_of(&row), subject, conn, roots).await?
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
        conn: &Connection,
        roots: &[&str],
    ) -> Result<Bound, Error> {
        let roots = (!roots.is_empty()).then_some(roots);
        for _ in 0..8 {
            let needs = match bind(
                event,
                subject,
                (&conn.id, &conn.connector.id, &conn.spec.owner),
                roots,
                self,
            ) {
                Ok(bound) => return Ok(bound.with_vars(&self.hub.vars)),
                Err(needs) => needs,
            };
            for need in needs {
                match need {
                    Need::Record(id) => {
                        let row = self
                            .hub
                            .store
                            .records(MAIN, vec![id])
                            .await?
                            .pop()
                            .flatten();
                        self.records.insert(id, row);
                    }
                    Need::Related(person, entity) => {
                        let rows = self.hub.store.related(MAIN, person, entity).await?;
                        self.related.insert((person, entity), rows);
                    }
                }
            }
        }
        Ok(Bound::default())
    }
}
