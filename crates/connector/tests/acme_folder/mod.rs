//! A made-up vendor's folder, and short ways to use it.

use serde_json::{Map, Value, json};
use stagewire_connector::{Connector, Lookup, RenderError, RenderInput, Settings, StoredRequest};
use stagewire_model::Entity;
use std::collections::BTreeMap;

const CONNECTOR: &str = r#"
format = 1
id = "acme"
name = "Acme"
kind = "ats"
base_url = "https://api.acme.example/base"
checked_on = "2026-11-24"
check = { get = "/me" }
[fields]
key = { label = "Key", secret = true }
user = { label = "User" }
hook = { label = "Hook secret", secret = true, many = true }
[auth.key]
scheme = "header"
header = "X-Key"
value = "{user}:{key}"
[paging]
style = "link_next"
size = "n"
per_page = 2
"#;

const MAPPING: &str = r#"
[person]
entity = "candidate"
root = "data"
id = "id"
dates = ["updated"]
rest = "extra"
[person.fields]
first_name = { at = "first", parse = "text" }
full_name = { join = ["first", "last"] }
emails = { at = "mail", each = "value" }
[[person.embeds]]
at = "runs"
as = "run"
[run]
entity = "application"
id = "id"
own = { applied = "applied" }
[run.fields]
candidate_id = { up = "id", ref = "candidate" }
status = { at = "state", map = { open = "active", lost = "rejected" }, but = [{ at = "by", is = ["them"], only = "rejected", gives = "withdrawn" }] }
start = { at = "start", parse = "date" }
"#;

const WEBHOOKS: &str = r#"
ack = 202
account = "org"
delivery_id = "X-Id"
verify = { scheme = "hmac_sha512", header = "X-Sig", shape = "{base64}", secret = "hook" }
route = { on = "type", unknown = "keep_and_report" }
[events]
"person.made" = { observes = "person", announces = "created" }
"person.hint" = { observes = "person", thin = true }
"#;

const STREAMS: &str = r#"
[people]
get = "/people"
as = "person"
ids = "ids"
"#;

const ACTIONS: &str = r#"
[defaults]
effect = "record"
[note]
does = "note.create"
subject = ["candidate"]
post = "/people/{candidate.id}/notes"
body = { text = "{text} [{marker}]", run = "{application.id}", rank = "{rank:int}" }
remote_id = "note.id"
once = { by = "marker", marker = "m-{intent.short}", probe = "notes", at = "text", match = "contains", remote_id = "id" }
with = { text = { required = true, max_chars = 20, doc = "the words" }, rank = { doc = "a number" } }
[move]
does = "application.move"
subject = ["application"]
put = "/runs/{application.id}"
body = { stage = "{stage}" }
once = { by = "compare", probe = "run", at = "stage", done = "{stage}", version = "rev" }
hold = "always"
with = { stage = { required = true, resolve = "stage" } }
[probes.notes]
get = "/people/notes"
query = { of = "{candidate.id}" }
[probes.run]
get = "/runs"
query = { id = "{application.id}" }
rows = "runs"
[resolve.stage]
get = "/stages"
query = { q = "{name}" }
when = "not_number"
"#;

pub(crate) fn files() -> BTreeMap<String, String> {
    [
        ("connector.toml", CONNECTOR),
        ("mapping.toml", MAPPING),
        ("webhooks.toml", WEBHOOKS),
        ("streams.toml", STREAMS),
        ("actions.toml", ACTIONS),
    ]
    .map(|(n, t)| (n.to_owned(), t.to_owned()))
    .into()
}

pub(crate) fn acme() -> Connector {
    Connector::load("acme", &files()).unwrap_or_else(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", told.join("\n"))
    })
}

pub(crate) fn settings() -> Settings {
    Settings::default()
        .with("key", "s3cret")
        .with("user", "bo")
        .with("hook", "a, b")
}

#[allow(dead_code, reason = "each test file uses its part")]
pub(crate) fn render(
    action: &str,
    with: Value,
    resolved: &BTreeMap<Lookup, String>,
) -> Result<StoredRequest, RenderError> {
    let c = acme();
    let settings = settings();
    let with: Map<String, Value> = with.as_object().cloned().unwrap_or_default();
    let remote = |e: Entity| match e {
        Entity::Candidate => Some("c/1".to_owned()),
        Entity::Application => Some("7".to_owned()),
        _ => None,
    };
    let input = RenderInput {
        with: &with,
        remote: &remote,
        intent_hex: "abcdef",
        intent_short: "abc",
        event_id: "evt_1",
        cloud_event: &json!({}),
        granted_scopes: None,
        resolved,
        escaped: false,
    };
    let action = c.action(action, &settings).expect("an action");
    c.render(action, &settings, &input).map(|r| r.request)
}
