//! Everything the fake knows: its tables, its numbers and small look-ups. It speaks no HTTP.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ids::{self, Kind};
use super::problem::Problem;
use super::rows::{Application, Candidate, Doc};
use super::table::{Entry, Table};
use crate::clock::Time;

/// One organization's data.
#[derive(Clone)]
pub(crate) struct World {
    /// One sequence for all kinds.
    numbers: u64,
    /// One sequence for all changes.
    changes: u64,
    pub(crate) organization: String,
    pub(crate) candidates: Table<Candidate>,
    pub(crate) applications: Table<Application>,
    tables: BTreeMap<Kind, Table<Doc>>,
    nothing: Table<Doc>,
}

impl World {
    pub(crate) fn empty(organization: &str) -> Self {
        World {
            numbers: 1000,
            changes: 0,
            organization: organization.into(),
            candidates: Table::default(),
            applications: Table::default(),
            tables: BTreeMap::new(),
            nothing: Table::default(),
        }
    }

    /// The first of `count` numbers for new records.
    pub(crate) fn block(&mut self, count: u64) -> u64 {
        let first = self.numbers + 1;
        self.numbers += count;
        first
    }

    /// The first of `count` change numbers.
    pub(crate) fn versions(&mut self, count: u64) -> u64 {
        let first = self.changes + 1;
        self.changes += count;
        first
    }

    /// The number of the last change.
    pub(crate) fn version(&self) -> u64 {
        self.changes
    }

    /// A new id for a part of a record.
    pub(crate) fn part_id(&mut self) -> String {
        ids::id(Kind::Part, self.block(1))
    }

    pub(crate) fn table(&self, kind: Kind) -> &Table<Doc> {
        self.tables.get(&kind).unwrap_or(&self.nothing)
    }

    /// The numbers of all records of a kind kept as documents, oldest first.
    pub(crate) fn docs(&self, kind: Kind) -> impl DoubleEndedIterator<Item = u64> {
        self.table(kind).iter().map(|(n, _)| n)
    }

    /// A new document, made and changed at `at`.
    pub(crate) fn add(&mut self, kind: Kind, parent: Option<u64>, at: Time, fields: Value) -> u64 {
        let n = self.block(1);
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let entry = self.entry(at, Doc { parent, fields });
        self.tables.entry(kind).or_default().insert(n, entry);
        n
    }

    pub(crate) fn add_candidate(&mut self, at: Time, row: Candidate) -> u64 {
        let n = self.block(1);
        let entry = self.entry(at, row);
        self.candidates.insert(n, entry);
        n
    }

    pub(crate) fn add_application(&mut self, at: Time, row: Application) -> u64 {
        let (n, candidate) = (self.block(1), row.candidate);
        let entry = self.entry(at, row);
        self.applications.insert(n, entry);
        self.edit_candidate(candidate, at, |row| row.applications.push(n));
        n
    }

    fn entry<T>(&mut self, at: Time, row: T) -> Entry<T> {
        Entry {
            created: at,
            updated: at,
            version: self.versions(1),
            row,
        }
    }

    pub(crate) fn edit<R>(
        &mut self,
        kind: Kind,
        n: u64,
        now: Time,
        change: impl FnOnce(&mut Map<String, Value>) -> R,
    ) -> Option<R> {
        let version = self.versions(1);
        let table = self.tables.get_mut(&kind)?;
        table.edit(n, now, version, |doc| change(&mut doc.fields))
    }

    pub(crate) fn edit_candidate(
        &mut self,
        n: u64,
        now: Time,
        change: impl FnOnce(&mut Candidate),
    ) {
        let version = self.versions(1);
        self.candidates.edit(n, now, version, change);
    }

    pub(crate) fn edit_application(
        &mut self,
        n: u64,
        now: Time,
        change: impl FnOnce(&mut Application),
    ) {
        let version = self.versions(1);
        self.applications.edit(n, now, version, change);
    }

    pub(crate) fn remove(&mut self, kind: Kind, n: u64) {
        match kind {
            Kind::Candidate => drop(self.candidates.remove(n)),
            Kind::Application => drop(self.applications.remove(n)),
            kind => drop(self.tables.get_mut(&kind).and_then(|table| table.remove(n))),
        }
    }

    /// Gives a document to another record; it stays as it is.
    pub(crate) fn give(&mut self, kind: Kind, n: u64, parent: u64) {
        let version = self.versions(1);
        let Some(table) = self.tables.get_mut(&kind) else {
            return;
        };
        if let Some(mut entry) = table.stored(n).cloned() {
            table.remove(n);
            entry.version = version;
            entry.row.parent = Some(parent);
            table.insert(n, entry);
        }
    }

    /// Takes away all documents of a kind that belong to a record.
    pub(crate) fn remove_children(&mut self, kind: Kind, parent: u64) {
        let children: Vec<u64> = self.table(kind).children(parent).collect();
        for n in children {
            if kind == Kind::Schedule {
                self.remove_children(Kind::Event, n);
            }
            self.remove(kind, n);
        }
    }

    pub(crate) fn holds(&self, kind: Kind, n: u64) -> bool {
        match kind {
            Kind::Candidate => self.candidates.get(n).is_some(),
            Kind::Application => self.applications.get(n).is_some(),
            kind => self.table(kind).stored(n).is_some(),
        }
    }

    /// The record behind an id.
    pub(crate) fn find(&self, kind: Kind, id: &str) -> Result<u64, Problem> {
        ids::number(kind, id)
            .filter(|n| self.holds(kind, *n))
            .ok_or_else(|| Problem::missing(kind))
    }

    pub(crate) fn application(&self, n: u64) -> Result<Entry<Application>, Problem> {
        let found = self.applications.get(n);
        let found = found.ok_or_else(|| Problem::missing(Kind::Application))?;
        Ok(found.into_owned())
    }

    pub(crate) fn candidate(&self, n: u64) -> Result<Entry<Candidate>, Problem> {
        let found = self.candidates.get(n);
        let found = found.ok_or_else(|| Problem::missing(Kind::Candidate))?;
        Ok(found.into_owned())
    }

    /// A field of a document.
    pub(crate) fn field(&self, kind: Kind, n: u64, name: &str) -> &Value {
        let entry = self.table(kind).stored(n);
        let field = entry.and_then(|entry| entry.row.fields.get(name));
        field.unwrap_or(&Value::Null)
    }

    pub(crate) fn text(&self, kind: Kind, n: u64, name: &str) -> &str {
        self.field(kind, n, name).as_str().unwrap_or_default()
    }

    /// The record that a field of a document names.
    pub(crate) fn points_at(&self, kind: Kind, n: u64, name: &str, at: Kind) -> Option<u64> {
        ids::number(at, self.text(kind, n, name))
    }

    pub(crate) fn stage_type(&self, stage: u64) -> &str {
        self.text(Kind::Stage, stage, "type")
    }

    /// Lead, Active, Hired or Archived, as its stage says.
    pub(crate) fn status(&self, application: &Application) -> &'static str {
        match self.stage_type(application.stage) {
            "Lead" => "Lead",
            "Hired" => "Hired",
            "Archived" => "Archived",
            _ => "Active",
        }
    }

    /// A plan's stages, first to last.
    pub(crate) fn stages(&self, plan: u64) -> Vec<u64> {
        let mut stages: Vec<u64> = self.table(Kind::Stage).children(plan).collect();
        stages.sort_by_key(|n| self.field(Kind::Stage, *n, "orderInInterviewPlan").as_u64());
        stages
    }

    pub(crate) fn plan_of_job(&self, job: u64) -> Option<u64> {
        self.points_at(Kind::Job, job, "defaultInterviewPlanId", Kind::Plan)
    }

    pub(crate) fn stages_of_job(&self, job: u64) -> Vec<u64> {
        let plan = self.plan_of_job(job);
        plan.map(|plan| self.stages(plan)).unwrap_or_default()
    }

    /// The first stage of a type in a job's plan.
    pub(crate) fn stage_of_type(&self, job: u64, kind: &str) -> Result<u64, Problem> {
        let mut stages = self.stages_of_job(job).into_iter();
        let found = stages.find(|n| self.stage_type(*n) == kind);
        found.ok_or_else(|| Problem::missing(Kind::Stage))
    }

    /// How many records of a kind there are.
    pub(crate) fn count(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Candidate => self.candidates.len(),
            Kind::Application => self.applications.len(),
            kind => self.table(kind).len(),
        }
    }
}
