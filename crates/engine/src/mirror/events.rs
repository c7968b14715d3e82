//! How a change of a record becomes an event: which type it is, and what is told of it. Only `open` values are told in full; of
//! all else only the path.

use super::work::Channel;
use serde_json::{Map, Value, json};
use stagewire_model::Entity;
use stagewire_model::fields::{Class, Field, Kind, entity, field};

/// Whether changes of this entity are events (the common model lists them).
pub(super) fn has_events(entity: Entity) -> bool {
    use Entity::*;
    matches!(
        entity,
        Candidate
            | Application
            | Job
            | Opening
            | JobPosting
            | Interview
            | Scorecard
            | Offer
            | Note
            | Attachment
    )
}

/// The type of a change, without the entity: what the new values say happened, else `updated`.
pub(super) fn change_kind(
    entity: Entity,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    changed: &[String],
) -> &'static str {
    let status = |key: &str| {
        (before.get(key).and_then(Value::as_str) != after.get(key).and_then(Value::as_str))
            .then(|| after.get(key).and_then(Value::as_str))
            .flatten()
    };
    let only = |keys: &[&str]| changed.iter().all(|c| keys.contains(&c.as_str()));
    match entity {
        Entity::Candidate if only(&["tag_ids"]) => "tags_changed",
        Entity::Candidate if only(&["consent"]) => "consent_changed",
        Entity::Job => match status("status") {
            Some("open") => "opened",
            Some("on_hold") => "put_on_hold",
            Some("closed" | "archived") => "closed",
            _ if only(&["stage_ids"]) => "pipeline_changed",
            _ if only(&["hiring_team"]) => "hiring_team_changed",
            _ => "updated",
        },
        Entity::Opening => match status("state") {
            Some("filled") => "filled",
            Some("cancelled") => "closed",
            _ => "updated",
        },
        Entity::JobPosting => match status("status") {
            Some("live") => "published",
            Some("closed") => "unpublished",
            _ => "updated",
        },
        Entity::Offer => match status("status") {
            Some("approved") => "approved",
            Some("sent") => "sent",
            Some("accepted") => "accepted",
            Some("declined") => "declined",
            Some("expired") => "expired",
            Some("withdrawn") => "withdrawn",
            _ => "updated",
        },
        Entity::Interview => match status("status") {
            Some("scheduled") => "scheduled",
            Some("completed") => "completed",
            Some("cancelled") => "cancelled",
            Some("no_show") => "no_show",
            _ if changed.iter().any(|c| c == "start_at") => "rescheduled",
            _ if only(&["interviewers"]) => "interviewers_changed",
            _ => "updated",
        },
        Entity::Scorecard => match status("state") {
            Some("submitted") => "submitted",
            Some("requested") => "requested",
            _ => "updated",
        },
        _ => "updated",
    }
}

/// The `data` of an event.
pub(crate) fn data(
    of: Entity,
    id: &str,
    revision: i64,
    changed: &[String],
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    late: bool,
    channel: Channel,
) -> Map<String, Value> {
    let open = |fields: &Map<String, Value>| -> Map<String, Value> {
        let told = changed
            .iter()
            .filter(|c| field(of.name(), c).is_some_and(|f| deep_class(&f) == Class::Open));
        told.map(|c| (c.clone(), fields.get(c).cloned().unwrap_or(Value::Null)))
            .collect()
    };
    let mut out = Map::new();
    out.insert(
        "record_ref".into(),
        json!({"entity": of.name(), "id": id, "revision": revision.max(1)}),
    );
    out.insert("changed".into(), json!(changed));
    out.insert("previous".into(), Value::Object(open(before)));
    out.insert("current".into(), Value::Object(open(after)));
    out.insert("late".into(), json!(late));
    out.insert("evidence".into(), json!(evidence(channel)));
    let group = channel.delivery.map_or_else(
        || format!("{}:{id}:{revision}", channel.word),
        |d| format!("delivery/{d}"),
    );
    out.insert("cause".into(), json!({"group_id": group, "remote_action_id": null, "actor": {"kind": "unknown", "user_id": null, "label": null}, "origin": "vendor"}));
    out
}

pub(super) fn evidence(channel: Channel) -> &'static str {
    if channel.delivery.is_some() {
        "vendor_event"
    } else {
        "mirror_diff"
    }
}

/// The strictest class in a field's value: a location is as restricted as its street.
pub fn deep_class(of: &Field) -> Class {
    fn inner(kind: Kind, depth: u8) -> Class {
        match kind {
            Kind::List(item) | Kind::Keyed(item) => inner(*item, depth),
            Kind::Object(name) if depth > 0 => {
                let nested = entity(name).map(|e| {
                    e.fields
                        .iter()
                        .map(|f| f.class.max(inner(f.kind, depth - 1)))
                        .max()
                });
                nested.flatten().unwrap_or(Class::Restricted)
            }
            Kind::Object(_) => Class::Restricted,
            _ => Class::Open,
        }
    }
    of.class.max(inner(of.kind, 4))
}
