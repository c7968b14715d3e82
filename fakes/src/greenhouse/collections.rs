//! The collections of the API and the filters each accepts. Unknown filters are refused by name,
//! as the vendor does; a filter not in this list does not exist.

use super::list::Pages;
use super::world::World;

/// How a query parameter selects rows.
#[derive(Clone, Copy)]
pub(crate) enum Filter {
    /// Up to fifty comma-joined ids of this column.
    Ids(&'static str),
    /// One id, which the column is or holds.
    Id(&'static str),
    Text(&'static str),
    Flag(&'static str),
    Date(&'static str),
    /// A fixed vocabulary.
    Word(&'static str, &'static [&'static str]),
    /// Some entry of a list has this value.
    Among(&'static str),
    /// Rows with this flag are left out unless asked for.
    Unless(&'static str),
    /// Accepted, but nothing here has such a value.
    Nothing,
}

use Filter::{Among, Date, Flag, Id, Ids, Nothing, Text, Unless, Word};

/// The filters of a collection beyond `cursor, per_page, ids, created_at, updated_at, fields`.
pub(crate) fn filters(collection: &str) -> Option<&'static [(&'static str, Filter)]> {
    Some(match collection {
        "users" => &[
            ("agency_ids", Ids("agency_id")),
            ("office_ids", Ids("office_ids")),
            ("department_ids", Ids("department_ids")),
            ("linked_candidate_ids", Ids("linked_candidate_ids")),
            ("interviewer_tag_ids", Nothing),
            ("employee_ids", Text("employee_id")),
            ("custom_field_option_id", Nothing),
            ("deactivated", Flag("deactivated")),
            ("primary_email", Text("primary_email")),
            ("external_office_id", Nothing),
            ("external_department_id", Nothing),
            ("show_service_accounts", Unless("_service_account")),
        ],
        "departments" | "offices" => &[
            ("parent_id", Id("parent_id")),
            ("external_id", Text("external_id")),
        ],
        "sources" | "candidate_tags" | "close_reasons" => &[],
        "referrers" => &[("user_ids", Ids("user_id"))],
        "rejection_reasons" => &[("include_defaults", Unless("_default"))],
        "applied_candidate_tags" => &[
            ("candidate_tag_ids", Ids("candidate_tag_id")),
            ("candidate_ids", Ids("candidate_id")),
        ],
        "jobs" => &[
            ("opened_at", Date("opened_at")),
            ("closed_at", Date("closed_at")),
            ("requisition_id", Text("requisition_id")),
            ("department_id", Id("department_id")),
            ("office_id", Id("office_ids")),
            ("custom_field_option_id", Nothing),
            ("confidential", Flag("confidential")),
            ("status", Word("status", &["open", "draft", "closed"])),
        ],
        "openings" => &[
            ("job_ids", Ids("job_id")),
            ("application_ids", Ids("application_id")),
            ("close_reason_ids", Ids("close_reason_id")),
            ("opened_at", Date("opened_at")),
            ("closed_at", Date("closed_at")),
            ("custom_field_option_id", Nothing),
            ("open", Flag("open")),
            ("opening_id", Text("opening_id")),
        ],
        "job_interview_stages" => &[("job_ids", Ids("job_id")), ("active", Flag("active"))],
        "job_owners" => &[
            ("user_ids", Ids("user_id")),
            ("job_ids", Ids("job_id")),
            (
                "type",
                Word("type", &["sourcer", "recruiter", "coordinator"]),
            ),
        ],
        "job_hiring_managers" => &[("user_ids", Ids("user_id")), ("job_ids", Ids("job_id"))],
        "job_posts" => &[
            ("job_ids", Ids("job_id")),
            ("job_board_ids", Ids("job_board_id")),
            ("active", Flag("active")),
            ("featured", Flag("featured")),
            ("live", Flag("live")),
            ("internal", Flag("internal")),
        ],
        "candidates" => &[
            ("last_activity_at", Date("last_activity_at")),
            ("custom_field_option_id", Nothing),
            ("private", Flag("private")),
            ("email", Among("email_addresses")),
            ("tag", Among("tags")),
        ],
        "applications" => &[
            ("candidate_ids", Ids("candidate_id")),
            ("job_ids", Ids("job_id")),
            ("prospective_job_ids", Ids("prospective_job_ids")),
            ("job_post_ids", Ids("job_post_id")),
            ("source_ids", Ids("source_id")),
            ("referrer_ids", Ids("referrer_id")),
            ("stage_ids", Ids("stage_id")),
            (
                "status",
                Word("status", &["rejected", "hired", "converted", "active"]),
            ),
            ("stage_name", Text("stage_name")),
            ("custom_field_option_id", Nothing),
            ("last_activity_at", Date("last_activity_at")),
            ("prospect", Flag("prospect")),
        ],
        "application_stages" => &[
            ("application_ids", Ids("application_id")),
            ("job_interview_stage_ids", Ids("job_interview_stage_id")),
            ("current", Flag("current")),
        ],
        "rejection_details" => &[
            ("application_ids", Ids("application_id")),
            ("rejection_reason_ids", Ids("rejection_reason_id")),
            ("custom_field_option_id", Nothing),
        ],
        "offers" => &[
            ("application_ids", Ids("application_id")),
            ("job_ids", Ids("job_id")),
            ("candidate_ids", Ids("candidate_id")),
            ("opening_ids", Ids("opening_id")),
            ("current_only", Flag("_current")),
            ("custom_field_option_id", Nothing),
            (
                "status",
                Word("status", &["Created", "Accepted", "Rejected", "Deprecated"]),
            ),
            ("resolved_at", Date("resolved_at")),
            ("sent_on", Date("sent_on")),
            ("starts_on", Date("starts_on")),
        ],
        "notes" => &[
            ("candidate_ids", Ids("candidate_id")),
            ("user_ids", Ids("user_id")),
            ("application_ids", Ids("application_id")),
            ("type", Word("type", NOTE_TYPES)),
            ("visibility", Word("visibility", NOTE_VISIBILITIES)),
        ],
        "interviews" => &[
            ("job_ids", Ids("job_id")),
            ("application_ids", Ids("application_id")),
            ("job_interview_ids", Ids("job_interview_id")),
            ("organizer_ids", Ids("organizer_id")),
            ("starts_at", Date("starts_at")),
            ("ends_at", Date("ends_at")),
            ("all_day_start_on", Date("all_day_start_on")),
            ("all_day_end_on", Date("all_day_end_on")),
            ("external_event_id", Text("external_event_id")),
            ("status", Word("status", INTERVIEW_STATUSES)),
        ],
        "interviewers" => &[
            ("interview_ids", Ids("interview_id")),
            ("user_ids", Ids("user_id")),
            ("scorecard_ids", Ids("scorecard_id")),
            ("response_status", Word("response_status", RESPONSES)),
        ],
        "scorecards" => &[
            ("interview_kit_ids", Ids("interview_kit_id")),
            ("submitter_ids", Ids("submitter_id")),
            ("application_ids", Ids("application_id")),
            ("interviewer_ids", Ids("interviewer_id")),
            ("interviewed_at", Date("interviewed_at")),
            ("submitted_at", Date("submitted_at")),
            ("status", Word("status", &["draft", "complete"])),
        ],
        "job_interviews" => &[
            ("job_interview_stage_ids", Ids("job_interview_stage_id")),
            ("job_ids", Ids("job_id")),
            ("active", Flag("active")),
            ("scheduling_type", Word("scheduling_type", SCHEDULING)),
        ],
        "interview_kits" => &[
            ("job_ids", Ids("job_id")),
            ("job_interview_ids", Ids("job_interview_id")),
        ],
        "scorecard_questions" => &[
            ("interview_kit_ids", Ids("interview_kit_id")),
            ("active", Flag("active")),
        ],
        "scorecard_question_answers" => &[
            ("scorecard_ids", Ids("scorecard_id")),
            ("scorecard_question_ids", Ids("scorecard_question_id")),
        ],
        "job_candidate_attributes" => &[
            ("job_ids", Ids("job_id")),
            (
                "candidate_attribute_type_ids",
                Ids("candidate_attribute_type_id"),
            ),
            ("active", Flag("active")),
        ],
        "scorecard_candidate_attributes" => &[
            ("scorecard_ids", Ids("scorecard_id")),
            (
                "job_candidate_attribute_ids",
                Ids("job_candidate_attribute_id"),
            ),
        ],
        "attachments" => &[
            ("application_ids", Ids("application_id")),
            ("candidate_ids", Ids("candidate_id")),
            ("type", Word("type", ATTACHMENT_TYPES)),
        ],
        _ => return None,
    })
}

const SCHEDULING: &[&str] = &["none", "needs_scheduling", "take_home_test", "offer"];
const ATTACHMENT_TYPES: &[&str] = &[
    "resume",
    "cover_letter",
    "take_home_test",
    "offer_packet",
    "offer_letter",
    "signed_offer_letter",
    "other",
    "form_attachment",
    "midfunnel_agreement",
    "automated_agreement",
];
const NOTE_TYPES: &[&str] = &[
    "NOTE",
    "ACTIVITY",
    "INTERVIEW",
    "EMAIL",
    "FOLLOW_UP",
    "TAKE_HOME_TEST",
    "LINKEDIN_NOTE",
    "LINKEDIN_INMAIL",
    "AVAILABILITY_REQUEST",
    "MIGRATION_ERROR",
    "TOUCHPOINT",
    "FORM",
    "FEEDBACK",
];
const NOTE_VISIBILITIES: &[&str] = &[
    "admin_only_visible",
    "privately_visible",
    "publicly_visible",
];
const INTERVIEW_STATUSES: &[&str] = &[
    "to_be_scheduled",
    "scheduled",
    "awaiting_feedback",
    "complete",
    "skipped",
    "collect_feedback",
    "to_be_sent",
    "sent",
    "received",
];
const RESPONSES: &[&str] = &["needs_action", "declined", "tentative", "accepted"];

impl World {
    /// The rows of a collection.
    pub(crate) fn collection(&self, name: &str) -> Option<&dyn Pages> {
        Some(match name {
            "users" => &self.users,
            "departments" => &self.departments,
            "offices" => &self.offices,
            "sources" => &self.sources,
            "referrers" => &self.referrers,
            "rejection_reasons" => &self.rejection_reasons,
            "close_reasons" => &self.close_reasons,
            "candidate_tags" => &self.candidate_tags,
            "applied_candidate_tags" => &self.applied_candidate_tags,
            "jobs" => &self.jobs,
            "openings" => &self.openings,
            "job_interview_stages" => &self.job_interview_stages,
            "job_owners" => &self.job_owners,
            "job_hiring_managers" => &self.job_hiring_managers,
            "job_posts" => &self.job_posts,
            "candidates" => &self.candidates,
            "applications" => &self.applications,
            "application_stages" => &self.application_stages,
            "rejection_details" => &self.rejection_details,
            "offers" => &self.offers,
            "notes" => &self.notes,
            "interviews" => &self.interviews,
            "interviewers" => &self.interviewers,
            "scorecards" => &self.scorecards,
            "job_interviews" => &self.job_interviews,
            "interview_kits" => &self.interview_kits,
            "scorecard_questions" => &self.scorecard_questions,
            "scorecard_question_answers" => &self.scorecard_question_answers,
            "job_candidate_attributes" => &self.job_candidate_attributes,
            "scorecard_candidate_attributes" => &self.scorecard_candidate_attributes,
            "attachments" => &self.attachments,
            _ => return None,
        })
    }
}
