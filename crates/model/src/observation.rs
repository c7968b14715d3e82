//! What a connector says about a vendor's record: "it looked like this, wholly or in these fields, at this time". Says nothing of
//! what that means: the mirror decides.

use crate::{Entity, Micros};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One date told by a vendor: when, whether only whole seconds were told, and where it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateSeen {
    /// The instant.
    pub at: Micros,
    /// True where only whole seconds were told.
    pub coarse: bool,
    /// The name of the date, the same in every shape of the entity (`last_activity_at`).
    pub path: String,
}

/// What a delivery claims happened; it speaks only for an unknown record or an unannounced state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Announce {
    /// `application.created`
    Created,
    /// `application.stage_changed`
    StageChanged,
    /// `application.rejected` or `withdrawn`
    Rejected,
    /// `application.reopened`
    Reopened,
    /// `application.hired`
    Hired,
    /// `application.unhired`
    Unhired,
}

/// How the record was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Seen {
    /// It is there and looks like this.
    Present,
    /// It is embedded in another record: fills only what we do not hold.
    Embedded,
    /// It was deleted.
    Deleted,
    /// It was merged into another record of the same entity.
    Merged {
        /// The vendor's id of the record that stays.
        into: String,
    },
    /// A person's data was wiped; these fields are empty now.
    Anonymized {
        /// The vendor's words for the wiped fields.
        fields: Vec<String>,
    },
    /// One row of a record's history (a stay in a stage).
    History,
    /// A row of another list that is a part of this record: items of its lists, or single fields.
    Part {
        /// The vendor's id of that row.
        row: String,
    },
}

/// One statement about one record. References to other records in `fields` are written `{"$ref": "job", "id": "<remote id>"}`; the
/// engine turns them into ids, or, with `"take": "<field>"` in it, into what that record holds in that field. A field that is absent was not observed; an explicit null is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// What kind of record.
    pub entity: Entity,
    /// The vendor's id, opaque.
    pub remote_id: String,
    /// The manifest's shape it came through.
    pub shape: String,
    /// How it was seen.
    pub seen: Seen,
    /// The observed fields, in the model's names, with `custom_fields` and `extra` among them.
    pub fields: Map<String, Value>,
    /// Record-wide dates: when it looked like this.
    pub dates: Vec<DateSeen>,
    /// Dates of single states, by the state's name (`applied`, `rejected`, `hired`, `entered`).
    pub own: Vec<(String, DateSeen)>,
    /// What the delivery claims, if it is one.
    pub announces: Option<Announce>,
    /// True where the shape says lists and fields are complete (a row, not a part of one).
    pub complete: bool,
}

/// Something about a vendor's answer that was not as expected: never an error, always shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The shape it was seen in.
    pub shape: String,
    /// Where, as a dotted path without values.
    pub path: String,
    /// `unknown_type`, `unknown_value`, `wrong_type`, `missing`, `unreadable_date`
    pub code: String,
}
