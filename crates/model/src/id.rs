//! Ids: what they are made of and how they are written. Random bits and clocks come from the caller.

use crate::Entity;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Our id of a vendor's record: the first 128 bits of an HMAC over workspace, connection, entity and remote id, so the same
/// remote record has the same id on every sync and the id cannot be turned back without the installation's key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// The id of a remote record.
    pub fn of(
        key: &[u8; 32],
        workspace: &str,
        connection: &str,
        entity: Entity,
        remote_id: &str,
    ) -> RecordId {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        for (i, part) in [workspace, connection, entity.name(), remote_id]
            .iter()
            .enumerate()
        {
            if i > 0 {
                mac.update(&[0x1F]);
            }
            mac.update(part.as_bytes());
        }
        let digest = mac.finalize().into_bytes();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        RecordId(id)
    }

    /// Written with its entity's prefix: `app_7Q2M…`.
    pub fn text(&self, entity: Entity) -> String {
        format!("{}_{}", entity.prefix(), encode(&self.0))
    }

    /// Reads `app_7Q2M…`; the prefix tells the entity.
    pub fn parse(text: &str) -> Option<(Entity, RecordId)> {
        let (prefix, rest) = text.split_once('_')?;
        let entity = Entity::ALL.iter().copied().find(|e| e.prefix() == prefix)?;
        Some((entity, RecordId(decode(rest)?)))
    }
}

impl std::fmt::Debug for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

/// The id of an event: a UUIDv7, so that ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// From a millisecond time and random bits (UUIDv7).
    pub fn new(millis: u64, random: [u8; 10]) -> EventId {
        EventId(
            *uuid::Builder::from_unix_timestamp_millis(millis, &random)
                .as_uuid()
                .as_bytes(),
        )
    }

    /// Written as `evt_…`.
    pub fn text(&self) -> String {
        format!("evt_{}", encode(&self.0))
    }

    /// Reads `evt_…`.
    pub fn parse(text: &str) -> Option<EventId> {
        Some(EventId(decode(text.strip_prefix("evt_")?)?))
    }
}

impl std::fmt::Debug for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

/// 128 bits as 26 characters of Crockford's base32, upper case, most significant first.
pub fn encode(bytes: &[u8; 16]) -> String {
    let n = u128::from_be_bytes(*bytes);
    (0..26)
        .rev()
        .map(|i| char::from(ALPHABET[((n >> (5 * i)) & 31) as usize]))
        .collect()
}

/// The inverse of [`encode`]; anything else is `None`.
pub fn decode(text: &str) -> Option<[u8; 16]> {
    if text.len() != 26 {
        return None;
    }
    let mut n: u128 = 0;
    for (i, c) in text.bytes().enumerate() {
        let v = ALPHABET.iter().position(|a| *a == c)? as u128;
        if i == 0 && v > 7 {
            return None;
        }
        n = (n << 5) | v;
    }
    Some(n.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_a_changed_one_does_not() {
        let id = RecordId::of(&[7; 32], "main", "gh", Entity::Application, "265277");
        let text = id.text(Entity::Application);
        assert_eq!(RecordId::parse(&text), Some((Entity::Application, id)));
        assert_eq!(text.len(), 30);
        assert_eq!(RecordId::parse(&text.to_lowercase()), None);
        assert_eq!(
            decode("Z0000000000000000000000000"),
            None,
            "more than 128 bits"
        );
    }

    #[test]
    fn connection_and_entity_keep_ids_apart() {
        let a = RecordId::of(&[7; 32], "main", "gh", Entity::Application, "1");
        assert_ne!(
            a,
            RecordId::of(&[7; 32], "main", "gh2", Entity::Application, "1")
        );
        assert_ne!(
            a,
            RecordId::of(&[7; 32], "main", "gh", Entity::Candidate, "1")
        );
    }

    #[test]
    fn event_ids_sort_by_time() {
        assert!(EventId::new(1, [255; 10]) < EventId::new(2, [0; 10]));
    }
}
