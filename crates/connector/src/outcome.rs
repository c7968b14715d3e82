//! What an answer means, in a closed set of outcomes. How an answer is read stands in `reading`.

mod reading;

pub(crate) use reading::{Reading, Taken, wait_ms};

use serde_json::Value;

/// Who can do something about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// The people who wrote this connector or this program.
    Us,
    /// The one who runs it, or owns the flow.
    Operator,
    /// The vendor.
    Vendor,
}

/// What a complete answer means.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It happened.
    Done {
        /// The vendor's id of what was made.
        remote_id: Option<String>,
        /// What later steps may read.
        output: Value,
    },
    /// It was so already.
    AlreadyThere,
    /// No, for good.
    Refused {
        /// A stable code.
        code: String,
        /// Whose turn it is.
        turn: Turn,
        /// Ours and the vendor's words.
        say: String,
    },
    /// Too fast: never an attempt used up.
    RateLimited {
        /// How long to wait.
        wait_ms: i64,
    },
    /// It certainly did not happen; later it may.
    TryLater {
        /// How long to wait, if told.
        wait_ms: Option<i64>,
    },
    /// The credentials are no longer taken.
    AuthLost {
        /// Ours and the vendor's words.
        say: String,
    },
    /// The credentials lack a permission.
    MissingScope {
        /// Ours and the vendor's words.
        say: String,
    },
    /// A complete answer that does not say whether it happened.
    Unclear {
        /// A stable code.
        code: String,
        /// Ours and the vendor's words.
        say: String,
    },
    /// The destination is gone and asks for no more.
    Gone {
        /// Ours and the vendor's words.
        say: String,
    },
}
