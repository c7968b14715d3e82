//! What a flow does about one event: matching, three answers to its condition, and each step's requests.

use serde_json::{Value, json};
use stagewire_engine::flow::catalog::{ActionInfo, Catalog};
use stagewire_engine::flow::expr::Error;
use stagewire_engine::flow::file::{Against, Flow};
use stagewire_engine::flow::paths::ModelFields;
use stagewire_engine::flow::plan::{
    Happened, Plan, Request, Skip, StepPlan, StepState, Stop, Wanted,
};
use stagewire_model::Effect;

/// One action that takes anything these tests pass.
struct One;

impl Catalog for One {
    fn action(&self, name: &str) -> Option<ActionInfo> {
        (name == "chat.message.post").then(|| ActionInfo {
            effect: Effect::Internal,
            hold_always: false,
            reads: false,
            ai: false,
            required: Vec::new(),
            optional: vec!["text".into(), "to".into()],
        })
    }

    fn actions(&self) -> Vec<String> {
        vec!["chat.message.post".into()]
    }

    fn connector_of(&self, connection: &str) -> Option<String> {
        matches!(connection, "chat" | "gh").then(|| "chat".to_owned())
    }

    fn connections(&self) -> Vec<String> {
        vec!["chat".into(), "gh".into()]
    }
}

fn flow(when: &str, steps: &[&str]) -> Flow {
    let mut text = format!(
        "name = \"n\"\nowner = \"o@example.com\"\nrung = \"auto\"\n[vars]\nteam = \"TA\"\nrooms = [\"#a\", \"#b\"]\n\
         [when]\nevent = \"interview.scheduled\"\n{when}\n"
    );
    for step in steps {
        text.push_str("[[step]]\nuse = \"chat.message.post\"\nconnection = \"chat\"\n");
        text.push_str(step);
        text.push('\n');
    }
    let against = Against {
        fields: &ModelFields,
        catalog: &One,
    };
    Flow::load("f.toml", "f", &text, against).unwrap_or_else(|problems| panic!("{}", problems[0]))
}

const NOW: Happened<'_> = Happened {
    event: "interview.scheduled",
    connection: "gh",
    late: false,
    own_echo: false,
    rule: None,
};

fn steps(plan: Plan) -> Vec<StepPlan> {
    match plan {
        Plan::Run(steps) => steps,
        other => panic!("no run but {other:?}"),
    }
}

fn one(flow: &Flow, data: &Value) -> StepState {
    steps(flow.plan(&NOW, data)).remove(0).state
}

fn missing(path: &str) -> Error {
    Error::Missing { path: path.into() }
}

fn ready(with: Value) -> StepState {
    StepState::Ready(vec![Request {
        item: None,
        with: Ok(with),
    }])
}

#[test]
fn a_flow_wants_its_event_from_its_connection_and_no_echo() {
    let step = ["id = \"a\"\nwith = { text = \"x\" }"];
    let any = flow("", &step);
    assert_eq!(any.wants(&NOW), Wanted::Yes);
    let other = Happened {
        event: "interview.cancelled",
        ..NOW
    };
    assert_eq!(any.wants(&other), Wanted::No);
    let echo = Happened {
        own_echo: true,
        ..NOW
    };
    assert_eq!(any.wants(&echo), Wanted::No);
    assert_eq!(flow("origin = \"any\"", &step).wants(&echo), Wanted::Yes);
    let late = Happened { late: true, ..NOW };
    assert_eq!(any.wants(&late), Wanted::Late);
    assert_eq!(any.plan(&late, &json!({})), Plan::Late);
    assert_eq!(flow("late = \"run\"", &step).wants(&late), Wanted::Yes);
    let from_chat = flow("connection = \"chat\"", &step);
    assert_eq!(from_chat.wants(&NOW), Wanted::No);
    let late_from_gh = Happened { late: true, ..NOW };
    assert_eq!(
        from_chat.wants(&late_from_gh),
        Wanted::No,
        "not counted as late"
    );
}

#[test]
fn only_if_has_three_answers() {
    let flow = flow(
        "only_if = \"job.status == 'open' and stage.name == 'Offer'\"",
        &["id = \"a\"\nwith = { text = \"{{ vars.team }}\" }"],
    );
    let plan = |data| flow.plan(&NOW, &data);
    let open = json!({"job": {"status": "open"}, "stage": {"name": "Offer"}});
    assert_eq!(steps(plan(open))[0].state, ready(json!({"text": "TA"})));
    let known = json!({"job": {"status": "open"}, "stage": {"name": "Screen"}});
    assert_eq!(plan(known), Plan::No);
    assert_eq!(
        plan(json!({"job": {"status": "open"}})),
        Plan::Untold(missing("stage.name"))
    );
    assert_eq!(plan(json!({"job": {"status": "closed"}})), Plan::No);
    assert_eq!(plan(json!({"stage": {"name": "Screen"}})), Plan::No);
}

#[test]
fn a_step_is_rendered_parked_skipped_or_waits() {
    let flow = flow(
        "",
        &[
            "id = \"a\"\nwith = { text = \"{{ job.title }}\" }",
            "id = \"b\"\nif = \"job.confidential\"\nwith = { text = \"x\" }",
            "id = \"c\"\nneeds = [\"a\"]\nwith = { text = \"{{ steps.a.output.id }} {{ steps.a.output.at.ts }}\" }",
            "id = \"d\"\nneeds = [\"b\"]\nwith = { text = \"x\" }",
            "id = \"e\"\nneeds = [\"d\"]\nwith = { text = \"x\" }",
            "id = \"f\"\nif = \"stage.active\"\nwith = { text = \"x\" }",
        ],
    );
    let data = json!({"job": {"title": "Cook", "confidential": false}});
    let states: Vec<_> = steps(flow.plan(&NOW, &data))
        .into_iter()
        .map(|step| step.state)
        .collect();
    assert_eq!(
        states,
        [
            ready(json!({"text": "Cook"})),
            StepState::Skipped(Skip::IfFalse),
            StepState::Waits(vec!["a".into()]),
            StepState::Skipped(Skip::Needs("b".into())),
            StepState::Skipped(Skip::Needs("d".into())),
            StepState::Parked(missing("stage.active")),
        ]
    );
    assert_eq!(
        one(&flow, &json!({})),
        StepState::Parked(missing("job.title"))
    );

    let waiting = flow.step("c").expect("the step");
    let done = json!({"steps": {"a": {"output": {"id": 7, "at": {"ts": "1"}}}}});
    assert_eq!(
        flow.plan_step(waiting, &done, false),
        ready(json!({"text": "7 1"}))
    );
    assert_eq!(
        flow.plan_step(waiting, &data, false),
        StepState::Parked(missing("steps.a.output.id"))
    );
    let words = json!({"text": "‹id from step a› ‹at.ts from step a›"});
    assert_eq!(flow.plan_step(waiting, &data, true), ready(words.clone()));

    let rehearsed = steps(flow.rehearse(&NOW, &data));
    assert_eq!(rehearsed[2].state, ready(words));
    assert_eq!(
        rehearsed[3].state,
        StepState::Skipped(Skip::Needs("b".into()))
    );
    assert_eq!(
        rehearsed[5].state,
        StepState::Parked(missing("stage.active"))
    );
}

#[test]
fn each_makes_one_request_per_item_named_by_its_own_id() {
    let flow = flow(
        "",
        &[
            "id = \"a\"\neach = \"interview.interviewers\"\nif = \"item.email is not none\"\n\
           with = { to = \"{{ item.email }}\", text = \"{{ item.name }}, {{ vars.team }}\" }",
        ],
    );
    let people = |people: Value| json!({"interview": {"interviewers": people}});
    let ana = json!({"user_id": "usr_A", "name": "Ana", "email": "ana@example.com"});
    let ben = json!({"user_id": "usr_B", "name": "Ben", "email": null});
    let cy = json!({"user_id": "usr_C", "email": "cy@example.com"});
    let state = one(&flow, &people(json!([ana, ben, cy, ana])));
    let wanted = [
        Request {
            item: Some("usr_A".into()),
            with: Ok(json!({"to": "ana@example.com", "text": "Ana, TA"})),
        },
        Request {
            item: Some("usr_B".into()),
            with: Err(Stop::IfFalse),
        },
        Request {
            item: Some("usr_C".into()),
            with: Err(Stop::Parked(missing("item.name"))),
        },
    ];
    assert_eq!(state, StepState::Ready(wanted.to_vec()));

    // Another order, the same ids.
    let StepState::Ready(turned) = one(&flow, &people(json!([cy, ben, ana]))) else {
        panic!("ready");
    };
    let keys: Vec<_> = turned.iter().filter_map(|r| r.item.as_deref()).collect();
    assert_eq!(keys, ["usr_C", "usr_B", "usr_A"]);

    assert_eq!(
        one(&flow, &people(json!([]))),
        StepState::Skipped(Skip::NoItems)
    );
    assert_eq!(
        one(&flow, &people(json!(null))),
        StepState::Skipped(Skip::NoItems)
    );
    assert_eq!(
        one(&flow, &people(json!([ben]))),
        StepState::Skipped(Skip::IfFalse)
    );
    assert_eq!(
        one(&flow, &json!({"interview": {}})),
        StepState::Parked(missing("interview.interviewers"))
    );
    let parked = |data: Value, word: &str| match one(&flow, &people(data)) {
        StepState::Parked(Error::Failed { message, .. }) => {
            assert!(message.contains(word), "{message}");
        }
        other => panic!("not parked: {other:?}"),
    };
    parked(json!([{"name": "no id"}]), "no id of its own");
    let many: Vec<_> = (0..101).map(|n| json!({"user_id": n})).collect();
    parked(json!(many), "at most 100");
    let most: Vec<_> = (0..100)
        .map(|n| json!({"user_id": n, "email": "x", "name": "n"}))
        .collect();
    let StepState::Ready(requests) = one(&flow, &people(json!(most))) else {
        panic!("ready");
    };
    assert_eq!(requests.len(), 100);
}

#[test]
fn the_data_may_bind_a_variable_of_its_own_environment() {
    let flow = flow("", &["id = \"a\"\nwith = { text = \"{{ vars.team }}\" }"]);
    let data = json!({"vars": {"team": "Sandbox"}});
    assert_eq!(one(&flow, &data), ready(json!({"text": "Sandbox"})));
    assert_eq!(
        one(&flow, &json!({"vars": {}})),
        ready(json!({"text": "TA"}))
    );

    let list = flow_of_rooms();
    let StepState::Ready(requests) = one(&list, &json!({})) else {
        panic!("ready");
    };
    let keys: Vec<_> = requests.iter().filter_map(|r| r.item.as_deref()).collect();
    assert_eq!(keys, ["#a", "#b"]);
    assert_eq!(requests[1].with, Ok(json!({"to": "#b", "text": "#a"})));
}

fn flow_of_rooms() -> Flow {
    flow(
        "",
        &[
            "id = \"a\"\neach = \"vars.rooms\"\nwith = { to = \"{{ item }}\", text = \"{{ vars.rooms[0] }}\" }",
        ],
    )
}

#[test]
fn a_failure_names_the_key_it_stands_in() {
    let flow = flow(
        "",
        &["id = \"a\"\nwith = { text = \"at {{ job.title | date }}\" }"],
    );
    match one(&flow, &json!({"job": {"title": "Cook"}})) {
        StepState::Parked(Error::Failed {
            message, column, ..
        }) => {
            assert_eq!(message, "in `text`: `date` needs a date or a point in time");
            assert_eq!(column, 6);
        }
        other => panic!("not parked: {other:?}"),
    }
}
