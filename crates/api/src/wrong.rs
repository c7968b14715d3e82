//! Who guesses tokens: after too many wrong ones from one address, what comes from there is not even looked up for a while, unless it
//! was good before.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Wrong tokens in one window.
const MOST: u32 = 20;
const WINDOW_US: i64 = 60_000_000;
/// Addresses remembered at most.
const ADDRESSES: usize = 10_000;

/// The address a request came from, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(pub IpAddr);

/// Wrong tokens lately, by address.
#[derive(Default)]
pub(crate) struct Wrong(Mutex<HashMap<u128, (i64, u32)>>);

impl Wrong {
    fn held(&self) -> MutexGuard<'_, HashMap<u128, (i64, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seconds until this address may try again, if it must wait.
    pub(crate) fn must_wait(&self, client: Client, now: i64) -> Option<u32> {
        let (until, count) = *self.held().get(&key(client))?;
        let left = (until - now).div_euclid(1_000_000) + 1;
        (count >= MOST && now < until).then(|| u32::try_from(left).unwrap_or(1))
    }

    /// One more; true where it is the one that is too much.
    pub(crate) fn one_more(&self, client: Client, now: i64) -> bool {
        let mut held = self.held();
        if held.len() >= ADDRESSES {
            held.retain(|_, (until, _)| now < *until);
        }
        if held.len() >= ADDRESSES {
            held.clear();
        }
        let entry = held.entry(key(client)).or_insert((now + WINDOW_US, 0));
        if now >= entry.0 {
            *entry = (now + WINDOW_US, 0);
        }
        entry.1 += 1;
        entry.1 == MOST
    }
}

/// Of an IPv6 address the network: whoever has one address there has them all.
fn key(client: Client) -> u128 {
    match client.0.to_canonical() {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Client {
        Client(text.parse().expect("an address"))
    }

    #[test]
    fn after_too_many_an_address_waits_and_others_do_not() {
        let (wrong, one) = (Wrong::default(), at("192.0.2.1"));
        let told: Vec<bool> = (0..MOST).map(|_| wrong.one_more(one, 0)).collect();
        assert_eq!(told.iter().filter(|t| **t).count(), 1);
        assert_eq!(wrong.must_wait(one, 0), Some(61));
        assert_eq!(wrong.must_wait(at("192.0.2.2"), 0), None);
        assert_eq!(wrong.must_wait(one, WINDOW_US), None, "a minute later");
        assert!(!wrong.one_more(one, WINDOW_US), "and it is counted anew");
    }

    #[test]
    fn a_network_counts_as_one_and_what_is_remembered_has_an_end() {
        let wrong = Wrong::default();
        for n in 0..MOST {
            wrong.one_more(at(&format!("2001:db8::{n:x}")), 0);
        }
        assert!(wrong.must_wait(at("2001:db8::ffff"), 0).is_some());
        assert!(wrong.must_wait(at("2001:db8:0:1::1"), 0).is_none());
        for n in 0..2 * ADDRESSES as u32 {
            wrong.one_more(Client(std::net::Ipv4Addr::from_bits(n).into()), 0);
        }
        assert!(wrong.held().len() <= ADDRESSES);
    }
}
