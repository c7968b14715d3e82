//! `stagewire connector check` and `connector new`: a folder of data, judged by the server's own
//! loader and its fixtures, and the folder to begin with.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use stagewire_connector::{Connector, Problem, conformance};

use crate::setup::Installation;
use crate::told::{self, Format, Stop, answer};

const FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("template/README.md")),
    ("connector.toml", include_str!("template/connector.toml")),
    ("streams.toml", include_str!("template/streams.toml")),
    ("webhooks.toml", include_str!("template/webhooks.toml")),
    ("mapping.toml", include_str!("template/mapping.toml")),
    ("actions.toml", include_str!("template/actions.toml")),
];

/// Loads the folder and plays its fixtures.
pub(crate) fn check(folder: &Path, format: Format) -> Result<(), Stop> {
    let folder = fs::canonicalize(folder)
        .with_context(|| format!("there is no folder {}", folder.display()))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut files = BTreeMap::new();
    read(&folder, "", &mut files)?;
    let problems = match files.keys().any(|path| path.starts_with("fixtures/")) {
        true => conformance::check(&name, &files),
        false => Connector::load(&name, &files).err().unwrap_or_default(),
    };
    if !problems.is_empty() {
        let placed = problems.into_iter().map(|problem| Problem {
            file: folder.join(&problem.file).display().to_string(),
            ..problem
        });
        let placed = placed.map(told::Problem::of_config).collect();
        return Err(Stop::Problems(placed));
    }
    let is_fixture =
        |path: &&String| path.starts_with("fixtures/") && !path.starts_with("fixtures/snapshots/");
    let fixtures = files.keys().filter(is_fixture).count();
    let value = json!({"connector": name, "fixtures": fixtures, "problems": []});
    answer(format, &value, || {
        format!("{name}: nothing is wrong ({fixtures} fixtures)")
    });
    Ok(())
}

/// The folder's texts by their path inside it; what is no text is no manifest and no fixture.
fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    let entries = fs::read_dir(folder);
    for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let inside = format!("{prefix}{}", name.to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{inside}/"), files)?;
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.insert(inside, text);
        }
    }
    Ok(())
}

/// Writes the files of a new connector, each with the keys nobody can do without.
pub(crate) fn new(
    installation: &Installation,
    name: &str,
    within: Option<&Path>,
    format: Format,
) -> Result<(), Stop> {
    named(name)?;
    let configured = installation.config.server.connectors.as_deref();
    let home = within.or(configured).context(
        "say where with --within FOLDER, or set `connectors` under [server] to a folder for your own",
    )?;
    let folder = home.join(name);
    if folder.exists() {
        return Err(anyhow::anyhow!("{} is there already", folder.display()).into());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut written = Vec::new();
    for (file, text) in FILES {
        let file = folder.join(file);
        fs::write(&file, text.replace("{NAME}", name))
            .with_context(|| format!("cannot write {}", file.display()))?;
        written.push(file.display().to_string());
    }
    answer(format, &json!({ "written": written }), || {
        let check = format!("stagewire connector check {}", folder.display());
        format!("{}\nfill them in, then: {check}", written.join("\n"))
    });
    Ok(())
}

fn named(name: &str) -> Result<()> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(
        name.len() <= 32 && name.starts_with(|c: char| c.is_ascii_lowercase()),
        "`{name}`: a connector's name is up to 32 characters and begins with a letter"
    );
    if !name.chars().all(letters) {
        bail!("`{name}`: a connector's name has only a-z, 0-9 and `-`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_loads_as_it_is_written() {
        let filled =
            |(file, text): &(&str, &str)| ((*file).to_owned(), text.replace("{NAME}", "acme"));
        let files: BTreeMap<String, String> = FILES.iter().map(filled).collect();
        if let Err(problems) = Connector::load("acme", &files) {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", told.join("\n"));
        }
    }

    #[test]
    fn a_name_is_what_a_folder_and_a_flow_can_carry() {
        assert!(named("acme-hr2").is_ok());
        for bad in ["", "Acme", "2acme", "acme_hr", "../acme", "a b"] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }
}
