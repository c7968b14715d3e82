//! The fake ATS that speaks in methods answers, changes and tells as the vendor's facts say.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod fixture;

mod crowd;
mod incremental;
mod keys;
mod lists;
mod page;
mod webhooks;
mod writes;
