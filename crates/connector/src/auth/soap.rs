//! WS-Security: a user name and a password inside a SOAP envelope's header, as text. Escapes what it puts in; nothing is added to
//! an envelope without a place for it.

use super::fill;
use crate::http::Request;
use crate::settings::Settings;
use crate::template::Template;
use crate::xml::escape;

/// The namespace of the credentials in an envelope.
pub(crate) const SECEXT: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const PASSWORD_TEXT: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";

/// Where an envelope wants it.
const PLACE: &str = "<wsse:Security/>";

#[derive(Clone, Debug)]
pub(crate) struct UsernameToken {
    pub(crate) user: Template,
    /// The user name for Basic, on calls that carry no envelope.
    pub(crate) basic: Option<Template>,
    pub(crate) password: Template,
}

/// Credentials of another kind leave the place empty: then it goes.
pub(crate) fn close(request: &mut Request) {
    if let Ok(body) = std::str::from_utf8(&request.body) {
        request.body = body.replacen(PLACE, "", 1).into_bytes();
    }
}

impl UsernameToken {
    /// The element that goes into the envelope's header.
    pub(crate) fn element(&self, settings: &Settings) -> Option<String> {
        let user = fill(&self.user, settings, escape)?;
        let password = fill(&self.password, settings, escape)?;
        Some(format!(
            "<wsse:Security xmlns:wsse=\"{SECEXT}\"><wsse:UsernameToken><wsse:Username>{user}</wsse:Username><wsse:Password Type=\"{PASSWORD_TEXT}\">{password}</wsse:Password></wsse:UsernameToken></wsse:Security>"
        ))
    }

    /// Puts it where the envelope has its place, the first one only.
    pub(crate) fn sign(&self, request: &mut Request, settings: &Settings) {
        if let (Ok(body), Some(element)) =
            (std::str::from_utf8(&request.body), self.element(settings))
        {
            request.body = body.replacen(PLACE, &element, 1).into_bytes();
        }
    }
}
