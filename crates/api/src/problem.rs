//! Errors as the caller sees them: problem documents (RFC 9457) with a stable code and the request's id. What went wrong inside goes
//! to the log, never to the caller.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use stagewire_store::Error;
use std::sync::Arc;

/// One error document, still without the request's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// `title`, `detail`, `code` and whatever else helps.
    pub members: Map<String, Value>,
    /// Seconds after which it may work.
    pub retry_after: Option<u32>,
}

/// The title that belongs to a status, and its code.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        400 => ("API-400", "The request cannot be understood"),
        401 => ("API-401", "A token is needed"),
        403 => ("API-403", "This token may not do that"),
        404 => ("API-404", "Not found"),
        405 => ("API-405", "Not with this method"),
        409 => ("API-409", "It does not fit the state it is in"),
        413 => ("API-413", "The body is too large"),
        415 => ("API-415", "The body is not JSON"),
        422 => ("API-422", "The values do not fit"),
        429 => ("API-429", "Too many wrong tokens"),
        503 => ("DB-001", crate::titles::title("DB-001")),
        _ => ("API-500", "Something is wrong on our side"),
    }
}

impl Problem {
    /// A problem with its status' own code and title.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        let (code, title) = words(status);
        Problem::coded(status, code, title, detail)
    }

    /// A problem with another code.
    pub fn coded(
        status: StatusCode,
        code: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Problem {
        let mut members = Map::new();
        members.insert("type".into(), json!(format!("/docs/errors/{code}")));
        members.insert("title".into(), json!(title));
        members.insert("status".into(), json!(status.as_u16()));
        members.insert("detail".into(), json!(detail.into()));
        members.insert("code".into(), json!(code));
        Problem {
            status,
            members,
            retry_after: None,
        }
    }

    /// What cannot be understood.
    pub fn bad(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// What is not there.
    pub fn not_found(what: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// What the state does not allow.
    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, detail)
    }

    /// Values that do not fit.
    pub fn unfit(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// More members.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Problem {
        self.members.insert(name.into(), value);
        self
    }

    /// The document for one request.
    pub fn document(&self, request_id: &str) -> Vec<u8> {
        let mut members = self.members.clone();
        members.insert("request_id".into(), json!(request_id));
        Value::Object(members).to_string().into_bytes()
    }
}

impl From<Error> for Problem {
    fn from(e: Error) -> Problem {
        match e {
            Error::NotFound(what) => Problem::not_found(what),
            Error::Conflict(say) | Error::Refused(say) => Problem::conflict(say),
            Error::Busy => {
                let busy = Problem::coded(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "API-503",
                    "Too much at once",
                    "nothing was written; send it again in a second",
                );
                Problem {
                    retry_after: Some(1),
                    ..busy
                }
            }
            Error::Unavailable(cause) => {
                tracing::error!(cause, "the database cannot be written");
                unavailable()
            }
            e => {
                tracing::error!(cause = %e, "a request failed in the store");
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the cause is in the server's log, under this request's id",
                )
            }
        }
    }
}

fn unavailable() -> Problem {
    Problem {
        retry_after: Some(5),
        ..Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "nothing was written; send it again",
        )
    }
}

/// The document itself is written once the request's id is known (see `frame`).
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(s) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(s));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
