//! A made-up company: people, plans, stages, jobs and lists of reasons. Nobody here is real.

use serde_json::{Value, json};

use super::ids::{Kind, id};
use super::people;
use super::world::World;
use crate::clock::Time;

const DAY: i64 = 86_400;

/// First name, last name, role.
const USERS: [(&str, &str, &str); 6] = [
    ("Runa", "Falk", "Organization Admin"),
    ("Matti", "Brandt", "Elevated Access"),
    ("Ines", "Caldera", "Elevated Access"),
    ("Tobias", "Weng", "Limited Access"),
    ("Salome", "Okafor", "Limited Access"),
    ("Piet", "Aurich", "Limited Access"),
];

/// Title and type, first to last.
const STANDARD: [(&str, &str); 7] = [
    ("New Lead", "Lead"),
    ("Application Review", "PreInterviewScreen"),
    ("Phone Screen", "Active"),
    ("On-site", "Active"),
    ("Offer", "Offer"),
    ("Hired", "Hired"),
    ("Archived", "Archived"),
];
const ENGINEERING: [(&str, &str); 9] = [
    ("New Lead", "Lead"),
    ("Application Review", "PreInterviewScreen"),
    ("Recruiter Screen", "Active"),
    ("Code Review", "Active"),
    ("System Design", "Active"),
    ("Team Day", "Active"),
    ("Offer", "Offer"),
    ("Hired", "Hired"),
    ("Archived", "Archived"),
];

/// Title, which department, which location, engineering plan, status.
const JOBS: [(&str, usize, usize, bool, &str); 6] = [
    ("Backend Engineer", 0, 0, true, "Open"),
    ("Site Reliability Engineer", 0, 1, true, "Open"),
    ("Product Designer", 1, 0, false, "Open"),
    ("Customer Success Manager", 2, 0, false, "Open"),
    ("Field Technician", 2, 1, false, "Closed"),
    ("Head of Operations", 2, 0, false, "Open"),
];

/// Fills an empty world with a company and half a year of history.
pub(crate) fn fill(world: &mut World, now: Time, seed: u64, people: usize) {
    let start = now.plus_secs(-220 * DAY);
    let users: Vec<u64> = USERS
        .iter()
        .map(|user| add_user(world, start, user))
        .collect();
    let departments = ["Engineering", "Design", "Operations"].map(|name| {
        let fields = json!({
            "name": name, "externalName": null, "isArchived": false, "parentId": null,
            "createdAt": null, "updatedAt": null, "extraData": null,
        });
        world.add(Kind::Department, None, start, fields)
    });
    let locations = [("Werkhof", false), ("Remote", true)].map(|(name, remote)| {
        let fields = json!({
            "name": name, "externalName": null, "isArchived": false, "address": null,
            "isRemote": remote, "workplaceType": if remote { "Remote" } else { "Hybrid" },
            "parentLocationId": null, "type": "Location", "extraData": null,
        });
        world.add(Kind::Location, None, start, fields)
    });
    metadata(world, start);
    let standard = add_plan(world, start, "Standard Plan", &STANDARD);
    let engineering = add_plan(world, start, "Engineering Plan", &ENGINEERING);
    for (at, (title, department, location, code, status)) in JOBS.into_iter().enumerate() {
        let plan = if code { engineering } else { standard };
        let made = start.plus_secs(at as i64 * DAY);
        let Ok(job) = world.add_job(made, title, Some(plan)) else {
            continue;
        };
        let team = [
            hiring(world, users[1], "Recruiter"),
            hiring(world, users[at], "Hiring Manager"),
        ];
        world.edit(Kind::Job, job, made.plus_secs(3600), |fields| {
            fields["departmentId"] = json!(id(Kind::Department, departments[department]));
            fields["locationId"] = json!(id(Kind::Location, locations[location]));
            fields["status"] = json!(status);
            fields["openedAt"] = json!(made.plus_secs(3600));
            fields["hiringTeam"] = json!(team);
            fields["customRequisitionId"] = json!(format!("REQ-{}", 100 + at));
            fields["confidential"] = json!(title == "Head of Operations");
            if status == "Closed" {
                fields["closedAt"] = json!(made.plus_secs(90 * DAY));
            }
        });
        world.add_posting(made.plus_secs(7200), job, status == "Open");
        world.add_opening(made, job, &format!("OPN-{}", 100 + at));
    }
    people::fill(world, now, seed, people);
}

fn add_user(world: &mut World, at: Time, (first, last, role): &(&str, &str, &str)) -> u64 {
    let name = format!("{first}.{last}").to_lowercase();
    let fields = json!({
        "firstName": first, "lastName": last, "email": format!("{name}@lindenhof.example"),
        "globalRole": role, "isEnabled": true, "updatedAt": null,
    });
    world.add(Kind::User, None, at, fields)
}

fn hiring(world: &World, user: u64, role: &str) -> Value {
    let field = |name| world.field(Kind::User, user, name);
    json!({
        "email": field("email"), "firstName": field("firstName"), "lastName": field("lastName"),
        "role": role, "userId": id(Kind::User, user),
    })
}

fn add_plan(world: &mut World, at: Time, title: &str, stages: &[(&str, &str)]) -> u64 {
    let fields = json!({"title": title, "isArchived": false, "createdAt": null, "updatedAt": null});
    let plan = world.add(Kind::Plan, None, at, fields);
    for (order, (title, kind)) in stages.iter().enumerate() {
        let fields = json!({
            "title": title, "type": kind, "interviewPlanId": id(Kind::Plan, plan),
            "orderInInterviewPlan": order, "interviewStageGroupId": null,
        });
        world.add(Kind::Stage, Some(plan), at, fields);
    }
    plan
}

fn metadata(world: &mut World, at: Time) {
    for (title, kind) in [
        ("Applied", "Inbound"),
        ("Referral", "Referral"),
        ("Sourced by hand", "Sourced"),
        ("Career fair", "Inbound"),
    ] {
        let kind = json!({
            "id": id(Kind::Part, kind.len() as u64), "title": kind, "isArchived": false,
        });
        let fields = json!({"title": title, "isArchived": false, "sourceType": kind});
        world.add(Kind::Source, None, at, fields);
    }
    for (text, kind) in [
        ("Lacks skills", "RejectedByOrg"),
        ("Withdrew", "RejectedByCandidate"),
        ("Position filled", "Other"),
    ] {
        let fields = json!({"text": text, "reasonType": kind, "isArchived": false});
        world.add(Kind::ArchiveReason, None, at, fields);
    }
    for title in ["Silver medalist", "Referral", "Speaks Dutch"] {
        world.add(
            Kind::Tag,
            None,
            at,
            json!({"title": title, "isArchived": false}),
        );
    }
    for title in ["Filled", "Budget withdrawn"] {
        world.add(
            Kind::CloseReason,
            None,
            at,
            json!({"title": title, "isArchived": false}),
        );
    }
    for title in ["Recruiter", "Hiring Manager", "Coordinator"] {
        world.add(Kind::Role, None, at, json!({"title": title}));
    }
    let fields = json!({
        "title": "Laptop", "objectType": "Application", "fieldType": "String",
        "isArchived": false, "isPrivate": false,
    });
    world.add(Kind::CustomField, None, at, fields);
    let fields = json!({
        "organizationId": id(Kind::Part, 9), "title": "Interview feedback", "isArchived": false,
        "isDefaultForm": true,
        "formDefinition": super::offer_acts::form("Overall", "overall_recommendation", "Score"),
    });
    let form = world.add(Kind::FeedbackForm, None, at, fields);
    let fields = json!({
        "title": "Conversation", "externalTitle": "Conversation", "isArchived": false,
        "isDebrief": false, "isFeedbackRequired": true, "isFeedbackRequested": true,
        "instructionsHtml": null, "instructionsPlain": null,
        "feedbackFormDefinitionId": id(Kind::FeedbackForm, form),
    });
    world.add(Kind::Interview, None, at, fields);
    let fields = json!({
        "title": "Open day", "description": "Met at the open day", "isArchived": false,
        "confidential": false, "authorId": null, "createdAt": null, "customFieldEntries": [],
    });
    world.add(Kind::Project, None, at, fields);
}
