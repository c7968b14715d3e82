//! The shortest list that is enough: what the loaded flows read, what their guards look at, and what subscriptions send. Ready to
//! be pasted; changes nothing.

use crate::connection::Connection;
use crate::flow::file::Flow;
use crate::flow::path::Path;
use crate::hub::Hub;
use stagewire_connector::keep::{always, stored};
use stagewire_model::fields::root_entity;
use stagewire_model::{Effect, Entity};
use std::collections::{BTreeMap, BTreeSet};

/// The list for a connection: entities and fields, in order.
pub fn needed(hub: &Hub, conn: &Connection) -> Vec<String> {
    let flows = hub.flows();
    let mut list: BTreeSet<(Entity, String)> = BTreeSet::new();
    let of_us = |c: &Option<String>| c.as_ref().is_none_or(|c| *c == conn.id);
    for live in flows.all().filter(|f| of_us(&f.flow.when.connection)) {
        list.extend(told_by(&live.flow.when.event));
        list.extend(live.flow.reads().iter().flat_map(read_at));
        list.extend(guarded(&live.flow));
    }
    for s in &flows.subscriptions {
        if !s.connections.is_empty() && !s.connections.contains(&conn.id) {
            continue;
        }
        list.extend(s.events.iter().flat_map(|e| told_by(e)));
        list.extend(
            s.fields
                .iter()
                .filter_map(|f| Path::parse(f))
                .flat_map(|p| read_at(&p)),
        );
    }
    for (entity, field) in list.clone() {
        let field = Some(field.as_str()).filter(|f| !f.is_empty());
        for (from, take) in conn.connector.made_from(entity, field) {
            let whole = take.starts_with("extra.");
            list.insert((from, if whole { String::new() } else { take }));
        }
    }
    shortest(conn, list)
}

/// Only what the connector supplies; a whole entity makes its fields needless, and what comes with any field of an entity is
/// named only where nothing else of it is.
fn shortest(conn: &Connection, list: BTreeSet<(Entity, String)>) -> Vec<String> {
    let mut by_entity: BTreeMap<Entity, BTreeSet<String>> = BTreeMap::new();
    for (entity, field) in list {
        let all = conn.holding.supplies(entity);
        if all.contains(&field) || (field.is_empty() && !all.is_empty()) {
            by_entity.entry(entity).or_default().insert(field);
        }
    }
    let mut out = Vec::new();
    for (entity, fields) in by_entity {
        let name = entity.name();
        let (along, own): (Vec<&String>, Vec<&String>) =
            fields.iter().partition(|f| always(entity, f));
        match (fields.contains(""), own.is_empty()) {
            (true, _) => out.push(name.to_owned()),
            (false, true) => out.extend(along.first().map(|f| format!("{name}.{f}"))),
            (false, false) => out.extend(own.iter().map(|f| format!("{name}.{f}"))),
        }
    }
    out.sort();
    out
}

/// What must be held for events of this type to come: for a change of anything the whole entity.
fn told_by(event: &str) -> Vec<(Entity, String)> {
    if event == "*" {
        let all =
            crate::flow::scope::event_types().filter_map(|e| Entity::parse(e.split('.').next()?));
        let all: BTreeSet<Entity> = all.collect();
        return all.into_iter().map(|e| (e, String::new())).collect();
    }
    let (root, what) = event.split_once('.').unwrap_or((event, ""));
    let Some(entity) = Entity::parse(root) else {
        return Vec::new();
    };
    let field = match (entity, what) {
        (_, "*" | "updated") => "",
        (Entity::Application, _) => "status",
        (Entity::Candidate, "tags_changed") => "tag_ids",
        (Entity::Candidate, _) => "anonymized",
        (Entity::Job, "pipeline_changed") => "stage_ids",
        (Entity::Job, "hiring_team_changed") => "hiring_team",
        (Entity::Job | Entity::JobPosting | Entity::Offer | Entity::Interview, _) => "status",
        (Entity::Opening | Entity::Scorecard, _) => "state",
        _ => "",
    };
    vec![(entity, field.to_owned())]
}

/// The stored fields behind a path of a scope.
pub(crate) fn read_at(path: &Path) -> Vec<(Entity, String)> {
    let Some(field) = path.field() else {
        return Vec::new();
    };
    let person = |of: Entity, name: &str| {
        let user = match field {
            "name" => "full_name",
            other => other,
        };
        vec![(of, name.to_owned()), (Entity::User, user.to_owned())]
    };
    match path.root.as_str() {
        "recruiter" => person(Entity::Application, "recruiter"),
        "hiring_manager" => person(Entity::Job, "hiring_team"),
        root => {
            let entity = root_entity(root).and_then(Entity::parse);
            let of = |e: Entity| stored(e, field).into_iter().map(move |f| (e, f.to_owned()));
            entity.into_iter().flat_map(of).collect()
        }
    }
}

/// What the guards look at before a flow's effects.
pub(crate) fn guarded(flow: &Flow) -> Vec<(Entity, String)> {
    let most = flow.steps.iter().filter(|s| !s.reads).map(|s| s.effect);
    let about = flow.when.event.split('.').next().and_then(Entity::parse);
    let bound = |entity: Entity| match about {
        Some(Entity::Candidate | Entity::Note | Entity::Attachment) => entity == Entity::Candidate,
        Some(Entity::Job | Entity::Opening | Entity::JobPosting) => entity == Entity::Job,
        Some(_) => true,
        None => false,
    };
    let looks: &[(Entity, &str)] = match most.max() {
        None | Some(Effect::Feed) => &[],
        Some(Effect::Candidate) => &[
            (Entity::Job, "confidential"),
            (Entity::Candidate, "private"),
            (Entity::Candidate, "may_email"),
            (Entity::Application, "status"),
        ],
        Some(_) => &[
            (Entity::Job, "confidential"),
            (Entity::Candidate, "private"),
            (Entity::Application, "status"),
        ],
    };
    let looks = looks.iter().filter(|(e, _)| bound(*e));
    looks.map(|(e, f)| (*e, (*f).to_owned())).collect()
}
