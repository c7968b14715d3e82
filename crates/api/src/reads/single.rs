//! Single things, each with what a person wants to see beside it.

use super::lists::titled;
use crate::Api;
use crate::input::Id;
use crate::list::{Wanted, numbered, one, page};
use crate::problem::Problem;
use crate::shape;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use stagewire_store::Error;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Things that belong to a single one, at most.
const BESIDE: i64 = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(delivery))
        .routes(routes!(event))
        .routes(routes!(run))
        .routes(routes!(action))
        .routes(routes!(hold))
        .routes(routes!(failure))
        .routes(routes!(call))
}

type Answer = Result<Json<Value>, Problem>;

fn found(item: Option<Value>, what: &str) -> Answer {
    item.map(Json).ok_or_else(|| Problem::not_found(what))
}

/// One delivery.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "deliveries", params(("id" = String, Path, description = "Its number.")), responses((status = 200, description = "The delivery.", body = shape::Delivery)))]
async fn delivery(State(api): State<Api>, id: Id) -> Answer {
    found(
        numbered(&api, "deliveries", id.number("delivery")?).await?,
        "delivery",
    )
}

/// One event.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "events", params(("id" = String, Path, description = "Its id: evt_…")), responses((status = 200, description = "The event.", body = shape::Event)))]
async fn event(State(api): State<Api>, Id(id): Id) -> Answer {
    if stagewire_model::EventId::parse(&id).is_none() {
        return Err(Problem::not_found("event"));
    }
    found(one(&api, "events", "id", &id).await?, "event")
}

/// One run with its actions.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "runs", params(("id" = String, Path, description = "Its number.")), responses((status = 200, description = "The run.", body = shape::RunDetail)))]
async fn run(State(api): State<Api>, id: Id) -> Answer {
    let mut item = found(numbered(&api, "runs", id.number("run")?).await?, "run")?;
    item["actions"] = json!(beside(&api, "actions", "run_id", &id.0).await?);
    Ok(item)
}

/// One action with its request and its calls.
#[utoipa::path(get, path = "/api/v1/actions/{id}", tag = "actions", params(("id" = String, Path, description = "Its number.")), responses((status = 200, description = "The action.", body = shape::ActionDetail)))]
async fn action(State(api): State<Api>, id: Id) -> Answer {
    let number = id.number("action")?;
    let mut item = found(one(&api, "actions", "id", &id.0).await?, "action")?;
    item["request"] = match api
        .hub
        .store
        .action(number)
        .await?
        .and_then(|row| row.request)
    {
        Some(body) => request(&api, body).await?,
        None => Value::Null,
    };
    item["calls"] = json!(beside(&api, "calls", "action_id", &id.0).await?);
    Ok(item)
}

/// A stored request; null once its retention is over.
async fn request(api: &Api, body: i64) -> Result<Value, Problem> {
    match api.hub.store.body(body).await {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null)),
        Err(Error::NotFound(_) | Error::Sealed(..)) => Ok(Value::Null),
        Err(e) => Err(e.into()),
    }
}

/// One hold with exactly what would be sent.
#[utoipa::path(get, path = "/api/v1/holds/{id}", tag = "holds", params(("id" = String, Path, description = "Its number.")), responses((status = 200, description = "The hold.", body = shape::Hold)))]
async fn hold(State(api): State<Api>, id: Id) -> Answer {
    id.number("hold")?;
    found(one(&api, "holds", "id", &id.0).await?, "hold")
}

/// One failure with what it is about.
#[utoipa::path(get, path = "/api/v1/failures/{id}", tag = "failures", params(("id" = String, Path, description = "Its number.")), responses((status = 200, description = "The failure.", body = shape::FailureDetail)))]
async fn failure(State(api): State<Api>, id: Id) -> Answer {
    let number = id.number("failure")?;
    let mut item = found(one(&api, "failures", "id", &id.0).await?, "failure")?;
    titled(&mut item);
    let items = api
        .hub
        .store
        .failure(number)
        .await?
        .map(|(_, items)| items)
        .unwrap_or_default();
    item["items"] = items
        .into_iter()
        .map(|(kind, id)| json!({"kind": kind, "id": id.to_string()}))
        .collect();
    Ok(item)
}

/// One call.
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = "calls", params(("id" = String, Path, description = "Its number.")), responses((status = 200, description = "The call.", body = shape::Call)))]
async fn call(State(api): State<Api>, id: Id) -> Answer {
    found(numbered(&api, "calls", id.number("call")?).await?, "call")
}

async fn beside(api: &Api, list: &str, filter: &str, value: &str) -> Result<Vec<Value>, Problem> {
    let wanted = Wanted {
        limit: BESIDE,
        cursor: None,
        filters: vec![(filter.to_owned(), value.to_owned())],
    };
    Ok(page(api, list, wanted).await?.items)
}
