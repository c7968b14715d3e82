//! One application's mirror: turns deliveries and reads into transitions and events; refuses I/O,
//! any clock of ours, and to guess what a read can tell.
//!
//! The caller keeps what is not one application's: the connection's watermark and receipt counter,
//! the deliveries that wait for the watermark, the bodies already seen, the reads that are wanted.

mod date;
mod history;
mod hook;
mod read;
mod seen;
mod turn;

use serde::{Deserialize, Serialize};

pub use date::{Date, SEC, compare, newest, order, same};
pub(crate) use seen::unset;
use seen::untagged;
pub use seen::{Answer, HistoryRow, Hook, Kind, Row, RowRef, Standing, Status, Tag, Tags};
use turn::Turn;

/// The connection's receipt numbers: the only clock of ours that the rules use. One counter for all
/// records of a connection, stored with it; it may skip numbers, and never gives one twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Receipts(u64);

impl Receipts {
    /// The next number: for what is heard now, or for a read that is asked now.
    pub fn tick(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    /// Goes on after what was stored; never back.
    pub fn skip_to(&mut self, stored: u64) {
        self.0 = self.0.max(stored);
    }

    /// The last number given.
    pub fn last(self) -> u64 {
        self.0
    }
}

/// What the rules need to know of the connection.
#[derive(Debug)]
pub struct Context<'a> {
    /// The watermark in seconds of the vendor's clock: what is earlier is history.
    pub watermark: i64,
    /// The connection can read. Else ties and undated content are taken in order of receipt, no
    /// read is ever wanted and nothing waits for one.
    pub reads: bool,
    /// How often a read that denies a delivery is asked for again.
    pub asks: u32,
    /// The connection's counter.
    pub receipts: &'a mut Receipts,
}

/// The read of the missing past, which an unknown record's delivery waits for.
#[derive(Clone, Debug)]
pub enum Past<T = ()> {
    /// None was needed: see `Application::needs_past`.
    NotNeeded,
    /// It did not come in time. It is wanted still.
    TimedOut,
    /// Row and whole history.
    Read {
        /// What was answered. Not found is no tombstone here: the delivery is taken then.
        answer: Answer<T>,
        /// The receipt number it was asked under, after the delivery had arrived.
        asked: u64,
    },
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It was applied, or told nothing new.
    #[default]
    Taken,
    /// It is a hint: it waits for a read asked after it, and `Outcome::answered` names it then.
    Waiting,
    /// It is dated before the watermark: no event, the backfill or the missing past has it.
    Before,
}

/// What one delivery or one read made of the mirror.
#[derive(Clone, Debug)]
pub struct Outcome<T = ()> {
    /// What became of the delivery (of a read: always `Taken`).
    pub fate: Fate,
    /// The events, in order.
    pub events: Vec<Event<T>>,
    /// A read of this record, row and history, is to be asked for from now on. A read that is
    /// already on its way does not count.
    pub wanted: bool,
    /// The read was overtaken or not believed yet: it changed nothing, another one is wanted.
    pub dropped: bool,
    /// Deliveries whose hints were answered.
    pub answered: Vec<Box<str>>,
    /// Uids of the transitions that are new, changed or moved.
    pub changed: Vec<u64>,
}

/// One thing that happened to the application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event<T = ()> {
    /// Unique within the application. A transition's event has the uid of the transition.
    pub uid: u64,
    /// What happened.
    pub kind: Kind,
    /// The status or stage before; `None` where not known or neither changed.
    pub from: Option<Value>,
    /// The status or stage after.
    pub to: Option<Value>,
    /// It comes after an event about something newer of this record.
    pub late: bool,
    /// One act told it together with this stronger event, the primary one.
    pub also_of: Option<u64>,
    /// When it happened, as well as the vendor tells.
    pub date: Option<Date>,
    /// The caller's tag.
    pub tag: T,
}

/// What a transition leads to, and with it the part that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A status.
    Status(Status),
    /// A stage's id.
    Stage(Box<str>),
}

impl Value {
    /// The part it belongs to.
    pub fn part(&self) -> PartName {
        match self {
            Self::Status(_) => PartName::Status,
            Self::Stage(_) => PartName::Stage,
        }
    }

    /// The stage's id, if it is one.
    pub fn stage(&self) -> Option<&str> {
        match self {
            Self::Stage(stage) => Some(stage),
            Self::Status(_) => None,
        }
    }

    /// The status, if it is one.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Status(status) => Some(*status),
            Self::Stage(_) => None,
        }
    }
}

/// The parts of an application that have dates of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartName {
    /// Its status.
    Status,
    /// Its stage.
    Stage,
}

/// A part: what it looks like, and how well we know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part<V, T = ()> {
    /// What it looks like.
    pub value: V,
    /// The newest vendor date at which it looked like this.
    #[serde(default, skip_serializing_if = "unset")]
    pub date: Option<Date>,
    /// Our receipt number of the last we heard of it.
    pub heard: u64,
    /// Silent so far: a webhook may still announce it.
    #[serde(default, skip_serializing_if = "unset")]
    pub unannounced: bool,
    /// The caller's tag.
    #[serde(default, skip_serializing_if = "untagged")]
    pub tag: T,
}

/// Whether a transition has had its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It has.
    Yes,
    /// It never will: it is history, or belongs to `created`.
    Never,
    /// Not decided: unannounced until its own time is known, or a webhook says it.
    Open,
}

/// One step of the history, of the status or of the stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Transition<T = ()> {
    /// Its number, from birth; its event has the same.
    pub uid: u64,
    /// Where it leads.
    pub to: Value,
    /// When.
    #[serde(default, skip_serializing_if = "unset")]
    pub date: Option<Date>,
    /// The date is that of the act itself, not only "not later than".
    #[serde(default, skip_serializing_if = "unset")]
    pub sure: bool,
    /// The vendor's history row it is known by.
    #[serde(default, skip_serializing_if = "unset")]
    pub row: Option<RowRef>,
    /// Whether it has had its event.
    pub told: Told,
    /// Our receipt number when we heard of it from a delivery; else 0.
    #[serde(default, skip_serializing_if = "unset")]
    pub heard: u64,
    /// The caller's tag.
    #[serde(default, skip_serializing_if = "untagged")]
    pub tag: T,
}

/// A delivery that waits for a read asked after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Default + Deserialize<'de>"))]
pub struct Hint<T = ()> {
    /// Our receipt number when it became one.
    pub receipt: u64,
    /// What it says.
    pub hook: Hook<T>,
}

/// Whether `created` was emitted. Decided once, by whatever first shows when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Creation {
    /// It was made at or after the watermark.
    Live,
    /// It was made before.
    Silent,
}

/// The mirror of one application. Stored as a whole with the record, in one transaction with the
/// events and the deliveries' fates. The fields are there to be read; only the rules write them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, bound(deserialize = "T: Default + Deserialize<'de>"))]
pub struct Application<T = ()> {
    /// Whether `created` was emitted.
    #[serde(skip_serializing_if = "unset")]
    pub created: Option<Creation>,
    /// Its status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Part<Standing, T>>,
    /// Its stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Part<Box<str>, T>>,
    /// It was shown to us at least once.
    #[serde(skip_serializing_if = "unset")]
    pub known: bool,
    /// It is under a tombstone.
    #[serde(skip_serializing_if = "unset")]
    pub gone: bool,
    /// Our receipt number of that.
    #[serde(skip_serializing_if = "unset")]
    pub gone_at: u64,
    /// Its whole history was read once.
    #[serde(skip_serializing_if = "unset")]
    pub complete: bool,
    /// How often an answer that denies a delivery was asked for again.
    #[serde(skip_serializing_if = "unset")]
    pub tries: u32,
    /// The last uid given.
    #[serde(skip_serializing_if = "unset")]
    pub uid: u64,
    /// Its transitions, each part's in the order of life.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Transition<T>>,
    /// Deliveries that wait for a read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<Hint<T>>,
}

impl<T: Tag> Application<T> {
    /// A mirror that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the missing past, row and whole history, is to be read before this delivery is taken
    /// (only once the watermark is set, and not for a body seen before).
    pub fn needs_past(&self, context: &Context<'_>, hook: &Hook<T>) -> bool {
        context.reads && !self.known && !self.gone && !hook.deleted
    }

    /// Takes one delivery, not seen before. Before the watermark is set it waits outside: see
    /// `release`. A body seen before under another vendor id is not for here: it wants one read.
    pub fn deliver(
        &mut self,
        context: &mut Context<'_>,
        hook: Hook<T>,
        past: Past<T>,
    ) -> Outcome<T> {
        let heard = context.receipts.tick();
        let mut turn = Turn::new(self, context, heard);
        let mut last = !turn.cx.reads;
        match past {
            Past::NotNeeded => {}
            Past::TimedOut => turn.want(),
            Past::Read { mut answer, asked } => {
                answer.by_id = false;
                turn.read(answer, asked);
                last = last || !turn.out.dropped;
            }
        }
        turn.take(&hook, last);
        turn.done()
    }

    /// Takes a delivery that came before the watermark was set, now that it is: a dated one waits
    /// for the first read of its record, the others are before it.
    pub fn release(&mut self, context: &mut Context<'_>, hook: Hook<T>) -> Outcome<T> {
        let heard = context.receipts.last();
        let mut turn = Turn::new(self, context, heard);
        if hook.at.is_none() && !hook.deleted {
            turn.out.fate = Fate::Before;
        } else if turn.cx.reads {
            turn.hint(&hook);
        } else {
            turn.take(&hook, true);
        }
        turn.done()
    }

    /// Takes the answer of a read, as of the receipt number it was asked under.
    pub fn read(&mut self, context: &mut Context<'_>, answer: Answer<T>, asked: u64) -> Outcome<T> {
        let mut turn = Turn::new(self, context, asked);
        turn.read(answer, asked);
        turn.done()
    }

    /// The transition of that number: what an event with that uid tells of, if it tells of one.
    pub fn transition(&self, uid: u64) -> Option<&Transition<T>> {
        self.history.iter().find(|t| t.uid == uid)
    }

    /// The stage transitions, in the order of life.
    pub fn stages(&self) -> impl DoubleEndedIterator<Item = &Transition<T>> {
        let stage = |t: &&Transition<T>| t.to.part() == PartName::Stage;
        self.history.iter().filter(stage)
    }

    /// The status transitions, in the order of life.
    pub fn statuses(&self) -> impl DoubleEndedIterator<Item = &Transition<T>> {
        let status = |t: &&Transition<T>| t.to.part() == PartName::Status;
        self.history.iter().filter(status)
    }
}
