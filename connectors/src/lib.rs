//! The built-in connector folders, found by the build script. Adding a vendor touches one folder and nothing here.

use std::collections::BTreeMap;

type Files = &'static [(&'static str, &'static str)];

const FOLDERS: &[(&str, Files)] = include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// Each folder's name with its manifests and README, by file name.
pub fn built_in() -> Vec<(&'static str, BTreeMap<String, String>)> {
    FOLDERS
        .iter()
        .map(|(name, files)| {
            (
                *name,
                files
                    .iter()
                    .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
                    .collect(),
            )
        })
        .collect()
}
