//! The mirror of any record that has one part, dated by its own clock: candidates, jobs, offers and
//! all else but applications. Says what to do with what is seen; refuses I/O and to hold content.

use std::cmp::Ordering::{Equal, Greater, Less};

use serde::{Deserialize, Serialize};

use super::application::{Context, Creation, Date, compare, newest, order, unset};

/// What is seen of a record, wholly or in some fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seen {
    /// A digest of the record as it would look with what is seen: fields not observed stay as we
    /// hold them. Equal digests are equal content; an empty one says nothing and only asks for a read.
    pub content: Box<str>,
    /// The date as of which it looked like this; of an embedded copy its carrier's.
    pub at: Option<Date>,
    /// When the record was made.
    pub created: Option<Date>,
}

/// What to do with what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The record looks like this now: store it. `first`: we held nothing, so it is no update.
    Apply {
        /// Nothing was held before.
        first: bool,
    },
    /// Nothing new.
    Equal,
    /// Not believed; a read is wanted, and of a delivery `Outcome::answered` tells when it came.
    Hint,
    /// Older than what we hold, or under a tombstone: nothing.
    Stale,
    /// A delivery dated before the watermark: nothing, the backfill has it.
    Before,
    /// Nothing was seen: a deletion, or a read that found no record or was not believed.
    Nothing,
}

/// What one delivery, embedded copy or read made of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What to do with what was seen.
    pub verdict: Verdict,
    /// `created` is to be emitted.
    pub created: bool,
    /// It is gone.
    pub deleted: bool,
    /// The vendor said that it was deleted: `deleted` is to be emitted. Else it only cannot be seen any more.
    pub claimed: bool,
    /// `restored` is to be emitted, before anything else.
    pub restored: bool,
    /// A read of this record is to be asked for from now on.
    pub wanted: bool,
    /// The read was not believed yet: another one is wanted.
    pub dropped: bool,
    /// Deliveries whose hints were answered.
    pub answered: Vec<Box<str>>,
}

impl Outcome {
    fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            created: false,
            deleted: false,
            claimed: false,
            restored: false,
            wanted: false,
            dropped: false,
            answered: Vec::new(),
        }
    }
}

/// What we hold, and how well we know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Held {
    /// Its digest.
    pub content: Box<str>,
    /// The newest vendor date at which it looked like this.
    #[serde(default, skip_serializing_if = "unset")]
    pub date: Option<Date>,
    /// Our receipt number of the last we heard of it.
    pub heard: u64,
}

/// A delivery that waits for a read asked after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hint {
    /// Our receipt number when it became one.
    pub receipt: u64,
    /// Our id of the delivery.
    pub delivery: Box<str>,
    /// What it says; `None`: that the record is gone.
    #[serde(default, skip_serializing_if = "unset")]
    pub content: Option<Box<str>>,
    /// As of when.
    #[serde(default, skip_serializing_if = "unset")]
    pub at: Option<Date>,
}

/// The mirror of one record: all but its content. Stored with it in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Plain {
    /// Whether `created` was emitted. Decided once, by whatever first shows when it was made.
    #[serde(skip_serializing_if = "unset")]
    pub created: Option<Creation>,
    /// What we hold; `None` while the record is unknown.
    #[serde(skip_serializing_if = "unset")]
    pub held: Option<Held>,
    /// It is under a tombstone.
    #[serde(skip_serializing_if = "unset")]
    pub gone: bool,
    /// Our receipt number of that.
    #[serde(skip_serializing_if = "unset")]
    pub gone_at: u64,
    /// How often an answer that denies a delivery was asked for again.
    #[serde(skip_serializing_if = "unset")]
    pub tries: u32,
    /// Deliveries that wait for a read.
    #[serde(skip_serializing_if = "unset")]
    pub hints: Vec<Hint>,
}

impl Plain {
    /// Takes a delivery about this very record, not seen before: believed at once only if later than
    /// what we hold, or the first of it, dated. `thin`: it proves nothing alone.
    pub fn deliver(
        &mut self,
        context: &mut Context<'_>,
        delivery: Box<str>,
        seen: Seen,
        thin: bool,
    ) -> Outcome {
        let receipt = context.receipts.tick();
        let reads = context.reads;
        let at = seen.at.as_ref();
        if !thin && !self.gone {
            if at.is_some_and(|at| at.second() < context.watermark) {
                return Outcome::new(Verdict::Before);
            }
            let Some(held) = &mut self.held else {
                if at.is_some() || !reads {
                    return self.apply(context, &seen);
                }
                return self.hint(receipt, delivery, seen);
            };
            let c = compare(at, held.date.as_ref());
            if held.content == seen.content {
                if at.is_some() && c != Some(Less) {
                    held.date = newest(at, held.date.as_ref());
                    held.heard = receipt;
                }
                return self.born(context, &seen, Verdict::Equal);
            }
            if c == Some(Greater) || (!reads && c != Some(Less)) {
                return self.apply(context, &seen);
            }
        }
        if !reads {
            return Outcome::new(Verdict::Stale);
        }
        self.hint(receipt, delivery, seen)
    }

    /// Takes a delivery that came before the watermark was set, now that it is: a dated one waits
    /// for the first read of the record, the others are before it.
    pub fn release(
        &mut self,
        context: &mut Context<'_>,
        delivery: Box<str>,
        seen: Seen,
        thin: bool,
    ) -> Outcome {
        if seen.at.is_none() {
            Outcome::new(Verdict::Before)
        } else if context.reads {
            self.hint(context.receipts.last(), delivery, seen)
        } else {
            self.deliver(context, delivery, seen, thin)
        }
    }

    /// Takes a delivery that says the record is gone.
    pub fn delete(&mut self, context: &mut Context<'_>) -> Outcome {
        let mut out = Outcome::new(Verdict::Nothing);
        let receipt = context.receipts.tick();
        if !self.gone {
            (self.gone, self.gone_at, out.deleted) = (true, receipt, true);
            out.claimed = true;
        }
        out
    }

    /// Takes a deletion that came before the watermark was set, now that it is.
    pub fn release_deleted(&mut self, context: &mut Context<'_>, delivery: Box<str>) -> Outcome {
        if !context.reads {
            return self.delete(context);
        }
        self.hints.push(Hint {
            receipt: context.receipts.last(),
            delivery,
            content: None,
            at: None,
        });
        Outcome {
            wanted: true,
            ..Outcome::new(Verdict::Hint)
        }
    }

    /// Takes a copy inside another record's delivery: it only fills what we do not hold, as of its
    /// carrier's date; where it differs, a read is wanted, not a hint.
    pub fn embedded(&mut self, context: &mut Context<'_>, seen: Seen) -> Outcome {
        if self.gone {
            return Outcome::new(Verdict::Stale);
        }
        match &self.held {
            None if seen.at.is_some() || !context.reads => self.apply(context, &seen),
            Some(held) if held.content == seen.content => Outcome::new(Verdict::Equal),
            _ => Outcome {
                wanted: context.reads,
                ..Outcome::new(Verdict::Stale)
            },
        }
    }

    /// Takes the answer of a read, as of the receipt number it was asked under. `by_id`: it was
    /// asked for by id, so that nothing seen means not found.
    pub fn read(
        &mut self,
        context: &mut Context<'_>,
        seen: Option<Seen>,
        by_id: bool,
        asked: u64,
    ) -> Outcome {
        let missing = by_id && seen.is_none();
        let claimed = self.hints.iter().any(|h| h.content.is_none());
        let mut out = Outcome::new(Verdict::Nothing);
        // what a delivery names may not have reached the replica that answers
        let named = |hint: &Hint| hint.content.is_some() && hint.receipt < asked;
        let denies = match self.held {
            Some(_) => !(self.gone && self.hints.is_empty()),
            None => !self.gone && self.hints.iter().any(named),
        };
        if missing && denies && self.ask_again(context) {
            (out.dropped, out.wanted) = (true, true);
            return out; // not found: asked again before it is believed
        }
        if missing && asked > self.gone_at {
            out.deleted = self.held.is_some() && !self.gone;
            (self.gone, self.gone_at) = (true, context.receipts.last());
        }
        let found = seen.is_some();
        if found && self.gone && asked > self.gone_at {
            (self.gone, out.restored) = (false, true);
        }
        if let Some(seen) = &seen {
            let restored = out.restored;
            out = self.row(context, seen, asked);
            out.restored = restored;
        }
        if (missing || found) && !out.wanted {
            self.answer_hints(context, seen.as_ref(), asked, &mut out);
        }
        out.claimed = claimed;
        out
    }

    /// Later than what we hold: it applies. A tie, or no date: only if asked after we last heard.
    fn row(&mut self, context: &mut Context<'_>, seen: &Seen, asked: u64) -> Outcome {
        if self.gone {
            return Outcome::new(Verdict::Stale);
        }
        let Some(held) = &mut self.held else {
            let out = self.apply(context, seen);
            // as of the asking, so that what was heard meanwhile is newer
            self.held.iter_mut().for_each(|held| held.heard = asked);
            return out;
        };
        if held.content == seen.content {
            held.date = newest(seen.at.as_ref(), held.date.as_ref());
            held.heard = held.heard.max(asked);
            return self.born(context, seen, Verdict::Equal);
        }
        match order(seen.at.as_ref(), held.date.as_ref()) {
            Some(Less) => self.born(context, seen, Verdict::Stale),
            Some(Greater) => self.apply(context, seen),
            Some(Equal) | None if asked > held.heard => self.apply(context, seen),
            Some(Equal) | None => Outcome {
                wanted: context.reads,
                ..self.born(context, seen, Verdict::Stale)
            },
        }
    }

    /// Holds it, dated no earlier than before.
    fn apply(&mut self, context: &mut Context<'_>, seen: &Seen) -> Outcome {
        let held = self.held.take();
        let first = held.is_none();
        let date = seen.at.clone().or(held.and_then(|held| held.date));
        let (content, heard) = (seen.content.clone(), context.receipts.tick());
        self.held = Some(Held {
            content,
            date,
            heard,
        });
        self.born(context, seen, Verdict::Apply { first })
    }

    /// Whether `created` is due: once, if it was made at or after the watermark.
    fn born(&mut self, context: &Context<'_>, seen: &Seen, verdict: Verdict) -> Outcome {
        let mut out = Outcome::new(verdict);
        if let (Some(created), None) = (&seen.created, self.created) {
            out.created = created.second() >= context.watermark;
            self.created = Some(if out.created {
                Creation::Live
            } else {
                Creation::Silent
            });
        }
        out
    }

    fn hint(&mut self, receipt: u64, delivery: Box<str>, seen: Seen) -> Outcome {
        self.hints.push(Hint {
            receipt,
            delivery,
            content: Some(seen.content),
            at: seen.at,
        });
        Outcome {
            wanted: true,
            ..Outcome::new(Verdict::Hint)
        }
    }

    /// Hints asked about are answered, unless the answer denies one and may come from a lagging
    /// replica.
    fn answer_hints(
        &mut self,
        context: &Context<'_>,
        seen: Option<&Seen>,
        asked: u64,
        out: &mut Outcome,
    ) {
        let row = seen.and_then(|seen| seen.at.as_ref());
        let denied = self.hints.iter().any(|hint| {
            let later = compare(row, hint.at.as_ref()) == Some(Greater);
            hint.receipt < asked && !later && !self.confirmed(hint)
        });
        if denied && self.ask_again(context) {
            out.wanted = true;
            return;
        }
        self.tries = 0;
        let hints = std::mem::take(&mut self.hints);
        let (done, kept): (Vec<_>, Vec<_>) =
            hints.into_iter().partition(|hint| hint.receipt < asked);
        self.hints = kept;
        for hint in done {
            if hint.content.is_none() && !self.gone {
                (self.gone, self.gone_at) = (true, context.receipts.last());
                out.deleted = true;
            }
            out.answered.push(hint.delivery);
        }
    }

    fn confirmed(&self, hint: &Hint) -> bool {
        let held = self.held.as_ref().filter(|_| !self.gone);
        let says =
            |content: &str| held.is_none_or(|held| content.is_empty() || *held.content == *content);
        held.is_none() || hint.content.as_deref().is_some_and(says)
    }

    fn ask_again(&mut self, context: &Context<'_>) -> bool {
        let again = context.reads && self.tries < context.asks;
        self.tries += u32::from(again);
        again
    }
}
