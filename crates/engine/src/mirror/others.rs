//! Records that are no application: candidates, jobs, offers and the rest, each one part dated by its own clock. Merges,
//! anonymising and deletes are observations of tombstones.

use super::events::{change_kind, created_kind, deleted_kind, has_events, is_event};
use super::plain::{Outcome, Plain, Seen as PlainSeen, Verdict};
use super::work::{
    Channel, NewEvent, Notes, Work, content, content_with, newest, own, reference_text,
};
use serde_json::{Map, Value, json};
use stagewire_model::fields::{Class, Kind, field};
use stagewire_model::time::parse_instant;
use stagewire_model::{Entity, Micros, Observation, RecordId, Seen, canonical};

/// What became of a delivery's observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Applied, or nothing new.
    Taken,
    /// It waits for a read.
    Waiting,
    /// Dated before the watermark.
    Before,
}

impl Work<'_> {
    /// Applies one observation of a delivery about such a record. `carrier`: of an embedded one, the observation around it.
    pub fn other(
        &mut self,
        o: &Observation,
        carrier: Option<&Observation>,
        channel: Channel,
    ) -> Fate {
        match &o.seen {
            Seen::Deleted => self.deleted(o, channel),
            Seen::Merged { into } => self.merged(o, into, channel),
            Seen::Anonymized { .. } => self.anonymized(o, channel),
            Seen::Present | Seen::Embedded | Seen::History | Seen::Part { .. } => {
                self.present(o, carrier, channel)
            }
        }
    }

    fn present(
        &mut self,
        o: &Observation,
        carrier: Option<&Observation>,
        channel: Channel,
    ) -> Fate {
        let fields = self.fields(o);
        let (mut seen, delivery) = (self.seen(o, &fields, carrier), delivery_text(channel));
        if channel.thin && o.fields.is_empty() {
            seen.content = "".into(); // it only names the record
        }
        let mut plain = self.plain(o, channel);
        let embedded = matches!(o.seen, Seen::Embedded);
        let mut cx = self.context_for(o.entity);
        let out = match (embedded, channel.released) {
            (true, _) => plain.embedded(&mut cx, seen),
            (false, true) => plain.release(&mut cx, delivery, seen, channel.thin),
            (false, false) => plain.deliver(&mut cx, delivery, seen, channel.thin),
        };
        if out.wanted {
            let reason = if embedded {
                "an embedded copy differs"
            } else {
                "a delivery must be confirmed"
            };
            self.want(o.entity, &o.remote_id, reason, if embedded { 3 } else { 1 });
        }
        self.take(o, plain, &out, fields, channel);
        match out.verdict {
            Verdict::Hint => Fate::Waiting,
            Verdict::Before => Fate::Before,
            _ => Fate::Taken,
        }
    }

    /// A row of a read, or (`None`) that the read by id found nothing. Gives the deliveries it answered.
    pub fn other_read(
        &mut self,
        entity: Entity,
        remote_id: &str,
        o: Option<&Observation>,
        by_id: bool,
        asked: u64,
        channel: Channel,
    ) {
        if o.is_none() && !self.records.contains_key(&self.id(entity, remote_id)) {
            return;
        }
        let empty = Observation {
            seen: Seen::Present,
            ..blank(entity, remote_id)
        };
        let seen_as = o.unwrap_or(&empty);
        let fields = self.fields(seen_as);
        let seen = o.map(|o| self.seen(o, &fields, None));
        let mut plain = self.plain(seen_as, channel);
        let out = plain.read(&mut self.context_for(entity), seen, by_id, asked);
        if out.wanted {
            self.want_again(entity, remote_id, plain.tries, 3);
        }
        self.take(seen_as, plain, &out, fields, channel);
    }

    /// What the outcome means for the record in hand and its events.
    fn take(
        &mut self,
        o: &Observation,
        plain: Plain,
        out: &Outcome,
        fields: Map<String, Value>,
        channel: Channel,
    ) {
        let now = self.now;
        let channel = self.told_by(&out.answered, channel);
        let events = self.events.len();
        let unknown_and_nothing = matches!(
            out.verdict,
            Verdict::Nothing | Verdict::Stale | Verdict::Before
        ) && !self.records.contains_key(&self.id(o.entity, &o.remote_id));
        if unknown_and_nothing {
            return;
        }
        let was_created = matches!(out.verdict, Verdict::Apply { first: true });
        let person = self.person_of(&fields);
        let held = self.held(o.entity, &o.remote_id, channel);
        if let Some(person) = person.filter(|p| held.row.person != Some(*p)) {
            (held.row.person, held.touched) = (Some(person), true);
        }
        let before = match out.verdict {
            Verdict::Apply { .. } => held.row.fields.clone(),
            _ => Map::new(),
        };
        let notes = Notes::Plain(plain);
        // an equal copy changes nothing, and writes nothing
        if !matches!((&held.notes, &notes), (Notes::Plain(a), Notes::Plain(b)) if a == b) {
            held.touched = true;
            held.notes = notes;
        }
        if out.restored {
            (held.row.deleted_at, held.row.deletion) = (None, None);
            held.bump(channel, now);
        }
        let changed = if matches!(out.verdict, Verdict::Apply { .. }) {
            held.merge(fields, channel, now)
        } else {
            Vec::new()
        };
        if let Some(at) = newest(o) {
            held.row.remote_updated = held.row.remote_updated.max(Some(at.micros));
        }
        // only named by a delivery so far: nothing to show before a read has shown it
        let shown = !matches!(&held.notes, Notes::Plain(p) if p.held.is_none());
        match (shown, held.row.deleted_at) {
            (false, None) => (held.row.deleted_at, held.touched) = (Some(now.0), true),
            (true, Some(_)) if was_created => held.row.deleted_at = None,
            _ => {}
        }
        if out.deleted {
            held.row.deleted_at = Some(now.0);
            held.row.deletion = Some(tombstone(out.claimed, o, channel));
            held.bump(channel, now);
        }
        let time = newest(o).map_or(now, |d| Micros(d.micros));
        if out.restored {
            self.event(o, "restored", time, channel, &[], &before);
        }
        if out.created {
            let time = own(o, "created").map_or(time, |d| Micros(d.micros));
            let fields = &self.held(o.entity, &o.remote_id, channel).row.fields;
            let kind = created_kind(o.entity, fields);
            self.event(o, kind, time, channel, &changed, &before);
        } else if !changed.is_empty() && !was_created {
            let after = self
                .held(o.entity, &o.remote_id, channel)
                .row
                .fields
                .clone();
            let kind = change_kind(o.entity, &before, &after, &changed);
            // names of tags whose rows tell of the change by themselves
            let twice = after.contains_key("tag_ids") && changed.iter().all(|c| c == "tags");
            // a first read may bring a record in several pieces
            let piece = channel.word == "backfill" && newest(o).is_none();
            if !twice && !piece {
                self.event(o, kind, time, channel, &changed, &before);
            }
        }
        if out.deleted && out.claimed {
            let fields = &self.held(o.entity, &o.remote_id, channel).row.fields;
            let kind = deleted_kind(o.entity, fields);
            self.event(o, kind, now, channel, &[], &before);
        }
        let told = !out.answered.is_empty() || out.verdict == Verdict::Equal;
        if told && !matches!(o.seen, Seen::Embedded) {
            self.confirm(self.id(o.entity, &o.remote_id), events, channel);
        }
    }

    /// A row of a list of deletions. The list overlaps, so an old row tells nothing of a record that was seen since.
    pub fn gone_row(&mut self, o: &Observation, channel: Channel) {
        let known = self.records.get(&self.id(o.entity, &o.remote_id));
        let told = newest(o).map(|d| d.micros);
        match known {
            None => {}
            Some(held) if held.row.deleted_at.is_some() => {}
            Some(held) if told.is_none() || held.row.remote_updated >= told => {
                self.want(o.entity, &o.remote_id, "it may have been deleted", 3);
            }
            Some(_) if o.entity == Entity::Application => {
                self.application(o, super::AppPast::NotNeeded, channel);
            }
            Some(_) => {
                self.other(o, None, channel);
            }
        }
    }

    /// Whose record it is: the candidate it names, or that of the application it names.
    fn person_of(&self, fields: &Map<String, Value>) -> Option<[u8; 16]> {
        if let Some((_, candidate)) = reference_text(fields, "candidate_id") {
            return Some(candidate);
        }
        let (_, app) = reference_text(fields, "application_id")?;
        self.records.get(&app)?.row.person
    }

    fn deleted(&mut self, o: &Observation, channel: Channel) -> Fate {
        let mut plain = self.plain(o, channel);
        let mut cx = self.context_for(o.entity);
        let out = if channel.released {
            plain.release_deleted(&mut cx, delivery_text(channel))
        } else {
            plain.delete(&mut cx)
        };
        if out.wanted {
            self.want(o.entity, &o.remote_id, "a delivery must be confirmed", 1);
        }
        let known = self.records.contains_key(&self.id(o.entity, &o.remote_id));
        let silent = Outcome {
            deleted: out.deleted && known,
            ..out.clone()
        };
        self.held(o.entity, &o.remote_id, channel);
        self.take(o, plain, &silent, Map::new(), channel);
        if out.verdict == Verdict::Hint {
            Fate::Waiting
        } else {
            Fate::Taken
        }
    }

    fn merged(&mut self, o: &Observation, into: &str, channel: Channel) -> Fate {
        let fate = self.deleted(o, channel);
        let winner = RecordId(self.id(o.entity, into)).text(o.entity);
        let held = self.held(o.entity, &o.remote_id, channel);
        held.row.deletion = Some(
            json!({"reason": "merged", "detected_by": "vendor_event", "merged_into_id": winner})
                .to_string(),
        );
        held.touched = true;
        let id = held.row.id16;
        // one event, and it is the merge
        self.events.retain(|e| {
            !(e.id == id && e.kind == "candidate.deleted" && e.delivery == channel.delivery)
        });
        let before = Map::new();
        let mut extra = Map::new();
        extra.insert("merged_into_id".into(), json!(winner));
        self.event_with(o, "merged", self.now, channel, &[], &before, extra);
        self.want(o.entity, into, "another record was merged into it", 1);
        self.repoint(id, self.id(o.entity, into), &winner, channel);
        fate
    }

    /// Applications and the rest in hand of the losing person belong to the winner now.
    fn repoint(&mut self, loser: [u8; 16], winner: [u8; 16], text: &str, channel: Channel) {
        let now = self.now;
        for held in self
            .records
            .values_mut()
            .filter(|h| h.row.person == Some(loser) && h.row.id16 != loser)
        {
            held.row.person = Some(winner);
            if held.row.fields.contains_key("candidate_id") {
                held.row.fields.insert("candidate_id".into(), json!(text));
            }
            held.bump(channel, now);
        }
    }

    fn anonymized(&mut self, o: &Observation, channel: Channel) -> Fate {
        let id = self.id(o.entity, &o.remote_id);
        let now = self.now;
        if let Some(held) = self.records.get_mut(&id) {
            let before = Map::new();
            let mut wiped = Vec::new();
            for field in stagewire_model::fields::entity(o.entity.name())
                .map(|e| e.fields)
                .unwrap_or_default()
            {
                if matches!(field.class, Class::Personal | Class::Restricted)
                    && held.row.fields.contains_key(field.name)
                {
                    let empty = if matches!(field.kind, Kind::List(_)) {
                        json!([])
                    } else {
                        Value::Null
                    };
                    held.row.fields.insert(field.name.to_owned(), empty);
                    wiped.push(field.name.to_owned());
                }
            }
            held.row.fields.insert("anonymized".into(), json!(true));
            held.row.fields.remove("extra");
            held.row.fields.remove(super::parts::PARTS);
            held.bump(channel, now);
            if let Notes::Plain(p) = &mut held.notes
                && let Some(h) = &mut p.held
            {
                h.content = canonical::hex(&content(&held.row.fields)).into();
            }
            self.event(o, "anonymized", now, channel, &wiped, &before);
        }
        self.want(o.entity, &o.remote_id, "its person was anonymised", 1);
        Fate::Taken
    }

    fn plain(&mut self, o: &Observation, _channel: Channel) -> Plain {
        match self
            .records
            .get(&self.id(o.entity, &o.remote_id))
            .map(|h| &h.notes)
        {
            Some(Notes::Plain(p)) => p.clone(),
            _ => Plain::default(),
        }
    }

    /// The observed fields with references as ids, told as finely as they are held.
    pub(super) fn fields(&self, o: &Observation) -> Map<String, Value> {
        let held = self.records.get(&self.id(o.entity, &o.remote_id));
        let fine = |k: &String, v: Value| match held.and_then(|h| h.row.fields.get(k)) {
            Some(held) => finer(held, v),
            None => v,
        };
        let resolved = o.fields.iter().map(|(k, v)| (k, self.resolve(v)));
        let mut fields: Map<String, Value> =
            resolved.map(|(k, v)| (k.clone(), fine(k, v))).collect();
        if fields.contains_key("kind_source")
            && let Some(name) = fields.get("name").and_then(Value::as_str)
            && let Some(kind) = (self.confirmed_kind)(o.entity, name)
            && let Some(Kind::Enum(words)) = field(o.entity.name(), "kind").map(|f| f.kind)
            && words.contains(&kind.as_str())
        {
            fields.insert("kind".into(), json!(kind));
            fields.insert("kind_source".into(), json!("confirmed"));
        }
        fields
    }

    fn seen(
        &self,
        o: &Observation,
        fields: &Map<String, Value>,
        carrier: Option<&Observation>,
    ) -> PlainSeen {
        let held = self.records.get(&self.id(o.entity, &o.remote_id));
        let embedded = matches!(o.seen, Seen::Embedded);
        let at = newest(o)
            .filter(|_| !embedded)
            .or_else(|| carrier.and_then(newest));
        let same = held.and_then(|h| match &h.notes {
            Notes::Plain(p) => h
                .same(fields)
                .then(|| p.held.as_ref().map(|x| x.content.clone()))?,
            Notes::Application { .. } => None,
        });
        let content = same.unwrap_or_else(|| {
            let held = held.into_iter().flat_map(|h| &h.row.fields);
            canonical::hex(&content_with(held, fields)).into()
        });
        PlainSeen {
            content,
            at,
            created: own(o, "created").filter(|_| has_events(o.entity)),
        }
    }

    pub(super) fn event(
        &mut self,
        o: &Observation,
        what: &str,
        time: Micros,
        channel: Channel,
        changed: &[String],
        before: &Map<String, Value>,
    ) {
        self.event_with(o, what, time, channel, changed, before, Map::new());
    }

    fn event_with(
        &mut self,
        o: &Observation,
        what: &str,
        time: Micros,
        channel: Channel,
        changed: &[String],
        before: &Map<String, Value>,
        more: Map<String, Value>,
    ) {
        let kind = format!("{}.{what}", o.entity.name());
        if !has_events(o.entity) || !is_event(&kind) {
            return;
        }
        let held = self.held(o.entity, &o.remote_id, channel);
        let mut data = super::events::data(
            o.entity,
            &held.text(),
            held.row.revision,
            changed,
            before,
            &held.row.fields,
            false,
            channel,
        );
        data.extend(more);
        let id = held.row.id16;
        self.events.push(NewEvent {
            kind,
            entity: o.entity,
            id,
            late: false,
            attached: false,
            time,
            channel: channel.word,
            delivery: channel.delivery,
            data,
            transition: None,
        });
    }
}

/// Why and how a record went (common model, section 7): what the vendor called deleted is; what only cannot be read any more is not.
pub(super) fn tombstone(claimed: bool, o: &Observation, channel: Channel) -> String {
    let (reason, by) = match (claimed, channel.delivery, &o.seen) {
        (true, Some(_), _) => ("remote_deleted", "vendor_event"),
        (true, None, Seen::Deleted) => ("remote_deleted", "deleted_endpoint"),
        (true, None, _) => ("remote_deleted", "full_scan"),
        (false, _, _) => ("access_lost", "full_scan"),
    };
    json!({"reason": reason, "detected_by": by}).to_string()
}

fn delivery_text(channel: Channel) -> Box<str> {
    channel
        .delivery
        .map(|d| d.to_string())
        .unwrap_or_default()
        .into()
}

pub(super) fn blank(entity: Entity, remote_id: &str) -> Observation {
    Observation {
        entity,
        remote_id: remote_id.to_owned(),
        shape: String::new(),
        seen: Seen::Present,
        fields: Map::new(),
        dates: Vec::new(),
        own: Vec::new(),
        announces: None,
        complete: false,
    }
}

/// One value told in two shapes, the one less finely: an instant in whole seconds, a person without the name, people in another
/// order. It is no change.
pub(super) fn finer(held: &Value, told: Value) -> Value {
    match (held, &told) {
        (Value::String(a), Value::String(b)) if a != b => {
            let (Some((x, _)), Some((y, _))) = (parse_instant(a), parse_instant(b)) else {
                return told;
            };
            let same = x.seconds() == y.seconds() && y.0.rem_euclid(1_000_000) == 0;
            if same { held.clone() } else { told }
        }
        (Value::Object(a), Value::Object(b))
            if a.contains_key("user_id") && b.contains_key("user_id") =>
        {
            let (x, y) = (&a["user_id"], &b["user_id"]);
            if !x.is_null() && !y.is_null() && x != y {
                return told;
            }
            let mut both = a.clone();
            both.extend(
                b.iter()
                    .filter(|(_, v)| !v.is_null())
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
            Value::Object(both)
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            if let Some(same) = same_people(a, b) {
                return Value::Array(same);
            }
            Value::Array(a.iter().zip(b).map(|(x, y)| finer(x, y.clone())).collect())
        }
        _ => told,
    }
}

/// The same people in the same roles, in the order they are held in.
fn same_people(held: &[Value], told: &[Value]) -> Option<Vec<Value>> {
    let who = |p: &Value| {
        Some((
            p.get("user_id")?.as_str()?.to_owned(),
            p.get("role")?.clone(),
        ))
    };
    let mut left: Vec<&Value> = told.iter().collect();
    let mut out = Vec::with_capacity(held.len());
    for person in held {
        let key = who(person)?;
        let at = left.iter().position(|t| who(t).as_ref() == Some(&key))?;
        out.push(finer(person, left.swap_remove(at).clone()));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::finer;
    use serde_json::json;

    #[test]
    fn a_coarser_telling_of_the_same_value_is_no_change() {
        let fine = json!("2026-11-20T01:10:06.123Z");
        assert_eq!(finer(&fine, json!("2026-11-20T01:10:06.000Z")), fine);
        assert_eq!(
            finer(&json!("2026-11-20T01:10:06.000Z"), fine.clone()),
            fine
        );
        assert_eq!(
            finer(&fine, json!("2026-11-20T01:10:07.000Z")),
            json!("2026-11-20T01:10:07.000Z")
        );
        let known = json!({"user_id": "usr_1", "name": "Ana", "role": "recruiter"});
        assert_eq!(
            finer(
                &known,
                json!({"user_id": "usr_1", "name": null, "role": "recruiter"})
            ),
            known
        );
        let two = |a: &str, b: &str| json!([{"user_id": a, "role": "recruiter"}, {"user_id": b, "role": "recruiter"}]);
        let held = two("usr_1", "usr_2");
        assert_eq!(finer(&held, two("usr_2", "usr_1")), held, "another order");
        let changed = two("usr_2", "usr_3");
        assert_eq!(finer(&held, changed.clone()), changed, "other people");
        let other = json!({"user_id": "usr_2", "name": null});
        assert_eq!(finer(&known, other.clone()), other, "another person");
    }
}
