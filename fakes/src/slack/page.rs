//! The workspace's page: channels with messages first, then the quiet ones. Buttons in messages are
//! shown, not pressed.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::Html;
use serde_json::Value;

use super::{Channel, Fake, Message, Person, ts_micros};
use crate::clock::Time;
use crate::page::{badge, escape, page, time};

const NOTE: &str = "A made-up workspace on this machine. Nothing leaves it.";

pub(crate) async fn show(State(slack): State<Fake>) -> Html<String> {
    let core = slack.lock();
    let mut main = String::new();
    let mut quiet = Vec::new();
    for channel in &core.channels {
        let messages = core.messages.iter();
        let messages: Vec<&Message> = messages
            .filter(|message| message.channel == channel.id)
            .collect();
        match messages.is_empty() {
            true => quiet.push(title(channel)),
            false => main.push_str(&section(channel, &messages, &slack.people)),
        }
    }
    if main.is_empty() {
        main.push_str("<p class=\"bar\">No messages yet.</p>");
    }
    let _ = write!(
        main,
        "<h2>Quiet channels</h2><p class=\"quiet\">{}</p>",
        quiet.join(" · ")
    );
    page("Lindenhof Works — fake Slack", NOTE, &main)
}

fn title(channel: &Channel) -> String {
    let mark = match (&channel.user, channel.is_private) {
        (Some(_), _) => "@",
        (None, true) => "🔒",
        (None, false) => "#",
    };
    let archived = if channel.is_archived {
        " (archived)"
    } else {
        ""
    };
    format!("{mark}{}{archived}", escape(&channel.name))
}

fn section(channel: &Channel, messages: &[&Message], people: &[Person]) -> String {
    let skipped = messages.len().saturating_sub(50);
    let mut html = format!("<section><h2>{}</h2>", title(channel));
    if skipped > 0 {
        let _ = write!(
            html,
            "<p class=\"quiet small\">{skipped} earlier messages</p>"
        );
    }
    html.push_str("<ul class=\"chat\">");
    for message in &messages[skipped..] {
        let at = Time::from_ms(ts_micros(&message.ts).unwrap_or_default() / 1000);
        let mut marks = String::new();
        if message.by_webhook {
            marks.push_str(&badge("quiet", "webhook"));
        }
        if message.thread_ts.is_some() {
            marks.push_str(&badge("quiet", "reply"));
        }
        if message.edited_ts.is_some() {
            marks.push_str(&badge("quiet", "edited"));
        }
        let _ = write!(
            html,
            "<li><strong>Stagewire</strong> <span class=\"quiet small\">{}</span> {marks}{}</li>",
            time(at),
            said(message, people)
        );
    }
    html.push_str("</ul></section>");
    html
}

/// What a person would read: the blocks if there are any, else the text.
fn said(message: &Message, people: &[Person]) -> String {
    let Some(blocks) = message.blocks.as_ref().and_then(Value::as_array) else {
        return format!("<p>{}</p>", readable(&message.text, people));
    };
    let mut html = String::new();
    for block in blocks {
        let strong = block["type"] == "header";
        let single = block.pointer("/text/text").and_then(Value::as_str);
        let many = ["fields", "elements"].into_iter();
        let many = many
            .filter_map(|name| block.get(name)?.as_array())
            .flatten();
        let many = many.filter_map(|item| {
            let text = item["text"].as_str();
            text.or_else(|| item.pointer("/text/text")?.as_str())
        });
        for line in single.into_iter().chain(many) {
            let line = readable(line, people);
            let _ = match (strong, block["type"] == "actions") {
                (true, _) => write!(html, "<p><strong>{line}</strong></p>"),
                (_, true) => write!(html, "<span class=\"badge\">{line}</span> "),
                _ => write!(html, "<p>{line}</p>"),
            };
        }
    }
    html
}

/// Links by their label, mentions by name, escapes undone; then safe for HTML.
fn readable(mrkdwn: &str, people: &[Person]) -> String {
    let mut plain = String::new();
    let mut rest = mrkdwn;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((inside, after)) = after.split_once('>') else {
            rest = after;
            break;
        };
        match inside.strip_prefix('@') {
            Some(id) => {
                let person = people.iter().find(|person| person.id == id);
                let _ = write!(plain, "@{}", person.map_or(id, |person| &person.name));
            }
            None => plain.push_str(inside.split_once('|').map_or(inside, |(_, label)| label)),
        }
        rest = after;
    }
    plain.push_str(rest);
    let plain = plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    escape(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_mentions_and_escapes_are_read_as_people_do() {
        let people = [Person {
            id: "U1".into(),
            email: "ana@example.com".into(),
            name: "Ana".into(),
        }];
        let text = "<@U1> see <https://x.example.com|the page>, 1 &lt; 2 &amp; more";
        assert_eq!(
            readable(text, &people),
            "@Ana see the page, 1 &lt; 2 &amp; more"
        );
    }
}
