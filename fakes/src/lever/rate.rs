//! The vendor's token bucket per key: so many a second, and a burst of twice as many. It counts and
//! refuses; it says nothing in headers and never waits.

use std::collections::HashMap;

use crate::clock::Time;

#[derive(Debug)]
pub(crate) struct Limits {
    per_second: u32,
    /// Thousandths of a request left, and when they were counted.
    buckets: HashMap<String, (i64, Time)>,
    refused: u64,
}

impl Limits {
    pub(crate) fn new(per_second: u32) -> Self {
        Limits {
            per_second,
            buckets: HashMap::new(),
            refused: 0,
        }
    }

    pub(crate) fn set(&mut self, per_second: u32) {
        self.per_second = per_second;
        self.buckets.clear();
    }

    /// Takes one request out of the caller's bucket, if there is one in it.
    pub(crate) fn admit(&mut self, caller: &str, now: Time) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let rate = i64::from(self.per_second);
        let full = 2000 * rate;
        let bucket = self.buckets.entry(caller.to_string());
        let (left, since) = bucket.or_insert((full, now));
        let passed = (now.ms() - since.ms()).clamp(0, 2000);
        *left = (*left + passed * rate).min(full);
        *since = now;
        if *left < 1000 {
            self.refused += 1;
            return false;
        }
        *left -= 1000;
        true
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_twenty_then_ten_a_second_for_each_key() {
        let mut limits = Limits::new(10);
        let at = Time::from_ms;
        let burst = (0..25).filter(|_| limits.admit("a", at(0))).count();
        assert_eq!(burst, 20);
        assert!(limits.admit("b", at(0)), "another key has its own");
        assert!(!limits.admit("a", at(99)));
        assert!(limits.admit("a", at(100)));
        let second = (0..25).filter(|_| limits.admit("a", at(1100))).count();
        assert_eq!(second, 10);
        assert_eq!(limits.refused(), 5 + 1 + 15);
        limits.set(0);
        assert!((0..100).all(|_| limits.admit("a", at(1100))));
    }
}
