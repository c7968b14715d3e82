//! The custom reports that the tenant's admin has built and enabled as web services. Columns, their
//! aliases and the prompts are the author's choice; other tenants have others.

use super::cell::{Cell, Ref};
use super::rows::{Application, Candidate, Kind, Requisition, key};
use super::table::Window;
use super::world::World;

/// What a caller asked a report for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompts {
    pub(crate) window: Window,
    pub(crate) requisition: Option<u64>,
}

/// One report. `row` gives as many cells as there are columns, or nothing for a row left out.
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
    pub(crate) ids: fn(&World, Window) -> Vec<u64>,
    pub(crate) row: fn(&World, u64, Option<u64>) -> Option<Vec<Cell>>,
}

/// All of them.
pub(crate) static REPORTS: [Report; 6] = [
    Report {
        name: "ATS_Applications_Delta",
        columns: &APPLICATION,
        ids: |world, window| world.applications.ids(window),
        row: application,
    },
    Report {
        name: "ATS_Candidates",
        columns: &CANDIDATE,
        ids: |world, window| world.candidates.ids(window),
        row: candidate,
    },
    Report {
        name: "ATS_Requisitions",
        columns: &REQUISITION,
        ids: |world, window| world.requisitions.ids(window),
        row: requisition,
    },
    Report {
        name: "ATS_Interviews",
        columns: &INTERVIEW,
        ids: |world, window| world.interviews.ids(window),
        row: interview,
    },
    Report {
        name: "ATS_Offers",
        columns: &OFFER,
        ids: |world, window| world.offers.ids(window),
        row: offer,
    },
    Report {
        name: "ATS_Stage_History",
        columns: &HISTORY,
        ids: |world, window| world.applications.ids(window),
        row: history,
    },
];

/// The report of this name.
pub(crate) fn find(name: &str) -> Option<&'static Report> {
    REPORTS.iter().find(|report| report.name == name)
}

const APPLICATION: [&str; 22] = [
    "Candidate_ID",
    "Candidate_Name",
    "First_Name",
    "Last_Name",
    "Email",
    "Phone",
    "Job_Application_ID",
    "Job_Requisition_ID",
    "Job_Requisition",
    "Application_Date",
    "Applied_At",
    "Stage",
    "Workflow_Step",
    "Disposition",
    "Disposition_By",
    "Status_Timestamp",
    "Source",
    "Referred_By",
    "Recruiter",
    "Candidate_Tags",
    "Last_Updated",
    "Applications_group",
];

fn application(world: &World, id: u64, only: Option<u64>) -> Option<Vec<Cell>> {
    let row = world.applications.get(id).filter(|row| wanted(row, only))?;
    let person = world.candidate(row.candidate_id).ok()?;
    let job = world.requisition(row.requisition_id).ok()?;
    let cells: [Cell; APPLICATION.len()] = [
        Cell::Text(person.key()),
        Cell::Text(person.full_name()),
        Cell::Text(person.first_name.clone()),
        Cell::Text(person.last_name.clone()),
        Cell::text(person.email.as_deref()),
        Cell::text(person.phone.as_deref()),
        Cell::Text(row.key()),
        Cell::Text(job.key()),
        Cell::Refs(vec![requisition_ref(&job)]),
        Cell::Day(row.applied_at),
        Cell::Stamp(row.applied_at),
        Cell::word(Some(row.stage.name)),
        Cell::word(Some(row.stage.step)),
        Cell::word(row.disposition.map(|why| why.name)),
        Cell::text(row.disposition.map(|why| format!("{:?}", why.by))),
        Cell::Stamp(row.status_at),
        Cell::word(row.source),
        Cell::worker(row.referred_by),
        Cell::worker(Some(job.recruiter)),
        tags(&person),
        Cell::Stamp(row.updated_at),
        applications_group(world, row.candidate_id),
    ];
    Some(cells.into())
}

const CANDIDATE: [&str; 15] = [
    "Candidate_ID",
    "Candidate_Name",
    "First_Name",
    "Last_Name",
    "Email",
    "Phone",
    "City",
    "Profile_URL",
    "Candidate_Tags",
    "Candidate_Pools",
    "Do_Not_Hire",
    "Withdrawn",
    "Created",
    "Last_Updated",
    "Applications_group",
];

fn candidate(world: &World, id: u64, only: Option<u64>) -> Option<Vec<Cell>> {
    let row = world.candidates.get(id)?;
    let mut applications = world.applications_of(id).into_iter();
    if only.is_some() && !applications.any(|application| wanted(&application, only)) {
        return None;
    }
    let cells: [Cell; CANDIDATE.len()] = [
        Cell::Text(row.key()),
        Cell::Text(row.full_name()),
        Cell::Text(row.first_name.clone()),
        Cell::Text(row.last_name.clone()),
        Cell::text(row.email.as_deref()),
        Cell::text(row.phone.as_deref()),
        Cell::text(row.city.as_deref()),
        Cell::text(row.profile_url.as_deref()),
        tags(&row),
        Cell::Refs(row.pools.iter().map(|pool| Ref::word(pool)).collect()),
        Cell::Flag(row.do_not_hire),
        Cell::Flag(world.has_withdrawn(id)),
        Cell::Stamp(row.created_at),
        Cell::Stamp(row.updated_at),
        applications_group(world, id),
    ];
    Some(cells.into())
}

const REQUISITION: [&str; 14] = [
    "Job_Requisition_ID",
    "Job_Posting_Title",
    "Job_Requisition_Status",
    "Primary_Location",
    "Country",
    "Recruiter",
    "Hiring_Manager",
    "Time_Type",
    "Number_of_Openings",
    "Recruiting_Start_Date",
    "Target_Hire_Date",
    "Is_Posted",
    "Last_Updated",
    "Hiring_Team_group",
];

fn requisition(world: &World, id: u64, only: Option<u64>) -> Option<Vec<Cell>> {
    let row = world.requisitions.get(id)?;
    if only.is_some_and(|only| only != id) {
        return None;
    }
    let team = [
        ("Recruiter", row.recruiter),
        ("Hiring Manager", row.manager),
    ];
    let team = team.map(|(role, worker)| {
        vec![
            ("Role", Cell::Text(role.into())),
            ("Worker", Cell::worker(Some(worker))),
            ("Worker_Email", Cell::Text(worker.email.into())),
        ]
    });
    let cells: [Cell; REQUISITION.len()] = [
        Cell::Text(row.key()),
        Cell::Text(row.title.clone()),
        Cell::word(Some(&row.status)),
        Cell::Refs(vec![Ref::location(row.location)]),
        Cell::word(Some(row.location.country)),
        Cell::worker(Some(row.recruiter)),
        Cell::worker(Some(row.manager)),
        Cell::word(Some(row.time_type)),
        Cell::Number(row.openings.into()),
        Cell::Day(row.created_at),
        row.target_hire.map_or(Cell::Empty, Cell::Day),
        Cell::Flag(row.is_posted()),
        Cell::Stamp(row.updated_at),
        Cell::Group(team.into()),
    ];
    Some(cells.into())
}

const INTERVIEW: [&str; 9] = [
    "Interview_ID",
    "Job_Application_ID",
    "Candidate_ID",
    "Interview_Status",
    "Start",
    "End",
    "Interviewers",
    "Last_Updated",
    "Interviewers_group",
];

fn interview(world: &World, id: u64, only: Option<u64>) -> Option<Vec<Cell>> {
    let row = world.interviews.get(id)?;
    let application = world.applications.get(row.application_id)?;
    if !wanted(&application, only) {
        return None;
    }
    let interviewers = row.interviewers.iter().map(|worker| {
        vec![
            ("Interviewer", Cell::worker(Some(worker))),
            ("Worker_ID", Cell::Text(worker.id.to_string())),
            ("Worker_Email", Cell::Text(worker.email.into())),
        ]
    });
    let names = row.interviewers.iter().map(|worker| Ref::worker(worker));
    let cells: [Cell; INTERVIEW.len()] = [
        Cell::Text(key(Kind::Interview, id)),
        Cell::Text(application.key()),
        Cell::Text(key(Kind::Candidate, application.candidate_id)),
        Cell::word(Some(&row.status)),
        Cell::Stamp(row.starts_at),
        Cell::Stamp(row.ends_at),
        Cell::Refs(names.collect()),
        Cell::Stamp(row.updated_at),
        Cell::Group(interviewers.collect()),
    ];
    Some(cells.into())
}

const OFFER: [&str; 8] = [
    "Offer_ID",
    "Job_Application_ID",
    "Candidate_ID",
    "Offer_Status",
    "Offer_Date",
    "Response_Date",
    "Start_Date",
    "Last_Updated",
];

fn offer(world: &World, id: u64, only: Option<u64>) -> Option<Vec<Cell>> {
    let row = world.offers.get(id)?;
    let application = world.applications.get(row.application_id)?;
    if !wanted(&application, only) {
        return None;
    }
    let cells: [Cell; OFFER.len()] = [
        Cell::Text(key(Kind::Offer, id)),
        Cell::Text(application.key()),
        Cell::Text(key(Kind::Candidate, application.candidate_id)),
        Cell::word(Some(&row.status)),
        Cell::Day(row.extended_at),
        row.answered_at.map_or(Cell::Empty, Cell::Day),
        row.start_on.map_or(Cell::Empty, Cell::Day),
        Cell::Stamp(row.updated_at),
    ];
    Some(cells.into())
}

const HISTORY: [&str; 5] = [
    "Job_Application_ID",
    "Candidate_ID",
    "Job_Requisition_ID",
    "Last_Updated",
    "Stage_History_group",
];

fn history(world: &World, id: u64, only: Option<u64>) -> Option<Vec<Cell>> {
    let row = world.applications.get(id).filter(|row| wanted(row, only))?;
    let stays = row.history.iter().map(|stay| {
        vec![
            ("Stage", Cell::word(Some(stay.stage.name))),
            ("Entered", Cell::Stamp(stay.entered)),
            ("Exited", Cell::stamp(stay.exited)),
        ]
    });
    let cells: [Cell; HISTORY.len()] = [
        Cell::Text(row.key()),
        Cell::Text(key(Kind::Candidate, row.candidate_id)),
        Cell::Text(key(Kind::Requisition, row.requisition_id)),
        Cell::Stamp(row.updated_at),
        Cell::Group(stays.collect()),
    ];
    Some(cells.into())
}

fn wanted(row: &Application, only: Option<u64>) -> bool {
    only.is_none_or(|only| row.requisition_id == only)
}

fn tags(person: &Candidate) -> Cell {
    Cell::Refs(person.tags.iter().map(|tag| Ref::word(tag)).collect())
}

fn applications_group(world: &World, candidate: u64) -> Cell {
    let rows = world.applications_of(candidate).into_iter().map(|row| {
        vec![
            ("Job_Application_ID", Cell::Text(row.key())),
            (
                "Job_Requisition_ID",
                Cell::Text(key(Kind::Requisition, row.requisition_id)),
            ),
            ("Stage", Cell::word(Some(row.stage.name))),
        ]
    });
    Cell::Group(rows.collect())
}

/// A requisition as other things refer to it.
pub(crate) fn requisition_ref(row: &Requisition) -> Ref {
    Ref {
        descriptor: format!("{} {}", row.key(), row.title),
        wid: super::rows::wid(Kind::Requisition, row.id),
        id: Some(("Job_Requisition_ID", row.key())),
    }
}
