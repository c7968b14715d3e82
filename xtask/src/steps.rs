//! What continuous integration runs, fastest first, each step with its time.
//! A missing tool is named together with what is done instead; nothing is skipped in silence.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::shell::{Program, locked};
use crate::{codegen, third_party, tidy};

/// Ended well, ended badly, or could not be done here and said why.
#[derive(Clone, PartialEq)]
pub(crate) enum Outcome {
    Well,
    Badly,
    NotHere(String),
}

type Step = (&'static str, fn(&Path) -> Result<Outcome>);

const FAST: &[Step] = &[
    ("format", format),
    ("tidy", |root| tidy::run(root).map(judged)),
    ("clippy", clippy),
];

const FULL: &[Step] = &[
    ("dependencies", dependencies),
    ("third-party reader", third_party::reader),
    ("tests", |root| tests(root, "ci")),
    ("doc tests", doc_tests),
    ("docs build", docs),
    ("generated files", |root| {
        codegen::run(root, true).map(judged)
    }),
];

/// The tests of the modules called `slow` too, in place of the usual tests.
const SLOW: &[Step] = &[
    ("dependencies", dependencies),
    ("third-party reader", third_party::reader),
    ("tests, slow ones too", |root| tests(root, "all")),
    ("doc tests", doc_tests),
    ("docs build", docs),
    ("generated files", |root| {
        codegen::run(root, true).map(judged)
    }),
];

pub(crate) fn check(root: &Path) -> Result<bool> {
    let report = run(root, FAST, true)?;
    print(&report);
    Ok(passed(&report))
}

pub(crate) fn test(root: &Path, all: bool, keep_going: bool) -> Result<bool> {
    let steps = [FAST, if all { SLOW } else { FULL }].concat();
    let report = run(root, &steps, keep_going || all)?;
    print(&report);
    if all {
        let page = root.join("docs/last-full-test.md");
        fs::write(&page, full_test_page(&report)).context("cannot write docs/last-full-test.md")?;
        println!("docs/last-full-test.md written.");
    }
    Ok(passed(&report))
}

type Line = (&'static str, Outcome, Duration);

fn run(root: &Path, steps: &[Step], keep_going: bool) -> Result<Vec<Line>> {
    let mut report = Vec::new();
    for (name, step) in steps {
        println!("\n== {name}");
        let began = now();
        let outcome = step(root)?;
        let took = now().duration_since(began).unwrap_or_default();
        if let Outcome::NotHere(why) = &outcome {
            println!("{why}");
        }
        let stop = outcome == Outcome::Badly && !keep_going;
        report.push((*name, outcome, took));
        if stop {
            break;
        }
    }
    let left = steps.len() - report.len();
    if left > 0 {
        println!("\n{left} later steps were not run (--keep-going runs them all the same).");
    }
    Ok(report)
}

fn print(report: &[Line]) {
    println!();
    for (name, outcome, took) in report {
        println!(
            "{:<24}{:>8.1} s  {}",
            name,
            took.as_secs_f64(),
            word(outcome)
        );
    }
    let verdict = if passed(report) {
        "All well."
    } else {
        "Not well."
    };
    println!("{verdict}");
}

fn passed(report: &[Line]) -> bool {
    report
        .iter()
        .all(|(_, outcome, _)| *outcome != Outcome::Badly)
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Well => "ok",
        Outcome::Badly => "FAILED",
        Outcome::NotHere(_) => "not done here",
    }
}

fn judged(well: bool) -> Outcome {
    if well { Outcome::Well } else { Outcome::Badly }
}

fn format(root: &Path) -> Result<Outcome> {
    let cargo = Program::cargo(root).args(["fmt", "--all", "--check"]);
    cargo.run().map(judged)
}

fn clippy(root: &Path) -> Result<Outcome> {
    let cargo = Program::cargo(root)
        .args(["clippy", "--workspace", "--all-targets"])
        .args(locked())
        .args(["--", "-D", "warnings"]);
    cargo.run().map(judged)
}

fn dependencies(root: &Path) -> Result<Outcome> {
    if !Program::cargo(root).args(["deny", "--version"]).answers() {
        return Ok(Outcome::NotHere(
            "cargo-deny is not installed, so licences and advisories were not looked at \
             (cargo install --locked cargo-deny). `tidy` has checked the crates we refuse."
                .to_owned(),
        ));
    }
    let cargo = Program::cargo(root).args(["deny", "check", "bans", "licenses", "sources"]);
    cargo.run().map(judged)
}

fn tests(root: &Path, profile: &str) -> Result<Outcome> {
    let python = third_party::python(root).unwrap_or_default();
    if Program::cargo(root)
        .args(["nextest", "--version"])
        .answers()
    {
        let cargo = Program::cargo(root)
            .args(["nextest", "run", "--workspace", "--profile", profile])
            .env(third_party::PYTHON, &python)
            .args(locked());
        return cargo.run().map(judged);
    }
    println!(
        "cargo-nextest is not installed (cargo install --locked cargo-nextest); \
         running the same tests with `cargo test`, which is slower."
    );
    let mut cargo = Program::cargo(root)
        .args([
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ])
        .args(locked())
        .env(third_party::PYTHON, &python);
    if profile != "all" {
        cargo = cargo.args(["--", "--skip", "slow::"]);
    }
    cargo.run().map(judged)
}

fn doc_tests(root: &Path) -> Result<Outcome> {
    let cargo = Program::cargo(root).args(["test", "--workspace", "--doc"]);
    cargo.args(locked()).run().map(judged)
}

fn docs(root: &Path) -> Result<Outcome> {
    let cargo = Program::cargo(root)
        .args(["doc", "--workspace", "--no-deps"])
        .args(locked())
        .env("RUSTDOCFLAGS", "-D warnings");
    cargo.run().map(judged)
}

fn full_test_page(report: &[Line]) -> String {
    let since = now().duration_since(SystemTime::UNIX_EPOCH);
    let day = date(since.unwrap_or_default().as_secs() / 86_400);
    let verdict = if passed(report) { "passed" } else { "failed" };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut page = format!(
        "# The last full test\n\n\
         `cargo xtask test --all` {verdict} on {day}, on {cores} cores.\n\n\
         | step | outcome | seconds |\n|---|---|---:|\n"
    );
    for (name, outcome, took) in report {
        let outcome = word(outcome);
        page.push_str(&format!(
            "| {name} | {outcome} | {:.1} |\n",
            took.as_secs_f64()
        ));
    }
    page
}

#[expect(
    clippy::disallowed_methods,
    reason = "a chore times itself; nothing replays it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// The calendar day of a count of days since 1970-01-01.
fn date(days: u64) -> String {
    let mut year = 1970;
    let mut left = days;
    loop {
        let long = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if long { 366 } else { 365 };
        if left < length {
            let february = if long { 29 } else { 28 };
            let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(months) {
                if left < length {
                    return format!("{year}-{month:02}-{:02}", left + 1);
                }
                left -= length;
            }
        }
        left = left.saturating_sub(length);
        year += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_across_leap_years() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(59), "1970-03-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_780), "2026-11-23");
    }

    #[test]
    fn the_page_of_the_full_test_names_each_step_and_a_failure() {
        let report = [
            ("format", Outcome::Well, Duration::from_millis(1500)),
            ("tests", Outcome::Badly, Duration::from_secs(60)),
        ];
        let page = full_test_page(&report);
        assert!(page.contains("failed on 20"), "{page}");
        assert!(page.contains("| format | ok | 1.5 |"), "{page}");
        assert!(page.contains("| tests | FAILED | 60.0 |"), "{page}");
    }

    #[test]
    fn a_step_that_cannot_be_done_here_is_no_failure() {
        let report = [(
            "dependencies",
            Outcome::NotHere("no tool".to_owned()),
            Duration::ZERO,
        )];
        assert!(passed(&report));
        assert_eq!(word(&report[0].1), "not done here");
    }
}
