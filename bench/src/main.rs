//! Measures the server's speed as ratios to references taken in the same run on the same machine. It judges no commit: it prints
//! what it saw beside the bar, and the noise of the machine is the reader's to weigh.
#![expect(
    clippy::print_stdout,
    reason = "a measurement talks to the person who started it"
)]

mod child;
mod company;
mod group;
mod load;
mod machine;
mod receiver;
mod reference;
mod report;
mod rows;
mod template;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Speed, as ratios to what the same machine does with less between.
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    /// Which rows; all of them unless named: accept, backfill, end_to_end, latency, outage, restart, memory, overload.
    rows: Vec<String>,
    /// A smoke test of one to two minutes; its figures are no measurement.
    #[arg(long)]
    quick: bool,
    /// Adds the cost per event at one million stored events: half an hour.
    #[arg(long)]
    long: bool,
    /// How often rows that are compared with a reference are repeated; the median counts.
    #[arg(long)]
    rounds: Option<usize>,
    /// Writes every figure as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The server's binary, where it is not to be built.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    #[command(subcommand)]
    child: Option<Reference>,
}

/// What the bench starts of itself.
#[derive(Subcommand)]
enum Reference {
    /// Verifies and parses.
    #[command(hide = true, name = "reference-bare")]
    Bare,
    /// Accepts, commits, delivers.
    #[command(hide = true, name = "reference-plain")]
    Plain { to: String, folder: PathBuf },
    /// Commits the server's rows.
    #[command(hide = true, name = "reference-prototype")]
    Prototype { folder: PathBuf },
}

/// How much is measured.
pub(crate) struct Plan {
    pub(crate) quick: bool,
    pub(crate) long: bool,
    pub(crate) rounds: usize,
    pub(crate) binary: PathBuf,
    pub(crate) launcher: company::Launcher,
}

impl Plan {
    /// The full amount, or the one of the smoke test.
    pub(crate) fn amount<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match &cli.child {
            Some(Reference::Bare) => reference::bare().await,
            Some(Reference::Plain { to, folder }) => reference::plain(to, folder).await,
            Some(Reference::Prototype { folder }) => reference::prototype(folder).await,
            None => Box::pin(measure(&cli)).await,
        }
    })
}

async fn measure(cli: &Cli) -> Result<()> {
    let unknown = cli.rows.iter().find(|r| !rows::ALL.contains(&r.as_str()));
    ensure!(
        unknown.is_none(),
        "there is no row `{}`; there are {}",
        unknown.map(String::as_str).unwrap_or_default(),
        rows::ALL.join(", ")
    );
    let binary = match &cli.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => build()?,
    };
    let plan = Plan {
        quick: cli.quick,
        long: cli.long,
        rounds: cli.rounds.unwrap_or(if cli.quick { 1 } else { 3 }).max(1),
        launcher: company::Launcher::new(&binary)?,
        binary,
    };
    let mut report = report::Report::new(machine::sync_micros()?);
    let mut failed = Vec::new();
    for row in rows::ALL {
        if cli.rows.is_empty() || cli.rows.iter().any(|r| r == row) {
            report.title(row);
            // one row that cannot be taken does not cost the others
            if let Err(e) = rows::run(row, &plan, &mut report).await {
                println!("  could not be measured: {e:#}");
                failed.push(*row);
            }
        }
    }
    report.finish(machine::sync_micros()?, cli.json.as_deref())?;
    ensure!(
        failed.is_empty(),
        "rows that could not be measured: {}",
        failed.join(", ")
    );
    Ok(())
}

/// The server, from the same sources and with the same profile as this program.
fn build() -> Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let folder = exe.parent().unwrap_or(Path::new("."));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--package", "stagewire"])
        .status()?;
    ensure!(built.success(), "the server does not build");
    let binary = folder.join("stagewire");
    ensure!(
        folder.ends_with("release") && binary.is_file(),
        "measure with a release build: cargo xtask bench"
    );
    Ok(binary)
}
