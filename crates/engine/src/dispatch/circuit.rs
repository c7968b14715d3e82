//! The circuit of one destination: after five bad results in a row of more than one order key it lets one action through at a
//! time, at growing distances, and one good answer closes it. Pure.

use super::line::Key;
use stagewire_model::Micros;
use std::collections::HashSet;

/// This many bad results in a row open it.
const ROW: usize = 5;
/// A success younger than this keeps it closed.
const FRESH_MS: i64 = 2_000;
/// The longest distance between two probes.
const LONGEST_MS: i64 = 30_000;

/// Closed lets all through; open lets one probe through at a time.
#[derive(Debug, Default)]
pub struct Circuit {
    open: Option<Open>,
    row: usize,
    keys: HashSet<Key>,
    last_good: Option<Micros>,
}

#[derive(Debug)]
struct Open {
    next: Micros,
    interval_ms: i64,
    probe: Option<i64>,
    since: Micros,
}

impl Circuit {
    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Since when it is open.
    pub fn open_since(&self) -> Option<Micros> {
        self.open.as_ref().map(|o| o.since)
    }

    /// Whether a probe may go now.
    pub fn may_probe(&self, now: Micros) -> bool {
        self.open
            .as_ref()
            .is_some_and(|o| o.probe.is_none() && o.next <= now)
    }

    /// When the next probe may go; `None` while one is out.
    pub fn next_probe(&self) -> Option<Micros> {
        self.open
            .as_ref()
            .filter(|o| o.probe.is_none())
            .map(|o| o.next)
    }

    /// A probe is out.
    pub fn probing(&mut self, id: i64) {
        if let Some(open) = &mut self.open {
            open.probe = Some(id);
        }
    }

    /// A probe went without an answer that tells anything: another may go.
    pub fn unprobed(&mut self, id: i64, now: Micros) {
        if let Some(open) = &mut self.open
            && open.probe == Some(id)
        {
            open.probe = None;
            open.next = now.plus_ms(open.interval_ms);
        }
    }

    /// An action came back: `well` is any answer that is no refused connection, time-out or 5xx.
    pub fn answered(&mut self, id: i64, key: Key, now: Micros, well: bool) {
        if well {
            *self = Circuit {
                last_good: Some(now),
                ..Circuit::default()
            };
            return;
        }
        self.row += 1;
        self.keys.insert(key);
        match &mut self.open {
            Some(open) if open.probe == Some(id) => {
                open.probe = None;
                open.interval_ms = (open.interval_ms * 2).min(LONGEST_MS);
                open.next = now.plus_ms(open.interval_ms);
            }
            Some(_) => {}
            None => {
                let stale = self.last_good.is_none_or(|t| now.0 - t.0 > FRESH_MS * 1000);
                if self.row >= ROW && self.keys.len() > 1 && stale {
                    self.open = Some(Open {
                        next: now.plus_ms(1_000),
                        interval_ms: 1_000,
                        probe: None,
                        since: now,
                    });
                }
            }
        }
    }
}
