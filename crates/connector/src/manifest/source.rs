//! A parsed file that remembers where each thing stood. Keeps the order of the file.

use super::Sink;
use crate::problem::Problem;
use serde_json::{Map, Value};
use std::rc::Rc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file.
pub(crate) struct Doc {
    pub(crate) root: Table,
}

/// The file's name and the places where its lines begin.
pub(crate) struct Source {
    name: String,
    lines: Vec<usize>,
}

/// One table.
pub(crate) struct Table {
    source: Rc<Source>,
    /// Where it stands, in bytes.
    pub(crate) at: usize,
    pub(crate) entries: Vec<Entry>,
}

/// One key.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: usize,
    pub(crate) node: Node,
}

/// One value.
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) item: Item,
}

/// What a value is.
pub(crate) enum Item {
    Text(String),
    Int(i64),
    Float(f64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
}

impl Doc {
    /// Reads a file; what cannot be read becomes problems, and the rest is still there.
    pub(crate) fn parse(name: &str, text: &str, sink: &Sink) -> Doc {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(i, _)| i + 1))
            .collect();
        let source = Rc::new(Source {
            name: name.to_owned(),
            lines,
        });
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().map_or(0, |s| s.start);
            sink.push(source.problem(at, error.message().to_owned()));
        }
        Doc {
            root: table(&source, root.span().start, root.get_ref()),
        }
    }
}

impl Source {
    fn problem(&self, at: usize, message: String) -> Problem {
        let line = self.lines.partition_point(|start| *start <= at);
        let column = at - self.lines[line - 1] + 1;
        Problem {
            file: self.name.clone(),
            line,
            column,
            message,
            hint: None,
        }
    }
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|e| e.key == key).map(|e| &e.node)
    }

    pub(crate) fn problem(&self, at: usize, message: impl Into<String>) -> Problem {
        self.source.problem(at, message.into())
    }
}

impl Item {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Item::Text(t) => Some(t),
            _ => None,
        }
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        match self {
            Item::Flag(b) => Some(*b),
            _ => None,
        }
    }

    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Item::Int(n) => Some(*n),
            _ => None,
        }
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        match self {
            Item::Table(t) => Some(t),
            _ => None,
        }
    }

    pub(crate) fn json(&self) -> Value {
        match self {
            Item::Text(t) => Value::String(t.clone()),
            Item::Int(n) => Value::from(*n),
            Item::Float(n) => Value::from(*n),
            Item::Flag(b) => Value::Bool(*b),
            Item::List(items) => Value::Array(items.iter().map(|n| n.item.json()).collect()),
            Item::Table(t) => Value::Object(
                t.entries
                    .iter()
                    .map(|e| (e.key.clone(), e.node.item.json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

fn table(source: &Rc<Source>, at: usize, from: &DeTable<'_>) -> Table {
    let mut entries: Vec<Entry> = from
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            at: key.span().start,
            node: node(source, value),
        })
        .collect();
    entries.sort_by_key(|e| e.at);
    Table {
        source: Rc::clone(source),
        at,
        entries,
    }
}

fn node(source: &Rc<Source>, from: &Spanned<DeValue<'_>>) -> Node {
    let at = from.span().start;
    let item = match from.get_ref() {
        DeValue::String(t) => Item::Text(t.to_string()),
        DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Item::Int(n),
            Err(_) => Item::Text(n.to_string()),
        },
        DeValue::Float(n) => match n.as_str().parse() {
            Ok(n) => Item::Float(n),
            Err(_) => Item::Text(n.as_str().to_owned()),
        },
        DeValue::Boolean(b) => Item::Flag(*b),
        DeValue::Datetime(d) => Item::Text(d.to_string()),
        DeValue::Array(items) => Item::List(items.iter().map(|i| node(source, i)).collect()),
        DeValue::Table(t) => Item::Table(table(source, at, t)),
    };
    Node { at, item }
}

impl Node {
    pub(crate) fn text(&self) -> Option<&str> {
        self.item.text()
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        self.item.table()
    }
}
