//! The last step before the wire: address, credentials and signatures go on a stored request here, and nowhere else.

use super::{Action, StoredRequest};
use crate::auth::{Auth, AuthError, Scheme};
use crate::http::{Request, rebase};
use crate::settings::Settings;
use crate::sign::standard_webhooks;
use crate::write::render::safe_path;
use stagewire_model::Micros;

/// Why a stored request cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// No address is filled in.
    #[error("no address is filled in")]
    NoAddress,
    /// No way in is filled in.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The path would leave the connection's address.
    #[error("the path would leave the connection's address")]
    BadPath,
    /// The action is no longer in the manifest.
    #[error("there is no such action any more")]
    NoAction,
}

impl Action {
    pub(crate) fn prepare(
        &self,
        stored: &StoredRequest,
        base: Option<&str>,
        auth: &Auth,
        settings: &Settings,
        token: Option<&str>,
        now: Micros,
    ) -> Result<Request, PrepareError> {
        if !safe_path(&stored.path) {
            return Err(PrepareError::BadPath);
        }
        let address = match &auth.scheme {
            Scheme::UrlIsCredential(field) => rebase(
                settings.get(field).ok_or(PrepareError::NoAddress)?,
                settings.base_url.as_deref(),
            ),
            _ => base.ok_or(PrepareError::NoAddress)?.to_owned(),
        };
        let mut request = Request {
            method: stored.method.clone(),
            url: format!("{}{}", address.trim_end_matches('/'), stored.path),
            template: if stored.template.is_empty() {
                "(the address)".into()
            } else {
                stored.template.clone()
            },
            headers: stored.headers.clone(),
            body: stored.body.clone().into_bytes(),
            timeout_ms: self.timeout_ms,
        };
        auth.sign(&mut request, settings, token);
        if let Some(field) = &self.sign {
            request.set_header("webhook-id", stored.intent.clone());
            request.set_header("webhook-timestamp", now.seconds().to_string());
            if let Some(signature) = standard_webhooks(
                &settings.all(field),
                &stored.intent,
                now.seconds(),
                &request.body,
            ) {
                request.set_header("webhook-signature", signature);
            }
        }
        Ok(request)
    }
}
