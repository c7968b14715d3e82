//! One round: look what there is, plan, do it step by step, each written down before the next. What does not come through is told
//! in plain words and stands in the inbox; the next round begins by looking again.

use super::call::{Failed, call};
use super::plan::{Given, Known, Step, plan};
use crate::connection::Connection;
use crate::engine::new_secret;
use crate::hub::Hub;
use stagewire_connector::{FoundHook, HookCall, HookValues, SecretFrom, Subscription};
use stagewire_model::MAIN;
use stagewire_store::{Error, Failing, HookRow, HookState, Table};

/// How long a secret counts after its webhook was taken away: the vendor may still try again what it sent before.
const GRACE_MS: i64 = 3 * 86_400_000;
/// Pages of a vendor's list of webhooks.
const PAGES: usize = 20;

/// What a round is to bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One of each, switched on.
    Right,
    /// The same, and what leaves something out is made anew.
    Repaired,
    /// None of ours.
    None,
}

/// What a round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What was done, in plain words.
    pub done: Vec<String>,
    /// What was not, and why.
    pub problems: Vec<String>,
}

struct Round<'a> {
    hub: &'a Hub,
    conn: &'a Connection,
    sub: &'a Subscription,
    url: String,
    rows: Vec<HookRow>,
    out: Done,
}

impl Hub {
    /// One round; a second one of the same connection waits for it.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub async fn keep_hooks(&self, conn: &Connection, wanted: Wanted) -> Result<Done, Error> {
        let _turn = conn.hooks_turn.lock().await;
        let name = &conn.connector.name;
        let refused = |say: String| Done {
            problems: vec![say],
            ..Done::default()
        };
        let Some(sub) = conn.connector.subscription() else {
            return Ok(refused(format!(
                "{name} has no calls for webhooks: they are made by hand in its settings"
            )));
        };
        let url = match self.address(conn) {
            Ok(url) => url,
            Err(say) if wanted == Wanted::None => {
                tracing::debug!(connection.id = %conn.id, cause = %say, "webhooks are taken away by their ids alone");
                String::new()
            }
            Err(say) => {
                self.hooks_failed(conn, std::slice::from_ref(&say)).await;
                return Ok(refused(say));
            }
        };
        if !self.effects_on() {
            return Ok(refused(
                "nothing may leave until somebody says that this installation is the live one"
                    .into(),
            ));
        }
        let rows = self.load_hooks(conn).await?;
        let mut round = Round {
            hub: self,
            conn,
            sub,
            url,
            rows,
            out: Done::default(),
        };
        round.run(wanted).await?;
        let out = round.out;
        self.load_hooks(conn).await?;
        if out.problems.is_empty() {
            let now = self.env.now().0;
            let group = format!("HOOK-001|{}", conn.id);
            self.store.recovered(MAIN, group, now).await?;
        } else {
            self.hooks_failed(conn, &out.problems).await;
        }
        Ok(out)
    }

    /// Where deliveries of this connection go, if the vendor can reach it.
    fn address(&self, conn: &Connection) -> Result<String, String> {
        let url = self
            .intake_url(&conn.id)
            .ok_or("the address of this server is not known yet")?;
        // an address of its own for the API means a vendor on this side of the fence: a sandbox, a test, one's own data centre
        if !url.starts_with("https://") && conn.spec.base_url.is_none() {
            return Err(format!(
                "{} sends only to an https address on the internet, and this server is known as {url}: set `[server] public_url`",
                conn.connector.name
            ));
        }
        Ok(url)
    }

    async fn hooks_failed(&self, conn: &Connection, problems: &[String]) {
        let failing = Failing {
            ws: MAIN,
            group_key: format!("HOOK-001|{}", conn.id),
            code: "HOOK-001".into(),
            conn: Some(conn.id.clone()),
            flow: None,
            cause: problems.join("; "),
            owner: conn.spec.owner.clone(),
            at: self.env.now().0,
            item: Some(("connection".into(), 0)),
        };
        if self.store.fail(vec![failing]).await.is_ok() {
            self.failed.notify_one();
        }
    }
}

impl Round<'_> {
    async fn run(&mut self, wanted: Wanted) -> Result<(), Error> {
        let found = match self.look().await {
            Ok(found) => found,
            Err(failed) => {
                self.problem("the webhooks at the vendor cannot be looked at", &failed);
                return Ok(());
            }
        };
        let types = match (wanted, self.sub.one_for_all) {
            (Wanted::None, _) => Vec::new(),
            (_, true) => vec![String::new()],
            (_, false) => self.sub.events.clone(),
        };
        let known: Vec<Known> = self
            .rows
            .iter()
            .filter(|r| r.state != HookState::Gone)
            .map(|r| Known {
                id: r.id,
                event: r.event.clone(),
                remote_id: r.remote_id.clone(),
                has_secret: r.secret.is_some(),
                told: r.said.is_some(),
            })
            .collect();
        let given = Given {
            wanted: &types,
            url: &self.url,
            secret: self.sub.secret.clone(),
            can_update: self.sub.can(HookCall::Update),
            by_hand: wanted == Wanted::Repaired,
            found: &found,
            known: &known,
        };
        for step in plan(&given) {
            self.step(step).await?;
        }
        if wanted == Wanted::None {
            let left: Vec<i64> = self.open().map(|r| r.id).collect();
            for id in left {
                self.forget(id).await?;
            }
        }
        Ok(())
    }

    fn open(&self) -> impl Iterator<Item = &HookRow> {
        self.rows.iter().filter(|r| r.state != HookState::Gone)
    }

    fn problem(&mut self, what: &str, failed: &Failed) {
        let say = match failed {
            Failed::MissingScope { say } => match &self.sub.scope {
                Some(scope) => {
                    format!("{what}: the credentials lack the permission {scope} ({say})")
                }
                None => format!("{what}: the credentials lack a permission ({say})"),
            },
            other => format!("{what}: {}", other.say()),
        };
        self.out.problems.push(say);
    }

    /// All webhooks at the vendor; where it has no list, those we know by their ids.
    async fn look(&self) -> Result<Vec<FoundHook>, Failed> {
        if self.sub.can(HookCall::List) {
            return self.list().await;
        }
        let mut found = Vec::new();
        for row in self.open() {
            let Some(id) = &row.remote_id else { continue };
            let values = HookValues {
                id: Some(id),
                url: &self.url,
                event: &row.event,
                secret: None,
            };
            match self.ask(HookCall::Look, values).await {
                Ok(answer) => found.extend(answer.or_else(|| {
                    // it answered well, and shows nothing that can be read: it is there
                    Some(FoundHook {
                        id: id.clone(),
                        url: row.url.clone(),
                        event: row.event.clone(),
                        enabled: row.enabled,
                        leaves_out: Vec::new(),
                        secret: None,
                    })
                })),
                Err(Failed::NotThere) => {}
                Err(failed) => return Err(failed),
            }
        }
        Ok(found)
    }

    async fn list(&self) -> Result<Vec<FoundHook>, Failed> {
        let unreadable = || Failed::Later {
            say: "the list of webhooks cannot be read".into(),
        };
        let values = HookValues {
            url: &self.url,
            ..HookValues::default()
        };
        let connector = &self.conn.connector;
        let mut next = connector.hook_request(HookCall::List, &self.conn.settings(), values);
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let Some(request) = next.take() else { break };
            let response = call(self.hub, self.conn, request.clone()).await?;
            found.extend(self.sub.rows(&response).ok_or_else(unreadable)?);
            next = connector
                .next_hooks(&request, &response)
                .map_err(|_| unreadable())?;
        }
        // half a list would make doubles
        next.map_or(Ok(found), |_| Err(unreadable()))
    }

    async fn ask(
        &self,
        which: HookCall,
        values: HookValues<'_>,
    ) -> Result<Option<FoundHook>, Failed> {
        let settings = self.conn.settings();
        let request = self.conn.connector.hook_request(which, &settings, values);
        let request = request.ok_or_else(|| Failed::Later {
            say: "the call lacks a value".into(),
        })?;
        let response = call(self.hub, self.conn, request).await?;
        Ok(self.sub.row(which, &response))
    }

    async fn step(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Forget { known } => self.forget(known).await,
            Step::Adopt { known, remote_id } => {
                self.change(known, |r| {
                    (r.remote_id, r.state, r.enabled) = (Some(remote_id), HookState::On, true);
                })
                .await
            }
            Step::Create { event, known } => self.create(event, known).await,
            Step::Update {
                event,
                remote_id,
                known,
            } => self.update(event, remote_id, known).await,
            Step::Tell {
                known,
                event,
                leaves_out,
            } => {
                let say = format!(
                    "{} leaves out {}: it was made with conditions; make it anew with \"repair\"",
                    called(&event),
                    leaves_out.join(", ")
                );
                self.out.problems.push(say.clone());
                match known {
                    Some(id) => self.change(id, |r| r.said = Some(say)).await,
                    None => Ok(()),
                }
            }
            Step::Delete {
                remote_id,
                known,
                event,
            } => self.delete(remote_id, known, event).await,
        }
    }

    /// The row is written before the call: a secret of ours counts before the vendor can use it, and a lost answer leaves a trace.
    async fn create(&mut self, event: String, known: Option<i64>) -> Result<(), Error> {
        let held = known.and_then(|id| self.rows.iter().find(|r| r.id == id).cloned());
        let secret = || {
            let ours = self.sub.secret == SecretFrom::Made;
            ours.then(|| new_secret(&*self.hub.env))
        };
        let mut row = match held {
            Some(row) => row,
            None => HookRow {
                id: self.hub.store.next(Table::Hook),
                ws: MAIN,
                conn: self.conn.id.clone(),
                event: event.clone(),
                remote_id: None,
                url: self.url.clone(),
                state: HookState::Making,
                enabled: false,
                said: None,
                secret: secret(),
                at: self.hub.env.now().0,
                until: None,
            },
        };
        self.put(row.clone()).await?;
        let values = HookValues {
            id: None,
            url: &self.url,
            event: &event,
            secret: row.secret.as_deref(),
        };
        let what = format!("{} cannot be made", called(&event));
        let made = match self.ask(HookCall::Create, values).await {
            Ok(Some(made)) => made,
            Ok(None) => {
                let say = "the vendor's answer does not show it";
                self.problem(&what, &Failed::Unsure { say: say.into() });
                return Ok(());
            }
            Err(failed) => {
                let certain = !matches!(failed, Failed::Unsure { .. });
                self.problem(&what, &failed);
                // nothing was made, so nothing is kept
                if certain {
                    self.hub.store.hook_drop(row.id).await?;
                    self.rows.retain(|r| r.id != row.id);
                }
                return Ok(());
            }
        };
        if self.sub.secret == SecretFrom::Returned {
            row.secret.clone_from(&made.secret);
        }
        (row.remote_id, row.state, row.enabled) =
            (Some(made.id.clone()), HookState::On, made.enabled);
        if !made.leaves_out.is_empty() {
            let say = format!(
                "{} leaves out {} although it was just made: look into its conditions at the vendor",
                called(&event),
                made.leaves_out.join(", ")
            );
            row.said = Some(say.clone());
            self.out.problems.push(say);
        }
        let secretless = self.sub.secret == SecretFrom::Returned && row.secret.is_none();
        self.put(row).await?;
        self.hub.load_hooks(self.conn).await?;
        if secretless {
            self.out.problems.push(format!(
                "{} was made, and the vendor did not show its secret: its deliveries cannot be proven",
                called(&event)
            ));
        }
        if self.sub.can(HookCall::Verify) {
            let values = HookValues {
                id: Some(&made.id),
                url: &self.url,
                event: &event,
                secret: None,
            };
            if let Err(failed) = self.ask(HookCall::Verify, values).await {
                self.problem(
                    &format!("{} cannot be switched on", called(&event)),
                    &failed,
                );
                return Ok(());
            }
        }
        self.out.done.push(format!("{} was made", called(&event)));
        Ok(())
    }

    async fn update(
        &mut self,
        event: String,
        remote_id: String,
        known: Option<i64>,
    ) -> Result<(), Error> {
        let secret = self
            .rows
            .iter()
            .find(|r| Some(r.id) == known)
            .and_then(|r| r.secret.clone());
        let values = HookValues {
            id: Some(&remote_id),
            url: &self.url,
            event: &event,
            secret: secret.as_deref(),
        };
        if let Err(failed) = self.ask(HookCall::Update, values).await {
            self.problem(&format!("{} cannot be put right", called(&event)), &failed);
            return Ok(());
        }
        let url = self.url.clone();
        self.out
            .done
            .push(format!("{} was put right", called(&event)));
        match known {
            Some(id) => self.change(id, |r| (r.url, r.enabled) = (url, true)).await,
            None => Ok(()),
        }
    }

    async fn delete(
        &mut self,
        remote_id: String,
        known: Option<i64>,
        event: String,
    ) -> Result<(), Error> {
        let values = HookValues {
            id: Some(&remote_id),
            url: &self.url,
            event: &event,
            secret: None,
        };
        match self.ask(HookCall::Delete, values).await {
            Ok(_) | Err(Failed::NotThere) => {
                self.out
                    .done
                    .push(format!("{} was taken away", called(&event)));
                match known {
                    Some(id) => self.forget(id).await,
                    None => Ok(()),
                }
            }
            Err(failed) => {
                self.problem(&format!("{} cannot be taken away", called(&event)), &failed);
                Ok(())
            }
        }
    }

    /// It is gone; its secret counts a while longer.
    async fn forget(&mut self, id: i64) -> Result<(), Error> {
        let until = self.hub.env.now().plus_ms(GRACE_MS).0;
        self.change(id, |r| {
            (r.state, r.until, r.enabled) = (HookState::Gone, Some(until), false);
        })
        .await
    }

    async fn change(&mut self, id: i64, f: impl FnOnce(&mut HookRow)) -> Result<(), Error> {
        let Some(mut row) = self.rows.iter().find(|r| r.id == id).cloned() else {
            return Ok(());
        };
        f(&mut row);
        self.put(row).await
    }

    async fn put(&mut self, row: HookRow) -> Result<(), Error> {
        self.hub.store.hook_put(row.clone()).await?;
        self.rows.retain(|r| r.id != row.id);
        self.rows.push(row);
        self.conn.set_hook_secrets(
            self.rows
                .iter()
                .filter_map(|r| r.secret.clone())
                .map(stagewire_model::Secret::new)
                .collect(),
        );
        Ok(())
    }
}

fn called(event: &str) -> String {
    if event.is_empty() {
        "the webhook".to_owned()
    } else {
        format!("the webhook for {event}")
    }
}
