//! The figures as they come and as a table at the end: each beside its reference of the same run and the bar. Also as JSON.

use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;

/// The first bar of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
    /// Nothing was promised.
    None,
}

impl Bar {
    fn met(self, value: f64) -> Option<bool> {
        match self {
            Bar::AtLeast(bar) => Some(value >= bar),
            Bar::AtMost(bar) => Some(value <= bar),
            Bar::None => None,
        }
    }

    fn text(self) -> String {
        match self {
            Bar::AtLeast(bar) => format!("≥ {}", short(bar)),
            Bar::AtMost(bar) => format!("≤ {}", short(bar)),
            Bar::None => "–".into(),
        }
    }
}

struct Line {
    row: String,
    what: String,
    value: f64,
    unit: &'static str,
    /// The reference's name and figure, and the ratio: a median of ratios where there were rounds.
    against: Option<(&'static str, f64, f64)>,
    bar: Bar,
}

impl Line {
    /// Bars judge the ratio where there is one.
    fn met(&self) -> Option<bool> {
        self.bar.met(self.against.map_or(self.value, |a| a.2))
    }

    fn verdict(&self) -> &'static str {
        match self.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        }
    }

    fn reference(&self) -> (String, String) {
        match self.against {
            Some((name, figure, ratio)) => (format!("{name} {}", short(figure)), short(ratio)),
            None => ("–".into(), "–".into()),
        }
    }
}

/// All figures of a run.
pub(crate) struct Report {
    row: String,
    sync: f64,
    lines: Vec<Line>,
    notes: Vec<Value>,
}

impl Report {
    pub(crate) fn new(sync: f64) -> Report {
        println!("one 4 KB append and sync takes {} µs (median)", short(sync));
        Report {
            row: String::new(),
            sync,
            lines: vec![],
            notes: vec![],
        }
    }

    pub(crate) fn title(&mut self, row: &str) {
        println!("\n{row}");
        row.clone_into(&mut self.row);
    }

    /// A figure of its own.
    pub(crate) fn figure(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        bar: Bar,
    ) {
        self.add(what.into(), value, unit, None, bar);
    }

    /// A figure with a reference and their ratio.
    pub(crate) fn ratio(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        against: (&'static str, f64, f64),
        bar: Bar,
    ) {
        self.add(what.into(), value, unit, Some(against), bar);
    }

    fn add(
        &mut self,
        what: String,
        value: f64,
        unit: &'static str,
        against: Option<(&'static str, f64, f64)>,
        bar: Bar,
    ) {
        let row = self.row.clone();
        let line = Line {
            row,
            what,
            value,
            unit,
            against,
            bar,
        };
        let (reference, ratio) = line.reference();
        let beside = match line.against {
            Some(_) => format!("  = {ratio} × {reference}"),
            None => String::new(),
        };
        let bar = match line.bar {
            Bar::None => String::new(),
            bar => format!("  (bar {}: {})", bar.text(), line.verdict()),
        };
        println!("  {}: {} {unit}{beside}{bar}", line.what, short(value));
        self.lines.push(line);
    }

    /// Something to know beside the figures.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        println!("  {text}");
        self.notes.push(json!({"row": self.row, "note": text}));
    }

    /// The table, and the JSON where it was asked for.
    pub(crate) fn finish(&self, sync_after: f64, file: Option<&Path>) -> Result<()> {
        println!("\n| Row | What | Seen | Reference | Ratio | First bar | |");
        println!("|---|---|---|---|---|---|---|");
        for l in &self.lines {
            let (reference, ratio) = l.reference();
            println!(
                "| {} | {} | {} {} | {reference} | {ratio} | {} | {} |",
                l.row,
                l.what,
                short(l.value),
                l.unit,
                l.bar.text(),
                l.verdict()
            );
        }
        println!(
            "\nsync: {} µs before, {} µs after",
            short(self.sync),
            short(sync_after)
        );
        let Some(file) = file else { return Ok(()) };
        let lines: Vec<Value> = self.lines.iter().map(|l| {
            let against = l.against.map(|(name, figure, ratio)| json!({"name": name, "value": figure, "ratio": ratio}));
            json!({"row": l.row, "what": l.what, "value": l.value, "unit": l.unit, "reference": against, "bar": l.bar.text(), "met": l.met()})
        }).collect();
        let all = json!({
            "sync_us_before": self.sync,
            "sync_us_after": sync_after,
            "figures": lines,
            "notes": self.notes,
        });
        std::fs::write(file, serde_json::to_vec_pretty(&all)?)?;
        Ok(())
    }
}

/// Three digits are all that such a figure carries.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
