//! `stagewire serve`: everything is checked before anything starts; then the engine, the flow
//! files, the listeners. Stops in order: no new work, what is in the air lands, then the end.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::connect_info::{Connected, IntoMakeServiceWithConnectInfo};
use axum::serve::IncomingStream;
use stagewire_api::Api;
use stagewire_engine::engine::Configured;
use stagewire_engine::hub::Hub;
use stagewire_model::{MAIN, Secret};
use stagewire_store::Query;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Cidr, Server};
use crate::flows;
use crate::heartbeat;
use crate::local;
use crate::look::Look;
use crate::mark::Marker;
use crate::open::{self, Opened};
use crate::peer::{self, Peer};
use crate::setup::{Env, Installation, environment};
use crate::tls::{Tls, TlsListener};
use crate::tokens;
use crate::told::{Stop, say};

/// The owner's door, in the data directory.
pub(crate) const SOCKET: &str = "stagewire.sock";
/// How long requests and calls may take to end once the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the server until it is told to stop.
pub(crate) async fn serve(file: Option<&Path>) -> Result<(), Stop> {
    let installation = Installation::read(file, &environment)?;
    let connections = installation.connections(&environment)?;
    let ear = Ear::open()?;
    let server = &installation.config.server;
    let listener = listen(server.listen).await?;
    let scheme = if server.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let running = run(&installation, connections, listener, None, &environment).await?;
    say(&format!("listening on {scheme}://{}", running.at));
    if let Some(at) = running.intake_at {
        say(&format!("deliveries on {scheme}://{at}"));
    }
    if let Some(token) = &running.first_token {
        say(&format!("admin token, shown this once: {token}"));
        say(&format!(
            "use it as: curl -H 'Authorization: Bearer {token}' {}/api/v1/connections",
            running.public_url
        ));
    }
    ear.told_to_stop().await;
    running.stop().await;
    Ok(())
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) hub: Arc<Hub>,
    pub(crate) at: SocketAddr,
    pub(crate) intake_at: Option<SocketAddr>,
    pub(crate) public_url: String,
    pub(crate) first_token: Option<String>,
    api: Api,
    marker: Arc<Marker>,
    socket: PathBuf,
    stop: watch::Sender<bool>,
    doors: Vec<JoinHandle<()>>,
}

/// Binds before anything starts: a taken port is found while nothing has happened yet.
pub(crate) async fn listen(at: SocketAddr) -> Result<TcpListener, Stop> {
    let listener = TcpListener::bind(at).await;
    Ok(listener.with_context(|| format!("cannot listen on {at}"))?)
}

/// Starts everything on a listener.
pub(crate) async fn run(
    installation: &Installation,
    connections: Vec<Configured>,
    listener: TcpListener,
    override_reason: Option<&str>,
    env: Env<'_>,
) -> Result<Running, Stop> {
    let at = listener.local_addr()?;
    let server = &installation.config.server;
    let tls = match &server.tls {
        Some((cert, key)) => Some(Tls::open(cert, key)?),
        None => None,
    };
    let intake = match server.intake_listen {
        Some(at) => Some(listen(at).await?),
        None => None,
    };
    let intake_at = intake.as_ref().map(TcpListener::local_addr).transpose()?;
    let heartbeat = heartbeat_at(server, env)?;
    let opened = open::engine(installation, connections, env, true).await?;
    let Opened {
        hub,
        outbound,
        data_dir,
        marker,
        unconfirmed,
    } = opened;
    if let Some(why) = unconfirmed {
        tracing::warn!(
            "{why}; nothing is sent until somebody confirms that this is the live one: POST /api/v1/installation {{\"live\": true}}"
        );
    }
    let marker = Arc::new(marker);
    tokio::spawn(Arc::clone(&marker).work(Arc::clone(&hub)));
    flows::at_start(&hub, &installation.config.server.flows, override_reason).await;
    let first_token = tokens::at_start(&hub, env).await?;
    let public_url = public_url(installation, at);
    let api = local::api(&hub, &public_url);
    let (stop, stopped) = watch::channel(false);
    let socket = data_dir.join(SOCKET);
    let socket_listener = owner_only(&socket)?;
    if let Some(tls) = &tls {
        tokio::spawn(Arc::clone(tls).watch(Arc::clone(&hub.env)));
    }
    let trusted: Arc<[Cidr]> = server.trusted_proxies.clone().into();
    let way = |router| peer::knowing(router, &trusted);
    let everything = way(local::public(api.clone()));
    let mut doors = vec![
        public_door(listener, tls.as_ref(), everything, &stopped)?,
        tokio::spawn(private_door(
            socket_listener,
            local::private(api.clone()),
            stopped.clone(),
        )),
    ];
    if let Some(intake) = intake {
        let deliveries = way(stagewire_api::intake_router(api.clone()));
        doors.push(public_door(intake, tls.as_ref(), deliveries, &stopped)?);
    }
    hub.set_public_url(&public_url);
    let look = Look {
        hub: Arc::clone(&hub),
        outbound,
        public_url: public_url.clone(),
        tls_cert: server.tls.as_ref().map(|(cert, _)| cert.clone()),
        data_dir: data_dir.clone(),
    };
    tokio::spawn(look.work());
    if let Some(url) = heartbeat {
        let doors = doors.iter().map(JoinHandle::abort_handle).collect();
        tokio::spawn(heartbeat::work(Arc::clone(&hub), url, doors));
    }
    tracing::info!(address = %at, data_dir = %data_dir.display(), connections = hub.connections().len(), flows = hub.flows().all().count(), "the server runs");
    Ok(Running {
        hub,
        at,
        intake_at,
        public_url,
        first_token,
        api,
        marker,
        socket,
        stop,
        doors,
    })
}

/// The address that waits for signs of life; it may stand in the environment or in a file.
fn heartbeat_at(server: &Server, env: Env<'_>) -> anyhow::Result<Option<Secret<String>>> {
    let url = server.heartbeat.as_ref().map(|url| url.resolve(env));
    url.transpose()
        .map_err(|says| anyhow::anyhow!("`heartbeat` has no value: {says}"))
}

type Knowing = IntoMakeServiceWithConnectInfo<Router, Peer>;

/// A door on the network, behind TLS where there is a certificate.
fn public_door(
    listener: TcpListener,
    tls: Option<&Arc<Tls>>,
    router: Knowing,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<JoinHandle<()>> {
    Ok(match tls {
        Some(tls) => {
            let listener = TlsListener::over(listener, Arc::clone(tls))?;
            tokio::spawn(open_door(listener, router, stopped.clone()))
        }
        None => tokio::spawn(open_door(listener, router, stopped.clone())),
    })
}

async fn open_door<L>(listener: L, router: Knowing, stopped: watch::Receiver<bool>)
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
    Peer: for<'a> Connected<IncomingStream<'a, L>>,
{
    let served = axum::serve(listener, router).with_graceful_shutdown(told(stopped));
    if let Err(error) = served.await {
        tracing::error!(cause = %error, "a listener stopped");
    }
}

/// The owner's door: there is only one who can come.
async fn private_door(listener: UnixListener, router: Router, stopped: watch::Receiver<bool>) {
    let served = axum::serve(listener, router).with_graceful_shutdown(told(stopped));
    if let Err(error) = served.await {
        tracing::error!(cause = %error, "the owner's door stopped");
    }
}

async fn told(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// The socket in the data directory, for this user alone. What a crash left behind is taken away:
/// whoever holds the directory is the only server there.
fn owner_only(path: &Path) -> anyhow::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, mode)
        .with_context(|| format!("cannot protect {}", path.display()))?;
    Ok(listener)
}

/// A port that the system chose is known only now.
fn public_url(installation: &Installation, at: SocketAddr) -> String {
    let url = &installation.config.server.public_url;
    match url.strip_suffix(":0") {
        Some(host) => format!("{host}:{}", at.port()),
        None => url.clone(),
    }
}

/// SIGTERM and SIGINT, heard from the moment this is made: before it is said that a server listens.
pub(crate) struct Ear {
    term: Signal,
    interrupt: Signal,
}

impl Ear {
    pub(crate) fn open() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits until somebody says that it is enough.
    pub(crate) async fn told_to_stop(mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Running {
    /// Takes nothing new, lets what is in the air land, and ends.
    pub(crate) async fn stop(self) {
        tracing::info!("stopping: no new work is begun");
        let _ = self.stop.send(true);
        self.api.stop();
        self.marker.confirmed(&self.hub).await;
        self.hub.set_effects(false);
        let landed = async {
            for door in self.doors {
                let _ = door.await;
            }
            landed(&self.hub).await;
        };
        if tokio::time::timeout(GRACE, landed).await.is_err() {
            tracing::warn!(
                "something was still open; what was in flight is settled at the next start"
            );
        }
        let _ = fs::remove_file(&self.socket);
        tracing::info!("stopped");
    }
}

/// Waits until no call is under way.
pub(crate) async fn landed(hub: &Hub) {
    while in_the_air(hub).await {
        hub.env.sleep(50).await;
    }
}

/// Whether a call is under way.
async fn in_the_air(hub: &Hub) -> bool {
    let query = Query {
        ws: MAIN,
        list: "actions".to_owned(),
        filters: vec![("state".to_owned(), "claimed".to_owned())],
        limit: 1,
        ..Query::default()
    };
    let page = hub.store.page(query).await;
    page.is_ok_and(|page| !page.items.is_empty())
}
