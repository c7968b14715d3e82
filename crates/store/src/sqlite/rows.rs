//! Table rows to the store's types and back: column lists stand here once.

use super::{Rx, Tx};
use crate::types::*;
use crate::{Error, Keys};
use rusqlite::Row;
use stagewire_model::{Effect, Entity, OnceKind};

pub(super) const ACTION: &str = "id, ws, run, event, flow, step, item, redo_of, conn, uses, intent, order_key, place, effect, once, state, reason, due, valid_until, attempt, tries, maybe, first_fail, quiet_until, seen_version, falls, request, person, paths, remote_id, output, made, settled, must_hold";
pub(super) const RECORD: &str = "rid, ws, conn, entity, id16, remote_id, person, revision, hash, parts, next_seq, channel, first_seen, changed_at, observed_at, remote_updated, deleted_at, deletion, event, delivery, key_id, sealed";
pub(super) const RUN: &str = "id, ws, event, flow, version, state, reason, due, tries, at";
pub(super) const EVENT: &str = "id, uid, ws, conn, type, entity, subject, part, seq, time, observed, channel, late, main, delivery, key_id, sealed";
pub(super) const CALL: &str = "id, ws, at, conn, method, host, path, status, code, ms, attempt, action, purpose, limit_left, request, response";

pub(super) fn action(rx: &Rx, r: &Row) -> Result<ActionRow, Error> {
    Ok(ActionRow {
        id: r.get(0)?,
        ws: r.get(1)?,
        run: r.get(2)?,
        event: r.get(3)?,
        flow: rx.text(r.get(4)?),
        step: rx.text(r.get(5)?),
        item: r.get(6)?,
        redo_of: r.get(7)?,
        conn: rx.text(r.get(8)?),
        uses: r.get(9)?,
        intent: r.get(10)?,
        order_key: r.get(11)?,
        place: r.get(12)?,
        effect: Effect::parse(&r.get::<_, String>(13)?).ok_or(Error::Corrupt("action"))?,
        once: OnceKind::parse(&r.get::<_, String>(14)?).ok_or(Error::Corrupt("action"))?,
        state: action_state(r.get(15)?),
        reason: r.get(16)?,
        due: r.get(17)?,
        valid_until: r.get(18)?,
        attempt: r.get(19)?,
        tries: r.get(20)?,
        maybe: r.get(21)?,
        first_fail: r.get(22)?,
        quiet_until: r.get(23)?,
        seen_version: r.get(24)?,
        falls: r.get(25)?,
        request: r.get(26)?,
        person: r.get(27)?,
        paths: r.get(28)?,
        remote_id: r.get(29)?,
        output: r.get(30)?,
        made: r.get(31)?,
        settled: r.get(32)?,
        must_hold: r.get(33)?,
    })
}

pub(super) fn record(rx: &Rx, r: &Row) -> Result<RecordRow, Error> {
    let rid: i64 = r.get(0)?;
    let plain = rx
        .shared
        .keys
        .open(r.get(20)?, "record", rid, &r.get::<_, Vec<u8>>(21)?)?;
    Ok(RecordRow {
        rid,
        ws: r.get(1)?,
        conn: rx.text(r.get(2)?),
        entity: Entity::from_code(r.get(3)?).ok_or(Error::Corrupt("record"))?,
        id16: r.get(4)?,
        remote_id: r.get(5)?,
        person: r.get(6)?,
        revision: r.get(7)?,
        hash: r.get(8)?,
        parts: r.get(9)?,
        next_seq: r.get(10)?,
        channel: r.get(11)?,
        first_seen: r.get(12)?,
        changed_at: r.get(13)?,
        observed_at: r.get(14)?,
        remote_updated: r.get(15)?,
        deleted_at: r.get(16)?,
        deletion: r.get(17)?,
        event: r.get(18)?,
        delivery: r.get(19)?,
        fields: serde_json::from_slice(&plain).map_err(|_| Error::Corrupt("record"))?,
    })
}

pub(super) fn run(rx: &Rx, r: &Row) -> Result<RunRow, Error> {
    Ok(RunRow {
        id: r.get(0)?,
        ws: r.get(1)?,
        event: r.get(2)?,
        flow: rx.text(r.get(3)?),
        version: r.get(4)?,
        state: RunState::from_code(r.get(5)?).ok_or(Error::Corrupt("run"))?,
        reason: r.get(6)?,
        due: r.get(7)?,
        tries: r.get(8)?,
        at: r.get(9)?,
    })
}

pub(super) fn event(rx: &Rx, r: &Row) -> Result<EventRow, Error> {
    let id: i64 = r.get(0)?;
    let plain = rx
        .shared
        .keys
        .open(r.get(15)?, "event", id, &r.get::<_, Vec<u8>>(16)?)?;
    Ok(EventRow {
        id,
        uid: r.get(1)?,
        ws: r.get(2)?,
        conn: rx.text(r.get(3)?),
        kind: rx.text(r.get(4)?),
        entity: Entity::from_code(r.get(5)?).ok_or(Error::Corrupt("event"))?,
        subject: r.get(6)?,
        part: r.get(7)?,
        seq: r.get(8)?,
        time: r.get(9)?,
        observed: r.get(10)?,
        channel: r.get(11)?,
        late: r.get(12)?,
        main: r.get(13)?,
        delivery: r.get(14)?,
        data: serde_json::from_slice(&plain).map_err(|_| Error::Corrupt("event"))?,
    })
}

/// Every row of a statement.
pub(super) fn all<T>(
    mut rows: rusqlite::Rows,
    mut f: impl FnMut(&Row) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        out.push(f(r)?);
    }
    Ok(out)
}

/// The first row of a statement.
pub(super) fn one<T>(
    mut rows: rusqlite::Rows,
    f: impl FnOnce(&Row) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    rows.next()?.map(f).transpose()
}

impl Tx<'_> {
    pub(super) fn put_body(&mut self, ws: i64, b: &SealedBody) -> Result<i64, Error> {
        self.sql("INSERT OR IGNORE INTO body(id, ws, class, expires, key_id, person, sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute((b.id, ws, b.class as i64, b.expires, b.key_id, b.person, &b.sealed))?;
        Ok(b.id)
    }
}

impl SealedBody {
    /// Seals bytes as a body with the retention of its class.
    pub fn new(
        keys: &Keys,
        id: i64,
        ws: i64,
        class: crate::Class,
        now: i64,
        person: Option<[u8; 16]>,
        plain: &[u8],
    ) -> SealedBody {
        let (key_id, sealed) = keys.seal(ws, class, now, "body", id, plain);
        SealedBody {
            id,
            class,
            expires: now + class.days() * crate::DAY,
            key_id,
            person,
            sealed,
        }
    }
}
