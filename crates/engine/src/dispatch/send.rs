//! One action's turn: look where it may have happened, claim, send, and write down what became of it. An answer that cannot be
//! written down is kept and tried again: it is never thrown away.

use super::decide::{About, Beyond, Decision, Look, after_look, after_write};
use super::line::{Entry, Result as Landed};
use super::{Dispatcher, Loaded, Stored};
use crate::caller::Purpose;
use crate::connection::State;
use crate::token::NoToken;
use stagewire_connector::{
    Compared, Found, Lookup, Outcome, RenderError, Response, SendError, StoredRequest,
};
use stagewire_model::{ActionState, MAIN, Micros, OnceKind};
use stagewire_store::{
    CallRow, Claim, Claimed, Class, ConnectionChange, Failing, SealedBody, Settle, Table,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A look follows at most this many pages.
const LOOK_PAGES: usize = 20;
/// How long a looked-up name is believed.
const LOOKUP_MS: i64 = 3_600_000;

impl Dispatcher {
    pub(super) async fn turn(self: &Arc<Self>, entry: Entry, free: bool) {
        let Some(loaded) = self.loaded(&entry).await else {
            return self.release(&entry, Landed::Ended, None);
        };
        let looks = matches!(
            entry.once,
            OnceKind::Marker | OnceKind::Compare | OnceKind::Ledger
        );
        if entry.state == ActionState::Unsure && looks {
            return self.look(entry, loaded).await;
        }
        let stored = match self.ready(&loaded).await {
            Ok(stored) => stored,
            Err(decision) => {
                return self
                    .settle(
                        &entry,
                        &loaded,
                        entry.state,
                        entry.attempt,
                        *decision,
                        Vec::new(),
                        Vec::new(),
                    )
                    .await;
            }
        };
        let seen = match self.compare_first(&entry, &loaded, &stored).await {
            Ok(seen) => seen,
            Err(decision) => {
                return self
                    .settle(
                        &entry,
                        &loaded,
                        entry.state,
                        entry.attempt,
                        *decision,
                        Vec::new(),
                        Vec::new(),
                    )
                    .await;
            }
        };
        let was_draft = loaded
            .stored
            .as_deref()
            .is_none_or(|s| matches!(s, Stored::Draft(_)));
        let fresh = loaded.fresh || was_draft;
        if let (Some(key), None) = (stored.limit_key(), &entry.limit_key) {
            // only now it is known what the vendor also counts by: back into the line, for a slot under that key
            let known = Arc::new(Loaded {
                row: loaded.row.clone(),
                stored: Some(Arc::new(stored)),
                fresh,
            });
            self.rows().insert(entry.id, known);
            self.line().counts_by(entry.id, &entry.key, key);
            return self.release(&entry, waits(&entry, self.hub.env.now()), None);
        }
        let body = fresh.then(|| self.seal_request(&loaded, &stored));
        let facts = match self.hub.guards.facts(&self.hub, &loaded.row).await {
            Ok(facts) => facts,
            Err(reason) => {
                let blocked = ended(ActionState::Skipped, &reason, &entry);
                return self
                    .settle(
                        &entry,
                        &loaded,
                        entry.state,
                        entry.attempt,
                        blocked,
                        Vec::new(),
                        Vec::new(),
                    )
                    .await;
            }
        };
        let claim = Claim {
            action: entry.id,
            from: entry.state,
            attempt: entry.attempt,
            facts,
            seen_version: seen,
            request: body,
        };
        match self.claim(claim).await {
            Claimed::Go => {
                let loaded = Arc::new(Loaded {
                    row: loaded.row.clone(),
                    stored: Some(Arc::new(stored)),
                    fresh: false,
                });
                self.rows().insert(entry.id, loaded.clone());
                let entry = Entry {
                    attempt: entry.attempt + 1,
                    ..entry
                };
                self.send_claimed(entry, loaded, free).await;
            }
            Claimed::Facts => self.release(&entry, waits(&entry, self.hub.env.now()), None),
            Claimed::Moved | Claimed::WouldHave | Claimed::Blocked => {
                self.release(&entry, Landed::Ended, None);
                self.hub.run_moved(loaded.row.run);
            }
        }
    }

    async fn loaded(&self, entry: &Entry) -> Option<Arc<Loaded>> {
        let held = self.rows().get(&entry.id).cloned();
        if held.is_some() {
            return held;
        }
        let row = self.store().action(entry.id).await.ok().flatten()?;
        Some(Arc::new(Loaded {
            row,
            stored: None,
            fresh: false,
        }))
    }

    /// The request, rendered: loaded from the store and its names looked up where needed.
    async fn ready(&self, loaded: &Loaded) -> Result<Stored, Box<Decision>> {
        let stored = match &loaded.stored {
            Some(s) => (**s).clone(),
            None => {
                let body = match loaded.row.request {
                    Some(id) => self.store().body(id).await.ok(),
                    None => None,
                };
                let parsed = body.and_then(|b| serde_json::from_slice(&b).ok());
                parsed.ok_or_else(|| {
                    Box::new(parked(
                        "DATA-001",
                        "the stored request cannot be read any more; replay it to render it again",
                    ))
                })?
            }
        };
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
    async fn look_up(&self, lookup: &Lookup) -> Result<String, Box<Decision>> {
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

    async fn token(&self, stale: Option<&str>) -> Result<Option<String>, Box<Decision>> {
        match self.hub.caller.token(&self.conn, stale).await {
            Ok(token) => Ok(token.map(|t| t.reveal().clone())),
            Err(NoToken::Later(ms)) => Err(Box::new(waiting(
                self.hub.env.now().plus_ms(ms),
                "waiting for a token",
            ))),
            Err(NoToken::Denied(say)) => {
                self.needs_you("AUTH-001", &say).await;
                Err(Box::new(waiting(
                    self.hub.env.now().plus_ms(60_000),
                    "the credentials were refused",
                )))
            }
            Err(NoToken::NotFilled(fields)) => {
                self.needs_you(
                    "AUTH-001",
                    &format!("these fields are empty: {}", fields.join(", ")),
                )
                .await;
                Err(Box::new(waiting(
                    self.hub.env.now().plus_ms(60_000),
                    "the connection has no credentials",
                )))
            }
        }
    }

    /// Whether a look-up or a look was answered; what else its answer means for the action.
    async fn understood(
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
                waiting(now.plus_ms(60_000), "the credentials were refused")
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
    async fn compare_first(
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
                Beyond::Gone(say) => {
                    self.set_state(State::Paused, &format!("Paused: {say}"))
                        .await;
                    break decision;
                }
                Beyond::Nothing => break decision,
            }
        };
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

    fn about(&self, entry: &Entry, loaded: &Loaded, free: bool) -> About {
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

    /// Looks whether an unsure action has happened.
    async fn look(self: &Arc<Self>, entry: Entry, loaded: Arc<Loaded>) {
        let about = self.about(&entry, &loaded, false);
        let found = match self.ready(&loaded).await {
            Err(_) => Look::Cannot,
            Ok(_) if entry.once == OnceKind::Ledger => Look::Cannot,
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
            ActionState::Unsure,
            entry.attempt,
            decision,
            Vec::new(),
            Vec::new(),
        )
        .await;
    }

    fn judge(
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
    async fn probe(
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

    pub(super) async fn overtaken(self: &Arc<Self>, entry: Entry) {
        let Some(loaded) = self.loaded(&entry).await else {
            return self.release(&entry, Landed::Ended, None);
        };
        let mut decision = ended(
            ActionState::Skipped,
            "overtaken: its time was over before it could go",
            &entry,
        );
        decision.failure = Some((
            "LATE-001".into(),
            "these came due too late to be of use; they were not sent".into(),
        ));
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

    async fn settle(
        self: &Arc<Self>,
        entry: &Entry,
        loaded: &Arc<Loaded>,
        from: ActionState,
        attempt: i64,
        decision: Decision,
        calls: Vec<CallRow>,
        bodies: Vec<SealedBody>,
    ) {
        let now = self.hub.env.now();
        let first_fail = match decision.to {
            ActionState::Later | ActionState::Unsure => entry
                .first_fail
                .or((decision.well == Some(false)).then_some(now)),
            _ => None,
        };
        let waits = Landed::Waits {
            due: decision.due.unwrap_or(now),
            state: decision.to,
            attempt,
            tries: decision.tries,
            first_fail,
            limited: decision.blocked.is_some(),
        };
        let over = !matches!(
            decision.to,
            ActionState::Later | ActionState::Unsure | ActionState::Planned
        );
        let settle = Settle {
            action: entry.id,
            from,
            attempt,
            to: decision.to,
            reason: decision.reason.clone(),
            due: decision.due.map(|d| d.0),
            tries: decision.tries,
            maybe: decision.maybe,
            first_fail: first_fail.map(|t| t.0),
            quiet_until: decision.quiet_until.map(|t| t.0),
            remote_id: decision.done.as_ref().and_then(|d| d.0.clone()),
            output: self.seal_output(loaded, &decision, now),
            calls,
            bodies,
            failure: decision
                .failure
                .as_ref()
                .map(|(code, cause)| self.failing(loaded, code, cause, now)),
            at: now.0,
            success: decision.to == ActionState::Done,
        };
        let (failed, used) = (
            settle.failure.is_some(),
            !settle.calls.is_empty() || from == ActionState::Unsure,
        );
        let settled = self.write_down(settle).await;
        // what is in hand is brought up to date before the line may give it another turn
        let mut next = loaded.row.clone();
        (next.state, next.attempt, next.tries) = (decision.to, attempt, decision.tries);
        (next.maybe, next.quiet_until) = (decision.maybe, decision.quiet_until.map(|t| t.0));
        let held = Loaded {
            row: next,
            stored: loaded.stored.clone(),
            fresh: loaded.fresh,
        };
        if over {
            self.rows().remove(&entry.id);
        } else {
            self.rows().insert(entry.id, Arc::new(held));
        }
        let parked = self.landed(
            entry,
            if over { Landed::Ended } else { waits },
            decision.well,
            used,
        );
        if parked {
            self.park_overdue(entry, loaded, attempt, decision).await;
        }
        if settled || failed {
            self.hub.settled(loaded.row.run, settled, failed);
        }
    }

    /// Its ten minutes and its last try are over: parked visibly, and the next goes.
    async fn park_overdue(
        &self,
        entry: &Entry,
        loaded: &Arc<Loaded>,
        attempt: i64,
        decision: Decision,
    ) {
        let now = self.hub.env.now();
        let cause =
            "it failed for ten minutes while something newer of the same record waited behind it";
        let settle = Settle {
            action: entry.id,
            from: decision.to,
            attempt,
            to: ActionState::Parked,
            reason: Some(cause.into()),
            due: None,
            tries: decision.tries,
            maybe: decision.maybe,
            first_fail: None,
            quiet_until: decision.quiet_until.map(|t| t.0),
            remote_id: None,
            output: None,
            calls: Vec::new(),
            bodies: Vec::new(),
            failure: Some(self.failing(loaded, "ORDER-001", cause, now)),
            at: now.0,
            success: false,
        };
        let settled = self.write_down(settle).await;
        self.hub.settled(loaded.row.run, settled, true);
    }

    /// Writes until it is written: an answer is never thrown away.
    async fn write_down(&self, settle: Settle) -> bool {
        loop {
            match self.store().settle(Box::new(settle.clone())).await {
                Ok(settled) => return settled.waiters,
                Err(e) => {
                    tracing::error!(action.id = settle.action, cause = %e, "what became of an action could not be written down; trying again");
                    self.hub.env.sleep(500).await;
                }
            }
        }
    }

    fn landed(&self, entry: &Entry, result: Landed, well: Option<bool>, used: bool) -> bool {
        if used {
            self.conn.budget.release()
        } else {
            self.conn.budget.give_back()
        };
        let parked = self
            .line()
            .landed(entry.id, self.hub.env.now(), result, well);
        self.wake();
        parked
    }

    /// The turn is over without a call: slot and turn go back.
    fn release(&self, entry: &Entry, result: Landed, well: Option<bool>) {
        self.landed(entry, result, well, false);
        if result == Landed::Ended {
            self.rows().remove(&entry.id);
        }
    }

    fn failing(&self, loaded: &Loaded, code: &str, cause: &str, now: Micros) -> Failing {
        let row = &loaded.row;
        let wide = code.starts_with("NET-")
            || code.starts_with("AUTH-00") && code != "AUTH-003"
            || code == "LATE-001";
        let group_key = if wide {
            format!("{code}|{}", row.conn)
        } else {
            format!("{code}|{}|{}|{}", row.conn, row.flow, row.step)
        };
        Failing {
            ws: MAIN,
            group_key,
            code: code.to_owned(),
            conn: Some(row.conn.clone()),
            flow: (!wide).then(|| row.flow.clone()),
            cause: cause.to_owned(),
            owner: self.hub.owner_of(&row.flow, &self.conn.spec.owner),
            at: now.0,
            item: Some(("action".into(), row.id)),
        }
    }

    fn seal_request(&self, loaded: &Loaded, stored: &Stored) -> SealedBody {
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

    fn seal_output(&self, loaded: &Loaded, decision: &Decision, now: Micros) -> Option<SealedBody> {
        let (_, output) = decision.done.as_ref()?;
        if output.is_null() || !self.hub.output_is_read(&loaded.row) {
            return None;
        }
        let id = self.store().next(Table::Body);
        Some(SealedBody::new(
            self.store().keys(),
            id,
            MAIN,
            Class::Request,
            now.0,
            loaded.row.person,
            output.to_string().as_bytes(),
        ))
    }

    async fn needs_you(&self, code: &str, say: &str) {
        let sentence = format!("{} stopped: {say}", self.conn.connector.name);
        self.set_state(State::NeedsYou, &sentence).await;
        let failing = Failing {
            ws: MAIN,
            group_key: format!("{code}|{}", self.conn.id),
            code: code.to_owned(),
            conn: Some(self.conn.id.clone()),
            flow: None,
            cause: sentence,
            owner: self.conn.spec.owner.clone(),
            at: self.hub.env.now().0,
            item: Some(("connection".into(), 0)),
        };
        let _ = self.store().fail(vec![failing]).await;
        self.hub.settled(0, false, true);
    }

    async fn set_state(&self, state: State, sentence: &str) {
        if self.conn.set_state(state, sentence) {
            let change = ConnectionChange {
                ws: MAIN,
                conn: self.conn.id.clone(),
                state: Some((state.as_str().into(), sentence.to_owned())),
                now: self.hub.env.now().0,
                ..Default::default()
            };
            let _ = self.store().connection_put(change).await;
        }
    }
}

/// `acme.message.post` → `message.post`.
pub(crate) fn action_name(uses: &str) -> &str {
    uses.split_once('.').map_or(uses, |(_, name)| name)
}

fn plain(to: ActionState) -> Decision {
    Decision {
        to,
        due: None,
        tries: 0,
        maybe: false,
        quiet_until: None,
        failure: None,
        reason: None,
        well: None,
        blocked: None,
        done: None,
        beyond: Beyond::Nothing,
    }
}

fn parked(code: &str, say: &str) -> Decision {
    Decision {
        failure: Some((code.into(), say.into())),
        reason: Some(say.into()),
        ..plain(ActionState::Parked)
    }
}

fn waiting(due: Micros, say: &str) -> Decision {
    Decision {
        due: Some(due),
        reason: Some(say.into()),
        ..plain(ActionState::Later)
    }
}

fn ended(to: ActionState, say: &str, entry: &Entry) -> Decision {
    Decision {
        reason: Some(say.into()),
        tries: entry.tries,
        ..plain(to)
    }
}

fn network(e: &SendError, now: Micros) -> Decision {
    let say = match e {
        SendError::NotSent { .. } => "the destination cannot be reached",
        SendError::MaybeSent { .. } => "the destination did not answer in time",
    };
    Decision {
        well: Some(false),
        ..waiting(now.plus_ms(5_000), say)
    }
}

fn waits(entry: &Entry, now: Micros) -> Landed {
    Landed::Waits {
        due: now,
        state: entry.state,
        attempt: entry.attempt,
        tries: entry.tries,
        first_fail: entry.first_fail,
        limited: false,
    }
}
