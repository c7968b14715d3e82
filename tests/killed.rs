//! Promises P1 and P4 attacked: the server is killed without warning, many times, while webhooks pour in.

use stagewire_fakes::greenhouse::Webhook;
use stagewire_testkit::seed::Dice;
use stagewire_testkit::until;
use stagewire_tests::{Company, Plan, send, tell_hook};
use std::collections::HashSet;

/// Sends every webhook until it is acknowledged, killing the server after seeded numbers of acknowledgements; how often it died.
async fn pour(c: &mut Company, mut left: Vec<Webhook>, dice: &mut Dice, kills: usize) -> usize {
    let mut died = 0;
    let every = left.len() as u64 / (kills as u64 + 1);
    while !left.is_empty() {
        let acks = if died < kills {
            usize::try_from(1 + dice.below(2 * every.max(1))).unwrap_or(1)
        } else {
            usize::MAX
        };
        let batch: Vec<Webhook> = left.iter().take(acks.min(left.len())).cloned().collect();
        let mut lanes = Vec::new();
        for (lane, part) in batch.chunks(batch.len().div_ceil(8)).enumerate() {
            let (part, mut client) = (part.to_vec(), c.server.client());
            lanes.push(tokio::spawn(async move {
                let mut acked = Vec::new();
                for hook in part {
                    match send(&mut client, &hook).await {
                        Ok(200) => acked.push(hook.event_id.clone()),
                        Ok(503) => {}
                        Ok(other) => panic!("lane {lane}: {other}"),
                        Err(_) => break,
                    }
                }
                acked
            }));
        }
        if died < kills {
            // somewhere in the middle of it
            let part = dice.below(4);
            for _ in 0..part * 50 {
                tokio::task::yield_now().await;
            }
            c.server.kill().await;
            died += 1;
            c.server.run().await;
        }
        let mut acked = HashSet::new();
        for lane in lanes {
            acked.extend(lane.await.expect("a lane ends"));
        }
        left.retain(|h| !acked.contains(&h.event_id));
    }
    died
}

async fn moves(c: &Company, count: usize) -> Vec<Webhook> {
    let stage = c.stages()[1].1;
    for n in 0..count {
        let app = c.apply(&format!("Person{n}"));
        c.ats
            .state
            .move_to(app, Some(stage))
            .expect("the ATS moves");
    }
    let mut hooks = c.ats.state.take_webhooks();
    hooks.retain(|h| h.action == "candidate_stage_change");
    hooks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_has_two_ids_when_the_server_is_killed() {
    let mut c = Company::start(Plan {
        flows: vec![("tell", tell_hook())],
        ..Plan::default()
    })
    .await;
    let hooks = moves(&c, 2_000).await;
    let mut dice = Dice::new(7);
    dice.shuffle(&mut { hooks.clone() });
    let kills = pour(&mut c, hooks, &mut dice, 30).await;
    assert_eq!(kills, 30);
    until("every event has reached the receiver", 120, || async {
        c.hook.state.effects() >= 2_000
    })
    .await;
    until("nothing waits any more", 60, || async {
        c.server.all("actions?state=later").await.is_empty()
            && c.server.all("actions?state=unsure").await.is_empty()
    })
    .await;
    let bodies = c.hook.state.bodies();
    let subjects: HashSet<&str> = bodies
        .iter()
        .filter_map(|b| b["subject"].as_str())
        .collect();
    assert_eq!(bodies.len(), 2_000, "one id for each move");
    assert_eq!(subjects.len(), 2_000, "no move is missing");
    let repeats = c.hook.state.requests() - 2_000;
    assert!(
        repeats <= 30 * 32,
        "repeats of an id are at most the calls in flight at each kill: {repeats}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_receiver_that_ignores_ids_nothing_arrives_twice_and_what_is_unclear_waits_for_a_person()
 {
    let plan = Plan {
        flows: vec![("tell", tell_hook())],
        hook: "once = \"ledger\"",
        ignores_ids: true,
        ..Plan::default()
    };
    let mut c = Company::start(plan).await;
    let hooks = moves(&c, 400).await;
    pour(&mut c, hooks, &mut Dice::new(11), 8).await;
    let ended = || async {
        let (done, parked) = (
            c.server.all("actions?state=done").await.len(),
            c.server.all("actions?state=parked").await.len(),
        );
        done + parked == 400
    };
    until("every move was delivered or is parked", 120, ended).await;
    let subjects: Vec<String> = c
        .hook
        .state
        .bodies()
        .iter()
        .filter_map(|b| b["subject"].as_str().map(str::to_owned))
        .collect();
    let distinct: HashSet<&String> = subjects.iter().collect();
    assert_eq!(subjects.len(), distinct.len(), "nothing twice");
    assert_eq!(
        c.hook.state.requests() as usize,
        distinct.len(),
        "each request was an effect of its own"
    );
    let done = c.server.all("actions?state=done").await.len();
    assert!(done <= distinct.len(), "what is done has arrived");
}
