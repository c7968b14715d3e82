//! Faults that can be armed per route: what to do wrong, for whom, how often. Seeded, so that a
//! run can be repeated. It refuses to touch the page and the control routes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::clock::{Clock, Time};
use crate::rng::Rng;
use crate::serve::Wire;

/// One way to misbehave.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Answer this status without doing anything; a JSON body and `Retry-After` if given.
    Answer {
        /// The HTTP status.
        status: u16,
        /// A JSON body, or text.
        #[serde(default)]
        body: Option<Value>,
        /// The `Retry-After` header.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// Never answer, nothing done.
    Hang,
    /// Close the connection, nothing done.
    DropBefore,
    /// Do it, then close the connection without an answer.
    DropAfter,
    /// Do it, then never answer.
    HangAfter,
    /// Do it, then answer 500.
    FailAfter,
    /// Answer from a copy made when the fault was armed.
    Lag,
}

impl Fault {
    /// A bare status.
    pub fn status(status: u16) -> Self {
        Fault::Answer {
            status,
            body: None,
            retry_after: None,
        }
    }
}

/// A fault and when it applies. `method` and `path` empty mean any; `path` is a beginning.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// The HTTP method, or empty for any.
    #[serde(default)]
    pub method: String,
    /// How the path begins, or empty for any.
    #[serde(default)]
    pub path: String,
    /// How many answers are hit; none means until cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// The share of matching requests that are hit (0 to 1).
    #[serde(default = "all")]
    pub fraction: f64,
    /// Until when it applies, by the fake's clock.
    #[serde(default)]
    pub until: Option<Time>,
    /// The same as a duration, counted from when it is armed.
    #[serde(default)]
    pub for_ms: Option<u64>,
}

fn all() -> f64 {
    1.0
}

impl Rule {
    /// The next `times` requests whose method and path begin so.
    pub fn next(times: u32, method: &str, path: &str, fault: Fault) -> Self {
        Rule {
            fault,
            method: method.into(),
            path: path.into(),
            times: Some(times),
            fraction: 1.0,
            until: None,
            for_ms: None,
        }
    }

    /// A share of all requests, until cleared.
    pub fn share(fraction: f64, method: &str, path: &str, fault: Fault) -> Self {
        Rule {
            fraction,
            times: None,
            ..Rule::next(0, method, path, fault)
        }
    }

    /// Every request until a moment.
    pub fn until(until: Time, method: &str, path: &str, fault: Fault) -> Self {
        Rule {
            until: Some(until),
            ..Rule::share(1.0, method, path, fault)
        }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        (self.method.is_empty() || self.method.eq_ignore_ascii_case(method))
            && path.starts_with(&self.path)
    }
}

/// The faults armed on one fake.
#[derive(Debug)]
pub struct Faults {
    armed: AtomicBool,
    rules: Mutex<(Vec<Rule>, Rng)>,
    clock: Clock,
    stop: watch::Sender<bool>,
}

impl Faults {
    pub(crate) fn new(seed: u64, clock: Clock, stop: watch::Sender<bool>) -> Self {
        Faults {
            armed: AtomicBool::new(false),
            rules: Mutex::new((Vec::new(), Rng::new(seed))),
            clock,
            stop,
        }
    }

    /// Arms a rule; the first armed rule that matches a request decides.
    pub fn arm(&self, mut rule: Rule) {
        if let Some(ms) = rule.for_ms.and_then(|ms| i64::try_from(ms).ok()) {
            rule.until = Some(Time::from_ms(self.clock.now().ms() + ms));
        }
        self.lock().0.push(rule);
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Takes all faults back.
    pub fn clear(&self) {
        self.lock().0.clear();
        self.armed.store(false, Ordering::SeqCst);
    }

    fn take(&self, method: &str, path: &str) -> Option<Fault> {
        if !self.armed.load(Ordering::SeqCst) || path == "/" || path.starts_with("/_fake") {
            return None;
        }
        let now = self.clock.now();
        let (rules, rng) = &mut *self.lock();
        rules.retain(|rule| rule.times != Some(0) && rule.until.is_none_or(|until| now < until));
        let hit = rules.iter_mut().find(|rule| {
            rule.matches(method, path) && (rule.fraction >= 1.0 || rng.chance(rule.fraction))
        });
        hit.map(|rule| {
            rule.times = rule.times.map(|left| left - 1);
            rule.fault.clone()
        })
    }

    async fn hang(&self) {
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Rule>, Rng)> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks a request that must be answered from the lagging copy.
#[derive(Clone, Copy)]
pub(crate) struct Lagging;

/// The middleware that applies faults.
pub(crate) async fn apply(
    State(faults): State<Arc<Faults>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(fault) = faults.take(request.method().as_str(), request.uri().path()) else {
        return next.run(request).await;
    };
    let wire = request.extensions().get::<ConnectInfo<Wire>>().cloned();
    let cut = || {
        if let Some(ConnectInfo(wire)) = &wire {
            wire.cut();
        }
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    };
    match fault {
        Fault::Answer {
            status,
            body,
            retry_after,
        } => answer(status, body, retry_after),
        Fault::Hang => {
            faults.hang().await;
            cut()
        }
        Fault::DropBefore => cut(),
        Fault::DropAfter => {
            next.run(request).await;
            cut()
        }
        Fault::HangAfter => {
            next.run(request).await;
            faults.hang().await;
            cut()
        }
        Fault::FailAfter => {
            next.run(request).await;
            answer(500, None, None)
        }
        Fault::Lag => {
            request.extensions_mut().insert(Lagging);
            next.run(request).await
        }
    }
}

fn answer(status: u16, body: Option<Value>, retry_after: Option<String>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match body {
        Some(Value::String(text)) => (status, text).into_response(),
        Some(json) => (status, axum::Json(json)).into_response(),
        None => (status, "<html><body>something went wrong</body></html>").into_response(),
    };
    if let Some(value) = retry_after.and_then(|text| text.parse().ok()) {
        response.headers_mut().insert("retry-after", value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seed: u64) -> Faults {
        Faults::new(
            seed,
            Clock::manual(Time::from_ms(0)),
            watch::channel(false).0,
        )
    }

    #[test]
    fn a_counted_fault_hits_so_many_matching_requests() {
        let faults = faults(1);
        faults.arm(Rule::next(2, "POST", "/v3/notes", Fault::Hang));
        assert!(faults.take("GET", "/v3/notes").is_none());
        assert!(faults.take("POST", "/v3/notes").is_some());
        assert!(faults.take("POST", "/v3/notes").is_some());
        assert!(faults.take("POST", "/v3/notes").is_none());
    }

    #[test]
    fn the_same_seed_hits_the_same_requests() {
        let run = |seed| {
            let faults = faults(seed);
            faults.arm(Rule::share(0.3, "", "", Fault::status(503)));
            (0..100)
                .map(|_| faults.take("POST", "/hook").is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).into_iter().filter(|hit| *hit).count();
        assert!((15..45).contains(&hits), "{hits} of 100 hit");
    }

    #[test]
    fn a_timed_fault_ends_by_the_clock_and_the_page_is_spared() {
        let clock = Clock::manual(Time::from_ms(0));
        let faults = Faults::new(1, clock.clone(), watch::channel(false).0);
        faults.arm(Rule::until(Time::from_ms(500), "", "", Fault::DropBefore));
        assert!(faults.take("GET", "/").is_none());
        assert!(faults.take("GET", "/_fake/stats").is_none());
        assert!(faults.take("GET", "/hook").is_some());
        clock.advance(std::time::Duration::from_millis(500));
        assert!(faults.take("GET", "/hook").is_none());
    }
}
