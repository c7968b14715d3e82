//! What items look like, for the OpenAPI document. The values themselves come from the store as they are; a test holds both
//! against each other. Holds no behaviour.

mod items;

pub use items::*;

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Nothing needs to be said.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A page of a list.
#[derive(ToSchema)]
pub struct Page<T: ToSchema> {
    /// The items.
    pub items: Vec<T>,
    /// The `cursor` of the next page; null on the last.
    #[schema(required)]
    pub next: Option<String>,
}

/// A page of a list that is in the order of changes.
#[derive(ToSchema)]
pub struct Changes<T: ToSchema> {
    /// The items.
    pub items: Vec<T>,
    /// The `cursor` of the next page; null on the last.
    #[schema(required)]
    pub next: Option<String>,
    /// The `cursor` to go on with later: what changed after this page, and nothing else. Null where nothing was ever listed.
    #[schema(required)]
    pub resume: Option<String>,
}

/// A connection with its form and its streams.
#[derive(ToSchema)]
pub struct ConnectionDetail {
    /// The connection.
    #[serde(flatten)]
    pub connection: Connection,
    /// The fields of its form; values are never shown.
    pub fields: Vec<FormField>,
    /// What it is allowed.
    pub scopes: Scopes,
    /// What is read from it.
    pub streams: Vec<StreamState>,
    /// What it keeps, as it is configured; null: everything mapped but résumés, notes and pay.
    #[schema(required)]
    pub keep: Option<Vec<String>>,
    /// The shortest `keep` that is enough for the loaded flows and the subscriptions.
    pub keep_needed: Vec<String>,
    /// What it does not supply, and why.
    pub not_available: Vec<NotAvailable>,
    /// What it can do.
    pub actions: Vec<String>,
}

/// A flow with its source and versions.
#[derive(ToSchema)]
pub struct FlowDetail {
    /// The flow.
    #[serde(flatten)]
    pub flow: Flow,
    /// Its file.
    pub source: String,
    /// Its versions, newest first.
    pub versions: Vec<FlowVersion>,
    /// Why it does not run.
    pub problems: Vec<FlowProblem>,
}

/// A run with its actions.
#[derive(ToSchema)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// Its actions, newest first.
    pub actions: Vec<Action>,
}

/// An action with its request and its calls.
#[derive(ToSchema)]
pub struct ActionDetail {
    /// The action.
    #[serde(flatten)]
    pub action: Action,
    /// What is or was to be sent, without credentials; null before it is rendered and after its retention.
    #[schema(required)]
    pub request: Option<Map<String, Value>>,
    /// Its attempts, newest first.
    pub calls: Vec<Call>,
}

/// A failure with what it is about.
#[derive(ToSchema)]
pub struct FailureDetail {
    /// The failure.
    #[serde(flatten)]
    pub failure: Failure,
    /// What it is about; at most 10,000.
    pub items: Vec<FailureItem>,
}

/// What happened to a person, newest first.
#[derive(ToSchema)]
pub struct TimelineEntry {
    /// When.
    pub time: String,
    /// `event` or `action`.
    pub kind: String,
    /// The event, where it is one.
    pub event: Option<Event>,
    /// The action, where it is one.
    pub action: Option<Action>,
}

/// An error (RFC 9457).
#[derive(ToSchema)]
pub struct Problem {
    /// The page about this code.
    pub r#type: String,
    /// What the code says.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// A stable code.
    pub code: String,
    /// Names this request in the server's log.
    pub request_id: String,
    /// Problems in files, each with its place.
    pub problems: Option<Vec<FlowProblem>>,
}
