//! The REST API: `/in`, `/api/v1`, `/connect`, health, metrics and its own description. It asks the engine and the store and decides nothing about
//! vendors, flows or records itself.

pub mod auth;
mod connect;
mod docs;
mod frame;
mod health;
mod input;
mod intake;
mod list;
pub mod once;
mod problem;
mod reads;
pub mod shape;
mod stream;
mod titles;
mod writes;
mod wrong;

pub use auth::{Caller, Role};
pub use problem::Problem;
pub use wrong::Client;

use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Router, response::IntoResponse};
use bytes::Bytes;
use stagewire_engine::hub::Hub;
use std::sync::{Arc, OnceLock};
use utoipa_axum::router::OpenApiRouter;

/// What every handler works with.
#[derive(Clone)]
pub struct Api {
    /// The engine.
    pub hub: Arc<Hub>,
    /// This program's version.
    pub version: &'static str,
    /// How browsers reach this server, without a slash at the end.
    pub public_url: Arc<str>,
    pub(crate) shared: Arc<Shared>,
}

/// What lives as long as the server.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) known: auth::Known,
    pub(crate) wrong: wrong::Wrong,
    pub(crate) busy: once::Busy,
    pub(crate) syncing: writes::Syncing,
    pub(crate) feed: stream::Feed,
    pub(crate) document: OnceLock<Bytes>,
}

impl Api {
    /// The API of a running engine, reached at this address.
    pub fn new(hub: Arc<Hub>, version: &'static str, public_url: &str) -> Api {
        Api {
            hub,
            version,
            public_url: public_url.trim_end_matches('/').into(),
            shared: Arc::default(),
        }
    }

    /// Ends what would never end by itself, so that the server can stop.
    pub fn stop(&self) {
        self.shared.feed.stop();
    }
}

/// Everything, for the listener that people and programs use: a token is needed for `/api`.
pub fn router(state: Api) -> Router {
    let api = described().split_for_parts().0;
    let api = api
        .route_layer(from_fn_with_state(state.clone(), once::once))
        .route_layer(from_fn_with_state(state.clone(), auth::by_token));
    framed(api, state)
}

/// Everything, for the owner-only socket: the caller is an admin without a token.
pub fn local_router(state: Api) -> Router {
    let api = described().split_for_parts().0;
    let api = api
        .route_layer(from_fn_with_state(state.clone(), once::once))
        .route_layer(from_fn(auth::by_socket));
    framed(api, state)
}

/// Only what the outside world may reach: deliveries, and people who come back from a vendor.
pub fn intake_router(state: Api) -> Router {
    let framed = from_fn_with_state(state.clone(), frame::frame);
    let back = connect::back().layer(framed);
    intake::routes().merge(back).with_state(state)
}

/// The OpenAPI document.
pub fn openapi(version: &str) -> serde_json::Value {
    docs::document(described().merge(health::routes()).into_openapi(), version)
}

/// Every route under `/api/v1`.
fn described() -> OpenApiRouter<Api> {
    reads::routes()
        .merge(writes::routes())
        .merge(stream::routes())
}

fn framed(api: Router<Api>, state: Api) -> Router {
    let rest = api
        .merge(health::routes().split_for_parts().0)
        .merge(connect::routes())
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so);
    rest.layer(from_fn_with_state(state.clone(), frame::frame))
        .merge(intake::routes())
        .with_state(state)
}

async fn nowhere(uri: Uri) -> impl IntoResponse {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}", uri.path()),
    )
}

async fn not_so(method: Method, uri: Uri) -> impl IntoResponse {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not answer to {method}", uri.path()),
    )
}
