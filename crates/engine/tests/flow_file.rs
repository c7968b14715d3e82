//! A flow's file: the example of the design loads, and everything wrong in a file is said at once,
//! each with its line, its column and the nearest right name.

use serde_json::json;
use stagewire_engine::flow::catalog::{ActionInfo, Catalog};
use stagewire_engine::flow::file::{Against, Flow};
use stagewire_engine::flow::paths::ModelFields;
use stagewire_engine::flow::problem::Problem;
use stagewire_model::{Effect, Rung};
use std::time::Duration;

struct Shelf;

impl Catalog for Shelf {
    fn action(&self, name: &str) -> Option<ActionInfo> {
        let (effect, hold_always, required, optional): (_, _, &[&str], &[&str]) = match name {
            "chat.message.post" => (Effect::Internal, false, &["channel", "text"], &["thread"]),
            "hris.hire.stage" => (
                Effect::Record,
                false,
                &["first_name"],
                &["start_date", "pay", "tags", "n"],
            ),
            "ats.note.create" => (Effect::Record, false, &["text"], &[]),
            "ats.application.move" => (Effect::Candidate, true, &["stage"], &[]),
            "ai.assess" => (Effect::Record, false, &["text"], &[]),
            _ => return None,
        };
        let keys = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Some(ActionInfo {
            effect,
            hold_always,
            reads: false,
            ai: name == "ai.assess",
            required: keys(required),
            optional: keys(optional),
        })
    }

    fn actions(&self) -> Vec<String> {
        [
            "chat.message.post",
            "hris.hire.stage",
            "ats.note.create",
            "ats.application.move",
            "ai.assess",
        ]
        .map(String::from)
        .to_vec()
    }

    fn connector_of(&self, connection: &str) -> Option<String> {
        let connector = match connection {
            "gh" => "ats",
            "talk" => "chat",
            "hr" => "hris",
            "llm" => "ai",
            _ => return None,
        };
        Some(connector.to_owned())
    }

    fn connections(&self) -> Vec<String> {
        ["gh", "talk", "hr", "llm"].map(String::from).to_vec()
    }
}

const EXAMPLE: &str = r#"
name  = "Tell the hiring manager"
owner = "ana@example.com"
rung  = "write-back"
budget = "0.5%"
[when]
event = "application.stage_changed"
connection = "gh"
only_if = "stage.name == 'Hiring manager review' and job.status == 'open'"
[[step]]
id  = "ping"
use = "chat.message.post"
connection = "talk"
valid_for = "2 days"
with = { channel = "{{ place.channel }}", text = "{{ candidate.full_name }} moved to {{ stage.name }} for {{ job.title }}" }
[[step]]
id  = "stage"
use = "hris.hire.stage"
connection = "hr"
with = { first_name = "{{ candidate.first_name }}", start_date = "{{ offer.start_date | date('%Y-%m-%d') }}" }
[[step]]
id  = "receipt"
use = "ats.note.create"
connection = "gh"
needs = ["stage"]
with = { text = "HRIS draft {{ steps.stage.output.id }} created" }
"#;

fn load(text: &str) -> Result<Flow, Vec<Problem>> {
    let against = Against {
        fields: &ModelFields,
        catalog: &Shelf,
    };
    Flow::load("flows/f.toml", "f", text, against)
}

/// The example with one thing changed; the change must be there to be made.
fn changed(from: &str, to: &str) -> Result<Flow, Vec<Problem>> {
    assert!(EXAMPLE.contains(from), "the example has no {from}");
    load(&EXAMPLE.replacen(from, to, 1))
}

fn only_problem(result: Result<Flow, Vec<Problem>>) -> Problem {
    match result {
        Ok(_) => panic!("this loaded"),
        Err(problems) if problems.len() == 1 => problems[0].clone(),
        Err(problems) => {
            let all: Vec<_> = problems.iter().map(ToString::to_string).collect();
            panic!("not one problem but:\n{}", all.join("\n"))
        }
    }
}

fn says(result: Result<Flow, Vec<Problem>>, message: &str) -> Problem {
    let problem = only_problem(result);
    assert!(
        problem.message.contains(message),
        "expected {message:?}, got {problem}"
    );
    problem
}

#[test]
fn the_example_of_the_design_loads() {
    let flow = load(EXAMPLE).unwrap_or_else(|p| panic!("{}", p[0]));
    assert_eq!(flow.rung, Rung::WriteBack);
    assert_eq!(flow.budget, Some(50));
    assert_eq!(flow.steps.len(), 3);
    assert_eq!(
        flow.steps[0].valid_for,
        Some(Duration::from_secs(2 * 86_400))
    );
    assert_eq!(flow.steps[2].needs, ["stage"]);
    assert_eq!(flow.steps[1].effect, Effect::Record);
    assert!(!flow.when.late && !flow.when.own_echoes);
    let reads: Vec<_> = flow.reads().iter().map(ToString::to_string).collect();
    assert_eq!(
        reads,
        [
            "candidate.first_name",
            "candidate.full_name",
            "job.status",
            "job.title",
            "offer.start_date",
            "place.channel",
            "stage.name"
        ]
    );
    assert_eq!(
        flow.sentence(),
        "When an application moves to another stage in gh, if stage.name == 'Hiring manager review' \
         and job.status == 'open': post a message (talk); stage a hire (hr); after stage, create a \
         note (gh). The offer is the newest active one."
    );
}

#[test]
fn all_problems_are_told_at_once_in_order() {
    let text = r#"nam = "x"
owner = "a@example.com"
rung = "auto-pilot"
[when]
event = "application.stage_change"
only_if = "stage.name ="
[[step]]
id = "a"
use = "chat.mesage.post"
connection = "tallk"
with = { text = "{{ [1] }}" }
wiht = 1
"#;
    let problems = load(text).expect_err("problems");
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let wanted = [
        "flows/f.toml:1:1: a flow has no key `nam` (did you mean `name`?)",
        "flows/f.toml:1:1: a flow needs `name`",
        "flows/f.toml:3:8: `rung` cannot be \"auto-pilot\" (it can be: read-only, listening, write-back, auto)",
        "flows/f.toml:5:9: there is no event `application.stage_change` (did you mean `application.stage_changed`?)",
        "flows/f.toml:6:23: this cannot be read",
        "flows/f.toml:9:7: there is no action `chat.mesage.post` (did you mean `chat.message.post`?)",
        "flows/f.toml:10:14: there is no connection `tallk` (did you mean `talk`?)",
        "flows/f.toml:11:21: lists cannot be written in an expression",
        "flows/f.toml:12:1: a step has no key `wiht` (did you mean `with`?)",
    ];
    assert_eq!(shown.len(), wanted.len(), "{shown:#?}");
    for (shown, wanted) in shown.iter().zip(wanted) {
        assert!(shown.starts_with(wanted), "{shown}\n  is not\n{wanted}");
    }
}

#[test]
fn what_is_not_toml_is_said_with_its_place() {
    let problems = load("name = \"x\"\nowner = = 1\n").expect_err("not TOML");
    assert_eq!(problems[0].line, 2);
    assert!(problems[0].message.starts_with("this is not TOML"));
    assert!(load("").is_err());
    assert!(load(&"# \n".repeat(100_000)).is_err());
}

#[test]
fn wrong_types_are_problems_not_defaults() {
    says(
        changed("rung  = \"write-back\"", "rung = 3"),
        "`rung` is a text",
    );
    says(
        changed(
            "[when]",
            "[grants]
purpose = \"x\"
paths = 3
[when]",
        ),
        "a list of texts",
    );
    says(
        changed("budget = \"0.5%\"", "budget = \"some\""),
        "a share of 100",
    );
    says(
        changed("valid_for = \"2 days\"", "valid_for = \"soon\""),
        "a length of time",
    );
    says(
        changed("owner = \"ana@example.com\"", "owner = \"\""),
        "`owner` is empty",
    );
    says(
        changed("[when]", "[when]\nlate = \"always\""),
        "`late` cannot be",
    );
    says(
        changed("[when]", "[when]\norigin = \"ours\""),
        "`origin` cannot be",
    );
    says(
        changed("[[step]]", "[[step]]\nif = \"{{ job.title }}\""),
        "an expression already",
    );
}

#[test]
fn steps_wait_only_for_steps_above_them() {
    let needs = |to: &str| changed("needs = [\"stage\"]", to);
    let problem = says(
        needs("needs = [\"stage\", \"pin\"]"),
        "there is no step `pin`",
    );
    assert_eq!(problem.hint.as_deref(), Some("did you mean `ping`?"));
    says(
        needs("needs = [\"stage\", \"receipt\"]"),
        "cannot wait for itself",
    );
    says(needs("needs = [\"stage\", \"stage\"]"), "twice");
    let problem = says(needs("needs = [\"ping\"]"), "need not be over");
    assert_eq!(problem.hint.as_deref(), Some("add `needs = [\"stage\"]`"));
    says(
        changed("id  = \"ping\"", "id = \"ping\"\nneeds = [\"stage\"]"),
        "stands later in the file",
    );
    says(
        changed("id  = \"stage\"", "id = \"stage\"\nneeds = [\"receipt\"]"),
        "would wait for each other",
    );
    let twice = changed("id  = \"receipt\"", "id = \"ping\"");
    says(twice, "there are two steps `ping`");
    says(
        changed("id  = \"ping\"", "id = \"Ping it\""),
        "cannot be a step's id",
    );
}

#[test]
fn a_step_for_a_failure_names_one_step_and_cannot_read_its_output() {
    let on = |to: &str| {
        changed(
            "needs = [\"stage\"]\nwith = { text = \"HRIS draft {{ steps.stage.output.id }} created\" }",
            to,
        )
    };
    let flow = on("needs = [\"stage\"]\non = \"failed\"\nwith = { text = \"It failed\" }");
    assert!(flow.unwrap_or_else(|p| panic!("{}", p[0])).steps[2].on_failed);
    says(
        on("on = \"failed\"\nwith = { text = \"It failed\" }"),
        "exactly one step",
    );
    says(
        on(
            "on = \"failed\"\nneeds = [\"stage\"]\nwith = { text = \"{{ steps.stage.output.id }}\" }",
        ),
        "it has no output",
    );
    says(
        on("on = \"done\"\nneeds = [\"stage\"]\nwith = { text = \"x\" }"),
        "`on` cannot be",
    );
}

#[test]
fn paths_are_checked_against_the_event_and_the_model() {
    let title = |to: &str| changed("{{ job.title }}", to);
    let problem = says(title("{{ job.titel }}"), "`job` has no field `titel`");
    assert_eq!(problem.hint.as_deref(), Some("did you mean `title`?"));
    let line = EXAMPLE.lines().nth(14).expect("the step's with");
    let column = line.find("{{ job.title }}").expect("the path") + 4;
    assert_eq!((problem.line, problem.column), (15, column as u32));
    says(title("{{ jobb.title }}"), "there is no `jobb`");
    says(title("{{ candidate.gender }}"), "protected data");
    says(
        title("{{ candidate.custom['ethnicity'] }}"),
        "protected data",
    );
    says(
        title("{{ steps.stage.output.id }}"),
        "there is no step `stage` above",
    );
    says(title("{{ steps.stage.id }}"), "only its output");
    says(title("{{ item.name }}"), "only in a step with `each`");
    says(title("{{ lines }}x"), "a `lines` only");
    says(title("{{ vars.team }}"), "`[vars]` has no `team`");
    says(
        title("{{ job.hiring_manager | on('chat') }}"),
        "people table",
    );
    says(
        changed("job.status == 'open'", "job.status == 'opne'"),
        "is never 'opne'",
    );
    says(
        changed("job.status == 'open'", "steps.stage.output.id == 'x'"),
        "no step has run",
    );
    let problems = changed("application.stage_changed", "candidate.created").expect_err("unbound");
    let unbound: Vec<_> = problems.iter().map(|p| p.message.as_str()).collect();
    assert!(
        unbound.contains(&"an event `candidate.created` has no `job`"),
        "{unbound:?}"
    );
    assert!(
        unbound.contains(&"an event `candidate.created` has no `offer`"),
        "{unbound:?}"
    );
}

#[test]
fn restricted_fields_need_a_grant_with_a_purpose() {
    let pay = EXAMPLE.replace(
        "first_name = \"{{ candidate.first_name }}\"",
        "first_name = \"{{ candidate.first_name }}\", pay = \"{{ offer.pay[0].exact.amount }}\"",
    );
    let problem = says(load(&pay), "is restricted");
    assert!(
        problem
            .hint
            .as_deref()
            .is_some_and(|h| h.contains("offer.pay.exact.amount"))
    );
    let granted = |grant: &str| load(&pay.replace("[when]", &format!("[grants]\n{grant}\n[when]")));
    let flow = granted("paths = [\"offer.pay\"]\npurpose = \"Payroll needs it\"");
    let flow = flow.unwrap_or_else(|p| panic!("{}", p[0]));
    assert_eq!(
        flow.grants.as_ref().map(|g| g.purpose.as_str()),
        Some("Payroll needs it")
    );
    assert!(
        flow.reads()
            .iter()
            .any(|p| p.to_string() == "offer.pay.exact.amount")
    );
    let problems = granted("paths = [\"offer.pay\"]").expect_err("no purpose");
    assert!(
        problems
            .iter()
            .any(|p| p.message.contains("needs `purpose`"))
    );
    let problems = granted("paths = [\"offer.payroll\"]\npurpose = \"x\"").expect_err("another");
    assert!(problems.iter().any(|p| p.message.contains("is restricted")));
    says(
        granted("paths = [\"offer.pay\", \"job.pay\"]\npurpose = \"x\""),
        "nothing in this flow needs a grant for `job.pay`",
    );
    // The whole location holds the street.
    says(
        changed("{{ job.title }}", "{{ candidate.location.street }}"),
        "is restricted",
    );
}

#[test]
fn a_model_sees_no_proxy_of_protected_data_even_with_a_grant() {
    let step = r#"[grants]
paths = ["candidate.location.postal_code"]
purpose = "distance"
[when]"#;
    let text = EXAMPLE
        .replace("[when]", step)
        .replace("chat.message.post", "ai.assess");
    let text = text.replace("connection = \"talk\"", "connection = \"llm\"");
    let text = text.replace("channel = \"{{ place.channel }}\", ", "");
    let text = text.replace("{{ job.title }}", "{{ candidate.location.postal_code }}");
    let problems = load(&text).expect_err("barred");
    assert!(
        problems
            .iter()
            .any(|p| p.message.contains("no AI step may see it")),
        "{problems:?}"
    );
    let chat = text
        .replace("ai.assess", "ats.note.create")
        .replace("\"llm\"", "\"gh\"");
    assert!(load(&chat).is_ok(), "the same for a note is granted");
}

#[test]
fn each_runs_over_a_list_whose_items_have_fields() {
    let each = |list: &str, text: &str| {
        let text = EXAMPLE
            .replace("application.stage_changed", "interview.scheduled")
            .replacen("valid_for = \"2 days\"", &format!("each = \"{list}\""), 1)
            .replace("{{ job.title }}", text);
        load(&text)
    };
    let flow = each("interview.interviewers", "{{ item.name }}");
    let flow = flow.unwrap_or_else(|p| panic!("{}", p[0]));
    let reads: Vec<_> = flow.reads().iter().map(ToString::to_string).collect();
    assert!(
        reads.contains(&"interview.interviewers.name".to_owned()),
        "{reads:?}"
    );
    assert!(
        reads.contains(&"interview.interviewers".to_owned()),
        "{reads:?}"
    );
    says(
        each("interview.interviewers", "{{ item.nmae }}"),
        "has no field `nmae`",
    );
    says(each("job.title", "x"), "is text, not a list");
    says(
        each("interview.interviewers | first", "x"),
        "names a list and nothing else",
    );
    assert!(each("application.interview_ids", "{{ item }}").is_ok());
    says(
        each("application.interview_ids", "{{ item.id }}"),
        "is an id of `interview`",
    );
}

#[test]
fn with_takes_the_keys_of_its_action() {
    says(
        changed("channel = \"{{ place.channel }}\", ", ""),
        "needs `channel`",
    );
    let problem = says(
        changed("text = \"{{", "txt = \"x\", text = \"{{"),
        "takes no `txt`",
    );
    assert_eq!(problem.hint.as_deref(), Some("did you mean `text`?"));
    says(
        changed("connection = \"talk\"", "connection = \"hr\""),
        "has no `chat.message.post`",
    );
}

/// The head of a flow, its `[when]`, and one step with more keys.
fn timed(when: &str, step: &str) -> Result<Flow, Vec<Problem>> {
    let head = "name = \"n\"\nowner = \"o@example.com\"\nrung = \"auto\"\n";
    load(&format!(
        "{head}[when]\n{when}\n[[step]]\nid = \"s\"\nuse = \"chat.message.post\"\nconnection = \"talk\"\n{step}"
    ))
}

const SAYS: &str = "with = { channel = \"#a\", text = \"x\" }";
const TELLS: &str =
    "line = \"{{ candidate.full_name }}\"\nwith = { channel = \"#a\", text = \"{{ lines }}\" }";

#[test]
fn what_waits_for_time_loads_and_says_so_in_a_sentence() {
    let sentence = |when: &str, step: &str| match timed(when, step) {
        Ok(flow) => flow.sentence(),
        Err(problems) => panic!("{when}: {}", problems[0]),
    };
    assert_eq!(
        sentence(
            "event = \"application.stalled\"\nafter = \"5 working days\"",
            SAYS
        ),
        "When it is time (application.stalled after 5 working days): post a message (talk)."
    );
    assert_eq!(
        sentence("at = \"offer.start_date 08:30\"\nbefore = \"1 week\"", SAYS),
        "When it is time (7 days before offer.start_date 08:30): post a message (talk)."
    );
    assert_eq!(
        sentence(
            "schedule = \"Mon-Fri 09:00\"\nconnection = \"gh\"\nrecords = \"application\"\nonly_if = \"application.status == 'active'\"\ncollect = { by = \"job.hiring_manager\" }",
            TELLS
        ),
        "At Mon, Tue, Wed, Thu, Fri 09:00, for applications in gh if application.status == 'active', told together in groups: post a message (talk)."
    );
    assert_eq!(
        sentence(
            "event = \"application.stage_changed\"\nsettle = \"2m\"\ncollect = { at = \"Fri 16:00\" }",
            &format!("{TELLS}\nafter = \"2 days\"\nwhile = \"application.status == 'active'\"")
        ),
        "When an application moves to another stage, unless it is taken back within 2 minutes, told together at Fri 16:00: 2 days later, post a message (talk) if still application.status == 'active'."
    );
    for when in [
        "event = \"scorecard.overdue\"",
        "event = \"interview.starting_soon\"\nbefore = \"24h\"",
        "at = \"candidate.last_interaction_at\"\nafter = \"90 days\"",
        "at = \"job.opened_at\"",
    ] {
        assert!(timed(when, SAYS).is_ok(), "{when}");
    }
}

#[test]
fn what_is_wrong_with_time_is_said_in_its_place() {
    let stalled = "event = \"application.stalled\"\nafter = \"5 working days\"";
    let over = "schedule = \"Mon-Fri 09:00\"\nconnection = \"gh\"\nrecords = \"application\"";
    for (when, says_so) in [
        (
            "event = \"application.stalled\"",
            "`application.stalled` needs `after`",
        ),
        ("event = \"interview.starting_soon\"", "needs `before`"),
        (
            "event = \"application.stalled\"\nafter = \"5 workdays\"",
            "`after` is a length of time",
        ),
        (
            "event = \"application.stalled\"\nafter = \"1 day\"\nbefore = \"1 day\"",
            "`before` does not belong here",
        ),
        (
            "event = \"offer.accepted\"\nafter = \"1 day\"",
            "`after` does not belong here",
        ),
        (
            "event = \"offer.accepted\"\nat = \"offer.start_date\"",
            "it cannot have `at` too",
        ),
        (
            "at = \"offer.stat_date\"",
            "`offer` has no field `stat_date`",
        ),
        ("at = \"offer.status\"", "`offer.status` is no date"),
        ("at = \"recruiter.since\"", "is no date of a record"),
        ("at = \"offer.start_date 8\"", "stands a time of day"),
        (
            "at = \"offer.start_date\"\nbefore = \"1 day\"\nafter = \"1 day\"",
            "there is `after` already",
        ),
        (
            "schedule = \"Mon-Fri\"\nconnection = \"gh\"\nrecords = \"job\"",
            "`schedule` is days and times of day",
        ),
        (
            "schedule = \"Mon-Fri 09:00\"\nrecords = \"job\"",
            "needs `connection`",
        ),
        (
            "schedule = \"Mon-Fri 09:00\"\nconnection = \"gh\"",
            "needs `records`",
        ),
        (
            "schedule = \"Mon-Fri 09:00\"\nconnection = \"gh\"\nrecords = \"tag\"",
            "no records to go over",
        ),
        (
            "schedule = \"Mon-Fri 09:00\"\nconnection = \"gh\"\nrecords = { entity = \"job\", limit = 0 }",
            "from 1 to 500",
        ),
        (
            "event = \"offer.accepted\"\nsettle = \"soon\"",
            "`settle` is a length of time",
        ),
        ("event = \"offer.accepted\"\nburst = 1", "from 2 to 1000"),
        (
            "event = \"offer.accepted\"\ncollect = { by = \"job.title\" }",
            "`collect` needs `at`",
        ),
        (
            "event = \"offer.accepted\"\nrecords = \"job\"",
            "`records` does not belong here",
        ),
        (
            &format!("{over}\nburst = 9"),
            "`burst` does not belong here",
        ),
        (
            &format!("{over}\nlate = \"run\""),
            "`late` does not belong here",
        ),
        (
            &format!("{over}\ncollect = {{ at = \"09:00\" }}"),
            "the schedule says when already",
        ),
        (
            &format!("{stalled}\nsettle = \"2m\""),
            "`settle` does not belong here",
        ),
        (&format!("{stalled}\nevery = \"2m\""), "has no key `every`"),
    ] {
        let problems = timed(when, SAYS)
            .err()
            .unwrap_or_else(|| panic!("this loaded: {when}"));
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|s| s.contains(says_so)), "{when}: {said:?}");
        assert!(problems.iter().all(|p| p.line >= 4), "{said:?}");
    }
    let problem = says(
        timed("event = \"application.stalled\"\nafter = \"soon\"", SAYS),
        "a length of time",
    );
    assert_eq!((problem.line, problem.column), (6, 9));
}

#[test]
fn lines_and_waits_of_a_step_have_their_places() {
    let moved = "event = \"application.stage_changed\"";
    let collected = "event = \"application.stage_changed\"\ncollect = { at = \"09:00\" }";
    says(timed(moved, TELLS), "there is one `line` only here");
    assert!(timed(collected, TELLS).is_ok());
    let burst = "event = \"application.stage_changed\"\nburst = 10";
    assert!(timed(burst, TELLS).is_ok());
    says(timed(burst, SAYS), "with `burst` each step needs `line`");
    says(
        timed(
            collected,
            "line = \"x\"\nwith = { channel = \"{{ lines.first }}\", text = \"x\" }",
        ),
        "a `lines` only",
    );
    says(
        timed(
            collected,
            "line = \"{{ lines }}\"\nwith = { channel = \"#a\", text = \"x\" }",
        ),
        "a `lines` only",
    );
    says(
        timed(
            collected,
            "line = \"{{ candidate.gender }}\"\nwith = { channel = \"#a\", text = \"{{ lines }}\" }",
        ),
        "protected data",
    );
    says(
        timed(moved, &format!("while = \"true\"\n{SAYS}")),
        "`while` is asked after `after`",
    );
    says(
        timed(moved, &format!("after = \"later\"\n{SAYS}")),
        "`after` is a length of time",
    );
    let each = "each = \"interview.interviewers\"\nline = \"{{ item.name }}\"\nwith = { channel = \"#a\", text = \"{{ lines }}\" }";
    assert!(timed("event = \"interview.scheduled\"", each).is_ok());
    says(
        timed(
            "event = \"interview.scheduled\"",
            &each.replace("{{ lines }}", "{{ item.name }}"),
        ),
        "only in a step with `each`",
    );
}

#[test]
fn what_is_found_is_read_under_the_same_rules() {
    let found = |with: &str, text: &str| {
        let find =
            format!("[[step]]\nid = \"find\"\nuse = \"records.find\"\nwith = {{ {with} }}\n");
        let tell = format!(
            "needs = [\"find\"]\neach = \"steps.find.output.items\"\nline = \"{text}\"\nwith = {{ channel = \"#a\", text = \"{{{{ lines }}}}\" }}"
        );
        let text = format!(
            "name = \"n\"\nowner = \"o@example.com\"\nrung = \"auto\"\n[when]\nevent = \"job.closed\"\n{find}[[step]]\nid = \"s\"\nuse = \"chat.message.post\"\nconnection = \"talk\"\n{tell}"
        );
        load(&text)
    };
    let active = "records = \"application\", only_if = \"application.status == 'active'\"";
    let flow =
        found(active, "{{ item.candidate.full_name }}").unwrap_or_else(|p| panic!("{}", p[0]));
    let reads: Vec<_> = flow.reads().iter().map(ToString::to_string).collect();
    assert!(
        reads.contains(&"candidate.full_name".to_owned()),
        "{reads:?}"
    );
    let fields: Vec<_> = flow.steps[0]
        .find
        .iter()
        .flat_map(|f| &f.fields)
        .map(ToString::to_string)
        .collect();
    assert_eq!(fields, ["candidate.full_name"], "nothing else is kept");
    says(
        found(active, "{{ item.candidate.gender }}"),
        "protected data",
    );
    says(found(active, "{{ item.offer.pay }}"), "is restricted");
    says(found(active, "{{ item.candidate }}"), "is a whole record");
    says(
        found(active, "{{ item.candidate.nme }}"),
        "has no field `nme`",
    );
    says(
        found(
            "records = \"application\", count_by = \"job.title\"",
            "{{ item.id }}",
        ),
        "`output.counts`",
    );
    says(
        found("records = \"applications\"", "{{ item.id }}"),
        "no records to go over",
    );
    says(
        found(
            "records = \"application\", wher = \"true\"",
            "{{ item.id }}",
        ),
        "has no key `wher`",
    );
    says(
        found(
            "records = \"job\", only_if = \"candidate.full_name == 'x'\"",
            "{{ item.id }}",
        ),
        "has no `candidate`",
    );
}

#[test]
fn values_of_with_keep_their_types() {
    let text = EXAMPLE.replace(
        "first_name = \"{{ candidate.first_name }}\"",
        "first_name = \"{{ candidate.first_name }}\", tags = [\"a\", \"{{ job.code }}\", { k = true }], n = 0x10",
    );
    let flow = load(&text).unwrap_or_else(|p| panic!("{}", p[0]));
    let data = json!({
        "candidate": {"first_name": "Ana"}, "offer": {"start_date": null}, "job": {"code": 7}
    });
    let scope = stagewire_engine::flow::expr::Scope::new(&data);
    assert_eq!(
        flow.steps[1].with.render(&scope),
        Ok(json!({
            "first_name": "Ana", "tags": ["a", 7, {"k": true}], "n": 16, "start_date": null
        }))
    );
}

#[test]
fn ids_of_the_engine_itself_are_taken() {
    let against = Against {
        fields: &ModelFields,
        catalog: &Shelf,
    };
    for id in ["alert", "command", "Flow", "a/b", ""] {
        assert!(Flow::load("x.toml", id, EXAMPLE, against).is_err(), "{id}");
    }
}
