//! The signatures the fakes make and check. It keeps no secrets and decides no policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The value of the ATS's `Signature` header over the raw body bytes.
pub fn greenhouse_signature(secret: &str, body: &[u8]) -> String {
    format!("sha256 {}", hex(&hmac_sha256(secret.as_bytes(), &[body])))
}

/// The value of the `Ashby-Signature` header over the raw body bytes.
pub fn ashby_signature(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex(&hmac_sha256(secret.as_bytes(), &[body])))
}

/// The `signature` in the body of a recruiting CRM's webhook: over its token and its time in
/// milliseconds, nothing between them and nothing else.
pub fn lever_signature(signature_token: &str, token: &str, triggered_at_ms: i64) -> String {
    let time = triggered_at_ms.to_string();
    let key = signature_token.as_bytes();
    hex(&hmac_sha256(key, &[token.as_bytes(), time.as_bytes()]))
}

/// The `v1,…` entry of Standard Webhooks; `secret` with or without `whsec_`.
/// None if the secret is not base64.
pub fn standard_webhooks_signature(
    secret: &str,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Option<String> {
    let key = standard_key(secret)?;
    Some(format!(
        "v1,{}",
        STANDARD.encode(standard_mac(&key, id, &timestamp.to_string(), body))
    ))
}

/// The key bytes of a `whsec_` secret.
pub(crate) fn standard_key(secret: &str) -> Option<Vec<u8>> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    STANDARD.decode(text).ok()
}

/// Whether any `v1` entry of the header matches; malformed and unknown entries are skipped.
pub(crate) fn standard_matches(
    keys: &[Vec<u8>],
    id: &str,
    timestamp: &str,
    body: &[u8],
    header: &str,
) -> bool {
    keys.iter().any(|key| {
        let ours = standard_mac(key, id, timestamp, body);
        header
            .split(' ')
            .filter_map(|entry| entry.strip_prefix("v1,"))
            .filter_map(|text| STANDARD.decode(text).ok())
            .any(|theirs| bool::from(theirs.as_slice().ct_eq(&ours)))
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn standard_mac(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    hmac_sha256(key, &parts)
}

pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_vector_of_standard_webhooks_matches() {
        let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
        let signature = standard_webhooks_signature(secret, id, 1_649_367_553, body).unwrap();
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");

        let keys = vec![standard_key("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap()];
        let list = format!("garbage v1a,abc v1,!! v1,AAAA {signature}");
        assert!(standard_matches(&keys, id, "1649367553", body, &list));
        assert!(!standard_matches(&keys, id, "1649367554", body, &list));
        assert!(!standard_matches(&keys, id, "1649367553", b"{}", &list));
    }

    #[test]
    fn the_signature_in_the_body_covers_token_and_time_only() {
        // Recomputed with another implementation: printf '%s' TOKENTIME | openssl dgst -sha256 -hmac KEY
        let signature = lever_signature("a-made-up-key", "0a1b2c", 1_790_000_000_123);
        assert_eq!(
            signature,
            "ca45d6eaaf04f65aba3d1e458b032cd6d1af3b68bda40898ce2ad8724565920f"
        );
        assert_ne!(
            signature,
            lever_signature("a-made-up-key", "0a1b2c", 1_790_000_000_124)
        );
    }

    #[test]
    fn the_ats_signature_is_lowercase_hex_after_one_space() {
        // Recomputed with another implementation: printf '%s' BODY | openssl dgst -sha256 -hmac SECRET
        let signature = greenhouse_signature(
            "1uSUju2H6AohOE7OQVaxeLT3O8Uxxuas",
            br#"{"action":"ping","payload":{"web_hook_id":7}}"#,
        );
        assert_eq!(
            signature,
            "sha256 bb4428277eeddcd9c000279695577e40ed01da45778098cbd2e3a3698a693f1f"
        );
    }

    #[test]
    fn the_other_ats_writes_an_equals_sign() {
        // printf '%s' '{"action":"ping"}' | openssl dgst -sha256 -hmac secret
        let signature = ashby_signature("secret", br#"{"action":"ping"}"#);
        assert_eq!(
            signature,
            "sha256=189d1d212deae0d85ff95d0f13aaa4d55573d4ff7ae5c8d50dde602ceefcec05"
        );
    }
}
