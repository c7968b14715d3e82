//! Checks a path against the fields of the model: bound root, known fields, data class.
//! Protected data has no path; restricted data only under a grant that names it.

use super::nearest::{hint, nearest};
use super::path::{Path, Segment};
use serde_json::Value;
use stagewire_model::fields::{self, Class, Kind};

/// What a field is and who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its data class.
    pub class: Class,
    /// What it holds.
    pub kind: Kind,
}

/// The fields a flow can read.
pub trait Fields {
    /// The entity behind a root of the scope: `stage` is a `job_stage`.
    fn root_entity(&self, root: &str) -> Option<&str>;
    /// A field of an entity or of a nested type.
    fn field(&self, entity: &str, field: &str) -> Option<FieldInfo>;
    /// The names of its fields.
    fn names(&self, entity: &str) -> Vec<&str>;
    /// What is known of one key of a keyed field, such as a custom field a person has classed.
    fn keyed(&self, _entity: &str, _field: &str, _key: &str) -> Option<FieldInfo> {
        None
    }
}

/// The fields of the common model, custom fields unclassed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelFields;

impl Fields for ModelFields {
    fn root_entity(&self, root: &str) -> Option<&str> {
        fields::root_entity(root)
    }

    fn field(&self, entity: &str, field: &str) -> Option<FieldInfo> {
        fields::field(entity, field).map(|field| FieldInfo {
            class: field.class,
            kind: field.kind,
        })
    }

    fn names(&self, entity: &str) -> Vec<&str> {
        fields::entity(entity)
            .map(|entity| entity.all().map(|field| field.name).collect())
            .unwrap_or_default()
    }
}

/// Why a path cannot be read: a plain sentence, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One plain sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Refusal {
    fn new(message: String, hint: Option<String>) -> Self {
        Self { message, hint }
    }
}

/// What a path leads to. Its class is the strictest on the way and in what it leads to.
pub fn resolve(
    path: &Path,
    fields: &dyn Fields,
    event: &str,
    roots: &[&str],
) -> Result<FieldInfo, Refusal> {
    let root = path.root.as_str();
    let entity = fields.root_entity(root);
    if !roots.contains(&root) || entity.is_none() {
        let message = match entity {
            Some(_) => format!("an event `{event}` has no `{root}`"),
            None => format!("there is no `{root}`"),
        };
        let bound = roots.iter().copied();
        let hint = nearest(root, bound.clone())
            .map(|near| format!("did you mean `{near}`?"))
            .or_else(|| {
                let bound: Vec<&str> = bound.collect();
                Some(format!("there is: {}", bound.join(", ")))
            });
        return Err(Refusal::new(message, hint));
    }
    let mut at = FieldInfo {
        class: Class::Open,
        kind: Kind::Any,
    };
    let mut here = Where {
        entity: entity.unwrap_or_default().to_owned(),
        field: String::new(),
    };
    let mut inside = entity.map(ToOwned::to_owned);
    let mut walked = root.to_owned();
    let mut above = Class::Open;
    for segment in &path.rest {
        let next = match (&inside, segment) {
            (Some(entity), Segment::Field(name)) => {
                here = Where {
                    entity: entity.clone(),
                    field: name.clone(),
                };
                known_field(fields, entity, name, &walked)?
            }
            (None, Segment::Field(key)) if classed(fields, &here, at, key).is_some() => {
                // A person has classed this key; the class of the whole no longer speaks for it.
                at.class = above;
                classed(fields, &here, at, key).unwrap_or(at)
            }
            (None, segment) => below(at, segment, &walked)?,
            (Some(_), Segment::Index(_)) => {
                let message = format!("`{walked}` is no list");
                return Err(Refusal::new(message, None));
            }
        };
        inside = match next.kind {
            Kind::Object(name) => Some(name.to_owned()),
            _ => None,
        };
        if next.class == Class::Protected {
            return Err(protected(&walked, &segment.to_string()));
        }
        above = at.class;
        at = FieldInfo {
            class: at.class.max(next.class),
            kind: next.kind,
        };
        walked = format!("{walked}.{segment}");
    }
    if !path.rest.is_empty() {
        at.class = at.class.max(strictest(fields, at.kind, 4));
    }
    Ok(at)
}

struct Where {
    entity: String,
    field: String,
}

fn classed(fields: &dyn Fields, here: &Where, at: FieldInfo, key: &str) -> Option<FieldInfo> {
    match at.kind {
        Kind::Keyed(_) if !is_protected_word(key) => fields.keyed(&here.entity, &here.field, key),
        _ => None,
    }
}

fn known_field(
    fields: &dyn Fields,
    entity: &str,
    name: &str,
    walked: &str,
) -> Result<FieldInfo, Refusal> {
    match fields.field(entity, name) {
        Some(info) => Ok(info),
        None if is_protected_word(name) => Err(protected(walked, name)),
        None => Err(Refusal::new(
            format!("`{walked}` has no field `{name}`"),
            hint(name, fields.names(entity)),
        )),
    }
}

/// A step below something that is no object: a list, keyed values, an id, or plain text.
fn below(at: FieldInfo, segment: &Segment, walked: &str) -> Result<FieldInfo, Refusal> {
    let of = |kind| FieldInfo {
        class: at.class,
        kind,
    };
    match (at.kind, segment) {
        (Kind::List(item), Segment::Index(_)) => Ok(of(*item)),
        (Kind::Keyed(_), Segment::Field(key)) if is_protected_word(key) => {
            Err(protected(walked, key))
        }
        (Kind::Keyed(value), Segment::Field(_)) => Ok(of(*value)),
        (Kind::Any, _) => Ok(of(Kind::Any)),
        (Kind::List(_), Segment::Field(name)) => Err(Refusal::new(
            format!("`{walked}` is a list and has no field `{name}`"),
            Some("take one with `[0]`, or let the step run for `each`".to_owned()),
        )),
        (Kind::Ref(entity), Segment::Field(_)) => Err(Refusal::new(
            format!("`{walked}` is an id of `{entity}`, not the record itself"),
            Some("read the field of the root that stands for it".to_owned()),
        )),
        (kind, Segment::Field(name)) => Err(Refusal::new(
            format!(
                "`{walked}` is {} and has no field `{name}`",
                kind.describe()
            ),
            None,
        )),
        (kind, Segment::Index(_)) => Err(Refusal::new(
            format!("`{walked}` is {}, not a list", kind.describe()),
            None,
        )),
    }
}

fn protected(walked: &str, name: &str) -> Refusal {
    Refusal::new(
        format!("`{walked}.{name}` is protected data, which no flow can read"),
        None,
    )
}

fn is_protected_word(name: &str) -> bool {
    let plain = name.to_lowercase().replace(['-', ' '], "_");
    fields::PROTECTED_WORDS.contains(&plain.as_str())
}

/// Whether a path leads to, or holds, what can stand in for protected data, so that no AI step may
/// read it. Of values by key the key must be named; all of them at once may hold anything.
pub fn is_proxy(path: &Path, kind: Kind, fields: &dyn Fields) -> bool {
    let named = path.rest.iter().any(|segment| match segment {
        Segment::Field(name) => is_proxy_word(name),
        Segment::Index(_) => false,
    });
    named || holds_proxy(fields, kind, 4)
}

fn is_proxy_word(name: &str) -> bool {
    let plain = name.to_lowercase().replace(['-', ' '], "_");
    fields::PROXY_WORDS.contains(&plain.as_str())
}

fn holds_proxy(fields: &dyn Fields, kind: Kind, depth: u8) -> bool {
    match kind {
        Kind::Keyed(_) | Kind::Object("custom_field") => true,
        Kind::List(item) => holds_proxy(fields, *item, depth),
        Kind::Object(_) if depth == 0 => true,
        Kind::Object(entity) => fields.names(entity).into_iter().any(|name| {
            is_proxy_word(name)
                || fields
                    .field(entity, name)
                    .is_some_and(|info| holds_proxy(fields, info.kind, depth - 1))
        }),
        _ => false,
    }
}

fn strictest(fields: &dyn Fields, kind: Kind, depth: u8) -> Class {
    match kind {
        Kind::List(item) | Kind::Keyed(item) => strictest(fields, *item, depth),
        Kind::Object(_) if depth == 0 => Class::Restricted,
        Kind::Object(entity) => fields
            .names(entity)
            .into_iter()
            .filter_map(|name| fields.field(entity, name))
            .map(|info| info.class.max(strictest(fields, info.kind, depth - 1)))
            .max()
            .unwrap_or(Class::Open),
        _ => Class::Open,
    }
}

/// Why a field of this kind can never equal, or be ordered against, what is written beside it.
pub fn refuse_comparison(path: &Path, kind: Kind, with: &Value) -> Option<Refusal> {
    let says = |what: &str| Some(Refusal::new(format!("`{path}` is {what}"), None));
    match (kind, with) {
        (_, Value::Null) | (Kind::Any, _) => None,
        (Kind::Enum(words), Value::String(word)) if !words.contains(&word.as_str()) => {
            Some(Refusal::new(
                format!("`{path}` is never '{word}'"),
                hint(word, words.iter().copied()),
            ))
        }
        (Kind::Enum(_) | Kind::Text | Kind::Ref(_), Value::Number(_) | Value::Bool(_)) => {
            says("a text; compare it with a text in quotes")
        }
        (Kind::Instant | Kind::Date, Value::Number(_) | Value::Bool(_)) => {
            says("a date; compare it with one in quotes, like '2026-12-31'")
        }
        (Kind::Bool, Value::String(_) | Value::Number(_)) => {
            says("true or false; leave the comparison out, or write `not`")
        }
        (Kind::Int | Kind::Decimal, Value::Bool(_)) => says("a number"),
        (Kind::Int, Value::String(_)) => says("a number; compare it with one, without quotes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::scope;

    fn see(path: &str) -> Result<FieldInfo, Refusal> {
        let roots = scope::roots("offer.accepted").expect("an event");
        let path = Path::parse(path).expect("a path");
        resolve(&path, &ModelFields, "offer.accepted", roots)
    }

    fn class(path: &str) -> Class {
        see(path).unwrap_or_else(|r| panic!("{path}: {r:?}")).class
    }

    #[test]
    fn a_path_is_as_strict_as_its_strictest_part() {
        assert_eq!(class("stage.name"), Class::Open);
        assert_eq!(class("candidate.full_name"), Class::Personal);
        assert_eq!(class("candidate.location.city"), Class::Personal);
        assert_eq!(class("candidate.location.street"), Class::Restricted);
        assert_eq!(class("candidate.location"), Class::Restricted);
        assert_eq!(class("offer.pay.0.text"), Class::Restricted);
        assert_eq!(class("offer.custom.cost_centre"), Class::Restricted);
        assert_eq!(class("job.hiring_team"), Class::Personal);
        assert_eq!(
            class("offer"),
            Class::Open,
            "asking `is defined` reads nothing"
        );
        assert_eq!(class("offer.status_raw"), Class::Open);
    }

    #[test]
    fn protected_data_has_no_path() {
        for path in [
            "candidate.gender",
            "candidate.custom.ethnicity",
            "offer.custom.Veteran_Status",
            "event.current.race",
        ] {
            let refusal = see(path).expect_err(path);
            assert!(refusal.message.contains("protected data"), "{refusal:?}");
        }
    }

    #[test]
    fn a_wrong_path_names_the_nearest_right_one() {
        let refusal = see("candidate.fullname").expect_err("no field");
        assert_eq!(refusal.message, "`candidate` has no field `fullname`");
        assert_eq!(refusal.hint.as_deref(), Some("did you mean `full_name`?"));
        let refusal = see("candidat.full_name").expect_err("no root");
        assert_eq!(refusal.hint.as_deref(), Some("did you mean `candidate`?"));
        let refusal = see("job.title.length").expect_err("a text");
        assert_eq!(
            refusal.message,
            "`job.title` is text and has no field `length`"
        );
        assert!(see("candidate.emails.value").is_err());
        assert!(see("candidate.emails.0.value").is_ok());
        assert!(see("application.stage_id.name").is_err());
        assert!(see("candidate.0").is_err());
        assert!(see("job.title.0").is_err());
    }

    #[test]
    fn a_person_can_class_a_custom_field() {
        struct Classed;
        impl Fields for Classed {
            fn root_entity(&self, root: &str) -> Option<&str> {
                fields::root_entity(root)
            }
            fn field(&self, entity: &str, field: &str) -> Option<FieldInfo> {
                ModelFields.field(entity, field)
            }
            fn names(&self, _: &str) -> Vec<&str> {
                Vec::new()
            }
            fn keyed(&self, entity: &str, field: &str, key: &str) -> Option<FieldInfo> {
                let class = match (entity, field, key) {
                    ("offer", "custom", "cost_centre") => Class::Open,
                    ("offer", "custom", "union") => Class::Protected,
                    _ => return None,
                };
                Some(FieldInfo {
                    class,
                    kind: Kind::Text,
                })
            }
        }
        let see = |path| {
            resolve(
                &Path::parse(path).expect("a path"),
                &Classed,
                "x",
                &["offer"],
            )
        };
        assert_eq!(
            see("offer.custom.cost_centre").map(|i| i.class),
            Ok(Class::Open)
        );
        assert!(see("offer.custom.union").is_err());
        assert_eq!(
            see("offer.custom.other").map(|i| i.class),
            Ok(Class::Restricted)
        );
    }

    #[test]
    fn a_comparison_that_can_never_hold_is_refused() {
        let refuse = |path: &str, with: Value| {
            let kind = see(path).expect("a field").kind;
            refuse_comparison(&Path::parse(path).expect("a path"), kind, &with)
        };
        let typo = refuse("job.status", "opne".into()).expect("refused");
        assert_eq!(typo.hint.as_deref(), Some("did you mean `open`?"));
        assert!(refuse("job.status", "open".into()).is_none());
        assert!(refuse("job.status", Value::Null).is_none());
        assert!(refuse("job.title", 5.into()).is_some());
        assert!(refuse("job.confidential", "true".into()).is_some());
        assert!(refuse("offer.version", "2".into()).is_some());
        assert!(refuse("scorecard.score", 4.into()).is_none());
        assert!(refuse("offer.start_date", 2026.into()).is_some());
        assert!(refuse("offer.start_date", "2026-01-01".into()).is_none());
    }
}
