//! A link for a person's browser: it works once and leads to the vendor, where they agree to the connection. The link is a secret;
//! it stands in no log.

use crate::Api;
use crate::auth::Caller;
use crate::input::{Id, Json as Body};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stagewire_engine::connection::Connection;
use stagewire_engine::consent::Refused;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(connect))
}

/// What the connection should be allowed beside what its lists and flows need.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// Names of actions, such as `note.create`.
    actions: Option<Vec<String>>,
}

/// A link for one person, once.
#[derive(Serialize, ToSchema)]
struct Offer {
    /// To be opened in the browser of who may agree at the vendor.
    url: String,
    /// Until when it works.
    expires_at: String,
}

/// Makes a link that connects by consent. It works once, for ten minutes; a newer one ends it.
#[utoipa::path(post, path = "/api/v1/connections/{id}/connect", tag = "connections", params(("id" = String, Path, description = "Its name.")), request_body = Wish, responses((status = 200, description = "The link.", body = Offer)))]
async fn connect(
    State(api): State<Api>,
    Id(id): Id,
    caller: Caller,
    Body(wish): Body<Wish>,
) -> Result<Json<Offer>, Problem> {
    let conn = api.hub.connection(&id);
    let conn = conn.ok_or_else(|| Problem::not_found("connection"))?;
    let actions = wish.actions.unwrap_or_default();
    let actions: Result<Vec<String>, Problem> = actions.iter().map(|a| known(&conn, a)).collect();
    let offered = api.hub.offer_consent(&id, actions?, &caller.name).await;
    let offered = offered.map_err(|why| match why {
        Refused::Store => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "nothing was written; send it again",
        ),
        why => Problem::conflict(why.to_string()),
    })?;
    Ok(Json(Offer {
        url: format!(
            "{}/connect/{id}?ticket={}",
            api.public_url,
            offered.ticket.reveal()
        ),
        expires_at: offered.expires_at.text(),
    }))
}

/// The action's name without the connector's.
fn known(conn: &Connection, name: &str) -> Result<String, Problem> {
    let bare = name
        .strip_prefix(&conn.connector.id)
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(name);
    match conn.connector.action(bare, &conn.settings()) {
        Some(action) => Ok(action.name.clone()),
        None => Err(Problem::unfit(format!(
            "{} has no action `{name}`",
            conn.connector.name
        ))),
    }
}
