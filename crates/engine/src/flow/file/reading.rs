//! What an expression of a flow reads: bound, known, granted, and over before it is read.

use super::check::{AtStep, Checker, Finds, Place};
use super::reader::At;
use crate::flow::expr::{Expr, Fault, Position, Reads};
use crate::flow::nearest::hint;
use crate::flow::path::{Path, Segment};
use crate::flow::paths::{FieldInfo, Refusal, is_proxy, refuse_comparison, resolve};
use crate::flow::problem::Source;
use serde_json::Value;
use stagewire_model::fields::{Class, Kind};

impl Checker<'_> {
    /// Checks all paths of an expression, and what they are compared with.
    pub(super) fn reads(
        &mut self,
        source: &mut Source<'_>,
        found: &At<String>,
        reads: &Reads,
        place: &Place,
    ) {
        for (path, at) in &reads.paths {
            if let Err(refusal) = self.read(path, place) {
                report(source, found, *at, refusal);
            }
        }
        for (path, compared) in &reads.compared {
            let info = self.see(path, place).ok().flatten();
            if let Some(info) = info
                && let Some(refusal) = refuse_comparison(path, info.kind, &compared.with)
            {
                report(source, found, compared.at, refusal);
            }
        }
    }

    /// Whether all that an expression reads of an event is open.
    pub(super) fn is_open(&self, expr: &Expr) -> bool {
        expr.paths().all(|path| {
            let info = self.see(path, &Place::default()).ok().flatten();
            info.is_some_and(|info| info.class == Class::Open)
        })
    }

    /// `each` names one list; inside its step it is read as `item`.
    pub(super) fn each(
        &mut self,
        source: &mut Source<'_>,
        found: &At<String>,
        expr: &Expr,
        place: &mut Place,
    ) {
        let refuse = |message: String, hint: &str| Refusal {
            message,
            hint: Some(hint.to_owned()),
        };
        let refusal = match expr.as_path() {
            None => Some(refuse(
                "`each` names a list and nothing else".to_owned(),
                "like `each = \"interview.interviewers\"`",
            )),
            Some(path) => match self.see(path, place) {
                Ok(Some(info)) if !matches!(info.kind, Kind::List(_) | Kind::Any) => Some(refuse(
                    format!("`{path}` is {}, not a list", info.kind.describe()),
                    "a step without `each` runs once",
                )),
                _ => None,
            },
        };
        match (refusal, &mut place.step) {
            (Some(refusal), _) => report(source, found, Position::START, refusal),
            (None, Some(step)) => step.item = expr.as_path().cloned(),
            (None, None) => {}
        }
    }

    /// A path that stands by itself, outside of any expression.
    pub(super) fn path(&mut self, source: &mut Source<'_>, found: &At<String>, path: &Path) {
        if let Err(refusal) = self.read(path, &Place::default()) {
            report(source, found, Position::START, refusal);
        }
    }

    fn read(&mut self, path: &Path, place: &Place) -> Result<(), Refusal> {
        let Some(info) = self.see(path, place)? else {
            return Ok(());
        };
        let path = match self.found_item(path, place) {
            Some((step, of_record)) => {
                let read = of_record.up_to_list();
                self.finds.get_mut(&step).map(|f| f.fields.insert(read));
                of_record
            }
            None => in_data(path, place),
        };
        if matches!(path.root.as_str(), "steps" | "vars") {
            return Ok(());
        }
        let path = path.without_places();
        if info.class == Class::Protected {
            return Err(refusal(
                format!("`{path}` is protected data, which no flow can read"),
                None,
            ));
        }
        if info.class == Class::Restricted {
            self.need_grant(&path)?;
        }
        if place.step.as_ref().is_some_and(|step| step.ai)
            && is_proxy(&path, info.kind, self.against.fields)
        {
            return Err(refusal(
                format!("`{path}` can stand in for protected data; no AI step may see it"),
                None,
            ));
        }
        if let Some((says, todo)) = self.left_out(&path) {
            return Err(refusal(says, Some(todo)));
        }
        self.found.insert(path);
        Ok(())
    }

    fn need_grant(&mut self, path: &Path) -> Result<(), Refusal> {
        let grants = self.grants.map(|(grants, _)| grants.paths.as_slice());
        let mut granted = false;
        for (index, grant) in grants.unwrap_or_default().iter().enumerate() {
            if path.is_within(&grant.without_places()) {
                granted = true;
                self.granted.insert(index);
            }
        }
        if granted {
            return Ok(());
        }
        let hint = format!("[grants] paths = [\"{path}\"], purpose = \"why this flow needs it\"");
        Err(refusal(
            format!("`{path}` is restricted and needs a grant of its own"),
            Some(hint),
        ))
    }

    /// What a path leads to from here; none where that cannot be known before a run.
    fn see(&self, path: &Path, place: &Place) -> Result<Option<FieldInfo>, Refusal> {
        match (path.root.as_str(), &place.step) {
            ("vars", _) => self.var(path).map(Some),
            ("steps", None) => Err(refusal(
                "no step has run when `only_if` is asked".to_owned(),
                Some("ask in the `if` of a step that needs it".to_owned()),
            )),
            ("steps", Some(step)) => self.output(path, step).map(|()| None),
            ("item", step) => match step.as_ref().and_then(|step| step.item.as_ref()) {
                None => Err(refusal(
                    "there is an `item` only in a step with `each`".to_owned(),
                    None,
                )),
                Some(_) if self.found_item(path, place).is_some() => self.of_record(path, place),
                Some(list) if matches!(list.root.as_str(), "steps" | "vars") => Ok(None),
                Some(list) => {
                    let mut one = list.clone();
                    one.rest.push(Segment::Index(0));
                    self.field(&path.below(&one))
                }
            },
            ("lines", Some(step)) if step.lines && path.rest.is_empty() => Ok(None),
            ("lines", _) => Err(refusal(
                "there is a `lines` only in the `with` of a step with `line`".to_owned(),
                None,
            )),
            _ => self.field(path),
        }
    }

    /// Of an item of `records.find`: which step found it, and the path below the record's own roots.
    fn found_item(&self, path: &Path, place: &Place) -> Option<(String, Path)> {
        let list = place.step.as_ref()?.item.as_ref()?;
        let [Segment::Field(step), _, Segment::Field(what)] = list.rest.as_slice() else {
            return None;
        };
        let ours = path.root == "item" && list.root == "steps" && what == "items";
        if !ours || !self.finds.contains_key(step) {
            return None;
        }
        let (root, rest) = path.rest.split_first()?;
        let root = match root {
            Segment::Field(root) if root != "id" => root.clone(),
            _ => return None,
        };
        let rest = rest.to_vec();
        Some((step.clone(), Path { root, rest }))
    }

    fn of_record(&self, path: &Path, place: &Place) -> Result<Option<FieldInfo>, Refusal> {
        let Some((step, of_record)) = self.found_item(path, place) else {
            return Ok(None);
        };
        if of_record.rest.is_empty() {
            return Err(refusal(
                format!("`item.{of_record}` is a whole record; name one of its fields"),
                Some("like `item.candidate.full_name`".to_owned()),
            ));
        }
        let roots = self.finds.get(&step).map_or(&[][..], |finds| finds.roots);
        resolve(&of_record, self.against.fields, "records.find", roots).map(Some)
    }

    fn field(&self, path: &Path) -> Result<Option<FieldInfo>, Refusal> {
        match self.event.as_str() {
            // Which roots there are depends on the event; a wrong one has been reported.
            "" => Ok(None),
            event => resolve(path, self.against.fields, event, self.roots).map(Some),
        }
    }

    fn var(&self, path: &Path) -> Result<FieldInfo, Refusal> {
        let name = path.field().unwrap_or_default();
        match self.vars.get(name) {
            Some(value) => Ok(FieldInfo {
                class: Class::Open,
                kind: match value {
                    Value::Array(_) => Kind::List(&Kind::Any),
                    _ if path.rest.len() > 1 => Kind::Any,
                    Value::Bool(_) => Kind::Bool,
                    Value::String(_) => Kind::Text,
                    _ => Kind::Any,
                },
            }),
            None => Err(refusal(
                format!("`[vars]` has no `{name}`"),
                hint(name, self.vars.keys().map(String::as_str)),
            )),
        }
    }

    /// `steps.<id>.output`: of a step that is over, ran once and did not fail.
    fn output(&self, path: &Path, at: &AtStep) -> Result<(), Refusal> {
        let [Segment::Field(step), Segment::Field(word), ..] = path.rest.as_slice() else {
            return Err(refusal(
                "of a step only its output can be read".to_owned(),
                Some("write `steps.<id>.output.<field>`".to_owned()),
            ));
        };
        if word != "output" {
            return Err(refusal(
                format!("of a step only its output can be read, not `{word}`"),
                Some(format!("write `steps.{step}.output.{word}`")),
            ));
        }
        if let Some(finds) = self.finds.get(step) {
            finds.output(path)?;
        }
        if at.failed.as_ref() == Some(step) {
            return Err(refusal(
                format!("`{step}` has failed when this runs, so it has no output"),
                None,
            ));
        }
        if !at.needs.contains(step) {
            let message = match self.done.contains_key(step) {
                true => format!("`{step}` need not be over when this runs"),
                false => format!("there is no step `{step}` above this one"),
            };
            let hint = match self.done.contains_key(step) {
                true => Some(format!("add `needs = [\"{step}\"]`")),
                false => hint(step, self.done.keys().map(String::as_str)),
            };
            return Err(refusal(message, hint));
        }
        if self.done.get(step).copied().unwrap_or(false) {
            return Err(refusal(
                format!("`{step}` runs once per item, so it has no one output"),
                None,
            ));
        }
        Ok(())
    }
}

impl Finds {
    /// Of what was found there is the list, for `each`, and its length.
    fn output(&self, path: &Path) -> Result<(), Refusal> {
        let list = if self.counts { "counts" } else { "items" };
        match path.rest.get(2..) {
            Some([Segment::Field(what)]) if what == "count" || what == list => Ok(()),
            _ => Err(refusal(
                format!("`records.find` gives `output.count` and, for `each`, `output.{list}`"),
                None,
            )),
        }
    }
}

/// The path as it is read of the data: what is read of `item` is read of its list.
fn in_data(path: &Path, place: &Place) -> Path {
    match place.step.as_ref().and_then(|step| step.item.as_ref()) {
        Some(list) if path.root == "item" => path.below(list),
        _ => path.clone(),
    }
}

fn refusal(message: String, hint: Option<String>) -> Refusal {
    Refusal { message, hint }
}

fn report(source: &mut Source<'_>, found: &At<String>, at: Position, refusal: Refusal) {
    let fault = Fault {
        line: at.line,
        column: at.column,
        message: refusal.message,
        hint: refusal.hint,
    };
    source.report_fault(&found.span, &found.value, &fault);
}
