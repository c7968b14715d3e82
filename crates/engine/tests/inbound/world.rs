//! A whole engine on a real database with a made-up vendor: what it holds is a book, what it is asked is a list. Its clock runs a
//! hundred times faster than ours, so that what waits seconds waits no time.

use serde_json::{Value, json};
use stagewire_connector::http::Sending;
use stagewire_connector::{Connector, Request, Response, SendError, Transport};
use stagewire_engine::connection::ConnectionSpec;
use stagewire_engine::engine::{Configured, Setup, start};
use stagewire_engine::env::{Env, Machine};
use stagewire_engine::hooks::CHECK_HEADER;
use stagewire_engine::hub::Hub;
use stagewire_model::{MAIN, Micros, Secret};
use stagewire_store::{DataDir, Options, Query, Sqlite};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

pub(crate) const MAPPING: &str = r#"
[run]
entity = "application"
id = "id"
dates = ["updated"]
own = { applied = "applied", rejected = "rejected" }
[run.fields]
candidate_id = { at = "person", ref = "candidate" }
stage_id = { at = "stage", ref = "job_stage" }
status = { at = "state", map = { open = "active", lost = "rejected", won = "hired" } }
applied_at = { at = "applied", parse = "instant" }
[run_hook]
entity = "application"
root = "data"
id = "id"
dates = ["updated"]
[run_hook.fields]
candidate_id = { at = "person", ref = "candidate" }
stage_id = { at = "stage", ref = "job_stage" }
status = { at = "state", map = { open = "active", lost = "rejected", won = "hired" } }
[[run_hook.embeds]]
at = "who"
as = "person"
[person]
entity = "candidate"
id = "id"
dates = ["updated"]
[person.fields]
full_name = "name"
[person_gone]
entity = "candidate"
root = "data"
id = "person"
deleted = true
[person_merged]
entity = "candidate"
root = "data"
id = "loser"
merged_into = "winner"
[run_gone]
entity = "application"
root = "data"
id = "id"
deleted = true
"#;

pub(crate) const STREAMS: &str = "[people]\nget = \"/people\"\nas = \"person\"\nids = \"ids\"\n[runs]\nget = \"/runs\"\nas = \"run\"\nids = \"ids\"\n";

/// The clock of these tests.
pub(crate) struct Fast(i64);

impl Env for Fast {
    fn now(&self) -> Micros {
        Micros(self.0 + (Machine.now().0 - self.0) * 100)
    }

    fn random(&self) -> [u8; 16] {
        Machine.random()
    }

    fn sleep(&self, ms: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Machine.sleep(ms.div_ceil(100))
    }
}

/// One call the vendor got.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) body: Value,
    /// What a check of our own address carries.
    pub(crate) check: String,
}

/// What the vendor does with calls that are no reads.
pub(crate) type Desk = Box<dyn FnMut(&Asked) -> Result<Response, SendError> + Send>;

/// The vendor.
#[derive(Default)]
pub(crate) struct Vendor {
    book: Mutex<BTreeMap<(String, String), Value>>,
    /// Answers that lag: by list, what is shown instead, once each.
    stale: Mutex<VecDeque<Vec<Value>>>,
    asked: Mutex<Vec<Asked>>,
    pub(crate) desk: Mutex<Option<Desk>>,
}

fn hold<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().expect("no test panics while it holds it")
}

impl Vendor {
    /// Writes a record into the book, under `runs` or `people`.
    pub(crate) fn put(&self, list: &str, row: Value) {
        let id = row["id"].as_str().expect("an id").to_owned();
        hold(&self.book).insert((list.into(), id), row);
    }

    pub(crate) fn take(&self, list: &str, id: &str) {
        hold(&self.book).remove(&(list.into(), id.into()));
    }

    /// The next read by id shows this instead.
    pub(crate) fn lag(&self, rows: Vec<Value>) {
        hold(&self.stale).push_back(rows);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        hold(&self.asked).clone()
    }

    /// Checks of our own address reach this server from now on.
    pub(crate) fn echo(&self, hub: Arc<OnceLock<Arc<Hub>>>) {
        *hold(&self.desk) = Some(Box::new(move |asked| {
            let proof = hub.get().and_then(|h| h.answer_check(&asked.check));
            let mut answer = json_answer(200, &json!({}));
            let proof = proof.expect("it is a check of ours");
            answer.headers.push((CHECK_HEADER.into(), proof));
            Ok(answer)
        }));
    }

    /// How often single records were read.
    pub(crate) fn reads_of(&self, id: &str) -> usize {
        let ids = |url: &str| url.contains("ids=") && url.split(['=', ',', '&']).any(|p| p == id);
        self.asked().iter().filter(|a| ids(&a.url)).count()
    }

    fn rows(&self, list: &str, url: &str) -> Vec<Value> {
        let ids = url
            .split_once("ids=")
            .map(|(_, rest)| rest.split('&').next().unwrap_or(""));
        if ids.is_some()
            && let Some(stale) = hold(&self.stale).pop_front()
        {
            return stale;
        }
        let wanted = |id: &str| ids.is_none_or(|ids| ids.split(',').any(|i| i == id));
        hold(&self.book)
            .iter()
            .filter(|((l, id), _)| l == list && wanted(id))
            .map(|(_, row)| row.clone())
            .collect()
    }
}

impl Transport for Vendor {
    fn send(&self, request: Request) -> Sending<'_> {
        let asked = Asked {
            method: request.method.clone(),
            url: request.url.clone(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
            check: request.header(CHECK_HEADER).unwrap_or_default().to_owned(),
        };
        hold(&self.asked).push(asked.clone());
        let list = ["/people", "/runs"]
            .into_iter()
            .find(|l| request.method == "GET" && request.template == **l);
        let answer = match list {
            Some(list) => Ok(json_answer(
                200,
                &json!(self.rows(&list[1..], &request.url)),
            )),
            None => match hold(&self.desk).as_mut() {
                Some(desk) => desk(&asked),
                None => Ok(json_answer(404, &json!({}))),
            },
        };
        Box::pin(async move { answer })
    }
}

pub(crate) fn json_answer(status: u16, body: &Value) -> Response {
    Response {
        status,
        // long ago, so that everything in these tests is news
        headers: vec![("date".into(), "Sun, 01 Nov 2026 00:00:00 GMT".into())],
        body: body.to_string().into_bytes(),
    }
}

pub(crate) struct World {
    pub(crate) hub: Arc<Hub>,
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) connector: Arc<Connector>,
    dir: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A folder of the made-up vendor with these deliveries, and more lines for its main file.
pub(crate) fn folder(webhooks: &str, more: &str) -> Connector {
    let main = format!(
        "format = 1\nid = \"acme\"\nname = \"Acme\"\nkind = \"ats\"\nbase_url = \"https://api.acme.example\"\nchecked_on = \"2026-11-24\"\n\
        [fields]\nkey = {{ label = \"Key\", secret = true }}\nhook = {{ label = \"Hook secrets\", secret = true, many = true }}\n\
        [auth.key]\nscheme = \"header\"\nheader = \"X-Key\"\nvalue = \"{{key}}\"\n{more}"
    );
    let files: BTreeMap<String, String> = [
        ("connector.toml", main.as_str()),
        ("mapping.toml", MAPPING),
        ("streams.toml", STREAMS),
        ("webhooks.toml", webhooks),
    ]
    .map(|(n, t)| (n.to_owned(), t.to_owned()))
    .into();
    Connector::load("acme", &files)
        .map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>())
        .expect("it loads")
}

static WORLDS: AtomicUsize = AtomicUsize::new(0);

impl World {
    pub(crate) async fn start(webhooks: &str, fields: &[(&str, &str)]) -> World {
        World::begin(folder(webhooks, ""), fields, Arc::new(Vendor::default())).await
    }

    pub(crate) async fn begin(
        connector: Connector,
        fields: &[(&str, &str)],
        vendor: Arc<Vendor>,
    ) -> World {
        World::with(connector, fields, vendor, spec()).await
    }

    pub(crate) async fn with(
        connector: Connector,
        fields: &[(&str, &str)],
        vendor: Arc<Vendor>,
        spec: ConnectionSpec,
    ) -> World {
        let n = WORLDS.fetch_add(1, Ordering::SeqCst);
        let dir = std::env::temp_dir().join(format!("stagewire-in-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let env = Arc::new(Fast(Machine.now().0));
        let options = Options {
            master: [7; 32],
            now: env.now().0,
        };
        let held = DataDir::hold(&dir).expect("a directory");
        let store = Arc::new(Sqlite::open(held, &options).expect("a database"));
        let connector = Arc::new(connector);
        let setup = Setup {
            vars: Default::default(),
            calendar: Default::default(),
            store,
            env,
            transport: vendor.clone(),
            connections: vec![Configured {
                spec,
                connector: connector.clone(),
                fields: fields
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), Secret::new((*v).to_owned())))
                    .collect(),
            }],
            carrier: None,
            alerts: Vec::new(),
            effects: true,
        };
        let hub = start(setup).await.expect("it starts");
        let world = World {
            hub,
            vendor,
            connector,
            dir,
        };
        world
            .until("the first read is over", async |w| {
                let rows = w.hub.store.connections(MAIN).await.expect("read");
                rows[0].backfilled
            })
            .await;
        world
    }

    /// Sends a body; the status that comes back.
    pub(crate) async fn send(&self, headers: &[(&str, &str)], body: &Value) -> u16 {
        let find = |name: &str| {
            headers
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| *v)
        };
        let bytes = body.to_string();
        let reply = self.hub.deliver("ats", &find, bytes.as_bytes());
        reply.await.status
    }

    /// Sends a body signed in a header as the manifest says.
    pub(crate) async fn signed(&self, body: &Value) -> u16 {
        let bytes = body.to_string();
        let (name, value) = self
            .connector
            .sign_as_vendor("key", &|_| None, bytes.as_bytes())
            .expect("it signs");
        self.send(&[(name.as_str(), value.as_str())], body).await
    }

    pub(crate) async fn list(&self, list: &str) -> Vec<Value> {
        let query = Query {
            ws: MAIN,
            list: list.into(),
            filters: Vec::new(),
            cursor: None,
            limit: 500,
        };
        self.hub.store.page(query).await.expect("a page").items
    }

    /// Deliveries, oldest first: (kind, state, note).
    pub(crate) async fn deliveries(&self) -> Vec<(String, String, String)> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let mut all: Vec<_> = self
            .list("deliveries")
            .await
            .iter()
            .map(|d| (text(&d["type"]), text(&d["state"]), text(&d["note"])))
            .collect();
        all.reverse();
        all
    }

    /// Types of events, oldest first.
    pub(crate) async fn events(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .list("events")
            .await
            .iter()
            .map(|e| e["type"].as_str().unwrap_or_default().to_owned())
            .collect();
        all.reverse();
        all
    }

    /// A record's fields, if it is there.
    pub(crate) async fn record(&self, list: &str, remote_id: &str) -> Option<Value> {
        let all = self.list(list).await;
        all.into_iter().find(|r| r["remote_id"] == remote_id)
    }

    /// Waits until no delivery waits.
    pub(crate) async fn settled(&self, deliveries: usize) {
        self.until("nothing waits", async |w| {
            let all = w.deliveries().await;
            all.len() == deliveries && all.iter().all(|d| d.1 != "waiting")
        })
        .await;
    }

    /// Asks again until it is so; the engine works beside the test.
    pub(crate) async fn until<F>(&self, what: &str, so: F)
    where
        F: AsyncFn(&World) -> bool,
    {
        for _ in 0..1000 {
            if so(self).await {
                return;
            }
            Machine.sleep(5).await;
        }
        panic!(
            "never so: {what}; {:?} {:?}",
            self.deliveries().await,
            self.vendor.asked()
        );
    }
}

pub(crate) fn spec() -> ConnectionSpec {
    ConnectionSpec {
        id: "ats".into(),
        connector: "acme".into(),
        base_url: None,
        auth_url: None,
        owner: "ana@example.com".into(),
        poll_ms: Some(86_400_000),
        effect: None,
        once: None,
        webhooks: Default::default(),
        keep: Default::default(),
    }
}
