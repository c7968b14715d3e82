//! Flows: what files would change and changing it, trying on recorded events, and the rung.

use crate::Api;
use crate::auth::{Caller, Role};
use crate::input::{Id, Json as Body};
use crate::problem::Problem;
use crate::reads::flows::{item, problems};
use crate::shape;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use stagewire_engine::apply::{self, Take};
use stagewire_engine::flow::problem::Problem as Wrong;
use stagewire_engine::ladder::Refused;
use stagewire_engine::trial::{self, Events};
use stagewire_model::{EventId, Rung};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Events where nothing is said.
const USUAL: i64 = 50;
/// Events of one trial at most.
const MOST: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(plan))
        .routes(routes!(apply))
        .routes(routes!(try_flow))
        .routes(routes!(rung))
}

/// Files to compare with what runs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Plan {
    /// The source of each flow, by its id.
    files: BTreeMap<String, String>,
}

/// Files to apply.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Apply {
    /// The source of each flow, by its id. A flow that came from a file and is not here is removed.
    files: BTreeMap<String, String>,
    /// Which side wins where both changed.
    take: Option<Side>,
    /// Sets what changed to its ceiling's rung; stays on the flow for ever.
    override_reason: Option<String>,
}

/// A side of a conflict.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Side {
    /// The file.
    File,
    /// What runs on the server.
    Server,
}

/// What to try.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Try {
    /// Ids of events, or a number: that many of the newest that set the flow off.
    events: Option<Chosen>,
    /// Another source than the one that runs.
    source: Option<String>,
}

/// Events by id or by number.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Chosen {
    /// These.
    Ids(Vec<String>),
    /// The newest.
    Last(i64),
}

/// Where the flow is to go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct To {
    /// `read-only`, `listening`, `write-back`, `auto`.
    rung: String,
    /// Without evidence: an admin's word.
    #[serde(default, rename = "override")]
    overrides: bool,
    /// Why; needed with `override`.
    reason: Option<String>,
}

/// What applying these files would change.
#[utoipa::path(post, path = "/api/v1/flows/plan", tag = "flows", request_body = Plan, responses((status = 200, description = "`{\"changes\": [{flow, change, say}]}`.", body = Object)))]
async fn plan(State(api): State<Api>, Body(body): Body<Plan>) -> Result<Json<Value>, Problem> {
    names(&body.files)?;
    let changes = api.hub.plan_flows(&body.files).await.map_err(not_applied)?;
    Ok(Json(json!({"changes": changes})))
}

/// Applies these files, all or none.
#[utoipa::path(post, path = "/api/v1/flows/apply", tag = "flows", request_body = Apply, responses((status = 200, description = "`{\"changes\": [{flow, change, say}]}`.", body = Object)))]
async fn apply(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<Apply>,
) -> Result<Json<Value>, Problem> {
    names(&body.files)?;
    let take = body.take.map(|side| match side {
        Side::File => Take::File,
        Side::Server => Take::Server,
    });
    let reason = body
        .override_reason
        .as_deref()
        .map(|r| super::said(r, "override_reason"))
        .transpose()?;
    let changes = api
        .hub
        .apply_flows(&body.files, take, reason.as_deref(), &caller.name)
        .await
        .map_err(not_applied)?;
    Ok(Json(json!({"changes": changes})))
}

/// A flow's id is its file's stem.
fn names(files: &BTreeMap<String, String>) -> Result<(), Problem> {
    let fits = |id: &str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    match files.keys().find(|id| !fits(id)) {
        Some(id) => Err(Problem::unfit(format!(
            "`{id}` cannot be a flow's id: up to 64 of a-z, 0-9, - and _"
        ))),
        None => Ok(()),
    }
}

fn not_applied(e: apply::Failed) -> Problem {
    match e {
        apply::Failed::Problems(wrong) => files(&wrong),
        apply::Failed::Conflicts(changes) => Problem::conflict(
            "some flows changed both in their file and on the server; say which side to take",
        )
        .with("changes", json!(changes)),
        apply::Failed::Rung(say) => Problem::conflict(format!(
            "the files are applied, but a rung could not be set: {say}"
        )),
        apply::Failed::Store(e) => e.into(),
    }
}

fn files(wrong: &[Wrong]) -> Problem {
    let detail = wrong.first().map(ToString::to_string).unwrap_or_default();
    Problem::coded(
        StatusCode::UNPROCESSABLE_ENTITY,
        "FLOW-001",
        crate::titles::title("FLOW-001"),
        detail,
    )
    .with("problems", problems(wrong))
}

/// Runs a flow, saved or not, over recorded events; nothing is sent.
#[utoipa::path(post, path = "/api/v1/flows/{id}/try", tag = "flows", params(("id" = String, Path, description = "Its id.")), request_body = Try, responses((status = 200, description = "What it would have done about each event: `{\"items\": […], \"next\": null}`.", body = Object)))]
async fn try_flow(
    State(api): State<Api>,
    Id(id): Id,
    Body(body): Body<Try>,
) -> Result<Json<Value>, Problem> {
    let events = match body.events {
        None => Events::Last(USUAL),
        Some(Chosen::Last(n)) if (1..=MOST as i64).contains(&n) => Events::Last(n),
        Some(Chosen::Ids(ids)) if ids.len() <= MOST => {
            let parse = |id: &String| {
                EventId::parse(id)
                    .ok_or_else(|| Problem::unfit(format!("`{id}` is not an event's id")))
            };
            Events::Ids(ids.iter().map(parse).collect::<Result<_, _>>()?)
        }
        Some(_) => {
            return Err(Problem::unfit(format!(
                "`events` is a list of ids, or a number from 1 to {MOST}"
            )));
        }
    };
    match api.hub.try_flow(&id, body.source.as_deref(), events).await {
        Ok(tried) => Ok(Json(json!({"items": tried, "next": null}))),
        Err(trial::Failed::Problems { problems }) => Err(files(&problems)),
        Err(trial::Failed::NotFound) => Err(Problem::not_found("flow")),
        Err(trial::Failed::Store(e)) => Err(e.into()),
    }
}

/// Moves a flow's rung: up with evidence, or by an admin's word with a reason; down at once.
#[utoipa::path(post, path = "/api/v1/flows/{id}/rung", tag = "flows", params(("id" = String, Path, description = "Its id.")), request_body = To, responses((status = 200, description = "The flow.", body = shape::Flow)))]
async fn rung(
    State(api): State<Api>,
    Id(id): Id,
    caller: Caller,
    Body(body): Body<To>,
) -> Result<Json<Value>, Problem> {
    let to = Rung::parse(&body.rung)
        .ok_or_else(|| Problem::unfit("`rung` is one of read-only, listening, write-back, auto"))?;
    let reason = body
        .reason
        .as_deref()
        .map(|r| super::said(r, "reason"))
        .transpose()?;
    if body.overrides {
        caller.must_be(Role::Admin, "`override`")?;
        if reason.is_none() {
            return Err(Problem::unfit(
                "`override` needs a `reason`; it stays on the flow for ever",
            ));
        }
    }
    let word = reason.as_deref().filter(|_| body.overrides);
    match api.hub.set_rung(&id, to, word, &caller.name).await {
        Ok(row) => Ok(Json(item(&api, &row))),
        Err(Refused::Evidence { missing }) => Err(Problem::conflict(format!(
            "not yet: {}",
            missing.join("; ")
        ))
        .with("missing", json!(missing))),
        Err(Refused::NotFound) => Err(Problem::not_found("flow")),
        Err(Refused::Store(e)) => Err(e.into()),
    }
}
