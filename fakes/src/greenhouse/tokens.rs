//! The token service: client credentials, one living token per client, introspection. It hands out
//! made-up tokens that open nothing but this fake.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::clock::Time;
use crate::rng::Rng;

/// A registered API client.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
    /// What it may do; none means everything.
    pub scopes: Option<Vec<String>>,
    /// Whether its user may list at all (a Site Admin).
    pub site_admin: bool,
}

impl Client {
    /// A client that may do everything.
    pub fn new(id: &str, secret: &str) -> Self {
        Client {
            id: id.into(),
            secret: secret.into(),
            scopes: None,
            site_admin: true,
        }
    }

    /// The same, with these scopes only.
    pub fn with_scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = Some(scopes.iter().map(|scope| scope.to_string()).collect());
        self
    }
}

/// What can be listed.
const LISTS: &str = "users departments offices sources referrers close_reasons candidate_tags applied_candidate_tags rejection_reasons rejection_details jobs openings job_interview_stages job_interviews job_owners job_hiring_managers job_posts job_candidate_attributes candidates applications application_stages offers notes interviews interviewers interview_kits scorecards scorecard_questions scorecard_question_answers scorecard_candidate_attributes attachments";
/// What can be written.
const WRITES: &str = "notes:create applied_candidate_tags:create applied_candidate_tags:destroy candidate_tags:create applications:move applications:reject applications:unreject applications:update applications:create applications:hire candidates:create candidates:update attachments:create rejection_details:update";

/// Every scope there is.
fn everything() -> Vec<String> {
    let lists = LISTS.split(' ').map(|list| format!("harvest:{list}:list"));
    let writes = WRITES.split(' ').map(|write| format!("harvest:{write}"));
    lists.chain(writes).collect()
}

#[derive(Clone, Debug)]
struct Token {
    client_id: String,
    sub: Option<String>,
    expires_at: Time,
}

/// What a token may do.
#[derive(Clone, Debug)]
pub(crate) struct Bearer {
    pub(crate) client_id: String,
    pub(crate) sub: Option<u64>,
    scopes: Option<Vec<String>>,
    site_admin: bool,
}

impl Bearer {
    /// Whether it may, lists being for site admins only.
    pub(crate) fn may(&self, scope: &str) -> bool {
        let listing = scope.ends_with(":list");
        let granted = match &self.scopes {
            Some(scopes) => scopes.iter().any(|one| one == scope),
            None => true,
        };
        granted && (self.site_admin || !listing)
    }
}

/// Clients and living tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    clients: Vec<Client>,
    living: HashMap<String, Token>,
    minted: u64,
    life_secs: i64,
}

/// An RFC 6749 refusal.
pub(crate) type Denied = (u16, &'static str);

impl Tokens {
    pub(crate) fn new(clients: Vec<Client>, life_secs: i64) -> Self {
        Tokens {
            clients,
            living: HashMap::new(),
            minted: 0,
            life_secs,
        }
    }

    /// Registers a client or changes it; its tokens keep what it has now.
    pub(crate) fn set_client(&mut self, client: Client) {
        self.clients.retain(|known| known.id != client.id);
        self.clients.push(client);
    }

    /// A new token for the client in the Basic header. The client's earlier token dies.
    pub(crate) fn mint(
        &mut self,
        basic: Option<&str>,
        form: &HashMap<String, String>,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Value, Denied> {
        let client = self.client(basic)?.id.clone();
        match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {}
            Some("authorization_code" | "refresh_token") => return Err((400, "invalid_grant")),
            Some(_) => return Err((400, "unsupported_grant_type")),
            None => return Err((400, "invalid_request")),
        }
        self.revoke(&client);
        self.minted += 1;
        let text = format!("fake-{}-{:016x}", self.minted, rng.next());
        let expires_at = now.plus_secs(self.life_secs);
        let token = Token {
            client_id: client,
            sub: form.get("sub").cloned(),
            expires_at,
        };
        self.living.insert(text.clone(), token);
        Ok(json!({
            "token_type": "Bearer",
            "access_token": text,
            "expires_at": expires_at.to_string(),
        }))
    }

    /// Ends a client's tokens, as a second process sharing the client would.
    pub(crate) fn revoke(&mut self, client_id: &str) {
        self.living.retain(|_, token| token.client_id != client_id);
    }

    /// The token in an `Authorization` header, if it lives.
    pub(crate) fn bearer(&self, header: Option<&str>, now: Time) -> Option<Bearer> {
        let text = header?.strip_prefix("Bearer ")?;
        let token = self
            .living
            .get(text)
            .filter(|token| now < token.expires_at)?;
        let client = self
            .clients
            .iter()
            .find(|client| client.id == token.client_id)?;
        Some(Bearer {
            client_id: client.id.clone(),
            sub: token.sub.as_deref().and_then(|sub| sub.parse().ok()),
            scopes: client.scopes.clone(),
            site_admin: client.site_admin,
        })
    }

    /// What the service says about a token.
    pub(crate) fn introspect(
        &self,
        basic: Option<&str>,
        token: &str,
        organization: (u64, &str),
        now: Time,
    ) -> Result<Value, Denied> {
        self.client(basic)?;
        let found = self
            .living
            .get(token)
            .filter(|token| now < token.expires_at);
        let Some(found) = found else {
            return Ok(json!({"active": false}));
        };
        let client = self
            .clients
            .iter()
            .find(|client| client.id == found.client_id);
        let scopes = client.and_then(|client| client.scopes.clone());
        Ok(json!({
            "active": true,
            "client_id": found.client_id,
            "sub": found.sub,
            "scope": scopes.unwrap_or_else(everything).join(" "),
            "exp": found.expires_at.secs(),
            "https://auth.greenhouse.io/claims": {
                "organization": {"id": organization.0, "name": organization.1},
                "user_role": match client.is_some_and(|client| client.site_admin) {
                    true => "site_admin",
                    false => "basic",
                },
            },
        }))
    }

    pub(crate) fn minted(&self) -> u64 {
        self.minted
    }

    fn client(&self, basic: Option<&str>) -> Result<&Client, Denied> {
        let text = basic
            .and_then(|header| header.strip_prefix("Basic "))
            .and_then(|text| STANDARD.decode(text).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':'));
        let (id, secret) = pair.ok_or((401, "invalid_client"))?;
        self.clients
            .iter()
            .find(|client| client.id == id && client.secret == secret)
            .ok_or((401, "invalid_client"))
    }
}
