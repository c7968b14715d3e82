//! One server with one or two connections at the made-up vendor. It can be killed and started again on the same database.

use super::vendor::Vendor;
use stagewire_connector::Connector;
use stagewire_engine::connection::{Connection, ConnectionSpec};
use stagewire_engine::engine::{Configured, settings};
use stagewire_engine::env::Env;
use stagewire_engine::hub::Hub;
use stagewire_model::{MAIN, Micros};
use stagewire_store::{ConnectionChange, ConnectionRow, DataDir, Options, Query, Sqlite, Store};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A clock that stands until it is moved; dice that count.
pub(crate) struct Clock {
    now: AtomicI64,
    dice: AtomicU64,
    sleepers: Mutex<Vec<(i64, oneshot::Sender<()>)>>,
}

impl Clock {
    fn new() -> Arc<Clock> {
        Arc::new(Clock {
            now: AtomicI64::new(1_795_521_600_000_000),
            dice: AtomicU64::new(1),
            sleepers: Mutex::default(),
        })
    }

    pub(crate) fn pass(&self, ms: i64) {
        let now = self.now.fetch_add(ms * 1000, Ordering::SeqCst) + ms * 1000;
        let mut sleepers = self.sleepers.lock().expect("a lock");
        let all = std::mem::take(&mut *sleepers);
        for (at, wake) in all {
            if at <= now {
                let _ = wake.send(());
            } else {
                sleepers.push((at, wake));
            }
        }
    }
}

impl Env for Clock {
    fn now(&self) -> Micros {
        Micros(self.now.load(Ordering::SeqCst))
    }

    fn random(&self) -> [u8; 16] {
        let n = u128::from(self.dice.fetch_add(1, Ordering::SeqCst));
        n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)
            .to_be_bytes()
    }

    fn sleep(&self, ms: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let at = self.now().plus_ms(i64::try_from(ms).expect("not for ever"));
        let (wake, woken) = oneshot::channel();
        self.sleepers.lock().expect("a lock").push((at.0, wake));
        Box::pin(async move {
            let _ = woken.await;
        })
    }
}

/// The way in, as the manifest has it.
pub(crate) const CODE: &str = "scheme = \"oauth2_code\"\nauthorize_url = \"https://auth.acme.example/authorize\"\ntoken_url = \"https://auth.acme.example/token\"\nclient_as = \"form\"\nscope = [\"offline\"]\npkce = true\nrotating = true\nidle_death = \"24h\"";
pub(crate) const TYPED: &str = "scheme = \"oauth2_refresh\"\ntoken_url = \"https://auth.acme.example/token\"\nrefresh_lasts = \"90d\"";
pub(crate) const TYPED_ONCE: &str = "scheme = \"oauth2_refresh\"\ntoken_url = \"https://auth.acme.example/token\"\nrotating = true\nidle_death = \"24h\"";
pub(crate) const CLIENT: &str = "scheme = \"oauth2_client_credentials\"\ntoken_url = \"https://auth.acme.example/token\"\nintrospect = { url = \"https://auth.acme.example/look\", scopes = \"scope\", account = [\"org\", \"id\"] }";

fn connector(way: &str) -> Arc<Connector> {
    let text = format!(
        "format = 1\nid = \"acme\"\nname = \"Acme\"\nkind = \"ats\"\nbase_url = \"https://api.acme.example\"\nchecked_on = \"2026-11-24\"\ncheck = {{ get = \"/me\", scope = \"people:list\" }}\n[fields]\nclient_id = {{ label = \"Id\" }}\nclient_secret = {{ label = \"Secret\" }}\nrefresh_token = {{ label = \"Refresh token\" }}\n[auth.way]\n{way}\n"
    );
    let files = [("connector.toml".to_owned(), text)].into();
    let loaded = Connector::load("acme", &files);
    let loaded = loaded.map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>());
    Arc::new(loaded.expect("it loads"))
}

/// What outlives a kill.
pub(crate) struct World {
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) clock: Arc<Clock>,
    connector: Arc<Connector>,
    dir: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// One life of the server.
pub(crate) struct Life {
    pub(crate) hub: Arc<Hub>,
    pub(crate) conn: Arc<Connection>,
    pub(crate) store: Arc<dyn Store>,
}

static WORLDS: AtomicUsize = AtomicUsize::new(0);

impl World {
    pub(crate) fn new(way: &str) -> World {
        let n = WORLDS.fetch_add(1, Ordering::SeqCst);
        let dir = std::env::temp_dir().join(format!("stagewire-tokens-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        World {
            vendor: Arc::new(Vendor::new(way.contains("rotating"))),
            clock: Clock::new(),
            connector: connector(way),
            dir,
        }
    }

    /// Lives once; when `what` is over, everything that still runs is killed.
    pub(crate) fn live<T>(&self, what: impl AsyncFnOnce(Life) -> T) -> T {
        let runtime = Runtime::new().expect("a runtime");
        let (hub, out) = runtime.block_on(async {
            let life = self.start().await;
            (life.hub.clone(), what(life).await)
        });
        drop(runtime); // every task stops where it stands
        for id in ["ats", "other"] {
            hub.remove(id); // a dispatcher holds the hub that holds it
        }
        out
    }

    /// What lies on the disk.
    pub(crate) fn disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(&self.dir)
            .expect("the directory")
            .flatten();
        files
            .filter_map(|f| std::fs::read(f.path()).ok())
            .flatten()
            .collect()
    }

    async fn start(&self) -> Life {
        let options = Options {
            master: [7; 32],
            now: self.clock.now().0,
        };
        let held = loop {
            // the life before lets go of it when its last write has landed
            match DataDir::hold(&self.dir) {
                Ok(held) => break held,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(held, &options).expect("a database"));
        let (hub, _) = Hub::new(
            store.clone(),
            self.clock.clone(),
            self.vendor.clone(),
            None,
            Vec::new(),
            Default::default(),
            Default::default(),
            true,
        );
        for id in ["ats", "other"] {
            self.connect(&hub, &store, id).await;
        }
        Life {
            conn: hub.connection("ats").expect("it is there"),
            hub,
            store,
        }
    }

    async fn connect(&self, hub: &Arc<Hub>, store: &Arc<dyn Store>, id: &str) {
        let spec = ConnectionSpec {
            id: id.into(),
            connector: "acme".into(),
            base_url: None,
            auth_url: None,
            owner: "ana@example.com".into(),
            poll_ms: None,
            effect: None,
            once: None,
            webhooks: Default::default(),
            keep: Default::default(),
        };
        let rows = store.connections(MAIN).await.expect("readable");
        let known = rows.into_iter().find(|r| r.conn == id);
        let mut known: ConnectionRow = known.unwrap_or_default();
        if known.fields.is_empty() {
            let given = [
                ("client_id", "c1"),
                ("client_secret", "s1"),
                ("refresh_token", "typed"),
            ];
            known.fields = given
                .map(|(k, v)| (k.to_owned(), v.into()))
                .into_iter()
                .collect();
            let change = ConnectionChange {
                ws: MAIN,
                conn: id.into(),
                fields: Some((known.fields.clone(), vec![1])),
                ..ConnectionChange::default()
            };
            store.connection_put(change).await.expect("written");
        }
        let configured = Configured {
            connector: self.connector.clone(),
            fields: Default::default(),
            spec,
        };
        let settings = settings(&configured.spec, &known.fields);
        hub.add(
            Connection::new(configured.spec, configured.connector, settings, &known),
            true,
        );
    }
}

impl Life {
    /// The connection as it is stored.
    pub(crate) async fn stored(&self) -> ConnectionRow {
        let rows = self.store.connections(MAIN).await.expect("readable");
        rows.into_iter().find(|r| r.conn == "ats").expect("a row")
    }

    /// The token to use, as text, or why not.
    pub(crate) async fn token(&self) -> Result<String, stagewire_engine::token::NoToken> {
        self.token_but(None).await
    }

    pub(crate) async fn token_but(
        &self,
        stale: Option<&str>,
    ) -> Result<String, stagewire_engine::token::NoToken> {
        let token = self.hub.caller.token(&self.conn, stale).await?;
        Ok(token.expect("this way needs one").reveal().clone())
    }

    /// The codes of open failures.
    pub(crate) async fn failures(&self) -> Vec<String> {
        self.list("failures", "code", |i| i["state"] == "open")
            .await
    }

    pub(crate) async fn list(
        &self,
        list: &str,
        key: &str,
        keep: impl Fn(&serde_json::Value) -> bool,
    ) -> Vec<String> {
        let query = Query {
            ws: MAIN,
            list: list.into(),
            limit: 100,
            ..Query::default()
        };
        let page = self.store.page(query).await.expect("a page");
        let items = page.items.iter().filter(|i| keep(i));
        let mut all: Vec<String> = items
            .map(|i| i[key].as_str().unwrap_or_default().to_owned())
            .collect();
        all.sort();
        all
    }

    /// Waits for what the engine does beside the test.
    pub(crate) async fn until(&self, so: impl Fn() -> bool) {
        let wait = async {
            while !so() {
                tokio::task::yield_now().await;
            }
        };
        let guard = std::time::Duration::from_secs(30);
        tokio::time::timeout(guard, wait)
            .await
            .expect("it never became so");
    }
}
