//! Tools for tests and measurements: a small HTTP client, the server as a child process that can be killed, seeds, waiting for a
//! fact. Knows no vendor.

pub mod http;
pub mod process;
pub mod seed;

use std::future::Future;
use std::time::Duration;

/// Looks again and again until a fact holds; panics with its name after `seconds`.
pub async fn until<F: Future<Output = bool>>(what: &str, seconds: u64, fact: impl FnMut() -> F) {
    assert!(
        holds(seconds, fact).await,
        "after {seconds} s this does not hold: {what}"
    );
}

/// Looks again and again; whether the fact came to hold within so many seconds.
pub async fn holds<F: Future<Output = bool>>(seconds: u64, mut fact: impl FnMut() -> F) -> bool {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let looked = tokio::time::timeout(Duration::from_secs(seconds), async {
        loop {
            tick.tick().await;
            if fact().await {
                return;
            }
        }
    });
    looked.await.is_ok()
}
