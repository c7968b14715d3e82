//! Expressions of flows: conditions, values, and texts with `{{ }}` in them. One small bounded language
//! behind a gate (paths, literals, comparison, `and or not in`, inline `if`, listed filters).
//! It has no loops, no bindings, no functions, no I/O and no clock, and cannot run without end.

mod compiled;
mod decimal;
mod filters;
mod gate;
mod text;

pub use gate::MOST_SOURCE;
pub use text::Text;

pub(in crate::flow) use gate::Compared;

use super::path::{Path, Segment};
use compiled::Compiled;
use gate::{Node, Parts};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// Why an expression was refused at load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    /// One plain sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Why an expression gave no value. It never holds a value of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A path that was needed is not known: not supplied, or not observed yet.
    #[error("`{path}` is not known")]
    Missing {
        /// The path as written, keys dotted.
        path: String,
    },
    /// The values do not fit the expression, or a limit was reached.
    #[error("line {line}, column {column}: {message}")]
    Failed {
        /// Counted from 1, in the source of the expression.
        line: u32,
        /// In characters, counted from 1.
        column: u32,
        /// One plain sentence.
        message: String,
    },
}

impl Error {
    /// The same, saying in which key of a step's `with` it happened.
    pub(in crate::flow) fn inside(self, key: &str) -> Self {
        match self {
            Self::Failed {
                line,
                column,
                message,
            } => Self::Failed {
                line,
                column,
                message: format!("in `{key}`: {message}"),
            },
            missing => missing,
        }
    }
}

/// Whether a value is at most so many bytes, and not nested too deeply.
pub(in crate::flow) fn fits(value: &Value, bytes: usize) -> bool {
    compiled::weigh(value, 0, bytes, compiled::MOST_DEPTH).is_some()
}

/// A place in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::flow) struct Position {
    pub(in crate::flow) line: u32,
    pub(in crate::flow) column: u32,
}

impl Position {
    pub(in crate::flow) const START: Self = Self { line: 1, column: 1 };

    /// The place `offset` bytes into `source`, which itself begins here.
    pub(in crate::flow) fn within(self, source: &str, offset: usize) -> Self {
        let mut at = self;
        for (index, c) in source.char_indices() {
            if index >= offset {
                break;
            }
            match c {
                '\n' => {
                    at.line += 1;
                    at.column = 1;
                }
                _ => at.column += 1,
            }
        }
        at
    }

    fn fault(self, message: impl Into<String>, hint: Option<String>) -> Fault {
        Fault {
            line: self.line,
            column: self.column,
            message: message.into(),
            hint,
        }
    }

    fn failed(self, message: impl Into<String>) -> Error {
        Error::Failed {
            line: self.line,
            column: self.column,
            message: message.into(),
        }
    }
}

/// The data an expression sees.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    data: &'a Value,
    vars: Option<&'a Map<String, Value>>,
    item: Option<&'a Value>,
    lines: Option<&'a str>,
    show_missing_outputs: bool,
}

impl<'a> Scope<'a> {
    /// An object of roots. A key that is not there is *not known*; one that is `null` is *empty*.
    pub fn new(data: &'a Value) -> Self {
        Self {
            data,
            vars: None,
            item: None,
            lines: None,
            show_missing_outputs: false,
        }
    }

    /// With the flow's variables, wherever the data binds no `vars.<name>` of its own.
    pub fn with_vars(self, vars: &'a Map<String, Value>) -> Self {
        Self {
            vars: Some(vars),
            ..self
        }
    }

    /// With the root `item`.
    pub fn with_item(self, item: &'a Value) -> Self {
        Self {
            item: Some(item),
            ..self
        }
    }

    /// With the root `lines`.
    pub fn with_lines(self, lines: &'a str) -> Self {
        let lines = Some(lines);
        Self { lines, ..self }
    }

    /// The scope of one of many that are told together, with the same variables.
    pub fn of_one(self, data: &'a Value) -> Self {
        Self { data, ..self }
    }

    /// The data it was made of.
    pub fn data(&self) -> &'a Value {
        self.data
    }

    /// Outputs of steps that have not run read as `‹id from step stage›` instead of missing.
    pub fn showing_missing_outputs(self) -> Self {
        Self {
            show_missing_outputs: true,
            ..self
        }
    }

    /// The value at a path: `None` = not known.
    pub fn find(&self, path: &Path) -> Option<Cow<'a, Value>> {
        if path.root == "item"
            && let Some(item) = self.item
        {
            return path.find_in(item).map(Cow::Borrowed);
        }
        if path.root == "lines" && path.rest.is_empty() {
            let lines = |text: &str| Cow::Owned(Value::String(text.to_owned()));
            return self.lines.map(lines);
        }
        let mut found = path.find(self.data);
        if found.is_none()
            && path.root == "vars"
            && let (Some(vars), Some((Segment::Field(name), rest))) =
                (self.vars, path.rest.split_first())
        {
            let below = Path {
                root: name.clone(),
                rest: rest.to_vec(),
            };
            found = vars.get(name).and_then(|value| below.find_in(value));
        }
        match found {
            Some(value) => Some(Cow::Borrowed(value)),
            None if path.root == "steps" && self.show_missing_outputs => {
                let names: Vec<String> = path.rest.iter().map(ToString::to_string).collect();
                let step = names.first()?;
                let what = names.get(2..).filter(|rest| !rest.is_empty());
                let what = what.map_or("output".to_owned(), |rest| rest.join("."));
                Some(Cow::Owned(Value::String(format!(
                    "‹{what} from step {step}›"
                ))))
            }
            None => None,
        }
    }
}

/// What every kind of expression can say about itself.
#[derive(Debug, Clone, Default)]
pub(in crate::flow) struct Reads {
    /// The paths, each with its first place in the source.
    pub(in crate::flow) paths: Vec<(Path, Position)>,
    pub(in crate::flow) compared: Vec<(Path, Compared)>,
}

impl Reads {
    fn of(parts: &Parts) -> Self {
        let compared = parts.compared.iter().filter_map(|compared| {
            let (path, _) = parts.slots.get(compared.slot)?;
            Some((path.clone(), compared.clone()))
        });
        Self {
            paths: parts.slots.clone(),
            compared: compared.collect(),
        }
    }

    fn add(&mut self, more: Self) {
        for (path, at) in more.paths {
            if self.paths.iter().all(|(known, _)| *known != path) {
                self.paths.push((path, at));
            }
        }
        self.compared.extend(more.compared);
    }
}

/// A condition: `stage.name == 'Offer' and job.status == 'open'`.
#[derive(Debug)]
pub struct Condition {
    source: String,
    tree: Tree,
    reads: Reads,
}

#[derive(Debug)]
enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Leaf(Box<Compiled>),
}

impl Condition {
    /// Reads and checks a condition; all faults at once where the syntax allows.
    pub fn parse(source: &str) -> Result<Self, Vec<Fault>> {
        let (node, parts) = gate::admit(source, Position::START)?;
        let reads = Reads::of(&parts);
        let tree = Tree::new(&node, &parts).map_err(|fault| vec![fault])?;
        Ok(Self {
            source: source.to_owned(),
            tree,
            reads,
        })
    }

    /// True, false, or the path without which it can be neither: `a and b` is false as soon as
    /// one side is, `a or b` true as soon as one side is, whatever is not known about the other.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<bool, Error> {
        self.tree.evaluate(scope)
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The paths it reads.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.reads.paths.iter().map(|(path, _)| path)
    }

    pub(in crate::flow) fn reads(&self) -> &Reads {
        &self.reads
    }
}

impl Tree {
    fn new(node: &Node, parts: &Parts) -> Result<Self, Fault> {
        let each = |nodes: &[Node]| {
            nodes
                .iter()
                .map(|node| Self::new(node, parts))
                .collect::<Result<_, _>>()
        };
        Ok(match node {
            Node::All(nodes) => Self::All(each(nodes)?),
            Node::Any(nodes) => Self::Any(each(nodes)?),
            Node::Not(inner) => Self::Not(Box::new(Self::new(inner, parts)?)),
            leaf => {
                // A leaf resolves only what it reads itself.
                let (leaf, own) = gate::narrow(leaf, parts);
                Self::Leaf(Box::new(Compiled::new(&leaf, own, Position::START)?))
            }
        })
    }

    fn evaluate(&self, scope: &Scope<'_>) -> Result<bool, Error> {
        match self {
            Self::Leaf(leaf) => leaf.holds(scope),
            Self::Not(inner) => inner.evaluate(scope).map(|holds| !holds),
            Self::All(all) => settle(all, scope, false),
            Self::Any(any) => settle(any, scope, true),
        }
    }
}

/// One side that is `decisive` decides; else the first that could not be told.
fn settle(sides: &[Tree], scope: &Scope<'_>, decisive: bool) -> Result<bool, Error> {
    let mut untold = None;
    for side in sides {
        match side.evaluate(scope) {
            Ok(holds) if holds == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(error) => untold = untold.or(Some(error)),
        }
    }
    match untold {
        Some(error) => Err(error),
        None => Ok(!decisive),
    }
}

/// A bare expression that gives a value, such as the list of `each`.
#[derive(Debug)]
pub struct Expr {
    compiled: Compiled,
    reads: Reads,
    path: Option<Path>,
}

impl Expr {
    /// Reads and checks an expression.
    pub fn parse(source: &str) -> Result<Self, Vec<Fault>> {
        Self::parse_at(source, Position::START)
    }

    fn parse_at(source: &str, at: Position) -> Result<Self, Vec<Fault>> {
        let (node, parts) = gate::admit(source, at)?;
        let reads = Reads::of(&parts);
        let path = match node {
            Node::Slot { slot } => parts.slots.get(slot).map(|(path, _)| path.clone()),
            _ => None,
        };
        let compiled = Compiled::new(&node, parts, at).map_err(|fault| vec![fault])?;
        Ok(Self {
            compiled,
            reads,
            path,
        })
    }

    /// Its value; an empty one is JSON `null`.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Error> {
        self.compiled.evaluate(scope)
    }

    /// The path, if it is nothing but one.
    pub fn as_path(&self) -> Option<&Path> {
        self.path.as_ref()
    }

    /// The paths it reads.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.reads.paths.iter().map(|(path, _)| path)
    }

    pub(in crate::flow) fn reads(&self) -> &Reads {
        &self.reads
    }
}
