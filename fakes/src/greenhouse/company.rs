//! The made-up company of the demo. Every name is invented and every address is at example.com.

use serde_json::Map;

use super::acts::{Applicant, JobPlan};
use super::company_rows::{
    CandidateTag, CloseReason, Department, Kind, Office, Referrer, RejectionReason, Source, User,
};
use super::world::{Refused, World};
use crate::clock::Time;
use crate::rng::Rng;

const DAY_SECS: i64 = 86_400;

const USERS: [(&str, &str, &str, bool); 6] = [
    ("Ana", "Brandt", "Head of Talent", true),
    ("Jonas", "Keller", "Recruiter", false),
    ("Mira", "Okoro", "Recruiting Coordinator", false),
    ("Tomas", "Lindqvist", "Engineering Manager", false),
    ("Priya", "Vasan", "Product Lead", false),
    ("Samuel", "Fischer", "Head of Operations", false),
];
const DEPARTMENTS: [&str; 4] = ["Engineering", "Product", "Operations", "People"];
const OFFICES: [(&str, &str); 3] = [
    ("Leipzig", "Leipzig, Germany"),
    ("Porto", "Porto, Portugal"),
    ("Remote", "Anywhere in Europe"),
];
const SOURCES: [(&str, &str); 5] = [
    ("Careers page", "Company marketing"),
    ("Referral", "Referrals"),
    ("Job board", "Third-party boards"),
    ("Meetup", "In-person events"),
    ("Agency", "Agencies"),
];
const REASONS: [(&str, &str, &str); 5] = [
    (
        "Lacks a needed skill",
        "WE_REJECTED_THEM",
        "We rejected them",
    ),
    (
        "Hired somebody else",
        "WE_REJECTED_THEM",
        "We rejected them",
    ),
    ("Withdrew", "THEY_REJECTED_US", "They rejected us"),
    ("Pay too low", "THEY_REJECTED_US", "They rejected us"),
    ("Other", "NONE_SPECIFIED", "None specified"),
];
/// Name, requisition, department, office, recruiter, hiring manager, stages.
type Plan = (
    &'static str,
    &'static str,
    usize,
    usize,
    usize,
    usize,
    &'static [&'static str],
);
const JOBS: [Plan; 5] = [
    (
        "Backend Engineer",
        "ENG-12",
        0,
        0,
        1,
        3,
        &[
            "Application Review",
            "Phone Screen",
            "Take-home",
            "Technical Interview",
            "Team Day",
            "Offer",
        ],
    ),
    (
        "Product Designer",
        "PRO-4",
        1,
        1,
        1,
        4,
        &[
            "Application Review",
            "Portfolio Review",
            "Design Exercise",
            "Onsite",
            "Offer",
        ],
    ),
    (
        "Data Analyst",
        "ENG-15",
        0,
        2,
        1,
        3,
        &[
            "Application Review",
            "Phone Screen",
            "Case Study",
            "Onsite",
            "Offer",
        ],
    ),
    (
        "Warehouse Lead",
        "OPS-7",
        2,
        0,
        0,
        5,
        &[
            "Application Review",
            "Phone Screen",
            "Site Visit",
            "Reference Check",
            "Offer",
        ],
    ),
    (
        "People Partner",
        "PEO-2",
        3,
        2,
        0,
        0,
        &[
            "Application Review",
            "Phone Screen",
            "Panel",
            "Reference Check",
            "Offer",
        ],
    ),
];
const FIRST: [&str; 21] = [
    "Zoë", "Malik", "Ingrid", "Tariq", "Yuki", "Carlo", "Amelie", "Nuno", "Leona", "Bram",
    "Chiara", "Dario", "Esra", "Finn", "Greta", "Hakim", "Ines", "Joris", "Katya", "Luan",
    "Maëlle",
];
const LAST: [&str; 19] = [
    "Krämer",
    "Adeyinka",
    "Solheim",
    "Haddad",
    "Morishita",
    "Bellandi",
    "Rousselle",
    "Figueira",
    "Winterfeld",
    "Verhoeven",
    "Contarini",
    "Petrov",
    "Yildirim",
    "O'Dell",
    "Sandberg",
    "Benali",
    "Marchetti",
    "Claesson",
    "Novak",
];
const TITLES: [&str; 6] = [
    "Software Developer",
    "Designer",
    "Analyst",
    "Team Lead",
    "Consultant",
    "Coordinator",
];

/// Fills an empty world. The same seed makes the same company.
pub(crate) fn fill(world: &mut World, now: Time, seed: u64) {
    let mut rng = Rng::new(seed);
    let long_ago = now.plus_secs(-400 * DAY_SECS);
    let users = staff(world, long_ago);
    let (departments, offices) = places(world, long_ago);
    words(world, long_ago, &users);
    let mut jobs = Vec::new();
    for (index, plan) in JOBS.iter().enumerate() {
        let opened = now.plus_secs(-(140 - 9 * index as i64) * DAY_SECS);
        let acted = world.add_job(
            opened,
            JobPlan {
                name: plan.0.into(),
                requisition_id: Some(plan.1.into()),
                department_id: Some(departments[plan.2]),
                office_ids: vec![offices[plan.3]],
                stages: plan.6.iter().map(|stage| stage.to_string()).collect(),
                openings: 2,
                recruiter_id: Some(users[plan.4]),
                hiring_manager_id: Some(users[plan.5]),
                draft: false,
            },
        );
        let job = acted.ok().and_then(|acted| acted.touched.job_id);
        let job = job.expect("a job with a name is always added");
        let _ = world.add_job_post(opened.plus_secs(3600), job, plan.0.into());
        jobs.push(job);
    }
    for index in 0..41 {
        // A refusal (hired twice over) leaves the application where it was.
        let _ = candidate(world, now, index, &jobs, &users, &mut rng);
    }
}

fn staff(world: &mut World, at: Time) -> Vec<u64> {
    let mut ids = Vec::new();
    for (index, (first, last, title, admin)) in USERS.iter().enumerate() {
        let email = format!("{}@example.com", first.to_lowercase());
        let id = world.ids.next();
        world.users.insert(User {
            id,
            created_at: at,
            updated_at: at,
            first_name: Some((*first).into()),
            last_name: Some((*last).into()),
            primary_email: Some(email.clone()),
            job_title: Some((*title).into()),
            agency_id: None,
            name: Some(format!("{first} {last}")),
            deactivated: false,
            site_admin: *admin,
            employee_id: Some(format!("LW-{:03}", index + 1)),
            linked_candidate_ids: Vec::new(),
            office_ids: Vec::new(),
            department_ids: Vec::new(),
            interviewer_tags: Vec::new(),
            emails: Some(vec![email]),
            custom_fields: Map::new(),
            _service_account: false,
        });
        ids.push(id);
    }
    let mut robot = world.users.get(ids[0]).expect("just inserted").into_owned();
    robot.id = world.ids.next();
    robot.name = Some("Integration".into());
    (robot.first_name, robot.last_name) = (Some("Integration".into()), None);
    (robot.primary_email, robot.emails, robot.employee_id) = (None, None, None);
    robot._service_account = true;
    world.users.insert(robot);
    ids
}

fn places(world: &mut World, at: Time) -> (Vec<u64>, Vec<u64>) {
    let mut departments = Vec::new();
    for name in DEPARTMENTS {
        let id = world.ids.next();
        // Product belongs to Engineering, so that there is a tree.
        let parent_id = (name == "Product").then(|| departments[0]);
        world.departments.insert(Department {
            id,
            created_at: at,
            updated_at: at,
            name: name.into(),
            parent_id,
            external_id: Some(format!("D-{}", departments.len() + 1)),
        });
        departments.push(id);
    }
    let mut offices = Vec::new();
    for (name, location) in OFFICES {
        let id = world.ids.next();
        world.offices.insert(Office {
            id,
            created_at: at,
            updated_at: at,
            name: name.into(),
            parent_id: None,
            external_id: None,
            location: Some(location.into()),
            primary_in_house_contact_user_id: None,
        });
        offices.push(id);
    }
    (departments, offices)
}

fn words(world: &mut World, at: Time, users: &[u64]) {
    for (name, kind) in SOURCES {
        let id = world.ids.next();
        let kind_id = world.ids.next();
        world.sources.insert(Source {
            id,
            created_at: at,
            updated_at: at,
            name: name.into(),
            r#type: Kind {
                id: kind_id,
                key: None,
                name: kind.into(),
            },
        });
    }
    for (index, (name, key, kind)) in REASONS.iter().enumerate() {
        let id = world.ids.next();
        world.rejection_reasons.insert(RejectionReason {
            id,
            created_at: at,
            updated_at: at,
            name: (*name).into(),
            r#type: Kind {
                id: index as u64 / 2 + 1,
                key: Some((*key).into()),
                name: (*kind).into(),
            },
            _default: *name == "Other",
        });
    }
    for name in [
        "Hire - New headcount",
        "Hire - Backfill",
        "Position cancelled",
    ] {
        let id = world.ids.next();
        world.close_reasons.insert(CloseReason {
            id,
            created_at: at,
            updated_at: at,
            name: name.into(),
        });
    }
    for name in ["Silver medalist", "Relocation", "Speaks German"] {
        let id = world.ids.next();
        world.candidate_tags.insert(CandidateTag {
            id,
            created_at: at,
            updated_at: at,
            name: name.into(),
        });
    }
    let id = world.ids.next();
    world.referrers.insert(Referrer {
        id,
        created_at: at,
        updated_at: at,
        user_id: Some(users[3]),
        name: "Tomas Lindqvist".into(),
    });
}

/// One candidate's whole story so far: applied, moved along, perhaps rejected, offered, hired.
fn candidate(
    world: &mut World,
    now: Time,
    index: usize,
    jobs: &[u64],
    users: &[u64],
    rng: &mut Rng,
) -> Result<(), Refused> {
    let first = FIRST[index % FIRST.len()];
    let last = LAST[(index * 7 + index / FIRST.len()) % LAST.len()];
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphabetic);
        letters.collect::<String>().to_lowercase()
    };
    let sources: Vec<u64> = world.sources.iter().map(|source| source.id).collect();
    let source = index % sources.len();
    let referrer = world.referrers.iter().next().map(|row| row.id);
    let mut at =
        now.plus_secs(-((5 + rng.below(110)) as i64) * DAY_SECS + rng.below(30_000) as i64);
    let mut who = Applicant {
        first_name: first.into(),
        last_name: last.into(),
        email: Some(format!("{}.{}@example.com", plain(first), plain(last))),
        phone: Some(format!("+49 341 5550{:03}", 100 + index)),
        title: Some((*rng.pick(&TITLES)).into()),
        source_id: Some(sources[source]),
        referrer_id: referrer.filter(|_| SOURCES[source].0 == "Referral"),
        ..Applicant::default()
    };
    if index % 13 == 12 {
        who.prospective_job_ids = vec![jobs[index % jobs.len()]];
        world.add_prospect(at, who)?;
        return Ok(());
    }
    let job = jobs[index % jobs.len()];
    who.job_id = Some(job);
    let touched = world.apply(at, who)?.touched;
    let (Some(id), Some(candidate_id)) = (touched.application_id, touched.candidate_id) else {
        return Ok(());
    };
    world.attach(at, id, "resume", &format!("{}-cv.pdf", plain(last)))?;
    let stages = world.stages_of(job).len() as u64;
    for step in 0..rng.below(stages) {
        let later = at.plus_secs((1 + rng.below(6)) as i64 * DAY_SECS + rng.below(20_000) as i64);
        if later >= now {
            break;
        }
        at = later;
        world.move_to(at, id, None)?;
        if step == 1 {
            let starts = at.plus_secs(2 * DAY_SECS);
            world.schedule_interview(at, id, starts, Some(users[3]))?;
            if starts < now {
                let rating = *rng.pick(&["no", "yes", "strong_yes"]);
                world.submit_scorecard(starts, id, users[3], Some(rating.into()))?;
                at = starts;
            }
        }
    }
    if index % 6 == 1 {
        let tag = *rng.pick(&["Silver medalist", "Relocation"]);
        world.tag_by_name(at, candidate_id, tag)?;
    }
    let later = at.plus_secs(DAY_SECS);
    if later >= now {
        return Ok(());
    }
    let app = world.application(id)?;
    let in_last = world
        .current_stage(&app)
        .is_some_and(|stage| stage.sort_order + 1 == stages);
    if in_last {
        let starts_on = now.plus_secs(30 * DAY_SECS).to_date_text();
        let salary = 48_000 + 1_000 * rng.below(20);
        let offer = world.create_offer(later, id, Some(starts_on), Some(salary))?;
        if let Some(offer) = offer.touched.row_id {
            world.approve_offer(later, offer)?;
        }
        if rng.chance(0.5) {
            world.hire(later, id, None, None, None)?;
        }
    } else if rng.chance(0.3) {
        let reasons: Vec<u64> = world.rejection_reasons.iter().map(|row| row.id).collect();
        let reason = *rng.pick(&reasons);
        world.reject(later, id, Some(reason), Some(users[1]), None)?;
    }
    Ok(())
}
