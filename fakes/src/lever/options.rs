//! How the fake is set up, with defaults fit for the demo and a variant fit for tests.

use std::time::Duration;

use super::keys::Key;
use super::oauth::Partner;
use crate::clock::Clock;

/// How the fake is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it reads the time.
    pub clock: Clock,
    /// For tokens and faults.
    pub seed: u64,
    /// The account's name.
    pub organization: String,
    /// The API keys there are.
    pub keys: Vec<Key>,
    /// The partner apps there are.
    pub partners: Vec<Partner>,
    /// What an access token must have been asked for.
    pub audience: String,
    /// What the consent page does.
    pub consent: Consent,
    /// How long an access token lives.
    pub access_life_secs: i64,
    /// Requests per second and key, with bursts of twice as many; zero is no limit.
    pub rate_limit: u32,
    /// How many people the made-up company has.
    pub people: usize,
    /// How long an offset token lives; none is for ever.
    pub offset_life_ms: Option<i64>,
    /// Whether answers look as recorded or as published.
    pub shapes: Shapes,
    /// Whether an administrator has switched the events on in the settings.
    pub events_on: bool,
    /// Whether deliveries carry the `id` that the published samples lack.
    pub hook_ids: bool,
    /// Keep webhooks for `take_webhooks` instead of sending them.
    pub capture: bool,
    /// Signs captured webhooks while nobody has subscribed.
    pub signature_token: String,
    /// Waits before a webhook is sent again.
    pub retry_waits: Vec<Duration>,
    /// How long a receiver may take.
    pub webhook_timeout: Duration,
    /// Webhooks under way at once; one keeps their order.
    pub webhook_lanes: usize,
}

/// What somebody who is asked for consent sees or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// A page with two buttons.
    Ask,
    /// Yes, at once.
    Grant,
    /// No, at once.
    Deny,
}

/// The vendor's texts and its recorded answers disagree about some shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// As answers were recorded.
    Recorded,
    /// As the reference shows them: bare arrays, numbers as text, double wrapping, fewer fields.
    Published,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Clock::real(),
            seed: 1,
            organization: "Lindenhof Works".into(),
            keys: vec![Key::full("demo-key")],
            partners: vec![Partner::new("demo-client", "demo-secret")],
            audience: "https://api.lever.co/v1/".into(),
            consent: Consent::Ask,
            access_life_secs: 3600,
            rate_limit: 10,
            people: 36,
            offset_life_ms: None,
            shapes: Shapes::Recorded,
            events_on: true,
            hook_ids: false,
            capture: false,
            signature_token: "demo-signature-token".into(),
            retry_waits: [10, 60, 300, 900, 3600].map(Duration::from_secs).to_vec(),
            webhook_timeout: Duration::from_secs(10),
            webhook_lanes: 1,
        }
    }
}

impl Options {
    /// For tests: this clock, webhooks kept, no limit, consent given at once.
    pub fn for_tests(clock: Clock) -> Self {
        Options {
            clock,
            rate_limit: 0,
            consent: Consent::Grant,
            capture: true,
            retry_waits: vec![Duration::from_millis(1); 5],
            ..Options::default()
        }
    }
}
