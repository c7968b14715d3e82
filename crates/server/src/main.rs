//! The `stagewire` binary: reads the command line, hands it on, says what came of it.

mod certificate;
mod cli;
mod commands;
mod config;
mod disk;
mod door;
mod flows;
mod heartbeat;
mod key;
mod local;
mod look;
mod mark;
mod open;
mod peer;
mod serve;
mod setup;
mod shelf;
mod tls;
mod tokens;
mod told;
mod transport;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command, Connector, Token};
use crate::commands::{backup, check, connector, demo, doctor, inbox, sync, token};
use crate::setup::{Installation, environment};
use crate::told::Stop;

/// Rows and bodies are trees of many small pieces; the measured reason stands in ADR 0009.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Which lines are logged, in the words of `tracing`.
const LOG: &str = "STAGEWIRE_LOG";

fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    let cli = Cli::parse();
    log(&cli.command);
    let format = cli.format;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            told::stopped(format, &error.into());
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(Box::pin(run(cli))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            told::stopped(format, &stop);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Stop> {
    let (file, format) = (cli.config.as_deref(), cli.format);
    let read = || Installation::read(file, &environment);
    match &cli.command {
        Command::Serve => serve::serve(file).await,
        Command::Demo(asked) => Box::pin(demo::demo(asked, format)).await,
        Command::Check(asked) => check::check(file, asked, format).await,
        Command::Plan => commands::flows::plan(&read()?, format).await,
        Command::Apply(asked) => commands::flows::apply(&read()?, asked, format).await,
        Command::Export(asked) => commands::flows::export(&read()?, asked, format).await,
        Command::Try(asked) => commands::flows::try_flow(&read()?, asked, format).await,
        Command::Sync(asked) => sync::sync(&read()?, asked, format).await,
        Command::Replay(asked) => inbox::replay(&read()?, asked, format).await,
        Command::Backup { file } => backup::backup(&read()?, file, format).await,
        Command::Restore { file } => backup::restore(&read()?, file, format),
        Command::Doctor => doctor::doctor(file, format).await,
        Command::VerifyLog => inbox::verify_log(&read()?, format).await,
        Command::Connector(Connector::Check { folder }) => connector::check(folder, format),
        Command::Connector(Connector::New { name, within }) => {
            connector::new(&read()?, name, within.as_deref(), format)
        }
        Command::Token(Token::New { name, role, scope }) => {
            token::new(&read()?, name, role, scope.as_deref(), format).await
        }
        Command::OpenapiDump => {
            let document = stagewire_api::openapi(env!("CARGO_PKG_VERSION"));
            told::say(&format!("{document:#}"));
            Ok(())
        }
    }
}

/// To standard error: a server says what it does, a command only what went wrong.
fn log(command: &Command) {
    let usual = match command {
        Command::Serve | Command::Demo(_) => "info",
        _ => "warn",
    };
    let wanted = std::env::var(LOG).unwrap_or_default();
    let filter = match wanted.is_empty() {
        true => EnvFilter::new(usual),
        false => EnvFilter::builder().parse_lossy(wanted),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
