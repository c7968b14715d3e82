//! The ATS's page: stages, people with buttons, and what came in and went out.
//! Plain forms, no script; it is a hand to play with, not a product.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::Html;

use super::api::Fake;
use super::id::Id;
use super::rows::Opportunity;
use super::world::World;
use crate::page::{badge, escape, page, table, time};
use crate::sender::Sent;

const NOTE: &str = "A made-up applicant tracking system on this machine. Nobody here is real.";

pub(crate) async fn show(State(fake): State<Fake>) -> Html<String> {
    let sent = fake.sent();
    let core = fake.lock();
    let world = &core.world;
    let mut main = apply_form(world);
    main.push_str("<section><h2>Pipeline</h2><div class=\"board\">");
    for no in 0..world.stages.len() {
        main.push_str(&lane(world, no));
    }
    main.push_str("</div></section>");
    main.push_str(&archive(world));
    main.push_str(&webhooks(&sent, core.hooks.is_empty()));
    main.push_str(&notes(world));
    page(
        &format!("{} — fake ATS", fake.options.organization),
        NOTE,
        &main,
    )
}

fn apply_form(world: &World) -> String {
    let postings: String = world
        .postings
        .iter()
        .filter(|posting| posting.state == "published")
        .map(|posting| option(posting.id, &posting.text))
        .collect();
    format!(
        "<form class=\"bar\" method=\"post\" action=\"/_fake/apply\">\
         <strong>Somebody applies</strong>\
         <label for=\"name\">Name</label><input id=\"name\" name=\"name\" required>\
         <label for=\"email\">E-mail</label><input id=\"email\" name=\"email\" type=\"email\">\
         <label for=\"posting\">Posting</label><select id=\"posting\" name=\"posting_id\">\
         {postings}</select><button>Apply</button></form>"
    )
}

fn lane(world: &World, no: usize) -> String {
    let here = world.opportunities.iter().rev();
    let here: Vec<_> = here
        .filter(|row| row.stage == no && row.archived.is_none())
        .collect();
    let mut html = format!(
        "<div class=\"lane\"><h3>{} <span class=\"quiet\">{}</span></h3>",
        escape(&world.stages[no].text),
        here.len()
    );
    for row in here.into_iter().take(30) {
        html.push_str(&card(world, row));
    }
    html.push_str("</div>");
    html
}

fn card(world: &World, row: &Opportunity) -> String {
    let safe = escape(&name(world, row));
    let id = row.id;
    let posting = row.application.as_ref();
    let posting = posting.and_then(|is| world.postings.get(is.posting));
    let posting = posting.map_or_else(|| "no posting".into(), |posting| posting.text.clone());
    let stages = world.stages.iter().enumerate();
    let stages: String = stages
        .filter(|(no, _)| *no != row.stage)
        .map(|(_, stage)| option(&stage.id, &stage.text))
        .collect();
    let reasons = world.reasons.iter().filter(|reason| reason.active);
    let reasons: String = reasons
        .map(|reason| option(reason.id, &reason.text))
        .collect();
    format!(
        "<div class=\"card\"><strong>{safe}</strong><div class=\"quiet small\">{posting}</div>\
         <form method=\"post\" action=\"/_fake/move\">{hidden}\
         <label class=\"hidden\" for=\"m{id}\">Move {safe} to</label>\
         <select id=\"m{id}\" name=\"stage_id\">{stages}</select><button>Move</button></form>\
         <form method=\"post\" action=\"/_fake/archive\">{hidden}\
         <label class=\"hidden\" for=\"r{id}\">Reason to archive {safe}</label>\
         <select id=\"r{id}\" name=\"reason_id\">{reasons}</select>\
         <button class=\"bad\">Archive</button></form>{delete}</div>",
        posting = escape(&posting),
        hidden = hidden(id),
        delete = button("delete_opportunity", id, "Delete", &safe),
    )
}

fn archive(world: &World) -> String {
    let rows = world.opportunities.iter().rev();
    let rows: Vec<Vec<String>> = rows
        .filter_map(|row| Some((row, row.archived?)))
        .take(30)
        .map(|(row, archived)| {
            let name = escape(&name(world, row));
            let reason = world.reason(archived.reason).ok();
            let text = reason.map_or("", |reason| reason.text.as_str());
            let kind = match world.is_hired(row) {
                true => "good",
                false => "bad",
            };
            let back = button("unarchive", row.id, "Unarchive", &name);
            vec![name, badge(kind, text), time(archived.at), back]
        })
        .collect();
    let heads = ["Candidate", "Reason", "Since", "Back"];
    table("Archive", &heads, &rows, "Nobody yet.")
}

fn webhooks(sent: &[Sent], nobody: bool) -> String {
    let rows: Vec<Vec<String>> = sent
        .iter()
        .take(25)
        .map(|sent| {
            let last = sent.attempts.last();
            let outcome = match last.map(|attempt| &attempt.outcome) {
                Some(Ok(status)) if sent.accepted() => badge("good", &status.to_string()),
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
    let empty = match nobody {
        true => "Nobody has subscribed yet.",
        false => "Nothing sent yet.",
    };
    table("Webhooks sent", &heads, &rows, empty)
}

fn notes(world: &World) -> String {
    let rows = world.notes.iter().rev().take(15);
    let rows: Vec<Vec<String>> = rows
        .map(|note| {
            let row = world.opportunities.get(note.opportunity);
            let who = row.map_or_else(|| "somebody deleted".into(), |row| name(world, &row));
            let mut text = String::new();
            for field in &note.fields {
                let _ = write!(text, "<pre>{}</pre>", escape(&field.value));
            }
            vec![escape(&who), text, time(note.created_at)]
        })
        .collect();
    let heads = ["Candidate", "Note", "Written"];
    table("Notes", &heads, &rows, "No notes yet.")
}

fn name(world: &World, row: &Opportunity) -> String {
    let contact = world.contacts.get(row.contact);
    let name = contact.map(|contact| contact.name.clone());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "Somebody anonymous".into())
}

fn option(id: impl std::fmt::Display, name: &str) -> String {
    format!("<option value=\"{id}\">{}</option>", escape(name))
}

fn hidden(id: Id) -> String {
    format!("<input type=\"hidden\" name=\"opportunity_id\" value=\"{id}\">")
}

fn button(act: &str, id: Id, word: &str, about: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/_fake/{act}\">{}\
         <button aria-label=\"{word} {about}\">{word}</button></form>",
        hidden(id)
    )
}
