//! What each list can be filtered by, and what a filter's value may be. The same table checks requests and writes the document.

use crate::problem::Problem;
use stagewire_model::{ActionState, EventId, RecordId, time};
use stagewire_store::{DeliveryState, RunState};

/// What a filter's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Text,
    Number,
    Instant,
    Event,
    Record,
    DeliveryState,
    RunState,
    ActionState,
    Words(&'static [&'static str]),
}

/// A filter: its name here, its name in the store, what it takes, what it is for.
pub(crate) struct Filter(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) Takes,
    pub(crate) &'static str,
);

const CONNECTION: Filter = Filter(
    "connection",
    "connection",
    Takes::Text,
    "The connection's name.",
);
const FLOW: Filter = Filter("flow", "flow", Takes::Text, "The flow's id.");
const EVENT: Filter = Filter("event_id", "event", Takes::Event, "The event's id.");
const HOLD_STATES: &[&str] = &[
    "waiting", "approved", "edited", "rejected", "expired", "blocked",
];
const FAILURE_STATES: &[&str] = &["open", "taken", "waiting", "fixed", "back", "ignored"];
const CONNECTION_STATES: &[&str] = &[
    "working",
    "catching_up",
    "slow",
    "quiet",
    "needs_you",
    "paused",
    "unknown",
];

/// Every list with its filters.
pub(crate) const LISTS: &[(&str, &[Filter])] = &[
    (
        "deliveries",
        &[
            CONNECTION,
            Filter("state", "state", Takes::DeliveryState, "Where it stands."),
        ],
    ),
    (
        "events",
        &[
            CONNECTION,
            Filter(
                "type",
                "type",
                Takes::Text,
                "The type, such as `application.stage_changed`.",
            ),
            Filter(
                "subject",
                "subject",
                Takes::Record,
                "The id of the record it is about.",
            ),
            Filter(
                "partitionkey",
                "partitionkey",
                Takes::Text,
                "The order key.",
            ),
            Filter("id", "id", Takes::Event, "The event's own id."),
        ],
    ),
    (
        "runs",
        &[
            FLOW,
            EVENT,
            Filter("state", "state", Takes::RunState, "Where it stands."),
        ],
    ),
    (
        "actions",
        &[
            CONNECTION,
            FLOW,
            EVENT,
            Filter("state", "state", Takes::ActionState, "Where it stands."),
            Filter("run_id", "run_id", Takes::Number, "The run it belongs to."),
            Filter("id", "id", Takes::Number, "The action's own id."),
        ],
    ),
    (
        "holds",
        &[
            FLOW,
            Filter(
                "state",
                "state",
                Takes::Words(HOLD_STATES),
                "Where it stands.",
            ),
            Filter("id", "id", Takes::Number, "The hold's own id."),
        ],
    ),
    (
        "failures",
        &[
            CONNECTION,
            FLOW,
            Filter(
                "state",
                "state",
                Takes::Words(FAILURE_STATES),
                "Where it stands.",
            ),
            Filter("code", "code", Takes::Text, "The failure's code."),
            Filter("id", "id", Takes::Number, "The failure's own id."),
        ],
    ),
    (
        "calls",
        &[
            CONNECTION,
            Filter("host", "host", Takes::Text, "The host that was asked."),
            Filter("path", "path", Takes::Text, "The path template."),
            Filter(
                "status",
                "status",
                Takes::Number,
                "The status of the answer; 0 = none came.",
            ),
            Filter("code", "code", Takes::Text, "The failure's code."),
            Filter(
                "action_id",
                "action_id",
                Takes::Number,
                "The action it was made for.",
            ),
            Filter("since", "since", Takes::Instant, "Not older than this."),
        ],
    ),
    ("drift", &[CONNECTION]),
    ("completeness", &[CONNECTION]),
    (
        "audit",
        &[Filter(
            "object",
            "object",
            Takes::Text,
            "What it is about, such as `flow/pings`.",
        )],
    ),
    (
        "records/{entity}",
        &[
            CONNECTION,
            Filter("remote_id", "remote_id", Takes::Text, "The vendor's id."),
            Filter("id", "id", Takes::Record, "Our id."),
            Filter(
                "updated_after",
                "updated_after",
                Takes::Instant,
                "Changed here after this instant.",
            ),
            Filter(
                "changed_after",
                "updated_after",
                Takes::Instant,
                "The same as `updated_after`: both go by `changed_at`.",
            ),
            Filter(
                "deleted",
                "deleted",
                Takes::Words(&["true", "false", "only"]),
                "Tombstones: with the others (`true`, as when nothing is said), left out, or alone.",
            ),
            Filter(
                "application_id",
                "application_id",
                Takes::Record,
                "Those of one application, where the entity names one.",
            ),
            Filter(
                "candidate_id",
                "candidate_id",
                Takes::Record,
                "Those of one candidate, where the entity names one.",
            ),
            Filter(
                "job_id",
                "job_id",
                Takes::Record,
                "Those of one job, where the entity names one.",
            ),
            Filter(
                "stage_id",
                "stage_id",
                Takes::Record,
                "Those in one stage, where the entity names one.",
            ),
            Filter(
                "status",
                "status",
                Takes::Text,
                "A status of the entity, where it has one.",
            ),
            Filter(
                "state",
                "status",
                Takes::Text,
                "A state of the entity, where it has one.",
            ),
            Filter(
                "email",
                "email",
                Takes::Text,
                "Candidates and users with this address, whole, in any case.",
            ),
        ],
    ),
    (
        "connections",
        &[
            Filter("connector", "connector", Takes::Text, "The connector's id."),
            Filter(
                "state",
                "state",
                Takes::Words(CONNECTION_STATES),
                "Where it stands.",
            ),
        ],
    ),
    (
        "flows",
        &[Filter(
            "rung",
            "rung",
            Takes::Words(&["read-only", "listening", "write-back", "auto"]),
            "The rung it is on.",
        )],
    ),
    (
        "subscriptions",
        &[Filter(
            "state",
            "state",
            Takes::Words(&["on", "paused"]),
            "Whether it is on.",
        )],
    ),
];

/// The filters of a list.
pub(crate) fn filters(list: &str) -> &'static [Filter] {
    LISTS
        .iter()
        .find(|(name, _)| *name == list)
        .map_or(&[], |(_, f)| f)
}

impl Filter {
    /// Checks a value.
    pub(super) fn fits(&self, value: &str) -> Result<(), Problem> {
        let Filter(name, _, takes, _) = self;
        let words: Vec<&str> = match takes {
            Takes::Text => return Ok(()),
            Takes::Number => return told(value.parse::<i64>().is_ok(), name, "a number"),
            Takes::Instant => {
                return told(
                    time::parse_instant(value).is_some(),
                    name,
                    "an instant such as 2026-11-23T18:57:04.120Z",
                );
            }
            Takes::Event => {
                return told(
                    EventId::parse(value).is_some(),
                    name,
                    "an event's id: evt_…",
                );
            }
            Takes::Record => {
                return told(
                    RecordId::parse(value.rsplit('/').next().unwrap_or(value)).is_some(),
                    name,
                    "a record's id such as app_…",
                );
            }
            Takes::DeliveryState => {
                return told(
                    DeliveryState::parse(value).is_some(),
                    name,
                    "waiting, mapped, kept, duplicate or failed",
                );
            }
            Takes::RunState => {
                return told(
                    RunState::parse(value).is_some(),
                    name,
                    "completing, running, done, parked, skipped or would_have",
                );
            }
            Takes::ActionState => ActionState::ALL.iter().map(|s| s.as_str()).collect(),
            Takes::Words(words) => words.to_vec(),
        };
        told(
            words.contains(&value),
            name,
            &format!("one of {}", words.join(", ")),
        )
    }
}

fn told(fits: bool, name: &str, what: &str) -> Result<(), Problem> {
    if fits {
        Ok(())
    } else {
        Err(Problem::bad(format!("`{name}` takes {what}")))
    }
}
