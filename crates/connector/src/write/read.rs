//! Reads `actions.toml`: every write says how often it may happen, or it does not load.

use super::resolve::Resolve;
use super::{Action, Between, Escape, OnceSpec, Probe, WithKey};
use crate::manifest::{Reader, Sink, Table, named_tables};
use crate::outcome::{Reading, Taken};
use crate::paging::Paging;
use crate::path::Path;
use crate::problem::nearest;
use crate::template::{Shape, Template};
use stagewire_model::{Effect, Entity, OnceKind};
use std::collections::HashMap;

/// `actions.toml`, read.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    pub(crate) all: Vec<Action>,
    pub(crate) resolves: HashMap<String, Resolve>,
}

const EFFECTS: &[(&str, Effect)] = &[
    ("feed", Effect::Feed),
    ("internal", Effect::Internal),
    ("record", Effect::Record),
    ("candidate", Effect::Candidate),
];
const KINDS: &[(&str, OnceKind)] = &[
    ("native_key", OnceKind::NativeKey),
    ("set", OnceKind::Set),
    ("compare", OnceKind::Compare),
    ("marker", OnceKind::Marker),
    ("ledger", OnceKind::Ledger),
];

impl Actions {
    pub(crate) fn read(root: &Table, paging: &Paging, fields: &[String], sink: &Sink) -> Actions {
        let top = Reader::new(root, sink);
        let probes: HashMap<String, Probe> = top
            .named("probes")
            .into_iter()
            .map(|(name, r)| (name, probe(r, paging)))
            .collect();
        let resolves: HashMap<String, Resolve> = top
            .named("resolve")
            .into_iter()
            .map(|(name, r)| (name.clone(), Resolve::read(name, r, paging)))
            .collect();
        let defaults = root.get("defaults").and_then(|n| n.table());
        let mut all = Vec::new();
        for (variant, r) in named_tables(
            root,
            defaults,
            &["defaults", "probes", "resolve", "format"],
            sink,
        ) {
            let action = action(variant, &r, &probes, &resolves, fields);
            all.extend(action);
            r.done();
        }
        Actions { all, resolves }
    }
}

fn action(
    variant: String,
    r: &Reader<'_>,
    probes: &HashMap<String, Probe>,
    resolves: &HashMap<String, Resolve>,
    fields: &[String],
) -> Option<Action> {
    let name = r.need("does");
    let open = r.flag("open");
    let mut method = None;
    for (key, word) in [
        ("get", "GET"),
        ("post", "POST"),
        ("put", "PUT"),
        ("patch", "PATCH"),
        ("delete", "DELETE"),
    ] {
        if let Some(path) = r.template(key) {
            if method.is_some() {
                r.wrong_at(key, "one action has one method");
            }
            method = Some((word.to_owned(), path));
        }
    }
    if method.is_none() {
        r.wrong("one of `get`, `post`, `put`, `patch`, `delete` is missing");
    }
    let body = r.value("body").and_then(|v| match Shape::parse(&v) {
        Ok(shape) => Some(shape),
        Err(why) => {
            r.wrong_at("body", why);
            None
        }
    });
    let templates = |key: &'static str| -> Vec<(String, Template)> { templates(r, key) };
    let (query, headers) = (templates("query"), templates("headers"));
    let with: Vec<WithKey> = r
        .named("with")
        .into_iter()
        .map(|(key, w)| with_key(key, w, resolves))
        .collect();
    let needs_subject: Vec<Entity> = r
        .texts("subject")
        .iter()
        .filter_map(|word| match Entity::parse(word) {
            Some(entity) => Some(entity),
            None => {
                r.wrong_at("subject", format!("the model has no entity `{word}`"));
                None
            }
        })
        .collect();
    let once = match r.table("once") {
        Some(o) => once(o, probes),
        None => {
            r.wrong("`once` is missing: say how a repeat of this write is made harmless");
            None
        }
    };
    let effect = r.word("effect", EFFECTS);
    if effect.is_none() && !r.has("effect") {
        r.wrong("`effect` is missing: say who notices it");
    }
    let taken = Taken {
        remote_id: r.path("remote_id"),
        output: r
            .text_map("output")
            .into_iter()
            .filter_map(|(k, p)| Some((k, Path::parse(&p)?)))
            .collect(),
    };
    let sign = r.table("sign").map(|s| {
        let _ = s.word("scheme", &[("standard_webhooks", ())]);
        let secret = s.need("secret");
        s.done();
        secret
    });
    let hold_always = r.word("hold", &[("always", true)]).unwrap_or(false);
    let doc = r.text("doc").unwrap_or_default();
    let scope = r.text("scope");
    let valid_for_ms = r
        .duration("valid_for")
        .or((name == "message.post").then_some(4 * 3_600_000));
    let limit_key = r.text("limit_key");
    let auth = r.text("auth");
    let effect_field = r.text("effect_field");
    let timeout_ms = r
        .duration("timeout")
        .and_then(|n| u64::try_from(n).ok())
        .unwrap_or(crate::http::TIMEOUT_MS);
    let reading = Reading::read(r);
    let (method, path) = method?;
    let action = Action {
        name,
        variant,
        doc,
        hold_always,
        with,
        needs_subject,
        scope,
        valid_for_ms,
        limit_key,
        once: once?,
        auth,
        effect: effect?,
        effect_field,
        method,
        path,
        query,
        headers,
        body,
        open,
        sign,
        timeout_ms,
        reading,
        taken,
    };
    check_names(&action, r, fields);
    Some(action)
}

/// Every name in a template must be one that can have a value.
fn check_names(action: &Action, r: &Reader<'_>, fields: &[String]) {
    let mut names: Vec<String> = action.path.names().map(str::to_owned).collect();
    names.extend(
        action
            .query
            .iter()
            .chain(&action.headers)
            .flat_map(|(_, t)| t.names().map(str::to_owned)),
    );
    names.extend(
        action
            .body
            .iter()
            .flat_map(|b| b.names().into_iter().map(str::to_owned)),
    );
    names.extend(
        action
            .once
            .marker
            .iter()
            .chain(&action.once.done)
            .flat_map(|t| t.names().map(str::to_owned)),
    );
    names.sort();
    names.dedup();
    for name in names {
        let known = match name.split_once('.') {
            Some(("field", field)) => fields.iter().any(|f| f == field),
            Some((entity, "id")) if Entity::parse(entity).is_some() => true,
            _ => {
                ["intent", "intent.short", "marker", "event.id"].contains(&name.as_str())
                    || action.with.iter().any(|w| w.key == name)
            }
        };
        if !known {
            let hint = nearest(&name, action.with.iter().map(|w| w.key.as_str()))
                .map(|w| format!("; did you mean `{w}`?"));
            r.wrong(format!(
                "`{{{name}}}` can have no value here{}",
                hint.unwrap_or_default()
            ));
        }
    }
}

fn with_key(key: String, r: Reader<'_>, resolves: &HashMap<String, Resolve>) -> WithKey {
    let resolve = r.text("resolve");
    if let Some(name) = resolve.as_ref().filter(|n| !resolves.contains_key(*n)) {
        r.wrong_at("resolve", format!("there is no `[resolve.{name}]`"));
    }
    let with = WithKey {
        key,
        required: r.flag("required"),
        doc: r.text("doc").unwrap_or_default(),
        escape: r.word("escape", &[("angles", Escape::Angles)]),
        max_chars: r.number("max_chars").map(|n| n as usize),
        one_of: r.texts("one_of"),
        default: r.text("default"),
        resolve,
    };
    r.done();
    with
}

fn once(r: Reader<'_>, probes: &HashMap<String, Probe>) -> Option<OnceSpec> {
    let kind = r.word("by", KINDS);
    if !r.has("by") {
        r.wrong("`once.by` is missing");
    }
    let probe = r.text("probe").and_then(|name| {
        let found = probes.get(&name).cloned();
        if found.is_none() {
            let hint = nearest(&name, probes.keys().map(String::as_str))
                .map(|w| format!("; did you mean `{w}`?"));
            r.wrong_at(
                "probe",
                format!("there is no `[probes.{name}]`{}", hint.unwrap_or_default()),
            );
        }
        found
    });
    let spec = OnceSpec {
        kind: kind.unwrap_or(OnceKind::Ledger),
        quiet_ms: r.duration("quiet").unwrap_or(10_000),
        remembers_ms: r.duration("remembers"),
        needs_scope: r.texts("needs_scope"),
        probes: probe.is_some(),
        own_body: r.word("own_body", KINDS),
        field: r.text("field"),
        marker: r.template("marker"),
        probe,
        at: r.path("at"),
        contains: r
            .word("match", &[("contains", true), ("equals", false)])
            .unwrap_or(false),
        remote: r.path("remote_id"),
        done: r.template("done"),
        version: r.path("version"),
    };
    let probing = spec.probe.is_some() && spec.at.is_some();
    match spec.kind {
        OnceKind::Marker if !(probing && spec.marker.is_some()) => {
            r.wrong("`marker` needs `marker`, `probe` and `at`")
        }
        OnceKind::Compare if !(probing && spec.done.is_some()) => {
            r.wrong("`compare` needs `probe`, `at` and `done`")
        }
        OnceKind::NativeKey if spec.remembers_ms.is_none() => {
            r.wrong("`native_key` needs `remembers`: how long the vendor knows a key")
        }
        _ => {}
    }
    r.done();
    kind.map(|_| spec)
}

fn probe(r: Reader<'_>, paging: &Paging) -> Probe {
    let window = r.table("window").map(|w| {
        let window = Between {
            from: w.need("from"),
            to: w.need("to"),
            margin_ms: w.duration("margin").unwrap_or(600_000),
            epoch: w
                .word("as", &[("epoch_s", true), ("iso", false)])
                .unwrap_or(false),
        };
        w.done();
        window
    });
    let own = r.table("paging").map(|t| {
        let own = Paging::read(&t);
        t.done();
        own
    });
    let probe = Probe {
        path: r.need("get"),
        query: templates(&r, "query"),
        rows: r
            .path("rows")
            .or_else(|| Path::parse("."))
            .unwrap_or_default(),
        window,
        paging: own.unwrap_or_else(|| paging.clone()),
    };
    r.done();
    probe
}

pub(super) fn templates(r: &Reader<'_>, key: &'static str) -> Vec<(String, Template)> {
    let mut out = Vec::new();
    for (name, value) in r.map(key).unwrap_or_default() {
        match crate::path::scalar_text(&value).map(|t| Template::parse(&t)) {
            Some(Ok(template)) => out.push((name, template)),
            Some(Err(why)) => r.wrong_at(key, format!("`{name}`: {why}")),
            None => r.wrong_at(key, format!("`{name}` should be a text")),
        }
    }
    out
}
