//! Whatever a vendor sends: it maps or it does not, it is read or refused, every scan ends, and nothing panics.

mod acme_folder;

use acme_folder::{acme, settings};
use proptest::prelude::*;
use serde_json::{Value, json};
use stagewire_connector::{Ask, Response, Scan, ScanError};

proptest! {
    #[test]
    fn any_json_maps_or_does_not_and_never_panics(value in any_json(), kind in prop::sample::select(vec!["person.made", "person.hint", "x"])) {
        let c = acme();
        let _ = c.map_delivery(&value);
        let _ = c.map_delivery(&json!({"type": kind, "data": value}));
        let _ = c.map_delivery(&json!({"type": kind, "data": {"id": 1, "runs": value, "mail": value, "updated": value, "first": value}}));
        let _ = c.map_row(c.stream("people").expect("a stream"), &value);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let c = acme();
        let _ = c.cut(&body);
        prop_assert!(!c.is_ping(&body));
    }

    #[test]
    fn every_scan_ends(links in prop::collection::vec(0u8..12, 1..60)) {
        let c = acme();
        let stream = c.stream("people").expect("a stream");
        let mut page = c.first_page(stream, &settings(), &Ask::Full).expect("a request");
        let (mut scan, mut pages, mut ended) = (Scan::new(), 0, false);
        for link in links.iter().cycle().take(1000) {
            pages += 1;
            let header = format!("<https://api.acme.example/base/people?cursor={link}>; rel=\"next\"");
            let answer = Response { status: 200, headers: vec![("Link".into(), header)], body: b"[]".to_vec() };
            match c.next_page(stream, &page, &answer).and_then(|next| scan.step(&page, next)) {
                Ok(Some(next)) => page = next,
                Ok(None) => prop_assert!(false, "there is always a next link"),
                Err(why) => {
                    prop_assert_eq!(why, ScanError::Repeats);
                    ended = true;
                    break;
                }
            }
        }
        prop_assert!(ended && pages <= 14);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "id", "first", "last", "mail", "value", "runs", "state", "start", "by", "applied",
        "updated", "type", "data", "zz",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9:TZ/.-]{0,24}".prop_map(Value::from),
        Just(json!("2026-11-24T10:00:00Z")),
        Just(json!("9999999-99-99T99:99:99Z")),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|e| Value::Object(
                e.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
            )),
        ]
    })
}
