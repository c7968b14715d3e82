//! Events: facts that the mirror changed, and how they are written (CloudEvents 1.0 JSON). Never holds `restricted` values.

use crate::{EventId, Micros};
use serde_json::{Map, Value, json};

/// One event as it leaves the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unique id.
    pub id: EventId,
    /// `application.stage_changed` …
    pub kind: String,
    /// The connection's name.
    pub connection: String,
    /// `application/app_…`
    pub subject: String,
    /// The order key: the application, the job, or the record itself.
    pub partition: String,
    /// Gap-free number within the partition.
    pub sequence: i64,
    /// When it happened in the vendor, best known.
    pub time: Micros,
    /// When we learned it.
    pub observed: Micros,
    /// `record_ref`, `changed`, `previous`, `current`, `late`, `evidence`, `cause`, `also?`.
    pub data: Map<String, Value>,
}

impl Event {
    /// The CloudEvents envelope (structured JSON mode).
    pub fn cloud_event(&self) -> Value {
        json!({
            "specversion": "1.0",
            "id": self.id.text(),
            "type": self.kind,
            "source": format!("connection/{}", self.connection),
            "subject": self.subject,
            "time": self.time.text(),
            "dataschema": "urn:stagewire:recruiting:1",
            "datacontenttype": "application/json",
            "observedat": self.observed.text(),
            "partitionkey": self.partition,
            "sequence": format!("{:012}", self.sequence),
            "data": self.data,
        })
    }

    /// Whether something newer of its record was told before it.
    pub fn late(&self) -> bool {
        self.data
            .get("late")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }
}
