//! Reads a small request body, JSON or form, into one JSON object. It refuses anything else.

use axum::Form;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

/// What a request carried.
pub(crate) struct Body {
    pub(crate) fields: Map<String, Value>,
    /// Sent by an HTML form (so a person wants to see the page again).
    pub(crate) form: bool,
}

/// The limit for one body; vendors' own limits are lower.
pub(crate) const LIMIT_BYTES: usize = 4 << 20;

/// Reads the body; an empty one is an empty object. The error is a sentence.
pub(crate) async fn read(request: Request) -> Result<Body, String> {
    let content_type = request
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, &())
            .await
            .map_err(|error| error.to_string())?;
        let fields = pairs
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        return Ok(Body { fields, form: true });
    }
    let bytes = to_bytes(request.into_body(), LIMIT_BYTES)
        .await
        .map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Ok(Body {
            fields: Map::new(),
            form: false,
        });
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => Ok(Body {
            fields,
            form: false,
        }),
        Ok(_) => Err("the body is not an object".into()),
        Err(error) => Err(error.to_string()),
    }
}
