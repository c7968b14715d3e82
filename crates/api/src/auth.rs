//! Who asks, and what they may do: a bearer token, known by its hash, has a role; the table below says which role each route needs.
//! On the owner-only socket the caller is an admin without a token.

use crate::Api;
use crate::problem::Problem;
use crate::wrong::Client;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use stagewire_model::fields::Class;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a token found in the store is believed, in microseconds.
const BELIEVED_US: i64 = 10_000_000;
/// Tokens remembered at most.
const MOST: usize = 1_000;

/// What a caller may do; each may also do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads everything.
    Viewer,
    /// Decides holds.
    Reviewer,
    /// Works the inbox, sends commands, tries flows, tests, pauses and reads connections.
    Operator,
    /// Everything else: flows, fields, subscriptions, tokens.
    Admin,
    /// Also makes other owners.
    Owner,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Role; 5] = [
        Role::Viewer,
        Role::Reviewer,
        Role::Operator,
        Role::Admin,
        Role::Owner,
    ];

    /// The word on the surface.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Reviewer => "reviewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

/// What changes something and needs less than an admin. Reading needs a viewer; all else an admin.
const NEEDS: &[(&str, Role)] = &[
    ("/api/v1/holds/{id}/approve", Role::Reviewer),
    ("/api/v1/holds/{id}/edit", Role::Reviewer),
    ("/api/v1/holds/{id}/reject", Role::Reviewer),
    ("/api/v1/failures/replay", Role::Operator),
    ("/api/v1/failures/{id}/replay", Role::Operator),
    ("/api/v1/failures/{id}/settle", Role::Operator),
    ("/api/v1/failures/{id}/take", Role::Operator),
    ("/api/v1/failures/{id}/ignore", Role::Operator),
    ("/api/v1/actions/{id}/replay", Role::Operator),
    ("/api/v1/deliveries/{id}/replay", Role::Operator),
    ("/api/v1/commands", Role::Operator),
    ("/api/v1/connections/{id}/check", Role::Operator),
    ("/api/v1/connections/{id}/sync", Role::Operator),
    ("/api/v1/connections/{id}/connect", Role::Operator),
    ("/api/v1/connections/{id}/pause", Role::Operator),
    ("/api/v1/connections/{id}/resume", Role::Operator),
    ("/api/v1/flows/{id}/try", Role::Operator),
    ("/api/v1/flows/{id}/rung", Role::Operator),
    ("/api/v1/flows/plan", Role::Operator),
];

/// The role a route needs.
pub fn needs(method: &Method, path: &str) -> Role {
    if *method == Method::GET || *method == Method::HEAD {
        return Role::Viewer;
    }
    NEEDS
        .iter()
        .find(|(p, _)| *p == path)
        .map_or(Role::Admin, |(_, role)| *role)
}

/// What a token can be given besides its role, and the strictest class of data it sees with it.
pub const SCOPES: &[(&str, Class)] = &[
    ("records:open", Class::Open),
    ("records:restricted", Class::Restricted),
];

/// The strictest class a token with these scopes sees: `personal` where nothing is said, as a role that reads everything may.
pub fn sees(scopes: &str) -> Class {
    let of = |word: &str| SCOPES.iter().find(|(s, _)| *s == word).map(|(_, c)| *c);
    scopes
        .split_whitespace()
        .find_map(of)
        .unwrap_or(Class::Personal)
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token's number; 0 on the local socket.
    pub token: i64,
    /// The token's name, as it stands in the audit log.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
    /// The strictest class of data they may see.
    pub sees: Class,
}

impl Caller {
    /// Refuses a caller below this role.
    ///
    /// # Errors
    /// 403, with what is needed for what.
    pub fn must_be(&self, role: Role, what: &str) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        let detail = format!(
            "{what} needs the role {}; this token is {}",
            role.as_str(),
            self.role.as_str()
        );
        Err(Problem::new(StatusCode::FORBIDDEN, detail))
    }
}

/// Tokens seen lately, by hash, each with the time until it is believed.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<[u8; 32], (Caller, i64)>>);

impl Known {
    fn held(&self) -> MutexGuard<'_, HashMap<[u8; 32], (Caller, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, hash: &[u8; 32], now: i64) -> Option<Caller> {
        self.held()
            .get(hash)
            .filter(|(_, until)| *until > now)
            .map(|(c, _)| c.clone())
    }

    /// Whether it was good once, lately or not.
    fn was_good(&self, hash: &[u8; 32]) -> bool {
        self.held().contains_key(hash)
    }

    fn put(&self, hash: [u8; 32], caller: Caller, now: i64) {
        let mut held = self.held();
        if held.len() >= MOST {
            held.clear();
        }
        held.insert(hash, (caller, now + BELIEVED_US));
    }
}

/// Lets through who has a token that may do this.
pub(crate) async fn by_token(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let from = request.extensions().get::<Client>().copied();
    let allowed = match caller(&api, request.headers(), from).await {
        Ok(caller) => permit(&request, &caller).map(|()| caller),
        Err(problem) => Err(problem),
    };
    match allowed {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => {
            let challenge = problem.status == StatusCode::UNAUTHORIZED;
            let mut response = problem.into_response();
            if challenge {
                response.headers_mut().insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"stagewire\""),
                );
            }
            response
        }
    }
}

/// Lets everybody through as an admin: the socket's file permissions are the proof.
pub(crate) async fn by_socket(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Caller {
        token: 0,
        name: "local".into(),
        role: Role::Admin,
        sees: Class::Restricted,
    });
    next.run(request).await
}

fn permit(request: &Request, caller: &Caller) -> Result<(), Problem> {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    caller.must_be(needs(request.method(), path), "this")
}

/// Who sent this token; `from`: the address it came from, where that is known.
pub(crate) async fn caller(
    api: &Api,
    headers: &HeaderMap,
    from: Option<Client>,
) -> Result<Caller, Problem> {
    let unknown = |say: &str| Problem::new(StatusCode::UNAUTHORIZED, say);
    let given = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(|| unknown("send a token as `Authorization: Bearer …`"))?;
    let token = given
        .to_str()
        .ok()
        .and_then(|v| v.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) =
        token.ok_or_else(|| unknown("the token is sent as `Authorization: Bearer …`"))?;
    let hash: [u8; 32] = Sha256::digest(token.trim().as_bytes()).into();
    let now = api.hub.env.now().0;
    if let Some(caller) = api.shared.known.get(&hash, now) {
        return Ok(caller);
    }
    let stranger = from.filter(|_| !api.shared.known.was_good(&hash));
    if let Some(seconds) = stranger.and_then(|from| api.shared.wrong.must_wait(from, now)) {
        let say = "too many unknown tokens came from this address";
        return Err(Problem {
            retry_after: Some(seconds),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, say)
        });
    }
    let Some(row) = api.hub.store.token(hash).await? else {
        if let Some(from) = from.filter(|from| api.shared.wrong.one_more(*from, now)) {
            tracing::warn!(client.address = %from.0, "many unknown tokens come from one address; more are not looked up for a minute");
        }
        return Err(unknown("this token is not known, or was taken back"));
    };
    let role = Role::parse(&row.role)
        .ok_or_else(|| unknown("this token has a role that this version does not know"))?;
    let caller = Caller {
        token: row.id,
        name: row.name.into(),
        role,
        sees: sees(&row.scopes),
    };
    api.shared.known.put(hash, caller.clone(), now);
    Ok(caller)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_sees_what_is_personal_and_what_is_restricted_only_where_that_was_said() {
        assert_eq!(sees(""), Class::Personal);
        assert_eq!(sees("records:open"), Class::Open);
        assert_eq!(sees("records:restricted"), Class::Restricted);
        assert_eq!(sees("records:everything"), Class::Personal);
    }

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        assert!(
            Role::Viewer < Role::Reviewer
                && Role::Reviewer < Role::Operator
                && Role::Operator < Role::Admin
                && Role::Admin < Role::Owner
        );
        assert_eq!(needs(&Method::GET, "/api/v1/audit"), Role::Viewer);
        assert_eq!(
            needs(&Method::POST, "/api/v1/holds/{id}/approve"),
            Role::Reviewer
        );
        assert_eq!(
            needs(&Method::POST, "/api/v1/tokens"),
            Role::Admin,
            "what is not listed needs an admin"
        );
    }
}
