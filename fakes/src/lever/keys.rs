//! API keys and what each may do, fixed when it is made. Keys do not end by themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One API key.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key itself, which is the user name of Basic authentication.
    pub key: String,
    /// The permissions, as scopes; none means all but confidential records.
    pub scopes: Option<Vec<String>>,
    /// Whether it may see confidential records.
    pub confidential: bool,
}

impl Key {
    /// May do everything, confidential records included.
    pub fn full(key: impl Into<String>) -> Self {
        Key {
            key: key.into(),
            scopes: None,
            confidential: true,
        }
    }

    /// May do only what these scopes allow.
    pub fn with_scopes(key: impl Into<String>, scopes: &[&str]) -> Self {
        Key {
            key: key.into(),
            scopes: Some(scopes.iter().map(|scope| scope.to_string()).collect()),
            confidential: scopes.contains(&CONFIDENTIAL),
        }
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller {
            name: format!("key {}", self.key),
            scopes: self.scopes.clone(),
            confidential: self.confidential,
        }
    }
}

pub(crate) const CONFIDENTIAL: &str = "confidential:access:admin";

/// Who a request is from, for permissions and for the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) confidential: bool,
}

impl Caller {
    pub(crate) fn may(&self, scope: &str) -> bool {
        let scopes = self.scopes.as_ref();
        scopes.is_none_or(|scopes| scopes.iter().any(|have| have == scope))
    }
}

/// The key of an `Authorization` header: user name, with an empty password.
pub(crate) fn basic(header: &str) -> Option<String> {
    let text = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(text).ok()?;
    Some(text.strip_suffix(':')?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_user_and_the_password_is_empty() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(basic(&header("abc:")), Some("abc".into()));
        assert_eq!(basic(&header("abc")), None);
        assert_eq!(basic(&header("abc:secret")), None);
        assert_eq!(basic("Bearer abc"), None);
    }

    #[test]
    fn scopes_narrow_a_key() {
        let caller = Key::with_scopes("k", &["notes:read:admin"]).caller();
        assert!(caller.may("notes:read:admin"));
        assert!(!caller.may("notes:write:admin"));
        assert!(!caller.confidential);
        assert!(Key::full("k").caller().may("notes:write:admin"));
    }
}
