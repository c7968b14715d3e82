//! Applications: status, stage and history by their own rules, everything else as one more part. Turns what the rules emit into
//! events and rows of history.

mod told;
mod write;

use super::application::{Application, Fate as Told, Hint, Kind, Past};
use super::others::Fate;
use super::plain::Plain;
use super::work::{Channel, NewEvent, Notes, Work};
use serde_json::{Map, Value};
use stagewire_model::{Entity, Observation, Seen};

/// Fields that only the rules of status and stage write.
pub(super) const RULED: &[&str] = &[
    "status",
    "status_raw",
    "stage_id",
    "stage_entered_at",
    "rejected_at",
    "withdrawn_at",
    "hired_at",
    "closed_cause",
    "reject_reason_id",
];

/// Whether only the rules write this field.
pub(super) fn ruled(field: &str) -> bool {
    RULED.contains(&field)
}

/// Row and history of an application, and the receipt number they were asked under.
#[derive(Debug)]
pub struct PastRead {
    /// Its row, if there is one.
    pub row: Option<Observation>,
    /// Its whole history.
    pub history: Vec<Observation>,
    /// Our receipt number.
    pub asked: u64,
}

/// The read of an unknown application's past.
#[derive(Debug)]
pub enum AppPast {
    /// None was needed.
    NotNeeded,
    /// It did not come in time.
    TimedOut,
    /// Row and history, asked under that receipt number.
    Read(Box<PastRead>),
}

impl Work<'_> {
    /// Whether the missing past is read before this delivery is taken.
    pub fn needs_past(&mut self, o: &Observation, channel: Channel) -> bool {
        if o.entity != Entity::Application || matches!(o.seen, Seen::Embedded) || channel.released {
            return false;
        }
        let hook = self.hook(o, channel);
        let (app, _) = self.notes(o);
        app.needs_past(&self.context(), &hook)
    }

    /// Applies a delivery's observation of an application.
    pub fn application(&mut self, o: &Observation, past: AppPast, channel: Channel) -> Fate {
        if matches!(o.seen, Seen::Embedded) {
            return self.embedded_application(o, channel);
        }
        let before = self.held_fields(o);
        let hook = self.hook(o, channel);
        let (mut app, mut rest) = self.notes(o);
        let past = match past {
            AppPast::NotNeeded => Past::NotNeeded,
            AppPast::TimedOut => Past::TimedOut,
            AppPast::Read(read) => {
                let PastRead {
                    row,
                    history,
                    asked,
                } = *read;
                if let Some(row) = &row {
                    self.rest_read(row, &mut rest, asked, channel);
                }
                Past::Read {
                    answer: self.answer(row.as_ref(), Some(&history), true, false),
                    asked,
                }
            }
        };
        let out = {
            let mut cx = self.context();
            if channel.released {
                app.release(&mut cx, hook)
            } else {
                app.deliver(&mut cx, hook, past)
            }
        };
        let fate = match out.fate {
            Told::Taken => Fate::Taken,
            Told::Waiting => Fate::Waiting,
            Told::Before => Fate::Before,
        };
        let believed = matches!(o.seen, Seen::Present) && !channel.thin && fate != Fate::Before;
        let changed = if believed {
            self.rest_delivered(o, &mut rest, channel)
        } else {
            Vec::new()
        };
        if out.wanted {
            self.want(o.entity, &o.remote_id, "a delivery must be confirmed", 1);
        }
        // of what proves nothing alone only its rules' hint stays
        let named = nothing(&o.remote_id);
        let told = if channel.thin { &named } else { o };
        self.take_application(told, app, rest, &out, (before, changed), channel);
        fate
    }

    /// An application named inside another record: only a read if it is not known.
    fn embedded_application(&mut self, o: &Observation, _channel: Channel) -> Fate {
        let known = self
            .records
            .get(&self.id(o.entity, &o.remote_id))
            .is_some_and(|h| h.row.revision > 0);
        if !known {
            self.want(o.entity, &o.remote_id, "named by another record", 3);
        }
        Fate::Taken
    }

    /// A read's answer: its row and, where it was read, its history.
    pub fn application_read(
        &mut self,
        remote_id: &str,
        row: Option<&Observation>,
        history: Option<&[Observation]>,
        full: bool,
        by_id: bool,
        asked: u64,
        channel: Channel,
    ) {
        let nothing = nothing(remote_id);
        let o = row.unwrap_or(&nothing);
        let unknown = !self
            .records
            .contains_key(&self.id(Entity::Application, remote_id));
        if unknown && row.is_none() && (by_id || history.is_none_or(<[_]>::is_empty)) {
            return;
        }
        let before = self.held_fields(o);
        let (mut app, mut rest) = self.notes(o);
        let answer = self.answer(row, history, full, by_id);
        let hints = app.hints.clone();
        let mut out = app.read(&mut self.context(), answer, asked);
        if self.hides && !hints.iter().any(|h| h.hook.deleted) {
            out.events.retain(|e| e.kind != Kind::Deleted); // it only cannot be seen any more
        }
        let mut changed = Vec::new();
        if let Some(row) = row
            && !out.dropped
        {
            changed = self.rest_read(row, &mut rest, asked, channel);
        }
        if out.wanted {
            self.want_again(
                Entity::Application,
                remote_id,
                app.tries,
                if by_id { 2 } else { 3 },
            );
        }
        let events = self.events.len();
        self.take_application(o, app, rest, &out, (before, changed), channel);
        let answered: Vec<Hint> = hints
            .into_iter()
            .filter(|h| out.answered.contains(&h.hook.delivery))
            .collect();
        if !answered.is_empty() {
            let told = &mut self.events[events..];
            told.iter_mut().for_each(|event| credit(event, &answered));
        }
    }

    fn held_fields(&self, o: &Observation) -> Map<String, Value> {
        let held = self.records.get(&self.id(o.entity, &o.remote_id));
        held.map(|h| h.row.fields.clone()).unwrap_or_default()
    }

    fn notes(&self, o: &Observation) -> (Application, Plain) {
        match self
            .records
            .get(&self.id(o.entity, &o.remote_id))
            .map(|h| &h.notes)
        {
            Some(Notes::Application { app, rest }) => ((**app).clone(), rest.clone()),
            _ => (Application::default(), Plain::default()),
        }
    }
}

/// A read that answered deliveries may have found more than they say: an event belongs to the delivery that shows it, or to none.
fn credit(event: &mut NewEvent, answered: &[Hint]) {
    let now = event.data.get("current");
    let current = |key: &str| now.and_then(|n| n.get(key)).and_then(Value::as_str);
    let (stage, status) = (current("stage_id"), current("status"));
    let shows = |h: &&Hint| match event.kind.as_str() {
        "application.created" | "application.updated" | "application.deleted" => true,
        "application.stage_changed" => h.hook.stage.as_deref() == stage,
        _ => h.hook.status.map(told::status_word) == status,
    };
    let by = answered.iter().find(shows);
    event.delivery = by.and_then(|h| h.hook.delivery.parse().ok());
    if event.delivery.is_none() {
        let staged = event.kind == "application.stage_changed";
        let how = if staged {
            "vendor_history"
        } else {
            "mirror_diff"
        };
        event.data.insert("evidence".into(), how.into());
        let group = format!("read:{}", event.transition.unwrap_or_default());
        if let Some(Value::Object(cause)) = event.data.get_mut("cause") {
            cause.insert("group_id".into(), group.into());
        }
    }
}

/// An application of which nothing is seen.
fn nothing(remote_id: &str) -> Observation {
    super::others::blank(Entity::Application, remote_id)
}
