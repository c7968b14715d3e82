//! What a test may look up in the tenant without a call.

use super::Workday;
use super::rows::{Application, Candidate, Interview, Offer, Requisition};
use crate::clock::Clock;

impl Workday {
    /// One application.
    pub fn application(&self, id: u64) -> Option<Application> {
        let core = self.lock();
        core.world.application(id).ok().map(|row| row.into_owned())
    }

    /// One candidate.
    pub fn candidate(&self, id: u64) -> Option<Candidate> {
        let core = self.lock();
        core.world.candidate(id).ok().map(|row| row.into_owned())
    }

    /// One requisition.
    pub fn requisition(&self, id: u64) -> Option<Requisition> {
        let core = self.lock();
        core.world.requisition(id).ok().map(|row| row.into_owned())
    }

    /// The stored applications (a crowd left out), oldest first.
    pub fn applications(&self) -> Vec<Application> {
        self.lock().world.applications.iter().cloned().collect()
    }

    /// The stored candidates (a crowd left out), oldest first.
    pub fn candidates(&self) -> Vec<Candidate> {
        self.lock().world.candidates.iter().cloned().collect()
    }

    /// The applications of one candidate, oldest first.
    pub fn applications_of(&self, candidate_id: u64) -> Vec<Application> {
        let core = self.lock();
        let found = core.world.applications_of(candidate_id).into_iter();
        found.map(|row| row.into_owned()).collect()
    }

    /// The requisitions, oldest first.
    pub fn requisitions(&self) -> Vec<Requisition> {
        self.lock().world.requisitions.iter().cloned().collect()
    }

    /// The interviews, oldest first.
    pub fn interviews(&self) -> Vec<Interview> {
        self.lock().world.interviews.iter().cloned().collect()
    }

    /// The offers, oldest first.
    pub fn offers(&self) -> Vec<Offer> {
        self.lock().world.offers.iter().cloned().collect()
    }

    /// How many applications there are, a crowd included.
    pub fn application_count(&self) -> u64 {
        self.lock().world.applications.len()
    }

    /// How many candidates there are, a crowd included.
    pub fn candidate_count(&self) -> u64 {
        self.lock().world.candidates.len()
    }

    /// The fake's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
