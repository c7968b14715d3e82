//! The vendor's HTTP surface: who is asking, what they may, the limit, and the vendor's refusals.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use serde_json::{Map, Value, json};

use super::acts::{Acted, Hand};
use super::hooks::{self, Hook};
use super::keys::{Caller, basic};
use super::lists::{Answer, Reader};
use super::query::Params;
use super::show::Show;
use super::world::{Refused, World, invalid};
use super::writes::{self, Written};
use super::{Core, Lever, auth, board, control};
use crate::body;
use crate::clock::Time;
use crate::faults::{self, Lagging};

pub(crate) type Fake = Arc<Lever>;

pub(crate) fn router(fake: Fake) -> Router {
    let faults = Arc::clone(&fake.faults);
    Router::new()
        .route("/", get(board::show))
        .route("/authorize", get(auth::authorize))
        .route("/oauth/token", post(auth::token))
        .route("/v1/{*path}", any(v1))
        .merge(control::router())
        .fallback(async || refusal(404, "ResourceNotFound", "no such path"))
        .layer(middleware::from_fn_with_state(faults, faults::apply))
        .with_state(fake)
}

/// A refusal in the vendor's shape.
pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status we wrote");
    (status, Json(json!({"code": code, "message": message}))).into_response()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Refused::Missing(..) => (404, "ResourceNotFound"),
            Refused::Invalid(_) => (400, "BadRequest"),
            Refused::Forbidden(_) => (403, "Forbidden"),
        };
        refusal(status, code, &self.to_string())
    }
}

async fn v1(State(fake): State<Fake>, request: Request) -> Response {
    let now = fake.now();
    let method = request.method().as_str().to_string();
    let path = request.uri().path().trim_start_matches("/v1/").to_string();
    let path: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let response = match admit(&fake, &request, &method, &path, now) {
        Err(refused) => *refused,
        Ok(caller) if method == "GET" => read(&fake, &request, &path, &caller, now),
        Ok(caller) => {
            let pairs = pairs(&request);
            match body::read(request).await {
                Ok(body) => write(&fake, (&method, &path), pairs, &body.fields, &caller, now),
                Err(text) => refusal(400, "BadRequest", &text),
            }
        }
    };
    let status = response.status().as_u16();
    *fake.lock().answers.entry(status).or_default() += 1;
    response
}

/// Who it is, then the limit, then the permission.
fn admit(
    fake: &Lever,
    request: &Request,
    method: &str,
    path: &[&str],
    now: Time,
) -> Result<Caller, Box<Response>> {
    let core = &mut *fake.lock();
    let route: Vec<&str> = path.iter().map(|part| without_id(part)).collect();
    let route = format!("{method} /v1/{}", route.join("/"));
    *core.requests.entry(route).or_default() += 1;
    let header = request.headers().get(AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok()).unwrap_or("");
    let caller = match header.strip_prefix("Bearer ") {
        Some(token) => core.oauth.caller(token, now),
        None => basic(header).and_then(|key| {
            let mut keys = core.keys.iter();
            keys.find(|one| one.key == key).map(|key| key.caller())
        }),
    };
    let refuse = |status, code, text| Err(Box::new(refusal(status, code, text)));
    let Some(caller) = caller else {
        return refuse(401, "Unauthorized", "Invalid credentials");
    };
    if !core.limits.admit(&caller.name, now) {
        return refuse(429, "TooManyRequests", "Too many requests");
    }
    match scope(method == "GET", path) {
        Some(scope) if caller.may(&scope) => Ok(caller),
        Some(scope) => {
            let text = format!("This key lacks the permission {scope}");
            refuse(403, "Forbidden", &text)
        }
        None => refuse(404, "ResourceNotFound", "no such path"),
    }
}

/// The one scope an operation needs.
fn scope(read: bool, path: &[&str]) -> Option<String> {
    let resource = match path {
        [
            "opportunities",
            _,
            child @ ("notes" | "feedback" | "interviews" | "panels"),
            ..,
        ] => child,
        [
            "opportunities",
            _,
            child @ ("offers" | "files" | "resumes" | "applications"),
            ..,
        ] => child,
        ["opportunities", ..] => "opportunities",
        ["contacts", ..] => "contact",
        ["eeo", "responses"] => "eeo_responses",
        ["eeo", "responses", "pii"] => "eeo_responses_pii",
        ["disposition_stages"] => "stages",
        [
            name @ ("applications" | "postings" | "requisitions" | "requisition_fields" | "users"
            | "stages" | "archive_reasons" | "sources" | "tags" | "webhooks"),
            ..,
        ] => name,
        _ => return None,
    };
    let verb = if read { "read" } else { "write" };
    Some(format!("{resource}:{verb}:admin"))
}

fn pairs(request: &Request) -> Result<Vec<(String, String)>, Refused> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let query = query.map_err(|_| invalid("the query cannot be read"))?;
    Ok(query.0)
}

fn read(fake: &Lever, request: &Request, path: &[&str], caller: &Caller, now: Time) -> Response {
    let lagging = request.extensions().get::<Lagging>().is_some();
    let params = match pairs(request) {
        Ok(pairs) => Params::new(pairs),
        Err(refused) => return refused.into_response(),
    };
    let core = fake.lock();
    let world = match &core.replica {
        Some(replica) if lagging => replica,
        _ => &core.world,
    };
    let reader = Reader {
        show: Show {
            world,
            drifts: &core.drifts,
            shapes: fake.options.shapes,
        },
        offsets: &core.offsets,
        hooks: &core.hooks,
        caller,
        now,
        list: format!("{}?{}", path.join("/"), params.meaning()),
    };
    match reader.answer(path, params) {
        Ok(Answer::Json(json)) => Json(json).into_response(),
        Ok(Answer::Bytes(bytes)) => bytes.into_response(),
        Ok(Answer::Unprocessable) => refusal(
            422,
            "UnprocessableEntity",
            "the file could not be processed",
        ),
        Err(refused) => refused.into_response(),
    }
}

fn write(
    fake: &Lever,
    (method, path): (&str, &[&str]),
    pairs: Result<Vec<(String, String)>, Refused>,
    body: &Map<String, Value>,
    caller: &Caller,
    now: Time,
) -> Response {
    let params = match pairs {
        Ok(pairs) => Params::new(pairs),
        Err(refused) => return refused.into_response(),
    };
    let mut guard = fake.lock();
    let core = &mut *guard;
    let written = match path {
        ["webhooks", ..] => write_hook(fake, core, method, path, body, now),
        ["opportunities", id, ..] if hidden(&core.world, id, caller) => {
            Err(Refused::Forbidden("the record is confidential".into()))
        }
        _ => {
            let showing = writes::Showing {
                drifts: &core.drifts,
                shapes: fake.options.shapes,
            };
            let mut hand = Hand {
                world: &mut core.world,
                now,
                by: None,
            };
            writes::write(&mut hand, showing, method, path, params, body)
        }
    };
    match written {
        Ok(Some(written)) => {
            fake.publish(core, written.acted);
            let status = StatusCode::from_u16(written.status).expect("a status we wrote");
            match written.body {
                Value::Null => status.into_response(),
                body => (status, Json(body)).into_response(),
            }
        }
        Ok(None) => refusal(404, "ResourceNotFound", "no such path"),
        Err(refused) => refused.into_response(),
    }
}

fn hidden(world: &World, id: &str, caller: &Caller) -> bool {
    let id = super::id::Id::parse(id);
    let row = id.and_then(|id| world.opportunities.get(id));
    row.is_some_and(|row| row.confidential) && !caller.confidential
}

/// Registrations: the same event and address may be registered again, and is then told twice.
fn write_hook(
    fake: &Lever,
    core: &mut Core,
    method: &str,
    path: &[&str],
    body: &Map<String, Value>,
    now: Time,
) -> Result<Option<Written>, Refused> {
    let mut written = Written {
        status: 200,
        body: Value::Null,
        acted: Acted::default(),
    };
    match (method, path) {
        ("POST", ["webhooks"]) => {
            let id = core.world.new_id();
            let hook = Hook::read(body, None, id, now, &mut core.rng)?;
            let shown = hook.show(true);
            written.body = match fake.options.shapes {
                super::Shapes::Published => json!({"data": {"data": shown}}),
                super::Shapes::Recorded => json!({"data": shown}),
            };
            written.status = 201;
            core.hooks.push(hook);
        }
        ("PUT", ["webhooks", id]) => {
            let place = hooks::place(&core.hooks, id)?;
            let was = core.hooks[place].clone();
            let id = was.id;
            let hook = Hook::read(body, Some(was), id, now, &mut core.rng)?;
            written.body = json!({"data": hook.show(false)});
            core.hooks[place] = hook;
        }
        ("DELETE", ["webhooks", id]) => {
            let place = hooks::place(&core.hooks, id)?;
            core.hooks.remove(place);
            written.status = 204;
        }
        _ => return Ok(None),
    }
    Ok(Some(written))
}

fn without_id(part: &str) -> &str {
    let word = part.len() < 20 && part.bytes().all(|c| c.is_ascii_alphabetic() || c == b'_');
    if word { part } else { "{id}" }
}
