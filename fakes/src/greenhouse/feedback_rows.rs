//! The rows behind a scorecard and a file: what is asked, what was answered, what is attached. In the vendor's words.

use super::table::row;
use crate::clock::Time;

row! {
    /// An interview of a job's plan, as interviews name it.
    JobInterview, keys(job_interview_stage_id, job_id), {
        job_interview_stage_id: u64,
        job_id: u64,
        sort_order: u64,
        scheduling_type: Option<String>,
        duration: Option<u64>,
        summary: Option<String>,
        instructions: Option<String>,
        name: String,
        active: bool,
        require_scorecard: Option<bool>,
    }
}

row! {
    /// The kit an interviewer works with.
    InterviewKit, keys(job_id, job_interview_id), {
        job_id: u64,
        job_interview_id: u64,
        exercises: Option<String>,
        anonymize_candidate: Option<bool>,
        anonymize_resumes: Option<bool>,
    }
}

row! {
    /// A question of a kit.
    ScorecardQuestion, keys(interview_kit_id), {
        interview_kit_id: u64,
        question: String,
        sort_order: u64,
        active: bool,
        answer_type: String,
        required: bool,
    }
}

row! {
    /// What an interviewer answered to a question.
    ScorecardQuestionAnswer, keys(scorecard_id, scorecard_question_id), {
        scorecard_id: u64,
        scorecard_question_id: u64,
        answer: Option<String>,
        answer_with_tags: Option<String>,
        boolean_value: Option<bool>,
    }
}

row! {
    /// Something candidates for a job are rated by.
    JobCandidateAttribute, keys(job_id, candidate_attribute_type_id), {
        job_id: u64,
        candidate_attribute_type_id: u64,
        name: String,
        sort_order: Option<u64>,
        active: bool,
    }
}

row! {
    /// How an interviewer rated it.
    ScorecardCandidateAttribute, keys(scorecard_id, job_candidate_attribute_id), {
        scorecard_id: u64,
        candidate_attribute_rating: String,
        job_candidate_attribute_id: u64,
        note: Option<String>,
    }
}

row! {
    /// A file; its link ends after seven days.
    Attachment, keys(application_id, candidate_id), {
        application_id: u64,
        candidate_id: Option<u64>,
        r#type: String,
        filename: String,
        url: String,
    }
}

impl Attachment {
    /// A file with a link that ends.
    pub(crate) fn new(
        id: u64,
        now: Time,
        application_id: u64,
        candidate_id: u64,
        kind: &str,
        filename: &str,
    ) -> Self {
        Attachment {
            id,
            created_at: now,
            updated_at: now,
            application_id,
            candidate_id: Some(candidate_id),
            r#type: kind.into(),
            filename: filename.into(),
            url: format!("https://files.example.com/{id}/{filename}?expires=604800"),
        }
    }
}
