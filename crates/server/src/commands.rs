//! What each word of the command line does.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod connector;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod flows;
pub(crate) mod inbox;
pub(crate) mod sync;
pub(crate) mod token;
