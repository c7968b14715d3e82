//! The ATS's page: jobs, stages, candidates with buttons, and what came in and went out.
//! Plain forms, no script; it is a hand to play with, not a product.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::Html;

use super::Core;
use super::api::Fake;
use super::company_rows::{Job, JobInterviewStage};
use super::people_rows::Application;
use super::world::World;
use crate::page::{badge, escape, page, table, time};
use crate::sender::Sent;

const NOTE: &str = "A made-up applicant tracking system on this machine. Nobody here is real.";

pub(crate) async fn show(State(fake): State<Fake>) -> Html<String> {
    let sent = fake.sent();
    let core = fake.lock();
    let world = &core.world;
    let mut main = apply_form(world);
    for job in world.jobs.iter() {
        main.push_str(&board(world, job));
    }
    main.push_str(&prospects(world));
    main.push_str(&settled(world));
    main.push_str(&webhooks(&core, &sent));
    main.push_str(&notes(world));
    main.push_str(&tags(world));
    page(
        &format!("{} — fake ATS", world.organization_name),
        NOTE,
        &main,
    )
}

fn apply_form(world: &World) -> String {
    let jobs: String = world
        .jobs
        .iter()
        .filter(|job| job.status == "open")
        .map(|job| option(job.id, &job.name))
        .collect();
    format!(
        "<form class=\"bar\" method=\"post\" action=\"/_fake/apply\">\
         <strong>Somebody applies</strong>\
         <label for=\"first\">First name</label><input id=\"first\" name=\"first_name\" required>\
         <label for=\"last\">Last name</label><input id=\"last\" name=\"last_name\" required>\
         <label for=\"email\">E-mail</label><input id=\"email\" name=\"email\" type=\"email\">\
         <label for=\"job\">Job</label><select id=\"job\" name=\"job_id\">{jobs}</select>\
         <button>Apply</button></form>"
    )
}

fn board(world: &World, job: &Job) -> String {
    let stages = world.stages_of(job.id);
    let apps = world
        .applications
        .pointing_at("job_id", &[job.id], u64::MAX);
    let mut html = format!(
        "<section><h2>{} <span class=\"quiet small\">{} · {}</span></h2><div class=\"board\">",
        escape(&job.name),
        escape(job.requisition_id.as_deref().unwrap_or("no requisition")),
        escape(&job.status),
    );
    for stage in &stages {
        let here: Vec<_> = apps
            .iter()
            .filter(|app| app.status == "in_process")
            .filter(|app| {
                world
                    .current_stage(app)
                    .is_some_and(|now| now.id == stage.id)
            })
            .collect();
        let _ = write!(
            html,
            "<div class=\"lane\"><h3>{} <span class=\"quiet\">{}</span></h3>",
            escape(&stage.name),
            here.len()
        );
        for app in here {
            html.push_str(&card(world, app, &stages, stage.id));
        }
        html.push_str("</div>");
    }
    html.push_str("</div></section>");
    html
}

fn card(world: &World, app: &Application, stages: &[&JobInterviewStage], here: u64) -> String {
    let name = name(world, app.candidate_id);
    let safe = escape(&name);
    let others: String = stages
        .iter()
        .filter(|stage| stage.id != here)
        .map(|stage| option(stage.id, &stage.name))
        .collect();
    let reasons: String = world
        .rejection_reasons
        .iter()
        .map(|reason| option(reason.id, &reason.name))
        .collect();
    let id = app.id;
    format!(
        "<div class=\"card\"><strong>{safe}</strong>\
         <div class=\"quiet small\">application {id}</div>\
         <form method=\"post\" action=\"/_fake/move\">{hidden}\
         <label class=\"hidden\" for=\"m{id}\">Move {safe} to</label>\
         <select id=\"m{id}\" name=\"stage_id\">{others}</select><button>Move</button></form>\
         <form method=\"post\" action=\"/_fake/reject\">{hidden}\
         <label class=\"hidden\" for=\"r{id}\">Reason to reject {safe}</label>\
         <select id=\"r{id}\" name=\"rejection_reason_id\">{reasons}</select>\
         <button class=\"bad\">Reject</button></form>{hire}</div>",
        hidden = hidden("application_id", id),
        hire = button("hire", "application_id", id, "Hire", &safe),
    )
}

fn prospects(world: &World) -> String {
    let apps = world.applications.iter().rev();
    let rows: Vec<Vec<String>> = apps
        .filter(|app| app.prospect && app.status == "in_process")
        .take(30)
        .map(|app| {
            let jobs = app.prospective_job_ids.iter();
            let jobs: Vec<String> = jobs
                .filter_map(|id| world.jobs.get(*id))
                .map(|job| escape(&job.name))
                .collect();
            let name = escape(&name(world, app.candidate_id));
            vec![name, jobs.join(", "), time(app.created_at)]
        })
        .collect();
    let heads = ["Prospect", "Jobs", "Added"];
    table("Prospects", &heads, &rows, "Nobody yet.")
}

fn settled(world: &World) -> String {
    let apps = world.applications.iter().rev();
    let rows: Vec<Vec<String>> = apps
        .filter(|app| app.status == "rejected" || app.status == "hired")
        .take(30)
        .map(|app| {
            let name = escape(&name(world, app.candidate_id));
            let job = app.job_id.and_then(|id| world.jobs.get(id));
            let (kind, back) = match app.status.as_str() {
                "hired" => (
                    "good",
                    button("unhire", "application_id", app.id, "Unhire", &name),
                ),
                _ => (
                    "bad",
                    button("unreject", "application_id", app.id, "Unreject", &name),
                ),
            };
            let job = job.map_or_else(String::new, |job| escape(&job.name));
            vec![name, job, badge(kind, &app.status), back]
        })
        .collect();
    let heads = ["Candidate", "Job", "Status", "Back"];
    table("Rejected and hired", &heads, &rows, "Nobody yet.")
}

fn webhooks(core: &Core, sent: &[Sent]) -> String {
    let rows: Vec<Vec<String>> = sent
        .iter()
        .take(25)
        .map(|sent| {
            let last = sent.attempts.last();
            let outcome = match last.map(|attempt| &attempt.outcome) {
                Some(Ok(200)) => badge("good", "200"),
                Some(Ok(status)) => badge("bad", &status.to_string()),
                Some(Err(error)) => badge("bad", error),
                None => badge("quiet", "under way"),
            };
            let at = last.map_or_else(String::new, |attempt| time(attempt.at));
            vec![
                format!("<code>{}</code>", escape(&sent.name)),
                outcome,
                sent.attempts.len().to_string(),
                at,
                format!("<code>{}</code>", escape(&sent.url)),
            ]
        })
        .collect();
    let heads = ["Webhook", "Answer", "Tries", "Last try", "To"];
    let empty = match core.subscribers.is_empty() {
        true => "Nobody has subscribed yet.",
        false => "Nothing sent yet.",
    };
    table("Webhooks sent", &heads, &rows, empty)
}

fn notes(world: &World) -> String {
    let rows: Vec<Vec<String>> = world
        .notes
        .iter()
        .rev()
        .take(15)
        .map(|note| {
            let who = note.candidate_id.map(|id| match world.candidates.get(id) {
                Some(_) => name(world, id),
                None => format!("nobody (candidate {id} does not exist)"),
            });
            vec![
                escape(&who.unwrap_or_default()),
                format!("<pre>{}</pre>", escape(note.body.as_deref().unwrap_or(""))),
                escape(note.visibility.as_deref().unwrap_or("")),
                time(note.created_at),
            ]
        })
        .collect();
    let heads = ["Candidate", "Note", "Who sees it", "Written"];
    table("Notes received", &heads, &rows, "No notes yet.")
}

fn tags(world: &World) -> String {
    let rows: Vec<Vec<String>> = world
        .applied_candidate_tags
        .iter()
        .rev()
        .take(15)
        .map(|row| {
            let tag = world.candidate_tags.get(row.candidate_tag_id);
            let tag = tag.map_or_else(String::new, |tag| tag.name.clone());
            vec![
                escape(&name(world, row.candidate_id)),
                badge("quiet", &tag),
                time(row.created_at),
            ]
        })
        .collect();
    let heads = ["Candidate", "Tag", "Since"];
    table("Tags", &heads, &rows, "No tags yet.")
}

fn name(world: &World, candidate_id: u64) -> String {
    let name = world
        .candidates
        .get(candidate_id)
        .map(|candidate| candidate.full_name());
    match name {
        Some(name) if !name.is_empty() => name,
        _ => format!("Candidate {candidate_id}"),
    }
}

fn option(id: u64, name: &str) -> String {
    format!("<option value=\"{id}\">{}</option>", escape(name))
}

fn hidden(name: &str, id: u64) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{id}\">")
}

fn button(act: &str, field: &str, id: u64, word: &str, about: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/_fake/{act}\">{}\
         <button aria-label=\"{word} {about}\">{word}</button></form>",
        hidden(field, id)
    )
}
