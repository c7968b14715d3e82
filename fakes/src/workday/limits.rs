//! The tenant's limits: calls per minute, report calls per hour, floods of bad requests, and report
//! calls under way at once. They count and say no; they never wait and never say for how long.

use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Time;

/// A fixed window; a limit of zero counts nothing.
#[derive(Debug)]
pub(crate) struct Window {
    limit: u32,
    secs: i64,
    start: i64,
    used: u32,
}

impl Window {
    pub(crate) fn new(limit: u32, secs: i64) -> Self {
        Window {
            limit,
            secs,
            start: 0,
            used: 0,
        }
    }

    pub(crate) fn set(&mut self, limit: u32) {
        self.limit = limit;
        self.used = 0;
    }

    /// Counts one; false if it was one too many.
    pub(crate) fn count(&mut self, now: Time) -> bool {
        let free = !self.is_full(now);
        self.used += u32::from(free);
        free
    }

    /// Whether there is no room left.
    pub(crate) fn is_full(&mut self, now: Time) -> bool {
        let start = now.secs().div_euclid(self.secs);
        if start != self.start {
            (self.start, self.used) = (start, 0);
        }
        self.limit > 0 && self.used >= self.limit
    }
}

/// Report calls under way.
#[derive(Clone)]
pub(crate) struct Running(Arc<watch::Sender<usize>>);

impl Default for Running {
    fn default() -> Self {
        Running(Arc::new(watch::channel(0).0))
    }
}

impl Running {
    /// One more, unless there are `limit` already.
    pub(crate) fn start(&self, limit: usize) -> Option<Run> {
        let mut started = false;
        self.0.send_modify(|running| {
            started = limit == 0 || *running < limit;
            *running += usize::from(started);
        });
        started.then(|| Run(self.clone()))
    }

    /// Waits until as many are under way.
    pub(crate) async fn until(&self, count: usize) {
        let _ = self
            .0
            .subscribe()
            .wait_for(|running| *running == count)
            .await;
    }
}

/// One report call under way, from its admission to its last byte.
pub(crate) struct Run(Running);

impl Drop for Run {
    fn drop(&mut self) {
        self.0.0.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fills_and_starts_afresh() {
        let at = |secs: i64| Time::from_ms(secs * 1000);
        let mut window = Window::new(2, 60);
        assert!(window.count(at(61)) && window.count(at(62)));
        assert!(!window.count(at(119)));
        assert!(window.count(at(120)));
        let mut open = Window::new(0, 60);
        assert!((0..100).all(|_| open.count(at(1))));
    }

    #[test]
    fn a_report_counts_until_it_is_dropped() {
        let running = Running::default();
        let first = running.start(1);
        assert!(first.is_some() && running.start(1).is_none());
        drop(first);
        assert!(running.start(1).is_some());
    }
}
