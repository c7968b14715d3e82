//! Backup and restore: the key stays out, a server in the way is refused, and nothing leaves after a
//! restore until somebody says that this is the live one.

mod common;

use common::{FLOW, Place, is_private};

fn effects(server: &common::Server) -> bool {
    server.get("/api/v1/installation").1["effects"] == true
}

#[test]
fn a_backup_comes_back_with_effects_off_until_somebody_confirms() {
    let place = Place::usual();
    place.write("flows/tell.toml", FLOW);
    let server = place.serve();
    assert!(effects(&server));
    let made = place.run(&["backup", "copy.db"]).done();
    assert!(made.out.contains("the master key is not in it"), "{made:?}");
    assert!(is_private(&place.path("copy.db")));
    place
        .run(&["backup", "copy.db"])
        .told(&["is there already"]);
    place.run(&["restore", "copy.db"]).told(&["is in use"]);
    assert_eq!(server.stop(), Some(0));

    let back = place.run(&["restore", "copy.db"]).done();
    assert!(back.out.contains("sends nothing"), "{back:?}");
    let server = place.serve();
    assert!(!effects(&server), "nothing leaves");
    assert_eq!(server.get("/api/v1/flows").1["items"][0]["id"], "tell");
    assert_eq!(server.stop(), Some(0));

    let server = place.serve();
    assert!(!effects(&server), "a restart is no confirmation");
    assert_eq!(
        server.post("/api/v1/installation", "{\"live\": true}").0,
        200
    );
    assert!(effects(&server));
    assert_eq!(server.stop(), Some(0));
    assert!(effects(&place.serve()), "one confirmation is enough");
}

#[test]
fn an_older_database_is_noticed_however_it_came_back() {
    let place = Place::usual();
    let server = place.serve();
    place.run(&["backup", "copy.db"]).done();
    assert_eq!(server.stop(), Some(0));
    assert_eq!(place.serve().stop(), Some(0));
    for log in ["data/stagewire.db-wal", "data/stagewire.db-shm"] {
        let _ = std::fs::remove_file(place.path(log));
    }
    std::fs::copy(place.path("copy.db"), place.path("data/stagewire.db")).expect("copied");
    assert!(!effects(&place.serve()));
}

#[test]
fn what_is_no_backup_takes_no_databases_place() {
    let place = Place::usual();
    place.write("flows/tell.toml", FLOW);
    assert_eq!(place.serve().stop(), Some(0));
    place.write(
        "copy.db",
        "this is no database, though it is long enough to look at",
    );
    place.run(&["restore", "copy.db"]).told(&["does not open"]);
    place
        .run(&["restore", "gone.db"])
        .told(&["there is no file"]);
    let server = place.serve();
    assert!(effects(&server));
    assert_eq!(server.get("/api/v1/flows").1["items"][0]["id"], "tell");
}
