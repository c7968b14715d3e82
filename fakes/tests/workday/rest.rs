//! Job postings come in pages; nothing else is offered.

use super::*;
use serde_json::json;

const LIST: &str = "/ccx/api/recruiting/v4/lindenhof/jobPostings";

#[tokio::test]
async fn postings_come_in_pages_by_limit_and_offset() {
    let tenant = Tenant::start().await;
    let bearer = format!("Bearer {}", tenant.token().await);
    let all = tenant.get(LIST, &bearer).await.json();
    assert_eq!(
        (&all["total"], all["data"].as_array().unwrap().len()),
        (&json!(4), 4)
    );
    let page = tenant
        .get(&format!("{LIST}?limit=3&offset=3"), &bearer)
        .await
        .json();
    assert_eq!(page["total"], 4);
    assert_eq!(page["data"], json!([all["data"][3]]));
    let first = &all["data"][0];
    let id = first["id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert_eq!(
        first["primaryLocation"]["country"]["alpha3Code"]
            .as_str()
            .unwrap()
            .len(),
        3
    );
    let one = tenant.get(&format!("{LIST}/{id}"), &bearer).await;
    assert_eq!(&one.json(), first);
    assert_eq!(
        tenant
            .get(&format!("{LIST}?limit=100"), &bearer)
            .await
            .status,
        200
    );
    for wrong in ["limit=101", "limit=0", "limit=x", "offset=-1"] {
        let answer = tenant.get(&format!("{LIST}?{wrong}"), &bearer).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.json()["error"].is_string());
        assert_eq!(
            answer.json()["errors"][0]["field"],
            wrong.split('=').next().unwrap()
        );
    }
}

#[tokio::test]
async fn what_is_not_offered_is_not_found_and_closing_hides_a_posting() {
    let tenant = Tenant::start().await;
    let bearer = format!("Bearer {}", tenant.token().await);
    for path in [
        "/ccx/api/recruiting/v4/lindenhof/candidates",
        "/ccx/api/recruiting/v4/lindenhof/offers",
        "/ccx/api/recruiting/v3/lindenhof/jobPostings",
        "/ccx/api/recruiting/v4/lindenhof/jobPostings/00000000000000000000000000000001",
        "/ccx/api/recruiting/v4/other/jobPostings",
        "/ccx/api/recruiting",
    ] {
        assert_eq!(tenant.get(path, &bearer).await.status, 404, "{path}");
    }
    assert_eq!(tenant.get(LIST, "Bearer stale").await.status, 401);
    let change = stagewire_fakes::workday::RequisitionChange {
        requisition_id: 101,
        status: Some("Closed".into()),
        ..Default::default()
    };
    let act = stagewire_fakes::workday::Act::ChangeRequisition(change);
    tenant.fake().act(act).unwrap();
    assert_eq!(tenant.get(LIST, &bearer).await.json()["total"], 3);
    tenant
        .fake()
        .drift("jobPostings", "title", Some(json!(null)));
    let drifted = tenant.get(LIST, &bearer).await.json();
    assert!(drifted["data"][0].get("title").unwrap().is_null());
}
