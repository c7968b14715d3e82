//! How a connection's webhooks stand, from our books alone: what should be there, what is, and when something came last.

use crate::connection::{Connection, Webhooks};
use crate::hub::Hub;
use stagewire_model::{MAIN, Micros};
use stagewire_store::{Error, HookRow, HookState};
use std::collections::{BTreeMap, BTreeSet};

/// One type of delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventState {
    /// The vendor's name for it.
    pub event: String,
    /// The connector can use it.
    pub wanted: bool,
    /// Only a person can make it, in the vendor's settings.
    pub by_hand: bool,
    /// Whether its webhook is there; `None` where we cannot know.
    pub there: Option<bool>,
    /// Whether it is switched on.
    pub enabled: Option<bool>,
    /// Whether we hold its secret.
    pub secret_known: bool,
    /// Its id at the vendor.
    pub remote_id: Option<String>,
    /// When one came last.
    pub last_delivery: Option<Micros>,
    /// What is not right with it.
    pub say: Option<String>,
}

/// The secret that deliveries are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretState {
    /// The field's name.
    pub field: String,
    /// What the form calls it.
    pub label: String,
    /// How many are filled in or were made.
    pub known: usize,
    /// The vendor lets it be left empty.
    pub optional: bool,
}

/// All of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookStates {
    /// Who makes them.
    pub mode: Webhooks,
    /// Where they are to be sent.
    pub url: Option<String>,
    /// Whether we can make them by calls.
    pub can_make: bool,
    /// What they are signed with, where they are.
    pub secret: Option<SecretState>,
    /// When the vendor last tried the address.
    pub last_ping: Option<Micros>,
    /// What a person must do at the vendor besides.
    pub say: Option<String>,
    /// In one sentence.
    pub sentence: String,
    /// By type of delivery.
    pub events: Vec<EventState>,
}

/// How soon a change at the vendor is known here, where that is worth a word: without webhooks the poll brings it, which is healthy.
pub fn pace(conn: &Connection) -> Option<String> {
    let every = conn.spec.poll_ms.filter(|_| conn.can_read())?;
    let intake = conn.connector.intake();
    let proves = |i: &stagewire_connector::IntakeSpec| {
        let known = |f: &String| !conn.settings().all(f).is_empty();
        !i.signed || i.secret_optional || i.secret_field.as_ref().is_some_and(known)
    };
    let comes = conn.spec.webhooks != Webhooks::None && intake.is_some_and(proves);
    (!comes).then(|| format!("poll only, up to {} late", spoken(every)))
}

fn spoken(ms: i64) -> String {
    match ms / 1000 {
        s if s <= 120 => format!("{s} s"),
        s if s <= 7_200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3_600),
    }
}

impl Hub {
    /// How a connection's webhooks stand.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn hook_states(&self, conn: &Connection) -> Result<HookStates, Error> {
        let rows = self.store.hooks(MAIN, conn.id.clone()).await?;
        let last: BTreeMap<String, i64> = self
            .store
            .last_deliveries(MAIN, conn.id.clone())
            .await?
            .into_iter()
            .collect();
        let (intake, sub) = (conn.connector.intake(), conn.connector.subscription());
        let types = conn.connector.delivery_types();
        let of = |event: &str| {
            rows.iter()
                .filter(|r| r.state != HookState::Gone)
                .find(|r| r.event == event || r.event.is_empty())
        };
        let events: Vec<EventState> = types
            .iter()
            .map(|event| {
                let by_hand = sub.is_some_and(|s| s.by_hand.iter().any(|b| b == event));
                let made =
                    sub.is_some_and(|s| s.one_for_all || s.events.iter().any(|e| e == event));
                let row: Option<&HookRow> = of(event).filter(|_| made);
                EventState {
                    event: (*event).to_owned(),
                    wanted: made || by_hand || sub.is_none(),
                    by_hand: by_hand || sub.is_none(),
                    there: made.then(|| row.is_some_and(|r| r.state == HookState::On)),
                    enabled: row.map(|r| r.enabled),
                    secret_known: row.is_some_and(|r| r.secret.is_some()),
                    remote_id: row.and_then(|r| r.remote_id.clone()),
                    last_delivery: last.get(*event).copied().map(Micros),
                    say: row.and_then(|r| r.said.clone()),
                }
            })
            .collect();
        let secret = intake.and_then(|i| {
            let field = i.secret_field.clone()?;
            let label = conn.connector.fields.iter().find(|f| f.key == field);
            Some(SecretState {
                label: label.map_or_else(String::new, |f| f.label.clone()),
                known: conn
                    .settings()
                    .all(&field)
                    .into_iter()
                    .collect::<BTreeSet<_>>()
                    .len(),
                optional: i.secret_optional,
                field,
            })
        });
        Ok(HookStates {
            mode: conn.spec.webhooks,
            url: intake.and_then(|_| self.intake_url(&conn.id)),
            can_make: sub.is_some(),
            secret,
            last_ping: conn.last_ping(),
            say: sub.and_then(|s| s.say.clone()),
            sentence: sentence(conn, &events, sub.is_some()),
            events,
        })
    }
}

fn sentence(conn: &Connection, events: &[EventState], can_make: bool) -> String {
    let name = &conn.connector.name;
    if conn.connector.intake().is_none() {
        return format!("{name} sends no webhooks here");
    }
    if conn.spec.webhooks == Webhooks::None {
        return pace(conn).map_or_else(
            || "No webhooks are wanted here".to_owned(),
            |pace| format!("No webhooks are wanted here: {pace}"),
        );
    }
    let made: Vec<&EventState> = events.iter().filter(|e| e.there.is_some()).collect();
    let right = made
        .iter()
        .filter(|e| e.there == Some(true) && e.enabled == Some(true) && e.say.is_none())
        .count();
    match (conn.spec.webhooks, can_make) {
        (Webhooks::Managed, true) if right == made.len() => {
            format!("All {right} webhooks are made at {name} and switched on")
        }
        (Webhooks::Managed, true) => {
            format!("{right} of {} webhooks are made at {name}", made.len())
        }
        _ => format!("Webhooks are made by hand in {name}'s settings"),
    }
}
