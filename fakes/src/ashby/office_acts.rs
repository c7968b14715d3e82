//! The remaining acts: surveys, the push to an HRIS, and changes of settings that tell nobody.

use serde_json::json;

use super::acts::{Act, Acted};
use super::ids::{Kind, id};
use super::offer_acts::form;
use super::problem::Problem;
use super::world::World;
use crate::clock::Time;

/// Answers to these are never in a webhook.
const PROTECTED: [&str; 2] = ["EEOC", "Diversity"];

impl World {
    pub(super) fn office_act(&mut self, now: Time, act: Act) -> Result<Acted, Problem> {
        match act {
            Act::PushToHris { application_id } => {
                let n = self.find(Kind::Application, &application_id)?;
                let candidate = self.application(n)?.row.candidate;
                let mut acted = self.told(n, &[]);
                let data = json!({
                    "application": self.embed(Kind::Application, Some(n)),
                    "candidate": self.embed(Kind::Candidate, Some(candidate)),
                    "offer": self.embed(Kind::Offer, self.accepted_offer(n)),
                });
                acted.tell("pushToHRIS", data);
                Ok(acted)
            }
            Act::SubmitSurvey {
                application_id,
                survey_type,
                anonymous,
            } => {
                let n = self.find(Kind::Application, &application_id)?;
                self.survey(now, n, &survey_type, anonymous)
            }
            Act::SetUserEnabled { user_id, enabled } => {
                let n = self.find(Kind::User, &user_id)?;
                self.edit(Kind::User, n, now, |user| {
                    user["isEnabled"] = json!(enabled)
                });
                Ok(Acted::default())
            }
            Act::RenameStage { stage_id, title } => {
                let n = self.find(Kind::Stage, &stage_id)?;
                self.edit(Kind::Stage, n, now, |stage| stage["title"] = json!(title));
                Ok(Acted::default())
            }
            Act::ArchiveDepartment { department_id } => {
                let n = self.find(Kind::Department, &department_id)?;
                self.edit(Kind::Department, n, now, |row| {
                    row["isArchived"] = json!(true)
                });
                Ok(Acted::default())
            }
            _ => Err(Problem::new("invalid_input", "Not such an act")),
        }
    }

    fn survey(
        &mut self,
        now: Time,
        application: u64,
        kind: &str,
        anonymous: bool,
    ) -> Result<Acted, Problem> {
        let candidate = self.application(application)?.row.candidate;
        let fields = json!({
            "surveyFormDefinitionId": self.part_id(),
            "submittedAt": now,
            "candidateId": id(Kind::Candidate, candidate),
            "applicationId": id(Kind::Application, application),
            "surveyType": kind,
            "formDefinition": form("Survey", "_answer", "String"),
            "submittedValues": {"_answer": "A made-up answer"},
        });
        let n = self.add(Kind::Survey, Some(application), now, fields);
        let mut acted = self.told(application, &[]);
        acted.touched.id = Some(id(Kind::Survey, n));
        if anonymous {
            return Ok(acted);
        }
        let mut shown = self.embed(Kind::Survey, Some(n));
        if PROTECTED.contains(&kind)
            && let Some(shown) = shown.as_object_mut()
        {
            shown.shift_remove("submittedValues");
        }
        acted.tell("surveySubmit", json!({"surveySubmission": shown}));
        Ok(acted)
    }
}
