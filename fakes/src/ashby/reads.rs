//! Reads of one thing: `.info`, the search, the history of an application, the names of roles.

use serde_json::{Map, Value, json};

use super::Core;
use super::cursor::{Cursor, Place};
use super::fields::Fields;
use super::filter::sees;
use super::ids::{Kind, id};
use super::keys::Key;
use super::list::limit;
use super::problem::Problem;
use super::world::World;
use crate::clock::Time;

/// Most rows of a search.
const FOUND: usize = 100;

/// One record by its id.
pub(crate) fn info(
    core: &Core,
    world: &World,
    key: &Key,
    kind: Kind,
    field: &'static str,
    fields: Fields,
) -> Result<Value, Problem> {
    let other = match kind {
        Kind::Application => fields.text("submittedFormInstanceId")?,
        Kind::Candidate => fields.text("externalMappingId")?,
        _ => None,
    };
    if other.is_some() && fields.text(field)?.is_none() {
        return Err(Problem::missing(kind));
    }
    let n = world.find(kind, fields.need(field)?)?;
    if !sees(world, key, kind, n) {
        return Err(Problem::missing(kind));
    }
    let shown = match kind {
        Kind::Application => world.show_whole_application(n),
        kind => world.show(kind, n),
    };
    let mut shown = shown.ok_or_else(|| Problem::missing(kind))?;
    if fields.flag("excludeFormDefinition")? == Some(true)
        && let Some(shown) = shown.as_object_mut()
    {
        shown.shift_remove("formDefinition");
    }
    core.dress(kind, &mut shown);
    Ok(shown)
}

/// Candidates by e-mail address, by part of the name, or by both.
pub(crate) fn search(
    core: &Core,
    world: &World,
    key: &Key,
    fields: Fields,
) -> Result<Value, Problem> {
    let email = fields.text("email")?;
    let name = fields.text("name")?.map(str::to_lowercase);
    if email.is_none() && name.is_none() {
        return Err(Problem::input("email", "An email or a name is required"));
    }
    let matches = |n: &u64| {
        world.candidates.get(*n).is_some_and(|entry| {
            let row = &entry.row;
            let same = |email: &str| row.emails.iter().any(|one| one.eq_ignore_ascii_case(email));
            email.is_none_or(same)
                && name
                    .as_ref()
                    .is_none_or(|name| row.name.to_lowercase().contains(name))
                && sees(world, key, Kind::Candidate, *n)
        })
    };
    let stored = world.candidates.iter().map(|(n, _)| n);
    let crowd = world.candidates.crowd();
    let computed: Box<dyn Iterator<Item = u64>> = match (crowd, email, &name) {
        (Some(crowd), Some(email), _) => Box::new(crowd.with_email(email).into_iter()),
        (Some(crowd), None, Some(name)) => Box::new(crowd.with_name(name)),
        _ => Box::new(std::iter::empty()),
    };
    let computed = computed.filter(|n| world.candidates.stored(*n).is_none());
    let found = stored.chain(computed).filter(matches).take(FOUND);
    Ok(found
        .filter_map(|n| core.show(world, Kind::Candidate, n))
        .collect())
}

/// An application's stays, in pages.
pub(crate) fn history(
    core: &Core,
    world: &World,
    key: &Key,
    fields: Fields,
) -> Result<Map<String, Value>, Problem> {
    const NAME: &str = "application.listHistory";
    let n = world.find(Kind::Application, fields.need("applicationId")?)?;
    if !sees(world, key, Kind::Application, n) {
        return Err(Problem::missing(Kind::Application));
    }
    let limit = limit(fields)?;
    let cursor = match fields.text("cursor")? {
        Some(text) => {
            let cursor = Cursor::read(text).filter(|one| one.list == NAME && one.parent == n);
            Some(cursor.ok_or_else(|| Problem::input("cursor", "The cursor is not valid"))?)
        }
        None => None,
    };
    let page = cursor.map_or(0, |cursor| cursor.page);
    let mut stays = world.show_history(&world.application(n)?.row.history);
    let begin = (page as usize * limit).min(stays.len());
    let end = (begin + limit).min(stays.len());
    let more = end < stays.len();
    stays.truncate(end);
    let mut rows = stays.split_off(begin);
    rows.iter_mut().for_each(|row| core.dress(Kind::Stay, row));
    let mut body = Map::new();
    body.insert("success".into(), json!(true));
    body.insert("results".into(), Value::Array(rows));
    body.insert("moreDataAvailable".into(), json!(more));
    if more {
        let next = Cursor {
            list: NAME.into(),
            parent: n,
            after: Place::Made(Time::from_ms(0), 0),
            until: 0,
            epoch: core.epoch,
            page: page + 1,
        };
        body.insert("nextCursor".into(), json!(next.write()));
    }
    Ok(body)
}

/// Titles, or whole roles with `namesOnly: false`.
pub(crate) fn roles(world: &World, fields: Fields) -> Result<Value, Problem> {
    let whole = fields.flag("namesOnly")? == Some(false);
    let show = |n| match whole {
        true => json!({"id": id(Kind::Role, n), "title": world.field(Kind::Role, n, "title")}),
        false => world.field(Kind::Role, n, "title").clone(),
    };
    Ok(world.docs(Kind::Role).map(show).collect())
}

/// Where a file can be fetched (nothing is served there).
pub(crate) fn file(fields: Fields) -> Result<Value, Problem> {
    let handle = fields.need("fileHandle")?;
    match handle.starts_with("made-up-file-") {
        true => Ok(json!({"url": format!("https://files.ashby.example/{handle}")})),
        false => Err(Problem::new("file_not_found", "No such file")),
    }
}

/// What the key is.
pub(crate) fn key(key: &Key, since: Time) -> Value {
    json!({"title": key.title, "createdAt": since, "scopes": key.scopes()})
}
