//! The vendor's writes. There is no idempotency key: whatever is not a set is done again.

use serde_json::{Map, Value, json};

use super::acts::{Acted, Hand, Result, id_in};
use super::id::Id;
use super::opportunity_acts::{Newcomer, origin};
use super::options::Shapes;
use super::query::Params;
use super::rows::{NoteField, Phone};
use super::show::{Show, View, blanked};
use super::world::{Refused, World, invalid};
use crate::clock::Time;
use crate::control::Drift;

/// What was done and what is answered.
pub(crate) struct Written {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) acted: Acted,
}

type Fields = Map<String, Value>;

/// How the account is shown after the change.
#[derive(Clone, Copy)]
pub(crate) struct Showing<'a> {
    pub(crate) drifts: &'a [Drift],
    pub(crate) shapes: Shapes,
}

impl<'a> Showing<'a> {
    fn of(self, world: &'a World) -> Show<'a> {
        Show {
            world,
            drifts: self.drifts,
            shapes: self.shapes,
        }
    }
}

/// Does one write; none if there is no such operation.
pub(crate) fn write(
    hand: &mut Hand<'_>,
    showing: Showing<'_>,
    method: &str,
    path: &[&str],
    mut params: Params,
    body: &Fields,
) -> Result<Option<Written>> {
    hand.by = performer(hand, &mut params)?;
    let thread = params.one("note_id");
    params.end()?;
    let written = match (method, path) {
        ("POST", ["opportunities"]) => create(hand, showing, body)?,
        ("POST", ["opportunities", id, "notes"]) => {
            add_note(hand, showing, opportunity(id)?, thread, body)?
        }
        ("PUT", ["opportunities", id, "notes", note]) => {
            rewrite_note(hand, showing, opportunity(id)?, note, body)?
        }
        ("DELETE", ["opportunities", id, "notes", note]) => {
            let note = own_note(hand, opportunity(id)?, note)?;
            let acted = hand.delete_note(note)?;
            Written {
                status: 204,
                body: Value::Null,
                acted,
            }
        }
        ("POST", ["opportunities", id, verb]) => {
            let id = opportunity(id)?;
            let Some((word, on)) = words_verb(verb) else {
                return Ok(None);
            };
            let words = strings(body, word);
            if words.is_empty() {
                return Err(invalid(format!("{word} is required")));
            }
            let acted = match word {
                "tags" => hand.tag(id, &words, on)?,
                "sources" => hand.source(id, &words, on)?,
                _ => hand.link(id, &words, on)?,
            };
            answer(hand, showing, id, acted, word != "links")?
        }
        ("PUT", ["opportunities", id, "stage"]) => {
            let id = opportunity(id)?;
            let stage = text(body, "stage").ok_or_else(|| invalid("stage is required"))?;
            let acted = hand.move_to(id, &stage)?;
            answer(hand, showing, id, acted, true)?
        }
        ("PUT", ["opportunities", id, "archived"]) => {
            let id = opportunity(id)?;
            let reason = body.get("reason");
            let reason = reason.ok_or_else(|| invalid("reason is required, or null"))?;
            let reason = match reason.as_str() {
                Some(reason) => Some(id_in("archive_reasons", reason)?),
                None => None,
            };
            let requisition = super::acts::optional("requisitions", text(body, "requisitionId"))?;
            let clean = body.get("cleanInterviews") == Some(&Value::Bool(true));
            let acted = hand.archive(id, reason, requisition, clean)?;
            answer(hand, showing, id, acted, true)?
        }
        _ => return Ok(None),
    };
    Ok(Some(written))
}

fn opportunity(id: &str) -> Result<Id> {
    id_in("opportunities", id)
}

/// The user a write is attributed to.
fn performer(hand: &Hand<'_>, params: &mut Params) -> Result<Option<Id>> {
    let Some(text) = params.one("perform_as") else {
        return Ok(None);
    };
    let id = Id::parse(&text).filter(|id| hand.world.users.get(*id).is_some());
    id.map(Some)
        .ok_or_else(|| invalid(format!("perform_as: {text} is no user")))
}

/// The changed opportunity; the person in it is blank after most writes.
fn answer(
    hand: &Hand<'_>,
    showing: Showing<'_>,
    id: Id,
    acted: Acted,
    blank: bool,
) -> Result<Written> {
    let row = hand.world.opportunity(id)?;
    let mut shown = showing
        .of(hand.world)
        .opportunity(&row, &View::default(), false);
    if blank {
        shown = blanked(shown);
    }
    Ok(Written {
        status: 200,
        body: json!({"data": shown}),
        acted,
    })
}

fn create(hand: &mut Hand<'_>, showing: Showing<'_>, body: &Fields) -> Result<Written> {
    if hand.by.is_none() {
        return Err(invalid("perform_as is required"));
    }
    let postings = strings(body, "postings");
    if postings.len() > 1 {
        return Err(invalid("one posting per opportunity"));
    }
    let phones = body.get("phones").and_then(Value::as_array);
    let phones = phones.into_iter().flatten().filter_map(|phone| {
        let value = phone["value"].as_str()?.to_string();
        let kind = phone["type"].as_str().map(String::from);
        Some(Phone { kind, value })
    });
    let stage = text(body, "stage").map(|id| hand.world.stage_no(&id));
    let owner = super::acts::optional("users", text(body, "owner"))?;
    let newcomer = Newcomer {
        contact: super::acts::optional("contacts", text(body, "contact"))?,
        name: text(body, "name").unwrap_or_default(),
        headline: text(body, "headline").unwrap_or_default(),
        location: text(body, "location"),
        emails: strings(body, "emails"),
        phones: phones.collect(),
        posting: postings
            .first()
            .map(|id| id_in("postings", id))
            .transpose()?,
        origin: text(body, "origin").as_deref().map(origin).transpose()?,
        stage: stage.transpose()?,
        owner: owner.or(hand.by),
        tags: strings(body, "tags"),
        sources: strings(body, "sources"),
        links: strings(body, "links"),
        confidential: false,
    };
    let (acted, deduped) = hand.begin(newcomer)?;
    let id = acted.touched.opportunity_id.as_deref().unwrap_or_default();
    let mut written = answer(hand, showing, opportunity(id)?, acted, false)?;
    written.status = 201;
    if !showing.of(hand.world).published() {
        written.body["deduped"] = json!(deduped);
    }
    Ok(written)
}

fn add_note(
    hand: &mut Hand<'_>,
    showing: Showing<'_>,
    id: Id,
    thread: Option<String>,
    body: &Fields,
) -> Result<Written> {
    let value = text(body, "value").ok_or_else(|| invalid("value is required"))?;
    let score = match body.get("score") {
        None | Some(Value::Null) => None,
        Some(score) => match score.as_u64() {
            Some(score @ 1..=4) => Some(score),
            _ => return Err(invalid("score goes from 1 to 4")),
        },
    };
    let written_at = match body.get("createdAt").and_then(Value::as_i64) {
        Some(ms) if ms > hand.now.ms() => return Err(invalid("createdAt lies in the future")),
        Some(ms) => Time::from_ms(ms),
        None => hand.now,
    };
    let secret = body.get("secret") == Some(&Value::Bool(true));
    let thread = super::acts::optional("notes", thread)?;
    let begins = thread.is_none();
    let note = hand.add_note(id, value, thread, secret)?;
    if let Some(row) = hand.world.notes.get_mut(note) {
        if let Some(field) = row.fields.last_mut() {
            (field.score, field.created_at) = (score, written_at);
        }
        if begins {
            (row.by_api, row.created_at) = (true, written_at);
        }
    }
    let shown = shown_note(hand, showing, note)?;
    Ok(Written {
        status: 201,
        body: match showing.of(hand.world).published() {
            true => json!({"data": {"noteId": note}}),
            false => {
                let mut shown = shown;
                shown["noteId"] = json!(note);
                json!({"data": shown})
            }
        },
        acted: Acted::row(note),
    })
}

/// Replaces the whole thread; the one change of a note that moves the opportunity's `updatedAt`.
fn rewrite_note(
    hand: &mut Hand<'_>,
    showing: Showing<'_>,
    id: Id,
    note: &str,
    body: &Fields,
) -> Result<Written> {
    let note = own_note(hand, id, note)?;
    let values = body.get("values").and_then(Value::as_array);
    let values = values.ok_or_else(|| invalid("values is required"))?;
    let stage = hand.world.opportunity(id)?.stage;
    let fields = values.iter().map(|value| {
        let value = value.as_str().or_else(|| value["value"].as_str());
        let value = value.ok_or_else(|| invalid("each of values needs a value"))?;
        Ok(NoteField {
            value: value.to_string(),
            user: hand.by,
            created_at: hand.now,
            score: None,
            stage,
        })
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;
    if let Some(row) = hand.world.notes.get_mut(note) {
        row.fields = fields;
    }
    hand.world.edit(id, Some(hand.now), |_| ())?;
    Ok(Written {
        status: 200,
        body: json!({"data": shown_note(hand, showing, note)?}),
        acted: Acted::row(note),
    })
}

fn shown_note(hand: &Hand<'_>, showing: Showing<'_>, id: Id) -> Result<Value> {
    let row = hand.world.notes.get(id);
    let row = row.ok_or_else(|| Refused::Missing("notes", id.to_string()))?;
    Ok(showing.of(hand.world).note(&row))
}

/// A note of this opportunity that was made through the API.
fn own_note(hand: &Hand<'_>, opportunity: Id, text: &str) -> Result<Id> {
    let id = id_in("notes", text)?;
    let note = hand.world.notes.get(id);
    let note = note.filter(|note| note.opportunity == opportunity);
    let note = note.ok_or_else(|| Refused::Missing("notes", text.to_string()))?;
    match note.by_api {
        true => Ok(id),
        false => Err(Refused::Forbidden(
            "only notes made through the API can be changed".into(),
        )),
    }
}

/// The field such an operation reads, and whether it adds.
fn words_verb(verb: &str) -> Option<(&'static str, bool)> {
    Some(match verb {
        "addTags" => ("tags", true),
        "removeTags" => ("tags", false),
        "addSources" => ("sources", true),
        "removeSources" => ("sources", false),
        "addLinks" => ("links", true),
        "removeLinks" => ("links", false),
        _ => return None,
    })
}

fn text(body: &Fields, name: &str) -> Option<String> {
    let text = body.get(name).and_then(Value::as_str)?;
    (!text.is_empty()).then(|| text.to_string())
}

fn strings(body: &Fields, name: &str) -> Vec<String> {
    let list = body.get(name).and_then(Value::as_array);
    let words = list.into_iter().flatten().filter_map(Value::as_str);
    words.map(String::from).collect()
}
