//! What a request needs before it can be sent: its stored form, the names that must be looked up, a token. A failure here is a
//! decision about the action, never an effect.

use super::decide::Decision;
use super::decision::{network, parked, refused, waiting};
use super::send::action_name;
use super::{Dispatcher, Loaded, Stored};
use crate::caller::Purpose;
use crate::token::NoToken;
use stagewire_connector::{Lookup, RenderError};
use stagewire_model::MAIN;
use stagewire_store::{Class, Error, SealedBody, Table};
use std::collections::BTreeMap;

/// How long a looked-up name is believed.
const LOOKUP_MS: i64 = 3_600_000;

impl Dispatcher {
    /// The request as it is stored, or in hand.
    pub(super) async fn held_request(&self, loaded: &Loaded) -> Result<Stored, Box<Decision>> {
        if let Some(s) = &loaded.stored {
            return Ok((**s).clone());
        }
        let gone = "the stored request cannot be read any more; replay it to render it again";
        let Some(id) = loaded.row.request else {
            return Err(Box::new(parked("DATA-001", gone)));
        };
        match self.store().body(id).await {
            Ok(body) => {
                serde_json::from_slice(&body).map_err(|_| Box::new(parked("DATA-001", gone)))
            }
            Err(Error::NotFound(_) | Error::Sealed(..)) => Err(Box::new(parked("DATA-001", gone))),
            Err(_) => {
                let later = self.hub.env.now().plus_ms(1_000);
                Err(Box::new(waiting(later, "the database could not be read")))
            }
        }
    }

    /// The request, rendered: its names looked up where needed.
    pub(super) async fn ready(
        &self,
        loaded: &Loaded,
        stored: Stored,
    ) -> Result<Stored, Box<Decision>> {
        let Stored::Draft(draft) = &stored else {
            return Ok(stored);
        };
        let (connector, settings, granted) = (
            &self.conn.connector,
            self.conn.settings(),
            self.conn.granted(),
        );
        let name = action_name(&loaded.row.uses);
        let mut resolved = BTreeMap::new();
        for _ in 0..8 {
            match draft.render(connector, name, &settings, granted.as_deref(), &resolved) {
                Ok(r) => {
                    return Ok(Stored::Request {
                        request: r.request,
                        limit_key: r.limit_key,
                    });
                }
                Err(RenderError::Needs(lookups)) => {
                    for lookup in lookups {
                        let found = self.look_up(&lookup).await?;
                        resolved.insert(lookup, found);
                    }
                }
                Err(e) => return Err(Box::new(parked("EXPR-001", &e.to_string()))),
            }
        }
        Err(Box::new(parked(
            "EXPR-001",
            "the names in this step need too many look-ups",
        )))
    }

    /// The vendor's id of a name, cached for an hour.
    pub(super) async fn look_up(&self, lookup: &Lookup) -> Result<String, Box<Decision>> {
        let now = self.hub.env.now();
        let (conn, name, value) = (
            self.conn.id.clone(),
            lookup.name.clone(),
            lookup.value.clone(),
        );
        if let Ok(Some(found)) = self
            .store()
            .lookup(conn.clone(), name.clone(), value.clone(), now.0)
            .await
        {
            return Ok(found);
        }
        let settings = self.conn.settings();
        let mut request = self.conn.connector.lookup_request(lookup, &settings);
        let mut pages = 0;
        while let Some(asked) = request.take() {
            let token = self.token(None).await?;
            let sent = self
                .conn
                .connector
                .authorize(asked.clone(), &settings, token.as_deref())
                .map_err(|e| Box::new(parked("CONFIG-001", &e.to_string())))?;
            let made = self
                .hub
                .caller
                .send(&self.conn, sent, Purpose::Check, 1, None)
                .await;
            self.hub.caller.log(&made).await;
            let response = made.answer.map_err(|e| Box::new(network(&e, now)))?;
            self.understood(&response, &lookup.name, now).await?;
            if let Some(found) = self.conn.connector.pick(lookup, &response) {
                let _ = self
                    .store()
                    .lookup_put(conn, name, value, found.clone(), now.plus_ms(LOOKUP_MS).0)
                    .await;
                return Ok(found);
            }
            pages += 1;
            request = if pages < 100 {
                self.conn
                    .connector
                    .next_lookup_page(lookup, &asked, &response)
                    .ok()
                    .flatten()
            } else {
                None
            };
        }
        Err(Box::new(parked(
            "CALL-404",
            &format!(
                "{} '{}' is not found at {}",
                lookup.name, lookup.value, self.conn.connector.name
            ),
        )))
    }

    pub(super) async fn token(&self, stale: Option<&str>) -> Result<Option<String>, Box<Decision>> {
        match self.hub.caller.token(&self.conn, stale).await {
            Ok(token) => Ok(token.map(|t| t.reveal().clone())),
            Err(NoToken::Later(ms)) => Err(Box::new(waiting(
                self.hub.env.now().plus_ms(ms),
                "waiting for a token",
            ))),
            Err(no) => {
                if let Some((code, say)) = no.words() {
                    self.needs_you(code, &say).await;
                }
                Err(Box::new(refused(self.hub.env.now())))
            }
        }
    }

    pub(super) fn seal_request(&self, loaded: &Loaded, stored: &Stored) -> SealedBody {
        let plain = serde_json::to_vec(stored).unwrap_or_default();
        let (keys, id, now) = (
            self.store().keys(),
            self.store().next(Table::Body),
            self.hub.env.now(),
        );
        SealedBody::new(
            keys,
            id,
            MAIN,
            Class::Request,
            now.0,
            loaded.row.person,
            &plain,
        )
    }
}
