//! Acts on interviews: schedules hold events, and only schedules have webhooks. The update shows one
//! field more than the creation, the candidate's id.

use serde_json::{Value, json};

use super::acts::{Act, Acted};
use super::ids::{Kind, id};
use super::offer_acts::form;
use super::problem::Problem;
use super::world::World;
use crate::clock::Time;

impl World {
    pub(super) fn interview_act(&mut self, now: Time, act: Act) -> Result<Acted, Problem> {
        match act {
            Act::Schedule {
                application_id,
                starts_at,
                user_id,
            } => {
                let application = self.find(Kind::Application, &application_id)?;
                let user = match user_id {
                    Some(user) => Some(self.find(Kind::User, &user)?),
                    None => self.docs(Kind::User).next(),
                };
                let n = self.schedule(now, application, starts_at, user)?;
                let mut acted = self.schedule_told(n);
                let data = json!({"interviewSchedule": self.embed(Kind::Schedule, Some(n))});
                acted.tell("interviewScheduleCreate", data);
                acted.news.rotate_right(1);
                Ok(acted)
            }
            Act::Reschedule {
                schedule_id,
                starts_at,
            } => {
                let n = self.find(Kind::Schedule, &schedule_id)?;
                let events: Vec<u64> = self.table(Kind::Event).children(n).collect();
                for event in events {
                    self.edit(Kind::Event, event, now, |event| {
                        event["startTime"] = json!(starts_at);
                        event["endTime"] = json!(starts_at.plus_secs(3600));
                    });
                }
                Ok(self.set_schedule(now, n, "Scheduled"))
            }
            Act::CancelSchedule { schedule_id } => {
                let n = self.find(Kind::Schedule, &schedule_id)?;
                Ok(self.set_schedule(now, n, "Cancelled"))
            }
            Act::CompleteSchedule { schedule_id } => {
                let n = self.find(Kind::Schedule, &schedule_id)?;
                Ok(self.set_schedule(now, n, "Complete"))
            }
            Act::Feedback {
                schedule_id,
                rating,
            } => {
                let schedule = self.find(Kind::Schedule, &schedule_id)?;
                self.feedback(now, schedule, rating)
            }
            _ => Err(Problem::new("invalid_input", "Not an act on interviews")),
        }
    }

    fn schedule(
        &mut self,
        now: Time,
        application: u64,
        starts_at: Time,
        user: Option<u64>,
    ) -> Result<u64, Problem> {
        let stage = self.application(application)?.row.stage;
        let interview = self.docs(Kind::Interview).next();
        let user_shown = self.embed(Kind::User, user);
        let fields = json!({
            "status": "Scheduled",
            "applicationId": id(Kind::Application, application),
            "interviewStageId": id(Kind::Stage, stage),
            "scheduledBy": user_shown,
            "createdAt": null,
            "updatedAt": null,
        });
        let n = self.add(Kind::Schedule, Some(application), now, fields);
        let mut interviewer = user_shown;
        if let Some(interviewer) = interviewer.as_object_mut() {
            interviewer.insert("trainingRole".into(), Value::Null);
            interviewer.insert("interviewerPool".into(), Value::Null);
            interviewer.insert("isFeedbackRequired".into(), json!(true));
        }
        let users: Vec<String> = user.map(|n| id(Kind::User, n)).into_iter().collect();
        let event = json!({
            "interviewId": interview.map(|n| id(Kind::Interview, n)),
            "interviewScheduleId": id(Kind::Schedule, n),
            "interviewerUserIds": users,
            "interviewers": [interviewer],
            "createdAt": null,
            "updatedAt": null,
            "startTime": starts_at,
            "endTime": starts_at.plus_secs(3600),
            "feedbackLink": "https://app.ashby.example/feedback",
            "location": null,
            "meetingLink": null,
            "hasSubmittedFeedback": false,
            "extraData": {},
        });
        self.add(Kind::Event, Some(n), now, event);
        Ok(n)
    }

    fn feedback(&mut self, now: Time, schedule: u64, rating: u64) -> Result<Acted, Problem> {
        let event = self.table(Kind::Event).children(schedule).next();
        let event = event.ok_or_else(|| Problem::missing(Kind::Event))?;
        let application =
            self.points_at(Kind::Schedule, schedule, "applicationId", Kind::Application);
        let application = application.ok_or_else(|| Problem::missing(Kind::Application))?;
        let form_n = self.docs(Kind::FeedbackForm).next();
        let user = self.docs(Kind::User).next();
        let stay = self
            .application(application)?
            .row
            .history
            .last()
            .map(|stay| stay.n);
        let fields = json!({
            "applicationId": id(Kind::Application, application),
            "applicationHistoryId": stay.map(|n| id(Kind::Stay, n)),
            "feedbackFormDefinitionId": form_n.map(|n| id(Kind::FeedbackForm, n)),
            "interviewId": self.field(Kind::Event, event, "interviewId"),
            "interviewEventId": id(Kind::Event, event),
            "submittedAt": now,
            "submittedByUser": self.embed(Kind::User, user),
            "formDefinition": form("Overall", "overall_recommendation", "Score"),
            "submittedValues": {"overall_recommendation": rating.to_string()},
        });
        let n = self.add(Kind::Feedback, Some(application), now, fields);
        self.edit(Kind::Event, event, now, |event| {
            event["hasSubmittedFeedback"] = json!(true);
        });
        let mut acted = Acted::default();
        acted.touched.id = Some(id(Kind::Feedback, n));
        Ok(acted)
    }

    fn set_schedule(&mut self, now: Time, n: u64, status: &str) -> Acted {
        self.edit(Kind::Schedule, n, now, |schedule| {
            schedule["status"] = json!(status);
        });
        self.schedule_told(n)
    }

    fn schedule_told(&self, n: u64) -> Acted {
        let mut acted = Acted::default();
        acted.touched.id = Some(id(Kind::Schedule, n));
        acted.touched.application_id = Some(self.text(Kind::Schedule, n, "applicationId").into());
        let application = self.points_at(Kind::Schedule, n, "applicationId", Kind::Application);
        let application = application.and_then(|n| self.applications.get(n));
        let mut shown = self.embed(Kind::Schedule, Some(n));
        if let Some(application) = application {
            shown["candidateId"] = json!(id(Kind::Candidate, application.row.candidate));
        }
        acted.tell(
            "interviewScheduleUpdate",
            json!({"interviewSchedule": shown}),
        );
        acted
    }
}
