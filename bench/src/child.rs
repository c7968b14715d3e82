//! A reference as a child of the bench: started from its own binary, gone when dropped.

use crate::machine::Threads;
use anyhow::{Context, Result, bail};
use stagewire_testkit::process::Folder;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child as Process, Command};

/// One that runs.
pub(crate) struct Child {
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
    process: Process,
    _folder: Folder,
}

impl Child {
    pub(crate) async fn bare() -> Result<Child> {
        start(&["reference-bare"], false).await
    }

    /// Delivers to this address.
    pub(crate) async fn plain(to: &str) -> Result<Child> {
        start(&["reference-plain", to], true).await
    }

    pub(crate) async fn prototype() -> Result<Child> {
        start(&["reference-prototype"], true).await
    }

    /// What it has used of the processor so far.
    pub(crate) fn threads(&self) -> Threads {
        self.process.id().map(Threads::of).unwrap_or_default()
    }

    /// Ends it and waits for the end, so that it disturbs nothing that comes.
    pub(crate) async fn stop(mut self) {
        let _ = self.process.kill().await;
    }
}

async fn start(args: &[&str], keeps: bool) -> Result<Child> {
    let folder = Folder::new("bench-reference");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args);
    if keeps {
        command.arg(&folder.0);
    }
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let out = process.stdout.take().context("its output is piped")?;
    let mut lines = BufReader::new(out).lines();
    let Some(line) = lines.next_line().await? else {
        bail!("the reference {} did not start", args[0]);
    };
    let url = line.rsplit(' ').next().unwrap_or_default().to_owned();
    Ok(Child {
        url,
        process,
        _folder: folder,
    })
}
