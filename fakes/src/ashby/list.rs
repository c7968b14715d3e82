//! Answers the lists: a full run in the order rows were made, or an incremental one over what
//! changed since a token. A run ends where the data stood when it began, so none runs for ever, and
//! its token starts there too, so that nothing that changed meanwhile is missed.

use serde_json::{Map, Value, json};

use super::cursor::{Cursor, Place, SyncToken};
use super::endpoints::{List, Pages, Parent};
use super::fields::Fields;
use super::filter::Filter;
use super::ids::Kind;
use super::problem::Problem;
use super::rows::Row;
use super::table::Table;
use super::world::World;
use super::{Core, keys::Key};
use crate::clock::Time;

/// Default and most rows of a page.
const PAGE: usize = 100;

/// Everything a list is answered from.
pub(crate) struct Asked<'a> {
    pub(crate) core: &'a Core,
    pub(crate) world: &'a World,
    pub(crate) name: &'static str,
    pub(crate) list: &'a List,
    pub(crate) fields: Fields<'a>,
    pub(crate) key: &'a Key,
    pub(crate) now: Time,
    /// Come back empty-handed, with more to come.
    pub(crate) empty: bool,
}

/// A run over a list, at one of its pages.
struct Run {
    parent: u64,
    after: Place,
    until: u64,
    epoch: u64,
    page: u32,
}

pub(crate) fn answer(asked: &Asked) -> Result<Map<String, Value>, Problem> {
    let limit = limit(asked.fields)?;
    let filter = Filter::read(asked)?;
    let run = begin(asked)?;
    let whole = asked.list.pages == Pages::Whole;
    let most = if whole { usize::MAX } else { limit };
    let look = match (asked.empty, whole) {
        (_, true) => usize::MAX,
        (true, false) => 0,
        (false, false) => asked.core.options.rows_looked_at,
    };
    let (mut rows, mut looked, mut more, mut last) = (Vec::new(), 0, false, run.after);
    for (place, n) in places(asked.world, asked.list.kind, &run) {
        if rows.len() == most || looked == look {
            more = true;
            break;
        }
        looked += 1;
        last = place;
        if filter.passes(asked.world, n)
            && let Some(row) = asked.core.show(asked.world, asked.list.kind, n)
        {
            rows.push(row);
        }
    }
    let mut body = Map::new();
    body.insert("success".into(), json!(true));
    body.insert("results".into(), Value::Array(rows));
    let bare = asked.core.options.oddities.bare_openings && asked.list.kind == Kind::Opening;
    if asked.list.kind == Kind::Source {
        body.insert("moreDataAvailable".into(), json!(false));
    }
    if whole || bare {
        return Ok(body);
    }
    body.insert("moreDataAvailable".into(), json!(more));
    let (name, text) = match more {
        true => ("nextCursor", run.next(asked.name, last)),
        false => ("syncToken", run.token(asked)),
    };
    body.insert(name.into(), json!(text));
    Ok(body)
}

/// `limit` from 1 to 100.
pub(crate) fn limit(fields: Fields) -> Result<usize, Problem> {
    let limit = fields.integer("limit")?.unwrap_or(PAGE as i64);
    match usize::try_from(limit) {
        Ok(limit @ 1..=PAGE) => Ok(limit),
        _ => Err(Problem::input("limit", "limit must be between 1 and 100")),
    }
}

/// Whose records are asked for: a number, or zero.
pub(crate) fn parent(world: &World, list: &List, fields: Fields) -> Result<u64, Problem> {
    match list.parent {
        Parent::Nobody => Ok(0),
        Parent::Must(name, kind) => world.find(kind, fields.need(name)?),
        Parent::May(name, kind) => match fields.text(name)? {
            Some(id) => world.find(kind, id),
            None => Ok(0),
        },
    }
}

fn begin(asked: &Asked) -> Result<Run, Problem> {
    let parent = parent(asked.world, asked.list, asked.fields)?;
    let core = asked.core;
    let since = read_token(asked, parent)?;
    if let Some(text) = asked.fields.text("cursor")? {
        let cursor = Cursor::read(text);
        let cursor = cursor.filter(|one| one.list == asked.name && one.parent == parent);
        let cursor = cursor.ok_or_else(|| Problem::input("cursor", "The cursor is not valid"))?;
        let incremental = matches!(cursor.after, Place::Changed(_));
        if incremental && cursor.epoch != core.epoch {
            return Err(expired());
        }
        if incremental
            && core
                .options
                .incremental_pages
                .is_some_and(|most| cursor.page >= most)
        {
            return Err(Problem::new(
                "incremental_sync_too_large",
                "Too many pages in this incremental sync; run a full sync",
            ));
        }
        return Ok(Run {
            parent,
            after: cursor.after,
            until: cursor.until,
            epoch: cursor.epoch,
            page: cursor.page,
        });
    }
    let made_after = asked.fields.integer("createdAfter")?;
    let after = match (since, made_after) {
        (Some(since), _) => Place::Changed(since),
        (None, Some(ms)) => Place::Made(Time::from_ms(ms), u64::MAX),
        (None, None) => Place::Made(Time::from_ms(i64::MIN), 0),
    };
    Ok(Run {
        parent,
        after,
        until: asked.world.version(),
        epoch: core.epoch,
        page: 0,
    })
}

/// The change number in the request's token.
fn read_token(asked: &Asked, parent: u64) -> Result<Option<u64>, Problem> {
    let Some(text) = asked.fields.text("syncToken")? else {
        return Ok(None);
    };
    let token = SyncToken::read(text);
    let token = token.filter(|one| one.list == asked.name && one.parent == parent);
    let token = token.ok_or_else(|| Problem::input("syncToken", "The sync token is not valid"))?;
    let age_ms = asked.now.ms() - token.made.ms();
    let ttl = asked.core.options.sync_token_ttl;
    let old = ttl.is_some_and(|ttl| i128::from(age_ms) > ttl.as_millis() as i128);
    match old || token.epoch != asked.core.epoch {
        true => Err(expired()),
        false => Ok(Some(token.since)),
    }
}

fn expired() -> Problem {
    Problem::new("sync_token_expired", "The sync token has expired")
}

impl Run {
    fn next(&self, list: &str, after: Place) -> String {
        let cursor = Cursor {
            list: list.into(),
            parent: self.parent,
            after,
            until: self.until,
            epoch: self.epoch,
            page: self.page + 1,
        };
        cursor.write()
    }

    fn token(&self, asked: &Asked) -> String {
        let token = SyncToken {
            list: asked.name.into(),
            parent: self.parent,
            since: self.until,
            epoch: self.epoch,
            made: asked.now,
        };
        token.write()
    }
}

type Places<'a> = Box<dyn Iterator<Item = (Place, u64)> + 'a>;

fn places<'a>(world: &'a World, kind: Kind, run: &Run) -> Places<'a> {
    match kind {
        Kind::Candidate => walk(&world.candidates, run),
        Kind::Application => walk(&world.applications, run),
        kind => walk(world.table(kind), run),
    }
}

fn walk<'a, T: Row>(table: &'a Table<T>, run: &Run) -> Places<'a> {
    let made = |(at, n)| (Place::Made(at, n), n);
    let changed = |(version, n)| (Place::Changed(version), n);
    match (run.parent, run.after) {
        (0, Place::Made(at, n)) => Box::new(table.made_after((at, n)).map(made)),
        (0, Place::Changed(since)) => Box::new(table.changed(since, run.until).map(changed)),
        (parent, Place::Made(at, n)) => {
            let mut rows: Vec<(Time, u64)> = rows_of(table, parent)
                .map(|(n, _, created)| (created, n))
                .filter(|place| *place > (at, n))
                .collect();
            rows.sort_unstable();
            Box::new(rows.into_iter().map(made))
        }
        (parent, Place::Changed(since)) => {
            let mut rows: Vec<(u64, u64)> = rows_of(table, parent)
                .map(|(n, version, _)| (version, n))
                .filter(|(version, _)| (since + 1..=run.until).contains(version))
                .collect();
            rows.sort_unstable();
            Box::new(rows.into_iter().map(changed))
        }
    }
}

fn rows_of<T: Row>(table: &Table<T>, parent: u64) -> impl Iterator<Item = (u64, u64, Time)> {
    let rows = table.children(parent);
    rows.filter_map(|n| {
        table
            .stored(n)
            .map(|entry| (n, entry.version, entry.created))
    })
}
