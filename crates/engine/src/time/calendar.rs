//! The workspace's calendar: its time zone, its working week and its holidays. A local time that does not exist stands for the
//! next instant that does; one that exists twice stands for the first. Knows no working hours.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use sha2::{Digest, Sha256};
use stagewire_model::{Micros, canonical};
use std::collections::BTreeSet;

/// Most days looked at for the next working one: a calendar of nothing but holidays has none.
const MOST_DAYS: u32 = 4_000;

/// The days of a week, as they are written.
const DAYS: [(&str, &str, Weekday); 7] = [
    ("Mon", "monday", Weekday::Monday),
    ("Tue", "tuesday", Weekday::Tuesday),
    ("Wed", "wednesday", Weekday::Wednesday),
    ("Thu", "thursday", Weekday::Thursday),
    ("Fri", "friday", Weekday::Friday),
    ("Sat", "saturday", Weekday::Saturday),
    ("Sun", "sunday", Weekday::Sunday),
];

/// Time zone, working week, holidays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
    week: Week,
    holidays: BTreeSet<Date>,
}

impl Default for Calendar {
    /// UTC, Monday to Friday, no holidays.
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            week: Week::parse("Mon-Fri").unwrap_or_default(),
            holidays: BTreeSet::new(),
        }
    }
}

impl Calendar {
    /// The same in another zone, by its IANA name.
    ///
    /// # Errors
    /// One plain sentence.
    pub fn in_zone(mut self, name: &str) -> Result<Self, String> {
        self.zone = TimeZone::get(name).map_err(|_| format!("`{name}` is not a time zone"))?;
        Ok(self)
    }

    /// The same with another working week: `Mon-Fri`, `Sun-Thu`, `Mon, Wed`.
    ///
    /// # Errors
    /// One plain sentence.
    pub fn with_week(mut self, text: &str) -> Result<Self, String> {
        self.week = Week::parse(text).ok_or_else(|| format!("`{text}` is not a working week"))?;
        Ok(self)
    }

    /// The same with one more holiday, `YYYY-MM-DD`.
    ///
    /// # Errors
    /// One plain sentence.
    pub fn with_holiday(mut self, date: &str) -> Result<Self, String> {
        let parsed: Date = date
            .trim()
            .parse()
            .map_err(|_| format!("`{date}` is not a date"))?;
        self.holidays.insert(parsed);
        Ok(self)
    }

    /// Tells two calendars apart: timers that were set by another one are set anew.
    pub fn mark(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.zone.iana_name().unwrap_or("UTC"));
        hash.update(self.week.0.map(u8::from));
        for day in &self.holidays {
            hash.update(day.to_string());
        }
        canonical::hex(&hash.finalize()[..6])
    }

    /// The local date and time of an instant.
    pub fn local(&self, at: Micros) -> DateTime {
        self.zone.to_datetime(timestamp(at))
    }

    /// The instant of a local date and time.
    pub fn instant(&self, local: DateTime) -> Micros {
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        let at = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local),
            AmbiguousOffset::Gap { before, .. } => before.to_timestamp(local).map(|inside| {
                // the clocks jumped a little before this: at the jump the next local time begins
                let after = inside.checked_add(1.nanosecond()).unwrap_or(inside);
                let jump = self.zone.preceding(after).next();
                jump.map_or(inside, |jump| jump.timestamp())
            }),
        };
        Micros(at.unwrap_or(Timestamp::MAX).as_microsecond())
    }

    /// The instant of a date at a time of day.
    pub fn at(&self, date: Date, time: Time) -> Micros {
        self.instant(date.to_datetime(time))
    }

    /// Whether people work that day.
    pub fn works(&self, date: Date) -> bool {
        self.week.has(date.weekday()) && !self.holidays.contains(&date)
    }

    /// Whether that day is a holiday.
    pub fn is_holiday(&self, date: Date) -> bool {
        self.holidays.contains(&date)
    }

    /// The same time of day, so many days later (or, negative, earlier).
    pub fn plus_days(&self, at: Micros, days: i64) -> Micros {
        let local = self.local(at);
        let moved = local.checked_add(days.days());
        self.instant(moved.unwrap_or(if days < 0 {
            DateTime::MIN
        } else {
            DateTime::MAX
        }))
    }

    /// The same time of day on the `days`-th working day after (or, negative, before) the day of this instant.
    pub fn plus_working_days(&self, at: Micros, days: i64) -> Micros {
        let local = self.local(at);
        let mut date = local.date();
        let mut left = days.unsigned_abs();
        for _ in 0..MOST_DAYS {
            if left == 0 {
                break;
            }
            let next = match days < 0 {
                true => date.yesterday(),
                false => date.tomorrow(),
            };
            let Ok(next) = next else { break };
            date = next;
            left -= u64::from(self.works(date));
        }
        self.at(date, local.time())
    }
}

fn timestamp(at: Micros) -> Timestamp {
    let end = if at.0 < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_microsecond(at.0).unwrap_or(end)
}

/// Some days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Week([bool; 7]);

impl Week {
    /// Reads `Mon-Fri`, `Sun-Thu`, `Mon, Wed, Fri`; at least one day.
    pub fn parse(text: &str) -> Option<Self> {
        let mut week = Self::default();
        for part in text.split(',') {
            match part.split_once('-') {
                Some((from, to)) => {
                    let (from, to) = (place(from)?, place(to)?);
                    let length = (to + 7 - from) % 7;
                    for step in 0..=length {
                        week.0[(from + step) % 7] = true;
                    }
                }
                None => week.0[place(part)?] = true,
            }
        }
        Some(week)
    }

    /// Whether this day is one of them.
    pub fn has(self, day: Weekday) -> bool {
        let monday = day.to_monday_zero_offset();
        usize::try_from(monday).is_ok_and(|day| self.0.get(day) == Some(&true))
    }

    /// The days in short: `Mon Tue`.
    pub fn words(self) -> Vec<&'static str> {
        DAYS.iter()
            .filter(|(.., day)| self.has(*day))
            .map(|(short, ..)| *short)
            .collect()
    }
}

/// The place of a day in the week, from Monday; its first three letters or its whole name.
fn place(text: &str) -> Option<usize> {
    let text = text.trim().to_ascii_lowercase();
    DAYS.iter()
        .position(|(short, long, _)| text == short.to_ascii_lowercase() || text == *long)
}
