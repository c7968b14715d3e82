//! What the machine says: time, how long a sync takes, what a process and its threads have used. Reads /proc; where there is none,
//! those figures are missing.

use anyhow::Result;
use stagewire_testkit::process::Folder;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

/// Ticks of processor time per second in /proc, on every Linux there is.
const TICKS: u64 = 100;

/// The bench's own clock.
#[expect(
    clippy::disallowed_methods,
    reason = "measuring is what this program is for"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The median time of appending 4 KB and syncing it, in microseconds.
pub(crate) fn sync_micros() -> Result<f64> {
    let folder = Folder::new("bench-sync");
    let mut file = std::fs::File::create(folder.0.join("log"))?;
    let page = [7_u8; 4096];
    let mut took = Vec::new();
    for _ in 0..300 {
        let from = now();
        file.write_all(&page)?;
        file.sync_data()?;
        took.push(micros(from.elapsed()));
    }
    Ok(quantile(&mut took, 0.5))
}

pub(crate) fn micros(d: Duration) -> f64 {
    d.as_secs_f64() * 1e6
}

/// A quantile of unsorted values; sorts them. 0 where there are none.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a list"
    )]
    let at = (last as f64 * q).round() as usize;
    values.get(at).copied().unwrap_or(0.0)
}

/// The median.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(&mut values.to_vec(), 0.5)
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// How many files this process may have open, connections included.
pub(crate) fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|l| l.starts_with("Max open files"));
    line.and_then(|l| l.split_whitespace().nth(3)?.parse().ok())
        .unwrap_or(1024)
}

/// Processor time of a process's threads so far, by thread name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Threads(BTreeMap<String, u64>);

impl Threads {
    pub(crate) fn of(pid: u32) -> Threads {
        let mut out = BTreeMap::new();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            if let Some((name, ticks)) = parse(&stat) {
                *out.entry(name).or_default() += ticks;
            }
        }
        Threads(out)
    }

    /// Microseconds since an earlier look, of threads of that name.
    pub(crate) fn since(&self, before: &Threads, name: &str) -> f64 {
        let used = |t: &Threads| t.0.get(name).copied().unwrap_or(0);
        (used(self).saturating_sub(used(before)) * 1_000_000 / TICKS) as f64
    }

    /// Microseconds of all threads since an earlier look.
    pub(crate) fn total_since(&self, before: &Threads) -> f64 {
        self.all_since(before).iter().map(|(_, used)| used).sum()
    }

    /// Who used what since an earlier look, in microseconds, the hungriest first.
    pub(crate) fn all_since(&self, before: &Threads) -> Vec<(String, f64)> {
        let each = self.0.keys().map(|n| (n.clone(), self.since(before, n)));
        let mut out: Vec<_> = each.filter(|(_, used)| *used > 0.0).collect();
        out.sort_by(|a, b| b.1.total_cmp(&a.1));
        out
    }
}

/// `pid (name) state …`: the name, and user and system time.
fn parse(stat: &str) -> Option<(String, u64)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((name, ticks(11)? + ticks(12)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_with_a_bracket_in_its_name_is_read() {
        let stat = "12 (store)-writer) S 1 12 12 0 -1 4194368 5 0 0 0 31 7 0 0 20 0 9 0 100";
        assert_eq!(parse(stat), Some(("store)-writer".into(), 38)));
    }

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let mut values = [3.0, 1.0, 2.0];
        assert_eq!(quantile(&mut values, 0.5), 2.0);
        assert_eq!(quantile(&mut values, 0.99), 3.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
