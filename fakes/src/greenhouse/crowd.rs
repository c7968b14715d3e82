//! A made-up crowd of any size: each person is computed from a number, so a million cost nothing.

use serde_json::Map;

use super::people_rows::{Application, ApplicationStage, Candidate, Contact};
use super::table::Crowd;
use super::world::World;
use crate::clock::Time;

/// What the rows of a crowd are computed from.
#[derive(Clone)]
pub(crate) struct Plan {
    candidates: u64,
    applications: u64,
    stays: u64,
    count: u64,
    since: Time,
    until: Time,
    /// Job, its stage, the stage's name.
    seats: std::sync::Arc<[(u64, u64, String)]>,
    sources: std::sync::Arc<[u64]>,
}

impl Plan {
    /// The first id of the crowd's block that `field` points into.
    pub(crate) fn block_of(&self, field: &str) -> Option<u64> {
        match field {
            "candidate_id" => Some(self.candidates),
            "application_id" => Some(self.applications),
            "stage_id" => Some(self.stays),
            _ => None,
        }
    }

    /// The places whose time lies between two moments, both included.
    pub(crate) fn places(&self, from: Option<Time>, to: Option<Time>) -> std::ops::Range<u64> {
        let start = from.map_or(0, |from| self.first_place(|at| at >= from));
        let end = to.map_or(self.count, |to| self.first_place(|at| at > to));
        start..end.max(start)
    }

    fn first_place(&self, reached: impl Fn(Time) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match reached(self.time(middle)) {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        low
    }

    fn time(&self, place: u64) -> Time {
        let span = (self.until.ms() - self.since.ms()) as i128;
        let step = span * i128::from(place) / i128::from(self.count.max(1));
        Time::from_ms(self.since.ms() + step as i64)
    }

    fn seat(&self, place: u64) -> &(u64, u64, String) {
        let mixed = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        &self.seats[(mixed % self.seats.len() as u64) as usize]
    }
}

const FIRST: [&str; 16] = [
    "Amara", "Bela", "Ciro", "Dunja", "Elio", "Fenna", "Goran", "Hilde", "Imre", "Jola", "Kasper",
    "Livia", "Milo", "Nadja", "Orla", "Pavel",
];
const LAST: [&str; 16] = [
    "Abendroth",
    "Birkenau",
    "Castell",
    "Dorfler",
    "Eschen",
    "Falkner",
    "Grauer",
    "Hollunder",
    "Isbary",
    "Jungblut",
    "Kestner",
    "Lindqvar",
    "Morvan",
    "Nordkamp",
    "Ostrava",
    "Quill",
];

impl World {
    /// Adds `count` candidates with one application each, over the half year before `now`.
    /// Later ones are newer. Needs jobs with stages; there can be one crowd.
    pub(crate) fn seed_crowd(&mut self, count: u64, now: Time) {
        let seats: Vec<_> = self
            .job_interview_stages
            .iter()
            .map(|stage| (stage.job_id, stage.id, stage.name.clone()))
            .collect();
        assert!(!seats.is_empty(), "a crowd needs a company with jobs first");
        let plan = Plan {
            candidates: self.ids.block(count),
            applications: self.ids.block(count),
            stays: self.ids.block(count),
            count,
            since: now.plus_secs(-180 * 86_400),
            until: now,
            seats: seats.into(),
            sources: self.sources.iter().map(|source| source.id).collect(),
        };
        self.candidates
            .set_crowd(crowd(plan.candidates, &plan, candidate));
        self.applications
            .set_crowd(crowd(plan.applications, &plan, application));
        self.application_stages
            .set_crowd(crowd(plan.stays, &plan, stay));
    }
}

fn crowd<T>(first: u64, plan: &Plan, make: fn(&Plan, u64) -> T) -> Crowd<T> {
    Crowd {
        first,
        count: plan.count,
        make,
        plan: plan.clone(),
    }
}

fn candidate(plan: &Plan, place: u64) -> Candidate {
    let at = plan.time(place);
    let first = FIRST[(place % 16) as usize];
    let last = LAST[(place / 16 % 16) as usize];
    let email = format!(
        "{}.{}.{place}@example.com",
        first.to_lowercase(),
        last.to_lowercase()
    );
    Candidate {
        id: plan.candidates + place,
        created_at: at,
        updated_at: at,
        first_name: Some(first.into()),
        last_name: Some(last.into()),
        preferred_name: None,
        company: None,
        title: None,
        last_activity_at: Some(at),
        private: Some(false),
        can_email: true,
        time_zone: None,
        tags: Vec::new(),
        linked_user_ids: Vec::new(),
        phone_numbers: Vec::new(),
        addresses: Vec::new(),
        email_addresses: vec![Contact::new(email, "personal")],
        website_addresses: Vec::new(),
        social_media_addresses: Vec::new(),
        custom_fields: Map::new(),
        _recruiter_id: None,
        _coordinator_id: None,
    }
}

fn application(plan: &Plan, place: u64) -> Application {
    let at = plan.time(place);
    let (job, _, stage) = plan.seat(place);
    Application {
        id: plan.applications + place,
        created_at: at,
        updated_at: at,
        agency_note_id: None,
        candidate_id: plan.candidates + place,
        coordinator_id: None,
        job_id: Some(*job),
        job_post_id: None,
        recruiter_id: None,
        referrer_id: None,
        source_id: match plan.sources.len() as u64 {
            0 => None,
            n => Some(plan.sources[(place % n) as usize]),
        },
        stage_id: Some(plan.stays + place),
        stage_name: Some(stage.clone()),
        status: "in_process".into(),
        needs_decision: Some(false),
        prospect: false,
        rejected_at: None,
        last_activity_at: Some(at),
        location_address: None,
        answers: None,
        prospective_job_ids: Vec::new(),
        custom_fields: Map::new(),
    }
}

fn stay(plan: &Plan, place: u64) -> ApplicationStage {
    let at = plan.time(place);
    ApplicationStage {
        id: plan.stays + place,
        created_at: at,
        updated_at: at,
        application_id: plan.applications + place,
        job_interview_stage_id: plan.seat(place).1,
        entered_at: Some(at),
        exited_at: None,
        days_in_stage: 0,
        current: true,
    }
}
