//! Posting and changing messages, with the vendor's checks. Nothing here is idempotent.

use serde_json::{Value, json};

use super::methods::{Args, No, may, text};
use super::{BOT, BOT_USER, Channel, Core, Message, Slack, TEAM, Token};

const TEXT_CUT: usize = 40_000;
const UPDATE_MAX: usize = 4_000;
const MARKDOWN_MAX: usize = 12_000;
const BLOCKS_MAX: usize = 50;
const BLOCKS_CHARS: usize = 13_200;
const SECTION_MAX: usize = 3_000;

/// What a message says, checked.
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) blocks: Option<Value>,
    pub(crate) metadata: Option<Value>,
}

pub(crate) fn post_message(slack: &Slack, args: &Args, token: &Token) -> Result<Value, No> {
    let wanted = text(args, "channel").ok_or(No::Error("channel_not_found"))?;
    let now = slack.clock.now();
    let core = &mut *slack.lock();
    let channel = destination(core, wanted, token)?.id.clone();
    core.limits.message(&channel, now).map_err(No::TooFast)?;
    let content = content(args)?;
    let message = Message {
        ts: core.next_ts(now),
        channel,
        text: content.text,
        metadata: content.metadata,
        blocks: content.blocks,
        thread_ts: text(args, "thread_ts").map(str::to_string),
        edited_ts: None,
        by_webhook: false,
    };
    core.messages.push(message.clone());
    Ok(json!({
        "ok": true,
        "channel": message.channel,
        "ts": message.ts,
        "message": shown(&message, true),
    }))
}

pub(crate) fn update(slack: &Slack, args: &Args) -> Result<Value, No> {
    let content = content(args)?;
    if content.text.chars().count() > UPDATE_MAX {
        return Err(No::Error("msg_too_long"));
    }
    let wanted = text(args, "channel").ok_or(No::Error("channel_not_found"))?;
    let ts = text(args, "ts").ok_or(No::Error("message_not_found"))?;
    let now = slack.clock.now();
    let core = &mut *slack.lock();
    let channel = core.channel(wanted).ok_or(No::Error("channel_not_found"))?;
    let channel = channel.id.clone();
    let edited = core.next_ts(now);
    let message = core
        .messages
        .iter_mut()
        .find(|message| message.channel == channel && message.ts == ts)
        .ok_or(No::Error("message_not_found"))?;
    if message.by_webhook {
        return Err(No::Error("cant_update_message"));
    }
    message.text = content.text;
    message.blocks = content.blocks;
    message.metadata = content.metadata.or(message.metadata.take());
    message.edited_ts = Some(edited);
    Ok(json!({
        "ok": true,
        "channel": channel,
        "ts": message.ts,
        "text": message.text,
        "message": shown(message, true),
    }))
}

/// The channel a token may post in.
fn destination<'a>(core: &'a Core, wanted: &str, token: &Token) -> Result<&'a Channel, No> {
    let by_id = core.channels.iter().any(|channel| channel.id == wanted);
    if token.org_wide && !by_id {
        return Err(No::Error("team_not_found"));
    }
    let channel = core.channel(wanted).ok_or(No::Error("channel_not_found"))?;
    if channel.is_private && !channel.is_member {
        return Err(No::Error("channel_not_found"));
    }
    if channel.is_archived {
        return Err(No::Error("is_archived"));
    }
    if !channel.is_member && !may(token, "chat:write.public") {
        return Err(No::Error("not_in_channel"));
    }
    Ok(channel)
}

/// Text, blocks and metadata, or the vendor's word for what is wrong with them.
pub(crate) fn content(args: &Args) -> Result<Content, No> {
    let plain = text(args, "text");
    let markdown = text(args, "markdown_text");
    let blocks = list(args, "blocks").map_err(|()| No::Error("invalid_blocks_format"))?;
    let attachments = list(args, "attachments").map_err(|()| No::Error("invalid_attachments"))?;
    if markdown.is_some() && (plain.is_some() || blocks.is_some()) {
        return Err(No::Error("markdown_text_conflict"));
    }
    if plain.is_none() && markdown.is_none() && blocks.is_none() && attachments.is_none() {
        return Err(No::Error("no_text"));
    }
    if attachments.is_some_and(|list| list.len() > 100) {
        return Err(No::Error("too_many_attachments"));
    }
    if markdown.is_some_and(|text| text.chars().count() > MARKDOWN_MAX) {
        return Err(No::Error("msg_too_long"));
    }
    check_blocks(blocks.as_deref().unwrap_or_default())?;
    let shown = plain.or(markdown).unwrap_or_default();
    Ok(Content {
        text: shown.chars().take(TEXT_CUT).collect(),
        blocks: blocks.map(Value::Array),
        metadata: metadata(args)?,
    })
}

fn check_blocks(blocks: &[Value]) -> Result<(), No> {
    let wrong = |place: usize, what: &str, pointer: &str| {
        let message = format!("[ERROR] {what} [json-pointer:/blocks/{place}{pointer}]");
        No::Detailed("invalid_blocks", message)
    };
    if blocks.len() > BLOCKS_MAX {
        return Err(wrong(BLOCKS_MAX, "no more than 50 items allowed", ""));
    }
    let mut total = 0;
    for (place, block) in blocks.iter().enumerate() {
        let kind = block.get("type").and_then(Value::as_str);
        let known = [
            "section",
            "header",
            "context",
            "actions",
            "divider",
            "image",
            "markdown",
            "rich_text",
            "input",
        ];
        if !kind.is_some_and(|kind| known.contains(&kind)) {
            return Err(wrong(place, "unsupported type", "/type"));
        }
        let words = block.pointer("/text/text").and_then(Value::as_str);
        let length = words.map_or(0, |words| words.chars().count());
        if kind == Some("section") && length > SECTION_MAX {
            return Err(wrong(
                place,
                "must be less than 3001 characters",
                "/text/text",
            ));
        }
        if kind == Some("header") && length > 150 {
            return Err(wrong(
                place,
                "must be less than 151 characters",
                "/text/text",
            ));
        }
        let elements = block.get("elements").and_then(Value::as_array);
        let allowed = if kind == Some("context") { 10 } else { 25 };
        if kind != Some("rich_text") && elements.is_some_and(|list| list.len() > allowed) {
            return Err(wrong(
                place,
                &format!("no more than {allowed} items"),
                "/elements",
            ));
        }
        total += block.to_string().chars().count();
    }
    match total > BLOCKS_CHARS {
        true => Err(No::Error("msg_blocks_too_long")),
        false => Ok(()),
    }
}

/// A list argument; in a form it is JSON text.
fn list(args: &Args, name: &str) -> Result<Option<Vec<Value>>, ()> {
    let value = match args.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| ())?,
        Some(value) => value.clone(),
    };
    match value {
        Value::Array(list) if list.is_empty() => Ok(None),
        Value::Array(list) => Ok(Some(list)),
        _ => Err(()),
    }
}

fn metadata(args: &Args) -> Result<Option<Value>, No> {
    let wrong = || No::Error("invalid_metadata_format");
    let value = match args.get("metadata") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| wrong())?,
        Some(value) => value.clone(),
    };
    let named = value.get("event_type").is_some_and(Value::is_string);
    let filled = value.get("event_payload").is_some_and(Value::is_object);
    match named && filled {
        true => Ok(Some(value)),
        false => Err(wrong()),
    }
}

/// A message as the API shows it.
pub(crate) fn shown(message: &Message, with_metadata: bool) -> Value {
    let mut root = json!({
        "type": "message",
        "subtype": "bot_message",
        "text": message.text,
        "ts": message.ts,
        "bot_id": BOT,
        "user": BOT_USER,
        "team": TEAM,
    });
    if let Some(blocks) = &message.blocks {
        root["blocks"] = blocks.clone();
    }
    if let Some(thread) = &message.thread_ts {
        root["thread_ts"] = json!(thread);
    }
    if let Some(edited) = &message.edited_ts {
        root["edited"] = json!({"user": BOT_USER, "ts": edited});
    }
    if let Some(metadata) = message.metadata.as_ref().filter(|_| with_metadata) {
        root["metadata"] = metadata.clone();
    }
    root
}
