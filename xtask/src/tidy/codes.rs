//! Every error code that the product can show has its page in `docs/errors/`, and the index there
//! names every page. Codes come from string literals and from connector folders.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::Tree;

const SHELF: &str = "docs/errors";

/// Words of the same shape that are no codes.
const NO_CODE: &[&str] = &["AES", "ISO", "RFC", "RS", "SHA", "UTF"];

/// What each page answers, as the headings it must carry.
const HEADINGS: &[&str] = &["Whose turn", "Does waiting help", "What to do", "Example"];

pub(crate) fn pages(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (code, (path, line)) in used(tree) {
        let family = code.split_at(code.len() - 2).0.to_owned() + "xx";
        let has = |name: &str| tree.paths.contains(&format!("{SHELF}/{name}.md"));
        if !has(&code) && !has(&family) {
            let says = format!("`{code}` has no page in {SHELF}/");
            findings.push(Finding::new(&path, line, says));
        }
    }
    let index = format!("{SHELF}/README.md");
    let listed = tree.files.iter().find(|file| file.path == index);
    let listed = listed.map_or("", |file| file.text.as_str());
    for file in &tree.files {
        let page = file.path.strip_prefix("docs/errors/");
        let Some(page) = page.filter(|page| *page != "README.md" && page.ends_with(".md")) else {
            continue;
        };
        if !listed.contains(&format!("]({page})")) {
            let says = format!("the index {index} does not name this page");
            findings.push(Finding::new(&file.path, 1, says));
        }
        for heading in HEADINGS {
            if !file.text.contains(&format!("\n## {heading}\n")) {
                let says = format!("an error page says `## {heading}`");
                findings.push(Finding::new(&file.path, 1, says));
            }
        }
    }
    findings
}

/// Each code with the first place that names it.
fn used(tree: &Tree) -> BTreeMap<String, (String, usize)> {
    let mut used = BTreeMap::new();
    let mut note = |code: &str, path: &str, line: usize| {
        if is_code(code) {
            let place = (path.to_owned(), line);
            used.entry(code.to_owned()).or_insert(place);
        }
    };
    for file in &tree.files {
        if let Some(source) = file.rust().filter(|_| file.path.starts_with("crates/")) {
            for (line, text) in &source.strings {
                note(text, &file.path, *line);
            }
        } else if file.path.starts_with("connectors/") && file.path.ends_with(".toml") {
            for (at, line) in file.text.lines().enumerate() {
                for text in line.split('"').skip(1).step_by(2) {
                    note(text, &file.path, at + 1);
                }
            }
        }
    }
    used
}

/// Capitals, a hyphen, three digits.
fn is_code(text: &str) -> bool {
    let Some((word, number)) = text.split_once('-') else {
        return false;
    };
    let capitals = !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase());
    let digits = number.len() == 3 && number.chars().all(|c| c.is_ascii_digit());
    capitals && digits && !NO_CODE.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# X\n\n## Whose turn\n\n## Does waiting help\n\n## What to do\n\n## Example\n";

    #[test]
    fn a_code_without_a_page_is_found_where_it_is_first_named() {
        let tree = Tree::of(&[
            (
                "crates/engine/src/lib.rs",
                "const A: &str = \"AUTH-001\";\nlet s = \"SHA-256\";\nf(\"NET-009\");\n",
            ),
            (
                "connectors/acme/connector.toml",
                "403 = { code = \"AUTH-003\" }\n503 = { code = \"CALL-503\" }\n",
            ),
            ("docs/errors/AUTH-001.md", PAGE),
            ("docs/errors/CALL-5xx.md", PAGE),
            ("docs/errors/README.md", "[a](AUTH-001.md) [b](CALL-5xx.md)"),
        ]);
        let found: Vec<(String, usize)> =
            pages(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        let expected = [
            ("connectors/acme/connector.toml", 1),
            ("crates/engine/src/lib.rs", 3),
        ];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn a_page_answers_every_question_and_stands_in_the_index() {
        let tree = Tree::of(&[
            (
                "docs/errors/AUTH-001.md",
                &PAGE.replace("## Does waiting help\n", ""),
            ),
            ("docs/errors/README.md", "nothing"),
        ]);
        let says: Vec<String> = pages(&tree).into_iter().map(|f| f.says).collect();
        assert_eq!(says.len(), 2);
        assert!(says[0].contains("does not name") && says[1].contains("Does waiting help"));
    }
}
