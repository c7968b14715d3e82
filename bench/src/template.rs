//! Distinct signed webhooks, as whole HTTP requests, made from one that the fake ATS really sent: other ids, other dates, another
//! stage, signed again. Nothing else of the body is invented here.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stagewire_fakes::greenhouse::{Applicant, Greenhouse, Options, Webhook};
use stagewire_fakes::{Clock, Time, greenhouse_signature};
use std::ops::Range;

/// What the webhooks are signed with.
pub(crate) const SECRET: &str = "bench-webhook-secret";
/// Applications, unless a row wants others; the webhooks go round them.
pub(crate) const APPLICATIONS: u64 = 20_000;

/// Between two moves of one application; closer than some seconds they could be one act.
const ROUND_MS: i64 = 60_000;
/// Long before the connection was set up: the move is news, the application is not.
const APPLIED: &str = "2026-01-05T09:00:00.000Z";

const APPLICATION: &str = "\"@application@\"";
const CANDIDATE: &str = "\"@candidate@\"";
const STAGE: &str = "\"@stage@\"";
const STAGE_NAME: &str = "@stage-name@";
const ACTIVE: &str = "@active@";

/// A webhook with holes.
#[derive(Clone)]
pub(crate) struct Template {
    /// Text, then the hole after it; the last has none.
    parts: Vec<(String, Option<&'static str>)>,
    headers: Vec<(String, Header)>,
    stages: Vec<(u64, String)>,
    base: i64,
    applications: u64,
}

#[derive(Clone)]
enum Header {
    Fixed(String),
    Signature,
    Id,
}

impl Template {
    /// Captures one stage change of a made-up application; every date made from it lies after this moment.
    pub(crate) async fn capture() -> Result<Template> {
        let ats = Greenhouse::new(Options {
            webhook_secret: SECRET.into(),
            ..Options::for_tests(Clock::real())
        });
        ats.seed_company();
        let job = ats.jobs().first().context("the fake has a job")?.id;
        let applicant = Applicant {
            first_name: "Nora".into(),
            last_name: "Example".into(),
            email: Some("nora@example.com".into()),
            job_id: Some(job),
            ..Applicant::default()
        };
        let refused = |e| anyhow::anyhow!("the fake refuses: {e:?}");
        let applied = ats.apply(applicant).map_err(refused)?;
        let id = applied
            .touched
            .application_id
            .context("an applicant applies")?;
        let stages: Vec<(u64, String)> = ats
            .stages(job)
            .into_iter()
            .map(|s| (s.id, s.name))
            .collect();
        ensure!(stages.len() > 2, "a job needs stages to move between");
        ats.move_to(id, Some(stages[1].0)).map_err(refused)?;
        let moved = ats.take_webhooks();
        let moved = moved
            .into_iter()
            .rfind(|h| h.action == "candidate_stage_change")
            .context("a move is told")?;
        Template::cut(&moved, stages, ats.clock().now())
    }

    fn cut(webhook: &Webhook, stages: Vec<(u64, String)>, now: Time) -> Result<Template> {
        let mut body = webhook.json();
        let application = body
            .pointer_mut("/payload/application")
            .context("the body tells of an application")?;
        let hole = |v: &str| Value::String(v.trim_matches('"').to_owned());
        application["id"] = hole(APPLICATION);
        application["last_activity_at"] = json!(ACTIVE);
        application["applied_at"] = json!(APPLIED);
        application["candidate"]["id"] = hole(CANDIDATE);
        application["candidate"]["created_at"] = json!(APPLIED);
        application["current_stage"]["id"] = hole(STAGE);
        application["current_stage"]["name"] = json!(STAGE_NAME);
        let mut rest = body.to_string();
        let mut parts = Vec::new();
        let holes = [APPLICATION, CANDIDATE, STAGE, STAGE_NAME, ACTIVE];
        loop {
            let next = holes.iter().filter_map(|h| Some((rest.find(h)?, *h))).min();
            let Some((at, hole)) = next else { break };
            let after = rest.split_off(at + hole.len());
            rest.truncate(at);
            parts.push((std::mem::replace(&mut rest, after), Some(hole)));
        }
        ensure!(
            parts.len() == holes.len(),
            "each hole is in the body once: {}",
            parts.len()
        );
        parts.push((rest, None));
        let signature = greenhouse_signature(SECRET, &webhook.body);
        let headers = webhook.headers.iter().map(|(name, value)| {
            let header = match value {
                v if *v == webhook.event_id => Header::Id,
                v if *v == signature => Header::Signature,
                v => Header::Fixed(v.clone()),
            };
            (name.clone(), header)
        });
        let headers: Vec<_> = headers.collect();
        ensure!(
            headers.iter().any(|(_, h)| matches!(h, Header::Signature)),
            "the captured webhook is signed with our secret"
        );
        Ok(Template {
            parts,
            headers,
            stages,
            base: (now.secs() + 60) * 1000,
            applications: APPLICATIONS,
        })
    }

    /// The same for so many applications (60,000 at most, so that dates stay distinct).
    pub(crate) fn over(mut self, applications: u64) -> Template {
        self.applications = applications.clamp(1, 60_000);
        self
    }

    /// When the `n`th says that it happened, in milliseconds; no other says the same.
    pub(crate) fn when(&self, n: u64) -> i64 {
        let (round, application) = (n / self.applications, n % self.applications);
        self.base
            + i64::try_from(round).unwrap_or(0) * ROUND_MS
            + i64::try_from(application).unwrap_or(0)
    }

    /// The body of the `n`th.
    pub(crate) fn body(&self, n: u64) -> String {
        let (round, application) = (n / self.applications, n % self.applications);
        let moves = self.stages.len() - 1;
        let at = 1 + usize::try_from(round).unwrap_or(0) % moves;
        let (stage, name) = &self.stages[at];
        let mut out = String::with_capacity(4096);
        for (text, hole) in &self.parts {
            out.push_str(text);
            match *hole {
                Some(APPLICATION) => out.push_str(&(700_000_000 + application).to_string()),
                Some(CANDIDATE) => out.push_str(&(800_000_000 + application).to_string()),
                Some(STAGE) => out.push_str(&stage.to_string()),
                Some(STAGE_NAME) => out.push_str(name),
                Some(ACTIVE) => {
                    out.push_str(&Time::from_ms(self.when(n)).format("%Y-%m-%dT%H:%M:%S%.3fZ"));
                }
                _ => {}
            }
        }
        out
    }

    /// The `n`th as an HTTP request.
    pub(crate) fn request(&self, n: u64) -> Vec<u8> {
        let body = self.body(n);
        let mut head = format!(
            "POST /in/gh HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(name);
            head.push_str(": ");
            match value {
                Header::Fixed(text) => head.push_str(text),
                Header::Signature => {
                    head.push_str(&greenhouse_signature(SECRET, body.as_bytes()));
                }
                Header::Id => head.push_str(&self.when(n).to_string()),
            }
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut out = head.into_bytes();
        out.extend_from_slice(body.as_bytes());
        out
    }

    /// Many, made before the clock runs.
    pub(crate) fn requests(&self, which: Range<u64>) -> Vec<Vec<u8>> {
        which.map(|n| self.request(n)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[tokio::test]
    async fn webhooks_are_distinct_dated_after_now_and_move_on_each_round() {
        let template = Template::capture().await.expect("captured").over(3);
        let body = |n| serde_json::from_str::<Value>(&template.body(n)).expect("JSON");
        let bodies: HashSet<String> = (0..9).map(|n| template.body(n)).collect();
        assert_eq!(bodies.len(), 9);
        let stage = |n| body(n)["payload"]["application"]["current_stage"]["id"].clone();
        assert_ne!(stage(0), stage(3), "the same application moved on");
        let at = body(4)["payload"]["application"]["last_activity_at"].clone();
        let at = Time::parse(at.as_str().unwrap_or_default()).expect("a date");
        assert_eq!(at.ms(), template.when(4));
        assert!(at > Clock::real().now());
    }

    #[tokio::test]
    async fn a_request_is_signed_over_its_own_body() {
        let template = Template::capture().await.expect("captured");
        let request = String::from_utf8(template.request(5)).expect("text");
        let signature = greenhouse_signature(SECRET, template.body(5).as_bytes());
        assert!(request.contains(&signature) && request.ends_with(&template.body(5)));
    }
}
