//! The fields of every entity of the common model: name, class and kind, as data.
//! It says what exists and who may see it; it holds no value, and no protected field exists in it.

mod company;
mod local;
mod people;
mod scope;
mod values;

/// Who may read a field and where it may go (common model, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Anybody's to read: stage names, job titles, timestamps.
    Open,
    /// A person's own: leaves only where a flow's map names it.
    Personal,
    /// Pay, address, private links: needs a named grant with a purpose.
    Restricted,
    /// Never readable; named here so that a custom field can be classed so.
    Protected,
}

impl Class {
    /// The word used in files and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Personal => "personal",
            Self::Restricted => "restricted",
            Self::Protected => "protected",
        }
    }
}

/// What a field's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A decimal number in a string, never a float.
    Decimal,
    /// RFC 3339 in UTC with three decimals.
    Instant,
    /// `YYYY-MM-DD`.
    Date,
    /// One of these words; a reader treats any other as `unknown`.
    Enum(&'static [&'static str]),
    /// Our id of another entity, by the entity's name.
    Ref(&'static str),
    /// A nested object, by the name of its type (look it up like an entity).
    Object(&'static str),
    /// A list of these.
    List(&'static Kind),
    /// An object whose keys the vendor or the flow chose: `custom['cost_centre']`.
    Keyed(&'static Kind),
    /// Any JSON value.
    Any,
}

impl Kind {
    /// The kind in a few plain words, for error messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Decimal => "a decimal number",
            Self::Instant => "a point in time",
            Self::Date => "a date",
            Self::Enum(_) => "a fixed word",
            Self::Ref(_) => "an id",
            Self::Object(_) => "an object",
            Self::List(_) => "a list",
            Self::Keyed(_) => "values by key",
            Self::Any => "any value",
        }
    }

    /// The entity an id or a list of ids points to.
    pub fn refers_to(self) -> Option<&'static str> {
        match self {
            Self::Ref(entity) => Some(entity),
            Self::List(item) => item.refers_to(),
            _ => None,
        }
    }
}

/// One field of an entity or of a value type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its key in the record.
    pub name: &'static str,
    /// Who may read it.
    pub class: Class,
    /// What it holds.
    pub kind: Kind,
    /// True for what is not a key of the record but worked out from others for a flow's scope
    /// (`job.hiring_manager`, `candidate.tags`, `offer.custom`).
    pub derived: bool,
}

/// An entity, or a type nested in one.
#[derive(Debug, Clone, Copy)]
pub struct Entity {
    /// Its name, such as `application` or `money`.
    pub name: &'static str,
    /// The prefix of its ids; none for nested types and for what only a flow's scope has.
    pub prefix: Option<&'static str>,
    /// Its own fields, without the envelope.
    pub fields: &'static [Field],
}

impl Entity {
    /// All fields: its own, then, if it is a record, those of the envelope.
    pub fn all(&self) -> impl Iterator<Item = &'static Field> + use<> {
        let envelope: &[Field] = if self.prefix.is_some() {
            values::ENVELOPE
        } else {
            &[]
        };
        self.fields.iter().chain(envelope)
    }
}

/// Every record entity of the common model.
pub fn entities() -> impl Iterator<Item = &'static Entity> {
    company::ENTITIES
        .iter()
        .chain(people::ENTITIES)
        .chain(local::ENTITIES)
}

/// The entity or nested type of this name.
pub fn entity(name: &str) -> Option<&'static Entity> {
    entities()
        .chain(values::TYPES)
        .chain(scope::TYPES)
        .find(|entity| entity.name == name)
}

/// One field of an entity. An enum's sibling `<name>_raw`, the vendor's own words, counts too.
pub fn field(entity_name: &str, name: &str) -> Option<Field> {
    let entity = entity(entity_name)?;
    if let Some(field) = entity.all().find(|field| field.name == name) {
        return Some(*field);
    }
    let of = name.strip_suffix("_raw")?;
    let base = entity.all().find(|field| field.name == of)?;
    match base.kind {
        Kind::Enum(_) => Some(Field {
            name: "_raw",
            kind: Kind::Text,
            ..*base
        }),
        _ => None,
    }
}

/// The entity a root of a flow's scope stands for: `stage` is a `job_stage`.
/// `steps`, `vars`, `item` and `lines` are the flow's own and have none.
pub fn root_entity(root: &str) -> Option<&'static str> {
    scope::ROOTS
        .iter()
        .find(|(name, _)| *name == root)
        .map(|(_, entity)| *entity)
}

/// Words that name protected data. A path with one of them is refused with that reason.
pub const PROTECTED_WORDS: &[&str] = &[
    "age",
    "age_band",
    "birth_sex",
    "demographics",
    "demographic",
    "disability",
    "eeo",
    "eeoc",
    "ethnicity",
    "gender",
    "gender_identity",
    "health",
    "pronouns",
    "race",
    "religion",
    "sex",
    "sexual_orientation",
    "orientation",
    "veteran",
    "veteran_status",
];

/// Words for what can stand in for protected data: barred from AI input even with a grant.
pub const PROXY_WORDS: &[&str] = &[
    "birth_date",
    "date_of_birth",
    "graduation_year",
    "marital_status",
    "nationality",
    "photo",
    "postal_code",
    "street",
];

const fn open(name: &'static str, kind: Kind) -> Field {
    of(name, Class::Open, kind)
}

const fn personal(name: &'static str, kind: Kind) -> Field {
    of(name, Class::Personal, kind)
}

const fn restricted(name: &'static str, kind: Kind) -> Field {
    of(name, Class::Restricted, kind)
}

const fn derived(field: Field) -> Field {
    Field {
        derived: true,
        ..field
    }
}

const fn of(name: &'static str, class: Class, kind: Kind) -> Field {
    Field {
        name,
        class,
        kind,
        derived: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn every_type() -> impl Iterator<Item = &'static Entity> {
        entities().chain(values::TYPES).chain(scope::TYPES)
    }

    #[test]
    fn names_and_prefixes_are_unique() {
        let mut names = HashSet::new();
        let mut prefixes = HashSet::new();
        for entity in every_type() {
            assert!(names.insert(entity.name), "{} twice", entity.name);
            if let Some(prefix) = entity.prefix {
                assert!(prefixes.insert(prefix), "{prefix} twice");
                assert_eq!(prefix.len(), 3);
            }
            let mut fields = HashSet::new();
            for field in entity.all() {
                assert!(
                    fields.insert(field.name),
                    "{}.{} twice",
                    entity.name,
                    field.name
                );
            }
        }
        assert_eq!(entities().count(), 23);
    }

    #[test]
    fn every_reference_and_nested_type_exists() {
        fn check(kind: Kind, at: &str) {
            match kind {
                Kind::List(item) | Kind::Keyed(item) => check(*item, at),
                Kind::Object(name) => assert!(entity(name).is_some(), "{at}: no type {name}"),
                Kind::Ref(name) => assert!(
                    entities().any(|entity| entity.name == name),
                    "{at}: no entity {name}"
                ),
                Kind::Enum(words) => {
                    let all: HashSet<_> = words.iter().collect();
                    assert_eq!(all.len(), words.len(), "{at}: a word twice");
                }
                _ => {}
            }
        }
        for entity in every_type() {
            for field in entity.all() {
                check(field.kind, &format!("{}.{}", entity.name, field.name));
            }
        }
        for (root, name) in scope::ROOTS {
            assert!(entity(name).is_some(), "root {root}: no entity {name}");
        }
    }

    #[test]
    fn no_field_holds_protected_data() {
        for entity in every_type() {
            for field in entity.all() {
                assert_ne!(
                    field.class,
                    Class::Protected,
                    "{}.{}",
                    entity.name,
                    field.name
                );
                assert!(
                    !PROTECTED_WORDS.contains(&field.name),
                    "{}.{}",
                    entity.name,
                    field.name
                );
            }
        }
    }

    #[test]
    fn classes_follow_the_page() {
        let class = |entity, name| field(entity, name).map(|field| field.class);
        assert_eq!(class("candidate", "full_name"), Some(Class::Personal));
        assert_eq!(class("job", "title"), Some(Class::Open));
        assert_eq!(class("offer", "pay"), Some(Class::Restricted));
        assert_eq!(class("interview", "video_url"), Some(Class::Restricted));
        assert_eq!(class("location", "street"), Some(Class::Restricted));
        assert_eq!(class("offer", "custom"), Some(Class::Restricted));
        assert_eq!(class("candidate", "gender"), None);
    }

    #[test]
    fn an_enum_has_its_raw_sibling_and_a_text_has_none() {
        assert_eq!(
            field("offer", "status_raw").map(|field| field.kind),
            Some(Kind::Text)
        );
        assert_eq!(
            field("job", "employment_type_raw").map(|field| field.kind),
            Some(Kind::Text)
        );
        assert!(field("job", "title_raw").is_none());
    }
}
