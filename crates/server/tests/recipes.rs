//! The flows under `docs/recipes/` load as they are, against the connections they name.

mod common;

use common::Place;

const CONFIG: &str = r#"[workspace]
time_zone = "Europe/Berlin"
[[connection]]
id = "gh"
connector = "greenhouse"
[connection.fields]
client_id = "x"
client_secret = "x"
webhook_secret = "x"
[[connection]]
id = "slack"
connector = "slack"
[connection.fields]
bot_token = "xoxb-x"
"#;

#[test]
fn every_recipe_is_a_flow_that_check_takes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/recipes");
    let place = Place::with(CONFIG);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("there are recipes") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("a text");
        place.write(&format!("flows/{name}"), &text);
        count += 1;
    }
    assert!(count >= 4, "{count}");
    let told = place.run(&["check"]).done().out;
    assert!(
        told.contains(&format!("{count} flow(s): nothing is wrong")),
        "{told}"
    );
}
