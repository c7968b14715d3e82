//! Records by a filter: what a schedule goes over, and what `records.find` finds. Evaluates one record at a time against its own
//! scope; reads nothing itself.

use super::calendar::Calendar;
use super::length::Length;
use crate::flow::expr::{Condition, Error, Expr, Scope};
use crate::flow::path::Path;
use crate::flow::plan::group_of;
use serde_json::{Map, Value, json};
use stagewire_model::time::parse_instant;
use stagewire_model::{Entity, Micros, RecordId};
use stagewire_store::RecordRow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

/// Most records that one filter gives.
pub const MOST_FOUND: usize = 500;
/// Most records that are looked at.
pub const MOST_LOOKED: usize = 100_000;

/// Which records.
#[derive(Debug)]
pub struct Filter {
    /// The kind of record.
    pub entity: Entity,
    /// What must hold of it.
    pub only_if: Option<Condition>,
    /// How long ago its age began.
    pub older_than: Option<Length>,
    /// What they are sorted by, else their age; true = the largest first.
    pub sort: Option<(Expr, bool)>,
    /// How many at most.
    pub limit: usize,
    /// Counted by this value instead of listed.
    pub count_by: Option<Expr>,
    /// What later steps read of each.
    pub fields: Vec<Path>,
}

/// The field that tells a record's age.
pub fn age_field(entity: Entity) -> Option<&'static str> {
    Some(match entity {
        Entity::Application => "stage_entered_at",
        Entity::Interview => "start_at",
        Entity::Scorecard => "due_at",
        Entity::Offer => "sent_at",
        Entity::Job => "opened_at",
        Entity::Candidate => "last_interaction_at",
        _ => return None,
    })
}

/// One record that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which.
    pub id: [u8; 16],
    rid: i64,
    sort: Value,
    /// The value it is grouped or counted by.
    pub group: Value,
    item: Value,
}

/// What a filter has found so far.
#[derive(Debug, Default)]
pub struct Search {
    found: Vec<Found>,
    seen: HashSet<[u8; 16]>,
    /// Records of which it could not be told, and the first reason.
    pub untold: Option<(usize, String)>,
}

impl Search {
    /// Looks at one record in its scope. `group`: what a schedule's runs are grouped by.
    pub fn look(
        &mut self,
        filter: &Filter,
        group: Option<&Expr>,
        row: &RecordRow,
        scope: &Scope<'_>,
        (now, calendar): (Micros, &Calendar),
    ) {
        if row.deleted_at.is_some() || !self.seen.insert(row.id16) {
            return;
        }
        let age = age_field(filter.entity).and_then(|field| row.fields.get(field));
        if let Some(length) = filter.older_than {
            let since = age.and_then(Value::as_str).and_then(parse_instant);
            if since.is_none_or(|(at, _)| length.after(at, calendar) > now) {
                return;
            }
        }
        match filter.only_if.as_ref().map(|c| c.evaluate(scope)) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return,
            Some(Err(error)) => return self.count_untold(&error),
        }
        let value = |expr: Option<&Expr>| match expr.map(|expr| expr.evaluate(scope)) {
            Some(Ok(value)) => Ok(value),
            None | Some(Err(Error::Missing { .. })) => Ok(Value::Null),
            Some(Err(error)) => Err(error),
        };
        let sort = match &filter.sort {
            Some((expr, _)) => value(Some(expr)),
            None => Ok(age.cloned().unwrap_or(Value::Null)),
        };
        match (sort, value(filter.count_by.as_ref().or(group))) {
            (Ok(sort), Ok(group)) => self.found.push(Found {
                id: row.id16,
                rid: row.rid,
                sort,
                group,
                item: item(filter, row, scope),
            }),
            (Err(error), _) | (_, Err(error)) => self.count_untold(&error),
        }
    }

    fn count_untold(&mut self, error: &Error) {
        let untold = self.untold.get_or_insert_with(|| (0, error.to_string()));
        untold.0 += 1;
    }

    /// Whether so many were looked at that it stops.
    pub fn is_full(&self) -> bool {
        self.seen.len() >= MOST_LOOKED
    }

    /// How many were found; those beyond the limit count.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// How many there are of each group.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for found in &self.found {
            *counts.entry(group_of(&found.group)).or_insert(0) += 1;
        }
        counts
    }

    /// Sorted (of equals the one that came first) and cut to the filter's limit.
    pub fn sorted(mut self, filter: &Filter) -> Vec<Found> {
        let downwards = filter.sort.as_ref().is_some_and(|(_, down)| *down);
        self.found.sort_by(|a, b| {
            let order = compare(&a.sort, &b.sort, downwards);
            order.then_with(|| a.rid.cmp(&b.rid))
        });
        self.found.truncate(filter.limit);
        self.found
    }

    /// What `records.find` gives back: `items` and `count`, or `counts` where it counts.
    pub fn output(self, filter: &Filter) -> Value {
        let count = self.count();
        if filter.count_by.is_none() {
            let items: Vec<Value> = self.sorted(filter).into_iter().map(|f| f.item).collect();
            return json!({"count": count, "items": items, "counts": []});
        }
        let mut counts: BTreeMap<String, (Value, usize)> = BTreeMap::new();
        for found in self.found {
            let entry = counts.entry(text(&found.group));
            entry.or_insert((found.group, 0)).1 += 1;
        }
        let mut counts: Vec<(Value, usize)> = counts.into_values().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| text(&a.0).cmp(&text(&b.0))));
        counts.truncate(filter.limit);
        let counts: Vec<Value> = counts
            .into_iter()
            .map(|(key, count)| json!({"key": key, "count": count}))
            .collect();
        json!({"count": count, "items": [], "counts": counts})
    }
}

/// What is kept of a record for later steps: its id, and the paths they read.
fn item(filter: &Filter, row: &RecordRow, scope: &Scope<'_>) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), json!(RecordId(row.id16).text(row.entity)));
    for path in &filter.fields {
        if let Some(value) = scope.find(path) {
            path.put(&mut out, value.into_owned());
        }
    }
    Value::Object(out)
}

/// A value as the name of a group.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Numbers by size, also where they are written as text; empty ones last, whichever way.
fn compare(a: &Value, b: &Value, downwards: bool) -> Ordering {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse::<f64>().ok(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        _ => None,
    };
    let order = match (a.is_null(), b.is_null()) {
        (false, false) => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => text(a).cmp(&text(b)),
        },
        (a, b) => return a.cmp(&b),
    };
    if downwards { order.reverse() } else { order }
}
