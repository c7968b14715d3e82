//! The vendor's HTTP surface: token service, lists, writes, and what every answer carries.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query as Params, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};

use super::acts::Acted;
use super::query::Query;
use super::rate::Meter;
use super::tokens::{Bearer, Denied};
use super::world::Refused;
use super::{Core, Greenhouse, board, control, writes};
use crate::body;
use crate::clock::Time;
use crate::faults::{self, Lagging};

pub(crate) type Fake = Arc<Greenhouse>;

pub(crate) fn router(fake: Fake) -> Router {
    let faults = Arc::clone(&fake.faults);
    Router::new()
        .route("/", get(board::show))
        .route("/token", post(token))
        .route("/introspect", post(introspect))
        .route("/v3/{*path}", any(v3))
        .merge(control::router())
        .fallback(async || no_route())
        .layer(middleware::from_fn_with_state(faults, faults::apply))
        .with_state(fake)
}

/// A refusal in the vendor's words.
pub(crate) fn refusal(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status we wrote");
    (status, Json(body)).into_response()
}

fn no_route() -> Response {
    refusal(404, json!({"message": "Resource not found"}))
}

pub(crate) fn unprocessable(errors: Value) -> Response {
    refusal(
        422,
        json!({"message": "Unprocessable Content", "errors": [errors]}),
    )
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Missing(_) => refusal(
                404,
                json!({"message": "Resource not found", "errors": self.to_string()}),
            ),
            Refused::Invalid { field, text } => unprocessable(json!({field: text})),
        }
    }
}

async fn token(State(fake): State<Fake>, headers: HeaderMap, request: Request) -> Response {
    let form = match form(request).await {
        Ok(form) => form,
        Err(denied) => return deny(denied),
    };
    let now = fake.now();
    let core = &mut *fake.lock();
    *core.requests.entry("POST /token".into()).or_default() += 1;
    let basic = text(&headers, "authorization");
    match core.tokens.mint(basic, &form, now, &mut core.rng) {
        Ok(token) => Json(token).into_response(),
        Err(denied) => deny(denied),
    }
}

async fn introspect(State(fake): State<Fake>, headers: HeaderMap, request: Request) -> Response {
    let form = match form(request).await {
        Ok(form) => form,
        Err(denied) => return deny(denied),
    };
    let core = fake.lock();
    let token = form.get("token").map_or("", String::as_str);
    let organization = (
        core.world.organization_id,
        core.world.organization_name.as_str(),
    );
    let basic = text(&headers, "authorization");
    match core
        .tokens
        .introspect(basic, token, organization, fake.now())
    {
        Ok(about) => Json(about).into_response(),
        Err(denied) => deny(denied),
    }
}

async fn form(request: Request) -> Result<HashMap<String, String>, Denied> {
    match body::read(request).await {
        Ok(body) if body.form => {
            let fields = body.fields.into_iter();
            let text = |value: Value| value.as_str().unwrap_or_default().to_string();
            Ok(fields.map(|(name, value)| (name, text(value))).collect())
        }
        _ => Err((400, "invalid_request")),
    }
}

fn deny((status, error): Denied) -> Response {
    refusal(status, json!({"error": error}))
}

async fn v3(State(fake): State<Fake>, request: Request) -> Response {
    let now = fake.now();
    let method = request.method().clone();
    let path = request.uri().path().trim_start_matches("/v3/").to_string();
    let path: Vec<&str> = path.split('/').collect();
    let admitted = admit(&fake, &request, &method, &path, now);
    let (meter, mut response) = match admitted {
        Ok((meter, bearer)) => (meter, answer(&fake, request, &path, bearer, now).await),
        Err((meter, refused)) => (meter, *refused),
    };
    let request_id = fake.lock().rng.uuid();
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set("x-ratelimit-limit", meter.limit.to_string());
    set("x-ratelimit-remaining", meter.remaining.to_string());
    set("x-ratelimit-reset", meter.reset.to_string());
    set("date", now.to_http_date());
    set("x-request-id", request_id);
    response
}

/// Token, limit, scope: in this order.
fn admit(
    fake: &Greenhouse,
    request: &Request,
    method: &Method,
    path: &[&str],
    now: Time,
) -> Result<(Meter, Bearer), (Meter, Box<Response>)> {
    let core = &mut *fake.lock();
    let route: Vec<&str> = path.iter().map(|part| without_id(part)).collect();
    let route = format!("{method} /v3/{}", route.join("/"));
    *core.requests.entry(route).or_default() += 1;
    let header = text(request.headers(), "authorization");
    let Some(bearer) = core.tokens.bearer(header, now) else {
        let refused = json!({
            "message": "Unauthorized",
            "errors": ["Token could not be decoded, has expired or was replaced"],
        });
        let refused = Box::new(refusal(401, refused));
        return Err((core.limits.peek("", now), refused));
    };
    let (meter, counted) = core.limits.count(&bearer.client_id, now);
    if let Err(wait_secs) = counted {
        let mut response = refusal(429, json!({"message": "Rate limit exceeded"}));
        let headers = response.headers_mut();
        headers.insert("retry-after", HeaderValue::from(wait_secs));
        return Err((meter, Box::new(response)));
    }
    match scope(method, path) {
        Some(scope) if bearer.may(&scope) => Ok((meter, bearer)),
        Some(_) => {
            let refused = refusal(403, json!({"message": "Forbidden"}));
            Err((meter, Box::new(refused)))
        }
        None => Err((meter, Box::new(no_route()))),
    }
}

/// The one scope an operation needs.
fn scope(method: &Method, path: &[&str]) -> Option<String> {
    let action = match (method.as_str(), path) {
        ("GET", _) => "list",
        ("POST", [_]) => "create",
        ("POST", [_, _, verb]) => verb,
        ("PATCH", [_, _]) => "update",
        ("DELETE", [_, _]) => "destroy",
        _ => return None,
    };
    Some(format!("harvest:{}:{action}", path[0]))
}

async fn answer(
    fake: &Greenhouse,
    request: Request,
    path: &[&str],
    bearer: Bearer,
    now: Time,
) -> Response {
    if request.method() == Method::GET {
        return read(fake, &request, path, now);
    }
    let method = request.method().clone();
    let fields = match body::read(request).await {
        Ok(body) => body.fields,
        Err(text) => return refusal(400, json!({"message": text})),
    };
    let mut core = fake.lock();
    match writes::write(fake, &mut core, &method, path, &fields, &bearer, now) {
        Some(Ok(written)) => {
            fake.publish(&mut core, written.acted);
            match written.row {
                Some(row) => (StatusCode::CREATED, Json(row)).into_response(),
                None => StatusCode::NO_CONTENT.into_response(),
            }
        }
        Some(Err(refused)) => refused.into_response(),
        None => no_route(),
    }
}

fn read(fake: &Greenhouse, request: &Request, path: &[&str], now: Time) -> Response {
    let lagging = request.extensions().get::<Lagging>().is_some();
    let core = fake.lock();
    let world = match &core.replica {
        Some(replica) if lagging => replica,
        _ => &core.world,
    };
    // One of the two things that can be read alone.
    if let ["rejection_reasons", id] = path {
        let id = id.parse().unwrap_or_default();
        return match row(&core, "rejection_reasons", id, now) {
            Some(row) => Json(row).into_response(),
            None => Refused::Missing("Rejection reason").into_response(),
        };
    }
    let [collection] = path else {
        return no_route();
    };
    let Some(rows) = world.collection(collection) else {
        return no_route();
    };
    let params = Params::<Vec<(String, String)>>::try_from_uri(request.uri());
    let Ok(Params(params)) = params else {
        return unprocessable(json!("The query cannot be read"));
    };
    let query = match Query::read(collection, &params, now, fake.options.cursor_ttl_ms) {
        Ok(query) => query,
        Err(errors) => return unprocessable(errors),
    };
    let mut page = rows.page(&query, now);
    let drifts = core.drifts.iter();
    for drift in drifts {
        let rows = page.rows.iter_mut();
        rows.for_each(|row| drift.apply(collection, row));
    }
    let link = page.more_after.map(|last| {
        let host = text(request.headers(), "host").unwrap_or("127.0.0.1");
        let cursor = query.next_cursor(collection, last, now);
        format!("<http://{host}/v3/{collection}?cursor={cursor}>; rel=\"next\"")
    });
    let mut response = Json(page.rows).into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert("link", link);
    }
    response
}

/// One row as a list would show it.
pub(crate) fn row(core: &Core, collection: &str, id: u64, now: Time) -> Option<Value> {
    let page = core
        .world
        .collection(collection)?
        .page(&Query::one(id), now);
    page.rows.into_iter().next()
}

/// What a write did: a row to show (201) or nothing to say (204).
pub(crate) struct Written {
    pub(crate) row: Option<Value>,
    pub(crate) acted: Acted,
}

fn without_id(part: &str) -> &str {
    match part.parse::<u64>() {
        Ok(_) => "{id}",
        Err(_) => part,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
