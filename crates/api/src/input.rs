//! What a request brings, read under limits: an id in the path, a JSON body. Whatever does not fit is a problem document that says
//! what was expected.

use crate::problem::Problem;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The largest JSON body.
pub(crate) const MOST_BYTES: usize = 1_000_000;

/// A body that takes longer than this to arrive is given up.
const SLOWEST: Duration = Duration::from_secs(30);

/// The id in the path.
pub(crate) struct Id(pub(crate) String);

impl Id {
    /// Ids of rows are numbers; anything else is not there.
    pub(crate) fn number(&self, what: &str) -> Result<i64, Problem> {
        self.0
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| Problem::not_found(what))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Id(id))
            .map_err(|_| Problem::bad("the path cannot be read as text"))
    }
}

/// A JSON body; none at all counts as `{}`.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = limited(&parts.headers, body).await?;
        if bytes.is_empty() {
            return parse(b"{}").map(Json);
        }
        if !is_json(&parts.headers) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send the body as `Content-Type: application/json`",
            ));
        }
        parse(&bytes).map(Json)
    }
}

/// Reads a body of at most [`MOST_BYTES`].
pub(crate) async fn limited(headers: &HeaderMap, body: axum::body::Body) -> Result<Bytes, Problem> {
    let told = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<usize>().ok());
    let large = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a body may have {MOST_BYTES} bytes"),
        )
    };
    if told.is_some_and(|n| n > MOST_BYTES) {
        return Err(large());
    }
    let read = tokio::time::timeout(SLOWEST, to_bytes(body, MOST_BYTES)).await;
    read.map_err(|_| Problem::bad("the body did not arrive in time"))?
        .map_err(|e| {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&e);
            while let Some(c) = cause {
                if c.to_string().contains("length limit") {
                    return large();
                }
                cause = c.source();
            }
            Problem::bad("the body did not arrive whole")
        })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => Problem::unfit(e.to_string()),
        _ => Problem::bad(format!("the body is not JSON: {e}")),
    })
}
