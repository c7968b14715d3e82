//! How the fake tenant is set up, with defaults fit for the demo and a variant fit for tests.

use std::time::Duration;

use super::hints::HintTo;
use super::tokens::{Client, Isu};
use crate::clock::Clock;

/// How the fake is set up. A limit of zero is none.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it reads the time.
    pub clock: Clock,
    /// For tokens and faults.
    pub seed: u64,
    /// The tenant's name, as it stands in every path.
    pub tenant: String,
    /// The company's name.
    pub organization: String,
    /// The zone of the dateTimes it writes.
    pub time_zone: String,
    /// The integration system users.
    pub isus: Vec<Isu>,
    /// The registered API clients.
    pub clients: Vec<Client>,
    /// Who owns the custom reports.
    pub report_owner: String,
    /// How long an access token lives.
    pub token_life_secs: i64,
    /// Where clients put their secret when they refresh.
    pub client_as: ClientAs,
    /// Repeat the refresh token in the answer, as in the vendor's sample.
    pub echo_refresh_token: bool,
    /// The authorize page redirects without asking anybody.
    pub authorize_at_once: bool,
    /// Basic takes `user@tenant` only.
    pub basic_wants_tenant: bool,
    /// Empty report cells are empty texts instead of absent, as in the vendor's sample.
    pub empty_as_blank: bool,
    /// Report calls under way at once.
    pub raas_at_once: usize,
    /// Calls per minute on all three surfaces together.
    pub rate_limit: u32,
    /// Report calls per hour.
    pub extract_quota: u32,
    /// Bad requests per minute after which every request is refused.
    pub flood: u32,
    /// Keep hints for `take_webhooks` instead of sending them.
    pub capture: bool,
    /// The notification that the tenant's admin has built, if any.
    pub hint: Option<HintTo>,
    /// How long the receiver of a hint may take.
    pub hint_timeout: Duration,
}

/// Where the token service looks for the client's secret when a token is refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAs {
    /// Both are taken.
    Either,
    /// The Basic header only.
    Basic,
    /// The form fields only.
    Form,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Clock::real(),
            seed: 1,
            tenant: "lindenhof".into(),
            organization: "Lindenhof Works".into(),
            time_zone: "America/Los_Angeles".into(),
            isus: vec![Isu::new("ISU_Stagewire", "demo-isu-password")],
            clients: vec![Client::new("demo-client", "demo-secret", "ISU_Stagewire")],
            report_owner: "abrandt".into(),
            token_life_secs: 3600,
            client_as: ClientAs::Either,
            echo_refresh_token: true,
            authorize_at_once: false,
            basic_wants_tenant: false,
            empty_as_blank: false,
            raas_at_once: 5,
            rate_limit: 600,
            extract_quota: 15_000,
            flood: 60,
            capture: false,
            hint: None,
            hint_timeout: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// For tests: this clock, hints kept, no limits, nobody asked at the authorize page.
    pub fn for_tests(clock: Clock) -> Self {
        Options {
            clock,
            authorize_at_once: true,
            raas_at_once: 0,
            rate_limit: 0,
            extract_quota: 0,
            flood: 0,
            capture: true,
            ..Options::default()
        }
    }
}
