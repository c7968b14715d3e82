//! A report's row: whoever built the report chose its columns, an empty cell is absent, and a column may be renamed at any time. What
//! nobody knows is told and never read as a change; columns of the customer's own become custom fields.

use super::Custom;
use super::field::{Field, From, How};
use crate::manifest::Reader;
use crate::path::Path;
use serde_json::{Map, Value, json};

/// The columns a row is expected to have.
#[derive(Debug)]
pub(super) struct Columns {
    /// All that the manifest knows, read or not.
    pub(super) known: Vec<String>,
    /// Those that a report may lack altogether: their absence says nothing.
    optional: Vec<String>,
    /// How the names of the customer's own columns begin.
    own: Option<String>,
}

impl Columns {
    /// `columns`, `optional_columns` and `own_columns` of a shape.
    pub(super) fn read(r: &Reader<'_>) -> Option<Columns> {
        let mut known = r.texts("columns");
        let optional = r.texts("optional_columns");
        let own = r.text("own_columns").filter(|p| !p.is_empty());
        if known.is_empty() {
            if own.is_some() || !optional.is_empty() {
                r.wrong("`own_columns` and `optional_columns` go with `columns`, the list of the others");
            }
            return None;
        }
        known.extend(optional.iter().cloned());
        Some(Columns {
            known,
            optional,
            own,
        })
    }

    /// Tells which paths begin with a name that is no column: a slip that would empty a field for ever.
    /// What an index reaches is named by the manifest itself.
    pub(super) fn check<'p>(
        &self,
        paths: impl Iterator<Item = &'p Path>,
        reached: &[&str],
        r: &Reader<'_>,
    ) {
        for key in paths
            .filter_map(Path::first_key)
            .filter(|k| !reached.contains(k))
        {
            if !self.known.iter().any(|k| k == key) && !self.is_own(key) {
                r.wrong(format!(
                    "`{key}` is no column; the columns are what a row may hold"
                ));
            }
        }
    }

    /// Whether columns of the customer's own are read.
    pub(super) fn has_own(&self) -> bool {
        self.own.is_some()
    }

    fn is_own(&self, key: &str) -> bool {
        self.own.as_deref().is_some_and(|p| key.starts_with(p))
    }

    fn is_optional(&self, path: &Path) -> bool {
        let key = path.first_key();
        self.optional.iter().any(|o| Some(o.as_str()) == key)
    }

    /// The columns that are neither known nor the customer's own.
    pub(super) fn unknown<'v>(&self, row: &'v Value) -> Vec<&'v str> {
        let keys = row.as_object().into_iter().flat_map(Map::keys);
        keys.map(String::as_str)
            .filter(|k| !self.is_own(k) && !self.known.iter().any(|n| n == k))
            .collect()
    }

    /// The customer's own columns as the model's custom fields; one whose name is protected is none.
    pub(super) fn custom(&self, row: &Value, custom: &Custom) -> Option<Value> {
        let prefix = self.own.as_deref()?;
        let fields = row.as_object()?.iter().filter_map(|(key, value)| {
            let label = key.strip_prefix(prefix)?.replace('_', " ");
            if custom.bars(key) || custom.bars(&label) {
                return None;
            }
            let kind = if value.is_string() { "text" } else { "json" };
            Some(json!({
                "key": key, "label": label, "type": kind, "value": value,
                "data_class": "restricted", "remote_id": null, "options_hash": null,
            }))
        });
        let mut list: Vec<Value> = fields.collect();
        list.sort_by(|a, b| a["key"].as_str().cmp(&b["key"].as_str()));
        Some(Value::Array(list))
    }
}

/// What an absent column says of a field. Where a column came that nobody knows, the absent one may only have been renamed: then
/// nothing is emptied, and a value that rests on absence is not taken.
pub(super) fn settle(
    columns: &Columns,
    field: &Field,
    row: &Value,
    sure: bool,
    required: &[Path],
    out: &mut Map<String, Value>,
) {
    let gone = |paths: &[Path]| paths.iter().all(|p| p.get(row).is_none());
    if !sure {
        // the first choice may be what was renamed
        let second = matches!(&field.from, From::First(p) if p.len() > 1 && gone(&p[..1]));
        if second || field.but.iter().any(|b| gone(&b.at)) {
            out.shift_remove(&field.name);
        }
        return;
    }
    let word = matches!(field.how, How::Words { .. } | How::Guess { .. });
    if let From::First(paths) = &field.from
        && !word
        && gone(paths)
        && !paths
            .iter()
            .any(|p| required.contains(p) || columns.is_optional(p))
        && !out.contains_key(&field.name)
    {
        let empty = if field.is_list() {
            json!([])
        } else {
            Value::Null
        };
        out.insert(field.name.clone(), empty);
    }
}

/// The row without empty texts, in its groups too: they mean the same as an absent key.
pub(super) fn without_blanks(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, v)| v.as_str() != Some(""))
                .map(|(k, v)| (k.clone(), without_blanks(v)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_blanks).collect()),
        other => other.clone(),
    }
}
