//! The first read of everything, through the whole server: killed at any point it goes on where it was, it keeps to the vendor's limit,
//! and what happens meanwhile is told at once.

use serde_json::{Value, json};
use stagewire_fakes::greenhouse::Act;
use stagewire_testkit::process::Server;
use stagewire_testkit::seed::Dice;
use stagewire_tests::{Company, Plan};
use std::collections::BTreeMap;

const ENTITIES: &[&str] = &[
    "user",
    "department",
    "office",
    "source",
    "reject_reason",
    "tag",
    "question",
    "job",
    "job_stage",
    "candidate",
    "application",
    "interview",
    "scorecard",
    "offer",
    "opening",
    "job_posting",
    "note",
    "attachment",
    "stage_transition",
];

/// Begins the first read, or goes on with it; nobody waits for it.
async fn begin(c: &Company) {
    assert_eq!(c.sync(&json!({"background": true})).await, 202);
}

/// Pages that were asked for so far, of the lists that are long here.
fn pages(c: &Company) -> u64 {
    let asked = c.ats.state.requests();
    let long = [
        "GET /v3/candidates",
        "GET /v3/applications",
        "GET /v3/application_stages",
    ];
    long.iter().filter_map(|route| asked.get(*route)).sum()
}

/// Everything in the mirror in the vendor's own ids, without what differs from one installation, or one moment, to the next.
async fn mirror(server: &Server) -> BTreeMap<String, Value> {
    let mut all = Vec::new();
    let mut names = BTreeMap::new();
    for entity in ENTITIES {
        for record in server.all(&format!("records/{entity}")).await {
            let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
            names.insert(text("id"), format!("{entity} {}", text("remote_id")));
            all.push((*entity, record));
        }
    }
    let mut out = BTreeMap::new();
    for (entity, mut record) in all {
        named(&mut record, &names);
        let fields = record.as_object_mut().expect("a record is an object");
        for ours in [
            "provenance",
            "first_seen_at",
            "changed_at",
            "synced_at",
            "observed_at",
            "created_at",
            "updated_at",
            "content_hash", // our ids are in it
        ] {
            fields.remove(ours);
        }
        let key = match entity {
            // its own id is of this installation alone
            "stage_transition" => {
                fields.remove("id");
                format!(
                    "{} {} {}",
                    record["application_id"], record["entered_at"], record["to_stage_id"]
                )
            }
            _ => record["id"].to_string(),
        };
        assert!(out.insert(key, record).is_none(), "no record twice");
    }
    out
}

/// Our ids become the vendor's.
fn named(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(name) = names.get(text) {
                name.clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|v| named(v, names)),
        Value::Object(fields) => fields.values_mut().for_each(|v| named(v, names)),
        _ => {}
    }
}

#[tokio::test]
async fn killed_anywhere_it_goes_on_where_it_was_and_ends_with_the_same_mirror() {
    let mut c = Company::start(Plan {
        crowd: 3_000,
        ..Plan::default()
    })
    .await;
    // undisturbed first, so that it is known what that takes
    let before = pages(&c);
    begin(&c).await;
    c.until("everything was read", 120, || c.read_whole()).await;
    let (whole, undisturbed) = (pages(&c) - before, mirror(&c.server).await);
    assert!(undisturbed.len() > 5_000, "{}", undisturbed.len());
    c.server.kill().await;

    let mut dice = Dice::new(3);
    let mut points: Vec<u64> = (0..4).map(|_| 2 + dice.below(whole - 3)).collect();
    points.sort_unstable();
    c.server = c.anew().await;
    let from = pages(&c);
    for point in &points {
        begin(&c).await;
        c.until("it came so far", 60, || async {
            pages(&c) - from >= *point
        })
        .await;
        c.server.kill().await;
        c.server.run().await;
    }
    begin(&c).await;
    c.until("everything was read", 120, || c.read_whole()).await;
    // each death may cost the page being stored and the one asked for meanwhile, and lists that are over are asked what changed
    let most = whole + points.len() as u64 * (2 + 3);
    let took = pages(&c) - from;
    assert!(
        (whole..=most).contains(&took),
        "{took} pages, {whole} undisturbed, killed at {points:?}"
    );
    let now = mirror(&c.server).await;
    for (key, record) in &now {
        let before = undisturbed.get(key).expect("no record more");
        for (field, value) in record.as_object().expect("a record") {
            assert_eq!(before.get(field), Some(value), "{key} {field}");
        }
    }
    assert_eq!(now.len(), undisturbed.len());
    assert!(c.server.all("events").await.is_empty(), "history is silent");
}

#[tokio::test]
async fn a_page_that_cannot_be_stored_stops_those_after_it_and_nothing_is_left_out() {
    let mut c = Company::start(Plan {
        crowd: 2_000,
        ..Plan::default()
    })
    .await;
    begin(&c).await;
    c.until("everything was read", 120, || c.read_whole()).await;
    let undisturbed = mirror(&c.server).await;
    c.server.kill().await;
    c.server = c.anew().await;
    c.server.kill().await;
    // one record in the middle of a page is refused by the disk; read again it has another number
    let file = c.server.folder().join("data/stagewire.db");
    let spoil = "CREATE TRIGGER spoil BEFORE INSERT ON record WHEN NEW.rid = 1700 BEGIN SELECT RAISE(ABORT, 'spoiled'); END";
    let db = rusqlite::Connection::open(file).expect("the store's file opens");
    db.execute_batch(spoil).expect("the trigger is made");
    drop(db);
    c.server.run().await;
    begin(&c).await;
    c.until("it was stopped", 60, || async {
        c.server.log().contains("nothing was moved on")
    })
    .await;
    c.until("everything was read", 120, || async {
        begin(&c).await;
        c.read_whole().await
    })
    .await;
    let now = mirror(&c.server).await;
    assert!(now.keys().eq(undisturbed.keys()), "every record is there");
}

#[tokio::test]
async fn it_keeps_to_the_vendors_limit_and_what_happens_meanwhile_is_told_at_once() {
    let c = Company::start(Plan::default()).await;
    c.ats.state.set_rate_limit(16);
    begin(&c).await;
    let lists = || {
        c.ats
            .state
            .requests()
            .keys()
            .filter(|r| r.starts_with("GET "))
            .count()
    };
    c.until("it has begun", 60, || async { lists() >= 6 }).await;
    // in the middle of it people work
    let apps: Vec<u64> = (0..4).map(|n| c.apply(&format!("Person{n}"))).collect();
    let stages = c.stages();
    for app in &apps {
        let moved = Act::Move {
            application_id: *app,
            stage_id: Some(stages[2].1),
        };
        c.ats.state.act(moved).expect("the ATS moves");
    }
    c.deliver(&c.ats.state.take_webhooks()).await;
    let told = |kind: &'static str| {
        let server = &c.server;
        async move {
            let events = server.all("events").await;
            events.iter().filter(|e| e["type"] == kind).count()
        }
    };
    c.until("all of it is told", 120, || async {
        told("application.created").await == 4 && told("application.stage_changed").await == 4
    })
    .await;
    assert!(
        !c.read_whole().await,
        "told while the first read was still going on"
    );
    c.until("everything was read", 150, || c.read_whole()).await;
    let refused = c.ats.state.refused();
    assert!(refused <= 3, "{refused} requests were refused");
    c.ats.state.set_rate_limit(0);
    let what = json!({});
    c.until("what changed was read", 90, || async {
        c.sync(&what).await == 200
    })
    .await;
    assert_eq!(
        (
            told("application.created").await,
            told("application.stage_changed").await
        ),
        (4, 4),
        "and told once"
    );
}
