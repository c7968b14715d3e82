//! What arrives: how it is proven, answered and routed to a shape. Stores nothing and believes nothing by itself.

mod event;

use crate::keep::mask::Mask;
use crate::manifest::{Reader, Sink, Table, named_tables};
use crate::mapping::{Mapped, Shapes};
use crate::path::{Path, scalar_text};
use crate::subscription::Subscription;
use crate::verify::{Headers, Recipe};
use event::Event;
use serde_json::Value;
use stagewire_model::Entity;
use stagewire_model::observation::Drift;
use std::collections::{BTreeSet, HashMap};

/// How deliveries are received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeSpec {
    /// The status that says "it is ours now".
    pub ack: u16,
    /// The status for what is not proven.
    pub reject: u16,
    /// Answers after which the vendor gives up for good: never given.
    pub never: Vec<u16>,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// The largest ping, in bytes.
    pub max_ping: usize,
    /// Whether bodies are cut before they are stored.
    pub cuts: bool,
    /// Whether this vendor signs what it sends.
    pub signed: bool,
    /// Whether every delivery proves nothing but its ids, whatever its signature says: a read decides.
    pub thin: bool,
    /// The settings field with the secret.
    pub secret_field: Option<String>,
    /// Whether the vendor's form lets the secret be left empty.
    pub secret_optional: bool,
}

/// `webhooks.toml`, read.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) spec: IntakeSpec,
    pub(crate) recipe: Option<Recipe>,
    ping: Option<(Path, Value)>,
    test: Option<(Path, Value)>,
    delivery_id: Option<String>,
    account: Option<Path>,
    group: Option<Path>,
    on: Route,
    events: HashMap<String, Event>,
    pub(crate) subscription: Option<Subscription>,
}

/// Where the type of a delivery stands.
#[derive(Debug)]
enum Route {
    At(Path),
    Always(String),
}

impl Intake {
    pub(crate) fn read(root: &Table, shapes: &Shapes, sink: &Sink) -> Intake {
        let r = Reader::new(root, sink);
        let max_body = r
            .number("max_body")
            .map_or(10 * 1024 * 1024, |n| n as usize);
        let recipe = r.table("verify").and_then(|v| {
            let recipe = Recipe::read(&v, max_body);
            v.done();
            recipe
        });
        let trust = r.word("trust", &[("content", false), ("fetch", true)]);
        let thin = trust.unwrap_or_else(|| recipe.as_ref().is_some_and(Recipe::is_token));
        let unproven = recipe
            .as_ref()
            .is_some_and(|r| !r.proves_body() && !r.is_token());
        if unproven && !thin {
            r.wrong_at(
                "verify",
                "only a part of the body is signed, so nothing in it is proven: say `trust = \"fetch\"`",
            );
        }
        let on = route(&r);
        let mut events = HashMap::new();
        if let Some(table) = root.get("events").and_then(|n| n.table()) {
            for (name, e) in named_tables(table, None, &[], sink) {
                let event = Event::read(&e, shapes);
                e.done();
                events.insert(name, event);
            }
        }
        let types: Vec<&str> = events.keys().map(String::as_str).collect();
        let subscription = r.table("subscription").and_then(|s| {
            let subscription = Subscription::read(&s, &types);
            s.done();
            subscription
        });
        let _ = r.value("events");
        let _ = r.value("format");
        let spec = IntakeSpec {
            ack: status(&r, "ack", 200),
            reject: status(&r, "reject", 401),
            never: r
                .statuses("never")
                .iter()
                .filter_map(|s| s.parse().ok())
                .collect(),
            max_body,
            max_ping: 4096,
            cuts: false,
            signed: recipe.is_some(),
            thin,
            secret_field: recipe.as_ref().map(|v| v.secret_field().to_owned()),
            secret_optional: recipe.as_ref().is_some_and(Recipe::is_optional),
        };
        for (key, given) in [("ack", spec.ack), ("reject", spec.reject)] {
            if spec.never.contains(&given) {
                r.wrong_at(key, format!("{given} is never to be answered: the vendor gives up for good after it (`never`)"));
            }
        }
        let intake = Intake {
            spec,
            recipe,
            ping: told_by(&r, "ping"),
            test: told_by(&r, "test"),
            delivery_id: r.text("delivery_id"),
            account: r.path("account"),
            group: r.path("group"),
            on,
            events,
            subscription,
        };
        r.done();
        intake
    }

    /// Whether a body is the vendor's ping.
    pub(crate) fn is_ping(&self, body: &[u8]) -> bool {
        self.small(body)
            .is_some_and(|v| shows(self.ping.as_ref(), &v))
    }

    /// Whether a body is what the vendor's settings page sends to try the address.
    pub(crate) fn is_test(&self, body: &[u8]) -> bool {
        self.small(body)
            .is_some_and(|v| shows(self.test.as_ref(), &v))
    }

    /// Whether a parsed body is a ping or a test: the vendor tries the address.
    pub(crate) fn pings(&self, value: &Value) -> bool {
        shows(self.ping.as_ref(), value) || shows(self.test.as_ref(), value)
    }

    fn small(&self, body: &[u8]) -> Option<Value> {
        if (self.ping.is_none() && self.test.is_none()) || body.len() > self.spec.max_ping {
            return None;
        }
        crate::protect::parse(body, self.spec.max_ping).ok()
    }

    pub(crate) fn delivery_id(&self, headers: Headers<'_, '_>) -> Option<String> {
        let value = headers(self.delivery_id.as_deref()?)?.trim();
        (!value.is_empty() && value.len() <= 200).then(|| value.to_owned())
    }

    /// The types the manifest knows.
    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.events.keys().map(String::as_str)
    }

    /// What its events want to be read by id, with the event that wants it.
    pub(crate) fn reads(&self) -> impl Iterator<Item = (&str, Entity)> {
        self.events
            .iter()
            .flat_map(|(name, e)| e.entities().map(move |entity| (name.as_str(), entity)))
    }

    /// The type of a delivery.
    pub(crate) fn kind_of(&self, value: &Value) -> String {
        match &self.on {
            Route::At(path) => path.get(value).and_then(scalar_text).unwrap_or_default(),
            Route::Always(kind) => kind.clone(),
        }
    }

    /// Adds what tells what a delivery is, whose, and which records it names, whatever is kept of the rest.
    pub(crate) fn routing(&self, mask: &mut Mask) {
        if let Route::At(path) = &self.on {
            mask.whole(path);
        }
        let shown = [self.ping.as_ref(), self.test.as_ref()];
        let shown = shown.into_iter().flatten().map(|(at, _)| at);
        let told = [self.account.as_ref(), self.group.as_ref()];
        for path in shown.chain(told.into_iter().flatten()) {
            mask.whole(path);
        }
        self.events.values().for_each(|e| e.names(mask));
    }

    /// Each known type with the shape it shows.
    pub(crate) fn observed(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.events.iter();
        each.map(|(kind, e)| (kind.as_str(), e.shape().unwrap_or_default()))
    }

    pub(crate) fn map(&self, shapes: &Shapes, value: &Value) -> Mapped {
        let kind = self.kind_of(value);
        let text = |path: &Option<Path>| path.as_ref()?.get(value).and_then(scalar_text);
        let mut mapped = Mapped {
            known: true,
            account: text(&self.account),
            act: text(&self.group),
            thin: self.spec.thin,
            ..Mapped::default()
        };
        match self.events.get(&kind) {
            _ if shows(self.ping.as_ref(), value) => {}
            _ if shows(self.test.as_ref(), value) => {
                mapped.note = Some("a test from the vendor's settings page".into());
            }
            None => {
                mapped.known = false;
                let path = match &self.on {
                    Route::At(path) => path.text(),
                    Route::Always(_) => "",
                };
                mapped.drift.push(Drift {
                    shape: "webhooks".into(),
                    path: path.into(),
                    code: "unknown_type".into(),
                });
            }
            Some(event) => event.map(shapes, value, &mut mapped),
        }
        mapped.kind = kind.chars().take(100).collect();
        mapped
    }
}

impl Mapped {
    /// What is left of a delivery that proves nothing: which records it names. What it says of an application's status and stage
    /// is kept as a claim, never believed, so that a read which denies it is asked again; all else is gone.
    pub fn only_ids(mut self) -> Mapped {
        let mut named = BTreeSet::new();
        let told = std::mem::take(&mut self.observations);
        for mut o in told {
            use stagewire_model::Seen;
            let also = match &o.seen {
                Seen::Embedded | Seen::History | Seen::Part { .. } => continue,
                Seen::Merged { into } => Some(into.clone()),
                Seen::Present | Seen::Deleted | Seen::Anonymized { .. } => None,
            };
            let claims = matches!(o.seen, Seen::Present) && o.entity == Entity::Application;
            if !claims {
                (o.dates, o.own) = (Vec::new(), Vec::new());
            }
            o.fields
                .retain(|k, _| claims && matches!(k.as_str(), "status" | "stage_id"));
            (o.seen, o.announces, o.complete) = (Seen::Present, None, false);
            self.reads
                .extend(also.map(|remote_id| (o.entity, remote_id)));
            if named.insert((o.entity, o.remote_id.clone())) {
                self.observations.push(o);
            }
        }
        for (entity, remote_id) in std::mem::take(&mut self.reads) {
            if named.insert((entity, remote_id.clone())) {
                self.observations.push(event::bare(entity, remote_id));
            }
        }
        self.drift.retain(|d| d.code == "unknown_type");
        self
    }
}

fn status(r: &Reader<'_>, key: &'static str, usual: u16) -> u16 {
    r.number(key)
        .and_then(|n| u16::try_from(n).ok())
        .unwrap_or(usual)
}

/// `route = { on = "<path>" }`, or `{ always = "<type>" }` where all deliveries are of one type.
fn route(r: &Reader<'_>) -> Route {
    let told = r.table("route").and_then(|t| {
        let route = match (t.path("on"), t.text("always")) {
            (Some(path), None) => Some(Route::At(path)),
            (None, Some(kind)) => Some(Route::Always(kind)),
            _ => None,
        };
        // The only rule there is: nothing that was acknowledged is thrown away.
        let _ = t.word("unknown", &[("keep_and_report", ())]);
        t.done();
        route
    });
    told.unwrap_or_else(|| {
        r.wrong("`route.on` is missing: the path to the type of a delivery (or `always`, where there is only one)");
        Route::Always(String::new())
    })
}

/// `{ at = "<path>", is = <value> }`
fn told_by(r: &Reader<'_>, key: &'static str) -> Option<(Path, Value)> {
    let t = r.table(key)?;
    let told = (t.path("at"), t.value("is"));
    if told.0.is_none() || told.1.is_none() {
        r.wrong_at(key, format!("`{key}` says `at` which path it `is` what"));
    }
    t.done();
    Some((told.0?, told.1?))
}

fn shows(told: Option<&(Path, Value)>, value: &Value) -> bool {
    told.is_some_and(|(at, is)| at.get(value) == Some(is))
}
