//! Facts that time brings about: an application stands still, feedback is overdue, an interview is near, a date of a record comes.
//! Says of one record when its fact comes due, and whether it holds; sets no timer and emits nothing.

use super::calendar::Calendar;
use super::length::Length;
use crate::mirror::work::{Held, Notes};
use jiff::civil::{Date, Time};
use serde_json::Value;
use stagewire_model::time::parse_instant;
use stagewire_model::{Entity, Micros};
use stagewire_store::RecordRow;
use std::fmt;

/// The time of day that a date without one stands for.
pub const MORNING: Time = Time::constant(9, 0, 0, 0);
/// How long ago a date may have come for its event, where it is learned only now.
pub const GRACE_MS: i64 = 86_400_000;

/// A fact a flow waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An active application has been in its stage for so long.
    Stalled(Length),
    /// A scorecard is not there so long after it was due.
    Overdue(Option<Length>),
    /// A scheduled interview begins in so long.
    StartingSoon(Length),
    /// A date of a record.
    Date {
        /// The kind of record.
        entity: Entity,
        /// The field.
        field: String,
        /// A date without a time stands for this time of day.
        at: Time,
        /// Before or after it.
        shift: Shift,
    },
}

/// Before, after, or at a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// When it comes.
    At,
    /// So long before.
    Before(Length),
    /// So long after.
    After(Length),
}

/// What is known when a fact is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Now.
    pub now: Micros,
    /// What came due before this connection was set up is history.
    pub watermark: Micros,
    /// The workspace's calendar.
    pub calendar: &'a Calendar,
}

/// A fact that will hold, or holds, of a record as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Tells it from the same fact another time: the stay in the stage, the date.
    pub key: String,
    /// What it is counted from.
    pub since: Micros,
    /// When it comes due.
    pub due: Micros,
    /// `since` is known; else it is no more than the time we looked.
    pub firm: bool,
    /// The last moment at which it is still worth telling, where there is one.
    pub until: Option<Micros>,
    /// Once it has come due it goes on being so.
    pub lasting: bool,
}

impl Stay {
    /// Whether a timer is set for it now: it is still to come, or came due and is so still. `grace_ms`: how long ago a passing
    /// moment may have been.
    pub fn wanted(&self, moment: &Moment<'_>, grace_ms: i64) -> bool {
        let (due, now) = (self.due, moment.now);
        due > now
            || due >= moment.watermark && self.lasting
            || self.until.is_some_and(|until| until > now)
            || due >= moment.watermark && due.plus_ms(grace_ms) >= now && self.until.is_none()
    }
}

impl Fact {
    /// The type of its event.
    pub fn event(&self) -> String {
        match self {
            Self::Stalled(_) => "application.stalled".to_owned(),
            Self::Overdue(_) => "scorecard.overdue".to_owned(),
            Self::StartingSoon(_) => "interview.starting_soon".to_owned(),
            Self::Date { entity, .. } => format!("{}.date_reached", entity.name()),
        }
    }

    /// The kind of record it is about.
    pub fn entity(&self) -> Entity {
        match self {
            Self::Stalled(_) => Entity::Application,
            Self::Overdue(_) => Entity::Scorecard,
            Self::StartingSoon(_) => Entity::Interview,
            Self::Date { entity, .. } => *entity,
        }
    }

    /// When it comes of this record; none where it cannot. `interview`: a scorecard's.
    pub fn of(
        &self,
        held: &Held,
        interview: Option<&RecordRow>,
        moment: &Moment<'_>,
    ) -> Option<Stay> {
        let row = &held.row;
        if row.entity != self.entity() || row.deleted_at.is_some() {
            return None;
        }
        match self {
            Self::Stalled(after) => stalled(held, *after, moment),
            Self::Overdue(after) => overdue(row, *after, interview, moment),
            Self::StartingSoon(before) => {
                let start =
                    instant(row, "start_at").filter(|_| word(row, "status", &["scheduled"]));
                let start = start.filter(|start| *start > moment.now)?;
                let due = before.before(start, moment.calendar);
                Some(passing(start, due, Some(start)))
            }
            Self::Date {
                field, at, shift, ..
            } => {
                let day = date(row, field, *at, moment.calendar)?;
                match shift {
                    Shift::At => Some(passing(day, day, None)),
                    Shift::After(length) => {
                        let due = length.after(day, moment.calendar);
                        Some(passing(day, due, None))
                    }
                    Shift::Before(length) => {
                        let due = length.before(day, moment.calendar);
                        (day > moment.now).then(|| passing(day, due, Some(day)))
                    }
                }
            }
        }
    }
}

fn passing(since: Micros, due: Micros, until: Option<Micros>) -> Stay {
    Stay {
        key: since.text(),
        since,
        due,
        firm: true,
        until,
        lasting: false,
    }
}

fn stalled(held: &Held, after: Length, moment: &Moment<'_>) -> Option<Stay> {
    let row = &held.row;
    let stage = row.fields.get("stage_id").and_then(Value::as_str)?;
    if !word(row, "status", &["active"]) {
        return None;
    }
    let entered = instant(row, "stage_entered_at");
    let uid = match &held.notes {
        Notes::Application { app, .. } => app.stages().next_back().map(|stay| stay.uid),
        Notes::Plain(_) => None,
    };
    let since = entered.unwrap_or(moment.now);
    Some(Stay {
        key: format!("{stage}#{}", uid.unwrap_or_default()),
        since,
        due: after.after(since, moment.calendar),
        firm: entered.is_some(),
        until: None,
        lasting: true,
    })
}

fn overdue(
    row: &RecordRow,
    after: Option<Length>,
    interview: Option<&RecordRow>,
    moment: &Moment<'_>,
) -> Option<Stay> {
    if !word(row, "state", &["requested", "draft"]) {
        return None;
    }
    let of_interview = || {
        let held = interview.filter(|held| !word(held, "status", &["cancelled", "no_show"]))?;
        instant(held, "end_at")
    };
    let since = instant(row, "due_at").or_else(of_interview)?;
    let due = after.map_or(since, |after| after.after(since, moment.calendar));
    Some(Stay {
        lasting: true,
        ..passing(since, due, None)
    })
}

fn word(row: &RecordRow, field: &str, words: &[&str]) -> bool {
    let value = row.fields.get(field).and_then(Value::as_str);
    value.is_some_and(|value| words.contains(&value))
}

fn instant(row: &RecordRow, field: &str) -> Option<Micros> {
    let text = row.fields.get(field)?.as_str()?;
    parse_instant(text).map(|(at, _)| at)
}

/// A field that is an instant, or a date at that time of day.
fn date(row: &RecordRow, field: &str, at: Time, calendar: &Calendar) -> Option<Micros> {
    instant(row, field).or_else(|| {
        let day: Date = row.fields.get(field)?.as_str()?.parse().ok()?;
        Some(calendar.at(day, at))
    })
}

impl fmt::Display for Fact {
    /// The rule in words; two flows with the same words wait for the same event.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled(after) => write!(f, "application.stalled after {after}"),
            Self::Overdue(None) => f.write_str("scorecard.overdue"),
            Self::Overdue(Some(after)) => write!(f, "scorecard.overdue after {after}"),
            Self::StartingSoon(before) => write!(f, "interview.starting_soon before {before}"),
            Self::Date {
                entity,
                field,
                at,
                shift,
            } => {
                let (hour, minute) = (at.hour(), at.minute());
                match shift {
                    Shift::At => {}
                    Shift::Before(length) => write!(f, "{length} before ")?,
                    Shift::After(length) => write!(f, "{length} after ")?,
                }
                write!(f, "{entity}.{field} {hour:02}:{minute:02}")
            }
        }
    }
}
