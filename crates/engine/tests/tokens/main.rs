//! Tokens and consents against a made-up vendor: a real store, a clock that only the test moves, and no network.

mod consent;
mod keep;
mod mint;
mod renew;
mod vendor;
mod world;
