//! The sections of a flow's file around `[when]` and its steps: head, `[vars]`, `[grants]`.

use super::check::Checker;
use super::reader::{in_order, needed, only, plain, table, text, texts, word, wrong_type};
use super::steps::steps;
use super::when::when;
use super::{Against, Flow, Grants};
use crate::flow::path::Path;
use crate::flow::problem::Source;
use serde_json::{Map, Value};
use stagewire_model::Rung;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The whole flow; none when too much is missing to build it. Problems are in `source`.
pub(super) fn flow(
    source: &mut Source<'_>,
    id: &str,
    document: &DeTable<'_>,
    against: Against<'_>,
) -> Option<Flow> {
    let known = [
        "name", "owner", "rung", "budget", "when", "step", "vars", "grants",
    ];
    only(source, document, "a flow", &known);
    if !is_id(id) || ["alert", "command", "subscription"].contains(&id) {
        let message = format!("`{id}` cannot be a flow's id");
        let rule = "name the file in small letters, digits, `-` and `_`; `alert`, `command` and `subscription` are taken";
        source.report(0, message, Some(rule.to_owned()));
    }
    let name = needed(source, document, 0, "a flow", "name");
    let owner = needed(source, document, 0, "a flow", "owner");
    let rungs: Vec<(&str, Rung)> = Rung::ALL.iter().map(|r| (r.as_str(), *r)).collect();
    if !document.contains_key("rung") {
        let words: Vec<&str> = rungs.iter().map(|(word, _)| *word).collect();
        let hint = format!("it can be: {}", words.join(", "));
        source.report(0, "a flow needs `rung`, its ceiling", Some(hint));
    }
    let rung = word(source, document, "rung", &rungs);
    let budget = budget(source, document);
    let vars = vars(source, document);
    let grants = grants(source, document);
    let mut checker = Checker::new(against, &vars, grants.as_ref());
    let when = when(source, document, &mut checker);
    let steps = steps(source, document, &mut checker);
    let reads = checker.finish(source);
    Some(Flow {
        id: id.to_owned(),
        name: name?.value,
        owner: owner?.value,
        rung: rung?,
        budget,
        when: when?,
        steps,
        vars,
        grants: grants.map(|(grants, _)| grants),
        reads,
    })
}

fn budget(source: &mut Source<'_>, document: &DeTable<'_>) -> Option<u32> {
    let found = text(source, document, "budget")?;
    let percent = found.value.trim().strip_suffix('%').map(str::trim);
    let share: Option<f64> = percent.and_then(|number| number.parse().ok());
    match share {
        Some(share) if (0.0..=100.0).contains(&share) => Some((share * 100.0).round() as u32),
        _ => {
            let hint = Some("write the share of failures like \"1%\" or \"0.5%\"".to_owned());
            source.report(found.span.start, "`budget` is a share of 100", hint);
            None
        }
    }
}

fn vars(source: &mut Source<'_>, document: &DeTable<'_>) -> Map<String, Value> {
    let mut vars = Map::new();
    let Some(section) = table(source, document, "vars") else {
        return vars;
    };
    for (key, value) in in_order(section.value) {
        let name: &str = key.get_ref();
        match fixed(value.get_ref()) {
            Some(value) => {
                vars.insert(name.to_owned(), value);
            }
            None => wrong_type(
                source,
                name,
                "a text, a number, true or false, or a list of these",
                value,
            ),
        }
    }
    vars
}

/// A variable's value: no tables, and no expressions, which would never be rendered.
fn fixed(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) if text.contains("{{") => None,
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Array(items) => items
            .iter()
            .map(|item| fixed(item.get_ref()))
            .collect::<Option<_>>()
            .map(Value::Array),
        other => plain(other),
    }
}

type GrantsAt = (Grants, Vec<Range<usize>>);

fn grants(source: &mut Source<'_>, document: &DeTable<'_>) -> Option<GrantsAt> {
    let section = table(source, document, "grants")?;
    only(source, section.value, "`[grants]`", &["paths", "purpose"]);
    let at = section.span.start;
    let purpose = needed(source, section.value, at, "`[grants]`", "purpose")?;
    let mut paths = Vec::new();
    let mut spans = Vec::new();
    for found in texts(source, section.value, "paths") {
        match Path::parse(&found.value) {
            Some(path) if path.field().is_some() => {
                paths.push(path);
                spans.push(found.span);
            }
            _ => source.report(
                found.span.start,
                format!("`{}` is no path", found.value),
                Some("write it like `offer.pay`".to_owned()),
            ),
        }
    }
    let purpose = purpose.value;
    Some((Grants { paths, purpose }, spans))
}

pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert!(is_id("manager-review_2"));
        for wrong in ["", "Manager", "a b", "a/b", "é"] {
            assert!(!is_id(wrong), "{wrong}");
        }
    }
}
