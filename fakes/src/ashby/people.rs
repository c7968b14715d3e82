//! The made-up company's candidates and what happened to them, by the same acts that people do.

use serde_json::Value;

use super::acts::{Act, Acted, Applicant};
use super::ids::{Kind, id};
use super::problem::Problem;
use super::world::World;
use crate::clock::Time;
use crate::rng::Rng;

const DAY: i64 = 86_400;

const NAMES: [(&str, &str); 28] = [
    ("Alva", "Sorensen"),
    ("Bruno", "Keller"),
    ("Chiara", "Donati"),
    ("Dilan", "Yavuz"),
    ("Esther", "Molnar"),
    ("Filip", "Hruska"),
    ("Gesa", "Lindqvist"),
    ("Hugo", "Marchetti"),
    ("Ingrid", "Vasko"),
    ("Joao", "Teles"),
    ("Katja", "Brem"),
    ("Leon", "Ostermann"),
    ("Maren", "Tidow"),
    ("Nils", "Aspelund"),
    ("Olena", "Kravets"),
    ("Pepe", "Ibarra"),
    ("Quirin", "Haas"),
    ("Rosa", "Benedek"),
    ("Sven", "Tallis"),
    ("Thea", "Wiklund"),
    ("Umberto", "Raffi"),
    ("Vera", "Lazar"),
    ("Wim", "Decker"),
    ("Xenia", "Pavlou"),
    ("Yusuf", "Demir"),
    ("Zita", "Horak"),
    ("Arne", "Bloch"),
    ("Bela", "Simic"),
];

/// Adds the people. Every one of them has one application; one has two.
pub(crate) fn fill(world: &mut World, now: Time, seed: u64, people: usize) {
    let mut rng = Rng::new(seed ^ 0x00a5_4b1e);
    let jobs: Vec<u64> = world.docs(Kind::Job).collect();
    for (at, name) in NAMES.iter().take(people).enumerate() {
        let begin = now.plus_secs(-(180 - 6 * at as i64) * DAY);
        let job = jobs[at % jobs.len()];
        // The people are made up so that no act of theirs can be refused.
        let _ = person(world, &mut rng, begin, now, *name, job);
    }
    let again = world.candidates.iter().next().map(|(n, _)| n);
    if let (Some(n), Some(job)) = (again, jobs.get(2)) {
        let applicant = Applicant {
            candidate_id: Some(id(Kind::Candidate, n)),
            job_id: id(Kind::Job, *job),
            ..Applicant::default()
        };
        let _ = world.act(now.plus_secs(-2 * DAY), Act::Apply(applicant));
    }
}

fn person(
    world: &mut World,
    rng: &mut Rng,
    begin: Time,
    now: Time,
    (first, last): (&str, &str),
    job: u64,
) -> Result<(), Problem> {
    let mut at = begin;
    let applicant = Applicant {
        name: format!("{first} {last}"),
        email: Some(format!("{first}.{last}@example.com").to_lowercase()),
        phone: Some(format!("+1555{:07}", rng.below(10_000_000))),
        job_id: id(Kind::Job, job),
        lead: rng.chance(0.1),
        ..Applicant::default()
    };
    let acted = world.act(at, Act::Apply(applicant))?;
    let (application_id, candidate_id) = ids(&acted);
    let ends = world.stages_of_job(job).len() as u64 - 3;
    for _ in 0..rng.below(ends) {
        at = later(at, rng, now);
        let application_id = application_id.clone();
        world.act(
            at,
            Act::Move {
                application_id,
                stage_id: None,
            },
        )?;
    }
    at = later(at, rng, now);
    let roll = rng.below(10);
    match roll {
        0..4 => {
            let reasons: Vec<u64> = world.docs(Kind::ArchiveReason).collect();
            let archive_reason_id = Some(id(Kind::ArchiveReason, *rng.pick(&reasons)));
            world.act(
                at,
                Act::Archive {
                    application_id,
                    archive_reason_id,
                },
            )?;
        }
        4 => {
            let act = Act::CreateOffer {
                application_id: application_id.clone(),
                starts_on: Some(now.plus_secs(30 * DAY).to_date_text()),
                salary: Some(60_000 + 1000 * rng.below(40)),
            };
            let offer_id = world.act(at, act)?.touched.id.unwrap_or_default();
            world.act(
                at.plus_secs(3600),
                Act::ApproveOffer {
                    offer_id: offer_id.clone(),
                },
            )?;
            if rng.chance(0.5) {
                world.act(at.plus_secs(7200), Act::AcceptOffer { offer_id })?;
                world.act(at.plus_secs(7200), Act::Hire { application_id })?;
            }
        }
        5 | 6 => {
            let act = Act::Schedule {
                application_id,
                starts_at: at.plus_secs(3 * DAY),
                user_id: None,
            };
            let schedule_id = world.act(at, act)?.touched.id.unwrap_or_default();
            if roll == 5 {
                let rating = 1 + rng.below(4);
                world.act(
                    at.plus_secs(60),
                    Act::Feedback {
                        schedule_id,
                        rating,
                    },
                )?;
            }
        }
        7 => {
            let text = "Asked about working from home on Fridays.".to_owned();
            world.act(
                at,
                Act::Note {
                    candidate_id,
                    text,
                    private: rng.chance(0.3),
                },
            )?;
        }
        8 => {
            let survey_type = (*rng.pick(&["Questionnaire", "EEOC"])).to_owned();
            let anonymous = false;
            world.act(
                at,
                Act::SubmitSurvey {
                    application_id,
                    survey_type,
                    anonymous,
                },
            )?;
        }
        _ => {
            let tags: Vec<u64> = world.docs(Kind::Tag).collect();
            let tag_id = id(Kind::Tag, *rng.pick(&tags));
            world.act(
                at,
                Act::Tag {
                    candidate_id,
                    tag_id,
                },
            )?;
            let fields = world.docs(Kind::CustomField).next();
            let act = Act::EditApplication {
                application_id,
                source_id: None,
                credited_to_user_id: None,
                custom_field_id: fields.map(|n| id(Kind::CustomField, n)),
                value: Value::from("14 inch"),
            };
            world.act(at, act)?;
        }
    }
    Ok(())
}

fn ids(acted: &Acted) -> (String, String) {
    let touched = &acted.touched;
    let text = |id: &Option<String>| id.clone().unwrap_or_default();
    (text(&touched.application_id), text(&touched.candidate_id))
}

/// A few days on, and never in the future.
fn later(at: Time, rng: &mut Rng, now: Time) -> Time {
    let next = at.plus_secs(DAY + rng.below(4 * 86_400) as i64);
    next.min(now.plus_secs(-4 * 3600))
}
