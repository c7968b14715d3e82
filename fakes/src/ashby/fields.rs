//! The fields of a request, read by type. A null counts as not given.

use serde_json::{Map, Value};

use super::problem::Problem;

/// A request's body.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(crate) fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(self, name: &'static str) -> Result<Option<&'a str>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let text = value.as_str();
        text.map(Some)
            .ok_or_else(|| Problem::input(name, "Not a string"))
    }

    pub(crate) fn need(self, name: &'static str) -> Result<&'a str, Problem> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Problem::input(name, format!("{name} is required")))
    }

    pub(crate) fn flag(self, name: &'static str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let flag = value.as_bool();
        flag.map(Some)
            .ok_or_else(|| Problem::input(name, "Not a boolean"))
    }

    pub(crate) fn integer(self, name: &'static str) -> Result<Option<i64>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let number = value.as_i64();
        number
            .map(Some)
            .ok_or_else(|| Problem::input(name, "Not an integer"))
    }

    /// A list of texts.
    pub(crate) fn texts(self, name: &'static str) -> Result<Option<Vec<&'a str>>, Problem> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let texts = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_str).collect());
        texts
            .map(Some)
            .ok_or_else(|| Problem::input(name, "Not a list of strings"))
    }
}
