//! A flow in a plain sentence, for people who never open its file.

use super::file::{Flow, Step};
use std::fmt::Write;

/// Roots that stand for one of many: the one the event is about, else the newest active one.
const ONE_OF_MANY: &[&str] = &["interview", "offer", "scorecard", "signal"];

impl Flow {
    /// *When an application moves to another stage in gh, if `…`: post a message (talk); …*
    pub fn sentence(&self) -> String {
        let when = &self.when;
        let mut text = match (&when.schedule, &when.fact) {
            (Some((schedule, filter)), _) => {
                format!("At {schedule}, for {}s", filter.entity.name())
            }
            (None, Some(fact)) => format!("When it is time ({fact})"),
            (None, None) => format!("When {}", happening(&when.event)),
        };
        // Writing to a String cannot fail.
        if let Some(connection) = &self.when.connection {
            let _ = write!(text, " in {connection}");
        }
        if let Some(condition) = &self.when.only_if {
            let _ = write!(text, ", if {}", condition.source());
        }
        if let Some((_, filter)) = &when.schedule
            && let Some(condition) = &filter.only_if
        {
            let _ = write!(text, " if {}", condition.source());
        }
        if let Some(settle) = when.settle {
            let _ = write!(text, ", unless it is taken back within {settle}");
        }
        match when.collect.as_ref().map(|collect| &collect.at) {
            Some(Some(at)) => drop(write!(text, ", told together at {at}")),
            Some(None) => text.push_str(", told together in groups"),
            None => {}
        }
        text.push_str(": ");
        let steps: Vec<String> = self.steps.iter().map(step).collect();
        text.push_str(&steps.join("; "));
        text.push('.');
        let subject = self.when.event.split('.').next().unwrap_or_default();
        for root in ONE_OF_MANY {
            if *root != subject && self.reads().iter().any(|path| path.root == *root) {
                let _ = write!(text, " The {root} is the newest active one.");
            }
        }
        text
    }
}

fn step(step: &Step) -> String {
    let mut text = String::new();
    if step.on_failed {
        let _ = write!(text, "if {} failed, ", step.needs.join(" and "));
    } else if !step.needs.is_empty() {
        let _ = write!(text, "after {}, ", step.needs.join(" and "));
    }
    if let Some(list) = step.each.as_ref().and_then(|each| each.as_path()) {
        let _ = write!(text, "for each of {list} ");
    }
    if let Some(after) = step.after {
        let _ = write!(text, "{after} later, ");
    }
    match &step.find {
        Some(filter) => drop(write!(text, "find {}s", filter.entity.name())),
        None => drop(write!(
            text,
            "{} ({})",
            doing(&step.action),
            step.connection
        )),
    }
    if let Some(condition) = &step.only_while {
        let _ = write!(text, " if still {}", condition.source());
    }
    if let Some(condition) = &step.condition {
        let _ = write!(text, " if {}", condition.source());
    }
    text
}

/// `chat.message.post` → post a message.
fn doing(action: &str) -> String {
    let parts: Vec<&str> = action.split('.').collect();
    match parts.as_slice() {
        [_, object, verb] => {
            let object = object.replace('_', " ");
            format!("{} {}", verb.replace('_', " "), with_article(&object))
        }
        [_, "request"] => "send a request".to_owned(),
        [_, verb] => verb.replace('_', " "),
        _ => action.to_owned(),
    }
}

/// `application.stage_changed` → an application moves to another stage.
fn happening(event: &str) -> String {
    let (entity, verb) = event.split_once('.').unwrap_or((event, "updated"));
    let subject = with_article(&entity.replace('_', " "));
    let verb = match verb {
        "stage_changed" => "moves to another stage".to_owned(),
        "no_show" => "ends without the candidate".to_owned(),
        "waiting" => "is waiting for a person".to_owned(),
        "merged" => "is merged with another".to_owned(),
        other => match other.strip_suffix("_changed") {
            Some(what) => format!("gets other {}", what.replace('_', " ")),
            None => format!("is {}", other.replace('_', " ")),
        },
    };
    format!("{subject} {verb}")
}

fn with_article(noun: &str) -> String {
    match noun.starts_with(['a', 'e', 'i', 'o']) {
        true => format!("an {noun}"),
        false => format!("a {noun}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_actions_in_words() {
        assert_eq!(
            happening("application.stage_changed"),
            "an application moves to another stage"
        );
        assert_eq!(happening("offer.accepted"), "an offer is accepted");
        assert_eq!(happening("job.put_on_hold"), "a job is put on hold");
        assert_eq!(
            happening("interview.interviewers_changed"),
            "an interview gets other interviewers"
        );
        assert_eq!(doing("chat.message.post"), "post a message");
        assert_eq!(doing("http.request"), "send a request");
        assert_eq!(doing("ai.assess"), "assess");
    }
}
