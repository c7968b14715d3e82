//! The common recruiting model: ids, times, records, observations, events, actions. No I/O, no clock, no async.

pub mod action;
pub mod canonical;
pub mod entity;
pub mod event;
pub mod fields;
pub mod id;
pub mod observation;
pub mod secret;
pub mod time;

pub use action::{ActionState, Effect, OnceKind, Rung};
pub use entity::Entity;
pub use event::Event;
pub use id::{EventId, RecordId};
pub use observation::{Announce, DateSeen, Drift, Observation, Seen};
pub use secret::{Personal, Secret};
pub use time::Micros;

/// The only workspace that has routes so far; its number in every key.
pub const MAIN: i64 = 1;
/// What records say they are written in.
pub const SCHEMA: &str = "recruiting/1";
