//! A person's consent at the vendor: the address they are sent to, and how what they bring back becomes a token. Makes up no state
//! and no verifier: those are given.

use super::answer::AuthError;
use super::client::encoded;
use super::fill;
use super::grant::{Grant, address, filled, pair, params};
use crate::http::{Request, encode, rebase};
use crate::manifest::Reader;
use crate::settings::Settings;
use crate::template::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

#[derive(Clone, Debug)]
pub(crate) struct Consent {
    pub(crate) url: Template,
    pub(crate) params: Vec<(String, Template)>,
    /// Asked for always, beside what streams and actions need.
    scopes: Vec<String>,
    pkce: bool,
}

/// What a person is asked for.
#[derive(Clone, Debug)]
pub struct ConsentAsk<'a> {
    /// Where the vendor sends them back to.
    pub redirect_uri: &'a str,
    /// What comes back with them, unguessable.
    pub state: &'a str,
    /// The secret whose hash goes along, where the vendor does PKCE.
    pub verifier: &'a str,
    /// What streams and actions need.
    pub scopes: Vec<String>,
}

impl Consent {
    pub(crate) fn read(r: &Reader<'_>) -> Option<Consent> {
        let consent = (
            address(r, "authorize_url"),
            params(r, "authorize_params"),
            r.texts("scope"),
            r.flag("pkce"),
        );
        Some(Consent {
            url: consent.0?,
            params: consent.1,
            scopes: consent.2,
            pkce: consent.3,
        })
    }
}

impl Grant {
    /// The address that a person's browser goes to.
    pub(crate) fn consent_url(&self, settings: &Settings, ask: &ConsentAsk<'_>) -> Option<String> {
        let consent = self.consent.as_ref()?;
        let url = fill(&consent.url, settings, encode)?;
        let mut query = vec![
            pair("response_type", "code"),
            pair("client_id", settings.get(&self.client.id)?),
            pair("redirect_uri", ask.redirect_uri),
            pair("state", ask.state),
        ];
        let mut scopes = consent.scopes.clone();
        scopes.extend(ask.scopes.iter().cloned());
        scopes.sort();
        scopes.dedup();
        if !scopes.is_empty() {
            query.push(pair("scope", &scopes.join(" ")));
        }
        if consent.pkce {
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(ask.verifier.as_bytes()));
            query.push(pair("code_challenge", &challenge));
            query.push(pair("code_challenge_method", "S256"));
        }
        query.extend(filled(&consent.params, settings));
        let sep = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{sep}{}", encoded(&query));
        Some(rebase(&url, settings.auth_url.as_deref()))
    }

    /// The call that changes a code into a token.
    pub(crate) fn code_request(
        &self,
        settings: &Settings,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
    ) -> Result<Request, AuthError> {
        let consent = self.consent.as_ref().ok_or(AuthError::Unreadable)?;
        let mut form = vec![
            pair("grant_type", "authorization_code"),
            pair("code", code),
            pair("redirect_uri", redirect_uri),
        ];
        if consent.pkce {
            let lost = || AuthError::Over("the proof that belongs to this consent is lost".into());
            let verifier = verifier.filter(|v| !v.is_empty()).ok_or_else(lost)?;
            form.push(pair("code_verifier", verifier));
        }
        let missing = || {
            let fields = [&self.client.id, &self.client.secret];
            let empty = fields.into_iter().filter(|f| settings.get(f).is_none());
            AuthError::NotFilledIn(empty.cloned().collect())
        };
        self.post(settings, form).ok_or_else(missing)
    }
}
