//! What a flow does about one event: whether it wants it, whether its condition holds, and each step's
//! requests. It plans; whether anything goes out is decided elsewhere (rungs, guards, holds).

use super::expr::{Error, Expr, Scope, Text, fits};
use super::file::{Flow, Step};
use crate::time::filter::text;
use crate::time::items;
use serde_json::Value;

/// Most items an `each` may run for.
pub const MOST_ITEMS: usize = 100;
/// Most bytes of `lines`: what fits into one message of a chat.
pub const MOST_LINES: usize = 2_800;
const MOST_REQUEST: usize = 1 << 20;

/// What of an event decides whether a flow wants it.
#[derive(Debug, Clone, Copy)]
pub struct Happened<'a> {
    /// The event's type.
    pub event: &'a str,
    /// The connection it came from.
    pub connection: &'a str,
    /// It was learned after something newer of the same record.
    pub late: bool,
    /// It is the echo of a write of our own.
    pub own_echo: bool,
    /// The rule it came due by, where it is of time.
    pub rule: Option<&'a str>,
}

/// Whether a flow wants an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Yes.
    Yes,
    /// Another event, another connection, or an echo of our own: no run.
    No,
    /// It would, but for being late: a run that is skipped, and counted.
    Late,
}

/// What a flow does about one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Nothing; no run.
    NotWanted,
    /// A run that is skipped, reason *late*.
    Late,
    /// `only_if` is false.
    No,
    /// `only_if` can be neither true nor false: a path is missing, or a value does not fit.
    Untold(Error),
    /// The steps, in the order of the file.
    Run(Vec<StepPlan>),
}

/// One step for one event.
#[derive(Debug, Clone, PartialEq)]
pub struct StepPlan {
    /// The step's id.
    pub id: String,
    /// Where it stands.
    pub state: StepState,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// It does not run.
    Skipped(Skip),
    /// It cannot be rendered: a path is missing, or a value does not fit.
    Parked(Error),
    /// Steps that must end first, or (none named) a time or a look at records; then call [`Flow::plan_step`].
    Waits(Vec<String>),
    /// Its requests: one, or one per item.
    Ready(Vec<Request>),
}

/// Why a step does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// Its `if` is false.
    IfFalse,
    /// Its `while` has become false.
    WhileFalse,
    /// The list of its `each` is empty.
    NoItems,
    /// A step it needs does not run.
    Needs(String),
}

/// One request of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The item's own id, for a step with `each`; part of the intent.
    pub item: Option<String>,
    /// What is passed, or why this item stands still.
    pub with: Result<Value, Stop>,
}

/// Why one item of an `each` is not sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// The step's `if` is false for it.
    IfFalse,
    /// A path is missing, or a value does not fit.
    Parked(Error),
}

impl Flow {
    /// Whether it wants an event like this.
    pub fn wants(&self, happened: &Happened<'_>) -> Wanted {
        let when = &self.when;
        let addressed = self.is_addressed(happened);
        let mine = || when.event == happened.event && self.rule().as_deref() == happened.rule;
        let other = (!addressed && !mine())
            || when
                .connection
                .as_deref()
                .is_some_and(|connection| connection != happened.connection)
            || (happened.own_echo && !when.own_echoes);
        match (other, happened.late && !when.late) {
            (true, _) => Wanted::No,
            (false, true) => Wanted::Late,
            (false, false) => Wanted::Yes,
        }
    }

    /// Whether the event is for this flow alone: what it asks of one event was asked of each that is in it.
    fn is_addressed(&self, happened: &Happened<'_>) -> bool {
        let flow = happened.rule.and_then(items::addressee);
        flow == Some(self.id.as_str())
    }

    /// The plan for an event with this data. Steps that need another wait.
    pub fn plan(&self, happened: &Happened<'_>, data: &Value) -> Plan {
        self.plan_all(happened, data, |step, before| self.waits(step, before))
    }

    /// The plan with every step rendered, as nothing will be sent: what needs an output that is not
    /// there shows `‹id from step stage›`. Steps for a failure are shown too, as if it had happened.
    pub fn rehearse(&self, happened: &Happened<'_>, data: &Value) -> Plan {
        self.plan_all(happened, data, |step, before| {
            let state = self.waits(step, before)?;
            match state {
                StepState::Waits(_) => None,
                skipped => Some(skipped),
            }
        })
    }

    /// One step, its needs being over: `data` now has `steps.<id>.output` of each. With `recorded`,
    /// as where a needed step was only recorded, missing outputs are shown in words.
    pub fn plan_step(&self, step: &Step, data: &Value, recorded: bool) -> StepState {
        let scope = Scope::new(data).with_vars(&self.vars);
        let scope = match recorded {
            true => scope.showing_missing_outputs(),
            false => scope,
        };
        step.plan(&scope)
    }

    fn plan_all(
        &self,
        happened: &Happened<'_>,
        data: &Value,
        hold_back: impl Fn(&Step, &[StepPlan]) -> Option<StepState>,
    ) -> Plan {
        match self.wants(happened) {
            Wanted::Yes => {}
            Wanted::No => return Plan::NotWanted,
            Wanted::Late => return Plan::Late,
        }
        let scope = Scope::new(data).with_vars(&self.vars);
        let asked = match self.is_addressed(happened) {
            true => None,
            false => self.when.only_if.as_ref(),
        };
        match asked.map(|condition| condition.evaluate(&scope)) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return Plan::No,
            Some(Err(error)) => return Plan::Untold(error),
        }
        let mut plans: Vec<StepPlan> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let state = hold_back(step, &plans)
                .unwrap_or_else(|| self.plan_step(step, data, !step.needs.is_empty()));
            plans.push(StepPlan {
                id: step.id.clone(),
                state,
            });
        }
        Plan::Run(plans)
    }

    /// A step with needs waits, or is skipped with what it needs; one that waits for a time or looks at records has a turn later.
    fn waits(&self, step: &Step, before: &[StepPlan]) -> Option<StepState> {
        if !step.has_its_turn_later() {
            return None;
        }
        let skipped = step.needs.iter().find(|need| {
            before
                .iter()
                .any(|plan| plan.id == **need && matches!(plan.state, StepState::Skipped(_)))
        });
        Some(match skipped {
            Some(need) => StepState::Skipped(Skip::Needs(need.clone())),
            None => StepState::Waits(step.needs.clone()),
        })
    }
}

impl Step {
    /// Whether it is not planned with the run but when its turn comes.
    pub fn has_its_turn_later(&self) -> bool {
        !self.needs.is_empty() || self.after.is_some() || self.find.is_some()
    }

    fn plan(&self, scope: &Scope<'_>) -> StepState {
        if let Some(line) = &self.line {
            return match self.lines(line, scope) {
                Ok(None) => StepState::Skipped(Skip::NoItems),
                Ok(Some(lines)) => self.plan_one(&scope.with_lines(&lines)),
                Err(error) => StepState::Parked(error.inside("line")),
            };
        }
        let Some(each) = &self.each else {
            return self.plan_one(scope);
        };
        let items = match list(each, scope) {
            Ok(items) => items,
            Err(error) => return StepState::Parked(error),
        };
        if items.is_empty() {
            return StepState::Skipped(Skip::NoItems);
        }
        if items.len() > MOST_ITEMS {
            return StepState::Parked(failed("`each` runs for at most 100 items"));
        }
        let mut requests: Vec<Request> = Vec::new();
        for item in &items {
            let Some(key) = item_key(item) else {
                return StepState::Parked(failed("an item of `each` has no id of its own"));
            };
            if requests.iter().any(|r| r.item.as_ref() == Some(&key)) {
                continue;
            }
            requests.push(Request {
                with: self.request(&scope.with_item(item)),
                item: Some(key),
            });
        }
        let none = requests
            .iter()
            .all(|request| request.with == Err(Stop::IfFalse));
        match none {
            true => StepState::Skipped(Skip::IfFalse),
            false => StepState::Ready(requests),
        }
    }

    fn plan_one(&self, scope: &Scope<'_>) -> StepState {
        match self.request(scope) {
            Ok(with) => StepState::Ready(vec![Request {
                item: None,
                with: Ok(with),
            }]),
            Err(Stop::IfFalse) => StepState::Skipped(Skip::IfFalse),
            Err(Stop::Parked(error)) => StepState::Parked(error),
        }
    }

    /// Its line for each of many, one below the other as far as there is room; none where there are no items.
    fn lines(&self, line: &Text, scope: &Scope<'_>) -> Result<Option<String>, Error> {
        let rendered = match (&self.each, items::scopes(scope.data())) {
            (Some(each), _) => list(each, scope)?
                .iter()
                .map(|item| line.render(&scope.with_item(item)))
                .collect::<Result<Vec<_>, _>>()?,
            (None, Some(many)) => many
                .iter()
                .map(|one| line.render(&scope.of_one(one)))
                .collect::<Result<_, _>>()?,
            (None, None) => vec![line.render(scope)?],
        };
        let texts: Vec<String> = rendered
            .iter()
            .map(|line| text(line).replace(['\n', '\r'], " "))
            .filter(|line| !line.trim().is_empty())
            .collect();
        Ok((!texts.is_empty()).then(|| join(&texts)))
    }

    fn request(&self, scope: &Scope<'_>) -> Result<Value, Stop> {
        match self.condition.as_ref().map(|c| c.evaluate(scope)) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return Err(Stop::IfFalse),
            Some(Err(error)) => return Err(Stop::Parked(error)),
        }
        let with = self.with.render(scope).map_err(Stop::Parked)?;
        match fits(&with, MOST_REQUEST) {
            true => Ok(with),
            false => Err(Stop::Parked(failed("the request is larger than 1 MB"))),
        }
    }
}

/// The list of an `each`; what is known to be empty is an empty list.
fn list(each: &Expr, scope: &Scope<'_>) -> Result<Vec<Value>, Error> {
    match each.evaluate(scope)? {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(Vec::new()),
        _ => Err(failed("`each` did not find a list")),
    }
}

/// Lines below each other; where the next would be too much, how many more there are.
fn join(lines: &[String]) -> String {
    let mut out = String::new();
    for (place, line) in lines.iter().enumerate() {
        if out.len() + line.len() + 1 > MOST_LINES {
            let more = lines.len() - place;
            if place > 0 {
                out.push('\n');
            }
            out.push_str(&format!("… and {more} more"));
            break;
        }
        if place > 0 {
            out.push('\n');
        }
        out.push_str(line);
    }
    out
}

fn failed(message: &str) -> Error {
    Error::Failed {
        line: 1,
        column: 1,
        message: message.to_owned(),
    }
}

/// The name of the group a value stands for.
pub fn group_of(value: &Value) -> String {
    item_key(value).unwrap_or_else(|| text(value))
}

/// An item's own id, never its place: a list may come in another order the next time.
fn item_key(item: &Value) -> Option<String> {
    const IDS: &[&str] = &[
        "id",
        "user_id",
        "remote_id",
        "key",
        "option_id",
        "question_id",
        "email",
        "value",
        "url",
    ];
    match item {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(fields) => IDS.iter().find_map(|id| match fields.get(*id) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_item_is_named_by_its_own_id() {
        let key = |item| item_key(&item);
        assert_eq!(
            key(json!({"name": "A", "user_id": "usr_1"})).as_deref(),
            Some("usr_1")
        );
        assert_eq!(
            key(json!({"user_id": null, "email": "a@example.com"})).as_deref(),
            Some("a@example.com")
        );
        assert_eq!(key(json!("#hiring")).as_deref(), Some("#hiring"));
        assert_eq!(key(json!(7)).as_deref(), Some("7"));
        assert_eq!(key(json!({"name": "A"})), None);
        assert_eq!(key(json!(null)), None);
        assert_eq!(key(json!("")), None);
    }
}
