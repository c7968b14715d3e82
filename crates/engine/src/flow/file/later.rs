//! Keys of a step that tells of many, or that waits: `line`, `after`, `while`.

use super::check::{Checker, Place};
use super::reader::{parsed, text};
use super::steps::{condition, report_all};
use super::when::LENGTH;
use crate::flow::expr::{Condition, Text};
use crate::flow::problem::Source;
use crate::time::Length;
use toml::de::DeTable;

/// `line`: rendered for each of many; the `with` has them as `lines`.
pub(super) fn line(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    each: bool,
    checker: &mut Checker<'_>,
    place: &mut Place,
) -> Option<Text> {
    let at = table.get("use").map_or(0, |action| action.span().start);
    if checker.bursts && !table.contains_key("line") {
        let hint = "else a message for many would tell of the first alone".to_owned();
        source.report(at, "with `burst` each step needs `line`", Some(hint));
    }
    let found = text(source, table, "line")?;
    if !each && !checker.together {
        let hint = "it is for `each`, `collect`, `burst` and schedules".to_owned();
        source.report(
            found.span.start,
            "there is one `line` only here",
            Some(hint),
        );
    }
    let line = match Text::parse(&found.value) {
        Ok(line) => {
            checker.reads(source, &found, line.reads(), place);
            Some(line)
        }
        Err(faults) => report_all(source, &found, &faults),
    };
    if let Some(step) = &mut place.step {
        step.lines = true;
        step.item = None;
    }
    line
}

/// `after`, and the `while` that is asked when its time has come.
pub(super) fn waits(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    checker: &mut Checker<'_>,
    place: &Place,
) -> (Option<Length>, Option<Condition>) {
    let after = parsed(source, table, "after", LENGTH, Length::parse);
    let only_while = condition(source, table, "while", checker, place);
    if let Some(value) = table.get("while").filter(|_| !table.contains_key("after")) {
        let hint = Some("write it as `if`".to_owned());
        source.report(value.span().start, "`while` is asked after `after`", hint);
    }
    (after, only_while)
}
