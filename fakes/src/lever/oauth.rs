//! The partner flow: consent, codes, access tokens of an hour, refresh tokens that are good once.
//! Made-up secrets only, in memory.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::keys::{CONFIDENTIAL, Caller};
use super::options::{Consent, Options};
use crate::clock::Time;
use crate::rng::Rng;

const CODE_SECS: i64 = 600;
const DAY_SECS: i64 = 86_400;
/// A refresh token nobody used for so long is dead.
const IDLE_SECS: i64 = 90 * DAY_SECS;
/// And in the end it is dead in any case.
const LIFE_SECS: i64 = 365 * DAY_SECS;

/// An app of a partner.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Its public id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where codes may be sent, compared letter by letter; none means anywhere.
    pub redirect_uris: Vec<String>,
}

impl Partner {
    /// An app whose codes may be sent anywhere.
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Partner {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            redirect_uris: Vec::new(),
        }
    }
}

/// What a grant is for.
#[derive(Clone, Debug)]
struct Grant {
    client: String,
    scope: String,
    /// Asked for with the right audience; else the API refuses its tokens.
    good: bool,
    /// When somebody consented.
    since: Time,
}

/// What happens to somebody at the consent page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Consented {
    /// Nobody can be sent back; why.
    Refused(&'static str),
    /// Sent back here.
    Back(String),
    /// Must decide first.
    Ask,
}

/// A refusal of the token service: status, error, description.
pub(crate) type Denied = (u16, &'static str, &'static str);

/// The form of a request, by field.
pub(crate) type Form = HashMap<String, String>;

pub(crate) struct Oauth {
    partners: Vec<Partner>,
    audience: String,
    life_secs: i64,
    codes: HashMap<String, (Grant, String, Time)>,
    refresh: HashMap<String, (Grant, Time)>,
    access: HashMap<String, (Grant, Time)>,
    minted: u64,
}

impl Oauth {
    pub(crate) fn new(options: &Options) -> Self {
        Oauth {
            partners: options.partners.clone(),
            audience: options.audience.clone(),
            life_secs: options.access_life_secs,
            codes: HashMap::new(),
            refresh: HashMap::new(),
            access: HashMap::new(),
            minted: 0,
        }
    }

    /// Answers a visit of the consent page.
    pub(crate) fn consent(
        &mut self,
        form: &Form,
        decision: Consent,
        now: Time,
        rng: &mut Rng,
    ) -> Consented {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let partner = self.partners.iter();
        let mut partner = partner.filter(|one| one.client_id == field("client_id"));
        let Some(partner) = partner.next() else {
            return Consented::Refused("unknown client");
        };
        let uri = field("redirect_uri");
        let uris = &partner.redirect_uris;
        if uri.is_empty() || !(uris.is_empty() || uris.iter().any(|one| one == uri)) {
            return Consented::Refused("the redirect_uri is not registered");
        }
        let state = field("state");
        if field("response_type") != "code" {
            return back(
                uri,
                &[("state", state), ("error", "unsupported_response_type")],
            );
        }
        match decision {
            Consent::Ask => Consented::Ask,
            Consent::Deny => back(
                uri,
                &[
                    ("state", state),
                    ("error", "access_denied"),
                    ("error_description", "User did not authorize the request"),
                ],
            ),
            Consent::Grant => {
                let grant = Grant {
                    client: partner.client_id.clone(),
                    scope: field("scope").to_string(),
                    good: field("audience") == self.audience,
                    since: now,
                };
                let code = secret(rng);
                self.codes.insert(code.clone(), (grant, uri.into(), now));
                back(uri, &[("code", &code), ("state", state)])
            }
        }
    }

    /// Gives tokens for a code or for a refresh token; either is good once.
    pub(crate) fn token(&mut self, form: &Form, now: Time, rng: &mut Rng) -> Result<Value, Denied> {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let client = field("client_id");
        let known = self
            .partners
            .iter()
            .any(|one| one.client_id == client && one.client_secret == field("client_secret"));
        if !known {
            return Err((401, "invalid_client", "Client authentication failed"));
        }
        let spent: Denied = (403, "invalid_grant", "Unknown or invalid grant");
        let grant = match field("grant_type") {
            "authorization_code" => {
                let code = self.codes.remove(field("code"));
                let (grant, uri, made) = code.ok_or(spent)?;
                let fresh = now.ms() - made.ms() <= CODE_SECS * 1000;
                if !fresh || uri != field("redirect_uri") || grant.client != client {
                    return Err(spent);
                }
                grant
            }
            "refresh_token" => {
                let token = field("refresh_token");
                let (grant, since) = self.refresh.get(token).cloned().ok_or(spent)?;
                let idle = now.ms() - since.ms() > IDLE_SECS * 1000;
                let old = now.ms() - grant.since.ms() > LIFE_SECS * 1000;
                if idle || old || grant.client != client {
                    return Err(spent);
                }
                self.refresh.remove(token);
                grant
            }
            _ => return Err((400, "unsupported_grant_type", "Unknown grant type")),
        };
        Ok(self.mint(grant, now, rng))
    }

    fn mint(&mut self, grant: Grant, now: Time, rng: &mut Rng) -> Value {
        self.minted += 1;
        let until = now.plus_secs(self.life_secs);
        let claims = json!({
            "aud": self.audience,
            "azp": grant.client,
            "iat": now.secs(),
            "exp": until.secs(),
            "scope": grant.scope,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(&json!({"alg": "HS512"}));
        let access = format!("{head}.{}.{}", part(&claims), secret(rng));
        let mut answer = json!({
            "access_token": access,
            "token_type": "Bearer",
            "scope": grant.scope,
            "expires_in": self.life_secs,
        });
        if grant
            .scope
            .split(' ')
            .any(|scope| scope == "offline_access")
        {
            let token = secret(rng);
            answer["refresh_token"] = json!(token);
            self.refresh.insert(token, (grant.clone(), now));
        }
        self.access.insert(access, (grant, until));
        answer
    }

    /// Whose access token this is, if the API takes it.
    pub(crate) fn caller(&self, token: &str, now: Time) -> Option<Caller> {
        let (grant, until) = self.access.get(token)?;
        let scopes: Vec<String> = grant.scope.split(' ').map(String::from).collect();
        (grant.good && now < *until).then(|| Caller {
            name: format!("client {}", grant.client),
            confidential: scopes.iter().any(|scope| scope == CONFIDENTIAL),
            scopes: Some(scopes),
        })
    }

    /// Ends every token of a client, as somebody who takes the consent back does.
    pub(crate) fn revoke(&mut self, client_id: &str) {
        self.end_access(client_id);
        self.refresh
            .retain(|_, (grant, _)| grant.client != client_id);
    }

    /// Ends the access tokens of a client only.
    pub(crate) fn end_access(&mut self, client_id: &str) {
        self.access
            .retain(|_, (grant, _)| grant.client != client_id);
    }

    pub(crate) fn minted(&self) -> u64 {
        self.minted
    }
}

fn back(uri: &str, pairs: &[(&str, &str)]) -> Consented {
    let Ok(mut url) = reqwest::Url::parse(uri) else {
        return Consented::Refused("the redirect_uri is no address");
    };
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    url.query_pairs_mut().extend_pairs(given);
    Consented::Back(url.into())
}

fn secret(rng: &mut Rng) -> String {
    format!(
        "{:016x}{:016x}{:08x}",
        rng.next(),
        rng.next(),
        rng.next() >> 32
    )
}
