//! A crowd is listed like everybody else, has a history, and can be changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stagewire_fakes::lever::Act;

use super::Ats;

#[tokio::test]
async fn a_crowd_is_walked_once_and_its_windows_are_right() {
    let ats = Ats::start().await;
    ats.fake().seed_many(1000);
    let all = ats.walk("/opportunities?confidentiality=all").await;
    assert_eq!(all.len() as u64, ats.fake().opportunity_count());
    let distinct: BTreeSet<&str> = all.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(distinct.len(), all.len());
    let untouched = all.iter().filter(|row| row["updatedAt"].is_null()).count();
    assert_eq!(untouched, 100 + 4);
    for (name, pick) in [
        (
            "created_at",
            &(|row: &Value| row["createdAt"].as_i64()) as &dyn Fn(&Value) -> Option<i64>,
        ),
        ("updated_at", &|row| row["updatedAt"].as_i64()),
        ("advanced_at", &|row| row["lastAdvancedAt"].as_i64()),
        ("archived_at", &|row| row["archived"]["archivedAt"].as_i64()),
    ] {
        let mut times: Vec<i64> = all.iter().filter_map(pick).collect();
        times.sort_unstable();
        let (from, to) = (times[times.len() / 3], times[times.len() / 2]);
        let path = format!("/opportunities?{name}_start={from}&{name}_end={to}");
        let rows = ats
            .walk(&format!("{path}&confidentiality=all&limit=40"))
            .await;
        let expected = times.iter().filter(|at| (from..=to).contains(at)).count();
        assert!(expected > 50, "{name}");
        assert_eq!(rows.len(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_member_of_the_crowd_has_a_history_and_can_be_changed_and_deleted() {
    let ats = Ats::start().await;
    let before = ats.fake().opportunity_count();
    ats.fake().seed_many(60);
    let all = ats.walk("/opportunities?limit=60").await;
    let crowd: Vec<&Value> = all.iter().take(60).collect();
    let hired = crowd
        .iter()
        .filter(|row| row["archived"]["reason"] == json!(ats.reason("Hired")));
    assert_eq!(hired.count(), 2);
    let mut totals = std::collections::BTreeMap::new();
    for row in &crowd {
        let id = row["id"].as_str().unwrap();
        for child in [
            "notes",
            "interviews",
            "panels",
            "feedback",
            "offers",
            "applications",
        ] {
            let rows = ats.walk(&format!("/opportunities/{id}/{child}")).await;
            *totals.entry(child).or_insert(0) += rows.len();
        }
        let changes = row["stageChanges"].as_array().unwrap();
        assert_eq!(changes.last().unwrap()["toStageId"], row["stage"]);
    }
    let expected = [
        ("applications", 60),
        ("feedback", 18),
        ("interviews", 36),
        ("notes", 20),
        ("offers", 12),
        ("panels", 36),
    ];
    assert_eq!(totals, expected.into());

    let id = crowd[7]["id"].as_str().unwrap();
    ats.later(60);
    ats.fake().move_to(id, "lead-new").unwrap();
    let now = ats.clock.now().ms();
    let moved = ats
        .walk(&format!("/opportunities?updated_at_start={now}"))
        .await;
    assert_eq!(moved.len(), 1);
    assert_eq!(
        (&moved[0]["id"], &moved[0]["stage"]),
        (&json!(id), &json!("lead-new"))
    );
    assert_eq!(moved[0]["name"], crowd[7]["name"]);
    ats.fake().delete(id).unwrap();
    assert_eq!(ats.fake().opportunity_count(), before + 59);
    assert_eq!(ats.get(&format!("/opportunities/{id}")).await.status, 404);
    assert_eq!(ats.walk("/opportunities/deleted").await[0]["id"], json!(id));

    let note = crowd.iter().find(|row| row["id"] != json!(id));
    let id = note.unwrap()["id"].as_str().unwrap();
    let act = Act::AddNote {
        opportunity_id: id.into(),
        value: "One more".into(),
        user_id: None,
        secret: false,
    };
    let before = ats.fake().notes_of(id).len();
    ats.fake().act(act).unwrap();
    assert_eq!(
        ats.walk(&format!("/opportunities/{id}/notes")).await.len(),
        before + 1
    );
}

#[tokio::test]
async fn somebody_of_the_crowd_is_known_by_the_address() {
    let ats = Ats::start().await;
    ats.fake().seed_many(50);
    let row = ats.walk("/opportunities").await[3].clone();
    let email = row["emails"][0].as_str().unwrap();
    let done = ats.apply("Somebody", email);
    assert_eq!(json!(done.touched.contact_id), row["contact"]);
    let other = ats.apply("Somebody", "amara.abendrot.50@example.com");
    assert_ne!(json!(other.touched.contact_id), row["contact"]);
}

#[tokio::test]
async fn the_page_shows_the_company_and_its_buttons() {
    let ats = Ats::start().await;
    ats.somebody();
    let page = super::send(ats.client.get(format!("{}/", ats.handle.url()))).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Dora Quist") && page.text.contains("/_fake/archive"));
    let id = ats.fake().opportunities().pop().unwrap()["id"].clone();
    let form = format!("opportunity_id={}&stage_id=offer", id.as_str().unwrap());
    let request = ats.client.post(format!("{}/_fake/move", ats.handle.url()));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = super::send(request.body(form)).await;
    assert_eq!(answer.status, 303);
    assert_eq!(ats.of(id.as_str().unwrap(), "stage"), "offer");
}
