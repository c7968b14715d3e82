//! How far a read is, for the person who waits: a line for each list that is over, and on a terminal a bar for each that is not. All of
//! it goes to standard error; what came of the read is said elsewhere.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};

use serde_json::Value;
use stagewire_model::Micros;
use stagewire_model::time::parse_instant;

use crate::told::Format;

const BAR: usize = 24;

/// What was shown so far of one connection's read.
pub(super) struct Progress {
    id: String,
    /// Bars are drawn over again.
    live: bool,
    lines: bool,
    /// Lines that the next drawing replaces.
    drawn: usize,
    over: BTreeSet<String>,
    /// Rows of all lists that are over.
    pub(super) rows: i64,
    /// The lists that were not read to their end, and why.
    pub(super) refused: Vec<String>,
}

impl Progress {
    pub(super) fn of(id: &str, format: Format) -> Progress {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let lines = format == Format::Text;
        Progress {
            id: id.to_owned(),
            live: lines && !dumb && std::io::stderr().is_terminal(),
            lines,
            drawn: 0,
            over: BTreeSet::new(),
            rows: 0,
            refused: Vec::new(),
        }
    }

    /// Shows where the round is.
    pub(super) fn show(&mut self, at: &Value, round: &Value, now: Micros) {
        let (over, bars) = self.take(at, round, now);
        if !self.lines {
            return;
        }
        self.clear();
        let mut text: String = over.iter().map(|line| format!("{line}\n")).collect();
        if self.live {
            bars.iter().for_each(|bar| text += &format!("{bar}\n"));
            self.drawn = bars.len();
        }
        self.write(&text);
    }

    /// Takes the bars away.
    pub(super) fn clear(&mut self) {
        let up = "\x1b[1A\x1b[2K".repeat(std::mem::take(&mut self.drawn));
        self.write(&up);
    }

    fn write(&self, text: &str) {
        // Nobody may be looking any more; that is no reason to stop.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// The lines of what is newly over, and the bars of what is not.
    fn take(&mut self, at: &Value, round: &Value, now: Micros) -> (Vec<String>, Vec<String>) {
        let (mut over, mut bars) = (Vec::new(), Vec::new());
        let asked = instant(&round["asked_at"]);
        let streams = at["streams"].as_array().into_iter().flatten();
        for stream in streams.filter(|s| instant(&s["began_at"]) >= asked) {
            let name = stream["stream"].as_str().unwrap_or_default();
            if stream["ended_at"].is_null() {
                bars.push(bar(name, stream, now));
            } else if self.over.insert(format!("{name} {}", stream["began_at"])) {
                over.extend(self.ended(name, stream));
            }
        }
        (over, bars)
    }

    /// A list that is over; nothing to say of one where nothing had changed.
    fn ended(&mut self, name: &str, stream: &Value) -> Option<String> {
        let rows = stream["rows"].as_i64().unwrap_or(0);
        if let Some(why) = stream["stopped"].as_str() {
            self.refused.push(format!("{name}: {why}"));
            return Some(format!("{}: {name}: not read: {why}", self.id));
        }
        self.rows += rows;
        let quiet = stream["phase"] == "changes" && rows == 0;
        (!quiet).then(|| format!("{}: {name}: {} row(s)", self.id, grouped(rows)))
    }
}

fn instant(at: &Value) -> Option<Micros> {
    parse_instant(at.as_str()?).map(|(at, _)| at)
}

/// One list under way: how much of how much where that is known, how fast, how long still.
fn bar(name: &str, stream: &Value, now: Micros) -> String {
    let rows = stream["rows"].as_i64().unwrap_or(0);
    let mut text = format!("{name:<32.32} ");
    match stream["expected"].as_i64().filter(|n| *n > 0) {
        Some(all) => {
            let share = usize::try_from(rows.clamp(0, all)).unwrap_or(0) * BAR;
            let full = share / usize::try_from(all).unwrap_or(1);
            text += &format!("[{}{}] ", "#".repeat(full), "-".repeat(BAR - full));
            text += &format!("{} of about {}", grouped(rows), grouped(all));
        }
        None => text += &format!("{} row(s)", grouped(rows)),
    }
    if let Some(rate) = stream["rate"].as_i64().filter(|rate| *rate > 0) {
        text += &format!(", {}/s", grouped(rate));
    }
    if let Some(end) = instant(&stream["forecast"]) {
        text += &format!(", {} left", length((end.0 - now.0) / 1_000_000));
    }
    text
}

fn length(seconds: i64) -> String {
    match seconds.max(1) {
        s if s < 90 => format!("{s} s"),
        s if s < 90 * 60 => format!("{} min", (s + 30) / 60),
        s => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// `1234567` → `1,234,567`.
fn grouped(n: i64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at;
        if at > 0 && left.is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-11-26T10:00:00.000Z";

    fn now() -> Micros {
        instant(&json!(NOW)).expect("an instant")
    }

    #[test]
    fn a_bar_says_how_much_how_fast_and_how_long() {
        let known = json!({"rows": 5_000, "expected": 20_000, "rate": 500, "forecast": "2026-11-26T10:00:30.000Z"});
        assert_eq!(
            bar("candidates", &known, now()),
            "candidates                       [######------------------] 5,000 of about 20,000, 500/s, 30 s left"
        );
        let more = json!({"rows": 21_000, "expected": 20_000, "rate": null, "forecast": null});
        assert!(
            bar("x", &more, now()).ends_with("[########################] 21,000 of about 20,000")
        );
        let first = json!({"rows": 1_500, "expected": null, "rate": 700, "forecast": null});
        assert!(bar("x", &first, now()).ends_with(" 1,500 row(s), 700/s"));
    }

    #[test]
    fn each_list_of_this_round_is_told_once_and_quiet_ones_not_at_all() {
        let mut shown = Progress::of("gh", Format::Json);
        let round = json!({"asked_at": NOW});
        let stream = |name: &str, began: &str, rows: i64, ended: bool, stopped: Value| {
            json!({"stream": name, "phase": "changes", "rows": rows, "expected": null, "rate": null, "forecast": null,
                "began_at": began, "ended_at": ended.then_some(NOW), "stopped": stopped})
        };
        let at = json!({"streams": [
            stream("jobs", NOW, 2, true, Value::Null),
            stream("users", NOW, 0, true, Value::Null),
            stream("offers", NOW, 0, true, json!("Missing scope")),
            stream("notes", NOW, 7, false, Value::Null),
            stream("tags", "2026-11-26T09:00:00.000Z", 9, true, Value::Null),
        ]});
        let (over, bars) = shown.take(&at, &round, now());
        assert_eq!(
            over,
            ["gh: jobs: 2 row(s)", "gh: offers: not read: Missing scope"]
        );
        assert_eq!(bars.len(), 1);
        assert_eq!((shown.rows, shown.refused.len()), (2, 1));
        assert!(shown.take(&at, &round, now()).0.is_empty());
    }

    #[test]
    fn lengths_and_numbers_are_for_people() {
        assert_eq!(length(0), "1 s");
        assert_eq!(length(600), "10 min");
        assert_eq!(length(7_260), "2 h 1 min");
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (-1_234_567, "-1,234,567"),
        ] {
            assert_eq!(grouped(n), text);
        }
    }
}
