//! The fake Slack answers as the vendor's facts say.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Answer, client, send, start};
use serde_json::{Value, json};
use stagewire_fakes::slack::{Options, Slack, Token};
use stagewire_fakes::{Clock, Fault, Handle, Rule, loopback};

struct Workspace {
    handle: Handle<Slack>,
    clock: Clock,
}

impl Workspace {
    async fn start() -> Workspace {
        let clock = Clock::manual(start());
        let mut options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        options
            .tokens
            .push(Token::with_scopes("xoxb-reader", &["channels:read"]));
        options
            .tokens
            .push(Token::with_scopes("xoxb-plain", &["chat:write"]));
        let handle = Slack::new(options)
            .serve(loopback().await.unwrap())
            .await
            .unwrap();
        Workspace { handle, clock }
    }

    async fn call(&self, token: &str, method: &str, body: Value) -> Answer {
        let request = client().post(format!("{}/api/{method}", self.handle.url()));
        let request = request.bearer_auth(token);
        let request = request.header("content-type", "application/json; charset=utf-8");
        send(request.body(body.to_string())).await
    }

    async fn get(&self, path: &str) -> Answer {
        let url = format!("{}/api/{path}", self.handle.url());
        send(client().get(url).bearer_auth("xoxb-demo")).await
    }

    async fn say(&self, channel: &str, text: &str) -> Answer {
        let body = json!({"channel": channel, "text": text});
        self.call("xoxb-demo", "chat.postMessage", body).await
    }
}

#[tokio::test]
async fn a_message_gets_a_time_stamp_and_can_be_changed() {
    let slack = Workspace::start().await;
    let body = json!({
        "channel": "#hiring",
        "text": "Zoë moved",
        "metadata": {"event_type": "moved", "event_payload": {"event_id": "e1"}},
    });
    let posted = slack.call("xoxb-demo", "chat.postMessage", body).await;
    let json = posted.json();
    assert_eq!((posted.status, &json["ok"]), (200, &json!(true)));
    assert_eq!(json["channel"], "C0HIRING");
    assert!(posted.header("x-oauth-scopes").contains("chat:write"));
    let change = json!({"channel": "C0HIRING", "ts": json["ts"], "text": "Zoë moved on"});
    let changed = slack.call("xoxb-demo", "chat.update", change).await;
    assert_eq!(changed.json()["ok"], true, "{}", changed.text);
    let messages = slack.handle.state.messages();
    assert_eq!(
        (messages.len(), messages[0].text.as_str()),
        (1, "Zoë moved on")
    );
    assert_eq!(
        messages[0].metadata.as_ref().unwrap()["event_payload"]["event_id"],
        "e1"
    );
}

#[tokio::test]
async fn failures_are_a_200_with_ok_false() {
    let slack = Workspace::start().await;
    let post = |token: &'static str, body: Value| slack.call(token, "chat.postMessage", body);
    for (channel, error) in [
        ("C0NOWHERE", "channel_not_found"),
        ("C0OFFERS", "channel_not_found"),
        ("old-hiring", "is_archived"),
    ] {
        let answer = slack.say(channel, "x").await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"ok": false, "error": error}))
        );
    }
    let answer = post("xoxb-reader", json!({"channel": "C0HIRING", "text": "x"}))
        .await
        .json();
    assert_eq!(answer["error"], "missing_scope");
    assert_eq!(
        (&answer["needed"], &answer["provided"]),
        (&json!("chat:write"), &json!("channels:read"))
    );
    let answer = post("xoxb-plain", json!({"channel": "C0RANDOM", "text": "x"}))
        .await
        .json();
    assert_eq!(answer["error"], "not_in_channel");
    assert_eq!(
        post("xoxb-no", json!({})).await.json()["error"],
        "invalid_auth"
    );
    slack.handle.state.revoke("xoxb-plain");
    assert_eq!(
        post("xoxb-plain", json!({})).await.json()["error"],
        "token_revoked"
    );
    let answer = post("xoxb-demo", json!({"channel": "C0HIRING"}))
        .await
        .json();
    assert_eq!(answer["error"], "no_text");
    let long = "x".repeat(3001);
    let blocks = json!([{"type": "section", "text": {"type": "mrkdwn", "text": long}}]);
    let answer = post(
        "xoxb-demo",
        json!({"channel": "C0HIRING", "blocks": blocks}),
    )
    .await
    .json();
    assert_eq!(answer["error"], "invalid_blocks");
    let detail = answer["response_metadata"]["messages"][0].as_str().unwrap();
    assert!(detail.contains("[json-pointer:/blocks/0/text/text]"));
    assert!(slack.handle.state.messages().is_empty());
}

#[tokio::test]
async fn a_channel_takes_a_burst_and_then_answers_429() {
    let slack = Workspace::start().await;
    for n in 0..5 {
        assert_eq!(
            slack.say("C0HIRING", &format!("{n}")).await.json()["ok"],
            true
        );
    }
    let over = slack.say("C0HIRING", "5").await;
    assert_eq!((over.status, over.header("retry-after")), (429, "1"));
    assert_eq!(over.json(), json!({"ok": false, "error": "ratelimited"}));
    assert_eq!(slack.say("C0GENERAL", "5").await.status, 200);
    slack.clock.advance(Duration::from_secs(1));
    assert_eq!(slack.say("C0HIRING", "5").await.status, 200);
}

#[tokio::test]
async fn channels_come_in_pages_that_may_be_short() {
    let slack = Workspace::start().await;
    let (mut names, mut cursor, mut short) = (Vec::new(), String::new(), false);
    loop {
        let path = format!(
            "conversations.list?limit=2&exclude_archived=true&cursor={}",
            cursor.replace('=', "%3D")
        );
        let page = slack.get(&path).await.json();
        let channels = page["channels"].as_array().unwrap();
        names.extend(
            channels
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_string()),
        );
        cursor = page["response_metadata"]["next_cursor"]
            .as_str()
            .unwrap()
            .to_string();
        if cursor.is_empty() {
            break;
        }
        short |= channels.len() < 2;
    }
    assert_eq!(
        names,
        ["general", "hiring", "hiring-ops", "eng-hiring", "random"]
    );
    let private = slack
        .get("conversations.list?types=private_channel")
        .await
        .json();
    assert_eq!(private["channels"][0]["name"], "hiring-leads");
    let _ = short;
}

#[tokio::test]
async fn history_with_oldest_alone_begins_at_the_oldest_end() {
    let slack = Workspace::start().await;
    slack.handle.state.set_limits(false);
    for n in 0..5 {
        let metadata = json!({"event_type": "n", "event_payload": {"n": n}});
        let body = json!({"channel": "C0HIRING", "text": format!("{n}"), "metadata": metadata});
        slack.call("xoxb-demo", "chat.postMessage", body).await;
        slack.clock.advance(Duration::from_secs(1));
    }
    let texts = |page: &Value| -> Vec<String> {
        let messages = page["messages"].as_array().unwrap().iter();
        messages
            .map(|one| one["text"].as_str().unwrap().to_string())
            .collect()
    };
    let newest = slack
        .get("conversations.history?channel=C0HIRING&limit=2")
        .await
        .json();
    assert_eq!(texts(&newest), ["4", "3"]);
    assert!(newest["messages"][0].get("metadata").is_none());
    let since = format!(
        "conversations.history?channel=C0HIRING&limit=2&oldest={}",
        start().secs() - 1
    );
    let first = slack.get(&since).await.json();
    assert_eq!(
        (texts(&first), &first["has_more"]),
        (vec!["1".into(), "0".into()], &json!(true))
    );
    let cursor = first["response_metadata"]["next_cursor"]
        .as_str()
        .unwrap()
        .replace('=', "%3D");
    let second = slack.get(&format!("{since}&cursor={cursor}")).await.json();
    assert_eq!(texts(&second), ["3", "2"]);
    let all = slack
        .get(&format!(
            "{since}&latest=9999999999&include_all_metadata=true"
        ))
        .await
        .json();
    assert_eq!(texts(&all), ["4", "3"]);
    assert_eq!(all["messages"][0]["metadata"]["event_payload"]["n"], 4);
}

#[tokio::test]
async fn people_are_found_by_mail_and_spoken_to_directly() {
    let slack = Workspace::start().await;
    let ana = slack
        .get("users.lookupByEmail?email=ana@example.com")
        .await
        .json();
    let id = ana["user"]["id"].as_str().unwrap();
    let open = slack
        .call("xoxb-demo", "conversations.open", json!({"users": id}))
        .await
        .json();
    let channel = open["channel"]["id"].as_str().unwrap().to_string();
    assert!(channel.starts_with('D'));
    assert_eq!(slack.say(&channel, "Hello").await.json()["ok"], true);
    let miss = slack
        .get("users.lookupByEmail?email=nobody@example.com")
        .await
        .json();
    assert_eq!(miss["error"], "users_not_found");
    let me = slack.get("auth.test").await.json();
    assert_eq!(
        (&me["ok"], &me["team"]),
        (&json!(true), &json!("Lindenhof Works"))
    );
}

#[tokio::test]
async fn an_incoming_webhook_answers_in_words() {
    let slack = Workspace::start().await;
    let post = |path: &str, body: &str| {
        let url = format!("{}/services/{path}", slack.handle.url());
        send(
            client()
                .post(url)
                .header("content-type", "application/json")
                .body(body.to_string()),
        )
    };
    for (path, body, status, word) in [
        (
            "T0LINDEN/B0HOOK/demo-hook-secret",
            r#"{"text":"hi"}"#,
            200,
            "ok",
        ),
        (
            "T0LINDEN/B0HOOK/demo-hook-secret",
            "{",
            400,
            "invalid_payload",
        ),
        ("T0LINDEN/B0HOOK/demo-hook-secret", "{}", 400, "no_text"),
        ("T0LINDEN/B0HOOK/other", "{}", 403, "invalid_token"),
        ("T0LINDEN/B0GONE/other", "{}", 404, "no_service"),
        ("T0OTHER/B0HOOK/other", "{}", 404, "no_team"),
    ] {
        let answer = post(path, body).await;
        assert_eq!((answer.status, answer.text.as_str()), (status, word));
    }
    assert!(slack.handle.state.messages_in("hiring")[0].by_webhook);
}

#[tokio::test]
async fn a_message_can_be_posted_without_an_answer_and_the_page_shows_it() {
    let slack = Workspace::start().await;
    slack.handle.state.arm(Rule::next(
        1,
        "POST",
        "/api/chat.postMessage",
        Fault::DropAfter,
    ));
    let request = client().post(format!("{}/api/chat.postMessage", slack.handle.url()));
    let request = request
        .bearer_auth("xoxb-demo")
        .header("content-type", "application/json");
    let request =
        request.body(r#"{"channel":"C0HIRING","text":"Zoë &lt;3 <https://x.example.com|here>"}"#);
    assert!(request.send().await.is_err());
    assert_eq!(slack.handle.state.messages().len(), 1);
    let page = send(client().get(slack.handle.url())).await;
    assert!(page.text.contains("Zoë &lt;3 here"), "{}", page.text);
    assert!(!page.text.contains("<script"));
}
