//! A connector at the vendor's door: which way in, tokens, permissions, "Test connection", limits. Holds no token.

use crate::auth::{Auth, AuthError, Introspected, Token};
use crate::http::{Request, Response, encode};
use crate::limits::{Learned, LimitSpec};
use crate::load::Connector;
use crate::settings::Settings;
use stagewire_model::Micros;
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

    /// The call that asks for a token, if this way in needs one.
    pub fn token_request(&self, settings: &Settings) -> Option<Request> {
        self.auth(settings).ok()?.token_request(settings)
    }

    /// Reads the answer to [`Connector::token_request`].
    pub fn read_token(
        &self,
        settings: &Settings,
        response: &Response,
        now: Micros,
    ) -> Result<Token, AuthError> {
        self.auth(settings)?.read_token(response, now)
    }

    /// The call that asks what a token is, where the vendor has one.
    pub fn introspect_request(&self, settings: &Settings, token: &str) -> Option<Request> {
        self.auth(settings)
            .ok()?
            .introspect_request(settings, token)
    }

    /// Reads the answer to [`Connector::introspect_request`].
    pub fn read_introspected(
        &self,
        settings: &Settings,
        response: &Response,
    ) -> Option<Introspected> {
        self.auth(settings).ok()?.read_introspected(response)
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
        let mut request = Request::get(
            format!(
                "{}{}{sep}{}",
                self.base(settings)?,
                check.path,
                query.join("&")
            ),
            check.path.clone(),
        );
        request.method = check.method.clone();
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

    /// How fast we may go.
    pub fn limits(&self) -> &LimitSpec {
        &self.limits
    }

    /// What an answer told about the limit.
    pub fn learn(&self, response: &Response, now: Micros) -> Learned {
        self.limits.learn(response, now)
    }
}
