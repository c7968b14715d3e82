//! A connector at the vendor's door: which way in, tokens, permissions, "Test connection", limits. Holds no token.

use crate::auth::{Auth, AuthError, ConsentAsk, Introspected, Scheme, Token};
use crate::http::{Request, Response, encode};
use crate::limits::{Learned, LimitSpec};
use crate::load::Connector;
use crate::settings::{Settings, confirmed};
use serde_json::Value;
use stagewire_model::{Entity, Micros};
use std::collections::BTreeSet;

impl Connector {
    /// The way in that is filled in: the first of the manifest whose fields are all there.
    pub fn auth(&self, settings: &Settings) -> Result<&Auth, AuthError> {
        self.auth.iter().find(|a| a.fits(settings)).ok_or_else(|| {
            let missing = self
                .auth
                .iter()
                .flat_map(|a| &a.requires)
                .filter(|f| settings.get(f).is_none());
            AuthError::NotFilledIn(
                missing
                    .cloned()
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
            )
        })
    }

    /// Puts the credentials on a read.
    pub fn authorize(
        &self,
        mut request: Request,
        settings: &Settings,
        token: Option<&str>,
    ) -> Result<Request, AuthError> {
        self.auth(settings)?.sign(&mut request, settings, token);
        Ok(request)
    }

    /// The call that asks for a token by what is filled in alone; `None` where no token is needed, or only a consent gives one.
    pub fn token_request(&self, settings: &Settings) -> Option<Request> {
        self.auth(settings).ok()?.grant()?.first(settings)
    }

    /// The call that asks for the next token with what the last one came with.
    pub fn renewal(&self, settings: &Settings, refresh: &str) -> Option<Request> {
        self.auth(settings).ok()?.grant()?.renew(settings, refresh)
    }

    /// Reads the answer to a call that asked for a token.
    pub fn read_token(
        &self,
        settings: &Settings,
        response: &Response,
        now: Micros,
    ) -> Result<Token, AuthError> {
        let grant = self.auth(settings)?.grant().ok_or(AuthError::Unreadable)?;
        grant.read_token(response, now)
    }

    /// The address at the vendor where a person agrees; `None` where this way in needs no consent.
    pub fn consent_url(&self, settings: &Settings, ask: &ConsentAsk<'_>) -> Option<String> {
        self.auth(settings)
            .ok()?
            .grant()?
            .consent_url(settings, ask)
    }

    /// The call that changes the code that a person brought back into a token.
    pub fn code_request(
        &self,
        settings: &Settings,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
    ) -> Result<Request, AuthError> {
        let grant = self.auth(settings)?.grant().ok_or(AuthError::Unreadable)?;
        grant.code_request(settings, code, redirect_uri, verifier)
    }

    /// The call that asks what a token is, where the vendor has one.
    pub fn introspect_request(&self, settings: &Settings, token: &str) -> Option<Request> {
        let grant = self.auth(settings).ok()?.grant()?;
        grant.introspect_request(settings, token)
    }

    /// Reads the answer to [`Connector::introspect_request`].
    pub fn read_introspected(
        &self,
        settings: &Settings,
        response: &Response,
    ) -> Option<Introspected> {
        self.auth(settings)
            .ok()?
            .grant()?
            .read_introspected(response)
    }

    /// The `wsse:Security` element of a SOAP envelope's header; [`Connector::authorize`] puts it where a body has
    /// `<wsse:Security/>`.
    pub fn security_header(&self, settings: &Settings) -> Option<String> {
        match &self.auth(settings).ok()?.scheme {
            Scheme::WsSecurity(security) => security.element(settings),
            _ => None,
        }
    }

    /// What the credentials may do, where an answer's header says so.
    pub fn granted_scopes(&self, response: &Response) -> Option<Vec<String>> {
        let value = response.header(self.granted.as_deref()?)?;
        Some(
            value
                .split([',', ' '])
                .map(str::trim)
                .filter(|s| !s.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    /// "Test connection", without credentials; `None` where there is nothing harmless to ask.
    pub fn check_request(&self, settings: &Settings) -> Option<Request> {
        let check = self.check.as_ref()?;
        if check
            .auth
            .as_ref()
            .is_some_and(|n| self.auth(settings).map_or(true, |a| a.name != *n))
        {
            return None;
        }
        let query: Vec<String> = check
            .query
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v)))
            .collect();
        let sep = if query.is_empty() { "" } else { "?" };
        let named = |name: &str| settings.get(name).map(Value::from);
        let path = check.path.fill(&named, encode).ok()?;
        let mut request = Request::get(
            format!("{}{path}{sep}{}", self.base(settings)?, query.join("&")),
            check.path.pattern(),
        );
        request.method = check.method.clone();
        if let Some(body) = &check.body {
            request.set_header("content-type", "application/json");
            request.body = serde_json::to_vec(body).unwrap_or_default();
        }
        Some(request)
    }

    /// The permissions that the named streams and actions need, and no more.
    pub fn scopes(
        &self,
        streams: &[&str],
        actions: &[&str],
        settings: &Settings,
    ) -> BTreeSet<String> {
        let mut scopes: BTreeSet<String> =
            self.check.iter().filter_map(|c| c.scope.clone()).collect();
        scopes.extend(
            self.streams
                .iter()
                .filter(|s| streams.contains(&s.name.as_str()))
                .filter_map(|s| s.scope.clone()),
        );
        for action in self
            .actions(settings)
            .filter(|a| actions.contains(&a.name.as_str()))
        {
            scopes.extend(action.scope.clone());
            let resolves = action
                .with
                .iter()
                .filter_map(|w| self.actions.resolves.get(w.resolve.as_ref()?));
            scopes.extend(resolves.filter_map(|r| r.scope.clone()));
            scopes.extend(action.once.needs_scope.first().cloned());
        }
        scopes
    }

    /// Whether a read by id that finds nothing may mean that we only may not see it.
    pub fn hides(&self) -> bool {
        self.reading.hides
    }

    /// The kind that a person has confirmed for a record of that name, in the connect form.
    pub fn confirmed<'s>(
        &self,
        settings: &'s Settings,
        entity: Entity,
        name: &str,
    ) -> Option<&'s str> {
        confirmed(&self.fields, settings, entity, name)
    }

    /// How fast we may go.
    pub fn limits(&self) -> &LimitSpec {
        &self.limits
    }

    /// What an answer told about the limit.
    pub fn learn(&self, response: &Response, now: Micros) -> Learned {
        self.limits.learn(response, now)
    }
}
