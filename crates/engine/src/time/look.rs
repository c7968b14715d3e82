//! Looking through the mirror outside of any lane: `records.find`, and what a schedule would tell now. Reads in slices, writes
//! nothing.

use super::filter::{Filter, Search};
use super::items;
use crate::binding::roots_of;
use crate::connection::Connection;
use crate::flow::expr::{Expr, Scope};
use crate::flow::file::Flow;
use crate::flow::plan::group_of;
use crate::hub::Hub;
use crate::scoped::Loader;
use serde_json::{Map, Value, json};
use stagewire_model::{Entity, Event, EventId, MAIN, Micros, RecordId};
use stagewire_store::Error;

/// Records in one slice.
pub const SLICE: i64 = 500;

/// The event under which a record is looked at before anything has happened.
pub fn probe(kind: &str, conn: &Connection, now: Micros) -> Event {
    Event {
        id: EventId([0; 16]),
        kind: kind.to_owned(),
        connection: conn.id.clone(),
        subject: String::new(),
        partition: String::new(),
        sequence: 0,
        time: now,
        observed: now,
        data: Map::new(),
    }
}

/// What one time of a schedule tells, group by group.
pub struct Told {
    /// Its first record, which the event is about.
    pub first: [u8; 16],
    /// What the event says.
    pub data: Map<String, Value>,
}

/// The groups that were found, each with the data of its event; its count is of all that were found, also beyond the limit.
pub fn told(search: Search, flow: &Flow, filter: &Filter, due: Micros, missed: i64) -> Vec<Told> {
    let counts = search.counts();
    let collect = flow.when.collect.as_ref();
    let mut groups: Vec<(String, String, Vec<[u8; 16]>)> = Vec::new();
    for found in search.sorted(filter) {
        let name = group_of(&found.group);
        match groups.iter().position(|(group, ..)| *group == name) {
            Some(place) => groups[place].2.push(found.id),
            None => {
                let shown = items::group_shown(collect, &found.group);
                groups.push((name, shown, vec![found.id]));
            }
        }
    }
    let told = groups.into_iter().filter_map(|(group, shown, ids)| {
        let first = *ids.first()?;
        let items = ids.iter().map(|id| items::Item::Record(filter.entity, *id));
        let items: Vec<items::Item> = items.collect();
        let mut data = items::data(&flow.id, &shown, &items, due);
        let count = counts.get(&group).copied().unwrap_or(items.len());
        data.insert("count".into(), json!(count));
        data.insert("missed".into(), json!(missed));
        Some(Told { first, data })
    });
    told.collect()
}

impl Hub {
    /// Looks through all records a filter speaks of.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn look(
        &self,
        conn: &Connection,
        filter: &Filter,
        group: Option<&Expr>,
        flow: &Flow,
    ) -> Result<Search, Error> {
        let now = self.env.now();
        let (mut search, mut after) = (Search::default(), (i64::MIN, 0));
        let event = probe(items::SCHEDULE, conn, now);
        loop {
            let rows = self
                .store
                .scan(MAIN, conn.id.clone(), filter.entity, after, SLICE)
                .await?;
            let Some(last) = rows.last() else { break };
            after = (last.changed_at, last.rid);
            let mut loader = Loader::new(self);
            for row in &rows {
                let subject = (row.entity, row.id16);
                loader.hold(row.clone());
                let bound = loader.bind(&event, subject, conn, &roots_of(flow)).await?;
                if items::may_be_told(&bound) {
                    let scope = Scope::new(&bound.data).with_vars(&flow.vars);
                    search.look(filter, group, row, &scope, (now, &self.calendar));
                }
            }
            if search.is_full() {
                break;
            }
        }
        Ok(search)
    }

    /// The events that a scheduled flow would have now, newly made and stored nowhere.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn scheduled_now(
        &self,
        flow: &Flow,
        conn: &Connection,
    ) -> Result<Vec<(Event, (Entity, [u8; 16]))>, Error> {
        let Some((_, filter)) = &flow.when.schedule else {
            return Ok(Vec::new());
        };
        let by = flow.when.collect.as_ref().and_then(|c| c.by.as_ref());
        let search = self.look(conn, filter, by, flow).await?;
        let now = self.env.now();
        let told = told(search, flow, filter, now, 0).into_iter();
        Ok(told
            .map(|told| {
                let id = RecordId(told.first).text(filter.entity);
                let event = Event {
                    subject: format!("{}/{id}", filter.entity.name()),
                    partition: id,
                    data: told.data,
                    ..probe(items::SCHEDULE, conn, now)
                };
                (event, (filter.entity, told.first))
            })
            .collect())
    }
}
