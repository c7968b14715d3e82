//! One action's turn: claim, send, and write down what became of it. What may have happened before is looked for first.

use super::decide::{About, Beyond, Decision, after_write, again};
use super::decision::{ended, parked, waits};
use super::line::{Entry, Result as Landed};
use super::{Dispatcher, Loaded, Stored};
use crate::caller::Purpose;
use crate::connection::State;
use crate::guards::NotNow;
use crate::subscribe::Answer;
use stagewire_model::{ActionState, MAIN, OnceKind};
use stagewire_store::{CallRow, Claim, Claimed, ConnectionChange};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How long a hold waits for a person.
const HOLD_MS: i64 = 7 * 86_400_000;

/// A request that can be claimed.
struct Ready {
    stored: Stored,
    shown: [u8; 32],
    fresh: bool,
    seen: Option<String>,
}

impl Dispatcher {
    pub(super) async fn turn(self: &Arc<Self>, entry: Entry, free: bool) {
        let Some(loaded) = self.loaded(&entry).await else {
            return self.release(&entry, waits(&entry, self.hub.env.now()), None);
        };
        let looks = matches!(
            entry.once,
            OnceKind::Marker | OnceKind::Compare | OnceKind::Ledger
        );
        if (entry.state == ActionState::Unsure && looks) || self.forgotten(&entry, &loaded) {
            return self.look(entry, loaded).await;
        }
        let ready = match self.make_ready(&entry, &loaded).await {
            Ok(ready) => ready,
            Err(decision) => return self.put_off(&entry, &loaded, *decision).await,
        };
        if let (Some(key), None) = (ready.stored.limit_key(), &entry.limit_key) {
            // only now it is known what the vendor also counts by: back into the line, for a slot under that key
            let known = Loaded {
                row: loaded.row.clone(),
                stored: Some(Arc::new(ready.stored)),
                fresh: ready.fresh,
                shown: Some(ready.shown),
            };
            self.rows().insert(entry.id, Arc::new(known));
            self.line().counts_by(entry.id, &entry.key, key);
            return self.release(&entry, waits(&entry, self.hub.env.now()), None);
        }
        let body = ready
            .fresh
            .then(|| self.seal_request(&loaded, &ready.stored));
        let facts = match self.hub.guards.facts(&self.hub, &loaded.row).await {
            Ok(facts) => facts,
            Err(NotNow::Blocked(reason)) => {
                let blocked = ended(ActionState::Skipped, &reason, &entry);
                return self.put_off(&entry, &loaded, blocked).await;
            }
            Err(NotNow::Unknown) => {
                let later = self.hub.env.now().plus_ms(1_000);
                return self.release(&entry, waits(&entry, later), None);
            }
        };
        let now = self.hub.env.now();
        let claim = Claim {
            action: entry.id,
            from: entry.state,
            attempt: entry.attempt,
            facts,
            seen_version: ready.seen,
            shown_hash: ready.shown,
            hold: (
                self.hub.owner_of(&loaded.row.flow, &self.conn.spec.owner),
                now.plus_ms(HOLD_MS).0,
                now.0,
            ),
            request: body,
        };
        match self.claim(claim).await {
            Claimed::Go => {
                let loaded = Arc::new(Loaded {
                    row: loaded.row.clone(),
                    stored: Some(Arc::new(ready.stored)),
                    fresh: false,
                    shown: Some(ready.shown),
                });
                self.rows().insert(entry.id, loaded.clone());
                let entry = Entry {
                    attempt: entry.attempt + 1,
                    ..entry
                };
                self.send_claimed(entry, loaded, free).await;
            }
            Claimed::Facts => self.release(&entry, waits(&entry, now), None),
            Claimed::Moved => {
                // somebody changed it meanwhile: what it is now decides
                self.release(&entry, Landed::Ended, None);
                if let Ok(Some(row)) = self.store().action(entry.id).await {
                    self.take_in(row, None);
                }
                self.hub.run_moved(loaded.row.run);
            }
            Claimed::WouldHave | Claimed::Blocked | Claimed::Held => {
                self.release(&entry, Landed::Ended, None);
                self.hub.run_moved(loaded.row.run);
            }
        }
    }

    /// It may have happened, and the receiver no longer knows our key: only a person can tell.
    fn forgotten(&self, entry: &Entry, loaded: &Loaded) -> bool {
        if !loaded.row.maybe || entry.once != OnceKind::NativeKey {
            return false;
        }
        let settings = self.conn.settings();
        let action = self
            .conn
            .connector
            .action(action_name(&loaded.row.uses), &settings);
        let remembers = action.and_then(|a| a.once.remembers_ms);
        remembers.is_some_and(|ms| self.hub.env.now().0 - loaded.row.made > ms * 1000)
    }

    /// The request, ready to be sent, and what a person would have seen of it.
    async fn make_ready(&self, entry: &Entry, loaded: &Loaded) -> Result<Ready, Box<Decision>> {
        let held = self.held_request(loaded).await?;
        let shown = loaded
            .shown
            .unwrap_or_else(|| crate::planner::shown_hash(&held));
        let was_draft = matches!(held, Stored::Draft(_));
        let stored = self.ready(loaded, held).await?;
        let seen = self.compare_first(entry, loaded, &stored).await?;
        Ok(Ready {
            stored,
            shown,
            fresh: loaded.fresh || was_draft,
            seen,
        })
    }

    /// Something kept it from being claimed: what may have happened stays so, and what keeps failing is told.
    pub(super) async fn put_off(
        self: &Arc<Self>,
        entry: &Entry,
        loaded: &Arc<Loaded>,
        decision: Decision,
    ) {
        let mut d = Decision {
            maybe: loaded.row.maybe,
            tries: entry.tries,
            ..decision
        };
        if d.to == ActionState::Later && d.blocked.is_none() && d.beyond == Beyond::Nothing {
            let now = self.hub.env.now();
            let about = About {
                first_fail: entry.first_fail.or(Some(now)),
                ..self.about(entry, loaded, false)
            };
            let wait = d.due.map(|t| (t.0 - now.0) / 1000);
            let say = d.reason.clone().unwrap_or_default();
            d = again(&about, &*self.hub.env, wait, ("NET-001".into(), say));
        }
        if d.to == ActionState::Skipped && d.maybe {
            let say = "its time is over and nobody can tell whether it happened".to_owned();
            d = Decision {
                to: ActionState::Parked,
                failure: Some(("UNSURE-001".into(), say)),
                ..d
            };
        }
        self.settle(
            entry,
            loaded,
            entry.state,
            entry.attempt,
            d,
            Vec::new(),
            Vec::new(),
        )
        .await;
    }

    pub(super) async fn loaded(&self, entry: &Entry) -> Option<Arc<Loaded>> {
        let held = self.rows().get(&entry.id).cloned();
        if held.is_some() {
            return held;
        }
        let row = self.store().action(entry.id).await.ok().flatten()?;
        Some(Arc::new(Loaded {
            row,
            stored: None,
            fresh: false,
            shown: None,
        }))
    }

    /// Sends what is committed as claimed; `entry.attempt` is this attempt.
    pub(super) async fn send_claimed(
        self: &Arc<Self>,
        entry: Entry,
        loaded: Arc<Loaded>,
        free: bool,
    ) {
        let Some(Stored::Request { request, .. }) = loaded.stored.as_deref() else {
            return self.release(&entry, Landed::Ended, None);
        };
        let mut calls = Vec::new();
        let mut bodies = Vec::new();
        let mut stale = None;
        let about = self.about(&entry, &loaded, free);
        let decision = loop {
            let token = match self.token(stale.as_deref()).await {
                Ok(token) => token,
                Err(d) => {
                    break Decision {
                        tries: entry.tries,
                        maybe: loaded.row.maybe,
                        ..*d
                    };
                }
            };
            let now = self.hub.env.now();
            let prepared = match self.conn.connector.prepare(
                request,
                &self.conn.settings(),
                token.as_deref(),
                now,
            ) {
                Ok(p) => p,
                Err(e) => {
                    break Decision {
                        maybe: loaded.row.maybe,
                        ..parked("CONFIG-001", &e.to_string())
                    };
                }
            };
            let made = self
                .hub
                .caller
                .send(
                    &self.conn,
                    prepared,
                    Purpose::Action(entry.id),
                    entry.attempt,
                    loaded.row.person,
                )
                .await;
            let Some(action) = self.conn.connector.action_of(request) else {
                break parked("CONFIG-001", "the connector has no such action any more");
            };
            let outcome = made
                .answer
                .as_ref()
                .map(|r| self.conn.connector.classify(action, r, self.hub.env.now()));
            let decision = after_write(&about, outcome, &*self.hub.env);
            let mut row = made.row;
            row.code = decision
                .failure
                .as_ref()
                .map(|f| f.0.clone())
                .unwrap_or_default();
            calls.push(row);
            bodies.extend(made.bodies);
            match &decision.beyond {
                // the request was refused before it did anything: one new token, one more try
                Beyond::Auth(_) if stale.is_none() && token.is_some() => {
                    stale = token;
                }
                Beyond::Auth(say) => {
                    self.needs_you("AUTH-002", say).await;
                    break decision;
                }
                Beyond::Gone(say) if crate::subscribe::number(&self.conn.id).is_none() => {
                    self.set_state(State::Paused, &format!("Paused: {say}"))
                        .await;
                    break decision;
                }
                Beyond::Gone(_) => break decision,
                Beyond::Nothing => break decision,
            }
        };
        let decision = self.heard_from(&entry, &calls, decision).await;
        if let Some(until) = decision.blocked {
            self.conn.budget.block(until);
            let change = ConnectionChange {
                ws: MAIN,
                conn: self.conn.id.clone(),
                blocked_until: Some(Some(until.0)),
                now: until.0,
                ..Default::default()
            };
            let _ = self.store().connection_put(change).await;
        }
        self.settle(
            &entry,
            &loaded,
            ActionState::Claimed,
            entry.attempt,
            decision,
            calls,
            bodies,
        )
        .await;
    }

    /// What the answer says of a subscriber; with one that is gone its subscription ends, and this action with it.
    async fn heard_from(
        self: &Arc<Self>,
        entry: &Entry,
        calls: &[CallRow],
        decision: Decision,
    ) -> Decision {
        let answer = match calls.last().map(|c| c.status) {
            Some(410) => Answer::Gone,
            Some(404) => Answer::Missing,
            Some(200..300) if self.missed.load(Ordering::Relaxed) => Answer::Well,
            _ => return decision,
        };
        self.missed
            .store(answer == Answer::Missing, Ordering::Relaxed);
        match self.hub.subscriber_answered(&self.conn, answer).await {
            true => ended(
                ActionState::Skipped,
                "its subscription ended: nobody is there any more",
                entry,
            ),
            false => decision,
        }
    }

    pub(super) fn about(&self, entry: &Entry, loaded: &Loaded, free: bool) -> About {
        let settings = self.conn.settings();
        let quiet_ms = self
            .conn
            .connector
            .action(action_name(&loaded.row.uses), &settings)
            .map_or(10_000, |a| a.once.quiet_ms);
        About {
            once: entry.once,
            tries: entry.tries,
            maybe: loaded.row.maybe,
            first_fail: entry.first_fail,
            quiet_ms,
            free,
        }
    }

    async fn claim(&self, claim: Claim) -> Claimed {
        match self.store().claim(vec![claim]).await {
            Ok(mut answers) => answers.pop().unwrap_or(Claimed::Moved),
            Err(e) => {
                tracing::error!(connection.id = %self.conn.id, cause = %e, "an action could not be claimed and is not sent");
                self.hub.env.sleep(500).await;
                Claimed::Facts
            }
        }
    }
}

/// `acme.message.post` → `message.post`.
pub(crate) fn action_name(uses: &str) -> &str {
    uses.split_once('.').map_or(uses, |(_, name)| name)
}
