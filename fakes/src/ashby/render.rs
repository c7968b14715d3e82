//! Records as the vendor shows them. What an oddity changes is decided by the caller.

use serde_json::{Map, Value, json};

use super::ids::{Kind, id};
use super::rows::{Application, Candidate, Stay};
use super::table::Entry;
use super::world::World;

impl World {
    /// A record as lists and `.info` show it.
    pub(crate) fn show(&self, kind: Kind, n: u64) -> Option<Value> {
        match kind {
            Kind::Candidate => {
                let entry = self.candidates.get(n)?;
                Some(self.show_candidate(n, &entry))
            }
            Kind::Application => {
                let entry = self.applications.get(n)?;
                Some(self.show_application(n, &entry))
            }
            Kind::Schedule => {
                let mut shown = self.show_doc(kind, n)?;
                let events = self.table(Kind::Event).children(n);
                let events: Vec<Value> = events
                    .filter_map(|n| self.show_doc(Kind::Event, n).map(Value::Object))
                    .collect();
                shown.insert("interviewEvents".into(), Value::Array(events));
                Some(Value::Object(shown))
            }
            kind => self.show_doc(kind, n).map(Value::Object),
        }
    }

    fn show_doc(&self, kind: Kind, n: u64) -> Option<Map<String, Value>> {
        let entry = self.table(kind).stored(n)?;
        let mut shown = Map::new();
        shown.insert("id".into(), json!(id(kind, n)));
        for (name, value) in &entry.row.fields {
            let value = match name.as_str() {
                "createdAt" => json!(entry.created),
                "updatedAt" => json!(entry.updated),
                _ => value.clone(),
            };
            shown.insert(name.clone(), value);
        }
        Some(shown)
    }

    /// A record inside another one; null if there is none.
    pub(crate) fn embed(&self, kind: Kind, n: Option<u64>) -> Value {
        n.and_then(|n| self.show(kind, n)).unwrap_or(Value::Null)
    }

    fn show_application(&self, n: u64, entry: &Entry<Application>) -> Value {
        let row = &entry.row;
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| {
            shown.insert(name.into(), value);
        };
        put("id", json!(id(Kind::Application, n)));
        put("createdAt", json!(entry.created));
        put("updatedAt", json!(entry.updated));
        if let Some(at) = row.archived_at {
            put("archivedAt", json!(at));
        }
        put("candidate", self.person(row.candidate));
        put("status", json!(self.status(row)));
        put("customFields", json!(row.custom));
        put(
            "currentInterviewStage",
            self.embed(Kind::Stage, Some(row.stage)),
        );
        put("source", self.embed(Kind::Source, row.source));
        put("creditedToUser", self.embed(Kind::User, row.credited));
        put("archiveReason", self.reason(row.reason));
        put("job", self.job_of_application(row.job));
        put(
            "hiringTeam",
            self.field(Kind::Job, row.job, "hiringTeam").clone(),
        );
        let posting = row.posting.map(|n| id(Kind::JobPosting, n));
        put("appliedViaJobPostingId", json!(posting));
        put("submitterClientIp", Value::Null);
        put("submitterUserAgent", Value::Null);
        Value::Object(shown)
    }

    /// The candidate as an application shows it.
    fn person(&self, n: u64) -> Value {
        let Some(entry) = self.candidates.get(n) else {
            return json!({"id": id(Kind::Candidate, n), "name": ""});
        };
        let mut shown = Map::new();
        shown.insert("id".into(), json!(id(Kind::Candidate, n)));
        shown.insert("name".into(), json!(entry.row.name));
        if let Some(email) = entry.row.emails.first() {
            shown.insert("primaryEmailAddress".into(), contact(email, true));
        }
        if let Some(phone) = entry.row.phones.first() {
            shown.insert("primaryPhoneNumber".into(), contact(phone, true));
        }
        Value::Object(shown)
    }

    fn reason(&self, n: Option<u64>) -> Value {
        let mut shown = self.embed(Kind::ArchiveReason, n);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("customFields".into(), json!([]));
        }
        shown
    }

    fn job_of_application(&self, n: u64) -> Value {
        let field = |name: &str| self.field(Kind::Job, n, name);
        json!({
            "id": id(Kind::Job, n),
            "title": field("title"),
            "locationId": field("locationId"),
            "departmentId": field("departmentId"),
            "brandId": field("brandId"),
        })
    }

    fn show_candidate(&self, n: u64, entry: &Entry<Candidate>) -> Value {
        let row = &entry.row;
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| {
            shown.insert(name.into(), value);
        };
        put("id", json!(id(Kind::Candidate, n)));
        put("createdAt", json!(entry.created));
        put("updatedAt", json!(entry.updated));
        put("name", json!(row.name));
        if let Some(email) = row.emails.first() {
            put("primaryEmailAddress", contact(email, true));
        }
        put("emailAddresses", contacts(&row.emails));
        if let Some(phone) = row.phones.first() {
            put("primaryPhoneNumber", contact(phone, true));
        }
        put("phoneNumbers", contacts(&row.phones));
        let links = row.links.iter();
        let links: Vec<Value> = links
            .map(|(kind, url)| json!({"type": kind, "url": url}))
            .collect();
        put("socialLinks", Value::Array(links));
        let tags = row.tags.iter();
        put(
            "tags",
            tags.map(|n| self.embed(Kind::Tag, Some(*n))).collect(),
        );
        for (name, value) in [
            ("position", &row.position),
            ("company", &row.company),
            ("school", &row.school),
        ] {
            if let Some(value) = value {
                put(name, json!(value));
            }
        }
        let applications = row.applications.iter();
        put(
            "applicationIds",
            applications.map(|n| id(Kind::Application, *n)).collect(),
        );
        let file = row.resume.as_ref().map(|name| {
            let handle = format!("made-up-file-{n}");
            json!({"id": id(Kind::Part, n), "name": name, "handle": handle})
        });
        if let Some(file) = &file {
            put("resumeFileHandle", file.clone());
        }
        put("fileHandles", file.into_iter().collect());
        put("customFields", json!(row.custom));
        let url = format!("https://app.ashby.example/candidates/{n}");
        put("profileUrl", json!(url));
        put("source", self.embed(Kind::Source, row.source));
        put("creditedToUser", self.embed(Kind::User, row.credited));
        put("timezone", Value::Null);
        put("fraudStatus", Value::Null);
        Value::Object(shown)
    }

    /// An application's stays, first to last.
    pub(crate) fn show_history(&self, history: &[Stay]) -> Vec<Value> {
        let last = history.len().saturating_sub(1);
        let show = |(at, stay): (usize, &Stay)| {
            let mut shown = json!({
                "id": id(Kind::Stay, stay.n),
                "stageId": id(Kind::Stage, stay.stage),
                "title": self.field(Kind::Stage, stay.stage, "title"),
                "stageNumber": at,
                "enteredStageAt": stay.entered,
            });
            if let (Some(left), Some(shown)) = (stay.left, shown.as_object_mut()) {
                shown.insert("leftStageAt".into(), json!(left));
            }
            shown["allowedActions"] = match at == last {
                true => json!(["set_entered_at"]),
                false => json!(["set_entered_at", "delete"]),
            };
            shown["actorId"] = json!(stay.actor.map(|n| id(Kind::User, n)));
            shown
        };
        history.iter().enumerate().map(show).collect()
    }

    /// An application with its history and file, as `.info` shows it.
    pub(crate) fn show_whole_application(&self, n: u64) -> Option<Value> {
        let entry = self.applications.get(n)?;
        let mut shown = self.show_application(n, &entry);
        if let Some(shown) = shown.as_object_mut() {
            let history = self.show_history(&entry.row.history);
            shown.insert("applicationHistory".into(), Value::Array(history));
        }
        Some(shown)
    }
}

fn contact(value: &str, primary: bool) -> Value {
    json!({"value": value, "type": "Personal", "isPrimary": primary})
}

fn contacts(values: &[String]) -> Value {
    let values = values.iter().enumerate();
    values.map(|(at, value)| contact(value, at == 0)).collect()
}
