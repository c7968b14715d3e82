//! The inbox: trying again one by one or as a group, settling by hand, taking and ignoring.

use crate::Api;
use crate::auth::Caller;
use crate::input::{Id, Json as Body};
use crate::list::{Wanted, one, page};
use crate::problem::Problem;
use crate::reads::lists::titled;
use crate::shape;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stagewire_store::{Error, ReplayDone};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Failures of one group replay at most.
const MOST: usize = 2_000;
/// Actions of one group replay at most.
const MOST_ACTIONS: usize = 10_000;
/// What a group replay takes where no state is named.
const NOT_OVER: &[&str] = &["open", "taken", "back"];

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(replay_group))
        .routes(routes!(replay))
        .routes(routes!(settle))
        .routes(routes!(take))
        .routes(routes!(ignore))
        .routes(routes!(replay_action))
        .routes(routes!(replay_delivery))
}

/// How a failure is tried again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Again {
    /// Send to where the flow points now: a new intent with the caller's name on it.
    #[serde(default)]
    new_place: bool,
}

/// Which failures are tried again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Group {
    /// Which.
    filter: Which,
    /// Only say what would happen.
    plan: bool,
}

/// A filter over the inbox.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Which {
    /// The connection's name.
    connection: Option<String>,
    /// The flow's id.
    flow: Option<String>,
    /// The failure's code.
    code: Option<String>,
    /// `open`, `taken`, `back`; all three where nothing is said.
    state: Option<String>,
}

/// What a person knows of a failure.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Settle {
    /// What is known.
    r#as: As,
    /// What was made at the vendor, if it is known.
    remote_id: Option<String>,
    /// In the person's words.
    reason: String,
}

/// What a person can know.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum As {
    /// Somebody did it at the vendor.
    DoneByHand,
    /// It did not arrive: it goes again.
    DidNotArrive,
    /// It is not needed any more.
    NotNeeded,
}

/// How many items were settled.
#[derive(Serialize, ToSchema)]
struct Settled {
    /// Items.
    settled: i64,
}

/// Whether a delivery is mapped again.
#[derive(Serialize, ToSchema)]
struct MappedAgain {
    /// Its state now.
    state: String,
}

/// Tries a failure's items again.
#[utoipa::path(post, path = "/api/v1/failures/{id}/replay", tag = "failures", params(("id" = String, Path, description = "The failure.")), request_body = Again, responses((status = 200, description = "What goes again and what is left alone.", body = shape::Replayed)))]
async fn replay(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(body): Body<Again>,
) -> Result<Json<Value>, Problem> {
    let failure = id.number("failure")?;
    if !body.new_place {
        return Ok(Json(done(
            api.hub.replay_failure(failure, &caller.name, false).await?,
        )));
    }
    let (_, items) = api
        .hub
        .store
        .failure(failure)
        .await?
        .ok_or_else(|| Problem::not_found("failure"))?;
    let mut made = ReplayDone::default();
    for (_, action) in items.into_iter().filter(|(kind, _)| kind == "action") {
        match api.hub.new_place(action, &caller.name).await {
            Ok(new) => made.again.push(new),
            Err(Error::Conflict(say)) => made.left.push((action, say)),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(Json(done(made)))
}

/// Tries many failures again, in the old order; what something newer has overtaken is left alone and listed.
#[utoipa::path(post, path = "/api/v1/failures/replay", tag = "failures", request_body = Group, responses((status = 200, description = "What goes, or would go, again and what is left alone.", body = shape::Replayed)))]
async fn replay_group(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<Group>,
) -> Result<Json<Value>, Problem> {
    let failures = which(&api, &body.filter).await?;
    let (mut actions, mut count, mut sum) = (Vec::new(), 0, ReplayDone::default());
    for failure in failures {
        let Some((_, items)) = api.hub.store.failure(failure).await? else {
            continue;
        };
        let own: Vec<i64> = items
            .iter()
            .filter(|(kind, _)| kind == "action")
            .map(|(_, id)| *id)
            .collect();
        count += 1;
        if !own.is_empty() {
            actions.extend(own);
        } else if !body.plan {
            api.hub.replay_failure(failure, &caller.name, false).await?;
        }
        if actions.len() > MOST_ACTIONS {
            return Err(Problem::unfit(format!(
                "more than {MOST_ACTIONS} actions; name a connection, a flow or a code"
            )));
        }
    }
    if !actions.is_empty() {
        sum = api
            .hub
            .replay(actions, &caller.name, body.plan, false)
            .await?;
    }
    let mut answer = done(sum);
    answer["failures"] = json!(count);
    Ok(Json(answer))
}

async fn which(api: &Api, filter: &Which) -> Result<Vec<i64>, Problem> {
    let states: Vec<&str> = match filter.state.as_deref() {
        None => NOT_OVER.to_vec(),
        Some(state) if NOT_OVER.contains(&state) => vec![state],
        Some(_) => {
            return Err(Problem::unfit(format!(
                "`state` is one of {}",
                NOT_OVER.join(", ")
            )));
        }
    };
    let mut filters = Vec::new();
    for (name, value) in [
        ("connection", &filter.connection),
        ("flow", &filter.flow),
        ("code", &filter.code),
    ] {
        filters.extend(value.clone().map(|v| (name.to_owned(), v)));
    }
    let mut ids = Vec::new();
    for state in states {
        let mut wanted = Wanted {
            limit: 500,
            cursor: None,
            filters: filters.clone(),
        };
        wanted.filters.push(("state".into(), state.into()));
        loop {
            let page = page(api, "failures", wanted.clone()).await?;
            ids.extend(
                page.items
                    .iter()
                    .filter_map(|f| f["id"].as_str()?.parse::<i64>().ok()),
            );
            if ids.len() > MOST {
                return Err(Problem::unfit(format!(
                    "more than {MOST} failures; name a connection, a flow or a code"
                )));
            }
            match page.next {
                Some(next) => wanted.cursor = Some(next),
                None => break,
            }
        }
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Settles a failure's items by what a person knows.
#[utoipa::path(post, path = "/api/v1/failures/{id}/settle", tag = "failures", params(("id" = String, Path, description = "The failure.")), request_body = Settle, responses((status = 200, description = "How many items were settled.", body = Settled)))]
async fn settle(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(body): Body<Settle>,
) -> Result<Json<Settled>, Problem> {
    let failure = id.number("failure")?;
    let reason = super::said(&body.reason, "reason")?;
    let kind = match body.r#as {
        As::DoneByHand => "done_by_hand",
        As::DidNotArrive => "did_not_arrive",
        As::NotNeeded => "not_needed",
    };
    match api
        .hub
        .settle_failure(failure, kind, body.remote_id, &reason, &caller.name)
        .await?
    {
        0 => Err(Problem::conflict(
            "nothing could be settled: it is over already, in flight, or may still arrive",
        )),
        settled => Ok(Json(Settled { settled })),
    }
}

/// Says that the caller works on it.
#[utoipa::path(post, path = "/api/v1/failures/{id}/take", tag = "failures", params(("id" = String, Path, description = "The failure.")), request_body = shape::Nothing, responses((status = 200, description = "The failure.", body = shape::Failure)))]
async fn take(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(_): Body<shape::Nothing>,
) -> Result<Json<Value>, Problem> {
    state(&api, &id, "taken", &caller).await
}

/// Leaves it as it is: what waits for its items is skipped.
#[utoipa::path(post, path = "/api/v1/failures/{id}/ignore", tag = "failures", params(("id" = String, Path, description = "The failure.")), request_body = shape::Nothing, responses((status = 200, description = "The failure.", body = shape::Failure)))]
async fn ignore(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(_): Body<shape::Nothing>,
) -> Result<Json<Value>, Problem> {
    state(&api, &id, "ignored", &caller).await
}

async fn state(api: &Api, id: &Id, to: &str, caller: &Caller) -> Result<Json<Value>, Problem> {
    let number = id.number("failure")?;
    let moved = api
        .hub
        .store
        .failure_state(
            number,
            to.to_owned(),
            caller.name.to_string(),
            api.hub.env.now().0,
        )
        .await?;
    let mut item = one(api, "failures", "id", &id.0)
        .await?
        .ok_or_else(|| Problem::not_found("failure"))?;
    if !moved {
        return Err(Problem::conflict(format!(
            "it is {}",
            item["state"].as_str().unwrap_or("over")
        )));
    }
    titled(&mut item);
    Ok(Json(item))
}

/// Tries one action again.
#[utoipa::path(post, path = "/api/v1/actions/{id}/replay", tag = "actions", params(("id" = String, Path, description = "The action.")), request_body = shape::Nothing, responses((status = 200, description = "Whether it goes again.", body = shape::Replayed)))]
async fn replay_action(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(_): Body<shape::Nothing>,
) -> Result<Json<Value>, Problem> {
    let action = id.number("action")?;
    if api.hub.store.action(action).await?.is_none() {
        return Err(Problem::not_found("action"));
    }
    Ok(Json(done(
        api.hub
            .replay(vec![action], &caller.name, false, true)
            .await?,
    )))
}

/// Maps a delivery again that was kept or failed.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", tag = "deliveries", params(("id" = String, Path, description = "The delivery.")), request_body = shape::Nothing, responses((status = 200, description = "It waits to be mapped.", body = MappedAgain)))]
async fn replay_delivery(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(_): Body<shape::Nothing>,
) -> Result<Json<MappedAgain>, Problem> {
    let delivery = id.number("delivery")?;
    let item = crate::list::numbered(&api, "deliveries", delivery)
        .await?
        .ok_or_else(|| Problem::not_found("delivery"))?;
    if !api.hub.replay_delivery(delivery, &caller.name).await? {
        return Err(Problem::conflict(format!(
            "it is {}; only what was kept or failed is mapped again",
            item["state"].as_str().unwrap_or("gone")
        )));
    }
    Ok(Json(MappedAgain {
        state: "waiting".into(),
    }))
}

fn done(done: ReplayDone) -> Value {
    let left: Vec<Value> = done
        .left
        .into_iter()
        .map(|(id, why)| json!({"action_id": id.to_string(), "reason": why}))
        .collect();
    let overtaken: Vec<Value> = done
        .overtaken_by
        .into_iter()
        .map(|(id, by)| json!({"action_id": id.to_string(), "by": by.to_string()}))
        .collect();
    let again: Vec<String> = done.again.into_iter().map(|id| id.to_string()).collect();
    json!({"again": again, "left": left, "overtaken_by": overtaken})
}
