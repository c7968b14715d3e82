//! Acts about offers: made, approved, changed in versions, settled, deleted.

use serde_json::{Map, json};

use super::acts::{Acted, Result, Touched};
use super::people_rows::Offer;
use super::world::{Refused, World, set_custom};
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
