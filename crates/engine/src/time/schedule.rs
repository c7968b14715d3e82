//! Schedules: `Mon-Fri 09:00`, `Mon, Thu 08:30, 16:00`, `daily 07:00`, `working days 09:00`, on the workspace's clocks. Days named by
//! their names are left out where they are holidays; `daily` leaves nothing out.

use super::calendar::{Calendar, Week};
use jiff::civil::Time;
use stagewire_model::Micros;
use std::fmt;

/// How to write one.
pub const HOW: &str = "write it like \"Mon-Fri 09:00\", \"Mon, Thu 08:30\", \"working days 09:00\" or \"daily 07:00\"";
/// Most times of day.
const MOST_TIMES: usize = 24;
/// Days looked at for the next time: beyond that there is none.
const MOST_DAYS: usize = 800;

/// On which days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Days {
    Every,
    Working,
    Named(Week),
}

/// Times that come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    days: Days,
    times: Vec<Time>,
}

impl Schedule {
    /// Reads days and times of day; without days it is every working day.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let first = text.find(|c: char| c.is_ascii_digit())?;
        let (days, times) = text.split_at(first);
        let days = match days.trim().to_ascii_lowercase().as_str() {
            "" | "working days" => Days::Working,
            "daily" | "every day" => Days::Every,
            named => Days::Named(Week::parse(named)?),
        };
        let mut times = times
            .split(',')
            .map(time_of_day)
            .collect::<Option<Vec<_>>>()?;
        times.sort_unstable();
        times.dedup();
        (times.len() <= MOST_TIMES).then_some(Self { days, times })
    }

    /// The first time after this instant.
    pub fn next(&self, after: Micros, calendar: &Calendar) -> Option<Micros> {
        let mut date = calendar.local(after).date();
        // around a jump of the clocks a time of the day before may stand for an instant of this day
        date = date.yesterday().unwrap_or(date);
        for _ in 0..MOST_DAYS {
            if self.is_on(date, calendar) {
                let found = self.times.iter().map(|time| calendar.at(date, *time));
                if let Some(next) = found.filter(|at| *at > after).min() {
                    return Some(next);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The last of the times from `due` to `now`, and how many came before it.
    pub fn last(&self, due: Micros, now: Micros, calendar: &Calendar) -> (Micros, i64) {
        let (mut last, mut missed) = (due, 0);
        while let Some(next) = self.next(last, calendar).filter(|next| *next <= now) {
            (last, missed) = (next, missed + 1);
        }
        (last, missed)
    }

    fn is_on(&self, date: jiff::civil::Date, calendar: &Calendar) -> bool {
        match self.days {
            Days::Every => true,
            Days::Working => calendar.works(date),
            Days::Named(week) => week.has(date.weekday()) && !calendar.is_holiday(date),
        }
    }
}

/// Reads `09:00`.
pub fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<i8>().ok()).flatten()
    };
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.days {
            Days::Every => f.write_str("daily")?,
            Days::Working => f.write_str("working days")?,
            Days::Named(week) => f.write_str(&week.words().join(", "))?,
        }
        for (place, time) in self.times.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma} {:02}:{:02}", time.hour(), time.minute())?;
        }
        Ok(())
    }
}
