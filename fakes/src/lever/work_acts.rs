//! Acts about what hangs on an opportunity: notes, interviews, feedback, offers, files. None of them
//! moves the opportunity's `updatedAt`, except a note that is rewritten; only interviews are told.

use super::acts::{Act, Acted, Hand, Result, id_in, optional};
use super::id::Id;
use super::opportunity_acts::{interview_news, touched};
use super::rows::{Eeo, Feedback, File, Interview, Note, NoteField, Offer, Opportunity};
use super::world::{Refused, invalid};
use crate::clock::Time;

const OFFER_STATUSES: [&str; 8] = [
    "draft",
    "approval-sent",
    "approved",
    "sent",
    "sent-manually",
    "opened",
    "denied",
    "signed",
];

impl Hand<'_> {
    pub(crate) fn act_on_work(&mut self, act: Act) -> Result {
        let opp = |text: &str| id_in("opportunities", text);
        match act {
            Act::AddNote {
                opportunity_id,
                value,
                user_id,
                secret,
            } => {
                self.by = optional("users", user_id)?.or(self.by);
                let id = self.add_note(opp(&opportunity_id)?, value, None, secret)?;
                Ok(Acted::row(id))
            }
            Act::DeleteNote { note_id } => self.delete_note(id_in("notes", &note_id)?),
            Act::ScheduleInterview {
                opportunity_id,
                date,
                user_id,
            } => {
                let user = optional("users", user_id)?;
                self.schedule(opp(&opportunity_id)?, date, user)
            }
            Act::MoveInterview { interview_id, date } => {
                self.edit_interview(&interview_id, |row, _| row.date = date)
            }
            Act::CancelInterview { interview_id } => {
                self.edit_interview(&interview_id, |row, now| row.canceled_at = Some(now))
            }
            Act::DeleteInterview { interview_id } => self.delete_interview(&interview_id),
            Act::SubmitFeedback {
                opportunity_id,
                user_id,
                rating,
                interview_id,
                draft,
            } => {
                let user = id_in("users", &user_id)?;
                let interview = optional("interviews", interview_id)?;
                self.submit(opp(&opportunity_id)?, user, rating, interview, draft)
            }
            Act::DeleteFeedback { feedback_id } => {
                let id = id_in("feedback", &feedback_id)?;
                let row = self.world.feedback.get_mut(id);
                let row = row.ok_or_else(|| Refused::Missing("feedback", id.to_string()))?;
                (row.deleted_at, row.updated_at) = (Some(self.now), Some(self.now));
                Ok(Acted::row(id))
            }
            Act::CreateOffer {
                opportunity_id,
                salary,
                requisition_id,
            } => {
                let requisition = optional("requisitions", requisition_id)?;
                self.create_offer(opp(&opportunity_id)?, salary, requisition)
            }
            Act::SetOffer { offer_id, status } => self.set_offer(&offer_id, status),
            Act::AddFile {
                opportunity_id,
                name,
                resume,
                broken,
            } => {
                let row = self.world.opportunity(opp(&opportunity_id)?)?;
                let id = self.world.new_id();
                self.world.files.insert(File {
                    id,
                    opportunity: row.id,
                    name,
                    uploaded_at: self.now,
                    bytes: 21_480,
                    resume,
                    broken,
                });
                Ok(Acted::row(id))
            }
            Act::AnswerEeo { opportunity_id } => self.answer_eeo(opp(&opportunity_id)?),
            other => self.act_on_account(other),
        }
    }

    /// Begins a thread, or adds a comment to one.
    pub(crate) fn add_note(
        &mut self,
        id: Id,
        value: String,
        thread: Option<Id>,
        secret: bool,
    ) -> Result<Id> {
        let row = self.world.opportunity(id)?;
        let field = NoteField {
            value,
            user: self.by,
            created_at: self.now,
            score: None,
            stage: row.stage,
        };
        if let Some(thread) = thread {
            let note = self.world.notes.get_mut(thread);
            let note = note.filter(|note| note.opportunity == id);
            let note = note.ok_or_else(|| Refused::Missing("notes", thread.to_string()))?;
            note.fields.push(field);
            return Ok(thread);
        }
        let note = Note {
            id: self.world.new_id(),
            opportunity: id,
            fields: vec![field],
            user: self.by,
            secret,
            created_at: self.now,
            deleted_at: None,
            by_api: false,
        };
        let id = note.id;
        self.world.notes.insert(note);
        Ok(id)
    }

    /// It stays in the list, with the day it was deleted.
    pub(crate) fn delete_note(&mut self, id: Id) -> Result {
        let note = self.world.notes.get_mut(id);
        let note = note.ok_or_else(|| Refused::Missing("notes", id.to_string()))?;
        note.deleted_at = Some(self.now);
        Ok(Acted::row(id))
    }

    fn schedule(&mut self, id: Id, date: Time, user: Option<Id>) -> Result {
        let row = self.world.opportunity(id)?;
        let anybody = self.world.users.iter().next().map(|user| user.id);
        let interviewer = user.or(row.owner).or(anybody);
        let interviewer = interviewer.ok_or_else(|| invalid("there is nobody to interview"))?;
        let interview = Interview {
            id: self.world.new_id(),
            opportunity: id,
            panel: self.world.new_id(),
            interviewer,
            created_at: self.now,
            date,
            minutes: 45,
            stage: row.stage,
            canceled_at: None,
            template: None,
            posting: row.application.as_ref().map(|is| is.posting),
        };
        let number = interview.id;
        self.world.interviews.insert(interview);
        Ok(interview_acted("interviewCreated", &row, number))
    }

    fn edit_interview(&mut self, id: &str, change: impl FnOnce(&mut Interview, Time)) -> Result {
        let id = id_in("interviews", id)?;
        let interview = self.world.interviews.get_mut(id);
        let interview = interview.ok_or_else(|| Refused::Missing("interviews", id.to_string()))?;
        change(interview, self.now);
        let row = interview.opportunity;
        let row = self.world.opportunity(row)?;
        Ok(interview_acted("interviewUpdated", &row, id))
    }

    fn delete_interview(&mut self, id: &str) -> Result {
        let id = id_in("interviews", id)?;
        let interview = self.world.interviews.remove(id);
        let interview = interview.ok_or_else(|| Refused::Missing("interviews", id.to_string()))?;
        let row = self.world.opportunity(interview.opportunity)?;
        Ok(interview_acted("interviewDeleted", &row, id))
    }

    pub(crate) fn forget_interviews_to_come(&mut self, opportunity: Id) {
        let all = self.world.interviews.of(opportunity);
        let to_come = all.iter().filter(|row| row.date > self.now);
        let ids: Vec<Id> = to_come.map(|row| row.id).collect();
        for id in ids {
            self.world.interviews.remove(id);
        }
    }

    fn submit(
        &mut self,
        id: Id,
        user: Id,
        rating: u64,
        interview: Option<Id>,
        draft: bool,
    ) -> Result {
        self.world.opportunity(id)?;
        if !(1..=4).contains(&rating) {
            return Err(invalid("a rating goes from 1 to 4"));
        }
        let panel = match interview {
            Some(interview) => {
                let found = self.world.interviews.get(interview);
                let missing = || Refused::Missing("interviews", interview.to_string());
                Some(found.ok_or_else(missing)?.panel)
            }
            None => None,
        };
        let feedback = Feedback {
            id: self.world.new_id(),
            opportunity: id,
            interview,
            panel,
            user,
            rating,
            comment: "Clear answers.".into(),
            created_at: self.now,
            updated_at: None,
            completed_at: (!draft).then_some(self.now),
            deleted_at: None,
        };
        let number = feedback.id;
        self.world.feedback.insert(feedback);
        Ok(Acted::row(number))
    }

    fn create_offer(&mut self, id: Id, salary: u64, requisition: Option<Id>) -> Result {
        let row = self.world.opportunity(id)?;
        let offer = self.world.new_id();
        if let Some(id) = requisition {
            let found = self.world.requisitions.get_mut(id);
            let found = found.ok_or_else(|| Refused::Missing("requisitions", id.to_string()))?;
            found.offers.push(offer);
        }
        self.world.offers.insert(Offer {
            id: offer,
            opportunity: id,
            created_at: self.now,
            status: "draft".into(),
            creator: self.by.or(row.owner),
            posting: row.application.as_ref().map(|is| is.posting),
            salary,
            starts_on: self.now.plus_secs(30 * 86_400),
            sent_at: None,
            signed_at: None,
        });
        Ok(Acted::row(offer))
    }

    fn set_offer(&mut self, id: &str, status: String) -> Result {
        if !OFFER_STATUSES.contains(&status.as_str()) {
            return Err(invalid(format!("{status} is no status of an offer")));
        }
        let id = id_in("offers", id)?;
        let offer = self.world.offers.get_mut(id);
        let offer = offer.ok_or_else(|| Refused::Missing("offers", id.to_string()))?;
        if status.starts_with("sent") {
            offer.sent_at = Some(self.now);
        }
        if status == "signed" {
            offer.signed_at = Some(self.now);
        }
        offer.status = status;
        Ok(Acted::row(id))
    }

    fn answer_eeo(&mut self, id: Id) -> Result {
        let row = self.world.opportunity(id)?;
        let application = row.application;
        let application = application.ok_or_else(|| invalid("only applicants are asked"))?;
        let number = self.world.new_id();
        self.world.eeo.insert(Eeo {
            id: number,
            opportunity: id,
            application: application.id,
            posting: application.posting,
            created_at: self.now,
            answers: ["gender", "race", "veteran", "disability"]
                .map(|question| (question, "Decline to self-identify".to_string())),
        });
        Ok(Acted::row(number))
    }
}

fn interview_acted(event: &'static str, row: &Opportunity, interview: Id) -> Acted {
    let mut touched = touched(row);
    touched.row_id = Some(interview.to_string());
    Acted {
        news: vec![interview_news(event, row, interview)],
        touched,
    }
}
