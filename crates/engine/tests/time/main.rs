//! Time: the calendar by itself, and flows that wait, on a clock that tests turn, over restarts of the engine.

mod calendar;
mod facts;
mod schedules;
mod waits;
mod world;
