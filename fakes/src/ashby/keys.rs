//! API keys: who calls, and what the key may do. Keys open nothing but this fake.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::problem::Problem;

/// Every permission there is.
pub const PERMISSIONS: [&str; 18] = [
    "candidatesRead",
    "candidatesWrite",
    "candidatesDelete",
    "jobsRead",
    "jobsWrite",
    "interviewsRead",
    "interviewsWrite",
    "hiringProcessMetadataRead",
    "hiringProcessMetadataWrite",
    "organizationRead",
    "organizationWrite",
    "offersRead",
    "offersWrite",
    "apiKeysRead",
    "apiKeysWrite",
    "approvalsRead",
    "approvalsWrite",
    "reportsRead",
];

/// An API key.
#[derive(Clone, Debug)]
pub struct Key {
    /// The user name of Basic.
    pub secret: String,
    /// Its name.
    pub title: String,
    /// What it may do; none means everything.
    pub permissions: Option<Vec<String>>,
    /// Whether it sees confidential jobs and projects.
    pub confidential: bool,
    /// Whether it sees private notes.
    pub private_fields: bool,
    /// An admin can switch it off.
    pub active: bool,
}

impl Key {
    /// A key that may do and see everything.
    pub fn new(secret: &str) -> Self {
        Key {
            secret: secret.into(),
            title: "Stagewire".into(),
            permissions: None,
            confidential: true,
            private_fields: true,
            active: true,
        }
    }

    /// The same, with these permissions only.
    pub fn with_permissions(mut self, permissions: &[&str]) -> Self {
        self.permissions = Some(permissions.iter().map(|one| one.to_string()).collect());
        self
    }

    pub(crate) fn may(&self, permission: &str) -> bool {
        let permissions = self.permissions.as_ref();
        permissions.is_none_or(|known| known.iter().any(|one| one == permission))
    }

    /// `candidatesRead` is shown as `candidates:read`.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let all = PERMISSIONS.into_iter().filter(|one| self.may(one));
        let scope = |one: &str| {
            let end = one.rfind(|c: char| c.is_uppercase()).unwrap_or(one.len());
            format!("{}:{}", &one[..end], one[end..].to_lowercase())
        };
        all.map(scope).collect()
    }
}

/// The key behind an `Authorization` header. The password is empty, or the key again.
pub(crate) fn caller<'a>(keys: &'a [Key], header: Option<&str>) -> Result<&'a Key, Problem> {
    let refused = || Problem::new("invalid_api_key", "The API key is unknown").with_status(403);
    let Some(header) = header else {
        let problem = Problem::new("unauthorized", "No credentials were given");
        return Err(problem.with_status(401));
    };
    let text = header.strip_prefix("Basic ").ok_or_else(refused)?;
    let bytes = STANDARD.decode(text.trim()).map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    let (user, password) = text.split_once(':').ok_or_else(refused)?;
    let known =
        |key: &&Key| key.secret == user && key.active && (password.is_empty() || password == user);
    keys.iter().find(known).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_user_name_and_the_password_is_empty_or_the_same() {
        let keys = [Key::new("k1")];
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let status = |header: Option<&str>| caller(&keys, header).err().map(|no| no.status);
        assert_eq!(status(Some(&header("k1:"))), None);
        assert_eq!(status(Some(&header("k1:k1"))), None);
        assert_eq!(status(Some(&header("k1:other"))), Some(403));
        assert_eq!(status(Some(&header("k2:"))), Some(403));
        assert_eq!(status(Some("Bearer k1")), Some(403));
        assert_eq!(status(None), Some(401));
    }

    #[test]
    fn permissions_are_shown_as_scopes() {
        let key = Key::new("k").with_permissions(&["hiringProcessMetadataRead", "jobsWrite"]);
        assert_eq!(key.scopes(), ["jobs:write", "hiringProcessMetadata:read"]);
        assert!(!key.may("jobsRead"));
    }
}
