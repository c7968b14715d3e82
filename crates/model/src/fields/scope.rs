//! What only a flow's scope has: its roots, and the types behind those that are no record.

use super::{Entity, Kind, open, personal};

/// The roots of a flow's scope that stand for data, and the entity or type of each.
pub(super) const ROOTS: &[(&str, &str)] = &[
    ("event", "event"),
    ("application", "application"),
    ("candidate", "candidate"),
    ("job", "job"),
    ("stage", "job_stage"),
    ("previous_stage", "job_stage"),
    ("offer", "offer"),
    ("interview", "interview"),
    ("scorecard", "scorecard"),
    ("signal", "signal"),
    ("department", "department"),
    ("office", "office"),
    ("source", "source"),
    ("reject_reason", "reject_reason"),
    ("recruiter", "person_reference"),
    ("hiring_manager", "person_reference"),
    ("place", "place"),
    ("connection", "connection"),
];

/// Types that are bound in a scope but are no record.
pub(super) const TYPES: &[Entity] = &[
    Entity {
        name: "event",
        prefix: None,
        fields: &[
            open("id", Kind::Text),
            open("type", Kind::Text),
            open("source", Kind::Text),
            open("subject", Kind::Text),
            open("time", Kind::Instant),
            open("observedat", Kind::Instant),
            open("partitionkey", Kind::Text),
            open("sequence", Kind::Text),
            open("late", Kind::Bool),
            open("evidence", Kind::Text),
            open("origin", Kind::Enum(&["vendor", "this_engine", "time"])),
            open("since", Kind::Instant),
            open("due", Kind::Instant),
            open("missed", Kind::Int),
            open("count", Kind::Int),
            personal("group", Kind::Text),
            open("changed", Kind::List(&Kind::Text)),
            personal("previous", Kind::Keyed(&Kind::Any)),
            personal("current", Kind::Keyed(&Kind::Any)),
        ],
    },
    Entity {
        name: "place",
        prefix: None,
        fields: &[open("name", Kind::Text), open("channel", Kind::Text)],
    },
    Entity {
        name: "connection",
        prefix: None,
        fields: &[
            open("id", Kind::Text),
            open("connector", Kind::Text),
            open("owner", Kind::Text),
        ],
    },
];
