//! Putting the engine together and starting it: what a crash left is settled first, then connections, flows and loops begin.

use crate::connection::{Connection, ConnectionSpec, State};
use crate::env::Env;
use crate::flows::{Connections, FlowSet};
use crate::hub::{AlertTarget, Hub};
use crate::ingest::Lane;
use crate::time::Calendar;
use crate::{advance, alerts, hooks, keeping, reads, subscribe, token, upkeep};
use serde_json::Map;
use sha2::{Digest, Sha256};
use stagewire_connector::{Connector, Settings, Transport};
use stagewire_model::{MAIN, Secret};
use stagewire_store::{ConnectionChange, ConnectionRow, Error, Store};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long a look may lag where nothing else is known, in milliseconds.
const QUIET_MS: i64 = 10_000;

/// A connection as configured, with its fields.
pub struct Configured {
    /// What the configuration says.
    pub spec: ConnectionSpec,
    /// The vendor, as data.
    pub connector: Arc<Connector>,
    /// Credentials and settings from the file.
    pub fields: BTreeMap<String, Secret<String>>,
}

/// What the engine is started with.
pub struct Setup {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Clock and dice.
    pub env: Arc<dyn Env>,
    /// The way out.
    pub transport: Arc<dyn Transport>,
    /// The connections.
    pub connections: Vec<Configured>,
    /// The connector that carries subscriptions.
    pub carrier: Option<Arc<Connector>>,
    /// Where alerts go.
    pub alerts: Vec<AlertTarget>,
    /// The installation's variables.
    pub vars: Map<String, serde_json::Value>,
    /// The workspace's calendar.
    pub calendar: Calendar,
    /// Whether anything may leave.
    pub effects: bool,
}

/// Starts everything; the hub is what the API talks to.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn start(setup: Setup) -> Result<Arc<Hub>, Error> {
    let Setup {
        store,
        env,
        transport,
        connections,
        carrier,
        alerts: targets,
        vars,
        calendar,
        effects,
    } = setup;
    let now = env.now();
    let unsure = store.recover(now.0, QUIET_MS).await?;
    if unsure > 0 {
        tracing::info!(
            actions = unsure,
            "some actions were in flight when the server stopped; they are settled first"
        );
    }
    let (hub, signals) = Hub::new(
        store, env, transport, carrier, targets, vars, calendar, effects,
    );
    let known: BTreeMap<String, ConnectionRow> = hub
        .store
        .connections(MAIN)
        .await?
        .into_iter()
        .map(|c| (c.conn.clone(), c))
        .collect();
    for configured in connections {
        connect(&hub, configured, &known).await?;
    }
    for dispatcher in hub.dispatchers() {
        hub.needs("sending".to_owned(), tokio::spawn(dispatcher.work()));
    }
    reload_flows(&hub).await?;
    for conn in hub.connections() {
        if conn.connector.intake().is_some() || !conn.connector.streams().is_empty() {
            let lane = Arc::new(Lane::new(conn.clone(), hub.clone()));
            hub.add_lane(lane.clone());
            let what = format!("taking what {} sends", conn.id);
            hub.needs(what, tokio::spawn(lane.work()));
        }
        hub.load_hooks(&conn).await?;
        tokio::spawn(hooks::work(hub.clone(), conn.clone()));
        tokio::spawn(keeping::work(hub.clone(), conn.clone()));
        tokio::spawn(reads::check_at_start(hub.clone(), conn.clone()));
        reads::start(&hub, &conn);
    }
    tokio::spawn(advance::work(hub.clone(), signals));
    tokio::spawn(alerts::work(hub.clone()));
    tokio::spawn(upkeep::work(hub.clone()));
    tokio::spawn(token::keep::work(hub.clone()));
    Ok(hub)
}

/// One connection: a value set over the API wins until the file's entry changes.
async fn connect(
    hub: &Arc<Hub>,
    c: Configured,
    known: &BTreeMap<String, ConnectionRow>,
) -> Result<(), Error> {
    let now = hub.env.now();
    let held = known.get(&c.spec.id).cloned().unwrap_or_default();
    let mut digest = Sha256::new();
    for (k, v) in &c.fields {
        digest.update(format!(
            "{}:{k}={}:{}",
            k.len(),
            v.reveal().len(),
            v.reveal()
        ));
    }
    let hash = digest.finalize().to_vec();
    let from_file = held.fields_hash.as_deref() != Some(hash.as_slice());
    let fields: Map<String, serde_json::Value> = if from_file {
        c.fields
            .iter()
            .map(|(k, v)| (k.clone(), serde_json::Value::from(v.reveal().as_str())))
            .collect()
    } else {
        held.fields.clone()
    };
    let mut fields = fields;
    for field in c.connector.fields.iter().filter(|f| f.generate) {
        let made = held.fields.get(&field.key).cloned();
        fields.entry(field.key.clone()).or_insert_with(|| {
            made.unwrap_or_else(|| serde_json::Value::from(new_secret(&*hub.env)))
        });
    }
    let from_file = from_file || fields != held.fields;
    let settings = settings(&c.spec, &fields);
    let readable = !c.connector.streams().is_empty() && c.connector.auth(&settings).is_ok();
    let change = ConnectionChange {
        ws: MAIN,
        conn: c.spec.id.clone(),
        state: held.state.is_empty().then(|| {
            (
                State::Unknown.as_str().to_owned(),
                "Not tried yet".to_owned(),
            )
        }),
        watermark: (!readable && held.watermark.is_none()).then_some(now.0),
        fields: from_file.then(|| (fields.clone(), hash)),
        now: now.0,
        ..ConnectionChange::default()
    };
    hub.store.connection_put(change).await?;
    let held = ConnectionRow {
        watermark: held.watermark.or((!readable).then_some(now.0)),
        ..held
    };
    let conn = Connection::new(c.spec, c.connector, settings, &held);
    keeping::at_start(hub, &conn, &held).await?;
    hub.add(conn, true);
    Ok(())
}

/// A signing key of 32 random bytes, written as Standard Webhooks wants it.
pub(crate) fn new_secret(env: &dyn Env) -> String {
    use base64::Engine as _;
    format!(
        "whsec_{}",
        base64::engine::general_purpose::STANDARD.encode([env.random(), env.random()].concat())
    )
}

/// Credentials and addresses as the connector wants them.
pub fn settings(spec: &ConnectionSpec, fields: &Map<String, serde_json::Value>) -> Settings {
    let mut settings = Settings {
        base_url: spec.base_url.clone(),
        auth_url: spec.auth_url.clone(),
        ..Settings::default()
    };
    for (k, v) in fields {
        if let Some(text) = v.as_str() {
            settings
                .fields
                .insert(k.clone(), Secret::new(text.to_owned()));
        }
    }
    if let Some(base) = &spec.base_url {
        settings
            .fields
            .entry("base_url".into())
            .or_insert_with(|| Secret::new(base.clone()));
    }
    if let Some(effect) = spec.effect {
        settings
            .fields
            .insert("effect".into(), Secret::new(effect.as_str().into()));
    }
    if let Some(once) = spec.once {
        settings
            .fields
            .insert("once".into(), Secret::new(once.as_str().into()));
    }
    settings
}

/// Compiles the live flows and starts what new subscriptions need.
///
/// # Errors
/// Where the store cannot be read.
pub async fn reload_flows(hub: &Arc<Hub>) -> Result<(), Error> {
    let rows = hub.store.flows(MAIN).await?;
    let subscriptions = hub.store.subscriptions(MAIN).await?;
    for s in subscriptions.iter().filter(|s| s.state == "on") {
        if hub.dispatcher(&subscribe::flow_id(s.id)).is_none()
            && let Some(dispatcher) = subscribe::connect(hub, s)
        {
            tokio::spawn(dispatcher.work());
        }
    }
    let (set, broken) = FlowSet::compile(rows, subscriptions, &Connections(hub.connections()));
    for (flow, problems) in broken {
        tracing::error!(flow.id = %flow, problems = problems.len(), first = %problems.first().map(ToString::to_string).unwrap_or_default(), "a stored flow does not fit the connections any more and does not run");
    }
    hub.set_flows(set);
    Ok(())
}
