//! What happened to a person: events about the candidate and all that hangs on one, and the actions they set off, newest first.

use crate::Api;
use crate::input::Id;
use crate::list::{Asked, Listed, Wanted, page};
use crate::problem::Problem;
use crate::shape::{self, Page};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use stagewire_model::{Entity, MAIN, RecordId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Entries where nothing is said.
const USUAL: i64 = 100;
/// Records that are looked at, so that one person's page stays one person's page.
const MOST_RECORDS: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(timeline))
}

/// What happened to a person, newest first: the newest `limit` entries.
#[utoipa::path(get, path = "/api/v1/candidates/{id}/timeline", tag = "records", params(("id" = String, Path, description = "The candidate's id: can_…"), ("limit" = Option<i64>, Query, description = "Entries at most.")), responses((status = 200, description = "The timeline; `next` is always null.", body = Page<shape::TimelineEntry>)))]
async fn timeline(
    State(api): State<Api>,
    Id(id): Id,
    asked: Asked,
) -> Result<Json<Listed>, Problem> {
    let limit = asked.limit_only(USUAL)?;
    let person = match RecordId::parse(&id) {
        Some((Entity::Candidate, person)) => person,
        _ => return Err(Problem::not_found("candidate")),
    };
    let candidate = api
        .hub
        .store
        .records(MAIN, vec![person.0])
        .await?
        .pop()
        .flatten();
    let candidate = candidate.ok_or_else(|| Problem::not_found("candidate"))?;
    let mut subjects = vec![id];
    for entity in &Entity::OF_A_PERSON {
        let rows = api
            .hub
            .store
            .related(MAIN, candidate.person.unwrap_or(person.0), *entity)
            .await?;
        subjects.extend(rows.into_iter().map(|r| RecordId(r.id16).text(*entity)));
    }
    subjects.truncate(MOST_RECORDS);
    let mut entries = Vec::new();
    for subject in &subjects {
        for event in all(&api, "events", ("subject", subject), limit).await? {
            entries.push(json!({"time": event["time"], "kind": "event", "event": event}));
        }
    }
    newest(&mut entries, limit);
    let events: Vec<String> = entries
        .iter()
        .filter_map(|e| e["event"]["id"].as_str().map(str::to_owned))
        .collect();
    for event in &events {
        for action in all(&api, "actions", ("event", event), limit).await? {
            entries.push(json!({"time": action["created_at"], "kind": "action", "action": action}));
        }
    }
    newest(&mut entries, limit);
    Ok(Json(Listed {
        items: entries,
        next: None,
    }))
}

async fn all(
    api: &Api,
    list: &str,
    filter: (&str, &str),
    limit: i64,
) -> Result<Vec<Value>, Problem> {
    let wanted = Wanted {
        limit,
        cursor: None,
        filters: vec![(filter.0.to_owned(), filter.1.to_owned())],
    };
    Ok(page(api, list, wanted).await?.items)
}

/// All times have one form, so that their text sorts as they do.
fn newest(entries: &mut Vec<Value>, limit: i64) {
    entries.sort_by(|a, b| b["time"].as_str().cmp(&a["time"].as_str()));
    entries.truncate(usize::try_from(limit).unwrap_or(1));
}
