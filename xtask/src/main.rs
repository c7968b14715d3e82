//! Chores of the project, in plain Rust so that they run wherever `cargo` does.
//! Nothing here is part of the product, and nothing here talks to the network by itself.
#![expect(
    clippy::print_stdout,
    reason = "a chore talks to the person who started it"
)]

mod bench;
mod codegen;
mod connector;
mod demo;
mod shell;
mod steps;
mod third_party;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask <chore>

  run [-- ARGS]        build the console (if there is one) and the server, start the demo company
                       --release builds the optimised server: slower to build, faster to run
  test                 what continuous integration runs, in the same order
                       --all adds the slow parts and writes docs/last-full-test.md
                       --keep-going runs the later steps although an earlier one failed
  check                the fast half of `test`: format, tidy, clippy
  tidy                 what no linter knows: names, SQL, clocks, headers, links, fixtures, error pages
  codegen              write the generated files; --check only compares them
  connector NAME       check one connector folder
  new-connector NAME   lay out the folder of a new connector
  bench [ARGS]         measure speed with a release build

Full page: CONTRIBUTING.md
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match chore(&root(), &args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs one chore; `false` means that it ran and found problems.
fn chore(root: &Path, args: &[String]) -> Result<bool> {
    let Some((name, rest)) = args.split_first() else {
        print!("{HELP}");
        return Ok(true);
    };
    match name.as_str() {
        "run" => demo::run(root, rest),
        "test" => {
            let flags = Flags::read(rest, &["--all", "--keep-going"])?;
            steps::test(root, flags.has("--all"), flags.has("--keep-going"))
        }
        "check" => {
            Flags::read(rest, &[])?;
            steps::check(root)
        }
        "tidy" => {
            Flags::read(rest, &[])?;
            tidy::run(root)
        }
        "codegen" => codegen::run(root, Flags::read(rest, &["--check"])?.has("--check")),
        "connector" => connector::check(root, one_name(name, rest)?),
        "new-connector" => connector::scaffold(root, one_name(name, rest)?),
        "bench" => bench::run(root, rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(true)
        }
        other => bail!("there is no chore `{other}`; `cargo xtask` lists them all"),
    }
}

fn one_name<'a>(chore: &str, rest: &'a [String]) -> Result<&'a str> {
    match rest {
        [name] => Ok(name),
        _ => bail!("use: cargo xtask {chore} NAME"),
    }
}

/// The checkout this program was built from.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The switches a chore was given; an unknown one is an error.
struct Flags<'a>(&'a [String]);

impl<'a> Flags<'a> {
    fn read(given: &'a [String], known: &[&str]) -> Result<Self> {
        match given.iter().find(|flag| !known.contains(&flag.as_str())) {
            Some(flag) if known.is_empty() => bail!("`{flag}`: this chore takes no arguments"),
            Some(flag) => bail!("`{flag}` is not one of {}", known.join(", ")),
            None => Ok(Self(given)),
        }
    }

    fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|given| given == flag)
    }
}
