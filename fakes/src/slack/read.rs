//! What a bot may look up: channels, history, people. Pages by cursor, and a page may be short.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::methods::{Args, No, may, text};
use super::post::shown;
use super::{Channel, Message, Slack, TEAM, Token, ts_micros, ts_text};

pub(crate) fn list(slack: &Slack, args: &Args, token: &Token) -> Result<Value, No> {
    let types = text(args, "types").unwrap_or("public_channel");
    let private = types
        .split(',')
        .any(|kind| kind.trim() == "private_channel");
    let public = types.split(',').any(|kind| kind.trim() == "public_channel");
    if private && !may(token, "groups:read") {
        return Err(No::Scope {
            needed: "groups:read",
        });
    }
    let limit = limit(args, 1000)?;
    let from = match text(args, "cursor") {
        Some(cursor) => opened(cursor, "list:").ok_or(No::Error("invalid_cursor"))?,
        None => "0".into(),
    };
    let from: usize = from.parse().map_err(|_| No::Error("invalid_cursor"))?;
    let no_archived = truthy(args, "exclude_archived");
    let core = slack.lock();
    let visible: Vec<&Channel> = core
        .channels
        .iter()
        .filter(|channel| channel.user.is_none())
        .filter(|channel| match channel.is_private {
            true => private && channel.is_member,
            false => public,
        })
        .collect();
    // Archived ones are taken out of the page, not out of the list: pages get short.
    let page = visible.iter().skip(from).take(limit);
    let channels: Vec<Value> = page
        .filter(|channel| !(no_archived && channel.is_archived))
        .map(|channel| described(channel))
        .collect();
    let next = match from + limit < visible.len() {
        true => closed(&format!("list:{}", from + limit)),
        false => String::new(),
    };
    Ok(json!({
        "ok": true,
        "channels": channels,
        "response_metadata": {"next_cursor": next},
    }))
}

/// Newest first; but with `oldest` alone the pages begin at the oldest end.
pub(crate) fn history(
    slack: &Slack,
    args: &Args,
    token: &Token,
    lagging: bool,
) -> Result<Value, No> {
    let wanted = text(args, "channel").ok_or(No::Error("channel_not_found"))?;
    let core = slack.lock();
    let channel = core.channel(wanted).ok_or(No::Error("channel_not_found"))?;
    let needed = match (channel.user.is_some(), channel.is_private) {
        (true, _) => "im:history",
        (false, true) => "groups:history",
        (false, false) => "channels:history",
    };
    if !may(token, needed) {
        return Err(No::Scope { needed });
    }
    if !channel.is_member {
        return Err(No::Error(match channel.is_private {
            true => "channel_not_found",
            false => "not_in_channel",
        }));
    }
    let bound = |name: &str, error| match text(args, name) {
        Some(value) => ts_micros(value).map(Some).ok_or(No::Error(error)),
        None => Ok(None),
    };
    let (oldest, latest) = (
        bound("oldest", "invalid_ts_oldest")?,
        bound("latest", "invalid_ts_latest")?,
    );
    let both_ends_in = truthy(args, "inclusive");
    let upward = oldest.is_some() && latest.is_none();
    let cursor = match text(args, "cursor") {
        Some(cursor) => {
            let place = opened(cursor, "next_ts:").and_then(|ts| ts_micros(&ts));
            Some(place.ok_or(No::Error("invalid_cursor"))?)
        }
        None => None,
    };
    let inside = |at: i64| {
        let after = oldest.is_none_or(|oldest| at > oldest || (both_ends_in && at == oldest));
        let before = latest.is_none_or(|latest| at < latest || (both_ends_in && at == latest));
        let onward = cursor.is_none_or(|place| if upward { at > place } else { at < place });
        after && before && onward
    };
    let limit = limit(args, 999)?;
    let messages = if lagging {
        &core.replica
    } else {
        &core.messages
    };
    let mut found: Vec<(i64, &Message)> = messages
        .iter()
        .filter(|message| message.channel == channel.id && is_top(message))
        .filter_map(|message| Some((ts_micros(&message.ts)?, message)))
        .filter(|(at, _)| inside(*at))
        .collect();
    found.sort_by_key(|(at, _)| if upward { *at } else { -*at });
    let more = found.len() > limit;
    found.truncate(limit);
    let edge = found.last().map(|(at, _)| *at);
    if upward {
        found.reverse();
    }
    let with_metadata = truthy(args, "include_all_metadata");
    let messages: Vec<Value> = found
        .into_iter()
        .map(|(_, message)| shown(message, with_metadata))
        .collect();
    let mut root = json!({"ok": true, "messages": messages, "has_more": more});
    if let Some(edge) = edge.filter(|_| more) {
        let next = closed(&format!("next_ts:{}", ts_text(edge)));
        root["response_metadata"] = json!({"next_cursor": next});
    }
    Ok(root)
}

/// Replies are not in a channel's history.
fn is_top(message: &Message) -> bool {
    message
        .thread_ts
        .as_ref()
        .is_none_or(|thread| *thread == message.ts)
}

pub(crate) fn open(slack: &Slack, args: &Args) -> Result<Value, No> {
    let users = text(args, "users").ok_or(No::Error("users_list_not_supplied"))?;
    let person = slack
        .people
        .iter()
        .find(|person| person.id == users)
        .ok_or(No::Error("user_not_found"))?;
    let id = format!("D{}", &person.id[1..]);
    let core = &mut *slack.lock();
    let known = core.channels.iter().any(|channel| channel.id == id);
    if !known {
        core.channels.push(Channel {
            id: id.clone(),
            name: person.name.clone(),
            is_private: true,
            is_archived: false,
            is_member: true,
            user: Some(person.id.clone()),
        });
    }
    Ok(match known {
        true => json!({"ok": true, "no_op": true, "already_open": true, "channel": {"id": id}}),
        false => json!({"ok": true, "channel": {"id": id}}),
    })
}

pub(crate) fn lookup(slack: &Slack, args: &Args) -> Result<Value, No> {
    let email = text(args, "email").ok_or(No::Error("users_not_found"))?;
    let mut people = slack.people.iter();
    let person = people.find(|person| person.email.eq_ignore_ascii_case(email));
    let person = person.ok_or(No::Error("users_not_found"))?;
    Ok(json!({"ok": true, "user": {
        "id": person.id,
        "team_id": TEAM,
        "name": person.name.to_lowercase().replace(' ', "."),
        "real_name": person.name,
        "deleted": false,
        "is_bot": false,
        "profile": {
            "email": person.email,
            "real_name": person.name,
            "display_name": person.name,
            "team": TEAM,
        },
    }}))
}

fn described(channel: &Channel) -> Value {
    json!({
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": !channel.is_private,
        "is_group": channel.is_private,
        "is_im": false,
        "is_mpim": false,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": channel.name == "general",
        "is_member": channel.is_member,
        "is_shared": false,
        "num_members": 7,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    })
}

fn limit(args: &Args, most: usize) -> Result<usize, No> {
    let given = match args.get("limit") {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => Some(100),
    };
    match given {
        Some(0) => Ok(100),
        Some(limit) if limit as usize <= most => Ok(limit as usize),
        _ => Err(No::Error("invalid_limit")),
    }
}

fn truthy(args: &Args, name: &str) -> bool {
    match args.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        Some(Value::String(text)) => text == "true" || text == "1",
        _ => false,
    }
}

fn closed(text: &str) -> String {
    STANDARD.encode(text)
}

fn opened(cursor: &str, kind: &str) -> Option<String> {
    let bytes = STANDARD.decode(cursor).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.strip_prefix(kind).map(str::to_string)
}
