//! The ATS's page: jobs, stages, candidates with buttons, and what came in and went out.
//! Plain forms, no script; it is a hand to play with, not a product.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::Html;

use super::Core;
use super::api::Fake;
use super::ids::{Kind, id};
use super::world::World;
use crate::page::{badge, escape, page, table, time};
use crate::sender::Sent;

const NOTE: &str = "A made-up applicant tracking system on this machine. Nobody here is real.";
/// Most cards in one lane.
const CARDS: usize = 30;

pub(crate) async fn show(State(fake): State<Fake>) -> Html<String> {
    let sent = fake.sent();
    let core = fake.lock();
    let world = &core.world;
    let mut main = apply_form(world);
    for job in world.docs(Kind::Job) {
        main.push_str(&board(world, job));
    }
    main.push_str(&offers(world));
    main.push_str(&webhooks(&core, &sent));
    main.push_str(&notes(world));
    main.push_str(&requests(&core));
    page(&format!("{} — fake ATS", world.organization), NOTE, &main)
}

fn apply_form(world: &World) -> String {
    let jobs: String = world
        .docs(Kind::Job)
        .filter(|n| world.text(Kind::Job, *n, "status") == "Open")
        .map(|n| option(Kind::Job, n, world.text(Kind::Job, n, "title")))
        .collect();
    format!(
        "<form class=\"bar\" method=\"post\" action=\"/_fake/apply\">\
         <strong>Somebody applies</strong>\
         <label for=\"name\">Name</label><input id=\"name\" name=\"name\" required>\
         <label for=\"email\">E-mail</label><input id=\"email\" name=\"email\" type=\"email\">\
         <label for=\"job\">Job</label><select id=\"job\" name=\"job_id\">{jobs}</select>\
         <button>Apply</button></form>"
    )
}

fn board(world: &World, job: u64) -> String {
    let stages = world.stages_of_job(job);
    let mut html = format!(
        "<section><h2>{} <span class=\"quiet small\">{}</span></h2><div class=\"board\">",
        escape(world.text(Kind::Job, job, "title")),
        escape(world.text(Kind::Job, job, "status")),
    );
    for stage in &stages {
        let here: Vec<u64> = world
            .applications
            .iter()
            .rev()
            .filter(|(_, entry)| entry.row.job == job && entry.row.stage == *stage)
            .map(|(n, _)| n)
            .collect();
        let title = escape(world.text(Kind::Stage, *stage, "title"));
        let _ = write!(
            html,
            "<div class=\"lane\"><h3>{title} <span class=\"quiet\">{}</span></h3>",
            here.len()
        );
        for application in here.into_iter().take(CARDS) {
            html.push_str(&card(world, application, &stages, *stage));
        }
        html.push_str("</div>");
    }
    html.push_str("</div></section>");
    html
}

fn card(world: &World, n: u64, stages: &[u64], here: u64) -> String {
    let (name, candidate) = who(world, n);
    let safe = escape(&name);
    let open = |stage: &&u64| {
        let kind = world.stage_type(**stage);
        **stage != here && !matches!(kind, "Hired" | "Archived")
    };
    let others: String = stages
        .iter()
        .filter(open)
        .map(|stage| {
            option(
                Kind::Stage,
                *stage,
                world.text(Kind::Stage, *stage, "title"),
            )
        })
        .collect();
    let reasons: String = world
        .docs(Kind::ArchiveReason)
        .map(|n| {
            option(
                Kind::ArchiveReason,
                n,
                world.text(Kind::ArchiveReason, n, "text"),
            )
        })
        .collect();
    let mut html = format!(
        "<div class=\"card\"><strong>{safe}</strong>\
         <form method=\"post\" action=\"/_fake/move\">{hidden}\
         <label class=\"hidden\" for=\"m{n}\">Move {safe} to</label>\
         <select id=\"m{n}\" name=\"stage_id\">{others}</select><button>Move</button></form>",
        hidden = hidden("application_id", &id(Kind::Application, n)),
    );
    if !matches!(world.stage_type(here), "Hired" | "Archived") {
        let _ = write!(
            html,
            "<form method=\"post\" action=\"/_fake/archive\">{hidden}\
             <label class=\"hidden\" for=\"a{n}\">Reason to archive {safe}</label>\
             <select id=\"a{n}\" name=\"archive_reason_id\">{reasons}</select>\
             <button class=\"bad\">Archive</button></form>",
            hidden = hidden("application_id", &id(Kind::Application, n)),
        );
        let ours = id(Kind::Application, n);
        html.push_str(&button("hire", "application_id", &ours, "Hire", &safe));
        html.push_str(&button(
            "create_offer",
            "application_id",
            &ours,
            "Offer",
            &safe,
        ));
    }
    let candidate = id(Kind::Candidate, candidate);
    html.push_str(&button(
        "delete_candidate",
        "candidate_id",
        &candidate,
        "Delete",
        &safe,
    ));
    html.push_str("</div>");
    html
}

fn offers(world: &World) -> String {
    let rows: Vec<Vec<String>> = world
        .docs(Kind::Offer)
        .rev()
        .take(30)
        .map(|n| {
            let application = world.points_at(Kind::Offer, n, "applicationId", Kind::Application);
            let name = application.map(|n| who(world, n).0).unwrap_or_default();
            let name = escape(&name);
            let ours = id(Kind::Offer, n);
            let acts = [
                ("approve_offer", "Approve"),
                ("accept_offer", "Accept"),
                ("decline_offer", "Decline"),
                ("delete_offer", "Delete"),
            ];
            let acts = acts.map(|(act, word)| button(act, "offer_id", &ours, word, &name));
            let status = badge("quiet", world.text(Kind::Offer, n, "offerStatus"));
            vec![name, status, acts.concat()]
        })
        .collect();
    table(
        "Offers",
        &["Candidate", "Status", "Acts"],
        &rows,
        "No offers yet.",
    )
}

fn webhooks(core: &Core, sent: &[Sent]) -> String {
    let rows: Vec<Vec<String>> = sent
        .iter()
        .take(25)
        .map(|sent| {
            let last = sent.attempts.last();
            let outcome = match last.map(|attempt| &attempt.outcome) {
                Some(Ok(status @ 200..300)) => badge("good", &status.to_string()),
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
    let empty = match core.settings.is_empty() {
        true => "There is no webhook setting yet.",
        false => "Nothing sent yet.",
    };
    table("Webhooks sent", &heads, &rows, empty)
}

fn notes(world: &World) -> String {
    let notes = world.table(Kind::Note).iter().rev().take(15);
    let rows: Vec<Vec<String>> = notes
        .map(|(n, entry)| {
            let candidate = entry.row.parent.and_then(|n| world.candidates.get(n));
            let name = candidate.map(|entry| escape(&entry.row.name));
            vec![
                name.unwrap_or_default(),
                format!(
                    "<pre>{}</pre>",
                    escape(world.text(Kind::Note, n, "content"))
                ),
                time(entry.created),
            ]
        })
        .collect();
    table(
        "Notes",
        &["Candidate", "Note", "Written"],
        &rows,
        "No notes yet.",
    )
}

fn requests(core: &Core) -> String {
    let requests = core.requests.iter();
    let rows: Vec<Vec<String>> = requests
        .map(|(method, count)| {
            vec![
                format!("<code>{}</code>", escape(method)),
                count.to_string(),
            ]
        })
        .collect();
    table(
        "Requests",
        &["Method", "Count"],
        &rows,
        "Nobody has called yet.",
    )
}

/// An application's candidate: name and number.
fn who(world: &World, application: u64) -> (String, u64) {
    let candidate = world
        .applications
        .get(application)
        .map(|entry| entry.row.candidate);
    let candidate = candidate.unwrap_or_default();
    let entry = world.candidates.get(candidate);
    let name = entry.map_or_else(|| "Nobody".to_owned(), |entry| entry.row.name.clone());
    (name, candidate)
}

fn option(kind: Kind, n: u64, name: &str) -> String {
    format!(
        "<option value=\"{}\">{}</option>",
        id(kind, n),
        escape(name)
    )
}

fn hidden(name: &str, id: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{id}\">")
}

fn button(act: &str, field: &str, id: &str, word: &str, about: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/_fake/{act}\">{}\
         <button aria-label=\"{word} {about}\">{word}</button></form>",
        hidden(field, id)
    )
}
