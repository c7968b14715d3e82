//! Access tokens: one minted at a time per connection, stored before its first use, kept until it is nearly over. Asks nobody
//! for consent.

use crate::caller::{Caller, Purpose};
use crate::connection::Connection;
use serde_json::{Value, json};
use stagewire_connector::{AuthError, SendError};
use stagewire_model::{MAIN, Micros, Secret};
use stagewire_store::ConnectionChange;

/// A token in hand.
#[derive(Clone, Debug)]
pub struct Held {
    access: Secret<String>,
    expires_at: Micros,
    renew_at: Micros,
}

impl Held {
    pub(crate) fn from_json(v: &Value) -> Option<Held> {
        Some(Held {
            access: Secret::new(v.get("access")?.as_str()?.to_owned()),
            expires_at: Micros(v.get("expires_at")?.as_i64()?),
            renew_at: Micros(v.get("renew_at")?.as_i64()?),
        })
    }

    fn to_json(&self) -> Value {
        json!({"access": self.access.reveal(), "expires_at": self.expires_at.0, "renew_at": self.renew_at.0})
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// The vendor refuses the credentials: a person must act.
    Denied(String),
    /// Fields are missing: a person must fill them.
    NotFilled(Vec<String>),
    /// Not now; ask again after so many milliseconds.
    Later(i64),
}

impl Caller {
    /// The token to use now, minting one if needed; `None` where the connection needs none. `stale`: the one that was refused,
    /// so that many callers who saw one refusal mint once.
    ///
    /// # Errors
    /// Where the vendor or the settings do not give one.
    pub async fn token(
        &self,
        conn: &Connection,
        stale: Option<&str>,
    ) -> Result<Option<Secret<String>>, NoToken> {
        let settings = conn.settings();
        let auth = match conn.connector.auth(&settings) {
            Ok(auth) => auth,
            Err(AuthError::NotFilledIn(fields)) => return Err(NoToken::NotFilled(fields)),
            Err(e) => return Err(NoToken::Denied(e.to_string())),
        };
        if !auth.needs_token() {
            return Ok(None);
        }
        let mut held = conn.token.lock().await;
        let now = self.env.now();
        if let Some(t) = held.as_ref()
            && t.renew_at > now
            && stale != Some(t.access.reveal().as_str())
        {
            return Ok(Some(t.access.clone()));
        }
        let Some(request) = conn.connector.token_request(&settings) else {
            return Ok(None);
        };
        let mut made = self.send(conn, request, Purpose::Token, 1, None).await;
        let result = match &made.answer {
            Ok(response) => conn
                .connector
                .read_token(&settings, response, self.env.now()),
            Err(SendError::NotSent { .. } | SendError::MaybeSent { .. }) => {
                Err(AuthError::Later(Some(5_000)))
            }
        };
        if result.is_err() {
            made.row.code = "AUTH-001".into();
        }
        self.log(&made).await;
        let token = match result {
            Ok(t) => t,
            Err(AuthError::Later(wait_ms)) => {
                return Err(NoToken::Later(wait_ms.unwrap_or(5_000).max(1_000)));
            }
            Err(e) => return Err(NoToken::Denied(e.to_string())),
        };
        let fresh = Held {
            access: token.access,
            expires_at: token.expires_at,
            renew_at: token.renew_at,
        };
        let change = ConnectionChange {
            ws: MAIN,
            conn: conn.id.clone(),
            token: Some(Some(fresh.to_json())),
            now: self.env.now().0,
            ..Default::default()
        };
        if let Err(e) = self.store.connection_put(change).await {
            tracing::error!(connection.id = %conn.id, cause = %e, "a new token could not be stored and is not used");
            return Err(NoToken::Later(5_000));
        }
        let access = fresh.access.clone();
        *held = Some(fresh);
        Ok(Some(access))
    }
}
