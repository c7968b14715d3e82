//! When a certificate ends, read from its DER. Only that: whether it is to be trusted is for TLS to say.

use std::path::Path;

use anyhow::Context as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use stagewire_model::Micros;
use stagewire_model::time::parse_instant;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When the first certificate of a PEM file ends.
pub(crate) fn of_file(path: &Path) -> anyhow::Result<Micros> {
    let first = CertificateDer::from_pem_file(path);
    let first = first.with_context(|| format!("{} holds no certificate", path.display()))?;
    let end = ends(&first);
    end.with_context(|| format!("the certificate in {} cannot be read", path.display()))
}

/// `notAfter` of a certificate.
pub(crate) fn ends(der: &[u8]) -> Option<Micros> {
    let (certificate, _) = inside(der, SEQUENCE)?;
    let (mut rest, _) = inside(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = next(rest)?.2;
    }
    // serial number, algorithm, issuer
    for _ in 0..3 {
        rest = next(rest)?.2;
    }
    let (validity, _) = inside(rest, SEQUENCE)?;
    let (_, _, after) = next(validity)?;
    let (tag, time, _) = next(after)?;
    let time = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let (year, time) = match tag {
        UTC_TIME => {
            let (year, time) = time.split_at_checked(2)?;
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), time)
        }
        GENERALIZED_TIME => {
            let (year, time) = time.split_at_checked(4)?;
            (year.to_owned(), time)
        }
        _ => return None,
    };
    let part = |at: usize| time.get(at..at + 2);
    let (month, day) = (part(0)?, part(2)?);
    let (hour, minute, second) = (part(4)?, part(6)?, part(8)?);
    let text = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    parse_instant(&text).map(|(at, _)| at)
}

/// The content of the element in front, which must be of this kind, and what follows it.
fn inside(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = next(der)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content and rest.
fn next(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let number = bytes.iter().fold(0, |n: usize, b| n << 8 | usize::from(*b));
            (number, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(year: i32) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = vec!["wire.example.com".to_owned()];
        let mut params = rcgen::CertificateParams::new(names).expect("a name");
        params.not_after = rcgen::date_time_ymd(year, 12, 3);
        let made = params.self_signed(&key).expect("a certificate");
        made.der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_ways_of_writing_it() {
        for (year, text) in [
            (2026, "2026-12-03T00:00:00.000Z"),
            (2061, "2061-12-03T00:00:00.000Z"),
        ] {
            assert_eq!(ends(&made(year)).map(Micros::text).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_broken_off_has_no_end() {
        let whole = made(2026);
        let tbs = 200; // well inside of what is read
        assert!((0..tbs.min(whole.len())).all(|n| ends(&whole[..n]).is_none()));
        assert_eq!(ends(b"no certificate"), None);
    }
}
