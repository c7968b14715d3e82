//! A person comes back from the vendor: the state is taken, the code becomes a token, the token is stored, and the connection is
//! set going. What was begun once is ended once, even if the browser goes away meanwhile.

use super::{Refused, same};
use crate::caller::Purpose;
use crate::connection::{Connection, State};
use crate::hub::Hub;
use crate::token::{Began, Held, Pending};
use stagewire_connector::{AuthError, SendError, Token};
use stagewire_model::MAIN;
use stagewire_store::ConnectionChange;
use std::sync::Arc;

/// Tries to store what was given; it is given once.
const STORE_TRIES: u32 = 20;
const STORE_MS: u64 = 500;
/// The vendor's own words are cut to so many characters.
const WORDS: usize = 300;

/// What a browser brings back.
#[derive(Clone, Debug, Default)]
pub struct Back {
    /// What we sent along.
    pub state: String,
    /// What the browser kept.
    pub browser: Option<String>,
    /// What becomes a token.
    pub code: Option<String>,
    /// Why there is no code, in the vendor's words.
    pub error: Option<String>,
}

/// A connection that works now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Its name.
    pub connection: String,
    /// The vendor's.
    pub vendor: String,
    /// The vendor's account, where it says so.
    pub account: Option<String>,
    /// What was asked for and not granted, where the vendor says what was.
    pub missing: Vec<String>,
    /// Whether it can be renewed without a person.
    pub renews: bool,
}

impl Hub {
    /// Takes what a browser brought back.
    ///
    /// # Errors
    /// Why it is not connected; nothing has changed then.
    pub async fn finish_consent(self: &Arc<Self>, back: Back) -> Result<Connected, Refused> {
        let id = back.state.split('.').next().unwrap_or_default();
        let conn = self.connection(id).ok_or(Refused::State)?;
        let (pending, began) = self.taken(&conn, &back).await?;
        let hub = self.clone();
        let task = tokio::spawn(async move {
            let done = hub.exchange(&conn, &pending, began, back).await;
            if let Err(why) = &done {
                let with = hub.noted(&conn, &pending.by, "consent refused", why.to_string());
                let _ = hub
                    .store
                    .connection_put(ConnectionChange { ws: MAIN, ..with })
                    .await;
            }
            done
        });
        task.await.unwrap_or(Err(Refused::Store))
    }

    /// Takes the consent that this state belongs to; nobody can take it again.
    async fn taken(&self, conn: &Connection, back: &Back) -> Result<(Pending, Began), Refused> {
        let mut found = None;
        let take = |held: &mut Held| {
            let mine = |p: &&Pending| p.began.is_some() && same(&p.hash, &back.state);
            let is_mine = held.pending.as_ref().filter(mine).is_some();
            if is_mine {
                found = held.pending.take();
            }
            is_mine
        };
        let with = ConnectionChange {
            conn: conn.id.clone(),
            now: self.env.now().0,
            ..ConnectionChange::default()
        };
        conn.purse.keep(&*self.store, with, take).await?;
        let Some(mut pending) = found else {
            return Err(Refused::State);
        };
        let began = pending.began.take().ok_or(Refused::State)?;
        Ok((pending, began))
    }

    async fn exchange(
        self: &Arc<Self>,
        conn: &Arc<Connection>,
        pending: &Pending,
        began: Began,
        back: Back,
    ) -> Result<Connected, Refused> {
        let vendor = conn.connector.name.clone();
        if pending.expires_at <= self.env.now() {
            return Err(Refused::Expired);
        }
        if !back.browser.is_some_and(|b| same(&began.browser, &b)) {
            return Err(Refused::Browser);
        }
        let code = match (back.error, back.code.filter(|c| !c.is_empty())) {
            (None, Some(code)) => code,
            (error, _) => {
                let say = error.unwrap_or_else(|| "it sent no code".into());
                let say = say.chars().take(WORDS).collect();
                return Err(Refused::Vendor { vendor, say });
            }
        };
        let token = self.exchange_code(conn, &code, &began).await;
        let token = token.map_err(|say| Refused::NoToken { vendor, say })?;
        let settings = conn.settings();
        let seen = self.caller.look(conn, &settings, &token).await;
        if let Some(other) = seen.other(conn) {
            return Err(Refused::OtherAccount(other));
        }
        let account = seen.account.clone();
        self.store_consent(conn, pending, &token).await?;
        let asked = self.wanted_scopes(conn, &pending.actions);
        let granted = seen.scopes.clone();
        let with = ConnectionChange {
            conn: conn.id.clone(),
            now: self.env.now().0,
            ..ConnectionChange::default()
        };
        seen.remember(&self.caller, conn, with).await;
        let missing =
            |granted: Vec<String>| asked.into_iter().filter(|s| !granted.contains(s)).collect();
        self.set_going(conn);
        Ok(Connected {
            connection: conn.id.clone(),
            vendor: conn.connector.name.clone(),
            account,
            missing: granted.map(missing).unwrap_or_default(),
            renews: token.refresh.is_some(),
        })
    }

    /// The code for a token; codes live a minute and work once, so this is never tried again.
    async fn exchange_code(
        &self,
        conn: &Connection,
        code: &str,
        began: &Began,
    ) -> Result<Token, String> {
        let settings = conn.settings();
        let verifier = Some(began.verifier.reveal().as_str());
        let request = conn
            .connector
            .code_request(&settings, code, &began.redirect_uri, verifier);
        let request = request.map_err(|e| e.to_string())?;
        let mut made = self
            .caller
            .send(conn, request, Purpose::Token, 1, None)
            .await;
        let token = match &made.answer {
            Ok(response) => conn
                .connector
                .read_token(&settings, response, self.env.now())
                .map_err(|e| match e {
                    AuthError::Later(_) => "it is not well just now".to_owned(),
                    AuthError::Over(say) => format!("it does not take the code ({say})"),
                    e => e.to_string(),
                }),
            Err(SendError::NotSent { .. }) => Err("it cannot be reached".into()),
            Err(SendError::MaybeSent { .. }) => Err("it did not answer in time".into()),
        };
        if token.is_err() {
            made.row.code = "AUTH-004".into();
        }
        self.caller.log(&made).await;
        token
    }

    /// Stores the token with who agreed; from then on the connection has it.
    async fn store_consent(
        &self,
        conn: &Connection,
        pending: &Pending,
        token: &Token,
    ) -> Result<(), Refused> {
        let settings = conn.settings();
        let basis = conn.connector.auth(&settings).map(|a| a.basis(&settings));
        let basis = basis.map_err(|e| Refused::NoConsent(e.to_string()))?;
        let (state, sentence) = (State::Unknown, "A new consent, not tried yet");
        let paused = conn.state().0 == State::Paused;
        let take = |held: &mut Held| {
            (held.refresh, held.refresh_expires_at) = (None, None);
            held.take(&basis, token, self.env.now());
            true
        };
        for tries in 1..=STORE_TRIES {
            let with = ConnectionChange {
                state: (!paused).then(|| (state.as_str().into(), sentence.to_owned())),
                ..self.noted(conn, &pending.by, "connected by consent", String::new())
            };
            match conn.purse.keep(&*self.store, with, take).await {
                Ok(_) => {
                    if !paused {
                        conn.set_state(state, sentence);
                    }
                    for code in ["AUTH-001", "AUTH-002", "AUTH-004", "AUTH-005", "AUTH-006"] {
                        let group = format!("{code}|{}", conn.id);
                        let _ = self.store.recovered(MAIN, group, self.env.now().0).await;
                    }
                    return Ok(());
                }
                Err(e) if tries == STORE_TRIES => return Err(e.into()),
                Err(_) => self.env.sleep(STORE_MS).await,
            }
        }
        Err(Refused::Store)
    }
}
