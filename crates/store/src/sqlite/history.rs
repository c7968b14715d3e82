//! The history of applications, a row per change of stage or status, listed as the model's `stage_transition`. What a row leaves
//! unsaid (the other part's value, when a stay ended) is read off the rows beside it.

use super::records::after;
use super::rows::{all, one};
use super::{Rx, Tx};
use crate::Error;
use crate::types::*;
use rusqlite::Row;
use serde_json::{Value, json};
use stagewire_model::{Entity, EventId, Micros, RecordId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

const COLUMNS: &str = "app, uid, entered, part, to_value, from_value, precision, evidence, row, told, late, event, at, changed";

/// One row as it is stored.
struct Step {
    app: [u8; 16],
    uid: i64,
    entered: Option<i64>,
    stage: bool,
    to: Option<String>,
    from: Option<String>,
    precision: String,
    evidence: String,
    row: Option<String>,
    told: Option<bool>,
    late: bool,
    event: Option<[u8; 16]>,
    at: i64,
    changed: i64,
}

impl Step {
    fn read(r: &Row) -> Result<Step, Error> {
        Ok(Step {
            app: r.get(0)?,
            uid: r.get(1)?,
            entered: r.get(2)?,
            stage: r.get::<_, String>(3)? == "stage",
            to: r.get(4)?,
            from: r.get(5)?,
            precision: r.get(6)?,
            evidence: r.get(7)?,
            row: r.get(8)?,
            told: r.get(9)?,
            late: r.get(10)?,
            event: r.get(11)?,
            at: r.get(12)?,
            changed: r.get(13)?,
        })
    }

    /// Its place in the order of life.
    fn place(&self) -> (i64, i64) {
        (self.entered.unwrap_or(0), self.uid)
    }
}

/// What the rows around a row say of it.
#[derive(Clone, Default)]
struct Around {
    stage: Option<String>,
    status: Option<String>,
    left: Option<i64>,
}

impl Tx<'_> {
    pub(super) fn put_transition(&mut self, ws: i64, t: &TransitionRow) -> Result<(), Error> {
        let changed = self.shared.change_at(t.at);
        self.sql("INSERT INTO transition(ws, app, uid, entered, part, to_value, from_value, precision, evidence, row, told, late, event, at, changed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT(ws, app, uid) DO UPDATE SET entered = excluded.entered, part = excluded.part, to_value = excluded.to_value, from_value = excluded.from_value, precision = excluded.precision, evidence = excluded.evidence, row = excluded.row, told = excluded.told, late = MAX(late, excluded.late), event = COALESCE(excluded.event, event), changed = excluded.changed")?
            .execute((ws, t.app, t.uid, t.entered, &t.part, &t.to, &t.from, &t.precision, &t.evidence, &t.row, t.told, t.late, t.event, t.at, changed))?;
        Ok(())
    }
}

impl Rx<'_> {
    /// All rows in the order of their changes; those of one application in the order of life.
    pub(super) fn transitions_page(&mut self, q: &Query, limit: i64) -> Result<Page, Error> {
        let of = q.filters.iter().find(|(k, _)| k == "application_id");
        let of = of.map(|(_, v)| RecordId::parse(v).map_or([0; 16], |(_, id)| id.0));
        let from = after(q);
        let mut steps = match of {
            Some(app) => {
                let since = after(&Query {
                    cursor: None,
                    ..q.clone()
                });
                let mut steps = self.steps(q.ws, &app)?;
                steps.retain(|s| s.changed > since.0 && (q.cursor.is_none() || s.place() > from));
                steps
            }
            None => {
                let mut stmt = self.sql(&format!("SELECT {COLUMNS} FROM transition INDEXED BY transition_changed WHERE ws = ?1 AND changed > ?2 ORDER BY changed LIMIT ?3"))?;
                all(stmt.query((q.ws, from.0, limit + 1))?, Step::read)?
            }
        };
        let more = steps.len() as i64 > limit;
        steps.truncate(limit as usize);
        let place = |s: &Step| match of {
            Some(_) => format!("{}-{}", s.place().0, s.place().1),
            None => format!("{}-0", s.changed),
        };
        let last = steps.last().map(place);
        let mut around: HashMap<[u8; 16], (Option<String>, HashMap<i64, Around>)> = HashMap::new();
        for s in &steps {
            if let Entry::Vacant(place) = around.entry(s.app) {
                let seen = walk(&self.steps(q.ws, &s.app)?);
                place.insert((self.connection_of(q.ws, &s.app)?, seen));
            }
        }
        let key = self.shared.install();
        let item = |s: &Step| {
            let (conn, beside) = around.get(&s.app).cloned().unwrap_or_default();
            let beside = beside.get(&s.uid).cloned().unwrap_or_default();
            transition_item(key, s, conn, beside)
        };
        Ok(Page {
            items: steps.iter().map(item).collect(),
            next: last.clone().filter(|_| more),
            resume: last.or_else(|| q.cursor.clone()).filter(|_| of.is_none()),
        })
    }

    fn steps(&self, ws: i64, app: &[u8; 16]) -> Result<Vec<Step>, Error> {
        let mut stmt = self.sql(&format!(
            "SELECT {COLUMNS} FROM transition WHERE ws = ?1 AND app = ?2"
        ))?;
        let mut steps = all(stmt.query((ws, app))?, Step::read)?;
        steps.sort_by_key(Step::place);
        Ok(steps)
    }

    fn connection_of(&self, ws: i64, app: &[u8; 16]) -> Result<Option<String>, Error> {
        let mut stmt = self.sql("SELECT conn FROM record WHERE ws = ?1 AND id16 = ?2")?;
        one(stmt.query((ws, app))?, |r| Ok(self.text(r.get(0)?)))
    }
}

/// Goes through a history once, oldest first: what the other part was at each row, and when each stay ended.
fn walk(steps: &[Step]) -> HashMap<i64, Around> {
    let (mut stage, mut status, mut open) = (None, None, None);
    let mut out: HashMap<i64, Around> = HashMap::new();
    for s in steps {
        if s.stage {
            stage.clone_from(&s.to);
            if let Some(before) = open.replace(s.uid).and_then(|uid| out.get_mut(&uid)) {
                before.left = s.entered;
            }
        } else {
            status.clone_from(&s.to);
        }
        let seen = Around {
            stage: stage.clone(),
            status: status.clone(),
            left: None,
        };
        out.insert(s.uid, seen);
    }
    out
}

fn transition_item(key: &[u8; 32], s: &Step, conn: Option<String>, beside: Around) -> Value {
    let app = RecordId(s.app).text(Entity::Application);
    let id = RecordId::of(
        key,
        "main",
        conn.as_deref().unwrap_or_default(),
        Entity::StageTransition,
        &format!("application={app}&n={}", s.uid),
    );
    let time = |t: i64| Micros(t).text();
    let status = |told: &Option<String>| told.clone().unwrap_or_else(|| "unknown".into());
    let (stages, statuses) = if s.stage {
        let same = status(&beside.status);
        ((s.from.clone(), s.to.clone()), (same.clone(), same))
    } else {
        (
            (beside.stage.clone(), beside.stage),
            (status(&s.from), status(&s.to)),
        )
    };
    json!({"schema": stagewire_model::SCHEMA, "entity": "stage_transition", "id": id.text(Entity::StageTransition), "connection": conn, "remote_id": s.row,
        "first_seen_at": time(s.at), "changed_at": time(s.changed), "revision": 1, "deleted_at": null, "deletion": null,
        "provenance": {"event_id": s.event.map(|e| EventId(e).text())},
        "application_id": app, "part": if s.stage { "stage" } else { "status" }, "from_stage_id": stages.0, "to_stage_id": stages.1, "from_status": statuses.0, "to_status": statuses.1,
        "entered_at": s.entered.map(time), "entered_at_precision": s.precision, "left_at": beside.left.map(time),
        "actor": {"kind": "unknown", "user_id": null, "label": null}, "evidence": s.evidence, "told": s.told, "late": s.late,
        "event_id": s.event.map(|e| EventId(e).text())})
}
