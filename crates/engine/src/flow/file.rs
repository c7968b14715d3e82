//! A flow's TOML file: read, checked as a whole against model, actions and connections, and compiled.
//! A file with a problem gives no flow but all its problems, each with its place.

mod check;
mod filter;
mod later;
mod reader;
mod reading;
mod sections;
mod steps;
mod when;

use super::catalog::Catalog;
use super::expr::{Condition, Expr, Text};
use super::path::Path;
use super::paths::Fields;
use super::problem::{Problem, Source};
use super::with::With;
use crate::time::fact::Fact;
use crate::time::filter::Filter;
use crate::time::items;
use crate::time::{Length, Schedule};
use serde_json::{Map, Value};
use stagewire_model::{Effect, Rung};
use std::time::Duration;
use toml::de::DeTable;

/// Most steps of one flow.
pub const MOST_STEPS: usize = 50;
const MOST_FILE: usize = 256 * 1024;

/// A flow that was checked and can be planned.
#[derive(Debug)]
pub struct Flow {
    /// The file's stem.
    pub id: String,
    /// For people.
    pub name: String,
    /// Who answers for it.
    pub owner: String,
    /// The ceiling; the actual rung is earned.
    pub rung: Rung,
    /// The share of failures it may have, in hundredths of a percent.
    pub budget: Option<u32>,
    /// What sets it off.
    pub when: When,
    /// What it does, in the order of the file.
    pub steps: Vec<Step>,
    /// What differs between sandbox and live.
    pub vars: Map<String, Value>,
    /// Restricted paths it may read, and why.
    pub grants: Option<Grants>,
    pub(super) reads: Vec<Path>,
}

/// What sets a flow off.
#[derive(Debug)]
pub struct When {
    /// The event's type.
    pub event: String,
    /// The source connection; none = any.
    pub connection: Option<String>,
    /// The condition it depends on.
    pub only_if: Option<Condition>,
    /// Late events too.
    pub late: bool,
    /// Echoes of our own writes too.
    pub own_echoes: bool,
    /// The fact that time brings about, where it is one.
    pub fact: Option<Fact>,
    /// The times it runs at, and over which records.
    pub schedule: Option<(Schedule, Filter)>,
    /// Events are told together.
    pub collect: Option<Collect>,
    /// Above so many in a short while they are told together.
    pub burst: Option<i64>,
    /// How long it waits whether the change is taken back.
    pub settle: Option<Length>,
}

/// How many events become one message.
#[derive(Debug)]
pub struct Collect {
    /// One message for each value of this.
    pub by: Option<Expr>,
    /// Its value may stand in the event: nothing it reads is anybody's own.
    pub by_open: bool,
    /// When; none with a schedule, which says it itself.
    pub at: Option<Schedule>,
}

/// One step of a flow.
#[derive(Debug)]
pub struct Step {
    /// Its name in the flow.
    pub id: String,
    /// The action: `chat.message.post`.
    pub action: String,
    /// The connection it goes to.
    pub connection: String,
    /// The effect its action has.
    pub effect: Effect,
    /// Whether its action is always held.
    pub hold_always: bool,
    /// Whether it only reads.
    pub reads: bool,
    /// What is passed.
    pub with: With,
    /// Steps that come first.
    pub needs: Vec<String>,
    /// Its own condition.
    pub condition: Option<Condition>,
    /// The list it runs for, once per item.
    pub each: Option<Expr>,
    /// It runs when the one step it needs ends in the inbox.
    pub on_failed: bool,
    /// How long it is worth sending.
    pub valid_for: Option<Duration>,
    /// How long it waits before its turn.
    pub after: Option<Length>,
    /// What must still hold then.
    pub only_while: Option<Condition>,
    /// Rendered for each of many; together they are `lines`.
    pub line: Option<Text>,
    /// The records it finds: it is `records.find`.
    pub find: Option<Filter>,
}

/// Restricted paths a flow may read.
#[derive(Debug, Clone)]
pub struct Grants {
    /// The paths; what is below them is granted too.
    pub paths: Vec<Path>,
    /// Why, in a person's words.
    pub purpose: String,
}

/// What a file is checked against.
#[derive(Clone, Copy)]
pub struct Against<'a> {
    /// The fields of the model.
    pub fields: &'a dyn Fields,
    /// The actions and connections there are.
    pub catalog: &'a dyn Catalog,
}

impl Flow {
    /// Reads and checks a flow. `file` is named in problems; `id` is the file's stem.
    pub fn load(
        file: &str,
        id: &str,
        text: &str,
        against: Against<'_>,
    ) -> Result<Self, Vec<Problem>> {
        let mut source = Source::new(file, text);
        if text.len() > MOST_FILE {
            source.report(0, "a flow's file may have at most 256 KB", None);
            return Err(source.finish());
        }
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            source.report(at, format!("this is not TOML: {message}"), None);
        }
        if !source.is_clean() {
            return Err(source.finish());
        }
        let flow = sections::flow(&mut source, id, document.get_ref(), against);
        match flow {
            Some(flow) if source.is_clean() => Ok(flow),
            _ => Err(source.finish()),
        }
    }

    /// Whether events of this connection may start it.
    pub fn is_of(&self, conn: &str) -> bool {
        self.when.connection.as_deref().is_none_or(|c| c == conn)
    }

    /// The rule of the events it waits for, where they are of time.
    pub fn rule(&self) -> Option<String> {
        match (&self.when.fact, &self.when.schedule) {
            (Some(fact), _) => Some(fact.to_string()),
            (None, Some(_)) => Some(items::addressed_to(&self.id)),
            (None, None) => None,
        }
    }

    /// Every path of the data it reads, each once, in order; of `item` it is the list that is read.
    /// The engine adds the paths of the guards (design: confidential, do not contact, …).
    pub fn reads(&self) -> &[Path] {
        &self.reads
    }

    /// The step of this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }
}
