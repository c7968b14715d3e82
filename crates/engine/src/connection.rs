//! One account at a vendor while the server runs: its connector, settings, budget, token and receipt counter. This node owns it
//! alone. Does no I/O of its own.

use crate::budget::Budget;
use crate::mirror::application::Receipts;
use crate::token::{Held, Purse};
use stagewire_connector::{Connector, Holding, Keep, Response, Settings, Since, Stream};
use stagewire_model::{Effect, Entity, Micros, OnceKind, Secret, time};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};

/// What the configuration says of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionSpec {
    /// Its name, used everywhere.
    pub id: String,
    /// The connector's id.
    pub connector: String,
    /// Replaces scheme, host and port of the API.
    pub base_url: Option<String>,
    /// The same for the token's host.
    pub auth_url: Option<String>,
    /// Who is told when it stops.
    pub owner: String,
    /// Milliseconds between polls; `None` = no polling and no backfill.
    pub poll_ms: Option<i64>,
    /// For connections whose effect the operator states.
    pub effect: Option<Effect>,
    /// For connections whose `once` the operator states.
    pub once: Option<OnceKind>,
    /// What is held of the vendor's data.
    pub keep: Keep,
    /// Who makes the webhooks at the vendor.
    pub webhooks: Webhooks,
}

/// Who makes the webhooks at the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Webhooks {
    /// We do, by its calls.
    Managed,
    /// A person, in its settings.
    #[default]
    Manual,
    /// Nobody: polls are enough.
    None,
}

impl Webhooks {
    /// All of them.
    pub const ALL: &'static [Webhooks] = &[Webhooks::Managed, Webhooks::Manual, Webhooks::None];

    /// The word in the configuration and on the surface.
    pub fn as_str(self) -> &'static str {
        match self {
            Webhooks::Managed => "managed",
            Webhooks::Manual => "manual",
            Webhooks::None => "none",
        }
    }
}

/// Whether a connection works, in the words of its card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Working,
    /// The first read of everything runs.
    CatchingUp,
    /// The vendor limits us.
    Slow,
    /// A person must do something (the sentence says what); nothing is sent.
    NeedsYou,
    /// A person paused it.
    Paused,
    /// Nothing was tried yet.
    Unknown,
}

impl State {
    /// The word on the surface.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Working => "working",
            State::CatchingUp => "catching_up",
            State::Slow => "slow",
            State::NeedsYou => "needs_you",
            State::Paused => "paused",
            State::Unknown => "unknown",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> State {
        match text {
            "working" => State::Working,
            "catching_up" => State::CatchingUp,
            "slow" => State::Slow,
            "needs_you" => State::NeedsYou,
            "paused" => State::Paused,
            _ => State::Unknown,
        }
    }
}

/// A connection in memory.
pub struct Connection {
    /// Its name.
    pub id: String,
    /// The vendor, as data.
    pub connector: Arc<Connector>,
    /// What the configuration says.
    pub spec: ConnectionSpec,
    /// What is held, ready to be applied.
    pub holding: Holding,
    /// Its limits.
    pub budget: Budget,
    /// Wakes the reader: a read is wanted.
    pub wanted: tokio::sync::Notify,
    /// Wakes who polls: something changed that may let it work.
    pub woken: tokio::sync::Notify,
    /// Held while a round of its streams is read: one at a time.
    pub syncing: tokio::sync::Mutex<()>,
    /// A person said that what the next full scan does not show is gone, however much it is.
    pub missing_is_true: AtomicBool,
    /// How far reading is.
    pub progress: crate::reads::Progress,
    tried_at: AtomicI64,
    read_at: AtomicI64,
    /// Wakes whoever looks after its webhooks at the vendor.
    pub(crate) hooks_asked: tokio::sync::Notify,
    /// One round of that at a time.
    pub(crate) hooks_turn: tokio::sync::Mutex<()>,
    /// What was filled in, and the same with the secrets of the webhooks we made.
    settings: RwLock<(Settings, Arc<Settings>)>,
    hook_secrets: RwLock<Vec<Secret<String>>>,
    state: RwLock<(State, String)>,
    receipts: Mutex<Receipts>,
    watermark: AtomicI64,
    vendor_date: AtomicI64,
    last_ping: AtomicI64,
    account: RwLock<Option<String>>,
    granted: RwLock<Option<Vec<String>>>,
    since: RwLock<BTreeMap<Entity, Micros>>,
    pub(crate) purse: Purse,
    me: Weak<Connection>,
}

impl Connection {
    /// A connection with what the store knows of it.
    pub fn new(
        spec: ConnectionSpec,
        connector: Arc<Connector>,
        settings: Settings,
        known: &stagewire_store::ConnectionRow,
    ) -> Arc<Connection> {
        let budget = Budget::new(
            connector.limits().clone(),
            Micros(known.blocked_until.unwrap_or(0)),
        );
        let mut receipts = Receipts::default();
        receipts.skip_to(u64::try_from(known.receipt).unwrap_or(0));
        let holding = connector.holding(spec.keep.clone());
        let held: Held = known
            .token
            .clone()
            .and_then(|t| serde_json::from_value(t).ok())
            .unwrap_or_default();
        Arc::new_cyclic(|me| Connection {
            id: spec.id.clone(),
            holding,
            since: RwLock::default(),
            connector,
            budget,
            wanted: tokio::sync::Notify::new(),
            woken: tokio::sync::Notify::new(),
            syncing: tokio::sync::Mutex::default(),
            missing_is_true: AtomicBool::new(false),
            progress: crate::reads::Progress::default(),
            tried_at: AtomicI64::new(0),
            read_at: AtomicI64::new(0),
            hooks_asked: tokio::sync::Notify::new(),
            hooks_turn: tokio::sync::Mutex::new(()),
            settings: RwLock::new((settings.clone(), Arc::new(settings))),
            hook_secrets: RwLock::default(),
            state: RwLock::new((State::parse(&known.state), known.sentence.clone())),
            receipts: Mutex::new(receipts),
            watermark: AtomicI64::new(known.watermark.unwrap_or(0)),
            vendor_date: AtomicI64::new(known.vendor_date.unwrap_or(0)),
            last_ping: AtomicI64::new(known.last_ping.unwrap_or(0)),
            account: RwLock::new(known.account.clone()),
            granted: RwLock::new(held.scopes.clone()),
            purse: Purse::new(held),
            me: me.clone(),
            spec,
        })
    }

    /// Itself, for work that outlives who asked for it.
    pub(crate) fn me(&self) -> Option<Arc<Connection>> {
        self.me.upgrade()
    }

    /// When the token in hand ends, and what renews it, if that is not used before.
    pub fn token_ends(&self) -> (Option<Micros>, Option<Micros>) {
        let settings = self.settings();
        let Ok(auth) = self.connector.auth(&settings) else {
            return (None, None);
        };
        let held = self.purse.held();
        let (Some(rules), Some(held)) = (auth.rules(), held.of(&auth.basis(&settings))) else {
            return (None, None);
        };
        let idle = rules
            .idle_ms
            .filter(|_| held.refresh.is_some() && held.over.is_none())
            .map(|ms| held.used_at.plus_ms(ms));
        let token = (!held.access.reveal().is_empty()).then_some(held.expires_at);
        let ends = [held.refresh_expires_at, idle].into_iter().flatten();
        (token, ends.min())
    }

    /// Whether a person begins it by agreeing at the vendor.
    pub fn by_consent(&self) -> bool {
        let auth = self.connector.auth(&self.settings()).ok();
        auth.and_then(|a| a.rules()).is_some_and(|r| r.by_consent)
    }

    /// A person has done something about it: what was refused may be asked again at once.
    pub fn ask_again(&self) {
        self.tried_at.store(0, Ordering::Release);
        self.purse.ask_again();
    }

    /// Credentials and addresses.
    pub fn settings(&self) -> Arc<Settings> {
        read(&self.settings).1.clone()
    }

    /// New credentials.
    pub fn set_settings(&self, settings: Settings) {
        let mut held = write(&self.settings);
        let all = self.with_hooks(&settings);
        *held = (settings, Arc::new(all));
        drop(held);
        self.hooks_asked.notify_one();
    }

    /// The secrets of the webhooks we made: any of them is enough, as is any that was filled in.
    pub(crate) fn set_hook_secrets(&self, secrets: Vec<Secret<String>>) {
        let mut held = write(&self.settings);
        *write(&self.hook_secrets) = secrets;
        held.1 = Arc::new(self.with_hooks(&held.0));
    }

    fn with_hooks(&self, filled_in: &Settings) -> Settings {
        let mut all = filled_in.clone();
        let made = read(&self.hook_secrets);
        let field = self.connector.intake().and_then(|i| i.secret_field.clone());
        if let Some(field) = field.filter(|_| !made.is_empty()) {
            let typed = filled_in.get(&field).map(str::to_owned);
            let words = made.iter().map(|s| s.reveal().clone());
            let joined: Vec<String> = typed.into_iter().chain(words).collect();
            all.fields.insert(field, Secret::new(joined.join(",")));
        }
        all
    }

    /// Its state and sentence.
    pub fn state(&self) -> (State, String) {
        read(&self.state).clone()
    }

    /// Changes the state in memory; true where it differs.
    pub fn set_state(&self, state: State, sentence: &str) -> bool {
        let mut held = write(&self.state);
        let differs = held.0 != state || held.1 != sentence;
        *held = (state, sentence.to_owned());
        differs
    }

    /// A person must do something, and it was tried less than half a minute ago: nothing is asked of the vendor meanwhile. What a
    /// person asks for is asked all the same.
    pub(crate) fn refused_lately(&self, now: Micros) -> bool {
        const PAUSE: i64 = 30_000_000;
        if self.state().0 != State::NeedsYou {
            return false;
        }
        let last = self.tried_at.load(Ordering::Acquire);
        if now.0 - last < PAUSE && last != 0 {
            return true;
        }
        // of those who ask at once, one tries
        let swap = self
            .tried_at
            .compare_exchange(last, now.0, Ordering::AcqRel, Ordering::Acquire);
        swap.is_err()
    }

    /// Whether writes may go out.
    pub fn may_send(&self) -> bool {
        !matches!(read(&self.state).0, State::NeedsYou | State::Paused)
    }

    /// The receipt counter.
    pub fn receipts(&self) -> std::sync::MutexGuard<'_, Receipts> {
        self.receipts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A receipt number for a read that is asked now.
    pub fn ask(&self) -> u64 {
        self.receipts().tick()
    }

    /// What is earlier than this is history; `None` until the first answer.
    pub fn watermark(&self) -> Option<Micros> {
        let at = self.watermark.load(Ordering::Acquire);
        (at != 0).then_some(Micros(at))
    }

    /// Sets the watermark, once.
    pub fn set_watermark(&self, at: Micros) {
        let _ = self
            .watermark
            .compare_exchange(0, at.0, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The vendor's clock as last told.
    pub fn vendor_date(&self) -> Option<Micros> {
        let at = self.vendor_date.load(Ordering::Relaxed);
        (at != 0).then_some(Micros(at))
    }

    pub(crate) fn saw_date(&self, response: &Response) {
        if let Some(date) = response.header("date").and_then(time::parse_http_date) {
            self.vendor_date.fetch_max(date.0, Ordering::Relaxed);
        }
    }

    /// When the vendor last tried our address.
    pub fn last_ping(&self) -> Option<Micros> {
        let at = self.last_ping.load(Ordering::Relaxed);
        (at != 0).then_some(Micros(at))
    }

    /// A ping came; true where the last one is long enough ago to be written down again.
    pub(crate) fn saw_ping(&self, now: Micros) -> bool {
        let last = self.last_ping.load(Ordering::Relaxed);
        let write = now.0 - last >= 10_000_000;
        if write {
            self.last_ping.store(now.0, Ordering::Relaxed);
        }
        write
    }

    /// The pinned account.
    pub fn account(&self) -> Option<String> {
        read(&self.account).clone()
    }

    /// Pins the account first seen; true where the given one is it.
    pub fn is_account(&self, seen: &str) -> bool {
        read(&self.account)
            .as_deref()
            .is_none_or(|held| held == seen)
    }

    /// Pins the account.
    pub fn pin_account(&self, seen: &str) {
        write(&self.account).get_or_insert_with(|| seen.to_owned());
    }

    /// The scopes the vendor says were granted, where it says so.
    pub fn granted(&self) -> Option<Vec<String>> {
        read(&self.granted).clone()
    }

    /// Remembers the granted scopes.
    pub fn set_granted(&self, scopes: Vec<String>) {
        *write(&self.granted) = Some(scopes);
    }

    /// Since when an entity is held that was not held from the beginning: what is older is history.
    pub fn held_since(&self, entity: Entity) -> Option<Micros> {
        read(&self.since).get(&entity).copied()
    }

    /// Remembers since when entities are held.
    pub fn set_held_since(&self, since: BTreeMap<Entity, Micros>) {
        *write(&self.since) = since;
    }

    /// Whether records come from it: their answers hold what may not be kept.
    pub fn is_source(&self) -> bool {
        !self.connector.streams().is_empty() || self.connector.intake().is_some()
    }

    /// When a round of its streams last came to its end since the server started.
    pub fn read_at(&self) -> Option<Micros> {
        let at = self.read_at.load(Ordering::Acquire);
        (at > 0).then_some(Micros(at))
    }

    pub(crate) fn was_read(&self, at: Micros) {
        self.read_at.store(at.0, Ordering::Release);
    }

    /// Whether it can be asked for records.
    pub fn can_read(&self) -> bool {
        !self.connector.streams().is_empty() && self.connector.auth(&self.settings()).is_ok()
    }

    /// Whether a poll shows what changed in records of that kind.
    pub fn polls_for(&self, entity: Entity) -> bool {
        let settings = self.settings();
        let shows = |s: &Stream| {
            s.shows.contains(&entity)
                && s.lists()
                && s.since != Since::Never
                && self.connector.asks(s, &settings)
        };
        self.spec.poll_ms.is_some() && self.connector.streams().iter().any(shows)
    }
}

fn read<T>(m: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    m.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(m: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    m.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Arc<Connection> {
        let manifest = "format = 1\nid = \"acme\"\nname = \"Acme\"\nkind = \"ats\"\nbase_url = \"https://api.acme.example\"\nchecked_on = \"2026-11-26\"\n[auth.none]\nscheme = \"none\"\n";
        let files = [("connector.toml".to_owned(), manifest.to_owned())].into();
        let connector = match Connector::load("acme", &files) {
            Ok(connector) => connector,
            Err(problems) => panic!("{problems:?}"),
        };
        let spec = ConnectionSpec {
            id: "ats".into(),
            connector: "acme".into(),
            base_url: None,
            auth_url: None,
            owner: "ana@example.com".into(),
            poll_ms: None,
            effect: None,
            once: None,
            webhooks: Webhooks::default(),
            keep: Keep::default(),
        };
        let known = stagewire_store::ConnectionRow::default();
        Connection::new(spec, Arc::new(connector), Settings::default(), &known)
    }

    #[test]
    fn a_refused_key_is_shown_once_in_half_a_minute_until_a_person_has_acted() {
        let (conn, t) = (connection(), Micros(1_000_000));
        assert!(!conn.refused_lately(t), "it works");
        conn.set_state(State::NeedsYou, "the key is dead");
        assert!(!conn.refused_lately(t), "one tries");
        assert!(conn.refused_lately(t.plus_ms(1)));
        assert!(conn.refused_lately(t.plus_ms(29_999)));
        assert!(!conn.refused_lately(t.plus_ms(30_000)), "one tries again");
        assert!(conn.refused_lately(t.plus_ms(30_001)));
        conn.ask_again();
        assert!(
            !conn.refused_lately(t.plus_ms(30_002)),
            "a person has acted"
        );
        conn.set_state(State::Working, "Working");
        assert!(!conn.refused_lately(t.plus_ms(30_003)));
    }
}
