//! Requests per minute and key. The vendor names no number and sends no header, so neither does this.

use std::collections::HashMap;

use crate::clock::Time;

/// Requests of the running minute. A limit of zero counts nothing.
#[derive(Debug)]
pub(crate) struct Limits {
    per_minute: u32,
    minute: i64,
    used: HashMap<String, u32>,
    refused: u64,
}

impl Limits {
    pub(crate) fn new(per_minute: u32) -> Self {
        Limits {
            per_minute,
            minute: 0,
            used: HashMap::new(),
            refused: 0,
        }
    }

    pub(crate) fn set(&mut self, per_minute: u32) {
        self.per_minute = per_minute;
        self.used.clear();
    }

    /// How many requests were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Counts one request; false if it is one too many.
    pub(crate) fn admits(&mut self, key: &str, now: Time) -> bool {
        if self.per_minute == 0 {
            return true;
        }
        let minute = now.secs().div_euclid(60);
        if minute != self.minute {
            self.minute = minute;
            self.used.clear();
        }
        let used = self.used.entry(key.into()).or_default();
        if *used >= self.per_minute {
            self.refused += 1;
            return false;
        }
        *used += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_minute() {
        let mut limits = Limits::new(1);
        let at = |secs: i64| Time::from_ms(secs * 1000);
        assert!(limits.admits("a", at(59)));
        assert!(!limits.admits("a", at(59)));
        assert!(limits.admits("b", at(59)));
        assert!(limits.admits("a", at(60)));
        assert_eq!(limits.refused(), 1);
        limits.set(0);
        assert!(limits.admits("a", at(60)));
    }
}
