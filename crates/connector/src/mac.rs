//! Keyed hashes and their written forms. Compares in constant time; knows no vendor's recipe.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use subtle::ConstantTimeEq;

/// A keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA-1
    Sha1,
    /// HMAC-SHA-256
    Sha256,
    /// HMAC-SHA-512
    Sha512,
}

/// How a hash is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Lower-case hex; upper case is read too.
    Hex,
    /// Standard alphabet; read with or without padding.
    Base64,
}

/// The keyed hash of some parts, one after the other.
pub fn hmac(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    fn run<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Sha1 => run::<Hmac<sha1::Sha1>>(key, parts),
        Algorithm::Sha256 => run::<Hmac<sha2::Sha256>>(key, parts),
        Algorithm::Sha512 => run::<Hmac<sha2::Sha512>>(key, parts),
    }
}

/// Whether two hashes are the same, in time that does not depend on where they differ.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Reads a written hash.
pub fn read(written: Written, text: &str) -> Option<Vec<u8>> {
    match written {
        Written::Hex => {
            let digits: Option<Vec<u8>> = text
                .bytes()
                .map(|b| char::from(b).to_digit(16).map(|d| d as u8))
                .collect();
            let digits = digits.filter(|d| d.len() % 2 == 0)?;
            Some(digits.chunks_exact(2).map(|p| p[0] << 4 | p[1]).collect())
        }
        Written::Base64 => STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok(),
    }
}

/// Writes a hash.
pub fn write(written: Written, hash: &[u8]) -> String {
    match written {
        Written::Hex => stagewire_model::canonical::hex(hash),
        Written::Base64 => STANDARD.encode(hash),
    }
}

/// The key inside a `whsec_…` text; a text without the prefix is read as base64 too, else taken as it is.
pub fn whsec(text: &str) -> Vec<u8> {
    let inner = text.strip_prefix("whsec_").unwrap_or(text);
    read(Written::Base64, inner)
        .filter(|k| !k.is_empty())
        .unwrap_or_else(|| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 2202 and RFC 4231, test case 2.
    #[test]
    fn the_published_vectors_come_out() {
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        let hex = |a| write(Written::Hex, &hmac(a, b"Jefe", &parts));
        assert_eq!(
            hex(Algorithm::Sha1),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(
            hex(Algorithm::Sha256),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(
            hex(Algorithm::Sha512)
                .starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554")
        );
    }

    #[test]
    fn hashes_are_read_as_they_are_written() {
        let hash = [0u8, 255, 16];
        for written in [Written::Hex, Written::Base64] {
            assert_eq!(
                read(written, &write(written, &hash)).as_deref(),
                Some(&hash[..])
            );
        }
        assert_eq!(read(Written::Hex, "0"), None);
        assert_eq!(read(Written::Hex, "zz"), None);
        assert_eq!(read(Written::Base64, "AA"), Some(vec![0]));
    }
}
