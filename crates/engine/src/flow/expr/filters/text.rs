//! Filters on text: `lower upper title trim replace join`.

use super::{MOST_TEXT, shown, too_long, wrong};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

/// Applies a change to a text; what is empty stays empty.
pub(super) fn map(
    value: &Value,
    name: &str,
    change: impl FnOnce(&str) -> String,
) -> Result<Value, Error> {
    match (value.is_none(), value.as_str()) {
        (true, _) => Ok(value.clone()),
        (_, Some(text)) if text.len() > MOST_TEXT => Err(too_long(name)),
        (_, Some(text)) => Ok(Value::from(change(text))),
        _ => Err(wrong(format!("`{name}` needs a text"))),
    }
}

/// Each word with a capital first letter: `ANA o'brien` → `Ana O'Brien`.
pub(super) fn title(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .flat_map(|c| {
            let lower = inside;
            inside = c.is_alphanumeric();
            let (up, down) = match lower {
                true => (None, Some(c.to_lowercase())),
                false => (Some(c.to_uppercase()), None),
            };
            up.into_iter().flatten().chain(down.into_iter().flatten())
        })
        .collect()
}

/// Every `from` becomes `to`; the size of the result is known before it is made.
pub(super) fn replace(value: Value, from: Value, to: Value) -> Result<Value, Error> {
    let (Some(from), Some(to)) = (from.as_str(), to.as_str()) else {
        return Err(wrong("`replace` takes its arguments as text"));
    };
    if from.is_empty() {
        return Err(wrong("`replace` cannot look for an empty text"));
    }
    if let Some(text) = value.as_str() {
        let found = text.matches(from).count();
        let grown = found.saturating_mul(to.len().saturating_sub(from.len()));
        if text.len().saturating_add(grown) > MOST_TEXT {
            return Err(too_long("replace"));
        }
    }
    map(&value, "replace", |text| text.replace(from, to))
}

/// The items of a list in one text; empty items are left out.
pub(super) fn join(value: Value, between: Option<Value>) -> Result<Value, Error> {
    let between = between.as_ref().and_then(Value::as_str).unwrap_or("");
    if value.is_none() {
        return Ok(Value::from(""));
    }
    if value.kind() != ValueKind::Seq {
        return Err(wrong("`join` needs a list"));
    }
    let mut text = String::new();
    for item in value.try_iter()? {
        match item.kind() {
            ValueKind::None => continue,
            ValueKind::String | ValueKind::Number | ValueKind::Bool => {}
            _ => return Err(wrong("`join` needs a list of texts or numbers")),
        }
        if !text.is_empty() {
            text.push_str(between);
        }
        match item.as_str() {
            Some(item) => text.push_str(item),
            None => text.push_str(&shown(&item)),
        }
        if text.len() > MOST_TEXT {
            return Err(too_long("join"));
        }
    }
    Ok(Value::from(text))
}
