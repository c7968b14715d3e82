//! Filling in a connection, pausing it, letting it go on.

use super::entry;
use crate::connection::{Connection, State};
use crate::hub::Hub;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use stagewire_model::MAIN;
use stagewire_store::{ConnectionChange, Error};
use std::sync::Arc;

impl Hub {
    /// New values for a connection's fields; others stay. They win over the file until the file's entry changes.
    ///
    /// # Errors
    /// Where a field is unknown, or the store cannot be written.
    pub async fn set_fields(
        self: &Arc<Self>,
        id: &str,
        fields: Map<String, Value>,
        by: &str,
    ) -> Result<(), Error> {
        let conn = self.connection(id).ok_or(Error::NotFound("connection"))?;
        let known: Vec<&str> = conn
            .connector
            .fields
            .iter()
            .map(|f| f.key.as_str())
            .collect();
        if let Some(unknown) = fields.keys().find(|k| !known.contains(&k.as_str())) {
            return Err(Error::Conflict(format!(
                "{} has no field '{unknown}'; it has {}",
                conn.connector.name,
                known.join(", ")
            )));
        }
        let held = self
            .store
            .connections(MAIN)
            .await?
            .into_iter()
            .find(|c| c.conn == id)
            .unwrap_or_default();
        let mut all = held.fields;
        let names: Vec<String> = fields.keys().cloned().collect();
        all.extend(fields);
        let now = self.env.now();
        let hash = held
            .fields_hash
            .unwrap_or_else(|| Sha256::digest(b"").to_vec());
        let change = ConnectionChange {
            ws: MAIN,
            conn: id.to_owned(),
            state: Some((
                State::Unknown.as_str().into(),
                "New credentials, not tried yet".into(),
            )),
            fields: Some((all.clone(), hash)),
            audit: Some(entry(
                now.0,
                by,
                "fields changed",
                &format!("connection/{id}"),
                &names.join(", "),
            )),
            now: now.0,
            ..ConnectionChange::default()
        };
        self.store.connection_put(change).await?;
        conn.set_settings(crate::engine::settings(&conn.spec, &all));
        conn.set_state(State::Unknown, "New credentials, not tried yet");
        self.set_going(&conn);
        Ok(())
    }

    /// Something changed that may let a connection work: it is tested, and all that waits for it looks again.
    pub(crate) fn set_going(self: &Arc<Self>, conn: &Arc<Connection>) {
        conn.ask_again();
        tokio::spawn(crate::reads::check_at_start(self.clone(), conn.clone()));
        conn.woken.notify_one();
        conn.wanted.notify_one();
        if let Some(d) = self.dispatcher(&conn.id) {
            d.wake();
        }
    }

    /// Pauses a connection's writes, or lets them go on.
    ///
    /// # Errors
    /// Where there is no such connection, or the store cannot be written.
    pub async fn pause(self: &Arc<Self>, id: &str, paused: bool, by: &str) -> Result<(), Error> {
        let conn = self.connection(id).ok_or(Error::NotFound("connection"))?;
        let (state, sentence) = if paused {
            (State::Paused, format!("Paused by {by}"))
        } else {
            (State::Working, "Working".to_owned())
        };
        conn.set_state(state, &sentence);
        let now = self.env.now().0;
        let audit = Some(entry(
            now,
            by,
            if paused { "paused" } else { "resumed" },
            &format!("connection/{id}"),
            "",
        ));
        let change = ConnectionChange {
            ws: MAIN,
            conn: id.to_owned(),
            state: Some((state.as_str().into(), sentence)),
            audit,
            now,
            ..ConnectionChange::default()
        };
        self.store.connection_put(change).await?;
        if let Some(d) = self.dispatcher(id) {
            d.wake();
        }
        Ok(())
    }
}
