//! A connection's webhooks at its vendor: how they stand, and by hand: make them, put them right, take them away, or be told which
//! hop on the way from the vendor to here is broken. Shows no secret.

use crate::Api;
use crate::input::{Id, Json as Body};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use stagewire_engine::connection::Connection;
use stagewire_engine::hooks::{Checked, Done, HookStates, Wanted};
use stagewire_model::Micros;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(webhooks, act))
}

/// What is to be done.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Act {
    /// Makes what lacks, switches on what is off, removes doubles.
    Register,
    /// The same, and makes anew what was made with conditions that leave something out.
    Repair,
    /// Takes ours away.
    Remove,
    /// Calls our own public address and names the broken hop.
    Check,
}

/// What to do with the webhooks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct What {
    /// `register`, `repair`, `remove`, `check`.
    action: Act,
}

/// One type of delivery.
#[derive(Serialize, ToSchema)]
struct WebhookEvent {
    /// The vendor's name for it.
    event: String,
    /// The connector can use it.
    wanted: bool,
    /// Only a person can make it, in the vendor's settings.
    by_hand: bool,
    /// Whether its webhook is there, as last seen; null where only the vendor's settings show it.
    there: Option<bool>,
    /// Whether it is switched on.
    enabled: Option<bool>,
    /// Whether we hold the secret of the one we made.
    secret_known: bool,
    /// Its id at the vendor.
    remote_id: Option<String>,
    /// When one came last.
    last_delivery_at: Option<String>,
    /// What is not right with it.
    say: Option<String>,
}

/// The secret that deliveries are signed with; never its value.
#[derive(Serialize, ToSchema)]
struct WebhookSecret {
    /// The field's name.
    field: String,
    /// What the form calls it.
    label: String,
    /// How many are filled in or were made.
    known: usize,
    /// The vendor lets it be left empty; then what comes is only a hint to read.
    optional: bool,
}

/// What was found on the way from the vendor to here.
#[derive(Serialize, ToSchema)]
struct WebhookCheck {
    /// The first hop that is broken: `address`, `dns`, `private`, `refused`, `tls`, `timeout`, `other_server`, `secret`; null where the way is free.
    broken: Option<&'static str>,
    /// In one sentence.
    say: String,
    /// What to do, in order.
    steps: Vec<String>,
}

/// How a connection's webhooks stand.
#[derive(Serialize, ToSchema)]
struct Webhooks {
    /// `managed`, `manual`, `none`: `webhooks` in the configuration.
    mode: &'static str,
    /// In one sentence.
    sentence: String,
    /// Where the vendor is to send to.
    url: Option<String>,
    /// Whether the vendor has calls to make them.
    can_make: bool,
    /// What they are signed with; null where they are not.
    secret: Option<WebhookSecret>,
    /// When the vendor last tried the address.
    last_ping_at: Option<String>,
    /// What a person must do at the vendor besides.
    say: Option<String>,
    /// By type of delivery.
    events: Vec<WebhookEvent>,
    /// What was done just now.
    done: Vec<String>,
    /// What was not, and why.
    problems: Vec<String>,
    /// The check, where one was asked for.
    check: Option<WebhookCheck>,
}

fn find(api: &Api, id: &str) -> Result<Arc<Connection>, Problem> {
    let conn = api
        .hub
        .connection(id)
        .ok_or_else(|| Problem::not_found("connection"))?;
    if conn.connector.intake().is_none() {
        return Err(Problem::conflict(format!(
            "{} sends no webhooks here",
            conn.connector.name
        )));
    }
    Ok(conn)
}

/// How its webhooks stand, as last seen.
#[utoipa::path(get, path = "/api/v1/connections/{id}/webhooks", tag = "connections", params(("id" = String, Path, description = "Its name.")), responses((status = 200, description = "By type of delivery.", body = Webhooks), (status = 409, description = "Nothing arrives at this connection.", body = crate::shape::Problem, content_type = "application/problem+json")))]
async fn webhooks(State(api): State<Api>, Id(id): Id) -> Result<Json<Webhooks>, Problem> {
    let conn = find(&api, &id)?;
    let states = api.hub.hook_states(&conn).await?;
    Ok(Json(shown(states, Done::default(), None)))
}

/// Makes, repairs or removes them at the vendor, or checks the way from there to here.
#[utoipa::path(post, path = "/api/v1/connections/{id}/webhooks", tag = "connections", params(("id" = String, Path, description = "Its name.")), request_body = What, responses((status = 200, description = "How they stand now, what was done and what was not.", body = Webhooks)))]
async fn act(
    State(api): State<Api>,
    Id(id): Id,
    Body(body): Body<What>,
) -> Result<Json<Webhooks>, Problem> {
    let conn = find(&api, &id)?;
    let wanted = match body.action {
        Act::Register => Wanted::Right,
        Act::Repair => Wanted::Repaired,
        Act::Remove => Wanted::None,
        Act::Check => {
            let (checked, states) = api.hub.check_hooks(&conn).await?;
            return Ok(Json(shown(states, Done::default(), Some(checked))));
        }
    };
    if conn.connector.subscription().is_none() {
        return Err(Problem::conflict(format!(
            "{} has no calls for webhooks: they are made by hand in its settings; \"check\" says how",
            conn.connector.name
        )));
    }
    // in a task of its own: a caller who goes away leaves no half-made webhook behind
    let (hub, of) = (api.hub.clone(), conn.clone());
    let done = tokio::spawn(async move { hub.keep_hooks(&of, wanted).await })
        .await
        .map_err(|_| {
            Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                "it stopped on the way; look at how they stand now",
            )
        })??;
    let states = api.hub.hook_states(&conn).await?;
    Ok(Json(shown(states, done, None)))
}

fn shown(states: HookStates, done: Done, check: Option<Checked>) -> Webhooks {
    let event = |e: stagewire_engine::hooks::EventState| WebhookEvent {
        event: e.event,
        wanted: e.wanted,
        by_hand: e.by_hand,
        there: e.there,
        enabled: e.enabled,
        secret_known: e.secret_known,
        remote_id: e.remote_id,
        last_delivery_at: e.last_delivery.map(Micros::text),
        say: e.say,
    };
    Webhooks {
        mode: states.mode.as_str(),
        sentence: states.sentence,
        url: states.url,
        can_make: states.can_make,
        secret: states.secret.map(|s| WebhookSecret {
            field: s.field,
            label: s.label,
            known: s.known,
            optional: s.optional,
        }),
        last_ping_at: states.last_ping.map(Micros::text),
        say: states.say,
        events: states.events.into_iter().map(event).collect(),
        done: done.done,
        problems: done.problems,
        check: check.map(|c| WebhookCheck {
            broken: c.broken.map(stagewire_engine::hooks::Hop::as_str),
            say: c.say,
            steps: c.steps,
        }),
    }
}
