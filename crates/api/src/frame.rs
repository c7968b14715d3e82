//! What every answer has: the request's id, headers that keep browsers from guessing or keeping, and problems written out.

use crate::Api;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use stagewire_model::id;
use std::sync::Arc;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A caller's own id may be this long.
const LONGEST_ID: usize = 128;

/// Wraps every request but deliveries.
pub(crate) async fn frame(State(api): State<Api>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|v| v.to_str().ok());
    let id = match given.filter(|v| {
        !v.is_empty() && v.len() <= LONGEST_ID && v.bytes().all(|b| b.is_ascii_graphic())
    }) {
        Some(given) => given.to_owned(),
        None => format!("req_{}", id::encode(&api.hub.env.random())),
    };
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() {
        if problem.status.is_server_error() {
            tracing::warn!(request.id = %id, status = problem.status.as_u16(), "a request was not answered as asked");
        }
        *response.body_mut() = Body::from(problem.document(&id));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(&REQUEST_ID, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
