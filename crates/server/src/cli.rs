//! The command line: its words and flags. What each word does stands in a module of its own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::told::Format;

/// Live wire between an applicant tracking system and every other tool a hiring team uses.
#[derive(Debug, Parser)]
#[command(name = "stagewire", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 found problems, 2 wrong usage.")]
pub(crate) struct Cli {
    /// The configuration; without the flag ./stagewire.toml, if it is there.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How to answer.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve,
    /// Run the server with a made-up company on fake vendors, all on this machine.
    Demo(Demo),
    /// Say what is wrong with configuration, connectors and flows; reads files only.
    Check(Check),
    /// Say what applying the flow files would change.
    Plan,
    /// Apply the flow files, all or none.
    Apply(Apply),
    /// Write the flows that run as files.
    Export(Export),
    /// Run a flow over recorded events with nothing sent, and show what it would have sent.
    Try(Try),
    /// Read what is new from one connection, or from all.
    Sync(Sync),
    /// Try failures again: one by its id, or all open ones that fit.
    Replay(Replay),
    /// Copy the database to a new file; the master key is not in it.
    Backup {
        /// The file to write.
        file: PathBuf,
    },
    /// Put a backup in the place of the database; no server may run.
    Restore {
        /// The file that `backup` wrote.
        file: PathBuf,
    },
    /// Look whether everything that a server needs is there.
    Doctor,
    /// Check the chain of the audit log.
    VerifyLog,
    /// Chores around connector folders.
    #[command(subcommand)]
    Connector(Connector),
    /// API tokens.
    #[command(subcommand)]
    Token(Token),
    /// Write the OpenAPI document.
    #[command(hide = true)]
    OpenapiDump,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the data here instead of throwing it away.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Where the server answers; another port is taken if this one is.
    #[arg(long, default_value = "127.0.0.1:8787", value_name = "IP:PORT")]
    pub(crate) listen: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Also call each connection's vendor.
    #[arg(long)]
    pub(crate) connections: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// Who wins where a flow changed both in its file and on the server.
    #[arg(long, value_enum)]
    pub(crate) take: Option<Side>,
    /// Set changed flows to their file's rung without evidence; the reason stays on the flow.
    #[arg(long, value_name = "REASON")]
    pub(crate) override_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    File,
    Server,
}

impl Side {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Server => "server",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The folder to write to; the configured folder of flows unless told otherwise.
    pub(crate) folder: Option<PathBuf>,
    /// Replace files that say something else.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Try {
    /// The flow's id.
    pub(crate) flow: String,
    /// Try this file instead of the version that runs.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// On these events.
    #[arg(long = "event", value_name = "ID")]
    pub(crate) events: Vec<String>,
    /// On the newest that many.
    #[arg(long, default_value_t = 20, conflicts_with = "events")]
    pub(crate) last: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// The connection's id.
    pub(crate) connection: Option<String>,
    /// Read every list from its first page to its last.
    #[arg(long)]
    pub(crate) full: bool,
    /// Believe that what the lists do not show any more is gone, however much it is (after SCAN-002).
    #[arg(long, requires = "full")]
    pub(crate) accept_missing: bool,
    /// Only begin it; the running server goes on with it.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// This entry of the inbox.
    #[arg(long, value_name = "ID", required_unless_present_any = ["code", "connection", "flow", "all"])]
    pub(crate) failure: Option<i64>,
    /// Every open entry.
    #[arg(long, conflicts_with = "failure")]
    pub(crate) all: bool,
    /// Every open entry with this code.
    #[arg(long, value_name = "CODE", conflicts_with = "failure")]
    pub(crate) code: Option<String>,
    /// Every open entry of this connection.
    #[arg(long, value_name = "ID", conflicts_with = "failure")]
    pub(crate) connection: Option<String>,
    /// Every open entry of this flow.
    #[arg(long, value_name = "ID", conflicts_with = "failure")]
    pub(crate) flow: Option<String>,
    /// Only say what would happen to them.
    #[arg(long, conflicts_with = "failure")]
    pub(crate) plan: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Connector {
    /// Check a connector's folder with its fixtures.
    Check {
        /// The folder.
        folder: PathBuf,
    },
    /// Write the folder of a new connector.
    New {
        /// The connector's name.
        name: String,
        /// Where its folder goes; the configured folder of connectors unless told otherwise.
        #[arg(long, value_name = "FOLDER")]
        within: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make an API token; it is shown once.
    New {
        /// What it is for.
        name: String,
        /// What it may do: viewer, reviewer, operator, admin or owner.
        #[arg(long, default_value = "viewer")]
        role: String,
        /// What else: records:restricted (records show pay and other restricted fields) or records:open (only what is open).
        #[arg(long)]
        scope: Option<String>,
    },
}
