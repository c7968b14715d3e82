//! A made-up crowd of any size with its history: every row is computed from a number, so that a
//! million cost no memory. Later places are newer, and nothing in it ever moves by itself.

use std::ops::Range;
use std::sync::Arc;

use super::id::Id;
use super::query::Window;
use super::rows::{
    Application, Archived, Contact, Feedback, Interview, Note, NoteField, Offer, Opportunity,
    StageChange, StageNo,
};
use super::world::{ORIGINS, World};
use crate::clock::Time;

/// What the rows of a crowd are computed from.
pub(crate) struct Plan {
    opportunities: u64,
    contacts: u64,
    applications: u64,
    notes: u64,
    interviews: u64,
    panels: u64,
    feedback: u64,
    offers: u64,
    count: u64,
    since: Time,
    until: Time,
    /// A posting and the tags it gives.
    seats: Vec<(Id, Vec<String>)>,
    sources: Vec<String>,
    users: Vec<Id>,
    /// The stages from the first for applicants to the last.
    stages: Vec<StageNo>,
    hired: Id,
    rejected: Vec<Id>,
}

const FIRST: [&str; 16] = [
    "Amara", "Bela", "Ciro", "Dunja", "Elio", "Fenna", "Goran", "Hilde", "Imre", "Jola", "Kasper",
    "Livia", "Milo", "Nadja", "Orla", "Pavel",
];
const LAST: [&str; 16] = [
    "Abendrot",
    "Birkwald",
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

impl Plan {
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The place of an opportunity of the crowd.
    pub(crate) fn place_of(&self, opportunity: Id) -> Option<u64> {
        let place = opportunity.0.checked_sub(self.opportunities)?;
        (place < self.count).then_some(place)
    }

    /// The contact with this address.
    pub(crate) fn contact_with(&self, email: &str) -> Option<Id> {
        let place: u64 = email.split('@').next()?.rsplit('.').next()?.parse().ok()?;
        let (_, address) = name(place);
        (place < self.count && address == email).then_some(Id(self.contacts + place))
    }

    /// Where rows may lie that were created, and last changed, within these windows.
    pub(crate) fn places(&self, created: Window, touched: Window) -> Range<u64> {
        let start = self.first(|place| created.begun(self.created(place)));
        let start = start.max(self.first(|place| touched.begun(self.touched(place))));
        let end = self.first(|place| created.over(self.created(place)));
        let end = end.min(self.first(|place| touched.over(self.touched(place))));
        start..end.max(start)
    }

    fn first(&self, reached: impl Fn(u64) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match reached(middle) {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        low
    }

    fn created(&self, place: u64) -> Time {
        let span = i128::from(self.until.ms() - self.since.ms());
        let step = span * i128::from(place) / i128::from(self.count.max(1));
        Time::from_ms(self.since.ms() + step as i64)
    }

    /// When it was last changed: later for later places, too.
    fn touched(&self, place: u64) -> Time {
        let created = self.created(place).ms();
        Time::from_ms(created + (self.until.ms() - created) / 4)
    }

    fn seat(&self, place: u64) -> &(Id, Vec<String>) {
        let mixed = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        &self.seats[(mixed % self.seats.len() as u64) as usize]
    }

    fn user(&self, place: u64) -> Id {
        self.users[(place % self.users.len() as u64) as usize]
    }

    /// How many stages it went beyond the first.
    fn steps(&self, place: u64) -> u64 {
        (place % 5).min(self.stages.len() as u64 - 1)
    }

    fn stage(&self, place: u64) -> StageNo {
        self.stages[self.steps(place) as usize]
    }

    fn at_step(&self, place: u64, step: u64) -> Time {
        let (from, to) = (self.created(place).ms(), self.touched(place).ms());
        let steps = self.steps(place).max(1) as i64;
        Time::from_ms(from + (to - from) * step as i64 / steps)
    }
}

impl World {
    /// Adds `count` opportunities of as many contacts, over the half year before `now`. Needs a
    /// company with postings; there can be one crowd.
    pub(crate) fn seed_crowd(&mut self, count: u64, now: Time) {
        let seats: Vec<_> = self.postings.iter().collect();
        let seats = seats.into_iter().map(|row| (row.id, row.tags())).collect();
        let hired = self.reasons.iter().find(|one| one.hired);
        let hired = hired.map(|reason| reason.id).unwrap_or_default();
        let plan = Plan {
            opportunities: self.block(count),
            contacts: self.block(count),
            applications: self.block(count),
            notes: self.block(count),
            interviews: self.block(count),
            panels: self.block(count),
            feedback: self.block(count),
            offers: self.block(count),
            count,
            since: now.plus_secs(-180 * 86_400),
            until: now,
            seats,
            sources: vec!["Careers page".into(), "Job board".into(), "Agency".into()],
            users: self.users.iter().map(|user| user.id).collect(),
            stages: (0..self.stages.len())
                .filter(|no| self.stages[*no].pipeline != "lead")
                .collect(),
            hired,
            rejected: self
                .reasons
                .iter()
                .filter(|reason| !reason.hired)
                .map(|reason| reason.id)
                .collect(),
        };
        assert!(!plan.seats.is_empty(), "a crowd needs a company first");
        for place in 0..count {
            for tag in &plan.seat(place).1 {
                *self.tag_counts.entry(tag.clone()).or_default() += 1;
            }
        }
        for (at, source) in plan.sources.iter().enumerate() {
            let many = (count + 2 - at as u64) / 3;
            *self.source_counts.entry(source.clone()).or_default() += many as i64;
        }
        let plan = Arc::new(plan);
        self.contacts.set_crowd(plan.contacts, &plan, contact);
        let first = plan.opportunities;
        self.opportunities.set_crowd(first, &plan, opportunity);
        self.notes.set_crowd(plan.notes, &plan, note);
        self.interviews.set_crowd(plan.interviews, &plan, interview);
        self.feedback.set_crowd(plan.feedback, &plan, feedback);
        self.offers.set_crowd(plan.offers, &plan, offer);
        self.plan = Some(plan);
    }
}

fn name(place: u64) -> (String, String) {
    let first = FIRST[(place % 16) as usize];
    let last = LAST[(place / 16 % 16) as usize];
    let (low, high) = (first.to_lowercase(), last.to_lowercase());
    (
        format!("{first} {last}"),
        format!("{low}.{high}.{place}@example.com"),
    )
}

fn contact(plan: &Plan, place: u64) -> Option<Contact> {
    let (name, email) = name(place);
    Some(Contact {
        id: Id(plan.contacts + place),
        name,
        headline: String::new(),
        location: Some("Leipzig".into()),
        emails: vec![email],
        phones: Vec::new(),
        anonymized: false,
    })
}

fn opportunity(plan: &Plan, place: u64) -> Option<Opportunity> {
    let (posting, tags) = plan.seat(place);
    let (created, touched) = (plan.created(place), plan.touched(place));
    let steps = plan.steps(place);
    let owner = plan.user(place);
    let stage_changes = (0..=steps).map(|step| StageChange {
        to: plan.stages[step as usize],
        by: (step > 0).then_some(owner),
        at: plan.at_step(place, step),
    });
    let archived = (place.is_multiple_of(3)).then(|| Archived {
        reason: match place % 30 {
            9 => plan.hired,
            _ => plan.rejected[(place % plan.rejected.len() as u64) as usize],
        },
        at: touched,
    });
    Some(Opportunity {
        id: Id(plan.opportunities + place),
        contact: Id(plan.contacts + place),
        candidate: Id(plan.opportunities + place),
        created_at: created,
        updated_at: (place >= plan.count / 10).then_some(touched),
        last_interaction_at: created,
        last_advanced_at: (steps > 0).then_some(touched),
        snoozed_until: None,
        stage: plan.stage(place),
        stage_changes: stage_changes.collect(),
        archived,
        owner: Some(owner),
        followers: vec![owner],
        tags: tags.clone(),
        sources: vec![plan.sources[(place % plan.sources.len() as u64) as usize].clone()],
        links: Vec::new(),
        origin: ORIGINS[(place % 6) as usize],
        sourced_by: None,
        application: Some(Application {
            id: Id(plan.applications + place),
            created_at: created,
            kind: "posting",
            posting: *posting,
            user: None,
            requisition: None,
        }),
        confidential: false,
    })
}

fn note(plan: &Plan, place: u64) -> Option<Note> {
    let at = plan.touched(place);
    (place % 3 == 1).then(|| Note {
        id: Id(plan.notes + place),
        opportunity: Id(plan.opportunities + place),
        fields: vec![NoteField {
            value: "Asked about the notice period.".into(),
            user: Some(plan.user(place)),
            created_at: at,
            score: None,
            stage: plan.stage(place),
        }],
        user: Some(plan.user(place)),
        secret: false,
        created_at: at,
        deleted_at: None,
        by_api: false,
    })
}

fn interview(plan: &Plan, place: u64) -> Option<Interview> {
    (plan.steps(place) >= 2).then(|| Interview {
        id: Id(plan.interviews + place),
        opportunity: Id(plan.opportunities + place),
        panel: Id(plan.panels + place),
        interviewer: plan.user(place + 1),
        created_at: plan.at_step(place, 1),
        date: plan.at_step(place, 2),
        minutes: 45,
        stage: plan.stages[2],
        canceled_at: None,
        template: None,
        posting: Some(plan.seat(place).0),
    })
}

fn feedback(plan: &Plan, place: u64) -> Option<Feedback> {
    let at = plan.at_step(place, 2);
    (plan.steps(place) >= 2 && place.is_multiple_of(2)).then(|| Feedback {
        id: Id(plan.feedback + place),
        opportunity: Id(plan.opportunities + place),
        interview: Some(Id(plan.interviews + place)),
        panel: Some(Id(plan.panels + place)),
        user: plan.user(place + 1),
        rating: 1 + place / 5 % 4,
        comment: "Clear answers.".into(),
        created_at: at,
        updated_at: None,
        completed_at: Some(at),
        deleted_at: None,
    })
}

fn offer(plan: &Plan, place: u64) -> Option<Offer> {
    let at = plan.touched(place);
    let signed = place % 30 == 9;
    (plan.steps(place) == 4).then(|| Offer {
        id: Id(plan.offers + place),
        opportunity: Id(plan.opportunities + place),
        created_at: at,
        status: if signed { "signed" } else { "sent" }.into(),
        creator: Some(plan.user(place)),
        posting: Some(plan.seat(place).0),
        salary: 50_000 + 500 * (place % 40),
        starts_on: plan.until.plus_secs(30 * 86_400),
        sent_at: Some(at),
        signed_at: signed.then_some(at),
    })
}
