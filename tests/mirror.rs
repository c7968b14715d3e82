//! Promises P2, P3 and P9 attacked through the whole server: webhooks in every order and multiplicity, lost ones, a backfill while
//! people work. The events are the acts.

use serde_json::Value;
use stagewire_fakes::greenhouse::Webhook;
use stagewire_testkit::seed::Dice;
use stagewire_tests::{Company, Plan};
use std::collections::BTreeMap;

/// The acts about one application as its events tell them.
async fn told(c: &Company) -> BTreeMap<String, Vec<String>> {
    let mut events = c.server.all("events").await;
    events.sort_by_key(|e| e["sequence"].as_str().map(str::to_owned));
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for e in events.iter().filter(|e| {
        e["type"]
            .as_str()
            .is_some_and(|t| t.starts_with("application.") && t != "application.updated")
    }) {
        let current = e["data"]["current"]["stage_id"].as_str().map(str::to_owned);
        let kind = e["type"]
            .as_str()
            .unwrap_or_default()
            .trim_start_matches("application.")
            .to_owned();
        let line = if kind == "stage_changed" {
            format!("{kind} {}", current.unwrap_or_default())
        } else {
            kind
        };
        out.entry(e["subject"].as_str().unwrap_or_default().to_owned())
            .or_default()
            .push(line);
    }
    out
}

async fn settled(c: &Company) -> bool {
    let waiting = c.server.all("deliveries?state=waiting").await;
    waiting.is_empty()
}

/// People work on a few applications; gives the webhooks and, per remote id, what happened.
fn work(
    c: &Company,
    dice: &mut Dice,
    people: usize,
    acts: usize,
) -> (Vec<Webhook>, BTreeMap<u64, Vec<&'static str>>) {
    let apps: Vec<u64> = (0..people)
        .map(|n| c.apply(&format!("Person{n}")))
        .collect();
    let mut done: BTreeMap<u64, Vec<&'static str>> =
        apps.iter().map(|a| (*a, vec!["created"])).collect();
    let stages = c.stages();
    for _ in 0..acts {
        let app = apps[usize::try_from(dice.below(apps.len() as u64)).unwrap_or(0)];
        let ended = done[&app].last() == Some(&"rejected");
        let what = match (ended, dice.below(4)) {
            (true, _) => c.ats.state.unreject(app).map(|_| "reopened"),
            (false, 0) => c.ats.state.reject(app, None).map(|_| "rejected"),
            (false, n) => {
                let at = c.ats.state.stage_of(app);
                let others: Vec<u64> = stages
                    .iter()
                    .map(|s| s.1)
                    .filter(|s| Some(*s) != at.as_ref().map(|s| s.id))
                    .collect();
                let to = others[usize::try_from(n + dice.below(3)).unwrap_or(0) % others.len()];
                c.ats.state.move_to(app, Some(to)).map(|_| "stage_changed")
            }
        };
        if let Ok(what) = what {
            done.entry(app).or_default().push(what);
        }
    }
    (c.ats.state.take_webhooks(), done)
}

/// Each act has its event, once: compared by kind and count per application.
fn same(
    told: &BTreeMap<String, Vec<String>>,
    done: &BTreeMap<u64, Vec<&'static str>>,
    records: &[Value],
) -> Result<(), String> {
    for (remote, acts) in done {
        let record = records
            .iter()
            .find(|r| r["remote_id"] == remote.to_string().as_str())
            .ok_or(format!("no record of {remote}"))?;
        let id = format!("application/{}", record["id"].as_str().unwrap_or_default());
        let events = told.get(&id).cloned().unwrap_or_default();
        let kinds: Vec<&str> = events
            .iter()
            .map(|e| e.split(' ').next().unwrap_or_default())
            .collect();
        let count = |list: &[&str], kind: &str| list.iter().filter(|k| **k == kind).count();
        for kind in ["created", "stage_changed"] {
            if count(&kinds, kind) != count(acts, kind) {
                return Err(format!("{remote}: {acts:?} but {events:?}"));
            }
        }
        if count(&kinds, "rejected") > count(acts, "rejected")
            || count(&kinds, "reopened") > count(acts, "reopened")
        {
            return Err(format!("{remote}: {acts:?} but {events:?}"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn webhooks_in_any_order_and_number_make_one_event_per_act() {
    for seed in [3, 4, 5] {
        let mut dice = Dice::new(seed);
        let c = Company::start(Plan::default()).await;
        let (mut hooks, done) = work(&c, &mut dice, 5, 25);
        let copies: Vec<Webhook> = hooks
            .iter()
            .filter(|_| dice.below(3) == 0)
            .cloned()
            .collect();
        hooks.extend(copies);
        dice.shuffle(&mut hooks);
        let statuses = c.deliver(&hooks).await;
        assert!(statuses.iter().all(|s| *s == 200));
        c.until(
            &format!("seed {seed}: every delivery is decided"),
            60,
            || async { settled(&c).await },
        )
        .await;
        let agreed = || async {
            same(
                &told(&c).await,
                &done,
                &c.server.all("records/application").await,
            )
            .is_ok()
        };
        if !stagewire_testkit::holds(20, agreed).await {
            panic!(
                "seed {seed}: {:?}",
                same(
                    &told(&c).await,
                    &done,
                    &c.server.all("records/application").await
                )
            );
        }
    }
}

#[tokio::test]
async fn a_backfill_is_silent_and_what_happens_meanwhile_is_told_once() {
    let c = Company::start(Plan {
        poll: "1s",
        ..Plan::default()
    })
    .await;
    let mut dice = Dice::new(9);
    let (mut hooks, done) = work(&c, &mut dice, 4, 16);
    hooks.retain(|_| dice.below(2) == 0); // half of the webhooks are lost
    c.deliver(&hooks).await;
    let ready = || async {
        c.server
            .all("connections")
            .await
            .iter()
            .any(|k| k["id"] == "gh" && k["backfilled"] == true)
    };
    c.until("everything was read once", 60, ready).await;
    let agreed = || async {
        settled(&c).await
            && same(
                &told(&c).await,
                &done,
                &c.server.all("records/application").await,
            )
            .is_ok()
    };
    if !stagewire_testkit::holds(40, agreed).await {
        panic!(
            "{:?}",
            same(
                &told(&c).await,
                &done,
                &c.server.all("records/application").await
            )
        );
    }
    let seeded = c.ats.state.applications().len() - done.len();
    assert!(seeded > 20, "there is a past to be silent about");
    assert_eq!(told(&c).await.len(), done.len(), "history makes no events");
    assert!(
        c.server.all("records/stage_transition").await.len() > seeded,
        "the past is kept as history"
    );
    let before = c.server.all("events").await.len();
    c.server
        .post("connections/gh/sync", &serde_json::json!({}))
        .await
        .expect("the server answers");
    assert_eq!(
        c.server.all("events").await.len(),
        before,
        "the same answer again changes nothing"
    );
}

#[tokio::test]
async fn a_first_webhook_on_an_empty_mirror_knows_where_the_person_came_from() {
    let c = Company::start(Plan::default()).await;
    let app = c.apply("Nora");
    c.ats
        .state
        .move_to(app, Some(c.stages()[1].1))
        .expect("the ATS moves");
    c.ats.state.take_webhooks();
    c.ats
        .state
        .move_to(app, Some(c.stages()[2].1))
        .expect("the ATS moves");
    let last = c.ats.state.take_webhooks();
    c.deliver(&last).await;
    c.until("it is decided", 60, || async { settled(&c).await })
        .await;
    let moves = c.server.all("events?type=application.stage_changed").await;
    assert_eq!(
        moves.len(),
        2,
        "the lost one is learned from the history: {moves:?}"
    );
    assert!(
        moves
            .iter()
            .all(|m| m["data"]["previous"]["stage_id"].is_string()),
        "{moves:?}"
    );
}

#[tokio::test]
async fn a_changed_byte_a_flood_of_nonsense_and_a_body_too_large_do_no_harm() {
    let c = Company::start(Plan::default()).await;
    let app = c.apply("Nora");
    let hooks = c.ats.state.take_webhooks();
    let mut forged = hooks[0].clone();
    let mut body = forged.body.to_vec();
    let last = body.len() - 2;
    body[last] ^= 1;
    forged.body = body.into();
    assert_eq!(c.deliver(&[forged]).await, [401]);
    let signed = |body: Vec<u8>| {
        let mut hook = hooks[0].clone();
        let signature = stagewire_fakes::greenhouse_signature("demo-webhook-secret", &body);
        hook.headers
            .iter_mut()
            .filter(|(n, _)| n.eq_ignore_ascii_case("signature"))
            .for_each(|(_, v)| v.clone_from(&signature));
        hook.body = body.into();
        hook
    };
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)).into_bytes();
    let statuses = c
        .deliver(&[
            signed(deep),
            signed(vec![0xff, 0xfe, 0x00]),
            signed(b"{\"action\":\"brand_new_thing\",\"payload\":{}}".to_vec()),
        ])
        .await;
    assert_eq!(statuses, [200, 200, 200], "signed: acknowledged and kept");
    assert_eq!(
        c.deliver(&[signed(vec![b' '; 11 * 1024 * 1024])]).await,
        [413]
    );
    c.until("three are kept, none waits", 60, || async {
        c.server.all("deliveries?state=kept").await.len() == 3 && settled(&c).await
    })
    .await;
    let codes: Vec<String> = c
        .server
        .all("failures")
        .await
        .iter()
        .filter_map(|f| f["code"].as_str().map(str::to_owned))
        .collect();
    assert!(
        codes.contains(&"IN-002".to_owned()) && codes.contains(&"IN-003".to_owned()),
        "{codes:?}"
    );
    c.deliver(&hooks).await;
    c.until("the good one still works", 60, || async {
        c.server
            .all("records/application")
            .await
            .iter()
            .any(|r| r["remote_id"] == app.to_string().as_str())
    })
    .await;
}
