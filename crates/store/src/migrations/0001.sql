CREATE TABLE meta(k TEXT PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE name(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, kind INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE(ws, kind, text));
CREATE TABLE key(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, class INTEGER NOT NULL, day INTEGER NOT NULL, wrapped BLOB NOT NULL);
CREATE UNIQUE INDEX key_day ON key(ws, class, day);
CREATE TABLE body(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, class INTEGER NOT NULL, expires INTEGER NOT NULL, key_id INTEGER NOT NULL, person BLOB, sealed BLOB NOT NULL);
CREATE INDEX body_person ON body(ws, person) WHERE person IS NOT NULL;
CREATE INDEX body_expires ON body(class, expires);
CREATE TABLE connection(ws INTEGER NOT NULL, conn INTEGER NOT NULL, state TEXT NOT NULL, sentence TEXT NOT NULL DEFAULT '', account TEXT, watermark INTEGER, backfilled INTEGER NOT NULL DEFAULT 0,
  last_success INTEGER, blocked_until INTEGER, receipt INTEGER NOT NULL DEFAULT 0, vendor_date INTEGER, last_ping INTEGER, rejected INTEGER NOT NULL DEFAULT 0, refused_large INTEGER NOT NULL DEFAULT 0,
  key_id INTEGER, fields_sealed BLOB, fields_hash BLOB, token_sealed BLOB, kept TEXT, PRIMARY KEY(ws, conn)) WITHOUT ROWID;
CREATE TABLE checkpoint(ws INTEGER NOT NULL, conn INTEGER NOT NULL, stream TEXT NOT NULL, cursor TEXT NOT NULL, rows INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(ws, conn, stream)) WITHOUT ROWID;
CREATE TABLE delivery(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, conn INTEGER NOT NULL, at INTEGER NOT NULL, sha BLOB NOT NULL, vendor_id TEXT, kind TEXT, verdict INTEGER NOT NULL, state INTEGER NOT NULL,
  wait INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, note TEXT, manifest BLOB, bytes INTEGER NOT NULL, body INTEGER);
CREATE UNIQUE INDEX delivery_sha ON delivery(ws, conn, sha) WHERE state IN (0, 1);
CREATE TABLE guard(ws INTEGER NOT NULL, conn INTEGER NOT NULL, token BLOB NOT NULL, sha BLOB NOT NULL, until INTEGER NOT NULL, reused INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(ws, conn, token)) WITHOUT ROWID;
CREATE INDEX guard_until ON guard(until);
CREATE INDEX delivery_waiting ON delivery(conn, id) WHERE state = 0;
CREATE TABLE record(rid INTEGER PRIMARY KEY, ws INTEGER NOT NULL, conn INTEGER NOT NULL, entity INTEGER NOT NULL, id16 BLOB NOT NULL, remote_id TEXT NOT NULL, person BLOB, revision INTEGER NOT NULL, hash BLOB NOT NULL,
  parts BLOB NOT NULL, next_seq INTEGER NOT NULL, channel TEXT NOT NULL, first_seen INTEGER NOT NULL, changed_at INTEGER NOT NULL, observed_at INTEGER NOT NULL, remote_updated INTEGER, deleted_at INTEGER, deletion TEXT,
  event BLOB, delivery INTEGER, status TEXT NOT NULL DEFAULT '', job BLOB, stage BLOB, app BLOB, key_id INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE UNIQUE INDEX record_id ON record(ws, id16);
CREATE INDEX record_changed ON record(ws, entity, conn, status, changed_at, rid);
CREATE INDEX record_job ON record(ws, job, entity, changed_at, rid) WHERE job IS NOT NULL;
CREATE INDEX record_stage ON record(ws, stage, entity, changed_at, rid) WHERE stage IS NOT NULL;
CREATE INDEX record_app ON record(ws, app) WHERE app IS NOT NULL;
CREATE INDEX record_gone ON record(ws, entity, changed_at, rid) WHERE deleted_at IS NOT NULL;
CREATE INDEX record_person ON record(ws, person) WHERE person <> id16;
CREATE TABLE email(rid INTEGER NOT NULL, ws INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY(rid, hash)) WITHOUT ROWID;
CREATE INDEX email_hash ON email(ws, hash);
CREATE TABLE transition(ws INTEGER NOT NULL, app BLOB NOT NULL, uid INTEGER NOT NULL, entered INTEGER, part TEXT NOT NULL, to_value TEXT, from_value TEXT, precision TEXT NOT NULL, evidence TEXT NOT NULL, row TEXT, told INTEGER, late INTEGER NOT NULL, event BLOB, at INTEGER NOT NULL, changed INTEGER NOT NULL,
  PRIMARY KEY(ws, app, uid)) WITHOUT ROWID;
CREATE INDEX transition_changed ON transition(ws, changed);
CREATE TABLE want(ws INTEGER NOT NULL, conn INTEGER NOT NULL, entity INTEGER NOT NULL, of INTEGER NOT NULL DEFAULT 0, remote_id TEXT NOT NULL, reason TEXT NOT NULL, priority INTEGER NOT NULL, due INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, heard INTEGER NOT NULL, PRIMARY KEY(ws, conn, entity, of, remote_id)) WITHOUT ROWID;
CREATE TABLE event(id INTEGER PRIMARY KEY, uid BLOB NOT NULL, ws INTEGER NOT NULL, conn INTEGER NOT NULL, type INTEGER NOT NULL, entity INTEGER NOT NULL, subject BLOB NOT NULL, part TEXT NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL, observed INTEGER NOT NULL, channel TEXT NOT NULL, late INTEGER NOT NULL,
  main INTEGER NOT NULL, delivery INTEGER, key_id INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE UNIQUE INDEX event_uid ON event(ws, uid);
CREATE INDEX event_subject ON event(ws, subject);
CREATE TABLE flow(ws INTEGER NOT NULL, flow INTEGER NOT NULL, live_version INTEGER NOT NULL, file_hash BLOB, ceiling TEXT NOT NULL, rung TEXT NOT NULL, falls INTEGER NOT NULL DEFAULT 0, owner TEXT NOT NULL, override_note TEXT, late INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(ws, flow)) WITHOUT ROWID;
CREATE TABLE flow_version(ws INTEGER NOT NULL, flow INTEGER NOT NULL, version INTEGER NOT NULL, author TEXT NOT NULL, at INTEGER NOT NULL, source TEXT NOT NULL, PRIMARY KEY(ws, flow, version)) WITHOUT ROWID;
CREATE TABLE run(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, event BLOB NOT NULL, flow INTEGER NOT NULL, version INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT, due INTEGER, tries INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, at INTEGER NOT NULL);
CREATE UNIQUE INDEX run_event ON run(ws, event, flow);
CREATE INDEX run_flow ON run(ws, flow, id);
CREATE INDEX want_due ON want(ws, conn, priority, due);
CREATE INDEX run_completing ON run(id) WHERE state = 0;
CREATE INDEX run_needs ON run(id) WHERE reason = 'needs';
CREATE TABLE action(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, run INTEGER NOT NULL, event BLOB NOT NULL, flow INTEGER NOT NULL, step INTEGER NOT NULL, item TEXT NOT NULL, redo_of INTEGER NOT NULL DEFAULT 0, conn INTEGER NOT NULL, uses TEXT NOT NULL, intent BLOB NOT NULL,
  order_key BLOB NOT NULL, place INTEGER NOT NULL, effect TEXT NOT NULL, once TEXT NOT NULL, state INTEGER NOT NULL, reason TEXT, due INTEGER, valid_until INTEGER, attempt INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, maybe INTEGER NOT NULL DEFAULT 0,
  first_fail INTEGER, quiet_until INTEGER, seen_version TEXT, falls INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, must_hold INTEGER NOT NULL DEFAULT 0, request INTEGER, person BLOB, paths TEXT, remote_id TEXT, output INTEGER, made INTEGER NOT NULL, settled INTEGER);
CREATE UNIQUE INDEX action_intent ON action(ws, event, flow, step, item, redo_of);
CREATE INDEX action_due ON action(conn, place) WHERE state IN (0, 2, 3, 4);
CREATE INDEX action_run ON action(run);
CREATE INDEX action_request ON action(request) WHERE request IS NOT NULL;
CREATE INDEX action_person ON action(ws, person) WHERE person IS NOT NULL;
CREATE TABLE hold(action INTEGER PRIMARY KEY, ws INTEGER NOT NULL, state TEXT NOT NULL, flow INTEGER NOT NULL, owner TEXT NOT NULL, due INTEGER NOT NULL, shown_hash BLOB NOT NULL, facts TEXT NOT NULL, edited INTEGER, at INTEGER NOT NULL, decided_by TEXT, decided_at INTEGER, reason TEXT);
CREATE INDEX hold_waiting ON hold(ws, due) WHERE state = 'waiting';
CREATE TABLE call(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, at INTEGER NOT NULL, conn INTEGER NOT NULL, method TEXT NOT NULL, host INTEGER NOT NULL, path INTEGER NOT NULL, status INTEGER NOT NULL, code INTEGER NOT NULL DEFAULT 0, ms INTEGER NOT NULL, attempt INTEGER NOT NULL, action INTEGER, purpose TEXT NOT NULL, limit_left INTEGER, request INTEGER, response INTEGER);
CREATE INDEX call_conn ON call(ws, conn, id);
CREATE INDEX call_code ON call(ws, code, id) WHERE code <> 0;
CREATE INDEX call_action ON call(action) WHERE action IS NOT NULL;
CREATE TABLE failure(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, group_key TEXT NOT NULL, code TEXT NOT NULL, conn INTEGER, flow INTEGER, cause TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL, taken_by TEXT, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, alerted INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX failure_group ON failure(ws, group_key) WHERE state <> 'fixed' AND state <> 'ignored';
CREATE INDEX failure_untold ON failure(id) WHERE alerted = 0;
CREATE INDEX failure_last ON failure(ws, last);
CREATE TABLE failure_item(failure INTEGER NOT NULL, ws INTEGER NOT NULL, kind TEXT NOT NULL, ref INTEGER NOT NULL, PRIMARY KEY(failure, kind, ref)) WITHOUT ROWID;
CREATE INDEX failure_ref ON failure_item(kind, ref);
CREATE TABLE subscription(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, url TEXT NOT NULL, events TEXT NOT NULL, fields TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL, key_id INTEGER NOT NULL, secret_sealed BLOB NOT NULL,
  connections TEXT NOT NULL DEFAULT '[]', owner TEXT NOT NULL DEFAULT 'admin', old_sealed BLOB, old_until INTEGER, missed INTEGER NOT NULL DEFAULT 0, missed_since INTEGER);
CREATE TABLE hook(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, conn INTEGER NOT NULL, event TEXT NOT NULL, remote_id TEXT, url TEXT NOT NULL, state TEXT NOT NULL, enabled INTEGER NOT NULL, said TEXT, at INTEGER NOT NULL, until INTEGER, key_id INTEGER, secret_sealed BLOB);
CREATE INDEX hook_conn ON hook(ws, conn);
CREATE TABLE token(id INTEGER PRIMARY KEY, ws INTEGER NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, scopes TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, at INTEGER NOT NULL, last_used INTEGER, revoked INTEGER);
CREATE TABLE reply(ws INTEGER NOT NULL, token INTEGER NOT NULL, key TEXT NOT NULL, body_hash BLOB NOT NULL, at INTEGER NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL, PRIMARY KEY(ws, token, key)) WITHOUT ROWID;
CREATE TABLE audit(n INTEGER PRIMARY KEY, ws INTEGER NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL, verb TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TABLE drift(ws INTEGER NOT NULL, conn INTEGER NOT NULL, shape TEXT NOT NULL, path TEXT NOT NULL, code TEXT NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY(ws, conn, shape, path, code)) WITHOUT ROWID;
CREATE TABLE completeness(ws INTEGER NOT NULL, conn INTEGER NOT NULL, day INTEGER NOT NULL, seen_live INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0, recovered INTEGER NOT NULL DEFAULT 0, missed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(ws, conn, day)) WITHOUT ROWID;
CREATE TABLE lookup(ws INTEGER NOT NULL, conn INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, found TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY(ws, conn, name, value)) WITHOUT ROWID;
CREATE TABLE timer(ws INTEGER NOT NULL, kind INTEGER NOT NULL, conn INTEGER NOT NULL, rule INTEGER NOT NULL, subject BLOB NOT NULL, item TEXT NOT NULL, key TEXT NOT NULL, due INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(ws, kind, conn, rule, subject, item)) WITHOUT ROWID;
CREATE INDEX timer_due ON timer(ws, kind, conn, due) WHERE state = 0;
