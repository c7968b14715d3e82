//! The page for people, and the acts behind its buttons.

use serde_json::json;

use crate::common::{client, send};
use crate::fixture::Fake;

#[tokio::test]
async fn a_person_can_act_from_the_page() {
    let fake = Fake::start().await;
    let (application, _) = fake.active();
    let url = fake.handle.url();
    let form = |act: &str, body: String| {
        let request = client().post(format!("{url}/_fake/{act}"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        send(request.body(body))
    };
    let job = fake.ats().find("job", "title", "Backend Engineer").unwrap();
    let answer = form("apply", format!("name=Uta+Grimm&email=&job_id={job}")).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    let stage = fake.stage(&application, "Offer");
    form(
        "move",
        format!("application_id={application}&stage_id={stage}"),
    )
    .await;
    let stages = fake.ats().application(&application).unwrap();
    assert_eq!(stages["currentInterviewStage"]["title"], "Offer");
    let page = send(client().get(&url)).await.text;
    assert!(page.contains("Uta Grimm") && page.contains("Backend Engineer"));
    let answer = form("hire", "application_id=nobody".into()).await;
    assert_eq!(answer.status, 422);

    let set = client().post(format!("{url}/_fake/set"));
    let set = set.header("content-type", "application/json");
    let answer = send(set.body(json!({"rate_limit": 1}).to_string())).await;
    assert_eq!(answer.status, 204);
    fake.ok("apiKey.info", json!({})).await;
    assert_eq!(fake.refused("apiKey.info", json!({})).await.0, 429);
    let state = send(client().get(format!("{url}/_fake/state")))
        .await
        .json();
    assert_eq!(state["refused"], 1);
}
