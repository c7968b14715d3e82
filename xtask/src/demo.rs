//! `cargo xtask run`: from a fresh clone to the demo company on screen.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::{Program, locked};

/// Builds what there is and starts `stagewire demo`, handing it whatever follows `--`.
///
/// The default is the development profile: dependencies are optimised there, our own crates are
/// not, and the first start comes minutes earlier. Speed is measured by `bench`, never here.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool> {
    let (ours, theirs) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[][..]),
    };
    let release = match ours {
        [] => false,
        [flag] if flag == "--release" => true,
        _ => bail!("use: cargo xtask run [--release] [-- ARGS for `stagewire demo`]"),
    };
    if !build_console(root)? {
        return Ok(false);
    }
    println!(
        "Building the server ({}) and starting the demo company. Stop it with Ctrl-C.",
        if release { "optimised" } else { "development" }
    );
    let mut cargo = Program::cargo(root).args(["run", "--quiet", "--package", "stagewire"]);
    cargo = cargo.args(locked());
    if release {
        cargo = cargo.args(["--release"]);
    }
    cargo.args(["--", "demo"]).args(theirs).run()
}

/// The console's static files, where the server's build picks them up; nothing to do without one.
fn build_console(root: &Path) -> Result<bool> {
    let console = root.join("console");
    if !console.join("package.json").is_file() {
        println!("There is no web console in this version; the server answers its REST API.");
        return Ok(true);
    }
    if !Program::new(root, "npm").args(["--version"]).answers() {
        println!("npm is not installed, so the server starts without its web console.");
        return Ok(true);
    }
    println!("Building the web console.");
    for args in [&["ci"][..], &["run", "build"]] {
        if !Program::new(root, "npm")
            .within(&console)
            .args(args)
            .run()?
        {
            return Ok(false);
        }
    }
    Ok(true)
}
