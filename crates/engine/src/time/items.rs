//! What a message made of many is made of: the records or events that an event of time names. Only names them.

use crate::binding::Bound;
use crate::flow::file::Collect;
use crate::flow::plan::group_of;
use crate::guards::{About, blocked};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use stagewire_model::{Effect, Entity, Event, EventId, Micros, RecordId, canonical};

/// The type of the event of a schedule.
pub const SCHEDULE: &str = "schedule.due";
/// The type of the event of what was collected.
pub const COLLECT: &str = "collect.due";
/// The root under which the scopes of what was collected stand; no flow can name it.
pub const ROOT: &str = "collected";

/// The channel of what time brings about.
pub const CHANNEL: &str = "time";

/// One of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A record.
    Record(Entity, [u8; 16]),
    /// An event.
    Event([u8; 16]),
}

impl Item {
    /// As it is written in an event.
    pub fn text(&self) -> String {
        match self {
            Self::Record(entity, id) => RecordId(*id).text(*entity),
            Self::Event(uid) => EventId(*uid).text(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match EventId::parse(text) {
            Some(event) => Some(Self::Event(event.0)),
            None => RecordId::parse(text).map(|(entity, id)| Self::Record(entity, id.0)),
        }
    }
}

/// The items an event names; most events name none.
pub fn items_of(event: &Event) -> Vec<Item> {
    let listed = event.data.get("items").and_then(Value::as_array);
    let texts = listed.into_iter().flatten().filter_map(Value::as_str);
    texts.filter_map(Item::parse).collect()
}

/// What an event for one flow alone says of the many it stands for.
pub fn data(flow: &str, group: &str, items: &[Item], due: Micros) -> Map<String, Value> {
    let mut data = Map::new();
    let mut put = |key: &str, value: Value| drop(data.insert(key.to_owned(), value));
    put("changed", json!([]));
    put("previous", json!({}));
    put("current", json!({}));
    put("late", json!(false));
    put("evidence", json!(CHANNEL));
    put("cause", cause(&format!("{flow} {} {group}", due.text())));
    put("rule", json!(addressed_to(flow)));
    put("group", json!(group));
    put("due", json!(due.text()));
    put("count", json!(items.len()));
    put(
        "items",
        json!(items.iter().map(Item::text).collect::<Vec<_>>()),
    );
    data
}

/// A group's name as a key: what it is grouped by may be somebody's own, and keys are not sealed.
pub fn group_key(value: &Value) -> String {
    canonical::hex(&Sha256::digest(group_of(value))[..12])
}

/// A group's name as the event may say it: an open value, or the id of a person or record; else nothing.
pub fn group_shown(collect: Option<&Collect>, value: &Value) -> String {
    let id = || {
        ["id", "user_id"]
            .iter()
            .find_map(|key| value.get(key)?.as_str())
    };
    match collect.is_some_and(|collect| collect.by_open) {
        true => group_of(value),
        false => id().unwrap_or_default().to_owned(),
    }
}

/// Who did it: nobody; it was time.
pub fn cause(group: &str) -> Value {
    let actor = json!({"kind": "this_engine", "user_id": null, "label": null});
    json!({"group_id": format!("time/{group}"), "remote_action_id": null, "actor": actor, "origin": "time"})
}

/// The flow that alone gets this event.
pub fn addressee(rule: &str) -> Option<&str> {
    rule.strip_prefix("flow/")
}

/// The rule of events for one flow alone.
pub fn addressed_to(flow: &str) -> String {
    format!("flow/{flow}")
}

/// Whether an item may stand in a message of staff's: guards hold for each one.
pub fn may_be_told(bound: &Bound) -> bool {
    let about = About {
        application: bound.application.as_ref(),
        candidate: bound.candidate.as_ref(),
        job: bound.job.as_ref(),
    };
    blocked(Effect::Internal, about).is_none()
}

/// Puts the scopes of the items into the scope of the message.
pub fn put(bound: &mut Bound, items: Vec<Value>) {
    if let Value::Object(roots) = &mut bound.data {
        roots.insert(ROOT.into(), json!(items));
    }
}

/// The scopes a step's `line` is rendered for: those of what was collected, else the one scope there is.
pub fn scopes(data: &Value) -> Option<&Vec<Value>> {
    data.get(ROOT).and_then(Value::as_array)
}
