//! How postings, requisitions and what hangs on an opportunity look on the wire.

use serde_json::{Value, json};

use super::rows::{Eeo, Feedback, File, Interview, Note, Offer, Posting, Requisition};
use super::show::{Show, secrecy};
use crate::clock::Time;

const RATINGS: [&str; 4] = [
    "1 - Strong No Hire",
    "2 - No Hire",
    "3 - Hire",
    "4 - Strong Hire",
];

impl Show<'_> {
    pub(crate) fn posting(&self, row: &Posting) -> Value {
        let page = format!("https://jobs.example.com/lindenhof/{}", row.id);
        let shown = json!({
            "id": row.id,
            "text": row.text,
            "createdAt": row.created_at.ms(),
            "updatedAt": row.updated_at.ms(),
            "user": row.owner,
            "owner": row.owner,
            "hiringManager": row.hiring_manager,
            "confidentiality": secrecy(row.confidential),
            "categories": {
                "team": row.team,
                "department": row.department,
                "location": row.location,
                "allLocations": [row.location],
                "commitment": row.commitment,
                "level": Value::Null,
            },
            "content": {
                "description": "",
                "descriptionHtml": "",
                "lists": [],
                "closing": "",
                "closingHtml": "",
            },
            "country": "DE",
            "tags": [],
            "state": row.state,
            "distributionChannels": row.channels,
            "reqCode": row.req_code,
            "requisitionCodes": row.req_code.iter().collect::<Vec<_>>(),
            "salaryDescription": Value::Null,
            "urls": {
                "list": "https://jobs.example.com/lindenhof",
                "show": page,
                "apply": format!("{page}/apply"),
            },
            "workplaceType": "hybrid",
        });
        self.worn("postings", shown)
    }

    pub(crate) fn requisition(&self, row: &Requisition) -> Value {
        let mut shown = json!({
            "id": row.id,
            "requisitionCode": row.code,
            "name": row.name,
            "backfill": false,
            "confidentiality": secrecy(row.confidential),
            "createdAt": row.created_at.ms(),
            "creator": row.owner,
            "headcountHired": row.hired,
            "headcountTotal": match row.total {
                Some(total) => json!(total),
                None => json!("unlimited"),
            },
            "status": row.status,
            "hiringManager": row.hiring_manager,
            "owner": row.owner,
            "employmentStatus": "full-time",
            "location": "Leipzig",
            "internalNotes": row.notes,
            "postings": row.postings,
            "offerIds": row.offers,
            "approval": {"steps": []},
            "customFields": {},
            "closedAt": row.closed_at.map(Time::ms),
            "updatedAt": row.updated_at.ms(),
        });
        if !self.published() {
            shown["headcountInfinite"] = json!(row.total.is_none());
        }
        self.worn("requisitions", shown)
    }

    pub(crate) fn note(&self, row: &Note) -> Value {
        let fields = row.fields.iter().map(|field| {
            json!({
                "type": "note",
                "text": "Comment",
                "value": field.value,
                "createdAt": field.created_at.ms(),
                "user": field.user,
                "score": field.score,
                "stage": self.world.stage_id(field.stage),
            })
        });
        let shown = json!({
            "id": row.id,
            "text": "Note",
            "fields": fields.collect::<Value>(),
            "user": row.user,
            "secret": row.secret,
            "completedAt": row.created_at.ms(),
            "createdAt": row.created_at.ms(),
            "deletedAt": row.deleted_at.map(Time::ms),
        });
        self.worn("notes", shown)
    }

    pub(crate) fn interview(&self, row: &Interview) -> Value {
        let user = self.world.users.get(row.interviewer);
        let user = user.as_deref();
        let template = match row.template {
            Some(id) => json!(id),
            None => json!("no-feedback"),
        };
        let forms = self.world.feedback.of(row.opportunity);
        let forms = forms.iter().filter(|form| form.interview == Some(row.id));
        let mut shown = json!({
            "id": row.id,
            "panel": row.panel,
            "subject": "Interview",
            "note": "",
            "interviewers": [{
                "id": row.interviewer,
                "name": user.map(|user| user.name.as_str()),
                "email": user.map(|user| user.email.as_str()),
                "feedbackTemplate": template,
            }],
            "timezone": "Europe/Berlin",
            "createdAt": row.created_at.ms(),
            "date": row.date.ms(),
            "duration": row.minutes,
            "location": "Leipzig",
            "feedbackTemplate": template,
            "feedbackForms": forms.map(|form| form.id).collect::<Vec<_>>(),
            "feedbackReminder": "once",
            "user": row.interviewer,
            "stage": self.world.stage_id(row.stage),
            "canceledAt": row.canceled_at.map(Time::ms),
            "postings": row.posting.iter().collect::<Vec<_>>(),
        });
        if !self.published() {
            shown["gcalEventUrl"] = Value::Null;
            shown["opportunityId"] = json!(row.opportunity);
        }
        self.worn("interviews", shown)
    }

    /// One panel per interview is all this fake has.
    pub(crate) fn panel(&self, row: &Interview) -> Value {
        let minutes = i64::try_from(row.minutes).unwrap_or_default();
        let shown = json!({
            "id": row.panel,
            "canceledAt": row.canceled_at.map(Time::ms),
            "createdAt": row.created_at.ms(),
            "start": row.date.ms(),
            "end": row.date.plus_secs(60 * minutes).ms(),
            "timezone": "Europe/Berlin",
            "externallyManaged": false,
            "interviews": [self.interview(row)],
            "note": "",
            "stage": self.world.stage_id(row.stage),
            "user": row.interviewer,
        });
        self.worn("panels", shown)
    }

    pub(crate) fn feedback(&self, row: &Feedback) -> Value {
        let rating = RATINGS.get(row.rating.saturating_sub(1) as usize);
        let options = RATINGS.map(|text| json!({"text": text}));
        let shown = json!({
            "id": row.id,
            "type": "interview",
            "text": "Interview feedback",
            "instructions": "",
            "fields": [
                {
                    "type": "score-system",
                    "text": "Rating",
                    "description": "",
                    "required": true,
                    "value": rating,
                    "options": options,
                },
                {
                    "type": "scorecard",
                    "text": "Skills",
                    "description": "",
                    "required": false,
                    "value": [{"text": "Craft", "score": row.rating, "comment": ""}],
                },
                {
                    "type": "textarea",
                    "text": "Comments",
                    "description": "",
                    "required": false,
                    "value": row.comment,
                },
            ],
            "baseTemplateId": Value::Null,
            "interview": row.interview,
            "panel": row.panel,
            "user": row.user,
            "createdAt": row.created_at.ms(),
            "updatedAt": row.updated_at.map(Time::ms),
            "completedAt": row.completed_at.map(Time::ms),
            "deletedAt": row.deleted_at.map(Time::ms),
        });
        self.worn("feedback", shown)
    }

    pub(crate) fn offer(&self, row: &Offer) -> Value {
        let posting = row.posting.and_then(|id| self.world.postings.get(id));
        let field = |text: &str, identifier: &str, value: Value| json!({"text": text, "identifier": identifier, "value": value});
        let document = |at: Option<Time>, status: &str| {
            at.map(|at| {
                json!({
                    "fileName": format!("offer-{status}.pdf"),
                    "uploadedAt": at.ms(),
                    "downloadUrl": format!(
                        "https://api.example.com/v1/opportunities/{}/offers/{}/download?status={status}",
                        row.opportunity, row.id,
                    ),
                })
            })
        };
        let shown = json!({
            "id": row.id,
            "createdAt": row.created_at.ms(),
            "status": row.status,
            "creator": row.creator,
            "fields": [
                field("Job posting", "job_posting", json!(row.posting)),
                field("Job title", "job_title", json!(posting.as_ref().map(|is| &is.text))),
                field("Offered compensation amount", "salary_amount", json!(row.salary)),
                field("Compensation currency", "compensation_currency", json!("EUR")),
                field("Type of earnings", "salary_interval", json!("per-year-salary")),
                field(
                    "Anticipated start date",
                    "anticipated_start_date",
                    json!(row.starts_on.ms()),
                ),
            ],
            "sentDocument": document(row.sent_at, "sent"),
            "signedDocument": document(row.signed_at, "signed"),
        });
        self.worn("offers", shown)
    }

    pub(crate) fn file(&self, row: &File) -> Value {
        let (name, ext) = match row.name.rsplit_once('.') {
            Some((_, ext)) => (&row.name, format!(".{ext}")),
            None => (&row.name, String::new()),
        };
        let kind = if row.resume { "resumes" } else { "files" };
        let url = format!(
            "https://hire.example.com/opportunities/{}/{kind}/{}/download",
            row.opportunity, row.id
        );
        let (uploaded, bytes) = match self.published() {
            true => (
                json!(row.uploaded_at.ms().to_string()),
                json!(row.bytes.to_string()),
            ),
            false => (json!(row.uploaded_at.ms()), json!(row.bytes)),
        };
        let status = if row.broken { "error" } else { "processed" };
        let shown = match row.resume {
            true => json!({
                "id": row.id,
                "createdAt": row.uploaded_at.ms(),
                "file": {
                    "name": name,
                    "ext": ext,
                    "downloadUrl": url,
                    "uploadedAt": uploaded,
                    "status": status,
                    "size": bytes,
                },
            }),
            false => json!({
                "id": row.id,
                "downloadUrl": url,
                "ext": ext,
                "name": name,
                "uploadedAt": uploaded,
                "status": status,
                "size": bytes,
            }),
        };
        self.worn(kind, shown)
    }

    /// Without the ids that lead to somebody, unless they are asked for.
    pub(crate) fn eeo(&self, row: &Eeo, with_person: bool) -> Value {
        let mut shown = json!({
            "id": row.id,
            "posting": row.posting,
            "createdAt": row.created_at.ms(),
        });
        for (question, answer) in &row.answers {
            shown[*question] = json!(answer);
        }
        if with_person {
            let spelling = match self.published() {
                true => "opportunityID",
                false => "opportunityId",
            };
            shown[spelling] = json!(row.opportunity);
            shown["applicationId"] = json!(row.application);
            shown["appliedAt"] = match self.published() {
                true => json!(row.created_at.ms().to_string()),
                false => json!(row.created_at.ms()),
            };
        }
        self.worn("eeo", shown)
    }
}
