//! Acts about jobs, their posts and stages, departments and offices.

use serde_json::{Map, Value, json};

use super::acts::{Acted, JobEdit, JobPlan, Result, Touched};
use super::company_rows::{Job, JobHiringManager, JobInterviewStage, JobOwner, JobPost, Opening};
use super::nested::OTHER;
use super::world::{Refused, World, set_custom};
use crate::clock::Time;

/// The stages of a job nobody planned otherwise.
pub(crate) const USUAL_STAGES: [&str; 5] = [
    "Application Review",
    "Phone Interview",
    "Face to Face",
    "Reference Check",
    "Offer",
];

impl World {
    pub(crate) fn add_job(&mut self, now: Time, plan: JobPlan) -> Result {
        if plan.name.trim().is_empty() {
            return Err(Refused::invalid("name", "is missing"));
        }
        let id = self.ids.next();
        let mut custom_fields = Map::new();
        set_custom(
            &mut custom_fields,
            "Employment Type",
            "single_select",
            json!("Full-time"),
        );
        self.jobs.insert(Job {
            id,
            created_at: now,
            updated_at: now,
            name: plan.name,
            requisition_id: plan.requisition_id,
            notes: None,
            confidential: false,
            status: if plan.draft { "draft" } else { "open" }.into(),
            opened_at: (!plan.draft).then_some(now),
            closed_at: None,
            is_template: Some(false),
            copied_from_id: None,
            department_id: plan.department_id,
            office_ids: plan.office_ids,
            custom_fields,
            _created_by_id: plan.recruiter_id,
        });
        let names: Vec<String> = match plan.stages.is_empty() {
            true => USUAL_STAGES.map(str::to_string).to_vec(),
            false => plan.stages,
        };
        for (place, name) in names.into_iter().enumerate() {
            self.add_stage(now, id, place as u64, name);
        }
        self.add_attribute(now, id, "Writes clearly");
        for place in 0..plan.openings.max(1) {
            self.add_opening(now, id, place);
        }
        for kind in ["recruiter", "coordinator"] {
            if let Some(user_id) = plan.recruiter_id {
                let row = self.ids.next();
                self.job_owners.insert(JobOwner {
                    id: row,
                    created_at: now,
                    updated_at: now,
                    job_id: id,
                    user_id,
                    r#type: kind.into(),
                    responsible: true,
                });
            }
        }
        if let Some(user_id) = plan.hiring_manager_id {
            let row = self.ids.next();
            self.job_hiring_managers.insert(JobHiringManager {
                id: row,
                created_at: now,
                updated_at: now,
                user_id,
                job_id: id,
            });
        }
        self.job_news(id, "job_created")
    }

    pub(crate) fn edit_job(&mut self, now: Time, edit: JobEdit) -> Result {
        let id = edit.job_id;
        let change = |row: &mut Job| {
            row.name = edit.name.unwrap_or_else(|| row.name.clone());
            row.requisition_id = edit.requisition_id.or(row.requisition_id.take());
            row.department_id = edit.department_id.or(row.department_id);
            row.notes = edit.notes.or(row.notes.take());
            match edit.status.as_deref() {
                Some("open") => {
                    row.status = "open".into();
                    row.opened_at = row.opened_at.or(Some(now));
                    row.closed_at = None;
                }
                Some("closed") => {
                    row.status = "closed".into();
                    row.closed_at = Some(now);
                }
                Some("draft") => row.status = "draft".into(),
                _ => {}
            }
        };
        self.jobs
            .edit(id, now, change)
            .ok_or(Refused::Missing("Job"))?;
        self.job_news(id, "job_updated")
    }

    pub(crate) fn approve_job(&mut self, id: u64) -> Result {
        let mut acted = self.job_news(id, "job_approved")?;
        for news in &mut acted.news {
            news.payload["job"]["approval_flow"] = json!({
                "id": self.ids.next(),
                "approval_flow_type": "open_job",
                "version": 1,
            });
        }
        Ok(acted)
    }

    pub(crate) fn delete_job(&mut self, id: u64) -> Result {
        let job = self.jobs.remove(id).ok_or(Refused::Missing("Job"))?;
        let stages = self.job_interview_stages.iter();
        let stages = stages.filter(|row| row.job_id == id).map(|row| row.id);
        for stage in stages.collect::<Vec<_>>() {
            self.job_interview_stages.remove(stage);
        }
        let payload = json!({"job": {"id": job.id, "name": job.name}});
        Ok(Acted::one("job_deleted", payload, about_job(id)))
    }

    pub(crate) fn add_job_post(&mut self, now: Time, job_id: u64, title: String) -> Result {
        self.job(job_id)?;
        let id = self.ids.next();
        self.job_posts.insert(JobPost {
            id,
            created_at: now,
            updated_at: now,
            title,
            internal: false,
            active: true,
            live: true,
            featured: false,
            first_published_at: Some(now),
            content: Some("<p>Come and work with us.</p>".into()),
            internal_content: None,
            language: Some("en".into()),
            public_url: Some(format!("https://jobs.example.com/{id}")),
            demographic_question_set_id: None,
            job_id,
            job_board_id: self.organization_id,
            questions: usual_questions(),
        });
        self.post_news(id, "job_post_created")
    }

    pub(crate) fn edit_job_post(
        &mut self,
        now: Time,
        id: u64,
        title: Option<String>,
        live: Option<bool>,
    ) -> Result {
        let change = |row: &mut JobPost| {
            row.title = title.unwrap_or_else(|| row.title.clone());
            row.live = live.unwrap_or(row.live);
        };
        self.job_posts
            .edit(id, now, change)
            .ok_or(Refused::Missing("Job post"))?;
        self.post_news(id, "job_post_updated")
    }

    pub(crate) fn delete_job_post(&mut self, id: u64) -> Result {
        let post = self
            .job_posts
            .remove(id)
            .ok_or(Refused::Missing("Job post"))?;
        let payload = json!({"job_post": {
            "id": post.id,
            "job_id": post.job_id,
            "title": post.title,
            "created_at": post.created_at,
            "updated_at": post.updated_at,
            "live": post.live,
            "active": post.active,
        }});
        Ok(Acted::one("job_post_deleted", payload, Touched::row(id)))
    }

    /// No webhook tells of a renamed stage.
    pub(crate) fn rename_stage(&mut self, now: Time, id: u64, name: String) -> Result {
        self.job_interview_stages
            .edit(id, now, |row| row.name = name)
            .ok_or(Refused::Missing("Job interview stage"))?;
        Ok(Acted::silent(Touched::row(id)))
    }

    pub(crate) fn delete_stage(&mut self, id: u64) -> Result {
        let stage = self.stage(id)?;
        self.job_interview_stages.remove(id);
        let payload = json!({"job_interview_stage": {
            "id": stage.id,
            "job_id": stage.job_id,
            "created_at": stage.created_at,
            "updated_at": stage.updated_at,
            "name": stage.name,
            "active": stage.active,
        }});
        let action = "job_interview_stage_deleted";
        Ok(Acted::one(action, payload, Touched::row(id)))
    }

    pub(crate) fn delete_department(&mut self, id: u64) -> Result {
        let row = self
            .departments
            .remove(id)
            .ok_or(Refused::Missing("Department"))?;
        let children = self.departments.iter();
        let children: Value = children
            .filter(|child| child.parent_id == Some(id))
            .map(|child| json!(child.id))
            .collect();
        let payload = json!({"department": {
            "id": row.id,
            "name": row.name,
            "child_ids": children,
            "parent_id": row.parent_id,
            "external_id": row.external_id,
        }});
        Ok(Acted::one("department_deleted", payload, Touched::row(id)))
    }

    pub(crate) fn delete_office(&mut self, id: u64) -> Result {
        let row = self.offices.remove(id).ok_or(Refused::Missing("Office"))?;
        let children = self.offices.iter();
        let children: Value = children
            .filter(|child| child.parent_id == Some(id))
            .map(|child| json!(child.id))
            .collect();
        let payload = json!({"office": {
            "id": row.id,
            "name": row.name,
            "location": row.location,
            "child_ids": children,
            "parent_id": row.parent_id,
            "external_id": row.external_id,
        }});
        Ok(Acted::one("office_deleted", payload, Touched::row(id)))
    }

    fn add_stage(&mut self, now: Time, job_id: u64, place: u64, name: String) {
        let talks = !matches!(name.as_str(), "Application Review" | "Offer");
        let id = self.ids.next();
        let (interview, kit) = talks
            .then(|| self.plan_interview(now, job_id, id, &name))
            .unzip();
        self.job_interview_stages.insert(JobInterviewStage {
            id,
            created_at: now,
            updated_at: now,
            job_id,
            sort_order: place,
            name,
            active: true,
            _interview_id: interview,
            _kit_id: kit,
        });
    }

    fn add_opening(&mut self, now: Time, job_id: u64, place: u64) {
        let id = self.ids.next();
        self.openings.insert(Opening {
            id,
            created_at: now,
            updated_at: now,
            job_id,
            opened_at: Some(now),
            closed_at: None,
            sort_order: place,
            opening_id: Some(format!("{job_id}-{}", place + 1)),
            application_id: None,
            close_reason_id: None,
            target_start_on: None,
            open: true,
            custom_fields: Map::new(),
        });
    }

    fn job_news(&self, id: u64, action: &'static str) -> Result {
        let job = self.job(id)?;
        let mut root = self.nested_job(&job, OTHER);
        root["hiring_team"] = self.nested_team(id);
        let openings = self.openings.iter().filter(|row| row.job_id == id);
        root["openings"] = openings
            .map(|row| json!({"id": row.id, "opening_id": row.opening_id, "custom_fields": []}))
            .collect();
        Ok(Acted::one(action, json!({"job": root}), about_job(id)))
    }

    fn post_news(&self, id: u64, action: &'static str) -> Result {
        let post = super::world::find(&self.job_posts, id, "Job post")?;
        let payload = json!({
            "id": post.id,
            "title": post.title,
            "location": "Anywhere",
            "content": post.content,
            "internal_content": post.internal_content,
            "updated_at": post.updated_at,
            "job_id": post.job_id,
            "external": !post.internal,
            "internal": post.internal,
            "live": post.live,
            "questions": post.questions,
        });
        let touched = Touched {
            job_id: Some(post.job_id),
            ..Touched::row(id)
        };
        Ok(Acted::one(action, payload, touched))
    }
}

fn about_job(id: u64) -> Touched {
    Touched {
        job_id: Some(id),
        ..Touched::default()
    }
}

/// What every post asks; the usual questions have no id.
fn usual_questions() -> Vec<Value> {
    let question = |id: Option<u64>, kind: &str, label: &str, name: &str, options: Value| json!({"id": id, "description": null, "answer_type": kind, "required": true, "private": false, "label": label, "name": name, "options": options});
    let heard = json!([{"id": 1, "label": "A friend"}, {"id": 2, "label": "Online"}]);
    vec![
        question(None, "short_text", "First name", "first_name", json!([])),
        question(
            Some(4001),
            "single_select",
            "Where did you hear of us?",
            "question_4001",
            heard,
        ),
    ]
}
