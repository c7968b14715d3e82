//! What a row looks like: chosen fields, published and recorded shapes, drift, and what is nobody's.

use serde_json::{Value, json};
use stagewire_fakes::lever::{Act, Shapes};

use super::Ats;

#[tokio::test]
async fn include_drops_what_it_does_not_name_and_expand_overrides_it() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let small = ats
        .get(&format!("/opportunities/{id}?include=name&include=stage"))
        .await;
    assert_eq!(
        small.json()["data"],
        json!({"name": "Dora Quist", "stage": "applicant-new"})
    );
    let path = "expand=contact&expand=applications&expand=stage&expand=owner&expand=followers";
    let wide = ats
        .get(&format!("/opportunities/{id}?include=name&{path}"))
        .await;
    let row = wide.json()["data"].clone();
    assert_eq!(row["contact"]["emails"], json!(["dora.quist@example.com"]));
    assert_eq!(row["contact"]["location"], json!({"name": ""}));
    assert_eq!(row["location"], "");
    assert_eq!(row["applications"][0]["opportunityId"], json!(id));
    assert_eq!(row["stage"]["text"], "New applicant");
    assert_eq!(row["owner"], Value::Null);
    assert_eq!(row["tags"][0], "Backend Engineer");
    let refused = ats.get("/opportunities?expand=notes").await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn the_published_shapes_differ_from_the_recorded_ones() {
    let ats = Ats::with(|mut options| {
        options.shapes = Shapes::Published;
        options
    })
    .await;
    let id = ats.somebody();
    let file = |resume| Act::AddFile {
        opportunity_id: id.clone(),
        name: "work.pdf".into(),
        resume,
        broken: false,
    };
    ats.fake().act(file(false)).unwrap();
    let files = ats.get(&format!("/opportunities/{id}/files")).await.json();
    assert!(files[0]["uploadedAt"].is_string() && files[0]["size"].is_string());
    let hired = ats.get("/archive_reasons?type=hired").await.json();
    assert_eq!(hired["data"]["text"], "Hired");
    let rows = ats.walk("/opportunities").await;
    assert!(
        rows.iter()
            .all(|row| row.get("archivedAt").is_some() && row.get("archived").is_none())
    );
    assert_eq!(
        rows.iter()
            .filter(|row| row.get("stageChanges").is_none())
            .count(),
        4
    );
    let single = ats.get(&format!("/opportunities/{id}")).await.json();
    assert!(single["data"].get("archived").is_some());
    let all = "created_at_start=0";
    let eeo = ats.get(&format!("/eeo/responses?{all}")).await.json();
    assert!(
        eeo["data"]["eeoResponses"]
            .as_array()
            .is_some_and(|rows| !rows.is_empty())
    );
    let requisitions = ats.walk("/requisitions?confidentiality=all").await;
    assert!(
        requisitions
            .iter()
            .all(|row| row.get("headcountInfinite").is_none())
    );
    assert!(
        requisitions
            .iter()
            .any(|row| row["headcountTotal"] == "unlimited")
    );
}

#[tokio::test]
async fn self_identification_is_of_the_last_week_and_counted_when_asked_for() {
    let ats = Ats::start().await;
    assert!(ats.walk("/eeo/responses").await.is_empty());
    let id = ats.somebody();
    ats.fake()
        .act(Act::AnswerEeo {
            opportunity_id: id.clone(),
        })
        .unwrap();
    let rows = ats.walk("/eeo/responses").await;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].get("opportunityId").is_none());
    let rows = ats.walk("/eeo/responses/pii?created_at_start=0").await;
    assert!(rows.len() > 1 && rows[0]["opportunityId"] == json!(id));
    let requests = ats.fake().requests();
    assert_eq!(requests["GET /v1/eeo/responses"], 2);
    assert_eq!(requests["GET /v1/eeo/responses/pii"], 1);
}

#[tokio::test]
async fn drift_breaks_a_shape_everywhere_it_is_shown_or_in_one_record() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    ats.fake().drift("opportunities", "stage", None);
    ats.fake()
        .drift("contacts", "emails", Some(json!("one@example.com")));
    ats.fake()
        .drift_one("opportunities", &id, "updatedAt", Some(json!("soon")));
    let rows = ats.walk("/opportunities?expand=contact").await;
    assert!(rows.iter().all(|row| row.get("stage").is_none()));
    assert!(rows.iter().all(|row| row["contact"]["emails"].is_string()));
    let odd: Vec<_> = rows
        .iter()
        .filter(|row| row["updatedAt"] == "soon")
        .collect();
    assert_eq!((odd.len(), &odd[0]["id"]), (1, &json!(id)));
    assert_eq!(
        ats.of(&id, "stage"),
        "applicant-new",
        "the account itself is whole"
    );
    ats.fake().clear_drift();
    assert_eq!(
        ats.walk("/opportunities").await[0]["stage"],
        "applicant-new"
    );
}
