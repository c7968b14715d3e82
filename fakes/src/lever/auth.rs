//! The partner flow over HTTP: a consent page that may answer by itself, and the token service.

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::api::Fake;
use super::oauth::{Consented, Form};
use super::options::Consent;
use crate::body;
use crate::page::{escape, page};

/// The answer of somebody at the page.
const DECISION: &str = "_decision";

pub(crate) async fn authorize(State(fake): State<Fake>, Query(mut form): Query<Form>) -> Response {
    let decision = form.remove(DECISION);
    let now = fake.now();
    let core = &mut *fake.lock();
    let consent = match decision.as_deref() {
        Some("allow") => Consent::Grant,
        Some(_) => Consent::Deny,
        None => core.consent,
    };
    *core.requests.entry("GET /authorize".into()).or_default() += 1;
    match core.oauth.consent(&form, consent, now, &mut core.rng) {
        Consented::Refused(why) => (StatusCode::BAD_REQUEST, why).into_response(),
        Consented::Back(url) => (StatusCode::FOUND, [(LOCATION, url)]).into_response(),
        Consented::Ask => ask(&form).into_response(),
    }
}

fn ask(form: &Form) -> impl IntoResponse {
    let mut fields: Vec<_> = form.iter().collect();
    fields.sort();
    let hidden = fields.into_iter().map(|(name, value)| {
        format!(
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
            escape(name),
            escape(value)
        )
    });
    let hidden: String = hidden.collect();
    let scopes = form.get("scope").map_or("", String::as_str);
    page(
        "Allow access? — fake ATS",
        "A made-up consent page on this machine.",
        &format!(
            "<p>It asks for: <code>{}</code></p><form method=\"get\" action=\"/authorize\">{hidden}\
             <button name=\"{DECISION}\" value=\"allow\">Allow</button>\
             <button class=\"bad\" name=\"{DECISION}\" value=\"deny\">Deny</button></form>",
            escape(scopes)
        ),
    )
}

/// Client id and secret are in the form; a header is not looked at.
pub(crate) async fn token(State(fake): State<Fake>, request: Request) -> Response {
    let form: Form = match body::read(request).await {
        Ok(body) if body.form => {
            let fields = body.fields.into_iter();
            let text = |value: serde_json::Value| value.as_str().unwrap_or_default().to_string();
            fields.map(|(name, value)| (name, text(value))).collect()
        }
        _ => return deny((400, "invalid_request", "The body must be a form")),
    };
    let now = fake.now();
    let core = &mut *fake.lock();
    *core.requests.entry("POST /oauth/token".into()).or_default() += 1;
    match core.oauth.token(&form, now, &mut core.rng) {
        Ok(answer) => Json(answer).into_response(),
        Err(denied) => deny(denied),
    }
}

fn deny((status, error, description): super::oauth::Denied) -> Response {
    let status = StatusCode::from_u16(status).expect("a status we wrote");
    let body = json!({"error": error, "error_description": description});
    (status, Json(body)).into_response()
}
