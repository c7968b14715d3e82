//! Times as the model keeps them: UTC microseconds, and how precisely a vendor told them. Reads no clock.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01 UTC.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// The one written form: RFC 3339, UTC, `Z`, exactly three decimals; finer parts are cut off.
    pub fn text(self) -> String {
        match Timestamp::from_microsecond(self.0) {
            Ok(t) => t.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            Err(_) => "9999-12-31T23:59:59.999Z".into(),
        }
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Later by that many milliseconds.
    pub fn plus_ms(self, ms: i64) -> Micros {
        Micros(self.0.saturating_add(ms.saturating_mul(1000)))
    }
}

/// Reads an RFC 3339 instant with any offset. The second value is true where only whole seconds were told.
pub fn parse_instant(text: &str) -> Option<(Micros, bool)> {
    let t: Timestamp = text.trim().parse().ok()?;
    Some((Micros(t.as_microsecond()), !text.contains('.')))
}

/// Reads the `Date` header of an HTTP answer (RFC 9110 §5.6.7).
pub fn parse_http_date(text: &str) -> Option<Micros> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Micros(zoned.timestamp().as_microsecond()))
}

/// Reads a date without time: `YYYY-MM-DD`, also with the zone of an XML date behind it (`YYYY-MM-DD-07:00`, which is the day as
/// written), `MM/DD/YYYY`.
pub fn parse_date(text: &str) -> Option<String> {
    let t = text.trim();
    let zoned =
        |zone: &&str| zone.len() == 6 && zone.starts_with(['+', '-']) && zone.as_bytes()[3] == b':';
    let day = match t.split_at_checked(10) {
        Some((day, zone)) if zone == "Z" || zoned(&zone) => day,
        _ => t,
    };
    let date = day
        .parse::<jiff::civil::Date>()
        .ok()
        .or_else(|| jiff::civil::Date::strptime("%m/%d/%Y", t).ok())?;
    Some(date.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_precision_are_read_and_one_form_is_written() {
        let (t, coarse) = parse_instant("2026-11-23T20:57:04.1239+02:00").expect("an instant");
        assert_eq!(
            (t.text().as_str(), coarse),
            ("2026-11-23T18:57:04.123Z", false)
        );
        assert!(parse_instant("2015-02-09T16:38:36Z").expect("an instant").1);
        assert_eq!(parse_instant("2015-02-09 16:38"), None);
    }

    #[test]
    fn dates_in_two_shapes_and_http_dates() {
        assert_eq!(parse_date("04/15/2013").as_deref(), Some("2013-04-15"));
        assert_eq!(parse_date("2013-04-15").as_deref(), Some("2013-04-15"));
        assert_eq!(
            parse_date("2013-04-15-07:00").as_deref(),
            Some("2013-04-15")
        );
        assert_eq!(parse_date("2013-04-15Z").as_deref(), Some("2013-04-15"));
        assert_eq!(parse_date("2013-04-15-0700x"), None);
        assert_eq!(parse_date("15.04.2013"), None);
        assert_eq!(
            parse_http_date("Tue, 24 Nov 2026 17:38:36 GMT")
                .map(|m| m.text())
                .as_deref(),
            Some("2026-11-24T17:38:36.000Z")
        );
    }
}
