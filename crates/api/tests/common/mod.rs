//! A whole server without a network: a real database in a directory of its own, a made-up vendor that answers, and the routes.
#![allow(dead_code, reason = "each test file uses its part")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stagewire_api::{Api, local_router, router};
use stagewire_connector::{
    Connector, Keep, NotSent, Request as Out, Response, SendError, Transport, http::Sending,
};
use stagewire_engine::connection::ConnectionSpec;
use stagewire_engine::engine::{Configured, Setup, start};
use stagewire_engine::env::{Env, Machine};
use stagewire_model::{MAIN, Secret};
use stagewire_store::{DataDir, Options, Sqlite};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

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
mood = { label = "Mood", one_of = ["good", "bad"] }
hook = { label = "Hook secret", secret = true, many = true }
[auth.key]
scheme = "header"
header = "X-Key"
value = "{key}"
"#;

/// A second vendor, where a person must agree.
const CONSENT: &str = r#"
format = 1
id = "lv"
name = "Leave"
kind = "ats"
base_url = "https://api.lv.example"
checked_on = "2026-11-24"
check = { get = "/me", scope = "people:read" }
[fields]
client_id = { label = "Id" }
client_secret = { label = "Secret", secret = true }
[auth.consent]
scheme = "oauth2_code"
authorize_url = "https://auth.lv.example/authorize"
token_url = "https://auth.lv.example/token"
pkce = true
rotating = true
idle_death = "24h"
"#;

const MAPPING: &str = r#"
[person]
entity = "candidate"
root = "data"
id = "id"
dates = ["updated"]
[person.fields]
first_name = { at = "first", parse = "text" }
full_name = { join = ["first", "last"] }
emails = { at = "emails", each = ".", object = { value = ".", kind = { const = "work" }, primary = { const = false } } }
location = { at = "home", object = { city = "city", street = "street" } }
private = { at = "private", parse = "bool" }
[[person.embeds]]
at = "runs"
as = "run"
[run]
entity = "application"
root = "data"
id = "id"
dates = ["updated"]
own = { applied = "applied" }
[run.fields]
candidate_id = { at = "of", ref = "candidate" }
status = { at = "state", map = { open = "active", lost = "rejected" } }
applied_at = { at = "applied", parse = "instant" }
job_id = { at = "job", ref = "job" }
stage_id = { at = "stage", ref = "job_stage" }
[person_row]
entity = "candidate"
id = "id"
complete = true
dates = ["updated"]
rest = "extra"
[person_row.fields]
first_name = { at = "first", parse = "text" }
full_name = { join = ["first", "last"] }
emails = { at = "emails", each = ".", object = { value = ".", kind = { const = "work" }, primary = { const = false } } }
location = { at = "home", object = { city = "city", street = "street" } }
[gone]
entity = "candidate"
root = "data"
id = "id"
deleted = true
"#;

const STREAMS: &str = r#"
[people]
get = "/people"
rows = "people"
as = "person_row"
"#;

const WEBHOOKS: &str = r#"
ack = 202
delivery_id = "X-Id"
verify = { scheme = "hmac_sha256", header = "X-Sig", shape = "{hex}", secret = "hook" }
route = { on = "type", unknown = "keep_and_report" }
[events]
"person.made" = { observes = "person", announces = "created" }
"run.made" = { observes = "run", announces = "created" }
"run.moved" = { observes = "run", announces = "stage_changed" }
"person.changed" = { observes = "person" }
"person.gone" = { observes = "gone" }
"#;

const ACTIONS: &str = r#"
[defaults]
effect = "record"
[note]
does = "note.create"
subject = ["candidate"]
post = "/people/{candidate.id}/notes"
body = { text = "{text}" }
remote_id = "note.id"
once = { by = "ledger" }
with = { text = { required = true, doc = "the words" } }
[move]
does = "application.move"
subject = ["application"]
put = "/runs/{application.id}"
body = { stage = "{stage}" }
once = { by = "set" }
hold = "always"
with = { stage = { required = true } }
"#;

/// What carries subscriptions, and any other address.
const CARRIER: &str = r#"
format = 1
id = "hook"
name = "Receiver"
kind = "http"
base_url_required = true
checked_on = "2026-11-24"
[fields]
signing_secret = { label = "Secret", secret = true, many = true, generate = true }
[auth.none]
scheme = "none"
[[answers.rule]]
status = [410]
then = "gone"
say = "The receiver says that this address is gone for good"
"#;

const CARRIES: &str = r#"
[request]
does = "request"
post = ""
open = true
effect = "record"
once = { by = "native_key", remembers = "3d", own_body = "ledger" }
sign = { scheme = "standard_webhooks", secret = "signing_secret" }
[request.with]
body = { doc = "A body of your own" }
"#;

/// The secret that the vendor signs with.
const HOOK: &str = "a-hook-secret";

/// Answers everything well, or nothing at all.
#[derive(Default)]
pub(crate) struct Vendor {
    pub(crate) away: AtomicBool,
    pub(crate) asked: AtomicUsize,
    /// The status that an address answers with, where it is not 200.
    pub(crate) answers: Mutex<BTreeMap<String, u16>>,
    /// What was sent.
    pub(crate) sent: Mutex<Vec<Out>>,
    /// The list of people.
    pub(crate) people: Option<Value>,
    /// A second connection, `lv`, where a person must agree.
    pub(crate) consenting: bool,
}

impl Vendor {
    pub(crate) fn answer(&self, url: &str, status: u16) {
        self.answers
            .lock()
            .expect("nobody panicked")
            .insert(url.to_owned(), status);
    }

    /// What was sent to an address.
    pub(crate) fn sent_to(&self, url: &str) -> Vec<Out> {
        let sent = self.sent.lock().expect("nobody panicked");
        sent.iter().filter(|r| r.url == url).cloned().collect()
    }
}

impl Transport for Vendor {
    fn send(&self, request: Out) -> Sending<'_> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answers = self.answers.lock().expect("nobody panicked");
        let status = answers.get(&request.url).copied().unwrap_or(200);
        let list = self
            .people
            .as_ref()
            .filter(|_| request.url.contains("/people"));
        let token = request.url.ends_with("/token");
        let good = String::from_utf8_lossy(&request.body).contains("code=good");
        let body = match (token, good) {
            (false, _) => list.map_or(json!({"note": {"id": "n1"}}), |p| json!({ "people": p })),
            (true, true) => {
                json!({"access_token": "lv-access", "refresh_token": "lv-refresh", "expires_in": 3600})
            }
            (true, false) => json!({"error": "invalid_grant"}),
        };
        let status = if token && !good { 400 } else { status };
        self.sent.lock().expect("nobody panicked").push(request);
        let away = self.away.load(Ordering::SeqCst);
        Box::pin(async move {
            if away {
                return Err(SendError::NotSent {
                    kind: NotSent::Refused,
                });
            }
            Ok(Response {
                status,
                headers: Vec::new(),
                body: body.to_string().into_bytes(),
            })
        })
    }
}

fn consent(like: &ConnectionSpec) -> Configured {
    let files = [("connector.toml".to_owned(), CONSENT.to_owned())].into();
    let loaded = Connector::load("lv", &files);
    let loaded = loaded.map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>());
    let fields = [("client_id", "c1"), ("client_secret", "s1")];
    Configured {
        spec: ConnectionSpec {
            id: "lv".into(),
            connector: "lv".into(),
            ..like.clone()
        },
        connector: Arc::new(loaded.expect("it loads")),
        fields: fields
            .map(|(k, v)| (k.to_owned(), Secret::new(v.to_owned())))
            .into(),
    }
}

pub(crate) struct Server {
    pub(crate) api: Api,
    pub(crate) app: Router,
    pub(crate) local: Router,
    pub(crate) vendor: Arc<Vendor>,
    connector: Arc<Connector>,
    pub(crate) dir: PathBuf,
    throw_away: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.throw_away {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// How a server is started.
#[derive(Default)]
pub(crate) struct How {
    /// What the vendor's connection keeps.
    pub(crate) keep: Keep,
    /// The directory of a server that was there before.
    pub(crate) dir: Option<PathBuf>,
    /// A receiver beside the vendor: the connection `out`.
    pub(crate) out: bool,
    /// What the vendor lists; it is read at the start then.
    pub(crate) people: Option<Value>,
    /// A connection where a person must agree: `lv`.
    pub(crate) consenting: bool,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("")
    }

    pub(crate) fn items(&self) -> &[Value] {
        self.json["items"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

fn carrier() -> Arc<Connector> {
    let files = [("connector.toml", CARRIER), ("actions.toml", CARRIES)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
    let loaded = Connector::load("hook", &files)
        .map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>());
    Arc::new(loaded.expect("it loads"))
}

static SERVERS: AtomicUsize = AtomicUsize::new(0);

/// The token of a role in these tests.
pub(crate) fn token(role: &str) -> String {
    format!("the-{role}-token")
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::start_with(How::default()).await
    }

    /// With a second connection, `lv`, where a person must agree.
    pub(crate) async fn consenting() -> Server {
        let how = How {
            consenting: true,
            ..How::default()
        };
        Server::start_with(how).await
    }

    pub(crate) async fn start_with(how: How) -> Server {
        let n = SERVERS.fetch_add(1, Ordering::SeqCst);
        let own = std::env::temp_dir().join(format!("stagewire-api-{}-{n}", std::process::id()));
        let throw_away = how.dir.is_none();
        let dir = how.dir.unwrap_or(own);
        if throw_away {
            let _ = std::fs::remove_dir_all(&dir);
        }
        let options = Options {
            master: [7; 32],
            now: Machine.now().0,
        };
        let store = Arc::new(
            Sqlite::open(DataDir::hold(&dir).expect("a directory"), &options).expect("a database"),
        );
        let mut files: BTreeMap<String, String> = [
            ("connector.toml", CONNECTOR),
            ("mapping.toml", MAPPING),
            ("webhooks.toml", WEBHOOKS),
            ("actions.toml", ACTIONS),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
        if how.people.is_some() {
            files.insert("streams.toml".into(), STREAMS.into());
        }
        let poll_ms = how.people.as_ref().map(|_| 3_600_000);
        let connector = Connector::load("acme", &files)
            .map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>())
            .expect("it loads");
        let connector = Arc::new(connector);
        let spec = ConnectionSpec {
            id: "ats".into(),
            connector: "acme".into(),
            base_url: None,
            auth_url: None,
            owner: "ana@example.com".into(),
            poll_ms,
            effect: None,
            once: None,
            webhooks: Default::default(),
            keep: how.keep,
        };
        let fields = [("key", "s3cret"), ("hook", HOOK)]
            .map(|(k, v)| (k.to_owned(), Secret::new(v.to_owned())))
            .into();
        let vendor = Arc::new(Vendor {
            people: how.people,
            ..Vendor::default()
        });
        let out = ConnectionSpec {
            id: "out".into(),
            connector: "hook".into(),
            base_url: Some("https://out.example".into()),
            poll_ms: None,
            ..spec.clone()
        };
        let mut connections = vec![Configured {
            spec,
            connector: connector.clone(),
            fields,
        }];
        if how.consenting {
            connections.push(consent(&connections[0].spec));
        }
        if how.out {
            connections.push(Configured {
                spec: out,
                connector: carrier(),
                fields: BTreeMap::new(),
            });
        }
        let setup = Setup {
            vars: Default::default(),
            calendar: Default::default(),
            store,
            env: Arc::new(Machine),
            transport: vendor.clone(),
            connections,
            carrier: Some(carrier()),
            alerts: Vec::new(),
            effects: true,
        };
        let hub = start(setup).await.expect("it starts");
        for role in ["viewer", "reviewer", "operator", "admin", "owner"] {
            let hash = Sha256::digest(token(role)).into();
            hub.store
                .token_put(
                    MAIN,
                    format!("{role} token"),
                    role.into(),
                    String::new(),
                    hash,
                    0,
                    "test".into(),
                )
                .await
                .expect("a token");
        }
        let api = Api::new(hub, "0.0.0-test", "https://sw.example");
        Server {
            app: router(api.clone()),
            local: local_router(api.clone()),
            api,
            vendor,
            connector,
            dir,
            throw_away,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        answer(self.app.clone(), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Some("viewer"), None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some("admin"), Some(body)).await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        role: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        self.send(request(method, path, role, body)).await
    }

    /// A delivery as the vendor sends it.
    pub(crate) async fn deliver(&self, body: &Value) -> Answer {
        self.send(self.signed(&body.to_string())).await
    }

    pub(crate) fn signed(&self, body: &str) -> Request<Body> {
        let (name, value) = self
            .connector
            .sign_as_vendor(HOOK, &|_| None, body.as_bytes())
            .expect("it signs");
        Request::post("/in/ats")
            .header("content-length", body.len())
            .header(name, value)
            .body(Body::from(body.to_owned()))
            .expect("a request")
    }

    /// A candidate with an application, in the mirror.
    pub(crate) async fn with_people(&self, n: usize) {
        let at = Machine.now().text();
        for i in 0..n {
            self.deliver(&json!({"type": "person.made", "data": {"id": format!("p{i}"), "first": "Ana", "last": format!("N{i}"), "updated": at}})).await.is(202);
            self.deliver(&json!({"type": "run.made", "data": {"id": format!("r{i}"), "of": format!("p{i}"), "state": "open", "applied": at, "updated": at}})).await.is(202);
        }
        self.until("/api/v1/records/application?limit=500", |a| {
            a.items().len() == n
        })
        .await;
        self.until("/api/v1/records/candidate?limit=500", |a| {
            a.items().len() == n
        })
        .await;
    }

    /// Asks again until it is so; the engine works beside the test.
    pub(crate) async fn until(&self, path: &str, so: impl Fn(&Answer) -> bool) -> Answer {
        for _ in 0..500 {
            let answer = self.get(path).await;
            if so(&answer) {
                return answer;
            }
            Machine.sleep(10).await;
        }
        panic!("{path} never became so: {}", self.get(path).await.text);
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    role: Option<&str>,
    body: Option<Value>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(role) = role {
        request = request.header("authorization", format!("Bearer {}", token(role)));
    }
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    }
    .expect("a request")
}

pub(crate) async fn answer(app: Router, request: Request<Body>) -> Answer {
    let response = app.oneshot(request).await.expect("routes do not fail");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer {
        status: parts.status,
        headers: parts.headers,
        text,
        json,
    }
}

/// The keys of an item are those the document promises.
pub(crate) fn fits(document: &Value, shape: &str, item: &Value) {
    let keys = |v: &Value| {
        v.as_object()
            .map(|o| o.keys().cloned().collect::<BTreeSet<_>>())
            .unwrap_or_default()
    };
    assert_eq!(
        keys(item),
        keys(&document["components"]["schemas"][shape]["properties"]),
        "{shape}"
    );
}

/// The first item of a list, once there is one.
pub(crate) async fn first(server: &Server, path: &str) -> Value {
    server
        .until(path, |a: &Answer| !a.items().is_empty())
        .await
        .items()[0]
        .clone()
}
