//! Connections by hand: test, pause, go on, and fill in fields. Values of fields come in and never go out.

use crate::Api;
use crate::auth::Caller;
use crate::input::{Id, Json as Body};
use crate::problem::Problem;
use crate::reads::connections::item;
use crate::shape;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use stagewire_engine::connection::Connection;
use stagewire_engine::flow::nearest::hint;
use stagewire_engine::reads::{self, ReadError};
use stagewire_model::MAIN;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long a caller waits for a test.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(check))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(fields))
}

/// How a test went.
#[derive(Serialize, ToSchema)]
struct Checked {
    /// Whether the vendor takes the credentials.
    ok: bool,
    /// What it says, in plain words.
    sentence: String,
}

pub(super) fn find(api: &Api, id: &str) -> Result<Arc<Connection>, Problem> {
    api.hub
        .connection(id)
        .ok_or_else(|| Problem::not_found("connection"))
}

/// Tests the connection now.
#[utoipa::path(post, path = "/api/v1/connections/{id}/check", tag = "connections", params(("id" = String, Path, description = "Its name.")), request_body = shape::Nothing, responses((status = 200, description = "How it went.", body = Checked)))]
async fn check(
    State(api): State<Api>,
    Id(id): Id,
    Body(_): Body<shape::Nothing>,
) -> Result<Json<Checked>, Problem> {
    let conn = find(&api, &id)?;
    conn.ask_again();
    let answer = tokio::time::timeout(PATIENCE, reads::check(&api.hub, &conn)).await;
    let checked = match answer {
        Ok(Ok(())) => Checked {
            ok: true,
            sentence: "It works".into(),
        },
        Ok(Err(ReadError::Store(e))) => return Err(e.into()),
        Ok(Err(e)) => Checked {
            ok: false,
            sentence: e.to_string(),
        },
        Err(_) => Checked {
            ok: false,
            sentence: format!("no answer within {} seconds", PATIENCE.as_secs()),
        },
    };
    Ok(Json(checked))
}

/// Stops its writes; deliveries still come in.
#[utoipa::path(post, path = "/api/v1/connections/{id}/pause", tag = "connections", params(("id" = String, Path, description = "Its name.")), request_body = shape::Nothing, responses((status = 200, description = "The connection.", body = shape::Connection)))]
async fn pause(
    State(api): State<Api>,
    Id(id): Id,
    caller: Caller,
    Body(_): Body<shape::Nothing>,
) -> Result<Json<Value>, Problem> {
    api.hub.pause(&id, true, &caller.name).await?;
    card(&api, &id).await
}

/// Lets its writes go on.
#[utoipa::path(post, path = "/api/v1/connections/{id}/resume", tag = "connections", params(("id" = String, Path, description = "Its name.")), request_body = shape::Nothing, responses((status = 200, description = "The connection.", body = shape::Connection)))]
async fn resume(
    State(api): State<Api>,
    Id(id): Id,
    caller: Caller,
    Body(_): Body<shape::Nothing>,
) -> Result<Json<Value>, Problem> {
    api.hub.pause(&id, false, &caller.name).await?;
    card(&api, &id).await
}

/// Fills in fields; those not named stay. A value set here wins until the file's entry changes.
#[utoipa::path(put, path = "/api/v1/connections/{id}/fields", tag = "connections", params(("id" = String, Path, description = "Its name.")), request_body(content = Object, description = "`{name: value}`; values are texts."), responses((status = 200, description = "The connection.", body = shape::Connection)))]
async fn fields(
    State(api): State<Api>,
    Id(id): Id,
    caller: Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    let conn = find(&api, &id)?;
    if body.is_empty() {
        return Err(Problem::unfit("name at least one field"));
    }
    for (name, value) in &body {
        let known = || conn.connector.fields.iter().map(|f| f.key.as_str());
        let Some(field) = conn.connector.fields.iter().find(|f| f.key == *name) else {
            let hint = hint(name, known())
                .map(|h| format!("; {h}"))
                .unwrap_or_default();
            return Err(Problem::unfit(format!(
                "{} has no field `{name}`{hint}",
                conn.connector.name
            )));
        };
        let fits = value.as_str().is_some_and(|v| {
            field.one_of.is_empty() || v.is_empty() || field.one_of.iter().any(|o| o == v)
        });
        if !fits {
            let what = if field.one_of.is_empty() {
                "a text".to_owned()
            } else {
                format!("one of {}", field.one_of.join(", "))
            };
            return Err(Problem::unfit(format!("`{name}` is {what}")));
        }
    }
    api.hub.set_fields(&id, body, &caller.name).await?;
    card(&api, &id).await
}

async fn card(api: &Api, id: &str) -> Result<Json<Value>, Problem> {
    let conn = find(api, id)?;
    let row = api
        .hub
        .store
        .connections(MAIN)
        .await?
        .into_iter()
        .find(|c| c.conn == id);
    Ok(Json(item(api, &conn, row.as_ref())))
}
