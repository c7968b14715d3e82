//! Entities that are born here, not at a vendor (common model, section 5.21).

use super::company::EMPLOYMENT;
use super::{Entity, Kind, open, personal, restricted};

/// `hire`, `ai_assessment` and `hold`.
pub(super) const ENTITIES: &[Entity] = &[
    Entity {
        name: "hire",
        prefix: Some("hir"),
        fields: &[
            open("application_id", Kind::Ref("application")),
            open("candidate_id", Kind::Ref("candidate")),
            open("offer_id", Kind::Ref("offer")),
            open(
                "state",
                Kind::Enum(&[
                    "draft",
                    "needs_review",
                    "ready",
                    "sent",
                    "confirmed",
                    "failed",
                    "cancelled",
                ]),
            ),
            personal("legal_first_name", Kind::Text),
            personal("legal_last_name", Kind::Text),
            open("work_email", Kind::Text),
            personal("personal_email", Kind::Text),
            open("start_date", Kind::Date),
            open("job_title", Kind::Text),
            open("department_id", Kind::Ref("department")),
            open("office_id", Kind::Ref("office")),
            open("manager_user_id", Kind::Ref("user")),
            open("employment_type", EMPLOYMENT),
            restricted("pay", Kind::List(&Kind::Object("pay"))),
            open("hris_position_id", Kind::Text),
            open("hris_person_id", Kind::Text),
            open("checks", Kind::List(&Kind::Any)),
        ],
    },
    Entity {
        name: "ai_assessment",
        prefix: Some("aia"),
        fields: &[
            open("application_id", Kind::Ref("application")),
            open(
                "purpose",
                Kind::Enum(&["summary", "criteria_check", "draft_feedback", "other"]),
            ),
            open("materially_influences", Kind::Bool),
            open("provider", Kind::Text),
            open("model", Kind::Text),
            open("prompt_hash", Kind::Text),
            open("input_paths", Kind::List(&Kind::Text)),
            open("input_hash", Kind::Text),
            open("firewall_certificate", Kind::Text),
            personal("criteria", Kind::List(&Kind::Any)),
            personal("text", Kind::Text),
            open("created_at", Kind::Instant),
            open("hold_id", Kind::Ref("hold")),
        ],
    },
    Entity {
        name: "hold",
        prefix: Some("hld"),
        fields: &[
            open(
                "kind",
                Kind::Enum(&[
                    "candidate_message",
                    "stage_change",
                    "reject",
                    "offer",
                    "ai_note",
                    "scorecard_draft",
                    "mapping_change",
                    "erasure",
                    "other",
                ]),
            ),
            open("subject", Kind::Any),
            restricted("proposed", Kind::Any),
            open(
                "state",
                Kind::Enum(&[
                    "waiting", "approved", "edited", "rejected", "expired", "blocked",
                ]),
            ),
            open("owner", Kind::Text),
            open("expires_at", Kind::Instant),
            open("opened_at", Kind::Instant),
            open("decided_by", Kind::Text),
            open("decided_at", Kind::Instant),
            open("seconds_open", Kind::Int),
            open("shown_hash", Kind::Text),
            personal("reason", Kind::Text),
        ],
    },
];
