//! What a page of rows tells: rows and histories to be heard, and the reads that must follow. An application and its history are one
//! answer, in the order of life; what must be asked record by record is wanted, not asked here.

use crate::connection::Connection;
use crate::ingest::{Answered, Heard, Wanted};
use crate::mirror::work::reference;
use serde_json::Value;
use stagewire_connector::{Since, Stream};
use stagewire_model::{Entity, Micros, Observation, Seen};
use std::collections::BTreeMap;

/// Priority of what belongs to the first read of everything.
pub(crate) const FIRST: i64 = 5;
/// Priority of what a delivery named.
pub(crate) const NAMED: i64 = 1;
/// Priority of what a poll found.
pub(crate) const FOUND: i64 = 3;

/// Why a page was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The first read of everything; it began then, by the vendor's clock.
    First(Micros),
    /// A full scan.
    Full,
    /// What changed.
    Changes,
}

/// The history rows of applications, by the application's remote id.
pub(super) type Histories = BTreeMap<String, Vec<Observation>>;

/// A page, sorted.
#[derive(Default)]
pub(super) struct Told {
    /// To be heard at once.
    pub answered: Answered,
    /// Applications and histories of a poll, which belong together across streams.
    pub applications: BTreeMap<String, Observation>,
    /// See there.
    pub histories: Histories,
    /// Remote ids of the stream's own rows.
    pub ids: Vec<String>,
}

pub(super) fn told(conn: &Connection, stream: &Stream, rows: &[Value], mode: Mode) -> Told {
    let mut out = Told::default();
    let mut histories = Histories::new();
    let mut parts = BTreeMap::new();
    for row in rows {
        let mapped = conn.connector.map_row(stream, row);
        out.answered.drift.extend(mapped.drift);
        let mut applications: Vec<Observation> = Vec::new();
        for o in mapped.observations {
            if matches!(o.seen, Seen::Embedded) {
                continue; // read by its own stream
            }
            if stream.hints {
                let want =
                    Wanted::record(o.entity, o.remote_id, "the vendor says it changed", NAMED);
                out.answered.wants.push(want);
                continue;
            }
            if matches!(o.seen, Seen::Part { .. }) {
                let key = (o.entity, o.remote_id.clone(), o.shape.clone());
                parts.entry(key).or_insert_with(Vec::new).push(o);
                continue;
            }
            if o.entity == stream.entity {
                out.ids.push(o.remote_id.clone());
            }
            match (&o.seen, o.entity) {
                (Seen::History, _) => {
                    if let Some(app) = reference(&o.fields, "application_id") {
                        histories.entry(app.to_owned()).or_default().push(o);
                    }
                }
                (Seen::Deleted, _) => out.answered.heard.push(Heard::Row(o)),
                (_, Entity::Application) => applications.push(o),
                _ => {
                    belongings(conn, &o, mode, &mut out.answered);
                    out.answered.heard.push(Heard::Row(o));
                }
            }
        }
        for o in applications {
            application(conn, stream, o, mode, &mut histories, &mut out);
        }
    }
    // before the records they are parts of, so that the first event of each has them
    let parts = parts
        .into_iter()
        .map(|((entity, remote_id, shape), rows)| Heard::Parts {
            entity,
            remote_id,
            shape,
            rows,
            whole: false,
        });
    out.answered.heard.splice(..0, parts);
    match mode {
        Mode::Changes => out.histories = histories,
        Mode::First(began) => first_histories(conn, histories, began, &mut out.answered),
        Mode::Full => out.answered.heard.extend(histories.into_iter().map(whole)),
    }
    out.answered.wants.sort();
    out.answered.wants.dedup();
    out
}

/// An application's row. Where its history stands in it, they are one answer; where the history must be asked for by itself, so is
/// the row, so that both are of one moment.
fn application(
    conn: &Connection,
    stream: &Stream,
    o: Observation,
    mode: Mode,
    histories: &mut Histories,
    out: &mut Told,
) {
    belongings(conn, &o, mode, &mut out.answered);
    let id = o.remote_id.clone();
    let apart = conn.connector.streams().iter().any(asks_history);
    let read = |priority| Wanted::record(Entity::Application, id.clone(), "its history", priority);
    let history = if stream.history {
        None
    } else {
        histories.remove(&id)
    };
    let row = |o: Observation| Heard::Application {
        remote_id: o.remote_id.clone(),
        full: history.is_some(),
        history,
        row: Some(o),
    };
    match (mode, apart) {
        (Mode::Changes, true) => out.answered.wants.push(read(FOUND)),
        // what a token that was refused would have told
        (Mode::Full, true) => out.answered.wants_if_new.push((o, vec![read(FOUND)])),
        (Mode::Changes, false) if windowed(conn) => drop(out.applications.insert(id, o)),
        (Mode::First(_), true) => {
            out.answered.wants.push(read(FIRST));
            out.answered.heard.push(row(o));
        }
        _ => out.answered.heard.push(row(o)),
    }
}

/// Histories of the first read. A row from after the watermark is left to a read of its application, row and whole history together.
fn first_histories(conn: &Connection, all: Histories, began: Micros, out: &mut Answered) {
    let watermark = conn.watermark().unwrap_or(began).seconds();
    for (app, rows) in all {
        let fresh = |o: &Observation| o.own.iter().any(|(_, d)| d.at.seconds() >= watermark);
        if rows.iter().any(fresh) {
            let why = "it changed while everything was read for the first time";
            out.wants
                .push(Wanted::record(Entity::Application, app.clone(), why, FOUND));
        }
        let old: Vec<Observation> = rows.into_iter().filter(|o| !fresh(o)).collect();
        if !old.is_empty() {
            out.heard.push(whole((app, old)));
        }
    }
}

fn whole((remote_id, rows): (String, Vec<Observation>)) -> Heard {
    Heard::Application {
        remote_id,
        row: None,
        history: Some(rows),
        full: true,
    }
}

/// What belongs to a row: after the first read only where the row tells something new.
fn belongings(conn: &Connection, o: &Observation, mode: Mode, out: &mut Answered) {
    match mode {
        Mode::First(_) => out.wants.extend(wants_of(conn, o, FIRST)),
        Mode::Full | Mode::Changes => {
            let wants = wants_of(conn, o, FOUND);
            if !wants.is_empty() {
                out.wants_if_new.push((o.clone(), wants));
            }
        }
    }
}

/// The lists that belong to this one record and must be asked for by its id.
pub(super) fn wants_of(conn: &Connection, o: &Observation, priority: i64) -> Vec<Wanted> {
    let lists = conn.connector.streams().iter();
    let lists = lists.filter(|s| s.since == Since::Parent(o.entity) && !s.history);
    let want = |child: &Stream| Wanted {
        entity: child.entity,
        of: Some(o.entity),
        remote_id: o.remote_id.clone(),
        reason: "what belongs to it",
        priority,
    };
    lists.map(want).collect()
}

fn asks_history(s: &Stream) -> bool {
    s.history && s.since == Since::Parent(Entity::Application)
}

/// Whether what comes of an application's history is the whole of it, also where it was asked for what changed.
pub(super) fn whole_histories(conn: &Connection) -> bool {
    windowed(conn) && {
        let mut own = conn.connector.streams().iter().filter(|s| s.history);
        own.all(|s| s.whole_histories)
    }
}

/// Whether histories come in a list of their own.
fn windowed(conn: &Connection) -> bool {
    let own_list = |s: &Stream| s.history && s.since != Since::Parent(Entity::Application);
    conn.connector.streams().iter().any(own_list)
}
