//! The common recruiting model: ids, records, events. No I/O, no clock, no async.
