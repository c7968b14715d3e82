//! A problem found in a flow's file, with its place; and the file's text, which knows places.

use super::expr::Fault;
use std::fmt;
use std::ops::Range;

/// Most problems reported of one file; beyond that the list helps nobody.
const MOST_PROBLEMS: usize = 100;

/// Something wrong in a file: where, what, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    /// One plain sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            hint,
        } = self;
        write!(f, "{file}:{line}:{column}: {message}")?;
        match hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// A file's text, and the problems found in it so far.
#[derive(Debug)]
pub(super) struct Source<'s> {
    file: &'s str,
    text: &'s str,
    problems: Vec<Problem>,
}

impl<'s> Source<'s> {
    pub(super) fn new(file: &'s str, text: &'s str) -> Self {
        Self {
            file,
            text,
            problems: Vec::new(),
        }
    }

    /// Notes a problem at a byte of the text.
    pub(super) fn report(&mut self, at: usize, message: impl Into<String>, hint: Option<String>) {
        let (line, column) = self.place(at);
        self.push(line, column, message.into(), hint);
    }

    /// Notes a fault inside a string value; its place is exact wherever the string is written plainly.
    pub(super) fn report_fault(&mut self, value: &Range<usize>, decoded: &str, fault: &Fault) {
        let (line, column) = match self.content(value, decoded) {
            Some(start) => {
                let (line, column) = self.place(start);
                match fault.line {
                    1 => (line, column + fault.column - 1),
                    more => (line + more - 1, fault.column),
                }
            }
            None => self.place(value.start),
        };
        self.push(line, column, fault.message.clone(), fault.hint.clone());
    }

    /// All problems, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|p| (p.line, p.column));
        self.problems.dedup();
        self.problems
    }

    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn push(&mut self, line: u32, column: u32, message: String, hint: Option<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem {
                file: self.file.to_owned(),
                line,
                column,
                message,
                hint,
            });
        }
    }

    fn place(&self, at: usize) -> (u32, u32) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[start..].chars().count() + 1;
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (small(line), small(column))
    }

    /// Where the characters of a string begin, if they stand in the file as they are.
    fn content(&self, value: &Range<usize>, decoded: &str) -> Option<usize> {
        let raw = self.text.get(value.clone())?;
        let quotes = match () {
            () if raw.starts_with("\"\"\"") || raw.starts_with("'''") => 3,
            () => 1,
        };
        let inner = raw.get(quotes..raw.len().checked_sub(quotes)?)?;
        let skipped = match (quotes, inner) {
            (3, inner) if inner.starts_with("\r\n") => 2,
            (3, inner) if inner.starts_with('\n') => 1,
            _ => 0,
        };
        (inner.get(skipped..)? == decoded).then_some(value.start + quotes + skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: u32, column: u32) -> Fault {
        Fault {
            line,
            column,
            message: "no".into(),
            hint: None,
        }
    }

    fn place(text: &str, value: &str, decoded: &str, fault: Fault) -> (u32, u32) {
        let mut source = Source::new("f.toml", text);
        let start = text.find(value).expect("the value");
        source.report_fault(&(start..start + value.len()), decoded, &fault);
        let problems = source.finish();
        (problems[0].line, problems[0].column)
    }

    #[test]
    fn a_fault_in_a_string_has_its_place_in_the_file() {
        assert_eq!(
            place("a = 1\né = 'x | y'", "'x | y'", "x | y", fault(1, 5)),
            (2, 10)
        );
        let long = "a = \"\"\"\nfirst\nsecond\"\"\"";
        assert_eq!(
            place(long, &long[4..], "first\nsecond", fault(2, 3)),
            (3, 3)
        );
        let escaped = "a = \"x \\\" y\"";
        assert_eq!(place(escaped, &escaped[4..], "x \" y", fault(1, 4)), (1, 5));
    }

    #[test]
    fn problems_come_in_the_order_of_the_file_and_once() {
        let mut source = Source::new("f.toml", "a\nb\nc");
        source.report(4, "third", None);
        source.report(0, "first", None);
        source.report(0, "first", None);
        let all = source.finish();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].to_string(), "f.toml:1:1: first");
    }
}
