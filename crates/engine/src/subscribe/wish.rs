//! What somebody who wants events says, checked: the address, the types, the connections, the fields. `restricted` fields are never
//! taken, `personal` ones only by their names.

use crate::flow::nearest::hint;
use crate::flow::scope;
use crate::mirror::deep_class;
use stagewire_model::fields::{Class, entity, field, root_entity};

/// Roots of an event's scope whose fields can leave with it.
const ROOTS: &[&str] = &[
    "candidate",
    "application",
    "job",
    "stage",
    "previous_stage",
    "offer",
    "interview",
    "scorecard",
    "department",
    "office",
    "source",
    "reject_reason",
    "recruiter",
    "hiring_manager",
];
/// Characters of an address, at most.
const LONGEST: usize = 2_000;

/// Why a subscription is not taken, in plain words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// A subscription that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Where events go.
    pub url: String,
    /// Types: `*`, `application.*`, `application.hired` …
    pub events: Vec<String>,
    /// Fields that leave with them.
    pub fields: Vec<String>,
    /// Only events of these connections; empty = of all.
    pub connections: Vec<String>,
}

impl Wish {
    /// Checks all but whether the connections exist.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), Refused> {
        if !(self.url.starts_with("https://") || self.url.starts_with("http://")) {
            return Err(Refused(
                "the url must begin with https:// or http://".into(),
            ));
        }
        if self.url.len() > LONGEST || self.url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(Refused("the url is too long, or holds blanks".into()));
        }
        if self.events.is_empty() {
            return Err(Refused("say which events: [\"*\"] for all".into()));
        }
        for event in &self.events {
            check_event(event)?;
        }
        check_fields(&self.fields).map_err(Refused)
    }
}

fn check_event(event: &str) -> Result<(), Refused> {
    let of = |kind: &'static str| kind.split('.').next().unwrap_or(kind);
    let known = match event.strip_suffix(".*") {
        _ if event == "*" => true,
        Some(root) => scope::event_types().any(|k| of(k) == root),
        None => scope::event_types().any(|k| k == event) || scope::is_of_time(event),
    };
    if known {
        return Ok(());
    }
    let hint = hint(event, scope::event_types())
        .map(|h| format!("; {h}"))
        .unwrap_or_default();
    Err(Refused(format!(
        "there is no event '{event}'{hint} (or write application.*, or *)"
    )))
}

/// Checks the fields an admin wants to send: known, and never `restricted`.
///
/// # Errors
/// The first field that cannot be sent, and why.
pub fn check_fields(fields: &[String]) -> Result<(), String> {
    for path in fields {
        let (root, name) = path
            .split_once('.')
            .ok_or_else(|| format!("'{path}' is not a field; write it like candidate.full_name"))?;
        let of = root_entity(root).filter(|_| ROOTS.contains(&root));
        let Some(of) = of else {
            let hint = hint(root, ROOTS.iter().copied())
                .map(|h| format!("; {h}"))
                .unwrap_or_else(|| format!("; it can be: {}", ROOTS.join(", ")));
            return Err(format!("an event carries no '{root}'{hint}"));
        };
        match field(of, name) {
            None => {
                let names = entity(of).into_iter().flat_map(|e| e.all()).map(|f| f.name);
                let hint = hint(name, names)
                    .map(|h| format!("; {h}"))
                    .unwrap_or_default();
                return Err(format!("{root} has no field '{name}'{hint}"));
            }
            Some(f) if deep_class(&f) > Class::Personal => {
                return Err(format!(
                    "'{path}' is restricted and never leaves with a subscription"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The roots of the scope that these fields are read from, besides those every event has.
pub fn roots_of(fields: &[String]) -> Vec<&str> {
    let mut roots = vec!["candidate", "application", "job"];
    roots.extend(fields.iter().filter_map(|f| f.split('.').next()));
    roots.sort_unstable();
    roots.dedup();
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(wish: Wish) -> String {
        wish.check().expect_err("refused").0
    }

    #[test]
    fn restricted_fields_are_refused_by_name() {
        let check = |f: &str| check_fields(&[f.to_owned()]);
        assert!(check("candidate.full_name").is_ok() && check("stage.name").is_ok());
        assert!(check("hiring_manager.email").is_ok());
        assert!(check("offer.pay").is_err_and(|e| e.contains("restricted")));
        assert!(check("candidate.location").is_err_and(|e| e.contains("restricted")));
        assert!(check("candidate.shoe_size").is_err_and(|e| e.contains("no field")));
        assert!(check("candidate.fullname").is_err_and(|e| e.contains("`full_name`")));
        assert!(check("vars.token").is_err_and(|e| e.contains("no 'vars'")));
    }

    #[test]
    fn a_type_that_never_comes_is_refused_with_the_nearest_right_one() {
        let wish = |event: &str| Wish {
            url: "https://example.com/hook".into(),
            events: vec![event.to_owned()],
            ..Wish::default()
        };
        for right in ["*", "application.*", "application.hired", "job.opened"] {
            assert!(wish(right).check().is_ok(), "{right}");
        }
        assert!(refused(wish("application.hird")).contains("`application.hired`"));
        assert!(refused(wish("applications.*")).contains("no event"));
        let ftp = Wish {
            url: "ftp://example.com".into(),
            ..wish("*")
        };
        assert!(refused(ftp).contains("https://"));
    }
}
