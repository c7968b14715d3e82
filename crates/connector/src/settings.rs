//! What a connection fills in: the fields its form asks for, and other addresses. Secrets print `[hidden]`.

use crate::manifest::Reader;
use stagewire_model::{Entity, Secret};
use std::collections::BTreeMap;

/// One line of the connect form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the configuration.
    pub key: String,
    /// What the form calls it.
    pub label: String,
    /// One sentence of help.
    pub help: Option<String>,
    /// Sealed, and never shown again.
    pub secret: bool,
    /// Nothing works without it.
    pub required: bool,
    /// May hold several values, separated by commas or new lines.
    pub many: bool,
    /// Made by us where it is left empty: 32 random bytes as `whsec_<base64>`.
    pub generate: bool,
    /// The only values it may have; any where empty.
    pub one_of: Vec<String>,
    /// It holds `word = kind` for records of this entity: what a person has confirmed.
    pub confirms: Option<Entity>,
}

impl Field {
    /// What a person says that a record of that name is.
    fn confirmed<'s>(&self, settings: &'s Settings, name: &str) -> Option<&'s str> {
        let pairs = settings.all(&self.key);
        let mut pairs = pairs.into_iter().filter_map(|pair| pair.rsplit_once('='));
        let same = |word: &str| word.trim().to_lowercase() == name.trim().to_lowercase();
        pairs
            .find(|(word, _)| same(word))
            .map(|(_, kind)| kind.trim())
    }
}

/// What a person says in one of these fields that a record of that name is.
pub(crate) fn confirmed<'s>(
    fields: &[Field],
    settings: &'s Settings,
    entity: Entity,
    name: &str,
) -> Option<&'s str> {
    let mut ours = fields.iter().filter(|f| f.confirms == Some(entity));
    ours.find_map(|f| f.confirmed(settings, name))
}

/// What one connection has filled in.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// By the field's name.
    pub fields: BTreeMap<String, Secret<String>>,
    /// Replaces scheme, host and port of the API; where the manifest names no address, this is the whole address.
    pub base_url: Option<String>,
    /// Replaces scheme, host and port of the addresses for tokens.
    pub auth_url: Option<String>,
}

impl Settings {
    /// A filled-in value; empty counts as not filled in.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields
            .get(key)
            .map(|s| s.reveal().trim())
            .filter(|s| !s.is_empty())
    }

    /// All values of a field that may hold several.
    pub fn all(&self, key: &str) -> Vec<&str> {
        self.get(key)
            .map(|v| {
                v.split([',', '\n', '\r'])
                    .map(str::trim)
                    .filter(|s| !s.is_empty())
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The same settings with one more field: for tests and fixtures.
    pub fn with(mut self, key: &str, value: &str) -> Settings {
        self.fields.insert(key.into(), Secret::new(value.into()));
        self
    }
}

/// What has a kind that may be guessed from its name.
const CONFIRMS: &[(&str, Entity)] = &[
    ("reject_reason", Entity::RejectReason),
    ("job_stage", Entity::JobStage),
];

/// Reads `[fields]`.
pub(crate) fn read_fields(root: &Reader<'_>) -> Vec<Field> {
    root.named("fields")
        .into_iter()
        .map(|(key, r)| {
            let field = Field {
                key,
                label: r.need("label"),
                help: r.text("help"),
                secret: r.flag("secret"),
                required: r.flag("required"),
                many: r.flag("many"),
                generate: r.flag("generate"),
                one_of: r.texts("one_of"),
                confirms: r.word("confirms", CONFIRMS),
            };
            r.done();
            field
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_be_a_list_and_empty_is_not_filled_in() {
        let s = Settings::default()
            .with("k", " one, two\nthree,\n")
            .with("e", "  ");
        assert_eq!(s.all("k"), ["one", "two", "three"]);
        assert_eq!(s.get("e"), None);
        assert!(s.all("gone").is_empty());
        assert!(!format!("{s:?}").contains("two"));
    }

    #[test]
    fn what_a_person_confirms_counts_by_the_name_whatever_its_case() {
        let root = "[fields]\nreasons = { label = \"Reasons\", many = true, confirms = \"reject_reason\" }\n";
        let sink = crate::manifest::Sink::default();
        let doc = crate::manifest::Doc::parse("connector.toml", root, &sink);
        let fields = read_fields(&Reader::new(&doc.root, &sink));
        let settings =
            Settings::default().with("reasons", "Bad fit = company_rejected, a = b = other");
        let of = |entity, name| confirmed(&fields, &settings, entity, name);
        assert_eq!(
            of(Entity::RejectReason, "bad FIT"),
            Some("company_rejected")
        );
        assert_eq!(of(Entity::RejectReason, "a = b"), Some("other"));
        assert_eq!(of(Entity::RejectReason, "Underqualified"), None);
        assert_eq!(of(Entity::JobStage, "Bad fit"), None);
    }
}
