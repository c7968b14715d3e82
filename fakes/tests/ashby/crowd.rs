//! The crowd: as large as wanted, read in pages like stored rows, changed like stored rows.

use serde_json::json;
use stagewire_fakes::ashby::Act;

use crate::fixture::{Fake, text};

#[tokio::test]
async fn a_crowd_is_read_in_full_once_and_in_order() {
    let fake = Fake::start().await;
    let few = fake.ats().count("application").unwrap();
    let token = fake.read("application.list", json!({})).await.token;
    fake.ats().seed_many(1500);
    let all = fake.read("application.list", json!({})).await;
    assert_eq!(all.rows.len() as u64, few + 1500);
    assert_eq!(fake.ats().count("application"), Some(few + 1500));
    let mut unique = all.ids();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), all.rows.len());
    let made: Vec<String> = all.rows.iter().map(|row| text(&row["createdAt"])).collect();
    assert!(made.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(
        all.rows
            .iter()
            .all(|row| text(&row["updatedAt"]) >= text(&row["createdAt"]))
    );
    // The seeding itself is a change.
    let since = fake
        .read("application.list", json!({"syncToken": token}))
        .await;
    assert_eq!(since.rows.len(), 1500);
    let people = fake.read("candidate.list", json!({})).await;
    let row = all
        .rows
        .iter()
        .find(|row| row["id"] == since.rows[70]["id"])
        .unwrap();
    let person = people
        .rows
        .iter()
        .find(|one| one["id"] == row["candidate"]["id"])
        .unwrap();
    assert_eq!(person["applicationIds"], json!([row["id"]]));
    assert_eq!(
        person["primaryEmailAddress"],
        row["candidate"]["primaryEmailAddress"]
    );
    let email = &person["primaryEmailAddress"]["value"];
    let found = fake.ok("candidate.search", json!({"email": email})).await;
    assert_eq!(found["results"], json!([person]));
    let history = fake.ats().history(&text(&row["id"]));
    assert_eq!(history[0]["enteredStageAt"], row["createdAt"]);
    let last = history.last().unwrap();
    assert_eq!(last["enteredStageAt"], row["updatedAt"]);
    assert_eq!(last["stageId"], row["currentInterviewStage"]["id"]);
}

#[tokio::test]
async fn one_of_the_crowd_can_be_moved_and_deleted() {
    let fake = Fake::start().await;
    fake.ats().seed_many(300);
    let all = fake.read("application.list", json!({})).await;
    let stored = fake.ats().applications();
    let row = all
        .rows
        .iter()
        .find(|row| row["status"] == "Active" && !stored.contains(row))
        .unwrap();
    let application = text(&row["id"]);
    fake.minutes(1);
    fake.ats().archive(&application, None).unwrap();
    let since = fake
        .read("application.list", json!({"syncToken": all.token}))
        .await;
    assert_eq!(since.ids(), std::slice::from_ref(&application));
    let again = fake.read("application.list", json!({"limit": 50})).await;
    assert_eq!(again.ids(), all.ids(), "the order of making stays");
    let act = Act::DeleteCandidate {
        candidate_id: text(&row["candidate"]["id"]),
    };
    fake.ats().act(act).unwrap();
    let fewer = fake.read("application.list", json!({})).await;
    assert_eq!(fewer.rows.len() + 1, all.rows.len());
    assert!(!fewer.ids().contains(&application));
    assert_eq!(
        fake.ats().count("application"),
        Some(fewer.rows.len() as u64)
    );
}
