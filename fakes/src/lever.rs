//! The fake Lever: keys and partner tokens, lists, writes, limits, webhooks signed in their body.
//! It is written from the vendor's facts; it is no reference for what the vendor really does.

mod account_acts;
mod acts;
mod api;
mod auth;
mod board;
mod children;
mod company;
mod contact_acts;
mod control;
mod crowd;
mod hooks;
mod id;
mod keys;
mod lists;
mod oauth;
mod opportunity_acts;
mod options;
mod paging;
mod query;
mod rate;
mod readers;
mod rows;
mod show;
mod show_more;
mod table;
mod work_acts;
mod world;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use acts::{Act, Applicant, ContactEdit, PostingPlan, RequisitionPlan, Touched};
pub use hooks::{EVENTS, Subscriber, Webhook};
pub use keys::Key;
pub use oauth::Partner;
pub use options::{Consent, Options, Shapes};
pub use world::Refused;

use crate::clock::{Clock, Time};
use crate::faults::{Fault, Faults, Rule};
use crate::rng::Rng;
use crate::sender::{Manners, Sender, Sent};
use crate::serve::{self, Handle};
use acts::Hand;
use hooks::{Hook, Press};
use oauth::Oauth;
use paging::Offsets;
use rate::Limits;
use world::World;

/// What an act did.
#[derive(Clone, Debug)]
pub struct Done {
    /// The deliveries it caused.
    pub webhooks: Vec<Webhook>,
    /// The ids it made or touched.
    pub touched: Touched,
}

/// The fake ATS.
pub struct Lever {
    clock: Clock,
    options: Options,
    faults: Arc<Faults>,
    stop: watch::Sender<bool>,
    sender: OnceLock<Sender>,
    core: Mutex<Core>,
}

struct Core {
    world: World,
    /// What lagging reads see.
    replica: Option<World>,
    keys: Vec<Key>,
    oauth: Oauth,
    consent: Consent,
    limits: Limits,
    offsets: Offsets,
    rng: Rng,
    hooks: Vec<Hook>,
    /// Events that are switched off in the settings.
    off: BTreeSet<String>,
    outbox: Vec<Webhook>,
    /// How many of the next webhooks get lost, and how many are sent twice.
    lose: u32,
    repeat: u32,
    requests: BTreeMap<String, u64>,
    answers: BTreeMap<u16, u64>,
    drifts: Vec<crate::control::Drift>,
}

impl Lever {
    /// An account without data.
    pub fn new(options: Options) -> Self {
        let (stop, _) = watch::channel(false);
        let clock = options.clock.clone();
        let mut rng = Rng::new(options.seed);
        let off = EVENTS.map(String::from);
        let core = Core {
            world: World::empty(),
            replica: None,
            keys: options.keys.clone(),
            oauth: Oauth::new(&options),
            consent: options.consent,
            limits: Limits::new(options.rate_limit),
            offsets: Offsets::new(rng.next(), options.offset_life_ms),
            rng,
            hooks: Vec::new(),
            off: off.into_iter().filter(|_| !options.events_on).collect(),
            outbox: Vec::new(),
            lose: 0,
            repeat: 0,
            requests: BTreeMap::new(),
            answers: BTreeMap::new(),
            drifts: Vec::new(),
        };
        Lever {
            faults: Arc::new(Faults::new(options.seed, clock.clone(), stop.clone())),
            clock,
            options,
            stop,
            sender: OnceLock::new(),
            core: Mutex::new(core),
        }
    }

    /// Starts serving on a loopback listener.
    pub async fn serve(self, listener: TcpListener) -> io::Result<Handle<Lever>> {
        let manners = Manners {
            waits: self.options.retry_waits.clone(),
            timeout: self.options.webhook_timeout,
            parallel: self.options.webhook_lanes,
            ends: |status| (200..300).contains(&status),
        };
        let sender = Sender::start(manners, self.clock.clone());
        let _ = self.sender.set(sender);
        let stop = self.stop.clone();
        let state = Arc::new(self);
        let router = api::router(Arc::clone(&state));
        serve::serve(listener, state, stop, router)
    }

    /// Fills in the made-up company, with history over the last months and no webhooks.
    pub fn seed_company(&self) {
        let now = self.clock.now();
        let (seed, people) = (self.options.seed, self.options.people);
        company::fill(&mut self.lock().world, now, seed, people);
    }

    /// Adds a crowd of `applications`, each of another contact and with its history, over the last
    /// half year. Needs a company; works once. It costs no memory: rows are computed when read.
    pub fn seed_many(&self, applications: u64) {
        let now = self.clock.now();
        self.lock().world.seed_crowd(applications, now);
    }

    /// Does a person's act and sends (or keeps) its webhooks.
    pub fn act(&self, act: Act) -> Result<Done, Refused> {
        let now = self.clock.now();
        let core = &mut *self.lock();
        let mut hand = Hand {
            world: &mut core.world,
            now,
            by: None,
        };
        let acted = hand.act(act)?;
        Ok(self.publish(core, acted))
    }

    /// Somebody applies to a posting, or without one becomes a lead.
    pub fn apply(&self, applicant: Applicant) -> Result<Done, Refused> {
        self.act(Act::Apply(applicant))
    }

    /// Moves an opportunity to a stage.
    pub fn move_to(&self, opportunity_id: &str, stage_id: &str) -> Result<Done, Refused> {
        self.act(Act::Move {
            opportunity_id: opportunity_id.into(),
            stage_id: stage_id.into(),
        })
    }

    /// Archives an opportunity; with a reason of the hired kind this hires.
    pub fn archive(&self, opportunity_id: &str, reason_id: &str) -> Result<Done, Refused> {
        self.act(Act::Archive {
            opportunity_id: opportunity_id.into(),
            reason_id: reason_id.into(),
            requisition_id: None,
            clean_interviews: false,
        })
    }

    /// Takes an opportunity out of the archive.
    pub fn unarchive(&self, opportunity_id: &str) -> Result<Done, Refused> {
        self.act(Act::Unarchive {
            opportunity_id: opportunity_id.into(),
        })
    }

    /// Hires, which is to archive with the first reason of the hired kind.
    pub fn hire(&self, opportunity_id: &str) -> Result<Done, Refused> {
        self.act(Act::Hire {
            opportunity_id: opportunity_id.into(),
            requisition_id: None,
        })
    }

    /// Deletes an opportunity with its application; it then stands in the lists of deleted ones.
    pub fn delete(&self, opportunity_id: &str) -> Result<Done, Refused> {
        self.act(Act::DeleteOpportunity {
            opportunity_id: opportunity_id.into(),
            user_id: None,
        })
    }

    /// Removes and returns the webhooks kept so far.
    pub fn take_webhooks(&self) -> Vec<Webhook> {
        std::mem::take(&mut self.lock().outbox)
    }

    /// Sends a webhook that was kept (again, late, or in another order); needs a running server.
    pub fn deliver(&self, webhook: &Webhook) {
        if let (Some(sender), Some(parcel)) = (self.sender.get(), webhook.parcel()) {
            sender.send(parcel);
        }
    }

    /// The next `count` webhooks are made but never leave.
    pub fn lose_webhooks(&self, count: u32) {
        self.lock().lose = count;
    }

    /// The next `count` webhooks leave twice, with the same bytes.
    pub fn repeat_webhooks(&self, count: u32) {
        self.lock().repeat = count;
    }

    /// What was sent and how it was answered, newest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.sender.get().map(Sender::log).unwrap_or_default()
    }

    /// Sets a webhook up in the settings; the answer is its id.
    pub fn add_subscriber(&self, subscriber: Subscriber) -> String {
        let now = self.clock.now();
        let core = &mut *self.lock();
        let id = core.world.new_id();
        core.hooks.push(Hook::by_hand(subscriber, id, now));
        id.to_string()
    }

    /// Sets a webhook up in the settings for every event, signed with one key as old accounts do.
    pub fn subscribe_to_all(&self, url: &str, signature_token: &str) {
        for event in EVENTS {
            self.add_subscriber(Subscriber::new(url, event, signature_token));
        }
    }

    /// Presses the test button of a webhook: no data, and always the same event.
    pub fn send_test(&self, hook_id: &str) -> Option<Webhook> {
        let core = &mut *self.lock();
        let id = id::Id::parse(hook_id)?;
        let hook = core.hooks.iter().find(|hook| hook.id == id)?;
        let webhook = Press {
            hooks: &core.hooks,
            fallback: "",
            with_ids: self.options.hook_ids,
            now: self.clock.now(),
            rng: &mut core.rng,
        }
        .test(hook);
        self.leave(&mut core.outbox, &webhook);
        Some(webhook)
    }

    /// Forgets all webhooks.
    pub fn unsubscribe_all(&self) {
        self.lock().hooks.clear();
    }

    /// Switches an event on or off in the settings, for all its webhooks.
    pub fn set_event(&self, event: &str, on: bool) {
        let off = &mut self.lock().off;
        match on {
            true => off.remove(event),
            false => off.insert(event.into()),
        };
    }

    /// Arms a fault. For `Lag`, reads are answered from what is there now.
    pub fn arm(&self, rule: Rule) {
        if matches!(rule.fault, Fault::Lag) {
            let core = &mut *self.lock();
            core.replica = Some(core.world.clone());
        }
        self.faults.arm(rule);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// Adds an API key. What it may is fixed from then on.
    pub fn add_key(&self, key: Key) {
        self.lock().keys.push(key);
    }

    /// Ends an API key at once.
    pub fn revoke_key(&self, key: &str) {
        self.lock().keys.retain(|one| one.key != key);
    }

    /// What the consent page does from now on.
    pub fn set_consent(&self, consent: Consent) {
        self.lock().consent = consent;
    }

    /// Ends every token of a partner's app, as somebody who takes the consent back does.
    pub fn revoke_tokens(&self, client_id: &str) {
        self.lock().oauth.revoke(client_id);
    }

    /// Ends the access tokens of a partner's app before their time; refresh tokens live on.
    pub fn end_access_tokens(&self, client_id: &str) {
        self.lock().oauth.end_access(client_id);
    }

    /// Access tokens minted so far.
    pub fn tokens_minted(&self) -> u64 {
        self.lock().oauth.minted()
    }

    /// Changes the limit: requests per second and key, with bursts of twice as many; zero is none.
    pub fn set_rate_limit(&self, per_second: u32) {
        self.lock().limits.set(per_second);
    }

    /// Requests refused with a 429 because of the limit. Armed faults are not counted.
    pub fn throttled(&self) -> u64 {
        self.lock().limits.refused()
    }

    /// Makes every offset token given so far stale.
    pub fn end_offsets(&self) {
        self.lock().offsets.end_all();
    }

    /// How long offset tokens live from now on; none is for ever.
    pub fn set_offset_life(&self, ms: Option<i64>) {
        self.lock().offsets.set_life(ms);
    }

    /// Requests so far by route, ids left out (`GET /v1/opportunities/{id}/notes`).
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.lock().requests.clone()
    }

    /// Answers of the API so far by status.
    pub fn answers(&self) -> BTreeMap<u16, u64> {
        self.lock().answers.clone()
    }

    /// Changes how rows look on the wire, to rehearse drift: a field gets another value (of another
    /// type, or null), or goes (`None`). Entities are named as in the paths: `opportunities`, `notes`.
    pub fn drift(&self, entity: &str, field: &str, value: Option<Value>) {
        self.drift_row(entity, None, field, value);
    }

    /// The same for one record only.
    pub fn drift_one(&self, entity: &str, id: &str, field: &str, value: Option<Value>) {
        self.drift_row(entity, Some(id.into()), field, value);
    }

    /// Takes all drift back.
    pub fn clear_drift(&self) {
        self.lock().drifts.clear();
    }

    fn drift_row(&self, entity: &str, id: Option<String>, field: &str, value: Option<Value>) {
        self.lock().drifts.push(crate::control::Drift {
            entity: entity.into(),
            id,
            field: field.into(),
            value,
        });
    }

    /// The fake's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn publish(&self, core: &mut Core, acted: acts::Acted) -> Done {
        let mut webhooks = Vec::new();
        let mut press = Press {
            hooks: &core.hooks,
            fallback: &self.options.signature_token,
            with_ids: self.options.hook_ids,
            now: self.clock.now(),
            rng: &mut core.rng,
        };
        for news in acted
            .news
            .iter()
            .filter(|news| !core.off.contains(news.event))
        {
            webhooks.extend(press.make(news));
        }
        for webhook in &webhooks {
            if core.lose > 0 {
                core.lose -= 1;
                continue;
            }
            let times = 1 + u32::from(core.repeat > 0);
            core.repeat = core.repeat.saturating_sub(1);
            for _ in 0..times {
                self.leave(&mut core.outbox, webhook);
            }
        }
        Done {
            webhooks,
            touched: acted.touched,
        }
    }

    fn leave(&self, outbox: &mut Vec<Webhook>, webhook: &Webhook) {
        match self.options.capture {
            true => outbox.push(webhook.clone()),
            false => self.deliver(webhook),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
