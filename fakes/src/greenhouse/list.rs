//! Answers the list requests: newest id first, in pages joined by `Link`. There are no other reads.

use serde_json::Value;

use super::pipeline_acts::days;
use super::query::Query;
use super::table::{Row, Table};
use crate::clock::Time;

/// One page, and the last id on it if there is more.
pub(crate) struct Page {
    pub(crate) rows: Vec<Value>,
    pub(crate) more_after: Option<u64>,
}

/// A collection that can be read in pages.
pub(crate) trait Pages {
    fn page(&self, query: &Query, now: Time) -> Page;
    fn count(&self) -> u64;
}

impl<T: Row> Pages for Table<T> {
    fn page(&self, query: &Query, now: Time) -> Page {
        let mut page = Page {
            rows: Vec::new(),
            more_after: None,
        };
        let window = (query.updated.from, query.updated.to);
        let candidates: Box<dyn Iterator<Item = _>> = match (&query.ids, query.keys.first()) {
            (Some(ids), _) => Box::new(self.with_ids(ids, query.before).into_iter()),
            (None, Some((field, wanted))) if self.indexed(field) => {
                Box::new(self.pointing_at(field, wanted, query.before).into_iter())
            }
            (None, _) => Box::new(self.newest_first(query.before, window)),
        };
        let mut last = 0;
        for row in candidates {
            if !selected(&*row, query) {
                continue;
            }
            let mut json = serde_json::to_value(&*row).expect("a row is plain data");
            if !query.tests.iter().all(|test| test.accepts(&json)) {
                continue;
            }
            if page.rows.len() == query.per_page {
                page.more_after = Some(last);
                break;
            }
            last = row.id();
            dress(&mut json, query, now);
            page.rows.push(json);
        }
        page
    }

    fn count(&self) -> u64 {
        self.len()
    }
}

fn selected<T: Row>(row: &T, query: &Query) -> bool {
    query.updated.holds(row.updated_at())
        && query.created.holds(row.created_at())
        && query
            .keys
            .iter()
            .all(|(field, wanted)| row.points_at(field, wanted).unwrap_or(false))
}

/// Drops our own columns, counts the days of a stay, keeps the fields asked for.
fn dress(json: &mut Value, query: &Query, now: Time) {
    let Some(row) = json.as_object_mut() else {
        return;
    };
    row.retain(|name, _| !name.starts_with('_'));
    if row.get("current") == Some(&Value::Bool(true)) {
        let entered = row.get("entered_at").and_then(Value::as_str);
        let entered = entered.and_then(Time::parse);
        row.insert("days_in_stage".into(), days(entered, now).into());
    }
    if let Some(fields) = &query.fields {
        row.retain(|name, _| fields.iter().any(|field| field == name));
    }
}
