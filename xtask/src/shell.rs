//! Starts other programs from the root of the checkout and tells what it starts.
//! It never goes through a shell, so no argument is ever interpreted.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// A program about to be started in the root of the checkout.
pub(crate) struct Program {
    command: Command,
    shown: String,
}

impl Program {
    pub(crate) fn new(root: &Path, name: &str) -> Self {
        let mut command = Command::new(name);
        command.current_dir(root);
        Self {
            command,
            shown: name.to_owned(),
        }
    }

    /// The `cargo` that started us.
    pub(crate) fn cargo(root: &Path) -> Self {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut program = Self::new(root, &cargo);
        program.shown = "cargo".to_owned();
        program
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it with our own input and output; `false` when it did not end well.
    pub(crate) fn run(mut self) -> Result<bool> {
        println!("$ {}", self.shown);
        let status = self
            .command
            .status()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        Ok(status.success())
    }

    /// Runs it and keeps what it prints; `None` when it did not end well.
    pub(crate) fn output(mut self) -> Result<Option<Vec<u8>>> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        Ok(output.status.success().then_some(output.stdout))
    }

    /// Whether it can be started and ends well, without showing what it says.
    pub(crate) fn answers(mut self) -> bool {
        let quiet = self.command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }
}

/// Continuous integration may not change the lock file.
pub(crate) fn locked() -> &'static [&'static str] {
    match std::env::var_os("CI") {
        Some(_) => &["--locked"],
        None => &[],
    }
}
