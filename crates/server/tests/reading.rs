//! `stagewire sync`, run as a person runs it: what was read, what was not and why, with the exit codes that say so.

mod common;

use common::{Place, Ran};
use stagewire_fakes::company::Company;
use stagewire_fakes::greenhouse::{Act, Applicant, Client};

/// An installation of the made-up company, whose vendors live in this process; nothing is polled.
async fn company() -> (Place, Company) {
    polled("0").await
}

async fn polled(every: &str) -> (Place, Company) {
    let company = Company::open().await.expect("the fakes listen");
    company.ats.state.set_rate_limit(10_000);
    let config = format!("[server]\nlisten = \"127.0.0.1:0\"\n{}", company.config);
    let place = Place::with(&config.replace("\"30s\"", &format!("\"{every}\"")));
    (place, company)
}

/// The last line of the answer.
fn last(ran: &Ran) -> &str {
    ran.out.trim().lines().last().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_list_has_a_line_and_the_answer_says_what_came() {
    let (place, company) = company().await;
    let server = place.serve();
    let first = place.run(&["sync", "gh"]).done();
    assert!(last(&first).starts_with("gh: read, "), "{first:?}");
    let candidates = company.ats.state.count("candidates").unwrap_or_default();
    let line = format!("gh: candidates: {candidates} row(s)");
    assert!(first.err.lines().any(|said| said == line), "{first:?}");
    assert!(!first.err.contains('\x1b'), "bars are for terminals");
    let jobs = |ran: &Ran| ran.err.lines().any(|said| said.starts_with("gh: jobs:"));
    let full = place.run(&["sync", "gh", "--full"]).done();
    assert!(jobs(&full), "whole lists again: {full:?}");
    let all = place.run(&["sync", "--format", "json"]).done();
    assert_eq!(all.json()["items"][0]["connection"], "gh");
    assert_eq!(all.json()["items"][0]["ok"], true);
    assert_eq!(all.err, "", "programs are not shown progress");
    let begun = place.run(&["sync", "gh", "--no-wait"]).done();
    assert_eq!(last(&begun), "gh: the server reads on");
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said_before_anything_is_read() {
    let (place, _company) = company().await;
    place
        .run(&["sync", "hg"])
        .told(&["there is no connection `hg`; did you mean `gh`?"]);
    place
        .run(&["sync", "gh", "--no-wait"])
        .told(&["no server runs", "leave out --no-wait"]);
    let wrong = place.run(&["sync", "gh", "--accept-missing"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.err.contains("--full"), "{wrong:?}");
    place
        .run(&["sync", "slack"])
        .told(&["1 connection(s) were not read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_may_not_be_read_is_named_and_is_no_success() {
    let (place, company) = company().await;
    let few = ["users", "jobs", "candidates", "applications"];
    let few = few.map(|list| format!("harvest:{list}:list"));
    let few: Vec<&str> = few.iter().map(String::as_str).collect();
    let client = Client::new("demo-client", "demo-secret").with_scopes(&few);
    company.ats.state.set_client(client);
    let ran = place
        .run(&["sync", "gh"])
        .told(&["gh: offers: not read", "were not read to the end"]);
    assert!(ran.out.contains("list(s) were not read: "), "{ran:?}");
    assert!(ran.err.contains("gh: candidates: "), "the rest is: {ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_tells_how_changes_were_learned_and_what_is_not_granted() {
    let (place, company) = company().await;
    let server = place.serve();
    place.run(&["sync", "gh"]).done();
    let fresh = place.run(&["check", "--connections"]).done();
    assert!(fresh.out.contains("not measured"), "{fresh:?}");
    assert!(!fresh.out.contains("not granted"), "{fresh:?}");
    let ats = &company.ats.state;
    let applied = ats.apply(Applicant {
        first_name: "Nora".into(),
        last_name: "Vale".into(),
        job_id: Some(ats.jobs()[0].id),
        ..Applicant::default()
    });
    applied.expect("somebody applies, and no webhook comes");
    place.run(&["sync", "gh"]).done();
    // what the poll found is read by its id before it counts
    while server.get("/api/v1/completeness").1["items"][0]["recovered"].as_i64() < Some(1) {}
    let told = place.run(&["check", "--connections"]).done();
    let day = told.out.lines().find(|line| line.ends_with(" missed"));
    let day = day.unwrap_or_else(|| panic!("{told:?}"));
    assert!(day.contains(": 0 live, 0 late, ") && !day.contains(" 0 recovered"));
    let as_json = place.run(&["check", "--connections", "--format", "json"]);
    let gh = as_json.json()["tested"][0].clone();
    assert_eq!(
        (&gh["connection"], &gh["measured"]),
        (&"gh".into(), &false.into())
    );
    assert!(
        gh["completeness"][0]["recovered"].as_i64() > Some(0),
        "{gh}"
    );
    let (_, text) = server.get("/metrics");
    let text = text.as_str().unwrap_or_default();
    let value = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<i64>().ok());
        value.unwrap_or_else(|| panic!("no {start} in {text}"))
    };
    let changes = "stagewire_changes{connection=\"gh\",how=";
    assert!(value(&format!("{changes}\"recovered\"")) > 0);
    assert_eq!(value(&format!("{changes}\"missed\"")), 0);
    assert!(value("stagewire_connection_last_success_timestamp_seconds{connection=\"gh\"}") > 0);
    drop(server);

    let users = ["harvest:users:list"];
    ats.set_client(Client::new("demo-client", "demo-secret").with_scopes(&users));
    ats.revoke_tokens("demo-client");
    let server = place.serve();
    let granted = serde_json::json!(users);
    while server.get("/api/v1/connections/gh").1["scopes"]["granted"] != granted {}
    let poor = place.run(&["check", "--connections"]).done();
    let line = "not granted, so not read: ";
    assert!(
        poor.out.contains(line) && poor.out.contains("harvest:offers:list"),
        "{poor:?}"
    );
    let (_, gh) = server.get("/api/v1/connections/gh");
    let lacks = gh["not_available"].as_array().expect("a list");
    let note = lacks
        .iter()
        .find(|l| l["entity"] == "note")
        .expect("no list of notes");
    assert_eq!(
        (&note["fields"], &note["scope"]),
        (&serde_json::json!([]), &"harvest:notes:list".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_polled_connection_is_behind_is_a_number() {
    let (place, _company) = polled("30s").await;
    let server = place.serve();
    let start = "stagewire_read_lag_seconds{connection=\"gh\"} ";
    let lag = loop {
        let (_, text) = server.get("/metrics");
        let text = text.as_str().unwrap_or_default().to_owned();
        if let Some(line) = text.lines().find(|line| line.starts_with(start)) {
            break line.rsplit(' ').next().and_then(|n| n.parse::<i64>().ok());
        }
    };
    assert!(lag.is_some_and(|lag| (0..60).contains(&lag)), "{lag:?}");
    let told = place.run(&["check", "--connections"]).done();
    assert!(!told.out.contains("not measured"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_missing_is_a_question_and_the_answer_is_a_flag() {
    let (place, company) = company().await;
    let server = place.serve();
    place.run(&["sync", "gh"]).done();
    let ats = &company.ats.state;
    let apps = ats.applications();
    for app in &apps[..apps.len() / 4] {
        let gone = Act::DeleteApplication {
            application_id: app.id,
        };
        ats.act(gone).expect("the ATS deletes it");
    }
    let asked = place
        .run(&["sync", "gh", "--full"])
        .told(&["were not read to the end"]);
    let words = "stagewire sync gh --full --accept-missing";
    assert!(asked.out.contains(words), "{asked:?}");
    let (_, before) = server.get("/api/v1/failures?code=SCAN-002&state=open");
    assert_ne!(before["items"][0], serde_json::Value::Null);
    let accepted = place.run(&["sync", "gh", "--full", "--accept-missing"]);
    let accepted = accepted.done();
    assert!(
        accepted.out.contains("single read(s) still wait"),
        "{accepted:?}"
    );
    let (_, after) = server.get("/api/v1/failures?code=SCAN-002&state=open");
    assert_eq!(after["items"][0], serde_json::Value::Null, "all are closed");
    place.run(&["sync", "gh", "--full"]).done(); // and not asked again while they are looked up
    drop(server);
}
