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

/// Whether the common model has an event of this type. What it has none for changes the record, and is no event.
pub(super) fn is_event(kind: &str) -> bool {
    crate::flow::scope::roots(kind).is_some()
}

/// The type of a record's first sight, where more happened than that it was made.
pub(super) fn created_kind(entity: Entity, fields: &Map<String, Value>) -> &'static str {
    let word = |key: &str| fields.get(key).and_then(Value::as_str);
    match (entity, word("status"), word("state")) {
        (Entity::Interview, Some("requested" | "rescheduling"), _) => "requested",
        (Entity::Interview, Some("completed"), _) => "completed",
        (Entity::Interview, Some("cancelled"), _) => "cancelled",
        (Entity::Interview, Some("no_show"), _) => "no_show",
        (Entity::Interview, _, _) => "scheduled",
        (Entity::Scorecard, _, Some("submitted")) => "submitted",
        (Entity::Scorecard, _, Some("requested")) => "requested",
        (Entity::Scorecard, _, _) => "drafted",
        (Entity::JobPosting, Some("live"), _) => "published",
        (Entity::JobPosting, _, _) => "drafted",
        (Entity::Attachment, _, _) => "added",
        _ => "created",
    }
}

/// The type of a deletion: an interview that was still ahead is called off by it.
pub(super) fn deleted_kind(entity: Entity, fields: &Map<String, Value>) -> &'static str {
    let status = fields.get("status").and_then(Value::as_str);
    match entity {
        Entity::Interview if matches!(status, Some("scheduled" | "rescheduling")) => "cancelled",
        Entity::Attachment => "removed",
        Entity::Opening => "closed",
        _ => "deleted",
    }
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
    let was = |key: &str| before.get(key).and_then(Value::as_str);
    let only = |keys: &[&str]| changed.iter().all(|c| keys.contains(&c.as_str()));
    match entity {
        Entity::Candidate if only(&["tag_ids", "tags"]) => "tags_changed",
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
            Some("draft" | "closed") => "unpublished",
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
            Some("scheduled") => match was("status") {
                Some("rescheduling" | "awaiting_feedback" | "completed") => "rescheduled",
                _ => "scheduled",
            },
            // vendors empty a planned interview to plan it anew
            Some("requested" | "cancelled") if was("status") == Some("scheduled") => "cancelled",
            Some("requested") => "requested",
            Some("completed") => "completed",
            Some("cancelled") => "cancelled",
            Some("no_show") => "no_show",
            _ if changed
                .iter()
                .any(|c| c == "start_at" || c == "all_day_date") =>
            {
                "rescheduled"
            }
            _ if only(&["interviewers"]) => "interviewers_changed",
            _ => "updated",
        },
        Entity::Scorecard => match status("state") {
            Some("submitted") => "submitted",
            Some("requested") => "requested",
            // its parts come one by one while it is written; a draft is nobody's news
            _ if after.get("state").and_then(Value::as_str) == Some("draft") => "drafted",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn object(v: Value) -> Map<String, Value> {
        v.as_object().cloned().unwrap_or_default()
    }

    fn kind(entity: Entity, before: Value, after: Value) -> &'static str {
        let (before, after) = (object(before), object(after));
        let changed: Vec<String> = after
            .keys()
            .filter(|k| before.get(*k) != after.get(*k))
            .cloned()
            .collect();
        change_kind(entity, &before, &after, &changed)
    }

    #[test]
    fn an_interview_is_planned_moved_and_called_off() {
        let at = |status: &str, at: &str| json!({"status": status, "start_at": at});
        let of = |a, b| kind(Entity::Interview, a, b);
        assert_eq!(of(at("requested", ""), at("scheduled", "9")), "scheduled");
        assert_eq!(
            of(at("scheduled", "9"), at("scheduled", "10")),
            "rescheduled"
        );
        assert_eq!(
            of(at("awaiting_feedback", "9"), at("scheduled", "10")),
            "rescheduled"
        );
        assert_eq!(of(at("scheduled", "9"), at("requested", "")), "cancelled");
        assert_eq!(of(at("scheduled", "9"), at("cancelled", "9")), "cancelled");
        assert_eq!(
            of(at("awaiting_feedback", "9"), at("completed", "9")),
            "completed"
        );
        assert_eq!(
            of(json!({"interviewers": []}), json!({"interviewers": [1]})),
            "interviewers_changed"
        );
        let ahead = object(at("scheduled", "9"));
        assert_eq!(deleted_kind(Entity::Interview, &ahead), "cancelled");
        let over = object(at("completed", "9"));
        assert_eq!(deleted_kind(Entity::Interview, &over), "deleted");
    }

    #[test]
    fn what_is_first_seen_says_what_happened() {
        let of = |entity, fields| created_kind(entity, &object(fields));
        assert_eq!(
            of(Entity::Interview, json!({"status": "requested"})),
            "requested"
        );
        assert_eq!(
            of(Entity::Interview, json!({"status": "awaiting_feedback"})),
            "scheduled"
        );
        assert_eq!(
            of(Entity::Scorecard, json!({"state": "submitted"})),
            "submitted"
        );
        assert_eq!(of(Entity::Scorecard, json!({"state": "draft"})), "drafted");
        assert!(
            !is_event("scorecard.drafted"),
            "the model has no event for it"
        );
        assert_eq!(of(Entity::Attachment, json!({})), "added");
        assert_eq!(
            of(Entity::JobPosting, json!({"status": "live"})),
            "published"
        );
        assert_eq!(of(Entity::Offer, json!({"status": "sent"})), "created");
        assert_eq!(deleted_kind(Entity::Attachment, &Map::new()), "removed");
    }

    #[test]
    fn offers_openings_postings_and_tags_by_what_changed() {
        let status = |s: &str| json!({"status": s});
        for (word, told) in [
            ("approved", "approved"),
            ("accepted", "accepted"),
            ("declined", "declined"),
            ("superseded", "updated"),
        ] {
            assert_eq!(kind(Entity::Offer, status("sent"), status(word)), told);
        }
        assert_eq!(
            kind(Entity::JobPosting, status("live"), status("draft")),
            "unpublished"
        );
        assert_eq!(
            kind(
                Entity::Opening,
                json!({"state": "open"}),
                json!({"state": "filled"})
            ),
            "filled"
        );
        let tags = kind(
            Entity::Candidate,
            json!({"tag_ids": []}),
            json!({"tag_ids": ["tag_1"], "tags": ["a"]}),
        );
        assert_eq!(tags, "tags_changed");
        assert_eq!(
            kind(
                Entity::Scorecard,
                json!({"state": "draft"}),
                json!({"state": "submitted"})
            ),
            "submitted"
        );
        let card = |state: &str, note: &str| json!({"state": state, "summary": note});
        let of = |a, b| kind(Entity::Scorecard, a, b);
        assert_eq!(of(card("draft", ""), card("draft", "x")), "drafted");
        assert_eq!(of(card("requested", ""), card("draft", "x")), "drafted");
        assert_eq!(of(card("submitted", ""), card("submitted", "x")), "updated");
    }
}
