//! What the account holds, in the fake's own terms: ids are numbers, moments are moments. How a
//! row looks on the wire is `show`'s business.

use super::id::Id;
use super::table::Row;
use crate::clock::Time;

/// A stage, by its place in the account's list.
pub(crate) type StageNo = usize;

/// A stage of the whole account; there are none per job.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// A UUID or a word such as `lead-new`.
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) pipeline: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Reason {
    pub(crate) id: Id,
    pub(crate) text: String,
    pub(crate) active: bool,
    pub(crate) hired: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) created_at: Time,
    pub(crate) deactivated_at: Option<Time>,
    pub(crate) role: String,
    pub(crate) job_title: Option<String>,
    pub(crate) manager: Option<Id>,
}

#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) headline: String,
    pub(crate) location: Option<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) phones: Vec<Phone>,
    pub(crate) anonymized: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Phone {
    pub(crate) kind: Option<String>,
    pub(crate) value: String,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct StageChange {
    pub(crate) to: StageNo,
    pub(crate) by: Option<Id>,
    pub(crate) at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Archived {
    pub(crate) reason: Id,
    pub(crate) at: Time,
}

#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) id: Id,
    pub(crate) created_at: Time,
    /// `posting`, `user` or `referral`.
    pub(crate) kind: &'static str,
    pub(crate) posting: Id,
    pub(crate) user: Option<Id>,
    pub(crate) requisition: Option<Id>,
}

#[derive(Clone, Debug)]
pub(crate) struct Opportunity {
    pub(crate) id: Id,
    pub(crate) contact: Id,
    /// What the deprecated endpoints call it: its own id for old records, another for new ones.
    pub(crate) candidate: Id,
    pub(crate) created_at: Time,
    /// None: never touched since the vendor has this field.
    pub(crate) updated_at: Option<Time>,
    pub(crate) last_interaction_at: Time,
    pub(crate) last_advanced_at: Option<Time>,
    pub(crate) snoozed_until: Option<Time>,
    pub(crate) stage: StageNo,
    pub(crate) stage_changes: Vec<StageChange>,
    pub(crate) archived: Option<Archived>,
    pub(crate) owner: Option<Id>,
    pub(crate) followers: Vec<Id>,
    pub(crate) tags: Vec<String>,
    pub(crate) sources: Vec<String>,
    pub(crate) links: Vec<String>,
    pub(crate) origin: &'static str,
    pub(crate) sourced_by: Option<Id>,
    pub(crate) application: Option<Application>,
    pub(crate) confidential: bool,
}

/// What is left of something deleted.
#[derive(Clone, Debug)]
pub(crate) struct Grave<T> {
    pub(crate) was: T,
    pub(crate) at: Time,
    pub(crate) by: Option<Id>,
}

#[derive(Clone, Debug)]
pub(crate) struct NoteField {
    pub(crate) value: String,
    pub(crate) user: Option<Id>,
    pub(crate) created_at: Time,
    pub(crate) score: Option<u64>,
    pub(crate) stage: StageNo,
}

#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) id: Id,
    pub(crate) opportunity: Id,
    pub(crate) fields: Vec<NoteField>,
    pub(crate) user: Option<Id>,
    pub(crate) secret: bool,
    pub(crate) created_at: Time,
    pub(crate) deleted_at: Option<Time>,
    pub(crate) by_api: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Interview {
    pub(crate) id: Id,
    pub(crate) opportunity: Id,
    pub(crate) panel: Id,
    pub(crate) interviewer: Id,
    pub(crate) created_at: Time,
    pub(crate) date: Time,
    pub(crate) minutes: u64,
    pub(crate) stage: StageNo,
    pub(crate) canceled_at: Option<Time>,
    /// The form to fill in; none shows as the word `no-feedback`.
    pub(crate) template: Option<Id>,
    pub(crate) posting: Option<Id>,
}

#[derive(Clone, Debug)]
pub(crate) struct Feedback {
    pub(crate) id: Id,
    pub(crate) opportunity: Id,
    pub(crate) interview: Option<Id>,
    pub(crate) panel: Option<Id>,
    pub(crate) user: Id,
    pub(crate) rating: u64,
    pub(crate) comment: String,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Option<Time>,
    /// None: a draft.
    pub(crate) completed_at: Option<Time>,
    pub(crate) deleted_at: Option<Time>,
}

#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) id: Id,
    pub(crate) opportunity: Id,
    pub(crate) created_at: Time,
    pub(crate) status: String,
    pub(crate) creator: Option<Id>,
    pub(crate) posting: Option<Id>,
    pub(crate) salary: u64,
    pub(crate) starts_on: Time,
    pub(crate) sent_at: Option<Time>,
    pub(crate) signed_at: Option<Time>,
}

#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) id: Id,
    pub(crate) opportunity: Id,
    pub(crate) name: String,
    pub(crate) uploaded_at: Time,
    pub(crate) bytes: u64,
    pub(crate) resume: bool,
    /// The vendor could not read it.
    pub(crate) broken: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Posting {
    pub(crate) id: Id,
    pub(crate) text: String,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) owner: Option<Id>,
    pub(crate) hiring_manager: Option<Id>,
    pub(crate) team: String,
    pub(crate) department: String,
    pub(crate) location: String,
    pub(crate) commitment: String,
    pub(crate) state: String,
    pub(crate) channels: Vec<String>,
    pub(crate) req_code: Option<String>,
    pub(crate) confidential: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Requisition {
    pub(crate) id: Id,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) closed_at: Option<Time>,
    pub(crate) status: String,
    pub(crate) hired: u64,
    /// None: as many as can be found.
    pub(crate) total: Option<u64>,
    pub(crate) postings: Vec<Id>,
    pub(crate) offers: Vec<Id>,
    pub(crate) owner: Option<Id>,
    pub(crate) hiring_manager: Option<Id>,
    pub(crate) notes: String,
    pub(crate) confidential: bool,
}

/// A voluntary self-identification. Nobody but the vendor should ever hold one.
#[derive(Clone, Debug)]
pub(crate) struct Eeo {
    pub(crate) id: Id,
    pub(crate) opportunity: Id,
    pub(crate) application: Id,
    pub(crate) posting: Id,
    pub(crate) created_at: Time,
    pub(crate) answers: [(&'static str, String); 4],
}

macro_rules! row {
    ($($name:ident $(of $parent:ident)?),* $(,)?) => {$(
        impl Row for $name {
            fn id(&self) -> Id {
                self.id
            }
            $(fn parent(&self) -> Option<Id> {
                Some(self.$parent)
            })?
        }
    )*};
}

row!(
    Contact,
    Opportunity,
    Posting,
    Requisition,
    User,
    Note of opportunity,
    Interview of opportunity,
    Feedback of opportunity,
    Offer of opportunity,
    File of opportunity,
    Eeo of opportunity,
);
