//! Deliveries: believed at once, as a whole, only if later than every part that they change; else a
//! hint. Refuses to lift a tombstone.

use std::cmp::Ordering::{Equal, Greater, Less};

use super::compare;
use super::turn::{Turn, When};
use super::{Date, Fate, Hook, Kind, Part, PartName, Status, Tag, Told, Transition, Value};

impl<T: Tag> Turn<'_, '_, T> {
    /// `last`: a read asked after it was answered (or none is possible), so it is no hint any more.
    pub(super) fn take(&mut self, h: &Hook<T>, last: bool) {
        if h.deleted {
            if !self.app.gone {
                (self.app.gone, self.app.gone_at) = (true, self.receipt());
                self.emit(Kind::Deleted, None, h.tags.deleted.clone());
            }
        } else if h.thin || self.app.gone {
            if !last {
                self.hint(h); // only a read proves it, or lifts a tombstone
            }
        } else if h
            .at
            .as_ref()
            .is_some_and(|at| at.second() < self.cx.watermark)
        {
            self.out.fate = Fate::Before; // backfill, or the read of the missing past, has it
        } else if h.at.is_none() {
            self.undated(h, last);
        } else {
            self.dated(h, last);
        }
    }

    fn undated(&mut self, h: &Hook<T>, last: bool) {
        if self.shown(h) {
            let part = match self.announced_part(h) {
                Some(PartName::Status) => self.app.status.as_ref().is_some_and(|p| p.unannounced),
                Some(PartName::Stage) => self.app.stage.as_ref().is_some_and(|p| p.unannounced),
                None => false,
            };
            if part {
                self.announce_or_hint(h, last);
            }
        } else if !self.cx.reads {
            self.in_order_of_receipt(h);
        } else if !last {
            self.hint(h);
        }
    }

    /// We hold what it shows.
    pub(super) fn shown(&self, h: &Hook<T>) -> bool {
        self.app.known
            && h.standing().is_none_or(|v| self.same_status(&v))
            && h.stage.as_deref().is_none_or(|stage| self.stage_is(stage))
    }

    /// Undated, and no read will ever tell.
    fn in_order_of_receipt(&mut self, h: &Hook<T>) {
        self.app.known = true;
        self.creation(h.applied.as_ref(), &h.tags.created);
        if let Some(v) = h.standing().filter(|v| !self.same_status(v)) {
            self.change_status(v, None, &h.tags.status, h.says());
        }
        self.stage_hook(h, true);
    }

    fn dated(&mut self, h: &Hook<T>, last: bool) {
        self.app.known = true;
        self.creation(h.applied.as_ref(), &h.tags.created);
        let differ = self.differ(h);
        let c = |date: &Option<Date>| compare(h.at.as_ref(), date.as_ref());
        let mut newer = differ.iter().all(|date| c(date) == Some(Greater));
        if !newer && !self.explained(h) {
            if !self.cx.reads && differ.iter().all(|date| c(date) != Some(Less)) {
                newer = true; // equal, and no read will ever tell: in order of receipt
            } else if !last {
                self.hint(h);
            } else if let Some(v) = h.standing() {
                self.late_end(&v, &h.tags.status);
            }
        }
        if newer {
            self.status_hook(h, last);
            self.stage_hook(h, last);
        }
    }

    /// The dates of the parts that it would change.
    fn differ(&self, h: &Hook<T>) -> Vec<Option<Date>> {
        let status = self.app.status.as_ref().filter(|_| {
            let shown = h.standing();
            shown.is_some_and(|v| !self.same_status(&v))
        });
        let stage = self.app.stage.as_ref().filter(|p| {
            let shown = h.stage.as_ref();
            shown.is_some_and(|stage| *stage != p.value)
        });
        let status = status.map(|p| p.date.clone());
        status
            .into_iter()
            .chain(stage.map(|p| p.date.clone()))
            .collect()
    }

    /// Our history already shows this state at that time.
    fn explained(&self, h: &Hook<T>) -> bool {
        let stages: Vec<_> = self.app.stages().collect();
        let at = h.at.as_ref();
        let stage = h.stage.as_deref().is_none_or(|stage| {
            stages.iter().enumerate().any(|(i, t)| {
                t.to.stage() == Some(stage)
                    && compare(t.date.as_ref(), at) != Some(Greater)
                    && stages.get(i + 1).is_none_or(|next| {
                        matches!(compare(at, next.date.as_ref()), Some(Less | Equal))
                    })
            })
        });
        stage
            && h.standing().is_none_or(|v| match &v.own {
                Some(own) => self.knows_end(v.status, own),
                None => self.status_is(v.status),
            })
    }

    fn announced_part(&self, h: &Hook<T>) -> Option<PartName> {
        match h.announces {
            Some(Kind::StageChanged) => h.stage.is_some().then_some(PartName::Stage),
            _ => h.says().map(|_| PartName::Status),
        }
    }

    fn announce_or_hint(&mut self, h: &Hook<T>, last: bool) {
        if last {
            self.announce(h);
        } else {
            self.hint(h);
        }
    }

    /// A state held unannounced is announced once, by the webhook that says so, after the missing
    /// past was read.
    fn announce(&mut self, h: &Hook<T>) {
        let (Some(kind), Some(part)) = (h.announces, self.announced_part(h)) else {
            return;
        };
        let (to, mut tag) = match (part, h.status, &h.stage) {
            (PartName::Stage, _, Some(stage)) => (Value::Stage(stage.clone()), &h.tags.stage),
            (PartName::Status, Some(status), _) => (Value::Status(status), &h.tags.status),
            _ => return,
        };
        if let (PartName::Status, None, Some(held)) = (part, &h.at, &self.app.status) {
            tag = tag.max(&held.tag);
        }
        let tag = tag.clone();
        let newest = self.of(part).next_back().filter(|t| t.to == to);
        let uid = match newest.map(|t| t.uid) {
            Some(uid) => {
                self.amend(uid, |t| (t.told, t.tag) = (Told::Yes, tag));
                uid
            }
            None => self.came_back(h, to, tag), // by what we learned meanwhile
        };
        let from = self.of(part).rev().nth(1).map(|t| t.to.clone());
        let at = h.at.as_ref();
        let since = self.app.history.iter().any(|t| {
            t.told == Told::Yes
                && t.to.part() != part
                && t.heard > self.heard
                && compare(t.date.as_ref(), at) == Some(Greater)
        });
        let late = since || self.newer_told(at, part);
        let date = h.at.clone();
        self.tell(uid, kind, from, When { date, late });
        match part {
            PartName::Status => self
                .app
                .status
                .iter_mut()
                .for_each(|p| p.unannounced = false),
            PartName::Stage => self
                .app
                .stage
                .iter_mut()
                .for_each(|p| p.unannounced = false),
        }
    }

    fn came_back(&mut self, h: &Hook<T>, to: Value, tag: T) -> u64 {
        let uid = self.new_uid();
        let t = Transition {
            uid,
            to,
            date: h.at.clone(),
            sure: true,
            row: None,
            told: Told::Yes,
            heard: 0,
            tag,
        };
        self.put(t, None);
        uid
    }

    fn of(&self, part: PartName) -> impl DoubleEndedIterator<Item = &Transition<T>> {
        self.app.history.iter().filter(move |t| t.to.part() == part)
    }

    fn status_hook(&mut self, h: &Hook<T>, last: bool) {
        let Some(v) = h.standing() else {
            return;
        };
        let (receipt, same) = (self.receipt(), self.same_status(&v));
        let Some(p) = &mut self.app.status else {
            return self.first_status(v, h.at.as_ref(), &h.tags.status, h.says());
        };
        if !same {
            return self.change_status(v, h.at.as_ref(), &h.tags.status, h.says());
        }
        Self::confirm(p, h.at.as_ref(), receipt);
        if p.unannounced && h.says().is_some() {
            self.announce_or_hint(h, last);
        }
    }

    fn stage_hook(&mut self, h: &Hook<T>, last: bool) {
        let Some(stage) = &h.stage else {
            return;
        };
        let (receipt, says) = (self.receipt(), h.announces == Some(Kind::StageChanged));
        if let Some(p) = self.app.stage.as_mut().filter(|p| p.value == *stage) {
            Self::confirm(p, h.at.as_ref(), receipt);
            if p.unannounced && says {
                self.announce_or_hint(h, last);
            }
            return;
        }
        let from = self.app.stage.as_ref().map(|p| p.value.clone());
        let unannounced = from.is_none() && !says && h.announces != Some(Kind::Created);
        self.app.stage = Some(Part {
            value: stage.clone(),
            date: h.at.clone(),
            heard: self.cx.receipts.tick(),
            unannounced,
            tag: h.tags.stage.clone(),
        });
        let live = says || from.is_some();
        let ended = self.status_with(h).is_some_and(Status::ended);
        let uid = self.new_uid();
        let t = Transition {
            uid,
            to: Value::Stage(stage.clone()),
            date: h.at.clone(),
            sure: says && !ended, // who is ended is not moved: the body was written later
            row: None,
            told: match (live, unannounced) {
                (true, _) => Told::Yes,
                (false, true) => Told::Open,
                (false, false) => Told::Never,
            },
            heard: self.heard,
            tag: h.tags.stage.clone(),
        };
        self.put(t, None);
        if live {
            // who is ended is not moved: that happened before
            let told = |t: &Transition<T>| t.told == Told::Yes && t.heard < self.heard;
            let late = (!says && ended && self.app.statuses().any(told))
                || self.newer_told(h.at.as_ref(), PartName::Stage);
            let date = h.at.clone();
            self.tell(
                uid,
                Kind::StageChanged,
                from.map(Value::Stage),
                When { date, late },
            );
        }
    }

    /// The status at the time of its writing: shown, or else the one we hold.
    fn status_with(&self, h: &Hook<T>) -> Option<Status> {
        let held = self.app.status.as_ref().map(|p| p.value.status);
        h.status.or(held)
    }
}
