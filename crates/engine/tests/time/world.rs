//! A made-up company on a clock that stands still: its ATS delivers what a test says, one lane takes it in rounds, and nothing runs
//! in the background. A restart opens the same database anew.

use serde_json::{Value, json};
use stagewire_connector::{Connector, NotSent, Request, SendError, Transport, http::Sending};
use stagewire_engine::connection::{Connection, ConnectionSpec};
use stagewire_engine::engine::{reload_flows, settings};
use stagewire_engine::env::Env;
use stagewire_engine::hub::{Hub, Signal};
use stagewire_engine::ingest::Lane;
use stagewire_engine::time::Calendar;
use stagewire_model::time::parse_instant;
use stagewire_model::{MAIN, Micros};
use stagewire_store::{
    ActionRow, ConnectionChange, ConnectionRow, DataDir, Options, Query, Sqlite, TimerKind,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::sync::mpsc::UnboundedReceiver;

const CONNECTOR: &str = r#"
format = 1
id = "acme"
name = "Acme"
kind = "ats"
base_url = "https://api.acme.example"
checked_on = "2026-11-24"
check = { get = "/me" }
[fields]
key = { label = "Key", secret = true }
hook = { label = "Hook secret", secret = true, many = true }
[auth.key]
scheme = "header"
header = "X-Key"
value = "{key}"
"#;

const MAPPING: &str = r#"
[person]
entity = "candidate"
root = "data"
id = "id"
dates = ["updated"]
[person.fields]
full_name = { at = "name", parse = "text" }
private = { at = "private", parse = "bool" }
[job]
entity = "job"
root = "data"
id = "id"
dates = ["updated"]
[job.fields]
title = { at = "title", parse = "text" }
status = { at = "state", map = { open = "open", closed = "closed" } }
[run]
entity = "application"
root = "data"
id = "id"
dates = ["updated"]
[run.fields]
candidate_id = { at = "of", ref = "candidate" }
job_id = { at = "job", ref = "job" }
status = { at = "state", map = { open = "active", lost = "rejected", in = "hired" } }
stage_id = { at = "stage", ref = "job_stage" }
[talk]
entity = "interview"
root = "data"
id = "id"
dates = ["updated"]
[talk.fields]
application_id = { at = "run", ref = "application" }
status = { at = "state", map = { on = "scheduled", off = "cancelled", done = "completed" } }
start_at = { at = "start", parse = "instant" }
end_at = { at = "end", parse = "instant" }
[card]
entity = "scorecard"
root = "data"
id = "id"
dates = ["updated"]
[card.fields]
application_id = { at = "run", ref = "application" }
interview_id = { at = "talk", ref = "interview" }
state = { at = "state", map = { asked = "requested", sent = "submitted" } }
due_at = { at = "due", parse = "instant" }
[deal]
entity = "offer"
root = "data"
id = "id"
dates = ["updated"]
[deal.fields]
application_id = { at = "run", ref = "application" }
status = { at = "state", map = { out = "sent", yes = "accepted" } }
start_date = { at = "start", parse = "date" }
"#;

const WEBHOOKS: &str = r#"
ack = 202
verify = { scheme = "hmac_sha256", header = "X-Sig", shape = "{hex}", secret = "hook" }
route = { on = "type", unknown = "keep_and_report" }
[events]
person = { observes = "person" }
job = { observes = "job" }
run = { observes = "run" }
moved = { observes = "run", announces = "stage_changed" }
talk = { observes = "talk" }
card = { observes = "card" }
deal = { observes = "deal" }
"#;

const ACTIONS: &str = r#"
[defaults]
effect = "internal"
[post]
does = "message.post"
post = "/messages"
body = { text = "{text}", to = "{to}" }
once = { by = "ledger" }
valid_for = "4h"
with = { text = { required = true }, to = {} }
"#;

const HOOK: &str = "a-hook-secret";

/// A clock that only tests turn; waiting takes no time.
pub(crate) struct Hands(AtomicI64, AtomicU64);

impl Env for Hands {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }

    fn random(&self) -> [u8; 16] {
        let n = self.1.fetch_add(1, Ordering::SeqCst);
        (u128::from(n) << 64 | u128::from(n)).to_be_bytes()
    }

    fn sleep(&self, _: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

struct Nowhere;

impl Transport for Nowhere {
    fn send(&self, _: Request) -> Sending<'_> {
        Box::pin(std::future::ready(Err(SendError::NotSent {
            kind: NotSent::Refused,
        })))
    }
}

pub(crate) struct World {
    pub(crate) hub: Arc<Hub>,
    pub(crate) lane: Arc<Lane>,
    env: Arc<Hands>,
    connector: Arc<Connector>,
    signals: UnboundedReceiver<Signal>,
    pub(crate) calendar: Calendar,
    dir: PathBuf,
    flows: BTreeMap<String, String>,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A directory that nobody else has.
fn place() -> PathBuf {
    static N: AtomicU64 = AtomicU64::new(0);
    let n = N.fetch_add(1, Ordering::SeqCst);
    std::env::temp_dir().join(format!("stagewire-time-{}-{n}", std::process::id()))
}

fn at(text: &str) -> Micros {
    parse_instant(text).expect("an instant").0
}

/// A flow's file with that `[when]` and those steps.
pub(crate) fn flow(when: &str, steps: &str) -> String {
    format!(
        "name = \"A flow\"\nowner = \"ana@example.com\"\nrung = \"write-back\"\n[when]\n{when}\n{steps}"
    )
}

/// A step that posts this text.
pub(crate) fn post(id: &str, text: &str, more: &str) -> String {
    format!(
        "[[step]]\nid = \"{id}\"\nuse = \"acme.message.post\"\nconnection = \"ats\"\nwith = {{ text = \"{text}\" }}\n{more}\n"
    )
}

impl World {
    /// Begins at that time, in that zone.
    pub(crate) async fn new(now: &str, zone: &str) -> World {
        let dir = place();
        let _ = std::fs::remove_dir_all(&dir);
        let files = [
            ("connector.toml", CONNECTOR),
            ("mapping.toml", MAPPING),
            ("webhooks.toml", WEBHOOKS),
            ("actions.toml", ACTIONS),
        ];
        let files: BTreeMap<String, String> = files
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
        let connector = Connector::load("acme", &files)
            .map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>());
        let connector = Arc::new(connector.expect("it loads"));
        let env = Arc::new(Hands(AtomicI64::new(at(now).0), AtomicU64::new(1)));
        let calendar = Calendar::default().in_zone(zone).expect("a zone");
        let (hub, lane, signals) = open(&dir, &env, &connector, &calendar, at(now)).await;
        World {
            hub,
            lane,
            env,
            connector,
            signals,
            calendar,
            dir,
            flows: BTreeMap::new(),
        }
    }

    /// Stops and starts again, on the same database, at that time.
    pub(crate) async fn restart_at(self, now: &str) -> World {
        let World {
            ref env,
            ref connector,
            ref calendar,
            ref flows,
            ..
        } = self;
        let (env, connector, calendar) = (env.clone(), connector.clone(), calendar.clone());
        let (kept, flows) = (place(), flows.clone());
        // the old one is gone, with all it held in memory, before the new one begins
        let _ = std::fs::remove_dir_all(&kept);
        std::fs::create_dir_all(&kept).expect("a directory");
        self.hub
            .store
            .backup(kept.join("stagewire.db"))
            .await
            .expect("a backup");
        drop(self);
        env.0.store(at(now).0, Ordering::SeqCst);
        let (hub, lane, signals) = open(&kept, &env, &connector, &calendar, at(now)).await;
        let world = World {
            hub,
            lane,
            env,
            connector,
            signals,
            calendar,
            dir: kept,
            flows,
        };
        reload_flows(&world.hub).await.expect("the flows load");
        world
    }

    /// Applies flows: those and no others.
    pub(crate) async fn apply(&mut self, flows: &[(&str, String)]) {
        self.flows = flows
            .iter()
            .map(|(id, text)| ((*id).to_owned(), text.clone()))
            .collect();
        let applied = self.hub.apply_flows(&self.flows, None, None, "test").await;
        if let Err(failed) = applied {
            panic!("{failed:?}");
        }
        self.rounds().await;
    }

    /// Lets the time be that, and everything do its work.
    pub(crate) async fn time(&mut self, now: &str) {
        self.env.0.store(at(now).0, Ordering::SeqCst);
        self.rounds().await;
    }

    /// Works until there is nothing to do at this time.
    pub(crate) async fn rounds(&mut self) {
        for _ in 0..10_000 {
            let mut more = self.lane.round().await;
            while let Ok(Signal::Advance(run)) = self.signals.try_recv() {
                stagewire_engine::advance::advance(&self.hub, run)
                    .await
                    .expect("it goes on");
                more = true;
            }
            if !more {
                return;
            }
        }
        panic!("it never came to rest");
    }

    /// A delivery of the ATS, worked on.
    pub(crate) async fn deliver(&mut self, kind: &str, data: Value) {
        self.admit(kind, data).await;
        self.rounds().await;
    }

    /// A delivery of the ATS that waits in the lane.
    pub(crate) async fn admit(&mut self, kind: &str, mut data: Value) {
        data["updated"] = json!(self.env.now().text());
        let body = json!({"type": kind, "data": data}).to_string();
        let (name, value) = self
            .connector
            .sign_as_vendor(HOOK, &|_| None, body.as_bytes())
            .expect("it signs");
        let header = |asked: &str| asked.eq_ignore_ascii_case(&name).then_some(value.as_str());
        let reply = self.hub.deliver("ats", &header, body.as_bytes()).await;
        assert_eq!(reply.status, 202);
    }

    /// A person who applied: candidate, job and application, in a stage.
    pub(crate) async fn applied(&mut self, id: &str, name: &str, stage: &str) {
        self.deliver("job", json!({"id": "j1", "title": "Cook", "state": "open"}))
            .await;
        self.deliver("person", json!({"id": id, "name": name}))
            .await;
        self.deliver("run", self.run(id, stage, "open")).await;
    }

    /// The application as the ATS tells it.
    pub(crate) fn run(&self, id: &str, stage: &str, state: &str) -> Value {
        json!({"id": id, "of": id, "job": "j1", "state": state, "stage": stage})
    }

    /// It moves to another stage.
    pub(crate) async fn moves(&mut self, id: &str, stage: &str) {
        let run = self.run(id, stage, "open");
        self.deliver("moved", run).await;
    }

    pub(crate) async fn list(&self, list: &str, filters: &[(&str, &str)]) -> Vec<Value> {
        let filters = filters
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let query = Query {
            ws: MAIN,
            list: list.into(),
            filters,
            cursor: None,
            limit: 500,
        };
        let mut items = self.hub.store.page(query).await.expect("readable").items;
        items.reverse();
        items
    }

    /// Events of a type, oldest first.
    pub(crate) async fn events(&self, kind: &str) -> Vec<Value> {
        self.list("events", &[("type", kind)]).await
    }

    /// What a flow would have posted (it stays read-only), oldest first: the texts.
    pub(crate) async fn posted(&self, flow: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for action in self.actions(flow).await {
            if let Some(request) = action.request {
                let body = self.hub.store.body(request).await.expect("readable");
                let stored: Value = serde_json::from_slice(&body).expect("JSON");
                texts.push(find_text(&stored).unwrap_or_else(|| stored.to_string()));
            }
        }
        texts
    }

    pub(crate) async fn actions(&self, flow: &str) -> Vec<ActionRow> {
        let mut rows = Vec::new();
        for item in self.list("actions", &[("flow", flow)]).await {
            let id = item["id"]
                .as_str()
                .and_then(|id| id.parse().ok())
                .expect("a number");
            rows.push(
                self.hub
                    .store
                    .action(id)
                    .await
                    .expect("readable")
                    .expect("there"),
            );
        }
        rows
    }

    /// The states and reasons of a flow's runs, oldest first.
    pub(crate) async fn runs(&self, flow: &str) -> Vec<String> {
        let word = |run: &Value| {
            let reason = run["reason"].as_str().map(|r| format!(": {r}"));
            format!(
                "{}{}",
                run["state"].as_str().unwrap_or_default(),
                reason.unwrap_or_default()
            )
        };
        self.list("runs", &[("flow", flow)])
            .await
            .iter()
            .map(word)
            .collect()
    }

    /// Whether a timer of that kind waits.
    pub(crate) async fn waiting(&self, kind: TimerKind) -> usize {
        let due = self
            .hub
            .store
            .timers_due("ats".into(), kind, i64::MAX, 200_000);
        due.await.expect("readable").len()
    }
}

/// The text of a stored request, wherever it stands.
fn find_text(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => match fields.get("text").and_then(Value::as_str) {
            Some(text) => Some(text.to_owned()),
            None => fields.values().find_map(find_text),
        },
        Value::Array(items) => items.iter().find_map(find_text),
        Value::String(text) => serde_json::from_str::<Value>(text)
            .ok()
            .filter(Value::is_object)
            .and_then(|v| find_text(&v)),
        _ => None,
    }
}

async fn open(
    dir: &std::path::Path,
    env: &Arc<Hands>,
    connector: &Arc<Connector>,
    calendar: &Calendar,
    now: Micros,
) -> (Arc<Hub>, Arc<Lane>, UnboundedReceiver<Signal>) {
    let options = Options {
        master: [7; 32],
        now: now.0,
    };
    let store =
        Sqlite::open(DataDir::hold(dir).expect("a directory"), &options).expect("a database");
    let (hub, signals) = Hub::new(
        Arc::new(store),
        env.clone(),
        Arc::new(Nowhere),
        None,
        Vec::new(),
        Default::default(),
        calendar.clone(),
        true,
    );
    let spec = ConnectionSpec {
        id: "ats".into(),
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
    let fields = json!({"key": "s3cret", "hook": HOOK});
    let fields = fields.as_object().cloned().unwrap_or_default();
    let held = hub
        .store
        .connections(MAIN)
        .await
        .expect("readable")
        .into_iter()
        .find(|c| c.conn == "ats");
    let watermark = held.as_ref().and_then(|c| c.watermark).or(Some(now.0));
    let change = ConnectionChange {
        ws: MAIN,
        conn: "ats".into(),
        watermark,
        now: now.0,
        ..ConnectionChange::default()
    };
    hub.store.connection_put(change).await.expect("writable");
    let held = ConnectionRow {
        watermark,
        ..held.unwrap_or_default()
    };
    let settings = settings(&spec, &fields);
    let connection = Connection::new(spec, connector.clone(), settings, &held);
    hub.add(connection.clone(), true);
    let lane = Arc::new(Lane::new(connection, hub.clone()));
    hub.add_lane(lane.clone());
    (hub, lane, signals)
}
