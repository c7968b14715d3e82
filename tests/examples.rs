//! The vendor's published examples, where they lie beside the repository: signed, each is acknowledged and mapped, or kept and
//! reported; with one byte changed, refused.

use serde_json::Value;
use stagewire_fakes::greenhouse::Webhook;
use stagewire_tests::{Company, Plan};
use std::path::Path;

fn signed(name: &str, body: Vec<u8>) -> Webhook {
    let signature = stagewire_fakes::greenhouse_signature("demo-webhook-secret", &body);
    let headers = vec![
        ("content-type".into(), "application/json".into()),
        ("Signature".into(), signature),
        ("Greenhouse-Event-ID".into(), name.to_owned()),
    ];
    Webhook {
        action: name.to_owned(),
        event_id: name.to_owned(),
        url: None,
        headers,
        body: body.into(),
    }
}

#[tokio::test]
async fn every_published_example_is_taken_and_a_changed_byte_is_not() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vendors/greenhouse/webhooks");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return;
    };
    let c = Company::start(Plan::default()).await;
    let mut count = 0;
    for entry in entries
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "json"))
    {
        let body = std::fs::read(entry.path()).expect("an example can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut forged = signed(&name, body.clone());
        let mut bytes = body.clone();
        bytes[0] ^= 1;
        forged.body = bytes.into();
        assert_eq!(c.deliver(&[forged]).await, [401], "{name}");
        assert_eq!(c.deliver(&[signed(&name, body)]).await, [200], "{name}");
        count += 1;
    }
    assert!(count >= 15, "the examples are there: {count}");
    let decided = || async {
        let all = c.server.all("deliveries").await;
        all.len() == count
            && all.iter().all(|d| {
                d["state"] != "failed" && (d["state"] != "waiting" || d["waits_for"].is_string())
            })
    };
    c.until("each is mapped, kept, or waits for its read", 60, decided)
        .await;
    let kept: Vec<Value> = c.server.all("deliveries?state=kept").await;
    assert!(
        kept.iter().all(|d| d["note"].is_string()),
        "what is kept says why: {kept:?}"
    );
}
