//! A made-up vendor, through the public interface: what loads, what is rendered, what is refused.

mod acme_folder;

use acme_folder::{acme, files, render, settings};
use serde_json::{Value, json};
use stagewire_connector::{
    Compared, Connector, Found, Lookup, Outcome, PrepareError, RenderError, Response, StoredRequest,
};
use stagewire_model::{Effect, Micros, OnceKind, Seen};
use std::collections::BTreeMap;

fn broken(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = files();
    let text = files.get_mut(file).expect("a file");
    assert!(text.contains(from), "{from}");
    *text = text.replacen(from, to, 1);
    let problems = Connector::load("acme", &files).expect_err("it must not load");
    problems.iter().map(ToString::to_string).collect()
}

fn page(body: &str) -> Response {
    Response {
        status: 200,
        headers: vec![],
        body: body.into(),
    }
}

#[test]
fn every_slip_is_told_with_its_place_and_all_at_once() {
    assert_eq!(
        broken("streams.toml", "get = ", "gte = "),
        [
            "streams.toml:2:1: `get` or `post` is missing: the path of the list",
            "streams.toml:3:1: no such key: `gte` (did you mean `get`?)"
        ]
    );
    assert_eq!(
        broken("streams.toml", "\"person\"", "\"persn\""),
        ["streams.toml:4:6: no shape is called `persn`; did you mean `person`?"]
    );
    assert!(
        broken("mapping.toml", "ref = \"candidate\"", "ref = \"candidat\"")[0]
            .contains("the model has no entity `candidat`")
    );
    assert_eq!(
        broken("actions.toml", "{text} [", "{txet} ["),
        ["actions.toml:4:1: `{txet}` can have no value here; did you mean `text`?"]
    );
    assert!(
        broken("actions.toml", "by = \"marker\"", "by = \"ledger_\"")[0]
            .contains("it is one of: native_key, set, compare, marker, ledger")
    );
    assert!(
        broken(
            "actions.toml",
            "once = { by = \"compare\"",
            "twice = { by = \"compare\""
        )
        .iter()
        .any(|p| p.contains("`once` is missing"))
    );
    assert!(
        broken("connector.toml", "format = 1", "format = 2")[0]
            .contains("only `format = 1` is known")
    );
    assert!(
        broken("connector.toml", "{user}:{key}", "{user}:{kye}")[0].contains("did you mean `key`?")
    );
    assert!(
        broken("connector.toml", "id = \"acme\"", "id = \"other\"")[0]
            .contains("must be the folder's name")
    );
    let mut extra = files();
    extra.insert("stream.toml".into(), String::new());
    assert_eq!(Connector::load("acme", &extra).expect_err("no").len(), 1);
}

#[test]
fn the_hash_changes_with_any_manifest_and_with_nothing_else() {
    let mut other = files();
    other.insert("README.md".into(), "words".into());
    let load = |files| Connector::load("acme", &files).expect("loads").hash;
    assert_eq!(load(other.clone()), acme().hash);
    let streams = format!("{}\n# a word", other["streams.toml"]);
    other.insert("streams.toml".into(), streams);
    assert_ne!(load(other), acme().hash);
}

#[test]
fn a_delivery_becomes_the_record_and_what_is_in_it() {
    let mapped = acme().map_delivery(&json!({"type": "person.made", "org": 9, "data": {
        "id": 5, "first": "Ada", "last": null, "updated": "2026-11-24T10:00:00Z", "mail": [{"value": "a@example.com"}], "shoe": 44,
        "runs": [
            {"id": 7, "state": "lost", "by": "Them", "start": "01/02/2027", "applied": "2026-11-24T09:00:00.5Z"},
            {"id": null},
            {"id": 8, "state": "odd", "start": "soon"}
        ]}}));
    let [person, run, odd] = mapped.observations.as_slice() else {
        panic!("{:?}", mapped.observations)
    };
    assert_eq!((mapped.known, mapped.account.as_deref()), (true, Some("9")));
    assert_eq!(
        Value::Object(person.fields.clone()),
        json!({"first_name": "Ada", "full_name": "Ada", "emails": ["a@example.com"], "extra": {"shoe": 44}})
    );
    assert!(person.dates[0].coarse);
    assert_eq!(run.fields["status"], json!("withdrawn"));
    assert_eq!(run.fields["start"], json!("2027-01-02"));
    assert_eq!(run.seen, Seen::Embedded);
    assert_eq!(
        run.fields["candidate_id"],
        json!({"$ref": "candidate", "id": "5"})
    );
    assert!(!run.own[0].1.coarse);
    assert_eq!(odd.fields["status"], json!("unknown"));
    assert_eq!(odd.fields["status_raw"], json!("odd"));
    assert_eq!(odd.fields.get("start"), None, "only the field is put aside");
    let codes: Vec<&str> = mapped.drift.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["unknown_value", "unreadable_date"]);
}

#[test]
fn an_unknown_type_is_kept_and_told_and_a_missing_record_too() {
    let c = acme();
    let unknown = c.map_delivery(&json!({"type": "person.new_thing", "data": {"id": 1}}));
    assert!(!unknown.known && unknown.observations.is_empty());
    assert_eq!(
        (unknown.kind.as_str(), unknown.drift[0].code.as_str()),
        ("person.new_thing", "unknown_type")
    );
    let empty = c.map_delivery(&json!({"type": "person.made"}));
    assert!(empty.known && empty.observations.is_empty() && empty.drift[0].code == "missing");
    assert!(
        c.map_delivery(&json!({"type": "person.hint", "data": {"id": 1}}))
            .thin
    );
}

#[test]
fn a_request_is_rendered_exactly_and_holds_no_credential() {
    let none = BTreeMap::new();
    let stored = render(
        "note.create",
        json!({"text": "Hi & <b>", "rank": "3"}),
        &none,
    )
    .expect("rendered");
    assert_eq!(stored.path, "/people/c%2F1/notes");
    assert_eq!(stored.template, "/people/{candidate.id}/notes");
    assert_eq!(
        stored.body,
        r#"{"text":"Hi & <b> [m-abc]","run":"7","rank":3}"#
    );
    let without = render("note.create", json!({"text": "Hi"}), &none).expect("rendered");
    assert_eq!(without.body, r#"{"text":"Hi [m-abc]","run":"7"}"#);
    let request = acme()
        .prepare(&stored, &settings(), None, Micros(0))
        .expect("sent");
    assert_eq!(
        request.url,
        "https://api.acme.example/base/people/c%2F1/notes"
    );
    assert_eq!(request.header("x-key"), Some("bo:s3cret"));
    let text = serde_json::to_string(&stored).expect("text");
    assert!(!text.contains("s3cret"));
    assert_eq!(
        serde_json::from_str::<StoredRequest>(&text).expect("read back"),
        stored
    );
}

#[test]
fn what_does_not_do_is_named_without_its_value() {
    let none = BTreeMap::new();
    let bad = |with: Value| {
        render("note.create", with, &none)
            .expect_err("refused")
            .to_string()
    };
    assert!(bad(json!({})).contains("needs `text`: the words"));
    assert!(bad(json!({"text": "  "})).contains("is empty"));
    assert!(
        bad(json!({"text": "a very long text with a secret"}))
            .contains("longer than 20 characters")
    );
    assert!(bad(json!({"text": "x", "txt": "y"})).contains("did you mean `text`?"));
    assert!(bad(json!({"text": "x", "rank": "high"})).contains("whole number"));
}

#[test]
fn a_name_is_looked_up_first_and_an_id_is_not() {
    let c = acme();
    let lookup = Lookup {
        name: "stage".into(),
        value: "On site".into(),
        within: None,
    };
    let named = json!({"stage": "On site"});
    assert_eq!(
        render("application.move", named.clone(), &BTreeMap::new()),
        Err(RenderError::Needs(vec![lookup.clone()]))
    );
    assert!(render("application.move", json!({"stage": "12"}), &BTreeMap::new()).is_ok());
    let resolved = BTreeMap::from([(lookup.clone(), "31".to_owned())]);
    let stored = render("application.move", named, &resolved).expect("rendered");
    assert_eq!(
        (stored.body.as_str(), stored.method.as_str()),
        (r#"{"stage":"31"}"#, "PUT")
    );
    assert_eq!(stored.once, OnceKind::Compare);
    let ask = c.lookup_request(&lookup, &settings()).expect("a request");
    assert_eq!(
        ask.url,
        "https://api.acme.example/base/stages?q=On%20site&n=2"
    );
    let pick = |body: &str| c.pick(&lookup, &page(body));
    assert_eq!(
        pick(r#"[{"id":30,"name":"on site"},{"id":31,"name":"On site"}]"#).as_deref(),
        Some("31")
    );
    assert_eq!(
        pick(r#"[{"id":30,"name":"ON SITE "}]"#).as_deref(),
        Some("30")
    );
    assert_eq!(
        pick(r#"[{"id":1,"name":"ON SITE"},{"id":2,"name":"on site"}]"#),
        None,
        "never a guess"
    );
    assert_eq!(pick("[]"), None);
}

#[test]
fn a_look_tells_there_from_not_there_from_cannot_tell() {
    let c = acme();
    let none = BTreeMap::new();
    let note = render("note.create", json!({"text": "Hi"}), &none).expect("rendered");
    let ask = c
        .probe(&note, &settings(), Micros(0), Micros(0))
        .expect("a look");
    assert_eq!(
        ask.url,
        "https://api.acme.example/base/people/notes?of=c%2F1&n=2"
    );
    let there = Found::Yes {
        remote_id: Some("4".into()),
    };
    assert_eq!(
        c.found(&note, &page(r#"[{"id":4,"text":"Hi [m-abc]"}]"#)),
        there
    );
    assert_eq!(
        c.found(&note, &page(r#"[{"id":4,"text":"Hi [m-xyz]"}]"#)),
        Found::No
    );
    let ill = Response {
        status: 500,
        ..page("[]")
    };
    assert_eq!(c.found(&note, &ill), Found::Unreadable);
    let moved = render("application.move", json!({"stage": "12"}), &none).expect("rendered");
    assert_eq!(
        c.compare(&moved, &page(r#"{"runs":[{"stage":12,"rev":"5"}]}"#)),
        Compared::Done
    );
    assert_eq!(
        c.compare(&moved, &page(r#"{"runs":[{"stage":11,"rev":5}]}"#)),
        Compared::Other {
            value: Some("11".into()),
            version: Some("5".into())
        }
    );
    assert_eq!(
        c.compare(&moved, &page(r#"{"runs":[]}"#)),
        Compared::Unreadable
    );
}

#[test]
fn an_edited_request_cannot_leave_the_connections_address() {
    let mut stored =
        render("note.create", json!({"text": "Hi"}), &BTreeMap::new()).expect("rendered");
    for path in [
        "@evil.example/",
        ".evil.example/",
        "//evil.example",
        "/a b",
        "/a\r\nX: y",
        "\\\\evil",
    ] {
        stored.path = path.into();
        let sent = acme()
            .prepare(&stored, &settings(), None, Micros(0))
            .map(|r| r.url);
        assert_eq!(sent, Err(PrepareError::BadPath), "{path:?}");
    }
}

#[test]
fn settings_are_checked_without_their_values() {
    let c = acme();
    assert_eq!(c.check_settings(&settings()), Vec::<String>::new());
    let mut odd = stagewire_connector::Settings::default().with("usr", "x");
    odd.base_url = Some("nowhere".into());
    let wrong = c.check_settings(&odd);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong[0].contains("did you mean `user`?"));
    assert!(wrong[2].contains("not filled in: key, user"));
}

#[test]
fn an_action_says_who_notices_it_and_what_it_made() {
    let c = acme();
    let settings = settings();
    let moved = c.action("application.move", &settings).expect("an action");
    assert!(moved.hold_always && moved.effect(&settings) == Effect::Record);
    let note = c.action("note.create", &settings).expect("an action");
    let made = c.classify(note, &page(r#"{"note":{"id":8}}"#), Micros(0));
    let remote_id = Some("8".to_owned());
    assert_eq!(
        made,
        Outcome::Done {
            remote_id,
            output: json!({})
        }
    );
}
