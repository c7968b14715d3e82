//! What a read brought, as the lane takes it, cut to what the connection keeps.

use super::Chain;
use stagewire_connector::Holding;
use stagewire_model::{Drift, Entity, Micros, Observation};

/// One record a read tells of.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A row.
    Row(Observation),
    /// It was asked for by id, and is not there.
    Missing(Entity, String),
    /// Rows of another list that are parts of one record.
    Parts {
        /// What kind of record.
        entity: Entity,
        /// The vendor's id of it.
        remote_id: String,
        /// Their shape.
        shape: String,
        /// They.
        rows: Vec<Observation>,
        /// There are no others.
        whole: bool,
    },
    /// An application: its row, its history, or both.
    Application {
        /// The vendor's id.
        remote_id: String,
        /// Its row, where read.
        row: Option<Observation>,
        /// Its history, where read.
        history: Option<Vec<Observation>>,
        /// The history is the whole of it.
        full: bool,
    },
}

/// A read that an answer asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Rows of this kind;
    pub entity: Entity,
    /// that belong to a record of this kind, where it is not the record itself;
    pub of: Option<Entity>,
    /// of this id at the vendor.
    pub remote_id: String,
    /// Why, for people.
    pub reason: &'static str,
    /// 0 is first; from 4 on it is work of the first read of everything.
    pub priority: i64,
}

impl Wanted {
    /// A record with all that is told of it.
    pub fn record(
        entity: Entity,
        remote_id: String,
        reason: &'static str,
        priority: i64,
    ) -> Wanted {
        Wanted {
            entity,
            of: None,
            remote_id,
            reason,
            priority,
        }
    }
}

/// An answer, in one transaction with what it moves on.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// What it tells.
    pub heard: Vec<Heard>,
    /// Asked for by id.
    pub by_id: bool,
    /// Our receipt number when it was asked.
    pub asked: u64,
    /// `poll_delta`, `poll_full`, `backfill`, `read_back`.
    pub channel: &'static str,
    /// The watermark, with the first answer.
    pub watermark: Option<Micros>,
    /// Stream, cursor and rows of a scan that moves on.
    pub checkpoint: Option<(String, String, i64)>,
    /// Wanted reads this answers.
    pub answers: Vec<(Entity, Option<Entity>, String)>,
    /// The first read of everything is over.
    pub backfilled: bool,
    /// What is to be read because of it.
    pub wants: Vec<Wanted>,
    /// What is to be read only where a row differs from what is held.
    pub wants_if_new: Vec<(Observation, Vec<Wanted>)>,
    /// What was not as expected.
    pub drift: Vec<Drift>,
    /// The walk it belongs to, where others were handed in before it was known that this one is stored.
    pub chain: Chain,
}

impl Answered {
    /// Leaves what is held.
    pub(super) fn keep(&mut self, holding: &Holding) {
        self.heard.retain_mut(|heard| match heard {
            Heard::Row(o) => holding.observation(o),
            Heard::Missing(entity, _) => holding.entity(*entity),
            Heard::Parts { entity, rows, .. } => {
                rows.iter_mut().for_each(|o| holding.cut(o));
                holding.entity(*entity)
            }
            Heard::Application { row, history, .. } => {
                let both = row.iter_mut().chain(history.iter_mut().flatten());
                both.for_each(|o| holding.cut(o));
                holding.entity(Entity::Application)
            }
        });
        self.wants.retain(|w| holding.entity(w.entity));
        self.wants_if_new.retain_mut(|(row, wants)| {
            holding.cut(row);
            wants.retain(|w| holding.entity(w.entity));
            !wants.is_empty()
        });
    }
}
