//! Every field of an entity is in every record: what nobody supplied is null (a list is empty) and named in `meta`.

use super::Supply;
use serde_json::{Map, Value, json};
use stagewire_model::Entity;
use stagewire_model::fields::{self, Field, Kind};
use std::collections::BTreeSet;

/// Words that are ours, not a vendor's: they have no `_raw` beside them.
const OURS: &[&str] = &[
    "kind_source",
    "entered_at_precision",
    "evidence",
    "from_status",
    "to_status",
];

/// Whether the vendor's own words stand beside a field.
pub(crate) fn has_raw(field: &Field) -> bool {
    matches!(field.kind, Kind::Enum(_)) && !OURS.contains(&field.name)
}

/// Puts in every field the entity has, in the order of the model. What the connector could supply but has not shown of this record
/// yet is told apart by a warning.
pub(super) fn complete(entity: Entity, item: &mut Value, supply: Option<&Supply>) {
    let (Some(known), Some(held)) = (fields::entity(entity.name()), item.as_object_mut()) else {
        return;
    };
    let mut held = std::mem::take(held);
    let mut meta = match held.remove("meta") {
        Some(Value::Object(meta)) => meta,
        _ => Map::new(),
    };
    meta.remove("unread");
    let mut missing: BTreeSet<String> = texts(&meta, "not_available");
    // what is not kept is not shown either, while it is still being cut
    held.retain(|name, _| supply.is_none_or(|s| !s.cut.contains(name)));
    let custom = held.remove("custom_fields");
    let (own, envelope): (Vec<&Field>, Vec<&Field>) = known
        .all()
        .filter(|f| !f.derived)
        .partition(|f| known.fields.iter().any(|o| o.name == f.name));
    let mut out = Map::new();
    let mut put = |out: &mut Map<String, Value>, name: &str, kind: Kind| {
        let value = held.remove(name).unwrap_or_else(|| {
            match (name, kind) {
                ("hold_automation", _) => return json!(false), // ours: off until a person sets it
                ("deletion", _) => return Value::Null,
                _ => missing.insert(name.to_owned()),
            };
            match (name, kind) {
                ("anonymized", _) => json!(false),
                (_, Kind::List(_)) => json!([]),
                _ => Value::Null,
            }
        });
        out.insert(name.to_owned(), value);
    };
    for field in envelope
        .iter()
        .filter(|f| !matches!(f.name, "custom_fields" | "meta"))
    {
        put(&mut out, field.name, field.kind);
    }
    for field in own {
        put(&mut out, field.name, field.kind);
        if has_raw(field) {
            put(&mut out, &format!("{}_raw", field.name), Kind::Text);
        }
    }
    out.extend(held);
    if custom.is_none() {
        missing.insert("custom_fields".into());
    }
    out.insert("custom_fields".into(), custom.unwrap_or_else(|| json!([])));
    if let Some(Value::Object(p)) = out.get_mut("provenance") {
        for name in ["channel", "observed_at", "event_id", "raw_ref"] {
            p.entry(name).or_insert(Value::Null);
        }
    }
    for name in ["redacted", "warnings"] {
        meta.entry(name).or_insert_with(|| json!([]));
    }
    if let Some(supply) = supply {
        let mut redacted = texts(&meta, "redacted");
        redacted.extend(missing.iter().filter(|m| supply.cut.contains(*m)).cloned());
        missing.retain(|m| !supply.cut.contains(m));
        meta.insert("redacted".into(), json!(redacted));
    }
    let unseen = missing
        .iter()
        .filter(|name| supply.is_some_and(|s| s.told.contains(*name)))
        .map(|name| json!({"path": name, "code": "not_seen_yet"}));
    if let Some(Value::Array(warnings)) = meta.get_mut("warnings") {
        warnings.extend(unseen);
    }
    meta.insert("not_available".into(), json!(missing));
    out.insert("meta".into(), Value::Object(meta));
    *item = Value::Object(out);
}

fn texts(meta: &Map<String, Value>, name: &str) -> BTreeSet<String> {
    meta.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_there_and_what_is_not_supplied_is_named() {
        let mut item = json!({"schema": "recruiting/1", "entity": "application", "id": "app_1", "status": "active", "job_id": null, "provenance": {"channel": "webhook", "observed_at": "x"}, "house_word": 1,
            "meta": {"not_available": ["recruiter"], "redacted": [], "warnings": []}});
        item["answers"] = json!([{"value": "MARK"}]);
        let supply = Supply {
            told: ["offer_ids".to_owned(), "job_id".to_owned()].into(),
            cut: ["answers".to_owned()].into(),
        };
        complete(Entity::Application, &mut item, Some(&supply));
        assert_eq!(
            (&item["answers"], &item["meta"]["redacted"]),
            (&json!([]), &json!(["answers"]))
        );
        assert_eq!(
            item["meta"]["warnings"],
            json!([{"path": "offer_ids", "code": "not_seen_yet"}])
        );
        for field in fields::entity("application")
            .expect("it exists")
            .all()
            .filter(|f| !f.derived)
        {
            assert!(item.get(field.name).is_some(), "{}", field.name);
        }
        let missing: Vec<&str> = item["meta"]["not_available"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(
            missing.contains(&"offer_ids")
                && missing.contains(&"recruiter")
                && missing.contains(&"status_raw"),
            "{missing:?}"
        );
        assert!(
            !missing.contains(&"job_id")
                && !missing.contains(&"status")
                && !missing.contains(&"hold_automation"),
            "{missing:?}"
        );
        assert_eq!(
            (
                &item["offer_ids"],
                &item["stage_id"],
                &item["hold_automation"],
                &item["house_word"]
            ),
            (&json!([]), &Value::Null, &json!(false), &json!(1))
        );
        assert_eq!(item["provenance"]["raw_ref"], Value::Null);
    }

    #[test]
    fn every_entity_of_the_model_can_be_completed() {
        for entity in Entity::ALL {
            let mut item = json!({});
            complete(*entity, &mut item, None);
            assert!(item["meta"]["not_available"].is_array(), "{entity}");
        }
    }
}
