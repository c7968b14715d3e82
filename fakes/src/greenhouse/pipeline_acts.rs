//! Acts about an application's way: move, transfer, reject, hire, and back.

use serde_json::{Map, Value};

use super::acts::{Acted, ApplicationEdit, Result, Touched};
use super::nested::{NEW, OTHER, STAGE};
use super::people_rows::{Application, ApplicationStage, Note, RejectionDetail};
use super::world::{Refused, World, set_custom};
use crate::clock::Time;

impl World {
    pub(crate) fn edit_application(&mut self, now: Time, edit: ApplicationEdit) -> Result {
        let id = edit.application_id;
        let change = |row: &mut Application| {
            row.source_id = edit.source_id.or(row.source_id);
            row.referrer_id = edit.referrer_id.or(row.referrer_id);
            row.recruiter_id = edit.recruiter_id.or(row.recruiter_id);
            row.coordinator_id = edit.coordinator_id.or(row.coordinator_id);
            if let Some(name) = edit.custom_field {
                let value = edit.custom_value.unwrap_or(Value::Null);
                set_custom(&mut row.custom_fields, &name, "short_text", value);
            }
        };
        self.applications
            .edit(id, now, change)
            .ok_or(Refused::Missing("Application"))?;
        let app = self.application(id)?;
        let payload = self.nested_application(&app, NEW);
        Ok(Acted::one("application_updated", payload, touched(&app)))
    }

    /// Moves to a stage of the application's job, or to the next one.
    pub(crate) fn move_to(&mut self, now: Time, id: u64, stage_id: Option<u64>) -> Result {
        let app = self.in_process(id)?;
        let job_id = app
            .job_id
            .ok_or_else(|| Refused::invalid("application", "has no job"))?;
        let stages = self.stages_of(job_id);
        let current = self.current_stage(&app).map(|stage| stage.id);
        let target = match stage_id {
            Some(wanted) => stages.iter().find(|stage| stage.id == wanted),
            None => {
                let here = stages.iter().position(|stage| Some(stage.id) == current);
                stages.get(here.map_or(0, |here| here + 1))
            }
        };
        let target = target.map(|stage| stage.id).ok_or_else(|| {
            Refused::invalid("to_stage_id", "is not a stage of this application's job")
        })?;
        if Some(target) == current {
            return Err(Refused::invalid("to_stage_id", "is the current stage"));
        }
        self.enter_stage(now, id, target)?;
        self.stage_news(id, "candidate_stage_change")
    }

    /// Moves to another job's first stage.
    pub(crate) fn transfer(&mut self, now: Time, id: u64, job_id: u64) -> Result {
        self.in_process(id)?;
        self.job(job_id)?;
        let first = self.stages_of(job_id).first().map(|stage| stage.id);
        let first = first.ok_or_else(|| Refused::invalid("to_job_id", "has no stages"))?;
        self.applications.edit(id, now, |row| {
            row.job_id = Some(job_id);
            row.prospect = false;
        });
        self.enter_stage(now, id, first)?;
        self.stage_news(id, "candidate_stage_change")
    }

    pub(crate) fn reject(
        &mut self,
        now: Time,
        id: u64,
        reason_id: Option<u64>,
        user_id: Option<u64>,
        notes: Option<String>,
    ) -> Result {
        let app = self.in_process(id)?;
        if let Some(reason) = reason_id {
            super::world::find(&self.rejection_reasons, reason, "Rejection reason")?;
        }
        let note_id = notes.map(|body| {
            let note_id = self.ids.next();
            let note = Note::plain(note_id, now, app.candidate_id, user_id, body);
            self.notes.insert(Note {
                application_id: Some(id),
                ..note
            });
            note_id
        });
        let detail_id = self.ids.next();
        self.rejection_details.insert(RejectionDetail {
            id: detail_id,
            created_at: now,
            updated_at: now,
            application_id: id,
            rejected_by_id: user_id,
            rejection_note_id: note_id,
            rejection_reason_id: reason_id,
            rejected_at: Some(now),
            question_custom_fields: Map::new(),
        });
        self.set_status(now, id, "rejected", Some(now));
        self.other_news(id, "reject_candidate")
    }

    pub(crate) fn unreject(&mut self, now: Time, id: u64) -> Result {
        if self.application(id)?.status != "rejected" {
            return Err(Refused::invalid("application", "is not rejected"));
        }
        let details = self.rejection_details.iter();
        let details = details.filter(|row| row.application_id == id);
        for detail in details.map(|row| row.id).collect::<Vec<_>>() {
            self.rejection_details.remove(detail);
        }
        self.set_status(now, id, "in_process", None);
        self.other_news(id, "unreject_candidate")
    }

    /// Hires, and accepts the offer if there is one.
    pub(crate) fn hire(
        &mut self,
        now: Time,
        id: u64,
        opening_id: Option<u64>,
        start_date: Option<String>,
        close_reason_id: Option<u64>,
    ) -> Result {
        let app = self.in_process(id)?;
        let open = self.openings.iter().filter(|row| row.open);
        let open: Vec<u64> = open
            .filter(|row| Some(row.job_id) == app.job_id)
            .map(|row| row.id)
            .collect();
        let opening = match (opening_id, open.as_slice()) {
            (Some(wanted), open) if open.contains(&wanted) => Some(wanted),
            (Some(_), _) => return Err(Refused::invalid("opening_id", "is not an open opening")),
            (None, open) => open.first().copied(),
        };
        if let Some(opening) = opening {
            self.openings.edit(opening, now, |row| {
                row.open = false;
                row.closed_at = Some(now);
                row.application_id = Some(id);
                row.close_reason_id = close_reason_id;
            });
        }
        let accepted = match self.current_offer(id).map(|offer| offer.id) {
            Some(offer) => self.settle_offer(now, offer, "Accepted", start_date)?,
            None => Acted::default(),
        };
        self.set_status(now, id, "hired", None);
        let app = self.application(id)?;
        let hired = Acted::one("hire_candidate", self.nested_hire(&app), touched(&app));
        Ok(Acted {
            touched: hired.touched.clone(),
            ..accepted.and(hired)
        })
    }

    pub(crate) fn unhire(&mut self, now: Time, id: u64) -> Result {
        if self.application(id)?.status != "hired" {
            return Err(Refused::invalid("application", "is not hired"));
        }
        let openings = self.openings.iter();
        let openings = openings.filter(|row| row.application_id == Some(id));
        for opening in openings.map(|row| row.id).collect::<Vec<_>>() {
            self.openings.edit(opening, now, |row| {
                row.open = true;
                (row.closed_at, row.application_id, row.close_reason_id) = (None, None, None);
            });
        }
        self.set_status(now, id, "in_process", None);
        self.other_news(id, "unhire_candidate")
    }

    pub(crate) fn delete_application(&mut self, id: u64) -> Result {
        let app = self.application(id)?;
        let payload = self.nested_deleted_application(&app);
        self.forget_application(id);
        Ok(Acted::one("delete_application", payload, touched(&app)))
    }

    /// Removes an application and what hangs on it, without a word.
    pub(crate) fn forget_application(&mut self, id: u64) {
        self.forget_feedback(id);
        let wanted = [id];
        macro_rules! forget {
            ($($table:ident),*) => {$(
                let rows = self.$table.pointing_at("application_id", &wanted, u64::MAX);
                let rows: Vec<u64> = rows.iter().map(|row| row.id).collect();
                for row in rows {
                    self.$table.remove(row);
                }
            )*};
        }
        forget!(
            application_stages,
            rejection_details,
            offers,
            interviews,
            scorecards,
            attachments
        );
        self.applications.remove(id);
    }

    /// Leaves the stage the application is in and enters another: a new stay with its own id.
    pub(crate) fn enter_stage(&mut self, now: Time, id: u64, stage_id: u64) -> Result<()> {
        let name = self.stage(stage_id)?.name;
        if let Some(stay) = self.application(id)?.stage_id {
            self.application_stages.edit(stay, now, |row| {
                row.exited_at = Some(now);
                row.current = false;
                row.days_in_stage = days(row.entered_at, now);
            });
        }
        let stay = self.ids.next();
        self.application_stages.insert(ApplicationStage {
            id: stay,
            created_at: now,
            updated_at: now,
            application_id: id,
            job_interview_stage_id: stage_id,
            entered_at: Some(now),
            exited_at: None,
            days_in_stage: 0,
            current: true,
        });
        self.applications.edit(id, now, |row| {
            row.stage_id = Some(stay);
            row.stage_name = Some(name);
        });
        self.stir(id, now);
        Ok(())
    }

    fn in_process(&self, id: u64) -> Result<Application> {
        let app = self.application(id)?;
        match app.status.as_str() {
            "in_process" => Ok(app),
            other => Err(Refused::invalid(
                "application",
                format!("is {other}, not in process"),
            )),
        }
    }

    fn set_status(&mut self, now: Time, id: u64, status: &str, rejected_at: Option<Time>) {
        self.applications.edit(id, now, |row| {
            row.status = status.into();
            row.rejected_at = rejected_at;
        });
        self.stir(id, now);
    }

    fn stage_news(&self, id: u64, action: &'static str) -> Result {
        let app = self.application(id)?;
        let payload = self.nested_application(&app, STAGE);
        Ok(Acted::one(action, payload, touched(&app)))
    }

    fn other_news(&self, id: u64, action: &'static str) -> Result {
        let app = self.application(id)?;
        let payload = self.nested_application(&app, OTHER);
        Ok(Acted::one(action, payload, touched(&app)))
    }
}

fn touched(app: &Application) -> Touched {
    Touched {
        candidate_id: Some(app.candidate_id),
        application_id: Some(app.id),
        ..Touched::default()
    }
}

/// Whole days since a moment.
pub(crate) fn days(since: Option<Time>, now: Time) -> i64 {
    since.map_or(0, |since| (now.ms() - since.ms()) / 86_400_000)
}
