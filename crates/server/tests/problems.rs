//! What is wrong is said with its place, and nothing is started or half-applied before it is right.

mod common;

use common::{FLOW, Place};

#[test]
fn a_wrong_key_is_told_with_its_place_and_the_right_one() {
    let place = Place::with("[server]\nlisen = \"127.0.0.1:0\"\n");
    let told = ["stagewire.toml:2:1:", "`lisen`", "did you mean `listen`?"];
    place.run(&["check"]).told(&told);
    place.run(&["serve"]).told(&told);
    assert!(!place.path("data").exists(), "nothing was started");
}

#[test]
fn problems_come_as_json_too() {
    let place = Place::with("[server]\nlisen = \"127.0.0.1:0\"\n");
    let ran = place.run(&["check", "--format", "json"]);
    assert_eq!(ran.code, Some(1));
    let problem = &ran.json()["problems"][0];
    assert_eq!(problem["code"], "CONFIG-001");
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn an_unknown_connector_is_told_with_the_nearest_one() {
    let place = Place::with("[[connection]]\nid = \"out\"\nconnector = \"htp\"\n");
    place.run(&["check"]).told(&[
        "stagewire.toml:3:13:",
        "there is no connector `htp`",
        "did you mean `http`?",
    ]);
}

#[test]
fn a_secret_that_is_not_there_stops_everything_before_it_starts() {
    let place = Place::with(
        "[[connection]]\nid = \"out\"\nconnector = \"http\"\nbase_url = \"https://example.com\"\n\
         [connection.fields]\nbearer = \"env:STAGEWIRE_NO_SUCH\"\nsigning_secret = \"file:gone\"\n",
    );
    let told = [
        "stagewire.toml:6:10: `bearer` has no value: the environment has no STAGEWIRE_NO_SUCH",
        "stagewire.toml:7:18: `signing_secret` has no value: cannot read gone",
    ];
    place.run(&["serve"]).told(&told);
    place.run(&["check"]).told(&told);
    assert!(!place.path("data").exists(), "nothing was started");
}

#[test]
fn a_field_that_the_connector_does_not_have_is_told_where_it_stands() {
    let place = Place::with(
        "[[connection]]\nid = \"out\"\nconnector = \"http\"\nbase_url = \"https://example.com\"\n\
         [connection.fields]\nbaerer = \"x\"\n",
    );
    let told = ["stagewire.toml:6:10:", "`baerer`", "did you mean `bearer`?"];
    let ran = place.run(&["check"]).told(&told);
    assert!(!ran.err.contains("\"x\""), "a value may be a secret");
}

#[test]
fn an_expression_error_in_a_flow_has_its_place_and_its_reason() {
    let place = Place::usual();
    place.write("flows/good.toml", FLOW);
    let step = "connection = \"out\"\nwith = { body = \"{{ candidate.full_nam }}\" }\n";
    place.write(
        "flows/bad.toml",
        &FLOW.replace("connection = \"out\"\n", step),
    );
    place.run(&["check"]).told(&[
        "flows/bad.toml:10:",
        "full_nam",
        "did you mean `full_name`?",
        "FLOW-001",
    ]);
    // The server starts all the same, and took neither of the two.
    let server = place.serve();
    let (status, flows) = server.get("/api/v1/flows");
    assert_eq!((status, &flows["items"]), (200, &serde_json::json!([])));
    place.run(&["apply"]).told(&["flows/bad.toml:10:"]);
    let (_, flows) = server.get("/api/v1/flows");
    assert_eq!(
        flows["items"],
        serde_json::json!([]),
        "nothing half-applied"
    );
}

#[test]
fn the_last_good_version_runs_on_when_its_file_breaks() {
    let place = Place::usual();
    place.write("flows/tell.toml", FLOW);
    assert_eq!(place.serve().stop(), Some(0));
    place.write("flows/tell.toml", &FLOW.replace("event =", "evnt ="));
    let server = place.serve();
    let (_, flows) = server.get("/api/v1/flows");
    assert_eq!(flows["items"][0]["id"], "tell");
    assert_eq!(flows["items"][0]["version"], 1);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let place = Place::with(
        "[[connection]]\nid = \"a\"\nconnector = \"htp\"\n[[connection]]\nid = \"b\"\nconnector = \"http\"\n",
    );
    let flow = FLOW.replace("connection = \"out\"", "connection = \"b\"");
    place.write(
        "flows/bad.toml",
        &flow.replace("rung = \"write-back\"", "rung = \"up\""),
    );
    let told = ["`htp`", "`base_url` is not filled in", "flows/bad.toml:3:"];
    place.run(&["check"]).told(&told);
}

#[test]
fn wrong_usage_is_another_code_than_found_problems() {
    let place = Place::usual();
    for args in [
        &["rehearse"][..],
        &["move"],
        &["serve", "--fast"],
        &["replay"],
        &["backup"],
        &["--format", "xml", "check"],
    ] {
        assert_eq!(place.run(args).code, Some(2), "{args:?}");
    }
    place.run(&["--help"]).done();
    place.run(&["check"]).done();
}

#[test]
fn a_file_that_was_asked_for_must_be_there_and_the_default_one_need_not() {
    let place = Place::usual();
    place
        .run(&["check", "--config", "other.toml"])
        .told(&["other.toml", "cannot be read"]);
    std::fs::remove_file(place.path("stagewire.toml")).expect("it was there");
    place.run(&["check"]).done();
}
