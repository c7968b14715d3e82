//! Filters on points in time and dates: `date` and `in_zone`. They never ask what time it is.

use super::{MOST_TEXT, too_long, wrong};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime, civil};
use minijinja::{Error, Value};

enum Moment {
    At(Box<ZonedDateTime>),
    On(civil::Date),
}

impl Moment {
    /// A date, a point in time, or what `in_zone` made of one.
    fn parse(text: &str) -> Option<Self> {
        if text.len() > 100 {
            return None;
        }
        if text.len() == 10 {
            return text.parse().ok().map(Self::On);
        }
        let zoned = match text.contains('[') {
            true => text.parse::<ZonedDateTime>().ok()?,
            false => text
                .parse::<Timestamp>()
                .ok()?
                .to_zoned_datetime(TimeZone::UTC),
        };
        Some(Self::At(Box::new(zoned)))
    }

    fn format(&self, format: &str) -> Result<String, jiff::Error> {
        match self {
            Self::At(zoned) => strtime::format(format, zoned.as_ref()),
            Self::On(date) => strtime::format(format, *date),
        }
    }
}

/// `x | date('%d.%m.%Y')`; without a format, year first.
pub(super) fn date(value: Value, format: Option<Value>) -> Result<Value, Error> {
    if value.is_none() {
        return Ok(value);
    }
    let format = match &format {
        None => "%Y-%m-%d",
        Some(format) => format
            .as_str()
            .ok_or_else(|| wrong("`date` takes its format as text"))?,
    };
    let moment = moment(&value, "date")?;
    let text = moment.format(format).map_err(|_| {
        wrong("`date` cannot write this format: a date alone has no time of day and no zone")
    })?;
    if text.len() > MOST_TEXT {
        return Err(too_long("date"));
    }
    Ok(Value::from(text))
}

/// The same point in time on the clocks of a zone; `date` then writes what stands on them.
pub(super) fn in_zone(value: Value, zone: Value) -> Result<Value, Error> {
    if value.is_none() {
        return Ok(value);
    }
    let zone = zone
        .as_str()
        .ok_or_else(|| wrong("`in_zone` takes the name of a time zone"))?;
    let zone = TimeZone::get(zone).map_err(|_| wrong("`in_zone` does not know this time zone"))?;
    match moment(&value, "in_zone")? {
        Moment::At(zoned) => Ok(Value::from(zoned.with_time_zone(zone).to_string())),
        Moment::On(_) => Err(wrong(
            "`in_zone` needs a point in time; a date alone is the same everywhere",
        )),
    }
}

/// Why a format written in a flow cannot work.
pub(super) fn refuse_format(format: &str) -> Option<String> {
    let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    match strtime::format(format, &sample) {
        Ok(text) if text.len() <= 1024 => None,
        Ok(_) => Some("this date format writes more than 1 KB".into()),
        Err(error) => Some(format!("this is no date format: {error}")),
    }
}

/// Why a zone written in a flow cannot work.
pub(super) fn refuse_zone(zone: &str) -> Option<String> {
    match TimeZone::get(zone) {
        Ok(_) => None,
        Err(_) => Some(format!(
            "`{zone}` is no time zone; write it like `Europe/Berlin`"
        )),
    }
}

fn moment(value: &Value, name: &str) -> Result<Moment, Error> {
    value
        .as_str()
        .and_then(Moment::parse)
        .ok_or_else(|| wrong(format!("`{name}` needs a date or a point in time")))
}
