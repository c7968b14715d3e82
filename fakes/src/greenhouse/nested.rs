//! Webhook payloads: the vendor's older, nested shape of the same records, with times in whole
//! seconds. Nothing here is read from the newer, flat shape.

use serde_json::{Map, Value, json};

use super::company_rows::{Job, JobInterviewStage};
use super::people_rows::{Application, Candidate, Contact, Offer};
use super::world::World;
use crate::clock::Time;

/// Small differences between the payloads of different actions.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// How a source's name is called: `name` in two payloads, `public_name` in the others.
    source_name: &'static str,
    /// Jobs carry `url` and `hiring_team`, the application `prospect_detail`.
    detailed: bool,
}

pub(crate) const NEW: Manner = Manner {
    source_name: "name",
    detailed: true,
};
pub(crate) const STAGE: Manner = Manner {
    source_name: "name",
    detailed: false,
};
pub(crate) const OTHER: Manner = Manner {
    source_name: "public_name",
    detailed: false,
};

fn secs(at: Option<Time>) -> Value {
    at.map_or(Value::Null, |at| json!(at.to_seconds_text()))
}

impl World {
    /// `{"application": …}` as most events about an application carry it.
    pub(crate) fn nested_application(&self, app: &Application, manner: Manner) -> Value {
        let mut root = json!({
            "id": app.id,
            "rejected_at": secs(app.rejected_at),
            "prospect": app.prospect,
            "status": old_status(&app.status),
            "applied_at": app.created_at.to_seconds_text(),
            "last_activity_at": secs(app.last_activity_at),
            "url": self.person_url(app.candidate_id, Some(app.id)),
            "source": self.nested_source(app.source_id, manner),
            "credited_to": self.nested_credit(app.referrer_id),
            "rejection_reason": self.nested_reason(app),
            "rejection_details": match app.status.as_str() {
                "rejected" => json!({"custom_fields": {}}),
                _ => Value::Null,
            },
            "current_stage": self.current_stage(app).map(|stage| self.nested_stage(app, &stage)),
        });
        if manner.detailed {
            root["prospect_detail"] =
                json!({"prospect_pool": null, "prospect_stage": null, "prospect_owner": null});
        }
        root["custom_fields"] = json!(app.custom_fields);
        root["candidate"] = match self.candidates.get(app.candidate_id) {
            Some(candidate) => self.nested_candidate(&candidate),
            None => Value::Null,
        };
        root["jobs"] = self.nested_jobs(app, manner);
        json!({"application": root})
    }

    /// The payload of a hire: no status, no stage, no last activity, but the offer.
    pub(crate) fn nested_hire(&self, app: &Application) -> Value {
        let opening = self
            .openings
            .iter()
            .find(|opening| opening.application_id == Some(app.id));
        let job = app.job_id.and_then(|id| self.jobs.get(id));
        let old_job = job.map(|job| {
            let mut old = self.nested_job(&job, OTHER);
            if let Some(fields) = old.as_object_mut() {
                fields.retain(|name, _| {
                    matches!(
                        name.as_str(),
                        "id" | "name"
                            | "requisition_id"
                            | "departments"
                            | "offices"
                            | "custom_fields"
                    )
                });
                fields.insert("open_date".into(), secs(job.opened_at));
                fields.insert("close_date".into(), secs(job.closed_at));
            }
            old
        });
        json!({"application": {
            "id": app.id,
            "opening": opening.map(|opening| json!({
                "opening_id": opening.opening_id,
                "custom_fields": [],
            })),
            "credited_to": self.nested_credit(app.referrer_id),
            "source": self.nested_source(app.source_id, OTHER),
            "url": self.person_url(app.candidate_id, Some(app.id)),
            "candidate": self.candidates.get(app.candidate_id).map(|row| self.nested_candidate(&row)),
            "job": old_job,
            "jobs": self.nested_jobs(app, OTHER),
            "custom_fields": app.custom_fields,
            "offer": self.current_offer(app.id).map(|offer| json!({
                "id": offer.id,
                "version": offer.version,
                "created_at": offer.created_at.to_seconds_text(),
                "sent_at": offer.sent_on,
                "resolved_at": secs(offer.resolved_at),
                "starts_at": offer.starts_on,
                "custom_fields": offer.custom_fields,
            })),
        }})
    }

    /// The short form of a deleted application.
    pub(crate) fn nested_deleted_application(&self, app: &Application) -> Value {
        let detail = self.rejection_of(app.id);
        json!({"application": {
            "id": app.id,
            "candidate_id": app.candidate_id,
            "job_id": app.job_id,
            "created_at": app.created_at.to_seconds_text(),
            "source_id": app.source_id,
            "candidate_rejection_reason_id": detail.and_then(|row| row.rejection_reason_id),
            "rejection_note_id": detail.and_then(|row| row.rejection_note_id),
            "rejected_at": secs(app.rejected_at),
            "referrer_id": app.referrer_id,
            "prospect": app.prospect,
            "rejected_by_user_id": detail.and_then(|row| row.rejected_by_id),
        }})
    }

    /// A removed candidate: `person`, with what went along or who it became.
    pub(crate) fn nested_person(&self, candidate: &Candidate, extra: (&str, Value)) -> Value {
        let mut person = json!({
            "id": candidate.id,
            "first_name": candidate.first_name,
            "last_name": candidate.last_name,
            "company": candidate.company,
            "title": candidate.title,
            "created_at": candidate.created_at.to_seconds_text(),
            "headline": null,
            "is_private": candidate.private.unwrap_or(false),
            "recruiter_user_id": candidate._recruiter_id,
            "coordinator_user_id": candidate._coordinator_id,
            "can_email": candidate.can_email,
        });
        person[extra.0] = extra.1;
        json!({"person": person})
    }

    pub(crate) fn nested_candidate(&self, candidate: &Candidate) -> Value {
        json!({
            "id": candidate.id,
            "first_name": candidate.first_name,
            "last_name": candidate.last_name,
            "title": candidate.title,
            "company": candidate.company,
            "created_at": candidate.created_at.to_seconds_text(),
            "external_id": null,
            "photo_url": null,
            "url": self.person_url(candidate.id, None),
            "is_private": candidate.private.unwrap_or(false),
            "can_email": candidate.can_email,
            "phone_numbers": contacts(&candidate.phone_numbers),
            "email_addresses": contacts(&candidate.email_addresses),
            "addresses": contacts(&candidate.addresses),
            "website_addresses": contacts(&candidate.website_addresses),
            "social_media_addresses": contacts(&candidate.social_media_addresses),
            "educations": [],
            "employments": [],
            "recruiter": self.nested_user(candidate._recruiter_id),
            "coordinator": self.nested_user(candidate._coordinator_id),
            "attachments": [{
                "filename": "resume.pdf",
                "url": format!("https://files.example.com/{}/resume.pdf", candidate.id),
                "type": "resume",
            }],
            "tags": candidate.tags,
            "custom_fields": candidate.custom_fields,
        })
    }

    pub(crate) fn nested_job(&self, job: &Job, manner: Manner) -> Value {
        let post = self.job_posts.iter().find(|post| post.job_id == job.id);
        let mut root = json!({
            "id": job.id,
            "name": job.name,
            "requisition_id": job.requisition_id,
            "notes": job.notes,
            "confidential": job.confidential,
            "job_post_id": post.map(|post| post.id),
            "status": job.status,
            "created_by_id": job._created_by_id,
            "created_at": job.created_at.to_seconds_text(),
            "opened_at": secs(job.opened_at),
            "closed_at": secs(job.closed_at),
        });
        if manner.detailed {
            root["url"] = json!(format!("https://app.example.com/sdash/{}", job.id));
        }
        let departments = job.department_id.and_then(|id| self.departments.get(id));
        root["departments"] = departments
            .iter()
            .map(|row| json!({"id": row.id, "name": row.name, "external_id": row.external_id}))
            .collect();
        let offices = job.office_ids.iter().filter_map(|id| self.offices.get(*id));
        root["offices"] = offices
            .map(|row| {
                json!({"id": row.id, "name": row.name, "location": row.location,
                       "external_id": row.external_id})
            })
            .collect();
        if manner.detailed {
            root["hiring_team"] = self.nested_team(job.id);
        }
        root["custom_fields"] = json!(job.custom_fields);
        root
    }

    pub(crate) fn nested_team(&self, job_id: u64) -> Value {
        let member = |user_id: u64| {
            let user = self.users.get(user_id);
            json!({"user_id": user_id, "employee_id": user.and_then(|user| user.employee_id.clone())})
        };
        let owners = |kind: &str| -> Value {
            let owners = self.job_owners.iter();
            let owners = owners.filter(|row| row.job_id == job_id && row.r#type == kind);
            owners.map(|row| member(row.user_id)).collect()
        };
        let managers = self.job_hiring_managers.iter();
        let managers = managers.filter(|row| row.job_id == job_id);
        json!({
            "hiring_managers": managers.map(|row| member(row.user_id)).collect::<Value>(),
            "sourcers": owners("sourcer"),
            "recruiters": owners("recruiter"),
            "coordinators": owners("coordinator"),
        })
    }

    /// The flat payload of most offer events; the start date is month first.
    pub(crate) fn flat_offer(&self, offer: &Offer) -> Value {
        let starts = offer.starts_on.as_deref().and_then(Time::parse);
        json!({
            "id": offer.id,
            "application_id": offer.application_id,
            "job_id": offer.job_id,
            "user_id": offer._user_id,
            "version": offer.version,
            "sent_on": offer.sent_on,
            "resolved_at": secs(offer.resolved_at),
            "start_date": starts.map(|at| at.format("%m/%d/%Y")),
            "notes": offer._notes,
            "offer_status": offer.status,
            "custom_fields": offer.custom_fields,
        })
    }

    fn nested_jobs(&self, app: &Application, manner: Manner) -> Value {
        let ids = app.job_id.iter().chain(match app.job_id {
            Some(_) => &[][..],
            None => &app.prospective_job_ids[..],
        });
        ids.filter_map(|id| self.jobs.get(*id))
            .map(|job| self.nested_job(&job, manner))
            .collect()
    }

    fn nested_stage(&self, app: &Application, stage: &JobInterviewStage) -> Value {
        let interviews = stage._interview_id.map(|id| {
            let planned = self.interviews.iter().rev();
            let mut planned =
                planned.filter(|row| row.application_id == app.id && row.job_interview_id == id);
            let planned = planned.next();
            let panel = self.interviewers.iter();
            let panel = panel.filter(|seat| planned.is_some_and(|row| seat.interview_id == row.id));
            let panel = panel.map(|seat| {
                let user = seat.user_id.and_then(|id| self.users.get(id));
                json!({
                    "id": seat.user_id,
                    "display_name": user.and_then(|user| user.name.clone()),
                    "status": seat.response_status,
                })
            });
            json!({
                "id": id,
                "name": stage.name,
                "status": planned.map_or("to_be_scheduled", |row| row.status.as_str()),
                "interview_kit": {
                    "url": format!("https://app.example.com/guides/{}/people/{}",
                        stage._kit_id.unwrap_or(id), app.candidate_id),
                    "content": "<p>What to ask in this interview.</p>",
                    "questions": [],
                },
                "interviewers": panel.collect::<Vec<_>>(),
            })
        });
        json!({
            "id": stage.id,
            "name": stage.name,
            "interviews": interviews.into_iter().collect::<Vec<_>>(),
        })
    }

    fn nested_source(&self, id: Option<u64>, manner: Manner) -> Value {
        let Some(source) = id.and_then(|id| self.sources.get(id)) else {
            return Value::Null;
        };
        let mut root = Map::new();
        root.insert("id".into(), json!(source.id));
        root.insert(manner.source_name.into(), json!(source.name));
        Value::Object(root)
    }

    fn nested_credit(&self, referrer_id: Option<u64>) -> Value {
        let referrer = referrer_id.and_then(|id| self.referrers.get(id));
        self.nested_user(referrer.and_then(|row| row.user_id))
    }

    fn nested_user(&self, id: Option<u64>) -> Value {
        match id.and_then(|id| self.users.get(id)) {
            Some(user) => json!({
                "id": user.id,
                "email": user.primary_email,
                "name": user.name,
                "employee_id": user.employee_id,
            }),
            None => Value::Null,
        }
    }

    fn nested_reason(&self, app: &Application) -> Value {
        if app.status != "rejected" {
            return Value::Null;
        }
        let id = self
            .rejection_of(app.id)
            .and_then(|row| row.rejection_reason_id);
        match id.and_then(|id| self.rejection_reasons.get(id)) {
            Some(reason) => json!({
                "id": reason.id,
                "name": reason.name,
                "type": {"id": reason.r#type.id, "name": reason.r#type.name},
            }),
            None => Value::Null,
        }
    }

    fn rejection_of(&self, application_id: u64) -> Option<&super::people_rows::RejectionDetail> {
        let mut details = self.rejection_details.iter().rev();
        details.find(|row| row.application_id == application_id)
    }

    fn person_url(&self, candidate_id: u64, application_id: Option<u64>) -> String {
        let url = format!("https://app.example.com/people/{candidate_id}");
        match application_id {
            Some(id) => format!("{url}?application_id={id}"),
            None => url,
        }
    }
}

/// The older word for a status.
fn old_status(status: &str) -> &str {
    match status {
        "in_process" => "active",
        other => other,
    }
}

fn contacts(list: &[Contact]) -> Value {
    json!(list)
}
