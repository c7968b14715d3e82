//! What a command says when it is done, and what was wrong when it is not: as text or as JSON, on
//! standard output; problems in text go to standard error.

use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use stagewire_engine::flow;

use crate::config::CODE;

/// How a command answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Something to put right, and where.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) file: String,
    /// Counted from 1; 0 where the whole file is meant.
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Files have problems.
    Problems(Vec<Problem>),
    /// Everything else, told in one sentence with its causes.
    Because(anyhow::Error),
}

impl Problem {
    /// A problem of the configuration.
    pub(crate) fn of_config(problem: stagewire_connector::Problem) -> Self {
        Self {
            code: CODE.to_owned(),
            file: problem.file,
            line: problem.line,
            column: problem.column,
            message: problem.message,
            hint: problem.hint,
        }
    }

    /// A problem of a flow's file in this folder.
    pub(crate) fn of_flow(folder: &Path, problem: &flow::problem::Problem) -> Self {
        Self {
            code: "FLOW-001".to_owned(),
            file: folder.join(&problem.file).display().to_string(),
            line: usize::try_from(problem.line).unwrap_or(0),
            column: usize::try_from(problem.column).unwrap_or(0),
            message: problem.message.clone(),
            hint: problem.hint.clone(),
        }
    }

    /// A problem as the API tells it.
    pub(crate) fn of_answer(folder: &Path, told: &Value) -> Self {
        let text = |key: &str| told[key].as_str().map(str::to_owned);
        let number = |key: &str| told[key].as_u64().and_then(|n| usize::try_from(n).ok());
        let file = text("file").unwrap_or_default();
        Self {
            code: "FLOW-001".to_owned(),
            file: folder.join(file).display().to_string(),
            line: number("line").unwrap_or(0),
            column: number("column").unwrap_or(0),
            message: text("message").unwrap_or_default(),
            hint: text("hint"),
        }
    }

    fn text(&self) -> String {
        let place = match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}:{}", self.file, self.column),
        };
        let hint = self.hint.as_ref().map(|hint| format!(" ({hint})"));
        let Self { code, message, .. } = self;
        format!("{place}: {message}{} [{code}]", hint.unwrap_or_default())
    }
}

impl From<Vec<stagewire_connector::Problem>> for Stop {
    fn from(problems: Vec<stagewire_connector::Problem>) -> Self {
        Self::Problems(problems.into_iter().map(Problem::of_config).collect())
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Because(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Because(error.into())
    }
}

impl From<stagewire_store::Error> for Stop {
    fn from(error: stagewire_store::Error) -> Self {
        Self::Because(error.into())
    }
}

/// Says a line to whoever gave the command.
pub(crate) fn say(line: &str) {
    // Nobody may be listening any more; that is no reason to fail.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Answers with one value, or with its text.
pub(crate) fn answer(format: Format, value: &Value, text: impl FnOnce() -> String) {
    match format {
        Format::Text => say(text().trim_end()),
        Format::Json => say(&value.to_string()),
    }
}

/// Says why a command stopped.
pub(crate) fn stopped(format: Format, stop: &Stop) {
    let (value, text) = match stop {
        Stop::Problems(problems) => {
            let lines: Vec<String> = problems.iter().map(Problem::text).collect();
            (json!({ "problems": problems }), lines.join("\n"))
        }
        Stop::Because(error) => {
            let says = format!("{error:#}");
            (json!({ "error": says }), format!("stagewire: {says}"))
        }
    };
    match format {
        Format::Json => say(&value.to_string()),
        Format::Text => {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }
}
