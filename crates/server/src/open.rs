//! Opens the data directory for this process alone and starts the engine on it. Refuses a directory
//! that another process holds, a key that does not fit, and settings that are wrong.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use stagewire_connector::Transport;
use stagewire_engine::engine::{self, Configured, Setup};
use stagewire_engine::env::{Env as _, Machine};
use stagewire_engine::hub::Hub;
use stagewire_store::{DataDir, Options, Sqlite, Store};

use crate::key;
use crate::mark::Marker;
use crate::setup::{Env, Installation};
use crate::shelf::CARRIER;
use crate::told::Stop;
use crate::transport::{Addresses, Outbound};

/// A running engine on a held data directory.
pub(crate) struct Opened {
    pub(crate) hub: Arc<Hub>,
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) data_dir: PathBuf,
    pub(crate) marker: Marker,
    /// Why nothing may leave, where a person must say first that this is the live one.
    pub(crate) unconfirmed: Option<String>,
}

/// The store of a data directory, held.
pub(crate) fn store(data_dir: &std::path::Path, env: Env<'_>) -> anyhow::Result<Arc<dyn Store>> {
    let dir = DataDir::hold(data_dir)?;
    let master = key::hold(data_dir, env, &Machine)?;
    let now = Machine.now().0;
    Ok(Arc::new(Sqlite::open(dir, &Options { master, now })?))
}

/// Starts the engine. With `effects` off, nothing leaves but reads.
pub(crate) async fn engine(
    installation: &Installation,
    connections: Vec<Configured>,
    env: Env<'_>,
    effects: bool,
) -> Result<Opened, Stop> {
    let data_dir = installation.config.server.data_dir.clone();
    let store = store(&data_dir, env)?;
    let marker = Marker::of(&data_dir, store.as_ref());
    let unconfirmed = marker.start(store.as_ref()).await?;
    let addresses = Addresses::allowing(installation.config.network.allow_private.clone());
    let outbound = Arc::new(Outbound::new(addresses)?);
    let setup = Setup {
        store,
        env: Arc::new(Machine),
        transport: Arc::clone(&outbound) as Arc<dyn Transport>,
        connections,
        carrier: installation.shelf.get(CARRIER).cloned(),
        alerts: installation.alerts(),
        calendar: installation.config.calendar.clone(),
        vars: installation.config.vars.clone().into_iter().collect(),
        effects: effects && unconfirmed.is_none(),
    };
    let started = engine::start(setup).await;
    let hub = started
        .map_err(|error| anyhow!(error))
        .context("the engine did not start")?;
    Ok(Opened {
        hub,
        outbound,
        data_dir,
        marker,
        unconfirmed,
    })
}
