//! What the vendor says when it does not do something: its codes, and the envelope around them.

use serde_json::{Value, json};

use super::ids::Kind;

/// A refusal. Most of them travel with HTTP 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The `errorInfo.code`.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The field it is about.
    pub parameter: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Problem {
            status: 200,
            code,
            message: message.into(),
            parameter: None,
        }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Problem { status, ..self }
    }

    /// A field that is missing or wrong.
    pub(crate) fn input(parameter: &'static str, message: impl Into<String>) -> Self {
        Problem {
            parameter: Some(parameter),
            ..Problem::new("invalid_input", message)
        }
    }

    pub(crate) fn missing(kind: Kind) -> Self {
        let message = format!("No such {}", kind.entity());
        Problem::new(kind.missing_code(), message)
    }

    /// The body. `errors` holds texts, or objects: both were seen.
    pub(crate) fn body(&self, request_id: &str, as_objects: bool) -> Value {
        let error = match as_objects {
            true => json!({"message": self.message, "parameter": self.parameter}),
            false => json!(self.code),
        };
        json!({
            "success": false,
            "errors": [error],
            "errorInfo": {
                "code": self.code,
                "message": self.message,
                "requestId": request_id,
            },
        })
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Problem {}
