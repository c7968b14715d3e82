//! The mirror: our copy of the vendors' records, and what changed in it. Decides what is believed; stores nothing itself.

pub mod application;
mod applications;
pub(crate) mod events;
mod others;
mod parts;
pub mod plain;
pub mod work;

pub use applications::{AppPast, PastRead};
pub use events::deep_class;
pub use others::Fate;
