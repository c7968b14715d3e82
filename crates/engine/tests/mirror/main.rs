//! The mirror's rules under every schedule of small cases and many random ones of large cases:
//! deliveries in any order, twice or never, reads overtaken, torn or lagging.

mod cases;
mod engine;
mod holds;
mod search;
mod setups;
mod traces;
mod vendor;
mod world;

use std::rc::Rc;

use search::{describe, exhaustive, shrink, walk};
use setups::{large, small};

/// How many states of each small setup are tried, shortest schedules first.
const STATES: usize = 12_000;
const WALKS: u64 = 20_000;

fn every_schedule(half: usize) {
    for (name, setup) in small().into_iter().skip(half).step_by(2) {
        let setup = Rc::new(setup);
        if let (states, Some(found)) = exhaustive(&setup, STATES) {
            let story = describe(&setup, &shrink(&setup, found));
            panic!("{name}, after {states} states:\n{story}");
        }
    }
}

#[test]
fn every_schedule_of_a_small_case_ends_in_the_vendors_state_with_one_event_per_act() {
    every_schedule(0);
}

#[test]
fn every_schedule_of_the_other_small_cases_does_too() {
    every_schedule(1);
}

fn random_schedules(seeds: impl Iterator<Item = u64>) {
    for seed in seeds {
        let setup = Rc::new(large(seed));
        if let Some(found) = walk(&setup, seed) {
            let story = describe(&setup, &shrink(&setup, found));
            panic!("seed {seed}:\n{story}");
        }
    }
}

#[test]
fn random_schedules_of_large_cases_end_well() {
    random_schedules((1..=WALKS).step_by(2));
}

#[test]
fn other_random_schedules_of_large_cases_end_well() {
    random_schedules((2..=WALKS).step_by(2));
}
