//! How the fake is set up, with defaults fit for the demo and a variant fit for tests.

use std::time::Duration;

use super::keys::Key;
use crate::clock::Clock;

/// How the fake is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it reads the time.
    pub clock: Clock,
    /// For request ids, webhook ids and faults.
    pub seed: u64,
    /// The organization's name.
    pub organization: String,
    /// Who may call.
    pub keys: Vec<Key>,
    /// Requests per minute and key; zero is no limit.
    pub rate_limit: u32,
    /// How many people the made-up company has, at most 28.
    pub people: usize,
    /// How long a syncToken lives; none is for ever.
    pub sync_token_ttl: Option<Duration>,
    /// Most pages of one incremental run; none is no cap.
    pub incremental_pages: Option<u32>,
    /// How many rows one page looks at; a page may come out short or empty because of it.
    pub rows_looked_at: usize,
    /// Refuse fields that a method does not know. Whether the vendor does is not known.
    pub strict: bool,
    /// Which webhooks share a `webhookActionId`.
    pub action_ids: ActionIds,
    /// Shapes that samples disagree about.
    pub oddities: Oddities,
    /// Keep webhooks for `take_webhooks` instead of sending them.
    pub capture: bool,
    /// Signs captured webhooks while there is no setting.
    pub webhook_secret: String,
    /// Waits before a webhook is sent again: nine, so ten attempts.
    pub retry_waits: Vec<Duration>,
    /// How long a receiver may take.
    pub webhook_timeout: Duration,
    /// Webhooks under way at once; one keeps their order.
    pub webhook_lanes: usize,
}

/// What the envelope's `webhookActionId` stands for. The vendor's page says "a unique identifier for
/// this event, the same across retries and across webhooks for the same event"; its examples carry
/// none, and whether the three events of a hire share one is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionIds {
    /// There is no such field.
    Missing,
    /// One per event, the same for all settings of its type.
    PerEvent,
    /// One per act: the three events of a hire share it.
    PerAct,
}

/// Shapes on which recorded and documented samples differ from one another.
#[derive(Clone, Debug, Default)]
pub struct Oddities {
    /// `errors` holds objects instead of texts.
    pub error_objects: bool,
    /// `application.create` answers in full instead of the recorded stubs.
    pub whole_create: bool,
    /// `opening.list` gives neither paging flags nor a syncToken, as its schema says.
    pub bare_openings: bool,
    /// `pushToHRIS` carries the application alone, as the schema says.
    pub bare_push: bool,
    /// An application's `source`, `archiveReason` and `creditedToUser` are left out when null.
    pub no_nulls: bool,
    /// Archive reasons say `RejectedByOrganization` instead of the recorded `RejectedByOrg`.
    pub long_reasons: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Clock::real(),
            seed: 1,
            organization: "Lindenhof Works".into(),
            keys: vec![Key::new("demo-key")],
            rate_limit: 1000,
            people: 28,
            sync_token_ttl: None,
            incremental_pages: None,
            rows_looked_at: 20_000,
            strict: true,
            action_ids: ActionIds::PerEvent,
            oddities: Oddities::default(),
            capture: false,
            webhook_secret: "demo-webhook-secret".into(),
            retry_waits: (1..10).map(retry_wait).collect(),
            webhook_timeout: Duration::from_secs(10),
            webhook_lanes: 1,
        }
    }
}

/// 10, 30, 70, 150 seconds and so on.
fn retry_wait(attempt: u32) -> Duration {
    Duration::from_secs(((1 << attempt) - 1) * 10)
}

impl Options {
    /// For tests: this clock, webhooks kept, no limit.
    pub fn for_tests(clock: Clock) -> Self {
        Options {
            clock,
            rate_limit: 0,
            capture: true,
            retry_waits: vec![Duration::from_millis(1); 9],
            ..Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_ten_attempts_with_growing_waits() {
        let waits = Options::default().retry_waits;
        let secs: Vec<u64> = waits.iter().map(Duration::as_secs).collect();
        assert_eq!(secs, [10, 30, 70, 150, 310, 630, 1270, 2550, 5110]);
    }
}
