//! Dotted paths into a JSON value, read once and followed often. No wildcards, no conditions.

use serde_json::Value;

/// `payload.application.jobs.0.id`; `.` is the value itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Path {
    steps: Vec<Step>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// Reads a path; `None` for an empty one or one with an empty step.
    pub(crate) fn parse(text: &str) -> Option<Path> {
        if text == "." {
            return Some(Path {
                steps: Vec::new(),
                text: text.into(),
            });
        }
        let steps = text
            .split('.')
            .map(|s| match s.parse() {
                _ if s.is_empty() => None,
                Ok(n) => Some(Step::Index(n)),
                Err(_) => Some(Step::Key(s.to_owned())),
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Path {
            steps,
            text: text.into(),
        })
    }

    /// A path of keys as they are, dots and all.
    pub(crate) fn of_keys(keys: &[String]) -> Path {
        Path {
            steps: keys.iter().cloned().map(Step::Key).collect(),
            text: keys.join("."),
        }
    }

    /// The value there; `None` where any part of the way is missing.
    pub(crate) fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |v, step| match step {
            Step::Key(key) => v.as_object()?.get(key),
            Step::Index(i) => match v {
                Value::Array(items) => items.get(*i),
                Value::Object(map) => map.get(&i.to_string()),
                _ => None,
            },
        })
    }

    /// The value there, taken out of the whole; null stays in its place.
    pub(crate) fn take(&self, value: &mut Value) -> Option<Value> {
        let steps = self.steps.iter();
        let found = steps.into_iter().try_fold(value, |v, step| match step {
            Step::Key(key) => v.as_object_mut()?.get_mut(key),
            Step::Index(i) => match v {
                Value::Array(items) => items.get_mut(*i),
                Value::Object(map) => map.get_mut(&i.to_string()),
                _ => None,
            },
        });
        found.map(Value::take)
    }

    /// The value there, or an explicit null where the way ends in one (`recruiter: null` under `recruiter.id`).
    pub(crate) fn get_or_null<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let mut v = value;
        for step in &self.steps {
            if v.is_null() {
                return Some(v);
            }
            v = match step {
                Step::Key(key) => v.as_object()?.get(key)?,
                Step::Index(i) => v.as_array()?.get(*i)?,
            };
        }
        Some(v)
    }

    /// Its steps.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// As written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first key, if it is one.
    pub(crate) fn first_key(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// The last key, or the whole text.
    pub(crate) fn last_key(&self) -> &str {
        match self.steps.last() {
            Some(Step::Key(key)) => key,
            _ => &self.text,
        }
    }

    /// Whether there is no step at all.
    pub(crate) fn is_self(&self) -> bool {
        self.steps.is_empty()
    }
}

/// A scalar as text: ids and words arrive as numbers or strings.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_and_null_are_told_apart() {
        let value = json!({"a": {"b": null}, "list": [{"id": 3}]});
        let get = |p: &str| Path::parse(p).expect("a path").get_or_null(&value).cloned();
        assert_eq!(get("a.b.c"), Some(Value::Null));
        assert_eq!(get("a.x"), None);
        assert_eq!(get("list.0.id"), Some(json!(3)));
        assert_eq!(get("list.1.id"), None);
        assert_eq!(get("list.id"), None);
        let mut rest = value.clone();
        let taken = Path::parse("list.0").and_then(|p| p.take(&mut rest));
        assert_eq!(taken, Some(json!({"id": 3})));
        assert_eq!(rest, json!({"a": {"b": null}, "list": [null]}));
        assert_eq!(Path::parse("a..b"), None);
        assert_eq!(get("."), Some(value.clone()));
    }
}
