//! The shortest schedules that go wrong without one rule, by name; each with the events it gives.

use std::rc::Rc;

use super::holds::{backwards, verdict};
use super::setups::setup;
use super::vendor::{Do, Quirk, Word};
use super::world::{Channel, Past, Setup, Start, Step, World};
use stagewire_engine::mirror::application::{Event, Kind, Value};

use Do::{Apply, Delete, Hire, Reject, Unhire, Unreject};
use Past::{Late, No, Read};
use Step::{Act, Ask, Hook, Land};

const B: Do = Do::Move("B");
const C: Do = Do::Move("C");
const POLL: Step = Ask(Channel::Poll, false);
const WANT: Step = Ask(Channel::Want, false);

/// After these steps nothing that must hold is broken, and these are the events.
fn gives(setup: Setup, steps: &[Step], events: &[&str]) {
    let mut w = World::new(&Rc::new(setup));
    for step in steps {
        assert!(w.steps().contains(step), "{step:?} is not possible");
        let next = w.then(*step);
        assert_eq!(backwards(&w, &next), [], "at {step:?}");
        w = next;
    }
    assert_eq!(verdict(w.clone()), []);
    w.close();
    let told: Vec<String> = w.e.events.iter().map(line).collect();
    assert_eq!(told, events);
}

fn line(event: &Event<u32>) -> String {
    let word = |v: &Option<Value>| match v {
        Some(Value::Stage(stage)) => stage.to_string(),
        Some(Value::Status(status)) => format!("{status:?}").to_lowercase(),
        None => "?".to_owned(),
    };
    let late = if event.late { "late " } else { "" };
    let also = if event.also_of.is_some() { "also " } else { "" };
    let kind: Word = match event.kind {
        Kind::StageChanged => "moved",
        Kind::Created => return format!("{late}{also}created"),
        Kind::Deleted => return format!("{late}{also}deleted"),
        _ => "is",
    };
    format!(
        "{late}{also}{kind} {}→{}",
        word(&event.from),
        word(&event.to)
    )
}

fn seconds(kinds: &[Do], quirks: &[Quirk]) -> Setup {
    setup(kinds, 4, &[&[Quirk::HookSeconds], quirks].concat())
}

#[test]
fn the_dates_of_one_move_in_a_delivery_and_in_its_row_are_one_act() {
    let steps = [Act(B, false), Hook(0, No)];
    gives(seconds(&[B], &[]), &steps, &["moved A→B"]);
}

#[test]
fn two_moves_in_one_second_told_in_the_wrong_order_do_not_move_the_mirror_back() {
    let steps = [Act(B, false), Act(C, true), Hook(1, No), Hook(0, No)];
    gives(seconds(&[B], &[]), &steps, &["moved A→C", "late moved A→B"]);
}

#[test]
fn a_read_asked_before_a_delivery_of_its_second_does_not_take_it_back() {
    let back = Act(Do::Move("A"), true);
    let steps = [
        Act(B, false),
        back,
        POLL,
        Act(B, true),
        Hook(2, No),
        Land(0),
    ];
    gives(
        seconds(&[B], &[]),
        &steps,
        &["moved A→B", "moved B→A", "moved A→B"],
    );
}

#[test]
fn a_replica_that_lags_does_not_hide_the_first_of_two_moves() {
    let lagging = Ask(Channel::Poll, true);
    let steps = [Act(B, false), Act(C, true), Hook(1, No), lagging, Land(0)];
    let events = ["moved A→C", "late moved A→B"];
    gives(seconds(&[B], &[]).lags(), &steps, &events);
}

#[test]
fn a_replica_that_lags_does_not_deny_an_end() {
    let lagging = Ask(Channel::Want, true);
    let steps = [Act(Reject, true), Hook(0, No), lagging, Land(0)];
    gives(
        seconds(&[Reject], &[]).lags(),
        &steps,
        &["is active→rejected"],
    );
}

#[test]
fn what_is_later_than_its_row_waits_for_the_next_read() {
    let steps = [
        Act(Reject, false),
        Ask(Channel::BackfillRows, false),
        Act(Unreject, false),
        Act(C, false),
    ];
    let events = ["is ?→rejected", "is rejected→active", "moved A→C"];
    gives(
        seconds(&[B, Reject, Unreject], &[]).start(Start::Fresh),
        &steps,
        &events,
    );
}

#[test]
fn an_end_comes_after_the_moves_before_it() {
    let steps = [Act(B, false), Act(Reject, false)];
    let events = ["moved A→B", "is active→rejected"];
    gives(seconds(&[B, Reject], &[]), &steps, &events);
}

#[test]
fn a_new_start_comes_before_the_moves_after_it() {
    let steps = [
        Act(Hire, false),
        POLL,
        Land(0),
        Act(Unhire, false),
        Act(B, false),
    ];
    let events = ["is active→hired", "is hired→active", "moved A→B"];
    gives(seconds(&[B, Hire, Unhire], &[]), &steps, &events);
}

#[test]
fn two_moves_between_two_polls_are_two_events_in_order() {
    let steps = [Act(B, false), Act(Do::Move("A"), false)];
    gives(seconds(&[B], &[]), &steps, &["moved A→B", "moved B→A"]);
}

#[test]
fn a_move_back_to_where_the_mirror_stands_is_an_act_too() {
    let steps = [Act(B, false), Act(Do::Move("A"), false), Hook(1, No)];
    gives(seconds(&[B], &[]), &steps, &["late moved A→B", "moved B→A"]);
}

#[test]
fn a_new_application_is_created_once_and_its_first_row_is_no_move() {
    let events = ["created"];
    gives(
        seconds(&[Apply], &[Quirk::NoApp]),
        &[Act(Apply, false)],
        &events,
    );
}

#[test]
fn whatever_first_shows_when_it_was_made_tells_that_it_was() {
    let steps = [Act(Apply, false), Act(B, false), Hook(1, Late)];
    let events = ["created", "moved ?→B"];
    gives(seconds(&[Apply, B], &[Quirk::NoApp]), &steps, &events);
}

#[test]
fn a_hire_right_after_the_application_is_told_though_it_has_no_time() {
    let steps = [Act(Apply, false), Act(Hire, false), Hook(1, Read)];
    let events = ["created", "is ?→hired"];
    gives(seconds(&[Apply, Hire], &[Quirk::NoApp]), &steps, &events);
}

#[test]
fn an_unannounced_state_is_announced_after_the_missing_past_was_read() {
    let steps = [
        Act(Reject, true),
        POLL,
        Act(Unreject, true),
        Hook(1, No),
        Land(0),
    ];
    let events = ["is active→rejected", "is rejected→active"];
    gives(seconds(&[Reject, Unreject], &[]), &steps, &events);
}

#[test]
fn a_stage_first_shown_without_its_time_is_told_when_its_row_comes() {
    let rows = Ask(Channel::BackfillRows, false);
    let steps = [
        Act(B, false),
        Act(Reject, true),
        rows,
        Hook(1, Late),
        Land(0),
    ];
    let events = ["is ?→rejected", "late moved A→B"];
    gives(
        seconds(&[B, Reject], &[]).start(Start::Fresh),
        &steps,
        &events,
    );
}

#[test]
fn an_end_undone_before_its_delivery_came_is_told_late() {
    let steps = [
        Act(Reject, false),
        Act(Unreject, false),
        Hook(1, No),
        Hook(0, No),
    ];
    let events = ["is ?→active", "late is active→rejected"];
    gives(seconds(&[Reject, Unreject], &[]), &steps, &events);
}

#[test]
fn an_end_told_late_is_not_told_again_when_a_read_shows_it() {
    let steps = [
        Step::Connect,
        Act(Reject, false),
        Hook(0, Late),
        WANT,
        Act(Unreject, true),
        Act(Reject, true),
        POLL,
        Act(Do::Touch, false),
        Hook(3, No),
    ];
    let kinds = [Reject, Unreject, Do::Touch];
    let torn = Setup {
        torn: true,
        ..setup(&kinds, 4, &[Quirk::HookSeconds])
    };
    gives(
        torn.start(Start::None),
        &steps,
        &["is ?→rejected", "late is ?→rejected"],
    );
}

#[test]
fn an_old_message_lifts_no_tombstone() {
    let steps = [Act(B, false), Act(Delete, false), Hook(1, No), Hook(0, No)];
    gives(seconds(&[B, Delete], &[]), &steps, &["deleted"]);
}

#[test]
fn a_read_asked_before_the_deletion_lifts_no_tombstone() {
    let steps = [POLL, Act(Delete, false), Hook(0, No), Land(0)];
    gives(seconds(&[B, Delete], &[]), &steps, &["deleted"]);
}

#[test]
fn a_wanted_read_that_confirms_a_delivery_tells_nothing_twice() {
    let steps = [Act(B, true), Hook(0, No), WANT, Land(0)];
    gives(seconds(&[B], &[]), &steps, &["moved A→B"]);
}
