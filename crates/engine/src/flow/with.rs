//! A step's `with`: any TOML value in which every text may hold `{{ }}`.

use super::expr::{Error, Scope, Text};
use serde_json::{Map, Value};

/// A value with expressions in it, rendered for one event.
#[derive(Debug)]
pub enum With {
    /// Nothing to render.
    Fixed(Value),
    /// A text with expressions.
    Text(Text),
    /// Each item rendered.
    List(Vec<With>),
    /// Each value rendered; keys are fixed.
    Table(Vec<(String, With)>),
}

impl With {
    /// An empty table.
    pub fn empty() -> Self {
        Self::Table(Vec::new())
    }

    /// The value for one event; the first path that is missing stops it.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, Error> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(text) => text.render(scope),
            Self::List(items) => items
                .iter()
                .map(|item| item.render(scope))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
            Self::Table(fields) => fields
                .iter()
                .map(|(name, value)| match value.render(scope) {
                    Ok(value) => Ok((name.clone(), value)),
                    Err(error) => Err(error.inside(name)),
                })
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
        }
    }
}
