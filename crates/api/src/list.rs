//! Lists: which there are, what each can be filtered by, and how a page is asked for. A filter that does not exist is refused with
//! the nearest right name, so that nobody trusts a list that was not filtered.

mod filters;

pub(crate) use filters::{Filter, LISTS, Takes, filters};

use crate::Api;
use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query as Pairs};
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use stagewire_engine::flow::nearest::hint;
use stagewire_model::MAIN;
use stagewire_store::{Page, Query};

/// Items on a page where nothing is said.
const USUAL: i64 = 50;
/// Items on a page at most.
pub(crate) const MOST: i64 = 500;

/// What stands behind the `?`.
pub(crate) struct Asked(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        pairs
            .map(|Pairs(p)| Asked(p))
            .map_err(|_| Problem::bad("the query cannot be read"))
    }
}

/// A page that was asked for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) limit: i64,
    pub(crate) cursor: Option<String>,
    pub(crate) filters: Vec<(String, String)>,
}

impl Asked {
    /// Takes out what is no filter of a list but says how its items are to look.
    pub(crate) fn take(&mut self, key: &str) -> Result<Option<String>, Problem> {
        let at = |pairs: &[(String, String)]| pairs.iter().position(|(k, _)| k == key);
        let Some(first) = at(&self.0) else {
            return Ok(None);
        };
        let (_, value) = self.0.remove(first);
        match at(&self.0) {
            Some(_) => Err(Problem::bad(format!("`{key}` is given twice"))),
            None => Ok(Some(value)),
        }
    }

    /// Checks it against the list's filters.
    pub(crate) fn of(self, list: &str) -> Result<Wanted, Problem> {
        let known: Vec<&Filter> = filters(list).iter().collect();
        self.among(&known, &unknown)
    }

    /// Checks it against these filters; `stranger` is the answer to one that is none of them.
    pub(crate) fn among(
        self,
        known: &[&Filter],
        stranger: &dyn Fn(&str, &[&Filter]) -> Problem,
    ) -> Result<Wanted, Problem> {
        let mut wanted = Wanted {
            limit: USUAL,
            cursor: None,
            filters: Vec::new(),
        };
        for (key, value) in self.0 {
            match key.as_str() {
                "limit" => wanted.limit = limit(&value)?,
                "cursor" => wanted.cursor = Some(cursor(value)?),
                _ => {
                    let Some(filter) = known.iter().find(|f| f.0 == key) else {
                        return Err(stranger(&key, known));
                    };
                    if wanted.filters.iter().any(|(k, _)| k == filter.1) {
                        return Err(Problem::bad(format!("`{key}` is given twice")));
                    }
                    filter.fits(&value)?;
                    wanted.filters.push((filter.1.to_owned(), value));
                }
            }
        }
        Ok(wanted)
    }

    /// For routes without a query.
    pub(crate) fn limit_only(self, usual: i64) -> Result<i64, Problem> {
        let mut n = usual;
        for (key, value) in self.0 {
            match key.as_str() {
                "limit" => n = limit(&value)?,
                _ => return Err(unknown(&key, &[])),
            }
        }
        Ok(n)
    }
}

fn unknown(key: &str, known: &[&Filter]) -> Problem {
    let names = known.iter().map(|f| f.0).chain(["limit", "cursor"]);
    let hint = hint(key, names)
        .map(|h| format!("; {h}"))
        .unwrap_or_default();
    Problem::bad(format!("there is no filter `{key}` here{hint}"))
}

fn limit(value: &str) -> Result<i64, Problem> {
    value
        .parse()
        .ok()
        .filter(|n| (1..=MOST).contains(n))
        .ok_or_else(|| Problem::bad(format!("`limit` is a number from 1 to {MOST}")))
}

fn cursor(value: String) -> Result<String, Problem> {
    let fits = value.len() <= 64
        && value
            .split('-')
            .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    if fits {
        Ok(value)
    } else {
        Err(Problem::bad("`cursor` is the `next` of the page before"))
    }
}

/// A page as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    pub(crate) items: Vec<Value>,
    pub(crate) next: Option<String>,
}

/// A page from the store.
pub(crate) async fn page(api: &Api, list: &str, wanted: Wanted) -> Result<Listed, Problem> {
    let page = stored(api, list, wanted).await?;
    Ok(Listed {
        items: page.items,
        next: page.next,
    })
}

/// The same as the store gives it.
pub(crate) async fn stored(api: &Api, list: &str, wanted: Wanted) -> Result<Page, Problem> {
    let query = Query {
        ws: MAIN,
        list: list.to_owned(),
        filters: wanted.filters,
        cursor: wanted.cursor,
        limit: wanted.limit,
    };
    Ok(api.hub.store.page(query).await?)
}

/// The one item that a filter finds.
pub(crate) async fn one(
    api: &Api,
    list: &str,
    filter: &str,
    value: &str,
) -> Result<Option<Value>, Problem> {
    let wanted = Wanted {
        limit: 1,
        cursor: None,
        filters: vec![(filter.to_owned(), value.to_owned())],
    };
    Ok(page(api, list, wanted).await?.items.pop())
}

/// The item of that number, in a list that is in the order of its numbers, newest first.
pub(crate) async fn numbered(api: &Api, list: &str, id: i64) -> Result<Option<Value>, Problem> {
    let wanted = Wanted {
        limit: 1,
        cursor: Some(id.saturating_add(1).to_string()),
        filters: Vec::new(),
    };
    let found = page(api, list, wanted).await?.items.pop();
    Ok(found.filter(|item| item["id"].as_str() == Some(id.to_string().as_str())))
}

/// A page of what is in memory, in the order given; its cursor is a place.
pub(crate) fn slice(items: Vec<Value>, wanted: &Wanted) -> Listed {
    let fits = |item: &Value| {
        wanted
            .filters
            .iter()
            .all(|(k, v)| item[k].as_str() == Some(v.as_str()))
    };
    let from = wanted
        .cursor
        .as_deref()
        .and_then(|c| c.parse::<usize>().ok())
        .unwrap_or(0);
    let limit = usize::try_from(wanted.limit).unwrap_or(1);
    let mut items: Vec<Value> = items
        .into_iter()
        .filter(fits)
        .skip(from)
        .take(limit + 1)
        .collect();
    let more = items.len() > limit;
    items.truncate(limit);
    Listed {
        items,
        next: more.then(|| (from + limit).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        Asked(
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_slip_in_a_filter_is_refused_with_the_right_name() {
        let refused = asked(&[("conection", "gh")])
            .of("calls")
            .expect_err("no such filter");
        assert_eq!(refused.status.as_u16(), 400);
        assert!(
            refused.members["detail"]
                .as_str()
                .is_some_and(|d| d.contains("did you mean `connection`?")),
            "{refused:?}"
        );
    }

    #[test]
    fn values_are_checked_before_the_store_is_asked() {
        for (list, key, value) in [
            ("calls", "since", "yesterday"),
            ("runs", "state", "finished"),
            ("events", "id", "7"),
            ("runs", "limit", "0"),
            ("runs", "cursor", "x"),
        ] {
            assert!(
                asked(&[(key, value)]).of(list).is_err(),
                "{list} {key}={value}"
            );
        }
        let wanted = asked(&[("state", "done"), ("limit", "2"), ("cursor", "17")])
            .of("runs")
            .expect("all fit");
        assert_eq!((wanted.limit, wanted.cursor.as_deref()), (2, Some("17")));
    }

    #[test]
    fn what_is_in_memory_is_paged_and_filtered_alike() {
        let items = |n: usize| {
            (0..n).map(|i| serde_json::json!({"id": i.to_string(), "state": if i % 2 == 0 { "on" } else { "paused" }})).collect::<Vec<_>>()
        };
        let mut wanted = Wanted {
            limit: 2,
            cursor: None,
            filters: vec![("state".into(), "on".into())],
        };
        let first = slice(items(5), &wanted);
        assert_eq!((first.items.len(), first.next.as_deref()), (2, Some("2")));
        wanted.cursor = first.next;
        let second = slice(items(5), &wanted);
        assert_eq!((second.items.len(), second.next), (1, None));
    }
}
