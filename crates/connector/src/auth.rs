//! Ways in: which of the manifest's ways a connection has filled in, and how a call carries it. What needs a token first says how
//! one is asked for (`grant`, `consent`). Keeps no token; when to renew is the engine's business.

mod answer;
mod client;
mod consent;
mod grant;
mod introspect;
mod soap;

pub use answer::{AuthError, Token};
pub use consent::ConsentAsk;
pub use grant::Rules;
pub use introspect::Introspected;

use crate::http::Request;
use crate::manifest::Reader;
use crate::settings::Settings;
use crate::soap::is_soap;
use crate::template::{Template, plain};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use grant::{Grant, Kind};
use serde_json::Value;
use sha2::{Digest, Sha256};
pub(crate) use soap::SECEXT;
use soap::{UsernameToken, close};
use std::collections::BTreeSet;

/// One way in.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Its name in the manifest.
    pub name: String,
    pub(crate) scheme: Scheme,
    /// The fields that must be filled in for it.
    pub requires: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Scheme {
    /// Nothing to show.
    None,
    /// `Authorization: Bearer` with a field.
    Bearer(String),
    /// `Authorization: Basic` with two halves made of fields.
    Basic { user: Template, password: Template },
    /// A header made of fields.
    Header { name: String, value: Template },
    /// The address itself is the secret.
    UrlIsCredential(String),
    /// A user name and a password inside a SOAP envelope.
    WsSecurity(UsernameToken),
    /// A token that is asked for first.
    OAuth(Box<Grant>),
}

#[derive(Clone, Copy)]
enum Word {
    None,
    Bearer,
    Basic,
    Header,
    Url,
    WsSecurity,
    OAuth(Kind),
}

const WORDS: &[(&str, Word)] = &[
    ("none", Word::None),
    ("bearer", Word::Bearer),
    ("basic", Word::Basic),
    ("header", Word::Header),
    ("url_is_credential", Word::Url),
    ("ws_security", Word::WsSecurity),
    ("oauth2_client_credentials", Word::OAuth(Kind::Client)),
    ("oauth2_refresh", Word::OAuth(Kind::Refresh)),
    ("oauth2_code", Word::OAuth(Kind::Code)),
];

impl Auth {
    pub(crate) fn read(name: String, r: &Reader<'_>) -> Option<Auth> {
        let word = r.word("scheme", WORDS);
        if !r.has("scheme") {
            r.wrong("`scheme` is missing");
        }
        let (scheme, requires) = match word? {
            Word::None => (Scheme::None, vec![]),
            Word::Bearer => {
                let field = r.need("field");
                (Scheme::Bearer(field.clone()), vec![field])
            }
            Word::Basic => {
                let (user, password) = (needed(r, "user"), half(r));
                let (user, password) = (user?, password?);
                let requires = names([&user, &password]);
                (Scheme::Basic { user, password }, requires)
            }
            Word::Header => {
                let (name, value) = (r.need("header"), needed(r, "value"));
                let value = value?;
                let requires = names([&value]);
                (Scheme::Header { name, value }, requires)
            }
            Word::Url => {
                let field = r.need("field");
                (Scheme::UrlIsCredential(field.clone()), vec![field])
            }
            Word::WsSecurity => {
                let (user, password) = (needed(r, "user"), needed(r, "password"));
                let (user, password) = (user?, password?);
                let requires = names([&user, &password]);
                let basic = r.template("basic");
                let token = UsernameToken {
                    user,
                    basic,
                    password,
                };
                (Scheme::WsSecurity(token), requires)
            }
            Word::OAuth(kind) => {
                let grant = Grant::read(kind, r)?;
                let requires = grant.requires();
                (Scheme::OAuth(Box::new(grant)), requires)
            }
        };
        Some(Auth {
            name,
            scheme,
            requires,
        })
    }

    pub(crate) fn grant(&self) -> Option<&Grant> {
        match &self.scheme {
            Scheme::OAuth(grant) => Some(grant),
            _ => None,
        }
    }

    /// Whether calls carry a token that must be asked for first.
    pub fn needs_token(&self) -> bool {
        self.grant().is_some()
    }

    /// How its tokens live; `None` where there are none.
    pub fn rules(&self) -> Option<Rules> {
        self.grant().map(Grant::rules)
    }

    /// The fields it uses where they are filled in.
    pub(crate) fn uses(&self) -> Vec<&str> {
        self.grant().map(Grant::optional).unwrap_or_default()
    }

    /// Whether all its fields are filled in.
    pub(crate) fn fits(&self, settings: &Settings) -> bool {
        self.requires.iter().all(|f| settings.get(f).is_some())
    }

    /// What is wrong with the values; none of them in it.
    pub(crate) fn wrong(&self, settings: &Settings) -> Option<String> {
        match &self.scheme {
            Scheme::Basic { user, .. } => fill(user, settings, plain)
                .is_some_and(|u| u.contains(':'))
                .then(|| format!("`{}` must not hold a colon", names([user]).join("`, `"))),
            Scheme::OAuth(grant) => grant.wrong(settings),
            _ => None,
        }
    }

    /// Stands for what a token was given to: where it changes, a token is another's. A secret that only proves who asks is not part
    /// of it where a person's consent stands behind the token.
    pub fn basis(&self, settings: &Settings) -> String {
        let fields: Vec<&str> = match self.grant() {
            Some(grant) => grant.basis(),
            None => Vec::new(),
        };
        self.hashed(settings, fields)
    }

    /// Stands for everything that is filled in for it: where it changes, what was refused may be asked again.
    pub fn whole(&self, settings: &Settings) -> String {
        let required = self.requires.iter().map(String::as_str);
        self.hashed(settings, required.chain(self.uses()).collect())
    }

    fn hashed(&self, settings: &Settings, fields: Vec<&str>) -> String {
        let mut digest = Sha256::new();
        let mut part = |text: &str| {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        };
        part(&self.name);
        part(settings.auth_url.as_deref().unwrap_or_default());
        for field in fields.into_iter().collect::<BTreeSet<_>>() {
            part(field);
            part(settings.get(field).unwrap_or_default());
        }
        stagewire_model::canonical::hex(&digest.finalize())
    }

    /// Puts the credentials on a call.
    pub(crate) fn sign(&self, request: &mut Request, settings: &Settings, token: Option<&str>) {
        match &self.scheme {
            Scheme::None | Scheme::UrlIsCredential(_) => {}
            Scheme::Bearer(field) => {
                if let Some(value) = settings.get(field) {
                    request.set_header("authorization", format!("Bearer {value}"));
                }
            }
            Scheme::Basic { user, password } => {
                let filled = |t| fill(t, settings, plain);
                if let (Some(user), Some(password)) = (filled(user), filled(password)) {
                    request.set_header("authorization", basic("Basic", &user, &password));
                }
            }
            Scheme::Header { name, value } => {
                if let Some(value) = fill(value, settings, plain) {
                    request.set_header(name, value);
                }
            }
            Scheme::WsSecurity(security) if security.basic.is_none() || is_soap(request) => {
                security.sign(request, settings);
            }
            Scheme::WsSecurity(UsernameToken {
                basic: user,
                password,
                ..
            }) => {
                let filled = |t| fill(t, settings, plain);
                if let (Some(user), Some(password)) =
                    (user.as_ref().and_then(filled), filled(password))
                {
                    request.set_header("authorization", basic("Basic", &user, &password));
                }
            }
            Scheme::OAuth(_) => {
                if let Some(token) = token {
                    request.set_header("authorization", format!("Bearer {token}"));
                }
            }
        }
        if is_soap(request) && !matches!(self.scheme, Scheme::WsSecurity(_)) {
            close(request);
        }
    }
}

/// A template that must be there.
fn needed(r: &Reader<'_>, key: &'static str) -> Option<Template> {
    if r.has(key) {
        r.template(key)
    } else {
        drop(r.need(key));
        None
    }
}

/// The second half; empty where the first is all there is.
fn half(r: &Reader<'_>) -> Option<Template> {
    if r.has("password") {
        r.template("password")
    } else {
        Template::parse("").ok()
    }
}

fn names<const N: usize>(templates: [&Template; N]) -> Vec<String> {
    let all = templates.iter().flat_map(|t| t.names());
    let all: BTreeSet<String> = all.map(str::to_owned).collect();
    all.into_iter().collect()
}

/// The text with its fields filled in; `None` where one is empty.
fn fill(template: &Template, settings: &Settings, quote: fn(&str) -> String) -> Option<String> {
    let get = |field: &str| settings.get(field).map(Value::from);
    template.fill(&get, quote).ok()
}

fn basic(word: &str, user: &str, password: &str) -> String {
    format!("{word} {}", STANDARD.encode(format!("{user}:{password}")))
}

#[cfg(test)]
mod tests;
