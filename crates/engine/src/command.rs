//! Commands: writes that an API caller proposes. They go through the same ledger, limits, guards and holds as a flow's actions,
//! under the reserved flow `command`; the caller's `Idempotency-Key` is the event.

use crate::dispatch::{Draft, Stored};
use crate::guards::{About, blocked};
use crate::hub::Hub;
use crate::planner::{intent, order_key, shown_hash};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use stagewire_model::action::Gate;
use stagewire_model::{
    ActionState, Effect, Entity, EventId, MAIN, OnceKind, RecordId, Rung, canonical,
};
use stagewire_store::{ActionRow, Applied, Error, HoldRow, Query, RecordRow, Table, WriteSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A proposed write.
#[derive(Clone, Debug)]
pub struct Command {
    /// `note.create` …
    pub command: String,
    /// Where it goes.
    pub connection: String,
    /// The record it is about, by our id.
    pub target: String,
    /// Its values.
    pub with: Map<String, Value>,
}

/// An accepted command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commanded {
    /// Its action.
    pub action_id: i64,
    /// Where it stands.
    pub state: ActionState,
}

/// A command that is not taken.
#[derive(Debug, thiserror::Error)]
#[error("{say}")]
pub struct Refused {
    /// A stable code.
    pub code: &'static str,
    /// What is wrong, in plain words.
    pub say: String,
}

fn no(code: &'static str, say: impl Into<String>) -> Refused {
    Refused {
        code,
        say: say.into(),
    }
}

impl From<Error> for Refused {
    fn from(e: Error) -> Refused {
        tracing::error!(cause = %e, "a command could not be stored");
        no(
            "DB-001",
            "the database cannot take it right now; send it again with the same Idempotency-Key",
        )
    }
}

/// The records a command is about.
struct Target {
    record: RecordRow,
    candidate: Option<RecordRow>,
    job: Option<RecordRow>,
}

impl Hub {
    /// Plans a command. The same key gives the same action, however often it is sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn command(
        self: &Arc<Self>,
        c: Command,
        key: &str,
        by: &str,
    ) -> Result<Commanded, Refused> {
        let conn = self.connection(&c.connection).ok_or_else(|| {
            no(
                "CONFIG-001",
                format!("there is no connection '{}'", c.connection),
            )
        })?;
        let settings = conn.settings();
        let action = conn
            .connector
            .action(&c.command, &settings)
            .ok_or_else(|| {
                let names: Vec<String> = conn
                    .connector
                    .actions(&settings)
                    .map(|a| a.name.clone())
                    .collect();
                no(
                    "CONFIG-001",
                    format!(
                        "{} cannot do '{}'; it can do {}",
                        conn.connector.name,
                        c.command,
                        names.join(", ")
                    ),
                )
            })?;
        if let Some(problem) = action.check_with(&c.with).into_iter().next() {
            return Err(no("EXPR-001", problem));
        }
        let always = action.hold_always;
        let target = self.target(&c.target).await?;
        let digest = Sha256::digest(format!("command\u{1f}{key}"));
        let mut event = [0; 16];
        event.copy_from_slice(&digest[..16]);
        let now = self.env.now();
        let partition = RecordId(target.record.id16).text(target.record.entity);
        let mut row = ActionRow {
            id: self.store.next(Table::Action),
            ws: MAIN,
            run: 0,
            event,
            flow: "command".into(),
            step: c.command.clone(),
            item: String::new(),
            redo_of: 0,
            conn: conn.id.clone(),
            uses: format!("{}.{}", conn.connector.id, c.command),
            intent: intent("command", &event, &c.command, "", 0),
            order_key: order_key(&conn.id, &partition),
            place: self.store.next(Table::Place),
            effect: Effect::Record,
            once: OnceKind::Ledger,
            state: ActionState::Planned,
            reason: Some(format!("asked for by {by}")),
            due: Some(now.0),
            valid_until: None,
            attempt: 0,
            tries: 0,
            maybe: false,
            first_fail: None,
            quiet_until: None,
            seen_version: None,
            falls: 0,
            request: None,
            person: target.record.person,
            paths: Some(c.with.keys().cloned().collect::<Vec<_>>().join(" ")),
            remote_id: None,
            output: None,
            made: now.0,
            settled: None,
            must_hold: false,
        };
        let draft = Draft {
            with: c.with,
            remote: target.remote(),
            intent_hex: canonical::hex(&row.intent),
            event_id: EventId(event).text(),
            cloud_event: json!({}),
            escaped: false,
        };
        let stored = self
            .render(&mut row, draft)
            .map_err(|say| no("EXPR-001", say))?;
        let about = About {
            application: (target.record.entity == Entity::Application)
                .then_some(&target.record.fields),
            candidate: target.candidate.as_ref().map(|r| &r.fields),
            job: target.job.as_ref().map(|r| &r.fields),
        };
        if let Some(reason) = blocked(row.effect, about) {
            return Err(no("GUARD-001", format!("nothing was done: {reason}")));
        }
        row.must_hold = always;
        self.take(row, stored, always, &target, by).await
    }

    async fn take(
        self: &Arc<Self>,
        mut row: ActionRow,
        stored: Stored,
        always: bool,
        target: &Target,
        by: &str,
    ) -> Result<Commanded, Refused> {
        let now = self.env.now();
        let body = self.seal(&stored, row.person, now);
        row.request = Some(body.id);
        let mut holds = Vec::new();
        if Rung::WriteBack.gate(row.effect, always) == Gate::Hold {
            (row.state, row.due) = (ActionState::Held, None);
            holds.push(HoldRow {
                action: row.id,
                ws: MAIN,
                state: "waiting".into(),
                flow: "command".into(),
                owner: by.to_owned(),
                due: now.plus_ms(7 * 86_400_000).0,
                shown_hash: shown_hash(&stored),
                facts: vec![(target.record.id16, target.record.revision)],
                edited: None,
                at: now.0,
                decided_by: None,
                decided_at: None,
                reason: None,
            });
        }
        let set = WriteSet {
            ws: MAIN,
            conn: row.conn.clone(),
            now: now.0,
            actions: vec![row.clone()],
            holds,
            bodies: vec![body],
            ..WriteSet::default()
        };
        match self.store.apply(Box::new(set)).await {
            Ok(Applied::Done) => {}
            Ok(Applied::Stale) => {
                return Err(no(
                    "CALL-409",
                    "the record changed meanwhile; send it again",
                ));
            }
            Err(Error::Conflict(_)) => return self.commanded_before(&row).await,
            Err(e) => return Err(e.into()),
        }
        let (action_id, state, uses) = (row.id, row.state, row.uses.clone());
        if state == ActionState::Planned
            && let Some(d) = self.dispatcher(&row.conn)
        {
            d.push(row, Some(stored));
        }
        self.note(by, "command", &format!("action/{action_id}"), &uses)
            .await?;
        Ok(Commanded { action_id, state })
    }

    /// The action that the same key made before.
    async fn commanded_before(&self, row: &ActionRow) -> Result<Commanded, Refused> {
        let filters = vec![
            ("event".to_owned(), EventId(row.event).text()),
            ("flow".to_owned(), "command".to_owned()),
        ];
        let page = self
            .store
            .page(Query {
                ws: MAIN,
                list: "actions".into(),
                filters,
                cursor: None,
                limit: 1,
            })
            .await?;
        let found = page.items.first().and_then(|a| {
            Some((
                a["id"].as_str()?.parse().ok()?,
                ActionState::parse(a["state"].as_str()?)?,
            ))
        });
        found
            .map(|(action_id, state)| Commanded { action_id, state })
            .ok_or_else(|| no("CALL-409", "this key was used for another command"))
    }

    async fn target(&self, text: &str) -> Result<Target, Refused> {
        let (_, id) = RecordId::parse(text)
            .ok_or_else(|| no("CALL-404", format!("'{text}' is not the id of a record")))?;
        let found = self.store.records(MAIN, vec![id.0]).await?.pop().flatten();
        let record = found
            .filter(|r| r.deleted_at.is_none())
            .ok_or_else(|| no("CALL-404", format!("there is no record {text}")))?;
        let linked = |field: &str| {
            record
                .fields
                .get(field)
                .and_then(Value::as_str)
                .and_then(RecordId::parse)
                .map(|(_, id)| id.0)
        };
        let (candidate, job) = (linked("candidate_id"), linked("job_id"));
        let mut rows = self
            .store
            .records(MAIN, candidate.into_iter().chain(job).collect())
            .await?
            .into_iter();
        let candidate = if candidate.is_some() {
            rows.next().flatten()
        } else {
            None
        };
        let job = if job.is_some() {
            rows.next().flatten()
        } else {
            None
        };
        Ok(Target {
            candidate: candidate
                .or_else(|| (record.entity == Entity::Candidate).then(|| record.clone())),
            job,
            record,
        })
    }
}

impl Target {
    fn remote(&self) -> BTreeMap<String, String> {
        let all = [
            Some(&self.record),
            self.candidate.as_ref(),
            self.job.as_ref(),
        ];
        all.into_iter()
            .flatten()
            .map(|r| (r.entity.name().to_owned(), r.remote_id.clone()))
            .collect()
    }
}
