//! TOML with positions: a table is read key by key, and what nobody asked for is a problem with the nearest right name. Knows
//! nothing of what the keys mean.

mod source;

pub(crate) use source::{Doc, Node, Table};

use crate::path::Path;
use crate::problem::{Problem, nearest};
use crate::template::Template;
use serde_json::{Map, Value};
use source::Item;
use std::cell::RefCell;

/// Where problems are collected.
#[derive(Default)]
pub(crate) struct Sink(RefCell<Vec<Problem>>);

impl Sink {
    pub(crate) fn push(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    pub(crate) fn take(self) -> Vec<Problem> {
        let mut all = self.0.into_inner();
        all.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        all.dedup();
        all
    }
}

/// One table being read.
pub(crate) struct Reader<'a> {
    table: &'a Table,
    fallback: Option<&'a Table>,
    sink: &'a Sink,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(table: &'a Table, sink: &'a Sink) -> Self {
        Reader {
            table,
            fallback: None,
            sink,
            asked: RefCell::default(),
        }
    }

    /// The same, with keys that stand in for missing ones (one level deep).
    pub(crate) fn over(table: &'a Table, fallback: Option<&'a Table>, sink: &'a Sink) -> Self {
        Reader {
            table,
            fallback,
            sink,
            asked: RefCell::default(),
        }
    }

    pub(crate) fn sink(&self) -> &'a Sink {
        self.sink
    }

    /// A problem at this table's own place.
    pub(crate) fn wrong(&self, message: impl Into<String>) {
        self.sink.push(self.table.problem(self.table.at, message));
    }

    /// A problem at a key's place, or at the table's where the key is missing.
    pub(crate) fn wrong_at(&self, key: &str, message: impl Into<String>) {
        let (table, at) = match self.find(key) {
            Some((table, node)) => (table, node.at),
            None => (self.table, self.table.at),
        };
        self.sink.push(table.problem(at, message));
    }

    fn find(&self, key: &str) -> Option<(&'a Table, &'a Node)> {
        let own = self.table.get(key).map(|n| (self.table, n));
        own.or_else(|| self.fallback.and_then(|t| t.get(key).map(|n| (t, n))))
    }

    fn ask(&self, key: &'static str) -> Option<(&'a Table, &'a Node)> {
        self.asked.borrow_mut().push(key);
        self.find(key)
    }

    fn typed<T>(
        &self,
        key: &'static str,
        what: &str,
        read: impl Fn(&'a Item) -> Option<T>,
    ) -> Option<T> {
        let (table, node) = self.ask(key)?;
        let value = read(&node.item);
        if value.is_none() {
            self.sink
                .push(table.problem(node.at, format!("`{key}` should be {what}")));
        }
        value
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.typed(key, "a text", |i| i.text().map(str::to_owned))
    }

    /// A text that must be there.
    pub(crate) fn need(&self, key: &'static str) -> String {
        if !self.has(key) {
            self.asked.borrow_mut().push(key);
            self.wrong(format!("`{key}` is missing"));
            return String::new();
        }
        self.text(key).unwrap_or_default()
    }

    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.typed(key, "true or false", |i| i.flag())
            .unwrap_or(false)
    }

    pub(crate) fn maybe_flag(&self, key: &'static str) -> Option<bool> {
        self.typed(key, "true or false", |i| i.flag())
    }

    pub(crate) fn number(&self, key: &'static str) -> Option<u32> {
        self.typed(key, "a whole number", |i| {
            i.int().and_then(|n| u32::try_from(n).ok())
        })
    }

    /// `"30s"`, `"2m"`, `"1h"`, `"7d"`, `"250ms"` in milliseconds.
    pub(crate) fn duration(&self, key: &'static str) -> Option<i64> {
        self.typed(
            key,
            "a duration such as \"30s\", \"2m\", \"1h\" or \"7d\"",
            |i| i.text().and_then(parse_duration),
        )
    }

    /// A text or a list of texts.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        self.typed(key, "a text or a list of texts", |i| match i {
            Item::List(items) => items
                .iter()
                .map(|n| n.item.text().map(str::to_owned))
                .collect(),
            one => one.text().map(|t| vec![t.to_owned()]),
        })
        .unwrap_or_default()
    }

    /// A whole number or a list of them, each a status such as 200, or a class such as `"5xx"`.
    pub(crate) fn statuses(&self, key: &'static str) -> Vec<String> {
        let one = |i: &Item| match i {
            Item::Int(n) if (100..600).contains(n) => Some(n.to_string()),
            Item::Text(t) if t.len() == 3 && t.ends_with("xx") => Some(t.clone()),
            _ => None,
        };
        self.typed(
            key,
            "a status such as 404 or \"5xx\", or a list of them",
            |i| match i {
                Item::List(items) => items.iter().map(|n| one(&n.item)).collect(),
                item => one(item).map(|s| vec![s]),
            },
        )
        .unwrap_or_default()
    }

    pub(crate) fn path(&self, key: &'static str) -> Option<Path> {
        self.typed(key, "a path", |i| i.text().and_then(Path::parse))
    }

    pub(crate) fn paths(&self, key: &'static str) -> Vec<Path> {
        self.texts(key)
            .iter()
            .filter_map(|t| Path::parse(t))
            .collect()
    }

    pub(crate) fn template(&self, key: &'static str) -> Option<Template> {
        let text = self.text(key)?;
        match Template::parse(&text) {
            Ok(template) => Some(template),
            Err(why) => {
                self.wrong_at(key, why);
                None
            }
        }
    }

    /// One word of a closed set.
    pub(crate) fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        match words.iter().find(|(w, _)| *w == text) {
            Some((_, value)) => Some(*value),
            None => {
                let all: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
                let (table, node) = self.find(key)?;
                let mut problem = table.problem(
                    node.at,
                    format!(
                        "`{key}` cannot be \"{text}\"; it is one of: {}",
                        all.join(", ")
                    ),
                );
                problem.hint = nearest(&text, all).map(|w| format!("did you mean `{w}`?"));
                self.sink.push(problem);
                None
            }
        }
    }

    /// Any value, as JSON.
    pub(crate) fn value(&self, key: &'static str) -> Option<Value> {
        self.ask(key).map(|(_, node)| node.item.json())
    }

    /// A table of free names, as JSON.
    pub(crate) fn map(&self, key: &'static str) -> Option<Map<String, Value>> {
        self.typed(key, "a table", |i| match i.json() {
            Value::Object(map) => Some(map),
            _ => None,
        })
    }

    /// A table of texts.
    pub(crate) fn text_map(&self, key: &'static str) -> Vec<(String, String)> {
        self.typed(key, "a table of texts", |i| {
            i.table()?
                .entries
                .iter()
                .map(|e| Some((e.key.clone(), e.node.item.text()?.to_owned())))
                .collect()
        })
        .unwrap_or_default()
    }

    /// A table with keys of its own.
    pub(crate) fn table(&self, key: &'static str) -> Option<Reader<'a>> {
        self.typed(key, "a table", Item::table)
            .map(|t| Reader::new(t, self.sink))
    }

    /// A node that may be a text or a table.
    pub(crate) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.ask(key).map(|(_, node)| node)
    }

    /// A list of tables.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Reader<'a>> {
        self.typed(key, "a list of tables", |i| match i {
            Item::List(items) => items
                .iter()
                .map(|n| n.item.table())
                .collect::<Option<Vec<_>>>(),
            _ => None,
        })
        .unwrap_or_default()
        .into_iter()
        .map(|t| Reader::new(t, self.sink))
        .collect()
    }

    /// Tables by free names, in the order of the file.
    pub(crate) fn named(&self, key: &'static str) -> Vec<(String, Reader<'a>)> {
        match self.ask(key) {
            Some((table, node)) => match node.item.table() {
                Some(inner) => named_tables(inner, None, &[], self.sink),
                None => {
                    self.sink
                        .push(table.problem(node.at, format!("`{key}` should be a table")));
                    Vec::new()
                }
            },
            None => Vec::new(),
        }
    }

    /// Free keys of this table itself, in the order of the file.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
        self.table.entries.iter().map(|e| (e.key.as_str(), &e.node))
    }

    /// Everything has been asked for: what is left is unknown.
    pub(crate) fn done(self) {
        let asked = self.asked.into_inner();
        for table in [Some(self.table), self.fallback].into_iter().flatten() {
            for entry in table
                .entries
                .iter()
                .filter(|e| !asked.iter().any(|a| *a == e.key))
            {
                let mut problem = table.problem(entry.at, format!("no such key: `{}`", entry.key));
                problem.hint = nearest(&entry.key, asked.iter().copied())
                    .map(|w| format!("did you mean `{w}`?"));
                self.sink.push(problem);
            }
        }
    }
}

/// The tables of a file by their free names, in the file's order, without the reserved ones.
pub(crate) fn named_tables<'a>(
    table: &'a Table,
    fallback: Option<&'a Table>,
    but: &[&str],
    sink: &'a Sink,
) -> Vec<(String, Reader<'a>)> {
    let mut out = Vec::new();
    for entry in table
        .entries
        .iter()
        .filter(|e| !but.contains(&e.key.as_str()))
    {
        match entry.node.item.table() {
            Some(inner) => out.push((entry.key.clone(), Reader::over(inner, fallback, sink))),
            None => {
                sink.push(table.problem(entry.at, format!("`{}` should be a table", entry.key)))
            }
        }
    }
    out
}

fn parse_duration(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let n: i64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    n.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_right_one() {
        let sink = Sink::default();
        let doc = Doc::parse("a.toml", "scope = 1\n\nshceme = \"x\"\n", &sink);
        let reader = Reader::new(&doc.root, &sink);
        assert_eq!(reader.text("scope"), None);
        assert_eq!(reader.text("scheme"), None);
        reader.done();
        let told: Vec<String> = sink.take().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "a.toml:1:9: `scope` should be a text",
                "a.toml:3:1: no such key: `shceme` (did you mean `scheme`?)"
            ]
        );
    }

    #[test]
    fn text_that_is_no_toml_is_one_problem_with_its_line() {
        let sink = Sink::default();
        Doc::parse("a.toml", "a = 1\nb = = 2\n", &sink);
        let problems = sink.take();
        assert_eq!((problems[0].file.as_str(), problems[0].line), ("a.toml", 2));
    }

    #[test]
    fn durations_are_read_with_their_unit_only() {
        assert_eq!(parse_duration("90s"), Some(90_000));
        assert_eq!(parse_duration("7d"), Some(604_800_000));
        assert_eq!(parse_duration("90"), None);
        assert_eq!(parse_duration("s"), None);
    }
}
