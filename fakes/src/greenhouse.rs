//! A fake ATS that speaks Greenhouse's dialect: tokens, lists, writes, limits, signed webhooks.
//! It is written from the vendor's facts; it is no reference for what the vendor really does.

mod acts;
mod api;
mod board;
mod candidate_acts;
mod collections;
mod company;
mod company_rows;
mod control;
mod crowd;
mod feedback_rows;
mod interview_acts;
mod job_acts;
mod list;
mod nested;
mod offer_acts;
mod options;
mod people_rows;
mod pipeline_acts;
mod query;
mod rate;
mod table;
mod tokens;
mod webhooks;
mod world;
mod writes;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use acts::{Act, Applicant, ApplicationEdit, CandidateEdit, JobEdit, JobPlan, Touched};
pub use company_rows::*;
pub use feedback_rows::*;
pub use options::{MoveFrom, Options};
pub use people_rows::*;
pub use tokens::Client;
pub use webhooks::{Subscriber, Webhook};
pub use world::Refused;

use crate::clock::{Clock, Time};
use crate::faults::{Fault, Faults, Rule};
use crate::rng::Rng;
use crate::sender::{Manners, Sender, Sent};
use crate::serve::{self, Handle};
use rate::Limits;
use tokens::Tokens;
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
pub struct Greenhouse {
    clock: Clock,
    options: Options,
    faults: Arc<Faults>,
    stop: watch::Sender<bool>,
    sender: OnceLock<Sender>,
    core: Box<Mutex<Core>>,
}

struct Core {
    world: World,
    /// What lagging reads see.
    replica: Option<World>,
    tokens: Tokens,
    limits: Limits,
    rng: Rng,
    subscribers: Vec<Subscriber>,
    outbox: Vec<Webhook>,
    /// How many of the next webhooks get lost, and how many are sent twice.
    lose: u32,
    repeat: u32,
    requests: BTreeMap<String, u64>,
    drifts: Vec<crate::control::Drift>,
}

impl Greenhouse {
    /// An account without data.
    pub fn new(options: Options) -> Self {
        let (stop, _) = watch::channel(false);
        let clock = options.clock.clone();
        let core = Core {
            world: World::empty(&options.organization, 4_000_000),
            replica: None,
            tokens: Tokens::new(options.clients.clone(), options.token_life_secs),
            limits: Limits::new(options.rate_limit),
            rng: Rng::new(options.seed),
            subscribers: Vec::new(),
            outbox: Vec::new(),
            lose: 0,
            repeat: 0,
            requests: BTreeMap::new(),
            drifts: Vec::new(),
        };
        Greenhouse {
            faults: Arc::new(Faults::new(options.seed, clock.clone(), stop.clone())),
            clock,
            options,
            stop,
            sender: OnceLock::new(),
            core: Box::new(Mutex::new(core)),
        }
    }

    /// Starts serving on a loopback listener.
    pub async fn serve(self, listener: TcpListener) -> io::Result<Handle<Greenhouse>> {
        let manners = Manners {
            waits: self.options.retry_waits.clone(),
            timeout: self.options.webhook_timeout,
            parallel: self.options.webhook_lanes,
            ends: |status| status == 200,
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
        let mut core = self.lock();
        let seed = self.options.seed;
        company::fill(&mut core.world, now, seed);
    }

    /// Adds a crowd of `applications`, each of another candidate, over the last half year. Needs a
    /// company; works once. A million cost no memory: they are computed when read.
    pub fn seed_many(&self, applications: u64) {
        let now = self.clock.now();
        self.lock().world.seed_crowd(applications, now);
    }

    /// Does a person's act and sends (or keeps) its webhooks.
    pub fn act(&self, act: Act) -> Result<Done, Refused> {
        let now = self.clock.now();
        let mut core = self.lock();
        let acted = core.world.act(now, act)?;
        Ok(self.publish(&mut core, acted))
    }

    /// Somebody applies to a job.
    pub fn apply(&self, applicant: Applicant) -> Result<Done, Refused> {
        self.act(Act::Apply(applicant))
    }

    /// Moves an application to a stage of its job, or to the next.
    pub fn move_to(&self, application_id: u64, stage_id: Option<u64>) -> Result<Done, Refused> {
        self.act(Act::Move {
            application_id,
            stage_id,
        })
    }

    /// Rejects an application.
    pub fn reject(&self, application_id: u64, reason: Option<u64>) -> Result<Done, Refused> {
        self.act(Act::Reject {
            application_id,
            rejection_reason_id: reason,
            user_id: None,
            notes: None,
        })
    }

    /// Takes a rejection back.
    pub fn unreject(&self, application_id: u64) -> Result<Done, Refused> {
        self.act(Act::Unreject { application_id })
    }

    /// Hires; an offer under way is accepted.
    pub fn hire(&self, application_id: u64) -> Result<Done, Refused> {
        self.act(Act::Hire {
            application_id,
            opening_id: None,
            start_date: None,
            close_reason_id: None,
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

    /// Adds a receiver without a ping.
    pub fn add_subscriber(&self, subscriber: Subscriber) {
        self.lock().subscribers.push(subscriber);
    }

    /// Adds a receiver as the vendor does: with a ping, and disabled if that fails. True if active.
    pub async fn subscribe(&self, mut subscriber: Subscriber) -> bool {
        let ping = {
            let now = self.clock.now();
            let core = &mut *self.lock();
            let id = core.world.ids.next();
            webhooks::ping(&subscriber, id, now, &mut core.rng)
        };
        if self.options.capture {
            self.lock().outbox.push(ping);
        } else {
            let client = crate::sender::client(self.options.webhook_timeout);
            let mut request = client.post(&subscriber.url).body(ping.body.clone());
            for (name, value) in &ping.headers {
                request = request.header(name, value);
            }
            let answer = request.send().await;
            subscriber.active = answer.is_ok_and(|answer| answer.status().as_u16() == 200);
        }
        let active = subscriber.active;
        self.add_subscriber(subscriber);
        active
    }

    /// Switches disabled receivers at `url` on again.
    pub fn reenable(&self, url: &str) {
        for subscriber in &mut self.lock().subscribers {
            subscriber.active |= subscriber.url == url;
        }
    }

    /// Forgets all receivers.
    pub fn unsubscribe_all(&self) {
        self.lock().subscribers.clear();
    }

    /// Arms a fault. For `Lag`, lists are answered from what is there now.
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

    /// Ends a client's tokens at once, as a second process minting with it would.
    pub fn revoke_tokens(&self, client_id: &str) {
        self.lock().tokens.revoke(client_id);
    }

    /// Registers a client, or changes its scopes.
    pub fn set_client(&self, client: Client) {
        self.lock().tokens.set_client(client);
    }

    /// Tokens minted so far.
    pub fn tokens_minted(&self) -> u64 {
        self.lock().tokens.minted()
    }

    /// Changes the limit; zero is none.
    pub fn set_rate_limit(&self, limit: u32) {
        self.lock().limits.set(limit);
    }

    /// Requests so far by route, ids left out (`GET /v3/notes`, `POST /v3/applications/{id}/move`).
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.lock().requests.clone()
    }

    /// How many requests the limit refused.
    pub fn refused(&self) -> u64 {
        self.lock().limits.refused()
    }

    /// The interviews, oldest first.
    pub fn interviews(&self) -> Vec<Interview> {
        self.lock().world.interviews.iter().cloned().collect()
    }

    /// The scorecards, oldest first.
    pub fn scorecards(&self) -> Vec<Scorecard> {
        self.lock().world.scorecards.iter().cloned().collect()
    }

    /// The book of notes, oldest first, orphans included.
    pub fn notes(&self) -> Vec<Note> {
        self.lock().world.notes.iter().cloned().collect()
    }

    /// The tags on candidates.
    pub fn applied_tags(&self) -> Vec<AppliedCandidateTag> {
        let core = self.lock();
        core.world.applied_candidate_tags.iter().cloned().collect()
    }

    /// One application.
    pub fn application(&self, id: u64) -> Option<Application> {
        self.lock().world.application(id).ok()
    }

    /// One candidate.
    pub fn candidate(&self, id: u64) -> Option<Candidate> {
        self.lock().world.candidate(id).ok()
    }

    /// The stored applications (a crowd left out), oldest first.
    pub fn applications(&self) -> Vec<Application> {
        self.lock().world.applications.iter().cloned().collect()
    }

    /// The jobs, oldest first.
    pub fn jobs(&self) -> Vec<Job> {
        self.lock().world.jobs.iter().cloned().collect()
    }

    /// A job's active stages, first to last.
    pub fn stages(&self, job_id: u64) -> Vec<JobInterviewStage> {
        let core = self.lock();
        core.world.stages_of(job_id).into_iter().cloned().collect()
    }

    /// The job stage an application is in.
    pub fn stage_of(&self, application_id: u64) -> Option<JobInterviewStage> {
        let core = self.lock();
        let application = core.world.application(application_id).ok()?;
        core.world.current_stage(&application)
    }

    /// Rejection reasons, oldest first.
    pub fn rejection_reasons(&self) -> Vec<RejectionReason> {
        let core = self.lock();
        core.world.rejection_reasons.iter().cloned().collect()
    }

    /// The people who work at the company.
    pub fn users(&self) -> Vec<User> {
        self.lock().world.users.iter().cloned().collect()
    }

    /// How many rows a collection has; none if there is no such collection.
    pub fn count(&self, collection: &str) -> Option<u64> {
        let core = self.lock();
        core.world.collection(collection).map(|rows| rows.count())
    }

    /// Changes how rows look on the wire, to rehearse drift: a field appears, or goes (`None`).
    pub fn drift(&self, collection: &str, field: &str, value: Option<Value>) {
        self.lock().drifts.push(crate::control::Drift {
            entity: collection.into(),
            id: None,
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
        let webhooks = webhooks::make(
            &acted.news,
            &core.world,
            &core.subscribers,
            &self.options.webhook_secret,
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
                match self.options.capture {
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
