//! The writes of the API. They do what a person's act does and cause the same webhooks; none has
//! an idempotency key, so a repeated note is a second note.

use axum::http::Method;
use serde_json::{Map, Value};

use super::acts::{Acted, ApplicationEdit, CandidateEdit, Result, Touched};
use super::api::{Written, row};
use super::people_rows::Note;
use super::tokens::Bearer;
use super::world::{Refused, World};
use super::{Core, Greenhouse, MoveFrom};
use crate::clock::Time;

type Fields = Map<String, Value>;

/// Does one write; none if there is no such route.
pub(crate) fn write(
    fake: &Greenhouse,
    core: &mut Core,
    method: &Method,
    path: &[&str],
    fields: &Fields,
    bearer: &Bearer,
    now: Time,
) -> Option<Result<Written>> {
    let world = &mut core.world;
    Some(match (method.as_str(), path) {
        ("POST", ["notes"]) => {
            let note = note(world, fields, bearer, now);
            note.map(|acted| created(core, "notes", acted, now))
        }
        ("POST", ["candidate_tags"]) => {
            let acted = candidate_tag(world, fields, now);
            acted.map(|acted| created(core, "candidate_tags", acted, now))
        }
        ("POST", ["applied_candidate_tags"]) => {
            let acted = apply_tag(world, fields, now);
            acted.map(|acted| created(core, "applied_candidate_tags", acted, now))
        }
        ("DELETE", ["applied_candidate_tags", id]) => {
            let id = number(id);
            quiet(world.untag(now, id))
        }
        ("POST", ["applications", id, verb]) => {
            let id = number(id);
            let acted = match *verb {
                "move" => move_application(world, id, fields, fake.options.move_from, now),
                "reject" => reject(world, id, fields, bearer, now),
                "unreject" => world.unreject(now, id),
                "hire" => hire(world, id, fields, now),
                _ => return None,
            };
            quiet(acted)
        }
        ("PATCH", ["applications", id]) => {
            let edit = ApplicationEdit {
                application_id: number(id),
                source_id: uint(fields, "source_id"),
                referrer_id: uint(fields, "referrer_id"),
                recruiter_id: uint(fields, "recruiter_id"),
                coordinator_id: uint(fields, "coordinator_id"),
                ..ApplicationEdit::default()
            };
            let acted = world.edit_application(now, edit);
            acted.map(|acted| {
                shown(
                    core,
                    "applications",
                    acted.touched.application_id,
                    acted,
                    now,
                )
            })
        }
        ("PATCH", ["candidates", id]) => {
            let edit = CandidateEdit {
                candidate_id: number(id),
                first_name: string(fields, "first_name"),
                last_name: string(fields, "last_name"),
                company: string(fields, "company"),
                title: string(fields, "title"),
                ..CandidateEdit::default()
            };
            let acted = world.edit_candidate(now, edit);
            acted.map(|acted| shown(core, "candidates", acted.touched.candidate_id, acted, now))
        }
        _ => return None,
    })
}

fn created(core: &Core, collection: &str, acted: Acted, now: Time) -> Written {
    let id = acted.touched.row_id;
    shown(core, collection, id, acted, now)
}

fn shown(core: &Core, collection: &str, id: Option<u64>, acted: Acted, now: Time) -> Written {
    let row = id.and_then(|id| row(core, collection, id, now));
    Written { row, acted }
}

fn quiet(acted: Result) -> Result<Written> {
    acted.map(|acted| Written { row: None, acted })
}

/// A candidate nobody knows is accepted: the note is an orphan.
fn note(world: &mut World, fields: &Fields, bearer: &Bearer, now: Time) -> Result {
    let candidate_id = needed(uint(fields, "candidate_id"), "candidate_id")?;
    let body = needed(string(fields, "body"), "body")?;
    let visibility = match needed(string(fields, "visibility"), "visibility")?.as_str() {
        "admin_only" => "admin_only_visible",
        "private" => "privately_visible",
        "public" => "publicly_visible",
        other => {
            return Err(not_one_of(
                "visibility",
                other,
                "admin_only, private, public",
            ));
        }
    };
    let kind = needed(string(fields, "note_type"), "note_type")?;
    let subject = string(fields, "subject");
    match kind.as_str() {
        "NOTE" | "ACTIVITY" => {}
        "EMAIL" => {
            needed(subject.as_ref(), "subject")?;
            for field in ["email_from", "email_to", "email_cc"] {
                needed(fields.get(field).and_then(Value::as_array), field)?;
            }
        }
        other => return Err(not_one_of("note_type", other, "NOTE, ACTIVITY, EMAIL")),
    }
    let id = world.ids.next();
    let user_id = uint(fields, "user_id").or(bearer.sub);
    let joined = |field: &str| {
        let list = fields.get(field)?.as_array()?;
        let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        Some(list.join(", "))
    };
    world.notes.insert(Note {
        application_id: uint(fields, "application_id"),
        subject,
        r#type: kind,
        visibility: Some(visibility.into()),
        email_from: joined("email_from"),
        email_to: joined("email_to"),
        ..Note::plain(id, now, candidate_id, user_id, body)
    });
    world
        .candidates
        .edit(candidate_id, now, |row| row.last_activity_at = Some(now));
    Ok(Acted::silent(Touched::row(id)))
}

fn candidate_tag(world: &mut World, fields: &Fields, now: Time) -> Result {
    let name = needed(string(fields, "name"), "name")?;
    if world.candidate_tags.iter().any(|tag| tag.name == name) {
        return Err(Refused::invalid("name", "has already been taken"));
    }
    let id = world.tag_named(now, &name);
    Ok(Acted::silent(Touched::row(id)))
}

fn apply_tag(world: &mut World, fields: &Fields, now: Time) -> Result {
    let candidate_id = needed(uint(fields, "candidate_id"), "candidate_id")?;
    let tag_id = needed(uint(fields, "candidate_tag_id"), "candidate_tag_id")?;
    world.tag(now, candidate_id, tag_id)
}

fn move_application(
    world: &mut World,
    id: u64,
    fields: &Fields,
    from: MoveFrom,
    now: Time,
) -> Result {
    let app = world.application(id)?;
    if let Some(job_id) = uint(fields, "to_job_id") {
        return world.transfer(now, id, job_id);
    }
    let to = uint(fields, "to_stage_id");
    match uint(fields, "from_stage_id") {
        Some(given) => {
            let instance = app.stage_id == Some(given);
            let definition = world.current_stage(&app).map(|stage| stage.id) == Some(given);
            let right = match from {
                MoveFrom::Instance => instance,
                MoveFrom::Definition => definition,
                MoveFrom::Either => instance || definition,
            };
            if !right {
                return Err(Refused::invalid(
                    "from_stage_id",
                    "is not the current stage",
                ));
            }
        }
        None if to.is_some() => return Err(Refused::invalid("from_stage_id", "is missing")),
        None => {}
    }
    world.move_to(now, id, to)
}

fn reject(world: &mut World, id: u64, fields: &Fields, bearer: &Bearer, now: Time) -> Result {
    world.application(id)?;
    let reason = needed(uint(fields, "rejection_reason_id"), "rejection_reason_id")?;
    if world.rejection_reasons.get(reason).is_none() {
        return Err(Refused::invalid("rejection_reason_id", "does not exist"));
    }
    world.reject(now, id, Some(reason), bearer.sub, string(fields, "notes"))
}

fn hire(world: &mut World, id: u64, fields: &Fields, now: Time) -> Result {
    let app = world.application(id)?;
    let opening = uint(fields, "opening_id");
    let open = world.openings.iter().filter(|row| row.open);
    let open = open.filter(|row| Some(row.job_id) == app.job_id).count();
    if opening.is_none() && open > 1 {
        return Err(Refused::invalid("opening_id", "is missing"));
    }
    let start = string(fields, "start_date");
    world.hire(now, id, opening, start, uint(fields, "close_reason_id"))
}

fn needed<T>(value: Option<T>, field: &'static str) -> Result<T> {
    value.ok_or_else(|| Refused::invalid(field, "is missing"))
}

fn not_one_of(field: &'static str, value: &str, words: &str) -> Refused {
    Refused::invalid(field, format!("`{value}` is not one of {words}"))
}

fn uint(fields: &Fields, name: &str) -> Option<u64> {
    fields.get(name).and_then(Value::as_u64)
}

fn string(fields: &Fields, name: &str) -> Option<String> {
    let text = fields.get(name).and_then(Value::as_str)?;
    (!text.is_empty()).then(|| text.to_string())
}

/// A path id; what is no number finds nothing.
fn number(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}
