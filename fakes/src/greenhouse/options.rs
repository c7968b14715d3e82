//! How the fake ATS is set up, with defaults fit for the demo and a variant fit for tests.

use std::time::Duration;

use super::tokens::Client;
use crate::clock::Clock;

/// How the fake is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it reads the time.
    pub clock: Clock,
    /// For tokens, event ids and faults.
    pub seed: u64,
    /// The account's name.
    pub organization: String,
    /// Who may mint tokens.
    pub clients: Vec<Client>,
    /// How long a token lives.
    pub token_life_secs: i64,
    /// Requests per thirty seconds and client; zero is no limit.
    pub rate_limit: u32,
    /// How long a cursor lives; none is for ever.
    pub cursor_ttl_ms: Option<i64>,
    /// Which id `from_stage_id` of a move must be.
    pub move_from: MoveFrom,
    /// Keep webhooks for `take_webhooks` instead of sending them.
    pub capture: bool,
    /// Signs captured webhooks while nobody has subscribed.
    pub webhook_secret: String,
    /// Waits before a webhook is sent again.
    pub retry_waits: Vec<Duration>,
    /// How long a receiver may take.
    pub webhook_timeout: Duration,
    /// Webhooks under way at once; one keeps their order.
    pub webhook_lanes: usize,
}

/// The vendor's texts disagree about `from_stage_id`; the fake can be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveFrom {
    /// The application's own stage row.
    Instance,
    /// The job's stage.
    Definition,
    /// Both are taken.
    Either,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Clock::real(),
            seed: 1,
            organization: "Lindenhof Works".into(),
            clients: vec![Client::new("demo-client", "demo-secret")],
            token_life_secs: 3600,
            rate_limit: 75,
            cursor_ttl_ms: None,
            move_from: MoveFrom::Either,
            capture: false,
            webhook_secret: "demo-webhook-secret".into(),
            retry_waits: [1, 15, 60, 120, 240, 480].map(minutes).to_vec(),
            webhook_timeout: Duration::from_secs(10),
            webhook_lanes: 1,
        }
    }
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

impl Options {
    /// For tests: this clock, webhooks kept, no limit.
    pub fn for_tests(clock: Clock) -> Self {
        Options {
            clock,
            rate_limit: 0,
            capture: true,
            retry_waits: vec![Duration::from_millis(1); 6],
            ..Options::default()
        }
    }
}
