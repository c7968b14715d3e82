//! What we read: one list of rows per kind of record, how to ask it for a window, for ids, or for what belongs to other records.
//! Sends nothing and keeps no checkpoint.

use crate::http::{Request, encode};
use crate::manifest::{Reader, Sink, Table, named_tables};
use crate::mapping::Shapes;
use crate::paging::{Paging, ScanError};
use crate::path::Path;
use crate::problem::nearest;
use crate::template::Template;
use serde_json::Value;
use stagewire_model::{Entity, Micros};

/// How a deletion shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gone {
    /// Lists never tell; only a webhook does.
    WebhookOnly,
    /// A full scan without the record.
    FullScan,
}

/// One list of rows.
#[derive(Debug)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// What its rows are.
    pub entity: Entity,
    /// The shape of a row.
    pub shape: String,
    /// The permission it needs.
    pub scope: Option<String>,
    /// Rows are stays in a stage, not records.
    pub history: bool,
    /// Whether it can be asked for what changed in a window.
    pub incremental: bool,
    /// How far a window reaches back into the last one.
    pub overlap_ms: i64,
    /// How far behind the vendor's clock a window ends.
    pub lag_ms: i64,
    /// How many ids fit one question.
    pub max_ids: usize,
    /// How a deletion shows.
    pub gone: Gone,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) paging: Paging,
    pub(crate) rows: Path,
    window: Option<Template>,
    ids: Option<String>,
    foreign: Vec<(Entity, String)>,
}

/// What a stream is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What changed between two instants of the vendor's clock.
    Range {
        /// From, with the overlap already taken off.
        from: Micros,
        /// To.
        to: Micros,
    },
    /// Everything.
    Full,
    /// These rows.
    Ids(Vec<String>),
    /// The rows that belong to these records.
    Foreign {
        /// What kind they are.
        entity: Entity,
        /// Their ids at the vendor.
        ids: Vec<String>,
    },
}

/// How a plan asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBy {
    /// By the rows' own ids.
    Ids,
    /// By the ids of the records they belong to.
    Foreign(Entity),
}

/// One stream to ask when a record is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPlan {
    /// The stream.
    pub stream: String,
    /// How to ask it.
    pub by: ReadBy,
    /// How many ids fit one question.
    pub max_ids: usize,
    /// True for the record's history, which is read after its row and answered with it.
    pub history: bool,
}

impl Stream {
    /// The path and query of the first page.
    pub(crate) fn first(&self, base: &str, ask: &Ask) -> Result<Request, ScanError> {
        let mut query: Vec<String> = self
            .query
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v)))
            .collect();
        let ids = |name: &str, ids: &[String]| match ids {
            [] => Err(ScanError::NotSupported),
            ids if ids.len() > self.max_ids => Err(ScanError::NotSupported),
            ids => Ok(format!(
                "{name}={}",
                ids.iter().map(|i| encode(i)).collect::<Vec<_>>().join(",")
            )),
        };
        match ask {
            Ask::Full => {}
            Ask::Range { from, to } => {
                let window = self.window.as_ref().ok_or(ScanError::NotSupported)?;
                let get = |name: &str| match name {
                    "from" => Some(Value::String(from.text())),
                    "to" => Some(Value::String(to.text())),
                    _ => None,
                };
                query.push(
                    window
                        .fill(&get, crate::template::plain)
                        .map_err(|_| ScanError::NotSupported)?,
                );
            }
            Ask::Ids(list) => query.push(ids(
                self.ids.as_deref().ok_or(ScanError::NotSupported)?,
                list,
            )?),
            Ask::Foreign { entity, ids: list } => {
                let name = self
                    .foreign
                    .iter()
                    .find(|(e, _)| e == entity)
                    .map(|(_, n)| n.as_str())
                    .ok_or(ScanError::NotSupported)?;
                query.push(ids(name, list)?);
            }
        }
        if let Some(size) = &self.paging.size {
            query.push(format!("{size}={}", self.paging.per_page));
        }
        let sep = if query.is_empty() { "" } else { "?" };
        Ok(Request::get(
            format!("{base}{}{sep}{}", self.path, query.join("&")),
            self.path.clone(),
        ))
    }

    pub(crate) fn plan(&self, entity: Entity) -> Option<ReadPlan> {
        let by = match self.foreign.iter().find(|(e, _)| *e == entity) {
            Some(_) if self.history => ReadBy::Foreign(entity),
            _ if self.entity == entity && !self.history && self.ids.is_some() => ReadBy::Ids,
            _ => return None,
        };
        Some(ReadPlan {
            stream: self.name.clone(),
            by,
            max_ids: self.max_ids,
            history: self.history,
        })
    }

    /// Whether an address asks for single rows.
    pub(crate) fn asks_ids(&self, url: &str) -> bool {
        let asks = |part: &str| self.ids.as_deref() == part.split('=').next();
        self.ids.is_some() && url.split(['?', '&']).skip(1).any(asks)
    }

    /// Whether it can be asked for the rows of records of that kind.
    pub fn by_foreign(&self, entity: Entity) -> bool {
        self.foreign.iter().any(|(e, _)| *e == entity)
    }
}

/// Reads `streams.toml`, in its order.
pub(crate) fn read_streams(
    root: &Table,
    shapes: &Shapes,
    paging: &Paging,
    sink: &Sink,
) -> Vec<Stream> {
    let defaults = root.get("defaults").and_then(|n| n.table());
    let mut out = Vec::new();
    for (name, r) in named_tables(root, defaults, &["defaults", "format"], sink) {
        if let Some(stream) = read_stream(name, &r, shapes, paging) {
            out.push(stream);
        }
        r.done();
    }
    out
}

fn read_stream(name: String, r: &Reader<'_>, shapes: &Shapes, paging: &Paging) -> Option<Stream> {
    let shape = r.need("as");
    let known = shapes.get(&shape);
    if known.is_none() {
        let hint = nearest(&shape, shapes.by_name.keys().map(String::as_str))
            .map(|w| format!("; did you mean `{w}`?"));
        r.wrong_at(
            "as",
            format!("no shape is called `{shape}`{}", hint.unwrap_or_default()),
        );
    }
    let window = r.template("window");
    let foreign = r
        .text_map("foreign")
        .into_iter()
        .filter_map(|(entity, query)| match Entity::parse(&entity) {
            Some(entity) => Some((entity, query)),
            None => {
                r.wrong_at("foreign", format!("the model has no entity `{entity}`"));
                None
            }
        })
        .collect();
    let query = r.map("query").unwrap_or_default();
    let own = r.table("paging").map(|t| {
        let own = Paging::read(&t);
        t.done();
        own
    });
    let stream = Stream {
        name,
        entity: known.map_or(Entity::User, |s| s.entity),
        shape,
        scope: r.text("scope"),
        history: r.flag("history"),
        incremental: window.is_some(),
        overlap_ms: r.duration("overlap").unwrap_or(3_600_000),
        lag_ms: r.duration("lag").unwrap_or(0),
        max_ids: r.number("max_ids").unwrap_or(50) as usize,
        gone: r
            .word(
                "gone",
                &[
                    ("webhook_only", Gone::WebhookOnly),
                    ("full_scan", Gone::FullScan),
                ],
            )
            .unwrap_or(Gone::WebhookOnly),
        path: r.need("get"),
        query: query
            .iter()
            .filter_map(|(k, v)| Some((k.clone(), crate::path::scalar_text(v)?)))
            .collect(),
        paging: own.unwrap_or_else(|| paging.clone()),
        rows: r
            .path("rows")
            .or_else(|| Path::parse("."))
            .unwrap_or_default(),
        window,
        ids: r.text("ids"),
        foreign,
    };
    known.map(|_| stream)
}
