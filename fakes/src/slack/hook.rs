//! Incoming webhooks: the address is the credential, the answers are bare words, and there is no
//! way to change a message later.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;

use super::methods::{Args, No};
use super::post::content;
use super::{Fake, Message, TEAM};
use crate::body;

pub(crate) async fn receive(
    State(slack): State<Fake>,
    Path((team, hook, secret)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let body = body::read(request).await;
    if team != TEAM {
        return word(404, "no_team");
    }
    let Some(hook) = slack.hooks.iter().find(|known| known.id == hook) else {
        return word(404, "no_service");
    };
    if hook.secret != secret {
        return word(403, "invalid_token");
    }
    let Some(args) = body.ok().and_then(payload) else {
        return word(400, "invalid_payload");
    };
    let now = slack.clock.now();
    let core = &mut *slack.lock();
    let Some(channel) = core.channel(&hook.channel) else {
        return word(404, "channel_not_found");
    };
    if channel.is_archived {
        return word(410, "channel_is_archived");
    }
    let channel = channel.id.clone();
    if let Err(secs) = core.limits.message(&format!("hook {}", hook.id), now) {
        let mut response = word(429, "rate_limited");
        response.headers_mut().insert("retry-after", secs.into());
        return response;
    }
    let content = match content(&args) {
        Ok(content) => content,
        Err(No::Error(error @ ("no_text" | "too_many_attachments"))) => return word(400, error),
        Err(_) => return word(400, "invalid_payload"),
    };
    let ts = core.next_ts(now);
    core.messages.push(Message {
        channel,
        ts,
        text: content.text,
        metadata: content.metadata,
        blocks: content.blocks,
        thread_ts: None,
        edited_ts: None,
        by_webhook: true,
    });
    word(200, "ok")
}

/// JSON as the body, or in the form field `payload`.
fn payload(body: body::Body) -> Option<Args> {
    if !body.form {
        return Some(body.fields);
    }
    let text = body.fields.get("payload").and_then(Value::as_str)?;
    serde_json::from_str(text).ok()
}

fn word(status: u16, text: &'static str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status we wrote");
    (status, Html(text)).into_response()
}
