//! Webhooks at made-up vendors: what is called, what is read from the answers, and what does not load.

use serde_json::{Value, json};
use stagewire_connector::{
    Connector, FoundHook, HookCall, HookValues, Response, SecretFrom, Settings,
};
use std::collections::BTreeMap;

const MAIN: &str = "format = 1\nid = \"acme\"\nname = \"Acme\"\nkind = \"ats\"\nbase_url = \"https://api.acme.example/v1\"\nchecked_on = \"2026-11-24\"\n\
    [fields]\nhook = { label = \"Hook secrets\", secret = true, many = true }\n";
const LISTED: &str = r#"
verify = { scheme = "hmac_sha256", header = "X-Sig", secret = "hook" }
route = { on = "event" }
[events]
moved = {}
made = {}
drawn = {}
[subscription]
by_hand = ["drawn"]
secret = "returned"
scope = "hooks:write"
row = { id = "id", url = "url", event = "event", enabled = "status", secret = "configuration.token" }
expect = { at = "configuration.origins", holds = ["applied", "agency"], events = ["moved"] }
list = { get = "/hooks", query = { limit = 100 }, rows = "data", paging = { style = "body_cursor", cursor = "next" } }
create = { post = "/hooks", body = { url = "{url}", event = "{event}", tags = ["wire"] }, at = ["data.data", "data"] }
delete = { delete = "/hooks/{id}" }
"#;
const ALL: &str = r#"
verify = { scheme = "hmac_sha256", header = "X-Sig", secret = "hook" }
route = { on = "event" }
[events]
moved = {}
made = {}
[subscription]
each = "all"
secret = "made"
row = { id = "id", url = "callback" }
look = { get = "/hooks/{id}" }
create = { put = "/hooks", body = { callback = "{url}", events = "{events}", secret = "{secret}" } }
verify = { put = "/hooks/{id}/activation" }
update = { patch = "/hooks/{id}", body = { callback = "{url}", secret = "{secret}" } }
delete = { delete = "/hooks/{id}" }
"#;

fn load(webhooks: &str, main: &str) -> Result<Connector, String> {
    let files: BTreeMap<String, String> = [("connector.toml", main), ("webhooks.toml", webhooks)]
        .map(|(n, t)| (n.to_owned(), t.to_owned()))
        .into();
    Connector::load("acme", &files).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        told.join("\n")
    })
}

fn acme(webhooks: &str) -> Connector {
    load(webhooks, MAIN).unwrap_or_else(|told| panic!("{told}"))
}

fn answer(body: &Value) -> Response {
    Response {
        status: 200,
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
}

const VALUES: HookValues<'static> = HookValues {
    id: Some("a/1"),
    url: "https://wire.example.com/in/ats",
    event: "moved",
    secret: Some("s3cret"),
};

#[test]
fn calls_are_made_of_the_values_and_their_paths_are_logged_without_them() {
    let (listed, all) = (acme(LISTED), acme(ALL));
    let told = |c: &Connector, call| {
        let request = c.hook_request(call, &Settings::default(), VALUES)?;
        let body = String::from_utf8_lossy(&request.body).into_owned();
        Some((
            format!("{} {}", request.method, request.url),
            request.template,
            body,
        ))
    };
    let base = "https://api.acme.example/v1";
    assert_eq!(
        told(&listed, HookCall::List),
        Some((
            format!("GET {base}/hooks?limit=100"),
            "/hooks".into(),
            String::new()
        ))
    );
    let body = json!({"url": VALUES.url, "event": "moved", "tags": ["wire"]}).to_string();
    assert_eq!(
        told(&listed, HookCall::Create),
        Some((format!("POST {base}/hooks"), "/hooks".into(), body))
    );
    assert_eq!(
        told(&listed, HookCall::Delete),
        Some((
            format!("DELETE {base}/hooks/a%2F1"),
            "/hooks/{id}".into(),
            String::new()
        ))
    );
    assert_eq!(told(&listed, HookCall::Update), None);
    assert!(!listed.subscription().is_some_and(|s| s.can(HookCall::Look)));
    let body = json!({"callback": VALUES.url, "events": ["made", "moved"], "secret": "s3cret"});
    assert_eq!(
        told(&all, HookCall::Create).map(|t| t.2),
        Some(body.to_string())
    );
    let without = HookValues {
        secret: None,
        ..VALUES
    };
    let update = all.hook_request(HookCall::Update, &Settings::default(), without);
    assert_eq!(
        update.map(|r| String::from_utf8_lossy(&r.body).into_owned()),
        Some(json!({"callback": VALUES.url}).to_string()),
        "a secret nobody knows is not replaced"
    );
    let nobody = HookValues { id: None, ..VALUES };
    assert!(
        all.hook_request(HookCall::Delete, &Settings::default(), nobody)
            .is_none()
    );
}

#[test]
fn webhooks_are_read_from_answers_however_they_are_wrapped() {
    let c = acme(LISTED);
    let s = c.subscription().expect("it has one");
    assert_eq!((s.one_for_all, &s.secret), (false, &SecretFrom::Returned));
    assert_eq!(
        (s.events.as_slice(), s.by_hand.as_slice()),
        (
            &["made".to_owned(), "moved".into()][..],
            &["drawn".to_owned()][..]
        )
    );
    let row = json!({"id": 7, "url": "u", "event": "moved", "status": "active", "configuration": {"token": "t", "origins": ["applied"]}});
    let found = FoundHook {
        id: "7".into(),
        url: "u".into(),
        event: "moved".into(),
        enabled: true,
        leaves_out: vec!["agency".into()],
        secret: Some("t".into()),
    };
    for wrapped in [json!({"data": {"data": row}}), json!({"data": row})] {
        assert_eq!(
            s.row(HookCall::Create, &answer(&wrapped)),
            Some(found.clone())
        );
    }
    assert_eq!(
        s.row(HookCall::Create, &answer(&json!({"data": {"id": 7}}))),
        None
    );
    let other = json!({"id": "8", "url": "u", "event": "made", "status": "inactive"});
    let page = answer(&json!({"data": [row, {"id": null}, other], "next": "n2"}));
    let rows = s.rows(&page).expect("a list");
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[1].enabled, rows[1].leaves_out.len(), &rows[1].secret),
        (false, 0, &None)
    );
    let first = c
        .hook_request(HookCall::List, &Settings::default(), VALUES)
        .expect("a call");
    let next = c
        .next_hooks(&first, &page)
        .expect("a page")
        .expect("there is more");
    assert!(next.url.contains("cursor=n2"), "{}", next.url);
    assert_eq!(s.rows(&answer(&json!({"data": "none"}))), None);
}

#[test]
fn a_slip_is_told_where_it_stands() {
    let told = |webhooks: &str, from: &str, to: &str, says: &str| {
        assert!(webhooks.contains(from), "{from}");
        let told = load(&webhooks.replacen(from, to, 1), MAIN).expect_err("it must not load");
        assert!(told.contains(says), "{told}");
    };
    told(
        LISTED,
        "by_hand = [\"drawn\"]",
        "by_hand = [\"drwan\"]",
        "webhooks.toml:9:11: `[events]` has no type `drwan`; did you mean `drawn`?",
    );
    told(
        LISTED,
        "event = \"{event}\"",
        "event = \"{evnt}\"",
        "`{evnt}` can have no value here; did you mean `event`?",
    );
    told(
        LISTED,
        "delete = {",
        "delte = {",
        "no such key: `delte` (did you mean `delete`?)",
    );
    told(
        LISTED,
        "delete = {",
        "delte = {",
        "`[subscription.delete]` is missing",
    );
    told(LISTED, "list = {", "look = {", "no such key: `rows`");
    told(
        LISTED,
        ", secret = \"configuration.token\"",
        "",
        "`row.secret` should say where it stands",
    );
    told(
        LISTED,
        ", event = \"event\"",
        "",
        "`row.event` should say where its type stands",
    );
    told(
        ALL,
        ", secret = \"{secret}\" } }\nverify",
        " } }\nverify",
        "put `{secret}` into its body",
    );
    told(
        ALL,
        "put = \"/hooks\"",
        "put = \"/hooks\", post = \"/x\"",
        "a call says one of",
    );
    told(
        ALL,
        "each = \"all\"",
        "each = \"al\"",
        "did you mean `all`?",
    );
    let one = MAIN.replace(", many = true", "");
    let told = load(LISTED, &one).expect_err("it must not load");
    assert!(
        told.contains("the field `hook` must say `many = true`"),
        "{told}"
    );
    assert!(load(ALL, &one).is_ok(), "one webhook has one secret");
}
