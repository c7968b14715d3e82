//! Checks before every effect, whatever a flow says: what is confidential, private or internal stays in; a person's switch and a
//! candidate's wish are kept. A guard on a field that nobody supplies counts as not set.

use crate::hub::Hub;
use serde_json::{Map, Value};
use stagewire_model::{Effect, Entity, RecordId};
use stagewire_store::{ActionRow, RecordRow};

/// How old a plan may be to need no second look before it is sent, in microseconds.
const FRESH: i64 = 2_000_000;

/// Why an effect does not go now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// A guard stops it, for this reason.
    Blocked(String),
    /// The records could not be read: asked again, never guessed.
    Unknown,
}

/// The guards; they keep no state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guards;

/// The records an effect is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// The application.
    pub application: Option<&'a Map<String, Value>>,
    /// The person.
    pub candidate: Option<&'a Map<String, Value>>,
    /// The job.
    pub job: Option<&'a Map<String, Value>>,
}

/// Why an effect is blocked, in plain words; `None` where it may go.
pub fn blocked(effect: Effect, about: About) -> Option<String> {
    let is = |of: Option<&Map<String, Value>>, key: &str, value: bool| {
        of.and_then(|m| m.get(key)).and_then(Value::as_bool) == Some(value)
    };
    let word = |of: Option<&Map<String, Value>>, key: &str| {
        of.and_then(|m| m.get(key))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if effect == Effect::Feed {
        return None;
    }
    if is(about.job, "confidential", true) {
        return Some("the job is confidential".into());
    }
    if is(about.candidate, "private", true) {
        return Some("the candidate is private".into());
    }
    if word(about.application, "origin").as_deref() == Some("internal") {
        return Some("the applicant is an employee".into());
    }
    if is(about.application, "hold_automation", true) {
        return Some("a person has stopped automation for this application".into());
    }
    if effect == Effect::Candidate {
        if is(about.candidate, "do_not_contact", true) {
            return Some("the candidate is not to be contacted".into());
        }
        if is(about.candidate, "may_email", false) {
            return Some("the candidate does not want e-mail".into());
        }
        let consent = about
            .candidate
            .and_then(|c| c.get("consent"))
            .and_then(Value::as_array);
        if consent.is_some_and(|list| {
            list.iter()
                .any(|c| c["kind"] == "contact" && c["state"] == "withdrawn")
        }) {
            return Some("the candidate has withdrawn the consent to be contacted".into());
        }
    }
    None
}

impl Guards {
    /// Checked again right before a claim: the revisions the check relied on, or why it is blocked.
    ///
    /// # Errors
    /// The reason, in plain words.
    pub async fn facts(&self, hub: &Hub, row: &ActionRow) -> Result<Vec<([u8; 16], i64)>, NotNow> {
        let fresh = hub.env.now().0 - row.made < FRESH;
        if fresh
            || row.maybe
            || matches!(row.flow.as_str(), "alert")
            || row.flow.starts_with("subscription/")
        {
            return Ok(Vec::new());
        }
        let event = match hub.store.event(row.event).await {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(Vec::new()),
            Err(_) => return Err(NotNow::Unknown),
        };
        let mut facts = Vec::new();
        let subject = record(hub, event.subject).await?;
        let application = match &subject {
            Some(s) if s.entity == Entity::Application => subject.clone(),
            Some(s) => linked(hub, s, "application_id").await?,
            None => None,
        };
        let candidate = match &application {
            Some(a) => linked(hub, a, "candidate_id").await?,
            None => subject.clone().filter(|s| s.entity == Entity::Candidate),
        };
        let job = match &application {
            Some(a) => linked(hub, a, "job_id").await?,
            None => subject.clone().filter(|s| s.entity == Entity::Job),
        };
        for r in [&application, &candidate, &job].into_iter().flatten() {
            facts.push((r.id16, r.revision));
        }
        let about = About {
            application: application.as_ref().map(|r| &r.fields),
            candidate: candidate.as_ref().map(|r| &r.fields),
            job: job.as_ref().map(|r| &r.fields),
        };
        match blocked(row.effect, about) {
            Some(reason) => Err(NotNow::Blocked(format!("blocked: {reason}"))),
            None => Ok(facts),
        }
    }
}

async fn record(hub: &Hub, id: [u8; 16]) -> Result<Option<RecordRow>, NotNow> {
    let found = hub.store.records(stagewire_model::MAIN, vec![id]).await;
    Ok(found.map_err(|_| NotNow::Unknown)?.pop().flatten())
}

async fn linked(hub: &Hub, from: &RecordRow, field: &str) -> Result<Option<RecordRow>, NotNow> {
    let id = from.fields.get(field).and_then(Value::as_str);
    match id.and_then(RecordId::parse) {
        Some((_, id)) => record(hub, id.0).await,
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_confidential_private_internal_or_stopped_stays_in_and_the_rest_goes() {
        let map = |v: Value| v.as_object().cloned().unwrap_or_default();
        let (none, yes) = (Map::new(), true);
        let check = |effect,
                     app: &Map<String, Value>,
                     can: &Map<String, Value>,
                     job: &Map<String, Value>| {
            blocked(
                effect,
                About {
                    application: Some(app),
                    candidate: Some(can),
                    job: Some(job),
                },
            )
            .is_some()
        };
        assert!(
            !check(Effect::Record, &none, &none, &none),
            "a guard nobody supplies counts as not set"
        );
        assert!(check(
            Effect::Internal,
            &none,
            &none,
            &map(json!({"confidential": yes}))
        ));
        assert!(check(
            Effect::Internal,
            &none,
            &map(json!({"private": yes})),
            &none
        ));
        assert!(check(
            Effect::Internal,
            &map(json!({"origin": "internal"})),
            &none,
            &none
        ));
        assert!(check(
            Effect::Internal,
            &map(json!({"hold_automation": yes})),
            &none,
            &none
        ));
        let no_mail = map(json!({"may_email": false}));
        assert!(check(Effect::Candidate, &none, &no_mail, &none));
        assert!(
            !check(Effect::Internal, &none, &no_mail, &none),
            "staff may be told about them"
        );
        assert!(!check(
            Effect::Feed,
            &none,
            &none,
            &map(json!({"confidential": yes}))
        ));
    }
}
