//! Who gets which token: what is held, the one mint in flight, and what keeps from minting. Memory follows the store, never the
//! other way round; does no I/O but that one write.

use super::NoToken;
use super::held::Held;
use stagewire_model::{MAIN, Micros, Secret};
use stagewire_store::{ConnectionChange, Error, Store};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::watch;

/// So many of our tokens ended early by somebody else …
const MANY: usize = 5;
/// … within this time, in milliseconds, are no accident; and for as long we hold back then.
const CONTESTED_MS: i64 = 600_000;

type Answer = Option<Result<Secret<String>, NoToken>>;
pub(crate) type Landing = watch::Receiver<Answer>;

/// Which token is wanted.
#[derive(Clone, Copy)]
pub(super) enum Want<'a> {
    Any,
    /// Any but the one that was refused.
    Not(&'a str),
    New,
}

/// What a caller gets.
pub(super) enum Seat {
    Use(Secret<String>),
    No(NoToken),
    /// One is being minted.
    Wait(Landing),
    /// The caller must have one minted.
    Mint(Begun, Landing),
}

/// A mint that has begun; dropped without an answer, it lets the next begin.
pub(super) struct Begun(watch::Sender<Answer>);

#[derive(Default)]
pub(crate) struct Purse {
    held: RwLock<Arc<Held>>,
    writing: tokio::sync::Mutex<()>,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    flight: Option<Landing>,
    /// No mint before.
    wait_until: Micros,
    /// What was refused, why, and until when it is not asked again.
    refused: Option<(String, NoToken, Micros)>,
    /// When tokens that should have lived were refused.
    early: Vec<Micros>,
    /// A person wants what is over to be asked once more.
    insist: bool,
    /// The level of the last forecast, and the end it was about.
    told: Option<(Micros, i64)>,
}

impl Purse {
    pub(crate) fn new(held: Held) -> Purse {
        Purse {
            held: RwLock::new(Arc::new(held)),
            ..Purse::default()
        }
    }

    /// What is held, as it is stored.
    pub(crate) fn held(&self) -> Arc<Held> {
        self.held
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A caller's place: a token, a refusal, or a mint to wait for.
    pub(super) fn seat(&self, basis: &str, whole: &str, want: Want<'_>, now: Micros) -> Seat {
        let mut desk = self.desk();
        let held = self.held();
        let fresh = held.of(basis).is_some_and(|h| h.renew_at > now);
        let living = self.living(basis, want, now);
        if let Some(token) = living
            .as_ref()
            .filter(|_| fresh && !matches!(want, Want::New))
        {
            return Seat::Use(token.clone());
        }
        let over = held.of(basis).and_then(|h| h.over.as_ref());
        if let Some(over) = over.filter(|o| o.whole == whole && !desk.insist) {
            return Seat::No(NoToken::Consent(over.say.clone()));
        }
        let refused = desk.refused.as_ref();
        if let Some((_, no, _)) = refused.filter(|(of, _, until)| of == whole && *until > now) {
            return Seat::No(no.clone());
        }
        if let Some(flight) = desk.flight.as_ref().filter(|f| f.has_changed().is_ok()) {
            return Seat::Wait(flight.clone());
        }
        if desk.wait_until > now {
            let left = (desk.wait_until.0 - now.0) / 1000 + 1;
            return living.map_or(Seat::No(NoToken::Later(left)), Seat::Use);
        }
        let refused_early =
            matches!(want, Want::Not(t) if fresh && t == held.access.reveal().as_str());
        if refused_early {
            desk.early.retain(|at| at.plus_ms(CONTESTED_MS) > now);
            desk.early.push(now);
            if desk.early.len() > MANY {
                desk.early.clear();
                let until = now.plus_ms(CONTESTED_MS);
                desk.refused = Some((whole.to_owned(), NoToken::Contested, until));
                return Seat::No(NoToken::Contested);
            }
        }
        let (begun, landing) = watch::channel(None);
        (desk.flight, desk.insist) = (Some(landing.clone()), false);
        Seat::Mint(Begun(begun), landing)
    }

    /// The token in hand, if it still works and is wanted.
    pub(super) fn living(
        &self,
        basis: &str,
        want: Want<'_>,
        now: Micros,
    ) -> Option<Secret<String>> {
        let held = self.held();
        let token = held.living(basis, now)?;
        match want {
            Want::Not(stale) if token.reveal() == stale => None,
            _ => Some(token.clone()),
        }
    }

    /// A mint has ended: who waits is told, and what it means for the next is remembered.
    pub(super) fn land(
        &self,
        begun: Begun,
        whole: &str,
        answer: Result<Secret<String>, NoToken>,
        (now, hold_ms): (Micros, i64),
    ) {
        let mut desk = self.desk();
        match &answer {
            Ok(_) => (desk.wait_until, desk.refused) = (Micros(0), None),
            Err(NoToken::Later(ms)) => desk.wait_until = now.plus_ms(*ms),
            Err(no) => desk.refused = Some((whole.to_owned(), no.clone(), now.plus_ms(hold_ms))),
        }
        desk.flight = None;
        let _ = begun.0.send(Some(answer));
    }

    /// A person has done something: what was refused or put off may be asked at once.
    pub(crate) fn ask_again(&self) {
        let mut desk = self.desk();
        (desk.wait_until, desk.refused) = (Micros(0), None);
        desk.insist = true;
        desk.early.clear();
    }

    /// A new token was refused too: that is no other program.
    pub(crate) fn uncontested(&self) {
        self.desk().early.clear();
    }

    /// Whether this forecast is new; it is told once.
    pub(super) fn forecast(&self, end: Micros, level: i64) -> bool {
        let mut desk = self.desk();
        let new = desk.told != Some((end, level));
        desk.told = Some((end, level));
        new
    }

    /// Changes what is held: stored first, then in memory. False where `change` found nothing to do. `with` is written along.
    ///
    /// # Errors
    /// Where the store does not take it; nothing has changed then.
    pub(crate) async fn keep(
        &self,
        store: &dyn Store,
        with: ConnectionChange,
        mut change: impl FnMut(&mut Held) -> bool + Send,
    ) -> Result<bool, Error> {
        let _turn = self.writing.lock().await;
        let mut next = (*self.held()).clone();
        if !change(&mut next) {
            return Ok(false);
        }
        let token = serde_json::to_value(&next).map_err(|_| Error::Corrupt("token"))?;
        let change = ConnectionChange {
            ws: MAIN,
            token: Some(Some(token)),
            ..with
        };
        store.connection_put(change).await?;
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(true)
    }
}
