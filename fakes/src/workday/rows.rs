//! The records of the tenant, as a test wants to look at them. How they look on each of the
//! vendor's three surfaces is decided elsewhere.

use serde::Serialize;

use crate::clock::Time;

/// A recruiting stage of the tenant, and the workflow step that waits in it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// As people and reports call it.
    pub name: &'static str,
    /// The step of the business process.
    pub step: &'static str,
}

/// The tenant's stages, first to last.
pub static STAGES: [Stage; 7] = [
    stage("Review", "Review Candidate"),
    stage("Screen", "Phone Screen"),
    stage("Assessment", "Assess Candidate"),
    stage("Interview", "Schedule Interview"),
    stage("Offer", "Offer for Job Application"),
    stage("Background Check", "Background Check"),
    stage("Ready for Hire", "Ready for Hire"),
];

const fn stage(name: &'static str, step: &'static str) -> Stage {
    Stage { name, step }
}

/// Who ended an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The company.
    Company,
    /// The candidate.
    Candidate,
}

/// A reason why an application ended.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Disposition {
    /// As reports call it.
    pub name: &'static str,
    /// Whose reason it is.
    pub by: Party,
}

/// The tenant's dispositions.
pub static DISPOSITIONS: [Disposition; 6] = [
    disposition("Not a fit", Party::Company),
    disposition("Position filled", Party::Company),
    disposition("Assessment not passed", Party::Company),
    disposition("Candidate withdrew", Party::Candidate),
    disposition("Accepted another offer", Party::Candidate),
    disposition("No longer interested", Party::Candidate),
];

const fn disposition(name: &'static str, by: Party) -> Disposition {
    Disposition { name, by }
}

/// Somebody who works at the company.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// The worker's number.
    pub id: u64,
    /// First and last name.
    pub name: &'static str,
    /// Work e-mail.
    pub email: &'static str,
    /// What the worker does.
    pub title: &'static str,
}

/// A place of work.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The place's number.
    pub id: u64,
    /// The city.
    pub name: &'static str,
    /// The country.
    pub country: &'static str,
    /// The country in three letters.
    pub alpha3: &'static str,
}

/// A person who applied.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Candidate {
    pub id: u64,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub city: Option<String>,
    pub profile_url: Option<String>,
    pub tags: Vec<String>,
    pub pools: Vec<String>,
    pub do_not_hire: bool,
    /// Names of attached files; what is in them is computed.
    pub files: Vec<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

impl Candidate {
    /// First and last name.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    /// The Candidate_ID.
    pub fn key(&self) -> String {
        key(Kind::Candidate, self.id)
    }
}

/// The time an application spent in one stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Stay {
    pub stage: &'static Stage,
    pub entered: Time,
    pub exited: Option<Time>,
}

/// One application of a candidate to a requisition.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Application {
    pub id: u64,
    pub candidate_id: u64,
    pub requisition_id: u64,
    pub applied_at: Time,
    pub stage: &'static Stage,
    /// Why it ended; the stage stays what it was.
    pub disposition: Option<&'static Disposition>,
    /// When stage or disposition last changed.
    pub status_at: Time,
    pub source: Option<&'static str>,
    pub referred_by: Option<&'static Worker>,
    pub history: Vec<Stay>,
    pub created_at: Time,
    pub updated_at: Time,
}

impl Application {
    /// The Job_Application_ID.
    pub fn key(&self) -> String {
        key(Kind::Application, self.id)
    }

    /// Whether it has neither ended nor come to its last stage.
    pub fn is_open(&self) -> bool {
        self.disposition.is_none() && self.stage != &STAGES[STAGES.len() - 1]
    }
}

/// How a requisition is advertised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Posting {
    pub active: bool,
    pub external: bool,
    pub since: Time,
}

/// A job to be filled.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Requisition {
    pub id: u64,
    pub title: String,
    /// `Open`, `Frozen`, `Filled` or `Closed`.
    pub status: String,
    pub description: String,
    pub location: &'static Location,
    pub recruiter: &'static Worker,
    pub manager: &'static Worker,
    pub time_type: &'static str,
    pub openings: u32,
    pub target_hire: Option<Time>,
    pub posting: Option<Posting>,
    pub created_at: Time,
    pub updated_at: Time,
}

impl Requisition {
    /// The Job_Requisition_ID.
    pub fn key(&self) -> String {
        key(Kind::Requisition, self.id)
    }

    /// Whether the posting can be seen: it is active and the requisition open.
    pub fn is_posted(&self) -> bool {
        self.status == "Open" && self.posting.as_ref().is_some_and(|posting| posting.active)
    }
}

/// An interview of an application.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Interview {
    pub id: u64,
    pub application_id: u64,
    /// `Scheduled`, `Completed` or `Canceled`.
    pub status: String,
    pub starts_at: Time,
    pub ends_at: Time,
    pub interviewers: Vec<&'static Worker>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// An offer for an application.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Offer {
    pub id: u64,
    pub application_id: u64,
    /// `Extended`, `Accepted` or `Declined`.
    pub status: String,
    pub extended_at: Time,
    pub answered_at: Option<Time>,
    pub start_on: Option<Time>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// The kinds of things that have a WID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Candidate = 1,
    Application,
    Requisition,
    Posting,
    Interview,
    Offer,
    Worker,
    Location,
    /// Stages, dispositions, sources and other words.
    Word,
}

/// The reference id that people read, such as `JA-5001`.
pub(crate) fn key(kind: Kind, id: u64) -> String {
    let letters = match kind {
        Kind::Candidate => "C",
        Kind::Application => "JA",
        Kind::Requisition => "R",
        Kind::Posting => "JP",
        Kind::Interview => "IV",
        Kind::Offer => "OF",
        Kind::Worker => "W",
        Kind::Location => "LOC",
        Kind::Word => "X",
    };
    format!("{letters}-{id}")
}

/// The number in a reference id of this kind.
pub(crate) fn number(kind: Kind, text: &str) -> Option<u64> {
    let id = text.rsplit_once('-')?.1.parse().ok()?;
    (key(kind, id) == text).then_some(id)
}

/// The 32 hexadecimal digits that name a thing for ever.
pub(crate) fn wid(kind: Kind, id: u64) -> String {
    let low = ((kind as u64) << 56) ^ id;
    let mut rng = crate::rng::Rng::new(low);
    format!("{:016x}{low:016x}", rng.next())
}

/// The number of the thing of this kind that a WID names.
pub(crate) fn number_of_wid(kind: Kind, text: &str) -> Option<u64> {
    let low = u64::from_str_radix(text.get(16..)?, 16).ok()?;
    let id = low ^ ((kind as u64) << 56);
    (id >> 56 == 0 && wid(kind, id) == text).then_some(id)
}

/// The WID of a stage, a disposition or another word.
pub(crate) fn word_wid(word: &str) -> String {
    let sum = word.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    wid(Kind::Word, sum >> 8)
}

/// What a table must know about its rows.
pub(crate) trait Row {
    fn id(&self) -> u64;
    fn updated_at(&self) -> Time;
    fn touch(&mut self, now: Time);
}

macro_rules! rows {
    ($($name:ident),*) => {$(
        impl Row for $name {
            fn id(&self) -> u64 {
                self.id
            }
            fn updated_at(&self) -> Time {
                self.updated_at
            }
            fn touch(&mut self, now: Time) {
                self.updated_at = now;
            }
        }
    )*};
}

rows!(Candidate, Application, Requisition, Interview, Offer);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_ids_lead_back_to_their_thing_only() {
        let wid = wid(Kind::Candidate, 1001);
        assert_eq!(wid.len(), 32);
        assert_eq!(number_of_wid(Kind::Candidate, &wid), Some(1001));
        assert_eq!(number_of_wid(Kind::Application, &wid), None);
        assert_eq!(number_of_wid(Kind::Candidate, "xyz"), None);
        assert_eq!(number(Kind::Application, "JA-5001"), Some(5001));
        assert_eq!(number(Kind::Requisition, "JA-5001"), None);
        assert_ne!(word_wid("Screen"), word_wid("Offer"));
    }
}
