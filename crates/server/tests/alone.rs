//! Commands where no server runs: they start the same engine under the same lock, and only `replay`
//! sends.

mod common;

use common::{Place, Server, TOKEN, http};
use stagewire_fakes::company::Company;
use stagewire_fakes::greenhouse::Applicant;
use stagewire_fakes::{Fault, Rule};

/// An installation of the made-up company, whose vendors live in this process.
async fn company() -> (Place, Company) {
    let company = Company::open().await.expect("the fakes listen");
    company.ats.state.set_rate_limit(10_000);
    let config = format!("[server]\nlisten = \"127.0.0.1:0\"\n{}", company.config);
    let place = Place::with(&config);
    for (id, text) in &company.flows {
        place.write(&format!("flows/{id}.toml"), text);
    }
    (place, company)
}

fn applies(company: &Company) {
    let ats = &company.ats.state;
    let applied = ats.apply(Applicant {
        first_name: "Nora".into(),
        last_name: "Vale".into(),
        job_id: Some(ats.jobs()[0].id),
        ..Applicant::default()
    });
    applied.expect("somebody applies");
}

fn posted(company: &Company) -> bool {
    let messages = company.chat.state.messages();
    messages
        .iter()
        .any(|m| m.text.starts_with("Nora Vale applied"))
}

/// Asks until it is so; each question is answered by the server, so nothing spins.
fn until(server: &Server, path: &str, holds: impl Fn(&serde_json::Value) -> bool) {
    for _ in 0..100_000 {
        let (_, page) = http(&server.at, "GET", path, Some(TOKEN), "");
        if holds(&page["items"]) {
            return;
        }
    }
    panic!("{path}: it did not happen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_without_a_server_sends_by_itself_and_once() {
    let (place, company) = company().await;
    place.run(&["apply", "--override-reason", "a test"]).done();
    let server = place.serve();
    assert!(company.announce_to(&format!("http://{}", server.at)).await);
    let archived = Fault::Answer {
        status: 200,
        body: Some(serde_json::json!({"ok": false, "error": "is_archived"})),
        retry_after: None,
    };
    let rule = Rule::next(1, "POST", "/api/chat.postMessage", archived);
    company.chat.state.arm(rule);
    applies(&company);
    until(&server, "/api/v1/failures", |items| {
        items[0]["code"] == "CALL-409"
    });
    server.kill();

    let planned = place.run(&["replay", "--all", "--plan"]).done();
    assert!(planned.out.starts_with("1 would be"), "{planned:?}");
    assert!(!posted(&company), "a plan sends nothing");
    let replayed = place.run(&["replay", "--all"]).done();
    assert!(replayed.out.starts_with("1 tried again"), "{replayed:?}");
    assert!(posted(&company));
    let again = place.run(&["replay", "--all"]).done();
    assert!(again.out.starts_with("0 tried again"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_without_a_server_reads_and_sends_nothing() {
    let (place, company) = company().await;
    place.run(&["apply", "--override-reason", "a test"]).done();
    let synced = place.run(&["sync", "gh"]).done();
    assert!(synced.out.starts_with("gh: read, "), "{synced:?}");
    applies(&company);
    place.run(&["sync", "gh"]).done();
    assert!(!posted(&company), "only the server sends");
    let tested = place.run(&["check", "--connections"]).done();
    assert!(tested.out.contains("gh: ok"), "{tested:?}");
    place
        .run(&["sync", "nobody"])
        .told(&["there is no connection `nobody`"]);
}
