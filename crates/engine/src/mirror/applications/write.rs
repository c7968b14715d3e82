//! What came out is written into the record in hand: the fields, the history, the events.

use super::super::application::{
    Application, Context, Date, Event, Fate, Kind, Outcome, Status, Value as Part,
};
use super::super::plain::{Plain, Seen as PlainSeen, Verdict};
use super::super::work::{Channel, NewEvent, Notes, Work, content_with, newest, reference};
use super::RULED;
use super::told::status_word;
use serde_json::{Map, Value, json};
use stagewire_model::{Entity, Micros, Observation, canonical};
use stagewire_store::TransitionRow;

impl Work<'_> {
    /// Everything but status and stage, as a delivery shows it: newer applies, all else only asks.
    pub(super) fn rest_delivered(
        &mut self,
        o: &Observation,
        rest: &mut Plain,
        channel: Channel,
    ) -> Vec<String> {
        let fields = self.rest_fields(o);
        let seen = self.rest_seen(o, &fields);
        let mut cx = self.context();
        let out = if newer(rest, seen.at.as_ref(), &cx) {
            rest.deliver(&mut cx, "".into(), seen, false)
        } else {
            rest.embedded(&mut cx, seen)
        };
        if out.wanted {
            self.want(
                o.entity,
                &o.remote_id,
                "a delivery differs from what is held",
                3,
            );
        }
        self.merge_rest(o, out.verdict, fields, channel)
    }

    pub(super) fn rest_read(
        &mut self,
        o: &Observation,
        rest: &mut Plain,
        asked: u64,
        channel: Channel,
    ) -> Vec<String> {
        let fields = self.rest_fields(o);
        let seen = self.rest_seen(o, &fields);
        let out = rest.read(&mut self.context(), Some(seen), false, asked);
        self.merge_rest(o, out.verdict, fields, channel)
    }

    pub(super) fn rest_fields(&self, o: &Observation) -> Map<String, Value> {
        self.fields(o)
            .into_iter()
            .filter(|(k, _)| !RULED.contains(&k.as_str()))
            .collect()
    }

    pub(super) fn rest_seen(&self, o: &Observation, fields: &Map<String, Value>) -> PlainSeen {
        let held = self.records.get(&self.id(o.entity, &o.remote_id));
        let same = held.and_then(|h| match &h.notes {
            Notes::Application { rest, .. } if h.same(fields) => rest.held.as_ref(),
            _ => None,
        });
        if let Some(same) = same {
            return PlainSeen {
                content: same.content.clone(),
                at: newest(o),
                created: None,
            };
        }
        let held = held.into_iter().flat_map(|h| &h.row.fields);
        let rest = held.filter(|(k, _)| !RULED.contains(&k.as_str()));
        PlainSeen {
            content: canonical::hex(&content_with(rest, fields)).into(),
            at: newest(o),
            created: None,
        }
    }

    pub(super) fn merge_rest(
        &mut self,
        o: &Observation,
        verdict: Verdict,
        fields: Map<String, Value>,
        channel: Channel,
    ) -> Vec<String> {
        let Verdict::Apply { first } = verdict else {
            return Vec::new();
        };
        let now = self.now;
        let candidate = reference(&o.fields, "candidate_id").map(|c| self.id(Entity::Candidate, c));
        let held = self.held(o.entity, &o.remote_id, channel);
        held.row.person = candidate.or(held.row.person);
        let changed = held.merge(fields, channel, now);
        if first { Vec::new() } else { changed }
    }

    /// Writes the outcome into the record in hand: ruled fields, history, events.
    pub(super) fn take_application(
        &mut self,
        o: &Observation,
        app: Application,
        rest: Plain,
        out: &Outcome,
        (before, changed): (Map<String, Value>, Vec<String>),
        channel: Channel,
    ) {
        let channel = self.told_by(&out.answered, channel);
        let (now, events) = (self.now, self.events.len());
        let (raw, other): (Map<String, Value>, Map<String, Value>) = self
            .fields(o)
            .into_iter()
            .partition(|(k, _)| RULED.contains(&k.as_str()));
        let held = self.held(o.entity, &o.remote_id, channel);
        held.touched = true;
        if !app.known && !app.gone && held.row.deleted_at.is_none() {
            // only named by a delivery so far: nothing to show before a read has shown it
            held.row.deleted_at = Some(now.0);
        } else if app.gone && held.row.deletion.is_none() {
            held.row.deleted_at = Some(now.0);
            let claimed = out.events.iter().any(|e| e.kind == Kind::Deleted);
            held.row.deletion = Some(crate::mirror::others::tombstone(claimed, o, channel));
            held.bump(channel, now);
        } else if app.known && !app.gone && held.row.deleted_at.is_some() {
            (held.row.deleted_at, held.row.deletion) = (None, None);
            held.bump(channel, now);
        }
        if let Some(at) = newest(o) {
            held.row.remote_updated = held.row.remote_updated.max(Some(at.micros));
        }
        if newest(o).is_none_or(|d| Some(d.micros) >= held.row.remote_updated) {
            held.refresh(&other);
        }
        let ruled = ruled_fields(&app, &raw, &before);
        let moved = held.merge(ruled, channel, now);
        held.notes = Notes::Application {
            app: Box::new(app.clone()),
            rest,
        };
        let (id, text, revision) = (held.row.id16, held.text(), held.row.revision);
        let told: Vec<&str> = moved
            .iter()
            .map(String::as_str)
            .filter(|c| out.events.is_empty() && *c == "reject_reason_id")
            .collect();
        let updated: Vec<String> = changed
            .iter()
            .cloned()
            .chain(told.iter().map(|c| (*c).to_owned()))
            .collect();
        // what nothing tells of is not copied
        let after = match out.events.is_empty() && updated.is_empty() {
            true => Map::new(),
            false => held.row.fields.clone(),
        };
        for event in &out.events {
            let new = self.application_event(
                event, id, &text, revision, &changed, &before, &after, channel,
            );
            self.events.push(new);
        }
        if !updated.is_empty() && before.contains_key("candidate_id") {
            let attached = out.events.iter().any(|e| e.also_of.is_none());
            let data = crate::mirror::events::data(
                Entity::Application,
                &text,
                revision,
                &updated,
                &before,
                &after,
                false,
                channel,
            );
            let time = newest(o).map_or(now, |d| Micros(d.micros));
            let kind = "application.updated".to_owned();
            self.attach(
                id,
                attached,
                NewEvent {
                    kind,
                    entity: Entity::Application,
                    id,
                    late: false,
                    attached,
                    time,
                    channel: channel.word,
                    delivery: channel.delivery,
                    data,
                    transition: None,
                },
            );
        }
        self.history_rows(&app, out, id, channel);
        if out.fate == Fate::Taken {
            self.confirm(id, events, channel);
        }
    }

    /// An update beside a stronger event of the same act is attached to it.
    pub(super) fn attach(&mut self, id: [u8; 16], attached: bool, event: NewEvent) {
        if attached
            && let Some(main) = self
                .events
                .iter_mut()
                .rev()
                .find(|e| e.id == id && !e.attached)
        {
            let also = main.data.entry("also").or_insert_with(|| json!([]));
            if let Value::Array(list) = also {
                list.push(json!(event.kind));
            }
        }
        self.events.push(event);
    }

    pub(super) fn application_event(
        &mut self,
        e: &Event,
        id: [u8; 16],
        text: &str,
        revision: i64,
        changed: &[String],
        before: &Map<String, Value>,
        after: &Map<String, Value>,
        channel: Channel,
    ) -> NewEvent {
        let kind = word(e.kind);
        let (field, mut paths) = match (&e.to, e.kind) {
            (Some(Part::Stage(_)), _) => (Some("stage_id"), vec!["stage_id".to_owned()]),
            (Some(Part::Status(_)), _) => (Some("status"), vec!["status".to_owned()]),
            (None, Kind::Created) => (
                None,
                after
                    .keys()
                    .filter(|k| *k != "extra" && *k != "parts" && *k != "meta")
                    .cloned()
                    .collect(),
            ),
            (None, _) => (None, Vec::new()),
        };
        if e.kind != Kind::Created {
            paths.extend(changed.iter().cloned());
        }
        let mut data = crate::mirror::events::data(
            Entity::Application,
            text,
            revision,
            &paths,
            before,
            after,
            e.late,
            channel,
        );
        if let Some(field) = field {
            let value = |p: &Option<Part>| p.as_ref().map_or(Value::Null, |p| json!(part_text(p)));
            put(&mut data, "previous", field, value(&e.from));
            put(&mut data, "current", field, value(&e.to));
            if e.from.is_none() && e.kind == Kind::StageChanged {
                data.insert("not_available".into(), json!(["previous.stage_id"]));
            }
        }
        if channel.delivery.is_none()
            && e.date.is_some()
            && e.to.as_ref().is_some_and(|p| p.stage().is_some())
        {
            data.insert("evidence".into(), json!("vendor_history"));
        }
        let attached = e.also_of.is_some();
        if let Some(of) = e.also_of {
            let main = self
                .events
                .iter_mut()
                .rev()
                .find(|x| x.id == id && !x.attached && x.transition == Some(of));
            if let Some(Value::Array(list)) =
                main.map(|m| m.data.entry("also").or_insert_with(|| json!([])))
            {
                list.push(json!(kind));
            }
        }
        let time = e
            .date
            .as_ref()
            .map_or(self.now, |d: &Date| Micros(d.micros));
        NewEvent {
            kind,
            entity: Entity::Application,
            id,
            late: e.late,
            attached,
            time,
            channel: channel.word,
            delivery: channel.delivery,
            data,
            transition: Some(e.uid),
        }
    }

    pub(super) fn history_rows(
        &mut self,
        app: &Application,
        out: &Outcome,
        id: [u8; 16],
        channel: Channel,
    ) {
        let now = self.now.0;
        for uid in &out.changed {
            let Some(t) = app.transition(*uid) else {
                continue;
            };
            let mine: Vec<_> = app
                .history
                .iter()
                .filter(|x| x.to.part() == t.to.part())
                .collect();
            let at = mine.iter().position(|x| x.uid == *uid).unwrap_or(0);
            let from = at.checked_sub(1).map(|i| part_text(&mine[i].to));
            let late = out.events.iter().any(|e| e.uid == *uid && e.late);
            self.transitions.push(TransitionRow {
                app: id,
                uid: i64::try_from(*uid).unwrap_or(i64::MAX),
                entered: t.date.as_ref().map(|d| d.micros),
                part: if t.to.stage().is_some() {
                    "stage"
                } else {
                    "status"
                }
                .into(),
                to: Some(part_text(&t.to)),
                from,
                precision: if t.sure && t.date.is_some() {
                    "exact"
                } else if t.date.is_some() {
                    "vendor_updated_at"
                } else {
                    "observed"
                }
                .into(),
                evidence: if t.row.is_some() {
                    "vendor_history"
                } else {
                    crate::mirror::events::evidence(channel)
                }
                .into(),
                row: t.row.as_ref().map(|r| r.id.to_string()),
                told: match t.told {
                    crate::mirror::application::Told::Yes => Some(true),
                    crate::mirror::application::Told::Never => Some(false),
                    crate::mirror::application::Told::Open => None,
                },
                late,
                event: None,
                at: now,
            });
        }
    }
}

fn newer(rest: &Plain, at: Option<&Date>, cx: &Context) -> bool {
    let held = rest.held.as_ref().and_then(|h| h.date.as_ref());
    match (at, held) {
        (Some(at), Some(held)) => {
            crate::mirror::application::compare(Some(at), Some(held))
                == Some(std::cmp::Ordering::Greater)
                && at.second() >= cx.watermark
        }
        (Some(_), None) => rest.held.is_none(),
        (None, _) => false,
    }
}

/// The fields that follow from status, stage and history.
fn ruled_fields(
    app: &Application,
    raw: &Map<String, Value>,
    before: &Map<String, Value>,
) -> Map<String, Value> {
    let mut out = Map::new();
    if let Some(status) = &app.status {
        let word = status_word(status.value.status);
        out.insert("status".into(), json!(word));
        let told = raw.get("status").and_then(Value::as_str);
        let by_reason = told == Some("by_reason")
            && !matches!(status.value.status, Status::Lead | Status::Active);
        let believed = told == Some(word) || by_reason;
        if believed || before.get("status").and_then(Value::as_str) != Some(word) {
            for key in ["status_raw", "closed_cause", "reject_reason_id"] {
                if let Some(v) = raw.get(key).filter(|_| believed) {
                    out.insert(key.into(), v.clone());
                }
            }
        }
        let own = status
            .value
            .own
            .as_ref()
            .map_or(Value::Null, |d| json!(Micros(d.micros).text()));
        for (key, of) in [
            ("rejected_at", Status::Rejected),
            ("withdrawn_at", Status::Withdrawn),
        ] {
            out.insert(
                key.into(),
                if status.value.status == of {
                    own.clone()
                } else {
                    Value::Null
                },
            );
        }
        if status.value.status == Status::Hired {
            // The vendor's own date of the hire, where it has one.
            let own = raw.get("hired_at").filter(|v| !v.is_null()).cloned();
            let dated = || status.date.as_ref().map(|d| json!(Micros(d.micros).text()));
            let hired = own.or_else(dated);
            out.insert(
                "hired_at".into(),
                before
                    .get("hired_at")
                    .filter(|v| !v.is_null())
                    .cloned()
                    .or(hired)
                    .unwrap_or(Value::Null),
            );
        } else {
            out.insert("hired_at".into(), Value::Null);
        }
    }
    if let Some(stage) = &app.stage {
        out.insert("stage_id".into(), json!(stage.value));
        let entered = app
            .stages()
            .next_back()
            .filter(|t| t.to.stage() == Some(&stage.value))
            .and_then(|t| t.date.as_ref());
        out.insert(
            "stage_entered_at".into(),
            entered.map_or(Value::Null, |d| json!(Micros(d.micros).text())),
        );
    }
    out
}

fn put(data: &mut Map<String, Value>, under: &str, key: &str, value: Value) {
    if let Some(Value::Object(o)) = data.get_mut(under) {
        o.insert(key.to_owned(), value);
    }
}

fn part_text(p: &Part) -> String {
    match p {
        Part::Stage(s) => s.to_string(),
        Part::Status(s) => status_word(*s).to_owned(),
    }
}

fn word(kind: Kind) -> String {
    let word = match kind {
        Kind::Created => "created",
        Kind::Converted => "converted",
        Kind::StageChanged => "stage_changed",
        Kind::Rejected => "rejected",
        Kind::Withdrawn => "withdrawn",
        Kind::Closed => "closed",
        Kind::Reopened => "reopened",
        Kind::Hired => "hired",
        Kind::Unhired => "unhired",
        Kind::Updated => "updated",
        Kind::Deleted => "deleted",
        Kind::Restored => "restored",
    };
    format!("application.{word}")
}
