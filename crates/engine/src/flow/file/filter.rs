//! Which records: `records` of a schedule, and the `with` of `records.find`.

use super::check::{Checker, Place};
use super::reader::{At, needed, only, parsed, text, whole};
use super::steps::{condition, expr, expr_of};
use super::when::LENGTH;
use crate::flow::problem::Source;
use crate::flow::scope;
use crate::time::Length;
use crate::time::filter::{Filter, MOST_FOUND, age_field};
use crate::time::items;
use stagewire_model::Entity;
use toml::de::DeTable;

/// The records a schedule goes over: `"application"`, or a table with more.
pub(super) fn records(
    source: &mut Source<'_>,
    when: &DeTable<'_>,
    at: usize,
    checker: &mut Checker<'_>,
) -> Option<Filter> {
    let Some(value) = when.get("records") else {
        let hint = Some("like `records = \"application\"`".to_owned());
        source.report(at, "a schedule needs `records`, what it goes over", hint);
        return None;
    };
    let Some(table) = value.get_ref().as_table() else {
        let name = text(source, when, "records")?;
        let entity = entity(source, &name, checker)?;
        bind(checker, items::SCHEDULE, entity);
        return Some(plain(entity));
    };
    only(
        source,
        table,
        "`records`",
        &["entity", "older_than", "sort", "limit"],
    );
    let name = needed(source, table, value.span().start, "`records`", "entity")?;
    let entity = entity(source, &name, checker)?;
    bind(checker, items::SCHEDULE, entity);
    let filter = plain(entity);
    Some(shaped(source, table, filter, checker))
}

/// What `records.find` looks for.
pub(super) fn find(
    source: &mut Source<'_>,
    with: Option<&DeTable<'_>>,
    at: usize,
    checker: &mut Checker<'_>,
) -> Option<Filter> {
    let empty = DeTable::new();
    let with = with.unwrap_or(&empty);
    let keys = [
        "records",
        "only_if",
        "older_than",
        "sort",
        "limit",
        "count_by",
    ];
    only(source, with, "`records.find`", &keys);
    let name = needed(source, with, at, "`records.find`", "records")?;
    let entity = entity(source, &name, checker)?;
    let event = (checker.event.clone(), checker.roots);
    bind(checker, "records.find", entity);
    let mut filter = shaped(source, with, plain(entity), checker);
    let place = &Place::default();
    filter.only_if = condition(source, with, "only_if", checker, place);
    filter.count_by = expr(source, with, "count_by", checker, place);
    (checker.event, checker.roots) = event;
    Some(filter)
}

fn shaped(
    source: &mut Source<'_>,
    table: &DeTable<'_>,
    mut filter: Filter,
    checker: &mut Checker<'_>,
) -> Filter {
    filter.older_than = parsed(source, table, "older_than", LENGTH, Length::parse);
    if let Some(value) = table.get("older_than")
        && age_field(filter.entity).is_none()
    {
        let message = format!("a {} has no age", filter.entity);
        source.report(value.span().start, message, None);
    }
    if let Some(found) = text(source, table, "sort") {
        let down = found.value.trim_start().starts_with('-');
        let skipped = found
            .value
            .find('-')
            .filter(|_| down)
            .map_or(0, |at| at + 1);
        // the sign is taken for a space, so that places stay right
        let value = " ".repeat(skipped) + &found.value[skipped..];
        let found = At { value, ..found };
        filter.sort = expr_of(source, &found, checker, &Place::default()).map(|expr| (expr, down));
    }
    let most = i64::try_from(MOST_FOUND).unwrap_or(i64::MAX);
    if let Some(limit) = whole(source, table, "limit", 1..=most) {
        filter.limit = usize::try_from(limit).unwrap_or(MOST_FOUND);
    }
    filter
}

fn plain(entity: Entity) -> Filter {
    Filter {
        entity,
        only_if: None,
        older_than: None,
        sort: None,
        limit: MOST_FOUND,
        count_by: None,
        fields: Vec::new(),
    }
}

fn entity(source: &mut Source<'_>, name: &At<String>, checker: &Checker<'_>) -> Option<Entity> {
    let known = Entity::parse(&name.value).filter(|_| scope::roots_of(&name.value).is_some());
    if known.is_none() {
        let message = format!("`{}` are no records to go over", name.value);
        let hint = "there is: application, candidate, job, offer, interview, scorecard";
        source.report(name.span.start, message, Some(hint.to_owned()));
    } else {
        checker.held(source, name.span.start, &name.value);
    }
    known
}

fn bind(checker: &mut Checker<'_>, event: &str, entity: Entity) {
    checker.bind(event, scope::roots_of(entity.name()).unwrap_or_default());
}
