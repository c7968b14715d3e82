//! Rows of another list that are parts of a record: items of its lists, or single fields. Each is kept beside the record under its own
//! id, so that the same row again changes its item and no other. Refuses to take away what a page merely did not show.

use super::events::change_kind;
use super::others::{blank, finer};
use super::work::{Channel, Notes, Work, content, newest};
use serde_json::{Map, Value, json};
use stagewire_model::fields::{Kind, field};
use stagewire_model::{Entity, Observation, Seen, canonical};
use std::collections::BTreeSet;

/// The key under which they are kept: by shape, then by the row's id.
pub(super) const PARTS: &str = "parts";

impl Work<'_> {
    /// Rows of one shape about one record. `whole`: there are no others. What came before the record's own row, or before the
    /// watermark, is no event.
    pub fn parts(
        &mut self,
        entity: Entity,
        remote_id: &str,
        shape: &str,
        rows: &[Observation],
        whole: bool,
        channel: Channel,
    ) {
        let known = self.records.get(&self.id(entity, remote_id));
        let gone = known.is_some_and(|h| h.row.deleted_at.is_some());
        if gone || (known.is_none() && rows.is_empty()) {
            return;
        }
        let told: Vec<(String, Value)> = rows.iter().filter_map(|o| self.part(o)).collect();
        let (now, watermark) = (self.now, self.watermark.seconds() * 1_000_000);
        let held = self.held(entity, remote_id, channel);
        let mut parts = match held.row.fields.get(PARTS) {
            Some(Value::Object(parts)) => parts.clone(),
            _ => Map::new(),
        };
        let mut names = BTreeSet::new();
        let kept = parts.entry(shape).or_insert_with(|| json!({}));
        if let Value::Object(kept) = kept {
            kept.values().for_each(|part| names.extend(said(part)));
            if whole {
                kept.retain(|row, _| told.iter().any(|(id, _)| id == row));
            }
            for (row, part) in told {
                names.extend(said(&part));
                let newer = kept
                    .get(&row)
                    .is_none_or(|k| k["at"].as_i64() <= part["at"].as_i64());
                if newer {
                    kept.insert(row, part);
                }
            }
        }
        if held.row.fields.get(PARTS) == Some(&Value::Object(parts.clone())) {
            return;
        }
        let mut before = held.row.fields.clone();
        let fields: Map<String, Value> = names
            .into_iter()
            .map(|name| {
                let value = together(entity, &name, &parts);
                let value = match before.get(&name) {
                    Some(held) => finer(held, value),
                    None => value,
                };
                (name, value)
            })
            .collect();
        held.row.fields.insert(PARTS.into(), Value::Object(parts));
        (held.touched, held.changed) = (true, true);
        let mut changed = held.merge(fields, channel, now);
        let digest = canonical::hex(&content(&held.row.fields));
        let Notes::Plain(plain) = &mut held.notes else {
            return;
        };
        let Some(seen) = &mut plain.held else {
            return; // its own row has not come yet
        };
        seen.content = digest.into();
        let dated = rows.iter().filter_map(newest).map(|d| d.micros).max();
        let fresh = channel.word != "backfill" && dated.is_none_or(|at| at >= watermark);
        changed.retain(|name| fresh || before.contains_key(name));
        if !changed.is_empty() {
            for name in &changed {
                before.entry(name.clone()).or_insert_with(|| json!([]));
            }
            let after = held.row.fields.clone();
            let kind = change_kind(entity, &before, &after, &changed);
            let time = dated.map_or(now, stagewire_model::Micros);
            self.event(
                &blank(entity, remote_id),
                kind,
                time,
                channel,
                &changed,
                &before,
            );
        }
    }

    fn part(&self, o: &Observation) -> Option<(String, Value)> {
        let Seen::Part { row } = &o.seen else {
            return None;
        };
        let says: Map<String, Value> = o
            .fields
            .iter()
            .map(|(k, v)| (k.clone(), self.resolve(v)))
            .collect();
        let at = newest(o).map(|d| d.micros);
        Some((row.clone(), json!({"at": at, "says": says})))
    }
}

/// Leaves in kept parts the fields that are held.
pub(super) fn cut(fields: &mut Map<String, Value>, held: &dyn Fn(&str) -> bool) {
    let shapes = fields.get_mut(PARTS).and_then(Value::as_object_mut);
    let rows = shapes
        .into_iter()
        .flat_map(|shapes| shapes.values_mut())
        .filter_map(Value::as_object_mut)
        .flat_map(|rows| rows.values_mut());
    for part in rows {
        if let Some(says) = part["says"].as_object_mut() {
            says.retain(|name, _| held(name));
        }
    }
}

/// The fields a part speaks of.
fn said(part: &Value) -> Vec<String> {
    let says = part["says"].as_object();
    says.map(|s| s.keys().cloned().collect())
        .unwrap_or_default()
}

/// Each part is an item, or has some of its own: what several have is there once.
fn items(parts: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Value::Null => {}
            Value::Array(own) => {
                for item in own {
                    if !out.contains(&item) {
                        out.push(item);
                    }
                }
            }
            one => out.push(one),
        }
    }
    out
}

/// What all parts say about one field: a list in the order of the shapes and the rows' ids, or what the last row says.
fn together(entity: Entity, name: &str, parts: &Map<String, Value>) -> Value {
    let mut all: Vec<(&str, usize, &str, &Value)> = Vec::new();
    for (shape, rows) in parts {
        for (row, part) in rows.as_object().into_iter().flatten() {
            if let Some(value) = part["says"].get(name) {
                all.push((shape, row.len(), row, value)); // numbers in their order
            }
        }
    }
    all.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
    let mut values = all.into_iter().map(|(_, _, _, value)| value.clone());
    match field(entity.name(), name).map(|f| f.kind) {
        Some(Kind::List(_)) => Value::Array(items(values)),
        _ => values.next_back().unwrap_or(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_items_or_have_items_of_their_own_each_once() {
        let parts = json!({"tagged": {
            "1": {"says": {"tag_ids": ["a", "b"]}},
            "2": {"says": {"tag_ids": ["b", "c"]}},
            "3": {"says": {"tag_ids": null}},
        }, "one": {"4": {"says": {"tag_ids": "d"}}}});
        let parts = parts.as_object().cloned().unwrap_or_default();
        assert_eq!(
            together(Entity::Candidate, "tag_ids", &parts),
            json!(["d", "a", "b", "c"])
        );
    }
}
