//! The life of a subscription: made, given another secret, tested, ended by hand, by its receiver, or because nobody is there any
//! more. A secret is shown when it is made and never again.

use super::{Refused, Wish, flow_id, number};
use crate::binding::Bound;
use crate::caller::host_of;
use crate::connection::Connection;
use crate::env::event_id;
use crate::flow::nearest::hint;
use crate::hub::Hub;
use serde_json::json;
use stagewire_model::{Event, MAIN, Micros};
use stagewire_store::{Error, Failing, SubscriptionRow, Table, WriteSet};
use std::sync::Arc;

/// This many answers in a row that there is nothing at the address …
const MISSED: i64 = 50;
/// … over at least this long end a subscription.
const MISSED_MS: i64 = 3 * 86_400_000;
/// How long the secret before the last one still signs.
const BOTH_MS: i64 = 86_400_000;
/// The code of a subscription that ended by itself.
const CODE: &str = "SUB-001";

/// Whether nobody is there any more: a long row of 404s, over days.
pub fn over(missed: i64, since: i64, now: i64) -> bool {
    missed >= MISSED && now - since >= MISSED_MS * 1000
}

impl Hub {
    /// A new subscription: its number and its signing secret, shown once.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn subscribe(
        self: &Arc<Self>,
        wish: Wish,
        by: &str,
    ) -> Result<(i64, String), Refused> {
        wish.check()?;
        if let Some(wrong) = wish
            .connections
            .iter()
            .find(|c| self.connection(c).is_none())
        {
            let known = self.connections();
            let hint = hint(wrong, known.iter().map(|c| c.id.as_str()))
                .map(|h| format!("; {h}"))
                .unwrap_or_default();
            return Err(Refused(format!("there is no connection '{wrong}'{hint}")));
        }
        let secret = crate::engine::new_secret(&*self.env);
        let id = self.store.next(Table::Subscription);
        let row = SubscriptionRow {
            id,
            ws: MAIN,
            url: wish.url,
            events: wish.events,
            fields: wish.fields,
            state: "on".into(),
            at: self.env.now().0,
            secret: secret.clone(),
            connections: wish.connections,
            owner: by.to_owned(),
            old: None,
            missed: None,
        };
        let failed = |e: Error| Refused(e.to_string());
        self.store
            .subscription_put(row, by.to_owned())
            .await
            .map_err(failed)?;
        crate::engine::reload_flows(self).await.map_err(failed)?;
        Ok((id, secret))
    }

    /// Ends a subscription; what waits for it is not sent.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn unsubscribe(
        self: &Arc<Self>,
        id: i64,
        by: &str,
        why: &str,
    ) -> Result<bool, Error> {
        let (by, why) = (by.to_owned(), why.to_owned());
        let ended = self
            .store
            .subscription_end(id, by, why, self.env.now().0)
            .await?;
        if let Some(dispatcher) = self.dispatcher(&flow_id(id)) {
            dispatcher.stop();
        }
        self.remove(&flow_id(id));
        crate::engine::reload_flows(self).await?;
        Ok(ended)
    }

    /// Another secret, and until when the one before still signs too; `None` where there is no such subscription.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn new_subscription_secret(
        self: &Arc<Self>,
        id: i64,
        by: &str,
    ) -> Result<Option<(String, Micros)>, Error> {
        let secret = crate::engine::new_secret(&*self.env);
        let now = self.env.now();
        let until = now.plus_ms(BOTH_MS);
        let changed = self
            .store
            .subscription_secret(id, secret.clone(), until.0, by.to_owned(), now.0)
            .await?;
        if !changed {
            return Ok(None);
        }
        self.refresh_subscriptions().await?;
        Ok(Some((secret, until)))
    }

    /// Secrets as they are now: a day after a change only the new one signs.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn refresh_subscriptions(&self) -> Result<(), Error> {
        for s in self.store.subscriptions(MAIN).await? {
            if let Some(dispatcher) = self.dispatcher(&flow_id(s.id)) {
                let settings = super::settings(&s, self.env.now());
                dispatcher.conn.set_settings(settings);
            }
        }
        Ok(())
    }

    /// Sends an event that says nothing but that it is a test: its action and its id; `None` where there is no such subscription.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn test_subscription(
        self: &Arc<Self>,
        id: i64,
    ) -> Result<Option<(i64, String)>, Error> {
        let found = self.store.subscriptions(MAIN).await?;
        let Some(s) = found.into_iter().find(|s| s.id == id) else {
            return Ok(None);
        };
        let (now, event) = (self.env.now(), event_id(&*self.env));
        let about = format!("subscription/{id}");
        let data = json!({"record_ref": null, "changed": [], "previous": {}, "current": {}, "late": false, "test": true});
        let test = Event {
            id: event,
            kind: "subscription.test".into(),
            connection: "local".into(),
            subject: about.clone(),
            partition: about,
            sequence: 0,
            time: now,
            observed: now,
            data: data.as_object().cloned().unwrap_or_default(),
        };
        let planned = super::plan(self, &s, &test, event.0, &Bound::default(), now);
        let Some((row, stored, body)) = planned else {
            return Ok(None);
        };
        let (action, conn) = (row.id, row.conn.clone());
        let set = WriteSet {
            ws: MAIN,
            conn: conn.clone(),
            now: now.0,
            actions: vec![row.clone()],
            bodies: vec![body],
            ..WriteSet::default()
        };
        self.store.apply(Box::new(set)).await?;
        if let Some(dispatcher) = self.dispatcher(&conn) {
            dispatcher.push(row, Some(stored));
        }
        Ok(Some((action, event.text())))
    }

    /// What an answer means for the subscription behind a destination; true where it has ended with it.
    pub(crate) async fn subscriber_answered(
        self: &Arc<Self>,
        conn: &Connection,
        answer: Answer,
    ) -> bool {
        let Some(id) = number(&conn.id) else {
            return false;
        };
        let now = self.env.now().0;
        let why = match answer {
            Answer::Gone => "it answered 410: gone for good".to_owned(),
            Answer::Well => {
                let _ = self.store.subscription_missed(id, false, now).await;
                return false;
            }
            Answer::Missing => match self.store.subscription_missed(id, true, now).await {
                Ok((missed, since)) if over(missed, since, now) => {
                    format!(
                        "it answered 404 {missed} times and nothing else since {}",
                        Micros(since).text()
                    )
                }
                _ => return false,
            },
        };
        let cause = format!(
            "subscription {id} was removed: {} is not there any more ({why}); subscribe again if that was a mistake",
            host_of(conn.spec.base_url.as_deref().unwrap_or_default())
        );
        match self.unsubscribe(id, "the receiver", &why).await {
            Ok(true) => {}
            Ok(false) => return true, // another answer has ended it
            Err(e) => {
                tracing::error!(subscription.id = id, cause = %e, "a subscription could not be ended; its next answer will");
                return false;
            }
        }
        let failing = Failing {
            ws: MAIN,
            group_key: format!("{CODE}|{}", conn.id),
            code: CODE.into(),
            conn: Some(conn.id.clone()),
            flow: None,
            cause,
            owner: conn.spec.owner.clone(),
            at: now,
            item: Some(("subscription".into(), id)),
        };
        if let Err(e) = self.store.fail(vec![failing]).await {
            tracing::error!(subscription.id = id, cause = %e, "the end of a subscription could not be told");
        }
        self.failed.notify_one();
        true
    }
}

/// What a subscriber's answer says of the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It took the event.
    Well,
    /// 404: nothing is at the address, now.
    Missing,
    /// 410: nothing will be.
    Gone,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_404s_ends_a_subscription_only_when_it_is_long_and_old() {
        let day = 86_400_000_000;
        assert!(over(50, 0, 3 * day));
        assert!(!over(49, 0, 30 * day), "too few");
        assert!(!over(5_000, 0, 3 * day - 1), "a bad afternoon");
    }
}
