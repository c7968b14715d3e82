//! The rows about candidates and what happens to them. In the vendor's words.
//! Columns beginning with `_` are ours and never leave.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::table::row;
use crate::clock::Time;

/// A phone number, address or link with its kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contact {
    /// The number, address or link.
    pub value: String,
    /// `home`, `work`, `personal`, `mobile`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl Contact {
    /// One entry.
    pub fn new(value: impl Into<String>, kind: &str) -> Self {
        Contact {
            value: value.into(),
            kind: Some(kind.into()),
        }
    }
}

row! {
    /// A person who may apply.
    Candidate, keys(linked_user_ids), {
        first_name: Option<String>,
        last_name: Option<String>,
        preferred_name: Option<String>,
        company: Option<String>,
        title: Option<String>,
        last_activity_at: Option<Time>,
        private: Option<bool>,
        can_email: bool,
        time_zone: Option<String>,
        tags: Vec<String>,
        linked_user_ids: Vec<u64>,
        phone_numbers: Vec<Contact>,
        addresses: Vec<Contact>,
        email_addresses: Vec<Contact>,
        website_addresses: Vec<Contact>,
        social_media_addresses: Vec<Contact>,
        custom_fields: Map<String, Value>,
        _recruiter_id: Option<u64>,
        _coordinator_id: Option<u64>,
    }
}

impl Candidate {
    /// First and last name.
    pub fn full_name(&self) -> String {
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

row! {
    /// An application. `stage_id` is the application's own stage row, not the job's stage.
    Application,
    keys(candidate_id, job_id, prospective_job_ids, job_post_id, source_id, referrer_id, stage_id, recruiter_id, coordinator_id),
    {
        agency_note_id: Option<u64>,
        candidate_id: u64,
        coordinator_id: Option<u64>,
        job_id: Option<u64>,
        job_post_id: Option<u64>,
        recruiter_id: Option<u64>,
        referrer_id: Option<u64>,
        source_id: Option<u64>,
        stage_id: Option<u64>,
        stage_name: Option<String>,
        status: String,
        needs_decision: Option<bool>,
        prospect: bool,
        rejected_at: Option<Time>,
        last_activity_at: Option<Time>,
        location_address: Option<String>,
        answers: Option<Vec<Value>>,
        prospective_job_ids: Vec<u64>,
        custom_fields: Map<String, Value>,
    }
}

row! {
    /// One stay of one application in one stage of its job.
    ApplicationStage, keys(application_id, job_interview_stage_id), {
        application_id: u64,
        job_interview_stage_id: u64,
        entered_at: Option<Time>,
        exited_at: Option<Time>,
        days_in_stage: i64,
        current: bool,
    }
}

row! {
    /// Who rejected an application, when and why.
    RejectionDetail, keys(application_id, rejection_reason_id, rejected_by_id, rejection_note_id), {
        application_id: u64,
        rejected_by_id: Option<u64>,
        rejection_note_id: Option<u64>,
        rejection_reason_id: Option<u64>,
        rejected_at: Option<Time>,
        question_custom_fields: Map<String, Value>,
    }
}

row! {
    /// One version of an offer.
    Offer, keys(application_id, job_id, candidate_id, opening_id), {
        version: u64,
        application_id: u64,
        job_id: u64,
        candidate_id: u64,
        opening_id: Option<u64>,
        status: String,
        starts_on: Option<String>,
        sent_on: Option<String>,
        resolved_at: Option<Time>,
        custom_fields: Map<String, Value>,
        _user_id: Option<u64>,
        _notes: Option<String>,
        _current: bool,
    }
}

row! {
    /// An entry in a candidate's activity feed. It cannot be edited or deleted.
    Note, keys(candidate_id, application_id, user_id), {
        candidate_id: Option<u64>,
        application_id: Option<u64>,
        body: Option<String>,
        subject: Option<String>,
        r#type: String,
        user_id: Option<u64>,
        email_from: Option<String>,
        email_to: Option<String>,
        email_cc: Option<Vec<String>>,
        import_hash: Option<String>,
        body_with_tags: Option<String>,
        visibility: Option<String>,
        email_attachment_file_names: Option<Vec<String>>,
    }
}

row! {
    /// A tag on a candidate; this row's id is needed to take it off.
    AppliedCandidateTag, keys(candidate_id, candidate_tag_id), {
        candidate_tag_id: u64,
        candidate_id: u64,
    }
}

row! {
    /// A planned or past interview, without its panel.
    Interview, keys(job_id, application_id, job_interview_id, organizer_id), {
        job_id: u64,
        application_id: u64,
        job_interview_id: u64,
        starts_at: Option<Time>,
        ends_at: Option<Time>,
        location: Option<String>,
        status: String,
        organizer_id: Option<u64>,
        scheduled_at: Option<Time>,
        all_day_start_on: Option<String>,
        all_day_end_on: Option<String>,
        external_event_id: Option<String>,
        video_conferencing_url: Option<String>,
        availability_received_at: Option<Time>,
    }
}

row! {
    /// One seat in an interview's panel.
    Interviewer, keys(interview_id, user_id, scorecard_id), {
        interview_id: u64,
        user_id: Option<u64>,
        scorecard_id: Option<u64>,
        email: Option<String>,
        response_status: Option<String>,
    }
}

row! {
    /// An interviewer's judgement.
    Scorecard, keys(application_id, interview_kit_id, interviewer_id, submitter_id), {
        interview_kit_id: u64,
        interviewer_id: u64,
        interviewed_at: Option<Time>,
        notes: Option<String>,
        notes_with_tags: Option<String>,
        submitter_id: u64,
        candidate_rating: Option<String>,
        private_notes: Option<String>,
        private_notes_with_tags: Option<String>,
        status: String,
        public_notes: Option<String>,
        public_notes_with_tags: Option<String>,
        application_id: u64,
        submitted_at: Option<Time>,
    }
}
