//! What a company has: its people, places, jobs and the lists its ATS offers (common model, section 5).

use super::{Entity, Kind, derived, open, personal, restricted};

pub(super) const EMPLOYMENT: Kind = Kind::Enum(&[
    "full_time",
    "part_time",
    "contract",
    "temporary",
    "internship",
    "seasonal",
    "other",
    "unknown",
]);
const WORKPLACE: Kind = Kind::Enum(&["on_site", "hybrid", "remote", "unknown"]);
const KIND_SOURCE: Kind = Kind::Enum(&["vendor", "confirmed", "guessed"]);

/// In the order of the page.
pub(super) const ENTITIES: &[Entity] = &[
    Entity {
        name: "user",
        prefix: Some("usr"),
        fields: &[
            personal("first_name", Kind::Text),
            personal("last_name", Kind::Text),
            personal("full_name", Kind::Text),
            personal("email", Kind::Text),
            open("active", Kind::Bool),
            open(
                "access_level",
                Kind::Enum(&[
                    "super_admin",
                    "admin",
                    "member",
                    "limited",
                    "interviewer",
                    "unknown",
                ]),
            ),
            personal("employee_number", Kind::Text),
            open("department_ids", Kind::List(&Kind::Ref("department"))),
            open("office_ids", Kind::List(&Kind::Ref("office"))),
        ],
    },
    Entity {
        name: "department",
        prefix: Some("dep"),
        fields: &[
            open("name", Kind::Text),
            open("parent_id", Kind::Ref("department")),
            open("external_code", Kind::Text),
            open("active", Kind::Bool),
        ],
    },
    Entity {
        name: "office",
        prefix: Some("ofc"),
        fields: &[
            open("name", Kind::Text),
            open("location", Kind::Object("location")),
            open("parent_id", Kind::Ref("office")),
            open("external_code", Kind::Text),
            open("active", Kind::Bool),
        ],
    },
    Entity {
        name: "job",
        prefix: Some("job"),
        fields: &[
            open("title", Kind::Text),
            open("code", Kind::Text),
            open(
                "status",
                Kind::Enum(&[
                    "draft",
                    "pending_approval",
                    "open",
                    "on_hold",
                    "closed",
                    "archived",
                    "unknown",
                ]),
            ),
            open("confidential", Kind::Bool),
            open("employment_type", EMPLOYMENT),
            open("workplace", WORKPLACE),
            open("department_ids", Kind::List(&Kind::Ref("department"))),
            open("office_ids", Kind::List(&Kind::Ref("office"))),
            open("location", Kind::Object("location")),
            restricted("pay", Kind::List(&Kind::Object("pay"))),
            open("hiring_team", Kind::List(&Kind::Object("person_reference"))),
            open("stage_ids", Kind::List(&Kind::Ref("job_stage"))),
            open("opening_ids", Kind::List(&Kind::Ref("opening"))),
            open("posting_ids", Kind::List(&Kind::Ref("job_posting"))),
            open("opened_at", Kind::Instant),
            open("closed_at", Kind::Instant),
            open("description_html", Kind::Text),
            open("description_text", Kind::Text),
            derived(open("hiring_manager", Kind::Object("person_reference"))),
            derived(open("recruiter", Kind::Object("person_reference"))),
        ],
    },
    Entity {
        name: "opening",
        prefix: Some("opn"),
        fields: &[
            open("job_id", Kind::Ref("job")),
            open("opening_code", Kind::Text),
            open(
                "state",
                Kind::Enum(&["open", "on_hold", "filled", "cancelled", "unknown"]),
            ),
            open("opened_at", Kind::Instant),
            open("target_start_date", Kind::Date),
            open("closed_at", Kind::Instant),
            open("close_reason", Kind::Text),
            open("filled_by_application_id", Kind::Ref("application")),
            open("hris_position_id", Kind::Text),
        ],
    },
    Entity {
        name: "job_posting",
        prefix: Some("pst"),
        fields: &[
            open("job_id", Kind::Ref("job")),
            open("title", Kind::Text),
            open(
                "status",
                Kind::Enum(&["draft", "live", "closed", "unknown"]),
            ),
            open(
                "visibility",
                Kind::Enum(&["public", "internal", "unlisted", "unknown"]),
            ),
            open("language", Kind::Text),
            open("posted_at", Kind::Instant),
            open("expires_at", Kind::Instant),
            open("posting_url", Kind::Text),
            open("apply_url", Kind::Text),
            open("content_html", Kind::Text),
            open("location", Kind::Object("location")),
            open("workplace", WORKPLACE),
            open("question_ids", Kind::List(&Kind::Ref("question"))),
        ],
    },
    Entity {
        name: "job_stage",
        prefix: Some("stg"),
        fields: &[
            open("job_id", Kind::Ref("job")),
            open("plan_id", Kind::Text),
            open("name", Kind::Text),
            open("position", Kind::Int),
            open("active", Kind::Bool),
            open(
                "kind",
                Kind::Enum(&[
                    "lead",
                    "applied",
                    "screen",
                    "assessment",
                    "interview",
                    "reference_check",
                    "offer",
                    "hired",
                    "archived",
                    "other",
                    "unknown",
                ]),
            ),
            open("kind_source", KIND_SOURCE),
        ],
    },
    Entity {
        name: "reject_reason",
        prefix: Some("rsn"),
        fields: &[
            open("name", Kind::Text),
            open(
                "kind",
                Kind::Enum(&[
                    "company_rejected",
                    "candidate_withdrew",
                    "hired",
                    "other",
                    "unknown",
                ]),
            ),
            open("kind_source", KIND_SOURCE),
            open("active", Kind::Bool),
        ],
    },
    Entity {
        name: "source",
        prefix: Some("src"),
        fields: &[
            open("name", Kind::Text),
            open(
                "channel",
                Kind::Enum(&[
                    "job_board",
                    "career_site",
                    "referral",
                    "agency",
                    "sourced",
                    "event",
                    "internal",
                    "university",
                    "social",
                    "other",
                    "unknown",
                ]),
            ),
        ],
    },
    Entity {
        name: "tag",
        prefix: Some("tag"),
        fields: &[
            open("name", Kind::Text),
            open(
                "applies_to",
                Kind::Enum(&["candidate", "application", "job", "unknown"]),
            ),
            open("active", Kind::Bool),
        ],
    },
    Entity {
        name: "question",
        prefix: Some("qst"),
        fields: &[
            open("job_id", Kind::Ref("job")),
            open("posting_id", Kind::Ref("job_posting")),
            open("text", Kind::Text),
            open("type", Kind::Text),
            open("required", Kind::Bool),
            open("options", Kind::List(&Kind::Object("option"))),
            open(
                "category",
                Kind::Enum(&["screening", "consent", "other", "unknown"]),
            ),
        ],
    },
];
