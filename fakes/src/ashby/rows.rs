//! The two heavy kinds of record, kept small: candidates and applications. The other kinds are
//! kept as the JSON they are shown as.

use serde_json::{Map, Value};

use crate::clock::Time;

/// A row of a table.
pub(crate) trait Row: Clone {
    /// The record it belongs to, if lists are asked by it.
    fn parent(&self) -> Option<u64> {
        None
    }
}

/// A person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// The first one is the primary one.
    pub(crate) emails: Vec<String>,
    pub(crate) phones: Vec<String>,
    /// Type and address.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) tags: Vec<u64>,
    pub(crate) position: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) school: Option<String>,
    pub(crate) source: Option<u64>,
    pub(crate) credited: Option<u64>,
    pub(crate) applications: Vec<u64>,
    pub(crate) resume: Option<String>,
    pub(crate) custom: Vec<Value>,
}

/// A person's application to a job.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) candidate: u64,
    pub(crate) job: u64,
    pub(crate) stage: u64,
    pub(crate) source: Option<u64>,
    pub(crate) credited: Option<u64>,
    pub(crate) reason: Option<u64>,
    pub(crate) archived_at: Option<Time>,
    pub(crate) posting: Option<u64>,
    pub(crate) custom: Vec<Value>,
    pub(crate) history: Vec<Stay>,
}

/// A stay in a stage.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    pub(crate) n: u64,
    pub(crate) stage: u64,
    pub(crate) entered: Time,
    pub(crate) left: Option<Time>,
    pub(crate) actor: Option<u64>,
}

/// Any other record: its fields as shown. `createdAt` and `updatedAt`, where there are such fields,
/// are filled in when shown.
#[derive(Clone, Debug)]
pub(crate) struct Doc {
    pub(crate) parent: Option<u64>,
    pub(crate) fields: Map<String, Value>,
}

impl Row for Candidate {}

impl Row for Application {}

impl Row for Doc {
    fn parent(&self) -> Option<u64> {
        self.parent
    }
}
