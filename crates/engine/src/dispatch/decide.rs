//! What an answer means for an action: the outcome table (which failure is repeated, looked at, refused, parked or left to a
//! person). Pure.

use crate::env::{Env, dice};
use stagewire_connector::{MaybeSent, NotSent, Outcome, SendError};
use stagewire_model::{ActionState, Micros, OnceKind};

/// Waits between attempts, in milliseconds, each with full jitter; published in the documentation.
pub const RETRY_MS: [i64; 8] = [
    1_000, 5_000, 30_000, 120_000, 900_000, 3_600_000, 21_600_000, 57_600_000,
];

/// How long failing goes on before it is an entry in the inbox.
pub const TELL_AFTER_MS: i64 = 120_000;

/// What is to be done with an action after a try.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Its new state.
    pub to: ActionState,
    /// When it is due again.
    pub due: Option<Micros>,
    /// Attempts used up now.
    pub tries: i64,
    /// It may have happened.
    pub maybe: bool,
    /// Until then "not there" does not count.
    pub quiet_until: Option<Micros>,
    /// A failure for the inbox: code and cause.
    pub failure: Option<(String, String)>,
    /// A short reason on the action itself.
    pub reason: Option<String>,
    /// How the circuit sees it: `Some(true)` the destination answered.
    pub well: Option<bool>,
    /// The vendor said "not now" until then.
    pub blocked: Option<Micros>,
    /// The remote id and output of what was done.
    pub done: Option<(Option<String>, serde_json::Value)>,
    /// Something beyond this action.
    pub beyond: Beyond,
}

/// What an answer means for more than its own action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing.
    Nothing,
    /// The credentials are refused: mint once and try again, else the connection needs a person.
    Auth(String),
    /// The destination is gone for good: the connection pauses.
    Gone(String),
}

/// What the decision is about.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// How a repeat is made harmless.
    pub once: OnceKind,
    /// Attempts used up before this one.
    pub tries: i64,
    /// It may have happened before this attempt.
    pub maybe: bool,
    /// When its failing began.
    pub first_fail: Option<Micros>,
    /// How long a look may lag, in milliseconds.
    pub quiet_ms: i64,
    /// Tried before its own time: costs no attempt.
    pub free: bool,
}

impl Decision {
    fn new(to: ActionState, about: &About) -> Decision {
        Decision {
            to,
            due: None,
            tries: about.tries,
            maybe: about.maybe,
            quiet_until: None,
            failure: None,
            reason: None,
            well: Some(true),
            blocked: None,
            done: None,
            beyond: Beyond::Nothing,
        }
    }
}

/// The answer of a write.
pub fn after_write(about: &About, answer: Result<Outcome, &SendError>, env: &dyn Env) -> Decision {
    let now = env.now();
    match answer {
        Ok(Outcome::Done { remote_id, output }) => Decision {
            done: Some((remote_id, output)),
            ..Decision::new(ActionState::Done, about)
        },
        Ok(Outcome::AlreadyThere) => Decision::new(ActionState::AlreadyThere, about),
        Ok(Outcome::Refused { code, say, .. }) => {
            // one attempt that may have happened outweighs a later refusal
            let to = if about.maybe {
                ActionState::Parked
            } else {
                ActionState::Refused
            };
            Decision {
                failure: Some((code, say)),
                ..Decision::new(to, about)
            }
        }
        Ok(Outcome::RateLimited { wait_ms }) => {
            let until = now.plus_ms(wait_ms.max(1));
            let reason = Some("the vendor said: not so fast".to_owned());
            Decision {
                due: Some(until),
                blocked: Some(until),
                reason,
                ..Decision::new(ActionState::Later, about)
            }
        }
        Ok(Outcome::TryLater { wait_ms }) => again(
            about,
            env,
            wait_ms,
            (
                "CALL-5xx".into(),
                "the destination said it is not ready".into(),
            ),
        ),
        Ok(Outcome::AuthLost { say }) => {
            let reason = Some("the credentials were refused".to_owned());
            Decision {
                due: Some(now.plus_ms(1_000)),
                reason,
                beyond: Beyond::Auth(say),
                ..Decision::new(ActionState::Later, about)
            }
        }
        Ok(Outcome::MissingScope { say }) => Decision {
            failure: Some(("AUTH-003".into(), say)),
            ..Decision::new(ActionState::Parked, about)
        },
        Ok(Outcome::Gone { say }) => Decision {
            due: Some(now.plus_ms(60_000)),
            failure: Some(("CALL-410".into(), say.clone())),
            beyond: Beyond::Gone(say),
            ..Decision::new(
                if about.maybe {
                    ActionState::Parked
                } else {
                    ActionState::Refused
                },
                about,
            )
        },
        Ok(Outcome::Unclear { code, say }) => unclear(about, env, (code, say)),
        Err(SendError::NotSent { kind }) => again(about, env, None, not_sent(*kind)),
        Err(SendError::MaybeSent { kind }) => unclear(about, env, maybe_sent(*kind)),
    }
}

fn not_sent(kind: NotSent) -> (String, String) {
    let say = match kind {
        NotSent::Refused => "the destination refuses the connection",
        NotSent::Dns => "the destination's name is not found",
        NotSent::Tls => "the destination's certificate is not accepted",
        NotSent::Blocked => "this address is private and not allowed in [network] allow_private",
        NotSent::Other => "the destination cannot be reached",
    };
    ("NET-001".into(), say.into())
}

fn maybe_sent(kind: MaybeSent) -> (String, String) {
    let say = match kind {
        MaybeSent::Timeout => "the destination did not answer in time",
        MaybeSent::Reset => "the connection broke before the answer came",
    };
    ("NET-002".into(), say.into())
}

/// Nothing happened: again later, while there are attempts.
pub(super) fn again(
    about: &About,
    env: &dyn Env,
    wait_ms: Option<i64>,
    cause: (String, String),
) -> Decision {
    let now = env.now();
    let tries = about.tries + i64::from(!about.free);
    let Some(wait) = usize::try_from(tries - 1)
        .ok()
        .map_or(Some(&RETRY_MS[0]), |n| RETRY_MS.get(n))
    else {
        return Decision {
            tries,
            failure: Some(cause),
            well: Some(false),
            ..Decision::new(ActionState::Parked, about)
        };
    };
    let jitter = 1 + i64::try_from(dice(env, u64::try_from(*wait).unwrap_or(1))).unwrap_or(0);
    let due = now.plus_ms(wait_ms.unwrap_or(jitter));
    let long = about
        .first_fail
        .is_some_and(|t| now.0 - t.0 > TELL_AFTER_MS * 1000);
    Decision {
        due: Some(due),
        tries,
        reason: Some(cause.1.clone()),
        failure: long.then_some(cause),
        well: Some(false),
        ..Decision::new(ActionState::Later, about)
    }
}

/// Sent, and no clear answer: by its `once`.
fn unclear(about: &About, env: &dyn Env, cause: (String, String)) -> Decision {
    let now = env.now();
    let sent = About {
        maybe: true,
        ..*about
    };
    match about.once {
        OnceKind::NativeKey | OnceKind::Set => {
            let d = again(&sent, env, None, cause);
            let until = now.plus_ms(about.quiet_ms);
            let quiet = Some(until);
            // a late first request must not undo what came after: only a key ends the quiet time early
            let d = match about.once {
                OnceKind::Set => Decision {
                    due: d.due.map(|due| due.max(until)),
                    ..d
                },
                _ => d,
            };
            Decision {
                quiet_until: quiet,
                ..d
            }
        }
        OnceKind::Marker | OnceKind::Compare => Decision {
            due: Some(now.plus_ms(1_000)),
            tries: about.tries + i64::from(!about.free),
            quiet_until: Some(now.plus_ms(about.quiet_ms)),
            reason: Some(format!("{}; looking whether it happened", cause.1)),
            well: Some(false),
            ..Decision::new(ActionState::Unsure, &sent)
        },
        OnceKind::Ledger => {
            let until = now.plus_ms(about.quiet_ms);
            Decision {
                due: Some(until),
                tries: about.tries + 1,
                quiet_until: Some(until),
                reason: Some(format!("{}; nobody can tell whether it happened", cause.1)),
                well: Some(false),
                ..Decision::new(ActionState::Unsure, &sent)
            }
        }
    }
}

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is there.
    Found(Option<String>),
    /// It is not there.
    NotThere,
    /// It is not there, and the record moved since it was read before the first send.
    Moved,
    /// The look itself failed; worth another try.
    Failed(String),
    /// Nothing can look.
    Cannot,
}

/// After a look at an unsure action.
pub fn after_look(
    about: &About,
    look: Look,
    quiet_until: Option<Micros>,
    looks: i64,
    env: &dyn Env,
) -> Decision {
    let now = env.now();
    let sent = About {
        maybe: true,
        ..*about
    };
    let quiet = quiet_until.is_none_or(|q| now >= q);
    match look {
        Look::Found(remote) => Decision {
            done: Some((remote, serde_json::Value::Null)),
            reason: Some("found".into()),
            ..Decision::new(ActionState::Done, &sent)
        },
        Look::NotThere if !quiet => Decision {
            due: quiet_until,
            quiet_until,
            ..Decision::new(ActionState::Unsure, &sent)
        },
        Look::NotThere => {
            let cause = (
                "UNSURE-001".to_owned(),
                "it was looked for and is not there".to_owned(),
            );
            let none = About {
                maybe: false,
                free: true,
                ..*about
            };
            if about.tries >= RETRY_MS.len() as i64 {
                return Decision {
                    failure: Some(cause),
                    ..Decision::new(ActionState::Parked, &sent)
                };
            }
            let d = again(&none, env, Some(1), cause);
            Decision {
                failure: None,
                well: Some(true),
                ..d
            }
        }
        // a request may still land, a look may lag
        Look::Moved | Look::Cannot if !quiet => Decision {
            due: quiet_until,
            quiet_until,
            well: None,
            ..Decision::new(ActionState::Unsure, &sent)
        },
        Look::Moved => parked(
            &sent,
            "the record was changed by somebody else meanwhile; nobody can tell whether this happened",
        ),
        Look::Failed(say) if looks < 5 => {
            let wait = RETRY_MS[usize::try_from(looks).unwrap_or(0).min(3)];
            Decision {
                due: Some(now.plus_ms(wait)),
                quiet_until,
                reason: Some(say),
                well: Some(false),
                tries: about.tries,
                ..Decision::new(ActionState::Unsure, &sent)
            }
        }
        Look::Failed(say) => parked(
            &sent,
            &format!("it was sent, no clear answer came, and looking for it failed: {say}"),
        ),
        Look::Cannot => parked(
            &sent,
            "it was sent and no clear answer came; look there, then say whether it arrived",
        ),
    }
}

fn parked(about: &About, say: &str) -> Decision {
    Decision {
        failure: Some(("UNSURE-001".into(), say.into())),
        well: None,
        ..Decision::new(ActionState::Parked, about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::Pin;

    struct At(Micros, u8);
    impl Env for At {
        fn now(&self) -> Micros {
            self.0
        }
        fn random(&self) -> [u8; 16] {
            [self.1; 16]
        }
        fn sleep(&self, _: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(std::future::ready(()))
        }
    }

    fn about(once: OnceKind) -> About {
        About {
            once,
            tries: 0,
            maybe: false,
            first_fail: None,
            quiet_ms: 10_000,
            free: false,
        }
    }

    const NOW: Micros = Micros(1_000_000_000_000_000);
    const RESET: SendError = SendError::MaybeSent {
        kind: MaybeSent::Reset,
    };
    const REFUSED: SendError = SendError::NotSent {
        kind: NotSent::Refused,
    };

    fn states(answer: impl Fn() -> Result<Outcome, &'static SendError>) -> Vec<ActionState> {
        OnceKind::ALL
            .iter()
            .map(|k| after_write(&about(*k), answer(), &At(NOW, 3)).to)
            .collect()
    }

    #[test]
    fn a_lost_answer_goes_by_once_and_an_unsent_request_is_repeated_for_all() {
        use ActionState::{Later, Unsure};
        assert_eq!(
            states(|| Err(&RESET)),
            [Later, Later, Unsure, Unsure, Unsure]
        );
        let unclear = || {
            Ok(Outcome::Unclear {
                code: "CALL-5xx".into(),
                say: "500".into(),
            })
        };
        assert_eq!(states(unclear), [Later, Later, Unsure, Unsure, Unsure]);
        assert_eq!(states(|| Err(&REFUSED)), [Later; 5]);
    }

    #[test]
    fn not_so_fast_costs_no_attempt_and_is_kept_to_the_moment() {
        let d = after_write(
            &about(OnceKind::Ledger),
            Ok(Outcome::RateLimited { wait_ms: 7_000 }),
            &At(NOW, 0),
        );
        assert_eq!(
            (d.to, d.tries, d.due, d.blocked),
            (
                ActionState::Later,
                0,
                Some(NOW.plus_ms(7_000)),
                Some(NOW.plus_ms(7_000))
            )
        );
    }

    #[test]
    fn waits_stay_within_the_published_schedule_and_then_a_person_decides() {
        for (n, wait) in RETRY_MS.iter().enumerate() {
            for byte in [0, 77, 255] {
                let a = About {
                    tries: n as i64,
                    ..about(OnceKind::NativeKey)
                };
                let due = after_write(&a, Err(&REFUSED), &At(NOW, byte))
                    .due
                    .expect("there are attempts left");
                assert!(
                    due > NOW && due <= NOW.plus_ms(*wait),
                    "attempt {n}: {}",
                    due.0 - NOW.0
                );
            }
        }
        let a = About {
            tries: RETRY_MS.len() as i64,
            ..about(OnceKind::NativeKey)
        };
        let d = after_write(&a, Err(&REFUSED), &At(NOW, 9));
        assert_eq!(
            (d.to, d.failure.map(|f| f.0)),
            (ActionState::Parked, Some("NET-001".into()))
        );
    }

    #[test]
    fn a_refusal_after_an_attempt_that_may_have_happened_is_for_a_person() {
        let refused = || {
            Ok(Outcome::Refused {
                code: "CALL-422".into(),
                turn: stagewire_connector::Turn::Operator,
                say: "no".into(),
            })
        };
        assert_eq!(
            after_write(&about(OnceKind::NativeKey), refused(), &At(NOW, 0)).to,
            ActionState::Refused
        );
        let a = About {
            maybe: true,
            ..about(OnceKind::NativeKey)
        };
        assert_eq!(
            after_write(&a, refused(), &At(NOW, 0)).to,
            ActionState::Parked
        );
    }

    #[test]
    fn not_there_counts_only_after_the_quiet_time_and_a_find_at_once() {
        let a = About {
            maybe: true,
            tries: 1,
            ..about(OnceKind::Marker)
        };
        let quiet = Some(NOW.plus_ms(4_000));
        let early = after_look(&a, Look::NotThere, quiet, 0, &At(NOW, 0));
        assert_eq!((early.to, early.due), (ActionState::Unsure, quiet));
        assert_eq!(
            after_look(&a, Look::Found(Some("9".into())), quiet, 0, &At(NOW, 0)).to,
            ActionState::Done
        );
        let after = after_look(&a, Look::NotThere, quiet, 0, &At(NOW.plus_ms(4_000), 0));
        assert_eq!(
            (after.to, after.maybe, after.tries),
            (ActionState::Later, false, 1)
        );
        assert_eq!(
            after_look(&a, Look::Cannot, quiet, 0, &At(NOW, 0)).to,
            ActionState::Unsure,
            "a request may still land"
        );
        assert_eq!(
            after_look(&a, Look::Cannot, quiet, 0, &At(NOW.plus_ms(4_000), 0)).to,
            ActionState::Parked
        );
        assert_eq!(
            after_look(&a, Look::Moved, None, 0, &At(NOW, 0)).to,
            ActionState::Parked
        );
    }
}
