//! One turn at the mirror: the state, the connection and what comes of it; what deliveries and reads
//! have in common. Refuses to know which of the two it is.

use std::cmp::Ordering::{Equal, Greater, Less};

use super::{
    Application, Context, Creation, Date, Event, Fate, Hint, Hook, Kind, Outcome, Part, PartName,
    Standing, Status, Tag, Told, Transition, Value, compare, newest, same,
};

/// One delivery or one read on its way through the rules.
pub(super) struct Turn<'a, 'c, T> {
    pub(super) app: &'a mut Application<T>,
    pub(super) cx: &'a mut Context<'c>,
    /// The receipt number of what is taken now.
    pub(super) heard: u64,
    /// A read is wanted because of what was just read.
    pub(super) unanswered: bool,
    /// The events of one act, until the next `flush`.
    tx: Vec<Event<T>>,
    pub(super) out: Outcome<T>,
}

/// The date of an event and whether something newer was told before it.
pub(super) struct When {
    pub(super) date: Option<Date>,
    pub(super) late: bool,
}

impl When {
    /// Not late.
    pub(super) fn now(date: Option<Date>) -> Self {
        Self { date, late: false }
    }
}

impl<'a, 'c, T: Tag> Turn<'a, 'c, T> {
    pub(super) fn new(app: &'a mut Application<T>, cx: &'a mut Context<'c>, heard: u64) -> Self {
        let out = Outcome {
            fate: Fate::Taken,
            events: Vec::new(),
            wanted: false,
            dropped: false,
            answered: Vec::new(),
            changed: Vec::new(),
        };
        Self {
            app,
            cx,
            heard,
            unanswered: false,
            tx: Vec::new(),
            out,
        }
    }

    pub(super) fn done(mut self) -> Outcome<T> {
        self.flush();
        let mut seen = std::collections::HashSet::new();
        self.out.changed.retain(|uid| seen.insert(*uid));
        self.out
    }

    pub(super) fn tick(&mut self) -> u64 {
        self.cx.receipts.tick()
    }

    pub(super) fn receipt(&self) -> u64 {
        self.cx.receipts.last()
    }

    pub(super) fn new_uid(&mut self) -> u64 {
        self.app.uid += 1;
        self.app.uid
    }

    /// Asks for a read, where one is possible.
    pub(super) fn want(&mut self) {
        self.unanswered = true;
        self.out.wanted = self.cx.reads;
    }

    /// Not believed: the answer of a read asked from now on decides.
    pub(super) fn hint(&mut self, hook: &Hook<T>) {
        let (receipt, hook) = (self.receipt(), hook.clone());
        self.app.hints.push(Hint { receipt, hook });
        self.out.fate = Fate::Waiting;
        self.want();
    }

    // ---- events

    /// An event of the record as a whole.
    pub(super) fn emit(&mut self, kind: Kind, date: Option<Date>, tag: T) {
        let uid = self.new_uid();
        self.tx.push(Event {
            uid,
            kind,
            from: None,
            to: None,
            late: false,
            also_of: None,
            date,
            tag,
        });
    }

    /// The event of a transition, never from one thing to the same.
    pub(super) fn tell(&mut self, uid: u64, kind: Kind, from: Option<Value>, when: When) {
        let Some(t) = self.app.transition(uid) else {
            return;
        };
        // here again: what was between, nobody saw
        let from = from.filter(|from| *from != t.to);
        self.tx.push(Event {
            uid,
            kind,
            from,
            to: Some(t.to.clone()),
            late: when.late,
            also_of: None,
            date: when.date,
            tag: t.tag.clone(),
        });
    }

    /// End of one act: its strongest event is primary, the rest are attached to it.
    pub(super) fn flush(&mut self) {
        let strength = |e: &Event<T>| (!e.late, e.kind.rank());
        let Some(top) = self.tx.iter().rev().max_by_key(|e| strength(e)) else {
            return;
        };
        let top = top.uid;
        for mut event in self.tx.drain(..) {
            event.also_of = (event.uid != top).then_some(top);
            self.out.events.push(event);
        }
    }

    // ---- history

    /// Into the history, before another transition or at the end.
    pub(super) fn put(&mut self, t: Transition<T>, before: Option<u64>) {
        self.out.changed.push(t.uid);
        let history = &mut self.app.history;
        let place = before.and_then(|uid| history.iter().position(|t| t.uid == uid));
        history.insert(place.unwrap_or(history.len()), t);
    }

    /// A transition learns its row, its date or its tag; its event stays the same one.
    pub(super) fn amend(&mut self, uid: u64, learn: impl FnOnce(&mut Transition<T>)) {
        if let Some(t) = self.app.history.iter_mut().find(|t| t.uid == uid) {
            learn(t);
            self.out.changed.push(uid);
        }
    }

    // ---- creation

    /// Once, by whatever first shows when the record was made.
    pub(super) fn creation(&mut self, applied: Option<&Date>, tag: &T) {
        let Some(applied) = applied.filter(|_| self.app.created.is_none()) else {
            return;
        };
        if applied.second() < self.cx.watermark {
            self.app.created = Some(Creation::Silent);
            return;
        }
        self.app.created = Some(Creation::Live);
        self.emit(Kind::Created, Some(applied.clone()), tag.clone());
        self.flush();
    }

    /// What belongs to a record created after the watermark is after it too.
    pub(super) fn born_live(&self) -> bool {
        self.app.created == Some(Creation::Live)
    }

    // ---- status

    /// The same word, and not another act's own time.
    pub(super) fn same_status(&self, v: &Standing) -> bool {
        self.app.status.as_ref().is_some_and(|p| {
            v.status == p.value.status && same(v.own.as_ref(), p.value.own.as_ref()) != Some(false)
        })
    }

    pub(super) fn status_is(&self, status: Status) -> bool {
        self.app
            .status
            .as_ref()
            .is_some_and(|p| p.value.status == status)
    }

    pub(super) fn stage_is(&self, stage: &str) -> bool {
        self.app.stage.as_ref().is_some_and(|p| *p.value == *stage)
    }

    pub(super) fn first_status(
        &mut self,
        v: Standing,
        date: Option<&Date>,
        tag: &T,
        said: Option<Kind>,
    ) {
        let (own, status) = (v.own.clone(), v.status);
        let live = match &own {
            Some(own) => said.is_some() || own.second() >= self.cx.watermark,
            None => said.is_some() || (status.ended() && self.born_live()),
        };
        self.app.status = Some(Part {
            unannounced: own.is_none() && !live && !self.born_live(),
            value: v,
            date: date.cloned(),
            heard: self.receipt(),
            tag: tag.clone(),
        });
        let sure = own.is_some() || said.is_some();
        let t = Transition {
            uid: self.new_uid(),
            to: Value::Status(status),
            date: own.or_else(|| date.filter(|_| said.is_some()).cloned()),
            sure,
            row: None,
            told: if live { Told::Yes } else { Told::Never },
            heard: self.heard,
            tag: tag.clone(),
        };
        let (uid, when) = (t.uid, When::now(t.date.clone()));
        self.put(t, None);
        if live {
            self.tell(uid, said.unwrap_or(status_event(status, None)), None, when);
        }
    }

    pub(super) fn change_status(
        &mut self,
        v: Standing,
        date: Option<&Date>,
        tag: &T,
        said: Option<Kind>,
    ) {
        let (own, status) = (v.own.clone(), v.status);
        let from = self.app.status.as_ref().map(|p| p.value.status);
        let held = self.app.status.as_ref().and_then(|p| p.date.as_ref());
        self.app.status = Some(Part {
            value: v,
            date: newest(date, held),
            heard: self.cx.receipts.tick(),
            unannounced: false,
            tag: tag.clone(),
        });
        let told = self.app.statuses().any(|t| {
            t.told == Told::Yes
                && t.to.status() == Some(status)
                && t.sure
                && same(t.date.as_ref(), own.as_ref()) == Some(true)
        });
        let silent = told
            || own
                .as_ref()
                .is_some_and(|own| own.second() < self.cx.watermark);
        let t = Transition {
            uid: self.new_uid(),
            to: Value::Status(status),
            date: own.clone().or_else(|| date.cloned()),
            sure: own.is_some() || said.is_some(),
            row: None,
            told: if silent { Told::Never } else { Told::Yes },
            heard: self.heard,
            tag: tag.clone(),
        };
        let (uid, seen) = (t.uid, t.date.clone());
        self.put(t, None);
        if !silent {
            let exact = own.or_else(|| date.filter(|_| said.is_some()).cloned());
            let late = self.newer_told(exact.as_ref(), PartName::Status);
            let kind = match from {
                None => said.unwrap_or(status_event(status, None)),
                from => status_event(status, from),
            };
            self.tell(
                uid,
                kind,
                from.map(Value::Status),
                When { date: seen, late },
            );
        }
    }

    /// Late: an event was emitted for something newer. Who is ended is not moved: an end comes after
    /// the moves of its second.
    pub(super) fn newer_told(&self, date: Option<&Date>, part: PartName) -> bool {
        let newer = |t: &Transition<T>| {
            let c = compare(t.date.as_ref(), date);
            let ended = t.to.status().filter(|s| s.ended());
            match ended.filter(|s| part == PartName::Stage && self.status_is(*s)) {
                Some(_) => matches!(c, Some(Equal | Greater)),
                None => (t.sure || ended.is_some()) && c == Some(Greater),
            }
        };
        let mut told = self.app.history.iter().filter(|t| t.told == Told::Yes);
        date.is_some() && told.any(newer)
    }

    /// An end whose own time our history lacks.
    pub(super) fn late_end(&mut self, v: &Standing, tag: &T) {
        let Some(own) = v
            .own
            .as_ref()
            .filter(|own| own.second() >= self.cx.watermark)
        else {
            return;
        };
        let newer = |t: &&Transition<T>| compare(t.date.as_ref(), Some(own)) == Some(Greater);
        if self.knows_end(v.status, own) {
            return;
        }
        let after = self.app.statuses().find(newer).map(|t| t.uid);
        let from = self.app.statuses().take_while(|t| Some(t.uid) != after);
        let from = from.last().map(|t| t.to.clone());
        let t = Transition {
            uid: self.new_uid(),
            to: Value::Status(v.status),
            date: Some(own.clone()),
            sure: true,
            row: None,
            told: Told::Yes,
            heard: 0,
            tag: tag.clone(),
        };
        let uid = t.uid;
        self.put(t, after);
        let (date, late) = (Some(own.clone()), true);
        self.tell(uid, status_event(v.status, None), from, When { date, late });
    }

    /// Our history has this end with this own time.
    pub(super) fn knows_end(&self, status: Status, own: &Date) -> bool {
        self.app.statuses().any(|t| {
            t.to.status() == Some(status) && same(t.date.as_ref(), Some(own)) == Some(true)
        })
    }

    // ---- parts

    /// Asked after we last heard of it.
    pub(super) fn fresh<V>(part: &Part<V, T>, asked: u64) -> bool {
        asked > part.heard
    }

    /// Seen again with the same content: its date may move on, and reads asked before this are older.
    pub(super) fn confirm<V>(part: &mut Part<V, T>, date: Option<&Date>, receipt: u64) {
        if compare(date, part.date.as_ref()) != Some(Less) {
            part.date = newest(date, part.date.as_ref());
            part.heard = receipt;
        }
    }
}

/// What a change of status is called. To open from open, or to a word not mapped, is an update.
fn status_event(to: Status, from: Option<Status>) -> Kind {
    match (to, from) {
        (Status::Rejected, _) => Kind::Rejected,
        (Status::Withdrawn, _) => Kind::Withdrawn,
        (Status::Closed, _) => Kind::Closed,
        (Status::Hired, _) => Kind::Hired,
        (_, Some(Status::Hired)) => Kind::Unhired,
        (Status::Active, Some(Status::Lead)) => Kind::Converted,
        (Status::Active | Status::Lead, from) if from.is_none_or(Status::ended) => Kind::Reopened,
        _ => Kind::Updated,
    }
}
