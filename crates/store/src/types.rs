//! What goes into the store and comes out of it, in domain words. Plain data; decides nothing.

use crate::seal::Class;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stagewire_model::{ActionState, Effect, Entity, OnceKind, Rung};
use std::sync::Arc;

/// Tables whose numbers are given out before the row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Stored bodies.
    Body,
    /// Deliveries.
    Delivery,
    /// Records.
    Record,
    /// Events.
    Event,
    /// Runs.
    Run,
    /// Actions.
    Action,
    /// Places in the order of what leaves.
    Place,
    /// Calls.
    Call,
    /// Subscriptions.
    Subscription,
    /// Webhooks we made at vendors.
    Hook,
}

impl Table {
    pub(crate) const ALL: [Table; 10] = [
        Table::Body,
        Table::Delivery,
        Table::Record,
        Table::Event,
        Table::Run,
        Table::Action,
        Table::Place,
        Table::Call,
        Table::Subscription,
        Table::Hook,
    ];
}

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $n:literal $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = $text] $variant = $n),+ }
        impl $name {
            /// The word on the surface.
            pub fn as_str(self) -> &'static str { match self { $($name::$variant => $text),+ } }
            /// Reads the word.
            pub fn parse(text: &str) -> Option<Self> { match text { $($text => Some($name::$variant),)+ _ => None } }
            pub(crate) fn from_code(n: i64) -> Option<Self> { match n { $($n => Some($name::$variant),)+ _ => None } }
        }
    };
}

states! {
    /// Where a delivery stands.
    DeliveryState { Waiting = 0 "waiting", Mapped = 1 "mapped", Kept = 2 "kept", Duplicate = 3 "duplicate", Failed = 4 "failed" }
}

states! {
    /// Where a run stands.
    RunState { Completing = 0 "completing", Running = 1 "running", Done = 2 "done", Parked = 3 "parked", Skipped = 4 "skipped", WouldHave = 5 "would_have" }
}

states! {
    /// What waits for its time.
    TimerKind { Rule = 0 "rule", Fact = 1 "fact", Schedule = 2 "schedule", Settle = 3 "settle", Step = 4 "step", Collect = 5 "collect" }
}

/// Something that is due at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerRow {
    /// What kind of thing.
    pub kind: TimerKind,
    /// The rule of a fact, else the flow.
    pub rule: String,
    /// The record or (in its last eight bytes) the run it is about.
    pub subject: [u8; 16],
    /// The step, where it is one step's.
    pub item: String,
    /// The stay in a stage, the date, the group: another one makes it another thing to wait for.
    pub key: String,
    /// When.
    pub due: i64,
    /// A new time for the same key counts; else the first one stays.
    pub firm: bool,
}

/// The subject of a timer that is about a run.
pub fn about_run(run: i64) -> [u8; 16] {
    let mut subject = [0; 16];
    subject[8..].copy_from_slice(&run.to_be_bytes());
    subject
}

impl TimerRow {
    /// The run it is about.
    pub fn run(&self) -> i64 {
        let mut number = [0; 8];
        number.copy_from_slice(&self.subject[8..]);
        i64::from_be_bytes(number)
    }
}

pub(crate) fn action_code(s: ActionState) -> i64 {
    match s {
        ActionState::Planned => 0,
        ActionState::Held => 1,
        ActionState::Claimed => 2,
        ActionState::Later => 3,
        ActionState::Unsure => 4,
        ActionState::Done => 5,
        ActionState::AlreadyThere => 6,
        ActionState::Refused => 7,
        ActionState::Parked => 8,
        ActionState::Skipped => 9,
        ActionState::WouldHave => 10,
    }
}

pub(crate) fn action_state(n: i64) -> ActionState {
    *[
        ActionState::Planned,
        ActionState::Held,
        ActionState::Claimed,
        ActionState::Later,
        ActionState::Unsure,
        ActionState::Done,
        ActionState::AlreadyThere,
        ActionState::Refused,
        ActionState::Parked,
        ActionState::Skipped,
    ]
    .get(usize::try_from(n).unwrap_or(usize::MAX))
    .unwrap_or(&ActionState::WouldHave)
}

/// A body sealed by the caller, to be inserted with what it belongs to.
#[derive(Clone, Debug)]
pub struct SealedBody {
    /// Its number.
    pub id: i64,
    /// Its class.
    pub class: Class,
    /// When it is purged.
    pub expires: i64,
    /// The key it is sealed with.
    pub key_id: i64,
    /// The person it is about, if known.
    pub person: Option<[u8; 16]>,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// What arrived and was verified.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the delivery table")]
pub struct NewDelivery {
    pub id: i64,
    pub ws: i64,
    pub conn: String,
    pub at: i64,
    pub sha: [u8; 32],
    pub vendor_id: Option<String>,
    /// The hash of its one-time token, where it has one.
    pub once: Option<[u8; 32]>,
    pub signed: bool,
    pub state: DeliveryState,
    pub note: Option<String>,
    pub manifest: [u8; 8],
    pub bytes: i64,
    pub body: SealedBody,
}

/// What became of an admitted delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It is on disk.
    New,
    /// These bytes are here already.
    Duplicate {
        /// The first copy.
        first: i64,
        /// True where the vendor gave this copy another id.
        vendor_differs: bool,
    },
    /// Its one-time token came before with another body: kept once per token, and not used.
    Reused {
        /// False where even that was not kept any more, only counted.
        kept: bool,
    },
}

/// A delivery that waits to be mapped.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the delivery table")]
pub struct DueDelivery {
    pub id: i64,
    pub at: i64,
    pub sha: [u8; 32],
    pub vendor_id: Option<String>,
    pub signed: bool,
    pub wait: i64,
    pub body: i64,
}

/// One record of the mirror, opened.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "the names are those of the record table and of the record envelope"
)]
pub struct RecordRow {
    pub rid: i64,
    pub ws: i64,
    pub conn: String,
    pub entity: Entity,
    pub id16: [u8; 16],
    pub remote_id: String,
    pub person: Option<[u8; 16]>,
    pub revision: i64,
    pub hash: [u8; 32],
    /// The mirror's own notes, as it wrote them; nobody else reads them.
    pub parts: Vec<u8>,
    pub next_seq: i64,
    pub channel: String,
    pub first_seen: i64,
    pub changed_at: i64,
    pub observed_at: i64,
    pub remote_updated: Option<i64>,
    pub deleted_at: Option<i64>,
    pub deletion: Option<String>,
    /// The event of its last change, if that was one.
    pub event: Option<[u8; 16]>,
    /// The delivery that its last change came with.
    pub delivery: Option<i64>,
    pub fields: Map<String, Value>,
}

/// A record to be written, sealed by the caller.
#[derive(Clone, Debug)]
pub struct RecordWrite {
    /// The row as it shall be.
    pub row: Arc<RecordRow>,
    /// The revision it was computed from; 0 = it was not there.
    pub base: i64,
    /// The key and sealed fields.
    pub sealed: (i64, Vec<u8>),
}

/// One row of an application's history.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the transition table")]
pub struct TransitionRow {
    pub app: [u8; 16],
    pub uid: i64,
    pub entered: Option<i64>,
    pub part: String,
    pub to: Option<String>,
    pub from: Option<String>,
    pub precision: String,
    pub evidence: String,
    pub row: Option<String>,
    pub told: Option<bool>,
    pub late: bool,
    pub event: Option<[u8; 16]>,
    pub at: i64,
}

/// A record that is there, without what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the record table")]
pub struct Alive {
    pub rid: i64,
    pub id16: [u8; 16],
    pub remote_id: String,
    pub first_seen: i64,
}

/// A read the engine wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the want table")]
pub struct WantRow {
    pub entity: Entity,
    /// `remote_id` is that of a record of this kind: all rows of `entity` that belong to it are wanted.
    pub of: Option<Entity>,
    pub remote_id: String,
    pub reason: String,
    pub priority: i64,
    pub due: i64,
    pub tries: i64,
    /// Our receipt number when it was wanted: an answer counts only if it was asked for later.
    pub heard: i64,
}

/// One event; `data` is sealed on disk.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the event table")]
pub struct EventRow {
    pub id: i64,
    pub uid: [u8; 16],
    pub ws: i64,
    pub conn: String,
    pub kind: String,
    pub entity: Entity,
    pub subject: [u8; 16],
    pub part: String,
    pub seq: i64,
    pub time: i64,
    pub observed: i64,
    pub channel: String,
    pub late: bool,
    /// False where it is attached to a stronger event of the same act.
    pub main: bool,
    pub delivery: Option<i64>,
    pub data: Value,
}

/// One event through one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the run table")]
pub struct RunRow {
    pub id: i64,
    pub ws: i64,
    pub event: [u8; 16],
    pub flow: String,
    pub version: i64,
    pub state: RunState,
    pub reason: Option<String>,
    pub due: Option<i64>,
    pub tries: i64,
    pub at: i64,
}

/// One intended effect: the ledger row.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the action table")]
pub struct ActionRow {
    pub id: i64,
    pub ws: i64,
    pub run: i64,
    pub event: [u8; 16],
    pub flow: String,
    pub step: String,
    pub item: String,
    pub redo_of: i64,
    pub conn: String,
    pub uses: String,
    pub intent: [u8; 32],
    pub order_key: [u8; 16],
    pub place: i64,
    pub effect: Effect,
    pub once: OnceKind,
    pub state: ActionState,
    pub reason: Option<String>,
    pub due: Option<i64>,
    pub valid_until: Option<i64>,
    pub attempt: i64,
    pub tries: i64,
    pub maybe: bool,
    pub first_fail: Option<i64>,
    pub quiet_until: Option<i64>,
    pub seen_version: Option<String>,
    pub falls: i64,
    pub request: Option<i64>,
    pub person: Option<[u8; 16]>,
    pub paths: Option<String>,
    pub remote_id: Option<String>,
    pub output: Option<i64>,
    pub made: i64,
    pub settled: Option<i64>,
    /// A person decides before it goes, whatever the rung.
    pub must_hold: bool,
}

/// A hold as stored.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the hold table")]
pub struct HoldRow {
    pub action: i64,
    pub ws: i64,
    pub state: String,
    pub flow: String,
    pub owner: String,
    pub due: i64,
    pub shown_hash: [u8; 32],
    /// The revisions the decision is about: record id → revision.
    pub facts: Vec<([u8; 16], i64)>,
    /// The body that replaces the request, once edited.
    pub edited: Option<i64>,
    pub at: i64,
    pub decided_by: Option<String>,
    pub decided_at: Option<i64>,
    pub reason: Option<String>,
}

/// A failure to open or to count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the failure table")]
pub struct Failing {
    pub ws: i64,
    pub group_key: String,
    pub code: String,
    pub conn: Option<String>,
    pub flow: Option<String>,
    pub cause: String,
    pub owner: String,
    pub at: i64,
    /// What it is about: `action`, `run`, `delivery`, `connection`, and its number.
    pub item: Option<(String, i64)>,
}

/// A failure as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the failure table")]
pub struct FailureRow {
    pub id: i64,
    pub code: String,
    pub conn: Option<String>,
    pub flow: Option<String>,
    pub cause: String,
    pub state: String,
    pub owner: String,
    pub count: i64,
    pub first: i64,
    pub last: i64,
}

/// One HTTP request we made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the call table")]
pub struct CallRow {
    pub id: i64,
    pub ws: i64,
    pub at: i64,
    pub conn: String,
    pub method: String,
    pub host: String,
    pub path: String,
    /// 0 where no answer came.
    pub status: i64,
    /// Failure code, empty where none.
    pub code: String,
    pub ms: i64,
    pub attempt: i64,
    pub action: Option<i64>,
    /// `action`, `look`, `read`, `token`, `check`.
    pub purpose: String,
    pub limit_left: Option<i64>,
    pub request: Option<i64>,
    pub response: Option<i64>,
}

/// Everything one batch of the ingest lane wants written, with the ground it was computed on.
#[derive(Clone, Debug, Default)]
#[expect(
    missing_docs,
    reason = "each field is a list of rows of the table of that name"
)]
pub struct WriteSet {
    pub ws: i64,
    pub conn: String,
    pub now: i64,
    /// Deliveries that must still be waiting, and what becomes of them.
    pub deliveries: Vec<DeliveryDone>,
    pub records: Vec<RecordWrite>,
    pub transitions: Vec<TransitionRow>,
    pub events: Vec<(EventRow, (i64, Vec<u8>))>,
    pub runs: Vec<RunRow>,
    /// Runs that were `completing` and go on or stop.
    pub runs_moved: Vec<RunRow>,
    pub actions: Vec<ActionRow>,
    /// Actions that waited for a needed step and can go on, or end: `(row, the state it must be in)`.
    pub actions_moved: Vec<(ActionRow, ActionState)>,
    pub holds: Vec<HoldRow>,
    pub bodies: Vec<SealedBody>,
    pub wants: Vec<WantRow>,
    pub answered: Vec<(Entity, Option<Entity>, String)>,
    /// The receipt number the answered reads were asked under.
    pub asked: i64,
    pub failures: Vec<Failing>,
    pub drift: Vec<(String, String, String)>,
    pub checkpoint: Option<(String, String, i64)>,
    pub watermark: Option<i64>,
    pub account: Option<String>,
    pub receipt: i64,
    pub backfilled: bool,
    /// Deliveries that waited for the watermark or a read and can be taken again.
    pub release: bool,
    /// Flows the plan was made with: name, version, falls.
    pub flows: Vec<(String, i64, i64)>,
    /// Completeness of these days.
    pub counted: Vec<(i64, Counted)>,
    /// Timers that are set; one that has fired for the same key stays so.
    pub timers_set: Vec<TimerRow>,
    /// Timers that fire with this: they must still be waiting for that key and time.
    pub timers_fired: Vec<TimerRow>,
    /// Timers of what does not hold any more.
    pub timers_dropped: Vec<TimerRow>,
    /// Candidate merged: records of this person are re-pointed.
    pub wiped: Vec<[u8; 16]>,
}

impl WriteSet {
    /// A page of a walk that nothing follows from: no event, run, action, delivery or failure. The place where the walk goes on moves
    /// with it, so that whoever loses it reads it again.
    pub fn comes_again(&self) -> bool {
        let follows = self.events.len()
            + self.runs.len()
            + self.runs_moved.len()
            + self.actions.len()
            + self.actions_moved.len()
            + self.holds.len()
            + self.failures.len()
            + self.deliveries.len();
        let begins = self.watermark.is_some() || self.account.is_some() || self.backfilled;
        self.checkpoint.is_some() && follows == 0 && !begins
    }
}

/// Changes of one day, by how they were learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// A webhook told it first, in order.
    pub live: i64,
    /// A webhook told it, but after something newer, or after a poll had found it.
    pub late: i64,
    /// No webhook told it; a read found it in order. Less than nothing where a webhook came after all.
    pub recovered: i64,
    /// No webhook told it, and it was learned only after something newer: flows passed it over.
    pub missed: i64,
}

/// What becomes of a waiting delivery.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the delivery table")]
pub struct DeliveryDone {
    pub id: i64,
    pub state: DeliveryState,
    /// 0 = nothing; 1 = the watermark; 2 = a read (a hint); 3 = a thin body's or an unknown record's read;
    /// 4 = it waited for the watermark and may be taken now.
    pub wait: i64,
    pub kind: Option<String>,
    pub note: Option<String>,
    /// An answered hint: it may have been decided by another one already.
    pub hint: bool,
}

/// Whether a write set was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of it.
    Done,
    /// None of it: compute again.
    Stale,
}

/// A claim: the action, and the state it was seen in.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the action table")]
pub struct Claim {
    pub action: i64,
    pub from: ActionState,
    pub attempt: i64,
    /// Revisions the guards were checked with.
    pub facts: Vec<([u8; 16], i64)>,
    pub seen_version: Option<String>,
    /// The hash of the request as a person would see it: a decision covers that one only.
    pub shown_hash: [u8; 32],
    /// Who decides, until when, and now, where it turns out that a person must.
    pub hold: (String, i64, i64),
    /// Written when it is rendered only now.
    pub request: Option<SealedBody>,
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It may be sent, under this attempt.
    Go,
    /// It is not in that state any more.
    Moved,
    /// A fact it was checked with has changed: check again.
    Facts,
    /// The flow's rung fell: it is recorded only.
    WouldHave,
    /// A decided hold's facts changed: the hold is blocked, the action skipped.
    Blocked,
    /// Nobody has decided about this request: it is held for a person now.
    Held,
}

/// What became of a claimed (or unsure) action.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the action table")]
pub struct Settle {
    pub action: i64,
    pub from: ActionState,
    pub attempt: i64,
    pub to: ActionState,
    pub reason: Option<String>,
    pub due: Option<i64>,
    pub tries: i64,
    pub maybe: bool,
    pub first_fail: Option<i64>,
    pub quiet_until: Option<i64>,
    pub remote_id: Option<String>,
    pub output: Option<SealedBody>,
    pub calls: Vec<CallRow>,
    pub bodies: Vec<SealedBody>,
    pub failure: Option<Failing>,
    pub at: i64,
    /// The connection answered well at this time.
    pub success: bool,
}

/// Whether a settle was taken, and whether its run may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// False where the row had moved on.
    pub taken: bool,
    /// True where other steps of the run wait for this one.
    pub waiters: bool,
}

/// A connection as stored.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the connection table")]
pub struct ConnectionRow {
    pub conn: String,
    pub state: String,
    pub sentence: String,
    pub account: Option<String>,
    pub watermark: Option<i64>,
    pub backfilled: bool,
    pub last_success: Option<i64>,
    pub blocked_until: Option<i64>,
    pub receipt: i64,
    pub vendor_date: Option<i64>,
    pub last_ping: Option<i64>,
    pub rejected: i64,
    pub refused_large: i64,
    pub fields: Map<String, Value>,
    pub fields_hash: Option<Vec<u8>>,
    pub token: Option<Value>,
    /// What it keeps of its vendor's data, in the engine's words; no personal value in it.
    pub kept: Option<Value>,
}

/// A change of a connection; `None` leaves as it is.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the connection table")]
pub struct ConnectionChange {
    pub ws: i64,
    pub conn: String,
    pub state: Option<(String, String)>,
    pub account: Option<String>,
    pub watermark: Option<i64>,
    pub blocked_until: Option<Option<i64>>,
    pub vendor_date: Option<i64>,
    pub last_success: Option<i64>,
    pub last_ping: Option<i64>,
    pub fields: Option<(Map<String, Value>, Vec<u8>)>,
    pub token: Option<Option<Value>>,
    pub kept: Option<Value>,
    /// Streams that are read from their beginning again.
    pub reread: Vec<String>,
    pub audit: Option<AuditEntry>,
    pub now: i64,
}

/// Where one of our webhooks at a vendor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookState {
    /// It is being made: the vendor may know it or not.
    Making,
    /// It is there.
    On,
    /// It was taken away; its secret still opens what was sent before.
    Gone,
}

impl HookState {
    pub(crate) const ALL: [(HookState, &'static str); 3] = [
        (HookState::Making, "making"),
        (HookState::On, "on"),
        (HookState::Gone, "gone"),
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            HookState::Making => "making",
            HookState::On => "on",
            HookState::Gone => "gone",
        }
    }
}

/// A webhook we made at a vendor; its secret is sealed on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the hook table")]
pub struct HookRow {
    pub id: i64,
    pub ws: i64,
    pub conn: String,
    /// The type of delivery; empty where there is one webhook for all.
    pub event: String,
    pub remote_id: Option<String>,
    pub url: String,
    pub state: HookState,
    pub enabled: bool,
    /// What is not right with it, in plain words.
    pub said: Option<String>,
    pub secret: Option<String>,
    pub at: i64,
    /// Of one that is gone: how long its secret still counts.
    pub until: Option<i64>,
}

/// A flow as stored, with its live source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the flow table")]
pub struct FlowRow {
    pub flow: String,
    pub version: i64,
    pub file_hash: Option<Vec<u8>>,
    pub ceiling: Rung,
    pub rung: Rung,
    pub falls: i64,
    pub owner: String,
    pub override_note: Option<String>,
    pub late: i64,
    pub removed: bool,
    pub source: String,
}

/// A new version of a flow, or its removal.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the flow table")]
pub struct FlowChange {
    pub ws: i64,
    pub flow: String,
    pub source: Option<String>,
    pub file_hash: Option<Vec<u8>>,
    pub ceiling: Rung,
    pub owner: String,
    pub author: String,
    pub at: i64,
}

/// A change of a flow's rung.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the flow table")]
pub struct RungChange {
    pub ws: i64,
    pub flow: String,
    pub to: Rung,
    pub by: String,
    pub note: Option<String>,
    pub at: i64,
}

/// A subscription; its secret is sealed on disk.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the subscription table")]
pub struct SubscriptionRow {
    pub id: i64,
    pub ws: i64,
    pub url: String,
    pub events: Vec<String>,
    pub fields: Vec<String>,
    pub state: String,
    pub at: i64,
    pub secret: String,
    /// Only events of these connections; empty = of all.
    pub connections: Vec<String>,
    /// Who made it, and is told when it ends by itself.
    pub owner: String,
    /// The secret before this one, and until when it still signs too.
    pub old: Option<(String, i64)>,
    /// How many answers in a row said that there is nothing at its address, and since when.
    pub missed: Option<(i64, i64)>,
}

/// An API token.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the token table")]
pub struct TokenRow {
    pub id: i64,
    pub ws: i64,
    pub name: String,
    pub role: String,
    pub scopes: String,
}

/// What an `Idempotency-Key` was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the reply table")]
pub struct Reply {
    pub body_hash: [u8; 32],
    pub at: i64,
    pub status: i64,
    pub answer: String,
}

/// One line of the audit log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the audit table")]
pub struct AuditEntry {
    pub ws: i64,
    pub at: i64,
    pub actor: String,
    pub verb: String,
    pub object: String,
    pub detail: String,
}

/// A decision about a hold.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the hold table")]
pub struct Decision {
    pub action: i64,
    /// `approved`, `edited`, `rejected`.
    pub to: String,
    pub shown_hash: Option<[u8; 32]>,
    /// The request a person wrote instead, and its hash.
    pub request: Option<(SealedBody, [u8; 32])>,
    pub by: String,
    pub reason: Option<String>,
    pub at: i64,
    /// The place it takes when approved.
    pub place: i64,
    pub valid_until: Option<i64>,
}

/// The outcome of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldDone {
    /// It stands; the action's state now.
    Decided(ActionState),
    /// Somebody decided before; the hold's state.
    Already(String),
    /// The hash is not that of the request as it is now.
    NotShown,
    /// The facts changed: it is blocked.
    Blocked,
    /// No such hold.
    NotFound,
}

/// Actions to be tried again by hand.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field says what it is")]
pub struct Replay {
    pub actions: Vec<i64>,
    pub by: String,
    pub at: i64,
    /// Only say what would happen.
    pub plan: bool,
    /// Requests rendered anew, by action: only where nothing can have happened.
    pub rendered: Vec<(i64, SealedBody)>,
    /// How long each is valid from now, in milliseconds; 0 = no limit.
    pub valid_ms: Vec<(i64, i64)>,
    /// True where one action was named by a person; false for a group.
    pub single: bool,
}

/// What a replay did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field says what it is")]
pub struct ReplayDone {
    pub again: Vec<i64>,
    /// Left alone, each with the reason in plain words.
    pub left: Vec<(i64, String)>,
    /// Newer actions of the same order key that went meanwhile.
    pub overtaken_by: Vec<(i64, i64)>,
}

/// A failure's items settled by hand.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field says what it is")]
pub struct ByHand {
    pub failure: i64,
    /// `done_by_hand`, `did_not_arrive`, `not_needed`.
    pub kind: String,
    pub remote_id: Option<String>,
    pub reason: String,
    pub by: String,
    pub at: i64,
}

/// A page of a list: which, filtered how, from where.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field says what it is")]
pub struct Query {
    pub ws: i64,
    pub list: String,
    pub filters: Vec<(String, String)>,
    pub cursor: Option<String>,
    pub limit: i64,
}

/// Items of a list and where the next page starts.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field says what it is")]
pub struct Page {
    pub items: Vec<Value>,
    pub next: Option<String>,
    /// Where to go on later, on the last page too; only lists in the order of changes have it.
    pub resume: Option<String>,
}
