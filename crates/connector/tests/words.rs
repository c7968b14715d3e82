//! Words of the mapping language, each on a made-up vendor's row.

use serde_json::{Value, json};
use stagewire_connector::{Ask, Connector, Mapped, Response, Settings};
use stagewire_model::{Entity, Seen};
use std::collections::BTreeMap;

const MAIN: &str = "format = 1\nid = \"made-up\"\nname = \"Made up\"\nkind = \"ats\"\nbase_url = \"https://api.example.com/v1\"\nchecked_on = \"2026-11-26\"\n[fields]\nkey = { label = \"Key\", secret = true }\n[auth.key]\nscheme = \"bearer\"\nfield = \"key\"\n";

fn load(streams: &str, mapping: &str) -> Result<Connector, String> {
    let files = [
        ("connector.toml", MAIN),
        ("streams.toml", streams),
        ("mapping.toml", mapping),
    ];
    let files: BTreeMap<String, String> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    Connector::load("made-up", &files).map_err(|p| p.iter().map(ToString::to_string).collect())
}

fn map(mapping: &str, row: Value) -> Mapped {
    let c = load("[rows]\nget = \"/rows\"\nas = \"row\"\n", mapping).expect("it loads");
    c.map_row(c.stream("rows").expect("a stream"), &row)
}

fn field(mapping: &str, row: Value) -> (Value, Vec<String>) {
    let mapped = map(mapping, row);
    let fields = &mapped.observations[0].fields;
    let codes = mapped.drift.iter().map(|d| d.code.clone()).collect();
    (
        fields.get("f").cloned().unwrap_or(json!("not observed")),
        codes,
    )
}

const ROW: &str = "[row]\nentity = \"interview\"\nid = \"id\"\n[row.fields]\n";

#[test]
fn numbers_are_instants_only_where_the_file_says_so() {
    let at = format!("{ROW}f = {{ at = \"at\", parse = \"instant\" }}\n");
    let ms = format!("times = \"ms\"\n{at}");
    let row = |at: Value| json!({"id": "1", "at": at});
    let read = |v: Value| field(&ms, row(v)).0;
    assert_eq!(
        read(json!(1_418_353_241_665_i64)),
        json!("2014-12-12T03:00:41.665Z")
    );
    assert_eq!(
        read(json!("1468953420000")),
        json!("2016-07-19T18:37:00.000Z")
    );
    assert_eq!(
        read(json!("2026-11-23T18:57:04.120Z")),
        json!("2026-11-23T18:57:04.120Z")
    );
    assert_eq!(read(json!(null)), json!(null));
    let (aside, codes) = field(&ms, row(json!("a while ago")));
    assert_eq!(
        (aside, codes.as_slice()),
        (json!("not observed"), &["unreadable_date".to_owned()][..])
    );
    assert_eq!(field(&ms, row(json!(-5))).1, ["wrong_type"]);
    assert_eq!(
        field(&at, row(json!(1_418_353_241_665_i64))).1,
        ["wrong_type"]
    );
    let day = ms.replace("instant", "date");
    assert_eq!(
        field(&day, row(json!(1_475_540_150_185_i64))).0,
        json!("2016-10-04")
    );
    assert!(load("", &at.replace("[row]", "times = \"weeks\"\n[row]")).is_err());
}

#[test]
fn dates_of_the_record_are_read_in_milliseconds_too() {
    let mapping = "times = \"ms\"\n[row]\nentity = \"interview\"\nid = \"id\"\ndates = [\"updated\"]\nown = { hired = \"end.at\" }\n";
    let seen = map(
        mapping,
        json!({"id": "1", "updated": 1_418_353_241_665_i64, "end": {"at": "1418353241000"}}),
    );
    let o = &seen.observations[0];
    assert_eq!(o.dates[0].at.text(), "2014-12-12T03:00:41.665Z");
    assert_eq!(o.own[0].1.at.text(), "2014-12-12T03:00:41.000Z");
    assert!(
        map(mapping, json!({"id": "1", "updated": null})).observations[0]
            .dates
            .is_empty()
    );
}

#[test]
fn an_end_is_so_many_minutes_later_or_not_known() {
    let mapping = format!(
        "times = \"ms\"\n{ROW}f = {{ at = \"at\", parse = \"instant\", plus_minutes = \"long\" }}\n"
    );
    let read = |long: Value| {
        field(
            &mapping,
            json!({"id": "1", "at": 1_418_353_200_000_i64, "long": long}),
        )
    };
    assert_eq!(read(json!(45)).0, json!("2014-12-12T03:45:00.000Z"));
    assert_eq!(read(json!("30")).0, json!("2014-12-12T03:30:00.000Z"));
    assert_eq!(read(json!(null)).0, json!("not observed"));
    assert_eq!(read(json!("long")).1, ["wrong_type"]);
    assert_eq!(read(json!(i64::MAX)).1, ["wrong_type"]);
}

#[test]
fn a_constant_gives_way_to_what_another_path_says() {
    let mapping =
        format!("{ROW}f = {{ const = true, but = [{{ at = \"gone\", gives = false }}] }}\n");
    assert_eq!(
        field(&mapping, json!({"id": "1", "gone": null})).0,
        json!(true)
    );
    assert_eq!(
        field(&mapping, json!({"id": "1", "gone": 7})).0,
        json!(false)
    );
    assert!(
        load("", &mapping.replace(", gives = false", "")).is_err(),
        "it must give something"
    );
}

#[test]
fn words_for_true_and_false() {
    let mapping = format!(
        "{ROW}f = {{ at = \"secrecy\", parse = \"bool\", map = {{ secret = \"true\", open = \"false\" }} }}\n"
    );
    let read = |v: Value| field(&mapping, json!({"id": "1", "secrecy": v}));
    assert_eq!(read(json!("secret")).0, json!(true));
    assert_eq!(read(json!("open")).0, json!(false));
    assert_eq!(
        read(json!("half")),
        (json!("not observed"), vec!["unknown_value".to_owned()])
    );
}

#[test]
fn an_object_needs_what_it_is_made_of_and_texts_are_glued() {
    let pay = format!(
        "{ROW}f = {{ at = \".\", each = \".\", needs = \"amount\", object = {{ kind = {{ const = \"base\" }}, amount = {{ at = \"amount\", parse = \"decimal\" }} }} }}\n"
    );
    assert_eq!(
        field(&pay, json!({"id": "1", "amount": 5})).0,
        json!([{"kind": "base", "amount": "5"}])
    );
    assert_eq!(field(&pay, json!({"id": "1", "amount": null})).0, json!([]));
    let glue =
        format!("{ROW}f = {{ at = \"list\", each = \"v\", parse = \"text\", glue = \" / \" }}\n");
    assert_eq!(
        field(
            &glue,
            json!({"id": "1", "list": [{"v": "a"}, {"v": ""}, {"v": "b"}]})
        )
        .0,
        json!("a / b")
    );
    assert_eq!(field(&glue, json!({"id": "1", "list": []})).0, json!(null));
}

#[test]
fn a_list_is_reached_by_a_word_in_its_items() {
    let mapping = "[row]\nentity = \"offer\"\nid = \"id\"\nindex = [{ at = \"fields\", by = \"name\", as = \"by_name\" }]\n[row.fields]\nf = \"by_name.pay.value\"\n";
    let row = json!({"id": "1", "fields": [{"name": "x", "value": 1}, {"name": "pay", "value": 2}, {"name": "pay", "value": 3}, "odd"]});
    assert_eq!(field(mapping, row).0, json!(2));
    assert_eq!(field(mapping, json!({"id": "1"})).0, json!("not observed"));
    assert!(load("", &mapping.replace(", by = \"name\"", "")).is_err());
}

#[test]
fn a_row_may_say_that_it_is_gone_and_hold_whole_records() {
    let mapping = "[row]\nentity = \"offer\"\nid = \"id\"\ndeleted_if = \"gone\"\nembeds = [{ at = \"who\", as = \"person\", only_here = true }, { at = \"by\", as = \"person\" }]\n[person]\nentity = \"user\"\nid = \"id\"\n";
    let seen = |row: Value| {
        map(mapping, row)
            .observations
            .into_iter()
            .map(|o| o.seen)
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(json!({"id": "1", "gone": 5})), [Seen::Deleted]);
    let both = json!({"id": "1", "gone": null, "who": {"id": "2"}, "by": {"id": "3"}});
    assert_eq!(seen(both), [Seen::Present, Seen::Present, Seen::Embedded]);
}

#[test]
fn a_bare_custom_field_is_its_own_value() {
    let mapping = "[custom]\n[row]\nentity = \"offer\"\nid = \"id\"\ncustom = \"more\"\n";
    let row = json!({"id": "1", "more": {"cost": {"city": "Graz"}, "n": 5, "told": {"name": "Told", "value": null}}});
    let list = map(mapping, row).observations[0].fields["custom_fields"].clone();
    let values: Vec<&Value> = (0..3).map(|i| &list[i]["value"]).collect();
    assert_eq!(
        values,
        [&json!({"city": "Graz"}), &json!("5"), &json!(null)]
    );
}

#[test]
fn a_list_of_one_record_tells_whose_it_is_and_some_kinds_have_no_list() {
    let streams = "[parts]\nget = \"/things/{id}/parts\"\nof = \"application\"\nas = \"row\"\n[people]\nas = \"person\"\nsingle = { get = \"/people/{id}\" }\n";
    let mapping = "[row]\nentity = \"offer\"\nid = \"id\"\n[row.fields]\nf = \"of.id\"\n[person]\nentity = \"user\"\nid = \"id\"\n";
    let c = load(streams, mapping).expect("it loads");
    let settings = Settings::default();
    let parts = c.stream("parts").expect("a stream");
    let ids = vec!["a/b 7".to_owned()];
    let ask = Ask::Foreign {
        entity: Entity::Application,
        ids,
    };
    let request = c.first_page(parts, &settings, &ask).expect("a request");
    let answer = Response {
        status: 200,
        headers: Vec::new(),
        body: b"[{\"id\": \"1\"}]".to_vec(),
    };
    let (rows, _) = c.rows(parts, &request, &answer).expect("rows");
    assert_eq!(
        c.map_row(parts, &rows[0]).observations[0].fields["f"],
        json!("a/b 7")
    );
    let people = c.stream("people").expect("a stream");
    assert!(!people.lists() && c.first_page(people, &settings, &Ask::Full).is_err());
    assert!(
        c.first_page(people, &settings, &Ask::Ids(vec!["9".into()]))
            .is_ok()
    );
    assert!(load("[nothing]\nas = \"row\"\n", mapping).is_err());
}

#[test]
fn stays_that_begin_in_one_instant_are_told_apart_by_their_place() {
    let mapping = "times = \"ms\"\n[row]\nentity = \"application\"\nid = \"id\"\nembeds = [{ at = \"moves\", as = \"move\" }]\n[move]\nentity = \"stage_transition\"\nid = \"at\"\nhistory = true\n";
    let row = json!({"id": "1", "moves": [{"at": 5}, {"at": 5}, {"at": 6}]});
    let seen = map(mapping, row).observations;
    let ids: Vec<&str> = seen[1..].iter().map(|o| o.remote_id.as_str()).collect();
    assert_eq!(ids, ["5.0", "5.1", "6.0"]);
}
