//! Makes ready a reader of other people's that the tests run beside ours: a package of PyPI in a virtual environment under `target`.
//! It is no part of the product, and nothing of it is shipped or linked.

use crate::shell::Program;
use crate::steps::Outcome;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Names the Python that has the package to the tests; empty where there is none.
pub(crate) const PYTHON: &str = "STAGEWIRE_TAP";
const PACKAGE: &str = "tap-lever==1.1.0";
/// Bumped with what is installed, so that an older environment is not mistaken for it.
const FOLDER: &str = "target/third-party-1";

/// The Python that has the package.
pub(crate) fn python(root: &Path) -> Option<String> {
    let python = interpreter(root);
    let has = Program::new(root, &python.to_string_lossy()).args(["-c", "import tap_lever"]);
    has.answers().then(|| python.to_string_lossy().into_owned())
}

fn interpreter(root: &Path) -> PathBuf {
    root.join(FOLDER).join("bin/python")
}

/// Installs it, or says what is missing for that.
pub(crate) fn reader(root: &Path) -> Result<Outcome> {
    if python(root).is_some() {
        return Ok(Outcome::Well);
    }
    let made = Program::new(root, "python3").args(["-m", "venv", FOLDER]);
    if !made.answers() {
        return Ok(Outcome::NotHere(
            "python3 with its venv module is not here (on Debian: apt install python3-venv), \
             so no third party's reader is compared with ours."
                .to_owned(),
        ));
    }
    let pip = Program::new(root, &interpreter(root).to_string_lossy());
    let pip = pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        PACKAGE,
    ]);
    if !pip.answers() {
        return Ok(Outcome::NotHere(format!(
            "{PACKAGE} cannot be installed from PyPI, so no third party's reader is compared with ours."
        )));
    }
    Ok(Outcome::Well)
}
