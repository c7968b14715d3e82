//! Ways in: which of the manifest's ways a connection has filled in, how a call carries it, and how a token is asked for. Keeps no
//! token; when to renew is the engine's business.

use crate::http::{Request, Response, rebase};
use crate::manifest::Reader;
use crate::path::{Path, scalar_text};
use crate::settings::Settings;
use crate::template::{Template, plain};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use stagewire_model::time::parse_instant;
use stagewire_model::{Micros, Secret};

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
    /// A header made of fields.
    Header { name: String, value: Template },
    /// The address itself is the secret.
    UrlIsCredential(String),
    /// A token for client id and secret.
    ClientCredentials(Box<Client>),
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    token_url: String,
    id: String,
    secret: String,
    basic: bool,
    params: Vec<(String, Template)>,
    renew_before_ms: i64,
    lasts_ms: i64,
    access: Path,
    expires_at: Path,
    expires_in: Path,
    introspect: Option<Introspect>,
}

#[derive(Clone, Debug)]
struct Introspect {
    url: String,
    account: Option<Path>,
    scopes: Option<Path>,
}

/// A token that was given to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What calls carry.
    pub access: Secret<String>,
    /// When it ends, by our clock where only a length was told.
    pub expires_at: Micros,
    /// When to ask for the next one.
    pub renew_at: Micros,
}

/// What a look at a token told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introspected {
    /// The vendor's account the token belongs to.
    pub account: Option<String>,
    /// What it may do.
    pub scopes: Option<Vec<String>>,
    /// False where the vendor says it is dead.
    pub active: bool,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No way in has all its fields.
    #[error("not filled in: {}", .0.join(", "))]
    NotFilledIn(Vec<String>),
    /// The vendor does not take these credentials.
    #[error("the vendor refused the credentials: {0}")]
    Denied(String),
    /// Too fast, or the vendor is not well.
    #[error("no token now")]
    Later(Option<i64>),
    /// An answer without a token.
    #[error("the answer holds no token")]
    Unreadable,
}

impl Auth {
    pub(crate) fn read(name: String, r: &Reader<'_>) -> Option<Auth> {
        #[derive(Clone, Copy)]
        enum Word {
            None,
            Bearer,
            Header,
            Url,
            Client,
        }
        let word = r.word(
            "scheme",
            &[
                ("none", Word::None),
                ("bearer", Word::Bearer),
                ("header", Word::Header),
                ("url_is_credential", Word::Url),
                ("oauth2_client_credentials", Word::Client),
            ],
        );
        if !r.has("scheme") {
            r.wrong("`scheme` is missing");
        }
        let (scheme, requires) = match word? {
            Word::None => (Scheme::None, vec![]),
            Word::Bearer => {
                let field = r.need("field");
                (Scheme::Bearer(field.clone()), vec![field])
            }
            Word::Header => {
                let value = r.template("value")?;
                let requires = value.names().map(str::to_owned).collect();
                (
                    Scheme::Header {
                        name: r.need("header"),
                        value,
                    },
                    requires,
                )
            }
            Word::Url => {
                let field = r.need("field");
                (Scheme::UrlIsCredential(field.clone()), vec![field])
            }
            Word::Client => {
                let client = Client::read(r);
                let requires = vec![client.id.clone(), client.secret.clone()];
                (Scheme::ClientCredentials(Box::new(client)), requires)
            }
        };
        Some(Auth {
            name,
            scheme,
            requires,
        })
    }

    /// Whether calls carry a token that must be asked for first.
    pub fn needs_token(&self) -> bool {
        matches!(self.scheme, Scheme::ClientCredentials(_))
    }

    /// Whether all its fields are filled in.
    pub(crate) fn fits(&self, settings: &Settings) -> bool {
        self.requires.iter().all(|f| settings.get(f).is_some())
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
            Scheme::Header { name, value } => {
                let get = |field: &str| settings.get(field).map(Value::from);
                if let Ok(value) = value.fill(&get, plain) {
                    request.set_header(name, value);
                }
            }
            Scheme::ClientCredentials(_) => {
                if let Some(token) = token {
                    request.set_header("authorization", format!("Bearer {token}"));
                }
            }
        }
    }

    pub(crate) fn token_request(&self, settings: &Settings) -> Option<Request> {
        let Scheme::ClientCredentials(client) = &self.scheme else {
            return None;
        };
        let (id, secret) = (settings.get(&client.id)?, settings.get(&client.secret)?);
        let mut form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        for (key, template) in &client.params {
            // A parameter whose field is empty is left out.
            if let Ok(value) = template.fill(&|f| settings.get(f).map(Value::from), plain) {
                form.push((key.clone(), value));
            }
        }
        if !client.basic {
            form.push(("client_id".into(), id.into()));
            form.push(("client_secret".into(), secret.into()));
        }
        let mut request = form_request(&client.token_url, settings, &form);
        if client.basic {
            request.set_header(
                "authorization",
                format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
            );
        }
        Some(request)
    }

    pub(crate) fn read_token(&self, response: &Response, now: Micros) -> Result<Token, AuthError> {
        let Scheme::ClientCredentials(client) = &self.scheme else {
            return Err(AuthError::Unreadable);
        };
        match response.status {
            200..300 => {}
            400 | 401 | 403 => {
                let body = response.json().unwrap_or_default();
                let word = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
                let said = word("error_description")
                    .or_else(|| word("error"))
                    .or_else(|| word("message"))
                    .unwrap_or_default();
                return Err(AuthError::Denied(said.chars().take(200).collect()));
            }
            _ => {
                return Err(AuthError::Later(crate::outcome::wait_ms(
                    response,
                    &Default::default(),
                    now,
                )));
            }
        }
        let body = response.json().ok_or(AuthError::Unreadable)?;
        let access = client
            .access
            .get(&body)
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
            .ok_or(AuthError::Unreadable)?;
        let told = client
            .expires_at
            .get(&body)
            .and_then(Value::as_str)
            .and_then(parse_instant)
            .map(|(at, _)| at);
        let length = client
            .expires_in
            .get(&body)
            .and_then(scalar_text)
            .and_then(|t| t.parse::<i64>().ok())
            .filter(|s| *s > 0);
        let expires_at = told
            .or_else(|| length.map(|s| now.plus_ms(s.saturating_mul(1000))))
            .unwrap_or_else(|| now.plus_ms(client.lasts_ms));
        let renew_at = expires_at.plus_ms(-client.renew_before_ms).max(now);
        Ok(Token {
            access: Secret::new(access.to_owned()),
            expires_at,
            renew_at,
        })
    }

    pub(crate) fn introspect_request(&self, settings: &Settings, token: &str) -> Option<Request> {
        let Scheme::ClientCredentials(client) = &self.scheme else {
            return None;
        };
        let look = client.introspect.as_ref()?;
        let mut request = form_request(&look.url, settings, &[("token".into(), token.into())]);
        let basic = format!(
            "{}:{}",
            settings.get(&client.id)?,
            settings.get(&client.secret)?
        );
        request.set_header("authorization", format!("Basic {}", STANDARD.encode(basic)));
        Some(request)
    }

    pub(crate) fn read_introspected(&self, response: &Response) -> Option<Introspected> {
        let Scheme::ClientCredentials(client) = &self.scheme else {
            return None;
        };
        let look = client.introspect.as_ref()?;
        let body = response.json().filter(|_| response.is_2xx())?;
        let scopes = look
            .scopes
            .as_ref()
            .and_then(|p| p.get(&body))
            .and_then(Value::as_str);
        Some(Introspected {
            account: look
                .account
                .as_ref()
                .and_then(|p| p.get(&body))
                .and_then(scalar_text),
            scopes: scopes.map(|s| s.split_whitespace().map(str::to_owned).collect()),
            active: body.get("active").and_then(Value::as_bool).unwrap_or(true),
        })
    }
}

impl Client {
    fn read(r: &Reader<'_>) -> Client {
        let params = r
            .text_map("params")
            .into_iter()
            .filter_map(|(key, text)| match Template::parse(&text) {
                Ok(template) => Some((key, template)),
                Err(why) => {
                    r.wrong_at("params", why);
                    None
                }
            })
            .collect();
        let renew = r.table("renew").map(|t| {
            let before = t.duration("before");
            t.done();
            before
        });
        let path = |key: &'static str, usual: &str| {
            r.path(key)
                .or_else(|| Path::parse(usual))
                .unwrap_or_default()
        };
        let introspect = r.table("introspect").map(|t| {
            let look = Introspect {
                url: t.need("url"),
                account: t.path("account"),
                scopes: t.path("scopes"),
            };
            t.done();
            look
        });
        Client {
            token_url: r.need("token_url"),
            id: r.text("client_id").unwrap_or_else(|| "client_id".into()),
            secret: r
                .text("client_secret")
                .unwrap_or_else(|| "client_secret".into()),
            basic: r
                .word("client_as", &[("basic", true), ("form", false)])
                .unwrap_or(true),
            params,
            renew_before_ms: renew.flatten().unwrap_or(120_000),
            lasts_ms: r.duration("lasts").unwrap_or(3_600_000),
            access: path("access", "access_token"),
            expires_at: path("expires_at", "expires_at"),
            expires_in: path("expires_in", "expires_in"),
            introspect,
        }
    }
}

fn form_request(url: &str, settings: &Settings, form: &[(String, String)]) -> Request {
    let encode = crate::http::encode;
    let body: Vec<String> = form
        .iter()
        .map(|(k, v)| format!("{}={}", encode(k), encode(v)))
        .collect();
    let mut request = Request::get(
        rebase(url, settings.auth_url.as_deref()),
        crate::http::path_of(url),
    );
    request.method = "POST".into();
    request.body = body.join("&").into_bytes();
    request.set_header("content-type", "application/x-www-form-urlencoded");
    request
}
