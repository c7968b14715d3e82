//! How often a connection is polled: `60s`, `5m`, `1h`, or `0` for never.

use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    /// No polling and no backfill; what a flow needs is still read.
    Never,
    Every(Duration),
}

impl Default for Poll {
    fn default() -> Self {
        Self::Every(Duration::from_secs(60))
    }
}

impl Poll {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self::Never);
        }
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let seconds = match unit {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3600),
            _ => None,
        };
        let number = number.parse::<u64>().ok();
        let every = number
            .zip(seconds)
            .and_then(|(number, seconds)| number.checked_mul(seconds));
        match every.map(Duration::from_secs) {
            None => Err(format!("`{text}` is not a time between polls")),
            Some(Duration::ZERO) => Err(format!("`{text}` would poll without a pause")),
            Some(every) if every > LONGEST => Err(format!("`{text}` is longer than a day")),
            Some(every) => Ok(Self::Every(every)),
        }
    }
}
