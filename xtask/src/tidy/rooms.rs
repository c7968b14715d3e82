//! What each room may do: SQL only in the store, HTTP only in the transport, time and chance only
//! through `Env`; a sentence at the head of each module; tests that neither sleep nor hide.

use super::Finding;
use super::tree::{File, Tree};

const LONG: usize = 600;

/// Words that only SQL puts in a row; each in capitals, as SQL is written here.
const SQL: &[&[&str]] = &[
    &["SELECT", "FROM"],
    &["INSERT", "INTO"],
    &["UPDATE", "SET"],
    &["DELETE", "FROM"],
    &["CREATE", "TABLE"],
    &["CREATE", "INDEX"],
    &["CREATE", "UNIQUE INDEX"],
    &["DROP", "TABLE"],
    &["ALTER", "TABLE"],
    &["BEGIN", "IMMEDIATE"],
];

/// Crates that speak to a database, and crates that make HTTP calls.
const DATABASES: &[&str] = &["rusqlite", "tokio-postgres", "deadpool-postgres", "sqlx"];
const CLIENTS: &[&str] = &["reqwest", "hyper", "hyper-util", "ureq"];

const CLOCKS_AND_DICE: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "Uuid::now_v7",
    "Uuid::new_v4",
    "getrandom",
    "rand::",
    "OsRng",
];

/// The one other place that may ask for chance: nonces and keys must never come from a seed, and
/// nothing that is replayed ever reads them.
const SEAL: &str = "crates/store/src/seal.rs";

/// Crates whose presence in the lock file is a mistake, and why.
const REFUSED: &[(&str, &str)] = &[
    ("openssl-sys", "one TLS stack: rustls"),
    ("async-std", "one runtime: tokio"),
    ("aws-lc-sys", "one provider of cryptography: ring"),
];
const ONLY_ONCE: &[&str] = &["reqwest", "libsqlite3-sys", "rusqlite", "rustls"];

pub(crate) fn sql(tree: &Tree) -> Vec<Finding> {
    let mut findings = depends(
        tree,
        DATABASES,
        &["store"],
        "only the store speaks to a database",
    );
    for file in &tree.files {
        let Some(source) = file.rust() else { continue };
        if file.room() == Some("store") || !file.path.starts_with("crates/") || file.is_test() {
            continue;
        }
        for (line, text) in &source.strings {
            if is_sql(text) {
                let says = "SQL outside the store; give the store an operation for it";
                findings.push(Finding::new(&file.path, *line, says));
            }
        }
    }
    findings
}

fn is_sql(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    SQL.iter().any(|pattern| {
        let first = words.iter().position(|word| *word == pattern[0]);
        let Some(first) = first else { return false };
        let rest = words[first + 1..].join(" ");
        match pattern {
            ["SELECT" | "INSERT" | "UPDATE", then] => rest.split(' ').any(|word| word == *then),
            [_, then] => rest == *then || rest.starts_with(&format!("{then} ")),
            _ => false,
        }
    })
}

pub(crate) fn http_clients(tree: &Tree) -> Vec<Finding> {
    let says = "calls go through the one Transport";
    let mut findings = depends(tree, CLIENTS, &["server", "testkit"], says);
    for file in in_rooms(tree) {
        if file.path.starts_with("crates/server/src/transport") {
            continue;
        }
        for client in [
            "reqwest",
            "hyper",
            "hyper_util",
            "ureq",
            "TcpStream::connect",
        ] {
            uses(
                file,
                client,
                "an HTTP client outside the one Transport",
                &mut findings,
            );
        }
    }
    findings
}

pub(crate) fn clocks_and_dice(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in in_rooms(tree).filter(|file| file.name() != "env.rs") {
        for source in CLOCKS_AND_DICE {
            let says = format!("`{source}`: time and chance come from Env");
            if (file.path.as_str(), *source) != (SEAL, "getrandom") {
                uses(file, source, &says, &mut findings);
            }
        }
    }
    findings
}

pub(crate) fn headers(tree: &Tree) -> Vec<Finding> {
    let files = tree.files.iter().filter(|file| file.rust().is_some());
    let bare = files.filter(|file| !file.text.starts_with("//!"));
    let says = "a module opens with a `//!` sentence: what it is for, what it refuses to do";
    bare.map(|file| Finding::new(&file.path, 1, says)).collect()
}

pub(crate) fn test_habits(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let Some(source) = file.rust() else { continue };
        for line in source.uses("#[ignore", true) {
            let says = "an ignored test tests nothing; put a slow one into a module `slow`";
            findings.push(Finding::new(&file.path, line, says));
        }
        for line in source.uses("thread::sleep", true) {
            let says = "no sleeps: the clock is a parameter, and a test waits for what it expects";
            findings.push(Finding::new(&file.path, line, says));
        }
    }
    findings
}

pub(crate) fn long_files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.rust().is_some()) {
        let lines = file.text.lines().count();
        if lines > LONG {
            let says = format!("{lines} lines usually hold two ideas");
            findings.push(Finding::warning(&file.path, lines, says));
        }
    }
    findings
}

pub(crate) fn refused_crates(tree: &Tree) -> Vec<Finding> {
    let Some(lock) = tree.files.iter().find(|file| file.path == "Cargo.lock") else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (at, line) in lock.text.lines().enumerate() {
        let Some(name) = line.strip_prefix("name = ") else {
            continue;
        };
        let name = name.trim_matches('"');
        if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            findings.push(Finding::new(
                &lock.path,
                at + 1,
                format!("`{name}` is refused: {why}"),
            ));
        }
        if ONLY_ONCE.contains(&name) && seen.contains(&name) {
            let says = format!("a second `{name}`; find who brings it with `cargo tree -d`");
            findings.push(Finding::new(&lock.path, at + 1, says));
        }
        seen.push(name);
    }
    findings
}

/// The product's own code in the rooms, test files and the test kit left out.
fn in_rooms(tree: &Tree) -> impl Iterator<Item = &File> {
    let rust = tree.files.iter().filter(|file| file.rust().is_some());
    rust.filter(|file| !file.is_test() && file.room().is_some_and(|room| room != "testkit"))
}

fn uses(file: &File, path: &str, says: &str, findings: &mut Vec<Finding>) {
    for line in file
        .rust()
        .map(|source| source.uses(path, false))
        .unwrap_or_default()
    {
        findings.push(Finding::new(&file.path, line, says));
    }
}

/// Rooms other than `allowed` that depend on one of `crates`, development dependencies aside.
fn depends(tree: &Tree, crates: &[&str], allowed: &[&str], says: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let room = file.path.strip_prefix("crates/");
        let room = room.and_then(|rest| rest.strip_suffix("/Cargo.toml"));
        if room.is_none_or(|room| allowed.contains(&room)) {
            continue;
        }
        let mut counts = false;
        for (at, line) in file.text.lines().enumerate() {
            if line.starts_with('[') {
                counts = line.contains("dependencies") && !line.contains("dev-dependencies");
            }
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if counts && crates.contains(&name) {
                findings.push(Finding::new(
                    &file.path,
                    at + 1,
                    format!("`{name}`: {says}"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<(&str, usize)> {
        findings.iter().map(|f| (f.path.as_str(), f.line)).collect()
    }

    #[test]
    fn sql_is_found_in_strings_outside_the_store_only() {
        let text = "let a = \"SELECT id FROM run\";\nlet b = r#\"\n  INSERT OR IGNORE INTO run\"#;\n\
                    let c = \"UPDATE run SET state = 1\";\nlet d = \"CREATE TABLE x (a)\";\n\
                    // SELECT a FROM b\nlet e = \"select one from the list\";\n\
                    let f = \"UPDATE me when SETTLED\";\n";
        let tree = Tree::of(&[
            ("crates/engine/src/flow.rs", text),
            ("crates/store/src/lib.rs", text),
        ]);
        let found = sql(&tree);
        let here = "crates/engine/src/flow.rs";
        assert_eq!(lines(&found), [(here, 1), (here, 2), (here, 4), (here, 5)]);
    }

    #[test]
    fn a_database_crate_may_only_be_named_by_the_store() {
        let with = "[dependencies]\nrusqlite.workspace = true\n";
        let only_for_tests = "[dev-dependencies]\nrusqlite.workspace = true\n";
        let tree = Tree::of(&[
            ("crates/store/Cargo.toml", with),
            ("crates/api/Cargo.toml", with),
            ("crates/engine/Cargo.toml", only_for_tests),
        ]);
        assert_eq!(lines(&sql(&tree)), [("crates/api/Cargo.toml", 2)]);
    }

    #[test]
    fn an_http_client_may_only_stand_in_the_transport() {
        let text = "use reqwest::Client;\n// reqwest\n";
        let tree = Tree::of(&[
            ("crates/server/src/transport.rs", text),
            ("crates/server/src/transport/addresses.rs", text),
            ("crates/testkit/src/lib.rs", text),
            ("fakes/src/lib.rs", text),
            ("crates/server/src/serve.rs", text),
            (
                "crates/engine/Cargo.toml",
                "[dependencies]\nreqwest = \"0.13\"\n",
            ),
        ]);
        let expected = [
            ("crates/engine/Cargo.toml", 2),
            ("crates/server/src/serve.rs", 1),
        ];
        assert_eq!(lines(&http_clients(&tree)), expected);
    }

    #[test]
    fn clocks_and_dice_stand_in_env_and_in_tests() {
        let text = "fn f() { let t = Instant::now(); }\n#[cfg(test)]\nmod tests {\n    fn t() { Instant::now(); }\n}\n";
        let tree = Tree::of(&[
            ("crates/server/src/env.rs", text),
            ("crates/engine/src/retry.rs", text),
            ("crates/engine/src/retry/tests.rs", text),
            ("crates/testkit/src/clock.rs", text),
            (SEAL, "fn nonce() { getrandom::fill(&mut bytes); }\n"),
            (
                "crates/store/src/writer.rs",
                "fn f() { getrandom::fill(&mut bytes); }\n",
            ),
        ]);
        assert_eq!(
            lines(&clocks_and_dice(&tree)),
            [
                ("crates/engine/src/retry.rs", 1),
                ("crates/store/src/writer.rs", 1)
            ]
        );
    }

    #[test]
    fn each_module_opens_with_its_sentence() {
        let tree = Tree::of(&[
            ("crates/model/src/lib.rs", "//! The model.\n"),
            ("crates/model/src/ids.rs", "use std::fmt;\n//! Ids.\n"),
        ]);
        assert_eq!(lines(&headers(&tree)), [("crates/model/src/ids.rs", 1)]);
    }

    #[test]
    fn tests_neither_sleep_nor_hide() {
        let text = "#[cfg(test)]\nmod tests {\n    #[ignore = \"slow\"]\n    fn t() { std::thread::sleep(d); }\n}\n";
        let tree = Tree::of(&[("crates/engine/src/lib.rs", text)]);
        assert_eq!(test_habits(&tree).len(), 2);
    }

    #[test]
    fn a_long_file_is_a_warning() {
        let tree = Tree::of(&[("crates/api/src/lib.rs", &"//! x\n".repeat(601))]);
        assert!(long_files(&tree)[0].warning);
        let tree = Tree::of(&[("crates/api/src/lib.rs", &"//! x\n".repeat(600))]);
        assert_eq!(long_files(&tree), []);
    }

    #[test]
    fn the_lock_file_names_no_refused_crate_and_no_second_client() {
        let lock =
            "name = \"reqwest\"\nversion = \"0.12\"\nname = \"reqwest\"\nname = \"openssl-sys\"\n";
        let tree = Tree::of(&[("Cargo.lock", lock)]);
        assert_eq!(
            lines(&refused_crates(&tree)),
            [("Cargo.lock", 3), ("Cargo.lock", 4)]
        );
    }
}
