//! What people do in the ATS: every act changes the account and says which webhooks it causes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::Id;
use super::world::{Refused, World, invalid};
use crate::clock::Time;

/// A person's act, as the control routes and tests write it. Ids are as on the wire.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Act {
    /// Somebody applies to a posting, or without one becomes a lead.
    Apply(Applicant),
    /// A lead is considered for a posting.
    AddApplication {
        opportunity_id: String,
        posting_id: String,
    },
    DeleteApplication {
        opportunity_id: String,
    },
    Move {
        opportunity_id: String,
        stage_id: String,
    },
    /// With a reason of the hired kind this hires.
    Archive {
        opportunity_id: String,
        reason_id: String,
        #[serde(default)]
        requisition_id: Option<String>,
        /// Also deletes the interviews that have not been yet.
        #[serde(default)]
        clean_interviews: bool,
    },
    Unarchive {
        opportunity_id: String,
    },
    /// Archives with the first reason of the hired kind.
    Hire {
        opportunity_id: String,
        #[serde(default)]
        requisition_id: Option<String>,
    },
    Tag {
        opportunity_id: String,
        tag: String,
    },
    Untag {
        opportunity_id: String,
        tag: String,
    },
    SetOwner {
        opportunity_id: String,
        user_id: String,
    },
    /// A letter or a call: the one thing that moves `lastInteractionAt`.
    Interact {
        opportunity_id: String,
    },
    DeleteOpportunity {
        opportunity_id: String,
        #[serde(default)]
        user_id: Option<String>,
    },
    SetConfidential {
        opportunity_id: String,
        confidential: bool,
    },
    EditContact(ContactEdit),
    /// Takes name, addresses and numbers out for good.
    Anonymize {
        contact_id: String,
    },
    AddNote {
        opportunity_id: String,
        value: String,
        #[serde(default)]
        user_id: Option<String>,
        #[serde(default)]
        secret: bool,
    },
    DeleteNote {
        note_id: String,
    },
    ScheduleInterview {
        opportunity_id: String,
        date: Time,
        #[serde(default)]
        user_id: Option<String>,
    },
    MoveInterview {
        interview_id: String,
        date: Time,
    },
    CancelInterview {
        interview_id: String,
    },
    DeleteInterview {
        interview_id: String,
    },
    SubmitFeedback {
        opportunity_id: String,
        user_id: String,
        /// From one to four.
        rating: u64,
        #[serde(default)]
        interview_id: Option<String>,
        #[serde(default)]
        draft: bool,
    },
    DeleteFeedback {
        feedback_id: String,
    },
    CreateOffer {
        opportunity_id: String,
        salary: u64,
        #[serde(default)]
        requisition_id: Option<String>,
    },
    /// To one of the vendor's statuses; `sent` and `signed` set their dates.
    SetOffer {
        offer_id: String,
        status: String,
    },
    AddFile {
        opportunity_id: String,
        name: String,
        #[serde(default)]
        resume: bool,
        #[serde(default)]
        broken: bool,
    },
    AnswerEeo {
        opportunity_id: String,
    },
    AddPosting(PostingPlan),
    EditPosting {
        posting_id: String,
        #[serde(default)]
        text: Option<String>,
        #[serde(default)]
        state: Option<String>,
    },
    DeletePosting {
        posting_id: String,
    },
    AddRequisition(RequisitionPlan),
    /// Name, status and headcount move `updatedAt`; the internal notes do not.
    EditRequisition {
        requisition_id: String,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        status: Option<String>,
        #[serde(default)]
        headcount: Option<u64>,
        #[serde(default)]
        notes: Option<String>,
    },
    AddUser {
        name: String,
        email: String,
    },
    DeactivateUser {
        user_id: String,
    },
    AddStage {
        text: String,
    },
    RenameStage {
        stage_id: String,
        text: String,
    },
    AddReason {
        text: String,
        #[serde(default)]
        hired: bool,
    },
}

/// Somebody who applies or is added.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Applicant {
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub headline: Option<String>,
    pub location: Option<String>,
    pub posting_id: Option<String>,
    /// One of the six words; `applied` with a posting and `sourced` without, if none is given.
    pub origin: Option<String>,
    pub source: Option<String>,
    pub tags: Vec<String>,
    pub owner_id: Option<String>,
    pub stage_id: Option<String>,
    pub confidential: bool,
}

/// What changes about a contact; what is not named stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct ContactEdit {
    pub contact_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub headline: Option<String>,
    pub location: Option<String>,
}

/// A posting to add; without channels it is public and internal.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PostingPlan {
    pub text: String,
    pub team: String,
    pub department: String,
    pub location: String,
    /// `published` if none is given.
    pub state: Option<String>,
    pub channels: Option<Vec<String>>,
    pub requisition_code: Option<String>,
    pub owner_id: Option<String>,
    pub hiring_manager_id: Option<String>,
    pub confidential: bool,
}

/// A requisition to add; without a headcount as many as can be found.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct RequisitionPlan {
    pub code: String,
    pub name: String,
    pub headcount: Option<u64>,
    pub posting_ids: Vec<String>,
    pub owner_id: Option<String>,
    pub hiring_manager_id: Option<String>,
    pub confidential: bool,
}

/// The ids an act made or touched.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Touched {
    /// The opportunity it was about.
    pub opportunity_id: Option<String>,
    /// Its application.
    pub application_id: Option<String>,
    /// Its contact.
    pub contact_id: Option<String>,
    /// The note, interview, offer, posting and so on that was made or changed.
    pub row_id: Option<String>,
}

/// Something the vendor tells subscribers.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) event: &'static str,
    pub(crate) data: Value,
    /// What `conditions.origins` is compared with, for the events that have it.
    pub(crate) origin: Option<&'static str>,
}

/// What an act did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acted {
    pub(crate) news: Vec<News>,
    pub(crate) touched: Touched,
}

impl Acted {
    pub(crate) fn row(id: impl ToString) -> Acted {
        Acted {
            news: Vec::new(),
            touched: Touched {
                row_id: Some(id.to_string()),
                ..Touched::default()
            },
        }
    }
}

pub(crate) type Result<T = Acted> = std::result::Result<T, Refused>;

/// An id of a collection, in whatever spelling.
pub(crate) fn id_in(what: &'static str, text: &str) -> Result<Id> {
    Id::parse(text).ok_or_else(|| Refused::Missing(what, text.to_string()))
}

/// A moment, an actor, and the account that changes.
pub(crate) struct Hand<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) now: Time,
    pub(crate) by: Option<Id>,
}

impl Hand<'_> {
    /// Does it, or refuses and changes nothing.
    pub(crate) fn act(&mut self, act: Act) -> Result {
        let opp = |text: &str| id_in("opportunities", text);
        match act {
            Act::Apply(who) => self.apply(who),
            Act::AddApplication {
                opportunity_id,
                posting_id,
            } => self.add_application(opp(&opportunity_id)?, id_in("postings", &posting_id)?),
            Act::DeleteApplication { opportunity_id } => {
                self.delete_application(opp(&opportunity_id)?)
            }
            Act::Move {
                opportunity_id,
                stage_id,
            } => self.move_to(opp(&opportunity_id)?, &stage_id),
            Act::Archive {
                opportunity_id,
                reason_id,
                requisition_id,
                clean_interviews,
            } => {
                let reason = Some(id_in("archive_reasons", &reason_id)?);
                let requisition = optional("requisitions", requisition_id)?;
                self.archive(opp(&opportunity_id)?, reason, requisition, clean_interviews)
            }
            Act::Unarchive { opportunity_id } => {
                self.archive(opp(&opportunity_id)?, None, None, false)
            }
            Act::Hire {
                opportunity_id,
                requisition_id,
            } => {
                let reason = self.world.reasons.iter().find(|reason| reason.hired);
                let reason = reason.map(|reason| reason.id);
                let reason = reason.ok_or_else(|| invalid("no reason is of the hired kind"))?;
                let requisition = optional("requisitions", requisition_id)?;
                self.archive(opp(&opportunity_id)?, Some(reason), requisition, false)
            }
            Act::Tag {
                opportunity_id,
                tag,
            } => self.tag(opp(&opportunity_id)?, &[tag], true),
            Act::Untag {
                opportunity_id,
                tag,
            } => self.tag(opp(&opportunity_id)?, &[tag], false),
            Act::SetOwner {
                opportunity_id,
                user_id,
            } => self.set_owner(opp(&opportunity_id)?, id_in("users", &user_id)?),
            Act::Interact { opportunity_id } => self.interact(opp(&opportunity_id)?),
            Act::DeleteOpportunity {
                opportunity_id,
                user_id,
            } => {
                self.by = optional("users", user_id)?.or(self.by);
                self.delete_opportunity(opp(&opportunity_id)?)
            }
            Act::SetConfidential {
                opportunity_id,
                confidential,
            } => self.set_confidential(opp(&opportunity_id)?, confidential),
            Act::EditContact(edit) => self.edit_contact(edit),
            Act::Anonymize { contact_id } => self.anonymize(id_in("contacts", &contact_id)?),
            other => self.act_on_work(other),
        }
    }
}

pub(crate) fn optional(what: &'static str, text: Option<String>) -> Result<Option<Id>> {
    text.map(|text| id_in(what, &text)).transpose()
}
