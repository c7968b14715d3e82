//! The routes of the tenant's host, and what stands before all of them: maintenance, the limits of
//! the tenant, and the floods of bad requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tokens::{Caller, House};
use super::{Workday, board, control, raas, rest, soap};
use crate::body;
use crate::faults;
use crate::page::{escape, page};

pub(crate) type Fake = Arc<Workday>;

pub(crate) fn router(fake: Fake) -> Router {
    let faults = Arc::clone(&fake.faults);
    Router::new()
        .route("/ccx/oauth2/{tenant}/token", post(token))
        .route("/{tenant}/authorize", get(authorize))
        .route(
            "/ccx/service/customreport2/{tenant}/{owner}/{report}",
            get(raas::report),
        )
        .route(
            "/ccx/service/{tenant}/Recruiting/{version}",
            post(soap::call),
        )
        .route("/ccx/api/{*path}", any(rest::call))
        .layer(middleware::from_fn_with_state(Arc::clone(&fake), gate))
        .route("/", get(board::show))
        .merge(control::router())
        .fallback(async || failure(404, "not found", &[]))
        .layer(middleware::from_fn_with_state(faults, faults::apply))
        .with_state(fake)
}

/// One thing wrong with a request.
pub(crate) struct Wrong {
    error: &'static str,
    field: String,
}

impl Wrong {
    pub(crate) fn new(error: &'static str, field: &str) -> Self {
        Wrong {
            error,
            field: field.into(),
        }
    }
}

/// An error of REST and of reports.
pub(crate) fn failure(status: u16, error: &str, wrongs: &[Wrong]) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut body = json!({"error": error});
    if !wrongs.is_empty() {
        let wrongs = wrongs.iter().map(|wrong| {
            json!({"error": wrong.error, "field": wrong.field, "path": wrong.field, "code": "A371"})
        });
        body["errors"] = Value::Array(wrongs.collect());
    }
    (status, Json(body)).into_response()
}

/// Maintenance, floods, the limit per minute. SOAP says "too many" with a 500.
async fn gate(State(fake): State<Fake>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let soap = path.contains("/Recruiting/");
    let api = path.starts_with("/ccx/service/") || path.starts_with("/ccx/api/");
    let refused = {
        let now = fake.now();
        let core = &mut *fake.lock();
        let thrown = soap && core.throttle_soap > 0;
        core.throttle_soap -= u32::from(thrown);
        if core.maintenance {
            let html = Html("<html><body><h1>Workday is currently unavailable</h1></body></html>");
            Some((StatusCode::SERVICE_UNAVAILABLE, html).into_response())
        } else if thrown || (api && (core.bad.is_full(now) || !core.calls.count(now))) {
            core.throttled += 1;
            Some(match soap {
                true => soap::throttled(),
                false => StatusCode::TOO_MANY_REQUESTS.into_response(),
            })
        } else {
            None
        }
    };
    if let Some(refused) = refused {
        return refused;
    }
    let response = next.run(request).await;
    let status = response.status();
    let core = &mut *fake.lock();
    if status == StatusCode::TOO_MANY_REQUESTS {
        core.throttled += 1;
    } else if status.is_client_error() {
        core.bad.count(fake.now());
    }
    response
}

async fn token(
    State(fake): State<Fake>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    fake.count("POST /ccx/oauth2/token".into());
    let deny = |status, error| {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, Json(json!({"error": error}))).into_response()
    };
    if tenant != fake.options.tenant {
        return deny(404, "invalid_request");
    }
    let form: BTreeMap<String, String> = match body::read(request).await {
        Ok(body) if body.form => body
            .fields
            .into_iter()
            .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        _ => return deny(400, "invalid_request"),
    };
    let house = House {
        tenant: &fake.options.tenant,
        client_as: fake.options.client_as,
        echo_refresh_token: fake.options.echo_refresh_token,
        life_secs: fake.options.token_life_secs,
    };
    let header = text(&headers, "authorization");
    let core = &mut *fake.lock();
    match core
        .tokens
        .grant(header, &form, &house, fake.now(), &mut core.rng)
    {
        Ok(granted) => Json(granted).into_response(),
        Err((status, error)) => deny(status, error),
    }
}

#[derive(Deserialize)]
struct Ask {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    #[serde(default)]
    state: Option<String>,
    /// What the person pressed on the fake's page: `allow` or `deny`.
    #[serde(default)]
    answer: Option<String>,
}

/// Where a person allows a client to act for them.
async fn authorize(
    State(fake): State<Fake>,
    Path(tenant): Path<String>,
    Query(ask): Query<Ask>,
) -> Response {
    fake.count("GET /authorize".into());
    if tenant != fake.options.tenant || ask.response_type != "code" {
        return failure(400, "invalid_request", &[]);
    }
    let answer = match &ask.answer {
        Some(answer) => answer.as_str(),
        None if fake.options.authorize_at_once => "allow",
        None => return question(&fake, &ask).into_response(),
    };
    let mut result = if answer == "allow" {
        let core = &mut *fake.lock();
        let code = core
            .tokens
            .code(&ask.client_id, &ask.redirect_uri, fake.now(), &mut core.rng);
        match code {
            Some(code) => format!("code={code}"),
            None => return failure(400, "invalid_client", &[]),
        }
    } else {
        "error=access_denied".to_owned()
    };
    if let Some(state) = &ask.state {
        result.push_str("&state=");
        result.push_str(&encoded(state));
    }
    let joint = if ask.redirect_uri.contains('?') {
        '&'
    } else {
        '?'
    };
    Redirect::to(&format!("{}{joint}{result}", ask.redirect_uri)).into_response()
}

fn question(fake: &Workday, ask: &Ask) -> Html<String> {
    let hidden = |name: &str, value: &str| {
        format!(
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escape(value)
        )
    };
    let mut fields = hidden("response_type", &ask.response_type);
    fields.push_str(&hidden("client_id", &ask.client_id));
    fields.push_str(&hidden("redirect_uri", &ask.redirect_uri));
    if let Some(state) = &ask.state {
        fields.push_str(&hidden("state", state));
    }
    let main = format!(
        "<form class=\"bar\" method=\"get\">{fields}\
         <strong>May {} read recruiting data?</strong>\
         <button name=\"answer\" value=\"allow\">Allow</button>\
         <button class=\"bad\" name=\"answer\" value=\"deny\">Deny</button></form>",
        escape(&ask.client_id)
    );
    let title = format!("{} — fake Workday", fake.options.organization);
    page(&title, "A made-up tenant on this machine.", &main)
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Who calls REST, a report (where Basic is taken too) or SOAP with a Bearer token.
pub(crate) fn http_caller(
    fake: &Workday,
    tenant: &str,
    header: Option<&str>,
    basic: bool,
) -> Result<Caller, Box<Response>> {
    let options = &fake.options;
    if tenant != options.tenant {
        return Err(Box::new(failure(404, "no such tenant", &[])));
    }
    let tokens = &fake.lock().tokens;
    let caller = header.and_then(|header| {
        let bearer = tokens.bearer(header, fake.now());
        bearer.or_else(|| match basic {
            true => tokens.basic(header, &options.tenant, options.basic_wants_tenant),
            false => None,
        })
    });
    caller.ok_or_else(|| {
        let mut refused = failure(401, "invalid_token", &[]);
        let value = header::HeaderValue::from_static("Bearer");
        refused
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, value);
        Box::new(refused)
    })
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
