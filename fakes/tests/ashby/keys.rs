//! Keys, permissions, what a key does not see, and the limit.

use serde_json::json;
use stagewire_fakes::ashby::{Act, Key};

use crate::common::{client, send};
use crate::fixture::Fake;

#[tokio::test]
async fn no_key_is_401_and_a_wrong_or_dead_one_403() {
    let fake = Fake::start().await;
    let url = format!("{}/apiKey.info", fake.handle.url());
    let answer = send(client().post(&url).body("{}")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        fake.refused_to("other", "apiKey.info", json!({})).await.0,
        403
    );
    let info = fake.ok("apiKey.info", json!({})).await;
    let scopes = info["results"]["scopes"].as_array().unwrap();
    assert!(scopes.contains(&json!("candidates:read")));
    fake.ats().deactivate_key("demo-key");
    assert_eq!(fake.refused("apiKey.info", json!({})).await.0, 403);
    let answer = send(client().get(&url).basic_auth("demo-key", Some(""))).await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn each_method_needs_its_permission() {
    let fake = Fake::start().await;
    let key = Key::new("narrow").with_permissions(&["candidatesRead", "jobsRead"]);
    fake.ats().set_key(key);
    for method in [
        "candidate.list",
        "application.list",
        "project.list",
        "job.list",
    ] {
        let answer = fake.call("narrow", method, &json!({})).await;
        assert_eq!(answer.json()["success"], true, "{method}");
    }
    for method in [
        "candidate.create",
        "offer.list",
        "user.list",
        "source.list",
        "webhook.create",
        "apiKey.info",
        "interviewPlan.list",
        "candidateTag.create",
    ] {
        let refused = fake.refused_to("narrow", method, json!({})).await;
        assert_eq!(
            refused,
            (403, "missing_endpoint_permission".into()),
            "{method}"
        );
    }
    assert_eq!(fake.refused("approval.list", json!({})).await.0, 404);
}

#[tokio::test]
async fn confidential_jobs_and_private_notes_are_quiet_gaps() {
    let fake = Fake::start().await;
    let mut key = Key::new("outside");
    key.confidential = false;
    key.private_fields = false;
    fake.ats().set_key(key);
    let count = async |key: &str, method: &str| {
        let answer = fake.call(key, method, &json!({})).await.json();
        assert_eq!(answer["success"], true);
        answer["results"].as_array().unwrap().len()
    };
    assert_eq!(count("demo-key", "job.list").await, 6);
    assert_eq!(count("outside", "job.list").await, 5);
    assert!(
        count("outside", "application.list").await < count("demo-key", "application.list").await
    );
    assert!(count("outside", "candidate.list").await < count("demo-key", "candidate.list").await);
    assert_eq!(count("outside", "jobPosting.list").await, 5);
    let job = fake
        .ats()
        .find("job", "title", "Head of Operations")
        .unwrap();
    let refused = fake
        .refused_to("outside", "job.info", json!({"id": job}))
        .await;
    assert_eq!(refused, (200, "job_not_found".into()));

    let (_, candidate) = fake.active();
    let note = Act::Note {
        candidate_id: candidate.clone(),
        text: "Between us".into(),
        private: true,
    };
    fake.ats().act(note).unwrap();
    let body = json!({"candidateId": candidate});
    let notes = fake
        .call("outside", "candidate.listNotes", &body)
        .await
        .json();
    assert!(!notes.to_string().contains("Between us"));
    let notes = fake.ok("candidate.listNotes", body).await;
    assert!(notes.to_string().contains("Between us"));
}

#[tokio::test]
async fn the_limit_counts_by_minute_and_says_no_more_than_429() {
    let fake = Fake::start().await;
    fake.ats().set_rate_limit(3);
    for _ in 0..3 {
        fake.ok("apiKey.info", json!({})).await;
    }
    let answer = fake.call("demo-key", "apiKey.info", &json!({})).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json()["errorInfo"]["code"], "rate_limit_exceeded");
    assert_eq!(answer.header("retry-after"), "");
    assert_eq!(answer.header("x-ratelimit-limit"), "");
    fake.minutes(1);
    fake.ok("apiKey.info", json!({})).await;
    assert_eq!(fake.ats().refused(), 1);
    assert_eq!(fake.ats().requests()["apiKey.info"], 5);
}

#[tokio::test]
async fn a_body_that_is_no_object_is_malformed() {
    let fake = Fake::start().await;
    assert_eq!(
        fake.refused("job.list", json!([1])).await,
        (200, "invalid_input".into())
    );
    let url = format!("{}/job.list", fake.handle.url());
    let request = client().post(url).basic_auth("demo-key", Some("demo-key"));
    let answer = send(request.body("")).await;
    assert_eq!(answer.json()["success"], true);
}
