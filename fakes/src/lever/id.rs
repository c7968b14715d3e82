//! Ids that look like the vendor's UUIDs and are numbers inside, so that a crowd can be computed.
//! They cannot be counted up from outside, and they are no secrets.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::rng::Rng;

/// One record's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Id(pub(crate) u64);

const MASK: u64 = 0x6b1d_95c3_72e5;
const LOW: u64 = 0xffff_ffff_ffff;

impl Id {
    /// Reads what `Display` writes; anything else is nobody's id.
    pub(crate) fn parse(text: &str) -> Option<Id> {
        let number = u64::from_str_radix(text.get(24..36)?, 16).ok()?;
        let id = Id(number ^ MASK);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mixed = Rng::new(self.0 ^ MASK).next();
        write!(
            f,
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            mixed >> 32,
            (mixed >> 16) & 0xffff,
            (mixed >> 4) & 0xfff,
            mixed & 0xfff,
            (self.0 & LOW) ^ MASK
        )
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_a_neighbours_cannot_be_made_by_hand() {
        let text = Id(4711).to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(Id::parse(&text), Some(Id(4711)));
        let mut other = text.clone();
        let last = if text.ends_with('0') { "1" } else { "0" };
        other.replace_range(35.., last);
        assert_eq!(Id::parse(&other), None);
        assert_eq!(Id::parse("lead-new"), None);
        assert_eq!(Id::parse(""), None);
    }
}
