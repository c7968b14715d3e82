//! Acts around interviews and offers. They bump their own record and the candidate's transaction
//! log, and leave the application alone: a stage moves only when somebody moves it.

use super::acts::{Acted, touching};
use super::company::WORKERS;
use super::rows::{Interview, Offer};
use super::world::{Refused, World};
use crate::clock::Time;

impl World {
    pub(crate) fn schedule_interview(
        &mut self,
        now: Time,
        application_id: u64,
        starts_at: Time,
    ) -> Result<Acted, Refused> {
        let candidate = self.application(application_id)?.candidate_id;
        let id = self.next_id();
        let first = (id % (WORKERS.len() as u64 - 1)) as usize;
        self.interviews.insert(Interview {
            id,
            application_id,
            status: "Scheduled".into(),
            starts_at,
            ends_at: starts_at.plus_secs(3600),
            interviewers: WORKERS[first..first + 2].iter().collect(),
            created_at: now,
            updated_at: now,
        });
        self.note(now, candidate);
        Ok(touching(|touched| touched.interview_id = Some(id)))
    }

    pub(crate) fn end_interview(
        &mut self,
        now: Time,
        id: u64,
        status: &str,
    ) -> Result<Acted, Refused> {
        if !["Completed", "Canceled"].contains(&status) {
            return Err(Refused::Missing("interview status"));
        }
        let edited = self.interviews.edit(id, now, |row| {
            row.status = status.into();
            row.application_id
        });
        let application = edited.ok_or(Refused::Missing("interview"))?;
        let candidate = self.application(application)?.candidate_id;
        self.note(now, candidate);
        Ok(touching(|touched| touched.interview_id = Some(id)))
    }

    pub(crate) fn extend_offer(
        &mut self,
        now: Time,
        application_id: u64,
    ) -> Result<Acted, Refused> {
        let candidate = self.application(application_id)?.candidate_id;
        let id = self.next_id();
        self.offers.insert(Offer {
            id,
            application_id,
            status: "Extended".into(),
            extended_at: now,
            answered_at: None,
            start_on: Some(now.plus_secs(45 * 86_400)),
            created_at: now,
            updated_at: now,
        });
        self.note(now, candidate);
        Ok(touching(|touched| touched.offer_id = Some(id)))
    }

    pub(crate) fn answer_offer(
        &mut self,
        now: Time,
        id: u64,
        status: &str,
    ) -> Result<Acted, Refused> {
        if !["Accepted", "Declined"].contains(&status) {
            return Err(Refused::Missing("offer status"));
        }
        let edited = self.offers.edit(id, now, |row| {
            row.status = status.into();
            row.answered_at = Some(now);
            row.application_id
        });
        let application = edited.ok_or(Refused::Missing("offer"))?;
        let candidate = self.application(application)?.candidate_id;
        self.note(now, candidate);
        Ok(touching(|touched| touched.offer_id = Some(id)))
    }

    fn next_id(&mut self) -> u64 {
        self.next_other += 1;
        self.next_other - 1
    }
}
