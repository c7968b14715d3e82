//! A fake Slack workspace: the few Web API methods a bot needs, incoming webhooks, and a page that
//! shows the channels. It is written from the vendor's facts and knows no other apps.

mod hook;
mod limits;
mod methods;
mod page;
mod post;
mod read;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{any, get, post as post_route};
use axum::{Json, Router, middleware};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::{Clock, Time};
use crate::faults::{self, Fault, Faults, Rule};
use crate::serve::{self, Handle};
use limits::Limits;

/// How the workspace is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it reads the time.
    pub clock: Clock,
    /// For faults.
    pub seed: u64,
    /// The bots' tokens.
    pub tokens: Vec<Token>,
    /// The channels.
    pub channels: Vec<Channel>,
    /// The people.
    pub people: Vec<Person>,
    /// Incoming webhooks.
    pub hooks: Vec<Hook>,
    /// One message per second and channel, and the tiers of the other methods.
    pub limits: bool,
    /// Messages a channel takes at once before the limit bites.
    pub burst: u32,
}

/// A bot token and what it may do.
#[derive(Clone, Debug)]
pub struct Token {
    /// `xoxb-…`.
    pub text: String,
    /// Granted scopes.
    pub scopes: Vec<String>,
    /// Installed for a whole organisation: channel names do not resolve.
    pub org_wide: bool,
}

impl Token {
    /// A bot with everything this fake has scopes for.
    pub fn bot(text: &str) -> Self {
        Token::with_scopes(
            text,
            &[
                "chat:write",
                "chat:write.public",
                "channels:read",
                "channels:history",
                "groups:read",
                "groups:history",
                "users:read",
                "users:read.email",
                "im:write",
                "im:history",
            ],
        )
    }

    /// A bot with these scopes.
    pub fn with_scopes(text: &str, scopes: &[&str]) -> Self {
        Token {
            text: text.into(),
            scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
            org_wide: false,
        }
    }
}

/// A conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Channel {
    /// `C…`, or `D…` for a direct one.
    pub id: String,
    /// Without `#`.
    pub name: String,
    /// Not to be seen by a bot outside.
    pub is_private: bool,
    /// Takes no messages any more.
    pub is_archived: bool,
    /// The bot is in it.
    pub is_member: bool,
    /// The person on the other side of a direct conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl Channel {
    /// A public channel with the bot in it.
    pub fn public(id: &str, name: &str) -> Self {
        Channel {
            id: id.into(),
            name: name.into(),
            is_private: false,
            is_archived: false,
            is_member: true,
            user: None,
        }
    }
}

/// A person in the workspace.
#[derive(Clone, Debug)]
pub struct Person {
    /// `U…`.
    pub id: String,
    /// For `users.lookupByEmail`.
    pub email: String,
    /// Shown name.
    pub name: String,
}

/// An incoming webhook; its address is `/services/{team}/{id}/{secret}`.
#[derive(Clone, Debug)]
pub struct Hook {
    /// `B…`.
    pub id: String,
    /// The last part of the address.
    pub secret: String,
    /// Where its messages go, a channel id.
    pub channel: String,
}

/// A message in the book.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Message {
    /// The channel's id.
    pub channel: String,
    /// The time stamp that names the message in its channel.
    pub ts: String,
    /// The text as sent, markup and escapes included.
    pub text: String,
    /// Invisible data for apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Block Kit, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Value>,
    /// The message this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_ts: Option<String>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_ts: Option<String>,
    /// Came in by an incoming webhook.
    pub by_webhook: bool,
}

/// The team's id; the bot's.
pub(crate) const TEAM: &str = "T0LINDEN";
pub(crate) const BOT_USER: &str = "U0STAGEBOT";
pub(crate) const BOT: &str = "B0STAGEBOT";

impl Default for Options {
    fn default() -> Self {
        let mut archived = Channel::public("C0OLDHIRING", "old-hiring");
        archived.is_archived = true;
        let mut outside = Channel::public("C0RANDOM", "random");
        outside.is_member = false;
        let mut hidden = Channel::public("C0OFFERS", "offers");
        (hidden.is_private, hidden.is_member) = (true, false);
        let mut leads = Channel::public("C0LEADS", "hiring-leads");
        leads.is_private = true;
        let person = |id: &str, name: &str| Person {
            id: id.into(),
            email: format!(
                "{}@example.com",
                name.split(' ').next().unwrap_or(name).to_lowercase()
            ),
            name: name.into(),
        };
        Options {
            clock: Clock::real(),
            seed: 1,
            tokens: vec![Token::bot("xoxb-demo")],
            channels: vec![
                Channel::public("C0GENERAL", "general"),
                Channel::public("C0HIRING", "hiring"),
                Channel::public("C0HIRINGOPS", "hiring-ops"),
                Channel::public("C0ENGHIRING", "eng-hiring"),
                outside,
                archived,
                leads,
                hidden,
            ],
            people: vec![
                person("U0ANA", "Ana Brandt"),
                person("U0JONAS", "Jonas Keller"),
                person("U0MIRA", "Mira Okoro"),
                person("U0TOMAS", "Tomas Lindqvist"),
                person("U0PRIYA", "Priya Vasan"),
                person("U0SAMUEL", "Samuel Fischer"),
            ],
            hooks: vec![Hook {
                id: "B0HOOK".into(),
                secret: "demo-hook-secret".into(),
                channel: "C0HIRING".into(),
            }],
            limits: true,
            burst: 5,
        }
    }
}

/// The fake workspace.
pub struct Slack {
    clock: Clock,
    tokens: Vec<Token>,
    people: Vec<Person>,
    hooks: Vec<Hook>,
    faults: Arc<Faults>,
    stop: watch::Sender<bool>,
    core: Mutex<Core>,
}

struct Core {
    channels: Vec<Channel>,
    messages: Vec<Message>,
    /// What lagging reads see.
    replica: Vec<Message>,
    last_ts: i64,
    limits: Limits,
    revoked: Vec<String>,
}

type Fake = Arc<Slack>;

impl Slack {
    /// A workspace without messages.
    pub fn new(options: Options) -> Self {
        let (stop, _) = watch::channel(false);
        let faults = Faults::new(options.seed, options.clock.clone(), stop.clone());
        Slack {
            clock: options.clock,
            tokens: options.tokens,
            people: options.people,
            hooks: options.hooks,
            faults: Arc::new(faults),
            stop,
            core: Mutex::new(Core {
                channels: options.channels,
                messages: Vec::new(),
                replica: Vec::new(),
                last_ts: 0,
                limits: Limits::new(options.limits, options.burst),
                revoked: Vec::new(),
            }),
        }
    }

    /// Starts serving on a loopback listener.
    pub async fn serve(self, listener: TcpListener) -> io::Result<Handle<Slack>> {
        let stop = self.stop.clone();
        let state = Arc::new(self);
        let faults = Arc::clone(&state.faults);
        let router = Router::new()
            .route("/", get(page::show))
            .route("/api/{method}", any(methods::call))
            .route(
                "/services/{team}/{hook}/{secret}",
                post_route(hook::receive),
            )
            .route("/_fake/messages", get(book))
            .route("/_fake/faults", post_route(arm).delete(clear))
            .route("/_fake/set", post_route(set))
            .layer(middleware::from_fn_with_state(faults, faults::apply))
            .with_state(Arc::clone(&state));
        serve::serve(listener, state, stop, router)
    }

    /// All messages, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.lock().messages.clone()
    }

    /// The messages of a channel, by id or name.
    pub fn messages_in(&self, channel: &str) -> Vec<Message> {
        let core = self.lock();
        let Some(found) = core.channel(channel) else {
            return Vec::new();
        };
        let messages = core.messages.iter();
        messages
            .filter(|message| message.channel == found.id)
            .cloned()
            .collect()
    }

    /// Arms a fault. For `Lag`, `conversations.history` answers from what is there now.
    pub fn arm(&self, rule: Rule) {
        if matches!(rule.fault, Fault::Lag) {
            let mut core = self.lock();
            core.replica = core.messages.clone();
        }
        self.faults.arm(rule);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// A token is taken back: `token_revoked` from now on.
    pub fn revoke(&self, token: &str) {
        self.lock().revoked.push(token.into());
    }

    /// Switches limits on or off.
    pub fn set_limits(&self, on: bool) {
        self.lock().limits.set(on);
    }

    /// Adds a channel, or replaces the one with its id.
    pub fn set_channel(&self, channel: Channel) {
        let core = &mut *self.lock();
        core.channels.retain(|known| known.id != channel.id);
        core.channels.push(channel);
    }

    /// The fake's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// A channel by id or, with or without `#`, by name.
    fn channel(&self, wanted: &str) -> Option<&Channel> {
        let name = wanted.strip_prefix('#').unwrap_or(wanted);
        let by_id = self.channels.iter().find(|channel| channel.id == wanted);
        by_id.or_else(|| self.channels.iter().find(|channel| channel.name == name))
    }

    /// A time stamp no other message has.
    fn next_ts(&mut self, now: Time) -> String {
        self.last_ts = (now.ms() * 1000).max(self.last_ts + 1);
        ts_text(self.last_ts)
    }
}

/// `1767225600.000100` from microseconds.
fn ts_text(micros: i64) -> String {
    format!(
        "{}.{:06}",
        micros.div_euclid(1_000_000),
        micros.rem_euclid(1_000_000)
    )
}

/// Microseconds from a time stamp, fraction optional.
fn ts_micros(text: &str) -> Option<i64> {
    let (secs, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Some(secs.parse::<i64>().ok()? * 1_000_000 + fraction)
}

async fn book(State(slack): State<Fake>) -> Json<Vec<Message>> {
    Json(slack.messages())
}

async fn arm(State(slack): State<Fake>, Json(rule): Json<Rule>) -> StatusCode {
    slack.arm(rule);
    StatusCode::NO_CONTENT
}

async fn clear(State(slack): State<Fake>) -> StatusCode {
    slack.clear_faults();
    StatusCode::NO_CONTENT
}

/// Things that can be set from outside; what is not named stays.
#[derive(Deserialize)]
struct Settings {
    limits: Option<bool>,
    revoke: Option<String>,
    advance_ms: Option<u64>,
}

async fn set(State(slack): State<Fake>, Json(settings): Json<Settings>) -> Json<Value> {
    if let Some(on) = settings.limits {
        slack.set_limits(on);
    }
    if let Some(token) = settings.revoke {
        slack.revoke(&token);
    }
    if let Some(ms) = settings.advance_ms {
        slack.clock.advance(Duration::from_millis(ms));
    }
    Json(json!({"now": slack.clock.now()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_sort_and_read_back() {
        assert_eq!(ts_text(1_767_225_600_000_100), "1767225600.000100");
        assert_eq!(ts_micros("1767225600.000100"), Some(1_767_225_600_000_100));
        assert_eq!(ts_micros("1767225600"), Some(1_767_225_600_000_000));
        assert_eq!(ts_micros("1767225600.5"), Some(1_767_225_600_500_000));
        assert_eq!(ts_micros("soon"), None);
    }
}
