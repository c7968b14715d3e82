//! The one logged way out: every request goes through here and becomes a call row, with its time, status, duration, attempt and
//! the limit left. Bodies are sealed, headers are not kept, and the path is the template without values.

use crate::{connection::Connection, env::Env};
use stagewire_connector::{Request, Response, SendError, Transport};
use stagewire_model::{MAIN, canonical};
use stagewire_store::{CallRow, Class, SealedBody, Store, Table};
use std::sync::Arc;

/// Bodies of calls are kept up to this many bytes.
const KEPT_BODY: usize = 64 * 1024;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An action's write.
    Action(i64),
    /// A look whether an action has happened.
    Look(i64),
    /// A read of records.
    Read,
    /// A token.
    Token,
    /// A connection test or look-up.
    Check,
    /// A webhook at the vendor: its answers may hold secrets.
    Webhook,
    /// A check of our own address: what answers is not the vendor, and tells nothing of its clock and limits.
    OwnAddress,
    /// A sign of life to whoever waits for one.
    Heartbeat,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Purpose::Action(_) => "action",
            Purpose::Look(_) => "look",
            Purpose::Read => "read",
            Purpose::Token => "token",
            Purpose::Check => "check",
            Purpose::Webhook => "webhook",
            Purpose::OwnAddress => "own_address",
            Purpose::Heartbeat => "heartbeat",
        }
    }

    fn action(self) -> Option<i64> {
        match self {
            Purpose::Action(id) | Purpose::Look(id) => Some(id),
            _ => None,
        }
    }
}

/// Sends and logs.
#[derive(Clone)]
pub struct Caller {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) transport: Arc<dyn Transport>,
}

/// A call that was made: the answer, and what is to be stored of it.
pub struct Made {
    /// The answer, or why there is none.
    pub answer: Result<Response, SendError>,
    /// The row of the call log.
    pub row: CallRow,
    /// The answer's sealed body.
    pub bodies: Vec<SealedBody>,
}

impl Caller {
    /// Sends one request. The row is given back, to be stored with what it settles.
    pub async fn send(
        &self,
        conn: &Connection,
        request: Request,
        purpose: Purpose,
        attempt: i64,
        person: Option<[u8; 16]>,
    ) -> Made {
        let began = self.env.now();
        let host = host_of(&request.url);
        let (method, path) = (request.method.clone(), request.template.clone());
        let answer = self.transport.send(request).await;
        let now = self.env.now();
        // a token service counts by itself, and our own address does not count at all
        let counts = !matches!(purpose, Purpose::Token | Purpose::OwnAddress);
        let counted = answer.as_ref().ok().filter(|_| counts);
        let learned = counted.map(|r| conn.connector.learn(r, now));
        // a source answers with records: what is not kept of them must not be kept here either
        let silent = |status: u16| {
            matches!(
                purpose,
                Purpose::Read | Purpose::Token | Purpose::Webhook | Purpose::OwnAddress
            ) || (conn.is_source() && status < 300)
        };
        let mut bodies = Vec::new();
        let response = match &answer {
            Ok(r) if !r.body.is_empty() && !silent(r.status) => {
                let id = self.store.next(Table::Body);
                let kept = &r.body[..r.body.len().min(KEPT_BODY)];
                bodies.push(SealedBody::new(
                    self.store.keys(),
                    id,
                    MAIN,
                    Class::Call,
                    now.0,
                    person,
                    kept,
                ));
                Some(id)
            }
            _ => None,
        };
        let row = CallRow {
            id: self.store.next(Table::Call),
            ws: MAIN,
            at: began.0,
            conn: conn.id.clone(),
            method,
            host,
            path,
            status: answer.as_ref().map_or(0, |r| i64::from(r.status)),
            code: String::new(),
            ms: (now.0 - began.0).max(0) / 1000,
            attempt,
            action: purpose.action(),
            purpose: purpose.word().to_owned(),
            limit_left: learned.as_ref().and_then(|l| l.remaining).map(i64::from),
            request: None,
            response,
        };
        if let Some(learned) = &learned {
            conn.budget.learn(now, learned);
        }
        if let (Ok(r), true) = (&answer, purpose != Purpose::OwnAddress) {
            conn.saw_date(r);
        }
        Made {
            answer,
            row,
            bodies,
        }
    }

    /// Sends and logs what belongs to no connection; the answer's body is not kept.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn send_ours(
        &self,
        request: Request,
        purpose: Purpose,
    ) -> Result<Response, SendError> {
        let began = self.env.now();
        let (host, method) = (host_of(&request.url), request.method.clone());
        let path = request.template.clone();
        let answer = self.transport.send(request).await;
        let row = CallRow {
            id: self.store.next(Table::Call),
            ws: MAIN,
            at: began.0,
            conn: "server".to_owned(),
            method,
            host,
            path,
            status: answer.as_ref().map_or(0, |r| i64::from(r.status)),
            code: String::new(),
            ms: (self.env.now().0 - began.0).max(0) / 1000,
            attempt: 1,
            action: None,
            purpose: purpose.word().to_owned(),
            limit_left: None,
            request: None,
            response: None,
        };
        if let Err(e) = self.store.log_calls(vec![row], Vec::new()).await {
            tracing::error!(cause = %e, "a call could not be logged");
        }
        answer
    }

    /// Stores the call of a read. When this comes back the row stands in the store's line, before whatever the answer brings; nobody
    /// waits until it is written.
    pub(crate) async fn log_read(&self, row: CallRow, bodies: Vec<SealedBody>) {
        let (store, id) = (self.store.clone(), row.id);
        let mut logged = Box::pin(async move {
            if let Err(e) = store.log_calls(vec![row], bodies).await {
                tracing::error!(call.id = id, cause = %e, "a call could not be logged");
            }
        });
        if futures::poll!(&mut logged).is_pending() {
            tokio::spawn(logged);
        }
    }

    /// Stores calls that belong to no action.
    pub async fn log(&self, made: &Made) {
        let logged = self
            .store
            .log_calls(vec![made.row.clone()], made.bodies.clone())
            .await;
        if let Err(e) = logged {
            tracing::error!(call.id = made.row.id, cause = %e, "a call could not be logged");
        }
    }
}

/// Scheme, host and port are kept; a URL that cannot be read gives an empty host.
pub(crate) fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, r)| r);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest[..end].rsplit('@').next().unwrap_or("").to_owned()
}

/// A short hash for logs, where a value itself must not stand.
pub fn fingerprint(value: &[u8]) -> String {
    use sha2::Digest;
    canonical::hex(&sha2::Sha256::digest(value)[..6])
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn a_host_is_cut_out_without_credentials_or_path() {
        assert_eq!(
            host_of("https://user:pw@hooks.example.com:8443/a/b?c=d"),
            "hooks.example.com:8443"
        );
        assert_eq!(host_of("http://127.0.0.1:9001"), "127.0.0.1:9001");
    }
}
