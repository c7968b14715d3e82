//! The steps of a flow's file: `[[step]]` by `[[step]]`, in order.

use super::check::{AtStep, Checker, FIND, Finds, Place};
use super::filter::find;
use super::later::{line, waits};
use super::reader::{At, in_order, needed, only, plain, text, texts, word, wrong_type};
use super::{MOST_STEPS, Step};
use crate::flow::catalog::ActionInfo;
use crate::flow::expr::{Condition, Expr, Fault, Text};
use crate::flow::problem::Source;
use crate::flow::with::With;
use serde_json::Value;
use stagewire_model::Effect;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) fn steps(
    source: &mut Source<'_>,
    document: &DeTable<'_>,
    checker: &mut Checker<'_>,
) -> Vec<Step> {
    let Some(list) = document.get("step") else {
        source.report(0, "a flow needs at least one `[[step]]`", None);
        return Vec::new();
    };
    let Some(items) = list.get_ref().as_array() else {
        let hint = Some("write `[[step]]` in double brackets".to_owned());
        source.report(list.span().start, "steps are a list", hint);
        return Vec::new();
    };
    if items.len() > MOST_STEPS {
        source.report(list.span().start, "a flow may have at most 50 steps", None);
        return Vec::new();
    }
    checker.announce(items.iter().filter_map(|item| {
        let table = item.get_ref().as_table()?;
        let needs = table
            .get("needs")
            .and_then(|needs| needs.get_ref().as_array());
        let needs = needs.into_iter().flat_map(|needs| needs.iter());
        Some((
            table.get("id")?.get_ref().as_str()?.to_owned(),
            needs
                .filter_map(|need| need.get_ref().as_str().map(ToOwned::to_owned))
                .collect(),
        ))
    }));
    let mut steps = Vec::new();
    for item in items.iter() {
        match item.get_ref().as_table() {
            Some(table) => steps.extend(step(source, table, item.span().start, checker)),
            None => wrong_type(source, "step", "a table", item),
        }
    }
    for step in &mut steps {
        if let (Some(filter), Some(finds)) = (&mut step.find, checker.finds.get(&step.id)) {
            filter.fields = finds.fields.iter().cloned().collect();
        }
    }
    steps
}

const STEP_KEYS: &[&str] = &[
    "id",
    "use",
    "connection",
    "with",
    "needs",
    "if",
    "each",
    "on",
    "valid_for",
    "after",
    "while",
    "line",
];

fn step(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    at: usize,
    checker: &mut Checker<'_>,
) -> Option<Step> {
    only(source, table, "a step", STEP_KEYS);
    let id = needed(source, table, at, "a step", "id");
    if let Some(id) = &id {
        checker.step_id(source, id);
    }
    let action = needed(source, table, at, "a step", "use");
    let finds = action.as_ref().is_some_and(|action| action.value == FIND);
    let target = match finds {
        true => Some(Target::records()),
        false => target(source, table, at, action, checker),
    };
    let own = id.as_ref().map_or("", |id| id.value.as_str());
    let on_failed = word(source, table, "on", &[("failed", true)]).unwrap_or(false);
    let needs = texts(source, table, "needs");
    let needs = checker.needs(source, own, needs);
    if on_failed && needs.len() != 1 {
        let hint = Some("name the step that failed: `needs = [\"…\"]`".to_owned());
        let at = table.get("on").map_or(at, |on| on.span().start);
        source.report(at, "a step with `on` needs exactly one step", hint);
    }
    let mut place = Place {
        step: Some(AtStep {
            needs: checker.all_needs(&needs),
            failed: on_failed.then(|| needs.first().cloned()).flatten(),
            item: None,
            lines: false,
            ai: target.as_ref().is_some_and(|target| target.info.ai),
        }),
    };
    let each = each(source, table, checker, &mut place);
    let line = match finds {
        true => None,
        false => line(source, table, each.is_some(), checker, &mut place),
    };
    let condition = condition(source, table, "if", checker, &place);
    let (after, only_while) = waits(source, table, checker, &place);
    let valid_for = valid_for(source, table);
    let with = match table.get("with") {
        _ if finds => With::empty(),
        Some(value) if value.get_ref().is_table() => {
            with(source, value, "with", checker, &place).unwrap_or_else(With::empty)
        }
        Some(value) => {
            wrong_type(source, "with", "a table", value);
            With::empty()
        }
        None => With::empty(),
    };
    let given = table.get("with").and_then(|with| with.get_ref().as_table());
    let find = match (&target, finds) {
        (_, true) => {
            misplaced(source, table);
            let filter = find(source, given, at, checker);
            let finds = filter
                .as_ref()
                .map(|filter| (own.to_owned(), Finds::of(filter)));
            checker.finds.extend(finds);
            filter
        }
        (Some(target), false) => {
            checker.with_keys(source, &target.info, &target.action, given, at);
            None
        }
        (None, false) => None,
    };
    checker.done(own, each.is_some() && line.is_none());
    let Target {
        info,
        action,
        connection,
    } = target?;
    Some(Step {
        id: id?.value,
        action: action.value,
        connection,
        effect: info.effect,
        hold_always: info.hold_always,
        reads: info.reads,
        with,
        needs,
        condition,
        each,
        on_failed,
        valid_for,
        after,
        only_while,
        line,
        find,
    })
}

/// What a step does, and where.
struct Target {
    info: ActionInfo,
    action: At<String>,
    connection: String,
}

impl Target {
    /// Our own records, which are no effect and belong to no connection.
    fn records() -> Self {
        Self {
            info: ActionInfo {
                effect: Effect::Feed,
                hold_always: false,
                reads: true,
                ai: false,
                required: Vec::new(),
                optional: Vec::new(),
            },
            action: At {
                value: FIND.to_owned(),
                span: 0..0,
            },
            connection: "local".to_owned(),
        }
    }
}

fn target(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    at: usize,
    action: Option<At<String>>,
    checker: &Checker<'_>,
) -> Option<Target> {
    let info = action
        .as_ref()
        .and_then(|action| checker.action(source, action));
    let connection = needed(source, table, at, "a step", "connection");
    if let Some(connection) = &connection
        && let Some(connector) = checker.connection(source, connection)
        && let Some(action) = action.as_ref().filter(|_| info.is_some())
        && action.value.split('.').next() != Some(connector.as_str())
    {
        let message = format!(
            "`{}` is a connection to {connector}, which has no `{}`",
            connection.value, action.value
        );
        source.report(connection.span.start, message, None);
    }
    Some(Target {
        info: info?,
        action: action?,
        connection: connection?.value,
    })
}

/// Keys that a step which only finds records cannot have.
fn misplaced(source: &mut Source<'_>, table: &DeTable<'_>) {
    for key in ["connection", "each", "line", "valid_for"] {
        if let Some(value) = table.get(key) {
            let message = format!("`{FIND}` has no use for `{key}`");
            source.report(value.span().start, message, None);
        }
    }
}

fn each(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    checker: &mut Checker<'_>,
    place: &mut Place,
) -> Option<Expr> {
    let found = text(source, table, "each")?;
    match Expr::parse(&found.value) {
        Ok(expr) => {
            checker.reads(source, &found, expr.reads(), place);
            checker.each(source, &found, &expr, place);
            Some(expr)
        }
        Err(faults) => report_all(source, &found, &faults),
    }
}

fn with(
    source: &mut Source<'_>,
    value: &Spanned<DeValue<'_>>,
    key: &str,
    checker: &mut Checker<'_>,
    place: &Place,
) -> Option<With> {
    match value.get_ref() {
        DeValue::String(text) => {
            let found = At {
                value: text.to_string(),
                span: value.span(),
            };
            match Text::parse(&found.value) {
                Ok(text) if text.is_plain() => Some(With::Fixed(Value::String(found.value))),
                Ok(text) => {
                    checker.reads(source, &found, text.reads(), place);
                    Some(With::Text(text))
                }
                Err(faults) => report_all(source, &found, &faults),
            }
        }
        DeValue::Array(items) => {
            let mut list = Vec::new();
            for item in items.iter() {
                list.extend(with(source, item, key, checker, place));
            }
            Some(With::List(list))
        }
        DeValue::Table(fields) => {
            let mut table = Vec::new();
            for (name, field) in in_order(fields) {
                let name: &str = name.get_ref();
                if let Some(field) = with(source, field, name, checker, place) {
                    table.push((name.to_owned(), field));
                }
            }
            Some(With::Table(table))
        }
        other => {
            let value_of = plain(other);
            if value_of.is_none() {
                wrong_type(source, key, "a value that JSON can hold", value);
            }
            value_of.map(With::Fixed)
        }
    }
}

fn valid_for(source: &mut Source<'_>, table: &DeTable<'_>) -> Option<Duration> {
    let found = text(source, table, "valid_for")?;
    let duration = duration(&found.value);
    if duration.is_none() {
        let hint = Some("write it like \"30m\", \"4h\" or \"2 days\"".to_owned());
        source.report(found.span.start, "`valid_for` is a length of time", hint);
    }
    duration
}

/// `30m`, `4h`, `2 days`: a whole number and a unit, up to a year.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds = match text.get(digits.len()..)?.trim() {
        "s" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    let total = digits.parse::<u64>().ok()?.checked_mul(seconds)?;
    (1..=366 * 86_400)
        .contains(&total)
        .then(|| Duration::from_secs(total))
}

/// An expression that gives a value.
pub(super) fn expr(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    key: &str,
    checker: &mut Checker<'_>,
    place: &Place,
) -> Option<Expr> {
    let found = text(source, table, key)?;
    expr_of(source, &found, checker, place)
}

pub(super) fn expr_of(
    source: &mut Source<'_>,
    found: &At<String>,
    checker: &mut Checker<'_>,
    place: &Place,
) -> Option<Expr> {
    match Expr::parse(&found.value) {
        Ok(expr) => {
            checker.reads(source, found, expr.reads(), place);
            Some(expr)
        }
        Err(faults) => report_all(source, found, &faults),
    }
}

pub(super) fn condition(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    key: &str,
    checker: &mut Checker<'_>,
    place: &Place,
) -> Option<Condition> {
    let found = text(source, table, key)?;
    if found.value.contains("{{") {
        let hint = Some("leave the braces out".to_owned());
        source.report(
            found.span.start,
            format!("`{key}` is an expression already"),
            hint,
        );
        return None;
    }
    match Condition::parse(&found.value) {
        Ok(condition) => {
            checker.reads(source, &found, condition.reads(), place);
            Some(condition)
        }
        Err(faults) => report_all(source, &found, &faults),
    }
}

pub(super) fn report_all<T>(
    source: &mut Source<'_>,
    found: &At<String>,
    faults: &[Fault],
) -> Option<T> {
    for fault in faults {
        source.report_fault(&found.span, &found.value, fault);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("30m"), Some(Duration::from_secs(1_800)));
        assert_eq!(duration(" 2 days "), Some(Duration::from_secs(172_800)));
        for wrong in ["", "4", "h", "-4h", "1.5h", "4 weeks", "0m", "9999 days"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
