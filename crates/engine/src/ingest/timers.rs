//! Facts that time brings about, in a batch: timers are set with the change that sets them, and a fact that has come due is looked
//! at again before it becomes an event.

use super::batch::Batch;
use crate::mirror::work::{Channel, Held, NewEvent, reference_text};
use crate::time::fact::{Fact, GRACE_MS, Moment, Stay};
use crate::time::items::{CHANNEL, cause};
use serde_json::{Map, Value, json};
use stagewire_model::{Entity, MAIN, Micros, RecordId};
use stagewire_store::{Error, RecordRow, TimerKind, TimerRow};
use std::collections::BTreeMap;

/// Events of one kind about one record that are looked through for the same fact.
const TOLD: i64 = 200;
/// What came due this long ago is told with the words that the server came late to it.
const LATE_MICROS: i64 = 60_000_000;

impl Batch<'_> {
    /// Sets and drops the timers of what changed in this batch.
    pub(super) async fn set_timers(&mut self) -> Result<(), Error> {
        let flows = self.lane.hub.flows();
        let facts = flows.facts(&self.lane.conn.id);
        if facts.is_empty() {
            return Ok(());
        }
        let changed = self.records.values().filter(|held| held.changed);
        let mut ids: Vec<[u8; 16]> = changed.map(|held| held.row.id16).collect();
        // a scorecard is due by its interview
        let of_interviews: Vec<[u8; 16]> = ids
            .iter()
            .filter_map(|id| self.records.get(id))
            .filter(|held| held.row.entity == Entity::Interview)
            .flat_map(|held| listed(&held.row, "scorecard_ids"))
            .collect();
        self.load(of_interviews.clone()).await?;
        ids.extend(of_interviews);
        self.set_timers_of(&facts, &ids, GRACE_MS).await
    }

    /// Sets and drops the timers of these records. `grace_ms`: how long ago a passing moment may have been.
    pub(super) async fn set_timers_of(
        &mut self,
        facts: &BTreeMap<String, &Fact>,
        ids: &[[u8; 16]],
        grace_ms: i64,
    ) -> Result<(), Error> {
        self.load_interviews(ids).await?;
        let hub = &self.lane.hub;
        let moment = self.moment();
        let (mut set, mut dropped) = (Vec::new(), Vec::new());
        for (rule, fact) in facts {
            for held in ids.iter().filter_map(|id| self.records.get(id)) {
                if held.row.entity != fact.entity() {
                    continue;
                }
                let of = moment.at(&hub.calendar);
                let stay = fact.of(held, self.interview(held), &of);
                let mut timer = timer(rule, held.row.id16);
                match stay.filter(|stay| stay.wanted(&of, grace_ms)) {
                    Some(stay) => {
                        (timer.key, timer.due, timer.firm) = (stay.key, stay.due.0, stay.firm);
                        set.push(timer);
                    }
                    None => dropped.push(timer),
                }
            }
        }
        self.set.timers_set.extend(set);
        self.set.timers_dropped.extend(dropped);
        Ok(())
    }

    /// What came due: an event where the fact holds, another time where it moved, nothing where it is over.
    pub(super) async fn facts(&mut self, due: &[TimerRow]) -> Result<(), Error> {
        let flows = self.lane.hub.flows();
        let facts = flows.facts(&self.lane.conn.id);
        let ids: Vec<[u8; 16]> = due.iter().map(|t| t.subject).collect();
        self.load(ids.clone()).await?;
        let parts = ids.iter().filter_map(|id| self.records.get(id));
        let parts: Vec<[u8; 16]> = parts
            .flat_map(|held| {
                ["application_id", "job_id"].map(|f| reference_text(&held.row.fields, f))
            })
            .flatten()
            .map(|(_, id)| id)
            .collect();
        self.load(parts).await?;
        self.load_interviews(&ids).await?;
        for timer in due {
            let moment = self.moment();
            let of = moment.at(&self.lane.hub.calendar);
            let (fact, held) = (facts.get(&timer.rule), self.records.get(&timer.subject));
            let stay = fact.and_then(|fact| fact.of(held?, self.interview(held?), &of));
            let (Some(fact), Some(held), Some(stay)) = (fact, held, stay) else {
                self.set.timers_dropped.push(timer.clone());
                continue;
            };
            if stay.key != timer.key || (stay.firm && stay.due > self.now) {
                let (key, due) = (stay.key, stay.due.0);
                let timer = timer.clone();
                self.set.timers_set.push(TimerRow { key, due, ..timer });
                continue;
            }
            let event = happening(fact, held, &stay, timer);
            let told = self.was_told(&event, timer).await?;
            if self.now.0 - timer.due > LATE_MICROS && !told {
                let late_s = (self.now.0 - timer.due) / 1_000_000;
                tracing::info!(connection.id = %self.lane.conn.id, rule = %timer.rule, late_s, "came due while the server was down or busy; told now, once");
            }
            self.set.timers_fired.push(timer.clone());
            if !told {
                self.out.events.push(event);
            }
        }
        self.events().await
    }

    /// Whether this very fact has had its event: a timer may have been set anew since.
    async fn was_told(&self, event: &NewEvent, timer: &TimerRow) -> Result<bool, Error> {
        let told = self
            .lane
            .hub
            .store
            .events_of(MAIN, timer.subject, event.kind.clone(), i64::MIN, TOLD)
            .await?;
        let same = |key: &str, value: &str| {
            told.iter()
                .any(|row| row.data.get(key).and_then(Value::as_str) == Some(value))
        };
        Ok(same("dedupe_key", &dedupe_key(timer)))
    }

    fn moment(&self) -> Looked {
        Looked {
            now: self.now,
            watermark: self
                .watermark
                .or(self.lane.conn.watermark())
                .unwrap_or(self.now),
        }
    }

    async fn load_interviews(&mut self, ids: &[[u8; 16]]) -> Result<(), Error> {
        let held = ids.iter().filter_map(|id| self.records.get(id));
        let scorecards = held.filter(|held| held.row.entity == Entity::Scorecard);
        let interviews: Vec<[u8; 16]> = scorecards
            .filter_map(|held| reference_text(&held.row.fields, "interview_id"))
            .map(|(_, id)| id)
            .collect();
        self.load(interviews).await
    }

    /// The interview a scorecard is about.
    fn interview(&self, held: &Held) -> Option<&RecordRow> {
        let (_, id) = reference_text(&held.row.fields, "interview_id")?;
        self.records.get(&id).map(|held| &held.row)
    }
}

/// When it was looked, without the calendar.
#[derive(Clone, Copy)]
struct Looked {
    now: Micros,
    watermark: Micros,
}

impl Looked {
    fn at(self, calendar: &crate::time::Calendar) -> Moment<'_> {
        Moment {
            now: self.now,
            watermark: self.watermark,
            calendar,
        }
    }
}

fn timer(rule: &str, subject: [u8; 16]) -> TimerRow {
    TimerRow {
        kind: TimerKind::Fact,
        rule: rule.to_owned(),
        subject,
        item: String::new(),
        key: String::new(),
        due: 0,
        firm: true,
    }
}

/// One fact of one record has one event.
fn dedupe_key(timer: &TimerRow) -> String {
    format!("{}|{}", timer.rule, timer.key)
}

fn happening(fact: &Fact, held: &Held, stay: &Stay, timer: &TimerRow) -> NewEvent {
    let row = &held.row;
    let channel = Channel {
        word: CHANNEL,
        delivery: None,
        released: false,
        thin: false,
    };
    let none = Map::new();
    let id = RecordId(row.id16).text(row.entity);
    let mut data = crate::mirror::events::data(
        row.entity,
        &id,
        row.revision,
        &[],
        &none,
        &none,
        false,
        channel,
    );
    let mut put = |key: &str, value: Value| drop(data.insert(key.to_owned(), value));
    if let Some(stage) = row
        .fields
        .get("stage_id")
        .filter(|_| matches!(fact, Fact::Stalled(_)))
    {
        put("current", json!({"stage_id": stage}));
    }
    let due = Micros(timer.due);
    put("evidence", json!(CHANNEL));
    put(
        "cause",
        cause(&format!("{} {id} {}", timer.rule, timer.key)),
    );
    put("rule", json!(timer.rule));
    put("dedupe_key", json!(dedupe_key(timer)));
    put("since", json!(stay.since.text()));
    put("due", json!(due.text()));
    NewEvent {
        kind: fact.event(),
        entity: row.entity,
        id: row.id16,
        late: false,
        attached: false,
        time: due,
        channel: CHANNEL,
        delivery: None,
        data,
        transition: None,
    }
}

/// The records in a list of ids.
fn listed(row: &RecordRow, field: &str) -> Vec<[u8; 16]> {
    let list = row.fields.get(field).and_then(Value::as_array);
    let ids = list.into_iter().flatten().filter_map(Value::as_str);
    ids.filter_map(RecordId::parse)
        .map(|(_, id)| id.0)
        .collect()
}
