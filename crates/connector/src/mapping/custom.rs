//! Custom fields: a vendor's map of label, type and value becomes the model's list. A protected label never becomes an entry.

use super::field::{decimal, id_text};
use crate::manifest::Reader;
use crate::path::Path;
use crate::protect::Protected;
use serde_json::{Map, Value, json};
use stagewire_model::time::{parse_date, parse_instant};
use std::collections::HashMap;

/// Where things stand in one custom field.
#[derive(Debug, Default)]
pub(crate) struct Custom {
    /// Where the key stands, where fields come as a list.
    key: Option<Path>,
    /// Where the chosen option's label stands; the value is its id then.
    chosen: Option<Path>,
    label: Path,
    kind: Path,
    value: Path,
    types: HashMap<String, String>,
    min: Path,
    max: Path,
    amount: Path,
    currency: Path,
    user: Path,
    protected: Protected,
}

impl Custom {
    pub(crate) fn read(r: &Reader<'_>, protected: Protected) -> Custom {
        let path = |key: &'static str, usual: &str| {
            r.path(key)
                .or_else(|| Path::parse(usual))
                .unwrap_or_default()
        };
        Custom {
            key: r.path("key"),
            chosen: r.path("chosen"),
            label: path("label", "name"),
            kind: path("type", "type"),
            value: path("value", "value"),
            types: r.text_map("types").into_iter().collect(),
            min: path("min", "min"),
            max: path("max", "max"),
            amount: path("amount", "amount"),
            currency: path("currency", "currency"),
            user: path("user", "user_id"),
            protected,
        }
    }

    /// Whether a field of that name is protected.
    pub(super) fn bars(&self, name: &str) -> bool {
        self.protected.is_protected(name)
    }

    /// The model's list; `None` where the value is no map of fields.
    pub(super) fn list(&self, value: &Value) -> Option<Value> {
        let fields: Vec<(String, &Value)> = match (value, &self.key) {
            (Value::Object(fields), _) => fields.iter().map(|(k, v)| (k.clone(), v)).collect(),
            (Value::Null, _) => return Some(json!([])),
            (Value::Array(items), _) if items.is_empty() => return Some(json!([])),
            (Value::Array(items), Some(key)) => items
                .iter()
                .filter_map(|f| Some((id_text(key.get(f)?)?, f)))
                .collect(),
            _ => return None,
        };
        let mut list = Vec::with_capacity(fields.len());
        for (key, field) in fields {
            let label = self.label.get(field).and_then(Value::as_str);
            if self.protected.is_protected(&key)
                || label.is_some_and(|l| self.protected.is_protected(l))
            {
                continue;
            }
            let told = self
                .kind
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default();
            // A field that is no object of label, type and value is its own value.
            let described = [&self.value, &self.label, &self.kind];
            let bare = described.iter().all(|p| p.get(field).is_none());
            let value = self.value.get(field).unwrap_or(&Value::Null);
            let value = if bare { field } else { value };
            let chosen = self.chosen.as_ref().and_then(|p| p.get(field)?.as_str());
            let kind = match (self.types.get(told), value) {
                (Some(kind), _) => kind,
                // told nothing, but what JSON itself says
                (None, Value::String(_)) if told.is_empty() && chosen.is_none() => "text",
                (None, Value::Number(_)) if told.is_empty() => "number",
                (None, Value::Bool(_)) if told.is_empty() => "bool",
                _ => "unknown",
            };
            let option = |label| json!({ "option_id": value, "label": label });
            let (kind, value) = match (chosen.map(option), self.convert(kind, value)) {
                (Some(option), _) => ("single_select", option),
                (None, Some(value)) => (kind, value),
                (None, None) => ("json", value.clone()),
            };
            let mut entry = Map::with_capacity(7);
            entry.insert("key".into(), Value::String(key));
            entry.insert("label".into(), label.map_or(Value::Null, Value::from));
            entry.insert("type".into(), kind.into());
            entry.insert("value".into(), value);
            // Until a person classifies it.
            entry.insert("data_class".into(), "restricted".into());
            entry.insert("remote_id".into(), Value::Null);
            entry.insert("options_hash".into(), Value::Null);
            list.push(Value::Object(entry));
        }
        // A map has no order: the same fields must always read the same.
        list.sort_by(|a, b| a["key"].as_str().cmp(&b["key"].as_str()));
        Some(Value::Array(list))
    }

    /// `None` where the value does not fit its type.
    fn convert(&self, kind: &str, value: &Value) -> Option<Value> {
        if value.is_null() || value.as_str() == Some("") {
            return Some(Value::Null);
        }
        let option = |label: &str| json!({ "option_id": null, "label": label });
        Some(match kind {
            "text" | "long_text" | "url" | "email" => Value::String(value.as_str()?.to_owned()),
            "bool" => Value::Bool(value.as_bool()?),
            "number" => Value::String(decimal(value)?),
            "number_range" => {
                json!({ "min": self.number(&self.min, value)?, "max": self.number(&self.max, value)? })
            }
            "date" => Value::String(parse_date(value.as_str()?)?),
            "instant" => Value::String(parse_instant(value.as_str()?)?.0.text()),
            "single_select" => option(value.as_str()?),
            "multi_select" => Value::Array(
                value
                    .as_array()?
                    .iter()
                    .map(|v| v.as_str().map(option))
                    .collect::<Option<_>>()?,
            ),
            "money" => self.money(&self.amount, value)?,
            "money_range" => {
                json!({ "min": self.money(&self.min, value)?, "max": self.money(&self.max, value)? })
            }
            "user" => {
                json!({ "user_id": { "$ref": "user", "id": id_text(self.user.get(value)?)? } })
            }
            "json" => value.clone(),
            _ => return None,
        })
    }

    fn number(&self, at: &Path, value: &Value) -> Option<Value> {
        match at.get(value) {
            None | Some(Value::Null) => Some(Value::Null),
            Some(n) => decimal(n).map(Value::String),
        }
    }

    /// Money without a currency is no money.
    fn money(&self, at: &Path, value: &Value) -> Option<Value> {
        match at.get(value) {
            None | Some(Value::Null) => Some(Value::Null),
            Some(amount) => {
                let currency = self
                    .currency
                    .get(value)?
                    .as_str()
                    .filter(|c| c.len() == 3)?;
                Some(json!({ "amount": decimal(amount)?, "currency": currency }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Doc, Sink};

    fn custom() -> Custom {
        let sink = Sink::default();
        let doc = Doc::parse(
            "mapping.toml",
            "min = \"min_value\"\nmax = \"max_value\"\ncurrency = \"unit\"\n[types]\nshort_text = \"text\"\ncurrency = \"money\"\ncurrency_range = \"money_range\"\nnumber_range = \"number_range\"",
            &sink,
        );
        Custom::read(&Reader::new(&doc.root, &sink), Protected::default())
    }

    fn one(field: Value) -> Value {
        let list = custom().list(&json!({ "k": field })).expect("a list");
        json!([list[0]["type"], list[0]["value"]])
    }

    #[test]
    fn each_type_is_exact_and_what_does_not_fit_is_kept_as_json() {
        assert_eq!(
            one(json!({"name": "N", "type": "short_text", "value": "x"})),
            json!(["text", "x"])
        );
        assert_eq!(
            one(json!({"type": "currency", "value": {"amount": 80000, "unit": "USD"}})),
            json!(["money", {"amount": "80000", "currency": "USD"}])
        );
        let range = json!({"type": "currency_range", "value": {"unit": "USD", "min_value": "10000.0", "max_value": null}});
        assert_eq!(
            one(range),
            json!(["money_range", {"min": {"amount": "10000.0", "currency": "USD"}, "max": null}])
        );
        assert_eq!(
            one(json!({"type": "currency", "value": {"amount": 1, "unit": null}})),
            json!(["json", {"amount": 1, "unit": null}])
        );
        assert_eq!(
            one(json!({"type": "brand_new", "value": [1]})),
            json!(["json", [1]])
        );
        assert_eq!(
            one(json!({"type": "brand_new", "value": null})),
            json!(["unknown", null])
        );
        assert_eq!(
            one(json!({"type": "number_range", "value": {"min_value": "1.0"}})),
            json!(["number_range", {"min": "1.0", "max": null}])
        );
    }

    #[test]
    fn a_protected_label_never_becomes_an_entry() {
        let list = custom().list(&json!({"veteran": {"name": "x"}, "k": {"name": "Your Gender?"}, "ok": {"name": "Team"}})).expect("a list");
        assert_eq!(list.as_array().map(Vec::len), Some(1));
        assert_eq!(custom().list(&json!("text")), None);
    }
}
