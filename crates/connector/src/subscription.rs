//! Webhooks at the vendor as data: how they are listed, made, put right and taken away, and where their ids, addresses and secrets
//! stand. Sends nothing, and decides nothing about which there should be.

mod read;

use crate::http::{Request, Response, encode};
use crate::load::Connector;
use crate::paging::{Paging, ScanError};
use crate::path::{Path, scalar_text};
use crate::settings::Settings;
use crate::template::{Shape, Template};
use serde_json::Value;

/// What a connector says about webhooks at its vendor.
#[derive(Debug)]
pub struct Subscription {
    /// One webhook for all types of deliveries; else one per type.
    pub one_for_all: bool,
    /// The types that can be made by a call.
    pub events: Vec<String>,
    /// The types that only a person can make, in the vendor's settings.
    pub by_hand: Vec<String>,
    /// The permission it takes.
    pub scope: Option<String>,
    /// What a person must do at the vendor besides, in plain words.
    pub say: Option<String>,
    /// Where the signing secret comes from.
    pub secret: SecretFrom,
    row: Row,
    expect: Option<Expect>,
    list: Option<List>,
    calls: Vec<(HookCall, Call)>,
}

/// Where a webhook's signing secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// We make it and hand it over.
    Made,
    /// The vendor makes it and shows it once, in the answer to the call that makes the webhook.
    Returned,
    /// There is none, or one that was agreed on elsewhere.
    Nowhere,
}

/// A call about webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookCall {
    /// All of them.
    List,
    /// One by its id.
    Look,
    /// Makes one.
    Create,
    /// Switches on what was made.
    Verify,
    /// Puts one right: address, secret, switched on.
    Update,
    /// Takes one away.
    Delete,
}

/// What a call is filled in with.
#[derive(Clone, Copy, Debug, Default)]
pub struct HookValues<'a> {
    /// The webhook's id at the vendor.
    pub id: Option<&'a str>,
    /// Where deliveries go.
    pub url: &'a str,
    /// The type of delivery; empty where there is one webhook for all.
    pub event: &'a str,
    /// The secret, where we make it.
    pub secret: Option<&'a str>,
}

/// A webhook as the vendor shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundHook {
    /// Its id at the vendor.
    pub id: String,
    /// Where it sends to.
    pub url: String,
    /// Its type of delivery; empty where there is one for all.
    pub event: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// What it leaves out of what it should send.
    pub leaves_out: Vec<String>,
    /// Its secret, where the answer shows it.
    pub secret: Option<String>,
}

#[derive(Debug)]
struct Call {
    method: &'static str,
    path: Template,
    query: Vec<(String, String)>,
    body: Option<Shape>,
    /// Where the webhook stands in the answer: the first that is there.
    at: Vec<Path>,
}

#[derive(Debug)]
struct List {
    rows: Path,
    paging: Paging,
}

/// Where things stand in a webhook.
#[derive(Debug)]
struct Row {
    id: Path,
    url: Path,
    event: Option<Path>,
    enabled: Option<Path>,
    secret: Option<Path>,
}

/// A list that must hold these words, else deliveries are left out without a word.
#[derive(Debug)]
struct Expect {
    at: Path,
    holds: Vec<String>,
    events: Vec<String>,
}

impl Subscription {
    /// Whether there is such a call.
    pub fn can(&self, call: HookCall) -> bool {
        self.call(call).is_some()
    }

    fn call(&self, call: HookCall) -> Option<&Call> {
        self.calls.iter().find(|(c, _)| *c == call).map(|(_, c)| c)
    }

    /// The webhook that the answer to a call shows.
    pub fn row(&self, call: HookCall, response: &Response) -> Option<FoundHook> {
        let body = response.json()?;
        let at = &self.call(call)?.at;
        at.iter().find_map(|p| self.found(p.get(&body)?))
    }

    /// The webhooks on one page of the list; `None` where it is no list.
    pub fn rows(&self, response: &Response) -> Option<Vec<FoundHook>> {
        let body = response.json()?;
        let rows = self.list.as_ref()?.rows.get(&body)?.as_array()?;
        Some(rows.iter().filter_map(|r| self.found(r)).collect())
    }

    fn found(&self, row: &Value) -> Option<FoundHook> {
        let text = |path: &Option<Path>| path.as_ref()?.get(row).and_then(scalar_text);
        let event = text(&self.row.event).unwrap_or_default();
        let leaves_out = self.expect.as_ref().map_or_else(Vec::new, |e| {
            if !e.events.is_empty() && !e.events.contains(&event) {
                return Vec::new();
            }
            let held = e.at.get(row).and_then(Value::as_array);
            let holds = |word: &&String| {
                held.is_none_or(|all| all.iter().any(|v| v.as_str() == Some(word.as_str())))
            };
            e.holds.iter().filter(|w| !holds(w)).cloned().collect()
        });
        Some(FoundHook {
            id: scalar_text(self.row.id.get(row)?)?,
            url: scalar_text(self.row.url.get(row)?)?,
            event,
            enabled: self
                .row
                .enabled
                .as_ref()
                .and_then(|p| p.get(row))
                .is_none_or(on),
            leaves_out,
            secret: text(&self.row.secret),
        })
    }
}

/// Vendors say it as a truth value or as a word.
fn on(value: &Value) -> bool {
    match value {
        Value::Bool(on) => *on,
        Value::String(word) => {
            ["active", "enabled", "on", "true"].contains(&word.to_lowercase().as_str())
        }
        _ => false,
    }
}

impl Connector {
    /// What it says about webhooks at its vendor; `None` where only a person can make them, or nothing arrives.
    pub fn subscription(&self) -> Option<&Subscription> {
        self.intake.as_ref()?.subscription.as_ref()
    }

    /// A call about webhooks, without credentials; `None` where there is no such call, or a value it wants is missing.
    pub fn hook_request(
        &self,
        call: HookCall,
        settings: &Settings,
        values: HookValues<'_>,
    ) -> Option<Request> {
        let subscription = self.subscription()?;
        let of = subscription.call(call)?;
        let get = |name: &str| match name {
            "id" => values.id.map(Value::from),
            "url" => Some(Value::from(values.url)),
            "event" => Some(Value::from(values.event)),
            "events" => Some(Value::from(subscription.events.clone())),
            "secret" => values.secret.map(Value::from),
            _ => None,
        };
        let path = of.path.fill(&get, encode).ok()?;
        let query: Vec<String> = of
            .query
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v)))
            .collect();
        let sep = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{sep}{}", self.base(settings)?, query.join("&"));
        let mut request = Request::get(url, of.path.pattern());
        request.method = of.method.to_owned();
        if let Some(body) = &of.body {
            let body = body.fill(&get, &|name| name != "secret").ok()??;
            request.body = body.to_string().into_bytes();
            request.set_header("content-type", "application/json");
        }
        Some(request)
    }

    /// The page of the list after one that was read.
    pub fn next_hooks(
        &self,
        request: &Request,
        response: &Response,
    ) -> Result<Option<Request>, ScanError> {
        let Some((s, list)) = self
            .subscription()
            .and_then(|s| Some((s, s.list.as_ref()?)))
        else {
            return Ok(None);
        };
        let rows = || s.rows(response).map_or(0, |r| r.len());
        list.paging
            .next(request, response, &|| response.json(), &rows, false)
    }
}
