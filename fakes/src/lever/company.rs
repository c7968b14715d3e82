//! The made-up company. Every name is invented and every address is at example.com.

use super::acts::{Act, Applicant, Hand, PostingPlan, RequisitionPlan, Result};
use super::id::Id;
use super::rows::{Reason, Stage};
use super::world::World;
use crate::clock::Time;
use crate::rng::Rng;

const DAY_SECS: i64 = 86_400;

const USERS: [(&str, &str, &str); 6] = [
    ("Ana Brandt", "super admin", "Head of Talent"),
    ("Jonas Keller", "admin", "Recruiter"),
    ("Mira Okoro", "team member", "Recruiting Coordinator"),
    (
        "Tomas Lindqvist",
        "limited team member",
        "Engineering Manager",
    ),
    ("Priya Vasan", "limited team member", "Product Lead"),
    ("Samuel Fischer", "interviewer", "Head of Operations"),
];
/// Id (none is a number), text, pipeline.
const STAGES: [(Option<&str>, &str, &str); 8] = [
    (Some("lead-new"), "New lead", "lead"),
    (Some("lead-reached-out"), "Reached out", "lead"),
    (Some("lead-responded"), "Responded", "lead"),
    (Some("applicant-new"), "New applicant", "applicant"),
    (None, "Recruiter screen", "interview"),
    (None, "Phone interview", "interview"),
    (None, "On-site interview", "interview"),
    (Some("offer"), "Offer", "offer"),
];
/// Text, active, of the hired kind.
const REASONS: [(&str, bool, bool); 7] = [
    ("Underqualified", true, false),
    ("Timing", true, false),
    ("Withdrew", true, false),
    ("Offer declined", true, false),
    ("Hired", true, true),
    ("Hired as a contractor", true, true),
    ("Position filled", false, false),
];
/// Text, team, department, location, state, public.
type Plan = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    bool,
);
const POSTINGS: [Plan; 6] = [
    (
        "Backend Engineer",
        "Platform",
        "Engineering",
        "Leipzig",
        "published",
        true,
    ),
    (
        "Product Designer",
        "Design",
        "Product",
        "Porto",
        "published",
        true,
    ),
    (
        "Data Analyst",
        "Insights",
        "Engineering",
        "Remote",
        "published",
        true,
    ),
    (
        "Warehouse Lead",
        "Logistics",
        "Operations",
        "Leipzig",
        "published",
        true,
    ),
    (
        "People Partner",
        "People",
        "People",
        "Remote",
        "published",
        false,
    ),
    (
        "Office Manager",
        "People",
        "People",
        "Leipzig",
        "closed",
        true,
    ),
];
const FIRST: [&str; 21] = [
    "Zoë", "Malik", "Ingrid", "Tariq", "Yuki", "Carlo", "Amelie", "Nuno", "Leona", "Bram",
    "Chiara", "Dario", "Esra", "Finn", "Greta", "Hakim", "Ines", "Joris", "Katya", "Luan",
    "Maëlle",
];
const LAST: [&str; 11] = [
    "Krämer",
    "Adeyinka",
    "Solheim",
    "Haddad",
    "Morishita",
    "Bellandi",
    "Rousselle",
    "Figueira",
    "Winterfeld",
    "O'Dell",
    "Yildirim",
];
const SOURCES: [&str; 4] = ["Careers page", "Referral", "Job board", "Agency"];

/// Fills an empty account. The same seed makes the same company.
pub(crate) fn fill(world: &mut World, now: Time, seed: u64, people: usize) {
    let mut rng = Rng::new(seed);
    let long_ago = now.plus_secs(-500 * DAY_SECS);
    let mut hand = Hand {
        world,
        now: long_ago,
        by: None,
    };
    let users = staff(&mut hand);
    words(&mut hand);
    let postings = openings(&mut hand, now, &users);
    for index in 0..people {
        // What an act refuses is left as it was.
        let _ = person(&mut hand, now, index, &postings, &users, &mut rng);
    }
}

fn staff(hand: &mut Hand<'_>) -> Vec<Id> {
    let mut ids = Vec::new();
    for (name, role, title) in USERS {
        let first = name.split(' ').next().unwrap_or_default().to_lowercase();
        let id = hand.add_user(name.into(), format!("{first}@example.com"), role);
        if let Some(user) = hand.world.users.get_mut(id) {
            user.job_title = Some(title.into());
            user.manager = ids.first().copied();
        }
        ids.push(id);
    }
    let gone = hand.add_user("Ruth Abel".into(), "ruth@example.com".into(), "admin");
    if let Some(user) = hand.world.users.get_mut(gone) {
        user.deactivated_at = Some(hand.now.plus_secs(90 * DAY_SECS));
    }
    ids
}

fn words(hand: &mut Hand<'_>) {
    for (id, text, pipeline) in STAGES {
        let number = hand.world.new_id().to_string();
        hand.world.stages.push(Stage {
            id: id.map_or(number, String::from),
            text: text.into(),
            pipeline,
        });
    }
    for (text, active, hired) in REASONS {
        let id = hand.world.new_id();
        hand.world.reasons.push(Reason {
            id,
            text: text.into(),
            active,
            hired,
        });
    }
}

fn openings(hand: &mut Hand<'_>, now: Time, users: &[Id]) -> Vec<String> {
    let mut postings = Vec::new();
    for (index, plan) in (0i64..).zip(POSTINGS) {
        hand.now = now.plus_secs(-(400 - 9 * index) * DAY_SECS);
        let (text, team, department, location, state, public) = plan;
        let both = || ["public", "internal"].map(String::from).to_vec();
        let acted = hand.add_posting(PostingPlan {
            text: text.into(),
            team: team.into(),
            department: department.into(),
            location: location.into(),
            state: Some(state.into()),
            channels: Some(if public {
                both()
            } else {
                vec!["internal".into()]
            }),
            requisition_code: (index < 3).then(|| format!("REQ-{}", index + 1)),
            owner_id: Some(users[1].to_string()),
            hiring_manager_id: Some(users[3].to_string()),
            confidential: false,
        });
        postings.extend(acted.ok().and_then(|acted| acted.touched.row_id));
    }
    for (index, posting) in postings.iter().take(3).enumerate() {
        hand.now = now.plus_secs(-(420 - 9 * index as i64) * DAY_SECS);
        let _ = hand.add_requisition(RequisitionPlan {
            code: format!("REQ-{}", index + 1),
            name: POSTINGS[index].0.into(),
            headcount: (index != 2).then_some(4),
            posting_ids: vec![posting.clone()],
            owner_id: Some(users[0].to_string()),
            hiring_manager_id: Some(users[3].to_string()),
            confidential: index == 1,
        });
    }
    postings
}

/// One person's whole story so far: came in, moved along, perhaps archived, offered, hired.
fn person(
    hand: &mut Hand<'_>,
    now: Time,
    index: usize,
    postings: &[String],
    users: &[Id],
    rng: &mut Rng,
) -> Result<()> {
    let old = index < 4;
    let days = if old { 300 } else { 5 + rng.below(110) as i64 };
    let begun = now.plus_secs(-days * DAY_SECS + rng.below(30_000) as i64);
    hand.now = begun;
    hand.by = None;
    let lead = index % 9 == 8;
    // The last one has applied before, under the same address.
    let who = if index == 35 { 5 } else { index };
    let acted = hand.apply(Applicant {
        confidential: index == 20,
        owner_id: Some(users[1].to_string()),
        posting_id: (!lead).then(|| postings[index % 5].clone()),
        source: Some(SOURCES[index % SOURCES.len()].into()),
        origin: Some(origin(index, lead).into()),
        ..somebody(who)
    })?;
    let id = acted.touched.opportunity_id.unwrap_or_default();
    let number = Id::parse(&id).unwrap_or_default();
    if old {
        // From before the vendor had the field, and never touched since.
        hand.world.edit(number, None, |row| {
            (row.updated_at, row.candidate) = (None, row.id);
        })?;
        return Ok(());
    }
    if lead {
        return Ok(());
    }
    if index.is_multiple_of(7) {
        hand.act(Act::AnswerEeo {
            opportunity_id: id.clone(),
        })?;
    }
    hand.by = Some(users[1]);
    let steps = rng.below(5) as usize;
    for step in 0..steps {
        if !later(hand, now, 1 + rng.below(5) as i64) {
            return Ok(());
        }
        let stage = hand.world.stage_id(4 + step).to_string();
        hand.move_to(number, &stage)?;
        if step == 1 {
            interview(hand, &id, users, 1 + rng.below(4))?;
        }
    }
    if index.is_multiple_of(3) {
        let value = "Friendly call, wants to start in spring.".into();
        hand.add_note(number, value, None, index.is_multiple_of(2))?;
    }
    if index.is_multiple_of(5) {
        hand.tag(number, &["silver medalist".into()], true)?;
    }
    if !later(hand, now, 1) {
        return Ok(());
    }
    if steps == 4 {
        let offer = hand.act(Act::CreateOffer {
            opportunity_id: id.clone(),
            salary: 48_000 + 1_000 * rng.below(20),
            requisition_id: None,
        })?;
        if rng.chance(0.5) {
            hand.act(Act::SetOffer {
                offer_id: offer.touched.row_id.unwrap_or_default(),
                status: "signed".into(),
            })?;
            hand.act(Act::Hire {
                opportunity_id: id,
                requisition_id: None,
            })?;
        }
    } else if rng.chance(0.3) {
        let reason = hand.world.reasons[rng.below(4) as usize].id;
        hand.archive(number, Some(reason), None, false)?;
    }
    Ok(())
}

/// Some days on, if that is not yet to come.
fn later(hand: &mut Hand<'_>, now: Time, days: i64) -> bool {
    let later = hand.now.plus_secs(days * DAY_SECS);
    if later < now {
        hand.now = later;
    }
    later < now
}

fn interview(hand: &mut Hand<'_>, id: &str, users: &[Id], rating: u64) -> Result<()> {
    let interview = hand.act(Act::ScheduleInterview {
        opportunity_id: id.into(),
        date: hand.now.plus_secs(DAY_SECS),
        user_id: Some(users[3].to_string()),
    })?;
    hand.act(Act::SubmitFeedback {
        opportunity_id: id.into(),
        user_id: users[3].to_string(),
        rating,
        interview_id: interview.touched.row_id,
        draft: false,
    })?;
    Ok(())
}

fn origin(index: usize, lead: bool) -> &'static str {
    match (lead, index % 4) {
        (true, _) => "sourced",
        (_, 1) => "referred",
        (_, 3) => "agency",
        _ => "applied",
    }
}

fn somebody(index: usize) -> Applicant {
    let first = FIRST[index % FIRST.len()];
    let last = LAST[(index * 7 + index / FIRST.len()) % LAST.len()];
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphabetic);
        letters.collect::<String>().to_lowercase()
    };
    Applicant {
        name: format!("{first} {last}"),
        email: Some(format!("{}.{}@example.com", plain(first), plain(last))),
        phone: Some(format!("+49 341 5550{:03}", 100 + index)),
        headline: Some("Lindenhof alumni, between things".into()),
        location: Some("Leipzig".into()),
        ..Applicant::default()
    }
}
