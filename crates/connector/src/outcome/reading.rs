//! How an answer is read: the manifest's rules first, then the body test, then what every vendor means by a status. Decides nothing
//! about repeats; a word nobody knows is a failure, never a success.

use super::{Outcome, Turn};
use crate::http::Response;
use crate::manifest::Reader;
use crate::path::{Path, scalar_text};
use crate::template::{Template, plain};
use serde_json::{Map, Value};
use stagewire_model::Micros;
use stagewire_model::time::parse_http_date;

/// How much of a vendor's words is kept.
const SAID: usize = 300;
/// A wait longer than this is not believed.
const LONGEST_MS: i64 = 3_600_000;

/// The connector's or the action's way to read answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    rules: Vec<Rule>,
    success: Option<Success>,
    /// Where the vendor's word stands in a JSON answer; a plain text answer is its own word.
    word: Option<Path>,
    pub(crate) slow: SlowDown,
    /// What is hidden from us is answered like what is gone.
    pub(crate) hides: bool,
}

/// Too fast: which statuses say so, and how long to wait.
#[derive(Clone, Debug)]
pub(crate) struct SlowDown {
    status: Vec<String>,
    header: String,
    usual_ms: i64,
}

impl Default for SlowDown {
    fn default() -> Self {
        SlowDown {
            status: vec!["429".into()],
            header: "retry-after".into(),
            usual_ms: 30_000,
        }
    }
}

#[derive(Clone, Debug)]
struct Success {
    at: Option<Path>,
    is: Value,
    text: Option<String>,
}

#[derive(Clone, Debug)]
struct Rule {
    status: Vec<String>,
    words: Vec<String>,
    holds: Vec<String>,
    then: Then,
    code: Option<String>,
    turn: Turn,
    say: Option<Template>,
    wait_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Done,
    AlreadyThere,
    Refused,
    RateLimited,
    TryLater,
    AuthLost,
    MissingScope,
    Unclear,
    Gone,
}

const THENS: &[(&str, Then)] = &[
    ("done", Then::Done),
    ("already_there", Then::AlreadyThere),
    ("refused", Then::Refused),
    ("rate_limited", Then::RateLimited),
    ("try_later", Then::TryLater),
    ("auth_lost", Then::AuthLost),
    ("missing_scope", Then::MissingScope),
    ("unclear", Then::Unclear),
    ("gone", Then::Gone),
];

/// Whether what is hidden from us is answered like what is gone.
const NOT_FOUND: &[(&str, bool)] = &[("gone", false), ("gone_or_hidden", true)];

const TURNS: &[(&str, Turn)] = &[
    ("us", Turn::Us),
    ("operator", Turn::Operator),
    ("vendor", Turn::Vendor),
];

/// What an action takes from an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) remote_id: Option<Path>,
    pub(crate) output: Vec<(String, Path)>,
}

impl Reading {
    /// `[success]`, `[[rule]]`, `word`, `[slow_down]` of a table.
    pub(crate) fn read(r: &Reader<'_>) -> Reading {
        let success = r.table("success").map(|s| {
            let success = Success {
                at: s.path("at"),
                is: s.value("is").unwrap_or(Value::Bool(true)),
                text: s.text("text"),
            };
            s.done();
            success
        });
        let slow = r.table("slow_down").map_or_else(SlowDown::default, |s| {
            let usual = SlowDown::default();
            let status = s.statuses("status");
            let slow = SlowDown {
                status: if status.is_empty() {
                    usual.status
                } else {
                    status
                },
                header: s.text("wait").unwrap_or(usual.header),
                usual_ms: s.duration("usually").unwrap_or(usual.usual_ms),
            };
            s.done();
            slow
        });
        Reading {
            rules: r.tables("rule").into_iter().filter_map(rule).collect(),
            success,
            word: r.path("word"),
            slow,
            hides: r.word("not_found", NOT_FOUND).unwrap_or(false),
        }
    }

    /// What the answer means; `over` are the action's own rules, which come first.
    pub(crate) fn outcome(
        &self,
        over: Option<&Reading>,
        taken: &Taken,
        response: &Response,
        now: Micros,
    ) -> Outcome {
        // A page of rows is parsed by whoever wants its rows, not here.
        let success = over
            .and_then(|o| o.success.as_ref())
            .or(self.success.as_ref());
        let told = success.is_some_and(|s| s.at.is_some())
            || self.word.is_some()
            || over.is_some_and(|o| o.word.is_some())
            || taken.remote_id.is_some()
            || !taken.output.is_empty();
        let body = if told || !response.is_2xx() {
            response.json()
        } else {
            None
        };
        let said = self.said(over, response, body.as_ref());
        let wait = || wait_ms(response, &self.slow, now);
        let rules = over.into_iter().flat_map(|o| &o.rules).chain(&self.rules);
        if let Some(rule) = rules.into_iter().find(|rule| rule.fits(response, &said)) {
            return self.ruled(rule, &said, body.as_ref(), taken, wait());
        }
        if self
            .slow
            .status
            .iter()
            .any(|s| status_is(s, response.status))
        {
            return Outcome::RateLimited {
                wait_ms: wait().unwrap_or(self.slow.usual_ms),
            };
        }
        let say = said.text.clone();
        match response.status {
            200..300 => match success {
                Some(success) if !success.holds(response, body.as_ref()) => Outcome::Refused {
                    code: "CALL-4xx".into(),
                    turn: Turn::Operator,
                    say: or_said(say, "the vendor answered with something else than yes"),
                },
                _ => done(taken, body.as_ref()),
            },
            401 => Outcome::AuthLost { say },
            403 => Outcome::MissingScope { say },
            404 => refused(
                "CALL-404",
                Turn::Operator,
                or_said(say, "there is no such record or address"),
            ),
            408 | 425 => Outcome::TryLater { wait_ms: wait() },
            400..500 => refused(
                code_of(response.status),
                Turn::Us,
                or_said(say, "the vendor refused the request"),
            ),
            503 if response.header(&self.slow.header).is_some() => Outcome::TryLater {
                wait_ms: Some(wait().unwrap_or(self.slow.usual_ms)),
            },
            500.. => Outcome::Unclear {
                code: code_of(response.status).into(),
                say,
            },
            _ => refused(
                code_of(response.status),
                Turn::Operator,
                "the address answers with a redirect or no answer; redirects are not followed"
                    .into(),
            ),
        }
    }

    fn ruled(
        &self,
        rule: &Rule,
        said: &Said,
        body: Option<&Value>,
        taken: &Taken,
        wait: Option<i64>,
    ) -> Outcome {
        let say = match &rule.say {
            Some(template) => {
                let get = |name: &str| match name {
                    "said" => Some(Value::String(said.text.clone())),
                    _ => Path::parse(name)
                        .and_then(|p| body.and_then(|b| p.get(b)).cloned())
                        .or_else(|| Some("?".into())),
                };
                let ours: String = template.fill(&get, plain).unwrap_or_default();
                let ours: String = ours.chars().take(SAID).collect();
                if said.text.is_empty() || ours.contains(&said.text) {
                    ours
                } else {
                    format!("{ours} ({})", said.text)
                }
            }
            None => said.text.clone(),
        };
        let code = |usual: &str| rule.code.clone().unwrap_or_else(|| usual.to_owned());
        match rule.then {
            Then::Done => done(taken, body),
            Then::AlreadyThere => Outcome::AlreadyThere,
            Then::Refused => Outcome::Refused {
                code: code("CALL-4xx"),
                turn: rule.turn,
                say,
            },
            Then::RateLimited => Outcome::RateLimited {
                wait_ms: wait.or(rule.wait_ms).unwrap_or(self.slow.usual_ms),
            },
            Then::TryLater => Outcome::TryLater {
                wait_ms: wait.or(rule.wait_ms),
            },
            Then::AuthLost => Outcome::AuthLost { say },
            Then::MissingScope => Outcome::MissingScope { say },
            Then::Unclear => Outcome::Unclear {
                code: code("CALL-5xx"),
                say,
            },
            Then::Gone => Outcome::Gone { say },
        }
    }

    fn said(&self, over: Option<&Reading>, response: &Response, body: Option<&Value>) -> Said {
        let at = over.and_then(|o| o.word.as_ref()).or(self.word.as_ref());
        let word = match body {
            Some(body) => at.and_then(|p| p.get(body)).and_then(scalar_text),
            None if response.body.len() <= 64 => {
                Some(response.text().trim().to_owned()).filter(|t| !t.contains(['<', ' ']))
            }
            None => None,
        };
        let mut text = String::new();
        match body {
            Some(body) => {
                for key in [
                    "message",
                    "error",
                    "error_description",
                    "title",
                    "detail",
                    "errors",
                    "Fault",
                ] {
                    match body.get(key) {
                        Some(Value::String(s)) => part(&mut text, s),
                        Some(list @ (Value::Array(_) | Value::Object(_))) => {
                            words(list, &mut text, 0)
                        }
                        _ => {}
                    }
                }
            }
            None if !response.is_2xx() => {
                let plain = response.text();
                if !plain.trim_start().starts_with('<') {
                    part(&mut text, plain.trim());
                }
            }
            None => {}
        }
        Said {
            word,
            text: text
                .chars()
                .filter(|c| !c.is_control())
                .take(SAID)
                .collect(),
        }
    }
}

struct Said {
    word: Option<String>,
    text: String,
}

impl Rule {
    fn fits(&self, response: &Response, said: &Said) -> bool {
        let status =
            self.status.is_empty() || self.status.iter().any(|s| status_is(s, response.status));
        let word =
            self.words.is_empty() || said.word.as_ref().is_some_and(|w| self.words.contains(w));
        let holds = self.holds.is_empty()
            || self
                .holds
                .iter()
                .any(|h| said.text.to_lowercase().contains(&h.to_lowercase()));
        status && word && holds
    }
}

impl Success {
    fn holds(&self, response: &Response, body: Option<&Value>) -> bool {
        let text = self
            .text
            .as_ref()
            .is_none_or(|t| response.text().trim() == t);
        let at = self
            .at
            .as_ref()
            .is_none_or(|p| body.and_then(|b| p.get(b)) == Some(&self.is));
        text && at
    }
}

/// How long the answer says to wait: seconds, or an instant. Missing, negative or over an hour: nothing that counts.
pub(crate) fn wait_ms(response: &Response, slow: &SlowDown, now: Micros) -> Option<i64> {
    let text = response.header(&slow.header)?.trim();
    let ms = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => (seconds * 1000.0).ceil() as i64,
        Ok(_) => return None,
        Err(_) => {
            let at = parse_http_date(text)?;
            // Their clock against their clock, where they tell it.
            let now = response
                .header("date")
                .and_then(parse_http_date)
                .unwrap_or(now);
            (at.0 - now.0).div_euclid(1000)
        }
    };
    (0..=LONGEST_MS).contains(&ms).then_some(ms)
}

fn rule(r: Reader<'_>) -> Option<Rule> {
    let rule = Rule {
        status: r.statuses("status"),
        words: r.texts("words"),
        holds: r.texts("holds"),
        then: r.word("then", THENS).unwrap_or(Then::Refused),
        code: r.text("code"),
        turn: r.word("turn", TURNS).unwrap_or(Turn::Operator),
        say: r.template("say"),
        wait_ms: r.duration("wait"),
    };
    if rule.status.is_empty() && rule.words.is_empty() && rule.holds.is_empty() {
        r.wrong("a rule needs `status`, `words` or `holds`");
    }
    if !r.has("then") {
        r.wrong("`then` is missing");
    }
    r.done();
    Some(rule)
}

fn status_is(pattern: &str, status: u16) -> bool {
    match pattern.strip_suffix("xx") {
        Some(class) => class == (status / 100).to_string(),
        None => pattern == status.to_string(),
    }
}

/// The page that explains a status.
fn code_of(status: u16) -> &'static str {
    match status {
        400 => "CALL-400",
        404 => "CALL-404",
        409 => "CALL-409",
        410 => "CALL-410",
        422 => "CALL-422",
        500.. => "CALL-5xx",
        _ => "CALL-4xx",
    }
}

fn refused(code: &str, turn: Turn, say: String) -> Outcome {
    Outcome::Refused {
        code: code.into(),
        turn,
        say,
    }
}

fn or_said(said: String, ours: &str) -> String {
    if said.is_empty() {
        ours.to_owned()
    } else {
        said
    }
}

fn done(taken: &Taken, body: Option<&Value>) -> Outcome {
    let get = |p: &Path| body.and_then(|b| p.get(b));
    let remote_id = taken.remote_id.as_ref().and_then(get).and_then(scalar_text);
    let output: Map<String, Value> = taken
        .output
        .iter()
        .filter_map(|(k, p)| Some((k.clone(), get(p)?.clone())))
        .collect();
    let output = Value::Object(output);
    // Later steps read single values from it; a whole document does not belong into a run.
    let output = if output.to_string().len() > 16_384 {
        Value::Object(Map::new())
    } else {
        output
    };
    Outcome::Done { remote_id, output }
}

fn part(text: &mut String, more: &str) {
    if text.len() < SAID && !more.is_empty() && !text.contains(more) {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.extend(more.chars().take(SAID));
    }
}

/// Errors come as a text, a list of texts, or objects of a field and its text.
fn words(value: &Value, text: &mut String, depth: usize) {
    if depth > 4 || text.len() >= SAID {
        return;
    }
    match value {
        Value::String(s) => part(text, s),
        Value::Array(items) => items.iter().for_each(|i| words(i, text, depth + 1)),
        Value::Object(map) => map.iter().for_each(|(key, inner)| match inner {
            Value::String(s) => part(text, &format!("{key} {s}")),
            other => words(other, text, depth + 1),
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
