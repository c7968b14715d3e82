//! `POST /in/{connection}`: the raw bytes go to the engine under a limit that is kept while reading. Nothing is parsed, asked or
//! logged here; this is the path that must be fast.

use crate::Api;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use stagewire_engine::hooks::CHECK_HEADER;
use stagewire_engine::intake::Reply;
use std::time::Duration;

/// A body that takes longer than this to arrive is given up.
const SLOWEST: Duration = Duration::from_secs(30);

/// Only this route: for a listener that the outside world reaches.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/in/{connection}", post(receive))
}

/// Why a body was not read.
enum Unread {
    Large,
    Broken,
    Slow,
}

async fn receive(State(api): State<Api>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let id = parts.uri.path().strip_prefix("/in/").unwrap_or_default();
    let Some(largest) = api.hub.largest(id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Some(nonce) = parts.headers.get(CHECK_HEADER)
        && let Some(proof) = nonce.to_str().ok().and_then(|n| api.hub.answer_check(n))
    {
        return checked(&proof);
    }
    let told = told_length(&parts.headers);
    let read = tokio::time::timeout(SLOWEST, read(body, told, largest))
        .await
        .unwrap_or(Err(Unread::Slow));
    let reply = match read {
        Ok(bytes) => {
            let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
            api.hub.deliver(id, &header, &bytes).await
        }
        Err(Unread::Large) => return closing(api.hub.too_large(id, told).await),
        Err(Unread::Broken) => {
            return closing(Reply {
                status: 400,
                retry_after: None,
            });
        }
        Err(Unread::Slow) => {
            return closing(Reply {
                status: 408,
                retry_after: None,
            });
        }
    };
    answer(reply)
}

/// A check of ours came back to us: the address leads here.
fn checked(proof: &str) -> Response {
    let mut response = StatusCode::OK.into_response();
    if let Ok(value) = HeaderValue::from_str(proof) {
        response.headers_mut().insert(CHECK_HEADER, value);
    }
    response
}

fn told_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// The whole body, or why not. One chunk, which is the usual case, is not copied.
async fn read(body: Body, told: Option<u64>, largest: usize) -> Result<Bytes, Unread> {
    if told.is_some_and(|n| n > largest as u64) {
        return Err(Unread::Large);
    }
    let mut chunks = body.into_data_stream();
    let Some(first) = chunks.next().await else {
        return Ok(Bytes::new());
    };
    let first = within(first, 0, largest)?;
    let Some(second) = chunks.next().await else {
        return Ok(first);
    };
    let second = within(second, first.len(), largest)?;
    let told = told.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let mut all = BytesMut::with_capacity(told.max(first.len() + second.len()));
    all.extend_from_slice(&first);
    all.extend_from_slice(&second);
    while let Some(chunk) = chunks.next().await {
        all.extend_from_slice(&within(chunk, all.len(), largest)?);
    }
    Ok(all.freeze())
}

fn within(chunk: Result<Bytes, axum::Error>, held: usize, largest: usize) -> Result<Bytes, Unread> {
    let chunk = chunk.map_err(|_| Unread::Broken)?;
    if held + chunk.len() > largest {
        Err(Unread::Large)
    } else {
        Ok(chunk)
    }
}

fn answer(reply: Reply) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if let Some(seconds) = reply.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What is left of the body is not read, so the connection cannot be used again.
fn closing(reply: Reply) -> Response {
    let mut response = answer(reply);
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
