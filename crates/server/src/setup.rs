//! From the command line to what the engine is started with: configuration, connectors, secrets,
//! flow files. Everything that is wrong is collected before anything starts; nothing is written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stagewire_connector::{Problem, Settings};
use stagewire_engine::connection::ConnectionSpec;
use stagewire_engine::engine::Configured;
use stagewire_engine::flow::nearest::nearest;
use stagewire_engine::hub::AlertTarget;
use stagewire_model::Secret;

use crate::config::{self, Config, Connection, Poll};
use crate::shelf::Shelf;

/// Who answers where the configuration names nobody.
const NOBODY: &str = "admin";
const DEFAULT_FILE: &str = "stagewire.toml";

/// Reads an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the operator decided, checked.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) config: Config,
    pub(crate) shelf: Shelf,
}

/// The process's own environment.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Installation {
    /// Reads the file (the default one need not exist), the environment and the connectors.
    pub(crate) fn read(file: Option<&Path>, env: Env<'_>) -> Result<Self, Vec<Problem>> {
        let default = Path::new(DEFAULT_FILE);
        let file = file.or(default.is_file().then_some(default));
        let names: Vec<String> = std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect();
        let mut problems = config::unknown_overrides(names.iter().map(String::as_str));
        match Config::load(file, env) {
            Err(found) => problems.extend(found),
            Ok(config) => match Shelf::load(config.server.connectors.as_deref()) {
                Err(found) => problems.extend(found),
                Ok(shelf) if problems.is_empty() => {
                    let read = Self { config, shelf };
                    return Ok(read);
                }
                Ok(_) => {}
            },
        }
        Err(problems)
    }

    /// The connections with their secrets, which are read only here.
    pub(crate) fn connections(&self, env: Env<'_>) -> Result<Vec<Configured>, Vec<Problem>> {
        match self.connections_and_problems(env) {
            (configured, problems) if problems.is_empty() => Ok(configured),
            (_, problems) => Err(problems),
        }
    }

    /// What can be said of the connections, and all that is wrong with them.
    pub(crate) fn connections_and_problems(&self, env: Env<'_>) -> (Vec<Configured>, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut configured = Vec::new();
        for connection in &self.config.connections {
            configured.extend(self.connection(connection, env, &mut problems));
        }
        (configured, problems)
    }

    fn connection(
        &self,
        c: &Connection,
        env: Env<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Configured> {
        let Some(connector) = self.shelf.get(&c.connector) else {
            problems.push(self.no_connector(c));
            return None;
        };
        let (spec, before) = (spec(c), problems.len());
        let mut fields: BTreeMap<String, Secret<String>> = BTreeMap::new();
        for (name, secret) in &c.fields {
            match secret.resolve(env) {
                Ok(value) => drop(fields.insert(name.clone(), value)),
                Err(says) => {
                    let says = format!("`{name}` has no value: {says}");
                    problems.push(c.places.of(&says).problem(says));
                }
            }
        }
        // Without its secrets a connection is incomplete anyway; once is enough.
        if problems.len() == before {
            let wrong = connector.check_settings(&filled_in(&spec, &fields));
            problems.extend(wrong.into_iter().map(|says| {
                let says = format!("connection `{}`: {says}", c.id);
                c.places.of(&says).problem(says)
            }));
        }
        Some(Configured {
            spec,
            connector: Arc::clone(connector),
            fields,
        })
    }

    fn no_connector(&self, c: &Connection) -> Problem {
        let says = format!("there is no connector `{}`", c.connector);
        let all = || self.shelf.names().collect::<Vec<_>>().join(", ");
        let hint = match nearest(&c.connector, self.shelf.names()) {
            Some(right) => format!("did you mean `{right}`?"),
            None => format!("there are: {}", all()),
        };
        Problem {
            hint: Some(hint),
            ..c.places.connector.problem(says)
        }
    }

    pub(crate) fn alerts(&self) -> Vec<AlertTarget> {
        let target = |alert: &config::Alert| AlertTarget {
            connection: alert.connection.clone(),
            address: alert.address.clone(),
        };
        self.config.alerts.iter().map(target).collect()
    }

    /// The flow files, by the flow's id; a folder that is not there holds none.
    pub(crate) fn flow_files(&self) -> Result<BTreeMap<String, String>, Vec<Problem>> {
        flow_files(&self.config.server.flows)
    }
}

fn spec(c: &Connection) -> ConnectionSpec {
    let every = match c.poll {
        Poll::Never => None,
        Poll::Every(every) => Some(i64::try_from(every.as_millis()).unwrap_or(i64::MAX)),
    };
    ConnectionSpec {
        id: c.id.clone(),
        connector: c.connector.clone(),
        base_url: c.base_url.clone(),
        auth_url: c.auth_url.clone(),
        owner: c.owner.clone().unwrap_or_else(|| NOBODY.to_owned()),
        poll_ms: every,
        effect: c.effect,
        once: c.once,
        webhooks: c.webhooks,
        keep: c.keep.clone(),
    }
}

/// What the operator filled in; only connections of `http` may state the last two.
pub(crate) fn filled_in(
    spec: &ConnectionSpec,
    fields: &BTreeMap<String, Secret<String>>,
) -> Settings {
    let mut settings = Settings {
        fields: fields.clone(),
        base_url: spec.base_url.clone(),
        auth_url: spec.auth_url.clone(),
    };
    let stated = [
        ("effect", spec.effect.map(|effect| effect.as_str())),
        ("once", spec.once.map(|once| once.as_str())),
    ];
    for (key, word) in stated {
        if let Some(word) = word {
            settings = settings.with(key, word);
        }
    }
    settings
}

/// Reads `*.toml` of a folder; a file's stem is its flow's id.
pub(crate) fn flow_files(folder: &Path) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let mut files = BTreeMap::new();
    let mut problems = Vec::new();
    if !folder.exists() {
        return Ok(files);
    }
    let wrong = |path: &Path, error| {
        let says = format!("cannot be read: {error}");
        Problem::of_file(&path.display().to_string(), says)
    };
    let entries = fs::read_dir(folder).map_err(|error| vec![wrong(folder, error)])?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let Some(stem) = stem.filter(|_| path.extension().is_some_and(|end| end == "toml")) else {
            continue;
        };
        match fs::read_to_string(&path) {
            Ok(text) => drop(files.insert(stem, text)),
            Err(error) => problems.push(wrong(&path, error)),
        }
    }
    match problems.is_empty() {
        true => Ok(files),
        false => Err(problems),
    }
}
