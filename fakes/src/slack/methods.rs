//! The Web API's door: who asks, may they, how often. Failures are a 200 with `ok: false`, except
//! going too fast.

use axum::Json;
use axum::extract::{Path, Query as Params, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::{BOT, BOT_USER, Fake, Slack, TEAM, Token, post, read};
use crate::body;
use crate::faults::Lagging;

/// The arguments of a call.
pub(crate) type Args = Map<String, Value>;

/// Why a method said no.
#[derive(Debug)]
pub(crate) enum No {
    Error(&'static str),
    /// An error with details in `response_metadata.messages`.
    Detailed(&'static str, String),
    Scope {
        needed: &'static str,
    },
    /// Seconds to wait.
    TooFast(i64),
}

pub(crate) async fn call(
    State(slack): State<Fake>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let lagging = request.extensions().get::<Lagging>().is_some();
    let (args, charset_missing) = match arguments(request, is_read(&method)).await {
        Ok(read) => read,
        Err(error) => return answer(Err(No::Error(error)), None, &method),
    };
    let token = match authenticate(&slack, &headers, &args) {
        Ok(token) => token,
        Err(error) => return answer(Err(No::Error(error)), None, &method),
    };
    let mut result = dispatch(&slack, &method, &args, token, lagging);
    if let Ok(Value::Object(body)) = &mut result
        && charset_missing
    {
        body.insert("warning".into(), json!("missing_charset"));
        let warnings = json!({"warnings": ["missing_charset"]});
        body.entry("response_metadata").or_insert(warnings);
    }
    answer(result, Some(token), &method)
}

/// These take their arguments from the query or a form, never from JSON.
fn is_read(method: &str) -> bool {
    matches!(
        method,
        "conversations.list" | "conversations.history" | "users.lookupByEmail"
    )
}

/// The arguments, and whether a JSON body forgot its charset.
async fn arguments(request: Request, read_only: bool) -> Result<(Args, bool), &'static str> {
    let mut args = Args::new();
    if let Ok(Params(pairs)) = Params::<Vec<(String, String)>>::try_from_uri(request.uri()) {
        args.extend(pairs.into_iter().map(|(name, value)| (name, json!(value))));
    }
    let kind = header(request.headers(), "content-type").map(str::to_ascii_lowercase);
    let kind = kind.unwrap_or_default();
    let json = kind.starts_with("application/json");
    let form = kind.starts_with("application/x-www-form-urlencoded");
    if request.method() == "POST" && !kind.is_empty() && !json && !form {
        return Err("invalid_post_type");
    }
    let body = body::read(request).await.map_err(|_| match json {
        true => "invalid_json",
        false => "invalid_form_data",
    })?;
    if body.form || !read_only {
        args.extend(body.fields);
    }
    Ok((args, json && !kind.contains("charset")))
}

fn authenticate<'a>(
    slack: &'a Slack,
    headers: &HeaderMap,
    args: &Args,
) -> Result<&'a Token, &'static str> {
    let bearer = header(headers, "authorization").and_then(|text| text.strip_prefix("Bearer "));
    let given = bearer.or_else(|| args.get("token").and_then(Value::as_str));
    let given = given.ok_or("not_authed")?;
    if slack.lock().revoked.iter().any(|revoked| revoked == given) {
        return Err("token_revoked");
    }
    let mut tokens = slack.tokens.iter();
    tokens
        .find(|token| token.text == given)
        .ok_or("invalid_auth")
}

fn dispatch(
    slack: &Slack,
    method: &str,
    args: &Args,
    token: &Token,
    lagging: bool,
) -> Result<Value, No> {
    if let Some(scope) = scope(method)
        && !may(token, scope)
    {
        return Err(No::Scope { needed: scope });
    }
    if let Some(per_minute) = per_minute(method) {
        let now = slack.clock.now();
        let counted = slack.lock().limits.method(method, per_minute, now);
        counted.map_err(No::TooFast)?;
    }
    match method {
        "auth.test" => Ok(json!({
            "ok": true,
            "url": "https://lindenhof.example.com/",
            "team": "Lindenhof Works",
            "user": "stagewire",
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": BOT,
            "is_enterprise_install": token.org_wide,
        })),
        "chat.postMessage" => post::post_message(slack, args, token),
        "chat.update" => post::update(slack, args),
        "conversations.list" => read::list(slack, args, token),
        "conversations.history" => read::history(slack, args, token, lagging),
        "conversations.open" => read::open(slack, args),
        "users.lookupByEmail" => read::lookup(slack, args),
        _ => Err(No::Error("unknown_method")),
    }
}

/// The scope a method always needs; some need more, depending on the channel.
fn scope(method: &str) -> Option<&'static str> {
    Some(match method {
        "chat.postMessage" | "chat.update" => "chat:write",
        "conversations.list" => "channels:read",
        "conversations.open" => "im:write",
        "users.lookupByEmail" => "users:read.email",
        _ => return None,
    })
}

fn per_minute(method: &str) -> Option<u32> {
    Some(match method {
        "conversations.list" => 20,
        "conversations.history" | "conversations.open" | "chat.update" | "users.lookupByEmail" => {
            50
        }
        _ => return None,
    })
}

pub(crate) fn may(token: &Token, scope: &str) -> bool {
    token.scopes.iter().any(|granted| granted == scope)
}

pub(crate) fn text<'a>(args: &'a Args, name: &str) -> Option<&'a str> {
    let text = args.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

fn answer(result: Result<Value, No>, token: Option<&Token>, method: &str) -> Response {
    let provided = token.map(|token| token.scopes.join(","));
    let mut status = StatusCode::OK;
    let mut wait = None;
    let body = match result {
        Ok(body) => body,
        Err(No::Error(error)) => json!({"ok": false, "error": error}),
        Err(No::Detailed(error, message)) => json!({
            "ok": false,
            "error": error,
            "response_metadata": {"messages": [message]},
        }),
        Err(No::Scope { needed }) => json!({
            "ok": false,
            "error": "missing_scope",
            "needed": needed,
            "provided": provided,
        }),
        Err(No::TooFast(secs)) => {
            status = StatusCode::TOO_MANY_REQUESTS;
            wait = Some(secs);
            json!({"ok": false, "error": "ratelimited"})
        }
    };
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        "content-type",
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    if let Some(secs) = wait {
        headers.insert("retry-after", HeaderValue::from(secs));
    }
    if let Some(value) = provided.and_then(|scopes| HeaderValue::from_str(&scopes).ok()) {
        headers.insert("x-oauth-scopes", value);
    }
    if let Some(scope) = scope(method) {
        headers.insert("x-accepted-oauth-scopes", HeaderValue::from_static(scope));
    }
    response
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
