//! Time in flows: the workspace's calendar, lengths and schedules (pure), the facts that come due, and what waits as a durable row.
//! Reads no clock: whoever asks says what time it is.

pub mod calendar;
pub mod fact;
pub mod filter;
pub mod items;
pub mod length;
pub mod look;
pub mod schedule;

pub use calendar::Calendar;
pub use length::Length;
pub use schedule::Schedule;
