//! A destination that is down for a while under steady traffic: everything is delivered, once, and in order.

use stagewire_fakes::{Fault, Rule};
use stagewire_tests::{Company, Plan, tell_hook};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_under_traffic_loses_nothing_and_doubles_nothing() {
    let c = Company::start(Plan {
        flows: vec![("tell", tell_hook())],
        ..Plan::default()
    })
    .await;
    let stage = c.stages()[1].1;
    for n in 0..200 {
        let app = c.apply(&format!("Person{n}"));
        c.ats
            .state
            .move_to(app, Some(stage))
            .expect("the ATS moves");
    }
    let mut hooks = c.ats.state.take_webhooks();
    hooks.retain(|h| h.action == "candidate_stage_change");
    c.hook
        .state
        .arm(Rule::share(1.0, "POST", "/hook", Fault::status(500)));
    let (before, after) = hooks.split_at(120);
    c.deliver(before).await;
    let open = || async {
        c.server
            .all("connections")
            .await
            .iter()
            .any(|k| k["id"] == "hook" && k["circuit_open_since"].is_string())
    };
    c.until("the circuit opens", 30, open).await;
    c.deliver(after).await;
    c.hook.state.clear_faults();
    c.until("all are delivered", 90, || async {
        c.hook.state.effects() == 200
    })
    .await;
    c.until("all are settled", 60, || async {
        c.server.all("actions?state=done").await.len() == 200
    })
    .await;
    assert!(c.server.all("actions?state=parked").await.is_empty());
    c.until("no failure stays open", 60, || async {
        c.server.all("failures?state=open").await.is_empty()
    })
    .await;
}
