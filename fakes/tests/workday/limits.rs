//! Too much is refused as the facts say, and faults can be armed on top.

use super::*;
use stagewire_fakes::{Fault, Rule};

#[tokio::test]
async fn one_report_too_many_at_once_is_429_until_another_ends() {
    let tenant = Tenant::with(|options| Options {
        raas_at_once: 2,
        ..options
    })
    .await;
    tenant.fake().hold_reports(true);
    let call = || tenant.report("ATS_Offers", "format=json");
    let others = async {
        tenant.fake().until_reports_run(2).await;
        let refused = call().await;
        tenant.fake().hold_reports(false);
        refused
    };
    let (first, second, refused) = tokio::join!(call(), call(), others);
    assert_eq!(
        (first.status, second.status, refused.status),
        (200, 200, 429)
    );
    assert!(refused.headers.get("retry-after").is_none());
    tenant.fake().until_reports_run(0).await;
    assert_eq!(call().await.status, 200);
    assert_eq!(tenant.fake().throttled(), 1);
    assert_eq!(
        tenant.fake().requests()["GET /ccx/service/customreport2/ATS_Offers"],
        4
    );
}

#[tokio::test]
async fn the_minute_is_limited_without_a_word_and_soap_calls_it_500() {
    let tenant = Tenant::start().await;
    let bearer = format!("Bearer {}", tenant.token().await);
    let list = "/ccx/api/recruiting/v4/lindenhof/jobPostings";
    tenant.fake().set_rate_limit(1);
    assert_eq!(tenant.get(list, &bearer).await.status, 200);
    let refused = tenant.get(list, &bearer).await;
    assert_eq!(refused.status, 429);
    let headers = ["retry-after", "x-ratelimit-remaining"];
    assert!(headers.iter().all(|name| refused.header(name).is_empty()));
    let soap = tenant.soap("Get_Candidates", "").await;
    assert_eq!(soap.status, 500);
    assert!(soap.text.contains("env:Server.processingError"));
    tenant.wait(60);
    assert_eq!(tenant.soap("Get_Candidates", "").await.status, 200);
    tenant.fake().set_rate_limit(0);
    tenant.fake().throttle_soap(1);
    assert_eq!(tenant.soap("Get_Candidates", "").await.status, 500);
    assert_eq!(tenant.soap("Get_Candidates", "").await.status, 200);
    assert_eq!(tenant.fake().throttled(), 3);
}

#[tokio::test]
async fn extracts_have_an_hourly_quota_and_floods_of_bad_requests_an_end() {
    let tenant = Tenant::with(|options| Options {
        extract_quota: 2,
        flood: 3,
        ..options
    })
    .await;
    for status in [200, 200, 429] {
        assert_eq!(
            tenant.report("ATS_Offers", "format=json").await.status,
            status
        );
    }
    tenant.wait(3600);
    assert_eq!(tenant.report("ATS_Offers", "format=json").await.status, 200);
    let list = "/ccx/api/recruiting/v4/lindenhof/jobPostings";
    let bearer = format!("Bearer {}", tenant.token().await);
    for _ in 0..3 {
        assert_eq!(tenant.get(list, "Bearer stale").await.status, 401);
    }
    assert_eq!(tenant.get(list, &bearer).await.status, 429, "good ones too");
    tenant.wait(60);
    assert_eq!(tenant.get(list, &bearer).await.status, 200);
}

#[tokio::test]
async fn maintenance_is_503_with_html_and_faults_can_be_armed() {
    let tenant = Tenant::start().await;
    tenant.fake().set_maintenance(true);
    let down = tenant.report("ATS_Offers", "format=json").await;
    assert_eq!(down.status, 503);
    assert!(down.header("content-type").starts_with("text/html"));
    let token = "grant_type=refresh_token&refresh_token=demo-refresh";
    let demo = Some(basic("demo-client", "demo-secret"));
    assert_eq!(tenant.grant(demo, token).await.status, 503);
    tenant.fake().set_maintenance(false);
    assert_eq!(tenant.report("ATS_Offers", "format=json").await.status, 200);
    let path = "/ccx/service/customreport2";
    tenant
        .fake()
        .arm(Rule::next(1, "GET", path, Fault::status(502)));
    assert_eq!(tenant.report("ATS_Offers", "format=json").await.status, 502);

    tenant.fake().arm(Rule::share(1.0, "", path, Fault::Lag));
    let before = tenant
        .report("ATS_Candidates", "format=json")
        .await
        .entries()
        .len();
    let act = stagewire_fakes::workday::Act::DeleteCandidate { candidate_id: 1001 };
    tenant.fake().act(act).unwrap();
    let lagging = tenant
        .report("ATS_Candidates", "format=json")
        .await
        .entries()
        .len();
    assert_eq!(lagging, before);
    tenant.fake().clear_faults();
    let after = tenant
        .report("ATS_Candidates", "format=json")
        .await
        .entries()
        .len();
    assert_eq!(after, before - 1);
}
