//! Access tokens: one minted at a time per connection, stored before its first use, renewed before it ends. Whoever waits for one
//! waits no longer than a deadline, and what was refused is not asked again and again. Asks nobody for consent (see `consent`).

mod held;
pub mod keep;
mod mint;
mod purse;

pub(crate) use held::{Began, Held, Over, Pending};
pub(crate) use purse::Purse;

use crate::caller::Caller;
use crate::connection::Connection;
use purse::{Seat, Want};
use stagewire_connector::AuthError;
use stagewire_model::Secret;
use std::sync::Arc;

/// How long a caller waits for a token that is being minted; the mint goes on without them.
const PATIENCE_MS: u64 = 10_000;
/// What who waited in vain is told to wait.
const AGAIN_MS: i64 = 1_000;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// The vendor refuses the credentials: a person must act.
    Denied(String),
    /// Fields are missing: a person must fill them.
    NotFilled(Vec<String>),
    /// A person must agree at the vendor, for the first time or again.
    Consent(String),
    /// What is filled in belongs to another account than the connection's.
    OtherAccount(String),
    /// Somebody else ends our tokens again and again.
    Contested,
    /// Not now; ask again after so many milliseconds.
    Later(i64),
}

impl NoToken {
    /// The failure's code and what it says, where a person must act; `None` where waiting helps.
    pub fn words(&self) -> Option<(&'static str, String)> {
        Some(match self {
            NoToken::Later(_) => return None,
            NoToken::Denied(say) => ("AUTH-001", say.clone()),
            NoToken::NotFilled(fields) => (
                "AUTH-001",
                format!("these fields are empty: {}", fields.join(", ")),
            ),
            NoToken::Consent(say) => ("AUTH-004", say.clone()),
            NoToken::OtherAccount(say) => ("ACCOUNT-001", say.clone()),
            NoToken::Contested => (
                "AUTH-005",
                "its tokens are ended early, again and again: another program uses the same credentials"
                    .to_owned(),
            ),
        })
    }
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
        self.hand_out(conn, stale.map_or(Want::Any, Want::Not))
            .await
    }

    /// A new token although the one in hand still works, so that what brings it stays alive.
    pub(crate) async fn renew(&self, conn: &Connection) -> Result<(), NoToken> {
        self.hand_out(conn, Want::New).await.map(drop)
    }

    async fn hand_out(
        &self,
        conn: &Connection,
        want: Want<'_>,
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
        let (basis, whole) = (auth.basis(&settings), auth.whole(&settings));
        let mut waiting = match conn.purse.seat(&basis, &whole, want, self.env.now()) {
            Seat::Use(token) => return Ok(Some(token)),
            Seat::No(no) => return Err(no),
            Seat::Wait(waiting) => waiting,
            Seat::Mint(begun, waiting) => {
                if let Some(conn) = conn.me() {
                    // beside whoever asked: an answer must not be lost because they went away
                    tokio::spawn(mint::fly(Arc::new(self.clone()), conn, begun));
                }
                waiting
            }
        };
        let answer = async {
            let landed = waiting.wait_for(Option::is_some).await.ok();
            landed.and_then(|l| (*l).clone())
        };
        let answer = tokio::select! {
            answer = answer => answer,
            () = self.env.sleep(PATIENCE_MS) => None,
        };
        match answer.unwrap_or(Err(NoToken::Later(AGAIN_MS))) {
            Ok(token) => Ok(Some(token)),
            Err(no @ NoToken::Later(_)) => match conn.purse.living(&basis, want, self.env.now()) {
                Some(token) => Ok(Some(token)),
                None => Err(no),
            },
            Err(no) => Err(no),
        }
    }
}
