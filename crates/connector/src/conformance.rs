//! Proves a folder: every delivery type, stream and action has a fixture and behaves, snapshots say what they become, nothing
//! secret is in what is stored. Works on the folder's texts by path; reads no disk and sends nothing.

mod actions;
mod fixture;

use crate::http::Response;
use crate::load::Connector;
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::settings::Settings;
use crate::stream::{Ask, Since};
use crate::verify::Verdict;
use fixture::Message;
use serde_json::Value;
use stagewire_model::Micros;
use std::collections::{BTreeMap, BTreeSet};

/// The moment at which fixtures are played.
pub const NOW: Micros = Micros(1_795_521_600_000_000);

const WEBHOOKS: &str = "fixtures/webhooks/";
const STREAMS: &str = "fixtures/streams/";
const AUTH: &str = "fixtures/auth/";
const ACTIONS: &str = "fixtures/actions/";
const SNAPSHOTS: &str = "fixtures/snapshots/";

/// Everything that is wrong with a folder; its files by path (`connector.toml`, `fixtures/webhooks/x.http`, …).
pub fn check(name: &str, files: &BTreeMap<String, String>) -> Vec<Problem> {
    let connector = match Connector::load(name, files) {
        Ok(connector) => connector,
        Err(problems) => return problems,
    };
    let (made, mut problems) = Walk::over(&connector, files);
    for (path, text) in &made {
        match files.get(path) {
            Some(kept) if kept == text => {}
            Some(kept) => problems.push(Problem::of_file(
                path,
                format!(
                    "the snapshot says something else: {}",
                    difference(kept, text)
                ),
            )),
            None => problems.push(Problem::of_file(path, "the snapshot is missing")),
        }
    }
    for path in files
        .keys()
        .filter(|p| p.starts_with(SNAPSHOTS) && !made.contains_key(*p))
    {
        problems.push(Problem::of_file(path, "no fixture makes this snapshot"));
    }
    problems
}

/// What the folder's fixtures become, by the paths of their snapshots.
pub fn snapshots(
    name: &str,
    files: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let connector = Connector::load(name, files)?;
    Ok(Walk::over(&connector, files).0)
}

struct Walk<'a> {
    connector: &'a Connector,
    files: &'a BTreeMap<String, String>,
    settings: Settings,
    made: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    fn over(
        connector: &'a Connector,
        files: &'a BTreeMap<String, String>,
    ) -> (BTreeMap<String, String>, Vec<Problem>) {
        let mut walk = Walk {
            connector,
            files,
            settings: Settings::default(),
            made: BTreeMap::new(),
            problems: Vec::new(),
        };
        match files
            .get("fixtures/settings.toml")
            .map(|t| fixture::toml(t))
        {
            Some(Ok(table)) => walk.settings = fixture::settings(&table),
            Some(Err(why)) => walk.wrong("fixtures/settings.toml", why),
            None => {}
        }
        walk.webhooks();
        walk.streams();
        walk.tokens();
        walk.actions();
        (walk.made, walk.problems)
    }

    fn wrong(&mut self, file: &str, message: impl Into<String>) {
        self.problems.push(Problem::of_file(file, message));
    }

    fn under(&self, folder: &str, ending: &str) -> Vec<(String, String, &'a str)> {
        let files = self.files;
        let stem = |path: &str| {
            path.strip_prefix(folder)?
                .strip_suffix(ending)
                .filter(|s| !s.contains('/'))
                .map(str::to_owned)
        };
        files
            .iter()
            .filter_map(|(path, text)| Some((path.clone(), stem(path)?, text.as_str())))
            .collect()
    }

    fn snapshot(&mut self, name: &str, value: &Value) {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.made
            .insert(format!("{SNAPSHOTS}{name}.json"), format!("{text}\n"));
    }

    fn webhooks(&mut self) {
        let Some(intake) = self.connector.intake().cloned() else {
            return;
        };
        let mut met = BTreeSet::new();
        for (path, stem, text) in self.under(WEBHOOKS, ".http") {
            let message = match Message::parse(text) {
                Ok(message) => message,
                Err(why) => {
                    self.wrong(&path, why);
                    continue;
                }
            };
            let find = |name: &str| message.header(name);
            if intake.signed {
                let verify = |headers: crate::verify::Headers<'_, '_>, body: &[u8]| {
                    self.connector.verify(&self.settings, headers, body, NOW)
                };
                let mut tampered = message.body.clone();
                if let Some(last) = tampered.last_mut() {
                    *last ^= 1;
                }
                let good = verify(&find, &message.body);
                let recipe = self.connector.intake.as_ref();
                let recipe = recipe.and_then(|i| i.recipe.as_ref());
                let bare = recipe.map_or_else(Vec::new, |r| r.unsigned(&message.body));
                // a secret that is sent as it is proves the sender, not the body
                let sent = recipe.is_some_and(|r| r.is_token());
                let others: Vec<(String, String)> = message
                    .headers
                    .iter()
                    .map(|(n, v)| (n.clone(), format!("{v}x")))
                    .collect();
                let forged = |name: &str| {
                    let mut all = others.iter();
                    all.find(|(n, _)| n.eq_ignore_ascii_case(name))
                        .map(|(_, v)| v.as_str())
                };
                let bad = match sent {
                    true => verify(&forged, &message.body),
                    false => verify(&find, &tampered),
                };
                let unsigned = verify(&|_| None, &bare);
                let none = self
                    .connector
                    .verify(&Settings::default(), &find, &message.body, NOW);
                if good != Verdict::Verified {
                    self.wrong(&path, format!("its signature is {good:?}, not Verified"));
                }
                if bad != Verdict::Bad || unsigned != Verdict::Bad || none != Verdict::NoSecret {
                    self.wrong(&path, "a tampered or unsigned copy is believed");
                }
            }
            match self.connector.cut(&message.body) {
                Ok(cut) => {
                    let mapped = self.connector.map_delivery(&cut.value);
                    let ping = self.connector.is_ping(&message.body);
                    if stem.starts_with("ping") != ping {
                        self.wrong(
                            &path,
                            if ping {
                                "it is a ping by its shape"
                            } else {
                                "a ping is not known as one"
                            },
                        );
                    }
                    met.insert(mapped.kind.clone());
                    self.snapshot(
                        &format!("webhooks.{stem}"),
                        &serde_json::to_value(&mapped).unwrap_or_default(),
                    );
                }
                Err(why) => self.wrong(&path, format!("it cannot be read: {why}")),
            }
        }
        for kind in self.connector.delivery_types() {
            if !met.contains(kind) {
                self.wrong(
                    "webhooks.toml",
                    format!("no fixture shows a delivery of the type `{kind}`"),
                );
            }
        }
    }

    fn streams(&mut self) {
        let mut met = BTreeSet::new();
        for (path, stem, text) in self.under(STREAMS, ".http") {
            let name = stem.split('.').next().unwrap_or_default();
            let Some(stream) = self.connector.stream(name) else {
                self.wrong(&path, format!("there is no stream `{name}`"));
                continue;
            };
            let answer = match Message::parse(text).and_then(|m| m.response()) {
                Ok(answer) => answer,
                Err(why) => {
                    self.wrong(&path, why);
                    continue;
                }
            };
            let ask = match stream.since {
                Since::Parent(entity) => Ask::Foreign {
                    entity,
                    ids: vec!["of-one".into()],
                },
                _ if stem.contains(".one") => Ask::Ids(vec!["one".into()]),
                _ if stream.by_each() => Ask::Foreign {
                    entity: stream.entity,
                    ids: vec!["of-one".into()],
                },
                _ => Ask::Full,
            };
            let Ok(first) = self
                .connector
                .first_page_at(stream, &self.settings, &ask, Some(NOW))
            else {
                self.wrong(&path, "its first page cannot be asked for");
                continue;
            };
            let next = self.connector.next_page(stream, &first, &answer);
            let more = stem.contains(".page");
            match (&next, more) {
                (Ok(Some(_)), true) => {}
                (Ok(None), false) => {
                    met.insert(name.to_owned());
                }
                _ => self.wrong(&path, format!("after this page comes {next:?}; a page before the last is called `.page<n>`")),
            }
            match self.connector.rows(stream, &first, &answer) {
                Ok((rows, _)) => {
                    let mapped: Vec<Value> = rows
                        .iter()
                        .map(|r| {
                            serde_json::to_value(self.connector.map_row(stream, r))
                                .unwrap_or_default()
                        })
                        .collect();
                    let again = self
                        .connector
                        .rows(stream, &first, &answer)
                        .map(|(rows, _)| {
                            rows.iter()
                                .map(|r| self.connector.map_row(stream, r))
                                .collect::<Vec<_>>()
                        });
                    if again.is_ok_and(|a| {
                        serde_json::to_value(a).unwrap_or_default() != Value::Array(mapped.clone())
                    }) {
                        self.wrong(&path, "the same page read twice gives two results");
                    }
                    self.snapshot(&format!("streams.{stem}"), &Value::Array(mapped));
                }
                Err(why) => self.wrong(&path, why.to_string()),
            }
        }
        for stream in self.connector.streams() {
            if !met.contains(&stream.name) {
                self.wrong(
                    "streams.toml",
                    format!("no fixture shows a last page of `{}`", stream.name),
                );
            }
        }
        let slow = Response {
            status: 429,
            headers: vec![("Retry-After".into(), "7".into())],
            body: Vec::new(),
        };
        if !self.connector.streams().is_empty()
            && self.connector.classify_read(&slow, NOW) != (Outcome::RateLimited { wait_ms: 7000 })
        {
            self.wrong(
                "connector.toml",
                "a 429 with `Retry-After: 7` does not wait seven seconds",
            );
        }
    }

    fn tokens(&mut self) {
        let needs = self
            .connector
            .auth(&self.settings)
            .is_ok_and(crate::auth::Auth::needs_token);
        let mut met = false;
        for (path, stem, text) in self.under(AUTH, ".http") {
            let answer = match Message::parse(text).and_then(|m| m.response()) {
                Ok(answer) => answer,
                Err(why) => {
                    self.wrong(&path, why);
                    continue;
                }
            };
            let token = self.connector.read_token(&self.settings, &answer, NOW);
            match (&token, stem.starts_with("token")) {
                (Ok(token), true) if token.renew_at > NOW && token.renew_at < token.expires_at => met = true,
                (Err(_), false) => {}
                _ => self.wrong(&path, "the answer does not give what its name says (`token…` gives a token, others do not)"),
            }
        }
        if needs && !met {
            self.wrong(
                "connector.toml",
                "no fixture shows the answer with a token (`fixtures/auth/token.http`)",
            );
        }
    }
}

/// The first lines that differ.
fn difference(kept: &str, made: &str) -> String {
    let at = kept
        .lines()
        .zip(made.lines())
        .position(|(a, b)| a != b)
        .unwrap_or(kept.lines().count().min(made.lines().count()));
    let line = |text: &str| {
        text.lines()
            .nth(at)
            .unwrap_or("(the end)")
            .trim()
            .to_owned()
    };
    format!(
        "line {}: kept `{}`, now `{}`",
        at + 1,
        line(kept),
        line(made)
    )
}
