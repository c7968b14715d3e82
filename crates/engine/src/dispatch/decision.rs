//! Short ways to write a decision down. Decides nothing.

use super::decide::{Beyond, Decision};
use super::line::{Entry, Result as Landed};
use stagewire_connector::SendError;
use stagewire_model::{ActionState, Micros};

pub(super) fn plain(to: ActionState) -> Decision {
    Decision {
        to,
        due: None,
        tries: 0,
        maybe: false,
        quiet_until: None,
        failure: None,
        reason: None,
        well: None,
        blocked: None,
        done: None,
        beyond: Beyond::Nothing,
    }
}

pub(super) fn parked(code: &str, say: &str) -> Decision {
    Decision {
        failure: Some((code.into(), say.into())),
        reason: Some(say.into()),
        ..plain(ActionState::Parked)
    }
}

pub(super) fn waiting(due: Micros, say: &str) -> Decision {
    Decision {
        due: Some(due),
        reason: Some(say.into()),
        ..plain(ActionState::Later)
    }
}

/// The credentials are not taken: the connection waits for a person, and nothing counts as failed.
pub(super) fn refused(now: Micros) -> Decision {
    Decision {
        beyond: Beyond::Auth(String::new()),
        ..waiting(now.plus_ms(60_000), "the credentials were refused")
    }
}

pub(super) fn ended(to: ActionState, say: &str, entry: &Entry) -> Decision {
    Decision {
        reason: Some(say.into()),
        tries: entry.tries,
        ..plain(to)
    }
}

pub(super) fn network(e: &SendError, now: Micros) -> Decision {
    let say = match e {
        SendError::NotSent { .. } => "the destination cannot be reached",
        SendError::MaybeSent { .. } => "the destination did not answer in time",
    };
    Decision {
        well: Some(false),
        ..waiting(now.plus_ms(5_000), say)
    }
}

pub(super) fn waits(entry: &Entry, now: Micros) -> Landed {
    Landed::Waits {
        due: now,
        state: entry.state,
        attempt: entry.attempt,
        tries: entry.tries,
        first_fail: entry.first_fail,
        limited: false,
    }
}
