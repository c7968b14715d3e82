//! The destination in the bench's own process: counts distinct deliveries, notes when each arrived, and fails on demand. It checks
//! no signature: that is tested elsewhere, and here it would only use the processor.

use crate::machine::now;
use anyhow::{Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use stagewire_fakes::Time;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Where to.
pub(crate) struct Receiver {
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
    book: Arc<Book>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Book {
    /// Of a thousand requests, so many are answered 500.
    failing: AtomicU64,
    requests: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    ids: HashSet<Box<str>>,
    arrived: HashMap<i64, Instant>,
    accepted: HashMap<i64, Instant>,
    last: Option<Instant>,
}

impl Receiver {
    /// Listens on a port; 0 is any.
    pub(crate) async fn start(port: u16) -> Result<Receiver> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let book = Arc::new(Book::default());
        let router = Router::new().fallback(hook).with_state(book.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Receiver { url, book, task })
    }

    /// Of a thousand requests, so many fail from now on.
    pub(crate) fn fail(&self, of_thousand: u64) {
        self.book.failing.store(of_thousand, Ordering::SeqCst);
    }

    /// Distinct deliveries that were accepted.
    pub(crate) fn delivered(&self) -> u64 {
        self.book.seen().ids.len() as u64
    }

    /// All requests, failed ones included.
    pub(crate) fn requests(&self) -> u64 {
        self.book.requests.load(Ordering::SeqCst)
    }

    /// When the first request about each arrived, failed or not.
    pub(crate) fn arrived(&self) -> HashMap<i64, Instant> {
        self.book.seen().arrived.clone()
    }

    /// When each was accepted.
    pub(crate) fn accepted(&self) -> HashMap<i64, Instant> {
        self.book.seen().accepted.clone()
    }

    /// Waits until so many distinct ones were accepted; when the last of them was.
    pub(crate) async fn until(&self, deliveries: u64, patience: Duration) -> Result<Instant> {
        let give_up = now() + patience;
        loop {
            {
                let seen = self.book.seen();
                if let Some(last) = seen.last
                    && seen.ids.len() as u64 >= deliveries
                {
                    return Ok(last);
                }
                if now() > give_up {
                    bail!(
                        "{} of {deliveries} were delivered after {} s",
                        seen.ids.len(),
                        patience.as_secs()
                    );
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        *self.book.seen() = Seen::default();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Book {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn hook(State(book): State<Arc<Book>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let at = now();
    let n = book.requests.fetch_add(1, Ordering::SeqCst);
    // spread evenly, but in no step with anything: multiples of a prime
    let fails = (n * 619) % 1000 < book.failing.load(Ordering::SeqCst);
    let id = headers
        .get("webhook-id")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let about = about(id, &body);
    let mut seen = book.seen();
    seen.arrived.entry(about).or_insert(at);
    if fails {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    if seen.ids.insert(id.into()) {
        seen.accepted.insert(about, at);
        seen.last = Some(at);
    }
    StatusCode::OK
}

/// What a delivery says about its time, in milliseconds: the event's `time`, or the id where that is a number.
fn about(id: &str, body: &[u8]) -> i64 {
    if let Ok(number) = id.parse() {
        return number;
    }
    let mark = b"\"time\":\"";
    let from = body.windows(mark.len()).position(|w| w == mark);
    from.and_then(|at| {
        let text = &body[at + mark.len()..];
        let end = text.iter().position(|b| *b == b'"')?;
        Some(Time::parse(std::str::from_utf8(&text[..end]).ok()?)?.ms())
    })
    .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_known_by_the_time_it_tells_or_by_a_number() {
        let body = br#"{"id":"evt_1","time":"2026-11-24T10:00:00.007Z","data":{}}"#;
        assert_eq!(about("evt_1", body) % 1000, 7);
        assert_eq!(about("41", body), 41);
    }
}
