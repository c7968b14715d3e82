//! The vendor's HTTP surface: one POST per method, keys, limits, permissions, and the envelope.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde_json::{Map, Value, json};

use super::endpoints::{Does, Endpoint};
use super::fields::Fields;
use super::keys::{self, Key};
use super::list::{self, Asked};
use super::problem::Problem;
use super::writes::as_stubs;
use super::{Ashby, Core, board, control, reads, settings};
use crate::body::LIMIT_BYTES;
use crate::clock::Time;
use crate::faults::{self, Lagging};

pub(crate) type Fake = Arc<Ashby>;

pub(crate) fn router(fake: Fake) -> Router {
    let faults = Arc::clone(&fake.faults);
    Router::new()
        .route("/", get(board::show))
        .route("/{method}", post(call))
        .merge(control::router())
        .layer(middleware::from_fn_with_state(faults, faults::apply))
        .with_state(fake)
}

async fn call(State(fake): State<Fake>, Path(method): Path<String>, request: Request) -> Response {
    let now = fake.clock.now();
    let lagging = request.extensions().get::<Lagging>().is_some();
    let request_id = {
        let core = &mut *fake.lock();
        *core.requests.entry(method.clone()).or_default() += 1;
        request_id(core)
    };
    let answer = match admit(&fake, request.headers(), &method, now) {
        Ok((endpoint, key)) => match read(request, endpoint, fake.strict).await {
            Ok(body) => answer(&fake, endpoint, &key, &body, lagging, now).await,
            Err(problem) => Err(problem),
        },
        Err(problem) => Err(problem),
    };
    let objects = fake.lock().options.oddities.error_objects;
    let mut response = match answer {
        Ok(body) => Json(body).into_response(),
        Err(problem) if problem.status == 401 => {
            (StatusCode::UNAUTHORIZED, "Unauthorized").into_response()
        }
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status);
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(problem.body(&request_id, objects))).into_response()
        }
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-ashby-request-id", value);
    }
    response
}

/// Twenty-six letters and digits, as the vendor writes them.
fn request_id(core: &mut Core) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letter = |_| char::from(*core.rng.pick(LETTERS));
    (0..26).map(letter).collect()
}

/// Key, limit, method, permission: in this order.
fn admit(
    fake: &Ashby,
    headers: &HeaderMap,
    method: &str,
    now: Time,
) -> Result<(&'static Endpoint, Key), Problem> {
    let core = &mut *fake.lock();
    let header = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let key = keys::caller(&core.keys, header)?.clone();
    if !core.limits.admits(&key.secret, now) {
        let problem = Problem::new("rate_limit_exceeded", "Rate limit exceeded");
        return Err(problem.with_status(429));
    }
    let endpoint = Endpoint::named(method).ok_or_else(|| {
        Problem::new("unknown_endpoint", "This fake has no such method").with_status(404)
    })?;
    match key.may(endpoint.permission) {
        true => Ok((endpoint, key)),
        false => {
            let text = "The API key lacks permission for this endpoint";
            Err(Problem::new("missing_endpoint_permission", text).with_status(403))
        }
    }
}

async fn read(
    request: Request,
    endpoint: &Endpoint,
    strict: bool,
) -> Result<Map<String, Value>, Problem> {
    let malformed = || Problem::new("invalid_input", "Request payload is malformed");
    let bytes = to_bytes(request.into_body(), LIMIT_BYTES).await;
    let bytes = bytes.map_err(|_| malformed())?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let Ok(Value::Object(body)) = serde_json::from_slice(&bytes) else {
        return Err(malformed());
    };
    match body.keys().find(|field| !endpoint.knows(field)) {
        Some(field) if strict => {
            let text = format!("{} does not take {field}", endpoint.name);
            Err(Problem::new("invalid_input", text))
        }
        _ => Ok(body),
    }
}

async fn answer(
    fake: &Fake,
    endpoint: &'static Endpoint,
    key: &Key,
    body: &Map<String, Value>,
    lagging: bool,
    now: Time,
) -> Result<Value, Problem> {
    let fields = Fields(body);
    match &endpoint.does {
        Does::Webhook(what) => settings::answer(fake, *what, body).await.map(results),
        Does::Write(write, _) => {
            let core = &mut *fake.lock();
            let mut written = write(&mut core.world, fields, now)?;
            fake.publish(core, written.acted);
            core.dress(written.kind, &mut written.shown);
            if endpoint.name == "application.create" && !core.options.oddities.whole_create {
                as_stubs(&mut written.shown);
            }
            Ok(results(written.shown))
        }
        does => {
            let core = &mut *fake.lock();
            let empty = matches!(does, Does::List(_)) && core.empty_pages > 0;
            core.empty_pages -= u32::from(empty);
            let core = &*core;
            let world = match &core.replica {
                Some(replica) if lagging => replica,
                _ => &core.world,
            };
            match does {
                Does::List(list) => list::answer(&Asked {
                    core,
                    world,
                    name: endpoint.name,
                    list,
                    fields,
                    key,
                    now,
                    empty,
                })
                .map(Value::Object),
                Does::History => reads::history(core, world, key, fields).map(Value::Object),
                Does::Info(kind, field) => {
                    reads::info(core, world, key, *kind, field, fields).map(results)
                }
                Does::Roles => reads::roles(world, fields).map(results),
                Does::Search => reads::search(core, world, key, fields).map(results),
                Does::File => reads::file(fields).map(results),
                _ => Ok(results(reads::key(key, core.since))),
            }
        }
    }
}

fn results(results: Value) -> Value {
    json!({"success": true, "results": results})
}
