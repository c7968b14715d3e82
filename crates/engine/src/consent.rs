//! Connecting by consent: a link that works once leads a person to the vendor, and what they bring back becomes the connection's
//! token. Id, cursors, flows and queue stay as they are. A state is believed once, for its own connection, in the browser that
//! began, and for ten minutes; of links and states only hashes are kept, sealed, so that a restart breaks nothing.

mod finish;

pub use finish::{Back, Connected};

use crate::connection::Connection;
use crate::hub::Hub;
use crate::token::{Began, Held, Pending};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use stagewire_connector::ConsentAsk;
use stagewire_model::{MAIN, Micros, Secret, canonical};
use stagewire_store::{AuditEntry, ConnectionChange, Error};
use std::collections::BTreeSet;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// How long a link waits for its person, and a person for the vendor.
const LIFE_MS: i64 = 600_000;

/// A link for one person, once.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The secret part of the link.
    pub ticket: Secret<String>,
    /// Until when it works.
    pub expires_at: Micros,
}

/// What shows that somebody may begin.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// A link that was made for them.
    Ticket(&'a str),
    /// They are known, by this name.
    Known(&'a str),
}

/// Where a person goes now.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// The vendor's page.
    pub url: Secret<String>,
    /// What their browser keeps until they come back.
    pub browser: Secret<String>,
    /// For how many seconds.
    pub seconds: i64,
}

/// Why a consent does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such connection.
    #[error("there is no such connection")]
    NoConnection,
    /// What is filled in needs no consent.
    #[error("this connection needs no consent: {0}")]
    NoConsent(String),
    /// The link was used, replaced, or never made.
    #[error("this link does not work any more: it was used already, or a newer one was made")]
    Link,
    /// The state was used, replaced, or belongs to something else.
    #[error("this answer belongs to nothing that was begun here, or it was used already")]
    State,
    /// Too late.
    #[error("it took longer than ten minutes")]
    Expired,
    /// Another browser came back.
    #[error("it was begun in another browser")]
    Browser,
    /// The vendor, or the person there, said no.
    #[error("{vendor} said no: {say}")]
    Vendor {
        /// The vendor's name.
        vendor: String,
        /// Its own words.
        say: String,
    },
    /// The vendor gave no token for the code.
    #[error("{vendor} gave no access: {say}")]
    NoToken {
        /// The vendor's name.
        vendor: String,
        /// Why.
        say: String,
    },
    /// The person agreed for another account.
    #[error("{0}")]
    OtherAccount(String),
    /// The store did not take it.
    #[error("it could not be stored")]
    Store,
}

impl From<Error> for Refused {
    fn from(e: Error) -> Refused {
        tracing::error!(cause = %e, "a consent could not be stored");
        Refused::Store
    }
}

impl Hub {
    /// Makes the link for a person who has no token of ours in their browser; an older link and a consent that was begun with it
    /// end. `actions` are asked for beside those that flows use.
    ///
    /// # Errors
    /// Where the connection does not begin by consent.
    pub async fn offer_consent(
        &self,
        id: &str,
        actions: Vec<String>,
        by: &str,
    ) -> Result<Ticket, Refused> {
        let conn = self.consenting(id)?;
        let ticket = self.secret();
        let expires_at = self.env.now().plus_ms(LIFE_MS);
        let pending = Pending {
            hash: hashed(&ticket),
            by: by.to_owned(),
            expires_at,
            actions,
            began: None,
        };
        let put = |held: &mut Held| {
            held.pending = Some(pending.clone());
            true
        };
        let with = self.noted(&conn, by, "consent link made", String::new());
        conn.purse.keep(&*self.store, with, put).await?;
        Ok(Ticket {
            ticket: Secret::new(ticket),
            expires_at,
        })
    }

    /// Sends a person to the vendor.
    ///
    /// # Errors
    /// Where the proof does not hold, or the connection does not begin by consent.
    pub async fn begin_consent(
        &self,
        id: &str,
        proof: Proof<'_>,
        redirect_uri: &str,
    ) -> Result<Leaving, Refused> {
        let conn = self.consenting(id)?;
        let now = self.env.now();
        let (state, browser, verifier) = (
            format!("{id}.{}", self.secret()),
            self.secret(),
            self.secret(),
        );
        let expires_at = now.plus_ms(LIFE_MS);
        let (mut refused, mut asked) = (Refused::Link, Vec::new());
        let begin = |held: &mut Held| {
            let offered = held.pending.take().filter(|p| p.began.is_none());
            let (by, actions) = match (proof, offered) {
                (Proof::Known(name), _) => (name.to_owned(), Vec::new()),
                (Proof::Ticket(given), Some(p)) if same(&p.hash, given) => {
                    if p.expires_at <= now {
                        refused = Refused::Expired;
                        return false;
                    }
                    (p.by, p.actions)
                }
                (Proof::Ticket(_), _) => return false,
            };
            asked.clone_from(&actions);
            held.pending = Some(Pending {
                hash: hashed(&state),
                by,
                expires_at,
                actions,
                began: Some(Began {
                    browser: hashed(&browser),
                    verifier: Secret::new(verifier.clone()),
                    redirect_uri: redirect_uri.to_owned(),
                }),
            });
            true
        };
        let with = ConnectionChange {
            conn: conn.id.clone(),
            now: now.0,
            ..ConnectionChange::default()
        };
        if !conn.purse.keep(&*self.store, with, begin).await? {
            return Err(refused);
        }
        let ask = ConsentAsk {
            redirect_uri,
            state: &state,
            verifier: &verifier,
            scopes: self.wanted_scopes(&conn, &asked),
        };
        let url = conn.connector.consent_url(&conn.settings(), &ask);
        let url = url.ok_or_else(|| Refused::NoConsent("its fields are not filled in".into()))?;
        Ok(Leaving {
            url: Secret::new(url),
            browser: Secret::new(browser),
            seconds: LIFE_MS / 1000,
        })
    }

    /// What a consent asks for: what its lists and the live flows' actions need, and no more.
    pub fn wanted_scopes(&self, conn: &Connection, more: &[String]) -> Vec<String> {
        let streams: Vec<&str> = conn
            .connector
            .streams()
            .iter()
            .map(|s| s.name.as_str())
            .collect();
        let flows = self.flows();
        let used: BTreeSet<&str> = flows
            .all()
            .flat_map(|f| &f.flow.steps)
            .filter(|s| s.connection == conn.id)
            .map(|s| crate::dispatch::action_name(&s.action))
            .chain(more.iter().map(String::as_str))
            .collect();
        let used: Vec<&str> = used.into_iter().collect();
        let scopes = conn.connector.scopes(&streams, &used, &conn.settings());
        scopes.into_iter().collect()
    }

    /// The connection, if a consent begins it.
    fn consenting(&self, id: &str) -> Result<Arc<Connection>, Refused> {
        let conn = self.connection(id).ok_or(Refused::NoConnection)?;
        let settings = conn.settings();
        match conn.connector.auth(&settings) {
            Err(why) => Err(Refused::NoConsent(why.to_string())),
            Ok(_) if conn.by_consent() => Ok(conn),
            Ok(auth) => Err(Refused::NoConsent(format!(
                "its way in is `{}`, and its fields are filled in",
                auth.name
            ))),
        }
    }

    fn noted(&self, conn: &Connection, by: &str, verb: &str, detail: String) -> ConnectionChange {
        let now = self.env.now().0;
        ConnectionChange {
            conn: conn.id.clone(),
            audit: Some(AuditEntry {
                ws: MAIN,
                at: now,
                actor: by.to_owned(),
                verb: verb.to_owned(),
                object: format!("connection/{}", conn.id),
                detail,
            }),
            now,
            ..ConnectionChange::default()
        }
    }

    /// 32 random bytes as text.
    fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.env.random(), self.env.random()].concat())
    }
}

fn hashed(text: &str) -> String {
    canonical::hex(&Sha256::digest(text))
}

fn same(hash: &str, given: &str) -> bool {
    hash.as_bytes().ct_eq(hashed(given).as_bytes()).into()
}
