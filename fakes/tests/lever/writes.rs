//! The vendor's writes and what they answer, move and leave alone.

use reqwest::Method;
use serde_json::{Value, json};
use stagewire_fakes::lever::Shapes;

use super::Ats;

#[tokio::test]
async fn the_answers_of_most_writes_show_a_blank_person() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let path = format!("/opportunities/{id}");
    let links = json!({"links": ["https://example.com/dora"]});
    let answer = ats.post(&format!("{path}/addLinks"), links).await.json();
    assert_eq!(answer["data"]["name"], "Dora Quist");
    let reason = ats.reason("Timing");
    let tags = json!({"tags": ["keen"]});
    for answer in [
        ats.put(&format!("{path}/stage"), json!({"stage": "offer"}))
            .await,
        ats.put(&format!("{path}/archived"), json!({"reason": reason}))
            .await,
        ats.post(&format!("{path}/addTags"), tags).await,
        ats.post(&format!("{path}/addSources"), json!({"sources": ["Fair"]}))
            .await,
    ] {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let row = answer.json()["data"].clone();
        assert_eq!((&row["name"], &row["headline"]), (&json!(""), &json!("")));
        for list in ["emails", "phones", "links"] {
            assert_eq!(row[list], json!([]), "{list}");
        }
        assert_eq!(row["stage"], "offer", "the change itself is right");
    }
    let row = ats.get(&path).await.json()["data"].clone();
    assert_eq!(row["emails"], json!(["dora.quist@example.com"]));
    assert_eq!(row["phones"], json!([{"value": "+49 341 5550123"}]));
    assert_eq!(row["links"].as_array().unwrap().len(), 1);
    assert_eq!(row["headline"], "Between things");
    assert_eq!(row["archived"]["reason"], json!(reason));
    assert!(row["tags"].as_array().unwrap().contains(&json!("keen")));
    assert_eq!(row["sources"], json!(["Fair"]));
}

#[tokio::test]
async fn a_move_is_dated_and_a_repeat_of_it_or_of_a_tag_changes_nothing() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let path = format!("/opportunities/{id}/stage?perform_as={}", ats.user());
    ats.later(10);
    assert_eq!(ats.put(&path, json!({"stage": "offer"})).await.status, 200);
    let moved = ats.fake().opportunity(&id).unwrap();
    let now = ats.clock.now().ms();
    assert_eq!(moved["lastAdvancedAt"], now);
    assert_eq!(moved["updatedAt"], now);
    let change = moved["stageChanges"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (&change["toStageId"], &change["updatedAt"]),
        (&json!("offer"), &json!(now))
    );
    assert_eq!(change["userId"], json!(ats.user()));
    ats.post(
        &format!("/opportunities/{id}/addTags"),
        json!({"tags": ["keen"]}),
    )
    .await;
    let before = ats.fake().opportunity(&id);
    ats.fake().take_webhooks();
    ats.later(10);
    ats.put(&path, json!({"stage": "offer"})).await;
    ats.post(
        &format!("/opportunities/{id}/addTags"),
        json!({"tags": ["keen"]}),
    )
    .await;
    ats.post(
        &format!("/opportunities/{id}/removeTags"),
        json!({"tags": ["Keen"]}),
    )
    .await;
    assert_eq!(ats.fake().opportunity(&id), before);
    assert!(ats.fake().take_webhooks().is_empty());
    let refused = ats.put(&path, json!({"stage": "nowhere"})).await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.json()["message"], "stages nowhere was not found");
    let nobody = format!("/opportunities/{id}/stage?perform_as=nobody");
    assert_eq!(
        ats.put(&nobody, json!({"stage": "offer"})).await.status,
        400
    );
}

#[tokio::test]
async fn a_hire_is_an_archive_with_a_reason_of_the_hired_kind() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let path = format!("/opportunities/{id}/archived");
    let requisition = ats.fake().requisitions()[0].clone();
    let hired = ats.reason("Hired");
    let body = json!({"reason": hired, "requisitionId": requisition["id"]});
    ats.later(10);
    assert_eq!(ats.put(&path, body).await.status, 200);
    let after = ats.fake().requisitions()[0].clone();
    assert_eq!(after["headcountHired"], 1);
    assert_eq!(after["updatedAt"], requisition["updatedAt"]);
    let application = ats.of(&id, "applications")[0].as_str().unwrap().to_string();
    let application = ats.fake().application(&application).unwrap();
    assert_eq!(application["requisitionForHire"]["id"], requisition["id"]);
    assert_eq!(application["archived"]["reason"], json!(hired));

    assert_eq!(ats.put(&path, json!({"reason": null})).await.status, 200);
    assert_eq!(ats.of(&id, "archived"), Value::Null);
    assert_eq!(ats.put(&path, json!({})).await.status, 400);
    let missing = "a80bbbe0-d4dd-4eac-8dbf-302345414f93";
    assert_eq!(ats.put(&path, json!({"reason": missing})).await.status, 404);
}

#[tokio::test]
async fn a_repeated_note_is_a_second_note() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let path = format!("/opportunities/{id}/notes");
    let before = ats.of(&id, "updatedAt");
    ats.later(10);
    let body = json!({"value": "Hello (ref 12ab)", "secret": true, "score": 3});
    let first = ats.post(&path, body.clone()).await;
    assert_eq!(first.status, 201);
    let first = first.json()["data"].clone();
    assert_eq!(first["noteId"], first["id"]);
    assert_eq!(first["fields"][0]["value"], "Hello (ref 12ab)");
    assert_eq!(
        (&first["secret"], &first["fields"][0]["score"]),
        (&json!(true), &json!(3))
    );
    ats.post(&path, body).await;
    assert_eq!(ats.fake().notes_of(&id).len(), 2);
    assert_eq!(ats.of(&id, "updatedAt"), before, "notes do not move it");

    let thread = first["id"].as_str().unwrap();
    let comment = ats
        .post(
            &format!("{path}?note_id={thread}"),
            json!({"value": "Indeed"}),
        )
        .await;
    assert_eq!(comment.json()["data"]["noteId"], json!(thread));
    assert_eq!(
        ats.fake().notes_of(&id)[0]["fields"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    for bad in [
        json!({}),
        json!({"value": "x", "score": 5}),
        json!({"value": "x", "createdAt": ats.clock.now().ms() + 1}),
    ] {
        assert_eq!(ats.post(&path, bad).await.status, 400);
    }
    assert_eq!(ats.fake().notes_of(&id).len(), 2);
}

#[tokio::test]
async fn only_notes_of_the_api_can_be_rewritten_and_that_moves_the_date() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let path = format!("/opportunities/{id}/notes");
    let note = ats.post(&path, json!({"value": "Hello"})).await.json()["data"]["noteId"].clone();
    let note = format!("{path}/{}", note.as_str().unwrap());
    ats.later(10);
    let answer = ats.put(&note, json!({"values": [{"value": "Hi"}]})).await;
    assert_eq!(answer.json()["data"]["fields"][0]["value"], "Hi");
    assert_eq!(ats.of(&id, "updatedAt"), ats.clock.now().ms());
    assert_eq!(
        ats.call(Method::DELETE, &note, Value::Null).await.status,
        204
    );
    let rows = ats.walk(&path).await;
    assert_eq!(rows[0]["deletedAt"], ats.clock.now().ms());

    let by_hand = stagewire_fakes::lever::Act::AddNote {
        opportunity_id: id.clone(),
        value: "Mine".into(),
        user_id: None,
        secret: false,
    };
    let by_hand = ats.fake().act(by_hand).unwrap().touched.row_id.unwrap();
    let by_hand = format!("{path}/{by_hand}");
    assert_eq!(ats.put(&by_hand, json!({"values": []})).await.status, 403);
    assert_eq!(
        ats.call(Method::DELETE, &by_hand, Value::Null).await.status,
        403
    );
}

#[tokio::test]
async fn a_created_opportunity_needs_an_actor_and_finds_a_known_person() {
    let ats = Ats::start().await;
    let posting = ats.fake().postings()[0]["id"].clone();
    let body = json!({
        "name": "Nils Overbeck",
        "emails": ["nils.overbeck@example.com"],
        "phones": [{"value": "+49 341 5550999"}],
        "tags": ["keen"],
        "postings": [posting],
        "origin": "agency",
    });
    assert_eq!(ats.post("/opportunities", body.clone()).await.status, 400);
    let path = format!("/opportunities?perform_as={}", ats.user());
    let first = ats.post(&path, body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let first = first.json();
    assert_eq!(first["deduped"], false);
    let row = &first["data"];
    assert_eq!(
        (&row["name"], &row["origin"]),
        (&json!("Nils Overbeck"), &json!("agency"))
    );
    assert_eq!(row["owner"], json!(ats.user()));
    assert_eq!(row["applications"].as_array().unwrap().len(), 1);
    let tags = row["tags"].as_array().unwrap();
    assert!(tags.contains(&json!("keen")) && tags.contains(&json!("Platform")));

    let mut again = body.clone();
    again["name"] = json!("N. O.");
    let second = ats.post(&path, again).await.json();
    assert_eq!(second["deduped"], true);
    assert_eq!(second["data"]["contact"], row["contact"]);
    assert_ne!(second["data"]["id"], row["id"]);
    assert_eq!(second["data"]["name"], "Nils Overbeck");

    let mut two = body;
    two["postings"] = json!([posting, posting]);
    assert_eq!(ats.post(&path, two).await.status, 400);
}

#[tokio::test]
async fn published_write_answers_are_thinner() {
    let ats = Ats::with(|mut options| {
        options.shapes = Shapes::Published;
        options
    })
    .await;
    let id = ats.somebody();
    let path = format!("/opportunities/{id}/notes");
    let note = ats.post(&path, json!({"value": "Hello"})).await.json();
    assert_eq!(note["data"].as_object().unwrap().len(), 1);
    assert!(note["data"]["noteId"].is_string());
    let hook = json!({"event": "contactCreated", "url": "http://127.0.0.1:1/in"});
    let hook = ats.post("/webhooks", hook).await.json();
    assert!(hook["data"]["data"]["configuration"]["signatureToken"].is_string());
}
