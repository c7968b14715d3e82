//! Whole scans find what is gone, through the whole server: one record is asked for by its id, many at once are for a person to judge.

use serde_json::{Value, json};
use stagewire_fakes::greenhouse::Act;
use stagewire_tests::{Company, Plan};

/// A whole scan of every list, to its end.
async fn scan(c: &Company, accept_missing: bool) {
    let what = json!({"full": true, "accept_missing": accept_missing});
    assert_eq!(c.sync(&what).await, 200);
}

fn delete(c: &Company, application_id: u64) {
    let done = c.ats.state.act(Act::DeleteApplication { application_id });
    done.expect("the ATS deletes it");
}

/// The remote ids of applications that are under a tombstone, with the reason.
async fn gone(c: &Company) -> Vec<(String, String)> {
    let all = c.server.all("records/application").await;
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let mut out: Vec<(String, String)> = all
        .iter()
        .filter(|r| !r["deleted_at"].is_null())
        .map(|r| (text(&r["remote_id"]), text(&r["deletion"]["reason"])))
        .collect();
    out.sort();
    out
}

/// Times that applications by their ids were asked for.
fn asked_by_id(c: &Company) -> u64 {
    let asked = c.ats.state.requests();
    asked.get("GET /v3/applications").copied().unwrap_or(0)
}

/// What waits for a person because too many applications are missing.
async fn too_many(c: &Company, state: &str) -> Vec<Value> {
    let mut failures = c.server.all("failures").await;
    failures.retain(|f| {
        let about = f["cause"].as_str().unwrap_or_default();
        f["code"] == "SCAN-002" && about.contains(" of applications ") && f["state"] == state
    });
    failures
}

#[tokio::test]
async fn an_application_that_is_gone_is_asked_for_and_put_under_a_tombstone() {
    let c = Company::start(Plan::default()).await;
    c.poll().await;
    let apps: Vec<u64> = c.ats.state.applications().iter().map(|a| a.id).collect();
    delete(&c, apps[0]);
    c.ats.state.take_webhooks(); // they are lost
    c.poll().await;
    assert!(
        gone(&c).await.is_empty(),
        "a poll does not show what is missing"
    );
    let before = asked_by_id(&c);
    scan(&c, false).await;
    let mut two = vec![(apps[0].to_string(), "remote_deleted".to_owned())];
    c.until("the scan found it", 60, || async { gone(&c).await == two })
        .await;
    assert!(
        asked_by_id(&c) >= before + 2,
        "the list, and that one by its id"
    );
    assert!(too_many(&c, "open").await.is_empty());
    // another one, and this time the vendor says so
    delete(&c, apps[1]);
    let hooks = c.ats.state.take_webhooks();
    assert!(!hooks.is_empty());
    c.deliver(&hooks).await;
    two.push((apps[1].to_string(), "remote_deleted".to_owned()));
    two.sort();
    c.until("the webhook is believed", 60, || async {
        gone(&c).await == two
    })
    .await;
    scan(&c, false).await;
    let events = c.server.all("events").await;
    let deleted = events.iter().filter(|e| e["type"] == "application.deleted");
    assert_eq!(deleted.count(), 2, "each is told once");
}

#[tokio::test]
async fn many_missing_at_once_delete_nothing_until_a_person_accepts_it() {
    let c = Company::start(Plan::default()).await;
    c.poll().await;
    let apps: Vec<u64> = c.ats.state.applications().iter().map(|a| a.id).collect();
    let lost = apps.len() / 20 + 2; // more than one in twenty
    for app in &apps[..lost] {
        delete(&c, *app);
    }
    c.ats.state.take_webhooks();
    for scans in 1..=2 {
        scan(&c, false).await;
        let failures = too_many(&c, "open").await;
        assert_eq!(failures.len(), 1, "one entry: {failures:?}");
        assert_eq!(failures[0]["count"], scans, "{failures:?}");
        assert_eq!(failures[0]["owner"], "ana@example.com");
    }
    c.poll().await;
    assert!(
        gone(&c).await.is_empty(),
        "so many at once are for a person to judge"
    );
    scan(&c, true).await;
    c.until("a person said that it is right", 60, || async {
        gone(&c).await.len() == lost
    })
    .await;
    assert!(
        too_many(&c, "open").await.is_empty(),
        "and the entry is closed"
    );
}
