//! The clock every fake is given: the real one, or one that only a test moves.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment, in milliseconds since 1970. Serialises as vendors write it, with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(i64);

impl Time {
    /// A moment from milliseconds since 1970.
    pub const fn from_ms(ms: i64) -> Self {
        Time(ms)
    }

    /// Milliseconds since 1970.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads an ISO 8601 moment with an offset, or a plain date (its first moment in UTC).
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(Time(at.as_millisecond()));
        }
        let day: jiff::civil::Date = text.parse().ok()?;
        let at = day.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok()?;
        Some(Time(at.timestamp().as_millisecond()))
    }

    /// `2026-03-01T09:30:00Z`, as the vendor's webhooks write it.
    pub fn to_seconds_text(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// `2026-03-01`.
    pub fn to_date_text(self) -> String {
        self.format("%Y-%m-%d")
    }

    /// The `Date` header of HTTP.
    pub fn to_http_date(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S GMT")
    }

    /// Any other spelling, in UTC.
    pub fn format(self, pattern: &str) -> String {
        self.stamp().strftime(pattern).to_string()
    }

    /// This moment and some seconds (negative for earlier).
    pub const fn plus_secs(self, secs: i64) -> Self {
        Time(self.0 + secs * 1000)
    }

    fn stamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.stamp())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Time::parse(&text).ok_or_else(|| de::Error::custom("not an ISO 8601 moment"))
    }
}

/// Where a fake reads the time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Clock(None)
    }

    /// A clock that stands still until somebody moves it.
    pub fn manual(start: Time) -> Self {
        Clock(Some(Arc::new(AtomicI64::new(start.ms()))))
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "a vendor has a clock of its own")]
    pub fn now(&self) -> Time {
        match &self.0 {
            Some(ms) => Time(ms.load(Ordering::SeqCst)),
            None => Time(Timestamp::now().as_millisecond()),
        }
    }

    /// Moves a manual clock forward; the real one cannot be moved and ignores it.
    pub fn advance(&self, by: Duration) {
        if let Some(ms) = &self.0 {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 2);
            ms.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Whether a test moves this clock.
    pub fn is_manual(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_as_written_and_dates_count_from_midnight() {
        let at = Time::parse("2026-03-01T09:30:00.250Z").unwrap();
        assert_eq!(at.to_string(), "2026-03-01T09:30:00.250Z");
        assert_eq!(at.to_seconds_text(), "2026-03-01T09:30:00Z");
        assert_eq!(Time::parse("2026-03-01T10:30:00.25+01:00"), Some(at));
        assert_eq!(
            Time::parse("2026-03-01"),
            Time::parse("2026-03-01T00:00:00Z")
        );
        assert_eq!(at.to_http_date(), "Sun, 01 Mar 2026 09:30:00 GMT");
        assert_eq!(Time::parse("yesterday"), None);
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(Time::from_ms(0));
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), Time::from_ms(1500));
    }
}
