//! What a connection fills in: the fields its form asks for, and other addresses. Secrets print `[hidden]`.

use crate::manifest::Reader;
use stagewire_model::Secret;
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
}
