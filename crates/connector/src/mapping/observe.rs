//! One value in one shape becomes an observation, and what is embedded in it more of them.

use super::field::{id_text, items, millis};
use super::report::{settle, without_blanks};
use super::{Embed, SeenAs, Shape, Shapes, told_apart};
use crate::http::encode;
use crate::path::Path;
use serde_json::{Map, Value};
use stagewire_model::observation::Drift;
use stagewire_model::time::parse_instant;
use stagewire_model::{DateSeen, Observation, Seen};

/// Where a spread item finds what holds the list.
pub(super) const AROUND: &str = "of";
/// How deep embedded records may hold embedded records.
const NESTED: usize = 4;
/// How many embedded records one delivery may show.
const MANY: usize = 500;

impl Shapes {
    /// Adds what `value` says in that shape. False where it has no readable id.
    pub(crate) fn observe(
        &self,
        shape: &Shape,
        value: &Value,
        out: &mut Vec<Observation>,
        drift: &mut Vec<Drift>,
    ) -> bool {
        let cleaned = shape.columns.as_ref().map(|_| without_blanks(value));
        let value = cleaned.as_ref().unwrap_or(value);
        if let Some(at) = &shape.spread {
            return self.spread(shape, at, value, out, drift);
        }
        let Some(main) = self.one(shape, value, None, None, drift) else {
            return false;
        };
        let dates = main.dates.clone();
        out.push(main);
        self.embedded(shape, value, &dates, out, drift, 0);
        true
    }

    /// A record for each item of a list; what holds the list stands at `of` in each.
    fn spread(
        &self,
        shape: &Shape,
        at: &Path,
        value: &Value,
        out: &mut Vec<Observation>,
        drift: &mut Vec<Drift>,
    ) -> bool {
        let Some(found) = at.get(value) else {
            drift.push(Drift {
                shape: shape.name.clone(),
                path: at.text().to_owned(),
                code: "missing".to_owned(),
            });
            return false;
        };
        let mut met: Vec<String> = Vec::new();
        let mut around = value.clone();
        if let (Some(map), Some(key)) = (around.as_object_mut(), at.first_key()) {
            map.remove(key);
        }
        for item in items(found, None).iter().take(MANY) {
            let mut item = item.clone();
            if let Some(map) = item.as_object_mut() {
                map.insert(AROUND.into(), around.clone());
            }
            let Some(mut seen) = self.one(shape, &item, None, None, drift) else {
                continue;
            };
            numbered(&mut seen, &mut met);
            out.push(seen);
        }
        !out.is_empty()
    }

    fn embedded(
        &self,
        shape: &Shape,
        value: &Value,
        dates: &[DateSeen],
        out: &mut Vec<Observation>,
        drift: &mut Vec<Drift>,
        depth: usize,
    ) {
        if depth >= NESTED {
            return;
        }
        for embed in &shape.embeds {
            let Some(inner) = self.get(&embed.shape) else {
                continue;
            };
            let Some(found) = embed.at.get(value) else {
                continue;
            };
            let mut stays: Vec<String> = Vec::new();
            for item in items(found, embed.split.as_deref()).iter() {
                if out.len() >= MANY {
                    return;
                }
                if let Some(mut seen) = self.one(inner, item, Some(value), Some(embed), drift) {
                    if seen.dates.is_empty() {
                        seen.dates = dates.to_vec();
                    }
                    if seen.seen == Seen::History {
                        // Several stays may begin in one instant: then their place in the list tells them apart.
                        let before = stays.iter().filter(|id| **id == seen.remote_id).count();
                        stays.push(seen.remote_id.clone());
                        seen.remote_id = format!("{}.{before}", seen.remote_id);
                    }
                    // Two roles of one person are one embedded record.
                    if !out.iter().any(|o| {
                        o.entity == seen.entity
                            && o.remote_id == seen.remote_id
                            && o.seen == seen.seen
                            && (embed.only_here || o.fields == seen.fields)
                    }) {
                        out.push(seen);
                    }
                    self.embedded(inner, item, dates, out, drift, depth + 1);
                }
            }
        }
    }

    fn one(
        &self,
        shape: &Shape,
        value: &Value,
        up: Option<&Value>,
        embed: Option<&Embed>,
        drift: &mut Vec<Drift>,
    ) -> Option<Observation> {
        let mut note = |path: &str, code: &str| {
            drift.push(Drift {
                shape: shape.name.clone(),
                path: path.to_owned(),
                code: code.to_owned(),
            })
        };
        let told_at = shape.ids.first().or(shape.key.first());
        let told_at = told_at.map_or("id", Path::text);
        let composed = (!shape.key.is_empty()).then(|| composed(&shape.key, value));
        let reached = indexed(shape, value);
        let inside = reached.as_ref().unwrap_or(value);
        let found = shape.ids.iter().find_map(|p| p.get(inside));
        let remote_id = match composed.as_ref().map_or(found, Option::as_ref) {
            Some(id) => match id_text(id) {
                Some(id) => told_apart(id, shape.id_as.as_ref()),
                None if id.is_null() && embed.is_some() => return None,
                None => {
                    note(told_at, "wrong_type");
                    return None;
                }
            },
            // An embedded record without an id is only a name: nothing to point at.
            None if embed.is_some() => return None,
            None => {
                note(told_at, "missing");
                return None;
            }
        };
        for path in &shape.required {
            if path.get(value).is_none() {
                note(path.text(), "missing");
            }
        }
        let mut fields = Map::with_capacity(shape.fields.len() + 2);
        for field in &shape.fields {
            field.take(inside, up, &mut fields, &mut note);
        }
        if let Some(columns) = &shape.columns {
            let unknown = columns.unknown(value);
            for field in &shape.fields {
                let sure = unknown.is_empty();
                settle(columns, field, value, sure, &shape.required, &mut fields);
            }
            let list = columns
                .custom(value, &self.custom)
                .filter(|_| unknown.is_empty());
            for key in unknown {
                note(&bounded(key), "unknown_column");
            }
            if let Some(list) = list {
                fields.insert("custom_fields".into(), list);
            }
        }
        if let Some((path, custom)) = shape
            .custom
            .as_ref()
            .and_then(|p| p.get(inside).map(|c| (p, c)))
        {
            match self.custom.list(custom) {
                Some(list) => {
                    fields.insert("custom_fields".into(), list);
                }
                None => note(path.text(), "wrong_type"),
            }
        }
        if let (Some(taken), Value::Object(map)) = (&shape.taken, value) {
            let extra: Map<String, Value> = map
                .iter()
                .filter(|(k, _)| !taken.contains(k))
                .filter(|(k, _)| shape.columns.as_ref().is_none_or(|c| c.known.contains(k)))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            if !extra.is_empty() {
                fields.insert("extra".into(), Value::Object(extra));
            }
        }
        let dates = shape
            .dates
            .iter()
            .filter_map(|(name, path)| date(name, path, value, shape.ms, &mut note))
            .collect();
        let own = shape
            .own
            .iter()
            .filter_map(|(state, name, path)| {
                Some((state.clone(), date(name, path, value, shape.ms, &mut note)?))
            })
            .collect();
        let seen = match &shape.seen {
            _ if embed.is_some_and(|e| e.deleted) => Seen::Deleted,
            SeenAs::Deleted => Seen::Deleted,
            SeenAs::History => Seen::History,
            SeenAs::Part(path) => match path.get(value).and_then(id_text) {
                Some(row) => Seen::Part { row },
                None => {
                    note(path.text(), "missing");
                    return None;
                }
            },
            _ if shape
                .deleted_if
                .as_ref()
                .is_some_and(|p| p.get(value).is_some_and(|v| !v.is_null())) =>
            {
                Seen::Deleted
            }
            SeenAs::Present if embed.is_some_and(|e| !e.only_here) => Seen::Embedded,
            SeenAs::Present => Seen::Present,
            SeenAs::Merged(paths) => {
                match paths.iter().find_map(|p| p.get(value)).and_then(id_text) {
                    Some(into) => Seen::Merged { into },
                    None => {
                        // Who is gone is certain; into whom is not.
                        note(paths.first().map_or("", Path::text), "missing");
                        Seen::Deleted
                    }
                }
            }
            SeenAs::Anonymized(path, wipes) => {
                let words: Vec<String> = match path.get(value) {
                    Some(Value::Array(items)) => items
                        .iter()
                        .filter_map(|i| i.as_str().map(str::to_owned))
                        .collect(),
                    _ => {
                        note(path.text(), "missing");
                        Vec::new()
                    }
                };
                for (_, ours) in wipes.iter().filter(|(word, _)| words.contains(word)) {
                    for name in ours {
                        // A list is never null: it is empty.
                        let (name, empty) = name
                            .strip_suffix("[]")
                            .map_or((name.as_str(), Value::Null), |n| {
                                (n, Value::Array(Vec::new()))
                            });
                        fields.insert(name.to_owned(), empty);
                    }
                }
                for word in words
                    .iter()
                    .filter(|w| !wipes.iter().any(|(known, _)| known == *w))
                {
                    note(
                        &format!("{}.{}", path.text(), bounded(word)),
                        "unknown_value",
                    );
                }
                Seen::Anonymized { fields: words }
            }
        };
        Some(Observation {
            entity: shape.entity,
            remote_id,
            shape: shape.name.clone(),
            seen,
            fields,
            dates,
            own,
            announces: None,
            complete: shape.complete && embed.is_none(),
        })
    }
}

/// The value with its lists also by a word in their items; none where the shape asks for no such thing.
fn indexed(shape: &Shape, value: &Value) -> Option<Value> {
    if shape.index.is_empty() {
        return None;
    }
    let mut reached = value.clone();
    let map = reached.as_object_mut()?;
    for index in &shape.index {
        let mut by = Map::new();
        let found = index.at.get(value).unwrap_or(&Value::Null);
        for item in items(found, None).iter() {
            if let Some(word) = index.by.get(item).and_then(Value::as_str) {
                by.entry(word).or_insert_with(|| item.clone());
            }
        }
        map.insert(index.name.clone(), Value::Object(by));
    }
    Some(reached)
}

fn date(
    name: &str,
    path: &Path,
    value: &Value,
    ms: bool,
    note: &mut dyn FnMut(&str, &str),
) -> Option<DateSeen> {
    let found = path.get(value)?;
    if let Some(at) = millis(found).filter(|_| ms) {
        return Some(DateSeen {
            at,
            coarse: false,
            path: name.to_owned(),
        });
    }
    match found {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => match parse_instant(text) {
            Some((at, coarse)) => Some(DateSeen {
                at,
                coarse,
                path: name.to_owned(),
            }),
            None => {
                note(path.text(), "unreadable_date");
                None
            }
        },
        _ => {
            note(path.text(), "wrong_type");
            None
        }
    }
}

/// Several stays may begin in one instant: then their place in the list tells them apart.
fn numbered(seen: &mut Observation, met: &mut Vec<String>) {
    let before = met.iter().filter(|id| **id == seen.remote_id).count();
    met.push(seen.remote_id.clone());
    if before > 0 {
        seen.remote_id = format!("{}.{before}", seen.remote_id);
    }
}

/// An id of several parts: `part=value` joined by `&`, the parts in order, the values escaped. An instant is the same in every zone.
fn composed(parts: &[Path], value: &Value) -> Option<Value> {
    let mut told = Vec::with_capacity(parts.len());
    for path in parts {
        let text = id_text(path.get(value)?)?;
        let text = parse_instant(&text).map_or(text, |(at, _)| at.text());
        told.push(format!("{}={}", path.last_key(), encode(&text)));
    }
    told.sort();
    Some(Value::String(told.join("&")))
}

/// A vendor's word as part of a path: short, and without what could be a value.
fn bounded(word: &str) -> String {
    word.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(40)
        .collect()
}
