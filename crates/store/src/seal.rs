//! Sealing: what rests on disk is unreadable without the master key. Keys live wrapped in the database, one per day for bodies
//! that die with their retention, one per workspace for all else. Never prints a key.

use crate::Error;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::collections::HashMap;
use std::sync::{Mutex, RwLock};
use zeroize::Zeroizing;

/// What a sealed value is for: it decides which key is used and how long a body lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Raw deliveries: a day key, 30 days.
    Delivery = 1,
    /// Bodies of calls: a day key, 90 days.
    Call = 2,
    /// Requests of actions: the workspace's key, 90 days.
    Request = 3,
    /// Records, events, credentials: the workspace's key, as long as the row.
    Workspace = 4,
}

impl Class {
    /// How long a body of this class is kept, in days.
    pub fn days(self) -> i64 {
        match self {
            Class::Delivery => 30,
            Class::Call | Class::Request => 90,
            Class::Workspace => 36_500,
        }
    }

    fn daily(self) -> bool {
        matches!(self, Class::Delivery | Class::Call)
    }
}

/// Microseconds in a day.
pub const DAY: i64 = 86_400_000_000;

pub(crate) struct NewKey {
    pub(crate) id: i64,
    pub(crate) ws: i64,
    pub(crate) class: i64,
    pub(crate) day: i64,
    pub(crate) wrapped: Vec<u8>,
}

type Raw = Zeroizing<[u8; 32]>;

/// The keys in memory. A key that is made here is written by the writer before anything sealed with it.
pub struct Keys {
    master: Raw,
    by_id: RwLock<HashMap<i64, Raw>>,
    current: RwLock<HashMap<(i64, i64, i64), i64>>,
    next_id: Mutex<i64>,
    pending: Mutex<Vec<NewKey>>,
}

impl Keys {
    pub(crate) fn new(master: [u8; 32]) -> Keys {
        Keys {
            master: Zeroizing::new(master),
            by_id: RwLock::default(),
            current: RwLock::default(),
            next_id: Mutex::new(1),
            pending: Mutex::default(),
        }
    }

    pub(crate) fn load(
        &self,
        id: i64,
        ws: i64,
        class: i64,
        day: i64,
        wrapped: &[u8],
    ) -> Result<(), Error> {
        let plain =
            open_with(&self.master, b"key", id, wrapped).map_err(|_| Error::WrongMasterKey)?;
        let raw: [u8; 32] = plain.try_into().map_err(|_| Error::WrongMasterKey)?;
        write(&self.by_id).insert(id, Zeroizing::new(raw));
        write(&self.current).insert((ws, class, day), id);
        let mut next = lock(&self.next_id);
        *next = (*next).max(id + 1);
        Ok(())
    }

    fn key_for(&self, ws: i64, class: Class, now: i64) -> i64 {
        let slot = if class.daily() {
            (ws, class as i64, now.div_euclid(DAY))
        } else {
            (ws, 0, 0)
        };
        if let Some(id) = read(&self.current).get(&slot) {
            return *id;
        }
        let mut current = write(&self.current);
        if let Some(id) = current.get(&slot) {
            return *id;
        }
        let mut next = lock(&self.next_id);
        let id = *next;
        *next += 1;
        let raw = random::<32>();
        let wrapped = seal_with(&self.master, b"key", id, &raw);
        lock(&self.pending).push(NewKey {
            id,
            ws: slot.0,
            class: slot.1,
            day: slot.2,
            wrapped,
        });
        write(&self.by_id).insert(id, Zeroizing::new(raw));
        current.insert(slot, id);
        id
    }

    /// Seals a value of a row: the key's id and the sealed bytes. `table` and `row` are bound to it, so it opens nowhere else.
    pub fn seal(
        &self,
        ws: i64,
        class: Class,
        now: i64,
        table: &'static str,
        row: i64,
        plain: &[u8],
    ) -> (i64, Vec<u8>) {
        let id = self.key_for(ws, class, now);
        let keys = read(&self.by_id);
        let key = keys.get(&id).expect("a current key is always in memory");
        (id, seal_with(key, table.as_bytes(), row, plain))
    }

    /// Opens a sealed value.
    ///
    /// # Errors
    /// [`Error::Sealed`] where the key is gone (its day was purged) or the bytes were changed.
    pub fn open(
        &self,
        key_id: i64,
        table: &'static str,
        row: i64,
        sealed: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let keys = read(&self.by_id);
        let key = keys.get(&key_id).ok_or(Error::Sealed(table, row))?;
        open_with(key, table.as_bytes(), row, sealed).map_err(|_| Error::Sealed(table, row))
    }

    pub(crate) fn take_pending(&self) -> Vec<NewKey> {
        std::mem::take(&mut *lock(&self.pending))
    }

    pub(crate) fn put_back(&self, keys: Vec<NewKey>) {
        lock(&self.pending).extend(keys);
    }

    pub(crate) fn forget(&self, ids: &[i64]) {
        let mut by_id = write(&self.by_id);
        ids.iter().for_each(|id| drop(by_id.remove(id)));
        write(&self.current).retain(|_, id| !ids.contains(id));
    }

    /// Wraps bytes under the master key itself (for what must open before any key is loaded).
    pub(crate) fn wrap(&self, label: &'static str, plain: &[u8]) -> Vec<u8> {
        seal_with(&self.master, label.as_bytes(), 0, plain)
    }

    pub(crate) fn unwrap(&self, label: &'static str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        open_with(&self.master, label.as_bytes(), 0, sealed).map_err(|_| Error::WrongMasterKey)
    }
}

fn aad(table: &[u8], row: i64) -> Vec<u8> {
    [table, b"|", &row.to_be_bytes()].concat()
}

fn seal_with(key: &[u8; 32], table: &[u8], row: i64, plain: &[u8]) -> Vec<u8> {
    let nonce = random::<24>();
    let cipher = XChaCha20Poly1305::new(key.into());
    let sealed = cipher
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: plain,
                aad: &aad(table, row),
            },
        )
        .expect("bodies are far below the cipher's limit");
    [&nonce[..], &sealed].concat()
}

fn open_with(key: &[u8; 32], table: &[u8], row: i64, sealed: &[u8]) -> Result<Vec<u8>, ()> {
    let (nonce, body) = sealed.split_at_checked(24).ok_or(())?;
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| ())?;
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher
        .decrypt(
            &XNonce::from(nonce),
            Payload {
                msg: body,
                aad: &aad(table, row),
            },
        )
        .map_err(|_| ())
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

pub(crate) fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    m.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn read<T>(m: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    m.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn write<T>(m: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    m.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_in_its_own_row_and_unchanged() {
        let keys = Keys::new([1; 32]);
        let (id, mut sealed) = keys.seal(1, Class::Workspace, 0, "record", 7, b"Ana");
        assert_eq!(
            keys.open(id, "record", 7, &sealed).expect("its own row"),
            b"Ana"
        );
        assert!(keys.open(id, "record", 8, &sealed).is_err(), "another row");
        assert!(keys.open(id, "event", 7, &sealed).is_err(), "another table");
        sealed[30] ^= 1;
        assert!(
            keys.open(id, "record", 7, &sealed).is_err(),
            "a changed byte"
        );
    }

    #[test]
    fn deliveries_of_two_days_have_two_keys_and_records_one() {
        let keys = Keys::new([1; 32]);
        let key = |class, now| keys.seal(1, class, now, "body", 1, b"x").0;
        assert_ne!(key(Class::Delivery, 0), key(Class::Delivery, DAY));
        assert_eq!(key(Class::Workspace, 0), key(Class::Workspace, DAY));
    }

    #[test]
    fn a_forgotten_day_cannot_be_read_again() {
        let keys = Keys::new([1; 32]);
        let (id, sealed) = keys.seal(1, Class::Call, 0, "body", 1, b"x");
        keys.forget(&[id]);
        assert!(keys.open(id, "body", 1, &sealed).is_err());
    }
}
