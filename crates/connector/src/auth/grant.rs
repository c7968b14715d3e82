//! Tokens as data: where they are asked for, by whom, with what, and how long they live. Asks for none and keeps none.

use super::client::Client;
use super::consent::Consent;
use super::fill;
use super::introspect::Introspect;
use crate::http::{Request, encode, origin};
use crate::manifest::Reader;
use crate::path::Path;
use crate::settings::Settings;
use crate::template::{Template, plain};

/// What stands behind a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The client itself.
    Client,
    /// A refresh token that a person typed in.
    Refresh,
    /// A person's consent at the vendor.
    Code,
}

#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) kind: Kind,
    pub(crate) client: Client,
    pub(crate) token_url: Template,
    params: Vec<(String, Template)>,
    /// The field with the refresh token that was typed in.
    typed: Option<String>,
    pub(crate) consent: Option<Consent>,
    pub(crate) introspect: Option<Introspect>,
    pub(crate) before_ms: Option<i64>,
    pub(crate) lasts_ms: i64,
    rotating: bool,
    idle_ms: Option<i64>,
    pub(crate) refresh_lasts_ms: Option<i64>,
    pub(crate) access: Path,
    pub(crate) expires_at: Path,
    pub(crate) expires_in: Path,
    pub(crate) refresh: Path,
    pub(crate) refresh_expires_in: Path,
    pub(crate) granted: Path,
    pub(crate) account: Option<Path>,
}

/// How the tokens of a way in live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Only a person's consent at the vendor begins it.
    pub by_consent: bool,
    /// Each refresh token works once and brings the next one.
    pub single_use: bool,
    /// A refresh token that is not used for so long is dead.
    pub idle_ms: Option<i64>,
}

impl Grant {
    pub(crate) fn read(kind: Kind, r: &Reader<'_>) -> Option<Grant> {
        let token_url = address(r, "token_url");
        let client = Client::read(r);
        let renew = r.table("renew").map(|t| {
            let before = t.duration("before");
            t.done();
            before
        });
        let consent = (kind == Kind::Code).then(|| Consent::read(r));
        let renews = kind != Kind::Client;
        let path = |key: &'static str, usual: &str| {
            r.path(key)
                .or_else(|| Path::parse(usual))
                .unwrap_or_default()
        };
        let renewed = |key: &'static str, usual: &str| match renews {
            true => path(key, usual),
            false => Path::parse(usual).unwrap_or_default(),
        };
        let read = Grant {
            kind,
            consent: None,
            params: params(r, "params"),
            typed: (kind == Kind::Refresh).then(|| {
                r.text("refresh_token")
                    .unwrap_or_else(|| "refresh_token".into())
            }),
            introspect: r.table("introspect").and_then(|t| {
                let look = Introspect::read(&t);
                t.done();
                look
            }),
            before_ms: renew.flatten(),
            lasts_ms: r.duration("lasts").unwrap_or(3_600_000),
            rotating: renews && r.flag("rotating"),
            idle_ms: renews.then(|| r.duration("idle_death")).flatten(),
            refresh_lasts_ms: renews.then(|| r.duration("refresh_lasts")).flatten(),
            access: path("access", "access_token"),
            expires_at: path("expires_at", "expires_at"),
            expires_in: path("expires_in", "expires_in"),
            refresh: renewed("refresh", "refresh_token"),
            refresh_expires_in: renewed("refresh_expires_in", "refresh_token_expires_in"),
            granted: path("granted", "scope"),
            account: keys(r, "account"),
            client,
            token_url: token_url?,
        };
        Some(match consent {
            Some(consent) => Grant {
                consent: Some(consent?),
                ..read
            },
            None => read,
        })
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules {
            by_consent: self.kind == Kind::Code,
            single_use: self.rotating,
            idle_ms: self.idle_ms,
        }
    }

    /// The fields without which it cannot work.
    pub(crate) fn requires(&self) -> Vec<String> {
        let mut all = vec![self.client.id.clone(), self.client.secret.clone()];
        all.extend(self.typed.clone());
        all.extend(self.addresses().map(str::to_owned));
        all.sort();
        all.dedup();
        all
    }

    /// The fields that are used where they are filled in.
    pub(crate) fn optional(&self) -> Vec<&str> {
        let asked = self.consent.iter().flat_map(|c| &c.params);
        self.params
            .iter()
            .chain(asked)
            .flat_map(|(_, t)| t.names())
            .collect()
    }

    /// The fields inside its addresses.
    fn addresses(&self) -> impl Iterator<Item = &str> {
        let consent = self.consent.iter().map(|c| &c.url);
        let introspect = self.introspect.iter().map(|i| &i.url);
        let all = std::iter::once(&self.token_url)
            .chain(consent)
            .chain(introspect);
        all.flat_map(Template::names)
    }

    /// The fields that say whose token it is.
    pub(crate) fn basis(&self) -> Vec<&str> {
        let mut fields = vec![self.client.id.as_str()];
        fields.extend(self.addresses());
        fields.extend(self.typed.as_deref());
        if self.kind == Kind::Client {
            fields.push(&self.client.secret);
            fields.extend(self.optional());
        }
        fields
    }

    /// The call that asks for a token by what is filled in alone.
    pub(crate) fn first(&self, settings: &Settings) -> Option<Request> {
        match self.kind {
            Kind::Client => self.post(settings, vec![pair("grant_type", "client_credentials")]),
            Kind::Refresh => self.renew(settings, settings.get(self.typed.as_deref()?)?),
            Kind::Code => None,
        }
    }

    /// The call that asks for the next token.
    pub(crate) fn renew(&self, settings: &Settings, refresh: &str) -> Option<Request> {
        if self.kind == Kind::Client {
            return None;
        }
        let form = vec![
            pair("grant_type", "refresh_token"),
            pair("refresh_token", refresh),
        ];
        self.post(settings, form)
    }

    pub(crate) fn post(
        &self,
        settings: &Settings,
        mut form: Vec<(String, String)>,
    ) -> Option<Request> {
        form.extend(filled(&self.params, settings));
        self.client.post(&self.token_url, settings, form)
    }

    /// An address that no host stands in.
    pub(crate) fn wrong(&self, settings: &Settings) -> Option<String> {
        let consent = self.consent.iter().map(|c| &c.url);
        for address in std::iter::once(&self.token_url).chain(consent) {
            let Some(url) = fill(address, settings, encode) else {
                continue;
            };
            if origin(&url).is_none_or(|o| o.contains('%')) {
                let names: Vec<&str> = address.names().collect();
                return Some(format!(
                    "`{}` does not fit the address {}: a host is written alone, such as services.example.com",
                    names.join("`, `"),
                    address.pattern()
                ));
            }
        }
        None
    }
}

pub(crate) fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// An address with fields in it.
pub(crate) fn address(r: &Reader<'_>, key: &'static str) -> Option<Template> {
    let template = super::needed(r, key)?;
    if origin(&template.pattern()).is_none() {
        r.wrong_at(
            key,
            format!("`{key}` should begin with https:// and a host"),
        );
    }
    Some(template)
}

/// A table of texts with fields in them.
pub(crate) fn params(r: &Reader<'_>, key: &'static str) -> Vec<(String, Template)> {
    let read = |(name, text): (String, String)| match Template::parse(&text) {
        Ok(template) => Some((name, template)),
        Err(why) => {
            r.wrong_at(key, why);
            None
        }
    };
    r.text_map(key).into_iter().filter_map(read).collect()
}

/// What is filled in of them; one whose field is empty is left out.
pub(crate) fn filled(params: &[(String, Template)], settings: &Settings) -> Vec<(String, String)> {
    let fill = |(key, template): &(String, Template)| {
        Some((key.clone(), fill(template, settings, plain)?))
    };
    params.iter().filter_map(fill).collect()
}

/// A path, or its keys one by one where a key holds dots.
pub(crate) fn keys(r: &Reader<'_>, key: &'static str) -> Option<Path> {
    let texts = r.texts(key);
    match texts.as_slice() {
        [] => None,
        [path] => {
            let path = Path::parse(path);
            if path.is_none() {
                r.wrong_at(key, format!("`{key}` should be a path, or a list of keys"));
            }
            path
        }
        keys => Some(Path::of_keys(keys)),
    }
}
