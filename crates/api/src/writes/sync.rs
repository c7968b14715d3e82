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
use stagewire_engine::env::Env;
use stagewire_engine::reads::{self, ReadError, Round};
use stagewire_model::Micros;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long a caller waits for a read; what takes longer goes on without them.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(sync, progress))
}

/// Rounds of reading that somebody asked for, by connection and by what was asked: the last of each.
#[derive(Clone, Default)]
pub(crate) struct Syncing(Arc<Mutex<Rounds>>);

#[derive(Default)]
struct Rounds {
    last: u64,
    by_what: HashMap<(String, Round), Asked>,
}

/// One round that somebody asked for.
#[derive(Clone)]
struct Asked {
    number: u64,
    at: Micros,
    ended: Option<Micros>,
    failed: Option<String>,
}

/// A round under way; however it ends, it does not count as under way for ever.
struct Turn {
    all: Syncing,
    key: (String, Round),
    env: Arc<dyn Env>,
    failed: Option<String>,
}

impl Syncing {
    fn lock(&self) -> MutexGuard<'_, Rounds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the round, and the turn to run it where nobody runs the same already.
    fn begin(&self, id: &str, what: Round, env: &Arc<dyn Env>) -> (u64, Option<Turn>) {
        let mut rounds = self.lock();
        let key = (id.to_owned(), what);
        if let Some(under_way) = rounds.by_what.get(&key).filter(|r| r.ended.is_none()) {
            return (under_way.number, None);
        }
        rounds.last += 1;
        let number = rounds.last;
        let (at, ended, failed) = (env.now(), None, None);
        let asked = Asked {
            number,
            at,
            ended,
            failed,
        };
        rounds.by_what.insert(key.clone(), asked);
        let turn = Turn {
            all: self.clone(),
            key,
            env: env.clone(),
            failed: Some("the read stopped; the cause is in the server's log".to_owned()),
        };
        (number, Some(turn))
    }

    /// The last rounds of a connection, oldest first.
    fn of(&self, id: &str) -> Vec<(Round, Asked)> {
        let rounds = self.lock();
        let own = rounds.by_what.iter().filter(|((conn, _), _)| conn == id);
        let mut all: Vec<(Round, Asked)> = own.map(|((_, what), r)| (*what, r.clone())).collect();
        all.sort_by_key(|(_, r)| r.number);
        all
    }
}

impl Turn {
    fn over(mut self, read: &Result<(), ReadError>) {
        self.failed = read.as_ref().err().map(ToString::to_string);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let ended = Some(self.env.now());
        if let Some(round) = self.all.lock().by_what.get_mut(&self.key) {
            (round.ended, round.failed) = (ended, self.failed.take());
        }
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
    /// The round's number, to find it again in how far reading is.
    round: u64,
}

/// How far reading is.
#[derive(Serialize, ToSchema)]
struct Syncs {
    /// Whether a round is under way.
    running: bool,
    /// Single reads that wait for their turn.
    waiting_reads: i64,
    /// The last rounds that somebody asked for, one of each kind.
    rounds: Vec<SyncRound>,
    /// Each stream's last or current walk.
    streams: Vec<StreamSync>,
}

/// A round that somebody asked for.
#[derive(Serialize, ToSchema)]
struct SyncRound {
    /// Its number.
    round: u64,
    /// Whether every stream is read whole.
    full: bool,
    /// Whether what is missing is believed gone.
    accept_missing: bool,
    /// When it was asked for.
    asked_at: String,
    /// When it was over; null while it runs, or waits for another.
    ended_at: Option<String>,
    /// Why it was not read to its end.
    failed: Option<String>,
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
    let what = Round {
        full: asked.full,
        accept_missing: asked.accept_missing,
    };
    let (round, turn) = api.shared.syncing.begin(&id, what, &api.hub.env);
    let synced = |state| Json(Synced { state, round });
    let Some(turn) = turn else {
        return Ok((StatusCode::ACCEPTED, synced("running")));
    };
    let hub = api.hub.clone();
    let work = tokio::spawn(async move {
        let read = reads::sync_now(&hub, &conn, what).await;
        turn.over(&read);
        if let Err(e) = &read {
            tracing::warn!(connection.id = %conn.id, cause = %e, "a read by hand failed; nothing was moved on");
        }
        read
    });
    if asked.background {
        return Ok((StatusCode::ACCEPTED, synced("running")));
    }
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(Ok(()))) => Ok((StatusCode::OK, synced("done"))),
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
        Err(_) => Ok((StatusCode::ACCEPTED, synced("running"))),
    }
}

/// How far reading is.
#[utoipa::path(get, path = "/api/v1/connections/{id}/sync", tag = "connections", params(("id" = String, Path, description = "Its name.")), responses((status = 200, description = "Its streams.", body = Syncs)))]
async fn progress(State(api): State<Api>, Id(id): Id) -> Result<Json<Syncs>, Problem> {
    let conn = find(&api, &id)?;
    let now = api.hub.env.now();
    let rounds = api.shared.syncing.of(&id).into_iter();
    let rounds = rounds.map(|(what, asked)| SyncRound {
        round: asked.number,
        full: what.full,
        accept_missing: what.accept_missing,
        asked_at: asked.at.text(),
        ended_at: asked.ended.map(Micros::text),
        failed: asked.failed,
    });
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
        rounds: rounds.collect(),
        streams: streams.collect(),
    }))
}
