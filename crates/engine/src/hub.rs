//! What all parts of the engine share: the store, the clock, the one way out, the connections with their dispatchers, the live
//! flows, and the signals between them. Decides nothing itself.

use crate::caller::Caller;
use crate::connection::Connection;
use crate::dispatch::Dispatcher;
use crate::env::Env;
use crate::flows::FlowSet;
use crate::guards::Guards;
use crate::ingest::Lane;
use crate::time::Calendar;
use stagewire_connector::{Connector, Transport};
use stagewire_store::{ActionRow, Store};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// Something that another part of the engine should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Steps of this run may go on.
    Advance(i64),
}

/// Where an alert goes: `<kind>:<connection>:<address>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertTarget {
    /// The connection that carries it.
    pub connection: String,
    /// The channel or address there.
    pub address: String,
}

/// What all parts share.
pub struct Hub {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock and dice.
    pub env: Arc<dyn Env>,
    /// The one logged way out.
    pub caller: Caller,
    /// Checks before every effect.
    pub guards: Guards,
    /// The connector that carries subscriptions.
    pub carrier: Option<Arc<Connector>>,
    /// Where alerts go.
    pub alerts: Vec<AlertTarget>,
    /// The installation's variables, read by flows as `vars.<name>`.
    pub vars: serde_json::Map<String, serde_json::Value>,
    /// The workspace's time zone, working week and holidays.
    pub calendar: Calendar,
    /// Wakes whoever turns new failures into alerts.
    pub failed: Notify,
    effects: AtomicBool,
    public_url: RwLock<Option<String>>,
    /// Checks of our own address that are on their way.
    checks: RwLock<HashSet<String>>,
    flows: RwLock<Arc<FlowSet>>,
    connections: RwLock<BTreeMap<String, Arc<Connection>>>,
    dispatchers: RwLock<HashMap<String, Arc<Dispatcher>>>,
    lanes: RwLock<HashMap<String, Arc<Lane>>>,
    signals: mpsc::UnboundedSender<Signal>,
    /// Tasks without which nothing works, by what they are.
    needed: Mutex<Vec<(String, JoinHandle<()>)>>,
}

impl Hub {
    /// A hub without connections; the other end of its signals.
    pub fn new(
        store: Arc<dyn Store>,
        env: Arc<dyn Env>,
        transport: Arc<dyn Transport>,
        carrier: Option<Arc<Connector>>,
        alerts: Vec<AlertTarget>,
        vars: serde_json::Map<String, serde_json::Value>,
        calendar: Calendar,
        effects: bool,
    ) -> (Arc<Hub>, mpsc::UnboundedReceiver<Signal>) {
        let (signals, receiver) = mpsc::unbounded_channel();
        let caller = Caller {
            store: store.clone(),
            env: env.clone(),
            transport,
        };
        let hub = Hub {
            store,
            env,
            caller,
            guards: Guards,
            carrier,
            alerts,
            vars,
            calendar,
            failed: Notify::new(),
            effects: AtomicBool::new(effects),
            public_url: RwLock::default(),
            checks: RwLock::default(),
            flows: RwLock::default(),
            connections: RwLock::default(),
            dispatchers: RwLock::default(),
            lanes: RwLock::default(),
            signals,
            needed: Mutex::default(),
        };
        (Arc::new(hub), receiver)
    }

    /// Tasks without which nothing works.
    pub(crate) fn needed(&self) -> MutexGuard<'_, Vec<(String, JoinHandle<()>)>> {
        self.needed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything may leave.
    pub fn effects_on(&self) -> bool {
        self.effects.load(Ordering::Acquire)
    }

    /// Switches effects on or off.
    pub fn set_effects(&self, on: bool) {
        self.effects.store(on, Ordering::Release);
        read(&self.dispatchers).values().for_each(|d| d.wake());
    }

    /// The address others reach this server by; known once it listens.
    pub fn public_url(&self) -> Option<String> {
        read(&self.public_url).clone()
    }

    /// The server listens, and is known by this address.
    pub fn set_public_url(&self, url: &str) {
        *write(&self.public_url) = Some(url.to_owned());
        self.connections()
            .iter()
            .for_each(|c| c.hooks_asked.notify_one());
    }

    pub(crate) fn checking(&self, nonce: &str, begins: bool) {
        let mut checks = write(&self.checks);
        if begins {
            checks.insert(nonce.to_owned());
        } else {
            checks.remove(nonce);
        }
    }

    pub(crate) fn is_checking(&self, nonce: &str) -> bool {
        read(&self.checks).contains(nonce)
    }

    /// The live flows and subscriptions.
    pub fn flows(&self) -> Arc<FlowSet> {
        read(&self.flows).clone()
    }

    /// New live flows: what they wait for may be another thing than before.
    pub fn set_flows(&self, flows: FlowSet) {
        *write(&self.flows) = Arc::new(flows);
        read(&self.lanes).values().for_each(|l| l.flows_changed());
    }

    /// A connection by name.
    pub fn connection(&self, id: &str) -> Option<Arc<Connection>> {
        read(&self.connections).get(id).cloned()
    }

    /// All connections, by name.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        read(&self.connections).values().cloned().collect()
    }

    /// A destination's dispatcher.
    pub fn dispatcher(&self, id: &str) -> Option<Arc<Dispatcher>> {
        read(&self.dispatchers).get(id).cloned()
    }

    /// Every dispatcher.
    pub fn dispatchers(&self) -> Vec<Arc<Dispatcher>> {
        read(&self.dispatchers).values().cloned().collect()
    }

    /// A source's ingest lane.
    pub fn lane(&self, id: &str) -> Option<Arc<Lane>> {
        read(&self.lanes).get(id).cloned()
    }

    /// Adds a connection with its dispatcher; a listed one is shown in the API, a subscription's is not.
    pub fn add(self: &Arc<Self>, conn: Arc<Connection>, listed: bool) -> Arc<Dispatcher> {
        let dispatcher = Arc::new(Dispatcher::new(conn.clone(), self.clone()));
        write(&self.dispatchers).insert(conn.id.clone(), dispatcher.clone());
        if listed {
            write(&self.connections).insert(conn.id.clone(), conn);
        }
        dispatcher
    }

    /// Adds a source's lane.
    pub fn add_lane(&self, lane: Arc<Lane>) {
        write(&self.lanes).insert(lane.conn.id.clone(), lane);
    }

    /// Takes a subscription's dispatcher away.
    pub fn remove(&self, id: &str) {
        write(&self.dispatchers).remove(id);
    }

    /// An action ended: its run may go on, a failure may want an alert.
    pub fn settled(&self, run: i64, waiters: bool, failed: bool) {
        if waiters && run != 0 {
            let _ = self.signals.send(Signal::Advance(run));
        }
        if failed {
            self.failed.notify_one();
        }
    }

    /// A run changed for another reason.
    pub fn run_moved(&self, run: i64) {
        self.settled(run, true, false);
    }

    /// Who answers for a flow.
    pub fn owner_of(&self, flow: &str, otherwise: &str) -> String {
        self.flows()
            .get(flow)
            .map_or_else(|| otherwise.to_owned(), |f| f.row.owner.clone())
    }

    /// Whether another step reads what this action gives back.
    pub fn output_is_read(&self, row: &ActionRow) -> bool {
        self.flows()
            .get(&row.flow)
            .is_some_and(|f| f.flow.steps.iter().any(|s| s.needs.contains(&row.step)))
    }
}

fn read<T>(m: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    m.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(m: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    m.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}
