//! The tenant's time zone: how moments and days are written, and how prompts are read.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime, civil};

use crate::clock::Time;

/// A tenant's time zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// By its IANA name; UTC if there is no such zone.
    pub(crate) fn named(name: &str) -> Self {
        Zone(TimeZone::get(name).unwrap_or(TimeZone::UTC))
    }

    /// `2026-04-02T09:00:00.000-07:00`.
    pub(crate) fn stamp(&self, at: Time) -> String {
        let at = self.zoned(at);
        at.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }

    /// `2026-04-02`.
    pub(crate) fn day(&self, at: Time) -> String {
        self.zoned(at).strftime("%Y-%m-%d").to_string()
    }

    /// A prompt: a moment with an offset, one without (the tenant's), or a day (its first moment)
    /// with or without an offset, as in `2026-04-01-07:00`.
    pub(crate) fn read(&self, text: &str) -> Option<Time> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(Time::from_ms(at.as_millisecond()));
        }
        if let Some((day, offset)) = text.split_at_checked(10)
            && !offset.is_empty()
            && !offset.starts_with(['T', ' '])
        {
            let day: civil::Date = day.parse().ok()?;
            let at: Timestamp = format!("{day}T00:00:00{offset}").parse().ok()?;
            return Some(Time::from_ms(at.as_millisecond()));
        }
        let local: civil::DateTime = text.parse().ok()?;
        let at = local.to_zoned_datetime(self.0.clone()).ok()?.timestamp();
        Some(Time::from_ms(at.as_millisecond()))
    }

    fn zoned(&self, at: Time) -> ZonedDateTime {
        let at = Timestamp::from_millisecond(at.ms()).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned_datetime(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_carry_the_pacific_offset_of_their_season() {
        let zone = Zone::named("America/Los_Angeles");
        let at = |text: &str| Time::parse(text).unwrap();
        let summer = at("2026-07-01T16:00:00.250Z");
        assert_eq!(zone.stamp(summer), "2026-07-01T09:00:00.250-07:00");
        let winter = at("2026-01-02T03:00:00Z");
        assert_eq!(zone.stamp(winter), "2026-01-01T19:00:00.000-08:00");
        assert_eq!(zone.day(winter), "2026-01-01");
        assert_eq!(zone.read(&zone.stamp(summer)), Some(summer));
        let midnight = Some(at("2026-07-01T07:00:00Z"));
        assert_eq!(zone.read("2026-07-01-07:00"), midnight);
        assert_eq!(zone.read("2026-07-01"), midnight);
        assert_eq!(zone.read("2026-07-01T00:00:00"), midnight);
        assert_eq!(zone.read("2026-07-01T07:00:00 00:00"), None);
        assert_eq!(zone.read("yesterday"), None);
    }
}
