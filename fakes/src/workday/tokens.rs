//! The tenant's API clients, integration system users and tokens: three grants, and what a caller
//! may see. The tokens are made up and open nothing but this fake.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::options::ClientAs;
use crate::clock::Time;
use crate::rng::Rng;

/// The functional area that everything this fake offers belongs to.
pub(crate) const AREA: &str = "Recruiting";

const CODE_LIFE_SECS: i64 = 600;

/// What an integration system user may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything here.
    Full,
    /// Nothing: the security group lacks the domains.
    Forbidden,
    /// No rows: policy changes were never activated.
    EmptyRows,
}

/// An integration system user.
#[derive(Clone, Debug)]
pub struct Isu {
    /// The user name, without the tenant.
    pub user: String,
    /// The password.
    pub password: String,
    /// What it may see.
    pub access: Access,
}

impl Isu {
    /// One that may see everything.
    pub fn new(user: &str, password: &str) -> Self {
        Isu {
            user: user.into(),
            password: password.into(),
            access: Access::Full,
        }
    }
}

/// A registered API client.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
    /// Functional areas ticked; `Recruiting` is what counts here.
    pub scopes: Vec<String>,
    /// Living refresh tokens and the users they act for.
    pub refresh_tokens: Vec<(String, String)>,
    /// The user of the Client Credentials Mapping, if the tenant has made one.
    pub mapped_to: Option<String>,
    /// Whether it is switched on.
    pub enabled: bool,
}

impl Client {
    /// A client for integrations: refresh token `demo-refresh`, mapped to the user, all areas.
    pub fn new(id: &str, secret: &str, isu: &str) -> Self {
        Client {
            id: id.into(),
            secret: secret.into(),
            scopes: vec![AREA.into(), "Staffing".into(), "Integration".into()],
            refresh_tokens: vec![("demo-refresh".into(), isu.into())],
            mapped_to: Some(isu.into()),
            enabled: true,
        }
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: String,
    pub(crate) access: Access,
}

struct Code {
    client_id: String,
    redirect_uri: String,
    user: String,
    expires_at: Time,
}

struct Living {
    client_id: String,
    user: String,
    expires_at: Time,
}

/// Clients, users and living tokens.
pub(crate) struct Tokens {
    pub(crate) clients: Vec<Client>,
    pub(crate) isus: Vec<Isu>,
    living: HashMap<String, Living>,
    codes: HashMap<String, Code>,
    pub(crate) minted: u64,
}

/// What the token service needs to know about the tenant.
pub(crate) struct House<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) client_as: ClientAs,
    pub(crate) echo_refresh_token: bool,
    pub(crate) life_secs: i64,
}

/// A refusal of the token service.
pub(crate) type Denied = (u16, &'static str);

type Form = BTreeMap<String, String>;

impl Tokens {
    pub(crate) fn new(clients: Vec<Client>, isus: Vec<Isu>) -> Self {
        Tokens {
            clients,
            isus,
            living: HashMap::new(),
            codes: HashMap::new(),
            minted: 0,
        }
    }

    /// One request to the token service.
    pub(crate) fn grant(
        &mut self,
        header: Option<&str>,
        form: &Form,
        house: &House<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Value, Denied> {
        let field = |name: &str| form.get(name).map(String::as_str);
        let (client, user, refresh) = match field("grant_type") {
            Some("refresh_token") => {
                let client = self.client(self.named(header, form, house.client_as)?)?;
                let token = field("refresh_token").ok_or((400, "invalid_request"))?;
                let mut known = client.refresh_tokens.iter();
                let known = known.find(|(known, _)| known == token);
                let (_, user) = known.filter(|_| client.enabled).ok_or((400, INVALID))?;
                (client.id.clone(), user.clone(), Some(token.to_owned()))
            }
            Some("client_credentials") => {
                let pair = pair(header, "ID ").ok_or((401, "invalid_client"))?;
                let client = self.client(pair)?;
                if field("tenant_alias") != Some(house.tenant) {
                    return Err((400, "invalid_request"));
                }
                let user = client.mapped_to.clone().filter(|_| client.enabled);
                (
                    client.id.clone(),
                    user.ok_or((400, "unauthorized_client"))?,
                    None,
                )
            }
            Some("authorization_code") => {
                let pair = pair(header, "Basic ").ok_or((401, "invalid_client"))?;
                let client = self.client(pair)?.id.clone();
                let code = field("code").ok_or((400, "invalid_request"))?;
                let code = self.codes.remove(code).ok_or((400, INVALID))?;
                let uri = field("redirect_uri");
                let same = uri.is_none_or(|uri| uri == code.redirect_uri);
                if code.client_id != client || !same || now >= code.expires_at {
                    return Err((400, INVALID));
                }
                let token = self.add_refresh_token(&client, &code.user, rng);
                (client, code.user, Some(token.ok_or((400, INVALID))?))
            }
            Some(_) => return Err((400, "unsupported_grant_type")),
            None => return Err((400, "invalid_request")),
        };
        self.minted += 1;
        let access = format!("fake-{}-{:016x}", self.minted, rng.next());
        let expires_at = now.plus_secs(house.life_secs);
        let living = Living {
            client_id: client,
            user,
            expires_at,
        };
        self.living.insert(access.clone(), living);
        let mut answer = json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": house.life_secs,
        });
        let fresh = field("grant_type") == Some("authorization_code");
        if let Some(token) = refresh.filter(|_| fresh || house.echo_refresh_token) {
            answer["refresh_token"] = token.into();
        }
        Ok(answer)
    }

    /// A code for a client that somebody has allowed; none for a client nobody knows.
    pub(crate) fn code(
        &mut self,
        client_id: &str,
        redirect_uri: &str,
        now: Time,
        rng: &mut Rng,
    ) -> Option<String> {
        let mut clients = self.clients.iter();
        clients.find(|client| client.id == client_id && client.enabled)?;
        let code = rng.uuid();
        self.codes.insert(
            code.clone(),
            Code {
                client_id: client_id.into(),
                redirect_uri: redirect_uri.into(),
                user: self.isus.first()?.user.clone(),
                expires_at: now.plus_secs(CODE_LIFE_SECS),
            },
        );
        Some(code)
    }

    /// Gives a client one more refresh token.
    pub(crate) fn add_refresh_token(
        &mut self,
        client_id: &str,
        user: &str,
        rng: &mut Rng,
    ) -> Option<String> {
        let mut clients = self.clients.iter_mut();
        let client = clients.find(|client| client.id == client_id)?;
        let token = format!("refresh-{:016x}{:016x}", rng.next(), rng.next());
        client.refresh_tokens.push((token.clone(), user.into()));
        Some(token)
    }

    /// Ends a client's access tokens.
    pub(crate) fn end(&mut self, client_id: &str) {
        self.living.retain(|_, token| token.client_id != client_id);
    }

    /// The caller of a Bearer token. Without the functional area the token sees nothing.
    pub(crate) fn bearer(&self, header: &str, now: Time) -> Option<Caller> {
        let living = self.living.get(header.strip_prefix("Bearer ")?)?;
        let mut clients = self.clients.iter();
        let client = clients.find(|client| client.id == living.client_id && client.enabled)?;
        if now >= living.expires_at {
            return None;
        }
        let isu = self.isus.iter().find(|isu| isu.user == living.user)?;
        let scoped = client.scopes.iter().any(|scope| scope == AREA);
        Some(Caller {
            user: isu.user.clone(),
            access: if scoped {
                isu.access
            } else {
                Access::Forbidden
            },
        })
    }

    /// The caller of a Basic header.
    pub(crate) fn basic(&self, header: &str, tenant: &str, with_tenant: bool) -> Option<Caller> {
        let (user, password) = pair(Some(header), "Basic ")?;
        match user.split_once('@') {
            Some((user, at)) if at == tenant => self.user(user, &password),
            Some(_) => None,
            None if with_tenant => None,
            None => self.user(&user, &password),
        }
    }

    /// The caller of a UsernameToken, which always names the tenant.
    pub(crate) fn username_token(
        &self,
        name: &str,
        password: &str,
        tenant: &str,
    ) -> Option<Caller> {
        let (user, at) = name.split_once('@')?;
        (at == tenant).then(|| self.user(user, password))?
    }

    fn user(&self, user: &str, password: &str) -> Option<Caller> {
        let mut isus = self.isus.iter();
        let isu = isus.find(|isu| isu.user == user && isu.password == password)?;
        Some(Caller {
            user: isu.user.clone(),
            access: isu.access,
        })
    }

    fn named(
        &self,
        header: Option<&str>,
        form: &Form,
        place: ClientAs,
    ) -> Result<(String, String), Denied> {
        let basic = pair(header, "Basic ").filter(|_| place != ClientAs::Form);
        let fields = form.get("client_id").zip(form.get("client_secret"));
        let fields = fields.map(|(id, secret)| (id.clone(), secret.clone()));
        let fields = fields.filter(|_| place != ClientAs::Basic);
        basic.or(fields).ok_or((401, "invalid_client"))
    }

    fn client(&self, (id, secret): (String, String)) -> Result<&Client, Denied> {
        let mut clients = self.clients.iter();
        let found = clients.find(|client| client.id == id && client.secret == secret);
        found.ok_or((401, "invalid_client"))
    }
}

const INVALID: &str = "invalid_grant";

/// The two parts of a header such as `Basic …` or `ID …`.
fn pair(header: Option<&str>, scheme: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(header?.strip_prefix(scheme)?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.into(), secret.into()))
}
