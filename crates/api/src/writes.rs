//! What can be changed: decisions, replays, flows, connections, subscriptions, commands, tokens. Each is one call into the engine.

mod admin;
mod connections;
mod consent;
mod failures;
mod flows;
mod holds;
mod subscriptions;
mod sync;
mod webhooks;

pub(crate) use sync::Syncing;

use crate::Api;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use utoipa_axum::router::OpenApiRouter;

/// Every route that changes something.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    holds::routes()
        .merge(failures::routes())
        .merge(connections::routes())
        .merge(sync::routes())
        .merge(consent::routes())
        .merge(flows::routes())
        .merge(subscriptions::routes())
        .merge(webhooks::routes())
        .merge(admin::routes())
}

/// Who asks, put there by `auth`.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "nobody was named"))
    }
}

/// A text that must say something.
fn said(text: &str, name: &str) -> Result<String, Problem> {
    let text = text.trim();
    match text.len() {
        1..=2_000 => Ok(text.to_owned()),
        _ => Err(Problem::unfit(format!(
            "`{name}` must have 1 to 2000 characters"
        ))),
    }
}
