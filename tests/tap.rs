//! A third party's reader of the same vendor, unchanged, beside ours: both must see the same records. Its package is made ready by
//! the step `third-party reader` of the test command; where that could not be done, the step says so and this looks at nothing.

use serde_json::Value;
use stagewire_fakes::Clock;
use stagewire_fakes::lever::{Lever, Options};
use stagewire_testkit::process::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/third_party/run_tap.py");
/// How far back it asks, day by day.
const SECONDS: i64 = 90 * 86_400;

/// Its records, by stream, by id.
type Told = BTreeMap<String, BTreeMap<String, Value>>;

async fn tap(python: &str, address: &str, start: &str) -> Told {
    let mut command = tokio::process::Command::new(python);
    command.args([SCRIPT, address, "demo-key", start]);
    let output = command.stderr(Stdio::piped()).output().await;
    let output = output.expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let mut told = Told::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if let (Some(stream), Some(id)) = (line["stream"].as_str(), line["record"]["id"].as_str()) {
            let records = told.entry(stream.to_owned()).or_default();
            records.insert(id.to_owned(), line["record"].clone());
        }
    }
    told
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_third_partys_reader_sees_the_records_that_we_see() {
    let Some(python) = std::env::var("STAGEWIRE_TAP")
        .ok()
        .filter(|p| !p.is_empty())
    else {
        eprintln!("not looked at: STAGEWIRE_TAP names no Python with the package tap-lever");
        return;
    };
    let listener = stagewire_fakes::loopback().await.expect("a free port");
    let ats = Lever::new(Options::for_tests(Clock::real()));
    ats.seed_company();
    let ats = ats.serve(listener).await.expect("the fake ATS starts");
    let config = format!(
        "[[connection]]\nid = \"lv\"\nconnector = \"lever\"\nbase_url = \"{}/v1\"\nowner = \"ana@example.com\"\npoll = \"1h\"\n[connection.fields]\napi_key = \"demo-key\"\n",
        ats.url()
    );
    let server = Server::start(&stagewire_tests::binary(), &config, &BTreeMap::default()).await;
    let read = async || server.all("connections").await[0]["backfilled"] == true;
    assert!(
        stagewire_testkit::holds(60, read).await,
        "everything is read"
    );
    let start = Clock::real().now().plus_secs(-SECONDS).to_string();
    let theirs = Box::pin(tap(&python, &ats.url(), &start)).await;

    let mut ours: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for entity in [
        "application",
        "job_stage",
        "job",
        "user",
        "reject_reason",
        "job_posting",
    ] {
        ours.insert(entity, server.all(&format!("records/{entity}")).await);
    }
    let remote = |entity: &str| -> BTreeSet<String> {
        ours[entity]
            .iter()
            .map(|r| text(&r["remote_id"]).to_owned())
            .collect()
    };
    let names: BTreeMap<&str, &str> = ours
        .values()
        .flatten()
        .map(|r| (text(&r["id"]), text(&r["remote_id"])))
        .collect();

    for (stream, entity) in [
        ("stages", "job_stage"),
        ("archive_reasons", "reject_reason"),
        ("users", "user"),
    ] {
        let seen: BTreeSet<String> = theirs[stream].keys().cloned().collect();
        assert!(
            !seen.is_empty() && seen.is_subset(&remote(entity)),
            "{stream}: {seen:?}"
        );
    }
    // it asks by the date of the last change, and what was never touched has none
    let opportunities = &theirs["opportunities"];
    let dated = ours["application"]
        .iter()
        .filter(|r| text(&r["remote_updated_at"]) > start.as_str());
    let dated: BTreeSet<&str> = dated.map(|r| text(&r["remote_id"])).collect();
    let seen: BTreeSet<&str> = opportunities.keys().map(String::as_str).collect();
    assert!(seen.len() > 5, "there is something to compare");
    let hidden = |id: &&str| {
        let row = ats.state.opportunity(id).unwrap_or_default();
        row["confidentiality"] == "confidential" // it does not ask for those
    };
    let dated: BTreeSet<&str> = dated.into_iter().filter(|id| !hidden(id)).collect();
    assert_eq!(seen, dated);
    for r in ours["application"]
        .iter()
        .filter(|r| dated.contains(text(&r["remote_id"])))
    {
        let theirs = &opportunities[text(&r["remote_id"])];
        let stage = names.get(text(&r["stage_id"])).copied().unwrap_or_default();
        assert_eq!(stage, text(&theirs["stage"]), "{theirs}");
        let archived = !theirs["archived"]["reason"].is_null();
        let open = ["active", "lead"].contains(&text(&r["status"]));
        assert_eq!(open, !archived, "{r} {theirs}");
    }
}
