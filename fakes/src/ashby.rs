//! The fake Ashby: an ATS with RPC methods, keys, sync tokens, and signed webhooks that come in twos
//! and threes. It is written from the vendor's facts; it is no reference for the vendor.

mod acts;
mod api;
mod application_acts;
mod board;
mod candidate_acts;
mod company;
mod control;
mod crowd;
mod cursor;
mod endpoints;
mod fields;
mod filter;
mod ids;
mod interview_acts;
mod job_acts;
mod keys;
mod list;
mod offer_acts;
mod office_acts;
mod options;
mod people;
mod problem;
mod rate;
mod readers;
mod reads;
mod render;
mod rows;
mod settings;
mod table;
mod webhooks;
mod world;
mod writes;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use acts::{Act, Applicant, Touched};
pub use keys::{Key, PERMISSIONS};
pub use options::{ActionIds, Oddities, Options};
pub use problem::Problem;
pub use webhooks::{BY_API, BY_HAND, Subscriber, Webhook};

use crate::clock::{Clock, Time};
use crate::faults::{Fault, Faults, Rule};
use crate::rng::Rng;
use crate::sender::{Manners, Sender, Sent};
use crate::serve::{self, Handle};
use ids::Kind;
use rate::Limits;
use webhooks::Kept;
use world::World;

/// What an act did.
#[derive(Clone, Debug)]
pub struct Done {
    /// The signed deliveries it caused.
    pub webhooks: Vec<Webhook>,
    /// The ids it made or touched.
    pub touched: Touched,
}

/// The fake ATS.
pub struct Ashby {
    clock: Clock,
    strict: bool,
    webhook_timeout: Duration,
    faults: Arc<Faults>,
    stop: watch::Sender<bool>,
    sender: OnceLock<Sender>,
    core: Mutex<Core>,
}

struct Core {
    options: Options,
    world: World,
    /// What lagging reads see.
    replica: Option<World>,
    keys: Vec<Key>,
    limits: Limits,
    rng: Rng,
    settings: Vec<Kept>,
    outbox: Vec<Webhook>,
    /// How many of the next webhooks get lost, and how many are sent twice.
    lose: u32,
    repeat: u32,
    /// How many of the next pages come empty.
    empty_pages: u32,
    /// Sync tokens of earlier epochs have expired.
    epoch: u64,
    since: Time,
    requests: BTreeMap<String, u64>,
    drifts: Vec<crate::control::Drift>,
}

impl Ashby {
    /// An organization without data.
    pub fn new(options: Options) -> Self {
        let (stop, _) = watch::channel(false);
        let clock = options.clock.clone();
        let core = Core {
            world: World::empty(&options.organization),
            replica: None,
            keys: options.keys.clone(),
            limits: Limits::new(options.rate_limit),
            rng: Rng::new(options.seed),
            settings: Vec::new(),
            outbox: Vec::new(),
            lose: 0,
            repeat: 0,
            empty_pages: 0,
            epoch: 0,
            since: clock.now(),
            requests: BTreeMap::new(),
            drifts: Vec::new(),
            options,
        };
        Ashby {
            faults: Arc::new(Faults::new(core.options.seed, clock.clone(), stop.clone())),
            clock,
            strict: core.options.strict,
            webhook_timeout: core.options.webhook_timeout,
            stop,
            sender: OnceLock::new(),
            core: Mutex::new(core),
        }
    }

    /// Starts serving on a loopback listener.
    pub async fn serve(self, listener: TcpListener) -> io::Result<Handle<Ashby>> {
        let manners = {
            let core = self.lock();
            Manners {
                waits: core.options.retry_waits.clone(),
                timeout: core.options.webhook_timeout,
                parallel: core.options.webhook_lanes,
                ends: webhooks::ends,
            }
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
        let core = &mut *self.lock();
        company::fill(&mut core.world, now, core.options.seed, core.options.people);
    }

    /// Adds a crowd of `applications`, each of another candidate and with history, over the last
    /// year. Needs a company; works once. A million cost no memory: they are computed when read.
    pub fn seed_many(&self, applications: u64) {
        let now = self.clock.now();
        self.lock().world.seed_crowd(applications, now);
    }

    /// Does a person's act and sends (or keeps) its webhooks.
    pub fn act(&self, act: Act) -> Result<Done, Problem> {
        let now = self.clock.now();
        let core = &mut *self.lock();
        let acted = core.world.act(now, act)?;
        Ok(self.publish(core, acted))
    }

    /// Somebody applies to a job.
    pub fn apply(&self, applicant: Applicant) -> Result<Done, Problem> {
        self.act(Act::Apply(applicant))
    }

    /// Moves an application to a stage of its plan, or to the next.
    pub fn move_to(&self, application: &str, stage: Option<&str>) -> Result<Done, Problem> {
        self.act(Act::Move {
            application_id: application.into(),
            stage_id: stage.map(str::to_owned),
        })
    }

    /// Archives an application.
    pub fn archive(&self, application: &str, reason: Option<&str>) -> Result<Done, Problem> {
        self.act(Act::Archive {
            application_id: application.into(),
            archive_reason_id: reason.map(str::to_owned),
        })
    }

    /// Hires.
    pub fn hire(&self, application: &str) -> Result<Done, Problem> {
        self.act(Act::Hire {
            application_id: application.into(),
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

    /// Adds a webhook setting of any type without a ping. Returns its id.
    pub fn add_subscriber(&self, setting: Subscriber) -> String {
        let kept = self.keep_setting(setting);
        ids::id(Kind::Webhook, kept.n)
    }

    /// Adds a setting as a person does: with a ping, and off if that fails. True if it is on.
    pub async fn subscribe(&self, setting: Subscriber) -> bool {
        self.make_setting(setting).await.setting.enabled
    }

    /// Adds a setting of every type for one address, without pings.
    pub fn subscribe_to_all(&self, url: &str, secret: &str) {
        for name in BY_API.iter().chain(&BY_HAND) {
            self.keep_setting(Subscriber::new(name, url, secret));
        }
    }

    /// Forgets all webhook settings.
    pub fn unsubscribe_all(&self) {
        self.lock().settings.clear();
    }

    /// Arms a fault. For `Lag`, reads are answered from what is there now.
    pub fn arm(&self, rule: Rule) {
        if matches!(rule.fault, Fault::Lag) {
            let mut core = self.lock();
            core.replica = Some(core.world.clone());
        }
        self.faults.arm(rule);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// Registers a key, or changes it.
    pub fn set_key(&self, key: Key) {
        let mut core = self.lock();
        core.keys.retain(|known| known.secret != key.secret);
        core.keys.push(key);
    }

    /// An admin switches a key off.
    pub fn deactivate_key(&self, secret: &str) {
        let mut core = self.lock();
        let ours = core.keys.iter_mut().filter(|key| key.secret == secret);
        ours.for_each(|key| key.active = false);
    }

    /// All sync tokens given out so far have expired.
    pub fn expire_sync_tokens(&self) {
        self.lock().epoch += 1;
    }

    /// Most pages of an incremental run from now on; none is no cap.
    pub fn set_incremental_pages(&self, most: Option<u32>) {
        self.lock().options.incremental_pages = most;
    }

    /// The next `count` pages come empty, with `moreDataAvailable`.
    pub fn empty_pages(&self, count: u32) {
        self.lock().empty_pages = count;
    }

    /// Changes the limit per minute; zero is none.
    pub fn set_rate_limit(&self, per_minute: u32) {
        self.lock().limits.set(per_minute);
    }

    /// Which shapes samples disagree about are shown how.
    pub fn set_oddities(&self, oddities: Oddities) {
        self.lock().options.oddities = oddities;
    }

    /// Changes how records look on the wire, to rehearse drift: a field (or a path with dots)
    /// becomes `value`, or goes (`None`). Lists, single reads, writes and webhooks alike.
    pub fn drift(&self, entity: &str, field: &str, value: Option<Value>) {
        self.push_drift(entity, None, field, value);
    }

    /// The same for one record.
    pub fn drift_one(&self, entity: &str, id: &str, field: &str, value: Option<Value>) {
        self.push_drift(entity, Some(id.into()), field, value);
    }

    /// Takes all drifts back.
    pub fn clear_drifts(&self) {
        self.lock().drifts.clear();
    }

    /// Requests so far by method name.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.lock().requests.clone()
    }

    /// How many requests were answered with 429 for being too many.
    pub fn refused(&self) -> u64 {
        self.lock().limits.refused()
    }

    /// The fake's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    fn push_drift(&self, entity: &str, id: Option<String>, field: &str, value: Option<Value>) {
        self.lock().drifts.push(crate::control::Drift {
            entity: entity.into(),
            id,
            field: field.into(),
            value,
        });
    }

    fn keep_setting(&self, setting: Subscriber) -> Kept {
        let mut core = self.lock();
        let n = core.world.block(1);
        let kept = Kept { n, setting };
        core.settings.push(kept.clone());
        kept
    }

    fn publish(&self, core: &mut Core, mut acted: acts::Acted) -> Done {
        core.dress_news(&mut acted.news);
        let webhooks = webhooks::make(
            &acted.news,
            &core.settings,
            &core.options.webhook_secret,
            core.options.action_ids,
            &mut core.rng,
        );
        for webhook in &webhooks {
            if core.lose > 0 {
                core.lose -= 1;
                continue;
            }
            let times = 1 + u32::from(core.repeat > 0);
            core.repeat = core.repeat.saturating_sub(1);
            for _ in 0..times {
                match core.options.capture {
                    true => core.outbox.push(webhook.clone()),
                    false => self.deliver(webhook),
                }
            }
        }
        Done {
            webhooks,
            touched: acted.touched,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
