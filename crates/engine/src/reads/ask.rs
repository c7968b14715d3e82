//! One request of a read: a slot of the budget, a token, the call, and what its answer means. Waits where the vendor says so.

use crate::budget::{Priority, Slot};
use crate::caller::Purpose;
use crate::connection::{Connection, State};
use crate::hub::Hub;
use crate::token::NoToken;
use stagewire_connector::{Outcome, Request, Response, ScanError, SendError};
use stagewire_model::{MAIN, Micros};
use stagewire_store::Failing;

/// Tries of one request before the read fails.
const TRIES: u32 = 4;

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The connection needs a person.
    #[error("{0}")]
    NeedsYou(String),
    /// The vendor does not let us read this.
    #[error("{say}")]
    Refused {
        /// The failure's code.
        code: String,
        /// What it says.
        say: String,
    },
    /// No answer worth the name.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The answer does not fit together: nothing is moved on.
    #[error("the answer does not fit together: {0}")]
    Partial(String),
    /// This connector has no such read.
    #[error("this connector cannot read that")]
    NotSupported,
    /// The store did not take it.
    #[error("it could not be stored: {0}")]
    Store(#[from] stagewire_store::Error),
}

impl From<ScanError> for ReadError {
    fn from(e: ScanError) -> ReadError {
        ReadError::Partial(e.to_string())
    }
}

/// A slot that goes back however the call ends.
struct Taken<'c>(&'c Connection);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.budget.release();
    }
}

async fn slot<'c>(hub: &Hub, conn: &'c Connection, priority: Priority) -> Taken<'c> {
    loop {
        let now = hub.env.now();
        let wait = match conn.budget.take(now, priority, None) {
            Slot::Taken => return Taken(conn),
            Slot::Wait(until) => u64::try_from((until.0 - now.0) / 1000 + 1).unwrap_or(1),
            Slot::Full => 20,
        };
        hub.env.sleep(wait.clamp(1, 5_000)).await;
    }
}

/// Asks once, and again where that makes sense.
pub(super) async fn ask(
    hub: &Hub,
    conn: &Connection,
    request: Request,
    priority: Priority,
) -> Result<Response, ReadError> {
    if priority != Priority::Person && conn.refused_lately(hub.env.now()) {
        return Err(ReadError::NeedsYou(conn.state().1)); // a dead key is not shown again and again
    }
    let (mut stale, mut last, mut attempt) = (None, String::new(), 0);
    while attempt < TRIES {
        attempt += 1;
        let token = match hub.caller.token(conn, stale.as_deref()).await {
            Ok(token) => token.map(|t| t.reveal().clone()),
            Err(NoToken::Later(ms)) => {
                last = "no token yet".into();
                hub.env
                    .sleep(u64::try_from(ms).unwrap_or(1_000).min(10_000))
                    .await;
                continue;
            }
            Err(no) => {
                let (code, say) = no.words().unwrap_or_default();
                return Err(needs_you(hub, conn, code, &say).await);
            }
        };
        let taken = slot(hub, conn, priority).await;
        let ready =
            match conn
                .connector
                .authorize(request.clone(), &conn.settings(), token.as_deref())
            {
                Ok(ready) => ready,
                Err(e) => return Err(needs_you(hub, conn, "AUTH-001", &e.to_string()).await),
            };
        let made = hub
            .caller
            .send(conn, ready, Purpose::Read, i64::from(attempt), None)
            .await;
        drop(taken);
        let now = hub.env.now();
        let (answer, mut row) = (made.answer, made.row);
        let outcome = answer.as_ref();
        let outcome = outcome.map(|r| conn.connector.classify_read(r, now));
        row.code = code(&outcome);
        hub.caller.log_read(row, made.bodies).await;
        let wait = match (outcome.map_err(Clone::clone), answer) {
            (Ok(Outcome::Done { .. } | Outcome::AlreadyThere), Ok(response)) => {
                answered(hub, conn, &response).await;
                return Ok(response);
            }
            (Ok(Outcome::RateLimited { wait_ms }), _) => {
                conn.budget.block(now.plus_ms(wait_ms));
                slow(hub, conn, now.plus_ms(wait_ms)).await;
                attempt -= 1; // "not so fast" is no answer, and uses up no attempt
                u64::try_from(wait_ms).unwrap_or(1_000)
            }
            (Ok(Outcome::AuthLost { say }), _) => {
                if stale.is_some() || token.is_none() {
                    return Err(needs_you(hub, conn, "AUTH-002", &say).await);
                }
                stale = token;
                0
            }
            (Ok(Outcome::MissingScope { say }), _) => {
                return Err(ReadError::Refused {
                    code: "AUTH-003".into(),
                    say,
                });
            }
            (Ok(Outcome::Refused { code, say, .. }), _) => {
                return Err(ReadError::Refused { code, say });
            }
            (Ok(Outcome::Gone { say }), _) => {
                return Err(ReadError::Refused {
                    code: "CALL-410".into(),
                    say,
                });
            }
            (Ok(Outcome::TryLater { .. } | Outcome::Unclear { .. }), _) => {
                last = "the vendor answered with an error of its own".into();
                500 << attempt
            }
            (Err(e), _) => {
                last = sentence(&e).into();
                500 << attempt
            }
            (Ok(_), Err(_)) => 500,
        };
        if wait > 0 {
            hub.env.sleep(wait.min(60_000)).await;
        }
    }
    Err(ReadError::NoAnswer(last))
}

/// The vendor limits us for longer than a person would not notice.
async fn slow(hub: &Hub, conn: &Connection, until: Micros) {
    if conn.state().0 == State::Working && until.0 - hub.env.now().0 >= 5_000_000 {
        let say = format!("Slow until {}: the vendor limits our calls", until.text());
        put_state(hub, conn, State::Slow, &say).await;
    }
}

fn sentence(e: &SendError) -> &'static str {
    match e {
        SendError::NotSent { .. } => "the vendor cannot be reached",
        SendError::MaybeSent { .. } => "the vendor did not answer in time",
    }
}

fn code(outcome: &Result<Outcome, &SendError>) -> String {
    match outcome {
        Ok(Outcome::Refused { code, .. } | Outcome::Unclear { code, .. }) => code.clone(),
        Ok(Outcome::RateLimited { .. }) => "CALL-429".into(),
        Ok(Outcome::AuthLost { .. }) => "AUTH-002".into(),
        Ok(Outcome::MissingScope { .. }) => "AUTH-003".into(),
        Err(SendError::NotSent { .. }) => "NET-001".into(),
        Err(SendError::MaybeSent { .. }) => "NET-002".into(),
        _ => String::new(),
    }
}

/// It answered: it works, and its clock is known.
async fn answered(hub: &Hub, conn: &Connection, response: &Response) {
    if let Some(scopes) = conn.connector.granted_scopes(response) {
        conn.set_granted(scopes);
    }
    let (state, _) = conn.state();
    if matches!(state, State::Unknown | State::Slow | State::NeedsYou) {
        hub.is_well(conn).await;
    }
}

/// Changes the state where it differs.
pub(super) async fn put_state(hub: &Hub, conn: &Connection, state: State, sentence: &str) {
    hub.put_state(conn, state, sentence).await;
}

async fn needs_you(hub: &Hub, conn: &Connection, code: &str, say: &str) -> ReadError {
    ReadError::NeedsYou(hub.needs_you(conn, code, say).await)
}

/// Opens or counts a failure of the connection itself.
pub(super) async fn fail(hub: &Hub, conn: &Connection, code: &str, cause: &str, group: &str) {
    let failing = Failing {
        ws: MAIN,
        group_key: format!("{group}|{}", conn.id),
        code: code.to_owned(),
        conn: Some(conn.id.clone()),
        flow: None,
        cause: cause.to_owned(),
        owner: conn.spec.owner.clone(),
        at: hub.env.now().0,
        item: Some(("connection".into(), 0)),
    };
    if hub.store.fail(vec![failing]).await.is_ok() {
        hub.failed.notify_one();
    }
}
