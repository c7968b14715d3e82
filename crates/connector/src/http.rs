//! Requests, responses and the one seam through which they travel. Defines the seam only: who implements it logs, limits and
//! checks addresses.

use serde_json::Value;
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;

/// How long a call may take unless its manifest says otherwise.
pub const TIMEOUT_MS: u64 = 30_000;
/// The largest answer that is read.
pub(crate) const LARGEST: usize = 64 * 1024 * 1024;

/// One call, ready to be sent. May hold credentials: never store or print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// Absolute address.
    pub url: String,
    /// The path without values, for logs and metrics.
    pub template: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
    /// When to give up.
    pub timeout_ms: u64,
}

impl Request {
    /// A GET of an address.
    pub fn get(url: impl Into<String>, template: impl Into<String>) -> Request {
        Request {
            method: "GET".into(),
            url: url.into(),
            template: template.into(),
            headers: vec![("accept".into(), "application/json".into())],
            body: Vec::new(),
            timeout_ms: TIMEOUT_MS,
        }
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Adds a header, or replaces the one of that name.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} ({} bytes)",
            self.method,
            self.template,
            self.body.len()
        )
    }
}

/// One complete answer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as JSON, if it is; of a SOAP answer what stands in its envelope, as JSON.
    pub fn json(&self) -> Option<Value> {
        if crate::soap::is_xml(self) {
            return crate::soap::read(&self.body, LARGEST).ok();
        }
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Whether the status is 2xx.
    pub fn is_2xx(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_str())
}

/// Why nothing can have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotSent {
    /// The connection was refused.
    Refused,
    /// The name did not resolve.
    Dns,
    /// No trusted connection.
    Tls,
    /// Our own rules forbid the address.
    Blocked,
    /// Something else before the first byte left.
    Other,
}

/// Why it may have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaybeSent {
    /// No complete answer in time.
    Timeout,
    /// The connection broke before a complete answer.
    Reset,
}

/// A call without a complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SendError {
    /// Nothing left this machine.
    #[error("not sent: {kind:?}")]
    NotSent {
        /// Why.
        kind: NotSent,
    },
    /// Something may have arrived.
    #[error("sent without a complete answer: {kind:?}")]
    MaybeSent {
        /// Why.
        kind: MaybeSent,
    },
}

/// What a send gives back.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response, SendError>> + Send + 'a>>;

/// The one way out.
pub trait Transport: Send + Sync {
    /// Sends one request; follows no redirect.
    fn send(&self, request: Request) -> Sending<'_>;
}

/// Scheme, host and port of an address, as written and in lower case; `None` where it is not `http(s)://host…`.
pub fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return None;
    }
    let host = rest
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    // No user name in an address: what stands before `@` is often mistaken for the host.
    if host.is_empty() || host.contains('@') || host.contains('\\') {
        return None;
    }
    let default = if scheme == "https" { ":443" } else { ":80" };
    Some(format!(
        "{scheme}://{}",
        host.strip_suffix(default).unwrap_or(&host)
    ))
}

/// What follows scheme, host and port.
pub fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, r)| r);
    rest.find(['/', '?', '#']).map_or("", |i| &rest[i..])
}

/// Percent-encodes one value for a path segment or a query.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(b))
            }
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(char::from(DIGITS[usize::from(b >> 4)]));
                out.push(char::from(DIGITS[usize::from(b & 15)]));
            }
        }
    }
    out
}

/// Puts another scheme, host and port before an address's path.
pub fn rebase(url: &str, other: Option<&str>) -> String {
    match other {
        Some(base) => {
            let base = base.trim_end_matches('/');
            // Only the origin of the override counts: the manifest's paths stay.
            let origin = origin(base).unwrap_or_else(|| base.to_owned());
            format!("{origin}{}", path_of(url))
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_that_only_looks_like_it() {
        assert_eq!(
            origin("HTTPS://API.example.com:443/v3?x=1").as_deref(),
            Some("https://api.example.com")
        );
        assert_eq!(
            origin("http://127.0.0.1:9001").as_deref(),
            Some("http://127.0.0.1:9001")
        );
        assert_eq!(origin("https://api.example.com@evil.example/"), None);
        assert_eq!(origin("ftp://api.example.com/"), None);
        assert_eq!(origin("/v3/users"), None);
    }

    #[test]
    fn an_override_replaces_the_origin_and_keeps_the_path() {
        assert_eq!(
            rebase(
                "https://api.example.com/v3/x?y=1",
                Some("http://127.0.0.1:9001/")
            ),
            "http://127.0.0.1:9001/v3/x?y=1"
        );
        assert_eq!(
            rebase("https://api.example.com/v3", None),
            "https://api.example.com/v3"
        );
    }

    #[test]
    fn a_request_prints_neither_its_address_nor_its_headers() {
        let mut request = Request::get("https://hooks.example.com/s3cret", "(the address)");
        request.set_header("authorization", "Bearer s3cret");
        assert!(!format!("{request:?}").contains("s3cret"));
    }

    #[test]
    fn values_are_encoded_for_addresses() {
        assert_eq!(encode("a b/ü&="), "a%20b%2F%C3%BC%26%3D");
    }
}
