//! The server as a process: it answers, it is alone on its data, and it ends in order.

mod common;

use std::process::Stdio;

use common::{FLOW, Place, Server, http, is_private};

#[test]
fn it_answers_and_asks_who_wants_to_know() {
    let place = Place::usual();
    let server = place.serve();
    assert_eq!(http(&server.at, "GET", "/healthz", None, "").0, 200);
    assert_eq!(http(&server.at, "GET", "/api/v1/calls", None, "").0, 401);
    let (status, page) = server.get("/api/v1/connections");
    assert_eq!((status, &page["items"][0]["id"]), (200, &"out".into()));
    assert_eq!(server.post("/in/nobody", "{}").0, 404);
    assert_eq!(
        server.get("/local/verify-log").0,
        404,
        "the owner's door only"
    );
}

#[test]
fn what_it_keeps_is_for_its_owner_alone() {
    let place = Place::usual();
    let server = place.serve();
    for file in ["data", "data/master.key", "data/stagewire.sock"] {
        assert!(is_private(&place.path(file)), "{file}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn told_to_stop_it_ends_in_order() {
    let place = Place::usual();
    let server = place.serve();
    assert_eq!(server.stop(), Some(0));
    assert!(!place.path("data/stagewire.sock").exists());
    // What a kill leaves behind does not keep the next one from starting.
    place.serve().kill();
    assert!(place.path("data/stagewire.sock").exists());
    assert_eq!(place.serve().stop(), Some(0));
}

#[test]
fn a_second_process_on_the_same_data_is_refused() {
    let place = Place::usual();
    let server = place.serve();
    place
        .run(&["serve"])
        .told(&["is in use by another stagewire process"]);
    assert_eq!(http(&server.at, "GET", "/healthz", None, "").0, 200);
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_made() {
    let place = Place::usual();
    let server = place.serve();
    let config = format!("[server]\nlisten = \"{}\"\n", server.at);
    let other = Place::with(&config);
    other.run(&["serve"]).told(&["cannot listen on"]);
    assert!(!other.path("data").exists());
}

#[test]
fn the_first_start_shows_a_token_once() {
    let place = Place::usual();
    let first = Server::start(&mut place.command(&["serve"]));
    let mut rest = place.command(&["token", "new", "reader", "--role", "viewer"]);
    let made = rest.stdin(Stdio::null()).output().expect("the binary runs");
    let made = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let ask = |token| http(&first.at, "GET", "/api/v1/calls", Some(token), "").0;
    assert_eq!(ask(&made), 200);
    assert_eq!(ask("sw_wrong"), 401);
    assert_eq!(first.stop(), Some(0));
    let second = Server::start(&mut place.command(&["serve"]));
    assert!(second.said.is_empty(), "{:?}", second.said);
}

#[test]
fn flows_are_planned_applied_and_exported_over_the_socket_and_without_a_server() {
    let place = Place::usual();
    let server = place.serve();
    place.write("flows/tell.toml", FLOW);
    let planned = place.run(&["plan"]).done();
    assert!(planned.out.contains("tell: added"), "{planned:?}");
    assert_eq!(
        server.get("/api/v1/flows").1["items"],
        serde_json::json!([])
    );
    place.run(&["apply", "--override-reason", "a test"]).done();
    let flow = &server.get("/api/v1/flows").1["items"][0];
    assert_eq!(flow["rung"], "write-back");
    let tried = place.run(&["try", "tell"]).done();
    assert!(tried.out.contains("no recorded event"), "{tried:?}");
    assert_eq!(server.stop(), Some(0));
    let planned = place.run(&["plan", "--format", "json"]).done();
    assert_eq!(planned.json()["changes"][0]["change"], "unchanged");
    place.run(&["export", "copy"]).done();
    let copy = std::fs::read_to_string(place.path("copy/tell.toml"));
    assert_eq!(copy.ok().as_deref(), Some(FLOW));
    place.write("copy/tell.toml", "name = \"mine\"\n");
    place.run(&["export", "copy"]).told(&["--force"]);
    place.run(&["export", "copy", "--force"]).done();
}

#[test]
fn the_log_verifies_and_the_doctor_finds_nothing() {
    let place = Place::usual();
    let server = place.serve();
    let verified = place.run(&["verify-log"]).done();
    assert!(verified.out.contains("intact"), "{verified:?}");
    let looked = place.run(&["doctor"]).done();
    assert!(looked.out.contains("a server runs here"), "{looked:?}");
    assert_eq!(server.stop(), Some(0));
    let looked = place.run(&["doctor"]).done();
    assert!(looked.out.contains("none runs"), "{looked:?}");
}

#[test]
fn a_key_that_does_not_fit_opens_nothing() {
    let place = Place::usual();
    assert_eq!(place.serve().stop(), Some(0));
    let mut other = place.command(&["serve"]);
    let ran = other
        .env("STAGEWIRE_MASTER_KEY", "ab".repeat(32))
        .output()
        .expect("the binary runs");
    assert_eq!(ran.status.code(), Some(1));
    let err = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(err.contains("master key does not open"), "{err}");
    std::fs::remove_file(place.path("data/master.key")).expect("it was there");
    place.run(&["serve"]).told(&["master.key is gone"]);
    assert!(!place.path("data/master.key").exists(), "none is made anew");
}
