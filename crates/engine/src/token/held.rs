//! What a connection holds of its way in, as it is stored sealed: a token, what brings the next one, and a consent that is under
//! way. Plain data.

use serde::{Deserialize, Serialize};
use stagewire_connector::Token;
use stagewire_model::{Micros, Secret};

/// What a connection holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Held {
    /// What it was given to; for others it counts as nothing.
    pub(crate) basis: String,
    /// The token; empty where there is none.
    pub(crate) access: Secret<String>,
    pub(crate) expires_at: Micros,
    pub(crate) renew_at: Micros,
    /// What brings the next one.
    pub(crate) refresh: Option<Secret<String>>,
    pub(crate) refresh_expires_at: Option<Micros>,
    /// When it was given, or last brought a token.
    pub(crate) used_at: Micros,
    /// Renewals with it that were sent and whose answer was never heard.
    pub(crate) unheard: u32,
    /// Why it brings nothing any more.
    pub(crate) over: Option<Over>,
    /// What was granted, where the vendor says so.
    pub(crate) scopes: Option<Vec<String>>,
    /// A consent that somebody has begun.
    pub(crate) pending: Option<Pending>,
}

/// A refusal for good: until a person agrees again, or something else is filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Over {
    pub(crate) whole: String,
    pub(crate) say: String,
}

/// A consent under way. Of the link and of the state only hashes are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Of the link's ticket, then of the state.
    pub(crate) hash: String,
    /// Who began it.
    pub(crate) by: String,
    pub(crate) expires_at: Micros,
    /// Actions to ask for beside those that flows use.
    pub(crate) actions: Vec<String>,
    /// Set once the person was sent to the vendor.
    pub(crate) began: Option<Began>,
}

/// What belongs to a person who was sent to the vendor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Began {
    /// Of what their browser keeps.
    pub(crate) browser: String,
    pub(crate) verifier: Secret<String>,
    pub(crate) redirect_uri: String,
}

impl Held {
    /// The same, if it was given to this.
    pub(crate) fn of(&self, basis: &str) -> Option<&Held> {
        (self.basis == basis).then_some(self)
    }

    /// The token, if it still lives.
    pub(crate) fn living(&self, basis: &str, now: Micros) -> Option<&Secret<String>> {
        let held = self.of(basis)?;
        (!held.access.reveal().is_empty() && held.expires_at > now).then_some(&held.access)
    }

    /// From now on it is about this; what was given to something else is gone.
    pub(crate) fn turn_to(&mut self, basis: &str) {
        if self.basis != basis {
            *self = Held {
                basis: basis.to_owned(),
                pending: self.pending.take(),
                ..Held::default()
            };
        }
    }

    /// Takes what an answer brought.
    pub(crate) fn take(&mut self, basis: &str, token: &Token, now: Micros) {
        self.turn_to(basis);
        let (old, old_ends) = (self.refresh.take(), self.refresh_expires_at);
        let (refresh, ends) = match &token.refresh {
            // the same again lives no longer than before
            Some(same) if old.as_ref() == Some(same) && old_ends.is_some() => {
                (old, token.refresh_expires_at.or(old_ends).min(old_ends))
            }
            Some(new) => (Some(new.clone()), token.refresh_expires_at),
            None => (old, old_ends),
        };
        *self = Held {
            basis: basis.to_owned(),
            access: token.access.clone(),
            expires_at: token.expires_at,
            renew_at: token.renew_at,
            refresh,
            refresh_expires_at: ends,
            used_at: now,
            unheard: 0,
            over: None,
            scopes: token.scopes.clone(),
            pending: self.pending.take(),
        };
    }
}
