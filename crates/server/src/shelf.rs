//! The connectors there are: those built in, and data-only folders of the operator. A folder that
//! has a built-in's name replaces it, and what differs is said.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use stagewire_connector::{Connector, FILES, Problem};

/// Carries subscriptions and plain requests.
pub(crate) const CARRIER: &str = "http";

/// Connectors by name.
#[derive(Debug)]
pub(crate) struct Shelf {
    connectors: BTreeMap<String, Arc<Connector>>,
}

type Files = BTreeMap<String, String>;

impl Shelf {
    /// Loads all of them, or says everything that is wrong.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut folders: BTreeMap<String, (Files, String)> = BTreeMap::new();
        for (name, files) in stagewire_connectors::built_in() {
            let home = format!("built-in connector {name}");
            folders.insert(name.to_owned(), (files, home));
        }
        for (name, files, home) in own(folder, &mut problems) {
            if let Some((built_in, _)) = folders.get(&name) {
                let differs = differing(built_in, &files);
                tracing::warn!(connector = %name, folder = %home, differs = %differs, "a folder replaces a built-in connector");
            }
            folders.insert(name, (files, home));
        }
        let mut connectors = BTreeMap::new();
        for (name, (files, home)) in folders {
            match Connector::load(&name, &files) {
                Ok(connector) => {
                    connectors.insert(name, Arc::new(connector));
                }
                Err(found) => problems.extend(found.into_iter().map(|problem| Problem {
                    file: format!("{home}/{}", problem.file),
                    ..problem
                })),
            }
        }
        match problems.is_empty() {
            true => Ok(Self { connectors }),
            false => Err(problems),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Connector>> {
        self.connectors.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.connectors.keys().map(String::as_str)
    }
}

/// The operator's folders: each that holds a `connector.toml`.
fn own(folder: Option<&Path>, problems: &mut Vec<Problem>) -> Vec<(String, Files, String)> {
    let Some(folder) = folder else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let says = format!("the folder of connectors cannot be read: {error}");
            problems.push(Problem::of_file(&folder.display().to_string(), says));
            return found;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if !path.join("connector.toml").is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        match read(&path) {
            Ok(files) => found.push((name, files, path.display().to_string())),
            Err(problem) => problems.push(problem),
        }
    }
    found
}

/// The files of one connector's folder.
pub(crate) fn read(folder: &Path) -> Result<Files, Problem> {
    let wrong = |path: &Path, error| {
        let says = format!("cannot be read: {error}");
        Problem::of_file(&path.display().to_string(), says)
    };
    let mut files = Files::new();
    for entry in fs::read_dir(folder)
        .map_err(|e| wrong(folder, e))?
        .flatten()
    {
        let (path, name) = (entry.path(), entry.file_name());
        if path.extension().is_some_and(|end| end == "toml") {
            let text = fs::read_to_string(&path).map_err(|e| wrong(&path, e))?;
            files.insert(name.to_string_lossy().into_owned(), text);
        }
    }
    Ok(files)
}

fn differing(built_in: &Files, own: &Files) -> String {
    let differs = |file: &&&str| built_in.get(**file) != own.get(**file);
    let files: Vec<&str> = FILES.iter().filter(differs).copied().collect();
    match files.is_empty() {
        true => "nothing".to_owned(),
        false => files.join(", "),
    }
}
