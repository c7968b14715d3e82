//! `[[connection]]` and `[[alert]]`: the accounts at vendors, and where bad news goes.
//! Which fields a connection needs is its connector's to say, so no field's name is judged here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use stagewire_connector::Keep;
use stagewire_engine::connection::Webhooks;
use stagewire_engine::flow::nearest::nearest;
use stagewire_model::{Effect, OnceKind};

use super::document::{Reader, Section, Setting};
use super::places::Places;
use super::{ALERT, CONNECTION, Poll, SecretRef, not_empty, url};

/// One account at a vendor.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: String,
    pub(crate) connector: String,
    /// Replaces scheme, host and port of the API; no slash at the end.
    pub(crate) base_url: Option<String>,
    /// The same for token, authorize and introspect addresses.
    pub(crate) auth_url: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) poll: Poll,
    /// Who notices the calls of an `http` connection; its manifest decides where unset.
    pub(crate) effect: Option<Effect>,
    /// How a repeat at an `http` connection is made harmless; its manifest decides where unset.
    pub(crate) once: Option<OnceKind>,
    /// Who makes the webhooks at the vendor.
    pub(crate) webhooks: Webhooks,
    /// What is held of the vendor's data.
    pub(crate) keep: Keep,
    /// By the names of the manifest's `[fields]`.
    pub(crate) fields: BTreeMap<String, SecretRef>,
    /// Where all this stands, for what only its connector can find wrong.
    pub(crate) places: Places,
}

/// Where bad news goes: `<kind>:<connection>:<address>`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) kind: String,
    pub(crate) connection: String,
    pub(crate) address: String,
}

/// What an `http` connection may say for itself.
const EFFECTS: &[Effect] = &[Effect::Internal, Effect::Record];
const ONCES: &[OnceKind] = &[OnceKind::NativeKey, OnceKind::Set, OnceKind::Ledger];

const ALERT_SHAPE: &str = "write it as KIND:CONNECTION:ADDRESS";

pub(super) fn connections(reader: &mut Reader<'_>, root: &Section<'_>) -> Vec<Connection> {
    let mut connections: Vec<Connection> = Vec::new();
    for section in reader.sections(root, "connection") {
        reader.only(&section, CONNECTION, &[]);
        let id = reader.needed(&section, "id");
        if let Some(id) = &id {
            if !is_id(&id.value) {
                let says = format!("`{}` cannot be a connection's id", id.value);
                reader.problem(id, says, Some("use 1 to 32 of a-z, 0-9 and `-`"));
            } else if connections.iter().any(|other| other.id == id.value) {
                let says = format!("there is another connection `{}`", id.value);
                reader.problem(
                    id,
                    says,
                    Some("an id is one account's name in flows and addresses"),
                );
            }
        }
        let connector = reader.needed(&section, "connector");
        let base_url = reader.text(&section, "base_url");
        let auth_url = reader.text(&section, "auth_url");
        let owner = reader.text(&section, "owner");
        let connection = Connection {
            id: id.map(|id| id.value).unwrap_or_default(),
            base_url: url(reader, base_url),
            auth_url: url(reader, auth_url),
            owner: not_empty(reader, owner).map(|owner| owner.value),
            poll: poll(reader, &section),
            effect: only_http(
                reader,
                &section,
                "effect",
                connector.as_ref(),
                EFFECTS,
                Effect::as_str,
            ),
            once: only_http(
                reader,
                &section,
                "once",
                connector.as_ref(),
                ONCES,
                OnceKind::as_str,
            ),
            webhooks: reader
                .text(&section, "webhooks")
                .and_then(|s| word_of(reader, &s, "webhooks", Webhooks::ALL, Webhooks::as_str))
                .unwrap_or_default(),
            keep: keep(reader, &section),
            fields: reader.fields(&section),
            places: reader.places(&section),
            connector: connector
                .map(|connector| connector.value)
                .unwrap_or_default(),
        };
        connections.push(connection);
    }
    connections
}

pub(super) fn alerts(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    connections: &[Connection],
) -> Vec<Alert> {
    let known: BTreeSet<&str> = connections.iter().map(|c| c.id.as_str()).collect();
    let mut alerts = Vec::new();
    for section in reader.sections(root, "alert") {
        reader.only(&section, ALERT, &[]);
        let Some(to) = reader.needed(&section, "to") else {
            continue;
        };
        let parts: Vec<&str> = to.value.splitn(3, ':').collect();
        let &[kind, connection, address] = &parts[..] else {
            let says = format!("`{}` is not the address of an alert", to.value);
            reader.problem(&to, says, Some(ALERT_SHAPE));
            continue;
        };
        if kind.is_empty() || address.is_empty() {
            let says = format!("`{}` lacks its kind or its address", to.value);
            reader.problem(&to, says, Some(ALERT_SHAPE));
        } else if !known.contains(connection) {
            let says = format!("no connection is called `{connection}`");
            let hint = nearest(connection, known.iter().copied()).map(did_you_mean);
            reader.problem(&to, says, hint.as_deref());
        } else {
            let [kind, connection, address] = [kind, connection, address].map(str::to_owned);
            alerts.push(Alert {
                kind,
                connection,
                address,
            });
        }
    }
    alerts
}

/// A word out of a few, on a connection that has no vendor's manifest to say it.
fn only_http<T: Copy>(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    connector: Option<&Setting>,
    values: &[T],
    word: fn(T) -> &'static str,
) -> Option<T> {
    let setting = reader.text(section, key)?;
    if connector.is_some_and(|connector| connector.value != "http") {
        let says = format!("`{key}` belongs to connections of `http`");
        reader.problem(
            &setting,
            says,
            Some("elsewhere the connector's own folder says it"),
        );
        return None;
    }
    word_of(reader, &setting, key, values, word)
}

/// A word out of a few.
fn word_of<T: Copy>(
    reader: &mut Reader<'_>,
    setting: &Setting,
    key: &str,
    values: &[T],
    word: fn(T) -> &'static str,
) -> Option<T> {
    let found = values
        .iter()
        .copied()
        .find(|value| word(*value) == setting.value);
    if found.is_none() {
        let says = format!("`{}` is not one of the words for `{key}`", setting.value);
        let words: Vec<&str> = values.iter().copied().map(word).collect();
        reader.problem(
            setting,
            says,
            Some(&format!("use one of: {}", words.join(", "))),
        );
    }
    found
}

fn poll(reader: &mut Reader<'_>, section: &Section<'_>) -> Poll {
    let Some(setting) = reader.text(section, "poll") else {
        return Poll::default();
    };
    Poll::parse(&setting.value).unwrap_or_else(|says| {
        reader.problem(
            &setting,
            says,
            Some("write it as \"60s\", \"5m\", \"1h\", or \"0\" for never"),
        );
        Poll::default()
    })
}

/// What is to be held, if the connection says so.
fn keep(reader: &mut Reader<'_>, section: &Section<'_>) -> Keep {
    let Some(list) = reader.list(section, "keep") else {
        return Keep::default();
    };
    let entries: Vec<String> = list.iter().map(|s| s.value.clone()).collect();
    Keep::parse(&entries).unwrap_or_else(|wrong| {
        for w in wrong {
            reader.problem(&list[w.at], w.says, w.hint.as_deref());
        }
        Keep::default()
    })
}

pub(super) fn did_you_mean(right: impl Display) -> String {
    format!("did you mean `{right}`?")
}

fn is_id(id: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=32).contains(&id.len()) && id.chars().all(letters)
}
