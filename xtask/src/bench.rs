//! `cargo xtask bench`: speed, always from a release build.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::shell::{Program, locked};

pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool> {
    ensure!(
        root.join("bench/Cargo.toml").is_file(),
        "this version has no bench crate, so there is nothing to measure with"
    );
    let args = match args.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => args,
    };
    Program::cargo(root)
        .args(["run", "--release", "--package", "stagewire-bench"])
        .args(locked())
        .args(["--"])
        .args(args)
        .run()
}
