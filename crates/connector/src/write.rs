//! What we write: actions as the manifest describes them, rendered into requests without credentials, and sent so that a repeat is
//! harmless. Claims nothing, sends nothing, remembers nothing.

pub(crate) mod once;
pub(crate) mod read;
pub(crate) mod render;
pub(crate) mod resolve;
pub(crate) mod send;

pub use once::{Compared, Found};
pub use render::{RenderError, RenderInput, Rendered};
pub use resolve::Lookup;
pub use send::PrepareError;

use crate::outcome::{Reading, Taken};
use crate::paging::Paging;
use crate::path::Path;
use crate::settings::Settings;
use crate::template::{Shape, Template};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stagewire_model::{Effect, Entity, OnceKind};
use std::collections::BTreeMap;

/// One thing we can do at a vendor, in one of its ways.
#[derive(Debug)]
pub struct Action {
    /// Without the connector: `note.create`.
    pub name: String,
    /// The way it is done, where there are several (the name of its table).
    pub variant: String,
    /// One sentence for the person who draws a flow.
    pub doc: String,
    /// A person decides, always.
    pub hold_always: bool,
    /// What a flow gives.
    pub with: Vec<WithKey>,
    /// Whose ids at the vendor it needs.
    pub needs_subject: Vec<Entity>,
    /// The permission it needs.
    pub scope: Option<String>,
    /// How long it is worth sending, unless the flow says otherwise.
    pub valid_for_ms: Option<i64>,
    /// The key of `with` whose values are paced apart; a name that is no such key paces all its calls together.
    pub limit_key: Option<String>,
    /// How a repeat is made harmless.
    pub once: OnceSpec,
    pub(crate) auth: Option<String>,
    effect: Effect,
    effect_field: Option<String>,
    method: String,
    path: Template,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
    body: Option<Shape>,
    open: bool,
    sign: Option<String>,
    timeout_ms: u64,
    pub(crate) reading: Reading,
    pub(crate) taken: Taken,
}

/// One key of `with`.
#[derive(Clone, Debug, PartialEq)]
pub struct WithKey {
    /// Its name.
    pub key: String,
    /// It must be there.
    pub required: bool,
    /// One sentence for the form.
    pub doc: String,
    /// How values that are put into it must be written.
    pub escape: Option<Escape>,
    /// The longest text it takes.
    pub max_chars: Option<usize>,
    /// The only values it takes; any where empty.
    pub one_of: Vec<String>,
    /// What it is where the flow gives nothing.
    pub default: Option<String>,
    /// A name here is looked up at the vendor first.
    pub resolve: Option<String>,
}

/// How a value is made harmless in a text with markup of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Escape {
    /// `&`, `<` and `>` as entities.
    Angles,
}

impl Escape {
    /// The value, made harmless.
    pub fn apply(self, text: &str) -> String {
        match self {
            Escape::Angles => text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;"),
        }
    }
}

/// How a repeat is made harmless.
#[derive(Debug)]
pub struct OnceSpec {
    /// The way, where what it needs is granted.
    pub kind: OnceKind,
    /// How long after the last moment it can have left "not there" does not count.
    pub quiet_ms: i64,
    /// How long the vendor remembers a key; after that it is `ledger`.
    pub remembers_ms: Option<i64>,
    /// One of these must be granted for it; else it is `ledger`.
    pub needs_scope: Vec<String>,
    /// Whether there is a look at the vendor that can tell.
    pub probes: bool,
    own_body: Option<OnceKind>,
    field: Option<String>,
    marker: Option<Template>,
    probe: Option<Probe>,
    at: Option<Path>,
    contains: bool,
    remote: Option<Path>,
    done: Option<Template>,
    version: Option<Path>,
}

#[derive(Clone, Debug)]
pub(crate) struct Probe {
    path: String,
    query: Vec<(String, Template)>,
    rows: Path,
    window: Option<Between>,
    paging: Paging,
}

#[derive(Clone, Debug)]
struct Between {
    from: String,
    to: String,
    margin_ms: i64,
    epoch: bool,
}

/// A rendered request as it is stored, shown and hashed. Never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRequest {
    /// `note.create`
    pub action: String,
    /// Which way it is done.
    pub variant: String,
    /// `POST` …
    pub method: String,
    /// Path and query, behind the connection's address.
    pub path: String,
    /// The path without values.
    pub template: String,
    /// Without credentials.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
    /// What a look at the vendor needs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, String>,
    /// The trace that is left, and looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// The intent, in hex: the key of `native_key`.
    pub intent: String,
    /// How a repeat of this request is made harmless.
    pub once: OnceKind,
}

impl Action {
    /// Who notices it, by this connection's settings.
    pub fn effect(&self, settings: &Settings) -> Effect {
        let told = self
            .effect_field
            .as_ref()
            .and_then(|f| settings.get(f))
            .and_then(Effect::parse);
        told.unwrap_or(self.effect)
    }

    /// How a repeat is made harmless, by what is granted and given. Unknown grants count as not granted.
    pub fn once(
        &self,
        settings: &Settings,
        granted: Option<&[String]>,
        with: &Map<String, Value>,
    ) -> OnceKind {
        let spec = &self.once;
        if !spec.needs_scope.is_empty()
            && !spec
                .needs_scope
                .iter()
                .any(|s| granted.is_some_and(|g| g.contains(s)))
        {
            return OnceKind::Ledger;
        }
        if let Some(field) = &spec.field {
            let told = with
                .get(field)
                .and_then(Value::as_str)
                .or_else(|| settings.get(field))
                .and_then(OnceKind::parse);
            // Only the ways that need nothing from the manifest can be chosen.
            if let Some(kind) =
                told.filter(|k| matches!(k, OnceKind::NativeKey | OnceKind::Set | OnceKind::Ledger))
            {
                return kind;
            }
        }
        match spec.own_body {
            Some(kind) if with.get("body").is_some_and(|b| !b.is_null()) => kind,
            _ => spec.kind,
        }
    }

    /// What is wrong with the keys of a flow's `with`, before anything is rendered.
    pub fn check_with(&self, with: &Map<String, Value>) -> Vec<String> {
        let mut wrong = Vec::new();
        for key in with
            .keys()
            .filter(|k| !self.with.iter().any(|w| w.key == **k))
        {
            let near = crate::problem::nearest(key, self.with.iter().map(|w| w.key.as_str()));
            wrong.push(match near {
                Some(near) => format!("{} takes no `{key}`; did you mean `{near}`?", self.name),
                None => format!("{} takes no `{key}`", self.name),
            });
        }
        for key in self
            .with
            .iter()
            .filter(|w| w.required && with.get(&w.key).is_none_or(Value::is_null))
        {
            wrong.push(format!("{} needs `{}`: {}", self.name, key.key, key.doc));
        }
        wrong
    }
}
