//! When a lane looks at the time: what is due is found by its index, a waiting timer is not looked at at all.

use super::Lane;
use super::batch::Batch;
use stagewire_store::{Error, RunRow, TimerKind, TimerRow, WriteSet};
use std::sync::atomic::Ordering;

/// Timers in one batch.
const BATCH: i64 = 64;
/// Events told together in one batch.
const TOGETHER: i64 = 500;
/// How long a lane without work sleeps.
const IDLE_MS: u64 = 5_000;
/// What is due and is being worked on elsewhere is looked at again after this.
const AGAIN_MICROS: i64 = 1_000_000;

impl Lane {
    /// A timer of this connection is due then.
    pub fn due_at(&self, due: i64) {
        if self.next_due.fetch_min(due, Ordering::AcqRel) > due {
            self.notify.notify_one();
        }
    }

    /// Whether the time has something for this lane.
    pub(super) async fn is_due(&self) -> bool {
        let now = self.hub.env.now().0;
        now >= self.next_due.load(Ordering::Acquire) || self.chores.any().await
    }

    /// How long to sleep until something is due, and whether that is for want of anything.
    pub(super) fn until_due(&self) -> (u64, bool) {
        let wait = self
            .next_due
            .load(Ordering::Acquire)
            .saturating_sub(self.hub.env.now().0);
        let wait_ms = u64::try_from(wait.div_euclid(1_000).saturating_add(1)).unwrap_or(0);
        (wait_ms.min(IDLE_MS), wait_ms >= IDLE_MS)
    }

    /// After a sleep: runs that wait for a path, and now and then the time, are looked at again.
    pub(super) fn look_again(&self, idle: bool) {
        self.replan.store(true, Ordering::Release);
        if idle {
            self.next_due.store(i64::MIN, Ordering::Release);
        }
    }

    /// What time brings: one slice of a chore, or of what is due; true where there is more.
    pub(super) async fn time(&self) -> Result<bool, Error> {
        let chores = self.chore().await?;
        let now = self.hub.env.now().0;
        if now < self.next_due.load(Ordering::Acquire) {
            return Ok(chores);
        }
        // what is set while we look counts too
        self.next_due.store(i64::MAX, Ordering::Release);
        let more = self.fire(now).await? || chores;
        if let Some(next) = self.hub.store.timers_next(self.conn.id.clone()).await? {
            let busy = next <= now && !more;
            self.next_due.fetch_min(
                if busy { now + AGAIN_MICROS } else { next },
                Ordering::AcqRel,
            );
        }
        Ok(more)
    }

    async fn due(&self, kind: TimerKind, now: i64, limit: i64) -> Result<Vec<TimerRow>, Error> {
        self.hub
            .store
            .timers_due(self.conn.id.clone(), kind, now, limit)
            .await
    }

    /// Works on timers of one kind; false where none of it could be written.
    async fn fire_all(&self, due: &[TimerRow]) -> Result<bool, Error> {
        let mut batch = Batch::new(self);
        match due.first().map(|timer| timer.kind) {
            Some(TimerKind::Settle) => batch.settle(due).await?,
            Some(TimerKind::Fact) => batch.facts(due).await?,
            _ => batch.tell_together(due).await?,
        }
        self.commit(batch).await
    }

    /// Runs with a step whose time has come go on; of runs that are over, the timers are too.
    async fn go_on(&self, due: Vec<TimerRow>) -> Result<(), Error> {
        let mut over = Vec::new();
        for step in due {
            let run = self.hub.store.run(step.run()).await?;
            let waits = |r: RunRow| matches!(r.reason.as_deref(), Some("needs" | "after"));
            match run.is_some_and(waits) {
                true => self.hub.run_moved(step.run()),
                false => over.push(step),
            }
        }
        if over.is_empty() {
            return Ok(());
        }
        let timers_dropped = over;
        self.write(WriteSet {
            timers_dropped,
            ..self.write_set()
        })
        .await
    }

    async fn fire(&self, now: i64) -> Result<bool, Error> {
        let settled = self.due(TimerKind::Settle, now, BATCH).await?;
        let facts = self.due(TimerKind::Fact, now, BATCH).await?;
        let together = self.due(TimerKind::Collect, now, TOGETHER).await?;
        for due in [&settled, &facts, &together] {
            if !due.is_empty() && !self.fire_all(due).await? {
                // somebody was faster, or the ground moved: what is due is asked for anew
                self.moved_ground().await?;
                return Ok(true);
            }
        }
        self.go_on(self.due(TimerKind::Step, now, TOGETHER).await?)
            .await?;
        for timer in self.due(TimerKind::Schedule, now, BATCH).await? {
            self.begin(timer).await;
        }
        let full = |due: &[TimerRow], limit: i64| due.len() as i64 == limit;
        let busy = self.chores.any().await;
        Ok(busy || full(&settled, BATCH) || full(&facts, BATCH) || full(&together, TOGETHER))
    }
}
