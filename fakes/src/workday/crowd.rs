//! A made-up crowd of any size: each person, each application and its history are computed from a
//! number, so that hundreds of thousands cost no memory.

use std::ops::Range;
use std::sync::Arc;

use super::company::SOURCES;
use super::rows::{Application, Candidate, DISPOSITIONS, STAGES, Stay};
use super::table::{Crowd, Window};
use super::world::{Refused, World};
use crate::clock::Time;

const DAY_MS: i64 = 86_400_000;

/// What the rows of a crowd are computed from.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) count: u64,
    candidates: u64,
    applications: u64,
    since: Time,
    until: Time,
    requisitions: Arc<[u64]>,
}

impl Plan {
    /// The places last changed within the window.
    pub(crate) fn places(&self, window: Window) -> Range<u64> {
        let start = window.0.map_or(0, |from| self.first_place(|at| at >= from));
        let end = window
            .1
            .map_or(self.count, |through| self.first_place(|at| at > through));
        start..end.max(start)
    }

    /// The crowd's application of one of the crowd's candidates.
    pub(crate) fn application_of(&self, candidate: u64) -> Option<u64> {
        let place = candidate.checked_sub(self.candidates)?;
        (place < self.count).then_some(self.applications + place)
    }

    /// The crowd's candidates whose transactions lie within the window.
    pub(crate) fn candidates_in(&self, window: Window) -> Range<u64> {
        let places = self.places(window);
        self.candidates + places.start..self.candidates + places.end
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
        let span = i128::from(self.until.ms() - self.since.ms());
        let step = span * i128::from(place) / i128::from(self.count.max(1));
        Time::from_ms(self.since.ms() + i64::try_from(step).unwrap_or_default())
    }

    /// How far the application came, in stages.
    fn depth(&self, place: u64) -> usize {
        (mixed(place) % STAGES.len() as u64) as usize
    }

    fn applied(&self, place: u64) -> Time {
        let days = 1 + 4 * self.depth(place) as i64;
        Time::from_ms(self.time(place).ms() - days * DAY_MS)
    }
}

fn mixed(place: u64) -> u64 {
    place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
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
    /// Adds `count` candidates with one application each, last changed over the half year before
    /// `now`. Needs requisitions; there can be one crowd.
    pub(crate) fn seed_crowd(&mut self, count: u64, now: Time) -> Result<(), Refused> {
        let requisitions: Vec<u64> = self.requisitions.iter().map(|row| row.id).collect();
        if requisitions.is_empty() || self.plan.is_some() {
            let text = "a crowd needs a company first, and there is one crowd";
            return Err(Refused::invalid("seed_many", text));
        }
        let plan = Plan {
            count,
            candidates: self.next_candidate,
            applications: self.next_application,
            since: now.plus_secs(-180 * 86_400),
            until: now,
            requisitions: requisitions.into(),
        };
        self.next_candidate += count;
        self.next_application += count;
        self.candidates.set_crowd(Crowd {
            first: plan.candidates,
            plan: plan.clone(),
            make: candidate,
        });
        self.applications.set_crowd(Crowd {
            first: plan.applications,
            plan: plan.clone(),
            make: application,
        });
        self.plan = Some(plan);
        self.generation += 1;
        Ok(())
    }
}

fn candidate(plan: &Plan, place: u64) -> Candidate {
    let first = FIRST[(place % 16) as usize];
    let last = LAST[(place / 16 % 16) as usize];
    Candidate {
        id: plan.candidates + place,
        first_name: first.into(),
        last_name: last.into(),
        email: Some(format!(
            "{}.{}.{place}@example.com",
            first.to_lowercase(),
            last.to_lowercase()
        )),
        phone: None,
        city: None,
        profile_url: None,
        tags: Vec::new(),
        pools: Vec::new(),
        do_not_hire: false,
        files: Vec::new(),
        created_at: plan.applied(place),
        updated_at: plan.time(place),
    }
}

fn application(plan: &Plan, place: u64) -> Application {
    let updated_at = plan.time(place);
    let applied_at = plan.applied(place);
    let depth = plan.depth(place);
    let entered = |at: usize| Time::from_ms(applied_at.ms() + 4 * DAY_MS * at as i64);
    let history = (0..=depth)
        .map(|at| Stay {
            stage: &STAGES[at],
            entered: entered(at),
            exited: (at < depth).then(|| entered(at + 1)),
        })
        .collect();
    let luck = mixed(place ^ 0x5bd1);
    let ended = luck.is_multiple_of(3) && depth + 1 < STAGES.len();
    Application {
        id: plan.applications + place,
        candidate_id: plan.candidates + place,
        requisition_id: plan.requisitions[(luck % plan.requisitions.len() as u64) as usize],
        applied_at,
        stage: &STAGES[depth],
        disposition: ended.then(|| &DISPOSITIONS[(luck / 3 % 6) as usize]),
        status_at: if ended { updated_at } else { entered(depth) },
        source: Some(SOURCES[(place % SOURCES.len() as u64) as usize]),
        referred_by: None,
        history,
        created_at: applied_at,
        updated_at,
    }
}
