//! One way to write a JSON value (RFC 8785: keys sorted, no blanks), and its hash.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::cmp::Ordering;

/// The canonical bytes of a value.
pub fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

/// SHA-256 over the canonical bytes.
pub fn hash(value: &Value) -> [u8; 32] {
    Sha256::digest(bytes(value)).into()
}

/// The hash of the object of these entries, each key given once.
pub fn hash_object(entries: Vec<(&String, &Value)>) -> [u8; 32] {
    let mut out = Vec::with_capacity(512);
    object(entries, &mut out);
    Sha256::digest(out).into()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| {
            [
                char::from(DIGITS[usize::from(b >> 4)]),
                char::from(DIGITS[usize::from(b & 15)]),
            ]
        })
        .collect()
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => object(map.iter().collect(), out),
        other => scalar(other, out),
    }
}

fn object(mut entries: Vec<(&String, &Value)>, out: &mut Vec<u8>) {
    entries.sort_by(|(a, _), (b, _)| by_units(a, b));
    out.push(b'{');
    for (i, (key, value)) in entries.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        scalar(key, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

/// Keys sort by their UTF-16 units; of ASCII those are the bytes.
fn by_units(a: &str, b: &str) -> Ordering {
    match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

fn scalar<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("scalars always serialise into memory");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_does_not_matter_and_content_does() {
        let a = json!({"b": [1, null], "a": {"y": "é", "x": true}});
        let b = json!({"a": {"x": true, "y": "é"}, "b": [1, null]});
        assert_eq!(
            bytes(&a),
            "{\"a\":{\"x\":true,\"y\":\"é\"},\"b\":[1,null]}".as_bytes()
        );
        assert_eq!(hash(&a), hash(&b));
        assert_ne!(
            hash(&a),
            hash(&json!({"a": {"x": true, "y": "e"}, "b": [1, null]}))
        );
        let entries = b.as_object().into_iter().flatten().collect();
        assert_eq!(hash(&a), hash_object(entries));
    }
}
