//! One batch's working copy of the records it touches: observations are applied to it in order, and what comes out is a write set.
//! Reads and writes nothing itself: the lane loads the records first and hands the result to the store.

use super::application::{Application, Context, Date, Receipts};
use super::parts::PARTS;
use super::plain::Plain;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use stagewire_model::{DateSeen, Entity, MAIN, Micros, Observation, RecordId, Seen, canonical};
use stagewire_store::{Class, RecordRow, RecordWrite, Store, Table, TransitionRow, WantRow};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How often a read that denies a delivery is asked for again: after 1, 5 and 30 seconds.
pub const ASKS: u32 = 2;

/// The mirror's own notes on a record, stored with it.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Notes {
    /// An application: its status and stage by their own rules, the rest as one part.
    Application {
        /// Status, stage and history.
        app: Box<Application>,
        /// Everything else.
        rest: Plain,
    },
    /// Any other record: one part.
    Plain(Plain),
}

impl Notes {
    fn none(entity: Entity) -> Notes {
        match entity {
            Entity::Application => Notes::Application {
                app: Box::default(),
                rest: Plain::default(),
            },
            _ => Notes::Plain(Plain::default()),
        }
    }

    /// As they were stored; none where they cannot be read.
    fn read(entity: Entity, stored: &[u8]) -> Notes {
        #[derive(Deserialize)]
        struct Both {
            app: Box<Application>,
            rest: Plain,
        }
        let read = match entity {
            Entity::Application => serde_json::from_slice(stored)
                .map(|Both { app, rest }| Notes::Application { app, rest }),
            _ => serde_json::from_slice(stored).map(Notes::Plain),
        };
        read.unwrap_or_else(|_| Notes::none(entity))
    }
}

/// A record in hand.
#[derive(Clone, Debug)]
pub struct Held {
    /// As it is now.
    pub row: RecordRow,
    /// The revision it was loaded with; 0 = new.
    pub base: i64,
    /// The mirror's notes.
    pub notes: Notes,
    /// Notes or dates changed.
    pub touched: bool,
    /// Fields changed.
    pub changed: bool,
}

/// An event that came out, before it has a row.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// `application.stage_changed` …
    pub kind: String,
    /// The record it is about.
    pub entity: Entity,
    /// Its id.
    pub id: [u8; 16],
    /// Its place among other changes of the same record.
    pub late: bool,
    /// Attached to a stronger event of the same act.
    pub attached: bool,
    /// When it happened, best known.
    pub time: Micros,
    /// How it was learned: `webhook`, `poll_delta`, `poll_full`, `backfill`, `read_back`.
    pub channel: &'static str,
    /// The delivery that told it.
    pub delivery: Option<i64>,
    /// `record_ref`, `changed`, `previous`, `current` …
    pub data: Map<String, Value>,
    /// The transition it tells of.
    pub transition: Option<u64>,
}

/// How something was seen.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// The word of the record's provenance.
    pub word: &'static str,
    /// The delivery, if it is one.
    pub delivery: Option<i64>,
    /// It waited for the watermark.
    pub released: bool,
    /// It proves nothing alone.
    pub thin: bool,
}

/// What one batch has in hand.
pub struct Work<'a> {
    /// The connection's name.
    pub conn: &'a str,
    /// Whether it can be asked.
    pub reads: bool,
    /// Whether records of an entity can be read by their id.
    pub readable: &'a dyn Fn(Entity) -> bool,
    /// Since when an entity is held, where not from the beginning.
    pub since: &'a dyn Fn(Entity) -> Option<Micros>,
    /// The kind that a person has confirmed for a record of that name.
    pub confirmed_kind: &'a dyn Fn(Entity, &str) -> Option<String>,
    /// Whether the vendor answers for what is hidden from us as for what is gone.
    pub hides: bool,
    /// Its watermark.
    pub watermark: Micros,
    /// Its receipt counter.
    pub receipts: &'a mut Receipts,
    /// Now.
    pub now: Micros,
    /// Numbers, keys and the installation's key.
    pub store: &'a dyn Store,
    /// The records in hand; one that is missing was looked for and is not there.
    pub records: HashMap<[u8; 16], Held>,
    /// What happened.
    pub events: Vec<NewEvent>,
    /// New or changed rows of histories.
    pub transitions: Vec<TransitionRow>,
    /// Reads that are wanted.
    pub wants: BTreeMap<(Entity, Option<Entity>, String), WantRow>,
    /// Deliveries whose hints were answered.
    pub answered: Vec<i64>,
    /// When changes were found by a read that a webhook told too, after all.
    pub confirmed: Vec<i64>,
}

impl Work<'_> {
    /// Our id of a remote record of this connection.
    pub fn id(&self, entity: Entity, remote_id: &str) -> [u8; 16] {
        RecordId::of(
            self.store.install_key(),
            "main",
            self.conn,
            entity,
            remote_id,
        )
        .0
    }

    /// What is earlier is history: the connection's, or the entity's own where it is held since later.
    fn watermark_of(&self, entity: Entity) -> i64 {
        let own = (self.since)(entity).unwrap_or(self.watermark);
        Micros(own.0.max(self.watermark.0)).seconds()
    }

    /// The rules' view of the connection.
    pub(super) fn context_for(&mut self, entity: Entity) -> Context<'_> {
        let reads = self.reads && (self.readable)(entity);
        Context {
            watermark: self.watermark_of(entity),
            reads,
            asks: ASKS,
            receipts: self.receipts,
        }
    }

    /// The rules' view of the connection, for an application.
    pub(super) fn context(&mut self) -> Context<'_> {
        Context {
            watermark: self.watermark_of(Entity::Application),
            reads: self.reads,
            asks: ASKS,
            receipts: self.receipts,
        }
    }

    /// The record in hand, made if it is not there.
    pub(super) fn held(&mut self, entity: Entity, remote_id: &str, channel: Channel) -> &mut Held {
        let id = self.id(entity, remote_id);
        let (now, store, conn) = (self.now.0, self.store, self.conn);
        self.records.entry(id).or_insert_with(|| {
            let row = RecordRow {
                rid: store.next(Table::Record),
                ws: MAIN,
                conn: conn.to_owned(),
                entity,
                id16: id,
                remote_id: remote_id.to_owned(),
                person: (entity == Entity::Candidate).then_some(id),
                revision: 0,
                hash: [0; 32],
                parts: Vec::new(),
                next_seq: 1,
                channel: channel.word.to_owned(),
                first_seen: now,
                changed_at: now,
                observed_at: now,
                remote_updated: None,
                deleted_at: None,
                deletion: None,
                event: None,
                delivery: None,
                fields: Map::new(),
            };
            Held {
                row,
                base: 0,
                notes: Notes::none(entity),
                touched: true,
                changed: true,
            }
        })
    }

    /// A loaded row becomes a record in hand.
    pub fn hold(row: RecordRow) -> Held {
        Held {
            base: row.revision,
            notes: Notes::read(row.entity, &row.parts),
            row,
            touched: false,
            changed: false,
        }
    }

    /// Every record an observation names, with the vendor's id: what we do not hold can be read by it.
    pub fn named_by(
        &self,
        observations: &[Observation],
        out: &mut HashMap<[u8; 16], (Entity, String)>,
    ) {
        let mut add = |v: &Value| {
            let entity = v
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(Entity::parse);
            if let (Some(entity), Some(id)) = (entity, v.get("id").and_then(Value::as_str)) {
                out.insert(self.id(entity, id), (entity, id.to_owned()));
            }
        };
        for value in observations.iter().flat_map(|o| o.fields.values()) {
            match value {
                Value::Array(items) => items.iter().for_each(&mut add),
                other => add(other),
            }
        }
    }

    /// Every record that what an observation tells may touch or be read from. What only flows look at is loaded for them.
    pub fn ids_of(&self, observations: &[Observation], out: &mut Vec<[u8; 16]>) {
        for o in observations {
            out.push(self.id(o.entity, &o.remote_id));
            if let Some(app) = reference(&o.fields, "application_id") {
                out.push(self.id(Entity::Application, app));
            }
            if let Some(reason) = reference(&o.fields, "reject_reason_id") {
                out.push(self.id(Entity::RejectReason, reason));
            }
            o.fields.values().for_each(|v| self.taken_from(v, out));
        }
    }

    /// The records whose fields a value takes.
    fn taken_from(&self, value: &Value, out: &mut Vec<[u8; 16]>) {
        match value {
            Value::Object(o) if o.contains_key("take") => {
                let of = o
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(Entity::parse);
                if let (Some(of), Some(id)) = (of, o.get("id").and_then(Value::as_str)) {
                    out.push(self.id(of, id));
                }
            }
            Value::Object(o) => o.values().for_each(|v| self.taken_from(v, out)),
            Value::Array(items) => items.iter().for_each(|v| self.taken_from(v, out)),
            _ => {}
        }
    }

    /// References become ids: `{"$ref": "job", "id": "7"}` → `job_…`.
    pub(super) fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Object(o) => {
                if let (Some(entity), Some(id)) = (
                    o.get("$ref")
                        .and_then(Value::as_str)
                        .and_then(Entity::parse),
                    o.get("id").and_then(Value::as_str),
                ) {
                    let id = self.id(entity, id);
                    return match o.get("take").and_then(Value::as_str) {
                        // what that record holds, if it is known
                        Some(path) => self.taken(&id, path, o.get("take_as")),
                        None => json!(RecordId(id).text(entity)),
                    };
                }
                Value::Object(
                    o.iter()
                        .map(|(k, v)| (k.clone(), self.resolve(v)))
                        .collect(),
                )
            }
            Value::Array(a) => Value::Array(a.iter().map(|v| self.resolve(v)).collect()),
            other => other.clone(),
        }
    }

    /// What another record holds at a path; where that is the vendor's id of a third record, ours.
    fn taken(&self, id: &[u8; 16], path: &str, as_entity: Option<&Value>) -> Value {
        let (field, within) = path.split_once('.').unwrap_or((path, ""));
        let held = self.records.get(id).and_then(|h| h.row.fields.get(field));
        let held = held.and_then(|v| {
            if within.is_empty() {
                Some(v)
            } else {
                v.get(within)
            }
        });
        let value = held.cloned().unwrap_or(Value::Null);
        let Some(of) = as_entity.and_then(Value::as_str).and_then(Entity::parse) else {
            return value;
        };
        match value {
            Value::String(remote) => json!(RecordId(self.id(of, &remote)).text(of)),
            Value::Number(remote) => json!(RecordId(self.id(of, &remote.to_string())).text(of)),
            _ => Value::Null,
        }
    }

    /// Notes the deliveries that a read answered. What it shows was told by the first of them.
    pub(super) fn told_by(&mut self, answered: &[Box<str>], channel: Channel) -> Channel {
        let ids: Vec<i64> = answered.iter().filter_map(|d| d.parse().ok()).collect();
        let delivery = channel.delivery.or(ids.first().copied());
        // a poll that answers a delivery has found nothing by itself
        let word = match (channel.word, ids.is_empty()) {
            ("poll_delta" | "poll_full", false) => "read_back",
            (word, _) => word,
        };
        self.answered.extend(ids);
        Channel {
            delivery,
            word,
            ..channel
        }
    }

    /// A delivery told what a read had found before it: that change was not missed, only late.
    pub(super) fn confirm(&mut self, id: [u8; 16], events: usize, channel: Channel) {
        if channel.delivery.is_none() || self.events.len() > events {
            return;
        }
        if let Some(held) = self.records.get_mut(&id)
            && matches!(held.row.channel.as_str(), "poll_delta" | "poll_full")
        {
            "webhook".clone_into(&mut held.row.channel);
            held.touched = true;
            self.confirmed.push(held.row.changed_at);
        }
    }

    /// Whether one of several deliveries of one act tells something new: then its record is read, so that the act arrives whole.
    pub fn part_of_an_act(&self, o: &Observation) -> bool {
        let held = self.records.get(&self.id(o.entity, &o.remote_id));
        let holds = |h: &Held| h.row.deleted_at.is_none() && h.base > 0 && h.same(&self.fields(o));
        matches!(o.seen, Seen::Present)
            && self.reads
            && (self.readable)(o.entity)
            && !held.is_some_and(holds)
    }

    /// Whether the record is held just as this row shows it, its dates and all, and what a row says was heard as a row before: a
    /// delivery may bring a record without what belongs to it.
    pub fn shows(&self, o: &Observation) -> bool {
        let Some(held) = self.records.get(&self.id(o.entity, &o.remote_id)) else {
            return false;
        };
        let same = |(key, value): (String, Value)| {
            let by_rule = o.entity == Entity::Application && super::applications::ruled(&key);
            let by_reason = key == "status" && value == "by_reason";
            let told = matches!(key.as_str(), "status" | "stage_id" | "reject_reason_id");
            by_reason || (by_rule && !told) || held.row.fields.get(&key) == Some(&value)
        };
        held.row.deleted_at.is_none()
            && held.row.channel != "webhook"
            && self.fields(o).into_iter().all(same)
    }

    /// A read of this record is wanted.
    pub fn want(&mut self, entity: Entity, remote_id: &str, reason: &str, priority: i64) {
        if self.reads && (self.readable)(entity) {
            self.want_of(entity, None, remote_id, reason, priority);
        }
    }

    /// A read of all rows that belong to another record is wanted (`of`), or of the record itself.
    pub fn want_of(
        &mut self,
        entity: Entity,
        of: Option<Entity>,
        remote_id: &str,
        reason: &str,
        priority: i64,
    ) {
        if !self.reads {
            return;
        }
        let row = WantRow {
            entity,
            of,
            remote_id: remote_id.to_owned(),
            reason: reason.to_owned(),
            priority,
            due: self.now.0,
            tries: 0,
            heard: i64::try_from(self.receipts.last()).unwrap_or(i64::MAX),
        };
        self.wants
            .entry((entity, of, row.remote_id.clone()))
            .or_insert(row);
    }

    /// It was asked and is not believed yet: asked again after 1, 5 and 30 seconds, since read replicas lag.
    pub fn want_again(&mut self, entity: Entity, remote_id: &str, tries: u32, priority: i64) {
        self.want(entity, remote_id, "asked again", priority);
        let wait = [1_000, 1_000, 5_000, 30_000][tries.min(3) as usize];
        let due = self.now.plus_ms(wait).0;
        if let Some(row) = self.wants.get_mut(&(entity, None, remote_id.to_owned())) {
            row.due = due;
        }
    }

    /// The records to be written; unchanged ones are left out. Nothing is in hand after that.
    pub fn writes(&mut self) -> Vec<RecordWrite> {
        let held = std::mem::take(&mut self.records).into_values();
        let moved = held.filter(|h| h.touched || h.changed);
        moved.map(|h| h.write(self.store, self.now)).collect()
    }
}

impl Held {
    /// As it is to be written, sealed. Where only notes or dates changed, what is stored of its fields stays.
    pub(crate) fn write(mut self, store: &dyn Store, now: Micros) -> RecordWrite {
        let row = &mut self.row;
        row.parts = serde_json::to_vec(&self.notes).unwrap_or_default();
        let sealed = if self.changed || self.base == 0 {
            row.hash = content(&row.fields);
            let plain = serde_json::to_vec(&row.fields).unwrap_or_default();
            let keys = store.keys();
            keys.seal(MAIN, Class::Workspace, now.0, "record", row.rid, &plain)
        } else {
            (0, Vec::new())
        };
        if self.base == 0 && row.revision == 0 {
            row.revision = 1;
        }
        RecordWrite {
            row: Arc::new(self.row),
            base: self.base,
            sealed,
        }
    }

    /// Puts fields over those held; an absent one changes nothing. Gives the paths that changed.
    pub(super) fn merge(
        &mut self,
        fields: Map<String, Value>,
        channel: Channel,
        now: Micros,
    ) -> Vec<String> {
        let (mut changed, mut moved) = (Vec::new(), false);
        let mut left = unread(&self.row.fields);
        let open = left.len();
        for (key, value) in fields {
            // a field that was not held until lately is no change of the vendor's
            let filled = left.remove(&key);
            if self.row.fields.get(&key) == Some(&value) {
                continue;
            }
            if filled {
                moved = true;
            } else if !beside(&key) {
                changed.push(key.clone());
            }
            self.row.fields.insert(key, value);
            self.changed = true;
        }
        if left.len() < open {
            set_unread(&mut self.row.fields, left);
            self.changed = true;
        }
        if moved || !changed.is_empty() {
            self.bump(channel, now);
        }
        changed
    }

    /// Cuts it to what is held now, and marks what is held but was never read. True where it is another record after that.
    pub(crate) fn keep(
        &mut self,
        held: &dyn Fn(&str) -> bool,
        fresh: &BTreeSet<String>,
        now: Micros,
    ) -> bool {
        let before = self.row.fields.clone();
        let mut open = unread(&before);
        open.extend(fresh.iter().cloned());
        let fields = &mut self.row.fields;
        fields.retain(|name, _| name == "meta" || name == PARTS || held(name));
        super::parts::cut(fields, held);
        open.retain(|name| held(name) && !fields.contains_key(name));
        set_unread(fields, open);
        if *fields == before {
            return false;
        }
        let rest = |fields: &Map<String, Value>, ruled: &[&str]| {
            let own = fields.iter().filter(|(k, _)| !ruled.contains(&k.as_str()));
            let own = own.map(|(k, v)| (k.clone(), v.clone())).collect();
            canonical::hex(&content(&own)).into()
        };
        match &mut self.notes {
            Notes::Plain(Plain {
                held: Some(held), ..
            }) => held.content = rest(fields, &[]),
            Notes::Application { rest: plain, .. } => {
                if let Some(held) = &mut plain.held {
                    held.content = rest(fields, super::applications::RULED);
                }
            }
            Notes::Plain(_) => {}
        }
        self.row.revision += 1;
        self.row.changed_at = now.0;
        (self.touched, self.changed) = (true, true);
        true
    }

    /// Whether these fields are held exactly so already; only what is content counts.
    pub(super) fn same(&self, fields: &Map<String, Value>) -> bool {
        fields
            .iter()
            .all(|(k, v)| beside(k) || self.row.fields.get(k) == Some(v))
    }

    /// What is kept beside the content moves with every look, without a revision.
    pub(super) fn refresh(&mut self, fields: &Map<String, Value>) {
        for (key, value) in fields.iter().filter(|(k, _)| beside(k)) {
            if self.row.fields.get(key) != Some(value) {
                self.row.fields.insert(key.clone(), value.clone());
                self.changed = true;
            }
        }
    }

    /// The next revision: the content is another one now.
    pub(super) fn bump(&mut self, channel: Channel, now: Micros) {
        if self.row.revision == self.base {
            self.row.revision += 1;
        }
        (self.row.changed_at, self.row.observed_at) = (now.0, now.0);
        channel.word.clone_into(&mut self.row.channel);
        (self.row.event, self.row.delivery) = (None, channel.delivery);
        self.changed = true;
    }

    /// The text of its id.
    pub fn text(&self) -> String {
        RecordId(self.row.id16).text(self.row.entity)
    }
}

/// Kept with a record, but no content of it: envelope values, the vendor's own words for what is mapped (they differ between a
/// webhook and a row), what the vendor sends beyond the model, and what moves with every touch. None of them makes a revision or
/// an event.
fn beside(key: &str) -> bool {
    const KEYS: &[&str] = &[
        "extra",
        PARTS,
        "meta",
        "remote_url",
        "remote_created_at",
        "remote_updated_at",
        "last_activity_at",
        "last_interaction_at",
    ];
    KEYS.contains(&key) || key.ends_with("_raw")
}

/// Fields that are held since lately and were not read since; they stand in the record's `meta`.
pub(crate) fn unread(fields: &Map<String, Value>) -> BTreeSet<String> {
    let listed = fields.get("meta").and_then(|m| m.get("unread"));
    let listed = listed.and_then(Value::as_array);
    let names = listed.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

fn set_unread(fields: &mut Map<String, Value>, names: BTreeSet<String>) {
    match fields.get_mut("meta") {
        Some(Value::Object(meta)) if names.is_empty() => drop(meta.remove("unread")),
        Some(Value::Object(meta)) => drop(meta.insert("unread".into(), json!(names))),
        _ if names.is_empty() => {}
        _ => drop(fields.insert("meta".into(), json!({ "unread": names }))),
    }
    if fields.get("meta").is_some_and(|m| m == &json!({})) {
        fields.remove("meta");
    }
}

/// The hash of a record's own content; what the vendor sends beyond the model does not count.
pub fn content(fields: &Map<String, Value>) -> [u8; 32] {
    hash(fields.iter())
}

/// The same, of what is held with what was seen over it.
pub(super) fn content_with<'v>(
    held: impl Iterator<Item = (&'v String, &'v Value)>,
    seen: &'v Map<String, Value>,
) -> [u8; 32] {
    hash(held.filter(|(k, _)| !seen.contains_key(*k)).chain(seen))
}

fn hash<'v>(fields: impl Iterator<Item = (&'v String, &'v Value)>) -> [u8; 32] {
    canonical::hash_object(fields.filter(|(k, _)| !beside(k)).collect())
}

/// The remote id in a reference field.
pub fn reference<'v>(fields: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    fields.get(key)?.get("id")?.as_str()
}

/// A vendor date as the rules want it.
pub(super) fn date(d: &DateSeen) -> Date {
    Date {
        micros: d.at.0,
        coarse: d.coarse,
        path: d.path.as_str().into(),
    }
}

/// The newest record-wide date.
pub(super) fn newest(o: &Observation) -> Option<Date> {
    o.dates.iter().max_by_key(|d| d.at).map(date)
}

/// The date of one state.
pub(super) fn own(o: &Observation, state: &str) -> Option<Date> {
    o.own
        .iter()
        .find(|(name, _)| name == state)
        .map(|(_, d)| date(d))
}

/// The record an id field names.
pub fn reference_text(fields: &Map<String, Value>, key: &str) -> Option<(Entity, [u8; 16])> {
    RecordId::parse(fields.get(key)?.as_str()?).map(|(entity, id)| (entity, id.0))
}
