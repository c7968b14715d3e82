//! One call about webhooks: a slot, a token, the call, and what its answer means. Tries nothing twice but a refused token: whoever
//! calls looks first and makes afterwards. The answer's body is not kept, since it may hold a secret.

use crate::budget::{Priority, Slot};
use crate::caller::Purpose;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::token::NoToken;
use stagewire_connector::{Outcome, Request, Response, SendError};

/// Why a call did not come through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The vendor says no; the code and its words.
    Refused { code: String, say: String },
    /// A permission is missing.
    MissingScope { say: String },
    /// There is no such thing.
    NotThere,
    /// Nothing happened: later it may.
    Later { say: String },
    /// It may have happened.
    Unsure { say: String },
}

impl Failed {
    pub(super) fn say(&self) -> &str {
        match self {
            Failed::Refused { say, .. }
            | Failed::MissingScope { say }
            | Failed::Later { say }
            | Failed::Unsure { say } => say,
            Failed::NotThere => "it is not there",
        }
    }
}

pub(super) async fn call(
    hub: &Hub,
    conn: &Connection,
    request: Request,
) -> Result<Response, Failed> {
    let mut stale = None;
    for attempt in 1..=2 {
        let token = match hub.caller.token(conn, stale.as_deref()).await {
            Ok(token) => token.map(|t| t.reveal().clone()),
            Err(NoToken::Later(_)) => {
                return Err(Failed::Later {
                    say: "there is no token yet".into(),
                });
            }
            Err(no) => {
                let (code, say) = no.words().unwrap_or_default();
                return Err(Failed::Refused {
                    code: code.into(),
                    say,
                });
            }
        };
        let settings = conn.settings();
        let ready = conn
            .connector
            .authorize(request.clone(), &settings, token.as_deref())
            .map_err(|e| Failed::Refused {
                code: "AUTH-001".into(),
                say: e.to_string(),
            })?;
        slot(hub, conn).await;
        let made = hub
            .caller
            .send(conn, ready, Purpose::Webhook, attempt, None)
            .await;
        conn.budget.release();
        let now = hub.env.now();
        let (result, code) = match &made.answer {
            Ok(response) => judge(conn, response, conn.connector.classify_read(response, now)),
            Err(SendError::NotSent { .. }) => (
                Err(Failed::Later {
                    say: "the vendor cannot be reached".into(),
                }),
                "NET-001".to_owned(),
            ),
            Err(SendError::MaybeSent { .. }) => (
                Err(Failed::Unsure {
                    say: "the vendor did not answer in time".into(),
                }),
                "NET-002".to_owned(),
            ),
        };
        let mut made = made;
        made.row.code.clone_from(&code);
        hub.caller.log(&made).await;
        let lost = matches!(&result, Err(Failed::Refused { code, .. }) if code == "AUTH-002");
        if lost && token.is_some() && stale.is_none() {
            stale = token;
            continue;
        }
        return result;
    }
    Err(Failed::Refused {
        code: "AUTH-002".into(),
        say: "the vendor takes no token of ours".into(),
    })
}

async fn slot(hub: &Hub, conn: &Connection) {
    loop {
        let now = hub.env.now();
        let wait = match conn.budget.take(now, Priority::Reconcile, None) {
            Slot::Taken => return,
            Slot::Wait(until) => u64::try_from((until.0 - now.0) / 1000 + 1).unwrap_or(1),
            Slot::Full => 20,
        };
        hub.env.sleep(wait.clamp(1, 5_000)).await;
    }
}

fn judge(
    conn: &Connection,
    response: &Response,
    outcome: Outcome,
) -> (Result<Response, Failed>, String) {
    let refused = |code: &str, say: String| {
        let failed = Failed::Refused {
            code: code.to_owned(),
            say,
        };
        (Err(failed), code.to_owned())
    };
    match outcome {
        Outcome::Done { .. } | Outcome::AlreadyThere => (Ok(response.clone()), String::new()),
        _ if response.status == 404 => (Err(Failed::NotThere), "CALL-404".into()),
        // vendors that answer everything with 200 say it in words, which the manifest's rules read
        Outcome::Refused { code, .. } if code == "CALL-404" => (Err(Failed::NotThere), code),
        Outcome::Refused { code, say, .. } => refused(&code, say),
        Outcome::AuthLost { say } => refused("AUTH-002", say),
        Outcome::MissingScope { say } => (Err(Failed::MissingScope { say }), "AUTH-003".into()),
        Outcome::Gone { .. } => (Err(Failed::NotThere), "CALL-410".into()),
        Outcome::RateLimited { .. } => {
            let say = format!("{} says: not so fast", conn.connector.name);
            (Err(Failed::Later { say }), "CALL-429".into())
        }
        Outcome::TryLater { .. } => {
            let say = format!("{} is busy", conn.connector.name);
            (Err(Failed::Later { say }), "CALL-5xx".into())
        }
        Outcome::Unclear { code, say } => (Err(Failed::Unsure { say }), code),
    }
}
