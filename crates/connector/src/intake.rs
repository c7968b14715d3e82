//! What arrives: how it is proven, answered and routed to a shape. Stores nothing and believes nothing by itself.

use crate::manifest::{Reader, Sink, Table, named_tables};
use crate::mapping::{Mapped, Shapes};
use crate::path::{Path, scalar_text};
use crate::problem::nearest;
use crate::verify::{Headers, Recipe};
use serde_json::{Map, Value};
use stagewire_model::Announce;
use stagewire_model::observation::Drift;
use std::collections::HashMap;

/// How deliveries are received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeSpec {
    /// The status that says "it is ours now".
    pub ack: u16,
    /// The status for what is not proven.
    pub reject: u16,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// The largest ping, in bytes.
    pub max_ping: usize,
    /// Whether bodies are cut before they are stored.
    pub cuts: bool,
    /// Whether this vendor signs what it sends.
    pub signed: bool,
    /// The settings field with the secret.
    pub secret_field: Option<String>,
}

/// `webhooks.toml`, read.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) spec: IntakeSpec,
    pub(crate) recipe: Option<Recipe>,
    ping: Option<(Path, String)>,
    delivery_id: Option<String>,
    account: Option<Path>,
    act: Option<Path>,
    on: Path,
    events: HashMap<String, Event>,
}

#[derive(Debug)]
struct Event {
    /// `None`: known, and of no interest.
    shape: Option<String>,
    announces: Option<Announce>,
    sets: Map<String, Value>,
    /// A field's word that means another one in this event: (field, from, to).
    turns: Vec<(String, String, String)>,
    thin: bool,
}

const ANNOUNCES: &[(&str, Announce)] = &[
    ("created", Announce::Created),
    ("stage_changed", Announce::StageChanged),
    ("rejected", Announce::Rejected),
    ("reopened", Announce::Reopened),
    ("hired", Announce::Hired),
    ("unhired", Announce::Unhired),
];

impl Intake {
    pub(crate) fn read(root: &Table, shapes: &Shapes, sink: &Sink) -> Intake {
        let r = Reader::new(root, sink);
        let recipe = r.table("verify").and_then(|v| {
            let recipe = Recipe::read(&v);
            v.done();
            recipe
        });
        let ping = r.table("ping").and_then(|p| {
            let ping = (p.path("at")?, p.need("is"));
            p.done();
            Some(ping)
        });
        let on = r.table("route").and_then(|t| {
            let on = t.path("on");
            // The only rule there is: nothing that was acknowledged is thrown away.
            let _ = t.word("unknown", &[("keep_and_report", ())]);
            t.done();
            on
        });
        if on.is_none() {
            r.wrong("`route.on` is missing: the path to the type of a delivery");
        }
        let mut events = HashMap::new();
        if let Some(table) = root.get("events").and_then(|n| n.table()) {
            for (name, e) in named_tables(table, None, &[], sink) {
                let shape = e.text("observes");
                if let Some(shape) = shape.as_ref().filter(|s| shapes.get(s).is_none()) {
                    let hint = nearest(shape, shapes.by_name.keys().map(String::as_str))
                        .map(|w| format!("; did you mean `{w}`?"));
                    e.wrong_at(
                        "observes",
                        format!("no shape is called `{shape}`{}", hint.unwrap_or_default()),
                    );
                }
                let turns = e.named("turns").into_iter().flat_map(|(field, t)| {
                    let words: Vec<_> = t
                        .entries()
                        .filter_map(|(from, to)| {
                            Some((field.clone(), from.to_owned(), to.text()?.to_owned()))
                        })
                        .collect();
                    words
                });
                let event = Event {
                    shape,
                    announces: e.word("announces", ANNOUNCES),
                    sets: e.map("sets").unwrap_or_default(),
                    turns: turns.collect(),
                    thin: e.flag("thin"),
                };
                e.done();
                events.insert(name, event);
            }
        }
        let _ = r.value("events");
        let _ = r.value("format");
        let status = |key: &'static str, usual: u16| {
            r.number(key)
                .and_then(|n| u16::try_from(n).ok())
                .unwrap_or(usual)
        };
        let spec = IntakeSpec {
            ack: status("ack", 200),
            reject: status("reject", 401),
            max_body: r
                .number("max_body")
                .map_or(10 * 1024 * 1024, |n| n as usize),
            max_ping: 4096,
            cuts: false,
            signed: recipe.is_some(),
            secret_field: recipe.as_ref().map(|v| v.secret_field().to_owned()),
        };
        let intake = Intake {
            spec,
            recipe,
            ping,
            delivery_id: r.text("delivery_id"),
            account: r.path("account"),
            act: r.path("act"),
            on: on.unwrap_or_default(),
            events,
        };
        r.done();
        intake
    }

    pub(crate) fn is_ping(&self, body: &[u8]) -> bool {
        let Some((at, is)) = &self.ping else {
            return false;
        };
        if body.len() > self.spec.max_ping {
            return false;
        }
        crate::protect::parse(body, self.spec.max_ping)
            .is_ok_and(|v| at.get(&v).and_then(Value::as_str) == Some(is))
    }

    pub(crate) fn delivery_id(&self, headers: Headers<'_, '_>) -> Option<String> {
        let value = headers(self.delivery_id.as_deref()?)?.trim();
        (!value.is_empty() && value.len() <= 200).then(|| value.to_owned())
    }

    /// The types the manifest knows.
    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.events.keys().map(String::as_str)
    }

    pub(crate) fn map(&self, shapes: &Shapes, value: &Value) -> Mapped {
        let kind = self.on.get(value).and_then(scalar_text).unwrap_or_default();
        let mut mapped = Mapped {
            known: false,
            account: self
                .account
                .as_ref()
                .and_then(|p| p.get(value))
                .and_then(scalar_text),
            act: self
                .act
                .as_ref()
                .and_then(|p| p.get(value))
                .and_then(scalar_text),
            ..Mapped::default()
        };
        let drift = |shape: &str, path: &str, code: &str| Drift {
            shape: shape.into(),
            path: path.into(),
            code: code.into(),
        };
        match self.events.get(&kind) {
            _ if self
                .ping
                .as_ref()
                .is_some_and(|(at, is)| at.get(value).and_then(Value::as_str) == Some(is)) =>
            {
                mapped.known = true
            }
            None => mapped
                .drift
                .push(drift("webhooks", self.on.text(), "unknown_type")),
            Some(event) => {
                mapped.known = true;
                mapped.thin = event.thin;
                if let Some(shape) = event.shape.as_ref().and_then(|s| shapes.get(s)) {
                    let root = match &shape.root {
                        Some(path) => path.get(value),
                        None => Some(value),
                    };
                    match root {
                        Some(root) => {
                            if shapes.observe(
                                shape,
                                root,
                                &mut mapped.observations,
                                &mut mapped.drift,
                            ) && let Some(main) = mapped.observations.first_mut()
                            {
                                main.announces = event.announces;
                                for (key, value) in &event.sets {
                                    main.fields.insert(key.clone(), value.clone());
                                }
                                for (field, from, to) in &event.turns {
                                    if let Some(word) = main
                                        .fields
                                        .get_mut(field)
                                        .filter(|w| w.as_str() == Some(from))
                                    {
                                        *word = Value::String(to.clone());
                                    }
                                }
                            }
                        }
                        None => mapped.drift.push(drift(
                            &shape.name,
                            shape.root.as_ref().map_or("", Path::text),
                            "missing",
                        )),
                    }
                }
            }
        }
        mapped.kind = kind.chars().take(100).collect();
        mapped
    }
}
