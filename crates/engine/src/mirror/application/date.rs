//! Vendor dates and how they compare; refuses to know any clock of ours.

use std::cmp::Ordering;

use super::unset;
use serde::{Deserialize, Serialize};

/// Microseconds in one second.
pub const SEC: i64 = 1_000_000;

/// A moment as a vendor wrote it. All dates of one record are of one vendor clock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Date {
    /// Microseconds since 1970.
    pub micros: i64,
    /// The vendor told whole seconds only.
    #[serde(default, skip_serializing_if = "unset")]
    pub coarse: bool,
    /// The vendor path it was read from, the same word in every shape.
    pub path: Box<str>,
}

impl Date {
    /// The second it lies in.
    pub fn second(&self) -> i64 {
        self.micros.div_euclid(SEC)
    }
}

/// `None` where one is absent. Closer than a second (two where one tells whole seconds) is a tie:
/// a vendor writes the dates of one act at several moments.
pub fn compare(a: Option<&Date>, b: Option<&Date>) -> Option<Ordering> {
    let (a, b) = (a?, b?);
    let margin = SEC * (1 + i64::from(a.coarse || b.coarse));
    if a.micros.abs_diff(b.micros) <= margin.unsigned_abs() {
        return Some(Ordering::Equal);
    }
    Some(a.micros.cmp(&b.micros))
}

/// Between two reads: one path in one precision needs no tie; else as `compare`.
pub fn order(a: Option<&Date>, b: Option<&Date>) -> Option<Ordering> {
    match (a, b) {
        (Some(a), Some(b)) if a.coarse == b.coarse && a.path == b.path => {
            Some(a.micros.cmp(&b.micros))
        }
        _ => compare(a, b),
    }
}

/// One path seen twice: equal at the coarser precision; `None` where one is absent.
pub fn same(a: Option<&Date>, b: Option<&Date>) -> Option<bool> {
    let (a, b) = (a?, b?);
    Some(if a.coarse || b.coarse {
        a.second() == b.second()
    } else {
        a.micros == b.micros
    })
}

/// The later of two dates; of a tie, the finer.
pub fn newest(a: Option<&Date>, b: Option<&Date>) -> Option<Date> {
    let (Some(x), Some(y)) = (a, b) else {
        return a.or(b).cloned();
    };
    let tie = compare(a, b) == Some(Ordering::Equal);
    let first = if tie && x.coarse != y.coarse {
        y.coarse
    } else {
        x >= y
    };
    Some(if first { x } else { y }.clone())
}
