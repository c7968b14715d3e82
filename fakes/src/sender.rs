//! Sends webhooks in the background, again after a failure, and keeps a log of the attempts.
//! It signs nothing and forgets everything when the process ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use crate::clock::{Clock, Time};

/// One request to make.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// One try of one parcel.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it was answered or given up.
    pub at: Time,
    /// The status, or what went wrong.
    pub outcome: Result<u16, String>,
}

/// A parcel's story so far.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What it was, for example a webhook's action.
    pub name: String,
    /// Where it went.
    pub url: String,
    /// Every try, oldest first.
    pub attempts: Vec<Attempt>,
    /// Nothing more will be tried.
    pub settled: bool,
}

impl Sent {
    /// Whether it was accepted.
    pub fn accepted(&self) -> bool {
        matches!(
            self.attempts.last(),
            Some(Attempt {
                outcome: Ok(200..300),
                ..
            })
        )
    }
}

/// How the sender behaves.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    /// Waits before each further try.
    pub(crate) waits: Vec<Duration>,
    /// How long one try may take.
    pub(crate) timeout: Duration,
    /// First tries under way at once; one keeps them in order.
    pub(crate) parallel: usize,
    /// Whether this status ends the story: it was taken, or refused for good.
    pub(crate) ends: fn(u16) -> bool,
}

/// The log keeps this many parcels.
const KEEP: usize = 500;

/// The way to hand parcels to the background task.
#[derive(Clone)]
pub(crate) struct Sender {
    queue: mpsc::UnboundedSender<Parcel>,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    entries: Mutex<(u64, VecDeque<(u64, Sent)>)>,
}

impl Sender {
    /// Starts the task on the current runtime; it ends when the sender is dropped.
    pub(crate) fn start(manners: Manners, clock: Clock) -> Self {
        let (queue, parcels) = mpsc::unbounded_channel();
        let log = Arc::new(Log::default());
        tokio::spawn(run(parcels, manners, clock, Arc::clone(&log)));
        Sender { queue, log }
    }

    pub(crate) fn send(&self, parcel: Parcel) {
        let _ = self.queue.send(parcel);
    }

    /// What was sent, newest first.
    pub(crate) fn log(&self) -> Vec<Sent> {
        let entries = &self.log.lock().1;
        entries.iter().rev().map(|(_, sent)| sent.clone()).collect()
    }
}

/// A client for loopback. A crypto provider must be there even if no call uses it.
#[expect(
    clippy::disallowed_methods,
    reason = "a vendor's webhooks are no calls of ours"
)]
pub(crate) fn client(timeout: Duration) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client without certificates to load can always be built")
}

async fn run(
    mut parcels: mpsc::UnboundedReceiver<Parcel>,
    manners: Manners,
    clock: Clock,
    log: Arc<Log>,
) {
    let client = client(manners.timeout);
    let lanes = Arc::new(Semaphore::new(manners.parallel.max(1)));
    while let Some(parcel) = parcels.recv().await {
        let Ok(lane) = Arc::clone(&lanes).acquire_owned().await else {
            return;
        };
        let (client, clock, log) = (client.clone(), clock.clone(), Arc::clone(&log));
        let (waits, ends) = (manners.waits.clone(), manners.ends);
        tokio::spawn(async move {
            let entry = log.open(&parcel);
            let over = |status: Option<u16>| status.is_some_and(ends);
            let mut status = attempt(&client, &parcel, &clock, &log, entry).await;
            drop(lane);
            for wait in waits {
                if over(status) {
                    break;
                }
                tokio::time::sleep(wait).await;
                status = attempt(&client, &parcel, &clock, &log, entry).await;
            }
            log.settle(entry);
        });
    }
}

async fn attempt(
    client: &reqwest::Client,
    parcel: &Parcel,
    clock: &Clock,
    log: &Log,
    entry: u64,
) -> Option<u16> {
    let mut request = client.post(&parcel.url).body(parcel.body.clone());
    for (name, value) in &parcel.headers {
        request = request.header(name, value);
    }
    let outcome = match request.send().await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) if error.is_timeout() => Err("no answer in time".into()),
        Err(error) => Err(error.to_string()),
    };
    let status = outcome.as_ref().ok().copied();
    let at = clock.now();
    log.note(entry, |sent| sent.attempts.push(Attempt { at, outcome }));
    status
}

impl Log {
    fn open(&self, parcel: &Parcel) -> u64 {
        let (next, entries) = &mut *self.lock();
        *next += 1;
        let sent = Sent {
            name: parcel.name.clone(),
            url: parcel.url.clone(),
            attempts: Vec::new(),
            settled: false,
        };
        entries.push_back((*next, sent));
        if entries.len() > KEEP {
            entries.pop_front();
        }
        *next
    }

    fn note(&self, entry: u64, change: impl FnOnce(&mut Sent)) {
        let entries = &mut self.lock().1;
        let place = entries.binary_search_by_key(&entry, |(id, _)| *id);
        if let Some((_, sent)) = place.ok().and_then(|at| entries.get_mut(at)) {
            change(sent);
        }
    }

    fn settle(&self, entry: u64) {
        self.note(entry, |sent| sent.settled = true);
    }

    fn lock(&self) -> MutexGuard<'_, (u64, VecDeque<(u64, Sent)>)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
