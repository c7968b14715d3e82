//! Everything the fake tenant knows, and small look-ups. It speaks no HTTP and no XML.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::crowd::Plan;
use super::rows::{Application, Candidate, Interview, Offer, Party, Requisition};
use super::table::{Table, Window};
use crate::clock::Time;

/// One tenant's data. A copy is a snapshot: a report or a cached result keeps one.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) candidates: Table<Candidate>,
    pub(crate) applications: Table<Application>,
    pub(crate) requisitions: Table<Requisition>,
    pub(crate) interviews: Table<Interview>,
    pub(crate) offers: Table<Offer>,
    pub(crate) plan: Option<Plan>,
    pub(crate) next_candidate: u64,
    pub(crate) next_application: u64,
    pub(crate) next_requisition: u64,
    pub(crate) next_other: u64,
    /// Counts changes, so that a computed result can be told to be stale.
    pub(crate) generation: u64,
    /// The transaction log: which candidate something happened to, oldest first.
    log: Vec<(Time, u64)>,
    /// The same for requisitions.
    requisition_log: Vec<(Time, u64)>,
    /// Stored applications by candidate.
    of_candidate: BTreeMap<u64, BTreeSet<u64>>,
}

/// Why an act was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such record; the word names its kind.
    Missing(&'static str),
    /// A field is wrong.
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        text: String,
    },
}

impl Refused {
    pub(crate) fn invalid(field: &'static str, text: impl Into<String>) -> Self {
        Refused::Invalid {
            field,
            text: text.into(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Missing(kind) => write!(f, "no such {kind}"),
            Refused::Invalid { field, text } => write!(f, "{field}: {text}"),
        }
    }
}

impl World {
    pub(crate) fn empty() -> Self {
        World {
            candidates: Table::default(),
            applications: Table::default(),
            requisitions: Table::default(),
            interviews: Table::default(),
            offers: Table::default(),
            plan: None,
            next_candidate: 1001,
            next_application: 5001,
            next_requisition: 101,
            next_other: 701,
            generation: 0,
            log: Vec::new(),
            requisition_log: Vec::new(),
            of_candidate: BTreeMap::new(),
        }
    }

    pub(crate) fn candidate(&self, id: u64) -> Result<Cow<'_, Candidate>, Refused> {
        self.candidates.get(id).ok_or(Refused::Missing("candidate"))
    }

    pub(crate) fn application(&self, id: u64) -> Result<Cow<'_, Application>, Refused> {
        let found = self.applications.get(id);
        found.ok_or(Refused::Missing("job application"))
    }

    pub(crate) fn requisition(&self, id: u64) -> Result<Cow<'_, Requisition>, Refused> {
        let found = self.requisitions.get(id);
        found.ok_or(Refused::Missing("job requisition"))
    }

    /// A candidate's applications, oldest first.
    pub(crate) fn applications_of(&self, candidate: u64) -> Vec<Cow<'_, Application>> {
        let mut ids: Vec<u64> = match self.of_candidate.get(&candidate) {
            Some(ids) => ids.iter().copied().collect(),
            None => Vec::new(),
        };
        let computed = self
            .plan
            .as_ref()
            .and_then(|plan| plan.application_of(candidate));
        if let Some(id) = computed.filter(|id| !self.applications.stores(*id)) {
            ids.push(id);
            ids.sort_unstable();
        }
        let found = ids.into_iter();
        found.filter_map(|id| self.applications.get(id)).collect()
    }

    /// Withdrawn means that the candidate ended everything there was.
    pub(crate) fn has_withdrawn(&self, candidate: u64) -> bool {
        let applications = self.applications_of(candidate);
        let withdrew = |row: &Cow<'_, Application>| {
            row.disposition
                .is_some_and(|why| why.by == Party::Candidate)
        };
        !applications.is_empty() && applications.iter().all(withdrew)
    }

    pub(crate) fn add_application(&mut self, row: Application) {
        let at = row.updated_at;
        self.own(row.candidate_id, row.id);
        self.note(at, row.candidate_id);
        self.applications.insert(row);
    }

    /// Changes an application: its own date and its candidate's transaction log move, no more.
    pub(crate) fn edit_application(
        &mut self,
        id: u64,
        now: Time,
        change: impl FnOnce(&mut Application),
    ) {
        let before = self.applications.get(id).map(|row| row.candidate_id);
        let after = self.applications.edit(id, now, |row| {
            change(row);
            row.candidate_id
        });
        let (Some(before), Some(after)) = (before, after) else {
            return;
        };
        if before != after
            && let Some(ids) = self.of_candidate.get_mut(&before)
        {
            ids.remove(&id);
        }
        self.own(after, id);
        self.note(now, after);
    }

    /// Changes a candidate: its own date and its transaction log move, no application's.
    pub(crate) fn edit_candidate(
        &mut self,
        id: u64,
        now: Time,
        change: impl FnOnce(&mut Candidate),
    ) {
        if self.candidates.edit(id, now, change).is_some() {
            self.note(now, id);
        }
    }

    pub(crate) fn edit_requisition(
        &mut self,
        id: u64,
        now: Time,
        change: impl FnOnce(&mut Requisition),
    ) {
        if self.requisitions.edit(id, now, change).is_some() {
            self.note_requisition(now, id);
        }
    }

    /// Removes a candidate with everything that hangs on it.
    pub(crate) fn remove_candidate(&mut self, id: u64) {
        let applications: Vec<u64> = self.applications_of(id).iter().map(|row| row.id).collect();
        for application in applications {
            self.applications.remove(application);
            let hangs = |row_application: u64| row_application == application;
            let interviews = self.interviews.iter();
            let interviews = interviews.filter(|row| hangs(row.application_id));
            for id in interviews.map(|row| row.id).collect::<Vec<_>>() {
                self.interviews.remove(id);
            }
            let offers = self.offers.iter();
            let offers = offers.filter(|row| hangs(row.application_id));
            for id in offers.map(|row| row.id).collect::<Vec<_>>() {
                self.offers.remove(id);
            }
        }
        self.of_candidate.remove(&id);
        self.candidates.remove(id);
    }

    /// Writes a transaction down; seeded ones may be older than the last.
    pub(crate) fn note(&mut self, at: Time, candidate: u64) {
        let place = self.log.partition_point(|(time, _)| *time <= at);
        self.log.insert(place, (at, candidate));
    }

    pub(crate) fn note_requisition(&mut self, at: Time, id: u64) {
        let log = &mut self.requisition_log;
        let place = log.partition_point(|(time, _)| *time <= at);
        log.insert(place, (at, id));
    }

    /// Living candidates with a transaction within the window, in rising order.
    pub(crate) fn candidates_touched(&self, window: Window) -> Vec<u64> {
        let mut ids: BTreeSet<u64> = within(&self.log, window).iter().map(|one| one.1).collect();
        if let Some(plan) = &self.plan {
            ids.extend(plan.candidates_in(window));
        }
        let ids = ids.into_iter();
        ids.filter(|id| self.candidates.get(*id).is_some())
            .collect()
    }

    /// Requisitions with a transaction within the window, in rising order.
    pub(crate) fn requisitions_touched(&self, window: Window) -> Vec<u64> {
        let touched = within(&self.requisition_log, window).iter();
        let ids: BTreeSet<u64> = touched.map(|one| one.1).collect();
        ids.into_iter().collect()
    }

    fn own(&mut self, candidate: u64, application: u64) {
        let owned = self.of_candidate.entry(candidate).or_default();
        owned.insert(application);
    }
}

fn within(log: &[(Time, u64)], (from, through): Window) -> &[(Time, u64)] {
    let start = from.map_or(0, |from| log.partition_point(|(at, _)| *at < from));
    let end = through.map_or(log.len(), |through| {
        log.partition_point(|(at, _)| *at <= through)
    });
    &log[start..end.max(start)]
}
