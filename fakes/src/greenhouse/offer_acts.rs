//! Acts about offers, interviews and scorecards. Interviews and scorecards cause no webhook until
//! they are deleted.

use serde_json::{Map, json};

use super::acts::{Acted, Result, Touched};
use super::people_rows::{Interview, Interviewer, Offer, Scorecard};
use super::world::{Refused, World, find, set_custom};
use crate::clock::Time;

impl World {
    pub(crate) fn create_offer(
        &mut self,
        now: Time,
        application_id: u64,
        starts_on: Option<String>,
        salary: Option<u64>,
    ) -> Result {
        let app = self.application(application_id)?;
        let job_id = app
            .job_id
            .ok_or_else(|| Refused::invalid("application_id", "has no job"))?;
        let opening = self.openings.iter();
        let mut opening = opening.filter(|row| row.job_id == job_id && row.open);
        let opening_id = opening.next().map(|row| row.id);
        let id = self.ids.next();
        let mut offer = Offer {
            id,
            created_at: now,
            updated_at: now,
            version: 1,
            application_id,
            job_id,
            candidate_id: app.candidate_id,
            opening_id,
            status: "Created".into(),
            starts_on,
            sent_on: None,
            resolved_at: None,
            custom_fields: Map::new(),
            _user_id: app.recruiter_id,
            _notes: None,
            _current: true,
        };
        set_salary(&mut offer, salary);
        let payload = self.flat_offer(&offer);
        self.offers.insert(offer);
        self.stir(application_id, now);
        Ok(Acted::one("offer_created", payload, self.about(id)))
    }

    pub(crate) fn approve_offer(&mut self, now: Time, id: u64) -> Result {
        let today = now.to_date_text();
        self.edit_version(now, id, |row| row.sent_on = Some(today))?;
        let offer = self.offer(id)?;
        let payload = self.flat_offer(&offer);
        Ok(Acted::one("offer_approved", payload, self.about(id)))
    }

    /// A tracked change: the old version is deprecated, a new one takes its place.
    pub(crate) fn edit_offer(
        &mut self,
        now: Time,
        id: u64,
        starts_on: Option<String>,
        salary: Option<u64>,
    ) -> Result {
        let old = self.offer(id)?;
        if !old._current {
            return Err(Refused::invalid("offer_id", "is an old version"));
        }
        self.edit_version(now, id, |row| {
            row.status = "Deprecated".into();
            row._current = false;
        })?;
        let next = self.ids.next();
        let mut offer = Offer {
            id: next,
            created_at: now,
            updated_at: now,
            version: old.version + 1,
            starts_on: starts_on.or(old.starts_on.clone()),
            ..old
        };
        set_salary(&mut offer, salary);
        let created = self.flat_offer(&offer);
        self.stir(offer.application_id, now);
        self.offers.insert(offer);
        let deprecated = self.flat_offer(&self.offer(id)?);
        let touched = self.about(next);
        Ok(
            Acted::one("offer_updated", deprecated, touched.clone()).and(Acted::one(
                "offer_created",
                created,
                touched,
            )),
        )
    }

    pub(crate) fn decline_offer(&mut self, now: Time, id: u64) -> Result {
        self.settle_offer(now, id, "Rejected", None)
    }

    /// Ends an offer; also called by a hire.
    pub(crate) fn settle_offer(
        &mut self,
        now: Time,
        id: u64,
        status: &str,
        starts_on: Option<String>,
    ) -> Result {
        self.edit_version(now, id, |row| {
            row.status = status.into();
            row.resolved_at = Some(now);
            if starts_on.is_some() {
                row.starts_on = starts_on;
            }
        })?;
        let payload = self.flat_offer(&self.offer(id)?);
        Ok(Acted::one("offer_updated", payload, self.about(id)))
    }

    pub(crate) fn delete_offer(&mut self, id: u64) -> Result {
        let offer = self.offer(id)?;
        let touched = self.about(id);
        self.offers.remove(id);
        let flat = self.flat_offer(&offer);
        let payload = json!({"offer": {
            "id": offer.id,
            "application_id": offer.application_id,
            "offering_user_id": offer._user_id,
            "offer_status": offer.status,
            "version": offer.version,
            "sent_on": offer.sent_on,
            "resolved_at": flat["resolved_at"],
            "notes": offer._notes,
            "job_id": offer.job_id,
        }});
        Ok(Acted::one("offer_deleted", payload, touched))
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
            ends_at: Some(starts_at.plus_secs(45 * 60)),
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
            let email = find(&self.users, user_id, "User")?.primary_email;
            let seat = self.ids.next();
            self.interviewers.insert(Interviewer {
                id: seat,
                created_at: now,
                updated_at: now,
                interview_id: id,
                user_id: Some(user_id),
                scorecard_id: None,
                email,
                response_status: Some("needs_action".into()),
            });
        }
        self.stir(application_id, now);
        Ok(Acted::silent(Touched {
            application_id: Some(application_id),
            ..Touched::row(id)
        }))
    }

    pub(crate) fn delete_interview(&mut self, id: u64) -> Result {
        self.interviews
            .remove(id)
            .ok_or(Refused::Missing("Interview"))?;
        let seats = self
            .interviewers
            .iter()
            .filter(|row| row.interview_id == id);
        for seat in seats.map(|row| row.id).collect::<Vec<_>>() {
            self.interviewers.remove(seat);
        }
        let payload = json!({"interview": {"id": id}});
        Ok(Acted::one("interview_deleted", payload, Touched::row(id)))
    }

    pub(crate) fn submit_scorecard(
        &mut self,
        now: Time,
        application_id: u64,
        user_id: u64,
        rating: Option<String>,
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
            interviewed_at: Some(now),
            notes: None,
            notes_with_tags: None,
            submitter_id: user_id,
            candidate_rating: rating,
            private_notes: None,
            private_notes_with_tags: None,
            status: "complete".into(),
            public_notes: None,
            public_notes_with_tags: None,
            application_id,
            submitted_at: Some(now),
        });
        let interviews = self.interviews.iter().rev();
        let mut interviews = interviews.filter(|row| row.application_id == application_id);
        if let Some(interview) = interviews.next().map(|row| row.id) {
            self.interviews
                .edit(interview, now, |row| row.status = "complete".into());
            let mut seats = self.interviewers.iter();
            let seat = seats
                .find(|row| row.interview_id == interview && row.user_id == Some(user_id))
                .map(|row| row.id);
            if let Some(seat) = seat {
                self.interviewers
                    .edit(seat, now, |row| row.scorecard_id = Some(id));
            }
        }
        self.stir(application_id, now);
        Ok(Acted::silent(Touched {
            application_id: Some(application_id),
            ..Touched::row(id)
        }))
    }

    pub(crate) fn delete_scorecard(&mut self, id: u64) -> Result {
        let card = self
            .scorecards
            .remove(id)
            .ok_or(Refused::Missing("Scorecard"))?;
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

    fn edit_version(&mut self, now: Time, id: u64, change: impl FnOnce(&mut Offer)) -> Result<()> {
        let edited = self.offers.edit(id, now, |row| {
            change(row);
            row.application_id
        });
        let application_id = edited.ok_or(Refused::Missing("Offer"))?;
        self.stir(application_id, now);
        Ok(())
    }

    fn about(&self, offer_id: u64) -> Touched {
        let offer = self.offers.get(offer_id);
        Touched {
            candidate_id: offer.as_ref().map(|offer| offer.candidate_id),
            application_id: offer.as_ref().map(|offer| offer.application_id),
            ..Touched::row(offer_id)
        }
    }
}

fn set_salary(offer: &mut Offer, salary: Option<u64>) {
    if let Some(amount) = salary {
        let value = json!({"amount": amount, "unit": "EUR"});
        set_custom(&mut offer.custom_fields, "Salary", "currency", value);
    }
}
