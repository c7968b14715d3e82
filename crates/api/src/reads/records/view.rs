//! What of a record is shown: never more than the caller's class, and only the fields that were asked for. What is hidden is null
//! (a list is empty) and named in `meta.redacted`.

use crate::problem::Problem;
use serde_json::{Map, Value, json};
use stagewire_engine::flow::nearest::hint;
use stagewire_model::Entity;
use stagewire_model::fields::{self, Class, Field, Kind};

/// Paths that can be asked for at once.
const MOST: usize = 200;
/// What tells which record it is and how far it can be believed; it always comes along.
const ALWAYS: &[&str] = &["entity", "id", "revision", "deleted_at", "meta"];

/// Empties what is stricter than `most`, however deep it stands.
pub(super) fn hide(entity: Entity, item: &mut Value, most: Class) {
    let Some(record) = item.as_object_mut() else {
        return;
    };
    let mut hidden = Vec::new();
    let missing = record["meta"]["not_available"].clone();
    let missing = |name: &str| {
        missing
            .as_array()
            .is_some_and(|m| m.iter().any(|p| p == name))
    };
    for (name, value) in record.iter_mut() {
        // what the model does not know nobody has classed; rows of history are ours
        let (class, kind) = match fields::field(entity.name(), name) {
            Some(field) => (field.class, field.kind),
            None if entity == Entity::StageTransition => (Class::Open, Kind::Any),
            None => (Class::Restricted, Kind::Any),
        };
        if class <= most {
            inside(value, kind, most, name, &mut hidden);
        } else if !missing(name) {
            *value = empty(value, kind);
            hidden.push(name.clone());
        }
    }
    if hidden.is_empty() {
        return;
    }
    if let Some(Value::Array(told)) = record.get_mut("meta").and_then(|m| m.get_mut("redacted")) {
        told.extend(hidden.into_iter().map(Value::String));
        told.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        told.dedup();
    }
}

fn empty(value: &Value, kind: Kind) -> Value {
    match (kind, value) {
        (Kind::List(_), _) | (Kind::Any, Value::Array(_)) => json!([]),
        _ => Value::Null,
    }
}

fn inside(value: &mut Value, kind: Kind, most: Class, at: &str, hidden: &mut Vec<String>) {
    match (kind, value) {
        (Kind::List(item), Value::Array(items)) => items
            .iter_mut()
            .for_each(|i| inside(i, *item, most, at, hidden)),
        (Kind::Object(of), Value::Object(held)) => {
            for (name, value) in held.iter_mut() {
                let Some(field) = fields::field(of, name) else {
                    continue;
                };
                let path = format!("{at}.{name}");
                if field.class > most {
                    *value = empty(value, field.kind);
                    hidden.push(path);
                } else {
                    inside(value, field.kind, most, &path, hidden);
                }
            }
        }
        _ => {}
    }
}

/// The fields that were asked for.
#[derive(Debug)]
pub(super) struct Selection(Vec<Vec<String>>);

impl Selection {
    /// Reads `status,location.city`; a name that the entity does not have is refused with the nearest right one.
    pub(super) fn parse(entity: Entity, text: &str) -> Result<Selection, Problem> {
        let mut paths = Vec::new();
        for path in text.split(',').map(str::trim) {
            let steps: Vec<String> = path.split('.').map(str::to_owned).collect();
            known(entity.name(), &steps)?;
            paths.push(steps);
        }
        if paths.len() > MOST {
            return Err(Problem::bad(format!("`fields` names at most {MOST}")));
        }
        Ok(Selection(paths))
    }

    /// Leaves what was asked for.
    pub(super) fn cut(&self, item: &mut Value) {
        let Some(record) = item.as_object_mut() else {
            return;
        };
        let held = std::mem::take(record);
        for (name, value) in held {
            let below: Vec<&[String]> = self
                .0
                .iter()
                .filter(|p| p.first() == Some(&name))
                .map(|p| &p[1..])
                .collect();
            if ALWAYS.contains(&name.as_str()) || below.iter().any(|p| p.is_empty()) {
                record.insert(name, value);
            } else if !below.is_empty() {
                record.insert(name, pick(value, &below));
            }
        }
    }
}

fn pick(value: Value, paths: &[&[String]]) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|i| pick(i, paths)).collect(),
        Value::Object(held) => {
            let mut out = Map::new();
            for (name, value) in held {
                let below: Vec<&[String]> = paths
                    .iter()
                    .filter(|p| p.first() == Some(&name))
                    .map(|p| &p[1..])
                    .collect();
                if below.iter().any(|p| p.is_empty()) {
                    out.insert(name, value);
                } else if !below.is_empty() {
                    out.insert(name, pick(value, &below));
                }
            }
            Value::Object(out)
        }
        other => other,
    }
}

fn known(of: &str, steps: &[String]) -> Result<(), Problem> {
    let Some((name, rest)) = steps.split_first() else {
        return Ok(());
    };
    let Some(Field { kind, .. }) = fields::field(of, name) else {
        let names = fields::entity(of).into_iter().flat_map(|e| e.all());
        let hint = hint(name, names.filter(|f| !f.derived).map(|f| f.name))
            .map(|h| format!("; {h}"))
            .unwrap_or_default();
        return Err(Problem::bad(format!("`{of}` has no field `{name}`{hint}")));
    };
    let mut kind = kind;
    while let Kind::List(item) = kind {
        kind = *item;
    }
    match kind {
        _ if rest.is_empty() => Ok(()),
        Kind::Object(of) => known(of, rest),
        Kind::Keyed(_) | Kind::Any => Ok(()),
        _ => Err(Problem::bad(format!(
            "`{name}` is {} and has nothing below it",
            kind.describe()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Value {
        json!({"entity": "candidate", "id": "can_1", "revision": 2, "deleted_at": null, "full_name": "Ana Example", "house_word": "x", "emails": [{"value": "ana@example.com", "kind": "work", "primary": true}],
            "location": {"city": "Bonn", "street": "Am Weg 1", "postal_code": "53111"}, "private": false, "custom_fields": [{"key": "k", "value": 1}], "meta": {"not_available": ["headline"], "redacted": [], "warnings": []}})
    }

    #[test]
    fn restricted_fields_are_emptied_and_named_however_deep_they_stand() {
        let mut item = person();
        hide(Entity::Candidate, &mut item, Class::Personal);
        let text = item.to_string();
        assert!(
            !text.contains("Am Weg") && !text.contains("53111"),
            "{text}"
        );
        assert_eq!(
            (&item["full_name"], &item["location"]["city"]),
            (&json!("Ana Example"), &json!("Bonn"))
        );
        assert_eq!(
            (&item["custom_fields"], &item["house_word"]),
            (&json!([]), &Value::Null)
        );
        assert_eq!(
            item["meta"]["redacted"],
            json!([
                "custom_fields",
                "house_word",
                "location.postal_code",
                "location.street"
            ])
        );
        let mut whole = person();
        hide(Entity::Candidate, &mut whole, Class::Restricted);
        assert_eq!(whole, person());
    }

    #[test]
    fn a_token_for_open_data_sees_no_name_and_no_address() {
        let mut item = person();
        hide(Entity::Candidate, &mut item, Class::Open);
        let text = item.to_string();
        assert!(
            !text.contains("Ana") && !text.contains("Bonn") && !text.contains("ana@"),
            "{text}"
        );
        assert_eq!(item["private"], false);
        let mut job = json!({"title": "Cook", "hiring_team": [{"user_id": "usr_1", "name": "Ana", "role": "recruiter"}], "meta": {"not_available": [], "redacted": [], "warnings": []}});
        hide(Entity::Job, &mut job, Class::Open);
        assert_eq!(
            job["hiring_team"],
            json!([{"user_id": "usr_1", "name": null, "role": "recruiter"}])
        );
        assert_eq!(job["meta"]["redacted"], json!(["hiring_team.name"]));
    }

    #[test]
    fn only_what_was_asked_for_is_left_with_what_tells_which_record_it_is() {
        let pick =
            Selection::parse(Entity::Candidate, "emails.value, location.city").expect("they exist");
        let mut item = person();
        pick.cut(&mut item);
        assert_eq!(
            item,
            json!({"entity": "candidate", "id": "can_1", "revision": 2, "deleted_at": null, "emails": [{"value": "ana@example.com"}], "location": {"city": "Bonn"}, "meta": person()["meta"]})
        );
        let wrong = Selection::parse(Entity::Candidate, "full_nam").expect_err("no such field");
        assert!(
            wrong.members["detail"]
                .as_str()
                .is_some_and(|d| d.contains("did you mean `full_name`?")),
            "{wrong:?}"
        );
        assert!(Selection::parse(Entity::Candidate, "full_name.x").is_err());
        assert!(Selection::parse(Entity::Candidate, "location.town").is_err());
    }
}
