//! What people do in the ATS: every act changes the tables and says which webhooks it causes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::world::{Refused, World};
use crate::clock::Time;

/// A person's act, as the control routes and tests write it. Ids are the vendor's.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Act {
    /// Somebody applies; with `candidate_id` somebody known.
    Apply(Applicant),
    /// A prospect is added to any number of jobs.
    AddProspect(Applicant),
    EditCandidate(CandidateEdit),
    EditApplication(ApplicationEdit),
    Tag {
        candidate_id: u64,
        name: String,
    },
    Untag {
        candidate_id: u64,
        name: String,
    },
    /// The candidate disappears into another one.
    Merge {
        candidate_id: u64,
        into_candidate_id: u64,
    },
    DeleteCandidate {
        candidate_id: u64,
    },
    DeleteApplication {
        application_id: u64,
    },
    /// Clears the named fields, or the usual ones.
    Anonymize {
        candidate_id: u64,
        #[serde(default)]
        fields: Vec<String>,
    },
    /// To a stage of the job, or to the next one.
    Move {
        application_id: u64,
        #[serde(default)]
        stage_id: Option<u64>,
    },
    /// To another job's first stage.
    Transfer {
        application_id: u64,
        job_id: u64,
    },
    Reject {
        application_id: u64,
        #[serde(default)]
        rejection_reason_id: Option<u64>,
        #[serde(default)]
        user_id: Option<u64>,
        #[serde(default)]
        notes: Option<String>,
    },
    Unreject {
        application_id: u64,
    },
    /// With an offer under way this accepts it.
    Hire {
        application_id: u64,
        #[serde(default)]
        opening_id: Option<u64>,
        #[serde(default)]
        start_date: Option<String>,
        #[serde(default)]
        close_reason_id: Option<u64>,
    },
    Unhire {
        application_id: u64,
    },
    CreateOffer {
        application_id: u64,
        #[serde(default)]
        starts_on: Option<String>,
        #[serde(default)]
        salary: Option<u64>,
    },
    ApproveOffer {
        offer_id: u64,
    },
    /// A change that is tracked: a new version replaces the old.
    EditOffer {
        offer_id: u64,
        #[serde(default)]
        starts_on: Option<String>,
        #[serde(default)]
        salary: Option<u64>,
    },
    AcceptOffer {
        offer_id: u64,
    },
    DeclineOffer {
        offer_id: u64,
    },
    DeleteOffer {
        offer_id: u64,
    },
    AddJob(JobPlan),
    EditJob(JobEdit),
    ApproveJob {
        job_id: u64,
    },
    DeleteJob {
        job_id: u64,
    },
    AddJobPost {
        job_id: u64,
        title: String,
    },
    EditJobPost {
        job_post_id: u64,
        #[serde(default)]
        title: Option<String>,
        #[serde(default)]
        live: Option<bool>,
    },
    DeleteJobPost {
        job_post_id: u64,
    },
    RenameStage {
        stage_id: u64,
        name: String,
    },
    DeleteStage {
        stage_id: u64,
    },
    DeleteDepartment {
        department_id: u64,
    },
    DeleteOffice {
        office_id: u64,
    },
    ScheduleInterview {
        application_id: u64,
        starts_at: Time,
        #[serde(default)]
        user_id: Option<u64>,
    },
    /// Another time.
    RescheduleInterview {
        interview_id: u64,
        starts_at: Time,
    },
    /// Called off: the row stays, emptied.
    CancelInterview {
        interview_id: u64,
    },
    /// Its time has passed.
    EndInterview {
        interview_id: u64,
    },
    AddInterviewer {
        interview_id: u64,
        user_id: u64,
    },
    DeleteInterview {
        interview_id: u64,
    },
    /// Begun, not handed in.
    DraftScorecard {
        application_id: u64,
        user_id: u64,
    },
    /// A draft is handed in, or one that was is changed.
    FinishScorecard {
        scorecard_id: u64,
        #[serde(default)]
        rating: Option<String>,
    },
    SubmitScorecard {
        application_id: u64,
        user_id: u64,
        #[serde(default)]
        rating: Option<String>,
    },
    DeleteScorecard {
        scorecard_id: u64,
    },
    Attach {
        application_id: u64,
        /// `resume`, `cover_letter` …
        kind: String,
        filename: String,
    },
    DeleteAttachment {
        attachment_id: u64,
    },
    AddNote {
        candidate_id: u64,
        body: String,
        #[serde(default)]
        user_id: Option<u64>,
    },
}

/// Somebody who applies or is added.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Applicant {
    pub candidate_id: Option<u64>,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub title: Option<String>,
    pub job_id: Option<u64>,
    pub prospective_job_ids: Vec<u64>,
    pub source_id: Option<u64>,
    pub referrer_id: Option<u64>,
}

/// What changes about a candidate; what is not named stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct CandidateEdit {
    pub candidate_id: u64,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub title: Option<String>,
    pub private: Option<bool>,
    pub custom_field: Option<String>,
    pub custom_value: Option<Value>,
}

/// What changes about an application; what is not named stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct ApplicationEdit {
    pub application_id: u64,
    pub source_id: Option<u64>,
    pub referrer_id: Option<u64>,
    pub recruiter_id: Option<u64>,
    pub coordinator_id: Option<u64>,
    pub custom_field: Option<String>,
    pub custom_value: Option<Value>,
}

/// A new job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct JobPlan {
    pub name: String,
    pub requisition_id: Option<String>,
    pub department_id: Option<u64>,
    pub office_ids: Vec<u64>,
    pub stages: Vec<String>,
    pub openings: u64,
    pub recruiter_id: Option<u64>,
    pub hiring_manager_id: Option<u64>,
    pub draft: bool,
}

/// What changes about a job; what is not named stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct JobEdit {
    pub job_id: u64,
    pub name: Option<String>,
    pub status: Option<String>,
    pub requisition_id: Option<String>,
    pub department_id: Option<u64>,
    pub notes: Option<String>,
}

/// The ids an act made or touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Touched {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<u64>,
    /// The row the act was about, if it is none of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_id: Option<u64>,
}

/// A webhook before it has receivers.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) action: &'static str,
    pub(crate) payload: Value,
}

/// What an act did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acted {
    pub(crate) news: Vec<News>,
    pub(crate) touched: Touched,
}

impl Acted {
    pub(crate) fn silent(touched: Touched) -> Self {
        Acted {
            news: Vec::new(),
            touched,
        }
    }

    pub(crate) fn one(action: &'static str, payload: Value, touched: Touched) -> Self {
        Acted {
            news: vec![News { action, payload }],
            touched,
        }
    }

    pub(crate) fn and(mut self, later: Acted) -> Self {
        self.news.extend(later.news);
        self
    }
}

impl Touched {
    pub(crate) fn row(id: u64) -> Self {
        Touched {
            row_id: Some(id),
            ..Touched::default()
        }
    }
}

pub(crate) type Result<T = Acted> = std::result::Result<T, Refused>;

impl World {
    /// Does one act at `now`.
    pub(crate) fn act(&mut self, now: Time, act: Act) -> Result {
        match act {
            Act::Apply(applicant) => self.apply(now, applicant),
            Act::AddProspect(applicant) => self.add_prospect(now, applicant),
            Act::EditCandidate(edit) => self.edit_candidate(now, edit),
            Act::EditApplication(edit) => self.edit_application(now, edit),
            Act::Tag { candidate_id, name } => self.tag_by_name(now, candidate_id, &name),
            Act::Untag { candidate_id, name } => self.untag_by_name(now, candidate_id, &name),
            Act::Merge {
                candidate_id,
                into_candidate_id,
            } => self.merge(now, candidate_id, into_candidate_id),
            Act::DeleteCandidate { candidate_id } => self.delete_candidate(candidate_id),
            Act::DeleteApplication { application_id } => self.delete_application(application_id),
            Act::Anonymize {
                candidate_id,
                fields,
            } => self.anonymize(now, candidate_id, fields),
            Act::Move {
                application_id,
                stage_id,
            } => self.move_to(now, application_id, stage_id),
            Act::Transfer {
                application_id,
                job_id,
            } => self.transfer(now, application_id, job_id),
            Act::Reject {
                application_id,
                rejection_reason_id,
                user_id,
                notes,
            } => self.reject(now, application_id, rejection_reason_id, user_id, notes),
            Act::Unreject { application_id } => self.unreject(now, application_id),
            Act::Hire {
                application_id,
                opening_id,
                start_date,
                close_reason_id,
            } => self.hire(now, application_id, opening_id, start_date, close_reason_id),
            Act::Unhire { application_id } => self.unhire(now, application_id),
            Act::CreateOffer {
                application_id,
                starts_on,
                salary,
            } => self.create_offer(now, application_id, starts_on, salary),
            Act::ApproveOffer { offer_id } => self.approve_offer(now, offer_id),
            Act::EditOffer {
                offer_id,
                starts_on,
                salary,
            } => self.edit_offer(now, offer_id, starts_on, salary),
            Act::AcceptOffer { offer_id } => {
                let application_id = self.offer(offer_id)?.application_id;
                self.hire(now, application_id, None, None, None)
            }
            Act::DeclineOffer { offer_id } => self.decline_offer(now, offer_id),
            Act::DeleteOffer { offer_id } => self.delete_offer(offer_id),
            Act::AddJob(plan) => self.add_job(now, plan),
            Act::EditJob(edit) => self.edit_job(now, edit),
            Act::ApproveJob { job_id } => self.approve_job(job_id),
            Act::DeleteJob { job_id } => self.delete_job(job_id),
            Act::AddJobPost { job_id, title } => self.add_job_post(now, job_id, title),
            Act::EditJobPost {
                job_post_id,
                title,
                live,
            } => self.edit_job_post(now, job_post_id, title, live),
            Act::DeleteJobPost { job_post_id } => self.delete_job_post(job_post_id),
            Act::RenameStage { stage_id, name } => self.rename_stage(now, stage_id, name),
            Act::DeleteStage { stage_id } => self.delete_stage(stage_id),
            Act::DeleteDepartment { department_id } => self.delete_department(department_id),
            Act::DeleteOffice { office_id } => self.delete_office(office_id),
            Act::ScheduleInterview {
                application_id,
                starts_at,
                user_id,
            } => self.schedule_interview(now, application_id, starts_at, user_id),
            Act::RescheduleInterview {
                interview_id,
                starts_at,
            } => self.reschedule_interview(now, interview_id, starts_at),
            Act::CancelInterview { interview_id } => self.cancel_interview(now, interview_id),
            Act::EndInterview { interview_id } => self.end_interview(now, interview_id),
            Act::AddInterviewer {
                interview_id,
                user_id,
            } => self.add_interviewer(now, interview_id, user_id),
            Act::DraftScorecard {
                application_id,
                user_id,
            } => self.draft_scorecard(now, application_id, user_id),
            Act::FinishScorecard {
                scorecard_id,
                rating,
            } => self.finish_scorecard(now, scorecard_id, rating),
            Act::Attach {
                application_id,
                kind,
                filename,
            } => self.attach(now, application_id, &kind, &filename),
            Act::DeleteAttachment { attachment_id } => self.delete_attachment(attachment_id),
            Act::DeleteInterview { interview_id } => self.delete_interview(interview_id),
            Act::SubmitScorecard {
                application_id,
                user_id,
                rating,
            } => self.submit_scorecard(now, application_id, user_id, rating),
            Act::DeleteScorecard { scorecard_id } => self.delete_scorecard(scorecard_id),
            Act::AddNote {
                candidate_id,
                body,
                user_id,
            } => {
                self.candidate(candidate_id)?;
                let id = self.ids.next();
                self.notes.insert(super::people_rows::Note::plain(
                    id,
                    now,
                    candidate_id,
                    user_id,
                    body,
                ));
                Ok(Acted::silent(Touched {
                    candidate_id: Some(candidate_id),
                    ..Touched::row(id)
                }))
            }
        }
    }
}
