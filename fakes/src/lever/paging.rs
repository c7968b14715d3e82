//! Offset tokens: sealed, bound to one list and its filters, and stale after a while. Nobody can
//! build one by hand, and their letters must be escaped in a query.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::world::{Refused, invalid};
use crate::clock::Time;
use crate::signing::hmac_sha256;

/// How tokens are sealed, and until when they are good.
#[derive(Debug)]
pub(crate) struct Offsets {
    secret: [u8; 8],
    life_ms: Option<i64>,
    epoch: u8,
}

impl Offsets {
    pub(crate) fn new(secret: u64, life_ms: Option<i64>) -> Self {
        Offsets {
            secret: secret.to_be_bytes(),
            life_ms,
            epoch: 0,
        }
    }

    pub(crate) fn set_life(&mut self, life_ms: Option<i64>) {
        self.life_ms = life_ms;
    }

    /// Makes every token given so far stale.
    pub(crate) fn end_all(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// A token for the rows below `before` of a list.
    pub(crate) fn make(&self, list: &str, before: u64, now: Time) -> String {
        let mut bytes = before.to_be_bytes().to_vec();
        bytes.extend(now.ms().to_be_bytes());
        bytes.push(self.epoch);
        let seal = self.seal(list, &bytes);
        bytes.extend(seal);
        STANDARD.encode(bytes)
    }

    pub(crate) fn read(&self, list: &str, token: &str, now: Time) -> Result<u64, Refused> {
        self.open(list, token, now)
            .ok_or_else(|| invalid(format!("Invalid offset token: {token}")))
    }

    fn open(&self, list: &str, token: &str, now: Time) -> Option<u64> {
        let bytes = STANDARD.decode(token).ok()?;
        let (plain, seal) = bytes.split_at_checked(17)?;
        if seal != self.seal(list, plain) || plain[16] != self.epoch {
            return None;
        }
        let before = u64::from_be_bytes(plain[..8].try_into().ok()?);
        let made = i64::from_be_bytes(plain[8..16].try_into().ok()?);
        let fresh = self.life_ms.is_none_or(|life| now.ms() - made <= life);
        fresh.then_some(before)
    }

    fn seal(&self, list: &str, bytes: &[u8]) -> [u8; 16] {
        let mac = hmac_sha256(&self.secret, &[list.as_bytes(), b"\n", bytes]);
        let mut seal = [0; 16];
        seal.copy_from_slice(&mac[..16]);
        seal
    }
}

/// One page of rows that stand in falling order of their keys, and the key to go on below.
pub(crate) fn cut<T>(
    rows: Vec<(u64, T)>,
    before: Option<u64>,
    limit: usize,
) -> (Vec<T>, Option<u64>) {
    let before = before.unwrap_or(u64::MAX);
    let mut left = rows.into_iter().filter(|(key, _)| *key < before).peekable();
    let mut page = Vec::new();
    let mut last = None;
    while page.len() < limit {
        let Some((key, row)) = left.next() else { break };
        last = Some(key);
        page.push(row);
    }
    let more = left.peek().is_some();
    (page, last.filter(|_| more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_list_and_its_time_only() {
        let mut offsets = Offsets::new(7, Some(1000));
        let at = Time::from_ms;
        let token = offsets.make("opportunities?", 42, at(0));
        assert_eq!(offsets.read("opportunities?", &token, at(1000)), Ok(42));
        assert!(offsets.read("opportunities?", &token, at(1001)).is_err());
        assert!(offsets.read("postings?", &token, at(0)).is_err());
        let mut bytes = STANDARD.decode(&token).unwrap();
        bytes[7] = 41;
        let forged = STANDARD.encode(bytes);
        assert!(offsets.read("opportunities?", &forged, at(0)).is_err());
        offsets.end_all();
        let stale = offsets.read("opportunities?", &token, at(0)).unwrap_err();
        assert!(stale.to_string().contains("Invalid offset token"));
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_double() {
        let rows = || (1..=5).rev().map(|key| (key, key)).collect::<Vec<_>>();
        let (page, next) = cut(rows(), None, 2);
        assert_eq!((page, next), (vec![5, 4], Some(4)));
        let (page, next) = cut(rows(), Some(4), 3);
        assert_eq!((page, next), (vec![3, 2, 1], None));
    }
}
