//! Fixtures and fakes hold made-up people only: their addresses stand under names that can never
//! belong to anybody. Addresses are the only thing that can be told from a real one by looking.

use super::Finding;
use super::tree::Tree;

const SAFE_DOMAINS: &[&str] = &["example.com", "example.org", "example.net"];
const SAFE_ENDINGS: &[&str] = &["test", "invalid", "example", "localhost"];

pub(crate) fn real_addresses(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let mut parts = file.path.split('/');
        let shelf = parts.any(|part| matches!(part, "fixtures" | "snapshots"));
        if !shelf && !file.path.starts_with("fakes/") {
            continue;
        }
        for (at, line) in file.text.lines().enumerate() {
            for domain in domains(line).into_iter().filter(|domain| !is_safe(domain)) {
                let says = format!("an address at `{domain}` may be a person's; use example.com");
                findings.push(Finding::new(&file.path, at + 1, says));
            }
        }
    }
    findings
}

fn is_safe(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    let under = |safe: &&str| domain == **safe || domain.ends_with(&format!(".{safe}"));
    SAFE_DOMAINS.iter().any(under) || SAFE_ENDINGS.iter().any(under)
}

/// The domains of what looks like e-mail addresses.
fn domains(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices('@') {
        let name = line[..at].chars().next_back();
        let domain = &line[at + 1..];
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let domain = &domain[..domain.find(|c| !part(c)).unwrap_or(domain.len())];
        let domain = domain.trim_end_matches('.');
        let ending = domain.rsplit_once('.').map_or("", |(_, ending)| ending);
        let named = name.is_some_and(|c| c.is_ascii_alphanumeric() || "._%+-".contains(c));
        if named && ending.len() >= 2 && ending.chars().all(|c| c.is_ascii_alphabetic()) {
            found.push(domain);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_could_be_somebodys_is_found() {
        let text = "{\"a\": \"ana@example.com\", \"b\": \"bo@mail.example.org\", \"c\": \"cy@acme.test\"}\n\
                    x: dee@gmail.com, ed@notexample.com.\n@decorator.name and a@b and v@1.2.3\n";
        let tree = Tree::of(&[
            ("connectors/acme/fixtures/webhooks/one.http", text),
            ("docs/guide/page.md", text),
        ]);
        let found = real_addresses(&tree);
        assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [2, 2]);
        assert!(found[0].says.contains("gmail.com") && found[1].says.contains("notexample.com"));
    }
}
