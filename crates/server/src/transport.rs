//! The one way out: every request to a vendor goes through here, with limits on time, size and
//! address. Follows no redirect, tries nothing twice, and logs nothing: the engine logs each call.

mod addresses;
mod resolve;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, Url, redirect};
use stagewire_connector::http::Sending;
use stagewire_connector::{MaybeSent, NotSent, Request, Response, SendError, Transport};

pub(crate) use self::addresses::Addresses;
use self::resolve::{Blocked, Resolver, Unresolved};

/// A connection, its name and its handshake included, may take this long.
const CONNECT: Duration = Duration::from_secs(10);
/// Many servers close an idle connection after 5 s; using one they just closed looks like a call
/// whose answer got lost.
const IDLE: Duration = Duration::from_secs(4);
const IDLE_PER_HOST: usize = 32;
const BODY: usize = 10 * 1024 * 1024;
const HEADERS: usize = 100;
const HEADER_BYTES: usize = 64 * 1024;

/// The transport of the server.
pub(crate) struct Outbound {
    client: Client,
    addresses: Arc<Addresses>,
}

impl Outbound {
    /// A transport that reaches the public internet and what `addresses` allows.
    pub(crate) fn new(addresses: Addresses) -> anyhow::Result<Self> {
        let provider = rustls::crypto::ring::default_provider();
        // Only the first call of a process can set it; later ones find what is there already.
        let _ = provider.install_default();
        let addresses = Arc::new(addresses);
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one Transport that all calls go through"
        )]
        let client = Client::builder();
        let client = client
            .user_agent(concat!("stagewire/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .tls_info(true)
            .http1_max_headers(HEADERS)
            .dns_resolver(Resolver(Arc::clone(&addresses)))
            .build()
            .context("the HTTP client cannot start")?;
        Ok(Self { client, addresses })
    }

    async fn call(&self, request: Request) -> Result<Response, SendError> {
        let url = self.address(&request.url)?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| OTHER)?;
        let mut call = self
            .client
            .request(method, url)
            .timeout(Duration::from_millis(request.timeout_ms));
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| OTHER)?;
            let mut value = HeaderValue::from_str(value).map_err(|_| OTHER)?;
            value.set_sensitive(true);
            call = call.header(name, value);
        }
        if !request.body.is_empty() {
            call = call.body(request.body);
        }
        let answer = call.send().await.map_err(|error| why(&error))?;
        receive(answer).await
    }

    /// The certificate that an address shows, if it shows one that can be trusted; what else it answers is of no interest.
    pub(crate) async fn certificate(&self, url: &str) -> Option<Vec<u8>> {
        let url = self.address(url).ok()?;
        let answer = self.client.head(url).timeout(CONNECT).send().await.ok()?;
        let shown = answer.extensions().get::<reqwest::tls::TlsInfo>()?;
        shown.peer_certificate().map(<[u8]>::to_vec)
    }

    /// An address that may be called, as far as its text tells; names are judged when they resolve.
    fn address(&self, url: &str) -> Result<Url, SendError> {
        let url = Url::parse(url).map_err(|_| OTHER)?;
        let plain = url.username().is_empty() && url.password().is_none();
        let web = matches!(url.scheme(), "http" | "https");
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let literal = literal.parse::<IpAddr>().ok();
        let refused = literal.is_some_and(|ip| self.addresses.refused(ip).is_some());
        match plain && web && !refused {
            true => Ok(url),
            false => Err(not(NotSent::Blocked)),
        }
    }
}

impl Transport for Outbound {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.call(request))
    }
}

/// The whole answer, or none: what exceeds the limits is no complete answer.
async fn receive(mut answer: reqwest::Response) -> Result<Response, SendError> {
    let status = answer.status().as_u16();
    let mut headers = Vec::with_capacity(answer.headers().len());
    let mut size = 0;
    for (name, value) in answer.headers() {
        size += name.as_str().len() + value.len();
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.push((name.as_str().to_owned(), value));
    }
    let told = answer.content_length().unwrap_or(0);
    if size > HEADER_BYTES || told > BODY as u64 {
        return Err(maybe(MaybeSent::Reset));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| why(&error))? {
        if body.len() + chunk.len() > BODY {
            return Err(maybe(MaybeSent::Reset));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status,
        headers,
        body,
    })
}

/// Before a connection stands nothing can have arrived; afterwards anything may have.
fn why(error: &reqwest::Error) -> SendError {
    if error.is_builder() {
        return OTHER;
    }
    if error.is_connect() {
        return not(before(error).unwrap_or(NotSent::Other));
    }
    match error.is_timeout() {
        true => maybe(MaybeSent::Timeout),
        false => maybe(MaybeSent::Reset),
    }
}

/// What kept a connection from standing: the first cause that says something.
fn before(cause: &(dyn Error + 'static)) -> Option<NotSent> {
    if cause.is::<Blocked>() {
        return Some(NotSent::Blocked);
    }
    if cause.is::<Unresolved>() {
        return Some(NotSent::Dns);
    }
    if cause.is::<rustls::Error>() {
        return Some(NotSent::Tls);
    }
    if let Some(io) = cause.downcast_ref::<io::Error>() {
        if io.kind() == io::ErrorKind::ConnectionRefused {
            return Some(NotSent::Refused);
        }
        // What an I/O error wraps is not among its sources.
        if let Some(found) = io.get_ref().and_then(|held| before(held)) {
            return Some(found);
        }
    }
    before(cause.source()?)
}

const OTHER: SendError = SendError::NotSent {
    kind: NotSent::Other,
};

const fn not(kind: NotSent) -> SendError {
    SendError::NotSent { kind }
}

const fn maybe(kind: MaybeSent) -> SendError {
    SendError::MaybeSent { kind }
}
