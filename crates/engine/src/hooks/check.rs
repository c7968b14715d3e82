//! The guided check: our own public address called from outside the process, and the hop that is broken named in plain words. Calls
//! nothing but the configured address, and says no secret.

use super::state::HookStates;
use crate::caller::Purpose;
use crate::connection::Connection;
use crate::hub::Hub;
use sha2::{Digest, Sha256};
use stagewire_connector::{NotSent, Request, SendError};
use stagewire_model::{Micros, canonical};
use stagewire_store::Error;

/// The header of a check; what it asks for comes back hashed in the same header.
pub const CHECK_HEADER: &str = "stagewire-check";
/// How long an answer is worth waiting for.
const TIMEOUT_MS: u64 = 15_000;

/// Where the way from the vendor to us ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// The server does not know its own address.
    Address,
    /// The name.
    Dns,
    /// The address is a private one.
    Private,
    /// Nobody listens.
    Refused,
    /// The certificate.
    Tls,
    /// No answer.
    Timeout,
    /// Somebody else answers.
    OtherServer,
    /// It is us, and no secret is filled in.
    Secret,
}

impl Hop {
    /// The word on the surface.
    pub fn as_str(self) -> &'static str {
        match self {
            Hop::Address => "address",
            Hop::Dns => "dns",
            Hop::Private => "private",
            Hop::Refused => "refused",
            Hop::Tls => "tls",
            Hop::Timeout => "timeout",
            Hop::OtherServer => "other_server",
            Hop::Secret => "secret",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The first hop that is broken.
    pub broken: Option<Hop>,
    /// In one sentence.
    pub say: String,
    /// What to do, in order.
    pub steps: Vec<String>,
}

impl Hub {
    /// The answer to a check of ours that came in through `/in/{connection}`; `None` where it is none of ours.
    pub fn answer_check(&self, nonce: &str) -> Option<String> {
        self.is_checking(nonce).then(|| proof(nonce))
    }

    /// Calls our own public address and says which hop is broken.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn check_hooks(&self, conn: &Connection) -> Result<(Checked, HookStates), Error> {
        let states = self.hook_states(conn).await?;
        let since = self.env.now();
        let checked = match &states.url {
            None => broken(
                Hop::Address,
                "this server does not know its own address".into(),
                &[
                    "Set `[server] public_url` to the address others reach it by, and start it again",
                ],
            ),
            Some(url) => self.reach(conn, url).await,
        };
        let checked = match checked.broken {
            Some(_) => checked,
            None => secrets(conn, &states, since),
        };
        Ok((checked, states))
    }

    async fn reach(&self, conn: &Connection, url: &str) -> Checked {
        let nonce = canonical::hex(&self.env.random());
        let mut request = Request::get(url, "/in/{connection}");
        request.method = "POST".into();
        request.timeout_ms = TIMEOUT_MS;
        request.set_header(CHECK_HEADER, nonce.clone());
        self.checking(&nonce, true);
        let made = self
            .caller
            .send(conn, request, Purpose::OwnAddress, 1, None)
            .await;
        self.checking(&nonce, false);
        self.caller.log(&made).await;
        judge(url, &nonce, made.answer)
    }
}

fn judge(
    url: &str,
    nonce: &str,
    answer: Result<stagewire_connector::Response, SendError>,
) -> Checked {
    match answer {
        Ok(r) if r.header(CHECK_HEADER) == Some(&proof(nonce)) => Checked {
            broken: None,
            say: format!("{url} leads to this server"),
            steps: Vec::new(),
        },
        Ok(r) => broken(
            Hop::OtherServer,
            format!(
                "{url} answers {}, and it is not this server that answers",
                r.status
            ),
            &[
                "Look where `[server] public_url` leads: another machine, another service, a proxy that does not pass `/in/…` on, or a sign-in page before it",
                "Let the proxy pass `/in/…` on byte for byte, with its headers",
            ],
        ),
        Err(SendError::NotSent { kind: NotSent::Dns }) => broken(
            Hop::Dns,
            format!("the name in {url} does not resolve"),
            &["Make the DNS entry for it, or correct `[server] public_url`"],
        ),
        Err(SendError::NotSent {
            kind: NotSent::Blocked,
        }) => broken(
            Hop::Private,
            format!("{url} leads to a private address: nobody on the internet reaches it"),
            &[
                "Give this server a public name with a public address, and set `[server] public_url`",
                "If only this network sees the private one (split DNS), list its range in `[network] allow_private` and check again",
            ],
        ),
        Err(SendError::NotSent {
            kind: NotSent::Refused,
        }) => broken(
            Hop::Refused,
            format!("nobody listens at {url}"),
            &["Start the proxy in front of this server, or open its port in the firewall"],
        ),
        Err(SendError::NotSent { kind: NotSent::Tls }) => broken(
            Hop::Tls,
            format!(
                "the certificate at {url} is not trusted: it is for another name, over, self-made, or its chain is not complete"
            ),
            &[
                "Serve the whole chain (certificate and intermediates) of a public authority for this very name",
            ],
        ),
        Err(SendError::NotSent {
            kind: NotSent::Other,
        }) => broken(
            Hop::Refused,
            format!("no connection to {url} can be made"),
            &[
                "Open its port in the firewall; some networks do not let a machine reach itself by its public name: then let somebody outside try",
            ],
        ),
        Err(SendError::MaybeSent { .. }) => broken(
            Hop::Timeout,
            format!("{url} takes the connection and gives no answer"),
            &[
                "Look at the proxy in front of this server: does it reach it, and does it pass `/in/…` on",
            ],
        ),
    }
}

/// It is us. What is left is whether the vendor knows the address, and we its secret.
fn secrets(conn: &Connection, states: &HookStates, now: Micros) -> Checked {
    let name = &conn.connector.name;
    let url = states.url.as_deref().unwrap_or_default();
    let came = states.events.iter().filter_map(|e| e.last_delivery).max();
    let last = came.max(states.last_ping);
    let heard = match last {
        Some(at) => format!("{name} last sent something {}", ago(now, at)),
        None => format!("{name} has sent nothing yet"),
    };
    let mut steps = Vec::new();
    if let Some(secret) = states
        .secret
        .as_ref()
        .filter(|s| s.known == 0 && !s.optional)
    {
        steps.push(format!("Make a secret of at least 32 random characters, and type it into `{}` ({}) here and into {name}'s settings", secret.field, secret.label));
        steps.push(format!("Paste {url} into {name}'s settings as the address"));
        return Checked {
            broken: Some(Hop::Secret),
            say: format!(
                "the address leads here, and no secret is filled in: until then only {name}'s test is answered, all else gets 503 and is sent again. {heard}"
            ),
            steps,
        };
    }
    if states.can_make && states.mode == crate::connection::Webhooks::Managed {
        let lacks = states
            .events
            .iter()
            .filter(|e| e.there == Some(false))
            .count();
        if lacks > 0 {
            steps.push(format!("{lacks} webhooks are not made yet: register them"));
        }
    } else {
        steps.push(format!("Paste {url} into {name}'s settings as the address"));
        if let Some(secret) = &states.secret {
            steps.push(format!("Type the same secret there that `{}` ({}) holds here; several webhooks may have one each", secret.field, secret.label));
        }
    }
    if conn.connector.subscription().is_none() && last.is_none() {
        steps.push(format!(
            "Save it there: {name} then tries the address, and this check says that something came"
        ));
    }
    let by_hand: Vec<&str> = states
        .events
        .iter()
        .filter(|e| e.by_hand && states.can_make)
        .map(|e| e.event.as_str())
        .collect();
    if !by_hand.is_empty() {
        steps.push(format!(
            "Only {name}'s settings can make these: {}",
            by_hand.join(", ")
        ));
    }
    steps.extend(states.say.clone());
    Checked {
        broken: None,
        say: format!("the address leads here. {heard}"),
        steps,
    }
}

fn broken(hop: Hop, say: String, steps: &[&str]) -> Checked {
    Checked {
        broken: Some(hop),
        say,
        steps: steps.iter().map(|s| (*s).to_owned()).collect(),
    }
}

fn proof(nonce: &str) -> String {
    canonical::hex(&Sha256::digest(format!("stagewire-check {nonce}")))
}

fn ago(now: Micros, at: Micros) -> String {
    match (now.0 - at.0).max(0) / 60_000_000 {
        0 => "less than a minute ago".to_owned(),
        m if m < 120 => format!("{m} minutes ago"),
        m if m < 2_880 => format!("{} hours ago", m / 60),
        m => format!("{} days ago", m / 1_440),
    }
}
