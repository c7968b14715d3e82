//! What people do in the ATS: every act changes the records and says which webhooks it causes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::Problem;
use super::world::World;
use crate::clock::Time;

/// A person's act, as the control routes and tests write it. Ids are the vendor's.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Act {
    /// Somebody applies; with `candidate_id` somebody known.
    Apply(Applicant),
    /// To a stage of the plan, or to the next one.
    Move {
        application_id: String,
        #[serde(default)]
        stage_id: Option<String>,
    },
    /// To the plan's Archived stage.
    Archive {
        application_id: String,
        #[serde(default)]
        archive_reason_id: Option<String>,
    },
    /// To the plan's Hired stage.
    Hire {
        application_id: String,
    },
    EditApplication {
        application_id: String,
        #[serde(default)]
        source_id: Option<String>,
        #[serde(default)]
        credited_to_user_id: Option<String>,
        #[serde(default)]
        custom_field_id: Option<String>,
        #[serde(default)]
        value: Value,
    },
    /// To another job, into the first stage of the same type.
    Transfer {
        application_id: String,
        job_id: String,
    },
    /// No webhook tells of it.
    DeleteApplication {
        application_id: String,
    },
    EditCandidate {
        candidate_id: String,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        email: Option<String>,
        #[serde(default)]
        phone: Option<String>,
        #[serde(default)]
        company: Option<String>,
    },
    Tag {
        candidate_id: String,
        tag_id: String,
    },
    Untag {
        candidate_id: String,
        tag_id: String,
    },
    Note {
        candidate_id: String,
        text: String,
        #[serde(default)]
        private: bool,
    },
    DeleteCandidate {
        candidate_id: String,
    },
    /// The candidate disappears into another one.
    MergeCandidate {
        candidate_id: String,
        into_candidate_id: String,
    },
    CreateOffer {
        application_id: String,
        #[serde(default)]
        starts_on: Option<String>,
        #[serde(default)]
        salary: Option<u64>,
    },
    /// A new version becomes the latest.
    EditOffer {
        offer_id: String,
        #[serde(default)]
        starts_on: Option<String>,
        #[serde(default)]
        salary: Option<u64>,
    },
    ApproveOffer {
        offer_id: String,
    },
    AcceptOffer {
        offer_id: String,
    },
    DeclineOffer {
        offer_id: String,
    },
    DeleteOffer {
        offer_id: String,
    },
    /// An interview schedule with one event.
    Schedule {
        application_id: String,
        starts_at: Time,
        #[serde(default)]
        user_id: Option<String>,
    },
    Reschedule {
        schedule_id: String,
        starts_at: Time,
    },
    CancelSchedule {
        schedule_id: String,
    },
    CompleteSchedule {
        schedule_id: String,
    },
    /// Feedback on the schedule's first event.
    Feedback {
        schedule_id: String,
        /// From 1 to 4.
        rating: u64,
    },
    AddJob {
        title: String,
        #[serde(default)]
        confidential: bool,
    },
    EditJob {
        job_id: String,
        title: String,
    },
    /// Draft, Open, Closed or Archived.
    SetJobStatus {
        job_id: String,
        status: String,
    },
    /// The job and its applications move to another plan.
    SwitchPlan {
        job_id: String,
        plan_id: String,
    },
    PublishPosting {
        posting_id: String,
    },
    UnpublishPosting {
        posting_id: String,
    },
    EditPosting {
        posting_id: String,
        title: String,
    },
    AddOpening {
        job_id: String,
        identifier: String,
    },
    PushToHris {
        application_id: String,
    },
    /// `sent`, `cancelled`, `completed` or `deleted`.
    SignOffer {
        offer_id: String,
        event: String,
    },
    SubmitSurvey {
        application_id: String,
        survey_type: String,
        #[serde(default)]
        anonymous: bool,
    },
    SetUserEnabled {
        user_id: String,
        enabled: bool,
    },
    RenameStage {
        stage_id: String,
        title: String,
    },
    ArchiveDepartment {
        department_id: String,
    },
}

/// Who applies, where, and how.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Applicant {
    pub candidate_id: Option<String>,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub job_id: String,
    pub source_id: Option<String>,
    /// Put among the leads instead of applying.
    pub lead: bool,
    /// Part of a bulk import, of which no webhook tells.
    pub bulk: bool,
}

/// The ids that an act made or touched.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Touched {
    pub candidate_id: Option<String>,
    pub application_id: Option<String>,
    /// The offer, schedule, job, posting, opening, note or survey.
    pub id: Option<String>,
}

/// One webhook to be: its action and its data.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) action: &'static str,
    pub(crate) data: Value,
}

/// What an act did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acted {
    pub(crate) news: Vec<News>,
    pub(crate) touched: Touched,
}

impl Acted {
    pub(crate) fn tell(&mut self, action: &'static str, data: Value) {
        self.news.push(News { action, data });
    }
}

impl World {
    pub(crate) fn act(&mut self, now: Time, act: Act) -> Result<Acted, Problem> {
        match act {
            Act::Apply(_)
            | Act::Move { .. }
            | Act::Archive { .. }
            | Act::Hire { .. }
            | Act::EditApplication { .. }
            | Act::Transfer { .. }
            | Act::DeleteApplication { .. } => self.application_act(now, act),
            Act::EditCandidate { .. }
            | Act::Tag { .. }
            | Act::Untag { .. }
            | Act::Note { .. }
            | Act::DeleteCandidate { .. }
            | Act::MergeCandidate { .. } => self.candidate_act(now, act),
            Act::CreateOffer { .. }
            | Act::EditOffer { .. }
            | Act::ApproveOffer { .. }
            | Act::AcceptOffer { .. }
            | Act::DeclineOffer { .. }
            | Act::DeleteOffer { .. }
            | Act::SignOffer { .. } => self.offer_act(now, act),
            Act::Schedule { .. }
            | Act::Reschedule { .. }
            | Act::CancelSchedule { .. }
            | Act::CompleteSchedule { .. }
            | Act::Feedback { .. } => self.interview_act(now, act),
            Act::AddJob { .. }
            | Act::EditJob { .. }
            | Act::SetJobStatus { .. }
            | Act::SwitchPlan { .. }
            | Act::PublishPosting { .. }
            | Act::UnpublishPosting { .. }
            | Act::EditPosting { .. }
            | Act::AddOpening { .. } => self.job_act(now, act),
            Act::PushToHris { .. }
            | Act::SubmitSurvey { .. }
            | Act::SetUserEnabled { .. }
            | Act::RenameStage { .. }
            | Act::ArchiveDepartment { .. } => self.office_act(now, act),
        }
    }
}
