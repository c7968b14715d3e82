//! The writes. None of them knows an idempotency key: a repeated create makes a second record.

use serde_json::{Value, json};

use super::acts::Acted;
use super::fields::Fields;
use super::ids::{Kind, id};
use super::problem::Problem;
use super::rows::Candidate;
use super::world::World;
use crate::clock::Time;

/// A write: it answers with what to show and which webhooks to send.
pub(crate) type Write = fn(&mut World, Fields, Time) -> Result<Written, Problem>;

/// What a write did.
pub(crate) struct Written {
    pub(crate) kind: Kind,
    pub(crate) shown: Value,
    pub(crate) acted: Acted,
}

pub(crate) const CANDIDATE: &[&str] = &[
    "name",
    "email",
    "phoneNumber",
    "linkedInUrl",
    "githubUrl",
    "website",
    "alternateEmailAddresses",
    "sourceId",
    "creditedToUserId",
    "location",
    "createdAt",
];
pub(crate) const NOTE: &[&str] = &[
    "candidateId",
    "note",
    "sendNotifications",
    "isPrivate",
    "createdAt",
];
pub(crate) const TAG: &[&str] = &["candidateId", "tagId"];
pub(crate) const APPLICATION: &[&str] = &[
    "candidateId",
    "jobId",
    "interviewPlanId",
    "interviewStageId",
    "sourceId",
    "creditedToUserId",
    "createdAt",
    "applicationHistory",
];
pub(crate) const STAGE: &[&str] = &[
    "applicationId",
    "interviewStageId",
    "archiveReasonId",
    "archiveEmail",
];

pub(crate) fn create_candidate(
    world: &mut World,
    fields: Fields,
    now: Time,
) -> Result<Written, Problem> {
    let name = fields.need("name")?;
    let mut emails: Vec<String> = fields
        .text("email")?
        .map(str::to_owned)
        .into_iter()
        .collect();
    for email in fields.texts("alternateEmailAddresses")?.unwrap_or_default() {
        emails.push(email.to_owned());
    }
    let mut links = Vec::new();
    for (field, kind) in [
        ("linkedInUrl", "LinkedIn"),
        ("githubUrl", "GitHub"),
        ("website", "Website"),
    ] {
        links.extend(
            fields
                .text(field)?
                .map(|url| (kind.to_owned(), url.to_owned())),
        );
    }
    let row = Candidate {
        name: name.into(),
        emails,
        phones: fields
            .text("phoneNumber")?
            .map(str::to_owned)
            .into_iter()
            .collect(),
        links,
        source: find(world, fields, "sourceId", Kind::Source)?,
        credited: find(world, fields, "creditedToUserId", Kind::User)?,
        ..Candidate::default()
    };
    let at = created_at(fields)?.unwrap_or(now);
    let n = world.add_candidate(at, row);
    if at != now {
        world.edit_candidate(n, now, |_| {});
    }
    Ok(written(world, Kind::Candidate, n))
}

/// The source, the date and so on are kept; a given history is not.
pub(crate) fn create_application(
    world: &mut World,
    fields: Fields,
    now: Time,
) -> Result<Written, Problem> {
    let candidate = world.find(Kind::Candidate, fields.need("candidateId")?)?;
    let job = world.find(Kind::Job, fields.need("jobId")?)?;
    let plan = match find(world, fields, "interviewPlanId", Kind::Plan)? {
        Some(plan) => plan,
        None => world
            .plan_of_job(job)
            .ok_or_else(|| Problem::missing(Kind::Plan))?,
    };
    let stages = world.stages(plan);
    let first = |kind: &str| {
        stages
            .iter()
            .copied()
            .find(|n| world.stage_type(*n) == kind)
    };
    let stage = match fields.text("interviewStageId")? {
        None => first("Lead"),
        Some("FirstPreInterviewScreen") => first("PreInterviewScreen"),
        Some(stage) => Some(world.find(Kind::Stage, stage)?).filter(|n| stages.contains(n)),
    };
    let stage = stage.ok_or_else(|| Problem::missing(Kind::Stage))?;
    let source = find(world, fields, "sourceId", Kind::Source)?;
    let credited = find(world, fields, "creditedToUserId", Kind::User)?;
    let at = created_at(fields)?.unwrap_or(now);
    let n = world.new_application(at, candidate, job, stage, source);
    world.edit_application(n, now, |row| row.credited = credited);
    let shown = world.show_whole_application(n);
    Ok(Written {
        kind: Kind::Application,
        shown: shown.unwrap_or(Value::Null),
        // An integration's write is no submission.
        acted: world.told(n, &[]),
    })
}

pub(crate) fn change_stage(
    world: &mut World,
    fields: Fields,
    now: Time,
) -> Result<Written, Problem> {
    let n = world.find(Kind::Application, fields.need("applicationId")?)?;
    let stage = world.stage_in_plan(n, fields.need("interviewStageId")?)?;
    let reason = find(world, fields, "archiveReasonId", Kind::ArchiveReason)?;
    if world.stage_type(stage) == "Archived" && reason.is_none() {
        return Err(Problem::input(
            "archiveReasonId",
            "archiveReasonId is required when the stage is an Archived one",
        ));
    }
    if fields.value("archiveEmail").is_some() {
        return Err(Problem::new(
            "communication_template_not_found",
            "This fake knows no communication templates",
        ));
    }
    let acted = world.move_to(now, n, stage, reason, None)?;
    Ok(Written {
        acted,
        ..written(world, Kind::Application, n)
    })
}

/// The note is a text, or an object that says whether it is HTML.
pub(crate) fn create_note(
    world: &mut World,
    fields: Fields,
    now: Time,
) -> Result<Written, Problem> {
    let candidate = world.find(Kind::Candidate, fields.need("candidateId")?)?;
    let wrong = || {
        Problem::input(
            "note",
            "note must be a string or an object with type and value",
        )
    };
    let text = match fields.value("note") {
        Some(Value::String(text)) => text.as_str(),
        Some(Value::Object(note)) => {
            let kind = note.get("type").and_then(Value::as_str);
            if !matches!(kind, Some("text/plain" | "text/html")) {
                return Err(wrong());
            }
            note.get("value")
                .and_then(Value::as_str)
                .ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    let private = fields.flag("isPrivate")?.unwrap_or(false);
    fields.flag("sendNotifications")?;
    let at = created_at(fields)?.unwrap_or(now);
    let author = world.docs(Kind::User).next();
    let n = world.note(at, candidate, text, private, author);
    Ok(written(world, Kind::Note, n))
}

pub(crate) fn add_tag(world: &mut World, fields: Fields, now: Time) -> Result<Written, Problem> {
    tag(world, fields, now, true)
}

pub(crate) fn remove_tag(world: &mut World, fields: Fields, now: Time) -> Result<Written, Problem> {
    tag(world, fields, now, false)
}

fn tag(world: &mut World, fields: Fields, now: Time, on: bool) -> Result<Written, Problem> {
    let (candidate, tag) = (fields.need("candidateId")?, fields.need("tagId")?);
    world.tag(now, candidate, tag, on)?;
    let n = world.find(Kind::Candidate, candidate)?;
    Ok(written(world, Kind::Candidate, n))
}

pub(crate) fn create_tag(world: &mut World, fields: Fields, now: Time) -> Result<Written, Problem> {
    let title = fields.need("title")?;
    let row = json!({"title": title, "isArchived": false});
    let n = world.add(Kind::Tag, None, now, row);
    Ok(written(world, Kind::Tag, n))
}

/// The recorded answer of `application.create`: stubs of what it points at.
pub(crate) fn as_stubs(application: &mut Value) {
    let keep = [
        ("candidate", &["id", "name"][..]),
        ("currentInterviewStage", &["id"]),
        ("job", &["id", "title"]),
    ];
    for (field, names) in keep {
        if let Some(part) = application[field].as_object_mut() {
            part.retain(|name, _| names.contains(&name.as_str()));
        }
    }
}

fn written(world: &World, kind: Kind, n: u64) -> Written {
    let mut acted = Acted::default();
    acted.touched.id = Some(id(kind, n));
    Written {
        kind,
        shown: world.show(kind, n).unwrap_or(Value::Null),
        acted,
    }
}

fn find(
    world: &World,
    fields: Fields,
    name: &'static str,
    kind: Kind,
) -> Result<Option<u64>, Problem> {
    let id = fields.text(name)?;
    id.map(|id| world.find(kind, id)).transpose()
}

fn created_at(fields: Fields) -> Result<Option<Time>, Problem> {
    let Some(text) = fields.text("createdAt")? else {
        return Ok(None);
    };
    let at = Time::parse(text);
    at.map(Some)
        .ok_or_else(|| Problem::input("createdAt", "Not an ISO 8601 moment"))
}
