//! Names people write, and the ids a vendor wants: which names need a look, how to look, and what to pick. Caches nothing.

use super::read::templates;
use crate::http::{Request, Response, encode};
use crate::manifest::Reader;
use crate::paging::{Paging, ScanError};
use crate::path::{Path, scalar_text};
use crate::template::Template;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stagewire_model::Entity;

/// One name to look up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lookup {
    /// Which list it is looked up in.
    pub name: String,
    /// The name.
    pub value: String,
    /// The record it must belong to, where names are only unique within one.
    pub within: Option<String>,
}

/// `[resolve.x]`
#[derive(Debug)]
pub(crate) struct Resolve {
    name: String,
    when: When,
    path: String,
    query: Vec<(String, Template)>,
    rows: Path,
    name_at: Path,
    id_at: Path,
    paging: Paging,
    within: Option<Entity>,
    pub(crate) scope: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum When {
    /// `#name` is a name; all else is an id.
    Hash,
    /// Whatever is no whole number is a name.
    NotNumber,
}

impl Resolve {
    pub(crate) fn read(name: String, r: Reader<'_>, paging: &Paging) -> Resolve {
        let path = |key: &'static str, usual: &str| {
            r.path(key)
                .or_else(|| Path::parse(usual))
                .unwrap_or_default()
        };
        let own = r.table("paging").map(|t| {
            let own = Paging::read(&t);
            t.done();
            own
        });
        let within = r.text("within").and_then(|w| {
            let entity = Entity::parse(&w);
            if entity.is_none() {
                r.wrong_at("within", format!("the model has no entity `{w}`"));
            }
            entity
        });
        let resolve = Resolve {
            name,
            when: r
                .word(
                    "when",
                    &[("hash", When::Hash), ("not_number", When::NotNumber)],
                )
                .unwrap_or(When::NotNumber),
            path: r.need("get"),
            query: templates(&r, "query"),
            rows: path("rows", "."),
            name_at: path("name", "name"),
            id_at: path("id", "id"),
            paging: own.unwrap_or_else(|| paging.clone()),
            within,
            scope: r.text("scope"),
        };
        r.done();
        resolve
    }

    /// What must be looked up for a value; `None` where it is an id already.
    pub(crate) fn lookup(
        &self,
        value: &str,
        remote: &dyn Fn(Entity) -> Option<String>,
    ) -> Option<Lookup> {
        let value = value.trim();
        let name = match self.when {
            When::Hash => value.strip_prefix('#')?,
            When::NotNumber if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                return None;
            }
            When::NotNumber => value,
        };
        Some(Lookup {
            name: self.name.clone(),
            value: name.to_owned(),
            within: self.within.and_then(remote),
        })
    }

    pub(crate) fn request(&self, base: &str, lookup: &Lookup) -> Option<Request> {
        let get = |name: &str| match name {
            "name" => Some(Value::String(lookup.value.clone())),
            "within" => lookup.within.clone().map(Value::String),
            _ => None,
        };
        let mut query = Vec::new();
        for (key, template) in &self.query {
            query.push(format!("{key}={}", template.fill(&get, encode).ok()?));
        }
        if let Some(size) = &self.paging.size {
            query.push(format!("{size}={}", self.paging.per_page));
        }
        let sep = if query.is_empty() { "" } else { "?" };
        Some(Request::get(
            format!("{base}{}{sep}{}", self.path, query.join("&")),
            self.path.clone(),
        ))
    }

    pub(crate) fn next(
        &self,
        request: &Request,
        response: &Response,
    ) -> Result<Option<Request>, ScanError> {
        self.paging
            .next(request, response, &|| response.json(), &|| 0, false)
    }

    /// The id of the row with that name: written the same, else the only one that differs in case.
    pub(crate) fn pick(&self, lookup: &Lookup, response: &Response) -> Option<String> {
        let body = response.json()?;
        let rows = self.rows.get(&body)?.as_array()?;
        let name = |row: &&Value, same: &dyn Fn(&str) -> bool| {
            self.name_at
                .get(row)
                .and_then(Value::as_str)
                .is_some_and(|n| same(n.trim()))
        };
        let wanted = lookup.value.trim();
        let exact = rows.iter().find(|r| name(r, &|n| n == wanted));
        let row = exact.or_else(|| {
            let lower = wanted.to_lowercase();
            let mut near = rows
                .iter()
                .filter(|r| name(r, &|n| n.to_lowercase() == lower));
            near.next().filter(|_| near.next().is_none())
        })?;
        self.id_at.get(row).and_then(scalar_text)
    }
}
