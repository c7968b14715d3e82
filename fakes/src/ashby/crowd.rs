//! A made-up crowd of any size: each application, its history and its candidate are computed from a
//! number, so that a million cost no memory. It sends no webhooks.

use std::ops::Range;
use std::sync::Arc;

use super::ids::Kind;
use super::rows::{Application, Candidate, Row, Stay};
use super::table::Entry;
use super::world::World;
use crate::clock::Time;

/// What the rows of a crowd are computed from.
pub(crate) struct Plan {
    candidates: u64,
    applications: u64,
    stays: u64,
    count: u64,
    since: Time,
    until: Time,
    seats: Vec<Seat>,
    sources: Vec<u64>,
    reasons: Vec<u64>,
}

/// A job and its stages: the way through, and the two ends.
struct Seat {
    job: u64,
    way: Vec<u64>,
    hired: u64,
    archived: u64,
}

/// Most stays one application can have.
const STAYS: u64 = 16;
const DAY_MS: i64 = 86_400_000;

/// Rows computed from their place.
pub(crate) struct Crowd<T> {
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// The change number of the first place; the others follow.
    pub(crate) version: u64,
    plan: Arc<Plan>,
    make: fn(&Plan, u64) -> T,
}

impl<T> Clone for Crowd<T> {
    fn clone(&self) -> Self {
        Crowd {
            plan: Arc::clone(&self.plan),
            ..*self
        }
    }
}

impl<T: Row> Crowd<T> {
    pub(crate) fn holds(&self, n: u64) -> bool {
        (self.first..self.first + self.count).contains(&n)
    }

    pub(crate) fn created(&self, place: u64) -> Time {
        self.plan.created(place)
    }

    pub(crate) fn entry(&self, place: u64) -> Entry<T> {
        let steps = self.plan.stages(place).len();
        Entry {
            created: self.plan.created(place),
            updated: self.plan.entered(place, steps, steps - 1),
            version: self.version + place,
            row: (self.make)(&self.plan, place),
        }
    }

    /// The first place that comes after this one in the order of making.
    pub(crate) fn place_after(&self, after: (Time, u64)) -> u64 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match (self.created(middle), self.first + middle) > after {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        low
    }

    /// The places whose change numbers lie after `since` and not after `until`.
    pub(crate) fn versions_between(&self, since: u64, until: u64) -> Range<u64> {
        let start = (since + 1).saturating_sub(self.version).min(self.count);
        let end = (until + 1).saturating_sub(self.version).min(self.count);
        start..end.max(start)
    }
}

impl Plan {
    fn created(&self, place: u64) -> Time {
        let span = i128::from(self.until.ms() - self.since.ms());
        let step = span * i128::from(place) / i128::from(self.count.max(1));
        Time::from_ms(self.since.ms() + step as i64)
    }

    fn seat(&self, place: u64) -> &Seat {
        &self.seats[(mixed(place) % self.seats.len() as u64) as usize]
    }

    /// The stages an application went through, first to last. Most are archived on the way.
    fn stages(&self, place: u64) -> Vec<u64> {
        let seat = self.seat(place);
        let dice = mixed(place ^ 0xabcd);
        let depth = 1 + (dice / 100 % seat.way.len() as u64) as usize;
        let mut stages: Vec<u64> = seat.way[..depth].to_vec();
        match dice % 100 {
            0..60 => stages.push(seat.archived),
            60..64 => {
                stages = seat.way.clone();
                stages.push(seat.hired);
            }
            _ => {}
        }
        stages
    }

    /// When an application with so many steps came to one of them.
    fn entered(&self, place: u64, steps: usize, step: usize) -> Time {
        let created = self.created(place);
        let room = (self.until.ms() - created.ms()) / (steps as i64 + 1);
        Time::from_ms(created.ms() + room.min(3 * DAY_MS) * step as i64)
    }

    fn email(&self, place: u64) -> String {
        let (first, last) = names(place);
        let (first, last) = (first.to_lowercase(), last.to_lowercase());
        format!("{first}.{last}.{place}@example.com")
    }
}

impl Crowd<Candidate> {
    /// Who has this address.
    pub(crate) fn with_email(&self, email: &str) -> Option<u64> {
        let (name, _) = email.split_once('@')?;
        let place: u64 = name.rsplit_once('.')?.1.parse().ok()?;
        let hit = place < self.count && self.plan.email(place).eq_ignore_ascii_case(email);
        hit.then(|| self.first + place)
    }

    /// Those whose name contains this lower-case text.
    pub(crate) fn with_name(&self, part: &str) -> impl Iterator<Item = u64> {
        let same = move |place: &u64| {
            let (first, last) = names(*place);
            format!("{first} {last}").to_lowercase().contains(part)
        };
        let first = self.first;
        (0..self.count).filter(same).map(move |place| first + place)
    }
}

fn mixed(place: u64) -> u64 {
    let x = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 24
}

fn names(place: u64) -> (&'static str, &'static str) {
    let first = FIRST[(place % 16) as usize];
    (first, LAST[(place / 16 % 16) as usize])
}

const FIRST: [&str; 16] = [
    "Adaeze", "Benno", "Cosima", "Darko", "Emese", "Farid", "Greta", "Hanno", "Ilka", "Jonte",
    "Keziah", "Lorcan", "Mirela", "Nuno", "Oda", "Priit",
];
const LAST: [&str; 16] = [
    "Ahlgren", "Bovet", "Cernik", "Dahl", "Engstler", "Faltin", "Gruber", "Hovde", "Ivarsen",
    "Jansky", "Kolbe", "Lorenz", "Madero", "Nyberg", "Oster", "Pavlic",
];

impl World {
    /// Adds `count` candidates with one application each, over the year before `now`; later ones
    /// are newer. Needs jobs whose plans have stages; there can be one crowd.
    pub(crate) fn seed_crowd(&mut self, count: u64, now: Time) {
        let seats: Vec<Seat> = self
            .docs(Kind::Job)
            .filter_map(|job| self.seat(job))
            .collect();
        assert!(!seats.is_empty(), "a crowd needs a company with jobs first");
        let plan = Arc::new(Plan {
            candidates: self.block(count),
            applications: self.block(count),
            stays: self.block(count * STAYS),
            count,
            since: now.plus_secs(-365 * 86_400),
            until: now,
            seats,
            sources: self.docs(Kind::Source).collect(),
            reasons: self.docs(Kind::ArchiveReason).collect(),
        });
        let crowd = Crowd {
            first: plan.candidates,
            count,
            version: self.versions(count),
            plan: Arc::clone(&plan),
            make: candidate,
        };
        self.candidates.set_crowd(crowd);
        let crowd = Crowd {
            first: plan.applications,
            count,
            version: self.versions(count),
            plan,
            make: application,
        };
        self.applications.set_crowd(crowd);
    }

    fn seat(&self, job: u64) -> Option<Seat> {
        let stages = self.stages_of_job(job);
        let one = |kind: &str| stages.iter().copied().find(|n| self.stage_type(*n) == kind);
        let inner = |n: &u64| !matches!(self.stage_type(*n), "Hired" | "Archived" | "Lead");
        let way = stages.iter().copied().filter(inner);
        let way: Vec<u64> = way.take(STAYS as usize - 2).collect();
        let (hired, archived) = (one("Hired")?, one("Archived")?);
        (!way.is_empty()).then_some(Seat {
            job,
            way,
            hired,
            archived,
        })
    }
}

fn candidate(plan: &Plan, place: u64) -> Candidate {
    let (first, last) = names(place);
    Candidate {
        name: format!("{first} {last}"),
        emails: vec![plan.email(place)],
        phones: vec![format!("+1555{:07}", place % 10_000_000)],
        source: pick(&plan.sources, place),
        applications: vec![plan.applications + place],
        ..Candidate::default()
    }
}

fn application(plan: &Plan, place: u64) -> Application {
    let seat = plan.seat(place);
    let stages = plan.stages(place);
    let last = stages.len() - 1;
    let at = |step: usize| plan.entered(place, stages.len(), step);
    let history = stages.iter().enumerate().map(|(step, stage)| Stay {
        n: plan.stays + place * STAYS + step as u64,
        stage: *stage,
        entered: at(step),
        left: (step < last).then(|| at(step + 1)),
        actor: None,
    });
    let archived = stages[last] == seat.archived;
    Application {
        candidate: plan.candidates + place,
        job: seat.job,
        stage: stages[last],
        source: pick(&plan.sources, place),
        credited: None,
        reason: archived.then(|| pick(&plan.reasons, place)).flatten(),
        archived_at: archived.then(|| at(last)),
        posting: None,
        custom: Vec::new(),
        history: history.collect(),
    }
}

fn pick(list: &[u64], place: u64) -> Option<u64> {
    let at = place.checked_rem(list.len() as u64)?;
    list.get(at as usize).copied()
}
