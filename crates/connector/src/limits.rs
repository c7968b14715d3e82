//! How fast a vendor lets us go: what the manifest knows before the first call, and what headers teach. Keeps no count itself.

use crate::http::Response;
use crate::manifest::Reader;
use stagewire_model::Micros;

/// So many calls in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many calls.
    pub calls: u32,
    /// In how long.
    pub per_ms: i64,
    /// True where the vendor counts from fixed instants, false where it looks back.
    pub fixed: bool,
}

/// A pace for each value of an action's limit key (a channel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerKey {
    /// How many calls.
    pub calls: u32,
    /// In how long.
    pub per_ms: i64,
    /// How many may go at once after a rest.
    pub burst: u32,
}

/// What a connection must keep to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSpec {
    /// All calls together.
    pub window: Option<Window>,
    /// How many calls at a time.
    pub in_flight: u32,
    /// Calls of one limit key.
    pub per_key: Option<PerKey>,
    learn: Option<Learn>,
}

impl Default for LimitSpec {
    fn default() -> Self {
        LimitSpec {
            window: None,
            in_flight: 4,
            per_key: None,
            learn: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Learn {
    limit: Option<String>,
    remaining: Option<String>,
    reset: Option<String>,
    reset_is_delay: bool,
}

/// What an answer told about the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Calls in a window.
    pub limit: Option<u32>,
    /// Calls left in it.
    pub remaining: Option<u32>,
    /// When the next one begins.
    pub reset_at: Option<Micros>,
}

impl LimitSpec {
    pub(crate) fn read(r: &Reader<'_>) -> LimitSpec {
        let window = r.table("window").map(|w| {
            let window = Window {
                calls: w.number("calls").unwrap_or(1).max(1),
                per_ms: w.duration("per").unwrap_or(1000).max(1),
                fixed: w
                    .word("kind", &[("fixed", true), ("sliding", false)])
                    .unwrap_or(false),
            };
            w.done();
            window
        });
        let per_key = r.table("per_key").map(|k| {
            let per_key = PerKey {
                calls: k.number("calls").unwrap_or(1).max(1),
                per_ms: k.duration("per").unwrap_or(1000).max(1),
                burst: k.number("burst").unwrap_or(1).max(1),
            };
            k.done();
            per_key
        });
        let learn = r.table("learn").map(|l| {
            let learn = Learn {
                limit: l.text("limit"),
                remaining: l.text("remaining"),
                reset: l.text("reset"),
                reset_is_delay: l
                    .word("reset_is", &[("epoch", false), ("delay", true)])
                    .unwrap_or(false),
            };
            l.done();
            learn
        });
        LimitSpec {
            window,
            in_flight: r.number("in_flight").unwrap_or(4).max(1),
            per_key,
            learn,
        }
    }

    /// What an answer's headers say about the limit.
    pub fn learn(&self, response: &Response, now: Micros) -> Learned {
        let Some(learn) = &self.learn else {
            return Learned::default();
        };
        let number = |name: &Option<String>| {
            name.as_ref()
                .and_then(|n| response.header(n)?.trim().parse::<i64>().ok())
                .filter(|n| *n >= 0)
        };
        let small = |name: &Option<String>| number(name).and_then(|n| u32::try_from(n).ok());
        let reset_at = number(&learn.reset).map(|n| {
            if learn.reset_is_delay {
                now.plus_ms(n.saturating_mul(1000))
            } else {
                Micros(n.saturating_mul(1_000_000))
            }
        });
        Learned {
            limit: small(&learn.limit).filter(|n| *n > 0),
            remaining: small(&learn.remaining),
            // A reset more than an hour away is a slip, not a window.
            reset_at: reset_at.filter(|at| at.0 <= now.plus_ms(3_600_000).0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Doc, Sink};

    #[test]
    fn headers_teach_and_nonsense_does_not() {
        let sink = Sink::default();
        let doc = Doc::parse(
            "c.toml",
            "window = { calls = 50, per = \"30s\", kind = \"fixed\" }\nlearn = { limit = \"X-L\", remaining = \"X-M\", reset = \"X-R\" }",
            &sink,
        );
        let spec = LimitSpec::read(&Reader::new(&doc.root, &sink));
        assert_eq!(
            spec.window,
            Some(Window {
                calls: 50,
                per_ms: 30_000,
                fixed: true
            })
        );
        let answer = |limit: &str, left: &str, reset: &str| Response {
            status: 200,
            headers: vec![
                ("x-l".into(), limit.into()),
                ("x-m".into(), left.into()),
                ("x-r".into(), reset.into()),
            ],
            body: Vec::new(),
        };
        let now = Micros(1_000_000_000_000);
        assert_eq!(
            spec.learn(&answer("75", "3", "1000010"), now),
            Learned {
                limit: Some(75),
                remaining: Some(3),
                reset_at: Some(Micros(1_000_010_000_000))
            }
        );
        assert_eq!(
            spec.learn(&answer("0", "-1", "99999999999"), now),
            Learned::default()
        );
        assert_eq!(spec.learn(&Response::default(), now), Learned::default());
    }
}
