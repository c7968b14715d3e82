//! The checkout as the rules see it: text files with their paths, build output left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::source::Source;

/// Folders that hold what tools made: paths from the root, and names wherever they stand.
const NOT_OURS: &[&str] = &["target", "data", ".git"];
const MADE_BY_TOOLS: &[&str] = &["node_modules", "dist"];

pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Present for Rust.
    source: Option<Source>,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            source: path.ends_with(".rs").then(|| Source::read(text)),
        }
    }

    pub(crate) fn rust(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// `name` for `crates/name/src/…`.
    pub(crate) fn room(&self) -> Option<&str> {
        let (room, rest) = self.path.strip_prefix("crates/")?.split_once('/')?;
        rest.starts_with("src/").then_some(room)
    }

    /// A file that holds only tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.split('/').any(|part| part == "tests")
    }

    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    /// Every path there is, files and folders, text or not.
    pub(crate) paths: BTreeSet<String>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self {
            files: Vec::new(),
            paths: BTreeSet::new(),
        };
        tree.walk(root, "")?;
        Ok(tree)
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self {
            files: Vec::new(),
            paths: BTreeSet::new(),
        };
        for (path, text) in files {
            tree.files.push(File::new(path, text));
            let mut known = *path;
            tree.paths.insert(known.to_owned());
            while let Some((folder, _)) = known.rsplit_once('/') {
                tree.paths.insert(folder.to_owned());
                known = folder;
            }
        }
        tree
    }

    fn walk(&mut self, root: &Path, folder: &str) -> Result<()> {
        let here = root.join(folder);
        let entries = fs::read_dir(&here).with_context(|| format!("cannot list `{folder}`"))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            names.push((name, entry.file_type()?.is_dir()));
        }
        names.sort();
        for (name, is_folder) in names {
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            let made = NOT_OURS.contains(&path.as_str()) || MADE_BY_TOOLS.contains(&name.as_str());
            if is_folder && made {
                continue;
            }
            self.paths.insert(path.clone());
            if is_folder {
                self.walk(root, &path)?;
            } else if let Ok(text) = fs::read_to_string(root.join(&path)) {
                self.files.push(File::new(&path, &text));
            }
        }
        Ok(())
    }

    /// The names of the folders directly in `folder`.
    pub(crate) fn folders_in(&self, folder: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{folder}/");
        let mut names = BTreeSet::new();
        for path in &self.paths {
            if let Some(rest) = path.strip_prefix(&prefix)
                && let Some((name, _)) = rest.split_once('/')
            {
                names.insert(name);
            }
        }
        names.into_iter()
    }
}
