//! The few small pages a person sees while connecting: what happened, and what to do. No script, nothing from elsewhere.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use stagewire_engine::consent::{Connected, Refused};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;color:#1b1f23;background:#fff}h1{font-size:1.4rem}@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181b}}";

/// It works now.
pub(super) fn connected(done: &Connected) -> Response {
    let account = match &done.account {
        Some(account) => format!(", account {account}"),
        None => String::new(),
    };
    let mut says = vec![format!(
        "{} is connected (connection {}{account}). What waited for it goes out now, and it is read from where it stopped.",
        done.vendor, done.connection
    )];
    if !done.renews {
        says.push(format!(
            "{} gave nothing to renew this access with: it will end, and must be connected again then. Ask whoever registered the program there to allow it offline access.",
            done.vendor
        ));
    }
    if !done.missing.is_empty() {
        says.push(format!(
            "Not granted: {}. What needs these waits; tick them at {} and connect again.",
            done.missing.join(", "),
            done.vendor
        ));
    }
    says.push("You can close this page.".into());
    page(StatusCode::OK, "Connected", &says)
}

/// It is not connected, and why.
pub(super) fn refused(why: &Refused) -> Response {
    let again = "Make a new link and begin again: in the console, or with POST /api/v1/connections/{id}/connect.";
    let (status, todo) = match why {
        Refused::NoConnection => (StatusCode::NOT_FOUND, "Look up its name in the console."),
        Refused::NoConsent(_) => (
            StatusCode::CONFLICT,
            "Fill in the fields that the connector names for it, then begin again.",
        ),
        Refused::Link | Refused::State => (StatusCode::BAD_REQUEST, again),
        Refused::Expired => (StatusCode::BAD_REQUEST, again),
        Refused::Browser => (
            StatusCode::BAD_REQUEST,
            "Make a new link, and open it and agree in one and the same browser.",
        ),
        Refused::Vendor { .. } => (
            StatusCode::BAD_REQUEST,
            "If that was not meant, begin again with a new link. If the vendor did not let you agree, ask an administrator of the account there to do it.",
        ),
        Refused::NoToken { .. } => (
            StatusCode::BAD_GATEWAY,
            "Check the client id and secret of this connection and the redirect address registered at the vendor, then begin again with a new link.",
        ),
        Refused::OtherAccount(_) => (
            StatusCode::CONFLICT,
            "Sign out at the vendor, sign in to the right account, and begin again with a new link. For another account, add another connection.",
        ),
        Refused::Store => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The database does not take anything just now. Begin again when it does.",
        ),
    };
    let mut cause = why.to_string();
    if let Some(first) = cause.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let says = [format!("{}.", cause.trim_end_matches('.')), todo.to_owned()];
    page(status, "Not connected", &says)
}

/// Somebody without a link.
pub(super) fn without_link() -> Response {
    let says = [
        "A link is needed to connect.".to_owned(),
        "Make one in the console, or with POST /api/v1/connections/{id}/connect; it works once, for ten minutes.".to_owned(),
    ];
    let mut response = page(StatusCode::UNAUTHORIZED, "Not connected", &says);
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"stagewire\""),
    );
    response
}

/// Programs that only look at a link must not use it up.
pub(super) async fn head_only() -> Response {
    let mut response = StatusCode::OK.into_response();
    strict(&mut response);
    response
}

fn page(status: StatusCode, title: &str, says: &[String]) -> Response {
    let paragraphs: String = says
        .iter()
        .map(|s| format!("<p>{}</p>", escape(s)))
        .collect();
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title} – Stagewire</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{paragraphs}</main></body></html>"
    );
    let mut response = (status, html).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    strict(&mut response);
    response
}

/// Nothing is kept, framed, fetched or told on.
pub(super) fn strict(response: &mut Response) {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
