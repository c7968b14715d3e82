//! A form as a vendor sends it: what was asked in one place, what was answered in another, joined by the field's key. Knows the one
//! widespread shape (`sections`, `fields`, `field` with `path`, `title`, `type`) and judges no answer.

use super::field::How;
use crate::path::Path;
use serde_json::{Value, json};

/// Where a form's questions and its answers stand.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) form: Path,
    pub(crate) values: Path,
}

impl Form {
    /// Each answer with its question, in the form's order; `None` where there are no answers to see.
    pub(super) fn answers(&self, value: &Value, types: &How) -> Option<Value> {
        let values = self.values.get(value)?.as_object()?;
        let form = self.form.get(value)?;
        let answered = fields(form).filter_map(|field| {
            let answer = values.get(field["path"].as_str()?)?;
            let told = field["type"].as_str().unwrap_or_default();
            let kind = match types {
                How::Words { table, .. } => table.get(told).map_or("unknown", String::as_str),
                _ => "unknown",
            };
            Some(json!({ "question_text": field["title"], "type": kind, "value": answer }))
        });
        Some(Value::Array(answered.collect()))
    }
}

/// The fields of a form's sections.
pub(crate) fn fields(form: &Value) -> impl Iterator<Item = &Value> {
    let sections = form["sections"].as_array().into_iter().flatten();
    let fields = sections.flat_map(|s| s["fields"].as_array().into_iter().flatten());
    fields.map(|f| f.get("field").unwrap_or(f))
}
