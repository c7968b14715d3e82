//! Looking at the destination: before a `compare` is sent, and whether something that may have happened did. Sends no write.

use super::decide::{Decision, Look, after_look};
use super::decision::{ended, network, parked, refused, waiting};
use super::line::Entry;
use super::{Dispatcher, Loaded, Stored};
use crate::caller::Purpose;
use stagewire_connector::{Compared, Found, Outcome, Response, StoredRequest};
use stagewire_model::{ActionState, Micros, OnceKind};
use std::sync::Arc;

/// A look follows at most this many pages.
const LOOK_PAGES: usize = 20;

impl Dispatcher {
    /// Whether a look-up or a look was answered; what else its answer means for the action.
    pub(super) async fn understood(
        &self,
        response: &Response,
        what: &str,
        now: Micros,
    ) -> Result<(), Box<Decision>> {
        let decision = match self.conn.connector.classify_read(response, now) {
            Outcome::Done { .. } | Outcome::AlreadyThere => return Ok(()),
            Outcome::MissingScope { say } => parked("AUTH-003", &say),
            Outcome::RateLimited { wait_ms } => {
                let until = now.plus_ms(wait_ms);
                self.conn.budget.block(until);
                waiting(until, "the vendor said: not so fast")
            }
            Outcome::AuthLost { say } => {
                self.needs_you("AUTH-002", &say).await;
                refused(now)
            }
            Outcome::Refused { code, say, .. } => parked(&code, &say),
            Outcome::Gone { say } => parked("CALL-410", &say),
            Outcome::TryLater { .. } | Outcome::Unclear { .. } => {
                let say = format!("looking for {what} was answered {}", response.status);
                waiting(now.plus_ms(5_000), &say)
            }
        };
        Err(Box::new(decision))
    }

    /// `compare`: read before the first send. The version read is kept with the claim.
    pub(super) async fn compare_first(
        &self,
        entry: &Entry,
        loaded: &Loaded,
        stored: &Stored,
    ) -> Result<Option<String>, Box<Decision>> {
        let (OnceKind::Compare, Stored::Request { request, .. }, false) =
            (entry.once, stored, loaded.row.maybe)
        else {
            return Ok(None);
        };
        let now = self.hub.env.now();
        let Some(answer) = self.probe(loaded, request, now).await? else {
            return Ok(None);
        };
        match self.conn.connector.compare(request, &answer) {
            Compared::Done => Err(Box::new(ended(
                ActionState::AlreadyThere,
                "it was so already",
                entry,
            ))),
            Compared::Other { version, .. } => Ok(version),
            Compared::Unreadable => Err(Box::new(parked(
                "CALL-409",
                "the record could not be read before changing it",
            ))),
        }
    }

    /// Looks whether an unsure action has happened.
    pub(super) async fn look(self: &Arc<Self>, entry: Entry, loaded: Arc<Loaded>) {
        let about = self.about(&entry, &loaded, false);
        let held = match self.held_request(&loaded).await {
            Ok(held) => self.ready(&loaded, held).await,
            Err(d) => Err(d),
        };
        let found = match held {
            Err(_) => Look::Cannot,
            Ok(_) if matches!(entry.once, OnceKind::Ledger | OnceKind::NativeKey) => Look::Cannot,
            Ok(Stored::Request { request, .. }) => {
                match self.probe(&loaded, &request, Micros(loaded.row.made)).await {
                    Err(d) => Look::Failed(d.reason.unwrap_or_else(|| "the look failed".into())),
                    Ok(None) => Look::Cannot,
                    Ok(Some(answer)) => self.judge(&entry, &loaded, &request, &answer),
                }
            }
            Ok(Stored::Draft(_)) => Look::Cannot,
        };
        let looks = {
            let mut looks = self
                .looks
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let n = looks.entry(entry.id).or_insert(0);
            *n += i64::from(matches!(found, Look::Failed(_)));
            *n - 1
        };
        let decision = after_look(
            &about,
            found,
            loaded.row.quiet_until.map(Micros),
            looks.max(0),
            &*self.hub.env,
        );
        if decision.to != ActionState::Unsure {
            self.looks
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .remove(&entry.id);
        }
        self.settle(
            &entry,
            &loaded,
            entry.state,
            entry.attempt,
            decision,
            Vec::new(),
            Vec::new(),
        )
        .await;
    }

    pub(super) fn judge(
        &self,
        entry: &Entry,
        loaded: &Loaded,
        request: &StoredRequest,
        answer: &Response,
    ) -> Look {
        if entry.once == OnceKind::Compare {
            return match self.conn.connector.compare(request, answer) {
                Compared::Done => Look::Found(None),
                Compared::Other { version, .. }
                    if version.is_some() && version == loaded.row.seen_version =>
                {
                    Look::NotThere
                }
                Compared::Other { .. } => Look::Moved,
                Compared::Unreadable => Look::Failed("the answer cannot be read".into()),
            };
        }
        match self.conn.connector.found(request, answer) {
            Found::Yes { remote_id } => Look::Found(remote_id),
            Found::No => Look::NotThere,
            Found::Unreadable => Look::Failed("the answer cannot be read".into()),
        }
    }

    /// Asks the vendor, following pages until it is found or there are no more; the last answer.
    pub(super) async fn probe(
        &self,
        loaded: &Loaded,
        stored: &StoredRequest,
        from: Micros,
    ) -> Result<Option<Response>, Box<Decision>> {
        let settings = self.conn.settings();
        let now = self.hub.env.now();
        let mut request = self.conn.connector.probe(stored, &settings, from, now);
        let mut last = None;
        for _ in 0..LOOK_PAGES {
            let Some(asked) = request.take() else { break };
            let token = self.token(None).await?;
            let sent = self
                .conn
                .connector
                .authorize(asked.clone(), &settings, token.as_deref())
                .map_err(|e| Box::new(parked("CONFIG-001", &e.to_string())))?;
            let made = self
                .hub
                .caller
                .send(
                    &self.conn,
                    sent,
                    Purpose::Look(loaded.row.id),
                    loaded.row.attempt,
                    loaded.row.person,
                )
                .await;
            self.hub.caller.log(&made).await;
            let response = made.answer.map_err(|e| Box::new(network(&e, now)))?;
            self.understood(&response, "it", now).await?;
            if matches!(
                self.conn.connector.found(stored, &response),
                Found::Yes { .. }
            ) {
                return Ok(Some(response));
            }
            request = self
                .conn
                .connector
                .next_probe_page(stored, &asked, &response)
                .unwrap_or(None);
            last = Some(response);
        }
        Ok(last)
    }
}
