//! Files that the product writes about itself and that stand in the repository for their readers.
//! `--check` compares and changes nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::shell::{Program, locked};

/// A generated file and the hidden command of the server that prints it.
const GENERATED: &[(&str, &str)] = &[("docs/api/openapi.json", "openapi-dump")];

pub(crate) fn run(root: &Path, check: bool) -> Result<bool> {
    let mut well = true;
    for (file, command) in GENERATED {
        let path = root.join(file);
        if check && !path.exists() {
            println!("{file} is not part of this version yet; `cargo xtask codegen` writes it.");
            continue;
        }
        let Some(fresh) = print(root, command)? else {
            println!("`stagewire {command}` did not end well, so {file} cannot be judged.");
            well = false;
            continue;
        };
        if fs::read(&path).ok().as_deref() == Some(&fresh[..]) {
            println!("{file} is up to date.");
        } else if check {
            println!("{file} is out of date: run `cargo xtask codegen` and commit the result.");
            well = false;
        } else {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder of {file}"))?;
            }
            fs::write(&path, fresh).with_context(|| format!("cannot write {file}"))?;
            println!("{file} written.");
        }
    }
    Ok(well)
}

fn print(root: &Path, command: &str) -> Result<Option<Vec<u8>>> {
    Program::cargo(root)
        .args(["run", "--quiet", "--package", "stagewire"])
        .args(locked())
        .args(["--", command])
        .output()
}
