//! What a connection holds of what its vendor tells: entities, whole or in some fields. All else is cut before anything is stored,
//! from deliveries and records alike. Knows no vendor, and stores nothing.

mod cut;
pub(crate) mod mask;

pub use cut::Holding;

use crate::problem::nearest;
use stagewire_model::Entity;
use stagewire_model::fields::{self, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// What the rules and the guards look at: held wherever their entity is, so that keeping less never lets more out.
const GUARDED: &[(Entity, &[&str])] = &[
    (Entity::Job, &["confidential"]),
    (
        Entity::Candidate,
        &[
            "private",
            "anonymized",
            "do_not_contact",
            "may_email",
            "consent",
        ],
    ),
    (
        Entity::Application,
        &["status", "origin", "hold_automation"],
    ),
];
/// What a list without `keep` leaves out: résumés, notes and pay.
const LEFT_OUT: &[Entity] = &[Entity::Attachment, Entity::Note];

/// How much of an entity is held.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    /// Every field the connector maps.
    Whole,
    /// These.
    Fields(BTreeSet<String>),
}

/// What a connection holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// By entity; `None`: nothing was said.
    list: Option<BTreeMap<Entity, Held>>,
    /// As it was written.
    said: Vec<String>,
}

/// What is wrong with one entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its place in the list.
    pub at: usize,
    /// A plain sentence.
    pub says: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Keep {
    /// Reads `["application", "candidate.full_name"]`.
    ///
    /// # Errors
    /// Every entry that is no entity and no field of one.
    pub fn parse(entries: &[String]) -> Result<Keep, Vec<Wrong>> {
        let (mut list, mut wrong) = (BTreeMap::<Entity, Held>::new(), Vec::new());
        for (at, entry) in entries.iter().enumerate() {
            match read(entry) {
                Err((says, hint)) => wrong.push(Wrong { at, says, hint }),
                Ok((entity, None)) => drop(list.insert(entity, Held::Whole)),
                Ok((entity, Some(name))) => {
                    let held = list
                        .entry(entity)
                        .or_insert_with(|| Held::Fields(BTreeSet::new()));
                    if let Held::Fields(fields) = held {
                        fields.extend(stored(entity, &name).into_iter().map(str::to_owned));
                    }
                }
            }
        }
        if wrong.is_empty() {
            let (list, said) = (Some(list), entries.to_vec());
            Ok(Keep { list, said })
        } else {
            Err(wrong)
        }
    }

    /// The list as it was written, if there is one.
    pub fn said(&self) -> Option<&[String]> {
        self.list.as_ref().map(|_| self.said.as_slice())
    }

    /// Whether anything of an entity is held.
    pub fn entity(&self, entity: Entity) -> bool {
        match &self.list {
            None => !LEFT_OUT.contains(&entity),
            // a history belongs to its application
            Some(list) if entity == Entity::StageTransition => {
                list.contains_key(&entity) || list.contains_key(&Entity::Application)
            }
            Some(list) => list.contains_key(&entity),
        }
    }

    /// Whether a field is held, where its entity is. The vendor's own word goes with ours. What the model has no field for
    /// (`extra`) is never held.
    pub fn field(&self, entity: Entity, name: &str) -> bool {
        if name == "extra" || !self.entity(entity) {
            return false;
        }
        let base = ["_raw", "_source"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .filter(|base| fields::field(entity.name(), base).is_some())
            .unwrap_or(name);
        match &self.list {
            None => base != "pay",
            Some(_) if entity == Entity::StageTransition => true,
            Some(list) => match list.get(&entity) {
                Some(Held::Whole) => true,
                Some(Held::Fields(named)) => named.contains(base) || always(entity, base),
                None => false,
            },
        }
    }

    /// The list as it is compared with another one: entity and fields, of what a connector can supply.
    pub fn resolved(
        &self,
        supplies: &dyn Fn(Entity) -> BTreeSet<String>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let of = |entity: &Entity| {
            let all = supplies(*entity);
            let kept = all.into_iter().filter(|f| self.field(*entity, f));
            (entity.name().to_owned(), kept.collect::<BTreeSet<_>>())
        };
        let held = Entity::ALL.iter().filter(|e| self.entity(**e));
        held.map(of).collect()
    }
}

/// The record's own id and times, ids of other records, what the rules and the guards need: held wherever the entity is.
pub fn always(entity: Entity, name: &str) -> bool {
    if name == "meta" || name.starts_with("remote_") {
        return true;
    }
    let guarded = GUARDED.iter().find(|(e, _)| *e == entity);
    if guarded.is_some_and(|(_, names)| names.contains(&name)) {
        return true;
    }
    match fields::field(entity.name(), name).map(|f| f.kind) {
        Some(Kind::Ref(_) | Kind::Instant) => true,
        Some(Kind::List(item)) => matches!(item, Kind::Ref(_)),
        _ => false,
    }
}

/// The fields a record stores for a field that is worked out from others: `candidate.email` for `emails`.
pub fn stored(entity: Entity, name: &str) -> Vec<&str> {
    match (entity, name) {
        (Entity::Candidate, "email") => vec!["emails"],
        (Entity::Candidate, "phone") => vec!["phones"],
        (Entity::Candidate, "tags") => vec!["tags", "tag_ids"],
        (Entity::Application, "answer") => vec!["answers"],
        (Entity::Job, "hiring_manager" | "recruiter") => vec!["hiring_team"],
        (_, "custom") => vec!["custom_fields"],
        _ => vec![name],
    }
}

type Refused = (String, Option<String>);

fn read(entry: &str) -> Result<(Entity, Option<String>), Refused> {
    let (name, field) = match entry.split_once('.') {
        Some((name, field)) => (name, Some(field)),
        None => (entry, None),
    };
    let Some(entity) = Entity::parse(name) else {
        let names = Entity::ALL.iter().map(|e| e.name());
        let hint = nearest(name, names).map(|n| match field {
            Some(field) => format!("did you mean `{n}.{field}`?"),
            None => format!("did you mean `{n}`?"),
        });
        return Err((format!("there is no entity `{name}`"), hint));
    };
    let Some(field) = field else {
        return Ok((entity, None));
    };
    if fields::field(name, field).is_some() {
        return Ok((entity, Some(field.to_owned())));
    }
    let hint = match field.split_once('.') {
        Some((whole, _)) if fields::field(name, whole).is_some() => {
            Some(format!("a field is kept as a whole: `{name}.{whole}`"))
        }
        _ => {
            let all = fields::entity(name).into_iter().flat_map(|e| e.all());
            nearest(field, all.map(|f| f.name)).map(|n| format!("did you mean `{name}.{n}`?"))
        }
    };
    Err((format!("`{name}` has no field `{field}`"), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(list: &[&str]) -> Keep {
        let list: Vec<String> = list.iter().map(|e| (*e).to_owned()).collect();
        Keep::parse(&list).expect("it is right")
    }

    #[test]
    fn without_a_list_all_is_held_but_resumes_notes_and_pay() {
        let k = Keep::default();
        assert!(k.entity(Entity::Candidate) && k.field(Entity::Candidate, "full_name"));
        assert!(!k.entity(Entity::Note) && !k.entity(Entity::Attachment));
        assert!(!k.field(Entity::Offer, "pay") && !k.field(Entity::Job, "pay"));
        assert!(!k.field(Entity::Candidate, "extra"), "what no field is for");
    }

    #[test]
    fn a_list_holds_what_it_names_and_what_order_and_guards_need() {
        let k = keep(&["application", "candidate.full_name", "job.recruiter"]);
        assert!(k.field(Entity::Application, "answers") && k.entity(Entity::StageTransition));
        assert!(k.field(Entity::Candidate, "full_name") && !k.field(Entity::Candidate, "emails"));
        assert!(
            k.field(Entity::Candidate, "may_email"),
            "a guard looks at it"
        );
        assert!(k.field(Entity::Candidate, "application_ids") && k.field(Entity::Job, "opened_at"));
        assert!(k.field(Entity::Job, "hiring_team") && !k.field(Entity::Job, "title"));
        assert!(!k.field(Entity::Job, "status_raw") && k.field(Entity::Application, "status_raw"));
        assert!(!k.entity(Entity::Offer) && !k.field(Entity::Offer, "application_id"));
    }

    #[test]
    fn a_wrong_entry_says_where_it_stands_and_what_was_meant() {
        let list = [
            "job",
            "candidat.full_name",
            "candidate.fullname",
            "candidate.location.city",
        ];
        let wrong = Keep::parse(&list.map(str::to_owned)).expect_err("three are wrong");
        let hints: Vec<(usize, &str)> = wrong
            .iter()
            .map(|w| (w.at, w.hint.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(
            hints,
            [
                (1, "did you mean `candidate.full_name`?"),
                (2, "did you mean `candidate.full_name`?"),
                (3, "a field is kept as a whole: `candidate.location`")
            ]
        );
    }
}
