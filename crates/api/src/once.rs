//! `Idempotency-Key`: the same request again gets the same answer, and does nothing. Answers are kept sealed, since some hold a
//! secret that is shown once. A request that has begun is finished even if its caller has gone.

use crate::Api;
use crate::auth::Caller;
use crate::input::limited;
use crate::problem::Problem;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use stagewire_model::MAIN;
use stagewire_store::{Class, Reply};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The header.
pub const HEADER: &str = "idempotency-key";
/// A key may be this long.
const LONGEST: usize = 255;
/// The largest answer that is kept.
const MOST_ANSWER: usize = 4_000_000;

/// The caller's key, for handlers that make an intent of it.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) String);

/// Keys whose request is being worked on.
#[derive(Clone, Default)]
pub(crate) struct Busy(Arc<Mutex<HashSet<(i64, String)>>>);

/// A key as long as its request is being worked on.
struct Held(Busy, (i64, String));

impl Busy {
    fn hold(&self, token: i64, key: &str) -> Option<Held> {
        let pair = (token, key.to_owned());
        let new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(pair.clone());
        new.then(|| Held(self.clone(), pair))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.1);
    }
}

/// Wraps every POST that names a key.
pub(crate) async fn once(State(api): State<Api>, request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).cloned();
    let (Some(given), true, Some(caller)) = (
        given,
        *request.method() == Method::POST,
        request.extensions().get::<Caller>().cloned(),
    ) else {
        return next.run(request).await;
    };
    let key = given.to_str().ok().filter(|k| {
        !k.is_empty() && k.len() <= LONGEST && k.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    });
    let Some(key) = key.map(str::to_owned) else {
        return Problem::bad(format!(
            "an Idempotency-Key has 1 to {LONGEST} plain characters"
        ))
        .into_response();
    };
    match work(api, request, next, caller, key).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn work(
    api: Api,
    request: Request,
    next: Next,
    caller: Caller,
    key: String,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let bytes = limited(&parts.headers, body).await?;
    let mut digest = Sha256::new();
    digest.update(parts.uri.path_and_query().map_or("", |p| p.as_str()));
    digest.update([0x1F]);
    digest.update(&bytes);
    let body_hash: [u8; 32] = digest.finalize().into();
    let held = api.shared.busy.hold(caller.token, &key).ok_or_else(|| {
        Problem::conflict("a request with this Idempotency-Key is being worked on")
    })?;
    if let Some(reply) = api.hub.store.reply(MAIN, caller.token, key.clone()).await? {
        if reply.body_hash != body_hash {
            return Err(Problem::unfit(
                "this Idempotency-Key was used for another request; use a new key",
            ));
        }
        let mut response = open(&api, caller.token, &reply)?;
        response
            .headers_mut()
            .insert("idempotent-replay", HeaderValue::from_static("true"));
        return Ok(response);
    }
    parts.extensions.insert(Key(key.clone()));
    let request = Request::from_parts(parts, Body::from(bytes));
    let task = tokio::spawn(async move {
        let _held = held;
        let response = next.run(request).await;
        keep(&api, caller.token, key, body_hash, response).await
    });
    task.await.map_err(|_| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the cause is in the server's log",
        )
    })
}

/// Keeps an answer that will be the same next time; refusals for who asks, and our own errors, may change.
async fn keep(
    api: &Api,
    token: i64,
    key: String,
    body_hash: [u8; 32],
    response: Response,
) -> Response {
    let status = response.status();
    if status.is_server_error() || matches!(status.as_u16(), 401 | 403 | 408 | 429) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MOST_ANSWER).await else {
        return Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "it was done, but the answer is too large",
        )
        .into_response();
    };
    let problem = parts
        .extensions
        .get::<Arc<Problem>>()
        .map(|p| p.members.clone());
    let plain = match problem {
        Some(members) => json!({"problem": members}).to_string(),
        None => json!({"body": String::from_utf8_lossy(&bytes)}).to_string(),
    };
    let now = api.hub.env.now().0;
    let (key_id, sealed) = api.hub.store.keys().seal(
        MAIN,
        Class::Workspace,
        now,
        "reply",
        token,
        plain.as_bytes(),
    );
    let answer = format!("{key_id}:{}", BASE64_STANDARD.encode(sealed));
    let reply = Reply {
        body_hash,
        at: now,
        status: i64::from(status.as_u16()),
        answer,
    };
    if let Err(e) = api.hub.store.reply_put(MAIN, token, key, reply).await {
        tracing::error!(cause = %e, "an answer could not be kept for its Idempotency-Key");
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn open(api: &Api, token: i64, reply: &Reply) -> Result<Response, Problem> {
    let gone =
        || Problem::conflict("this Idempotency-Key was used, but its answer can no longer be read");
    let status = u16::try_from(reply.status)
        .ok()
        .and_then(|s| StatusCode::from_u16(s).ok())
        .ok_or_else(gone)?;
    let (key_id, sealed) = reply.answer.split_once(':').ok_or_else(gone)?;
    let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| gone())?;
    let plain =
        api.hub
            .store
            .keys()
            .open(key_id.parse().map_err(|_| gone())?, "reply", token, &sealed)?;
    let mut kept: Map<String, Value> = serde_json::from_slice(&plain).map_err(|_| gone())?;
    if let Some(Value::Object(members)) = kept.remove("problem") {
        return Ok(Problem {
            status,
            members,
            retry_after: None,
        }
        .into_response());
    }
    let body = kept
        .get("body")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}
