//! What a flow's parts say about each other and about the world: names, connections, the order of steps.

use super::reader::At;
use super::sections::is_id;
use super::{Against, Grants};
use crate::flow::catalog::ActionInfo;
use crate::flow::nearest::hint;
use crate::flow::path::Path;
use crate::flow::problem::Source;
use crate::flow::scope;
use crate::time::filter::Filter;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::de::DeTable;

/// The one read step of our own.
pub(super) const FIND: &str = "records.find";

/// Where an expression stands, and so what it may read.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// None in `only_if`, where no step has run.
    pub(super) step: Option<AtStep>,
}

/// What a step's expressions may read besides the event's scope.
#[derive(Debug, Default)]
pub(super) struct AtStep {
    /// The steps that are over when it runs.
    pub(super) needs: BTreeSet<String>,
    /// The one of them that failed.
    pub(super) failed: Option<String>,
    /// The list it runs for.
    pub(super) item: Option<Path>,
    /// It may read `lines`.
    pub(super) lines: bool,
    /// Whether a model sees what it passes.
    pub(super) ai: bool,
}

/// What a `records.find` looks through.
#[derive(Debug)]
pub(super) struct Finds {
    pub(super) roots: &'static [&'static str],
    /// It counts instead of listing.
    pub(super) counts: bool,
    /// The paths that later steps read of each record.
    pub(super) fields: BTreeSet<Path>,
}

impl Finds {
    pub(super) fn of(filter: &Filter) -> Self {
        Self {
            roots: scope::roots_of(filter.entity.name()).unwrap_or_default(),
            counts: filter.count_by.is_some(),
            fields: BTreeSet::new(),
        }
    }
}

/// Checks names and paths while the sections are read.
pub(super) struct Checker<'a> {
    pub(super) against: Against<'a>,
    pub(super) vars: &'a Map<String, Value>,
    pub(super) grants: Option<&'a (Grants, Vec<Range<usize>>)>,
    pub(super) granted: BTreeSet<usize>,
    pub(super) event: String,
    /// The source connection the flow names.
    pub(super) from: Option<String>,
    pub(super) roots: &'static [&'static str],
    /// Each step that was read, and whether it runs for each item of a list.
    pub(super) done: BTreeMap<String, bool>,
    pub(super) found: BTreeSet<Path>,
    /// What each `records.find` looks through, and what later steps read of it.
    pub(super) finds: BTreeMap<String, Finds>,
    /// Many events or records become one run.
    pub(super) together: bool,
    /// A run is for one event, or for many.
    pub(super) bursts: bool,
    /// Every step of the file with its needs, known before the first is read.
    announced: Vec<(String, Vec<String>)>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        against: Against<'a>,
        vars: &'a Map<String, Value>,
        grants: Option<&'a (Grants, Vec<Range<usize>>)>,
    ) -> Self {
        Self {
            against,
            vars,
            grants,
            granted: BTreeSet::new(),
            event: String::new(),
            from: None,
            roots: &[],
            done: BTreeMap::new(),
            found: BTreeSet::new(),
            finds: BTreeMap::new(),
            together: false,
            bursts: false,
            announced: Vec::new(),
        }
    }

    pub(super) fn bind(&mut self, event: &str, roots: &'static [&'static str]) {
        self.event = event.to_owned();
        self.roots = roots;
    }

    /// Reports where records of a kind are not kept at all.
    pub(super) fn held(&self, source: &mut Source<'_>, at: usize, root: &str) {
        if let Some((says, todo)) = self.left_out(&Path::of(root, [])) {
            source.report(at, says, Some(todo));
        }
    }

    /// Why a path (or, without a field, a whole kind of record) is not there though it could be.
    pub(super) fn left_out(&self, path: &Path) -> Option<(String, String)> {
        let catalog = self.against.catalog;
        catalog.left_out(self.from.as_deref(), path)
    }

    /// The connector behind a connection.
    pub(super) fn connection(
        &self,
        source: &mut Source<'_>,
        connection: &At<String>,
    ) -> Option<String> {
        let connector = self.against.catalog.connector_of(&connection.value);
        if connector.is_none() {
            let known = self.against.catalog.connections();
            let message = format!("there is no connection `{}`", connection.value);
            let hint = among(&connection.value, &known);
            source.report(connection.span.start, message, hint);
        }
        connector
    }

    pub(super) fn action(
        &self,
        source: &mut Source<'_>,
        action: &At<String>,
    ) -> Option<ActionInfo> {
        let info = self.against.catalog.action(&action.value);
        if info.is_none() {
            let mut known = self.against.catalog.actions();
            known.push(FIND.to_owned());
            let hint = among(&action.value, &known).or_else(|| of_connector(action, &known));
            let message = format!("there is no action `{}`", action.value);
            source.report(action.span.start, message, hint);
        }
        info
    }

    pub(super) fn announce(&mut self, steps: impl Iterator<Item = (String, Vec<String>)>) {
        self.announced = steps.collect();
    }

    pub(super) fn step_id(&self, source: &mut Source<'_>, id: &At<String>) {
        if !is_id(&id.value) {
            let hint = "small letters, digits, `-` and `_`";
            let message = format!("`{}` cannot be a step's id", id.value);
            source.report(id.span.start, message, Some(hint.to_owned()));
        } else if self.done.contains_key(&id.value) {
            let message = format!("there are two steps `{}`", id.value);
            source.report(id.span.start, message, None);
        }
    }

    /// The needs that can be met; the others are problems.
    pub(super) fn needs(
        &self,
        source: &mut Source<'_>,
        own: &str,
        needs: Vec<At<String>>,
    ) -> Vec<String> {
        let mut met = Vec::new();
        for need in needs {
            let name = &need.value;
            let at = need.span.start;
            if name == own {
                source.report(at, format!("`{own}` cannot wait for itself"), None);
            } else if self.done.contains_key(name) {
                if met.contains(name) {
                    source.report(at, format!("`{name}` stands here twice"), None);
                } else {
                    met.push(name.clone());
                }
            } else if self.announced.iter().any(|(id, _)| id == name) {
                let (message, hint) = match self.behind(name).contains(own) {
                    true => (
                        format!("`{own}` and `{name}` would wait for each other"),
                        None,
                    ),
                    false => (
                        format!("`{name}` stands later in the file"),
                        Some(format!("move it above `{own}`")),
                    ),
                };
                source.report(at, message, hint);
            } else {
                let steps = self.announced.iter().map(|(id, _)| id.as_str());
                let steps = steps.filter(|id| *id != own);
                source.report(at, format!("there is no step `{name}`"), hint(name, steps));
            }
        }
        met
    }

    /// All steps that these wait for, and these.
    pub(super) fn all_needs(&self, needs: &[String]) -> BTreeSet<String> {
        needs.iter().fold(BTreeSet::new(), |mut all, need| {
            all.insert(need.clone());
            all.append(&mut self.behind(need));
            all
        })
    }

    fn behind(&self, step: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![step.to_owned()];
        while let Some(next) = open.pop() {
            for (_, needs) in self.announced.iter().filter(|(id, _)| *id == next) {
                for need in needs {
                    if seen.insert(need.clone()) {
                        open.push(need.clone());
                    }
                }
            }
        }
        seen
    }

    /// The keys of `with`, against those the action takes.
    pub(super) fn with_keys(
        &self,
        source: &mut Source<'_>,
        info: &ActionInfo,
        action: &At<String>,
        given: Option<&DeTable<'_>>,
        step: usize,
    ) {
        let known: Vec<String> = info
            .required
            .iter()
            .chain(&info.optional)
            .cloned()
            .collect();
        for (key, _) in given.into_iter().flatten() {
            let name: &str = key.get_ref();
            if !known.iter().any(|known| known == name) {
                let message = format!("`{}` takes no `{name}`", action.value);
                source.report(key.span().start, message, among(name, &known));
            }
        }
        for name in &info.required {
            if given.is_none_or(|given| !given.contains_key(name.as_str())) {
                let message = format!("`{}` needs `{name}` in its `with`", action.value);
                source.report(step, message, None);
            }
        }
    }

    pub(super) fn done(&mut self, id: &str, each: bool) {
        if !id.is_empty() {
            self.done.insert(id.to_owned(), each);
        }
    }

    /// Every path read, in order. A grant that nothing needs is a problem: it would wait for misuse.
    pub(super) fn finish(self, source: &mut Source<'_>) -> Vec<Path> {
        if let Some((grants, spans)) = self.grants
            && !self.event.is_empty()
        {
            let each = grants.paths.iter().zip(spans).enumerate();
            for (index, (path, span)) in each {
                if !self.granted.contains(&index) {
                    let message = format!("nothing in this flow needs a grant for `{path}`");
                    source.report(span.start, message, None);
                }
            }
        }
        self.found.into_iter().collect()
    }
}

/// Names the nearest of these, for a problem.
pub(super) fn among(name: &str, known: &[String]) -> Option<String> {
    hint(name, known.iter().map(String::as_str))
}

fn of_connector(action: &At<String>, known: &[String]) -> Option<String> {
    let connector = format!("{}.", action.value.split('.').next()?);
    let own: Vec<&str> = known
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with(&connector))
        .collect();
    (!own.is_empty()).then(|| format!("there is: {}", own.join(", ")))
}
