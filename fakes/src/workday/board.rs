//! The tenant's page: requisitions, stages, applications with buttons, and what came in and went
//! out. Plain forms, no script; it is a hand to play with, not a product.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::Html;

use super::Core;
use super::api::Fake;
use super::rows::{Application, DISPOSITIONS, Party, Requisition, STAGES};
use super::world::World;
use crate::page::{badge, escape, page, table, time};
use crate::sender::Sent;

const NOTE: &str = "A made-up Workday tenant on this machine. Nobody here is real.";

pub(crate) async fn show(State(fake): State<Fake>) -> Html<String> {
    let sent = fake.sent();
    let core = fake.lock();
    let world = &core.world;
    let mut main = apply_form(world);
    for job in world.requisitions.iter() {
        main.push_str(&board(world, job));
    }
    main.push_str(&settled(world));
    main.push_str(&hints(&core, &sent));
    main.push_str(&requests(&core));
    let title = format!("{} — fake Workday", core.organization);
    page(&title, NOTE, &main)
}

fn apply_form(world: &World) -> String {
    let jobs = world.requisitions.iter().filter(|job| job.status == "Open");
    let jobs: String = jobs.map(|job| option(&job.key(), &job.title)).collect();
    format!(
        "<form class=\"bar\" method=\"post\" action=\"/_fake/apply\">\
         <strong>Somebody applies</strong>\
         <label for=\"first\">First name</label><input id=\"first\" name=\"first_name\" required>\
         <label for=\"last\">Last name</label><input id=\"last\" name=\"last_name\" required>\
         <label for=\"email\">E-mail</label><input id=\"email\" name=\"email\" type=\"email\">\
         <label for=\"job\">Requisition</label>\
         <select id=\"job\" name=\"requisition_id\">{jobs}</select><button>Apply</button></form>"
    )
}

fn board(world: &World, job: &Requisition) -> String {
    let key = job.key();
    let posted = if job.is_posted() {
        "posted"
    } else {
        "not posted"
    };
    let others = ["Open", "Frozen", "Filled", "Closed"];
    let others = others.iter().filter(|status| **status != job.status);
    let others: String = others.map(|status| option(status, status)).collect();
    let mut html = format!(
        "<section><h2>{title} <span class=\"quiet small\">{key} · {status} · {posted}</span></h2>\
         <form method=\"post\" action=\"/_fake/change_requisition\">{hidden}\
         <label for=\"s{key}\">Status</label><select id=\"s{key}\" name=\"status\">{others}</select>\
         <button aria-label=\"Change {key}\">Change</button></form><div class=\"board\">",
        title = escape(&job.title),
        status = escape(&job.status),
        hidden = hidden("requisition_id", &key),
    );
    for stage in &STAGES[..STAGES.len() - 1] {
        let rows = world.applications.iter();
        let here = rows.filter(|row| row.requisition_id == job.id && row.is_open());
        let here: Vec<_> = here.filter(|row| row.stage == stage).take(20).collect();
        let _ = write!(
            html,
            "<div class=\"lane\"><h3>{} <span class=\"quiet\">{}</span></h3>",
            stage.name,
            here.len()
        );
        for row in here {
            html.push_str(&card(world, row));
        }
        html.push_str("</div>");
    }
    html.push_str("</div></section>");
    html
}

fn card(world: &World, row: &Application) -> String {
    let key = row.key();
    let name = name(world, row);
    let stages = STAGES.iter().filter(|stage| *stage != row.stage);
    let stages: String = stages.map(|stage| option(stage.name, stage.name)).collect();
    let reasons = DISPOSITIONS.iter();
    let reasons: String = reasons.map(|why| option(why.name, why.name)).collect();
    format!(
        "<div class=\"card\"><strong>{name}</strong><div class=\"quiet small\">{key}</div>\
         <form method=\"post\" action=\"/_fake/move\">{hidden}\
         <label class=\"hidden\" for=\"m{key}\">Move {name} to</label>\
         <select id=\"m{key}\" name=\"stage\">{stages}</select><button>Move</button></form>\
         <form method=\"post\" action=\"/_fake/dispose\">{hidden}\
         <label class=\"hidden\" for=\"d{key}\">Disposition of {name}</label>\
         <select id=\"d{key}\" name=\"disposition\">{reasons}</select>\
         <button class=\"bad\">End</button></form>{hire}</div>",
        hidden = hidden("application_id", &key),
        hire = button("hire", "application_id", &key, "Hire", &name),
    )
}

fn settled(world: &World) -> String {
    let rows = world.applications.iter().rev().filter(|row| !row.is_open());
    let rows = rows.take(30).map(|row| {
        let how = match row.disposition {
            Some(why) if why.by == Party::Candidate => badge("quiet", why.name),
            Some(why) => badge("bad", why.name),
            None => badge("good", row.stage.name),
        };
        let candidate = super::rows::key(super::rows::Kind::Candidate, row.candidate_id);
        let name = name(world, row);
        let delete = button(
            "delete_candidate",
            "candidate_id",
            &candidate,
            "Delete",
            &name,
        );
        vec![name, row.key(), how, time(row.status_at), delete]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let heads = ["Candidate", "Application", "How", "Since", "Gone"];
    table("Ended and ready for hire", &heads, &rows, "Nobody yet.")
}

fn hints(core: &Core, sent: &[Sent]) -> String {
    let rows = sent.iter().take(25).map(|sent| {
        let last = sent.attempts.last();
        let outcome = match last.map(|attempt| &attempt.outcome) {
            Some(Ok(200)) => badge("good", "200"),
            Some(Ok(status)) => badge("bad", &status.to_string()),
            Some(Err(error)) => badge("bad", error),
            None => badge("quiet", "under way"),
        };
        let at = last.map_or_else(String::new, |attempt| time(attempt.at));
        vec![
            escape(&sent.name),
            outcome,
            at,
            format!("<code>{}</code>", escape(&sent.url)),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let empty = match core.hint_to {
        Some(_) => "Nothing sent yet.",
        None => "The admin has built no notification.",
    };
    let heads = ["Step", "Answer", "When", "To"];
    table("Notifications sent", &heads, &rows, empty)
}

fn requests(core: &Core) -> String {
    let rows = core
        .requests
        .iter()
        .map(|(route, count)| vec![format!("<code>{}</code>", escape(route)), count.to_string()]);
    let rows: Vec<Vec<String>> = rows.collect();
    let caption = format!("Requests so far, {} told to slow down", core.throttled);
    table(&caption, &["Route", "Count"], &rows, "None yet.")
}

fn name(world: &World, row: &Application) -> String {
    let person = world.candidates.get(row.candidate_id);
    person.map_or_else(|| row.key(), |person| escape(&person.full_name()))
}

fn option(value: &str, name: &str) -> String {
    format!(
        "<option value=\"{}\">{}</option>",
        escape(value),
        escape(name)
    )
}

fn hidden(name: &str, value: &str) -> String {
    format!(
        "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
        escape(value)
    )
}

/// A form of one button; `about` is safe already.
fn button(act: &str, field: &str, id: &str, word: &str, about: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/_fake/{act}\">{}\
         <button aria-label=\"{word} {about}\">{word}</button></form>",
        hidden(field, id)
    )
}
