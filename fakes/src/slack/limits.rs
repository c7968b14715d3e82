//! Slack's pacing: messages by channel with a small burst, other methods by the minute.

use std::collections::HashMap;

use crate::clock::Time;

#[derive(Debug)]
pub(crate) struct Limits {
    on: bool,
    burst: u32,
    /// Per channel: milliseconds of credit, and when it was counted.
    channels: HashMap<String, (i64, Time)>,
    /// Per method: the minute, and calls in it.
    methods: HashMap<String, (i64, u32)>,
}

/// One message earns its place back after this long.
const MESSAGE_MS: i64 = 1000;

impl Limits {
    pub(crate) fn new(on: bool, burst: u32) -> Self {
        Limits {
            on,
            burst: burst.max(1),
            channels: HashMap::new(),
            methods: HashMap::new(),
        }
    }

    pub(crate) fn set(&mut self, on: bool) {
        self.on = on;
        self.channels.clear();
        self.methods.clear();
    }

    /// One message into a channel; the error says how many seconds to wait.
    pub(crate) fn message(&mut self, channel: &str, now: Time) -> Result<(), i64> {
        if !self.on {
            return Ok(());
        }
        let full = i64::from(self.burst) * MESSAGE_MS;
        let (credit, since) = self.channels.entry(channel.into()).or_insert((full, now));
        *credit = (*credit + now.ms() - since.ms()).min(full);
        *since = now;
        if *credit < MESSAGE_MS {
            return Err(((MESSAGE_MS - *credit) as u64).div_ceil(1000) as i64);
        }
        *credit -= MESSAGE_MS;
        Ok(())
    }

    /// One call of a method that has so many a minute.
    pub(crate) fn method(&mut self, name: &str, per_minute: u32, now: Time) -> Result<(), i64> {
        if !self.on {
            return Ok(());
        }
        let minute = now.secs().div_euclid(60);
        let (since, calls) = self.methods.entry(name.into()).or_insert((minute, 0));
        if *since != minute {
            (*since, *calls) = (minute, 0);
        }
        if *calls >= per_minute {
            return Err((minute + 1) * 60 - now.secs());
        }
        *calls += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_takes_a_burst_and_then_one_a_second() {
        let mut limits = Limits::new(true, 2);
        let at = Time::from_ms;
        assert_eq!(limits.message("a", at(0)), Ok(()));
        assert_eq!(limits.message("a", at(0)), Ok(()));
        assert_eq!(limits.message("a", at(0)), Err(1));
        assert_eq!(limits.message("b", at(0)), Ok(()));
        assert_eq!(limits.message("a", at(1000)), Ok(()));
        assert_eq!(limits.message("a", at(1001)), Err(1));
    }

    #[test]
    fn a_method_has_so_many_calls_a_minute() {
        let mut limits = Limits::new(true, 1);
        assert_eq!(limits.method("m", 1, Time::from_ms(1000)), Ok(()));
        assert_eq!(limits.method("m", 1, Time::from_ms(50_000)), Err(10));
        assert_eq!(limits.method("m", 1, Time::from_ms(60_000)), Ok(()));
    }
}
