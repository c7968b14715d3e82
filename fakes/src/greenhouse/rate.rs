//! The vendor's fixed thirty-second window, per client. It counts and answers; it never waits.

use std::collections::HashMap;

use crate::clock::Time;

const WINDOW_SECS: i64 = 30;

/// What the rate-limit headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meter {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// When the window ends, in seconds since 1970.
    pub(crate) reset: i64,
}

/// Requests of the running window. A limit of zero counts nothing.
#[derive(Debug)]
pub(crate) struct Limits {
    limit: u32,
    window: i64,
    used: HashMap<String, u32>,
    refused: u64,
}

/// What is shown when there is no limit.
const BOUNDLESS: u32 = 1_000_000;

impl Limits {
    pub(crate) fn new(limit: u32) -> Self {
        Limits {
            limit,
            window: 0,
            used: HashMap::new(),
            refused: 0,
        }
    }

    pub(crate) fn set(&mut self, limit: u32) {
        self.limit = limit;
        self.used.clear();
    }

    /// Counts one request; the error says how many seconds to wait.
    pub(crate) fn count(&mut self, client: &str, now: Time) -> (Meter, Result<(), i64>) {
        let meter = self.peek(client, now);
        if self.limit == 0 {
            return (meter, Ok(()));
        }
        if meter.remaining == 0 {
            self.refused += 1;
            return (meter, Err((meter.reset - now.secs()).max(1)));
        }
        *self.used.entry(client.to_string()).or_default() += 1;
        let remaining = meter.remaining - 1;
        (Meter { remaining, ..meter }, Ok(()))
    }

    /// How many requests were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// The meter without counting.
    pub(crate) fn peek(&mut self, client: &str, now: Time) -> Meter {
        let window = now.secs().div_euclid(WINDOW_SECS);
        if window != self.window {
            self.window = window;
            self.used.clear();
        }
        let used = self.used.get(client).copied().unwrap_or_default();
        let limit = if self.limit == 0 {
            BOUNDLESS
        } else {
            self.limit
        };
        Meter {
            limit,
            remaining: limit.saturating_sub(used),
            reset: (window + 1) * WINDOW_SECS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_fixed_and_starts_afresh() {
        let mut limits = Limits::new(2);
        let at = |secs: i64| Time::from_ms(secs * 1000);
        assert_eq!(limits.count("a", at(28)).0.remaining, 1);
        assert_eq!(limits.count("a", at(28)).0.remaining, 0);
        assert_eq!(limits.count("a", at(28)).1, Err(2));
        assert_eq!(limits.count("b", at(29)).1, Ok(()));
        assert_eq!(limits.count("a", at(30)).1, Ok(()));
        let mut limits = Limits::new(0);
        assert_eq!(limits.count("a", at(1)).1, Ok(()));
        assert_eq!(limits.count("a", at(1)).0.remaining, BOUNDLESS);
    }
}
