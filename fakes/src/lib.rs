//! Fake vendors, written from each vendor's facts and from nothing in connectors/.
//!
//! Each one is a small server on loopback with a page that shows what it received, a clock
//! that may be moved by hand, and faults that can be armed. They are for the demo, the
//! rehearsal and the tests, and refuse to listen anywhere but on this machine.

mod body;
mod clock;
mod control;
mod faults;
mod page;
mod rng;
mod sender;
mod serve;
mod signing;

pub mod ashby;
pub mod company;
pub mod greenhouse;
pub mod lever;
pub mod receiver;
pub mod slack;
pub mod workday;

pub use clock::{Clock, Time};
pub use faults::{Fault, Faults, Rule};
pub use sender::{Attempt, Sent};
pub use serve::{Handle, loopback};
pub use signing::{
    ashby_signature, greenhouse_signature, lever_signature, standard_webhooks_signature,
};
