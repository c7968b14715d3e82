//! The only way to the clock, to randomness and to waiting. Everything else in the engine takes them from here, so that tests
//! can give their own.

use stagewire_model::{EventId, Micros};
use std::future::Future;
use std::pin::Pin;

/// The outside world's clock and dice.
pub trait Env: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Micros;
    /// Random bytes.
    fn random(&self) -> [u8; 16];
    /// Comes back after that many milliseconds.
    fn sleep(&self, ms: u64) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's own clock and dice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Env for Machine {
    fn now(&self) -> Micros {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the clock"
        )]
        let now = std::time::SystemTime::now();
        let since = now
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    fn sleep(&self, ms: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(ms)))
    }
}

/// A new event id.
pub fn event_id(env: &dyn Env) -> EventId {
    let r = env.random();
    let mut random = [0; 10];
    random.copy_from_slice(&r[..10]);
    EventId::new(u64::try_from(env.now().0 / 1000).unwrap_or(0), random)
}

/// A number in `0..below`; 0 where `below` is 0.
pub fn dice(env: &dyn Env, below: u64) -> u64 {
    let r = env.random();
    let n = u64::from_be_bytes([r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]]);
    n.checked_rem(below).unwrap_or(0)
}
