//! Everything the account holds, and the indexes that keep its lists fast. It sends nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::crowd::Plan;
use super::id::Id;
use super::query::Filter;
use super::rows::{
    Application, Contact, Eeo, Feedback, File, Grave, Interview, Note, Offer, Opportunity, Posting,
    Reason, Requisition, Stage, StageNo, User,
};
use super::table::Table;
use crate::clock::Time;

/// Where an opportunity can come from.
pub(crate) const ORIGINS: [&str; 6] = [
    "applied",
    "sourced",
    "referred",
    "university",
    "agency",
    "internal",
];

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such record: the collection and the id asked for.
    Missing(&'static str, String),
    /// The request makes no sense; in words.
    Invalid(String),
    /// It may not be done; in words.
    Forbidden(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Missing(what, id) => write!(f, "{what} {id} was not found"),
            Refused::Invalid(text) | Refused::Forbidden(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Refused {}

pub(crate) fn invalid(text: impl Into<String>) -> Refused {
    Refused::Invalid(text.into())
}

/// The account.
#[derive(Clone, Default)]
pub(crate) struct World {
    next: u64,
    pub(crate) stages: Vec<Stage>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) users: Table<User>,
    pub(crate) contacts: Table<Contact>,
    pub(crate) opportunities: Table<Opportunity>,
    pub(crate) postings: Table<Posting>,
    pub(crate) requisitions: Table<Requisition>,
    pub(crate) notes: Table<Note>,
    pub(crate) interviews: Table<Interview>,
    pub(crate) feedback: Table<Feedback>,
    pub(crate) offers: Table<Offer>,
    pub(crate) files: Table<File>,
    pub(crate) eeo: Table<Eeo>,
    pub(crate) dead_opportunities: Vec<Grave<Opportunity>>,
    /// With the opportunity that had it.
    pub(crate) dead_applications: Vec<Grave<(Opportunity, Application)>>,
    pub(crate) dead_postings: Vec<Grave<Posting>>,
    pub(crate) tag_counts: BTreeMap<String, i64>,
    pub(crate) source_counts: BTreeMap<String, i64>,
    pub(crate) plan: Option<Arc<Plan>>,
    /// Stored opportunities that have been touched, by when.
    touched: BTreeSet<(Time, Id)>,
    emails: HashMap<String, Id>,
}

impl World {
    pub(crate) fn empty() -> World {
        World {
            next: 1000,
            ..World::default()
        }
    }

    pub(crate) fn new_id(&mut self) -> Id {
        Id(self.block(1))
    }

    pub(crate) fn block(&mut self, count: u64) -> u64 {
        let first = self.next;
        self.next += count;
        first
    }

    pub(crate) fn opportunity(&self, id: Id) -> Result<Opportunity, Refused> {
        let found = self.opportunities.get(id);
        found
            .map(std::borrow::Cow::into_owned)
            .ok_or_else(|| Refused::Missing("opportunities", id.to_string()))
    }

    pub(crate) fn contact(&self, id: Id) -> Result<Contact, Refused> {
        let found = self.contacts.get(id);
        found
            .map(std::borrow::Cow::into_owned)
            .ok_or_else(|| Refused::Missing("contacts", id.to_string()))
    }

    pub(crate) fn stage_no(&self, id: &str) -> Result<StageNo, Refused> {
        let found = self.stages.iter().position(|stage| stage.id == id);
        found.ok_or_else(|| Refused::Missing("stages", id.to_string()))
    }

    pub(crate) fn stage_id(&self, no: StageNo) -> &str {
        self.stages.get(no).map_or("", |stage| stage.id.as_str())
    }

    pub(crate) fn reason(&self, id: Id) -> Result<&Reason, Refused> {
        let found = self.reasons.iter().find(|reason| reason.id == id);
        found.ok_or_else(|| Refused::Missing("archive_reasons", id.to_string()))
    }

    pub(crate) fn is_hired(&self, row: &Opportunity) -> bool {
        let reason = row.archived.and_then(|is| self.reason(is.reason).ok());
        reason.is_some_and(|reason| reason.hired)
    }

    /// The contact with this address, upper and lower case alike.
    pub(crate) fn contact_with(&self, email: &str) -> Option<Id> {
        let email = email.to_lowercase();
        let stored = self.emails.get(&email).copied();
        let found = stored.or_else(|| self.plan.as_ref()?.contact_with(&email))?;
        let contact = self.contacts.get(found)?;
        let mut held = contact.emails.iter();
        held.any(|held| held.to_lowercase() == email)
            .then_some(found)
    }

    pub(crate) fn put_contact(&mut self, contact: Contact) {
        for email in &contact.emails {
            self.emails.insert(email.to_lowercase(), contact.id);
        }
        self.contacts.insert(contact);
    }

    pub(crate) fn put(&mut self, row: Opportunity) {
        count(&mut self.tag_counts, &row.tags, 1);
        count(&mut self.source_counts, &row.sources, 1);
        self.touched.extend(row.updated_at.map(|at| (at, row.id)));
        self.opportunities.insert(row);
    }

    /// Changes an opportunity; `now` if that moves its `updatedAt`.
    pub(crate) fn edit<R>(
        &mut self,
        id: Id,
        now: Option<Time>,
        change: impl FnOnce(&mut Opportunity) -> R,
    ) -> Result<R, Refused> {
        let row = self
            .opportunities
            .get_mut(id)
            .ok_or_else(|| Refused::Missing("opportunities", id.to_string()))?;
        count(&mut self.tag_counts, &row.tags, -1);
        count(&mut self.source_counts, &row.sources, -1);
        if let Some(at) = row.updated_at {
            self.touched.remove(&(at, id));
        }
        let result = change(row);
        row.updated_at = now.or(row.updated_at);
        count(&mut self.tag_counts, &row.tags, 1);
        count(&mut self.source_counts, &row.sources, 1);
        self.touched.extend(row.updated_at.map(|at| (at, id)));
        Ok(result)
    }

    /// Takes an opportunity out; what belongs to it can no longer be reached.
    pub(crate) fn take(&mut self, id: Id) -> Result<Opportunity, Refused> {
        let row = self
            .opportunities
            .remove(id)
            .ok_or_else(|| Refused::Missing("opportunities", id.to_string()))?;
        count(&mut self.tag_counts, &row.tags, -1);
        count(&mut self.source_counts, &row.sources, -1);
        if let Some(at) = row.updated_at {
            self.touched.remove(&(at, id));
        }
        Ok(row)
    }

    /// The next `limit` opportunities below `before` that a list request selects, newest first,
    /// and whether there are more.
    pub(crate) fn select(&self, filter: &Filter, before: Id, limit: usize) -> (Vec<Id>, bool) {
        let stored: Box<dyn Iterator<Item = Id>> = match filter.updated.is_open() {
            true => Box::new(self.opportunities.stored_below(before)),
            false => Box::new(self.touched_below(filter, before).into_iter()),
        };
        let places = match &self.plan {
            Some(plan) => plan.places(filter.created, filter.touched()),
            None => 0..0,
        };
        let mut stored = stored.peekable();
        let mut computed = self.opportunities.computed_below(before, places).peekable();
        let mut found = Vec::new();
        loop {
            let from_crowd = match (stored.peek(), computed.peek()) {
                (Some(one), Some(other)) => other > one,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            let next = match from_crowd {
                true => computed.next(),
                false => stored.next(),
            };
            let Some(id) = next else {
                return (found, false);
            };
            let selected = self
                .opportunities
                .get(id)
                .is_some_and(|row| filter.holds(&row));
            if selected && found.len() == limit {
                return (found, true);
            }
            if selected {
                found.push(id);
            }
        }
    }

    fn touched_below(&self, filter: &Filter, before: Id) -> Vec<Id> {
        let from = filter.updated.from.map_or(i64::MIN, Time::ms);
        let to = filter.updated.to.map_or(i64::MAX, Time::ms);
        if from > to {
            return Vec::new();
        }
        let bounds = (Time::from_ms(from), Id(0))..=(Time::from_ms(to), Id(u64::MAX));
        let ids = self.touched.range(bounds).map(|(_, id)| *id);
        let mut ids: Vec<Id> = ids.filter(|id| *id < before).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids
    }
}

fn count(counts: &mut BTreeMap<String, i64>, words: &[String], by: i64) {
    for word in words {
        match counts.get_mut(word) {
            Some(count) => *count += by,
            None => {
                counts.insert(word.clone(), by);
            }
        }
    }
}
