//! Flows: *when, only if, do*, read from TOML, checked as a whole, and planned for one event.
//! Pure: no I/O, no clock, nothing is sent from here.

pub mod catalog;
pub mod describe;
pub mod expr;
pub mod file;
pub mod nearest;
pub mod path;
pub mod paths;
pub mod plan;
pub mod problem;
pub mod scope;
pub mod with;
