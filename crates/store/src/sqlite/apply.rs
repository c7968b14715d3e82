//! Applying a write set: all of it, or nothing where the ground it was computed on has moved.

use super::names::Kind;
use super::rows::{RECORD, RUN, all, one, record, run};
use super::{Rx, Tx};
use crate::types::*;
use crate::{DAY, Error};
use rusqlite::OptionalExtension;
use stagewire_model::{ActionState, Entity};

impl Tx<'_> {
    pub(crate) fn apply(&mut self, set: Box<WriteSet>) -> Result<Applied, Error> {
        let set = *set;
        let conn = self.name(set.ws, Kind::Connection, &set.conn)?;
        if !self.ground_holds(&set)? {
            return Ok(Applied::Stale);
        }
        for b in &set.bodies {
            self.put_body(set.ws, b)?;
        }
        self.apply_deliveries(&set)?;
        for r in &set.records {
            self.put_record(set.ws, conn, r)?;
        }
        for t in &set.transitions {
            self.put_transition(set.ws, t)?;
        }
        for (e, sealed) in &set.events {
            self.put_event(e, sealed)?;
        }
        for r in &set.runs {
            self.put_run(r)?;
        }
        for r in &set.runs_moved {
            self.sql("UPDATE run SET state = ?2, reason = ?3, due = ?4, tries = ?5 WHERE id = ?1 AND (state = 0 OR reason IN ('needs', 'after', 'settle', 'collect'))")?
                .execute((r.id, r.state as i64, &r.reason, r.due, r.tries))?;
            if !matches!(r.state, RunState::Parked | RunState::Completing) {
                self.item_fixed("run", r.id, set.now)?;
            }
        }
        for a in &set.actions {
            if !self.put_action(a)? {
                return Err(Error::Conflict(format!(
                    "step {} of flow {} has already acted on this event",
                    a.step, a.flow
                )));
            }
        }
        for (a, from) in &set.actions_moved {
            if !self.move_action(a, *from)? {
                return Err(Error::Conflict("it changed meanwhile; look again".into()));
            }
            self.run_goes_on(a.run)?;
        }
        for h in &set.holds {
            self.put_hold(h)?;
        }
        self.apply_timers(&set, conn)?;
        self.apply_wants(&set, conn)?;
        for f in &set.failures {
            self.open_failure(f)?;
        }
        for (shape, path, code) in &set.drift {
            self.sql(
                "INSERT INTO drift(ws, conn, shape, path, code, count, first, last) VALUES(?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)
                 ON CONFLICT(ws, conn, shape, path, code) DO UPDATE SET count = count + 1, last = excluded.last",
            )?
            .execute((set.ws, conn, shape, path, code, set.now))?;
        }
        self.apply_connection(&set, conn)?;
        Ok(Applied::Done)
    }

    pub(crate) fn apply_soon(&mut self, set: Box<WriteSet>) -> Result<Applied, Error> {
        self.apply(set)
    }

    fn ground_holds(&mut self, set: &WriteSet) -> Result<bool, Error> {
        for d in set.deliveries.iter().filter(|d| !d.hint) {
            let state: Option<i64> = self
                .sql("SELECT state FROM delivery WHERE id = ?1")?
                .query_row([d.id], |r| r.get(0))
                .optional()?;
            if state != Some(0) {
                return Ok(false);
            }
        }
        for r in &set.records {
            let held: Option<i64> = self
                .sql("SELECT revision FROM record WHERE ws = ?1 AND id16 = ?2")?
                .query_row((set.ws, r.row.id16), |x| x.get(0))
                .optional()?;
            if held.unwrap_or(0) != r.base {
                return Ok(false);
            }
        }
        for (flow, version, falls) in &set.flows {
            let flow = self.name(set.ws, Kind::Flow, flow)?;
            let held: Option<(i64, i64)> = self
                .sql("SELECT live_version, falls FROM flow WHERE ws = ?1 AND flow = ?2")?
                .query_row((set.ws, flow), |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            if held != Some((*version, *falls)) {
                return Ok(false);
            }
        }
        self.timers_hold(set)
    }

    fn apply_deliveries(&mut self, set: &WriteSet) -> Result<(), Error> {
        for d in &set.deliveries {
            self.sql("UPDATE delivery SET state = ?2, wait = ?3, kind = COALESCE(?4, kind), note = COALESCE(?5, note) WHERE id = ?1 AND state = 0")?
                .execute((d.id, d.state as i64, d.wait, &d.kind, &d.note))?;
        }
        Ok(())
    }

    fn apply_wants(&mut self, set: &WriteSet, conn: i64) -> Result<(), Error> {
        for (entity, of, remote) in &set.answered {
            self.sql(
                "DELETE FROM want WHERE ws = ?1 AND conn = ?2 AND entity = ?3 AND of = ?4 AND remote_id = ?5 AND heard < ?6",
            )?
            .execute((set.ws, conn, entity.code(), of_code(*of), remote, set.asked))?;
        }
        for w in &set.wants {
            self.sql(
                "INSERT INTO want(ws, conn, entity, of, remote_id, reason, priority, due, tries, heard) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT(ws, conn, entity, of, remote_id) DO UPDATE SET priority = MIN(priority, excluded.priority), due = MIN(due, excluded.due), heard = MAX(heard, excluded.heard)",
            )?
            .execute((set.ws, conn, w.entity.code(), of_code(w.of), &w.remote_id, &w.reason, w.priority, w.due, w.tries, w.heard))?;
        }
        Ok(())
    }

    fn apply_connection(&mut self, set: &WriteSet, conn: i64) -> Result<(), Error> {
        if let Some((stream, cursor, rows)) = &set.checkpoint {
            self.sql(
                "INSERT INTO checkpoint(ws, conn, stream, cursor, rows) VALUES(?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT(ws, conn, stream) DO UPDATE SET cursor = excluded.cursor, rows = rows + excluded.rows",
            )?
            .execute((set.ws, conn, stream, cursor, rows))?;
        }
        if set.release {
            self.sql("UPDATE delivery SET wait = 4 WHERE conn = ?1 AND state = 0 AND wait = 1")?
                .execute([conn])?;
        }
        self.sql(
            "UPDATE connection SET watermark = COALESCE(watermark, ?3), account = COALESCE(account, ?4), receipt = MAX(receipt, ?5), backfilled = MAX(backfilled, ?6)
             WHERE ws = ?1 AND conn = ?2 AND (receipt < ?5 OR ?3 IS NOT NULL OR (?4 IS NOT NULL AND account IS NULL) OR (?6 = 1 AND backfilled = 0))",
        )?
        .execute((set.ws, conn, set.watermark, &set.account, set.receipt, set.backfilled))?;
        for (at, n) in &set.counted {
            self.sql(
                "INSERT INTO completeness(ws, conn, day, seen_live, late, recovered, missed) VALUES(?1, ?2, ?3, ?4, ?5, MAX(?6, 0), ?7) ON CONFLICT(ws, conn, day) DO UPDATE SET
                 seen_live = seen_live + excluded.seen_live, late = late + ?5, recovered = MAX(recovered + ?6, 0), missed = missed + ?7",
            )?
            .execute((set.ws, conn, at.div_euclid(DAY), n.live, n.late, n.recovered, n.missed))?;
        }
        Ok(())
    }

    fn put_event(&mut self, e: &EventRow, sealed: &(i64, Vec<u8>)) -> Result<(), Error> {
        let conn = self.name(e.ws, Kind::Connection, &e.conn)?;
        let kind = self.name(e.ws, Kind::Type, &e.kind)?;
        self.sql("INSERT INTO event(id, uid, ws, conn, type, entity, subject, part, seq, time, observed, channel, late, main, delivery, key_id, sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)")?
            .execute(rusqlite::params![e.id, e.uid, e.ws, conn, kind, e.entity.code(), e.subject, e.part, e.seq, e.time, e.observed, e.channel, e.late, e.main, e.delivery, sealed.0, sealed.1])?;
        Ok(())
    }

    pub(super) fn put_run(&mut self, r: &RunRow) -> Result<(), Error> {
        let flow = self.name(r.ws, Kind::Flow, &r.flow)?;
        self.sql("INSERT INTO run(id, ws, event, flow, version, state, reason, due, tries, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(ws, event, flow) DO NOTHING")?
            .execute((r.id, r.ws, r.event, flow, r.version, r.state as i64, &r.reason, r.due, r.tries, r.at))?;
        if r.state == RunState::Skipped && r.reason.as_deref() == Some("late") {
            self.sql("UPDATE flow SET late = late + 1 WHERE ws = ?1 AND flow = ?2")?
                .execute((r.ws, flow))?;
        }
        Ok(())
    }

    /// A planned action; one with the same intent is already there: nothing happens (promise P4).
    pub(super) fn put_action(&mut self, a: &ActionRow) -> Result<bool, Error> {
        let (flow, step, conn) = (
            self.name(a.ws, Kind::Flow, &a.flow)?,
            self.name(a.ws, Kind::Step, &a.step)?,
            self.name(a.ws, Kind::Connection, &a.conn)?,
        );
        let n = self.sql("INSERT INTO action(id, ws, run, event, flow, step, item, redo_of, conn, uses, intent, order_key, place, effect, once, state, reason, due, valid_until, attempt, tries, maybe, seen_version, falls, request, person, paths, made, settled, must_hold, output)
                  VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, 0, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30) ON CONFLICT(ws, event, flow, step, item, redo_of) DO NOTHING")?
            .execute(rusqlite::params![a.id, a.ws, a.run, a.event, flow, step, a.item, a.redo_of, conn, a.uses, a.intent, a.order_key, a.place, a.effect.as_str(), a.once.as_str(), action_code(a.state), a.reason, a.due, a.valid_until, a.attempt, a.tries, a.seen_version, a.falls, a.request, a.person, a.paths, a.made, a.settled, a.must_hold, a.output])?;
        Ok(n == 1)
    }

    fn move_action(&mut self, a: &ActionRow, from: ActionState) -> Result<bool, Error> {
        let n = self.sql("UPDATE action SET state = ?3, reason = ?4, due = ?5, valid_until = ?6, place = ?7, request = ?8, person = ?9, paths = ?10, settled = ?11, attempt = ?12 WHERE id = ?1 AND state = ?2")?
            .execute((a.id, action_code(from), action_code(a.state), &a.reason, a.due, a.valid_until, a.place, a.request, a.person, &a.paths, a.settled, a.attempt))?;
        Ok(n == 1)
    }

    fn put_hold(&mut self, h: &HoldRow) -> Result<(), Error> {
        let flow = self.name(h.ws, Kind::Flow, &h.flow)?;
        let facts = serde_json::to_string(&h.facts).map_err(|_| Error::Corrupt("hold"))?;
        self.sql("INSERT OR IGNORE INTO hold(action, ws, state, flow, owner, due, shown_hash, facts, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute((h.action, h.ws, &h.state, flow, &h.owner, h.due, h.shown_hash, facts, h.at))?;
        Ok(())
    }

    pub(crate) fn run_again(&mut self, id: i64, due: i64) -> Result<bool, Error> {
        let sql = "UPDATE run SET state = 0, tries = 0, due = ?2 WHERE id = ?1 AND state = 3 AND NOT EXISTS (SELECT 1 FROM action WHERE run = ?1)";
        Ok(self.sql(sql)?.execute((id, due))? == 1)
    }

    pub(crate) fn want_again(&mut self, conn: String, wants: Vec<WantRow>) -> Result<(), Error> {
        let conn = self.name(stagewire_model::MAIN, Kind::Connection, &conn)?;
        for w in wants {
            self.sql("UPDATE want SET due = ?4, tries = ?5 WHERE ws = ?1 AND conn = ?2 AND entity = ?3 AND remote_id = ?6 AND of = ?7")?
                .execute((stagewire_model::MAIN, conn, w.entity.code(), w.due, w.tries, &w.remote_id, of_code(w.of)))?;
        }
        Ok(())
    }
}

/// 0 = the record itself.
fn of_code(of: Option<Entity>) -> i64 {
    of.map_or(0, Entity::code)
}

impl Rx<'_> {
    pub(crate) fn records(
        &mut self,
        ws: i64,
        ids: Vec<[u8; 16]>,
    ) -> Result<Vec<Option<RecordRow>>, Error> {
        let mut stmt = self.sql(&format!(
            "SELECT {RECORD} FROM record WHERE ws = ?1 AND id16 = ?2"
        ))?;
        ids.into_iter()
            .map(|id| one(stmt.query((ws, id))?, |r| record(self, r)))
            .collect()
    }

    pub(crate) fn alive(
        &mut self,
        conn: String,
        entity: Entity,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Alive>, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql(
            "SELECT rid, id16, remote_id, first_seen FROM record WHERE rid > ?4 AND ws = ?1 AND conn = ?2 AND entity = ?3 AND deleted_at IS NULL ORDER BY rid LIMIT ?5",
        )?;
        let found = stmt.query((stagewire_model::MAIN, conn, entity.code(), after, limit))?;
        all(found, |r| {
            Ok(Alive {
                rid: r.get(0)?,
                id16: r.get(1)?,
                remote_id: r.get(2)?,
                first_seen: r.get(3)?,
            })
        })
    }

    pub(crate) fn wants_count(&mut self, conn: String) -> Result<i64, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql("SELECT COUNT(*) FROM want WHERE ws = ?1 AND conn = ?2")?;
        Ok(one(
            stmt.query((stagewire_model::MAIN, conn))?,
            |r| Ok(r.get(0)?),
        )?
        .unwrap_or(0))
    }

    pub(crate) fn wanted(
        &mut self,
        conn: String,
        entity: stagewire_model::Entity,
    ) -> Result<Vec<String>, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql(
            "SELECT remote_id FROM want WHERE ws = ?1 AND conn = ?2 AND entity = ?3 AND of = 0",
        )?;
        all(
            stmt.query((stagewire_model::MAIN, conn, entity.code()))?,
            |r| Ok(r.get(0)?),
        )
    }

    pub(crate) fn wants_due(
        &mut self,
        conn: String,
        now: i64,
        limit: i64,
    ) -> Result<Vec<WantRow>, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let mut stmt = self.sql(
            "SELECT entity, remote_id, reason, priority, due, tries, heard, of FROM want WHERE ws = ?1 AND conn = ?2 AND due <= ?3 ORDER BY priority, due LIMIT ?4",
        )?;
        all(
            stmt.query((stagewire_model::MAIN, conn, now, limit))?,
            |r| {
                Ok(WantRow {
                    entity: Entity::from_code(r.get(0)?).ok_or(Error::Corrupt("want"))?,
                    remote_id: r.get(1)?,
                    reason: r.get(2)?,
                    priority: r.get(3)?,
                    due: r.get(4)?,
                    tries: r.get(5)?,
                    heard: r.get(6)?,
                    of: Entity::from_code(r.get(7)?),
                })
            },
        )
    }

    /// Records of one entity about a person, newest first; the person is none of them.
    pub(crate) fn related(
        &mut self,
        ws: i64,
        person: [u8; 16],
        entity: Entity,
    ) -> Result<Vec<RecordRow>, Error> {
        let mut stmt = self.sql(&format!("SELECT {RECORD} FROM record WHERE ws = ?1 AND person = ?2 AND person <> id16 AND entity = ?3 ORDER BY changed_at DESC, rid DESC LIMIT 200"))?;
        all(stmt.query((ws, person, entity.code()))?, |r| {
            record(self, r)
        })
    }

    pub(crate) fn completing(&mut self, conn: String, limit: i64) -> Result<Vec<RunRow>, Error> {
        let conn = self.known(stagewire_model::MAIN, Kind::Connection, &conn);
        let columns = RUN
            .split(", ")
            .map(|c| format!("run.{c}"))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!(
            "SELECT {columns} FROM run JOIN event ON event.ws = run.ws AND event.uid = run.event WHERE run.state = 0 AND event.conn = ?1 ORDER BY run.id LIMIT ?2"
        );
        let mut stmt = self.sql(&sql)?;
        all(stmt.query((conn, limit))?, |r| run(self, r))
    }
}
