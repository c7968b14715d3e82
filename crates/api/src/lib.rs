//! REST handlers and the OpenAPI document.
