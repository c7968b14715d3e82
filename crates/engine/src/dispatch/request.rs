//! What an action keeps as its request: the request itself, or, where a name must first be looked up at the vendor, what it is
//! rendered from. Never holds a credential.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stagewire_connector::{
    Connector, Lookup, RenderError, RenderInput, Rendered, Settings, StoredRequest,
};
use stagewire_model::Entity;
use std::collections::BTreeMap;

/// A stored request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// Ready to be sent.
    Request {
        /// The request.
        request: StoredRequest,
        /// What the vendor also counts by.
        limit_key: Option<String>,
    },
    /// To be rendered once its names are looked up.
    Draft(Draft),
}

/// What a request is rendered from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the render input")]
pub struct Draft {
    pub with: Map<String, Value>,
    pub remote: BTreeMap<String, String>,
    pub intent_hex: String,
    pub event_id: String,
    pub cloud_event: Value,
    pub escaped: bool,
}

impl Stored {
    /// What the vendor also counts by.
    pub fn limit_key(&self) -> Option<String> {
        match self {
            Stored::Request { limit_key, .. } => limit_key.clone(),
            Stored::Draft(_) => None,
        }
    }
}

impl Draft {
    /// Renders it with what was looked up.
    ///
    /// # Errors
    /// [`RenderError::Needs`] names what must be looked up first.
    pub fn render(
        &self,
        connector: &Connector,
        action: &str,
        settings: &Settings,
        granted: Option<&[String]>,
        resolved: &BTreeMap<Lookup, String>,
    ) -> Result<Rendered, RenderError> {
        let Some(action) = connector.action(action, settings) else {
            return Err(RenderError::BadWith {
                key: "use".into(),
                say: format!("{} has no action {action}", connector.id),
            });
        };
        let remote = |e: Entity| self.remote.get(e.name()).cloned();
        let input = RenderInput {
            with: &self.with,
            remote: &remote,
            intent_hex: &self.intent_hex,
            intent_short: &self.intent_hex[..self.intent_hex.len().min(12)],
            event_id: &self.event_id,
            cloud_event: &self.cloud_event,
            granted_scopes: granted,
            resolved,
            escaped: self.escaped,
        };
        connector.render(action, settings, &input)
    }
}
