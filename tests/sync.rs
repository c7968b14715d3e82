//! Polls make up for lost webhooks, through the whole server: each act is told once, and what was lost is counted.

use stagewire_fakes::greenhouse::Webhook;
use stagewire_testkit::seed::Dice;
use stagewire_tests::{Company, Plan};
use std::collections::BTreeMap;

/// People move applications about; adds what they did, a move as from where to where. The webhooks are given.
fn work(c: &Company, dice: &mut Dice, done: &mut BTreeMap<u64, Vec<String>>) -> Vec<Webhook> {
    let apps: Vec<u64> = done.keys().copied().collect();
    let stages = c.stages();
    for _ in 0..6 {
        let app = apps[usize::try_from(dice.below(apps.len() as u64)).unwrap_or(0)];
        let at = c.ats.state.stage_of(app).map(|s| s.id);
        let others: Vec<u64> = stages
            .iter()
            .map(|s| s.1)
            .filter(|s| Some(*s) != at)
            .collect();
        let to = others[usize::try_from(dice.below(others.len() as u64)).unwrap_or(0)];
        if c.ats.state.move_to(app, Some(to)).is_ok() {
            let from = at.unwrap_or_default();
            done.entry(app).or_default().push(format!("{from} {to}"));
        }
    }
    c.ats.state.take_webhooks()
}

/// The same as the events tell it, in the vendor's ids.
async fn story(c: &Company) -> BTreeMap<u64, Vec<String>> {
    let mut names = BTreeMap::new();
    for entity in ["application", "job_stage"] {
        for r in c.server.all(&format!("records/{entity}")).await {
            let text = |k: &str| r[k].as_str().unwrap_or_default().to_owned();
            names.insert(text("id"), text("remote_id"));
        }
    }
    let mut events = c.server.all("events").await;
    events.sort_by_key(|e| e["sequence"].as_str().map(str::to_owned));
    let mut out: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for e in &events {
        let subject = e["subject"].as_str().unwrap_or_default();
        let Some(app) = subject.strip_prefix("application/") else {
            continue;
        };
        let remote = names.get(app).and_then(|r| r.parse().ok()).unwrap_or(0);
        let stage = |which: &str| {
            let id = e["data"][which]["stage_id"].as_str().unwrap_or_default();
            names.get(id).cloned().unwrap_or_default()
        };
        let line = match e["type"].as_str() {
            Some("application.created") => "created".to_owned(),
            Some("application.stage_changed") => {
                format!("{} {}", stage("previous"), stage("current"))
            }
            _ => continue,
        };
        out.entry(remote).or_default().push(line);
    }
    // what was learned late is told late: the acts are compared, not their order
    out.values_mut().for_each(|acts| acts.sort());
    out
}

#[tokio::test]
async fn lost_doubled_and_shuffled_webhooks_with_polls_between_tell_each_act_once() {
    for seed in [11, 12] {
        let mut dice = Dice::new(seed);
        let c = Company::start(Plan::default()).await;
        c.poll().await;
        let mut done: BTreeMap<u64, Vec<String>> = (0..6)
            .map(|n| c.apply(&format!("Person{n}")))
            .map(|app| (app, vec!["created".to_owned()]))
            .collect();
        let mut late = Vec::new();
        for _ in 0..5 {
            let mut hooks = work(&c, &mut dice, &mut done);
            hooks.retain(|_| dice.below(5) != 0);
            let twice = hooks.clone();
            hooks.extend(twice.into_iter().filter(|_| dice.below(10) == 0));
            hooks.append(&mut late);
            dice.shuffle(&mut hooks);
            late = hooks.split_off(hooks.len() * 2 / 3); // some come after the poll
            let statuses = c.deliver(&hooks).await;
            assert!(statuses.iter().all(|s| *s == 200));
            c.poll().await;
        }
        c.deliver(&late).await;
        c.poll().await;
        done.values_mut().for_each(|acts| acts.sort());
        let agreed = || async {
            let waiting = c.server.all("deliveries?state=waiting").await;
            waiting.is_empty() && story(&c).await == done
        };
        if !stagewire_testkit::holds(90, agreed).await {
            assert_eq!(story(&c).await, done, "seed {seed}");
        }
        let days = c.server.all("completeness").await;
        let sum = |key: &str| -> i64 { days.iter().filter_map(|d| d[key].as_i64()).sum() };
        assert_eq!(sum("missed"), 0, "{days:?}");
        assert!(
            sum("seen_live") + sum("late") + sum("recovered") >= 36,
            "every act is counted: {days:?}"
        );
        assert!(sum("recovered") > 0, "some were lost: {days:?}");
    }
}
