//! Rows of reports that a customer built: what an absent column says, and what a renamed one must not do.

use serde_json::{Value, json};
use stagewire_connector::{Ask, Connector, Mapped, ScanError, Settings};
use stagewire_model::{Entity, Micros};
use std::collections::BTreeMap;

const MAIN: &str = "format = 1\nid = \"made-up\"\nname = \"Made up\"\nkind = \"ats\"\nbase_url = \"https://{host}\"\nchecked_on = \"2026-11-26\"\n[fields]\nhost = { label = \"Host\" }\nreport = { label = \"Report\" }\nkey = { label = \"Key\", secret = true }\n[auth.key]\nscheme = \"bearer\"\nfield = \"key\"\n[protected]\nkeys = [\"Gender\"]\n";
const STREAMS: &str = "[rows]\nget = \"/reports/{report}\"\nas = \"row\"\ntimeout = \"15m\"\n";
const MAPPING: &str = "[row]\nentity = \"candidate\"\nid = \"Id\"\nrequired = [\"Id\", \"First\"]\ncolumns = [\"Id\", \"First\", \"Last\", \"Mail\", \"Note\"]\noptional_columns = [\"Phone\"]\nown_columns = \"CF_\"\nrest = \"extra\"\n[row.fields]\nfirst_name = { at = \"First\", parse = \"text\" }\nlast_name = { at = \"Last\", parse = \"text\" }\nemails = { at = \"Mail\", split = \";\", object = { value = \".\" } }\nphones = { at = \"Phone\", split = \";\", object = { value = \".\" } }\n[[row.embeds]]\nat = \"Note\"\nas = \"tag\"\nsplit = \";\"\nonly_here = true\n[tag]\nentity = \"tag\"\nid = \".\"\n[tag.fields]\nname = \".\"\n";

fn load(mapping: &str) -> Result<Connector, String> {
    let files = [
        ("connector.toml", MAIN),
        ("streams.toml", STREAMS),
        ("mapping.toml", mapping),
    ];
    let files: BTreeMap<String, String> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    Connector::load("made-up", &files).map_err(|p| p.iter().map(ToString::to_string).collect())
}

fn map(mapping: &str, row: Value) -> Mapped {
    let c = load(mapping).expect("it loads");
    let mut row = row;
    c.cut_value(&mut row);
    c.map_row(c.stream("rows").expect("a stream"), &row)
}

fn fields(row: Value) -> Value {
    Value::Object(map(MAPPING, row).observations.remove(0).fields)
}

#[test]
fn an_absent_column_and_an_empty_text_are_empty_and_an_optional_one_says_nothing() {
    let absent = map(MAPPING, json!({"Id": "1", "First": "Ida"}));
    let blank = map(
        MAPPING,
        json!({"Id": "1", "First": "Ida", "Last": "", "Mail": "", "Note": "", "Phone": ""}),
    );
    assert_eq!(absent, blank);
    assert_eq!(
        Value::Object(absent.observations[0].fields.clone()),
        json!({"first_name": "Ida", "last_name": null, "emails": [], "custom_fields": []})
    );
    assert_eq!(absent.drift, []);
    // a required one is never empty: its absence is drift, and says nothing
    let lost = map(MAPPING, json!({"Id": "1"}));
    assert!(!lost.observations[0].fields.contains_key("first_name"));
    assert_eq!(lost.drift[0].code, "missing");
}

#[test]
fn one_text_may_hold_several_values() {
    let row = json!({"Id": "1", "First": "Ida", "Mail": "a@example.com; b@example.com;", "Note": "one; two; one"});
    let seen = map(MAPPING, row.clone());
    assert_eq!(
        seen.observations[0].fields["emails"],
        json!([{"value": "a@example.com"}, {"value": "b@example.com"}])
    );
    let tags: Vec<&str> = seen.observations[1..]
        .iter()
        .map(|o| o.remote_id.as_str())
        .collect();
    assert_eq!(tags, ["one", "two"]);
    let listed = json!({"Id": "1", "First": "Ida", "Mail": ["a@example.com"]});
    assert_eq!(
        fields(listed)["emails"],
        json!([{"value": "a@example.com"}])
    );
}

#[test]
fn a_column_nobody_knows_is_told_and_what_is_absent_beside_it_is_left_alone() {
    let row = json!({"Id": "1", "First": "Ida", "Surname": "Berg", "CF_Shirt": "green"});
    let seen = map(MAPPING, row);
    assert_eq!(
        Value::Object(seen.observations[0].fields.clone()),
        json!({"first_name": "Ida"})
    );
    let told: Vec<_> = seen
        .drift
        .iter()
        .map(|d| (d.path.as_str(), d.code.as_str()))
        .collect();
    assert_eq!(told, [("Surname", "unknown_column")]);
}

#[test]
fn columns_of_the_customers_own_are_custom_fields_and_a_protected_one_is_none() {
    let row =
        json!({"Id": "1", "First": "Ida", "CF_Shirt_size": "M", "CF_Gender": "x", "CF_Days": 3});
    let custom = fields(row)["custom_fields"].clone();
    let told: Vec<_> = custom
        .as_array()
        .into_iter()
        .flatten()
        .map(|f| (&f["key"], &f["label"], &f["data_class"]))
        .collect();
    assert_eq!(
        json!(told),
        json!([
            ["CF_Days", "Days", "restricted"],
            ["CF_Shirt_size", "Shirt size", "restricted"]
        ])
    );
    let c = load(MAPPING).expect("it loads");
    assert!(c.supplies(Entity::Candidate).contains("custom_fields"));
}

#[test]
fn several_paths_make_an_id_that_is_the_same_in_every_zone() {
    let mapping = "[row]\nentity = \"candidate\"\nkey = [\"of\", \"at\"]\n";
    let id = |at: &str| {
        map(mapping, json!({"of": "A&1", "at": at}))
            .observations
            .remove(0)
            .remote_id
    };
    assert_eq!(
        id("2026-10-02T09:30:00.000-07:00"),
        "at=2026-10-02T16%3A30%3A00.000Z&of=A%261"
    );
    assert_eq!(
        id("2026-10-02T09:30:00.000-07:00"),
        id("2026-10-02T16:30:00Z")
    );
    let half = map(mapping, json!({"of": "A"}));
    assert!(half.observations.is_empty());
    assert_eq!(half.drift[0].code, "missing");
}

#[test]
fn half_a_declaration_does_not_load() {
    let wrong = |from: &str, to: &str| {
        assert!(MAPPING.contains(from), "{from}");
        load(&MAPPING.replacen(from, to, 1)).expect_err("it must not load")
    };
    assert!(wrong("id = \"Id\"", "id = \"Id\"\nkey = [\"Id\"]").contains("never both"));
    assert!(wrong("id = \"Id\"\n", "").contains("`id` is missing"));
    let all = "columns = [\"Id\", \"First\", \"Last\", \"Mail\", \"Note\"]\n";
    assert!(wrong(all, "").contains("go with `columns`"));
    let known = "\"Last\", \"Mail\"";
    assert!(wrong(known, "\"Mail\"").contains("`Last` is no column"));
}

#[test]
fn a_report_that_is_not_filled_in_is_left_out() {
    let c = load(MAPPING).expect("it loads");
    let stream = c.stream("rows").expect("a stream");
    let none = Settings::default().with("host", "h.example.com");
    assert!(!c.asks(stream, &none));
    assert_eq!(
        c.first_page(stream, &none, &Ask::Full).err(),
        Some(ScanError::NotSupported)
    );
    let some = none.with("report", "My Report");
    assert!(c.asks(stream, &some));
    let request = c.first_page(stream, &some, &Ask::Full).expect("a request");
    assert_eq!(
        (request.url.as_str(), request.timeout_ms),
        ("https://h.example.com/reports/My%20Report", 900_000)
    );
    let range = Ask::Range {
        from: Micros(0),
        to: Micros(1),
    };
    assert!(
        c.first_page(stream, &some, &range).is_err(),
        "it has no window"
    );
}
