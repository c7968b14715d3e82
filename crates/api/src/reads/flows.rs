//! Flows: what runs, in a sentence, with the versions it had.

use crate::Api;
use crate::input::Id;
use crate::list::{Asked, Listed, slice};
use crate::problem::Problem;
use crate::shape::{self, Page};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use stagewire_engine::flow::problem::Problem as Wrong;
use stagewire_engine::flows::{Connections, check};
use stagewire_model::MAIN;
use stagewire_store::FlowRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(flows))
        .routes(routes!(export))
        .routes(routes!(flow))
}

/// Every flow.
#[utoipa::path(get, path = "/api/v1/flows", tag = "flows", responses((status = 200, description = "A page.", body = Page<shape::Flow>)))]
async fn flows(State(api): State<Api>, asked: Asked) -> Result<Json<Listed>, Problem> {
    let wanted = asked.of("flows")?;
    let rows = api.hub.store.flows(MAIN).await?;
    Ok(Json(slice(
        rows.iter()
            .filter(|r| !r.removed)
            .map(|r| item(&api, r))
            .collect(),
        &wanted,
    )))
}

/// The files of all flows, as they run.
#[utoipa::path(get, path = "/api/v1/flows/export", tag = "flows", responses((status = 200, description = "`{\"files\": {id: source}}`.", body = Object)))]
async fn export(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    let rows = api.hub.store.flows(MAIN).await?;
    let files: Map<String, Value> = rows
        .into_iter()
        .filter(|r| !r.removed)
        .map(|r| (r.flow, Value::String(r.source)))
        .collect();
    Ok(Json(json!({"files": files})))
}

/// One flow with its source and versions.
#[utoipa::path(get, path = "/api/v1/flows/{id}", tag = "flows", params(("id" = String, Path, description = "Its id.")), responses((status = 200, description = "The flow.", body = shape::FlowDetail)))]
async fn flow(State(api): State<Api>, Id(id): Id) -> Result<Json<Value>, Problem> {
    let row = api
        .hub
        .store
        .flows(MAIN)
        .await?
        .into_iter()
        .find(|r| r.flow == id && !r.removed)
        .ok_or_else(|| Problem::not_found("flow"))?;
    let mut item = item(&api, &row);
    let wrong = check(&id, &row.source, &Connections(api.hub.connections()))
        .err()
        .unwrap_or_default();
    item["source"] = json!(row.source);
    item["versions"] = json!(api.hub.store.flow_versions(MAIN, id).await?);
    item["problems"] = problems(&wrong);
    Ok(Json(item))
}

/// One flow as lists show it.
pub(crate) fn item(api: &Api, row: &FlowRow) -> Value {
    let live = api.hub.flows().get(&row.flow).cloned();
    json!({
        "id": row.flow, "name": live.as_ref().map(|l| &l.flow.name), "sentence": live.as_ref().map(|l| l.flow.sentence()), "version": row.version,
        "rung": row.rung.as_str(), "ceiling": row.ceiling.as_str(), "owner": row.owner, "override_note": row.override_note, "late": row.late, "runs": live.is_some(),
    })
}

/// Problems of files, each with its place.
pub(crate) fn problems(wrong: &[Wrong]) -> Value {
    wrong.iter().map(|p| json!({"file": p.file, "line": p.line, "column": p.column, "message": p.message, "hint": p.hint})).collect()
}
