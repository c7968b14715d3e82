//! Links between our own pages lead somewhere. Addresses on the web are not looked at: the chores
//! need no network.

use super::Finding;
use super::tree::Tree;

pub(crate) fn dead_links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in links(&file.text) {
            let Some(path) = resolve(&file.path, &target) else {
                let says = format!("`{target}` leads out of the repository");
                findings.push(Finding::new(&file.path, line, says));
                continue;
            };
            if !path.is_empty() && !tree.paths.contains(&path) {
                let says = format!("`{target}` leads nowhere");
                findings.push(Finding::new(&file.path, line, says));
            }
        }
    }
    findings
}

/// Relative link targets with their lines, without fragments; code is passed over.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let line = without_code(line);
        let mut targets: Vec<&str> = Vec::new();
        for (begin, _) in line.match_indices("](") {
            let rest = &line[begin + 2..];
            targets.extend(rest.find(')').map(|end| &rest[..end]));
        }
        if line.starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            targets.push(target);
        }
        for target in targets {
            let target = target.split_whitespace().next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !elsewhere {
                found.push((at + 1, target.to_owned()));
            }
        }
    }
    found
}

fn without_code(line: &str) -> String {
    let parts = line.split('`').enumerate();
    parts
        .map(|(n, part)| if n % 2 == 0 { part } else { "" })
        .collect()
}

/// The path a link means, from the root; `None` where it climbs above it.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from.split('/').collect(),
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_from_the_page_they_stand_on() {
        let page = "[a](../README.md) [b](adr/0001.md#why) ![c](missing.png)\n\
                    [d](https://example.com/x) [e](#here) `[f](code.md)`\n\
                    ```\n[g](fenced.md)\n```\n[h]: gone.md\n[i](../../out.md) [j](adr/)\n";
        let tree = Tree::of(&[
            ("README.md", ""),
            ("docs/page.md", page),
            ("docs/adr/0001.md", ""),
        ]);
        let found: Vec<String> = dead_links(&tree).iter().map(|f| f.to_string()).collect();
        assert_eq!(
            found,
            [
                "docs/page.md:1: `missing.png` leads nowhere",
                "docs/page.md:6: `gone.md` leads nowhere",
                "docs/page.md:7: `../../out.md` leads out of the repository",
            ]
        );
    }
}
