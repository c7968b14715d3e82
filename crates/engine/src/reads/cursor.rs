//! Where a stream's reading stands, as its checkpoint holds it: up to when it was read, since which token, and the scan under way.
//! Plain data.

use super::walk::Place;
use serde::{Deserialize, Serialize};
use stagewire_model::Micros;

/// A stream's checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cursor {
    /// Everything up to this instant of the vendor's clock was read; `None` while the first scan is not over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upto: Option<i64>,
    /// The sync token of the last whole walk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When the last full scan began, by the vendor's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<i64>,
    /// How many rows the last full scan had.
    pub count: i64,
    /// Remote ids that the last full scan did not show, of records that cannot be asked for one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// The full scan under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<Running>,
}

/// A full scan under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    /// Its next page.
    pub next: Place,
    /// When it began, by the vendor's clock.
    pub from: i64,
    /// Rows so far.
    pub rows: i64,
}

impl Cursor {
    /// Reads a checkpoint; one that cannot be read counts as none, and the stream is read anew.
    pub(super) fn parse(text: &str) -> Cursor {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// After a full scan that began at `from`.
    pub(super) fn scanned(from: Micros, token: Option<String>, rows: i64) -> Cursor {
        Cursor {
            upto: Some(from.0),
            token,
            full: Some(from.0),
            count: rows,
            absent: Vec::new(),
            scan: None,
        }
    }
}
