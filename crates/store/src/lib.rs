//! Every SQL statement, the migrations and the work that is due. Operations are coarse: each is one transaction and speaks in
//! domain words. Knows no vendor, no HTTP, and never calls anybody.

mod seal;
mod sqlite;
mod types;

pub use seal::{Class, DAY, Keys};
pub use sqlite::{DataDir, Options, Sqlite, SqliteError, sqlite_version};
pub use types::*;

use std::future::Future;
use std::pin::Pin;

/// What an operation gives back, later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The write queue is full: the caller should answer 503 and be asked again.
    #[error("the database has more to write than it can take right now")]
    Busy,
    /// The disk is full or gone, or the writer has stopped. Nothing of this operation was written.
    #[error("the database cannot be written: {0}")]
    Unavailable(String),
    /// A statement failed; nothing of this operation was written.
    #[error("a database statement failed")]
    Sql(#[from] SqliteError),
    /// A sealed value does not open: its key died with its day, or the bytes were changed.
    #[error("a sealed value of {0} {1} does not open")]
    Sealed(&'static str, i64),
    /// The master key does not fit this database.
    #[error(
        "the master key does not open this database; put the right key into data_dir or STAGEWIRE_MASTER_KEY"
    )]
    WrongMasterKey,
    /// What was asked for is not there.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// What was asked for does not fit the state it is in.
    #[error("{0}")]
    Conflict(String),
    /// The data directory belongs to another running server, or to a newer version.
    #[error("{0}")]
    Refused(String),
    /// A stored value is not what this version writes.
    #[error("a stored value of {0} cannot be read")]
    Corrupt(&'static str),
}

macro_rules! ops {
    ($($(#[$doc:meta])* $how:ident $name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)+) => {
        /// The operations of a store. One contract suite proves every implementation.
        pub trait Store: Send + Sync {
            /// The keys in memory, to seal and open values outside the writer.
            fn keys(&self) -> &Keys;
            /// The next number for a table; numbers grow and are never used twice.
            fn next(&self, table: Table) -> i64;
            /// The installation's key for record ids.
            fn install_key(&self) -> &[u8; 32];
            $($(#[$doc])* fn $name(&self $(, $arg: $ty)*) -> Later<'_, $out>;)+
        }

        impl Store for Sqlite {
            fn keys(&self) -> &Keys { self.shared_keys() }
            fn next(&self, table: Table) -> i64 { self.next_id(table) }
            fn install_key(&self) -> &[u8; 32] { self.install() }
            $(fn $name(&self $(, $arg: $ty)*) -> Later<'_, $out> { ops!(@ $how self, $name $(, $arg)*) })+
        }
    };
    (@ write $s:ident, $name:ident $(, $arg:ident)*) => { Box::pin($s.write(move |tx| tx.$name($($arg),*))) };
    (@ soon $s:ident, $name:ident $(, $arg:ident)*) => { Box::pin($s.write_soon(move |tx| tx.$name($($arg),*))) };
    (@ admit $s:ident, $name:ident $(, $arg:ident)*) => { Box::pin($s.write_or_busy(move |tx| tx.$name($($arg),*))) };
    (@ read $s:ident, $name:ident $(, $arg:ident)*) => { Box::pin($s.read(move |rx| rx.$name($($arg),*))) };
}

ops! {
    // ---- deliveries
    /// Makes a delivery durable, or counts a duplicate. Fails with [`Error::Busy`] instead of waiting.
    admit admit(delivery: NewDelivery) -> Admitted;
    /// Waiting deliveries of a connection, oldest first, without their bodies; those marked as waiting for a read are left out.
    read due_deliveries(conn: String, limit: i64) -> Vec<DueDelivery>;
    /// The opened body.
    read body(id: i64) -> Vec<u8>;
    /// Counts a refused delivery (bad signature, too large).
    write count_refused(ws: i64, conn: String, large: bool) -> ();
    /// A delivery's way back to waiting (replay), or set aside.
    write delivery_state(id: i64, from: Vec<DeliveryState>, to: DeliveryState, failure: Option<Failing>) -> bool;

    // ---- mirror
    /// Records by their ids, in the order asked.
    read records(ws: i64, ids: Vec<[u8; 16]>) -> Vec<Option<RecordRow>>;
    /// Records of one entity about a person, newest first.
    read related(ws: i64, person: [u8; 16], entity: stagewire_model::Entity) -> Vec<RecordRow>;
    /// Records of a connection behind a number, in the order of their numbers.
    read records_after(conn: String, rid: i64, limit: i64) -> Vec<RecordRow>;
    /// Forgets records, with their history.
    write records_drop(ws: i64, ids: Vec<[u8; 16]>) -> i64;
    /// Deliveries of a connection behind a number, with their bodies where they are kept.
    read bodies_after(conn: String, delivery: i64, limit: i64) -> Vec<(i64, i64, Option<Vec<u8>>)>;
    /// Puts another content in the place of a body.
    write body_replace(body: SealedBody) -> ();
    /// Applies a write set whole, or nothing of it where the ground has moved.
    write apply(set: Box<WriteSet>) -> Applied;
    /// The same of a set that a read would bring again ([`WriteSet::comes_again`]): it is committed, and on the disk no later than
    /// the next write that waits for the disk. The death of the process loses nothing of it; a power cut may.
    soon apply_soon(set: Box<WriteSet>) -> Applied;
    /// Records of one kind that are there, in the order of their numbers, after the given one.
    read alive(conn: String, entity: stagewire_model::Entity, after: i64, limit: i64) -> Vec<Alive>;
    /// How many reads are wanted of a connection.
    read wants_count(conn: String) -> i64;
    /// The remote ids of one kind that are to be read, due or not.
    read wanted(conn: String, entity: stagewire_model::Entity) -> Vec<String>;
    /// Wanted reads that are due.
    read wants_due(conn: String, now: i64, limit: i64) -> Vec<WantRow>;
    /// A wanted read was not answered: when to ask again, and how often it was tried.
    write want_again(conn: String, wants: Vec<WantRow>) -> ();
    /// A run that was parked before it had actions waits for its path again, until then.
    write run_again(id: i64, due: i64) -> bool;
    /// Runs that wait for a path of the mirror.
    read completing(conn: String, limit: i64) -> Vec<RunRow>;

    // ---- actions
    /// Unfinished actions of a destination with a place after this one, in order of place.
    read due_actions(conn: String, after_place: i64, limit: i64) -> Vec<ActionRow>;
    /// How many unfinished actions a destination has.
    read backlog(conn: String) -> i64;
    /// Claims actions; each answer says whether it may be sent.
    write claim(claims: Vec<Claim>) -> Vec<Claimed>;
    /// What became of a claimed action, with its calls, in one transaction.
    write settle(settle: Box<Settle>) -> Settled;
    /// Everything claimed when this process started: it becomes unsure.
    write recover(now: i64, quiet_ms: i64) -> i64;
    /// One action.
    read action(id: i64) -> Option<ActionRow>;
    /// The actions of a run.
    read actions_of_run(run: i64) -> Vec<ActionRow>;
    /// One run.
    read run(id: i64) -> Option<RunRow>;
    /// One event as stored.
    read event(uid: [u8; 16]) -> Option<EventRow>;
    /// Events of a partition or the newest of all, for trying flows and catching up.
    read recent_events(ws: i64, kind: Option<String>, conn: Option<String>, limit: i64) -> Vec<EventRow>;
    /// Runs whose steps may go on: something they need has settled.
    read runs_to_advance(limit: i64) -> Vec<i64>;
    /// Calls that belong to no action; on the disk as those of [`Store::apply_soon`] are.
    soon log_calls(calls: Vec<CallRow>, bodies: Vec<SealedBody>) -> ();
    /// Replays or moves actions by hand; see [`Replay`].
    write replay(replay: Replay) -> ReplayDone;
    /// A failure settled by hand.
    write settle_by_hand(by: ByHand) -> i64;

    // ---- time
    /// Timers of a connection that are due, of one kind, the longest due first.
    read timers_due(conn: String, kind: TimerKind, now: i64, limit: i64) -> Vec<TimerRow>;
    /// When the next timer of a connection is due.
    read timers_next(conn: String) -> Option<i64>;
    /// Every timer of that kind, rule (or flow) and subject, fired ones too.
    read timers_of(conn: String, kind: TimerKind, rule: String, subject: [u8; 16]) -> Vec<TimerRow>;
    /// Every timer of a kind that there is few of: rules and schedules, fired ones too.
    read timers_all(conn: String, kind: TimerKind) -> Vec<TimerRow>;
    /// Drops timers of a rule that nobody wants any more, a slice at a time; says how many went.
    write timers_forget(conn: String, kind: TimerKind, rule: String, limit: i64) -> i64;
    /// Records of one entity that are not deleted, in the order they changed, after this place.
    read scan(ws: i64, conn: String, entity: stagewire_model::Entity, after: (i64, i64), limit: i64) -> Vec<RecordRow>;
    /// Events of one type about a record, learned at or after this time, oldest first.
    read events_of(ws: i64, subject: [u8; 16], kind: String, since: i64, limit: i64) -> Vec<EventRow>;
    /// How many of a flow's newest runs (at most `limit`) began at or after this time.
    read runs_since(ws: i64, flow: String, since: i64, limit: i64) -> i64;

    // ---- holds
    /// Decides a waiting hold.
    write decide(decision: Decision) -> HoldDone;
    /// Holds whose time has passed become expired; their actions are skipped.
    write expire_holds(now: i64) -> Vec<i64>;
    /// One hold with its action.
    read hold(action: i64) -> Option<HoldRow>;

    // ---- failures, alerts
    /// Opens or counts failures outside any other transaction.
    write fail(failures: Vec<Failing>) -> Vec<i64>;
    /// Failures of a group are over.
    write recovered(ws: i64, group_prefix: String, now: i64) -> i64;
    /// Failures nobody was told about yet.
    read unalerted(limit: i64) -> Vec<FailureRow>;
    /// Somebody was told.
    write alerted(id: i64) -> ();
    /// A person takes or ignores a failure.
    write failure_state(id: i64, to: String, by: String, at: i64) -> bool;
    /// One failure with its items.
    read failure(id: i64) -> Option<(FailureRow, Vec<(String, i64)>)>;

    // ---- connections
    /// All connections as stored.
    read connections(ws: i64) -> Vec<ConnectionRow>;
    /// Creates or changes a connection.
    write connection_put(change: ConnectionChange) -> ();
    /// The checkpoints of a connection's streams.
    read checkpoints(conn: String) -> Vec<(String, String, i64)>;
    /// A cached look-up that is still good.
    read lookup(conn: String, name: String, value: String, now: i64) -> Option<String>;
    /// Remembers a look-up.
    write lookup_put(conn: String, name: String, value: String, found: String, until: i64) -> ();

    // ---- webhooks at vendors
    /// The webhooks we made at a connection's vendor, with those that are gone while their secrets count.
    read hooks(ws: i64, conn: String) -> Vec<HookRow>;
    /// Writes one, new or changed.
    write hook_put(row: HookRow) -> ();
    /// Forgets one at once, with its secret: it never came to be.
    write hook_drop(id: i64) -> ();
    /// When each type of delivery came last, among the newest deliveries of all.
    read last_deliveries(ws: i64, conn: String) -> Vec<(String, i64)>;

    // ---- flows
    /// Every flow with its live source.
    read flows(ws: i64) -> Vec<FlowRow>;
    /// Stores a new version or its removal.
    write flow_put(change: FlowChange) -> FlowRow;
    /// Moves a flow's rung; a fall marks what waits and is shut out.
    write flow_rung(change: RungChange) -> FlowRow;
    /// Versions of a flow.
    read flow_versions(ws: i64, flow: String) -> Vec<serde_json::Value>;

    // ---- subscriptions, tokens, replies, audit
    /// All subscriptions.
    read subscriptions(ws: i64) -> Vec<SubscriptionRow>;
    /// Adds one.
    write subscription_put(row: SubscriptionRow, by: String) -> ();
    /// Ends one, and what waits for it; who ended it and why stands in the audit log.
    write subscription_end(id: i64, by: String, why: String, at: i64) -> bool;
    /// Gives one a new secret; the one before signs too until then.
    write subscription_secret(id: i64, secret: String, until: i64, by: String, at: i64) -> bool;
    /// Its address answered that there is nothing there (or, with false, answered well): how many times in a row, and since when.
    write subscription_missed(id: i64, missed: bool, at: i64) -> (i64, i64);
    /// Adds an API token by the hash of its text.
    write token_put(ws: i64, name: String, role: String, scopes: String, hash: [u8; 32], at: i64, by: String) -> i64;
    /// The token of that hash: id, name, role.
    read token(hash: [u8; 32]) -> Option<TokenRow>;
    /// What an `Idempotency-Key` was answered before.
    read reply(ws: i64, token: i64, key: String) -> Option<Reply>;
    /// Remembers an answer.
    write reply_put(ws: i64, token: i64, key: String, reply: Reply) -> ();
    /// Adds to the audit log.
    write audit(entry: AuditEntry) -> i64;
    /// Checks the audit log's chain: how many entries, or the first broken one.
    read verify_log() -> Result<i64, i64>;

    // ---- lists and housekeeping
    /// One page of a list.
    read page(query: Query) -> Page;
    /// The bodies of deliveries, where they are still kept.
    read raw(ws: i64, deliveries: Vec<i64>) -> Vec<Option<Vec<u8>>>;
    /// Counts for metrics and readiness.
    read counts() -> Vec<(String, String, i64)>;
    /// Writes a whole copy of the database to a file that must not be there yet. Keys stay wrapped: the master key is not in it.
    read backup(file: std::path::PathBuf) -> ();
    /// Drops what is over its time, a slice at a time; says how many rows went.
    write purge(now: i64, limit: i64) -> i64;
    /// Writes nothing: proves the writer works.
    write ping() -> ();
    /// Reads and writes one value of `meta`.
    read meta(k: String) -> Option<Vec<u8>>;
    /// Writes one value of `meta`.
    write meta_put(k: String, v: Vec<u8>) -> ();
}
