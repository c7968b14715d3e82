//! Reads TOML tables key by key, with places; whatever is not asked for is a problem.

use crate::flow::nearest::hint;
use crate::flow::problem::Source;
use serde_json::Value;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// Reports keys that are not known here, in this table called `what`.
pub(super) fn only(source: &mut Source<'_>, table: &DeTable<'_>, what: &str, known: &[&str]) {
    for (key, _) in table {
        let name: &str = key.get_ref();
        if known.contains(&name) {
            continue;
        }
        let message = format!("{what} has no key `{name}`");
        source.report(key.span().start, message, hint(name, known.iter().copied()));
    }
}

/// A text, if the key is there; a value of another type is a problem.
pub(super) fn text(source: &mut Source<'_>, table: &DeTable<'_>, key: &str) -> Option<At<String>> {
    let value = table.get(key)?;
    let found = value.get_ref().as_str().map(|text| At {
        value: text.to_owned(),
        span: value.span(),
    });
    if found.is_none() {
        wrong_type(source, key, "a text", value);
    }
    found
}

/// A text that something is made of; what it cannot be made of is a problem.
pub(super) fn parsed<T>(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    key: &str,
    (is, how): (&str, &str),
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let found = text(source, table, key)?;
    let value = parse(&found.value);
    if value.is_none() {
        let message = format!("`{key}` is {is}");
        source.report(found.span.start, message, Some(how.to_owned()));
    }
    value
}

/// A whole number within these bounds.
pub(super) fn whole(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    key: &str,
    bounds: std::ops::RangeInclusive<i64>,
) -> Option<i64> {
    let value = table.get(key)?;
    let number = plain(value.get_ref()).and_then(|number| number.as_i64());
    let number = number.filter(|number| bounds.contains(number));
    if number.is_none() {
        let (from, to) = (bounds.start(), bounds.end());
        let message = format!("`{key}` is a whole number from {from} to {to}");
        source.report(value.span().start, message, None);
    }
    number
}

/// A text that must be there and not be empty.
pub(super) fn needed(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    at: usize,
    what: &str,
    key: &str,
) -> Option<At<String>> {
    if !table.contains_key(key) {
        source.report(at, format!("{what} needs `{key}`"), None);
        return None;
    }
    let found = text(source, table, key)?;
    if found.value.trim().is_empty() {
        source.report(found.span.start, format!("`{key}` is empty"), None);
        return None;
    }
    Some(found)
}

/// A list of texts; nothing is an empty list.
pub(super) fn texts(source: &mut Source<'_>, table: &DeTable<'_>, key: &str) -> Vec<At<String>> {
    let Some(value) = table.get(key) else {
        return Vec::new();
    };
    let Some(items) = value.get_ref().as_array() else {
        wrong_type(source, key, "a list of texts", value);
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items.iter() {
        match item.get_ref().as_str() {
            Some(text) => found.push(At {
                value: text.to_owned(),
                span: item.span(),
            }),
            None => wrong_type(source, key, "a list of texts", item),
        }
    }
    found
}

/// A table, if the key is there.
pub(super) fn table<'t, 's>(
    source: &mut Source<'_>,
    table: &'t DeTable<'s>,
    key: &str,
) -> Option<At<&'t DeTable<'s>>> {
    let value = table.get(key)?;
    let found = value.get_ref().as_table().map(|table| At {
        value: table,
        span: value.span(),
    });
    if found.is_none() {
        wrong_type(source, key, "a table", value);
    }
    found
}

/// One word out of a few.
pub(super) fn word<T: Copy>(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    key: &str,
    words: &[(&str, T)],
) -> Option<T> {
    let found = text(source, table, key)?;
    let meant = words.iter().find(|(word, _)| *word == found.value);
    if meant.is_none() {
        let message = format!("`{key}` cannot be \"{}\"", found.value);
        let words = words.iter().map(|(word, _)| *word);
        source.report(found.span.start, message, hint(&found.value, words));
    }
    meant.map(|(_, meaning)| *meaning)
}

/// A number, flag or date as JSON; none for texts, lists and tables, and for what JSON cannot hold.
pub(super) fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            let whole = i64::from_str_radix(&digits, number.radix()).ok()?;
            Some(Value::from(whole))
        }
        DeValue::Float(number) => {
            let float: f64 = number.as_str().replace('_', "").parse().ok()?;
            serde_json::Number::from_f64(float).map(Value::Number)
        }
        DeValue::Datetime(moment) => Some(Value::String(moment.to_string())),
        DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// The entries of a table in the order of the file.
pub(super) fn in_order<'t, 's>(
    table: &'t DeTable<'s>,
) -> Vec<(
    &'t Spanned<toml::de::DeString<'s>>,
    &'t Spanned<DeValue<'s>>,
)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

pub(super) fn wrong_type(
    source: &mut Source<'_>,
    key: &str,
    wanted: &str,
    value: &Spanned<DeValue<'_>>,
) {
    let message = format!(
        "`{key}` is {wanted}, and here stands a value of type {}",
        value.get_ref().type_str()
    );
    source.report(value.span().start, message, None);
}
