//! Cuts protected sections (demographic and self-identification answers) before anything is stored, and refuses bodies that
//! cannot be read safely. What is cut is gone: there is no way to ask for it.

use crate::manifest::Reader;
use crate::path::Path;
use serde_json::Value;

/// How deep a body may be nested.
pub(crate) const MAX_DEPTH: usize = 64;

/// Words that make a label protected wherever it stands, each as a whole word of the label.
const WORDS: &[&str] = &[
    "race",
    "racial",
    "ethnicity",
    "ethnic",
    "gender",
    "sex",
    "transgender",
    "lgbt",
    "lgbtq",
    "lgbtqia",
    "pronoun",
    "pronouns",
    "disability",
    "disabilities",
    "disabled",
    "veteran",
    "veterans",
    "religion",
    "religious",
    "religiosity",
    "hispanic",
    "latino",
    "latina",
    "latinx",
    "eeo",
    "eeoc",
    "eeo1",
    "demographic",
    "demographics",
    "pregnancy",
    "pregnant",
    "health",
    "medical",
    "hiv",
    "caste",
    "geschlecht",
    "behinderung",
    "schwerbehinderung",
    "schwerbehindert",
    "ethnie",
    "konfession",
    "sexe",
    "genre",
    "handicap",
    "genero",
    "discapacidad",
];

/// The same for words that protect only side by side.
const PHRASES: &[&[&str]] = &[
    &["sexual", "orientation"],
    &["age", "range"],
    &["age", "group"],
    &["age", "band"],
    &["military", "status"],
    &["self", "identify"],
    &["self", "identification"],
];

/// A body after the cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// The parsed body without protected sections.
    pub value: Value,
    /// What to store instead of the body, if something was cut.
    pub bytes: Option<Vec<u8>>,
}

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Larger than allowed.
    #[error("larger than allowed")]
    TooLarge,
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not JSON.
    #[error("not JSON")]
    NotJson,
    /// Nested too deeply.
    #[error("nested too deeply")]
    TooDeep,
}

/// What a connector protects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protected {
    paths: Vec<Path>,
    keys: Vec<String>,
    maps: Vec<String>,
    lists: Vec<(String, Path)>,
    /// Keys of a form and of its answers, side by side in one object.
    forms: Vec<(String, String)>,
    label: Option<Path>,
    labels: Vec<Vec<String>>,
}

impl Protected {
    pub(crate) fn read(r: &Reader<'_>) -> Protected {
        let lists = r
            .text_map("lists")
            .into_iter()
            .filter_map(|(key, path)| Some((key, Path::parse(&path)?)))
            .collect();
        Protected {
            paths: r.paths("paths"),
            keys: r.texts("keys"),
            maps: r.texts("maps"),
            lists,
            forms: r.text_map("forms"),
            label: r.path("label"),
            labels: r
                .texts("labels")
                .iter()
                .map(|l| words(&l.to_lowercase()).map(str::to_owned).collect())
                .collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty()
            && self.keys.is_empty()
            && self.maps.is_empty()
            && self.lists.is_empty()
            && self.forms.is_empty()
    }

    /// Parses a body once under limits and cuts it.
    pub(crate) fn cut(&self, body: &[u8], max: usize) -> Result<Cut, Unreadable> {
        let mut value = parse(body, max)?;
        let cut = self.cut_value(&mut value);
        let bytes = if cut {
            Some(serde_json::to_vec(&value).map_err(|_| Unreadable::NotJson)?)
        } else {
            None
        };
        Ok(Cut { value, bytes })
    }

    /// Cuts a parsed value; true if something was there.
    pub(crate) fn cut_value(&self, value: &mut Value) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut cut = false;
        for path in &self.paths {
            cut |= remove(value, path);
        }
        cut | self.walk(value)
    }

    fn walk(&self, value: &mut Value) -> bool {
        let mut cut = false;
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| cut |= self.walk(item)),
            Value::Object(map) => {
                if map.keys().any(|key| self.keys.contains(key)) {
                    map.retain(|key, _| !self.keys.contains(key));
                    cut = true;
                }
                for (form, values) in &self.forms {
                    cut |= self.cut_form(map, form, values);
                }
                for (key, inner) in map.iter_mut() {
                    if self.maps.iter().any(|m| m == key) {
                        cut |= self.cut_labelled(inner);
                    }
                    if let Some((_, label)) = self.lists.iter().find(|(k, _)| k == key) {
                        cut |= self.cut_list(inner, label);
                    }
                    cut |= self.walk(inner);
                }
            }
            _ => {}
        }
        cut
    }

    /// The answers of a form, by the titles of their questions; an answer without a question cannot be told, and goes.
    fn cut_form(&self, map: &mut serde_json::Map<String, Value>, form: &str, values: &str) -> bool {
        let form = map.get(form).unwrap_or(&Value::Null);
        let harmless = |f: &&Value| f["title"].as_str().is_some_and(|t| !self.is_protected(t));
        let keep: Vec<String> = crate::mapping::form::fields(form)
            .filter(harmless)
            .filter_map(|f| f["path"].as_str().map(str::to_owned))
            .collect();
        let Some(Value::Object(values)) = map.get_mut(values) else {
            return false;
        };
        let before = values.len();
        values.retain(|key, _| keep.contains(key) && !self.is_protected(key));
        values.len() != before
    }

    /// A map of custom fields: by its key, and by the label inside.
    fn cut_labelled(&self, value: &mut Value) -> bool {
        let label = self.label.as_ref();
        match value {
            Value::Object(map) => {
                let before = map.len();
                map.retain(|key, field| {
                    let inner = label.and_then(|l| l.get(field)).and_then(Value::as_str);
                    !self.is_protected(key) && !inner.is_some_and(|l| self.is_protected(l))
                });
                map.len() != before
            }
            // A list's keys are ids: what has no label cannot be told from what is protected, and goes.
            Value::Array(items) => {
                let before = items.len();
                items.retain(|field| {
                    let inner = label.and_then(|l| l.get(field)).and_then(Value::as_str);
                    inner.is_some_and(|l| !self.is_protected(l))
                });
                items.len() != before
            }
            _ => false,
        }
    }

    fn cut_list(&self, value: &mut Value, label: &Path) -> bool {
        let Value::Array(items) = value else {
            return false;
        };
        let before = items.len();
        items.retain(|item| {
            !label
                .get(item)
                .and_then(Value::as_str)
                .is_some_and(|l| self.is_protected(l))
        });
        items.len() != before
    }

    /// Whether a label names protected data.
    pub(crate) fn is_protected(&self, label: &str) -> bool {
        let lower = label.to_lowercase();
        let words: Vec<&str> = words(&lower).collect();
        let side_by_side = |phrase: &[&str]| words.windows(phrase.len()).any(|w| w == phrase);
        words.iter().any(|w| WORDS.contains(w))
            || PHRASES.iter().any(|p| side_by_side(p))
            || self
                .labels
                .iter()
                .any(|l| !l.is_empty() && words.windows(l.len()).any(|w| w == l.as_slice()))
    }
}

/// Parses JSON under limits: size, UTF-8, depth.
pub(crate) fn parse(body: &[u8], max: usize) -> Result<Value, Unreadable> {
    if body.len() > max {
        return Err(Unreadable::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotUtf8)?;
    if depth(body) > MAX_DEPTH {
        return Err(Unreadable::TooDeep);
    }
    serde_json::from_str(text).map_err(|_| Unreadable::NotJson)
}

/// How deep brackets are nested outside strings.
fn depth(body: &[u8]) -> usize {
    let (mut deepest, mut now, mut text, mut escaped) = (0usize, 0usize, false, false);
    for b in body {
        if text {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => text = false,
                _ => {}
            }
            continue;
        }
        match b {
            b'"' => text = true,
            b'{' | b'[' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn remove(value: &mut Value, path: &Path) -> bool {
    let text = path.text();
    let (parent, last) = match text.rsplit_once('.') {
        Some((parent, last)) => (parent, last),
        None => ("", text),
    };
    let mut at = value;
    for step in parent.split('.').filter(|s| !s.is_empty()) {
        let next = match at {
            Value::Object(map) => map.get_mut(step),
            Value::Array(items) => step.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    at.as_object_mut()
        .is_some_and(|map| map.shift_remove(last).is_some())
}

/// The words of a text that is in lower case already.
fn words(lower: &str) -> impl Iterator<Item = &str> {
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Doc, Sink};
    use serde_json::json;

    fn protected() -> Protected {
        let sink = Sink::default();
        let doc = Doc::parse(
            "connector.toml",
            "paths = [\"payload.secret\"]\nkeys = [\"eeoc\"]\nmaps = [\"custom_fields\"]\nlabel = \"name\"\nlists = { answers = \"question\" }\nlabels = [\"shoe size\"]",
            &sink,
        );
        let p = Protected::read(&Reader::new(&doc.root, &sink));
        assert_eq!(sink.take(), []);
        p
    }

    #[test]
    fn protected_sections_and_labels_go_wherever_they_stand_and_the_rest_stays() {
        let body = json!({"payload": {"secret": 1, "a": {"eeoc": {"x": 1}, "custom_fields": {
            "f1": {"name": "Gender identity", "value": "MARK"}, "veteran_status": {"name": "V", "value": "MARK"},
            "f2": {"name": "Shoe Size (EU)", "value": "MARK"}, "f3": {"name": "Traces of Python", "value": "ok"}}},
            "answers": [{"question": "Do you have a disability?", "answer": "MARK"}, {"question": "Why us?", "answer": "ok"}]}});
        let cut = protected()
            .cut(body.to_string().as_bytes(), 10_000)
            .expect("readable");
        let text = String::from_utf8(cut.bytes.expect("something was cut")).expect("text");
        assert!(
            !text.contains("MARK") && !text.contains("secret") && !text.contains("eeoc"),
            "{text}"
        );
        assert_eq!(text.matches("ok").count(), 2);
    }

    #[test]
    fn a_body_without_protected_data_keeps_its_bytes() {
        let cut = protected()
            .cut(
                br#"{"payload":{"custom_fields":{"team":{"name":"Team","value":1}}}}"#,
                1000,
            )
            .expect("readable");
        assert_eq!(cut.bytes, None);
    }

    #[test]
    fn what_cannot_be_read_safely_says_why() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        let p = protected();
        assert_eq!(
            p.cut(deep.as_bytes(), 1000).map(|c| c.value),
            Err(Unreadable::TooDeep)
        );
        assert!(
            p.cut(
                format!("{}{}", "[".repeat(64), "]".repeat(64)).as_bytes(),
                1000
            )
            .is_ok()
        );
        assert!(
            p.cut(format!("\"{}\"", "[".repeat(500)).as_bytes(), 1000)
                .is_ok(),
            "brackets in a text are no depth"
        );
        assert_eq!(
            p.cut(b"{\"a\":\"\xff\"}", 1000).map(|c| c.value),
            Err(Unreadable::NotUtf8)
        );
        assert_eq!(p.cut(b"{", 1000).map(|c| c.value), Err(Unreadable::NotJson));
        assert_eq!(p.cut(b"{}", 1).map(|c| c.value), Err(Unreadable::TooLarge));
    }
}
