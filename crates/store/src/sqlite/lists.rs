//! Pages of the lists that the API shows: newest first, filtered by indexed columns, never with bodies.

use super::Rx;
use super::names::Kind;
use super::rows::{ACTION, CALL, EVENT, RUN, action, all, event, run};
use crate::types::*;
use crate::{DAY, Error};
use rusqlite::types::Value as Sql;
use rusqlite::{Row, params_from_iter};
use serde_json::{Map, Value, json};
use stagewire_model::{Entity, Event, EventId, MAIN, Micros, RecordId, canonical};

/// One list: its table, its number column, the filters it knows, and how a row looks.
struct List {
    sql: String,
    id: &'static str,
    filters: Vec<(&'static str, String, Sql)>,
    descending: bool,
}

impl Rx<'_> {
    pub(crate) fn page(&mut self, q: Query) -> Result<Page, Error> {
        let limit = q.limit.clamp(1, 500);
        match q.list.as_str() {
            "deliveries" => {
                let list = List::new(
                    "SELECT id, at, conn, vendor_id, kind, verdict, state, wait, note, bytes FROM delivery",
                    "id",
                );
                let list = list
                    .name(self, &q, "connection", "conn", Kind::Connection)
                    .code(&q, "state", "state", |s| {
                        DeliveryState::parse(s).map(|s| s as i64)
                    });
                self.rows(list, &q, limit, |rx, r| {
                    Ok((r.get(0)?, rx.delivery_item(r)?))
                })
            }
            "events" => {
                let list = List::new(&format!("SELECT {EVENT} FROM event"), "id")
                    .name(self, &q, "connection", "conn", Kind::Connection)
                    .name(self, &q, "type", "type", Kind::Type);
                let list = list
                    .blob(&q, "subject", "subject", |s| {
                        RecordId::parse(s.rsplit('/').next().unwrap_or(s)).map(|(_, id)| id.0)
                    })
                    .text(&q, "partitionkey", "part");
                let mut list = list.blob(&q, "id", "uid", |s| EventId::parse(s).map(|e| e.0));
                // what was attached to a stronger event of the same act is told by that one
                list.filters.push(("=", "main".into(), Sql::Integer(1)));
                self.rows(list, &q, limit, |rx, r| {
                    event(rx, r).map(|e| (e.id, event_item(&e)))
                })
            }
            "runs" => {
                let list = List::new(&format!("SELECT {RUN} FROM run"), "id")
                    .name(self, &q, "flow", "flow", Kind::Flow)
                    .code(&q, "state", "state", |s| {
                        RunState::parse(s).map(|s| s as i64)
                    });
                let list = list
                    .blob(&q, "event", "event", |s| EventId::parse(s).map(|e| e.0))
                    .scoped("ws");
                self.rows(list, &q, limit, |rx, r| {
                    run(rx, r).map(|x| (x.id, run_item(&x)))
                })
            }
            "actions" => {
                let list = List::new(&format!("SELECT {ACTION} FROM action"), "id")
                    .name(self, &q, "connection", "conn", Kind::Connection)
                    .name(self, &q, "flow", "flow", Kind::Flow);
                let list = list
                    .code(&q, "state", "state", |s| {
                        stagewire_model::ActionState::parse(s).map(action_code)
                    })
                    .code(&q, "run_id", "run", |s| s.parse().ok());
                let list = list
                    .blob(&q, "event", "event", |s| EventId::parse(s).map(|e| e.0))
                    .code(&q, "id", "id", |s| s.parse().ok())
                    .scoped("ws");
                self.rows(list, &q, limit, |rx, r| {
                    action(rx, r).map(|a| (a.id, action_item(&a)))
                })
            }
            "calls" => {
                let list = List::new(&format!("SELECT {CALL} FROM call"), "id")
                    .name(self, &q, "connection", "conn", Kind::Connection)
                    .name(self, &q, "code", "code", Kind::Code);
                let list = list
                    .name(self, &q, "host", "host", Kind::Host)
                    .name(self, &q, "path", "path", Kind::Path)
                    .code(&q, "status", "status", |s| s.parse().ok());
                let list = list
                    .code(&q, "action_id", "action", |s| s.parse().ok())
                    .since(&q, "since", "at");
                self.rows(list, &q, limit, |rx, r| Ok((r.get(0)?, rx.call_item(r)?)))
            }
            "holds" => {
                let list = List::new(
                    "SELECT h.action, h.state, h.flow, h.owner, h.due, h.shown_hash, h.at, h.decided_by, h.decided_at, h.reason, a.request, a.uses, a.event, a.conn FROM hold h JOIN action a ON a.id = h.action",
                    "h.action",
                );
                let list = list
                    .text(&q, "state", "h.state")
                    .name(self, &q, "flow", "h.flow", Kind::Flow)
                    .code(&q, "id", "h.action", |s| s.parse().ok());
                self.rows(list.scoped("h.ws"), &q, limit, |rx, r| {
                    Ok((r.get(0)?, rx.hold_item(r)?))
                })
            }
            "failures" => {
                let list = List::new("SELECT id, code, conn, flow, cause, state, owner, count, first, last, taken_by FROM failure", "id").text(&q, "state", "state").text(&q, "code", "code");
                let list = list
                    .name(self, &q, "connection", "conn", Kind::Connection)
                    .name(self, &q, "flow", "flow", Kind::Flow)
                    .code(&q, "id", "id", |s| s.parse().ok());
                self.rows(list, &q, limit, |rx, r| {
                    Ok((r.get(0)?, rx.failure_item(r)?))
                })
            }
            "audit" => {
                let list = List::new("SELECT n, at, actor, verb, object, detail FROM audit", "n")
                    .text(&q, "object", "object");
                self.rows(list, &q, limit, |_, r| {
                    let at = Micros(r.get(1)?).text();
                    Ok((r.get(0)?, json!({"n": r.get::<_, i64>(0)?, "time": at, "actor": r.get::<_, String>(2)?, "verb": r.get::<_, String>(3)?, "object": r.get::<_, String>(4)?, "detail": r.get::<_, String>(5)?})))
                })
            }
            "drift" => {
                let list = List::new(
                    "SELECT rowid_, conn, shape, path, code, count, first, last FROM (SELECT *, row_number() OVER (ORDER BY conn, shape, path, code) AS rowid_ FROM drift)",
                    "rowid_",
                );
                self.rows(list.name(self, &q, "connection", "conn", Kind::Connection), &q, limit, |rx, r| {
                    Ok((r.get(0)?, json!({"connection": rx.text(r.get(1)?), "shape": r.get::<_, String>(2)?, "path": r.get::<_, String>(3)?, "code": r.get::<_, String>(4)?, "count": r.get::<_, i64>(5)?, "first_seen": Micros(r.get(6)?).text(), "last_seen": Micros(r.get(7)?).text()})))
                })
            }
            "completeness" => {
                let list = List::new(
                    "SELECT day * 100000 + conn, conn, day, seen_live, late, recovered, missed FROM completeness",
                    "day * 100000 + conn",
                );
                self.rows(list.name(self, &q, "connection", "conn", Kind::Connection), &q, limit, |rx, r| {
                    let day = Micros(r.get::<_, i64>(2)? * DAY).text();
                    Ok((r.get(0)?, json!({"connection": rx.text(r.get(1)?), "day": &day[..10], "seen_live": r.get::<_, i64>(3)?, "late": r.get::<_, i64>(4)?, "recovered": r.get::<_, i64>(5)?, "missed": r.get::<_, i64>(6)?})))
                })
            }
            list => match list.strip_prefix("records/").and_then(Entity::parse) {
                Some(Entity::StageTransition) => self.transitions_page(&q, limit),
                Some(entity) => self.records_page(entity, &q, limit),
                None => Err(Error::NotFound("list")),
            },
        }
    }

    fn rows(
        &mut self,
        list: List,
        q: &Query,
        limit: i64,
        mut item: impl FnMut(&Rx, &Row) -> Result<(i64, Value), Error>,
    ) -> Result<Page, Error> {
        let (sql, params) = list.finish(q, limit + 1);
        let mut stmt = self.sql(&sql)?;
        let mut rows = all(stmt.query(params_from_iter(params))?, |r| item(self, r))?;
        let more = rows.len() as i64 > limit;
        rows.truncate(limit as usize);
        let next = if more {
            rows.last().map(|(id, _)| id.to_string())
        } else {
            None
        };
        Ok(Page {
            items: rows.into_iter().map(|(_, v)| v).collect(),
            next,
            resume: None,
        })
    }

    fn delivery_item(&self, r: &Row) -> Result<Value, Error> {
        let state = DeliveryState::from_code(r.get(6)?).map_or("waiting", DeliveryState::as_str);
        let waits = [
            Value::Null,
            json!("the first read of this connection"),
            json!("a read that confirms it"),
            json!("a read of its record"),
        ];
        let wait = waits
            .get(r.get::<_, i64>(7)? as usize)
            .cloned()
            .unwrap_or(Value::Null);
        Ok(
            json!({"id": r.get::<_, i64>(0)?.to_string(), "time": Micros(r.get(1)?).text(), "connection": self.text(r.get(2)?), "vendor_id": r.get::<_, Option<String>>(3)?, "type": r.get::<_, Option<String>>(4)?,
            "signed": r.get::<_, bool>(5)?, "state": state, "waits_for": wait, "note": r.get::<_, Option<String>>(8)?, "bytes": r.get::<_, i64>(9)?}),
        )
    }

    fn call_item(&self, r: &Row) -> Result<Value, Error> {
        let code: i64 = r.get(8)?;
        Ok(
            json!({"id": r.get::<_, i64>(0)?.to_string(), "time": Micros(r.get(2)?).text(), "connection": self.text(r.get(3)?), "method": r.get::<_, String>(4)?, "host": self.text(r.get(5)?), "path": self.text(r.get(6)?),
            "status": r.get::<_, i64>(7)?, "code": if code == 0 { Value::Null } else { json!(self.text(code)) }, "duration_ms": r.get::<_, i64>(9)?, "attempt": r.get::<_, i64>(10)?,
            "action_id": r.get::<_, Option<i64>>(11)?.map(|n| n.to_string()), "purpose": r.get::<_, String>(12)?, "limit_left": r.get::<_, Option<i64>>(13)?}),
        )
    }

    fn hold_item(&self, r: &Row) -> Result<Value, Error> {
        let request: Option<i64> = r.get(10)?;
        let request = match request {
            Some(id) => {
                let mut stmt = self.sql("SELECT key_id, sealed FROM body WHERE id = ?1")?;
                let sealed: Option<(i64, Vec<u8>)> =
                    stmt.query_row([id], |b| Ok((b.get(0)?, b.get(1)?))).ok();
                sealed
                    .and_then(|(key, s)| self.shared.keys.open(key, "body", id, &s).ok())
                    .and_then(|b| serde_json::from_slice::<Value>(&b).ok())
            }
            None => None,
        };
        let decided: Option<i64> = r.get(8)?;
        Ok(
            json!({"id": r.get::<_, i64>(0)?.to_string(), "action_id": r.get::<_, i64>(0)?.to_string(), "state": r.get::<_, String>(1)?, "flow": self.text(r.get(2)?), "owner": r.get::<_, String>(3)?, "expires_at": Micros(r.get(4)?).text(),
            "shown_hash": canonical::hex(&r.get::<_, [u8; 32]>(5)?), "created_at": Micros(r.get(6)?).text(), "decided_by": r.get::<_, Option<String>>(7)?, "decided_at": decided.map(|t| Micros(t).text()),
            "reason": r.get::<_, Option<String>>(9)?, "request": request, "uses": r.get::<_, String>(11)?, "event_id": EventId(r.get(12)?).text(), "connection": self.text(r.get(13)?)}),
        )
    }

    fn failure_item(&self, r: &Row) -> Result<Value, Error> {
        let text = |n: Option<i64>| n.map(|n| self.text(n));
        Ok(
            json!({"id": r.get::<_, i64>(0)?.to_string(), "code": r.get::<_, String>(1)?, "connection": text(r.get(2)?), "flow": text(r.get(3)?), "cause": r.get::<_, String>(4)?, "state": r.get::<_, String>(5)?,
            "owner": r.get::<_, String>(6)?, "count": r.get::<_, i64>(7)?, "first_seen": Micros(r.get(8)?).text(), "last_seen": Micros(r.get(9)?).text(), "taken_by": r.get::<_, Option<String>>(10)?}),
        )
    }
}

impl List {
    fn new(sql: &str, id: &'static str) -> List {
        List {
            sql: sql.to_owned(),
            id,
            filters: Vec::new(),
            descending: true,
        }
    }

    fn given<'q>(q: &'q Query, key: &str) -> Option<&'q str> {
        q.filters
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, v)| v.as_str())
    }

    fn name(mut self, rx: &Rx, q: &Query, key: &str, column: &str, kind: Kind) -> List {
        if let Some(v) = List::given(q, key) {
            self.filters
                .push(("=", column.into(), Sql::Integer(rx.known(q.ws, kind, v))));
        }
        self
    }

    fn code(mut self, q: &Query, key: &str, column: &str, f: impl Fn(&str) -> Option<i64>) -> List {
        if let Some(v) = List::given(q, key) {
            self.filters
                .push(("=", column.into(), Sql::Integer(f(v).unwrap_or(-1))));
        }
        self
    }

    fn text(mut self, q: &Query, key: &str, column: &str) -> List {
        if let Some(v) = List::given(q, key) {
            self.filters
                .push(("=", column.into(), Sql::Text(v.to_owned())));
        }
        self
    }

    fn blob(
        mut self,
        q: &Query,
        key: &str,
        column: &str,
        f: impl Fn(&str) -> Option<[u8; 16]>,
    ) -> List {
        if let Some(v) = List::given(q, key) {
            self.filters.push((
                "=",
                column.into(),
                Sql::Blob(f(v).map(|b| b.to_vec()).unwrap_or_default()),
            ));
        }
        self
    }

    fn since(mut self, q: &Query, key: &str, column: &str) -> List {
        if let Some((t, _)) = List::given(q, key).and_then(stagewire_model::time::parse_instant) {
            self.filters.push((">=", column.into(), Sql::Integer(t.0)));
        }
        self
    }

    fn scoped(mut self, column: &str) -> List {
        self.filters.push(("=", column.into(), Sql::Integer(MAIN)));
        self
    }

    /// The statement up to and with its `WHERE … AND`.
    fn bare(self) -> (String, Vec<Sql>) {
        let mut params = Vec::new();
        let mut sql = self.sql;
        sql += " WHERE ";
        for (op, column, value) in self.filters {
            params.push(value);
            sql += &format!("{column} {op} ?{} AND ", params.len());
        }
        (sql, params)
    }

    fn finish(mut self, q: &Query, limit: i64) -> (String, Vec<Sql>) {
        let (id, down) = (self.id, self.descending);
        let cursor = q.cursor.as_deref().and_then(|c| c.parse::<i64>().ok());
        if let Some(c) = cursor {
            self.filters
                .push((if down { "<" } else { ">" }, id.into(), Sql::Integer(c)));
        }
        let (mut sql, params) = self.bare();
        sql += &format!(
            "1 ORDER BY {id} {} LIMIT {limit}",
            if down { "DESC" } else { "ASC" }
        );
        (sql, params)
    }
}

/// An event as the CloudEvents envelope it leaves in.
pub(super) fn event_item(e: &EventRow) -> Value {
    let data: Map<String, Value> = e.data.as_object().cloned().unwrap_or_default();
    let event = Event {
        id: EventId(e.uid),
        kind: e.kind.clone(),
        connection: e.conn.clone(),
        subject: format!("{}/{}", e.entity.name(), RecordId(e.subject).text(e.entity)),
        partition: e.part.clone(),
        sequence: e.seq,
        time: Micros(e.time),
        observed: Micros(e.observed),
        data,
    };
    event.cloud_event()
}

fn run_item(r: &RunRow) -> Value {
    json!({"id": r.id.to_string(), "event_id": EventId(r.event).text(), "flow": r.flow, "version": r.version, "state": r.state.as_str(), "reason": r.reason, "time": Micros(r.at).text()})
}

fn action_item(a: &ActionRow) -> Value {
    let time = |t: Option<i64>| t.map(|t| Micros(t).text());
    json!({"id": a.id.to_string(), "run_id": a.run.to_string(), "event_id": EventId(a.event).text(), "flow": a.flow, "step": a.step, "item": a.item, "connection": a.conn, "uses": a.uses, "intent": canonical::hex(&a.intent),
        "effect": a.effect.as_str(), "once": a.once.as_str(), "state": a.state.as_str(), "reason": a.reason, "attempts": a.attempt, "tries": a.tries, "may_have_happened": a.maybe, "due_at": time(a.due), "valid_until": time(a.valid_until),
        "remote_id": a.remote_id, "created_at": Micros(a.made).text(), "settled_at": time(a.settled), "redo_of": if a.redo_of == 0 { Value::Null } else { json!(a.redo_of.to_string()) }})
}
