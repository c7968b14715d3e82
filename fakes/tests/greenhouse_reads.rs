//! The fake ATS answers reads as the vendor's facts say.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Ats, send};
use serde_json::json;
use stagewire_fakes::greenhouse::{Client, Options};
use stagewire_fakes::{Fault, Rule};

fn ids(rows: &[serde_json::Value]) -> Vec<u64> {
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn every_collection_is_walked_once_from_the_newest_id_down() {
    let ats = Ats::start().await;
    for collection in [
        "users",
        "departments",
        "offices",
        "sources",
        "referrers",
        "close_reasons",
        "candidate_tags",
        "applied_candidate_tags",
        "jobs",
        "openings",
        "job_interview_stages",
        "job_owners",
        "job_hiring_managers",
        "job_posts",
        "candidates",
        "applications",
        "application_stages",
        "rejection_details",
        "offers",
        "interviews",
        "interviewers",
        "scorecards",
    ] {
        let rows = ats.walk(&format!("/v3/{collection}?per_page=3")).await;
        assert!(!rows.is_empty(), "{collection} is empty");
        let ids = ids(&rows);
        assert!(
            ids.windows(2).all(|pair| pair[0] > pair[1]),
            "{collection} {ids:?}"
        );
        let whole = ats.get(&format!("/v3/{collection}?per_page=500")).await;
        assert_eq!(whole.json(), json!(rows), "{collection}");
        let ours = rows.iter().flat_map(|row| row.as_object().unwrap().keys());
        assert!(
            ours.into_iter().all(|key| !key.starts_with('_')),
            "{collection}"
        );
    }
    assert_eq!(ats.walk("/v3/candidates").await.len(), 41);
    assert_eq!(ats.walk("/v3/notes").await.len(), 0);
}

#[tokio::test]
async fn a_cursor_with_company_is_refused_in_the_vendors_words() {
    let ats = Ats::start().await;
    let next = ats.get("/v3/jobs?per_page=2").await.next().unwrap();
    assert!(next.starts_with(&ats.handle.url()));
    let refused = ats.get(&format!("{next}&per_page=2")).await;
    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.json(),
        json!({
            "message": "Unprocessable Content",
            "errors": ["When passing a cursor, do not include other query params."],
        })
    );
    assert_eq!(ats.get("/v3/jobs?per_page=501").await.status, 422);
    let refused = ats.get("/v3/rejection_details?job_ids=1").await;
    assert_eq!(refused.json()["errors"][0], "Invalid query params: job_ids");
    assert_eq!(refused.status, 422);
}

#[tokio::test]
async fn there_are_no_show_endpoints() {
    let ats = Ats::start().await;
    let job = ats.handle.state.jobs()[0].id;
    let answer = ats.get(&format!("/v3/jobs/{job}")).await;
    assert_eq!(
        (answer.status, answer.json()),
        (404, json!({"message": "Resource not found"}))
    );
    let reason = ats.handle.state.rejection_reasons()[0].id;
    assert_eq!(
        ats.get(&format!("/v3/rejection_reasons/{reason}"))
            .await
            .status,
        200
    );
    assert_eq!(ats.get("/v3/nothing").await.status, 404);
}

#[tokio::test]
async fn filters_select_and_translate() {
    let ats = Ats::start().await;
    let all = ats.walk("/v3/applications").await;
    let active = ats.walk("/v3/applications?status=active").await;
    assert!(!active.is_empty() && active.len() < all.len());
    assert!(active.iter().all(|row| row["status"] == "in_process"));
    let job = ats.handle.state.jobs()[0].id;
    let of_job = ats
        .walk(&format!("/v3/applications?job_ids={job}&per_page=2"))
        .await;
    assert!(!of_job.is_empty() && of_job.iter().all(|row| row["job_id"] == job));
    let two = ids(&all[..2]);
    let picked = ats
        .walk(&format!("/v3/applications?ids={},{}", two[0], two[1]))
        .await;
    assert_eq!(ids(&picked), two);
    assert_eq!(ats.walk("/v3/users").await.len(), 6);
    assert_eq!(
        ats.walk("/v3/users?show_service_accounts=true").await.len(),
        7
    );
    let shown = ats.walk("/v3/rejection_reasons").await.len();
    assert_eq!(
        ats.walk("/v3/rejection_reasons?include_defaults=true")
            .await
            .len(),
        shown + 1
    );
    let ana = ats
        .walk("/v3/users?primary_email=ana@example.com&fields=id,name")
        .await;
    assert_eq!(ana[0].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_window_finds_what_changed_in_it() {
    let ats = Ats::start().await;
    let past = "updated_at=gte|2027-01-01T00:00:00Z";
    assert_eq!(ats.walk(&format!("/v3/applications?{past}")).await.len(), 0);
    ats.clock.advance(Duration::from_secs(60));
    let mut application = ats.handle.state.applications().into_iter();
    let application = application.rfind(|app| app.status == "in_process" && !app.prospect);
    let application = application.unwrap();
    ats.handle.state.reject(application.id, None).unwrap();
    let window = "updated_at=gte|2026-09-01T08:00:30Z|lte|2026-09-01T08:01:00Z";
    let rows = ats
        .walk(&format!("/v3/applications?{window}&per_page=1"))
        .await;
    assert_eq!(ids(&rows), [application.id]);
}

#[tokio::test]
async fn a_stage_id_is_a_stay_and_never_a_stage_of_the_job() {
    let ats = Ats::start().await;
    let stages: BTreeSet<u64> = ids(&ats.walk("/v3/job_interview_stages").await)
        .into_iter()
        .collect();
    let stays = ats.walk("/v3/application_stages?current=true").await;
    for row in ats.walk("/v3/applications?prospect=false").await {
        let stay = row["stage_id"].as_u64().unwrap();
        assert!(!stages.contains(&stay));
        let stay = stays.iter().find(|one| one["id"] == stay).unwrap();
        assert!(stages.contains(&stay["job_interview_stage_id"].as_u64().unwrap()));
    }
}

#[tokio::test]
async fn a_new_token_ends_the_one_before() {
    let mut ats = Ats::start().await;
    let url = format!("{}/v3/users", ats.handle.url());
    assert_eq!(ats.get("/v3/users").await.status, 200);
    let old = ats.token.clone();
    ats.token = ats.mint().await;
    let answer = send(ats.client.get(&url).bearer_auth(&old)).await;
    assert_eq!(
        (answer.status, answer.json()["message"].clone()),
        (401, json!("Unauthorized"))
    );
    assert_eq!(ats.get("/v3/users").await.status, 200);
    ats.clock.advance(Duration::from_secs(3600));
    assert_eq!(ats.get("/v3/users").await.status, 401);
    assert_eq!(ats.handle.state.tokens_minted(), 2);
}

#[tokio::test]
async fn the_token_service_refuses_and_introspects() {
    let ats = Ats::start().await;
    let post = |path: &str, secret: &str, body: &str| {
        let url = format!("{}{path}", ats.handle.url());
        let request = ats
            .client
            .post(url)
            .basic_auth("demo-client", Some(secret.to_string()));
        let kind = "application/x-www-form-urlencoded";
        send(request.header("content-type", kind).body(body.to_string()))
    };
    let wrong = post("/token", "wrong", "grant_type=client_credentials").await;
    assert_eq!(
        (wrong.status, wrong.json()),
        (401, json!({"error": "invalid_client"}))
    );
    let other = post("/token", "demo-secret", "grant_type=password").await;
    assert_eq!(other.json(), json!({"error": "unsupported_grant_type"}));
    let body = format!("token={}", ats.token);
    let about = post("/introspect", "demo-secret", &body).await.json();
    assert_eq!(about["active"], true);
    let claims = &about["https://auth.greenhouse.io/claims"];
    assert_eq!(claims["organization"]["name"], "Lindenhof Works");
    let gone = post("/introspect", "demo-secret", "token=x").await;
    assert_eq!(gone.json(), json!({"active": false}));
}

#[tokio::test]
async fn a_missing_scope_is_a_403() {
    let ats = Ats::with(|options| Options {
        clients: vec![
            Client::new("demo-client", "demo-secret").with_scopes(&["harvest:users:list"]),
        ],
        ..options
    })
    .await;
    assert_eq!(ats.get("/v3/users").await.status, 200);
    assert_eq!(ats.get("/v3/jobs").await.status, 403);
    assert_eq!(ats.post("/v3/notes", json!({})).await.status, 403);
}

#[tokio::test]
async fn the_limit_is_a_fixed_window_and_on_every_answer() {
    let ats = Ats::with(|options| Options {
        rate_limit: 3,
        ..options
    })
    .await;
    for left in ["2", "1", "0"] {
        let answer = ats.get("/v3/nothing").await;
        assert_eq!(answer.header("x-ratelimit-remaining"), left);
        assert_eq!(answer.header("x-ratelimit-limit"), "3");
        assert_eq!(answer.header("date"), "Tue, 01 Sep 2026 08:00:00 GMT");
    }
    let over = ats.get("/v3/users").await;
    assert_eq!((over.status, over.header("retry-after")), (429, "30"));
    let reset: i64 = over.header("x-ratelimit-reset").parse().unwrap();
    assert_eq!(reset, common::start().secs() + 30);
    ats.clock.advance(Duration::from_secs(30));
    assert_eq!(ats.get("/v3/users").await.status, 200);
}

#[tokio::test]
async fn a_lagging_read_shows_what_was() {
    let ats = Ats::start().await;
    ats.handle
        .state
        .arm(Rule::next(1, "GET", "/v3/jobs", Fault::Lag));
    let count = ats.handle.state.jobs().len();
    let job = stagewire_fakes::greenhouse::JobPlan {
        name: "Cook".into(),
        ..Default::default()
    };
    ats.handle
        .state
        .act(stagewire_fakes::greenhouse::Act::AddJob(job))
        .unwrap();
    assert_eq!(ats.walk("/v3/jobs").await.len(), count);
    assert_eq!(ats.walk("/v3/jobs").await.len(), count + 1);
}

#[tokio::test]
async fn a_crowd_is_read_in_pages_and_can_be_changed() {
    let ats = Ats::start().await;
    let before = ats.walk("/v3/applications").await.len();
    ats.handle.state.seed_many(1200);
    let rows = ats.walk("/v3/applications?per_page=500").await;
    assert_eq!(rows.len(), before + 1200);
    let newest = rows[0]["id"].as_u64().unwrap();
    let stays = ats
        .walk(&format!("/v3/application_stages?application_ids={newest}"))
        .await;
    assert_eq!(stays[0]["id"], rows[0]["stage_id"]);
    let people = ats
        .walk(&format!("/v3/candidates?ids={}", rows[0]["candidate_id"]))
        .await;
    assert_eq!(people.len(), 1);
    ats.clock.advance(Duration::from_secs(90));
    ats.handle.state.reject(newest, None).unwrap();
    assert_eq!(
        ats.walk("/v3/applications?per_page=500").await.len(),
        before + 1200
    );
    let window = "updated_at=gte|2026-09-01T08:01:00Z";
    assert_eq!(
        ids(&ats.walk(&format!("/v3/applications?{window}")).await),
        [newest]
    );
    let window = "updated_at=lte|2026-06-01T00:00:00Z&per_page=100";
    let old = ats.walk(&format!("/v3/applications?{window}")).await;
    assert!(old.len() > 300 && old.len() < 1200, "{}", old.len());
}
