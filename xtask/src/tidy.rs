//! `cargo xtask tidy`: the house rules that no linter knows.
//! Each rule reads files and says what it found; none changes anything.

mod codes;
mod links;
mod people;
mod rooms;
mod source;
mod tree;
mod words;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use self::tree::Tree;

/// One thing a rule found.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    says: String,
    /// Worth a look, but no reason to fail.
    warning: bool,
}

impl Finding {
    fn new(path: &str, line: usize, says: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            says: says.into(),
            warning: false,
        }
    }

    fn warning(path: &str, line: usize, says: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::new(path, line, says)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.warning { "warning: " } else { "" };
        write!(f, "{}:{}: {kind}{}", self.path, self.line, self.says)
    }
}

const RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    words::vendor_names,
    rooms::sql,
    rooms::http_clients,
    rooms::clocks_and_dice,
    rooms::headers,
    rooms::test_habits,
    rooms::long_files,
    rooms::refused_crates,
    links::dead_links,
    people::real_addresses,
    codes::pages,
];

/// Applies every rule to the checkout; `false` when something must be mended.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let tree = Tree::read(root)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| !finding.warning).count();
    println!(
        "tidy: {} files, {errors} to mend, {} to look at",
        tree.files.len(),
        findings.len() - errors
    );
    Ok(errors == 0)
}
