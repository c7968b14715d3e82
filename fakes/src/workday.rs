//! A fake Workday tenant: tokens, reports as a service, SOAP Recruiting, job postings over REST, and
//! a notification that says which application to look at. It is written from the vendor's facts; it
//! is no reference for what the vendor really does, and takes no writes.

mod acts;
mod api;
mod board;
mod books;
mod cell;
mod company;
mod control;
mod crowd;
mod drift;
mod event_acts;
mod hints;
mod limits;
mod options;
mod raas;
mod reports;
mod rest;
mod rows;
mod soap;
mod soap_ask;
mod soap_jobs;
mod soap_people;
mod soap_results;
mod table;
mod tokens;
mod world;
mod xml;
mod xml_read;
mod zone;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use acts::{Act, Applicant, CandidateChange, RequisitionChange, Touched};
pub use hints::{Hint, HintTo};
pub use options::{ClientAs, Options};
pub use rows::{
    Application, Candidate, DISPOSITIONS, Disposition, Interview, Location, Offer, Party, Posting,
    Requisition, STAGES, Stage, Stay, Worker,
};
pub use soap_people::{CV_MARKER, EEO_MARKER};
pub use tokens::{Access, Client, Isu};
pub use world::Refused;

use crate::clock::{Clock, Time};
use crate::faults::{Fault, Faults, Rule};
use crate::rng::Rng;
use crate::sender::{Manners, Sender, Sent};
use crate::serve::{self, Handle};
use cell::Look;
use drift::{Change, Drift};
use limits::{Running, Window};
use soap_results::Cache;
use tokens::Tokens;
use world::World;
use zone::Zone;

/// What an act did.
#[derive(Clone, Debug)]
pub struct Done {
    /// The notification it caused, if its business process has that step.
    pub webhooks: Vec<Hint>,
    /// The ids it made or touched.
    pub touched: Touched,
}

/// The fake tenant.
pub struct Workday {
    clock: Clock,
    options: Options,
    look: Look,
    faults: Arc<Faults>,
    stop: watch::Sender<bool>,
    sender: OnceLock<Sender>,
    running: Running,
    held: watch::Sender<bool>,
    core: Mutex<Core>,
}

struct Core {
    organization: String,
    look: Look,
    /// Shared with reports under way and kept results; the next act makes a copy then.
    world: Arc<World>,
    /// What lagging reads see.
    replica: Option<Arc<World>>,
    tokens: Tokens,
    rng: Rng,
    results: Cache,
    calls: Window,
    extracts: Window,
    bad: Window,
    raas_at_once: usize,
    maintenance: bool,
    throttle_soap: u32,
    cut_report_after: Option<u64>,
    hint_to: Option<HintTo>,
    outbox: Vec<Hint>,
    /// How many of the next hints get lost, and how many are sent twice.
    lose: u32,
    repeat: u32,
    requests: BTreeMap<String, u64>,
    throttled: u64,
    drifts: Vec<Drift>,
}

impl Workday {
    /// A tenant without data.
    pub fn new(options: Options) -> Self {
        let (stop, _) = watch::channel(false);
        let clock = options.clock.clone();
        let look = Look {
            zone: Zone::named(&options.time_zone),
            blanks: options.empty_as_blank,
        };
        let core = Core {
            organization: options.organization.clone(),
            look: look.clone(),
            world: Arc::new(World::empty()),
            replica: None,
            tokens: Tokens::new(options.clients.clone(), options.isus.clone()),
            rng: Rng::new(options.seed),
            results: Cache::default(),
            calls: Window::new(options.rate_limit, 60),
            extracts: Window::new(options.extract_quota, 3600),
            bad: Window::new(options.flood, 60),
            raas_at_once: options.raas_at_once,
            maintenance: false,
            throttle_soap: 0,
            cut_report_after: None,
            hint_to: options.hint.clone(),
            outbox: Vec::new(),
            lose: 0,
            repeat: 0,
            requests: BTreeMap::new(),
            throttled: 0,
            drifts: Vec::new(),
        };
        Workday {
            faults: Arc::new(Faults::new(options.seed, clock.clone(), stop.clone())),
            clock,
            options,
            look,
            stop,
            sender: OnceLock::new(),
            running: Running::default(),
            held: watch::channel(false).0,
            core: Mutex::new(core),
        }
    }

    /// Starts serving on a loopback listener.
    pub async fn serve(self, listener: TcpListener) -> io::Result<Handle<Workday>> {
        let manners = Manners {
            waits: Vec::new(),
            timeout: self.options.hint_timeout,
            parallel: 1,
            ends: |status| (200..300).contains(&status),
        };
        let sender = Sender::start(manners, self.clock.clone());
        let _ = self.sender.set(sender);
        let stop = self.stop.clone();
        let state = Arc::new(self);
        let router = api::router(Arc::clone(&state));
        serve::serve(listener, state, stop, router)
    }

    /// Fills in the made-up company, with history over the last months and no hints. Needs an empty
    /// tenant.
    pub fn seed_company(&self) -> Result<(), Refused> {
        let now = self.clock.now();
        let world = &mut self.lock().world;
        company::fill(Arc::make_mut(world), now, self.options.seed)
    }

    /// Adds a crowd of `applications`, each of another candidate, over the last half year. Needs a
    /// company; works once. A million cost no memory: they are computed when read.
    pub fn seed_many(&self, applications: u64) -> Result<(), Refused> {
        let now = self.clock.now();
        let world = &mut self.lock().world;
        Arc::make_mut(world).seed_crowd(applications, now)
    }

    /// Does a person's act and sends (or keeps) its hint.
    pub fn act(&self, act: Act) -> Result<Done, Refused> {
        let now = self.clock.now();
        let core = &mut *self.lock();
        let acted = Arc::make_mut(&mut core.world).act(now, act)?;
        let mut webhooks = Vec::new();
        if let Some((application, step)) = acted.process {
            let sent = self.look.zone.stamp(now);
            let hint = hints::make(application, step, sent, core.hint_to.as_ref());
            webhooks.push(hint.clone());
            self.publish(core, hint);
        }
        Ok(Done {
            webhooks,
            touched: acted.touched,
        })
    }

    /// Somebody applies to a requisition.
    pub fn apply(&self, applicant: Applicant) -> Result<Done, Refused> {
        self.act(Act::Apply(applicant))
    }

    /// Moves an application to a stage, or to the next.
    pub fn move_to(&self, application_id: u64, stage: Option<&str>) -> Result<Done, Refused> {
        let stage = stage.map(str::to_owned);
        self.act(Act::Move {
            application_id,
            stage,
        })
    }

    /// Ends an application by one of the tenant's dispositions.
    pub fn dispose(&self, application_id: u64, disposition: &str) -> Result<Done, Refused> {
        let disposition = Some(disposition.to_owned());
        self.act(Act::Dispose {
            application_id,
            disposition,
        })
    }

    /// Moves an application to "Ready for Hire".
    pub fn hire(&self, application_id: u64) -> Result<Done, Refused> {
        self.act(Act::Hire { application_id })
    }

    /// Removes and returns the hints kept so far.
    pub fn take_webhooks(&self) -> Vec<Hint> {
        std::mem::take(&mut self.lock().outbox)
    }

    /// Sends a hint that was kept (again, late, or in another order); needs a running server.
    pub fn deliver(&self, hint: &Hint) {
        if let (Some(sender), Some(parcel)) = (self.sender.get(), hint.parcel()) {
            sender.send(parcel);
        }
    }

    /// The next `count` hints are made but never leave.
    pub fn lose_webhooks(&self, count: u32) {
        self.lock().lose = count;
    }

    /// The next `count` hints leave twice, with the same bytes.
    pub fn repeat_webhooks(&self, count: u32) {
        self.lock().repeat = count;
    }

    /// What was sent and how it was answered, newest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.sender.get().map(Sender::log).unwrap_or_default()
    }

    /// The admin builds the notification, changes it, or takes it away.
    pub fn notify(&self, to: Option<HintTo>) {
        self.lock().hint_to = to;
    }

    /// Arms a fault. For `Lag`, reads are answered from what is there now.
    pub fn arm(&self, rule: Rule) {
        if matches!(rule.fault, Fault::Lag) {
            let mut core = self.lock();
            core.replica = Some(Arc::clone(&core.world));
        }
        self.faults.arm(rule);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// Registers an API client, or changes it.
    pub fn set_client(&self, client: Client) {
        let clients = &mut self.lock().tokens.clients;
        clients.retain(|known| known.id != client.id);
        clients.push(client);
    }

    /// Registers an integration system user, or changes it.
    pub fn set_isu(&self, isu: Isu) {
        let isus = &mut self.lock().tokens.isus;
        isus.retain(|known| known.user != isu.user);
        isus.push(isu);
    }

    /// Ends a client's access tokens at once.
    pub fn revoke_access_tokens(&self, client_id: &str) {
        self.lock().tokens.end(client_id);
    }

    /// The tenant's admin makes a new refresh token: the old ones are revoked, access tokens too.
    pub fn regenerate_refresh_token(&self, client_id: &str) -> Option<String> {
        let core = &mut *self.lock();
        let mut clients = core.tokens.clients.iter_mut();
        let client = clients.find(|client| client.id == client_id)?;
        let (_, user) = client.refresh_tokens.first()?.clone();
        client.refresh_tokens.clear();
        core.tokens.end(client_id);
        core.tokens
            .add_refresh_token(client_id, &user, &mut core.rng)
    }

    /// Access tokens minted so far.
    pub fn tokens_minted(&self) -> u64 {
        self.lock().tokens.minted
    }

    /// Changes the calls per minute; zero is no limit.
    pub fn set_rate_limit(&self, limit: u32) {
        self.lock().calls.set(limit);
    }

    /// Changes the report calls per hour; zero is no limit.
    pub fn set_extract_quota(&self, limit: u32) {
        self.lock().extracts.set(limit);
    }

    /// Changes how many report calls may be under way at once; zero is no limit.
    pub fn set_raas_at_once(&self, limit: usize) {
        self.lock().raas_at_once = limit;
    }

    /// While held, admitted report calls wait before their first byte and count as under way.
    pub fn hold_reports(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    /// Waits until so many report calls are under way.
    pub async fn until_reports_run(&self, count: usize) {
        self.running.until(count).await;
    }

    /// The next report breaks off after so many rows.
    pub fn cut_next_report(&self, after_rows: u64) {
        self.lock().cut_report_after = Some(after_rows);
    }

    /// The next `count` SOAP calls are throttled, which looks like any HTTP 500.
    pub fn throttle_soap(&self, count: u32) {
        self.lock().throttle_soap = count;
    }

    /// The weekly window: everything answers 503 and HTML.
    pub fn set_maintenance(&self, on: bool) {
        self.lock().maintenance = on;
    }

    /// Requests so far by route, tenant and ids left out
    /// (`GET /ccx/service/customreport2/ATS_Candidates`, `POST /ccx/service/Recruiting/Get_Candidates`).
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.lock().requests.clone()
    }

    /// How many requests were told that there were too many, by 429 or, on SOAP, by 500.
    pub fn throttled(&self) -> u64 {
        self.lock().throttled
    }

    /// Changes how things look on the wire: a column of a report, a field of `jobPostings`, or an
    /// element of a SOAP operation gets a value, or goes (`None`).
    pub fn drift(&self, entity: &str, field: &str, value: Option<Value>) {
        self.add_drift(entity, field, Change::Value(value));
    }

    /// A report's author renames a column.
    pub fn rename(&self, entity: &str, field: &str, alias: &str) {
        self.add_drift(entity, field, Change::Alias(alias.into()));
    }

    fn add_drift(&self, entity: &str, field: &str, change: Change) {
        self.lock().drifts.push(Drift {
            entity: entity.into(),
            field: field.into(),
            change,
        });
    }

    fn publish(&self, core: &mut Core, hint: Hint) {
        if core.lose > 0 {
            core.lose -= 1;
            return;
        }
        let times = 1 + u32::from(core.repeat > 0);
        core.repeat = core.repeat.saturating_sub(1);
        for _ in 0..times {
            match self.options.capture {
                true => core.outbox.push(hint.clone()),
                false => self.deliver(&hint),
            }
        }
    }

    async fn while_reports_are_held(&self) {
        let (mut held, mut stop) = (self.held.subscribe(), self.stop.subscribe());
        tokio::select! {
            _ = held.wait_for(|held| !*held) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    fn count(&self, route: String) {
        *self.lock().requests.entry(route).or_default() += 1;
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
