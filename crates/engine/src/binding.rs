//! What a flow may read about one event: the roots of its scope, made from records of the mirror. A field that the mirror does not
//! hold is left out, so that "missing" and "empty" stay two things. Loads nothing: it says which records it needs.

use crate::flow::file::Flow;
use serde_json::{Map, Value, json};
use stagewire_model::{Entity, Event, RecordId};
use stagewire_store::RecordRow;
use std::collections::BTreeMap;

/// A record that must be loaded before the scope can be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// The record of that id.
    Record([u8; 16]),
    /// Records of that entity about a person.
    Related([u8; 16], Entity),
}

/// Where records come from while binding.
pub trait Records {
    /// `Some(None)`: it was looked for and is not there; `None`: not looked for yet.
    fn get(&self, id: &[u8; 16]) -> Option<Option<&RecordRow>>;
    /// Which remote record an id stands for, where that is known though we do not hold it.
    fn remote_of(&self, _id: &[u8; 16]) -> Option<(Entity, String)> {
        None
    }
    /// Records of that entity about a person, newest first; `None`: not looked for yet.
    fn related(&self, person: &[u8; 16], entity: Entity) -> Option<Vec<&RecordRow>>;
}

/// A scope, and what goes with it.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// The roots.
    pub data: Value,
    /// Remote ids by entity, for rendering.
    pub remote: BTreeMap<String, String>,
    /// The person.
    pub person: Option<[u8; 16]>,
    /// The records of the guards: application, candidate, job.
    pub application: Option<Map<String, Value>>,
    /// See `application`.
    pub candidate: Option<Map<String, Value>>,
    /// See `application`.
    pub job: Option<Map<String, Value>>,
    /// The revisions it was made from.
    pub facts: Vec<([u8; 16], i64)>,
    /// Which remote record stands behind a root, for reads that complete it.
    pub behind: BTreeMap<String, (Entity, String)>,
}

impl Bound {
    /// With the installation's variables, which stand before those of a flow's own file.
    #[must_use]
    pub fn with_vars(mut self, vars: &Map<String, Value>) -> Bound {
        if !vars.is_empty()
            && let Value::Object(roots) = &mut self.data
        {
            roots.insert("vars".into(), Value::Object(vars.clone()));
        }
        self
    }
}

struct Binder<'a> {
    records: &'a dyn Records,
    needs: Vec<Need>,
    bound: Bound,
    roots: Map<String, Value>,
}

/// Makes the scope of an event; `roots` limits it to what a flow reads (`None` = all).
///
/// # Errors
/// The records that must be loaded first.
pub fn bind(
    event: &Event,
    subject: (Entity, [u8; 16]),
    conn: (&str, &str, &str),
    roots: Option<&[&str]>,
    records: &dyn Records,
) -> Result<Bound, Vec<Need>> {
    let mut b = Binder {
        records,
        needs: Vec::new(),
        bound: Bound::default(),
        roots: Map::new(),
    };
    b.roots.insert("event".into(), event_root(event));
    b.roots.insert(
        "connection".into(),
        json!({"id": conn.0, "connector": conn.1, "owner": conn.2}),
    );
    let wants = |root: &str| roots.is_none_or(|r| r.contains(&root));
    b.subject(event, subject, &wants);
    if !b.needs.is_empty() {
        b.needs.sort();
        b.needs.dedup();
        return Err(b.needs);
    }
    b.bound.data = Value::Object(b.roots);
    Ok(b.bound)
}

/// The roots a flow reads.
pub fn roots_of(flow: &Flow) -> Vec<&str> {
    flow.reads().iter().map(|p| p.root.as_str()).collect()
}

impl Binder<'_> {
    fn record(&mut self, id: [u8; 16]) -> Option<RecordRow> {
        match self.records.get(&id) {
            Some(found) => found.cloned(),
            None => {
                self.needs.push(Need::Record(id));
                None
            }
        }
    }

    fn by_text(&mut self, text: Option<&Value>) -> Option<RecordRow> {
        let (_, id) = RecordId::parse(text?.as_str()?)?;
        self.record(id.0)
    }

    /// The record of an id as a root; one that we do not hold may still be read.
    fn put_by_id(&mut self, root: &str, id: Option<&Value>) {
        if let Some(record) = self.by_text(id) {
            return self.put(root, &record);
        }
        let parsed = id.and_then(Value::as_str).and_then(RecordId::parse);
        if let Some(remote) = parsed.and_then(|(_, id)| self.records.remote_of(&id.0)) {
            self.bound.behind.insert(root.to_owned(), remote);
        }
    }

    fn put(&mut self, root: &str, record: &RecordRow) {
        let value = self.view(record);
        self.roots.insert(root.to_owned(), value);
        self.bound.facts.push((record.id16, record.revision));
        self.bound
            .behind
            .insert(root.to_owned(), (record.entity, record.remote_id.clone()));
        self.bound
            .remote
            .entry(record.entity.name().to_owned())
            .or_insert_with(|| record.remote_id.clone());
    }

    fn subject(
        &mut self,
        event: &Event,
        (entity, id): (Entity, [u8; 16]),
        wants: &dyn Fn(&str) -> bool,
    ) {
        let Some(subject) = self.record(id) else {
            return;
        };
        match entity {
            Entity::Candidate => self.candidate(&subject, wants),
            Entity::Job => self.job(&subject, wants),
            Entity::Application => self.application(event, &subject, wants),
            _ => {
                let root = match entity {
                    Entity::JobStage => "stage",
                    other => other.name(),
                };
                self.put(root, &subject);
                if let Some(app) = self.by_text(subject.fields.get("application_id")) {
                    self.application(event, &app, wants);
                } else if let Some(job) = self.by_text(subject.fields.get("job_id")) {
                    self.job(&job, wants);
                }
            }
        }
    }

    fn application(&mut self, event: &Event, app: &RecordRow, wants: &dyn Fn(&str) -> bool) {
        self.put("application", app);
        self.bound.application = Some(app.fields.clone());
        match self.by_text(app.fields.get("candidate_id")) {
            Some(candidate) => self.candidate(&candidate, wants),
            None => self.put_by_id("candidate", app.fields.get("candidate_id")),
        }
        match app.fields.get("job_id") {
            Some(Value::Null) => drop(self.roots.insert("job".into(), Value::Null)),
            id => match self.by_text(id) {
                Some(job) => self.job(&job, wants),
                None => self.put_by_id("job", id),
            },
        }
        let told = |under: &str| event.data.get(under).and_then(|p| p.get("stage_id"));
        let now = told("current")
            .or_else(|| app.fields.get("stage_id"))
            .cloned();
        for (root, id) in [
            ("stage", now),
            ("previous_stage", told("previous").cloned()),
        ] {
            if wants(root) {
                self.linked(root, id.as_ref());
            }
        }
        for (root, field) in [
            ("source", "source_id"),
            ("reject_reason", "reject_reason_id"),
        ] {
            if wants(root) {
                self.linked(root, app.fields.get(field));
            }
        }
        if wants("recruiter") {
            self.person("recruiter", app.fields.get("recruiter").cloned());
        }
        for (root, entity) in [
            ("offer", Entity::Offer),
            ("interview", Entity::Interview),
            ("scorecard", Entity::Scorecard),
        ] {
            if wants(root) && !self.roots.contains_key(root) {
                self.newest(root, entity, app);
            }
        }
    }

    /// A root behind an id field: known and empty where the id is.
    fn linked(&mut self, root: &str, id: Option<&Value>) {
        match id {
            Some(Value::Null) => drop(self.roots.insert(root.into(), Value::Null)),
            id => self.put_by_id(root, id),
        }
    }

    /// The newest active one that belongs to the application.
    fn newest(&mut self, root: &str, entity: Entity, app: &RecordRow) {
        let Some(person) = app.person else { return };
        let text = RecordId(app.id16).text(Entity::Application);
        let Some(found) = self.records.related(&person, entity) else {
            self.needs.push(Need::Related(person, entity));
            return;
        };
        let mine = found
            .into_iter()
            .find(|r| {
                r.deleted_at.is_none()
                    && r.fields.get("application_id").and_then(Value::as_str) == Some(&text)
            })
            .cloned();
        if let Some(record) = mine {
            self.put(root, &record);
        }
    }

    fn candidate(&mut self, candidate: &RecordRow, wants: &dyn Fn(&str) -> bool) {
        self.put("candidate", candidate);
        self.bound.candidate = Some(candidate.fields.clone());
        self.bound.person = Some(candidate.id16);
        if wants("candidate")
            && (candidate.fields.contains_key("tag_ids") || candidate.fields.contains_key("tags"))
        {
            let tags: Vec<Value> = candidate
                .fields
                .get("tag_ids")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let mut names: Vec<Value> = tags
                .iter()
                .filter_map(|t| self.by_text(Some(t)))
                .filter_map(|r| r.fields.get("name").cloned())
                .collect();
            names.extend(
                candidate
                    .fields
                    .get("tags")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default(),
            );
            if let Some(Value::Object(c)) = self.roots.get_mut("candidate") {
                c.insert("tags".into(), Value::Array(names));
            }
        }
        if wants("source")
            && !self.roots.contains_key("source")
            && let Some(r) = self.by_text(candidate.fields.get("source_id"))
        {
            self.put("source", &r);
        }
    }

    fn job(&mut self, job: &RecordRow, wants: &dyn Fn(&str) -> bool) {
        self.put("job", job);
        self.bound.job = Some(job.fields.clone());
        for (root, field) in [("department", "department_ids"), ("office", "office_ids")] {
            if wants(root)
                && let Some(list) = job.fields.get(field).and_then(Value::as_array).cloned()
            {
                match list.first() {
                    None => drop(self.roots.insert(root.into(), Value::Null)),
                    first => {
                        if let Some(r) = self.by_text(first) {
                            self.put(root, &r);
                        }
                    }
                }
            }
        }
        let team = job
            .fields
            .get("hiring_team")
            .and_then(Value::as_array)
            .cloned();
        for role in ["hiring_manager", "recruiter"] {
            let Some(team) = &team else { continue };
            let of_role = team
                .iter()
                .find(|p| p.get("role").and_then(Value::as_str) == Some(role))
                .cloned()
                .unwrap_or(Value::Null);
            if let Some(Value::Object(j)) = self.roots.get_mut("job") {
                j.insert(role.into(), of_role.clone());
            }
            if wants(role) && !self.roots.contains_key(role) {
                self.person(role, Some(of_role));
            }
        }
    }

    /// A person reference, filled from the user it names.
    fn person(&mut self, root: &str, reference: Option<Value>) {
        let Some(mut reference) = reference else {
            return;
        };
        if let Value::Object(p) = &mut reference
            && let Some(user) = self.by_text(p.get("user_id"))
        {
            for (field, from) in [("name", "full_name"), ("email", "email")] {
                if p.get(field).is_none_or(Value::is_null)
                    && let Some(v) = user.fields.get(from)
                {
                    p.insert(field.into(), v.clone());
                }
            }
        }
        self.roots.insert(root.to_owned(), reference);
    }

    /// A record as flows see it: its fields, its envelope, and what is worked out from lists.
    fn view(&self, r: &RecordRow) -> Value {
        let mut out: Map<String, Value> = r
            .fields
            .iter()
            .filter(|(k, _)| *k != "extra" && *k != "parts" && *k != "meta" && *k != "tags")
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        out.insert("id".into(), json!(RecordId(r.id16).text(r.entity)));
        out.insert("remote_id".into(), json!(r.remote_id));
        out.insert("connection".into(), json!(r.conn));
        out.insert("revision".into(), json!(r.revision));
        if let Some(list) = r.fields.get("custom_fields").and_then(Value::as_array) {
            let custom: Map<String, Value> = list
                .iter()
                .filter_map(|f| {
                    Some((
                        f.get("key")?.as_str()?.to_owned(),
                        f.get("value").cloned().unwrap_or(Value::Null),
                    ))
                })
                .collect();
            out.insert("custom".into(), Value::Object(custom));
        }
        if let Some(list) = r.fields.get("answers").and_then(Value::as_array) {
            let key = |a: &Value| {
                a.get("question_id")
                    .and_then(Value::as_str)
                    .or_else(|| a.get("question_text").and_then(Value::as_str))
                    .map(str::to_owned)
            };
            let answer: Map<String, Value> = list
                .iter()
                .filter_map(|a| Some((key(a)?, a.get("value").cloned().unwrap_or(Value::Null))))
                .collect();
            out.insert("answer".into(), Value::Object(answer));
        }
        for (derived, list) in [("email", "emails"), ("phone", "phones")] {
            if let Some(items) = r.fields.get(list).and_then(Value::as_array) {
                let primary = items
                    .iter()
                    .find(|e| e.get("primary").and_then(Value::as_bool) == Some(true))
                    .or(items.first());
                out.insert(
                    derived.into(),
                    primary
                        .and_then(|e| e.get("value"))
                        .cloned()
                        .unwrap_or(Value::Null),
                );
            }
        }
        Value::Object(out)
    }
}

fn event_root(event: &Event) -> Value {
    let envelope = event.cloud_event();
    let mut out = Map::new();
    for key in [
        "id",
        "type",
        "source",
        "subject",
        "time",
        "observedat",
        "partitionkey",
        "sequence",
    ] {
        out.insert(key.into(), envelope[key].clone());
    }
    for key in [
        "late", "evidence", "changed", "previous", "current", "since", "due", "missed", "count",
        "group",
    ] {
        out.insert(
            key.into(),
            event.data.get(key).cloned().unwrap_or(Value::Null),
        );
    }
    out.insert(
        "origin".into(),
        event
            .data
            .get("cause")
            .and_then(|c| c.get("origin"))
            .cloned()
            .unwrap_or(Value::Null),
    );
    Value::Object(out)
}
