//! From what a flow gives to the exact request a person would see. Refuses what is missing, too long or not allowed; puts no
//! credential in.

use super::resolve::{Lookup, Resolve};
use super::{Action, StoredRequest};
use crate::http::encode;
use crate::settings::Settings;
use crate::template::{Unfilled, plain};
use serde_json::{Map, Value};
use stagewire_model::Entity;
use std::collections::{BTreeMap, HashMap};

/// Headers a flow may not set: they belong to the connection, or to the wire.
const NOT_YOURS: &[&str] = &[
    "authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authorization",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

/// What an action is rendered from.
pub struct RenderInput<'a> {
    /// The flow's values, rendered.
    pub with: &'a Map<String, Value>,
    /// The vendor's ids of the event's records, at the action's connection.
    pub remote: &'a dyn Fn(Entity) -> Option<String>,
    /// The intent.
    pub intent_hex: &'a str,
    /// A short form of it, for texts people read.
    pub intent_short: &'a str,
    /// The event's id.
    pub event_id: &'a str,
    /// The event as it leaves us.
    pub cloud_event: &'a Value,
    /// What the credentials may do, where that is known.
    pub granted_scopes: Option<&'a [String]>,
    /// Names that were looked up.
    pub resolved: &'a BTreeMap<Lookup, String>,
    /// Values that were put into texts are already escaped.
    pub escaped: bool,
}

/// A request and where its pace is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// What is stored, shown and later sent.
    pub request: StoredRequest,
    /// The value that is paced apart (a channel).
    pub limit_key: Option<String>,
}

/// Why nothing was rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Names must be looked up first.
    #[error("names must be looked up first")]
    Needs(Vec<Lookup>),
    /// A value of `with` does not do.
    #[error("`{key}`: {say}")]
    BadWith {
        /// Which.
        key: String,
        /// Why, without its value.
        say: String,
    },
    /// The event has no such record at this vendor.
    #[error("the event has no {0} at this vendor")]
    NoSubject(Entity),
}

impl Action {
    /// The names that must be looked up before rendering.
    pub(crate) fn lookups(
        &self,
        resolves: &HashMap<String, Resolve>,
        input: &RenderInput<'_>,
    ) -> Vec<Lookup> {
        self.with
            .iter()
            .filter_map(|w| {
                let resolve = resolves.get(w.resolve.as_ref()?)?;
                resolve.lookup(&text_of(input.with.get(&w.key)?)?, input.remote)
            })
            .filter(|l| !input.resolved.contains_key(l))
            .collect()
    }

    pub(crate) fn render(
        &self,
        resolves: &HashMap<String, Resolve>,
        settings: &Settings,
        input: &RenderInput<'_>,
    ) -> Result<Rendered, RenderError> {
        for entity in &self.needs_subject {
            (input.remote)(*entity).ok_or(RenderError::NoSubject(*entity))?;
        }
        let needs = self.lookups(resolves, input);
        if !needs.is_empty() {
            return Err(RenderError::Needs(needs));
        }
        let with = self.checked(resolves, input)?;
        let marker = match &self.once.marker {
            Some(template) => Some(
                template
                    .fill(&|n| base(n, settings, input), plain)
                    .map_err(unfilled)?,
            ),
            None => None,
        };
        let get = |name: &str| match name {
            "marker" => marker.clone().map(Value::String),
            _ => with
                .get(name)
                .filter(|v| !v.is_null())
                .cloned()
                .or_else(|| base(name, settings, input)),
        };
        let once = self.once(settings, input.granted_scopes, &with);
        let mut path = self.path.fill(&get, encode).map_err(unfilled)?;
        let mut query = Vec::new();
        for (key, template) in &self.query {
            match template.fill(&get, encode) {
                Ok(value) => query.push(format!("{key}={value}")),
                Err(Unfilled::Missing(_)) => {}
                Err(other) => return Err(unfilled(other)),
            }
        }
        if !query.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&query.join("&"));
        }
        let mut headers = Vec::new();
        for (key, template) in &self.headers {
            headers.push((key.clone(), template.fill(&get, plain).map_err(unfilled)?));
        }
        let mut request = StoredRequest {
            action: self.name.clone(),
            variant: self.variant.clone(),
            method: self.method.clone(),
            template: self.path.pattern(),
            path,
            headers,
            body: String::new(),
            vars: BTreeMap::new(),
            marker: marker.clone(),
            intent: input.intent_hex.to_owned(),
            once,
        };
        if let Some(shape) = &self.body {
            let required = |name: &str| self.with.iter().any(|w| w.key == name && w.required);
            let body = shape
                .fill(&get, &required)
                .map_err(unfilled)?
                .unwrap_or_default();
            request.body = body.to_string();
            content_type(&mut request, "application/json");
        }
        if self.open {
            self.fill_open(&mut request, &with, input)?;
        }
        for name in self.once.names() {
            if let Some(text) = get(&name).as_ref().and_then(text_of) {
                request.vars.insert(name, text);
            }
        }
        if let Some(done) = &self.once.done {
            request
                .vars
                .insert("done".into(), done.fill(&get, plain).map_err(unfilled)?);
        }
        let limit_key =
            self.limit_key
                .as_ref()
                .and_then(|k| match self.with.iter().any(|w| w.key == *k) {
                    true => with.get(k).and_then(text_of),
                    false => Some(k.clone()),
                });
        Ok(Rendered { request, limit_key })
    }

    /// The values of `with`, checked, escaped, and with names replaced by what they were resolved to.
    fn checked(
        &self,
        resolves: &HashMap<String, Resolve>,
        input: &RenderInput<'_>,
    ) -> Result<Map<String, Value>, RenderError> {
        if let Some(say) = self.check_with(input.with).into_iter().next() {
            return Err(RenderError::BadWith {
                key: "with".into(),
                say,
            });
        }
        let mut with = input.with.clone();
        for key in &self.with {
            if let Some(default) = key
                .default
                .as_ref()
                .filter(|_| with.get(&key.key).is_none_or(Value::is_null))
            {
                with.insert(key.key.clone(), Value::String(default.clone()));
            }
            let Some(value) = with.get_mut(&key.key) else {
                continue;
            };
            let bad = |say: String| RenderError::BadWith {
                key: key.key.clone(),
                say,
            };
            if key.required && value.as_str().is_some_and(|s| s.trim().is_empty()) {
                return Err(bad("is empty".into()));
            }
            if let Some(resolve) = key.resolve.as_ref().and_then(|r| resolves.get(r))
                && let Some(text) = text_of(value)
            {
                match resolve.lookup(&text, input.remote) {
                    Some(lookup) => {
                        *value = input
                            .resolved
                            .get(&lookup)
                            .cloned()
                            .map_or(Value::Null, Value::String)
                    }
                    None => *value = Value::String(text.trim().to_owned()),
                }
            }
            let Value::String(text) = value else { continue };
            if let Some(escape) = key.escape.filter(|_| !input.escaped) {
                *text = escape.apply(text);
            }
            if let Some(max) = key.max_chars.filter(|max| text.chars().count() > *max) {
                return Err(bad(format!("is longer than {max} characters")));
            }
            if !key.one_of.is_empty() && !key.one_of.contains(text) {
                return Err(bad(format!("must be one of {}", key.one_of.join(", "))));
            }
        }
        Ok(with)
    }

    /// Method, path, headers and body as the flow gives them.
    fn fill_open(
        &self,
        request: &mut StoredRequest,
        with: &Map<String, Value>,
        input: &RenderInput<'_>,
    ) -> Result<(), RenderError> {
        let bad = |key: &str, say: &str| RenderError::BadWith {
            key: key.into(),
            say: say.into(),
        };
        if let Some(method) = with.get("method").and_then(Value::as_str) {
            request.method = method.to_owned();
        }
        if let Some(path) = with.get("path").and_then(Value::as_str) {
            if !path.is_empty() && !safe_path(path) {
                return Err(bad("path", "must begin with `/` or `?` and hold no blanks"));
            }
            request.path = path.to_owned();
            request.template = path.split('?').next().unwrap_or_default().to_owned();
        }
        if let Some(headers) = with.get("headers").filter(|h| !h.is_null()) {
            let headers = headers
                .as_object()
                .ok_or_else(|| bad("headers", "must be a table of texts"))?;
            for (name, value) in headers {
                let value =
                    text_of(value).ok_or_else(|| bad("headers", "must be a table of texts"))?;
                let token = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
                if name.is_empty()
                    || !name.chars().all(token)
                    || value.chars().any(char::is_control)
                {
                    return Err(bad(
                        "headers",
                        "a name or value holds something headers cannot",
                    ));
                }
                if NOT_YOURS.iter().any(|n| n.eq_ignore_ascii_case(name)) {
                    return Err(bad(
                        "headers",
                        &format!("`{name}` is set by the connection"),
                    ));
                }
                request.headers.push((name.to_ascii_lowercase(), value));
            }
        }
        match with.get("body") {
            Some(Value::String(text)) => {
                request.body = text.clone();
                let json = serde_json::from_str::<Value>(text)
                    .is_ok_and(|v| v.is_object() || v.is_array());
                content_type(
                    request,
                    if json {
                        "application/json"
                    } else {
                        "text/plain; charset=utf-8"
                    },
                );
            }
            Some(value) if !value.is_null() => {
                request.body = value.to_string();
                content_type(request, "application/json");
            }
            _ if ["GET", "DELETE", "HEAD"].contains(&request.method.as_str()) => {}
            _ => {
                request.body = input.cloud_event.to_string();
                content_type(request, "application/cloudevents+json");
            }
        }
        Ok(())
    }
}

impl super::OnceSpec {
    /// The names a look at the vendor needs.
    fn names(&self) -> Vec<String> {
        self.probe
            .iter()
            .flat_map(|p| &p.query)
            .flat_map(|(_, t)| t.names().map(str::to_owned))
            .collect()
    }
}

/// Whether a path stays behind the connection's address.
pub(crate) fn safe_path(path: &str) -> bool {
    path.is_empty()
        || (path.starts_with(['/', '?'])
            && !path.starts_with("//")
            && !path
                .chars()
                .any(|c| c.is_control() || c.is_whitespace() || c == '\\'))
}

/// Names that every action knows.
fn base(name: &str, settings: &Settings, input: &RenderInput<'_>) -> Option<Value> {
    let text = match name {
        "intent" => input.intent_hex.to_owned(),
        "intent.short" => input.intent_short.to_owned(),
        "event.id" => input.event_id.to_owned(),
        _ => match name.split_once('.') {
            Some(("field", field)) => settings.get(field)?.to_owned(),
            Some((entity, "id")) => (input.remote)(Entity::parse(entity)?)?,
            _ => return None,
        },
    };
    Some(Value::String(text))
}

fn text_of(value: &Value) -> Option<String> {
    crate::path::scalar_text(value)
}

fn unfilled(why: Unfilled) -> RenderError {
    match why {
        Unfilled::Missing(name) => match name.strip_suffix(".id").and_then(Entity::parse) {
            Some(entity) => RenderError::NoSubject(entity),
            None => RenderError::BadWith {
                key: name,
                say: "has no value".into(),
            },
        },
        Unfilled::NotANumber(name) => RenderError::BadWith {
            key: name,
            say: "must be a whole number".into(),
        },
    }
}

fn content_type(request: &mut StoredRequest, usual: &str) {
    if !request
        .headers
        .iter()
        .any(|(n, _)| n.eq_ignore_ascii_case("content-type"))
    {
        request.headers.push(("content-type".into(), usual.into()));
    }
}
