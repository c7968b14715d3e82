//! Finds the connector folders (those with a `connector.toml`) and writes the list that `src/lib.rs` includes.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo::rerun-if-changed={}", here.display());
    let mut folders: Vec<PathBuf> = fs::read_dir(&here)?
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.join("connector.toml").is_file())
        .collect();
    folders.sort();
    let mut out = String::from("&[\n");
    for folder in folders {
        println!("cargo::rerun-if-changed={}", folder.display());
        writeln!(out, "    ({:?}, &[", name(&folder))?;
        let mut files: Vec<PathBuf> = fs::read_dir(&folder)?
            .filter_map(|e| Some(e.ok()?.path()))
            .filter(|p| wanted(p))
            .collect();
        files.sort();
        for file in files {
            println!("cargo::rerun-if-changed={}", file.display());
            writeln!(
                out,
                "        ({:?}, include_str!({:?})),",
                name(&file),
                file.display().to_string()
            )?;
        }
        out.push_str("    ]),\n");
    }
    out.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("built_in.rs"), out)?;
    Ok(())
}

fn wanted(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "toml")
        || path.file_name().is_some_and(|n| n == "README.md")
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default()
}
