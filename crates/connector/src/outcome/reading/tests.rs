//! How answers are read.

use super::*;
use crate::manifest::{Doc, Sink};

fn reading(toml: &str) -> Reading {
    let sink = Sink::default();
    let doc = Doc::parse("connector.toml", toml, &sink);
    let r = Reader::new(&doc.root, &sink);
    let reading = Reading::read(&r);
    r.done();
    assert_eq!(sink.take(), []);
    reading
}

fn means(reading: &Reading, status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
    let headers = headers
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    reading.outcome(
        None,
        &Taken::default(),
        &Response {
            status,
            headers,
            body: body.into(),
        },
        Micros(1_795_541_916_000_000),
    )
}

#[test]
fn a_wait_is_seconds_or_a_date_and_nonsense_is_the_manifests_default() {
    let r = reading("slow_down = { status = [429], wait = \"Retry-After\", usually = \"20s\" }");
    let wait = |value: &str| {
        means(
            &r,
            429,
            &[
                ("retry-after", value),
                ("date", "Tue, 24 Nov 2026 17:38:36 GMT"),
            ],
            "",
        )
    };
    assert_eq!(wait("7"), Outcome::RateLimited { wait_ms: 7000 });
    assert_eq!(wait("0.5"), Outcome::RateLimited { wait_ms: 500 });
    assert_eq!(
        wait("Tue, 24 Nov 2026 17:39:06 GMT"),
        Outcome::RateLimited { wait_ms: 30_000 }
    );
    for nonsense in ["-1", "4000", "soon", "", "NaN", "1e400"] {
        assert_eq!(
            wait(nonsense),
            Outcome::RateLimited { wait_ms: 20_000 },
            "{nonsense}"
        );
    }
    assert_eq!(
        means(&r, 429, &[], ""),
        Outcome::RateLimited { wait_ms: 20_000 }
    );
}

#[test]
fn what_every_vendor_means_by_a_status() {
    let r = Reading::default();
    assert!(matches!(means(&r, 204, &[], ""), Outcome::Done { .. }));
    assert!(matches!(means(&r, 302, &[], ""), Outcome::Refused { .. }));
    assert!(matches!(means(&r, 401, &[], ""), Outcome::AuthLost { .. }));
    assert!(matches!(
        means(&r, 403, &[], ""),
        Outcome::MissingScope { .. }
    ));
    assert!(matches!(means(&r, 500, &[], ""), Outcome::Unclear { .. }));
    assert!(
        matches!(means(&r, 503, &[], ""), Outcome::Unclear { .. }),
        "a 503 that promises nothing may have happened"
    );
    assert_eq!(
        means(&r, 503, &[("retry-after", "9")], ""),
        Outcome::TryLater {
            wait_ms: Some(9000)
        }
    );
    assert_eq!(
        means(
            &r,
            422,
            &[],
            r#"{"message":"Unprocessable","errors":[{"per_page":"too big"},"no"]}"#
        ),
        Outcome::Refused {
            code: "CALL-422".into(),
            turn: Turn::Us,
            say: "Unprocessable: per_page too big: no".into()
        }
    );
}

#[test]
fn a_200_that_does_not_say_yes_is_no_and_a_known_word_says_what() {
    let r = reading(
        "word = \"error\"\nsuccess = { at = \"ok\", is = true }\n[[rule]]\nwords = [\"nope\"]\nthen = \"auth_lost\"\nsay = \"needs {needed}\"",
    );
    assert!(matches!(
        means(&r, 200, &[], r#"{"ok":true}"#),
        Outcome::Done { .. }
    ));
    assert!(matches!(
        means(&r, 200, &[], r#"{"ok":"true"}"#),
        Outcome::Refused { .. }
    ));
    assert!(matches!(
        means(&r, 200, &[], r#"{"ok":false,"error":"brand_new"}"#),
        Outcome::Refused { .. }
    ));
    assert!(matches!(
        means(&r, 200, &[], "<html>"),
        Outcome::Refused { .. }
    ));
    assert_eq!(
        means(
            &r,
            200,
            &[],
            r#"{"ok":false,"error":"nope","needed":"x:y"}"#
        ),
        Outcome::AuthLost {
            say: "needs x:y (nope)".into()
        }
    );
}

#[test]
fn a_vendors_words_are_kept_short_and_on_one_line() {
    let long = format!(r#"{{"message":"a\n{}"}}"#, "b".repeat(5000));
    let Outcome::Refused { say, .. } = means(&Reading::default(), 400, &[], &long) else {
        panic!("refused")
    };
    assert!(say.chars().count() <= SAID && !say.contains('\n'));
}
