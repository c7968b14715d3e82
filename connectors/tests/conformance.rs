//! Runs the conformance suite over every folder here. `STAGEWIRE_SNAPSHOTS=write` writes the snapshots anew; read the diff.

use stagewire_connector::conformance;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(folder: &Path, prefix: &str, out: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("an entry"))
    {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read(&entry.path(), &format!("{name}/"), out);
        } else {
            out.insert(name, fs::read_to_string(entry.path()).expect("text"));
        }
    }
}

#[test]
fn every_built_in_folder_passes() {
    let mut told = Vec::new();
    for (name, built_in) in stagewire_connectors::built_in() {
        let mut files = BTreeMap::new();
        read(&here().join(name), "", &mut files);
        for (file, text) in &built_in {
            assert_eq!(
                files.get(file),
                Some(text),
                "{name}/{file} is built in as it is"
            );
        }
        if std::env::var_os("STAGEWIRE_SNAPSHOTS").is_some_and(|v| v == "write") {
            let made =
                conformance::snapshots(name, &files).unwrap_or_else(|p| panic!("{name}: {p:?}"));
            for old in files
                .keys()
                .filter(|f| f.starts_with("fixtures/snapshots/") && !made.contains_key(*f))
            {
                fs::remove_file(here().join(name).join(old)).expect("removed");
            }
            fs::create_dir_all(here().join(name).join("fixtures/snapshots")).expect("made");
            for (file, text) in &made {
                fs::write(here().join(name).join(file), text).expect("written");
            }
            files.retain(|f, _| !f.starts_with("fixtures/snapshots/"));
            files.extend(made);
        }
        told.extend(
            conformance::check(name, &files)
                .iter()
                .map(|p| format!("{name}/{p}")),
        );
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn the_suite_sees_what_is_broken() {
    let mut files = BTreeMap::new();
    read(&here().join("greenhouse"), "", &mut files);
    let broken = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
        let mut files = files.clone();
        change(&mut files);
        conformance::check("greenhouse", &files)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let edit = |files: &mut BTreeMap<String, String>, file: &str, from: &str, to: &str| {
        let text = files.get_mut(file).expect("a file");
        assert!(text.contains(from), "{file} holds {from}");
        *text = text.replace(from, to);
    };
    assert!(
        broken(&|f| edit(f, "webhooks.toml", "hmac_sha256", "hmac_sha1")).contains("not Verified")
    );
    assert!(
        broken(&|f| edit(
            f,
            "mapping.toml",
            "stage_id = { at = \"current_stage.id\"",
            "stage_id = { at = \"current_stage.name\""
        ))
        .contains("the snapshot says something else")
    );
    assert!(broken(&|f| edit(f, "actions.toml", "({marker})", "")).contains("snapshot"));
    assert!(
        broken(&|f| edit(
            f,
            "connector.toml",
            "wait = \"Retry-After\"",
            "wait = \"Wait-For\""
        ))
        .contains("seven seconds")
    );
    assert!(
        broken(&|f| edit(f, "streams.toml", "scope =", "scoep ="))
            .contains("did you mean `scope`?")
    );
    assert!(
        broken(&|f| drop(f.remove("fixtures/webhooks/hire_candidate.http")))
            .contains("`hire_candidate`")
    );
    assert!(
        broken(&|f| drop(f.remove("fixtures/actions/tag.add.toml")))
            .contains("no fixture plays `add_tag`")
    );
}
