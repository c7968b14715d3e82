//! `[when]`: an event, a date, or a schedule; with what is waited for and told together. One of the three, and what fits it.

use super::check::{Checker, Place};
use super::filter::records;
use super::reader::{At, needed, only, parsed, table, text, whole, word};
use super::steps::{condition, expr};
use super::{Collect, When};
use crate::flow::nearest::nearest;
use crate::flow::path::Path;
use crate::flow::problem::Source;
use crate::flow::scope;
use crate::time::fact::{Fact, MORNING, Shift};
use crate::time::{Length, Schedule, items, length, schedule};
use stagewire_model::Entity;
use stagewire_model::fields::{self, Kind};
use toml::de::DeTable;

const KEYS: &[&str] = &[
    "event",
    "connection",
    "only_if",
    "late",
    "origin",
    "after",
    "before",
    "at",
    "schedule",
    "records",
    "collect",
    "burst",
    "settle",
];
/// A flood is more than one.
const BURST: std::ops::RangeInclusive<i64> = 2..=1_000;

pub(super) const LENGTH: (&str, &str) = ("a length of time", length::HOW);
const SCHEDULE: (&str, &str) = ("days and times of day", schedule::HOW);

pub(super) fn when(
    source: &mut Source<'_>,
    document: &DeTable<'_>,
    checker: &mut Checker<'_>,
) -> Option<When> {
    let Some(section) = table(source, document, "when") else {
        if !document.contains_key("when") {
            source.report(0, "a flow needs `[when]`", None);
        }
        return None;
    };
    let (when, at) = (section.value, section.span.start);
    only(source, when, "`[when]`", KEYS);
    let connection = text(source, when, "connection");
    if let Some(connection) = &connection {
        checker.connection(source, connection);
        checker.from = Some(connection.value.clone());
    }
    let trigger = match first_of(source, when) {
        "at" => date(source, when, checker),
        "schedule" => over(source, when, at, checker),
        _ => event(source, when, at, checker),
    };
    if when.contains_key("schedule") && connection.is_none() {
        let hint = "say whose records it goes over: `connection = \"…\"`";
        source.report(at, "a schedule needs `connection`", Some(hint.to_owned()));
    }
    let only_if = condition(source, when, "only_if", checker, &Place::default());
    let late = word(source, when, "late", &[("run", true), ("skip", false)]);
    let origin = word(source, when, "origin", &[("any", true), ("vendor", false)]);
    let collect = collect(source, when, checker);
    let burst = whole(source, when, "burst", BURST);
    let settle = parsed(source, when, "settle", LENGTH, Length::parse);
    checker.together = collect.is_some() || burst.is_some() || when.contains_key("schedule");
    checker.bursts = burst.is_some();
    fits(source, when);
    let (event, fact, mut schedule) = trigger?;
    let mut only_if = only_if;
    if let Some((_, filter)) = &mut schedule {
        filter.only_if = only_if.take();
    }
    Some(When {
        event,
        connection: connection.map(|connection| connection.value),
        only_if,
        late: late.unwrap_or(false),
        own_echoes: origin.unwrap_or(false),
        fact,
        schedule,
        collect,
        burst,
        settle,
    })
}

type Trigger = (
    String,
    Option<Fact>,
    Option<(Schedule, crate::time::filter::Filter)>,
);

/// Which of the three it is; a second one is a problem.
fn first_of(source: &mut Source<'_>, when: &DeTable<'_>) -> &'static str {
    let mut there = ["event", "at", "schedule"]
        .into_iter()
        .filter(|key| when.contains_key(*key));
    let first = there.next().unwrap_or("event");
    for more in there {
        let at = when.get(more).map_or(0, |value| value.span().start);
        let message = format!("`[when]` has `{first}` already; it cannot have `{more}` too");
        source.report(at, message, Some("make it a flow of its own".to_owned()));
    }
    first
}

/// Keys that mean nothing beside others.
fn fits(source: &mut Source<'_>, when: &DeTable<'_>) {
    let named = |key: &str| when.get(key).and_then(|value| value.get_ref().as_str());
    let event = named("event");
    let of_time = event.is_some_and(scope::is_of_time) || when.contains_key("at");
    let scheduled = when.contains_key("schedule");
    let shifts = match event {
        Some("application.stalled" | "scorecard.overdue") => (true, false),
        Some("interview.starting_soon") => (false, true),
        _ => (when.contains_key("at"), when.contains_key("at")),
    };
    let both = when.contains_key("collect");
    let wrong: &[(&str, bool, &str)] = &[
        (
            "after",
            !shifts.0,
            "it is for `application.stalled`, `scorecard.overdue` and `at`; a step waits with its own `after`",
        ),
        (
            "before",
            !shifts.1,
            "it is for `interview.starting_soon` and `at`",
        ),
        (
            "before",
            shifts.0 && when.contains_key("after"),
            "there is `after` already",
        ),
        ("records", !scheduled, "it is for `schedule`"),
        (
            "settle",
            of_time || scheduled,
            "nothing that time brings about is taken back",
        ),
        ("burst", scheduled, "a schedule tells all it finds together"),
        ("burst", both, "there is `collect` already"),
        (
            "late",
            of_time || scheduled,
            "what time brings about is never late",
        ),
        (
            "origin",
            of_time || scheduled,
            "what time brings about is no echo",
        ),
    ];
    for (key, is_wrong, why) in wrong {
        if let Some(value) = when.get(*key).filter(|_| *is_wrong) {
            let message = format!("`{key}` does not belong here: {why}");
            source.report(value.span().start, message, None);
        }
    }
}

fn event(
    source: &mut Source<'_>,
    when: &DeTable<'_>,
    at: usize,
    checker: &mut Checker<'_>,
) -> Option<Trigger> {
    let event = needed(source, when, at, "`[when]`", "event")?;
    match scope::roots(&event.value) {
        Some(roots) => checker.bind(&event.value, roots),
        None => {
            unknown_event(source, &event);
            return None;
        }
    }
    let about = event.value.split('.').next().unwrap_or_default();
    checker.held(source, event.span.start, about);
    let mut length = |key: &str, needed: bool| {
        if needed && !when.contains_key(key) {
            let message = format!("`{}` needs `{key}`", event.value);
            source.report(event.span.start, message, Some(length::HOW.to_owned()));
        }
        parsed(source, when, key, LENGTH, Length::parse)
    };
    let fact = match event.value.as_str() {
        "application.stalled" => Some(Fact::Stalled(length("after", true)?)),
        "scorecard.overdue" => Some(Fact::Overdue(length("after", false))),
        "interview.starting_soon" => Some(Fact::StartingSoon(length("before", true)?)),
        _ => None,
    };
    Some((event.value, fact, None))
}

/// `at = "offer.start_date"`, `at = "offer.start_date 08:30"`: a date of the model.
fn date(source: &mut Source<'_>, when: &DeTable<'_>, checker: &mut Checker<'_>) -> Option<Trigger> {
    let found = text(source, when, "at")?;
    let (name, time) = match found.value.trim().split_once(' ') {
        Some((name, time)) => (name, Some(time)),
        None => (found.value.trim(), None),
    };
    let path = Path::parse(name).filter(|path| path.rest.len() == 1);
    let root = path.as_ref().map_or("", |path| path.root.as_str());
    let (Some(path), Some(roots), Some(entity)) =
        (&path, scope::roots_of(root), Entity::parse(root))
    else {
        let hint = "like `at = \"offer.start_date\"`, of an application, candidate, job, offer, interview or scorecard";
        let message = format!("`{name}` is no date of a record");
        source.report(found.span.start, message, Some(hint.to_owned()));
        return None;
    };
    let field = path.field().unwrap_or_default();
    let kind = fields::field(root, field).map(|field| field.kind);
    checker.bind(&format!("{root}.date_reached"), roots);
    checker.path(source, &found, path);
    if !matches!(kind, Some(Kind::Date | Kind::Instant) | None) {
        let message = format!("`{name}` is no date");
        source.report(found.span.start, message, None);
        return None;
    }
    let at = match time.map(schedule::time_of_day) {
        None => MORNING,
        Some(Some(time)) => time,
        Some(None) => {
            let hint = "write the time of day as `09:00`";
            let message = "behind the date stands a time of day";
            source.report(found.span.start, message, Some(hint.to_owned()));
            return None;
        }
    };
    let mut length = |key: &str| parsed(source, when, key, LENGTH, Length::parse);
    let shift = match (length("before"), length("after")) {
        (Some(length), _) => Shift::Before(length),
        (None, Some(length)) => Shift::After(length),
        (None, None) => Shift::At,
    };
    let fact = Fact::Date {
        entity,
        field: field.to_owned(),
        at,
        shift,
    };
    Some((fact.event(), Some(fact), None))
}

/// `schedule = "Mon-Fri 09:00"` over `records`.
fn over(
    source: &mut Source<'_>,
    when: &DeTable<'_>,
    at: usize,
    checker: &mut Checker<'_>,
) -> Option<Trigger> {
    let schedule = parsed(source, when, "schedule", SCHEDULE, Schedule::parse);
    let filter = records(source, when, at, checker);
    Some((items::SCHEDULE.to_owned(), None, Some((schedule?, filter?))))
}

fn collect(
    source: &mut Source<'_>,
    when: &DeTable<'_>,
    checker: &mut Checker<'_>,
) -> Option<Collect> {
    let section = table(source, when, "collect")?;
    let (collect, at) = (section.value, section.span.start);
    only(source, collect, "`collect`", &["by", "at"]);
    let by = expr(source, collect, "by", checker, &Place::default());
    let scheduled = when.contains_key("schedule");
    match collect.get("at") {
        None if !scheduled => {
            let hint = Some("like `collect = { at = \"09:00\" }`".to_owned());
            source.report(at, "`collect` needs `at`, when to tell", hint);
        }
        Some(value) if scheduled => {
            source.report(value.span().start, "the schedule says when already", None);
        }
        _ => {}
    }
    Some(Collect {
        by_open: by.as_ref().is_some_and(|by| checker.is_open(by)),
        by,
        at: parsed(source, collect, "at", SCHEDULE, Schedule::parse),
    })
}

fn unknown_event(source: &mut Source<'_>, event: &At<String>) {
    let name = &event.value;
    let hint = nearest(name, scope::event_types())
        .map(|near| format!("did you mean `{near}`?"))
        .or_else(|| {
            let prefix = format!("{}.", name.split('.').next()?);
            let alike: Vec<&str> = scope::event_types()
                .filter(|known| known.starts_with(&prefix))
                .collect();
            (!alike.is_empty()).then(|| format!("there is: {}", alike.join(", ")))
        });
    source.report(
        event.span.start,
        format!("there is no event `{name}`"),
        hint,
    );
}
