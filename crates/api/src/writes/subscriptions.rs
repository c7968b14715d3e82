//! Subscriptions (events go out) and commands (writes come in): what other programs use.

use crate::Api;
use crate::auth::Caller;
use crate::input::{Id, Json as Body};
use crate::once::Key;
use crate::problem::Problem;
use crate::shape;
use crate::titles::title;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stagewire_engine::command::Command;
use stagewire_engine::subscribe::Wish as Wanted;
use stagewire_model::id;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(subscribe))
        .routes(routes!(unsubscribe))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(command))
}

/// A receiver of events.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// Where events go.
    url: String,
    /// Types that are wanted: `*`, `application.*`, `application.hired` …
    events: Vec<String>,
    /// Personal fields that may leave with them, such as `candidate.full_name`; none where nothing is said.
    #[serde(default)]
    fields: Vec<String>,
    /// Only events of these connections; of all where nothing is said.
    #[serde(default)]
    connections: Vec<String>,
}

/// A new secret.
#[derive(Serialize, ToSchema)]
struct Rotated {
    /// The subscription's number.
    id: String,
    /// Signs from now on; shown only here.
    secret: String,
    /// Until then the secret before it signs too.
    both_until: String,
}

/// A test that is on its way.
#[derive(Serialize, ToSchema)]
struct Tested {
    /// Its action.
    action_id: String,
    /// The event's id, which is the `webhook-id`.
    event_id: String,
}

/// A subscription with its secret.
#[derive(Serialize, ToSchema)]
struct Subscribed {
    /// Its number.
    id: String,
    /// Signs every delivery (Standard Webhooks); shown only here.
    secret: String,
}

/// A proposed write.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Proposed {
    /// `note.create`, `tag.add`, `application.move` …
    command: String,
    /// Where it goes.
    connection: String,
    /// The record it is about, by our id.
    target: String,
    /// Its values.
    #[serde(default)]
    #[schema(value_type = Object)]
    with: Map<String, Value>,
}

/// A command that was taken.
#[derive(Serialize, ToSchema)]
struct Taken {
    /// Its action.
    action_id: String,
    /// Where the action stands.
    state: String,
}

/// Sends events to an address from now on.
#[utoipa::path(post, path = "/api/v1/subscriptions", tag = "subscriptions", request_body = Wish, responses((status = 201, description = "The signing secret, once.", body = Subscribed)))]
async fn subscribe(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<Wish>,
) -> Result<(StatusCode, Json<Subscribed>), Problem> {
    let wish = Wanted {
        url: body.url,
        events: body.events,
        fields: body.fields,
        connections: body.connections,
    };
    let made = api.hub.subscribe(wish, &caller.name).await;
    let (id, secret) = made.map_err(|e| Problem::unfit(e.to_string()))?;
    Ok((
        StatusCode::CREATED,
        Json(Subscribed {
            id: id.to_string(),
            secret,
        }),
    ))
}

/// Stops sending.
#[utoipa::path(delete, path = "/api/v1/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path, description = "The subscription.")), responses((status = 204, description = "It is over.")))]
async fn unsubscribe(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    match api
        .hub
        .unsubscribe(id.number("subscription")?, &caller.name, "")
        .await?
    {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("subscription")),
    }
}

/// Makes a new secret. For a day both sign, so that the receiver can change over without missing anything.
#[utoipa::path(post, path = "/api/v1/subscriptions/{id}/rotate", tag = "subscriptions", params(("id" = String, Path, description = "The subscription.")), request_body = shape::Nothing, responses((status = 200, description = "The new secret, once.", body = Rotated)))]
async fn rotate(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(_): Body<shape::Nothing>,
) -> Result<Json<Rotated>, Problem> {
    let number = id.number("subscription")?;
    let made = api
        .hub
        .new_subscription_secret(number, &caller.name)
        .await?;
    let (secret, until) = made.ok_or_else(|| Problem::not_found("subscription"))?;
    Ok(Json(Rotated {
        id: number.to_string(),
        secret,
        both_until: until.text(),
    }))
}

/// Sends an event of the type `subscription.test`, signed like any other.
#[utoipa::path(post, path = "/api/v1/subscriptions/{id}/test", tag = "subscriptions", params(("id" = String, Path, description = "The subscription.")), request_body = shape::Nothing, responses((status = 202, description = "It is on its way.", body = Tested)))]
async fn test(
    State(api): State<Api>,
    id: Id,
    Body(_): Body<shape::Nothing>,
) -> Result<(StatusCode, Json<Tested>), Problem> {
    let planned = api
        .hub
        .test_subscription(id.number("subscription")?)
        .await?;
    let (action, event_id) = planned.ok_or_else(|| Problem::not_found("subscription"))?;
    let action_id = action.to_string();
    Ok((
        StatusCode::ACCEPTED,
        Json(Tested {
            action_id,
            event_id,
        }),
    ))
}

/// Proposes a write. It goes through the same ledger, limits, guards and holds as a flow's.
#[utoipa::path(post, path = "/api/v1/commands", tag = "commands", request_body = Proposed, responses((status = 202, description = "It is planned, or held for a person.", body = Taken)))]
async fn command(
    State(api): State<Api>,
    caller: Caller,
    key: Option<Extension<Key>>,
    Body(body): Body<Proposed>,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    // two callers may use the same key for two things
    let key = match key {
        Some(Extension(Key(key))) => format!("{}\u{1f}{key}", caller.token),
        None => id::encode(&api.hub.env.random()),
    };
    let proposed = Command {
        command: body.command,
        connection: body.connection,
        target: body.target,
        with: body.with,
    };
    let taken = api
        .hub
        .command(proposed, &key, &caller.name)
        .await
        .map_err(|e| {
            let status = match e.code {
                "DB-001" => StatusCode::SERVICE_UNAVAILABLE,
                "CALL-409" => StatusCode::CONFLICT,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            Problem::coded(status, e.code, title(e.code), e.say)
        })?;
    Ok((
        StatusCode::ACCEPTED,
        Json(Taken {
            action_id: taken.action_id.to_string(),
            state: taken.state.to_string(),
        }),
    ))
}
