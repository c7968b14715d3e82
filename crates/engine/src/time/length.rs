//! Lengths of time as people say them: `2m`, `24h`, `2 days`, `5 working days`. Hours are exact; days and working days keep the
//! time of day on the workspace's clocks.

use super::calendar::Calendar;
use stagewire_model::Micros;
use std::fmt;

/// Longest length, in days of any kind.
const MOST_DAYS: i64 = 3 * 366;

/// How to write one.
pub const HOW: &str = "write it like \"30m\", \"24h\", \"2 days\" or \"5 working days\"";

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many seconds.
    Seconds(i64),
    /// So many days on the calendar.
    Days(i64),
    /// So many days on which people work.
    WorkingDays(i64),
}

impl Length {
    /// Reads a whole number and a unit; nothing is no length.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().ok()?;
        let words: Vec<&str> = unit.split_whitespace().collect();
        let most = |days: i64| (1..=MOST_DAYS).contains(&days).then_some(days);
        let seconds = |each: i64| {
            let total = number.checked_mul(each)?;
            (1..=MOST_DAYS * 86_400).contains(&total).then_some(total)
        };
        Some(match words.as_slice() {
            ["s" | "second" | "seconds"] => Self::Seconds(seconds(1)?),
            ["m" | "min" | "minute" | "minutes"] => Self::Seconds(seconds(60)?),
            ["h" | "hour" | "hours"] => Self::Seconds(seconds(3_600)?),
            ["d" | "day" | "days"] => Self::Days(most(number)?),
            ["w" | "week" | "weeks"] => Self::Days(most(number.checked_mul(7)?)?),
            ["working", "day" | "days"] => Self::WorkingDays(most(number)?),
            _ => return None,
        })
    }

    /// That much later.
    pub fn after(self, at: Micros, calendar: &Calendar) -> Micros {
        self.moved(at, calendar, 1)
    }

    /// That much earlier.
    pub fn before(self, at: Micros, calendar: &Calendar) -> Micros {
        self.moved(at, calendar, -1)
    }

    fn moved(self, at: Micros, calendar: &Calendar, sign: i64) -> Micros {
        match self {
            Self::Seconds(n) => at.plus_ms(sign * n * 1_000),
            Self::Days(n) => calendar.plus_days(at, sign * n),
            Self::WorkingDays(n) => calendar.plus_working_days(at, sign * n),
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match *self {
            Self::Seconds(n) if n % 3_600 == 0 => (n / 3_600, "hour"),
            Self::Seconds(n) if n % 60 == 0 => (n / 60, "minute"),
            Self::Seconds(n) => (n, "second"),
            Self::Days(n) => (n, "day"),
            Self::WorkingDays(n) => (n, "working day"),
        };
        write!(f, "{number} {unit}{}", if number == 1 { "" } else { "s" })
    }
}
