//! The rows that describe the company: people who hire, places, jobs. In the vendor's words.
//! Columns beginning with `_` are ours and never leave.

use serde::Serialize;
use serde_json::{Map, Value};

use super::table::row;
use crate::clock::Time;

/// A named kind, as `sources.type` and `rejection_reasons.type`.
#[derive(Clone, Debug, Serialize)]
pub struct Kind {
    /// Its number.
    pub id: u64,
    /// Only rejection reasons have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its name.
    pub name: String,
}

row! {
    /// A person who works at the company.
    User, keys(office_ids, department_ids, linked_candidate_ids, agency_id), {
        first_name: Option<String>,
        last_name: Option<String>,
        primary_email: Option<String>,
        job_title: Option<String>,
        agency_id: Option<u64>,
        name: Option<String>,
        deactivated: bool,
        site_admin: bool,
        employee_id: Option<String>,
        linked_candidate_ids: Vec<u64>,
        office_ids: Vec<u64>,
        department_ids: Vec<u64>,
        interviewer_tags: Vec<Value>,
        emails: Option<Vec<String>>,
        custom_fields: Map<String, Value>,
        _service_account: bool,
    }
}

row! {
    /// A department.
    Department, keys(parent_id), {
        name: String,
        parent_id: Option<u64>,
        external_id: Option<String>,
    }
}

row! {
    /// An office; its place is plain text here and an object nowhere in this version.
    Office, keys(parent_id, primary_in_house_contact_user_id), {
        name: String,
        parent_id: Option<u64>,
        external_id: Option<String>,
        location: Option<String>,
        primary_in_house_contact_user_id: Option<u64>,
    }
}

row! {
    /// Where candidates come from.
    Source, keys(), {
        name: String,
        r#type: Kind,
    }
}

row! {
    /// A person who referred somebody; numbered apart from users.
    Referrer, keys(user_id), {
        user_id: Option<u64>,
        name: String,
    }
}

row! {
    /// Why somebody was rejected.
    RejectionReason, keys(), {
        name: String,
        r#type: Kind,
        _default: bool,
    }
}

row! {
    /// Why an opening was closed.
    CloseReason, keys(), {
        name: String,
    }
}

row! {
    /// A tag in the dictionary.
    CandidateTag, keys(), {
        name: String,
    }
}

row! {
    /// A job.
    Job, keys(department_id, office_ids), {
        name: String,
        requisition_id: Option<String>,
        notes: Option<String>,
        confidential: bool,
        status: String,
        opened_at: Option<Time>,
        closed_at: Option<Time>,
        is_template: Option<bool>,
        copied_from_id: Option<u64>,
        department_id: Option<u64>,
        office_ids: Vec<u64>,
        custom_fields: Map<String, Value>,
        _created_by_id: Option<u64>,
    }
}

row! {
    /// A seat to fill.
    Opening, keys(job_id, application_id, close_reason_id), {
        job_id: u64,
        opened_at: Option<Time>,
        closed_at: Option<Time>,
        sort_order: u64,
        opening_id: Option<String>,
        application_id: Option<u64>,
        close_reason_id: Option<u64>,
        target_start_on: Option<String>,
        open: bool,
        custom_fields: Map<String, Value>,
    }
}

row! {
    /// A stage of a job's interview plan. Its id is never an application's `stage_id`.
    JobInterviewStage, keys(job_id), {
        job_id: u64,
        sort_order: u64,
        name: String,
        active: bool,
        _interview_id: Option<u64>,
        _kit_id: Option<u64>,
    }
}

row! {
    /// A recruiter, coordinator or sourcer of a job.
    JobOwner, keys(job_id, user_id), {
        job_id: u64,
        user_id: u64,
        r#type: String,
        responsible: bool,
    }
}

row! {
    /// A hiring manager of a job.
    JobHiringManager, keys(job_id, user_id), {
        user_id: u64,
        job_id: u64,
    }
}

row! {
    /// A published text about a job.
    JobPost, keys(job_id, job_board_id), {
        title: String,
        internal: bool,
        active: bool,
        live: bool,
        featured: bool,
        first_published_at: Option<Time>,
        content: Option<String>,
        internal_content: Option<String>,
        language: Option<String>,
        public_url: Option<String>,
        demographic_question_set_id: Option<u64>,
        job_id: u64,
        job_board_id: u64,
        questions: Vec<Value>,
    }
}
