//! Acts on applications: applying, moving, archiving, hiring. A change of stage is told twice, a
//! hire three times; what a webhook shows is the state after the act.

use serde_json::{Value, json};

use super::acts::{Act, Acted, Applicant};
use super::ids::{Kind, id};
use super::problem::Problem;
use super::rows::{Application, Candidate, Stay};
use super::world::World;
use crate::clock::Time;

impl World {
    pub(super) fn application_act(&mut self, now: Time, act: Act) -> Result<Acted, Problem> {
        let application = |world: &World, id: &str| world.find(Kind::Application, id);
        match act {
            Act::Apply(applicant) => self.apply(now, applicant),
            Act::Move {
                application_id,
                stage_id,
            } => {
                let n = application(self, &application_id)?;
                let stage = match stage_id {
                    Some(stage) => self.stage_in_plan(n, &stage)?,
                    None => self.next_stage(n)?,
                };
                self.move_to(now, n, stage, None, None)
            }
            Act::Archive {
                application_id,
                archive_reason_id,
            } => {
                let n = application(self, &application_id)?;
                let reason = match archive_reason_id {
                    Some(reason) => self.find(Kind::ArchiveReason, &reason)?,
                    None => self
                        .docs(Kind::ArchiveReason)
                        .next()
                        .ok_or_else(|| Problem::missing(Kind::ArchiveReason))?,
                };
                let stage = self.end_stage(n, "Archived")?;
                self.move_to(now, n, stage, Some(reason), None)
            }
            Act::Hire { application_id } => {
                let n = application(self, &application_id)?;
                let stage = self.end_stage(n, "Hired")?;
                self.move_to(now, n, stage, None, None)
            }
            Act::EditApplication {
                application_id,
                source_id,
                credited_to_user_id,
                custom_field_id,
                value,
            } => {
                let n = application(self, &application_id)?;
                let find = |kind, id: Option<String>| id.map(|id| self.find(kind, &id)).transpose();
                let source = find(Kind::Source, source_id)?;
                let user = find(Kind::User, credited_to_user_id)?;
                let field = find(Kind::CustomField, custom_field_id)?;
                let field = field.map(|field| self.custom_value(field, &value));
                self.edit_application(n, now, |row| {
                    row.source = source.or(row.source);
                    row.credited = user.or(row.credited);
                    if let Some(field) = field {
                        row.custom.retain(|known| known["id"] != field["id"]);
                        row.custom.push(field);
                    }
                });
                Ok(self.told(n, &["applicationUpdate"]))
            }
            Act::Transfer {
                application_id,
                job_id,
            } => {
                let n = application(self, &application_id)?;
                let job = self.find(Kind::Job, &job_id)?;
                let row = self.application(n)?.row;
                let kind = self.stage_type(row.stage).to_string();
                let stage = self.stage_of_type(job, &kind)?;
                self.enter(now, n, stage, None, None);
                self.edit_application(n, now, |row| row.job = job);
                Ok(self.told(n, &["candidateStageChange", "applicationUpdate"]))
            }
            Act::DeleteApplication { application_id } => {
                let n = application(self, &application_id)?;
                let candidate = self.application(n)?.row.candidate;
                self.edit_candidate(candidate, now, |row| {
                    row.applications.retain(|one| *one != n)
                });
                self.remove_application(n);
                Ok(Acted::default())
            }
            _ => Err(Problem::new("invalid_input", "Not an act on applications")),
        }
    }

    fn apply(&mut self, now: Time, applicant: Applicant) -> Result<Acted, Problem> {
        let job = self.find(Kind::Job, &applicant.job_id)?;
        let source = match &applicant.source_id {
            Some(source) => Some(self.find(Kind::Source, source)?),
            None => self.docs(Kind::Source).next(),
        };
        let candidate = match &applicant.candidate_id {
            Some(known) => self.find(Kind::Candidate, known)?,
            None => self.add_candidate(
                now,
                Candidate {
                    name: applicant.name.clone(),
                    emails: applicant.email.clone().into_iter().collect(),
                    phones: applicant.phone.clone().into_iter().collect(),
                    source,
                    resume: Some("resume.pdf".into()),
                    ..Candidate::default()
                },
            ),
        };
        let kind = match applicant.lead {
            true => "Lead",
            false => "PreInterviewScreen",
        };
        let stage = self.stage_of_type(job, kind)?;
        let n = self.new_application(now, candidate, job, stage, source);
        if !applicant.lead {
            let mut postings = self.table(Kind::JobPosting).children(job);
            let posting = postings.next();
            drop(postings);
            self.edit_application(n, now, |row| row.posting = posting);
        }
        Ok(match applicant.bulk {
            true => self.told(n, &[]),
            false => self.told(n, &["applicationSubmit"]),
        })
    }

    /// A new application in its first stage.
    pub(super) fn new_application(
        &mut self,
        at: Time,
        candidate: u64,
        job: u64,
        stage: u64,
        source: Option<u64>,
    ) -> u64 {
        let stay = self.stay(stage, at, None);
        let row = Application {
            candidate,
            job,
            stage,
            source,
            credited: None,
            reason: None,
            archived_at: None,
            posting: None,
            custom: Vec::new(),
            history: vec![stay],
        };
        self.add_application(at, row)
    }

    /// Into a stage. The stage it is in already changes nothing and tells nothing.
    pub(super) fn move_to(
        &mut self,
        now: Time,
        n: u64,
        stage: u64,
        reason: Option<u64>,
        actor: Option<u64>,
    ) -> Result<Acted, Problem> {
        if self.application(n)?.row.stage == stage {
            return Ok(self.told(n, &[]));
        }
        self.enter(now, n, stage, reason, actor);
        if self.stage_type(stage) != "Hired" {
            return Ok(self.told(n, &["candidateStageChange", "applicationUpdate"]));
        }
        let mut acted = self.told(n, &[]);
        let application = self.embed(Kind::Application, Some(n));
        let offer = self.embed(Kind::Offer, self.accepted_offer(n));
        acted.tell(
            "candidateHire",
            json!({"application": application, "offer": offer}),
        );
        for action in ["candidateStageChange", "applicationUpdate"] {
            acted.tell(action, json!({"application": application}));
        }
        Ok(acted)
    }

    fn enter(&mut self, now: Time, n: u64, stage: u64, reason: Option<u64>, actor: Option<u64>) {
        let stay = self.stay(stage, now, actor);
        let archived = self.stage_type(stage) == "Archived";
        self.edit_application(n, now, |row| {
            if let Some(last) = row.history.last_mut() {
                last.left = Some(now);
            }
            row.history.push(stay);
            row.stage = stage;
            row.reason = reason.filter(|_| archived);
            row.archived_at = archived.then_some(now);
        });
    }

    fn stay(&mut self, stage: u64, entered: Time, actor: Option<u64>) -> Stay {
        Stay {
            n: self.block(1),
            stage,
            entered,
            left: None,
            actor,
        }
    }

    /// A stage of the plan the application is in.
    pub(super) fn stage_in_plan(&self, n: u64, stage: &str) -> Result<u64, Problem> {
        let stage = self.find(Kind::Stage, stage)?;
        let ours = self.plan_stages(n)?;
        match ours.contains(&stage) {
            true => Ok(stage),
            false => Err(Problem::missing(Kind::Stage)),
        }
    }

    fn plan_stages(&self, n: u64) -> Result<Vec<u64>, Problem> {
        let stage = self.application(n)?.row.stage;
        let plan = self.points_at(Kind::Stage, stage, "interviewPlanId", Kind::Plan);
        let plan = plan.ok_or_else(|| Problem::missing(Kind::Plan))?;
        Ok(self.stages(plan))
    }

    fn next_stage(&self, n: u64) -> Result<u64, Problem> {
        let stages = self.plan_stages(n)?;
        let stage = self.application(n)?.row.stage;
        let at = stages.iter().position(|one| *one == stage);
        let next = at.and_then(|at| stages.get(at + 1));
        next.copied().ok_or_else(|| Problem::missing(Kind::Stage))
    }

    fn end_stage(&self, n: u64, kind: &str) -> Result<u64, Problem> {
        let mut stages = self.plan_stages(n)?.into_iter();
        let found = stages.find(|stage| self.stage_type(*stage) == kind);
        found.ok_or_else(|| Problem::missing(Kind::Stage))
    }

    /// Tells of an application as it is now.
    pub(super) fn told(&self, n: u64, actions: &[&'static str]) -> Acted {
        let mut acted = Acted::default();
        acted.touched.application_id = Some(id(Kind::Application, n));
        if let Some(entry) = self.applications.get(n) {
            acted.touched.candidate_id = Some(id(Kind::Candidate, entry.row.candidate));
        }
        if !actions.is_empty() {
            let data = json!({"application": self.embed(Kind::Application, Some(n))});
            actions
                .iter()
                .for_each(|action| acted.tell(action, data.clone()));
        }
        acted
    }

    pub(super) fn custom_value(&self, field: u64, value: &Value) -> Value {
        json!({
            "id": id(Kind::CustomField, field),
            "title": self.field(Kind::CustomField, field, "title"),
            "value": value,
        })
    }

    /// With everything that belongs to it.
    pub(super) fn remove_application(&mut self, n: u64) {
        for kind in [Kind::Schedule, Kind::Offer, Kind::Feedback, Kind::Survey] {
            self.remove_children(kind, n);
        }
        self.remove(Kind::Application, n);
    }
}
