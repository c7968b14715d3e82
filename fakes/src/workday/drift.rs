//! Changes of how things look on the wire, to rehearse what report authors and releases do. The
//! data stays as it is.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::cell::Cell;
use super::xml::Element;

/// One change.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Drift {
    /// A report, `jobPostings`, or a SOAP operation such as `Get_Candidates`.
    pub(crate) entity: String,
    /// A column's alias, a field or an element.
    pub(crate) field: String,
    #[serde(flatten)]
    pub(crate) change: Change,
}

/// What becomes of a field.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// It gets this value, or goes.
    Value(Option<Value>),
    /// A report's author gave the column another alias.
    Alias(String),
}

/// A row's cells under the aliases that the drifts leave.
pub(crate) fn columns<'a>(
    names: &'a [&'a str],
    cells: Vec<Cell>,
    drifts: &'a [Drift],
) -> Vec<(Cow<'a, str>, Cell)> {
    let mut row: Vec<(Cow<'a, str>, Cell)> = Vec::with_capacity(cells.len());
    for (name, cell) in names.iter().zip(cells) {
        row.push((Cow::Borrowed(*name), cell));
    }
    for drift in drifts {
        let at = row.iter().position(|(name, _)| *name == drift.field);
        match (&drift.change, at) {
            (Change::Value(None), Some(at)) => {
                row.remove(at);
            }
            (Change::Value(Some(value)), Some(at)) => row[at].1 = Cell::Raw(value.clone()),
            (Change::Value(Some(value)), None) => {
                let name = Cow::Borrowed(drift.field.as_str());
                row.push((name, Cell::Raw(value.clone())));
            }
            (Change::Alias(alias), Some(at)) => row[at].0 = Cow::Borrowed(alias.as_str()),
            (Change::Value(None) | Change::Alias(_), None) => {}
        }
    }
    row
}

/// The same for a JSON object.
pub(crate) fn object(object: &mut Value, drifts: &[Drift]) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    for drift in drifts {
        match &drift.change {
            Change::Value(Some(value)) => {
                fields.insert(drift.field.clone(), value.clone());
            }
            Change::Value(None) => {
                fields.shift_remove(&drift.field);
            }
            Change::Alias(alias) => {
                if let Some(value) = fields.shift_remove(&drift.field) {
                    fields.insert(alias.clone(), value);
                }
            }
        }
    }
}

/// The same for every element of the name, anywhere in the tree. A value becomes its text.
pub(crate) fn tree(element: &mut Element, drifts: &[Drift]) {
    for drift in drifts {
        change(element, &format!("wd:{}", drift.field), &drift.change);
    }
}

fn change(element: &mut Element, name: &str, what: &Change) {
    if let Change::Value(None) = what {
        element.children.retain(|child| child.name != name);
    }
    for child in &mut element.children {
        match what {
            Change::Value(Some(value)) if child.name == name => {
                child.children.clear();
                child.text = match value {
                    Value::String(text) => text.clone(),
                    Value::Null => String::new(),
                    other => other.to_string(),
                };
            }
            Change::Alias(alias) if child.name == name => child.name = format!("wd:{alias}"),
            _ => change(child, name, what),
        }
    }
}
