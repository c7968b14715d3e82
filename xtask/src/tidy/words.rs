//! No vendor's name in the rooms of the engine: a vendor is a folder of data.
//! Code, comments, strings and tests alike; a name in a comment is how the first special case begins.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::{File, Tree};

/// Folders under `connectors/` that are no vendor's.
const NO_VENDOR: &[&str] = &["http", "src", "tests", "fixtures"];

pub(crate) fn vendor_names(tree: &Tree) -> Vec<Finding> {
    let vendors = vendors(tree);
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.room().is_some()) {
        for (at, line) in file.text.lines().enumerate() {
            for name in names_in(line, &vendors) {
                let says = format!("`{name}` is a vendor's name; the engine learns none");
                findings.push(Finding::new(&file.path, at + 1, says));
            }
        }
    }
    findings
}

fn vendors(tree: &Tree) -> BTreeSet<String> {
    let folders = tree.folders_in("connectors");
    let folders = folders.filter(|name| !NO_VENDOR.contains(name));
    let fakes = tree.files.iter().filter_map(played);
    let names = folders.chain(fakes);
    names.map(|name| name.replace(['-', '_'], "")).collect()
}

/// The vendor that a module of the fakes plays, told by its first line: "The fake Acme: …".
fn played(file: &File) -> Option<&str> {
    let module = file.path.strip_prefix("fakes/src/")?;
    let name = module.split(['/', '.']).next()?;
    let first = words(file.text.lines().next()?);
    let pair = |pair: &[String]| pair[0] == "fake" && pair[1] == name.replace('_', "");
    first.windows(2).any(pair).then_some(name)
}

/// Vendor names in a line: as a word, in an identifier, in several words or in capitals.
fn names_in(line: &str, vendors: &BTreeSet<String>) -> Vec<String> {
    let words = words(line);
    let mut found = Vec::new();
    for begin in 0..words.len() {
        let mut joined = String::new();
        for word in words[begin..].iter().take(3) {
            joined.push_str(word);
            if vendors.contains(&joined) {
                found.push(joined.clone());
            }
        }
    }
    found
}

/// `SmartThing_of2` → smart, thing, of2.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for c in line.chars() {
        let humped = c.is_uppercase() && previous.is_lowercase();
        if humped || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        previous = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::of(&[
            ("connectors/acme/connector.toml", ""),
            ("connectors/smartpeople/connector.toml", ""),
            ("connectors/http/connector.toml", ""),
            ("fakes/src/lib.rs", "//! Fake vendors.\n"),
            ("fakes/src/receiver.rs", "//! A signed receiver.\n"),
            (
                "fakes/src/lever.rs",
                "//! The fake Lever: its pages and hooks.\n",
            ),
            ("crates/engine/src/lib.rs", text),
        ])
    }

    #[test]
    fn a_vendor_is_found_in_code_comments_and_strings() {
        let text = "fn acme_token() {}\n// as Acme does\nlet a = \"api.acme.io\";\nstruct AcmeHook;\n\
                    enum SmartPeople {}\nconst LEVER: u8 = 1;\n";
        let lines: Vec<usize> = vendor_names(&tree(text)).iter().map(|f| f.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn plain_words_and_words_that_contain_a_name_are_let_be() {
        let text = "// http, receiver, acmeist, leverage, clever\n";
        assert_eq!(vendor_names(&tree(text)), []);
    }

    #[test]
    fn outside_the_rooms_a_vendor_may_be_named() {
        let tree = Tree::of(&[
            ("connectors/acme/connector.toml", "id = \"acme\""),
            ("docs/guide/acme.md", "Acme"),
            ("crates/server/tests/whole.rs", "// acme"),
        ]);
        assert_eq!(vendor_names(&tree), []);
    }
}
