//! Reads the query of a list as strictly as the vendor does: unknown names, wrong values and a
//! cursor in company are refused with its words.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::collections::{Filter, filters};
use crate::clock::Time;

/// A list request, understood.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) per_page: usize,
    /// Only ids below this one.
    pub(crate) before: u64,
    pub(crate) ids: Option<Vec<u64>>,
    pub(crate) keys: Vec<(&'static str, Vec<u64>)>,
    pub(crate) created: Window,
    pub(crate) updated: Window,
    pub(crate) tests: Vec<Test>,
    pub(crate) fields: Option<Vec<String>>,
    /// The parameters of the first request, for the next cursor.
    pairs: Vec<(String, String)>,
}

/// A condition on one column of a row's JSON.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Is(&'static str, Value),
    Within(&'static str, Window),
    Has(&'static str, String),
    OneOf(&'static str, Vec<String>),
    Never,
}

/// Bounds of a moment, both included.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    pub(crate) from: Option<Time>,
    pub(crate) to: Option<Time>,
}

impl Window {
    pub(crate) fn holds(&self, at: Time) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to)
    }

    fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// What a cursor remembers.
#[derive(Serialize, Deserialize)]
struct Cursor {
    collection: String,
    before: u64,
    made_ms: i64,
    pairs: Vec<(String, String)>,
}

/// A refusal's `errors` entry.
pub(crate) type Wrong = Value;

impl Query {
    /// Reads the parameters; `cursor_ttl_ms` makes cursors expire.
    pub(crate) fn read(
        collection: &str,
        pairs: &[(String, String)],
        now: Time,
        cursor_ttl_ms: Option<i64>,
    ) -> Result<Query, Wrong> {
        let cursor = pairs.iter().find(|(name, _)| name == "cursor");
        let Some((_, cursor)) = cursor else {
            return Query::first(collection, pairs);
        };
        if pairs.len() > 1 {
            return Err(json!(
                "When passing a cursor, do not include other query params."
            ));
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let cursor: Option<Cursor> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let fresh = |cursor: &Cursor| {
            cursor.collection == collection
                && cursor_ttl_ms.is_none_or(|ttl| now.ms() - cursor.made_ms <= ttl)
        };
        let cursor = cursor
            .filter(fresh)
            .ok_or_else(|| json!("Invalid or expired cursor."))?;
        let mut query = Query::first(collection, &cursor.pairs)?;
        query.before = cursor.before;
        Ok(query)
    }

    /// One row, if it exists.
    pub(crate) fn one(id: u64) -> Query {
        Query {
            per_page: 1,
            before: u64::MAX,
            ids: Some(vec![id]),
            ..Query::default()
        }
    }

    /// The cursor of the page after one that ended with `last`.
    pub(crate) fn next_cursor(&self, collection: &str, last: u64, now: Time) -> String {
        let cursor = Cursor {
            collection: collection.into(),
            before: last,
            made_ms: now.ms(),
            pairs: self.pairs.clone(),
        };
        let text = serde_json::to_vec(&cursor).expect("a cursor is plain data");
        URL_SAFE_NO_PAD.encode(text)
    }

    fn first(collection: &str, pairs: &[(String, String)]) -> Result<Query, Wrong> {
        let known = filters(collection).unwrap_or_default();
        let mut query = Query {
            per_page: 100,
            before: u64::MAX,
            pairs: pairs.to_vec(),
            ..Query::default()
        };
        for (name, value) in pairs {
            match name.as_str() {
                "per_page" => query.per_page = per_page(value)?,
                "ids" => query.ids = Some(ids(name, value)?),
                "fields" => query.fields = Some(fields(value)?),
                _ => query.filter(known, name, value)?,
            }
        }
        for (name, filter) in known {
            if let Filter::Unless(column) = filter {
                let asked = pairs.iter().any(|(n, v)| n == name && v == "true");
                if !asked {
                    query.tests.push(Test::Is(column, json!(false)));
                }
            }
        }
        if collection == "job_posts" && !pairs.iter().any(|(name, _)| name == "active") {
            query.tests.push(Test::Is("active", json!(true)));
        }
        if !query.created.is_open() && !query.updated.is_open() {
            return Err(json!("created_at and updated_at cannot be combined."));
        }
        Ok(query)
    }

    fn filter(
        &mut self,
        known: &[(&'static str, Filter)],
        name: &str,
        value: &str,
    ) -> Result<(), Wrong> {
        // `updated_at[gte]=T` is the other accepted spelling of `updated_at=gte|T`.
        let (base, operator) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((base, operator)) => (base, Some(operator)),
            None => (name, None),
        };
        let spelled = match operator {
            Some(operator) => format!("{operator}|{value}"),
            None => value.to_string(),
        };
        match base {
            "created_at" => return widen(&mut self.created, base, &spelled),
            "updated_at" => return widen(&mut self.updated, base, &spelled),
            _ => {}
        }
        let unknown = || json!(format!("Invalid query params: {name}"));
        let filter = known.iter().find(|(known, _)| *known == base);
        let (_, filter) = filter.ok_or_else(unknown)?;
        if operator.is_some() && !matches!(filter, Filter::Date(_)) {
            return Err(unknown());
        }
        match *filter {
            Filter::Ids(column) => self.keys.push((column, ids(name, value)?)),
            Filter::Id(column) => {
                let id: u64 = value
                    .parse()
                    .map_err(|_| wrong(name, value, "an integer"))?;
                self.keys.push((column, vec![id]));
            }
            Filter::Text("employee_id") => {
                let wanted = value.split(',').map(str::to_string).collect();
                self.tests.push(Test::OneOf("employee_id", wanted));
            }
            Filter::Text(column) => self.tests.push(Test::Is(column, json!(value))),
            Filter::Flag(column) => {
                let wanted = flag(name, value)?;
                if column != "_current" || wanted {
                    self.tests.push(Test::Is(column, json!(wanted)));
                }
            }
            Filter::Unless(_) => {
                flag(name, value)?;
            }
            Filter::Date(column) => {
                let mut window = Window::default();
                widen(&mut window, base, &spelled)?;
                self.tests.push(Test::Within(column, window));
            }
            Filter::Word(column, words) => {
                if !words.contains(&value) {
                    return Err(wrong(name, value, &format!("one of {}", words.join(", "))));
                }
                // Asked for in one vocabulary, answered in another.
                let word = if value == "active" {
                    "in_process"
                } else {
                    value
                };
                self.tests.push(Test::Is(column, json!(word)));
            }
            Filter::Among(column) => self.tests.push(Test::Has(column, value.into())),
            Filter::Nothing => self.tests.push(Test::Never),
        }
        Ok(())
    }
}

impl Test {
    pub(crate) fn accepts(&self, row: &Value) -> bool {
        match self {
            Test::Is(column, wanted) => row.get(*column) == Some(wanted),
            Test::Within(column, window) => row
                .get(*column)
                .and_then(Value::as_str)
                .and_then(Time::parse)
                .is_some_and(|at| window.holds(at)),
            Test::Has(column, wanted) => {
                let list = row.get(*column).and_then(Value::as_array);
                list.into_iter().flatten().any(|entry| {
                    let value = entry.get("value").unwrap_or(entry);
                    let value = value.as_str().unwrap_or_default();
                    value.eq_ignore_ascii_case(wanted)
                })
            }
            Test::OneOf(column, wanted) => row
                .get(*column)
                .and_then(Value::as_str)
                .is_some_and(|value| wanted.iter().any(|one| one == value)),
            Test::Never => false,
        }
    }
}

fn per_page(value: &str) -> Result<usize, Wrong> {
    let number: i64 = value
        .parse()
        .map_err(|_| wrong("per_page", value, "an integer"))?;
    match number {
        1..=500 => Ok(number as usize),
        501.. => Err(json!({"per_page": format!("`{number}` number is greater than: 500")})),
        _ => Err(json!({"per_page": format!("`{number}` number is less than: 1")})),
    }
}

fn ids(name: &str, value: &str) -> Result<Vec<u64>, Wrong> {
    let ids: Result<Vec<u64>, _> = value.split(',').map(|id| id.trim().parse()).collect();
    let ids = ids.map_err(|_| wrong(name, value, "a list of integers"))?;
    match ids.len() {
        ..=50 => Ok(ids),
        n => Err(json!({name: format!("{n} items is greater than: 50")})),
    }
}

fn fields(value: &str) -> Result<Vec<String>, Wrong> {
    let fields: Vec<String> = value.split(',').map(str::to_string).collect();
    match fields.len() {
        ..=50 => Ok(fields),
        n => Err(json!({"fields": format!("{n} items is greater than: 50")})),
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Wrong> {
    value.parse().map_err(|_| wrong(name, value, "a boolean"))
}

/// `gte|A|lte|B`; strict bounds are a millisecond away.
fn widen(window: &mut Window, name: &str, value: &str) -> Result<(), Wrong> {
    let parts: Vec<&str> = value.split('|').collect();
    if !parts.len().is_multiple_of(2) {
        return Err(wrong(name, value, "an operator and a date"));
    }
    for pair in parts.chunks(2) {
        let at = Time::parse(pair[1]).ok_or_else(|| wrong(name, pair[1], "a date"))?;
        match pair[0] {
            "gte" => window.from = Some(at),
            "gt" => window.from = Some(Time::from_ms(at.ms() + 1)),
            "lte" => window.to = Some(at),
            "lt" => window.to = Some(Time::from_ms(at.ms() - 1)),
            other => return Err(wrong(name, other, "an operator")),
        }
    }
    Ok(())
}

fn wrong(name: &str, value: &str, expected: &str) -> Wrong {
    json!({name: format!("`{value}` is not {expected}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(collection: &str, pairs: &[(&str, &str)]) -> Result<Query, Wrong> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        Query::read(collection, &pairs, Time::from_ms(0), Some(1000))
    }

    #[test]
    fn names_the_vendor_does_not_know_are_refused_by_name() {
        let errors = read("scorecards", &[("job_ids", "1")]).unwrap_err();
        assert_eq!(errors, json!("Invalid query params: job_ids"));
        let errors = read("applications", &[("candidate_id", "1")]).unwrap_err();
        assert_eq!(errors, json!("Invalid query params: candidate_id"));
        assert!(read("jobs", &[("department_id", "1")]).is_ok());
        assert!(read("notes", &[("candidate_ids[gte]", "1")]).is_err());
    }

    #[test]
    fn both_spellings_of_a_date_filter_mean_the_same() {
        let text = "2026-01-01T00:00:00Z";
        let pipe = read("jobs", &[("updated_at", &format!("gte|{text}|lt|{text}"))]).unwrap();
        assert_eq!(pipe.updated.from, Time::parse(text));
        assert_eq!(
            pipe.updated.to.unwrap().ms() + 1,
            Time::parse(text).unwrap().ms()
        );
        let bracket = read("jobs", &[("updated_at[gte]", text)]).unwrap();
        assert_eq!(bracket.updated.from, Time::parse(text));
        assert!(read("jobs", &[("updated_at", text)]).is_err());
        assert!(read("jobs", &[("updated_after", text)]).is_err());
    }

    #[test]
    fn a_cursor_travels_alone_and_grows_old() {
        let query = read("jobs", &[("per_page", "2")]).unwrap();
        let cursor = query.next_cursor("jobs", 7, Time::from_ms(0));
        let next = read("jobs", &[("cursor", &cursor)]).unwrap();
        assert_eq!((next.per_page, next.before), (2, 7));
        assert!(read("jobs", &[("cursor", &cursor), ("per_page", "2")]).is_err());
        assert!(read("users", &[("cursor", &cursor)]).is_err());
        let pairs = [("cursor".to_string(), cursor)];
        assert!(Query::read("jobs", &pairs, Time::from_ms(1001), Some(1000)).is_err());
    }

    #[test]
    fn no_more_than_fifty_ids_and_five_hundred_rows() {
        let many: Vec<String> = (0..51).map(|id| id.to_string()).collect();
        assert!(read("jobs", &[("ids", &many.join(","))]).is_err());
        assert!(read("jobs", &[("ids", &many[1..].join(","))]).is_ok());
        assert_eq!(
            read("jobs", &[("per_page", "600")]).unwrap_err(),
            json!({"per_page": "`600` number is greater than: 500"})
        );
        assert!(read("jobs", &[("per_page", "0")]).is_err());
    }
}
