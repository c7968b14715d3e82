//! One mint, from the request to a token that is stored and known. A refresh token that works once is marked as used before it is
//! sent: an answer that was lost is asked for once more, and then a person must agree again.

use super::purse::Begun;
use super::{NoToken, Over};
use crate::caller::{Caller, Purpose};
use crate::connection::Connection;
use stagewire_connector::{AuthError, Request, SendError, Settings, Token};
use stagewire_model::{Micros, Secret};
use stagewire_store::ConnectionChange;
use std::sync::Arc;

/// Pause before a renewal is sent once more, and before anything that was not answered is tried again.
const ONCE_MORE_MS: i64 = 30_000;
const RETRY_MS: i64 = 5_000;
/// A refusal that may be a mistake of the moment is asked again after this time.
const DENIED_MS: i64 = 300_000;
/// A renewal that works once is sent this often at most.
const SENDS: u32 = 2;
/// A token that cannot be stored is tried again after this time.
const STORE_MS: u64 = 500;

/// Mints, and tells who waits.
pub(super) async fn fly(caller: Arc<Caller>, conn: Arc<Connection>, begun: Begun) {
    let settings = conn.settings();
    let whole = conn
        .connector
        .auth(&settings)
        .map(|a| a.whole(&settings))
        .unwrap_or_default();
    let answer = mint(&caller, &conn, &settings, &whole).await;
    let now = caller.env.now();
    conn.purse.land(begun, &whole, answer, (now, DENIED_MS));
}

async fn mint(
    caller: &Caller,
    conn: &Connection,
    settings: &Settings,
    whole: &str,
) -> Result<Secret<String>, NoToken> {
    let auth = conn.connector.auth(settings);
    let auth = auth.map_err(|e| NoToken::Denied(e.to_string()))?;
    let (basis, rules) = (auth.basis(settings), auth.rules());
    let single_use = rules.is_some_and(|r| r.single_use);
    let held = conn.purse.held();
    let mine = held.of(&basis);
    let refresh = mine.and_then(|h| h.refresh.clone());
    let renewal = refresh
        .as_ref()
        .and_then(|r| conn.connector.renewal(settings, r.reveal()));
    let Some(request) = renewal.or_else(|| conn.connector.token_request(settings)) else {
        let say = match mine {
            Some(_) => {
                "its access has ended and the vendor gave nothing to renew it with; connect it again"
            }
            None => "nobody has agreed to it yet; connect it",
        };
        return Err(NoToken::Consent(say.into()));
    };
    let unheard = mine.map_or(0, |h| h.unheard);
    let job = Job {
        caller,
        conn,
        basis: &basis,
        whole,
        refresh: refresh.as_ref(),
    };
    if single_use {
        if unheard >= SENDS {
            return Err(job.lost().await);
        }
        job.mark(unheard + 1).await?;
    }
    let (answer, now) = job.send(settings, request).await;
    match answer {
        Ok(token) => job.store(settings, token, now).await,
        Err(Unsaid::NotSent) => {
            job.unmark(single_use, unheard).await;
            Err(NoToken::Later(RETRY_MS))
        }
        Err(Unsaid::Lost) if single_use && unheard + 1 >= SENDS => Err(job.lost().await),
        Err(Unsaid::Lost) if single_use => Err(NoToken::Later(ONCE_MORE_MS)),
        Err(Unsaid::Lost) => Err(NoToken::Later(RETRY_MS)),
        Err(Unsaid::Said(AuthError::Later(wait_ms))) => {
            job.unmark(single_use, unheard).await;
            Err(NoToken::Later(wait_ms.unwrap_or(RETRY_MS).max(1_000)))
        }
        Err(Unsaid::Said(AuthError::Over(said))) => {
            let say = match unheard {
                0 => format!("the vendor no longer renews its access ({said}); connect it again"),
                _ => format!(
                    "the answer to its last renewal was lost, and the vendor does not renew it again ({said}); connect it again"
                ),
            };
            Err(job.over(say).await)
        }
        Err(Unsaid::Said(e)) => {
            job.unmark(single_use, unheard).await;
            Err(NoToken::Denied(e.to_string()))
        }
    }
}

/// Why a mint brought nothing.
enum Unsaid {
    NotSent,
    Lost,
    Said(AuthError),
}

struct Job<'a> {
    caller: &'a Caller,
    conn: &'a Connection,
    basis: &'a str,
    whole: &'a str,
    refresh: Option<&'a Secret<String>>,
}

impl Job<'_> {
    fn change(&self) -> ConnectionChange {
        ConnectionChange {
            conn: self.conn.id.clone(),
            now: self.caller.env.now().0,
            ..ConnectionChange::default()
        }
    }

    /// Whether what is held is still what this mint began with: a new consent may have come between.
    fn is_mine(&self, held: &super::Held) -> bool {
        match held.of(self.basis) {
            Some(held) => held.refresh.as_ref() == self.refresh,
            None => self.refresh.is_none(),
        }
    }

    /// Notes, before it is sent, that the refresh token is being used.
    async fn mark(&self, unheard: u32) -> Result<(), NoToken> {
        let mark = |held: &mut super::Held| {
            let mine = self.is_mine(held);
            if mine {
                held.turn_to(self.basis);
                held.unheard = unheard;
            }
            mine
        };
        let (store, purse) = (&*self.caller.store, &self.conn.purse);
        match purse.keep(store, self.change(), mark).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NoToken::Later(1_000)),
            Err(e) => {
                tracing::error!(connection.id = %self.conn.id, cause = %e, "a renewal could not be noted and is not sent");
                Err(NoToken::Later(RETRY_MS))
            }
        }
    }

    /// It was answered, or never left: it does not count.
    async fn unmark(&self, marked: bool, before: u32) {
        if marked {
            let _ = self.mark(before).await;
        }
    }

    async fn send(&self, settings: &Settings, request: Request) -> (Result<Token, Unsaid>, Micros) {
        let mut made = self
            .caller
            .send(self.conn, request, Purpose::Token, 1, None)
            .await;
        let now = self.caller.env.now();
        let answer = match &made.answer {
            Ok(response) => self
                .conn
                .connector
                .read_token(settings, response, now)
                .map_err(Unsaid::Said),
            Err(SendError::NotSent { .. }) => Err(Unsaid::NotSent),
            Err(SendError::MaybeSent { .. }) => Err(Unsaid::Lost),
        };
        made.row.code = match &answer {
            Ok(_) => "",
            Err(Unsaid::Said(AuthError::Over(_))) => "AUTH-004",
            Err(Unsaid::Said(_)) => "AUTH-001",
            Err(Unsaid::NotSent) => "NET-001",
            Err(Unsaid::Lost) => "NET-002",
        }
        .into();
        self.caller.log(&made).await;
        (answer, now)
    }

    /// Stores the token, until it is stored; only then may it be used.
    async fn store(
        &self,
        settings: &Settings,
        token: Token,
        now: Micros,
    ) -> Result<Secret<String>, NoToken> {
        loop {
            let take = |held: &mut super::Held| {
                let mine = self.is_mine(held);
                if mine {
                    held.take(self.basis, &token, now);
                }
                mine
            };
            let (store, purse) = (&*self.caller.store, &self.conn.purse);
            match purse.keep(store, self.change(), take).await {
                Ok(true) => break,
                Ok(false) => return Err(NoToken::Later(1_000)),
                Err(e) => {
                    tracing::error!(connection.id = %self.conn.id, cause = %e, "a new token could not be stored and is not used; trying again");
                    self.caller.env.sleep(STORE_MS).await;
                }
            }
        }
        let seen = self.caller.look(self.conn, settings, &token).await;
        self.learn(seen).await?;
        Ok(token.access)
    }

    /// What was granted, and whose it is.
    async fn learn(&self, seen: Seen) -> Result<(), NoToken> {
        if let Some(other) = seen.other(self.conn) {
            let drop_it = |held: &mut super::Held| {
                held.access = Secret::default();
                true
            };
            let (store, purse) = (&*self.caller.store, &self.conn.purse);
            let _ = purse.keep(store, self.change(), drop_it).await;
            return Err(NoToken::OtherAccount(other));
        }
        seen.remember(self.caller, self.conn, self.change()).await;
        Ok(())
    }

    async fn lost(&self) -> NoToken {
        self.over("the answer to its renewal was lost twice; connect it again".into())
            .await
    }

    /// Over for good, and noted, so that nobody asks again.
    async fn over(&self, say: String) -> NoToken {
        let end = |held: &mut super::Held| {
            let mine = self.is_mine(held);
            if mine {
                held.turn_to(self.basis);
                held.over = Some(Over {
                    whole: self.whole.to_owned(),
                    say: say.clone(),
                });
            }
            mine
        };
        let (store, purse) = (&*self.caller.store, &self.conn.purse);
        if let Err(e) = purse.keep(store, self.change(), end).await {
            tracing::error!(connection.id = %self.conn.id, cause = %e, "the end of a consent could not be stored");
        }
        NoToken::Consent(say)
    }
}

/// What a vendor says of a token.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) account: Option<String>,
}

impl Seen {
    /// What is wrong where it belongs to another account than the connection's.
    pub(crate) fn other(&self, conn: &Connection) -> Option<String> {
        let theirs = self.account.as_ref().filter(|a| !conn.is_account(a))?;
        let ours = conn.account().unwrap_or_default();
        Some(format!(
            "the credentials belong to the account {theirs}, but this connection holds records of {ours}"
        ))
    }

    /// Keeps it with the connection.
    pub(crate) async fn remember(self, caller: &Caller, conn: &Connection, with: ConnectionChange) {
        let with = ConnectionChange {
            account: self.account.clone(),
            ..with
        };
        let (scopes, first) = (self.scopes.clone(), conn.account().is_none());
        let keep = |held: &mut super::Held| {
            let new = held.scopes != scopes;
            held.scopes.clone_from(&scopes);
            new || (first && self.account.is_some())
        };
        if let Err(e) = conn.purse.keep(&*caller.store, with, keep).await {
            tracing::warn!(connection.id = %conn.id, cause = %e, "what a token may do could not be stored");
        }
        if let Some(account) = &self.account {
            conn.pin_account(account);
        }
        if let Some(scopes) = self.scopes {
            conn.set_granted(scopes);
        }
    }
}

impl Caller {
    /// What the vendor says of a token: in its answer, or when asked. A look that is not answered tells nothing.
    pub(crate) async fn look(&self, conn: &Connection, settings: &Settings, token: &Token) -> Seen {
        let mut seen = Seen {
            scopes: token.scopes.clone(),
            account: token.account.clone(),
        };
        let access = token.access.reveal();
        if let Some(request) = conn.connector.introspect_request(settings, access) {
            let made = self.send(conn, request, Purpose::Token, 1, None).await;
            self.log(&made).await;
            let told = made
                .answer
                .ok()
                .and_then(|r| conn.connector.read_introspected(settings, &r));
            if let Some(told) = told {
                seen.scopes = told.scopes.or(seen.scopes);
                seen.account = told.account.or(seen.account);
            }
        }
        seen
    }
}
