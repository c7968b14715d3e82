//! The made-up company. Every name is invented and every address is at example.com.

use super::acts::{Act, Applicant, CandidateChange, RequisitionChange};
use super::rows::{Location, STAGES, Worker};
use super::world::{Refused, World};
use crate::clock::Time;
use crate::rng::Rng;

const DAY_SECS: i64 = 86_400;

pub(crate) static WORKERS: [Worker; 6] = [
    worker(
        21001,
        "Ana Brandt",
        "ana.brandt@example.com",
        "Head of Talent",
    ),
    worker(
        21002,
        "Jonas Keller",
        "jonas.keller@example.com",
        "Recruiter",
    ),
    worker(
        21003,
        "Mira Okoro",
        "mira.okoro@example.com",
        "Recruiting Coordinator",
    ),
    worker(
        21004,
        "Tomas Lindqvist",
        "tomas.lindqvist@example.com",
        "Engineering Manager",
    ),
    worker(
        21005,
        "Priya Vasan",
        "priya.vasan@example.com",
        "Product Lead",
    ),
    worker(
        21006,
        "Samuel Fischer",
        "samuel.fischer@example.com",
        "Head of Operations",
    ),
];

const fn worker(id: u64, name: &'static str, email: &'static str, title: &'static str) -> Worker {
    Worker {
        id,
        name,
        email,
        title,
    }
}

pub(crate) static LOCATIONS: [Location; 3] = [
    location(31, "Leipzig", "Germany", "DEU"),
    location(32, "Porto", "Portugal", "PRT"),
    location(33, "Boulder", "United States of America", "USA"),
];

const fn location(
    id: u64,
    name: &'static str,
    country: &'static str,
    alpha3: &'static str,
) -> Location {
    Location {
        id,
        name,
        country,
        alpha3,
    }
}

pub(crate) static SOURCES: [&str; 5] = ["Careers Site", "Referral", "Job Board", "Agency", "Event"];

const TITLES: [&str; 6] = [
    "Backend Engineer",
    "Product Designer",
    "Data Analyst",
    "Warehouse Lead",
    "Payroll Specialist",
    "Field Technician",
];
const TAGS: [&str; 4] = ["relocates", "speaks German", "silver medalist", "part time"];
const CITIES: [&str; 4] = ["Leipzig", "Porto", "Denver", "Gothenburg"];
const PEOPLE: [(&str, &str); 36] = [
    ("Ada", "Quillfeather"),
    ("Bruno", "Amsel"),
    ("Clara", "Dornbusch"),
    ("Dario", "Ferrovia"),
    ("Edda", "Moosgruber"),
    ("Farid", "Sandoval"),
    ("Greta", "Hjortland"),
    ("Hugo", "Petrovan"),
    ("Ines", "Calderas"),
    ("Jamal", "Okwuosa"),
    ("Kaja", "Nordhavn"),
    ("Leon", "Wiesental"),
    ("Maren", "Tiefensee"),
    ("Nils", "Oberbach"),
    ("Olga", "Varnikova"),
    ("Pablo", "Rioseco"),
    ("Quentin", "Marais"),
    ("Rosa", "Lindenau"),
    ("Selim", "Karadagi"),
    ("Tilda", "Ekstrand"),
    ("Umar", "Bellofiore"),
    ("Vera", "Steinhof"),
    ("Wanda", "Kowalik"),
    ("Xenia", "Papastratos"),
    ("Yannick", "Delorme"),
    ("Zoë", "Hartmut"),
    ("Aino", "Saarinlahti"),
    ("Björn", "Åkerhielm"),
    ("Chiara", "Montebello"),
    ("Dmitri", "Orlenko"),
    ("Elif", "Yildizhan"),
    ("Finn", "O'Malleyson"),
    ("Gina", "Trastevera"),
    ("Henrik", "Vestergren"),
    ("Iva", "Hradcany"),
    ("Jorge", "Almaviva"),
];

/// Fills in the company: requisitions, people, history over the last months.
pub(crate) fn fill(world: &mut World, now: Time, seed: u64) -> Result<(), Refused> {
    let mut rng = Rng::new(seed);
    let opened = now.plus_secs(-120 * DAY_SECS);
    let mut requisitions = Vec::new();
    for (at, title) in TITLES.iter().enumerate() {
        let act = Act::OpenRequisition {
            title: (*title).into(),
            posted: at != 4,
        };
        let acted = world.act(opened.plus_secs(at as i64 * 3600), act)?;
        requisitions.extend(acted.touched.requisition_id);
    }
    for (at, (first, last)) in PEOPLE.iter().enumerate() {
        let requisition = requisitions[at % (requisitions.len() - 1)];
        let mut when = now.plus_secs(-(90 - 2 * at as i64) * DAY_SECS + rng.below(36_000) as i64);
        let address = |text: &str| {
            let plain = text.chars().filter(char::is_ascii_alphabetic);
            plain.collect::<String>().to_lowercase()
        };
        let acted = world.act(
            when,
            Act::Apply(Applicant {
                first_name: (*first).into(),
                last_name: (*last).into(),
                email: (at % 9 != 7)
                    .then(|| format!("{}.{}@example.com", address(first), address(last))),
                phone: (at % 3 == 0).then(|| format!("+49 341 5550{at:03}")),
                requisition_id: requisition,
                source: (at % 8 != 5).then(|| SOURCES[at % SOURCES.len()].into()),
                ..Applicant::default()
            }),
        )?;
        let (Some(application), Some(candidate)) =
            (acted.touched.application_id, acted.touched.candidate_id)
        else {
            continue;
        };
        dress(world, candidate, at, when);
        for _ in 0..at % STAGES.len() {
            when = when.plus_secs(DAY_SECS + rng.below(20_000) as i64);
            happen(world, application, when)?;
        }
        if at % 5 == 3 && world.application(application)?.is_open() {
            let when = when.plus_secs(DAY_SECS);
            let disposition = ["Not a fit", "Candidate withdrew", "Position filled"][at % 3];
            let act = Act::Dispose {
                application_id: application,
                disposition: Some(disposition.into()),
            };
            world.act(when, act)?;
        }
    }
    finish(world, &requisitions, now)
}

/// The next stage, with what belongs to it.
fn happen(world: &mut World, application_id: u64, when: Time) -> Result<(), Refused> {
    let act = Act::Move {
        application_id,
        stage: None,
    };
    world.act(when, act)?;
    match world.application(application_id)?.stage.name {
        "Interview" => {
            let starts_at = when.plus_secs(4 * 3600);
            let act = Act::ScheduleInterview {
                application_id,
                starts_at,
            };
            let interview = world.act(when, act)?.touched.interview_id;
            if let Some(interview_id) = interview {
                let status = "Completed".into();
                let act = Act::EndInterview {
                    interview_id,
                    status,
                };
                world.act(when.plus_secs(6 * 3600), act)?;
            }
        }
        "Offer" => {
            world.act(when, Act::ExtendOffer { application_id })?;
        }
        "Ready for Hire" => {
            let offers = world.offers.iter();
            let mut offers = offers.filter(|offer| offer.application_id == application_id);
            if let Some(offer_id) = offers.next().map(|offer| offer.id) {
                let status = "Accepted".into();
                world.act(when, Act::AnswerOffer { offer_id, status })?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn dress(world: &mut World, candidate: u64, at: usize, when: Time) {
    world.edit_candidate(candidate, when, |row| {
        if at % 4 == 1 {
            row.tags = TAGS[..1 + at % 3].iter().map(|tag| (*tag).into()).collect();
        }
        row.city = at
            .is_multiple_of(2)
            .then(|| CITIES[at % CITIES.len()].into());
        row.profile_url =
            (at % 3 == 1).then(|| format!("https://profiles.example.com/{candidate}"));
        row.do_not_hire = at == 13;
        if at % 6 == 2 {
            row.pools = vec!["Talent community".into()];
        }
    });
}

/// Second applications, a duplicate, a late change, and requisitions that are not open any more.
fn finish(world: &mut World, requisitions: &[u64], now: Time) -> Result<(), Refused> {
    for (candidate, requisition, days) in [(1002, 2, 20), (1002, 3, 12), (1009, 0, 9)] {
        world.act(
            now.plus_secs(-days * DAY_SECS),
            Act::Apply(Applicant {
                candidate_id: Some(candidate),
                requisition_id: requisitions[requisition],
                source: Some("Careers Site".into()),
                ..Applicant::default()
            }),
        )?;
    }
    world.act(
        now.plus_secs(-6 * DAY_SECS),
        Act::Apply(Applicant {
            first_name: "Ada".into(),
            last_name: "Quillfeather-Moss".into(),
            email: Some("ada.quillfeather@example.com".into()),
            requisition_id: requisitions[1],
            ..Applicant::default()
        }),
    )?;
    world.act(
        now.plus_secs(-5 * DAY_SECS),
        Act::ChangeCandidate(CandidateChange {
            candidate_id: 1003,
            phone: Some("+351 22 5550 117".into()),
            ..CandidateChange::default()
        }),
    )?;
    for (at, status) in [(3, "Frozen"), (4, "Filled")] {
        world.act(
            now.plus_secs(-4 * DAY_SECS),
            Act::ChangeRequisition(RequisitionChange {
                requisition_id: requisitions[at],
                status: Some(status.into()),
                ..RequisitionChange::default()
            }),
        )?;
    }
    Ok(())
}
