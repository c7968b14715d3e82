//! Real fixtures with something changed anywhere in them: every folder still maps, or says what is odd, and never panics.

use proptest::prelude::*;
use serde_json::{Value, json};
use stagewire_connector::Connector;
use std::fs;
use std::path::PathBuf;

fn bodies(folder: &str, kind: &str) -> Vec<(String, Value)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join("fixtures")
        .join(kind);
    let mut out: Vec<(String, Value)> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .map(|e| e.expect("an entry").path())
        .filter_map(|p| {
            let name = p
                .file_name()?
                .to_string_lossy()
                .split('.')
                .next()?
                .to_owned();
            let text = fs::read_to_string(p).ok()?;
            Some((name, serde_json::from_str(text.split_once("\n\n")?.1).ok()?))
        })
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// Changes the n-th value, counted through the whole document.
fn change(value: &mut Value, n: &mut usize, to: &Value) {
    if *n == 0 {
        *value = to.clone();
        *n = usize::MAX;
        return;
    }
    *n -= 1;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|i| {
            if *n != usize::MAX {
                change(i, n, to)
            }
        }),
        Value::Object(map) => map.values_mut().for_each(|i| {
            if *n != usize::MAX {
                change(i, n, to)
            }
        }),
        _ => {}
    }
}

fn odd() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[1]]),
        json!({"id": []}),
        json!("2026-13-45T99:00:00Z"),
        json!(u64::MAX),
        json!("\u{0}\u{202e}"),
        json!([{"id": 1}, "x", null]),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_changed_delivery_or_row_never_panics(which in any::<prop::sample::Index>(), at in 0usize..260, to in odd()) {
        for (name, files) in stagewire_connectors::built_in() {
            let c = Connector::load(name, &files).expect("it loads");
            let hooks = bodies(name, "webhooks");
            if !hooks.is_empty() {
                let mut body = which.get(&hooks).1.clone();
                let labels = |body: &Value| body.to_string().matches("Gender").count();
                let before = labels(&body);
                change(&mut body, &mut at.clone(), &to);
                let cut = c.cut(body.to_string().as_bytes()).expect("readable");
                let mapped = c.map_delivery(&cut.value);
                prop_assert!(mapped.observations.iter().all(|o| !o.remote_id.is_empty()));
                // a label that says something else is another field: nothing tells any more that it is protected
                let renamed = to.is_string() && labels(&body) < before;
                let text = serde_json::to_string(&mapped).expect("text");
                prop_assert!(renamed || !text.contains("PROTECTED-MARK"));
            }
            let streams = bodies(name, "streams");
            if !streams.is_empty() {
                let (stream, mut rows) = which.get(&streams).clone();
                change(&mut rows, &mut at.clone(), &to);
                for row in rows.as_array().into_iter().flatten() {
                    c.map_row(c.stream(&stream).expect("a stream"), row);
                }
            }
        }
    }
}
