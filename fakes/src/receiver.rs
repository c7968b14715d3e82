//! A signed receiver for what the product sends out, with a book of what arrived. It is fast, it
//! can be told to misbehave, and it does nothing with what it gets.

mod page;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::{Clock, Time};
use crate::faults::{self, Faults, Rule};
use crate::serve::{self, Handle};
use crate::signing::{standard_key, standard_matches};

/// How the receiver is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it reads the time.
    pub clock: Clock,
    /// For faults.
    pub seed: u64,
    /// Secrets it accepts (`whsec_…`); with none, signatures are not looked at.
    pub secrets: Vec<String>,
    /// Every request has an effect, even one whose id was seen before.
    pub ignores_ids: bool,
    /// Keep first and last bodies; off for long benchmarks.
    pub keep_bodies: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Clock::real(),
            seed: 1,
            secrets: Vec::new(),
            ignores_ids: false,
            keep_bodies: true,
        }
    }
}

/// What is known about one id.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Accepted requests with this id.
    pub count: u64,
    /// When the first came.
    pub first_at: Time,
    /// The path of the first.
    pub path: String,
    /// Its body.
    pub first_body: Bytes,
    /// The body of the latest.
    pub last_body: Bytes,
}

/// The signed receiver.
pub struct Receiver {
    clock: Clock,
    keys: Vec<Vec<u8>>,
    ignores_ids: bool,
    keep_bodies: bool,
    faults: Arc<Faults>,
    stop: watch::Sender<bool>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    entries: HashMap<Arc<str>, Entry>,
    order: Vec<Arc<str>>,
    requests: u64,
    refused: u64,
    nameless: u64,
}

/// How far a timestamp may be off, as in the reference libraries.
const TOLERANCE_SECS: i64 = 300;

impl Receiver {
    /// An empty book.
    pub fn new(options: Options) -> Self {
        let (stop, _) = watch::channel(false);
        let faults = Faults::new(options.seed, options.clock.clone(), stop.clone());
        let key = |secret: &String| standard_key(secret).expect("a secret is whsec_ and base64");
        Receiver {
            clock: options.clock,
            keys: options.secrets.iter().map(key).collect(),
            ignores_ids: options.ignores_ids,
            keep_bodies: options.keep_bodies,
            faults: Arc::new(faults),
            stop,
            book: Mutex::default(),
        }
    }

    /// Starts serving on a loopback listener.
    pub async fn serve(self, listener: TcpListener) -> io::Result<Handle<Receiver>> {
        let stop = self.stop.clone();
        let state = Arc::new(self);
        let faults = Arc::clone(&state.faults);
        let router = Router::new()
            .route("/", get(page::show))
            .route("/_fake/book", get(book).delete(forget))
            .route("/_fake/faults", post(arm).delete(clear))
            .fallback(hook)
            .layer(middleware::from_fn_with_state(faults, faults::apply))
            .with_state(Arc::clone(&state));
        serve::serve(listener, state, stop, router)
    }

    /// Arms a fault, for example `Rule::until(…, "", "/hook", Fault::status(503))`.
    pub fn arm(&self, rule: Rule) {
        self.faults.arm(rule);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// Accepted requests with this id.
    pub fn count(&self, id: &str) -> u64 {
        self.lock().entries.get(id).map_or(0, |entry| entry.count)
    }

    /// What is known about an id.
    pub fn entry(&self, id: &str) -> Option<Entry> {
        self.lock().entries.get(id).cloned()
    }

    /// Effects so far: one per id, or one per request if ids are ignored.
    pub fn effects(&self) -> u64 {
        let book = self.lock();
        match self.ignores_ids {
            true => book.entries.values().map(|entry| entry.count).sum(),
            false => book.entries.len() as u64,
        }
    }

    /// Accepted requests, repeats included.
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// Requests refused for their signature.
    pub fn refused(&self) -> u64 {
        self.lock().refused
    }

    /// Ids in the order their first request arrived.
    pub fn order(&self) -> Vec<String> {
        self.lock().order.iter().map(|id| id.to_string()).collect()
    }

    /// First bodies in order of arrival, those that are JSON.
    pub fn bodies(&self) -> Vec<Value> {
        let book = self.lock();
        let bodies = book.order.iter().map(|id| &book.entries[id].first_body);
        bodies
            .filter_map(|body| serde_json::from_slice(body).ok())
            .collect()
    }

    /// Forgets everything.
    pub fn forget(&self) {
        *self.lock() = Book::default();
    }

    /// The fake's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), &'static str> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let id = header(headers, "webhook-id").ok_or("webhook-id is missing")?;
        let stamp = header(headers, "webhook-timestamp").ok_or("webhook-timestamp is missing")?;
        let signed = header(headers, "webhook-signature").ok_or("webhook-signature is missing")?;
        let secs: i64 = stamp
            .parse()
            .map_err(|_| "webhook-timestamp is no number")?;
        if (self.clock.now().secs() - secs).abs() > TOLERANCE_SECS {
            return Err("webhook-timestamp is too far away");
        }
        match standard_matches(&self.keys, id, stamp, body, signed) {
            true => Ok(()),
            false => Err("no signature matches"),
        }
    }

    fn record(&self, id: Option<&str>, path: &str, body: Bytes) {
        let now = self.clock.now();
        let body = if self.keep_bodies { body } else { Bytes::new() };
        let book = &mut *self.lock();
        book.requests += 1;
        let id: Arc<str> = match id {
            Some(id) => id.into(),
            None => {
                book.nameless += 1;
                format!("no-id-{}", book.nameless).into()
            }
        };
        if let Some(entry) = book.entries.get_mut(&id) {
            entry.count += 1;
            entry.last_body = body;
            return;
        }
        book.order.push(Arc::clone(&id));
        let entry = Entry {
            count: 1,
            first_at: now,
            path: path.to_string(),
            first_body: body.clone(),
            last_body: body,
        };
        book.entries.insert(id, entry);
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn hook(
    State(receiver): State<Arc<Receiver>>,
    method: axum::http::Method,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method == "OPTIONS" {
        return handshake(&headers);
    }
    if !uri.path().starts_with("/hook") || method == "GET" {
        return StatusCode::NOT_FOUND.into_response();
    }
    if let Err(reason) = receiver.check(&headers, &body) {
        receiver.lock().refused += 1;
        return (StatusCode::UNAUTHORIZED, reason).into_response();
    }
    receiver.record(header(&headers, "webhook-id"), uri.path(), body);
    StatusCode::OK.into_response()
}

/// CloudEvents' abuse protection: whoever asks may send.
fn handshake(headers: &HeaderMap) -> Response {
    let mut response = StatusCode::OK.into_response();
    let origin = headers.get("webhook-request-origin");
    let allowed = origin.cloned().unwrap_or(HeaderValue::from_static("*"));
    let answer = response.headers_mut();
    answer.insert("webhook-allowed-origin", allowed);
    answer.insert("webhook-allowed-rate", HeaderValue::from_static("*"));
    response
}

async fn book(State(receiver): State<Arc<Receiver>>) -> Json<Value> {
    let effects = receiver.effects();
    let book = receiver.lock();
    let entries: Vec<Value> = book
        .order
        .iter()
        .map(|id| {
            let entry = &book.entries[id];
            let body = serde_json::from_slice::<Value>(&entry.first_body)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(&entry.first_body)));
            json!({"id": &**id, "count": entry.count, "path": entry.path,
                   "first_at": entry.first_at, "first_body": body})
        })
        .collect();
    Json(json!({
        "effects": effects,
        "requests": book.requests,
        "refused": book.refused,
        "entries": entries,
    }))
}

async fn forget(State(receiver): State<Arc<Receiver>>) -> StatusCode {
    receiver.forget();
    StatusCode::NO_CONTENT
}

async fn arm(State(receiver): State<Arc<Receiver>>, Json(rule): Json<Rule>) -> StatusCode {
    receiver.arm(rule);
    StatusCode::NO_CONTENT
}

async fn clear(State(receiver): State<Arc<Receiver>>) -> StatusCode {
    receiver.clear_faults();
    StatusCode::NO_CONTENT
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
