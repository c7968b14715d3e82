//! Acts about interviews, their panels, scorecards and what belongs to them. None causes a webhook until something is deleted:
//! whoever wants to know reads the lists.

use serde_json::json;

use super::acts::{Acted, Result, Touched};
use super::feedback_rows::{
    Attachment, InterviewKit, JobCandidateAttribute, JobInterview, ScorecardCandidateAttribute,
    ScorecardQuestion, ScorecardQuestionAnswer,
};
use super::people_rows::{Interview, Interviewer, Scorecard};
use super::world::{Refused, World, find};
use crate::clock::Time;

const LENGTH_SECS: i64 = 45 * 60;

impl World {
    /// The plan's interview behind a stage: its kit, what the kit asks.
    pub(crate) fn plan_interview(
        &mut self,
        now: Time,
        job_id: u64,
        stage_id: u64,
        name: &str,
    ) -> (u64, u64) {
        let (interview, kit) = (self.ids.next(), self.ids.next());
        self.job_interviews.insert(JobInterview {
            id: interview,
            created_at: now,
            updated_at: now,
            job_interview_stage_id: stage_id,
            job_id,
            sort_order: 0,
            scheduling_type: Some("needs_scheduling".into()),
            duration: Some(45),
            summary: None,
            instructions: None,
            name: name.into(),
            active: true,
            require_scorecard: Some(true),
        });
        self.interview_kits.insert(InterviewKit {
            id: kit,
            created_at: now,
            updated_at: now,
            job_id,
            job_interview_id: interview,
            exercises: None,
            anonymize_candidate: None,
            anonymize_resumes: None,
        });
        let asked = [
            ("What speaks for a next step?", "text"),
            ("Would you work with them?", "yes_no"),
        ];
        for (place, (question, answer_type)) in asked.into_iter().enumerate() {
            let id = self.ids.next();
            self.scorecard_questions.insert(ScorecardQuestion {
                id,
                created_at: now,
                updated_at: now,
                interview_kit_id: kit,
                question: question.into(),
                sort_order: place as u64,
                active: true,
                answer_type: answer_type.into(),
                required: false,
            });
        }
        (interview, kit)
    }

    pub(crate) fn add_attribute(&mut self, now: Time, job_id: u64, name: &str) {
        let (id, kind) = (self.ids.next(), self.ids.next());
        self.job_candidate_attributes.insert(JobCandidateAttribute {
            id,
            created_at: now,
            updated_at: now,
            job_id,
            candidate_attribute_type_id: kind,
            name: name.into(),
            sort_order: None,
            active: true,
        });
    }

    pub(crate) fn schedule_interview(
        &mut self,
        now: Time,
        application_id: u64,
        starts_at: Time,
        user_id: Option<u64>,
    ) -> Result {
        let app = self.application(application_id)?;
        let stage = self.current_stage(&app);
        let stage = stage.ok_or_else(|| Refused::invalid("application_id", "is in no stage"))?;
        let id = self.ids.next();
        self.interviews.insert(Interview {
            id,
            created_at: now,
            updated_at: now,
            job_id: stage.job_id,
            application_id,
            job_interview_id: stage._interview_id.unwrap_or(stage.id),
            starts_at: Some(starts_at),
            ends_at: Some(starts_at.plus_secs(LENGTH_SECS)),
            location: None,
            status: "scheduled".into(),
            organizer_id: app.coordinator_id,
            scheduled_at: Some(now),
            all_day_start_on: None,
            all_day_end_on: None,
            external_event_id: Some(format!("event-{id}")),
            video_conferencing_url: Some(format!("https://video.example.com/{id}")),
            availability_received_at: None,
        });
        if let Some(user_id) = user_id {
            self.seat(now, id, user_id)?;
        }
        self.stir(application_id, now);
        Ok(silent(application_id, id))
    }

    /// Another time for a planned interview.
    pub(crate) fn reschedule_interview(&mut self, now: Time, id: u64, starts_at: Time) -> Result {
        self.edit_interview(now, id, |row| {
            row.status = "scheduled".into();
            row.starts_at = Some(starts_at);
            row.ends_at = Some(starts_at.plus_secs(LENGTH_SECS));
            row.scheduled_at = Some(now);
        })
    }

    /// Called off: the row stays, emptied, to be planned anew.
    pub(crate) fn cancel_interview(&mut self, now: Time, id: u64) -> Result {
        self.edit_interview(now, id, |row| {
            row.status = "to_be_scheduled".into();
            (row.starts_at, row.ends_at, row.scheduled_at) = (None, None, None);
            (row.external_event_id, row.video_conferencing_url) = (None, None);
        })
    }

    /// The interview's time has passed.
    pub(crate) fn end_interview(&mut self, now: Time, id: u64) -> Result {
        self.edit_interview(now, id, |row| row.status = "awaiting_feedback".into())
    }

    /// Another person joins the panel.
    pub(crate) fn add_interviewer(&mut self, now: Time, id: u64, user_id: u64) -> Result {
        let application_id = find(&self.interviews, id, "Interview")?.application_id;
        self.seat(now, id, user_id)?;
        Ok(silent(application_id, id))
    }

    pub(crate) fn delete_interview(&mut self, id: u64) -> Result {
        self.interviews
            .remove(id)
            .ok_or(Refused::Missing("Interview"))?;
        self.forget_panel(id);
        let payload = json!({"interview": {"id": id}});
        Ok(Acted::one("interview_deleted", payload, Touched::row(id)))
    }

    /// A scorecard begun and not handed in.
    pub(crate) fn draft_scorecard(
        &mut self,
        now: Time,
        application_id: u64,
        user_id: u64,
    ) -> Result {
        let app = self.application(application_id)?;
        find(&self.users, user_id, "User")?;
        let kit = self.current_stage(&app).and_then(|stage| stage._kit_id);
        let id = self.ids.next();
        self.scorecards.insert(Scorecard {
            id,
            created_at: now,
            updated_at: now,
            interview_kit_id: kit.unwrap_or(id),
            interviewer_id: user_id,
            interviewed_at: None,
            notes: None,
            notes_with_tags: None,
            submitter_id: user_id,
            candidate_rating: None,
            private_notes: None,
            private_notes_with_tags: None,
            status: "draft".into(),
            public_notes: None,
            public_notes_with_tags: None,
            application_id,
            submitted_at: None,
        });
        Ok(silent(application_id, id))
    }

    /// A scorecard handed in at once, its questions answered, the interview complete.
    pub(crate) fn submit_scorecard(
        &mut self,
        now: Time,
        application_id: u64,
        user_id: u64,
        rating: Option<String>,
    ) -> Result {
        let done = self.draft_scorecard(now, application_id, user_id)?;
        let id = done.touched.row_id.unwrap_or_default();
        self.finish_scorecard(now, id, rating)
    }

    /// A draft is handed in, or a scorecard that was is changed.
    pub(crate) fn finish_scorecard(
        &mut self,
        now: Time,
        id: u64,
        rating: Option<String>,
    ) -> Result {
        let card = find(&self.scorecards, id, "Scorecard")?;
        let first = card.status == "draft";
        self.scorecards.edit(id, now, |row| {
            row.status = "complete".into();
            row.interviewed_at = row.interviewed_at.or(Some(now));
            row.submitted_at = row.submitted_at.or(Some(now));
            row.candidate_rating.clone_from(&rating);
        });
        if first {
            self.answer_questions(now, &card, rating.as_deref());
            self.complete_interview(now, &card);
        }
        self.stir(card.application_id, now);
        Ok(silent(card.application_id, id))
    }

    pub(crate) fn delete_scorecard(&mut self, id: u64) -> Result {
        let card = self
            .scorecards
            .remove(id)
            .ok_or(Refused::Missing("Scorecard"))?;
        self.forget_answers(id);
        let app = self.applications.get(card.application_id);
        let payload = json!({"scorecard": {
            "id": card.id,
            "candidate_id": app.map(|app| app.candidate_id),
            "interviewed_at": card.interviewed_at,
            "created_at": card.created_at,
            "updated_at": card.updated_at,
            "scorecard_status": card.status,
        }});
        Ok(Acted::one("scorecard_deleted", payload, Touched::row(id)))
    }

    pub(crate) fn attach(
        &mut self,
        now: Time,
        application_id: u64,
        kind: &str,
        filename: &str,
    ) -> Result {
        let app = self.application(application_id)?;
        let id = self.ids.next();
        let file = Attachment::new(id, now, application_id, app.candidate_id, kind, filename);
        self.attachments.insert(file);
        self.stir(application_id, now);
        Ok(silent(application_id, id))
    }

    pub(crate) fn delete_attachment(&mut self, id: u64) -> Result {
        self.attachments
            .remove(id)
            .ok_or(Refused::Missing("Attachment"))?;
        Ok(Acted::silent(Touched::row(id)))
    }

    /// What hangs on an application's interviews and scorecards goes with them.
    pub(crate) fn forget_feedback(&mut self, application_id: u64) {
        let wanted = [application_id];
        let (all, cards) = (&self.interviews, &self.scorecards);
        let interviews = all.pointing_at("application_id", &wanted, u64::MAX);
        let interviews: Vec<u64> = interviews.iter().map(|row| row.id).collect();
        let cards = cards.pointing_at("application_id", &wanted, u64::MAX);
        let cards: Vec<u64> = cards.iter().map(|row| row.id).collect();
        interviews.into_iter().for_each(|id| self.forget_panel(id));
        cards.into_iter().for_each(|id| self.forget_answers(id));
    }

    fn answer_questions(&mut self, now: Time, card: &Scorecard, rating: Option<&str>) {
        let asked: Vec<(u64, bool)> = self
            .scorecard_questions
            .iter()
            .filter(|row| row.interview_kit_id == card.interview_kit_id)
            .map(|row| (row.id, row.answer_type == "yes_no"))
            .collect();
        for (question, yes_no) in asked {
            let id = self.ids.next();
            let text = (!yes_no).then(|| "Calm and precise.".to_owned());
            self.scorecard_question_answers
                .insert(ScorecardQuestionAnswer {
                    id,
                    created_at: now,
                    updated_at: now,
                    scorecard_id: card.id,
                    scorecard_question_id: question,
                    answer: text.clone(),
                    answer_with_tags: text,
                    boolean_value: yes_no.then(|| rating != Some("no")),
                });
        }
        let job = self.applications.get(card.application_id);
        let job = job.and_then(|app| app.job_id);
        let attributes: Vec<u64> = self
            .job_candidate_attributes
            .iter()
            .filter(|row| Some(row.job_id) == job)
            .map(|row| row.id)
            .collect();
        for attribute in attributes {
            let id = self.ids.next();
            self.scorecard_candidate_attributes
                .insert(ScorecardCandidateAttribute {
                    id,
                    created_at: now,
                    updated_at: now,
                    scorecard_id: card.id,
                    candidate_attribute_rating: rating
                        .filter(|r| *r != "strong_no")
                        .unwrap_or("definitely_not")
                        .into(),
                    job_candidate_attribute_id: attribute,
                    note: None,
                });
        }
    }

    fn complete_interview(&mut self, now: Time, card: &Scorecard) {
        let mut interviews = self.interviews.iter().rev();
        let interview = interviews.find(|row| row.application_id == card.application_id);
        let Some(interview) = interview.map(|row| row.id) else {
            return;
        };
        self.interviews
            .edit(interview, now, |row| row.status = "complete".into());
        let mut seats = self.interviewers.iter();
        let seat = seats
            .find(|row| row.interview_id == interview && row.user_id == Some(card.interviewer_id))
            .map(|row| row.id);
        if let Some(seat) = seat {
            self.interviewers
                .edit(seat, now, |row| row.scorecard_id = Some(card.id));
        }
    }

    fn edit_interview(
        &mut self,
        now: Time,
        id: u64,
        change: impl FnOnce(&mut Interview),
    ) -> Result {
        let edited = self.interviews.edit(id, now, |row| {
            change(row);
            row.application_id
        });
        let application_id = edited.ok_or(Refused::Missing("Interview"))?;
        self.stir(application_id, now);
        Ok(silent(application_id, id))
    }

    fn seat(&mut self, now: Time, interview_id: u64, user_id: u64) -> Result<()> {
        let email = find(&self.users, user_id, "User")?.primary_email;
        let id = self.ids.next();
        self.interviewers.insert(Interviewer {
            id,
            created_at: now,
            updated_at: now,
            interview_id,
            user_id: Some(user_id),
            scorecard_id: None,
            email,
            response_status: Some("needs_action".into()),
        });
        Ok(())
    }

    fn forget_panel(&mut self, interview_id: u64) {
        let seats = self.interviewers.iter();
        let seats = seats.filter(|row| row.interview_id == interview_id);
        for seat in seats.map(|row| row.id).collect::<Vec<_>>() {
            self.interviewers.remove(seat);
        }
    }

    fn forget_answers(&mut self, scorecard_id: u64) {
        let answers = self.scorecard_question_answers.iter();
        let answers = answers.filter(|row| row.scorecard_id == scorecard_id);
        for row in answers.map(|row| row.id).collect::<Vec<_>>() {
            self.scorecard_question_answers.remove(row);
        }
        let ratings = self.scorecard_candidate_attributes.iter();
        let ratings = ratings.filter(|row| row.scorecard_id == scorecard_id);
        for row in ratings.map(|row| row.id).collect::<Vec<_>>() {
            self.scorecard_candidate_attributes.remove(row);
        }
    }
}

fn silent(application_id: u64, row: u64) -> Acted {
    Acted::silent(Touched {
        application_id: Some(application_id),
        ..Touched::row(row)
    })
}
