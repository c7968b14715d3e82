//! Chores around connector folders: check one, lay out a new one.
//! What a folder must say is judged by the server's own loader, never here.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{Program, locked};

/// `stagewire connector check` on one folder.
pub(crate) fn check(root: &Path, name: &str) -> Result<bool> {
    let folder = format!("connectors/{name}");
    ensure!(
        root.join(&folder).join("connector.toml").is_file(),
        "there is no {folder}/connector.toml"
    );
    Program::cargo(root)
        .args(["run", "--quiet", "--package", "stagewire"])
        .args(locked())
        .args(["--", "connector", "check", &folder])
        .run()
}

/// Writes the folder of a new connector: each file with the keys nobody can do without.
pub(crate) fn scaffold(root: &Path, name: &str) -> Result<bool> {
    check_name(name)?;
    let connectors = root.join("connectors");
    let folder = connectors.join(name);
    if folder.exists() {
        bail!("connectors/{name} is already there");
    }
    for shelf in ["streams", "webhooks", "actions", "snapshots"] {
        let shelf = folder.join("fixtures").join(shelf);
        fs::create_dir_all(&shelf).with_context(|| format!("cannot make {}", shelf.display()))?;
        fs::write(shelf.join(".gitkeep"), "")?;
    }
    for (file, text) in FILES {
        let text = text
            .replace("{NAME}", name)
            .replace("{TITLE}", &title(name));
        fs::write(folder.join(file), text).with_context(|| format!("cannot write {file}"))?;
        println!("connectors/{name}/{file}");
    }
    println!(
        "\nNext: compare each value with the vendor's own pages, record fixtures with made-up\n\
         people, then run `cargo xtask connector {name}`. The build finds the folder by itself."
    );
    Ok(true)
}

fn check_name(name: &str) -> Result<()> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(
        name.len() <= 32
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(letters),
        "`{name}`: a connector's name is up to 32 of a-z, 0-9 and `-`, and begins with a letter"
    );
    Ok(())
}

fn title(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

const FILES: &[(&str, &str)] = &[
    ("README.md", README),
    ("connector.toml", CONNECTOR),
    ("streams.toml", STREAMS),
    ("webhooks.toml", WEBHOOKS),
    ("mapping.toml", MAPPING),
    ("actions.toml", ACTIONS),
];

const README: &str = "\
# {TITLE}

What works: nothing yet.

## Credentials

Where a person finds them, which scopes to tick, who must be asked.

## Known oddities

What the vendor's pages do not say, with the day it was seen.
";

const CONNECTOR: &str = r#"# Who they are and how to call them.
format = 1
id = "{NAME}"
name = "{TITLE}"
kind = "ats"
base_url = "https://api.{NAME}.example"
checked_on = "YYYY-MM-DD"                  # the day a person last compared this folder with the vendor's docs
check = { get = "/users", query = { per_page = 1 } }    # "Test connection"

[fields]                                   # the console draws its form from this
api_key = { label = "API key", secret = true }
webhook_secret = { label = "Webhook secret", secret = true }

[auth.key]
scheme = "bearer"
token = "{api_key}"

[limits]
window = { calls = 10, per = "10s", kind = "sliding" }   # a cautious guess until the headers teach us
slow_down = { status = [429], wait = "Retry-After", at_most = "5m" }
in_flight = 2

[paging]
style = "link_next"

[errors]                                   # anything unlisted follows the engine's defaults
"#;

const STREAMS: &str = r#"# What we poll.
[defaults]
key = "id"
cursor = { field = "updated_at", query = "updated_after={from}", overlap = "1h" }

[applications]
get = "/applications"
as = "application"
expect = { required = ["id", "candidate_id", "updated_at"] }
"#;

const WEBHOOKS: &str = r#"# What arrives.
verify = { scheme = "hmac_sha256", over = "raw_body", header = "Signature", shape = "{hex}", secret = "{webhook_secret}" }
route = { on = "event", unknown = "keep_and_report" }

[events]
application_moved = { observes = "application", announces = "stage_changed" }
"#;

const MAPPING: &str = r#"# Their shape, our model.
[application]
id = "id"
candidate = { at = "candidate_id", ref = "candidate" }
stage = { at = "stage", pick = { id = "id", name = "name" } }
status = { at = "status", map = { active = "active", rejected = "rejected", hired = "hired" }, otherwise = "unknown" }
applied_at = { at = "created_at", parse = "rfc3339" }
dates = ["updated_at"]
rest = "extra"                             # nothing a vendor sends is thrown away
"#;

const ACTIONS: &str = r#"# What we write; `once` says how a repeat is made harmless.
[defaults]
effect = "record"

[add_note]
does = "note.create"
post = "/notes"
body = { candidate_id = "{candidate.id}", text = "{text} ({marker})" }
once = { by = "marker", marker = "ref {intent.short}", probe = "notes_of_candidate", at = "text" }

[probes]
notes_of_candidate = { get = "/notes", query = { candidate_id = "{candidate.id}" } }
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_a_folder_and_a_flow_can_carry() {
        assert!(check_name("acme-hr2").is_ok());
        for bad in ["", "Acme", "2acme", "acme_hr", "../acme", "a b"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_title_begins_each_word_with_a_capital() {
        assert_eq!(title("acme-hr"), "Acme Hr");
    }

    #[test]
    fn every_file_of_a_new_folder_carries_its_name_where_it_must() {
        let connector = CONNECTOR.replace("{NAME}", "acme");
        assert!(connector.contains("id = \"acme\""));
        assert!(connector.contains("token = \"{api_key}\""));
    }
}
