//! How opportunities, and what they point to, look on the wire: subtractive `include`, `expand`, and
//! the shapes in which the vendor's texts and its recorded answers disagree.

use serde_json::{Value, json};

use super::id::Id;
use super::options::Shapes;
use super::rows::{Application, Contact, Opportunity, Reason, StageNo, User};
use super::world::{Refused, World, invalid};
use crate::clock::Time;
use crate::control::Drift;

/// What `expand` may name on opportunities.
const EXPANDABLE: [&str; 6] = [
    "applications",
    "stage",
    "owner",
    "followers",
    "sourcedBy",
    "contact",
];

/// What a request wants to see of each row.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) include: Vec<String>,
    pub(crate) expand: Vec<String>,
}

impl View {
    /// `expand` overrides `include`; a name that cannot be expanded is refused.
    pub(crate) fn new(include: Vec<String>, expand: Vec<String>) -> Result<Self, Refused> {
        let mut names = expand.iter();
        let wrong = names.find(|name| !EXPANDABLE.contains(&name.as_str()));
        if let Some(name) = wrong {
            return Err(invalid(format!("{name} cannot be expanded")));
        }
        let include = if expand.is_empty() {
            include
        } else {
            Vec::new()
        };
        Ok(View { include, expand })
    }

    fn expands(&self, name: &str) -> bool {
        self.expand.iter().any(|have| have == name)
    }

    /// Naming any field drops all the others.
    pub(crate) fn narrow(&self, mut row: Value) -> Value {
        if let Some(fields) = row.as_object_mut().filter(|_| !self.include.is_empty()) {
            fields.retain(|name, _| self.include.contains(name));
        }
        row
    }
}

/// What rows are shown with.
pub(crate) struct Show<'a> {
    pub(crate) world: &'a World,
    pub(crate) drifts: &'a [Drift],
    pub(crate) shapes: Shapes,
}

impl Show<'_> {
    pub(crate) fn published(&self) -> bool {
        self.shapes == Shapes::Published
    }

    /// Applies what was armed to break this shape.
    pub(crate) fn worn(&self, entity: &str, mut row: Value) -> Value {
        for drift in self.drifts {
            drift.apply(entity, &mut row);
        }
        row
    }

    pub(crate) fn opportunity(&self, row: &Opportunity, view: &View, in_list: bool) -> Value {
        let contact = self.world.contacts.get(row.contact);
        let contact = contact.as_deref();
        let users = |ids: &[Id]| -> Value {
            match view.expands("followers") {
                true => ids.iter().map(|id| self.user_at(Some(*id))).collect(),
                false => json!(ids),
            }
        };
        let user = |name: &str, id: Option<Id>| match view.expands(name) {
            true => self.user_at(id),
            false => json!(id),
        };
        let mut shown = json!({
            "id": row.id,
            "name": contact.map_or("", |is| is.name.as_str()),
            "headline": contact.map_or("", |is| is.headline.as_str()),
            "contact": match (view.expands("contact"), contact) {
                (true, Some(contact)) => self.contact(contact),
                _ => json!(row.contact),
            },
            "emails": contact.map_or(&[][..], |is| &is.emails),
            "phones": contact.map_or_else(Vec::new, |is| phones(is, false)),
            "confidentiality": secrecy(row.confidential),
            "location": contact.and_then(|is| is.location.as_deref()).unwrap_or(""),
            "links": row.links,
            "createdAt": row.created_at.ms(),
            "updatedAt": row.updated_at.map(Time::ms),
            "lastInteractionAt": row.last_interaction_at.ms(),
            "lastAdvancedAt": row.last_advanced_at.map(Time::ms),
            "snoozedUntil": row.snoozed_until.map(Time::ms),
            "archived": row.archived.map(|is| json!({
                "reason": is.reason,
                "archivedAt": is.at.ms(),
            })),
            "stage": match view.expands("stage") {
                true => self.stage(row.stage),
                false => json!(self.world.stage_id(row.stage)),
            },
            "stageChanges": row.stage_changes.iter().map(|change| json!({
                "toStageId": self.world.stage_id(change.to),
                "toStageIndex": change.to,
                "updatedAt": change.at.ms(),
                "userId": change.by,
            })).collect::<Value>(),
            "owner": user("owner", row.owner),
            "tags": row.tags,
            "sources": row.sources,
            "origin": row.origin,
            "sourcedBy": user("sourcedBy", row.sourced_by),
            "applications": row.application.iter().map(|is| match view.expands("applications") {
                true => self.application(row, is),
                false => json!(is.id),
            }).collect::<Value>(),
            "resume": self.world.files.of(row.id).iter()
                .find(|file| file.resume)
                .map(|file| file.id),
            "followers": users(&row.followers),
            "urls": {
                "list": "https://hire.example.com/candidates",
                "show": format!("https://hire.example.com/candidates/{}", row.id),
            },
            "dataProtection": Value::Null,
            "isAnonymized": contact.is_some_and(|is| is.anonymized),
        });
        if self.published() && in_list {
            published_list(row, &mut shown);
        }
        view.narrow(self.worn("opportunities", shown))
    }

    pub(crate) fn application(&self, row: &Opportunity, is: &Application) -> Value {
        let contact = self.world.contacts.get(row.contact);
        let contact = contact.as_deref();
        let posting = self.world.postings.get(is.posting);
        let posting = posting.as_deref();
        let requisition = is
            .requisition
            .and_then(|id| self.world.requisitions.get(id));
        let shown = json!({
            "id": is.id,
            "opportunityId": row.id,
            "candidateId": row.candidate,
            "createdAt": is.created_at.ms(),
            "type": is.kind,
            "posting": is.posting,
            "postingOwner": posting.and_then(|is| is.owner),
            "postingHiringManager": posting.and_then(|is| is.hiring_manager),
            "user": is.user,
            "name": contact.map_or("", |is| is.name.as_str()),
            "email": contact.and_then(|is| is.emails.first()),
            "phone": contact.and_then(|is| phones(is, true).into_iter().next()),
            "archived": row.archived.map(|is| json!({
                "reason": is.reason,
                "archivedAt": is.at.ms(),
            })),
            "requisitionForHire": requisition.map(|is| json!({
                "id": is.id,
                "requisitionCode": is.code,
                "hiringManagerOnHire": is.hiring_manager,
            })),
            "ownerId": row.owner,
            "hiringManager": posting.and_then(|is| is.hiring_manager),
            "company": Value::Null,
            "links": row.links,
            "comments": Value::Null,
            "customQuestions": [],
        });
        self.worn("applications", shown)
    }

    pub(crate) fn contact(&self, row: &Contact) -> Value {
        let shown = json!({
            "id": row.id,
            "name": row.name,
            "headline": row.headline,
            "isAnonymized": row.anonymized,
            "location": {"name": row.location.as_deref().unwrap_or("")},
            "emails": row.emails,
            "phones": phones(row, true),
        });
        self.worn("contacts", shown)
    }

    pub(crate) fn stage(&self, no: StageNo) -> Value {
        let stage = self.world.stages.get(no);
        let shown = stage.map(|stage| json!({"id": stage.id, "text": stage.text}));
        self.worn("stages", shown.unwrap_or_default())
    }

    pub(crate) fn disposition_stage(&self, no: StageNo) -> Value {
        let stage = self.world.stages.get(no);
        let shown = stage.map(|stage| {
            json!({
                "id": stage.id,
                "text": stage.text,
                "pipeline": stage.pipeline,
                "rank": no,
            })
        });
        self.worn("disposition_stages", shown.unwrap_or_default())
    }

    pub(crate) fn reason(&self, row: &Reason) -> Value {
        let shown = json!({
            "id": row.id,
            "text": row.text,
            "status": if row.active { "active" } else { "inactive" },
            "type": if row.hired { "hired" } else { "non-hired" },
        });
        self.worn("archive_reasons", shown)
    }

    pub(crate) fn user(&self, row: &User) -> Value {
        let shown = json!({
            "id": row.id,
            "name": row.name,
            "username": row.email.split('@').next(),
            "email": row.email,
            "createdAt": row.created_at.ms(),
            "deactivatedAt": row.deactivated_at.map(Time::ms),
            "externalDirectoryId": Value::Null,
            "accessRole": row.role,
            "photo": Value::Null,
            "linkedContactIds": Value::Null,
            "jobTitle": row.job_title,
            "managerId": row.manager,
        });
        self.worn("users", shown)
    }

    fn user_at(&self, id: Option<Id>) -> Value {
        let user = id.and_then(|id| self.world.users.get(id));
        user.map_or(Value::Null, |user| self.user(&user))
    }
}

pub(crate) fn secrecy(confidential: bool) -> &'static str {
    match confidential {
        true => "confidential",
        false => "non-confidential",
    }
}

/// A phone without a type shows as null, or without the field.
fn phones(contact: &Contact, with_null: bool) -> Vec<Value> {
    let phones = contact.phones.iter();
    let shown = phones.map(|phone| match &phone.kind {
        None if !with_null => json!({"value": phone.value}),
        kind => json!({"type": kind, "value": phone.value}),
    });
    shown.collect()
}

/// Lists as published: the archive's fields stand alone, and old rows lack what is newer than they.
fn published_list(row: &Opportunity, shown: &mut Value) {
    let Some(fields) = shown.as_object_mut() else {
        return;
    };
    fields.shift_remove("archived");
    let at = row.archived.map(|is| is.at.ms());
    fields.insert("archivedAt".into(), json!(at));
    let reason = row.archived.map(|is| is.reason);
    fields.insert("archiveReason".into(), json!(reason));
    if row.updated_at.is_none() {
        for newer in ["updatedAt", "urls", "stageChanges", "confidentiality"] {
            fields.shift_remove(newer);
        }
    }
}

/// As the answers of most writes show somebody: the change is right, the person is blank.
pub(crate) fn blanked(mut row: Value) -> Value {
    if let Some(fields) = row.as_object_mut() {
        for name in ["name", "headline"] {
            fields.insert(name.into(), json!(""));
        }
        for name in ["emails", "phones", "links"] {
            fields.insert(name.into(), json!([]));
        }
    }
    row
}
