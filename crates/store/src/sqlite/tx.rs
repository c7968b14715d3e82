//! What a job sees: the open transaction with the words' numbers ([`Tx`]), or a read-only connection ([`Rx`]).

use super::Shared;
use super::names::Kind;
use crate::Error;
use crate::seal::NewKey;
use rusqlite::{CachedStatement, Connection};
use std::sync::Arc;

pub(crate) struct Tx<'a> {
    pub(super) conn: &'a Connection,
    pub(super) shared: &'a Arc<Shared>,
    pub(super) fresh: Vec<i64>,
    /// Keys written by jobs of this transaction: back to the waiting ones where a job or the whole of it is undone.
    pub(super) keys: Vec<NewKey>,
    /// The only job of its transaction: what undoes it undoes the whole, and no savepoint need keep the pages it writes.
    lone: bool,
    /// The only job failed.
    pub(super) undone: bool,
}

impl<'a> Tx<'a> {
    pub(super) fn new(conn: &'a Connection, shared: &'a Arc<Shared>, lone: bool) -> Tx<'a> {
        Tx {
            conn,
            shared,
            fresh: Vec::new(),
            keys: Vec::new(),
            lone,
            undone: false,
        }
    }

    /// Runs one job so that its failure undoes only its own writes.
    pub(super) fn alone<T>(
        &mut self,
        f: impl FnOnce(&mut Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.lone {
            let result = f(self);
            self.undone = result.is_err();
            return result;
        }
        self.run("SAVEPOINT job")?;
        let (before, keys) = (self.fresh.len(), self.keys.len());
        let result = f(self);
        if self.conn.is_autocommit() {
            return result; // the whole transaction is gone; the writer answers
        }
        if result.is_err() {
            self.run("ROLLBACK TO job")?;
            self.shared.names.undo(&self.fresh.split_off(before));
            self.shared.keys.put_back(self.keys.split_off(keys));
        }
        self.run("RELEASE job")?;
        result
    }

    fn run(&self, sql: &'static str) -> Result<(), Error> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    pub(super) fn sql(&self, sql: &'static str) -> Result<CachedStatement<'a>, Error> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    pub(super) fn name(&mut self, ws: i64, kind: Kind, text: &str) -> Result<i64, Error> {
        self.shared
            .names
            .intern(self.conn, ws, kind, text, &mut self.fresh)
    }

    /// The same connection, to read with.
    pub(super) fn reader(&self) -> Rx<'_> {
        Rx {
            conn: self.conn,
            shared: self.shared,
        }
    }
}

pub(crate) struct Rx<'a> {
    pub(super) conn: &'a Connection,
    pub(super) shared: &'a Arc<Shared>,
}

impl<'a> Rx<'a> {
    pub(super) fn sql(&self, sql: &str) -> Result<CachedStatement<'a>, Error> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    pub(super) fn text(&self, id: i64) -> String {
        self.shared.names.text(id)
    }

    /// The number of a word, or -1 where it was never written (so that nothing matches).
    pub(super) fn known(&self, ws: i64, kind: Kind, text: &str) -> i64 {
        self.shared.names.find(ws, kind, text).unwrap_or(-1)
    }
}
