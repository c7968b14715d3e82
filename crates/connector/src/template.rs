//! Texts with `{names}` in them, for addresses, headers and bodies. No loops, no conditions, no calls.

use serde_json::{Map, Value};

/// `ref {intent.short}`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name { name: String, int: bool },
}

/// A name nobody supplied, or a value that does not fit its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfilled {
    /// No value of that name.
    #[error("`{0}` has no value")]
    Missing(String),
    /// The place wants a whole number.
    #[error("`{0}` must be a whole number here")]
    NotANumber(String),
}

impl Template {
    /// Reads a text; the error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let Some(close) = rest[open..].find('}') else {
                return Err("a `{` without its `}`".into());
            };
            let inner = &rest[open + 1..open + close];
            let (name, int) = match inner.split_once(':') {
                Some((name, "int")) => (name, true),
                Some((_, other)) => return Err(format!("`{other}` is no format; there is `int`")),
                None => (inner, false),
            };
            if name.is_empty()
                || !name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
            {
                return Err(format!("`{{{inner}}}` is not a name"));
            }
            parts.push(Part::Name {
                name: name.to_owned(),
                int,
            });
            rest = &rest[open + close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template { parts })
    }

    /// The names in it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|p| match p {
            Part::Name { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with its names filled in; `quote` makes each value fit its place.
    pub(crate) fn fill(
        &self,
        get: &dyn Fn(&str) -> Option<Value>,
        quote: fn(&str) -> String,
    ) -> Result<String, Unfilled> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Name { name, int } => {
                    let value = get(name)
                        .filter(|v| !v.is_null())
                        .ok_or_else(|| Unfilled::Missing(name.clone()))?;
                    let text = match value {
                        Value::String(s) => s,
                        other => other.to_string(),
                    };
                    if *int && text.parse::<i64>().is_err() {
                        return Err(Unfilled::NotANumber(name.clone()));
                    }
                    out.push_str(&quote(&text));
                }
            }
        }
        Ok(out)
    }

    /// As written, with the names in braces: for logs.
    pub(crate) fn pattern(&self) -> String {
        self.parts
            .iter()
            .map(|p| match p {
                Part::Text(t) => t.clone(),
                Part::Name { name, .. } => format!("{{{name}}}"),
            })
            .collect()
    }

    /// The one name, where the text is nothing else.
    fn only_name(&self) -> Option<(&str, bool)> {
        match self.parts.as_slice() {
            [Part::Name { name, int }] => Some((name, *int)),
            _ => None,
        }
    }
}

/// Values go in as they are.
pub(crate) fn plain(text: &str) -> String {
    text.to_owned()
}

/// A JSON value with templates for its texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// A text, or a value where the template is one name only.
    Text(Template),
    /// Not a text.
    Fixed(Value),
    /// A list.
    List(Vec<Shape>),
    /// An object; a key whose value is one name without a value is left out.
    Object(Vec<(String, Shape)>),
}

impl Shape {
    /// Reads a value; the error says what is wrong.
    pub(crate) fn parse(value: &Value) -> Result<Shape, String> {
        Ok(match value {
            Value::String(text) => Shape::Text(Template::parse(text)?),
            Value::Array(items) => {
                Shape::List(items.iter().map(Shape::parse).collect::<Result<_, _>>()?)
            }
            Value::Object(map) => Shape::Object(
                map.iter()
                    .map(|(k, v)| Ok((k.clone(), Shape::parse(v)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => Shape::Fixed(other.clone()),
        })
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Shape::Text(t) => t.names().collect(),
            Shape::Fixed(_) => Vec::new(),
            Shape::List(items) => items.iter().flat_map(Shape::names).collect(),
            Shape::Object(entries) => entries.iter().flat_map(|(_, s)| s.names()).collect(),
        }
    }

    /// The value with its names filled in. `needed` says which names may not be missing.
    pub(crate) fn fill(
        &self,
        get: &dyn Fn(&str) -> Option<Value>,
        needed: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Value>, Unfilled> {
        Ok(Some(match self {
            Shape::Fixed(value) => value.clone(),
            Shape::Text(template) => match template.only_name() {
                Some((name, int)) => match get(name) {
                    None if !needed(name) => return Ok(None),
                    None => return Err(Unfilled::Missing(name.to_owned())),
                    Some(value) if int => {
                        let text = crate::path::scalar_text(&value)
                            .ok_or_else(|| Unfilled::NotANumber(name.to_owned()))?;
                        Value::from(
                            text.parse::<i64>()
                                .map_err(|_| Unfilled::NotANumber(name.to_owned()))?,
                        )
                    }
                    Some(value) => value,
                },
                None => Value::String(template.fill(get, plain)?),
            },
            Shape::List(items) => {
                let filled: Result<Vec<Option<Value>>, Unfilled> =
                    items.iter().map(|i| i.fill(get, needed)).collect();
                Value::Array(filled?.into_iter().flatten().collect())
            }
            Shape::Object(entries) => {
                let mut map = Map::new();
                for (key, shape) in entries {
                    if let Some(value) = shape.fill(get, needed)? {
                        map.insert(key.clone(), value);
                    }
                }
                Value::Object(map)
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(name: &str) -> Option<Value> {
        match name {
            "id" => Some(json!("42")),
            "text" => Some(json!("a {b} & c")),
            "parts" => Some(json!([1, 2])),
            _ => None,
        }
    }

    #[test]
    fn a_value_is_never_read_as_a_template_again() {
        let t = Template::parse("{text} ({id})").expect("a template");
        assert_eq!(t.fill(&values, plain), Ok("a {b} & c (42)".into()));
        assert_eq!(
            t.fill(&values, crate::http::encode),
            Ok("a%20%7Bb%7D%20%26%20c (42)".into())
        );
    }

    #[test]
    fn a_name_alone_keeps_its_kind_and_an_optional_one_leaves_its_key_out() {
        let shape = Shape::parse(
            &json!({"a": "{id:int}", "b": "{parts}", "c": "{gone}", "d": "id {id}", "e": false}),
        )
        .expect("a shape");
        assert_eq!(
            shape.fill(&values, &|_| false),
            Ok(Some(
                json!({"a": 42, "b": [1, 2], "d": "id 42", "e": false})
            ))
        );
        assert_eq!(
            shape.fill(&values, &|n| n == "gone"),
            Err(Unfilled::Missing("gone".into()))
        );
    }

    #[test]
    fn what_is_no_template_does_not_load() {
        assert!(Template::parse("{a").is_err());
        assert!(Template::parse("{a b}").is_err());
        assert!(Template::parse("{a:upper}").is_err());
    }
}
