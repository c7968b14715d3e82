//! Acts on jobs, postings and openings. A published posting and a switched plan are told twice.

use serde_json::{Map, Value, json};

use super::acts::{Act, Acted};
use super::ids::{Kind, id};
use super::problem::Problem;
use super::world::World;
use crate::clock::Time;

impl World {
    pub(super) fn job_act(&mut self, now: Time, act: Act) -> Result<Acted, Problem> {
        match act {
            Act::AddJob {
                title,
                confidential,
            } => {
                let n = self.add_job(now, &title, None)?;
                self.edit(Kind::Job, n, now, |job| {
                    job["confidential"] = json!(confidential)
                });
                Ok(self.job_told(n, "jobCreate"))
            }
            Act::EditJob { job_id, title } => {
                let n = self.find(Kind::Job, &job_id)?;
                self.edit(Kind::Job, n, now, |job| job["title"] = json!(title));
                Ok(self.job_told(n, "jobUpdate"))
            }
            Act::SetJobStatus { job_id, status } => {
                let n = self.find(Kind::Job, &job_id)?;
                if !["Draft", "Open", "Closed", "Archived"].contains(&status.as_str()) {
                    return Err(Problem::input("status", "No such status"));
                }
                self.edit(Kind::Job, n, now, |job| {
                    match status.as_str() {
                        "Open" => job["openedAt"] = json!(now),
                        "Closed" => job["closedAt"] = json!(now),
                        _ => {}
                    }
                    job["status"] = json!(status);
                });
                Ok(self.job_told(n, "jobUpdate"))
            }
            Act::SwitchPlan { job_id, plan_id } => {
                let job = self.find(Kind::Job, &job_id)?;
                let plan = self.find(Kind::Plan, &plan_id)?;
                self.switch_plan(now, job, plan)
            }
            Act::PublishPosting { posting_id } => {
                let day = now.to_date_text();
                self.change_posting(now, &posting_id, Some("jobPostingPublish"), |posting| {
                    posting["isListed"] = json!(true);
                    posting["publishedDate"] = json!(day);
                })
            }
            Act::UnpublishPosting { posting_id } => {
                self.change_posting(now, &posting_id, Some("jobPostingUnpublish"), |posting| {
                    posting["isListed"] = json!(false);
                })
            }
            Act::EditPosting { posting_id, title } => {
                self.change_posting(now, &posting_id, None, |posting| {
                    posting["title"] = json!(title);
                })
            }
            Act::AddOpening { job_id, identifier } => {
                let job = self.find(Kind::Job, &job_id)?;
                let n = self.add_opening(now, job, &identifier);
                let mut acted = Acted::default();
                acted.touched.id = Some(id(Kind::Opening, n));
                acted.tell(
                    "openingCreate",
                    json!({"opening": self.embed(Kind::Opening, Some(n))}),
                );
                Ok(acted)
            }
            _ => Err(Problem::new("invalid_input", "Not an act on jobs")),
        }
    }

    /// A draft with a plan: this one, or the first there is.
    pub(super) fn add_job(
        &mut self,
        now: Time,
        title: &str,
        plan: Option<u64>,
    ) -> Result<u64, Problem> {
        let plan = plan.or_else(|| self.docs(Kind::Plan).next());
        let plan = plan.ok_or_else(|| Problem::missing(Kind::Plan))?;
        let plan = id(Kind::Plan, plan);
        let first = |kind| self.docs(kind).next().map(|n| id(kind, n));
        let author = self.docs(Kind::User).next();
        let fields = json!({
            "title": title,
            "confidential": false,
            "status": "Draft",
            "employmentType": "FullTime",
            "locationId": first(Kind::Location),
            "departmentId": first(Kind::Department),
            "defaultInterviewPlanId": plan,
            "interviewPlanIds": [plan],
            "jobPostingIds": [],
            "customFields": [],
            "hiringTeam": [],
            "customRequisitionId": null,
            "brandId": null,
            "author": self.embed(Kind::User, author),
            "createdAt": null,
            "updatedAt": null,
            "openedAt": null,
            "closedAt": null,
        });
        Ok(self.add(Kind::Job, None, now, fields))
    }

    pub(super) fn add_posting(&mut self, now: Time, job: u64, listed: bool) -> u64 {
        let place = |kind, field, at| {
            let n = self.points_at(Kind::Job, job, field, at);
            n.map(|n| self.field(at, n, kind).clone())
        };
        let department = place("name", "departmentId", Kind::Department);
        let location = place("name", "locationId", Kind::Location);
        let link = format!("https://jobs.ashby.example/posting-{job}");
        let fields = json!({
            "title": self.field(Kind::Job, job, "title"),
            "jobId": id(Kind::Job, job),
            "departmentName": department,
            "teamName": department,
            "locationName": location,
            "locationExternalName": location,
            "workplaceType": "Hybrid",
            "employmentType": "FullTime",
            "isListed": listed,
            "publishedDate": now.to_date_text(),
            "applicationDeadline": null,
            "externalLink": link,
            "applyLink": link,
            "locationIds": {
                "primaryLocationId": self.field(Kind::Job, job, "locationId"),
                "secondaryLocationIds": [],
            },
            "compensationTierSummary": null,
            "shouldDisplayCompensationOnJobBoard": false,
            "updatedAt": null,
        });
        let n = self.add(Kind::JobPosting, Some(job), now, fields);
        self.edit(Kind::Job, job, now, |job| {
            if let Some(ids) = job["jobPostingIds"].as_array_mut() {
                ids.push(json!(id(Kind::JobPosting, n)));
            }
        });
        n
    }

    pub(super) fn add_opening(&mut self, now: Time, job: u64, identifier: &str) -> u64 {
        let fields = json!({
            "openedAt": now,
            "closedAt": null,
            "isArchived": false,
            "archivedAt": null,
            "closeReasonId": null,
            "openingState": "Open",
            "latestVersion": {
                "id": self.part_id(),
                "identifier": identifier,
                "description": "",
                "authorId": self.docs(Kind::User).next().map(|n| id(Kind::User, n)),
                "createdAt": now,
                "teamId": self.field(Kind::Job, job, "departmentId"),
                "jobIds": [id(Kind::Job, job)],
                "targetHireDate": null,
                "targetStartDate": null,
                "isBackfill": false,
                "employmentType": "FullTime",
                "locationIds": [self.field(Kind::Job, job, "locationId")],
                "hiringTeam": [],
                "customFields": [],
            },
        });
        self.add(Kind::Opening, None, now, fields)
    }

    /// Applications in a stage of the old plan go to the stage of the same place in the new one.
    fn switch_plan(&mut self, now: Time, job: u64, plan: u64) -> Result<Acted, Problem> {
        let before = self.plan_of_job(job);
        let before = before.ok_or_else(|| Problem::missing(Kind::Plan))?;
        let pairs: Vec<(u64, u64)> = self
            .stages(before)
            .into_iter()
            .zip(self.stages(plan))
            .collect();
        let here: Vec<u64> = self
            .applications
            .iter()
            .filter(|(_, entry)| entry.row.job == job)
            .map(|(n, _)| n)
            .collect();
        for n in here {
            self.edit_application(n, now, |row| {
                let new = pairs.iter().find(|(old, _)| *old == row.stage);
                row.stage = new.map_or(row.stage, |(_, new)| *new);
                if let Some(last) = row.history.last_mut() {
                    last.stage = row.stage;
                }
            });
        }
        self.edit(Kind::Job, job, now, |job| {
            job["defaultInterviewPlanId"] = json!(id(Kind::Plan, plan));
            job["interviewPlanIds"] = json!([id(Kind::Plan, plan)]);
        });
        let shown =
            |n| json!({"id": id(Kind::Plan, n), "title": self.field(Kind::Plan, n, "title")});
        let pair = |(old, new): &(u64, u64)| {
            json!({
                "fromInterviewStageId": id(Kind::Stage, *old),
                "toInterviewStageId": id(Kind::Stage, *new),
            })
        };
        let mut acted = self.job_told(job, "jobUpdate");
        let data = json!({
            "jobId": id(Kind::Job, job),
            "fromInterviewPlan": shown(before),
            "toInterviewPlan": shown(plan),
            "interviewStageMappings": pairs.iter().map(pair).collect::<Vec<_>>(),
        });
        acted.tell("interviewPlanTransition", data);
        acted.news.rotate_right(1);
        Ok(acted)
    }

    fn change_posting(
        &mut self,
        now: Time,
        posting: &str,
        also: Option<&'static str>,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<Acted, Problem> {
        let n = self.find(Kind::JobPosting, posting)?;
        self.edit(Kind::JobPosting, n, now, change);
        let data = json!({"jobPosting": self.embed(Kind::JobPosting, Some(n))});
        let mut acted = Acted::default();
        acted.touched.id = Some(posting.into());
        for action in also.into_iter().chain(["jobPostingUpdate"]) {
            acted.tell(action, data.clone());
        }
        Ok(acted)
    }

    fn job_told(&self, n: u64, action: &'static str) -> Acted {
        let mut acted = Acted::default();
        acted.touched.id = Some(id(Kind::Job, n));
        acted.tell(action, json!({"job": self.embed(Kind::Job, Some(n))}));
        acted
    }
}
