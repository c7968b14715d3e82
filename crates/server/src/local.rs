//! The two doors of a server: the one that everybody knocks at, and the owner's, which also answers
//! what only a command on this machine asks for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use stagewire_api::Api;
use stagewire_engine::hub::Hub;
use stagewire_store::Error;

use crate::look;

/// A copy of the database, to a file on this machine.
pub(crate) const BACKUP: &str = "/local/backup";
/// The audit log's chain, checked.
pub(crate) const VERIFY_LOG: &str = "/local/verify-log";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The API of a running engine.
pub(crate) fn api(hub: &Arc<Hub>, public_url: &str) -> Api {
    Api::new(Arc::clone(hub), VERSION, public_url)
}

/// Deliveries, health, and the API for who has a token.
pub(crate) fn public(api: Api) -> Router {
    stagewire_api::router(api)
}

/// The same for the owner of the data directory, without a token.
pub(crate) fn private(api: Api) -> Router {
    let own = Router::new()
        .route(BACKUP, post(backup))
        .route(VERIFY_LOG, get(verify_log))
        .with_state(Arc::clone(&api.hub));
    stagewire_api::local_router(api).merge(own)
}

#[derive(Deserialize)]
struct Backup {
    file: String,
}

async fn backup(State(hub): State<Arc<Hub>>, Json(asked): Json<Backup>) -> Response {
    match hub.store.backup(asked.file.into()).await {
        Ok(()) => {
            look::backed_up(&hub).await;
            Json(json!({})).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn verify_log(State(hub): State<Arc<Hub>>) -> Response {
    match hub.store.verify_log().await {
        Ok(Ok(entries)) => Json(json!({"intact": true, "entries": entries})).into_response(),
        Ok(Err(at)) => Json(json!({"intact": false, "broken_at": at})).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> Response {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    let detail = format!("{error}{}", cause.unwrap_or_default());
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    (status, Json(json!({"detail": detail}))).into_response()
}
