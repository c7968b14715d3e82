//! The items of lists.

use serde_json::{Map, Value};
use utoipa::ToSchema;

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(ToSchema)]
            pub struct $name { $($(#[$fdoc])* #[schema(required)] pub $field: $ty),+ }
        )+
    };
}

shapes! {
    /// One account at a vendor.
    Connection {
        /// Its name.
        id: String,
        /// The connector's id.
        connector: String,
        /// What people call the vendor.
        name: String,
        /// `working`, `catching_up`, `slow`, `quiet`, `needs_you`, `paused`, `unknown`.
        state: String,
        /// The state in a sentence.
        sentence: String,
        /// Who is told when it stops.
        owner: String,
        /// When a call last succeeded.
        last_success_at: Option<String>,
        /// The vendor's account it is pinned to.
        account: Option<String>,
        /// Whether a person begins it by agreeing at the vendor.
        by_consent: bool,
        /// When the token in hand ends; it is renewed before.
        token_expires_at: Option<String>,
        /// When what renews it ends, if it is not used before.
        refresh_expires_at: Option<String>,
        /// What is earlier than this is history and gives no event.
        watermark_at: Option<String>,
        /// Whether the first read of everything is over.
        backfilled: bool,
        /// Until when the vendor asked us to wait.
        blocked_until: Option<String>,
        /// `managed`, `manual`, `none`: who makes the webhooks at the vendor.
        webhooks: String,
        /// Deliveries refused because their signature was wrong.
        rejected: i64,
        /// Deliveries refused because they were too large.
        refused_large: i64,
        /// Calls in flight.
        in_flight: i64,
        /// Actions waiting in memory.
        waiting: i64,
        /// Since when nothing is sent because too many calls failed.
        circuit_open_since: Option<String>,
    }
    /// What a connection is allowed at the vendor.
    Scopes {
        /// What its lists and the actions of live flows need.
        needed: Vec<String>,
        /// What the vendor says was granted; null where it does not say.
        granted: Option<Vec<String>>,
    }
    /// Something that a connection does not supply: in its records it is null, and named in `meta.not_available`.
    NotAvailable {
        /// The entity.
        entity: String,
        /// Its fields; none where it is not supplied at all.
        fields: Vec<String>,
        /// The permission that would bring it; null where the vendor has none of it, or the connector does not read it.
        scope: Option<String>,
    }
    /// One field of a connection's form.
    FormField {
        /// Its name.
        name: String,
        /// What the form calls it.
        label: String,
        /// One sentence of help.
        help: Option<String>,
        /// Sealed, and never shown.
        secret: bool,
        /// Nothing works without it.
        required: bool,
        /// Whether it is filled in.
        filled_in: bool,
        /// The only values it may have; any where empty.
        one_of: Vec<String>,
    }
    /// A stream that is read.
    StreamState {
        /// Its name.
        name: String,
        /// The entity its rows are.
        entity: String,
        /// Rows read so far.
        rows: Option<i64>,
    }
    /// What arrived, raw.
    Delivery {
        /// Its number.
        id: String,
        /// When it arrived.
        time: String,
        /// Where.
        connection: String,
        /// The vendor's id of it.
        vendor_id: Option<String>,
        /// The vendor's word for what happened.
        r#type: Option<String>,
        /// Whether its signature was checked and right.
        signed: bool,
        /// `waiting`, `mapped`, `kept`, `duplicate`, `failed`.
        state: String,
        /// What it waits for.
        waits_for: Option<String>,
        /// Why it stands where it stands.
        note: Option<String>,
        /// How large it was.
        bytes: i64,
    }
    /// A fact: the mirror changed. A CloudEvents envelope.
    Event {
        /// `1.0`.
        specversion: String,
        /// Its id.
        id: String,
        /// What happened.
        r#type: String,
        /// The connection.
        source: String,
        /// The record.
        subject: String,
        /// When it happened at the vendor.
        time: String,
        /// The model's version.
        dataschema: String,
        /// `application/json`.
        datacontenttype: String,
        /// When we learned it.
        observedat: String,
        /// The order key.
        partitionkey: String,
        /// Gap-free number within the order key.
        sequence: String,
        /// What changed, from what to what, and why.
        data: Map<String, Value>,
    }
    /// A flow as it runs.
    Flow {
        /// Its id.
        id: String,
        /// What people call it; null where it does not load.
        name: Option<String>,
        /// What it does, in a sentence.
        sentence: Option<String>,
        /// The version that runs.
        version: i64,
        /// How far it may go by itself.
        rung: String,
        /// How far its file lets it go.
        ceiling: String,
        /// Who answers for it.
        owner: String,
        /// Who raised it without evidence, and why.
        override_note: Option<String>,
        /// Late events it left out.
        late: i64,
        /// Whether it fits the connections there are, and runs.
        runs: bool,
    }
    /// A version of a flow.
    FlowVersion {
        /// Its number.
        version: i64,
        /// Who made it.
        author: String,
        /// When.
        at: String,
        /// The file.
        source: String,
    }
    /// A problem in a flow's file.
    FlowProblem {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u32,
        /// Counted from 1.
        column: u32,
        /// One plain sentence.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    }
    /// One event through one flow.
    Run {
        /// Its number.
        id: String,
        /// The event.
        event_id: String,
        /// The flow.
        flow: String,
        /// The flow's version.
        version: i64,
        /// `completing`, `running`, `done`, `parked`, `skipped`, `would_have`.
        state: String,
        /// Why.
        reason: Option<String>,
        /// When it began.
        time: String,
    }
    /// One intended effect: a row of the ledger.
    Action {
        /// Its number.
        id: String,
        /// The run it belongs to.
        run_id: String,
        /// The event it is about.
        event_id: String,
        /// The flow.
        flow: String,
        /// The step.
        step: String,
        /// The item of the step's list; empty where it has none.
        item: String,
        /// Where it goes.
        connection: String,
        /// What it does: `<connector>.<object>.<verb>`.
        uses: String,
        /// The hash that makes it one.
        intent: String,
        /// `feed`, `internal`, `record`, `candidate`.
        effect: String,
        /// How a repeat is made harmless.
        once: String,
        /// Where it stands.
        state: String,
        /// Why.
        reason: Option<String>,
        /// How often it was claimed.
        attempts: i64,
        /// Tries of its retry plan used up.
        tries: i64,
        /// Whether it may have happened.
        may_have_happened: bool,
        /// When it is due.
        due_at: Option<String>,
        /// When it is no longer worth sending.
        valid_until: Option<String>,
        /// What it made at the vendor.
        remote_id: Option<String>,
        /// When it was planned.
        created_at: String,
        /// When it was over.
        settled_at: Option<String>,
        /// The action it replaces.
        redo_of: Option<String>,
    }
    /// An action waiting for a person.
    Hold {
        /// Its number.
        id: String,
        /// The action's number.
        action_id: String,
        /// `waiting`, `approved`, `edited`, `rejected`, `expired`, `blocked`.
        state: String,
        /// The flow.
        flow: String,
        /// Who decides.
        owner: String,
        /// When it expires, which means: not sent.
        expires_at: String,
        /// Names exactly the request shown; a decision must give it back.
        shown_hash: String,
        /// When it began to wait.
        created_at: String,
        /// Who decided.
        decided_by: Option<String>,
        /// When.
        decided_at: Option<String>,
        /// Why.
        reason: Option<String>,
        /// Exactly what would be sent.
        request: Option<Map<String, Value>>,
        /// What it does.
        uses: String,
        /// The event it is about.
        event_id: String,
        /// Where it goes.
        connection: String,
    }
    /// An entry in the error inbox.
    Failure {
        /// Its number.
        id: String,
        /// Its code.
        code: String,
        /// What the code says.
        title: String,
        /// The connection.
        connection: Option<String>,
        /// The flow.
        flow: Option<String>,
        /// The cause, in plain words.
        cause: String,
        /// `open`, `taken`, `waiting`, `fixed`, `back`, `ignored`.
        state: String,
        /// Who answers for it.
        owner: String,
        /// How often it happened.
        count: i64,
        /// When it happened first.
        first_seen: String,
        /// When it happened last.
        last_seen: String,
        /// Who took it.
        taken_by: Option<String>,
    }
    /// What a failure is about.
    FailureItem {
        /// `action`, `run`, `delivery`, `connection`.
        kind: String,
        /// Its number.
        id: String,
    }
    /// One HTTP request we made.
    Call {
        /// Its number.
        id: String,
        /// When.
        time: String,
        /// Where.
        connection: String,
        /// The method.
        method: String,
        /// The host.
        host: String,
        /// The path template.
        path: String,
        /// The status; 0 where no answer came.
        status: i64,
        /// The failure's code.
        code: Option<String>,
        /// How long it took.
        duration_ms: i64,
        /// Which attempt of its action.
        attempt: i64,
        /// The action.
        action_id: Option<String>,
        /// `action`, `look`, `read`, `token`, `check`.
        purpose: String,
        /// How many more the vendor would take now.
        limit_left: Option<i64>,
    }
    /// A vendor's shape that changed.
    Drift {
        /// The connection.
        connection: String,
        /// The shape.
        shape: String,
        /// The path in it.
        path: String,
        /// What is odd about it.
        code: String,
        /// In how many answers.
        count: i64,
        /// When first.
        first_seen: String,
        /// When last.
        last_seen: String,
    }
    /// How complete the webhooks of a day were.
    Completeness {
        /// The connection.
        connection: String,
        /// The day.
        day: String,
        /// Changes that a webhook told, in order.
        seen_live: i64,
        /// Changes that a webhook told after something newer, or after a poll had found them.
        late: i64,
        /// Changes that no webhook told and a poll found, in order.
        recovered: i64,
        /// Changes that no webhook told, learned only after something newer: flows passed them over.
        missed: i64,
    }
    /// One line of the audit log.
    AuditLine {
        /// Its number; gap-free.
        n: i64,
        /// When.
        time: String,
        /// Who.
        actor: String,
        /// What.
        verb: String,
        /// About what.
        object: String,
        /// The rest.
        detail: String,
    }
    /// A receiver of events.
    Subscription {
        /// Its number.
        id: String,
        /// Where events go.
        url: String,
        /// Types that are wanted; `*` = all.
        events: Vec<String>,
        /// Personal fields that an admin lets out with them.
        fields: Vec<String>,
        /// Only events of these connections; empty = of all.
        connections: Vec<String>,
        /// `on`, `paused`.
        state: String,
        /// Who made it, and is told when it ends by itself.
        owner: String,
        /// When it was made.
        created_at: String,
        /// Until when the secret before the last one signs too.
        both_until: Option<String>,
        /// Answers in a row that there is nothing at its address.
        not_found: i64,
        /// Since when.
        not_found_since: Option<String>,
    }
    /// What a replay did, or would do.
    Replayed {
        /// Actions tried again.
        again: Vec<String>,
        /// Actions left alone, and why.
        left: Vec<LeftAlone>,
        /// Newer actions about the same record that went meanwhile.
        overtaken_by: Vec<Overtaken>,
    }
    /// An action left alone.
    LeftAlone {
        /// The action.
        action_id: String,
        /// Why.
        reason: String,
    }
    /// An action that a newer one overtook.
    Overtaken {
        /// The action.
        action_id: String,
        /// The newer one.
        by: String,
    }
}
