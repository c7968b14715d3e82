//! Records: written with what they can be found by, and listed in the order of their changes. Every filter that is offered has an
//! index behind it; no page reads more of the table than it shows.

use super::names::Kind;
use super::rows::{RECORD, all, record};
use super::{Rx, Tx};
use crate::Error;
use crate::types::*;
use hmac::{Hmac, KeyInit, Mac};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use stagewire_model::{Entity, EventId, Micros, RecordId, canonical, time};
use std::collections::BTreeSet;

/// Connections with records of one remote id are looked through up to this many.
const MOST_CONNECTIONS: usize = 200;

/// The latest moment of change that is stored.
pub(super) fn last_change(conn: &Connection) -> Result<i64, Error> {
    let mut last: i64 = conn.query_row(
        "SELECT COALESCE(MAX(changed), 0) FROM transition WHERE ws = 1",
        [],
        |r| r.get(0),
    )?;
    let mut next = conn.prepare("SELECT ws, entity, conn, status FROM record INDEXED BY record_changed WHERE (ws, entity, conn, status, changed_at) > (?1, ?2, ?3, ?4, 9223372036854775807) ORDER BY ws, entity, conn, status LIMIT 1")?;
    let mut newest = conn.prepare("SELECT changed_at FROM record INDEXED BY record_changed WHERE ws = ?1 AND entity = ?2 AND conn = ?3 AND status = ?4 ORDER BY changed_at DESC LIMIT 1")?;
    let mut at: (i64, i64, i64, String) = (0, 0, 0, String::new());
    loop {
        let mut rows = next.query((at.0, at.1, at.2, &at.3))?;
        let Some(r) = rows.next()? else {
            return Ok(last);
        };
        at = (r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?);
        let of: i64 = newest.query_row((at.0, at.1, at.2, &at.3), |r| r.get(0))?;
        last = last.max(of);
    }
}

/// What a record is found by, taken from its fields.
struct Found<'f> {
    status: &'f str,
    job: Option<[u8; 16]>,
    stage: Option<[u8; 16]>,
    app: Option<[u8; 16]>,
}

impl Found<'_> {
    fn of(fields: &Map<String, Value>) -> Found<'_> {
        let id = |key: &str| {
            let text = fields.get(key)?.as_str()?;
            RecordId::parse(text).map(|(_, id)| id.0)
        };
        let word = fields.get("status").or_else(|| fields.get("state"));
        Found {
            status: word.and_then(Value::as_str).unwrap_or_default(),
            job: id("job_id"),
            stage: id("stage_id"),
            app: id("application_id"),
        }
    }
}

/// An address is found by its keyed hash only: it stays sealed.
fn email_hash(key: &[u8; 32], address: &str) -> [u8; 16] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"email\x1f");
    mac.update(address.trim().to_lowercase().as_bytes());
    let mut hash = [0; 16];
    hash.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    hash
}

/// The addresses of a person.
fn emails(fields: &Map<String, Value>) -> BTreeSet<&str> {
    let listed = fields.get("emails").and_then(Value::as_array);
    let listed = listed
        .into_iter()
        .flatten()
        .filter_map(|e| e.get("value").and_then(Value::as_str));
    listed
        .chain(fields.get("email").and_then(Value::as_str))
        .filter(|a| !a.trim().is_empty())
        .collect()
}

impl Tx<'_> {
    pub(super) fn put_record(&mut self, ws: i64, conn: i64, w: &RecordWrite) -> Result<(), Error> {
        let r = &w.row;
        let found = Found::of(&r.fields);
        if w.base == 0 {
            let at = self.shared.change_at(r.changed_at);
            self.sql("INSERT INTO record(rid, ws, conn, entity, id16, remote_id, person, revision, hash, parts, next_seq, channel, first_seen, changed_at, observed_at, remote_updated, deleted_at, deletion, event, delivery, status, job, stage, app, key_id, sealed)
                      VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)")?
                .execute(rusqlite::params![r.rid, ws, conn, r.entity.code(), r.id16, r.remote_id, r.person, r.revision, r.hash, r.parts, r.next_seq, r.channel, r.first_seen, at, r.observed_at, r.remote_updated, r.deleted_at, r.deletion, r.event, r.delivery, found.status, found.job, found.stage, found.app, w.sealed.0, w.sealed.1])?;
        } else if w.sealed.1.is_empty() {
            self.sql("UPDATE record SET parts = ?2, next_seq = ?3, remote_updated = ?4, deletion = ?5 WHERE rid = ?1")?
                .execute((r.rid, &r.parts, r.next_seq, r.remote_updated, &r.deletion))?;
            return Ok(());
        } else if r.revision == w.base {
            // only what stands beside the content: its place among the changes stays
            self.sql("UPDATE record SET parts = ?2, next_seq = ?3, remote_updated = ?4, deletion = ?5, key_id = ?6, sealed = ?7, person = ?8 WHERE rid = ?1")?
                .execute((r.rid, &r.parts, r.next_seq, r.remote_updated, &r.deletion, w.sealed.0, &w.sealed.1, r.person))?;
            return Ok(());
        } else {
            let at = self.shared.change_at(r.changed_at);
            self.sql("UPDATE record SET revision = ?2, hash = ?3, parts = ?4, next_seq = ?5, channel = ?6, changed_at = ?7, observed_at = ?8, remote_updated = ?9, deleted_at = ?10, deletion = ?11, event = ?12, delivery = ?13, status = ?14, job = ?15, stage = ?16, app = ?17, key_id = ?18, sealed = ?19, person = ?20 WHERE rid = ?1")?
                .execute(rusqlite::params![r.rid, r.revision, r.hash, r.parts, r.next_seq, r.channel, at, r.observed_at, r.remote_updated, r.deleted_at, r.deletion, r.event, r.delivery, found.status, found.job, found.stage, found.app, w.sealed.0, w.sealed.1, r.person])?;
        }
        if matches!(r.entity, Entity::Candidate | Entity::User) {
            self.put_emails(ws, r, w.base == 0)?;
        }
        Ok(())
    }

    fn put_emails(&mut self, ws: i64, r: &RecordRow, new: bool) -> Result<(), Error> {
        if !new {
            self.sql("DELETE FROM email WHERE rid = ?1")?
                .execute([r.rid])?;
        }
        for address in emails(&r.fields) {
            let hash = email_hash(self.shared.install(), address);
            self.sql("INSERT OR IGNORE INTO email(rid, ws, hash) VALUES(?1, ?2, ?3)")?
                .execute((r.rid, ws, hash))?;
        }
        Ok(())
    }
}

/// How a page of records is found: the index that leads, what it is asked for, and what is looked at besides.
struct Search {
    from: &'static str,
    /// Conditions with one value each.
    when: Vec<(String, Sql)>,
    /// Conditions without one.
    plain: Vec<String>,
}

impl Search {
    /// The statement for the rows behind a place in the order of changes, and its values.
    fn statement(&self, after: (i64, i64), limit: i64) -> (String, Vec<Sql>) {
        let mut values: Vec<Sql> = Vec::new();
        let mut sql = format!(
            "SELECT record.changed_at, record.rid FROM {} WHERE ",
            self.from
        );
        for (condition, value) in &self.when {
            values.push(value.clone());
            sql += &condition.replace('?', &format!("?{}", values.len()));
            sql += " AND ";
        }
        for condition in &self.plain {
            sql += condition;
            sql += " AND ";
        }
        let n = values.len();
        sql += &format!(
            "(record.changed_at, record.rid) > (?{}, ?{}) ORDER BY record.changed_at, record.rid LIMIT ?{}",
            n + 1,
            n + 2,
            n + 3
        );
        values.extend([
            Sql::Integer(after.0),
            Sql::Integer(after.1),
            Sql::Integer(limit),
        ]);
        (sql, values)
    }
}

fn given<'q>(q: &'q Query, key: &str) -> Option<&'q str> {
    let found = q.filters.iter().find(|(k, _)| k == key);
    found.map(|(_, v)| v.as_str())
}

fn id_of(text: &str) -> Sql {
    let id = RecordId::parse(text.rsplit('/').next().unwrap_or(text));
    Sql::Blob(id.map(|(_, id)| id.0.to_vec()).unwrap_or_default())
}

/// Where a page begins: behind its cursor, or behind an instant.
pub(super) fn after(q: &Query) -> (i64, i64) {
    let cursor = q.cursor.as_deref().and_then(|c| c.split_once('-'));
    let cursor = cursor.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let instant = given(q, "updated_after").and_then(time::parse_instant);
    let instant = instant.map_or((i64::MIN, 0), |(t, _)| (t.0, i64::MAX));
    cursor.unwrap_or(instant)
}

impl Rx<'_> {
    pub(super) fn records_page(
        &mut self,
        entity: Entity,
        q: &Query,
        limit: i64,
    ) -> Result<Page, Error> {
        let after = after(q);
        let mut found: Vec<(i64, i64)> = Vec::new();
        for search in self.searches(entity, q)? {
            let (sql, values) = search.statement(after, limit + 1);
            let mut stmt = self.sql(&sql)?;
            found.extend(all(stmt.query(params_from_iter(values))?, |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?);
        }
        found.sort_unstable();
        found.dedup();
        let more = found.len() as i64 > limit;
        found.truncate(limit as usize);
        let last = found.last().map(|(at, rid)| format!("{at}-{rid}"));
        let mut stmt = self.sql(&format!("SELECT {RECORD} FROM record WHERE rid = ?1"))?;
        let mut items = Vec::with_capacity(found.len());
        for (_, rid) in &found {
            let rows = all(stmt.query([rid])?, |r| record(self, r))?;
            items.extend(rows.iter().map(record_item));
        }
        Ok(Page {
            items,
            next: last.clone().filter(|_| more),
            resume: last.or_else(|| q.cursor.clone()),
        })
    }

    /// The searches whose rows together are the answer: one by the narrowest filter, or one per connection and status, merged.
    fn searches(&self, entity: Entity, q: &Query) -> Result<Vec<Search>, Error> {
        let conn = given(q, "connection").map(|c| self.known(q.ws, Kind::Connection, c));
        let own = Sql::Integer(entity.code());
        let mut when: Vec<(String, Sql)> = vec![
            ("record.ws = ?".into(), Sql::Integer(q.ws)),
            ("record.entity = ?".into(), own.clone()),
        ];
        let mut plain = Vec::new();
        match given(q, "deleted") {
            Some("false") => plain.push("record.deleted_at IS NULL".to_owned()),
            Some("only") => plain.push("record.deleted_at IS NOT NULL".to_owned()),
            _ => {}
        }
        let ids = [
            ("id", "record.id16", "record INDEXED BY record_id"),
            (
                "application_id",
                "record.app",
                "record INDEXED BY record_app",
            ),
            (
                "candidate_id",
                // people themselves are no rows of that index
                "record.person <> record.id16 AND record.person",
                "record INDEXED BY record_person",
            ),
            ("stage_id", "record.stage", "record INDEXED BY record_stage"),
            ("job_id", "record.job", "record INDEXED BY record_job"),
        ];
        let mut from = None;
        for (key, column, index) in ids {
            if let Some(text) = given(q, key) {
                from = from.or(Some(index));
                when.push((format!("{column} = ?"), id_of(text)));
            }
        }
        if let Some(remote) = given(q, "remote_id") {
            let ids = self.ids_of(q, entity, remote)?;
            let blobs: Vec<String> = ids
                .iter()
                .map(|id| format!("x'{}'", canonical::hex(id)))
                .collect();
            plain.push(format!("record.id16 IN ({})", blobs.join(", ")));
            from = Some("record INDEXED BY record_id");
        }
        if let Some(address) = given(q, "email") {
            let hash = email_hash(self.shared.install(), address);
            when.push(("email.ws = ?".into(), Sql::Integer(q.ws)));
            when.push(("email.hash = ?".into(), Sql::Blob(hash.to_vec())));
            from = from.or(Some(
                "email INDEXED BY email_hash CROSS JOIN record ON record.rid = email.rid",
            ));
            if !from.is_some_and(|f| f.starts_with("email")) {
                when.truncate(when.len() - 2);
                plain.push(format!(
                    "EXISTS (SELECT 1 FROM email WHERE email.rid = record.rid AND email.hash = x'{}')",
                    canonical::hex(&hash)
                ));
            }
        }
        if from.is_none() && given(q, "deleted") == Some("only") {
            from = Some("record INDEXED BY record_gone");
        }
        let status = given(q, "status");
        if let Some(from) = from {
            when.extend(conn.map(|c| ("record.conn = ?".to_owned(), Sql::Integer(c))));
            when.extend(status.map(|s| ("record.status = ?".to_owned(), Sql::Text(s.to_owned()))));
            return Ok(vec![Search { from, when, plain }]);
        }
        let mut searches = Vec::new();
        for (c, s) in self.groups(q.ws, entity)? {
            if conn.is_none_or(|x| x == c) && status.is_none_or(|x| x == s) {
                let mut when = when.clone();
                when.push(("record.conn = ?".into(), Sql::Integer(c)));
                when.push(("record.status = ?".into(), Sql::Text(s)));
                let (from, plain) = ("record INDEXED BY record_changed", plain.clone());
                searches.push(Search { from, when, plain });
            }
        }
        Ok(searches)
    }

    /// Every connection and status that an entity's records have, found by leaps through the index.
    fn groups(&self, ws: i64, entity: Entity) -> Result<Vec<(i64, String)>, Error> {
        let mut stmt = self.sql(GROUPS)?;
        let mut out: Vec<(i64, String)> = Vec::new();
        loop {
            let at = out.last().cloned().unwrap_or((0, String::new()));
            let mut rows = stmt.query((ws, entity.code(), at.0, at.1))?;
            let Some(r) = rows.next()? else {
                return Ok(out);
            };
            out.push((r.get(0)?, r.get(1)?));
        }
    }

    /// The ids that a remote id has at each connection: worked out, not searched for.
    fn ids_of(&self, q: &Query, entity: Entity, remote: &str) -> Result<Vec<[u8; 16]>, Error> {
        let names: Vec<String> = match given(q, "connection") {
            Some(one) => vec![one.to_owned()],
            None => {
                let mut conns: Vec<i64> = self
                    .groups(q.ws, entity)?
                    .into_iter()
                    .map(|g| g.0)
                    .collect();
                conns.dedup();
                conns.truncate(MOST_CONNECTIONS);
                conns.into_iter().map(|c| self.text(c)).collect()
            }
        };
        let key = self.shared.install();
        let of = |c: &String| RecordId::of(key, "main", c, entity, remote).0;
        Ok(names.iter().map(of).collect())
    }

    pub(crate) fn raw(
        &mut self,
        ws: i64,
        deliveries: Vec<i64>,
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let mut stmt = self.sql("SELECT b.id, b.key_id, b.sealed FROM delivery d JOIN body b ON b.id = d.body WHERE d.ws = ?1 AND d.id = ?2")?;
        let mut out = Vec::with_capacity(deliveries.len());
        for id in deliveries {
            let found = all(stmt.query((ws, id))?, |r| {
                let (id, key, sealed): (i64, i64, Vec<u8>) = (r.get(0)?, r.get(1)?, r.get(2)?);
                Ok(self.shared.keys.open(key, "body", id, &sealed).ok())
            })?;
            out.push(found.into_iter().next().flatten());
        }
        Ok(out)
    }
}

/// The next connection and status. The moment that no change ever has makes it a leap: from a pair alone SQLite would go through
/// every record of that pair first.
const GROUPS: &str = "SELECT conn, status FROM record INDEXED BY record_changed WHERE ws = ?1 AND entity = ?2 AND (conn, status, changed_at) > (?3, ?4, 9223372036854775807) ORDER BY conn, status LIMIT 1";

fn record_item(r: &RecordRow) -> Value {
    let mut out = Map::new();
    let mut put = |k: &str, v: Value| drop(out.insert(k.to_owned(), v));
    let time = |t: i64| json!(Micros(t).text());
    put("schema", json!(stagewire_model::SCHEMA));
    put("entity", json!(r.entity.name()));
    put("id", json!(RecordId(r.id16).text(r.entity)));
    put("connection", json!(r.conn));
    put("remote_id", json!(r.remote_id));
    put("remote_updated_at", json!(r.remote_updated.map(time)));
    put("first_seen_at", time(r.first_seen));
    put("changed_at", time(r.changed_at));
    put("revision", json!(r.revision));
    put("content_hash", json!(canonical::hex(&r.hash)));
    put("deleted_at", json!(r.deleted_at.map(time)));
    let deletion = r.deletion.as_deref();
    let deletion = deletion.and_then(|d| serde_json::from_str(d).ok());
    put("deletion", deletion.unwrap_or(Value::Null));
    let (event, raw) = (
        r.event.map(|e| EventId(e).text()),
        r.delivery.map(|d| d.to_string()),
    );
    put(
        "provenance",
        json!({"channel": r.channel, "observed_at": time(r.observed_at), "event_id": event, "raw_ref": raw}),
    );
    // what the vendor sends beyond the model, and what lists are put together from, are no fields
    let beside = ["extra", "parts"];
    for (k, v) in r
        .fields
        .iter()
        .filter(|(k, _)| !beside.contains(&k.as_str()))
    {
        put(k, v.clone());
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Keys;
    use crate::sqlite::Shared;
    use crate::sqlite::names::Names;
    use std::sync::{Arc, OnceLock};

    /// The plan of a statement, in SQLite's words.
    fn plan(rx: &Rx<'_>, sql: &str, values: Vec<Sql>) -> String {
        let mut stmt = rx
            .sql(&format!("EXPLAIN QUERY PLAN {sql}"))
            .expect("it parses");
        let rows = stmt.query_map(params_from_iter(values), |r| r.get::<_, String>(3));
        rows.expect("a plan")
            .flatten()
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn no_filter_scans_the_table_and_the_long_lists_are_not_sorted() {
        let conn = Connection::open_in_memory().expect("a database");
        conn.execute_batch(include_str!("../migrations/0001.sql"))
            .expect("the schema");
        let shared = Arc::new(Shared {
            keys: Keys::new([1; 32]),
            names: Names::default(),
            ids: Default::default(),
            install: OnceLock::from([1; 32]),
            changed: Default::default(),
        });
        conn.execute_batch("INSERT INTO record(rid, ws, conn, entity, id16, remote_id, revision, hash, parts, next_seq, channel, first_seen, changed_at, observed_at, key_id, sealed) VALUES(1, 1, 5, 9, x'01', 'r', 1, x'', x'', 1, 'webhook', 1, 1, 1, 1, x'')").expect("a row");
        let rx = Rx {
            conn: &conn,
            shared: &shared,
        };
        let id = RecordId([1; 16]).text(Entity::Job);
        let long = ["", "connection", "status", "job_id", "stage_id", "deleted"];
        let cases = [
            ("", ""),
            ("connection", "gh"),
            ("remote_id", "7"),
            ("id", &id),
            ("deleted", "only"),
            ("deleted", "false"),
            ("application_id", &id),
            ("candidate_id", &id),
            ("job_id", &id),
            ("stage_id", &id),
            ("status", "active"),
            ("email", "nora@example.com"),
        ];
        for (key, value) in cases {
            for second in [
                ("", ""),
                ("status", "active"),
                ("email", "x@example.com"),
                ("deleted", "false"),
            ] {
                let filters: Vec<(String, String)> = [(key, value), second]
                    .iter()
                    .filter(|(k, _)| !k.is_empty())
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect();
                let q = Query {
                    ws: 1,
                    filters,
                    ..Query::default()
                };
                for search in rx.searches(Entity::Application, &q).expect("searches") {
                    let (sql, values) = search.statement((5, 5), 51);
                    let plan = plan(&rx, &sql, values);
                    assert!(!plan.contains("SCAN"), "{key} {second:?}: {plan}");
                    assert!(plan.contains("SEARCH"), "{key} {second:?}: {plan}");
                    let sorts = plan.contains("TEMP B-TREE");
                    let narrow = second.0 == "email" && !matches!(key, "job_id" | "stage_id");
                    assert!(
                        !sorts || narrow || !long.contains(&key),
                        "{key} {second:?}: {plan}"
                    );
                }
            }
        }
        let of = |n: i64| {
            vec![
                Sql::Integer(1),
                Sql::Integer(9),
                Sql::Integer(n),
                Sql::Text(String::new()),
            ]
        };
        assert!(!plan(&rx, GROUPS, of(1)).contains("SCAN"));
        conn.execute_batch("WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO record(rid, ws, conn, entity, id16, remote_id, revision, hash, parts, next_seq, channel, first_seen, changed_at, observed_at, key_id, sealed) SELECT i, 1, 5, 9, CAST(i AS BLOB), 'r', 1, x'', x'', 1, 'webhook', 1, i, 1, 1, x'' FROM n").expect("rows");
        let groups = rx.groups(1, Entity::Application).expect("groups");
        assert_eq!(groups, [(5, String::new())]);
        let mut leap = conn.prepare(GROUPS).expect("it parses");
        let none = leap.query_row((1, 9, 5, ""), |r| r.get::<_, i64>(0));
        assert!(none.is_err(), "there is no other group");
        let steps = leap.get_status(rusqlite::StatementStatus::VmStep);
        assert!(steps < 200, "it leaps and does not walk: {steps} steps");
    }
}
