//! Short numbers for words that repeat on every row (connections, flows, steps, types, hosts, paths). Grows with the
//! configuration, never with the traffic.

use crate::Error;
use crate::seal::{read, write};
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::RwLock;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Connection = 1,
    Flow = 2,
    Step = 3,
    Host = 4,
    Path = 5,
    Type = 6,
    Code = 7,
    Rule = 8,
}

#[derive(Default)]
struct Maps {
    by_text: HashMap<(i64, i64, String), i64>,
    by_id: HashMap<i64, String>,
    next: i64,
}

#[derive(Default)]
pub(crate) struct Names(RwLock<Maps>);

impl Names {
    pub(crate) fn load(&self, conn: &Connection) -> Result<(), Error> {
        let mut stmt = conn.prepare("SELECT id, ws, kind, text FROM name")?;
        let mut rows = stmt.query([])?;
        let mut maps = write(&self.0);
        maps.next = 1;
        while let Some(r) = rows.next()? {
            let (id, ws, kind, text): (i64, i64, i64, String) =
                (r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?);
            maps.next = maps.next.max(id + 1);
            maps.by_text.insert((ws, kind, text.clone()), id);
            maps.by_id.insert(id, text);
        }
        Ok(())
    }

    pub(crate) fn find(&self, ws: i64, kind: Kind, text: &str) -> Option<i64> {
        read(&self.0)
            .by_text
            .get(&(ws, kind as i64, text.to_owned()))
            .copied()
    }

    pub(crate) fn text(&self, id: i64) -> String {
        read(&self.0).by_id.get(&id).cloned().unwrap_or_default()
    }

    /// The number of a word; a new one is written on the given connection, outside any savepoint that may be undone.
    pub(crate) fn intern(
        &self,
        conn: &Connection,
        ws: i64,
        kind: Kind,
        text: &str,
        fresh: &mut Vec<i64>,
    ) -> Result<i64, Error> {
        if let Some(id) = self.find(ws, kind, text) {
            return Ok(id);
        }
        let mut maps = write(&self.0);
        let id = maps.next;
        conn.prepare_cached("INSERT INTO name(id, ws, kind, text) VALUES(?1, ?2, ?3, ?4)")?
            .execute((id, ws, kind as i64, text))?;
        maps.next += 1;
        maps.by_text.insert((ws, kind as i64, text.to_owned()), id);
        maps.by_id.insert(id, text.to_owned());
        fresh.push(id);
        Ok(id)
    }

    /// Words whose row was undone with its transaction.
    pub(crate) fn undo(&self, ids: &[i64]) {
        let mut maps = write(&self.0);
        for id in ids {
            maps.by_id.remove(id);
        }
        maps.by_text.retain(|_, id| !ids.contains(id));
    }
}
