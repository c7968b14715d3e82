//! Applications: status, stage and history by their own rules, everything else as one more part. Turns what the rules emit into
//! events and rows of history.

use super::application::{
    Answer, Application, Context, Date, Event, Fate as Told, HistoryRow, Hook, Kind, Outcome, Past,
    Row, RowRef, Status, Value as Part,
};
use super::others::Fate;
use super::plain::{Plain, Seen as PlainSeen, Verdict};
use super::work::{Channel, NewEvent, Notes, Work, content, newest, own, reference};
use serde_json::{Map, Value, json};
use stagewire_model::{Announce, Entity, Micros, Observation, RecordId, Seen, canonical};
use stagewire_store::TransitionRow;

/// Fields that only the rules of status and stage write.
const RULED: &[&str] = &[
    "status",
    "status_raw",
    "stage_id",
    "stage_entered_at",
    "rejected_at",
    "withdrawn_at",
    "hired_at",
    "closed_cause",
    "reject_reason_id",
];

/// Row and history of an application, and the receipt number they were asked under.
#[derive(Debug)]
pub struct PastRead {
    /// Its row, if there is one.
    pub row: Option<Observation>,
    /// Its whole history.
    pub history: Vec<Observation>,
    /// Our receipt number.
    pub asked: u64,
}

/// The read of an unknown application's past.
#[derive(Debug)]
pub enum AppPast {
    /// None was needed.
    NotNeeded,
    /// It did not come in time.
    TimedOut,
    /// Row and history, asked under that receipt number.
    Read(Box<PastRead>),
}

impl Work<'_> {
    /// Whether the missing past is read before this delivery is taken.
    pub fn needs_past(&mut self, o: &Observation, channel: Channel) -> bool {
        if o.entity != Entity::Application || matches!(o.seen, Seen::Embedded) || channel.released {
            return false;
        }
        let hook = self.hook(o, channel);
        let (app, _) = self.notes(o);
        app.needs_past(&self.context(), &hook)
    }

    /// Applies a delivery's observation of an application.
    pub fn application(&mut self, o: &Observation, past: AppPast, channel: Channel) -> Fate {
        if matches!(o.seen, Seen::Embedded) {
            return self.embedded_application(o, channel);
        }
        let hook = self.hook(o, channel);
        let (mut app, mut rest) = self.notes(o);
        let past = match past {
            AppPast::NotNeeded => Past::NotNeeded,
            AppPast::TimedOut => Past::TimedOut,
            AppPast::Read(read) => {
                let PastRead {
                    row,
                    history,
                    asked,
                } = *read;
                if let Some(row) = &row {
                    self.rest_read(row, &mut rest, asked, channel);
                }
                Past::Read {
                    answer: self.answer(row.as_ref(), Some(&history), true, false),
                    asked,
                }
            }
        };
        let out = {
            let mut cx = self.context();
            if channel.released {
                app.release(&mut cx, hook)
            } else {
                app.deliver(&mut cx, hook, past)
            }
        };
        let fate = match out.fate {
            Told::Taken => Fate::Taken,
            Told::Waiting => Fate::Waiting,
            Told::Before => Fate::Before,
        };
        let changed = if matches!(o.seen, Seen::Present) && fate != Fate::Before {
            self.rest_delivered(o, &mut rest, channel)
        } else {
            Vec::new()
        };
        if out.wanted {
            self.want(o.entity, &o.remote_id, "a delivery must be confirmed", 1);
        }
        self.take_application(o, app, rest, &out, changed, channel);
        fate
    }

    /// An application named inside another record: only a read if it is not known.
    fn embedded_application(&mut self, o: &Observation, _channel: Channel) -> Fate {
        let known = self
            .records
            .get(&self.id(o.entity, &o.remote_id))
            .is_some_and(|h| h.row.revision > 0);
        if !known {
            self.want(o.entity, &o.remote_id, "named by another record", 3);
        }
        Fate::Taken
    }

    /// A read's answer: its row and, where it was read, its history.
    pub fn application_read(
        &mut self,
        remote_id: &str,
        row: Option<&Observation>,
        history: Option<&[Observation]>,
        full: bool,
        by_id: bool,
        asked: u64,
        channel: Channel,
    ) {
        let nothing = Observation {
            entity: Entity::Application,
            remote_id: remote_id.to_owned(),
            shape: String::new(),
            seen: Seen::Present,
            fields: Map::new(),
            dates: Vec::new(),
            own: Vec::new(),
            announces: None,
            complete: false,
        };
        let o = row.unwrap_or(&nothing);
        let unknown = !self
            .records
            .contains_key(&self.id(Entity::Application, remote_id));
        if unknown && row.is_none() && (by_id || history.is_none_or(<[_]>::is_empty)) {
            return;
        }
        let (mut app, mut rest) = self.notes(o);
        let answer = self.answer(row, history, full, by_id);
        let out = app.read(&mut self.context(), answer, asked);
        let mut changed = Vec::new();
        if let Some(row) = row
            && !out.dropped
        {
            changed = self.rest_read(row, &mut rest, asked, channel);
        }
        if out.wanted {
            self.want_again(
                Entity::Application,
                remote_id,
                app.tries,
                if by_id { 2 } else { 3 },
            );
        }
        self.take_application(o, app, rest, &out, changed, channel);
    }

    fn notes(&self, o: &Observation) -> (Application, Plain) {
        match self
            .records
            .get(&self.id(o.entity, &o.remote_id))
            .map(|h| &h.notes)
        {
            Some(Notes::Application { app, rest }) => ((**app).clone(), rest.clone()),
            _ => (Application::default(), Plain::default()),
        }
    }

    fn hook(&self, o: &Observation, channel: Channel) -> Hook {
        let status = o
            .fields
            .get("status")
            .and_then(Value::as_str)
            .and_then(status);
        Hook {
            delivery: channel
                .delivery
                .map(|d| d.to_string())
                .unwrap_or_default()
                .into(),
            announces: o.announces.and_then(|a| announced(a, status)),
            thin: channel.thin,
            deleted: matches!(o.seen, Seen::Deleted),
            status,
            own: status.and_then(|s| end(o, s)),
            stage: reference(&o.fields, "stage_id").map(|id| self.stage(id)),
            at: newest(o),
            applied: own(o, "applied"),
            tags: Default::default(),
        }
    }

    fn stage(&self, remote: &str) -> Box<str> {
        RecordId(self.id(Entity::JobStage, remote))
            .text(Entity::JobStage)
            .into()
    }

    /// A row that only says "rejected", without the reason, does not take back that it was the candidate who said no.
    fn answer(
        &self,
        row: Option<&Observation>,
        history: Option<&[Observation]>,
        full: bool,
        by_id: bool,
    ) -> Answer {
        let row = row.map(|o| {
            let held = self.notes(o).0.status.map(|p| p.value.status);
            let told = o
                .fields
                .get("status")
                .and_then(Value::as_str)
                .and_then(status);
            let vague = told == Some(Status::Rejected)
                && held == Some(Status::Withdrawn)
                && !o.fields.contains_key("reject_reason_id");
            let status = if vague { held } else { told };
            Row {
                status,
                own: status.and_then(|s| end(o, s)),
                stage: reference(&o.fields, "stage_id").map(|id| self.stage(id)),
                at: newest(o),
                applied: own(o, "applied"),
                tags: Default::default(),
            }
        });
        Answer {
            row,
            history: history.map(|rows| rows.iter().filter_map(|o| self.history_row(o)).collect()),
            full,
            by_id,
        }
    }

    fn history_row(&self, o: &Observation) -> Option<HistoryRow> {
        let entered = own(o, "entered");
        let rank = o
            .remote_id
            .parse::<i64>()
            .ok()
            .or(entered.as_ref().map(|d| d.micros))
            .unwrap_or(0);
        Some(HistoryRow {
            row: RowRef {
                rank,
                id: o.remote_id.as_str().into(),
            },
            stage: self.stage(
                reference(&o.fields, "stage_id").or_else(|| reference(&o.fields, "to_stage_id"))?,
            ),
            entered,
            current: o
                .fields
                .get("current")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            tag: (),
        })
    }

    /// Everything but status and stage, as a delivery shows it: newer applies, all else only asks.
    fn rest_delivered(
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
        self.merge_rest(o, out.verdict, &fields, channel)
    }

    fn rest_read(
        &mut self,
        o: &Observation,
        rest: &mut Plain,
        asked: u64,
        channel: Channel,
    ) -> Vec<String> {
        let fields = self.rest_fields(o);
        let seen = self.rest_seen(o, &fields);
        let out = rest.read(&mut self.context(), Some(seen), false, asked);
        self.merge_rest(o, out.verdict, &fields, channel)
    }

    fn rest_fields(&self, o: &Observation) -> Map<String, Value> {
        self.fields(o)
            .into_iter()
            .filter(|(k, _)| !RULED.contains(&k.as_str()))
            .collect()
    }

    fn rest_seen(&self, o: &Observation, fields: &Map<String, Value>) -> PlainSeen {
        let held = self.records.get(&self.id(o.entity, &o.remote_id));
        let mut would: Map<String, Value> = held
            .map(|h| {
                h.row
                    .fields
                    .iter()
                    .filter(|(k, _)| !RULED.contains(&k.as_str()))
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect()
            })
            .unwrap_or_default();
        would.extend(fields.iter().map(|(k, v)| (k.clone(), v.clone())));
        PlainSeen {
            content: canonical::hex(&content(&would)).into(),
            at: newest(o),
            created: None,
        }
    }

    fn merge_rest(
        &mut self,
        o: &Observation,
        verdict: Verdict,
        fields: &Map<String, Value>,
        channel: Channel,
    ) -> Vec<String> {
        let Verdict::Apply { first } = verdict else {
            return Vec::new();
        };
        let now = self.now;
        let candidate = reference(&o.fields, "candidate_id").map(|c| self.id(Entity::Candidate, c));
        let held = self.held(o.entity, &o.remote_id, channel);
        held.row.person = candidate.or(held.row.person);
        let changed = held.merge(fields, channel.word, now);
        if first { Vec::new() } else { changed }
    }

    /// Writes the outcome into the record in hand: ruled fields, history, events.
    fn take_application(
        &mut self,
        o: &Observation,
        app: Application,
        rest: Plain,
        out: &Outcome,
        changed: Vec<String>,
        channel: Channel,
    ) {
        self.answered
            .extend(out.answered.iter().filter_map(|d| d.parse::<i64>().ok()));
        let now = self.now;
        let raw: Map<String, Value> = self
            .fields(o)
            .into_iter()
            .filter(|(k, _)| RULED.contains(&k.as_str()))
            .collect();
        let held = self.held(o.entity, &o.remote_id, channel);
        let before = held.row.fields.clone();
        held.touched = true;
        if app.gone && held.row.deleted_at.is_none() {
            held.row.deleted_at = Some(now.0);
            held.row.deletion = Some(json!({"reason": "remote_deleted", "detected_by": if channel.delivery.is_some() { "vendor_event" } else { "full_scan" }}).to_string());
            held.bump(channel.word, now);
        } else if !app.gone && held.row.deleted_at.is_some() {
            (held.row.deleted_at, held.row.deletion) = (None, None);
            held.bump(channel.word, now);
        }
        if let Some(at) = newest(o) {
            held.row.remote_updated = held.row.remote_updated.max(Some(at.micros));
        }
        let ruled = ruled_fields(&app, &raw, &before);
        let moved = held.merge(&ruled, channel.word, now);
        held.notes = Notes::Application {
            app: Box::new(app.clone()),
            rest,
        };
        let (id, text, revision, after) = (
            held.row.id16,
            held.text(),
            held.row.revision,
            held.row.fields.clone(),
        );
        for event in &out.events {
            let new = self.application_event(
                event, id, &text, revision, &changed, &before, &after, channel,
            );
            self.events.push(new);
        }
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
        if !updated.is_empty() && before.contains_key("candidate_id") {
            let attached = out.events.iter().any(|e| e.also_of.is_none());
            let data = super::events::data(
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
    }

    /// An update beside a stronger event of the same act is attached to it.
    fn attach(&mut self, id: [u8; 16], attached: bool, event: NewEvent) {
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

    fn application_event(
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
                    .filter(|k| *k != "extra" && *k != "meta")
                    .cloned()
                    .collect(),
            ),
            (None, _) => (None, Vec::new()),
        };
        if e.kind != Kind::Created {
            paths.extend(changed.iter().cloned());
        }
        let mut data = super::events::data(
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

    fn history_rows(&mut self, app: &Application, out: &Outcome, id: [u8; 16], channel: Channel) {
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
                    super::events::evidence(channel)
                }
                .into(),
                row: t.row.as_ref().map(|r| r.id.to_string()),
                told: match t.told {
                    super::application::Told::Yes => Some(true),
                    super::application::Told::Never => Some(false),
                    super::application::Told::Open => None,
                },
                late,
                event: None,
                at: now,
            });
        }
    }
}

/// When an end began: vendors that do not tell the two apart date both alike.
fn end(o: &Observation, s: Status) -> Option<Date> {
    own(o, status_word(s)).or_else(|| own(o, "rejected").filter(|_| s == Status::Withdrawn))
}

fn newer(rest: &Plain, at: Option<&Date>, cx: &Context) -> bool {
    let held = rest.held.as_ref().and_then(|h| h.date.as_ref());
    match (at, held) {
        (Some(at), Some(held)) => {
            super::application::compare(Some(at), Some(held)) == Some(std::cmp::Ordering::Greater)
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
        let believed = raw.get("status").and_then(Value::as_str) == Some(word);
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
            let hired = status
                .date
                .as_ref()
                .map(|d| json!(Micros(d.micros).text()))
                .or_else(|| raw.get("hired_at").cloned());
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

fn status(word: &str) -> Option<Status> {
    Some(match word {
        "lead" => Status::Lead,
        "active" => Status::Active,
        "hired" => Status::Hired,
        "rejected" => Status::Rejected,
        "withdrawn" => Status::Withdrawn,
        "closed" => Status::Closed,
        "unknown" => Status::Unknown,
        _ => return None,
    })
}

fn status_word(s: Status) -> &'static str {
    match s {
        Status::Lead => "lead",
        Status::Active => "active",
        Status::Hired => "hired",
        Status::Rejected => "rejected",
        Status::Withdrawn => "withdrawn",
        Status::Closed => "closed",
        Status::Unknown => "unknown",
    }
}

fn announced(a: Announce, status: Option<Status>) -> Option<Kind> {
    Some(match (a, status) {
        (Announce::Created, _) => Kind::Created,
        (Announce::StageChanged, _) => Kind::StageChanged,
        (Announce::Rejected, Some(Status::Withdrawn)) => Kind::Withdrawn,
        (Announce::Rejected, Some(Status::Closed)) => Kind::Closed,
        (Announce::Rejected, _) => Kind::Rejected,
        (Announce::Reopened, _) => Kind::Reopened,
        (Announce::Hired, _) => Kind::Hired,
        (Announce::Unhired, _) => Kind::Unhired,
    })
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
