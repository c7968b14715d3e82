//! The record envelope and the types nested in entities (common model, sections 2 and 4).

use super::{Entity, Field, Kind, derived, open, personal, restricted};

/// What every record carries besides its own fields.
pub(super) const ENVELOPE: &[Field] = &[
    open("schema", Kind::Text),
    open("entity", Kind::Text),
    open("id", Kind::Text),
    open("connection", Kind::Text),
    open("remote_id", Kind::Text),
    open("remote_url", Kind::Text),
    open("remote_created_at", Kind::Instant),
    open("remote_updated_at", Kind::Instant),
    open("first_seen_at", Kind::Instant),
    open("changed_at", Kind::Instant),
    open("revision", Kind::Int),
    open("content_hash", Kind::Text),
    open("deleted_at", Kind::Instant),
    open("deletion", Kind::Object("deletion")),
    open("provenance", Kind::Object("provenance")),
    restricted("custom_fields", Kind::List(&Kind::Object("custom_field"))),
    open("meta", Kind::Object("meta")),
    derived(restricted("custom", Kind::Keyed(&Kind::Any))),
];

const ROLE: Kind = Kind::Enum(&[
    "hiring_manager",
    "recruiter",
    "coordinator",
    "sourcer",
    "interviewer",
    "approver",
    "referrer",
    "admin",
    "other",
    "unknown",
]);
const CONTACT_KIND: Kind = Kind::Enum(&["personal", "work", "mobile", "home", "other", "unknown"]);
const RATING: Kind = Kind::Enum(super::people::RECOMMENDATIONS);

/// Types that have no record of their own.
pub(super) const TYPES: &[Entity] = &[
    Entity {
        name: "email",
        prefix: None,
        fields: &[
            personal("value", Kind::Text),
            open("kind", CONTACT_KIND),
            open("primary", Kind::Bool),
        ],
    },
    Entity {
        name: "phone",
        prefix: None,
        fields: &[
            personal("value", Kind::Text),
            personal("e164", Kind::Text),
            open("kind", CONTACT_KIND),
            open("primary", Kind::Bool),
        ],
    },
    Entity {
        name: "link",
        prefix: None,
        fields: &[
            personal("url", Kind::Text),
            open(
                "kind",
                Kind::Enum(&[
                    "linkedin",
                    "github",
                    "portfolio",
                    "website",
                    "resume",
                    "other",
                    "unknown",
                ]),
            ),
        ],
    },
    Entity {
        name: "location",
        prefix: None,
        fields: &[
            open("label", Kind::Text),
            open("city", Kind::Text),
            open("region", Kind::Text),
            open("country_code", Kind::Text),
            restricted("postal_code", Kind::Text),
            restricted("street", Kind::Text),
            open("time_zone", Kind::Text),
        ],
    },
    Entity {
        name: "money",
        prefix: None,
        fields: &[
            restricted("amount", Kind::Decimal),
            restricted("currency", Kind::Text),
        ],
    },
    Entity {
        name: "pay",
        prefix: None,
        fields: &[
            restricted(
                "kind",
                Kind::Enum(&[
                    "base",
                    "bonus",
                    "equity",
                    "commission",
                    "allowance",
                    "other",
                    "unknown",
                ]),
            ),
            restricted("min", Kind::Object("money")),
            restricted("max", Kind::Object("money")),
            restricted("exact", Kind::Object("money")),
            restricted(
                "period",
                Kind::Enum(&[
                    "year",
                    "month",
                    "two_weeks",
                    "week",
                    "day",
                    "hour",
                    "once",
                    "unknown",
                ]),
            ),
            restricted("text", Kind::Text),
        ],
    },
    Entity {
        name: "person_reference",
        prefix: None,
        fields: &[
            open("user_id", Kind::Ref("user")),
            personal("name", Kind::Text),
            personal("email", Kind::Text),
            open("role", ROLE),
        ],
    },
    Entity {
        name: "interviewer",
        prefix: None,
        fields: &[
            open("user_id", Kind::Ref("user")),
            personal("name", Kind::Text),
            personal("email", Kind::Text),
            open("role", ROLE),
            open(
                "response",
                Kind::Enum(&[
                    "needs_action",
                    "accepted",
                    "tentative",
                    "declined",
                    "unknown",
                ]),
            ),
            open("feedback_required", Kind::Bool),
        ],
    },
    Entity {
        name: "actor",
        prefix: None,
        fields: &[
            open(
                "kind",
                Kind::Enum(&[
                    "user",
                    "candidate",
                    "vendor_system",
                    "this_engine",
                    "unknown",
                ]),
            ),
            open("user_id", Kind::Ref("user")),
            personal("label", Kind::Text),
        ],
    },
    Entity {
        name: "custom_field",
        prefix: None,
        fields: &[
            open("key", Kind::Text),
            open("label", Kind::Text),
            open("type", Kind::Text),
            restricted("value", Kind::Any),
            open("data_class", Kind::Text),
            open("remote_id", Kind::Text),
            open("options_hash", Kind::Text),
        ],
    },
    Entity {
        name: "option",
        prefix: None,
        fields: &[open("option_id", Kind::Text), open("label", Kind::Text)],
    },
    Entity {
        name: "consent",
        prefix: None,
        fields: &[
            open(
                "kind",
                Kind::Enum(&[
                    "storage",
                    "contact",
                    "talent_pool",
                    "ai_processing",
                    "video_analysis",
                ]),
            ),
            open(
                "state",
                Kind::Enum(&["given", "withdrawn", "not_asked", "unknown"]),
            ),
            open("at", Kind::Instant),
            open("expires_at", Kind::Instant),
            open("country_code", Kind::Text),
        ],
    },
    Entity {
        name: "screening_answer",
        prefix: None,
        fields: &[
            open("question_id", Kind::Ref("question")),
            open("question_text", Kind::Text),
            open("type", Kind::Text),
            personal("value", Kind::Any),
        ],
    },
    Entity {
        name: "scorecard_answer",
        prefix: None,
        fields: &[
            open("question_text", Kind::Text),
            open("type", Kind::Text),
            personal("value", Kind::Any),
        ],
    },
    Entity {
        name: "rating",
        prefix: None,
        fields: &[
            open("attribute", Kind::Text),
            personal("rating", RATING),
            personal("note", Kind::Text),
        ],
    },
    Entity {
        name: "deletion",
        prefix: None,
        fields: &[
            open("reason", Kind::Text),
            open("detected_by", Kind::Text),
            open("merged_into_id", Kind::Text),
            open("purged_at", Kind::Instant),
        ],
    },
    Entity {
        name: "provenance",
        prefix: None,
        fields: &[
            open(
                "channel",
                Kind::Enum(&[
                    "webhook",
                    "poll_delta",
                    "poll_full",
                    "backfill",
                    "read_back",
                    "manual",
                    "derived",
                ]),
            ),
            open("observed_at", Kind::Instant),
            open("event_id", Kind::Text),
            open("raw_ref", Kind::Text),
        ],
    },
    Entity {
        name: "meta",
        prefix: None,
        fields: &[
            open("not_available", Kind::List(&Kind::Text)),
            open("redacted", Kind::List(&Kind::Text)),
            open("warnings", Kind::List(&Kind::Any)),
        ],
    },
];
