//! Signatures we put on what we send. Reads no clock: the second is given.

use crate::mac::{Algorithm, Written, hmac, whsec, write};

/// The value of `webhook-signature` (Standard Webhooks 1.0.0): one entry per secret, so that a receiver can rotate. `None` without a
/// secret, or where the id could be mistaken for another part of the signed text.
pub fn standard_webhooks(secrets: &[&str], id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    if id.is_empty() || id.contains('.') {
        return None;
    }
    let time = seconds.to_string();
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    let entries: Vec<String> = secrets
        .iter()
        .map(|s| {
            format!(
                "v1,{}",
                write(Written::Base64, &hmac(Algorithm::Sha256, &whsec(s), &parts))
            )
        })
        .collect();
    (!entries.is_empty()).then(|| entries.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_signature_comes_out() {
        // From the reference libraries of Standard Webhooks.
        let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let sign = |secrets: &[&str], id: &str| standard_webhooks(secrets, id, 1_649_367_553, body);
        let one = sign(&[secret], "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk").expect("a signature");
        assert_eq!(one, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
        assert_eq!(
            sign(&[secret, "other"], "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk")
                .map(|s| s.split(' ').count()),
            Some(2)
        );
        assert_eq!(sign(&[secret], "a.b"), None);
        assert_eq!(sign(&[], "a"), None);
    }
}
