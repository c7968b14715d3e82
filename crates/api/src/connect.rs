//! `/connect/{connection}` and `/connect/callback`: a person's browser on its way to the vendor and back. Answers with plain pages;
//! what may happen is the engine's to say.

mod page;

use crate::Api;
use crate::auth::{self, Role};
use crate::wrong::Client;
use axum::Extension;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use page::{connected, head_only, refused, without_link};
use serde::Deserialize;
use stagewire_engine::consent::{Back, Leaving, Proof, Refused};

/// Where the vendor sends people back to, below the server's public address.
const CALLBACK: &str = "/connect/callback";

/// Both ways.
pub(crate) fn routes() -> Router<Api> {
    back().route("/connect/{connection}", get(leave).head(head_only))
}

/// Only the way back: for a listener that the outside world reaches.
pub(crate) fn back() -> Router<Api> {
    Router::new().route(CALLBACK, get(callback).head(head_only))
}

#[derive(Deserialize)]
struct Link {
    ticket: Option<String>,
}

/// What a vendor sends back; whatever else stands there is of no interest.
#[derive(Deserialize)]
struct Returned {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Sends the browser to the vendor.
async fn leave(
    State(api): State<Api>,
    Path(id): Path<String>,
    link: Result<Query<Link>, axum::extract::rejection::QueryRejection>,
    from: Option<Extension<Client>>,
    headers: HeaderMap,
) -> Response {
    let from = from.map(|Extension(client)| client);
    let ticket = link.ok().and_then(|Query(l)| l.ticket);
    let known = match (&ticket, headers.contains_key(header::AUTHORIZATION)) {
        (Some(_), _) => None,
        (None, false) => return without_link(),
        (None, true) => match auth::caller(&api, &headers, from).await {
            Ok(caller) => match caller.must_be(Role::Operator, "connecting") {
                Ok(()) => Some(caller.name),
                Err(problem) => return problem.into_response(),
            },
            Err(problem) => return problem.into_response(),
        },
    };
    let proof = match (&ticket, &known) {
        (Some(ticket), _) => Proof::Ticket(ticket),
        (None, Some(name)) => Proof::Known(name),
        (None, None) => return without_link(),
    };
    let redirect_uri = format!("{}{CALLBACK}", api.public_url);
    match api.hub.begin_consent(&id, proof, &redirect_uri).await {
        Ok(leaving) => away(&api, &id, &leaving),
        Err(why) => refused(&why),
    }
}

fn away(api: &Api, id: &str, leaving: &Leaving) -> Response {
    let cookie = cookie(api, id, leaving.browser.reveal(), leaving.seconds);
    let mut response = StatusCode::SEE_OTHER.into_response();
    let (Ok(url), Ok(cookie)) = (
        HeaderValue::from_str(leaving.url.reveal()),
        HeaderValue::from_str(&cookie),
    ) else {
        return refused(&Refused::NoConsent(
            "its address at the vendor cannot be written".into(),
        ));
    };
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, url);
    headers.insert(header::SET_COOKIE, cookie);
    page::strict(&mut response);
    response
}

/// Takes what the browser brings back.
async fn callback(
    State(api): State<Api>,
    returned: Result<Query<Returned>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Query(returned)) = returned else {
        return refused(&Refused::State);
    };
    let state = returned.state.unwrap_or_default();
    let id = state.split('.').next().unwrap_or_default().to_owned();
    let error = returned.error.map(|e| match returned.error_description {
        Some(words) => format!("{words} ({e})"),
        None => e,
    });
    let back = Back {
        browser: kept(&headers, &id),
        state,
        code: returned.code,
        error,
    };
    let mut response = match api.hub.finish_consent(back).await {
        Ok(done) => connected(&done),
        Err(why) => refused(&why),
    };
    if is_name(&id)
        && let Ok(gone) = HeaderValue::from_str(&cookie(&api, &id, "", 0))
    {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    response
}

/// A cookie of this connection's consent, for no other path and no script.
fn cookie(api: &Api, id: &str, value: &str, seconds: i64) -> String {
    let path = stagewire_connector::http::path_of(&api.public_url);
    let secure = if api.public_url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    format!(
        "stagewire_connect_{id}={value}; Path={path}/connect; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    )
}

/// What the browser kept for this connection.
fn kept(headers: &HeaderMap, id: &str) -> Option<String> {
    let name = format!("stagewire_connect_{id}");
    let all = headers.get_all(header::COOKIE).into_iter();
    let pairs = all
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'));
    let found = pairs
        .filter_map(|p| p.trim().split_once('='))
        .find(|(n, _)| *n == name);
    found.map(|(_, v)| v.to_owned())
}

fn is_name(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 32
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
