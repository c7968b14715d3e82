//! How far reading is, for people: per stream what is being read, how many rows came, how many are expected, how fast. Lives in
//! memory; what must survive is in the checkpoints.

use stagewire_model::Micros;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a stream is being read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// For the first time.
    First,
    /// Whole again.
    Full,
    /// What changed.
    Changes,
}

impl Phase {
    /// The word on the surface.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::First => "first",
            Phase::Full => "full",
            Phase::Changes => "changes",
        }
    }
}

/// One stream's last or current walk.
#[derive(Clone, Debug)]
pub struct StreamProgress {
    /// What for.
    pub phase: Phase,
    /// Rows so far.
    pub rows: i64,
    /// Rows of the last full scan, where there was one.
    pub expected: Option<i64>,
    /// When it began here.
    pub began: Micros,
    /// Rows when it began here: a resumed scan did not start at nothing.
    pub began_with: i64,
    /// When it was over; `None` while it runs.
    pub ended: Option<Micros>,
    /// Why it stopped before its end.
    pub stopped: Option<String>,
}

impl StreamProgress {
    /// Rows per second since it began; `None` before the first second is over.
    pub fn rate(&self, now: Micros) -> Option<i64> {
        let seconds = (self.ended.unwrap_or(now).0 - self.began.0) / 1_000_000;
        (seconds > 0).then(|| (self.rows - self.began_with) / seconds)
    }

    /// When it will be over, at this rate; `None` where that cannot be told.
    pub fn forecast(&self, now: Micros) -> Option<Micros> {
        let left = self.expected?.checked_sub(self.rows).filter(|n| *n > 0)?;
        let rate = self.rate(now).filter(|r| *r > 0)?;
        self.ended
            .is_none()
            .then(|| now.plus_ms(left * 1000 / rate))
    }
}

/// All streams of a connection.
#[derive(Debug, Default)]
pub struct Progress(Mutex<BTreeMap<String, StreamProgress>>);

impl Progress {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, StreamProgress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything there is to say, by stream.
    pub fn all(&self) -> BTreeMap<String, StreamProgress> {
        self.lock().clone()
    }

    pub(super) fn begin(&self, stream: &str, phase: Phase, rows: i64, last: i64, now: Micros) {
        let progress = StreamProgress {
            phase,
            rows,
            expected: (phase != Phase::Changes && last > 0).then_some(last),
            began: now,
            began_with: rows,
            ended: None,
            stopped: None,
        };
        self.lock().insert(stream.to_owned(), progress);
    }

    pub(super) fn rows(&self, stream: &str, more: i64) {
        if let Some(p) = self.lock().get_mut(stream) {
            p.rows += more;
        }
    }

    pub(super) fn end(&self, stream: &str, stopped: Option<String>, now: Micros) {
        if let Some(p) = self.lock().get_mut(stream) {
            (p.ended, p.stopped) = (Some(now), stopped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_needs_an_end_and_a_rate_and_a_resumed_scan_counts_from_where_it_was() {
        let (t0, progress) = (Micros(0), Progress::default());
        progress.begin("jobs", Phase::Full, 1_000, 4_000, t0);
        progress.rows("jobs", 1_000);
        let p = progress.all()["jobs"].clone();
        assert_eq!(p.forecast(t0.plus_ms(500)), None, "no rate yet");
        assert_eq!(p.rate(t0.plus_ms(10_000)), Some(100));
        assert_eq!(
            p.forecast(t0.plus_ms(10_000)),
            Some(t0.plus_ms(30_000)),
            "2,000 rows at 100 a second"
        );
        progress.end("jobs", None, t0.plus_ms(10_000));
        assert_eq!(progress.all()["jobs"].forecast(t0.plus_ms(11_000)), None);
        progress.begin("jobs", Phase::Changes, 0, 4_000, t0);
        assert_eq!(progress.all()["jobs"].expected, None);
    }
}
