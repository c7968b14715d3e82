//! Looking at a token: what the vendor says it may do, and whose it is. A look that is not answered tells nothing.

use super::answer::words;
use super::grant::{Grant, address, keys, pair};
use crate::http::{Request, Response};
use crate::manifest::Reader;
use crate::path::{Path, scalar_text};
use crate::settings::Settings;
use crate::template::Template;
use serde_json::Value;

/// A look must not hold up what waits for the token.
const TIMEOUT_MS: u64 = 5_000;

#[derive(Clone, Debug)]
pub(crate) struct Introspect {
    pub(crate) url: Template,
    account: Option<Path>,
    scopes: Option<Path>,
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

impl Introspect {
    pub(crate) fn read(r: &Reader<'_>) -> Option<Introspect> {
        let (url, account, scopes) = (address(r, "url"), keys(r, "account"), r.path("scopes"));
        Some(Introspect {
            url: url?,
            account,
            scopes,
        })
    }
}

impl Grant {
    pub(crate) fn introspect_request(&self, settings: &Settings, token: &str) -> Option<Request> {
        let look = self.introspect.as_ref()?;
        let form = vec![pair("token", token)];
        let mut request = self.client.post(&look.url, settings, form)?;
        request.timeout_ms = TIMEOUT_MS;
        Some(request)
    }

    pub(crate) fn read_introspected(&self, response: &Response) -> Option<Introspected> {
        let look = self.introspect.as_ref()?;
        let body = response.json().filter(|_| response.is_2xx())?;
        let at = |path: &Option<Path>| path.as_ref().and_then(|p| p.get(&body)).cloned();
        Some(Introspected {
            account: at(&look.account).as_ref().and_then(scalar_text),
            scopes: at(&look.scopes).as_ref().and_then(words),
            active: body.get("active").and_then(Value::as_bool).unwrap_or(true),
        })
    }
}
