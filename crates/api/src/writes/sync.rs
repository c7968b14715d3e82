//! Reading by hand: now, whole or only what changed, and how far it is. What takes long goes on while nobody waits for it.

use super::connections::find;
use crate::Api;
use crate::input::{Id, Json as Body};
use crate::problem::Problem;
use crate::shape;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use stagewire_engine::reads::{self, ReadError, Round};
use stagewire_model::Micros;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long a caller waits for a read; what takes longer goes on without them.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(sync, progress))
}

/// Connections that are being read because somebody asked.
#[derive(Clone, Default)]
pub(crate) struct Syncing(Arc<Mutex<HashSet<String>>>);

/// One connection's turn.
struct Turn(Syncing, String);

impl Syncing {
    fn begin(&self, id: &str) -> Option<Turn> {
        let new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_owned());
        new.then(|| Turn(self.clone(), id.to_owned()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.1);
    }
}

/// How to read. Nothing named: what changed.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct SyncAsked {
    /// Read every stream from its first page to its last.
    full: bool,
    /// Answer at once; the read goes on.
    background: bool,
    /// What a whole list does not show any more is believed gone, however much it is (after a failure `SCAN-002`).
    accept_missing: bool,
}

/// How far a read came.
#[derive(Serialize, ToSchema)]
struct Synced {
    /// `done`, `running`.
    state: &'static str,
}

/// How far reading is.
#[derive(Serialize, ToSchema)]
struct Syncs {
    /// Whether a round is under way.
    running: bool,
    /// Single reads that wait for their turn.
    waiting_reads: i64,
    /// Each stream's last or current walk.
    streams: Vec<StreamSync>,
}

/// One stream's last or current walk.
#[derive(Serialize, ToSchema)]
struct StreamSync {
    /// The stream.
    stream: String,
    /// `first`, `full`, `changes`.
    phase: &'static str,
    /// Rows so far.
    rows: i64,
    /// Rows of the last full scan, where there was one.
    expected: Option<i64>,
    /// Rows per second.
    rate: Option<i64>,
    /// When it will be over, as far as can be told.
    forecast: Option<String>,
    /// When it began.
    began_at: String,
    /// When it was over.
    ended_at: Option<String>,
    /// Why it stopped before its end.
    stopped: Option<String>,
}

/// Reads now; what takes longer than half a minute goes on in the background.
#[utoipa::path(post, path = "/api/v1/connections/{id}/sync", tag = "connections", params(("id" = String, Path, description = "Its name.")), request_body = SyncAsked, responses((status = 200, description = "It is read.", body = Synced), (status = 202, description = "It is being read.", body = Synced), (status = 502, description = "The vendor did not answer as it should.", body = shape::Problem, content_type = "application/problem+json")))]
async fn sync(
    State(api): State<Api>,
    Id(id): Id,
    Body(asked): Body<SyncAsked>,
) -> Result<(StatusCode, Json<Synced>), Problem> {
    let conn = find(&api, &id)?;
    if !conn.can_read() {
        return Err(Problem::conflict(format!(
            "{} cannot be asked for records: it has no list to read, or its credentials are not filled in",
            conn.id
        )));
    }
    conn.ask_again();
    let running = || (StatusCode::ACCEPTED, Json(Synced { state: "running" }));
    let Some(turn) = api.shared.syncing.begin(&id) else {
        return Ok(running());
    };
    let hub = api.hub.clone();
    let what = Round {
        full: asked.full,
        accept_missing: asked.accept_missing,
    };
    let work = tokio::spawn(async move {
        let _turn = turn;
        let read = reads::sync_now(&hub, &conn, what).await;
        if let Err(e) = &read {
            tracing::warn!(connection.id = %conn.id, cause = %e, "a read by hand failed; nothing was moved on");
        }
        read
    });
    if asked.background {
        return Ok(running());
    }
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(Ok(()))) => Ok((StatusCode::OK, Json(Synced { state: "done" }))),
        Ok(Ok(Err(ReadError::Store(e)))) => Err(e.into()),
        Ok(Ok(Err(e))) => Err(Problem::coded(
            StatusCode::BAD_GATEWAY,
            "API-502",
            "The vendor did not answer as it should",
            e.to_string(),
        )),
        Ok(Err(_)) => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the read stopped; the cause is in the server's log",
        )),
        Err(_) => Ok(running()),
    }
}

/// How far reading is.
#[utoipa::path(get, path = "/api/v1/connections/{id}/sync", tag = "connections", params(("id" = String, Path, description = "Its name.")), responses((status = 200, description = "Its streams.", body = Syncs)))]
async fn progress(State(api): State<Api>, Id(id): Id) -> Result<Json<Syncs>, Problem> {
    let conn = find(&api, &id)?;
    let now = api.hub.env.now();
    let text = |at: Micros| at.text();
    let streams = conn
        .progress
        .all()
        .into_iter()
        .map(|(stream, p)| StreamSync {
            stream,
            phase: p.phase.as_str(),
            rows: p.rows,
            expected: p.expected,
            rate: p.rate(now),
            forecast: p.forecast(now).map(text),
            began_at: p.began.text(),
            ended_at: p.ended.map(text),
            stopped: p.stopped.clone(),
        });
    Ok(Json(Syncs {
        running: conn.syncing.try_lock().is_err(),
        waiting_reads: api.hub.store.wants_count(id).await?,
        streams: streams.collect(),
    }))
}
