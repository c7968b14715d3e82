//! Everything the fake ATS knows: its tables, its ids and small look-ups. It speaks no HTTP.

use serde_json::{Map, Value, json};

use super::company_rows::*;
use super::feedback_rows::*;
use super::people_rows::*;
use super::table::{Row, Table};
use crate::clock::Time;

/// One account's data.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) ids: Ids,
    pub(crate) organization_id: u64,
    pub(crate) organization_name: String,
    pub(crate) users: Table<User>,
    pub(crate) departments: Table<Department>,
    pub(crate) offices: Table<Office>,
    pub(crate) sources: Table<Source>,
    pub(crate) referrers: Table<Referrer>,
    pub(crate) rejection_reasons: Table<RejectionReason>,
    pub(crate) close_reasons: Table<CloseReason>,
    pub(crate) candidate_tags: Table<CandidateTag>,
    pub(crate) applied_candidate_tags: Table<AppliedCandidateTag>,
    pub(crate) jobs: Table<Job>,
    pub(crate) openings: Table<Opening>,
    pub(crate) job_interview_stages: Table<JobInterviewStage>,
    pub(crate) job_owners: Table<JobOwner>,
    pub(crate) job_hiring_managers: Table<JobHiringManager>,
    pub(crate) job_posts: Table<JobPost>,
    pub(crate) candidates: Table<Candidate>,
    pub(crate) applications: Table<Application>,
    pub(crate) application_stages: Table<ApplicationStage>,
    pub(crate) rejection_details: Table<RejectionDetail>,
    pub(crate) offers: Table<Offer>,
    pub(crate) notes: Table<Note>,
    pub(crate) interviews: Table<Interview>,
    pub(crate) interviewers: Table<Interviewer>,
    pub(crate) scorecards: Table<Scorecard>,
    pub(crate) job_interviews: Table<JobInterview>,
    pub(crate) interview_kits: Table<InterviewKit>,
    pub(crate) scorecard_questions: Table<ScorecardQuestion>,
    pub(crate) scorecard_question_answers: Table<ScorecardQuestionAnswer>,
    pub(crate) job_candidate_attributes: Table<JobCandidateAttribute>,
    pub(crate) scorecard_candidate_attributes: Table<ScorecardCandidateAttribute>,
    pub(crate) attachments: Table<Attachment>,
}

/// Numbers for new rows: one sequence for all tables, so that no two rows share an id and a
/// confusion of id spaces finds nothing instead of the wrong thing.
#[derive(Clone)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn next(&mut self) -> u64 {
        self.block(1)
    }

    /// The first of `count` consecutive ids.
    pub(crate) fn block(&mut self, count: u64) -> u64 {
        let first = self.0;
        self.0 += count;
        first
    }
}

/// Why an act or a write was not done.
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

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Missing(kind) => write!(f, "{kind} not found"),
            Refused::Invalid { field, text } => write!(f, "{field} {text}"),
        }
    }
}

impl std::error::Error for Refused {}

impl World {
    /// An account without data.
    pub(crate) fn empty(organization_name: &str, first_id: u64) -> Self {
        World {
            ids: Ids(first_id + 1),
            organization_id: first_id,
            organization_name: organization_name.into(),
            users: Table::default(),
            departments: Table::default(),
            offices: Table::default(),
            sources: Table::default(),
            referrers: Table::default(),
            rejection_reasons: Table::default(),
            close_reasons: Table::default(),
            candidate_tags: Table::default(),
            applied_candidate_tags: Table::default(),
            jobs: Table::default(),
            openings: Table::default(),
            job_interview_stages: Table::default(),
            job_owners: Table::default(),
            job_hiring_managers: Table::default(),
            job_posts: Table::default(),
            candidates: Table::default(),
            applications: Table::default(),
            application_stages: Table::default(),
            rejection_details: Table::default(),
            offers: Table::default(),
            notes: Table::default(),
            interviews: Table::default(),
            interviewers: Table::default(),
            scorecards: Table::default(),
            job_interviews: Table::default(),
            interview_kits: Table::default(),
            scorecard_questions: Table::default(),
            scorecard_question_answers: Table::default(),
            job_candidate_attributes: Table::default(),
            scorecard_candidate_attributes: Table::default(),
            attachments: Table::default(),
        }
    }

    pub(crate) fn job(&self, id: u64) -> Result<Job, Refused> {
        find(&self.jobs, id, "Job")
    }

    pub(crate) fn candidate(&self, id: u64) -> Result<Candidate, Refused> {
        find(&self.candidates, id, "Candidate")
    }

    pub(crate) fn application(&self, id: u64) -> Result<Application, Refused> {
        find(&self.applications, id, "Application")
    }

    pub(crate) fn offer(&self, id: u64) -> Result<Offer, Refused> {
        find(&self.offers, id, "Offer")
    }

    pub(crate) fn stage(&self, id: u64) -> Result<JobInterviewStage, Refused> {
        find(&self.job_interview_stages, id, "Job interview stage")
    }

    /// A job's active stages, first to last.
    pub(crate) fn stages_of(&self, job_id: u64) -> Vec<&JobInterviewStage> {
        let mut stages: Vec<_> = self
            .job_interview_stages
            .iter()
            .filter(|stage| stage.job_id == job_id && stage.active)
            .collect();
        stages.sort_by_key(|stage| stage.sort_order);
        stages
    }

    /// The job stage an application is in.
    pub(crate) fn current_stage(&self, application: &Application) -> Option<JobInterviewStage> {
        let stay = self.application_stages.get(application.stage_id?)?;
        self.stage(stay.job_interview_stage_id).ok()
    }

    /// Ids of a candidate's applications, oldest first.
    pub(crate) fn applications_of(&self, candidate_id: u64) -> Vec<u64> {
        let found = self
            .applications
            .pointing_at("candidate_id", &[candidate_id], u64::MAX);
        found.iter().rev().map(|row| row.id).collect()
    }

    /// The offer version that counts.
    pub(crate) fn current_offer(&self, application_id: u64) -> Option<&Offer> {
        let mut offers = self.offers.iter().rev();
        offers.find(|offer| offer.application_id == application_id && offer._current)
    }

    /// Notes that something happened to an application and its candidate.
    pub(crate) fn stir(&mut self, application_id: u64, now: Time) {
        let candidate = self.applications.edit(application_id, now, |row| {
            row.last_activity_at = Some(now);
            row.candidate_id
        });
        if let Some(id) = candidate {
            self.candidates
                .edit(id, now, |row| row.last_activity_at = Some(now));
        }
    }
}

pub(crate) fn find<T: Row>(table: &Table<T>, id: u64, kind: &'static str) -> Result<T, Refused> {
    let row = table.get(id).ok_or(Refused::Missing(kind))?;
    Ok(row.into_owned())
}

/// A custom field's value as this vendor writes it.
pub(crate) fn custom_field(name: &str, kind: &str, value: Value) -> Value {
    json!({"name": name, "type": kind, "value": value})
}

/// The frozen key of a custom field's name.
pub(crate) fn custom_key(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c.is_ascii_alphanumeric() {
            true => c.to_ascii_lowercase(),
            false => '_',
        })
        .collect();
    plain.trim_matches('_').to_string()
}

/// Sets a custom field by its name.
pub(crate) fn set_custom(fields: &mut Map<String, Value>, name: &str, kind: &str, value: Value) {
    fields.insert(custom_key(name), custom_field(name, kind, value));
}
