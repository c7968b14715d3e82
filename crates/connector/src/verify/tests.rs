//! Recipes with made-up keys; digests were computed with another program.

use super::*;
use crate::manifest::{Doc, Sink};

fn recipe(toml: &str) -> Recipe {
    let sink = Sink::default();
    let doc = Doc::parse("webhooks.toml", toml, &sink);
    let recipe = Recipe::read(&Reader::new(&doc.root, &sink), 10_000);
    assert_eq!(sink.take(), []);
    recipe.expect("a recipe")
}

const PLAIN: &str =
    "scheme = \"hmac_sha256\"\nheader = \"Signature\"\nshape = \"sha256 {hex}\"\nsecret = \"hook\"";
const TIMED: &str = "scheme = \"hmac_sha256\"\nover = [\"header:webhook-id\", \"text:.\", \"header:webhook-timestamp\", \"text:.\", \"body\"]\n\
    header = \"webhook-signature\"\nshape = \"v1,{base64}\"\nbetween = \" \"\nkey = \"whsec\"\nsecret = \"hook\"\n\
    timestamp = { header = \"webhook-timestamp\", tolerance = \"5m\" }";

fn check(
    recipe: &Recipe,
    secret: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    now: i64,
) -> Verdict {
    let settings = Settings::default().with("hook", secret);
    let find = |name: &str| {
        headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| *v)
    };
    recipe
        .verify(&settings, &find, body, Micros(now * 1_000_000))
        .verdict
}

// A made-up secret (`right`) and body; the digest was computed with another program.
const BODY: &[u8] = br#"{"action":"ping","payload":{"name":"M\u00e4rz \u003c3"}}"#;
const DIGEST: &str = "sha256 4f5604ed9640b5b0761f21da8cbff01bdb8dc3d90fd7cae2f50c2754da8cbc0c";

#[test]
fn any_secret_of_a_list_is_enough_and_one_changed_byte_is_not() {
    let recipe = recipe(PLAIN);
    let good = DIGEST.to_owned();
    assert_eq!(
        recipe
            .sign("right", &|_| None, BODY)
            .expect("a signature")
            .1,
        good
    );
    assert_eq!(
        check(&recipe, "right", &[("signature", &good)], BODY, 0),
        Verdict::Verified
    );
    assert_eq!(
        check(&recipe, "wrong, right", &[("signature", &good)], BODY, 0),
        Verdict::Verified
    );
    assert_eq!(
        check(&recipe, "wrong", &[("signature", &good)], BODY, 0),
        Verdict::Bad
    );
    let mut changed = BODY.to_vec();
    changed[3] ^= 1;
    assert_eq!(
        check(&recipe, "right", &[("signature", &good)], &changed, 0),
        Verdict::Bad
    );
    assert_eq!(
        check(&recipe, "right", &[("signature", &good[..40])], BODY, 0),
        Verdict::Bad,
        "a short hash is no hash"
    );
    assert_eq!(
        check(&recipe, "right", &[("signature", &good[7..])], BODY, 0),
        Verdict::Bad,
        "without the prefix"
    );
    assert_eq!(check(&recipe, "right", &[], BODY, 0), Verdict::Bad);
    assert_eq!(
        check(&recipe, " ", &[("signature", &good)], BODY, 0),
        Verdict::NoSecret
    );
}

#[test]
fn a_timed_list_of_signatures_is_read_as_its_specification_says() {
    // From the reference libraries of Standard Webhooks.
    let recipe = recipe(TIMED);
    let (secret, body) = (
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        br#"{"email":"test@example.com","username":"test_user"}"#,
    );
    let good = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
    let run = |signature: &str, now| {
        let headers = [
            ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
            ("webhook-timestamp", "1649367553"),
            ("webhook-signature", signature),
        ];
        check(&recipe, secret, &headers, body, now)
    };
    assert_eq!(run(good, 1_649_367_553), Verdict::Verified);
    assert_eq!(
        run(&format!("nonsense v1a,AAAA {good}"), 1_649_367_553),
        Verdict::Verified
    );
    assert_eq!(
        run(good, 1_649_367_553 + 300),
        Verdict::Verified,
        "exactly 300 s apart"
    );
    assert_eq!(run(good, 1_649_367_553 - 301), Verdict::Bad);
    assert_eq!(
        run(
            "v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=",
            1_649_367_553
        ),
        Verdict::Bad
    );
}

const IN_BODY: &str = "scheme = \"hmac_sha256\"\nover = [\"field:token\", \"field:at\"]\nat = \"signature\"\nsecret = \"hook\"\nguard = \"token\"\n\
    timestamp = { at = \"at\", unit = \"ms\", note = \"1h\" }";
const MADE: i64 = 1_431_454_330_072;
// HMAC-SHA256 of "t0ken1431454330072" by `right`.
const IN_BODY_DIGEST: &str = "c13917f7a11df3bc5aa0d53e80c2e44e717db6dfa3d5556f63a02c4e6368563d";

fn in_body(token: &str, at: &str, signature: &str, data: &str) -> Vec<u8> {
    format!(
        r#"{{"at":{at},"event":"moved","data":{data},"signature":"{signature}","token":"{token}"}}"#
    )
    .into_bytes()
}

fn proof(recipe: &Recipe, secret: &str, body: &[u8], now_ms: i64) -> Proof {
    let settings = Settings::default().with("hook", secret);
    recipe.verify(&settings, &|_| None, body, Micros(now_ms * 1000))
}

#[test]
fn a_signature_in_the_body_proves_its_token_and_not_the_data_beside_it() {
    let recipe = recipe(IN_BODY);
    assert!(!recipe.proves_body());
    let good = in_body("t0ken", "1431454330072", IN_BODY_DIGEST, r#"{"id":1}"#);
    let proved = proof(&recipe, "wrong, right", &good, MADE);
    assert_eq!((proved.verdict, proved.old_ms), (Verdict::Verified, None));
    assert_eq!(
        recipe.sign("right", &|_| None, &good),
        Some(("signature".into(), IN_BODY_DIGEST.into()))
    );
    let forged = in_body("t0ken", "1431454330072", IN_BODY_DIGEST, r#"{"id":2}"#);
    assert_eq!(
        proof(&recipe, "right", &forged, MADE),
        proof(&recipe, "right", &good, MADE),
        "other data under the same token is seen by the guard, not by the signature"
    );
    for (token, at) in [
        ("t0kem", "1431454330072"),
        ("t0ken", "1431454330073"),
        ("t0ken", "1.431454330072e12"),
        ("t0ken", "null"),
    ] {
        let body = in_body(token, at, IN_BODY_DIGEST, "{}");
        assert_eq!(
            proof(&recipe, "right", &body, MADE),
            Proof::only(Verdict::Bad),
            "{token} {at}"
        );
    }
    for body in [
        &b"{"[..],
        b"[]",
        b"{\"signature\":1}",
        b"{\"token\":\"t0ken\",\"at\":1431454330072}",
    ] {
        assert_eq!(proof(&recipe, "right", body, MADE).verdict, Verdict::Bad);
        assert_eq!(proof(&recipe, "", body, MADE).verdict, Verdict::NoSecret);
    }
}

#[test]
fn a_byte_moved_from_the_time_to_the_token_is_no_new_token() {
    let recipe = recipe(IN_BODY);
    let good = proof(
        &recipe,
        "right",
        &in_body("t0ken", "1431454330072", IN_BODY_DIGEST, "{}"),
        MADE,
    );
    let moved = proof(
        &recipe,
        "right",
        &in_body("t0ken1", "431454330072", IN_BODY_DIGEST, "{}"),
        MADE,
    );
    assert_eq!(
        moved.verdict,
        Verdict::Verified,
        "the vendor puts no mark between the two"
    );
    assert_eq!(moved.once, good.once);
    assert!(good.once.is_some());
}

#[test]
fn an_age_that_is_only_noted_refuses_nothing() {
    let recipe = recipe(IN_BODY);
    let body = in_body("t0ken", "1431454330072", IN_BODY_DIGEST, "{}");
    let at = |later| {
        let proof = proof(&recipe, "right", &body, MADE + later);
        (proof.verdict, proof.old_ms)
    };
    assert_eq!(at(3_600_000), (Verdict::Verified, None));
    assert_eq!(at(3_600_001), (Verdict::Verified, Some(3_600_001)));
    assert_eq!(at(-9_000_000), (Verdict::Verified, None));
}

#[test]
fn where_a_secret_is_optional_only_its_absence_here_lets_an_unsigned_copy_in() {
    let optional = recipe(&format!("{PLAIN}\noptional = true"));
    let run = |secret: &str, headers: &[(&str, &str)]| check(&optional, secret, headers, BODY, 0);
    assert_eq!(run("", &[]), Verdict::Unsigned);
    assert_eq!(
        run("", &[("signature", DIGEST)]),
        Verdict::NoSecret,
        "the vendor signs: the secret is still to be typed in"
    );
    assert_eq!(
        run("right", &[]),
        Verdict::Bad,
        "leaving the header away is no way in"
    );
    assert_eq!(run("right", &[("signature", DIGEST)]), Verdict::Verified);
    assert_eq!(check(&recipe(PLAIN), "", &[], BODY, 0), Verdict::NoSecret);
}

#[test]
fn a_secret_sent_as_it_is_proves_the_sender_and_not_the_body() {
    let recipe = recipe(
        "scheme = \"token\"\nheader = \"X-Hook\"\nshape = \"Bearer {token}\"\nsecret = \"hook\"",
    );
    assert!(!recipe.proves_body() && recipe.is_token());
    let run = |secret: &str, told: &str| check(&recipe, secret, &[("x-hook", told)], b"{}", 0);
    assert_eq!(run("old, new", "Bearer new"), Verdict::Verified);
    for told in [
        "Bearer ne",
        "Bearer new2",
        "new",
        "Bearer ",
        "Bearer old, new",
    ] {
        assert_eq!(run("old, new", told), Verdict::Bad, "{told}");
    }
    assert_eq!(check(&recipe, "new", &[], b"{}", 0), Verdict::Bad);
    assert_eq!(run("", "Bearer new"), Verdict::NoSecret);
}

fn problems(toml: &str) -> Vec<String> {
    let sink = Sink::default();
    let doc = Doc::parse("webhooks.toml", toml, &sink);
    let _ = Recipe::read(&Reader::new(&doc.root, &sink), 10_000);
    sink.take().iter().map(ToString::to_string).collect()
}

#[test]
fn a_recipe_that_cannot_hold_is_told_where_it_stands() {
    let told = |toml: &str, says: &str| {
        let problems = problems(toml);
        assert!(problems.iter().any(|p| p.contains(says)), "{problems:?}");
    };
    told("scheme = \"hmac_sha265\"", "did you mean `hmac_sha256`?");
    told(
        &format!("{PLAIN}\nover = [\"feild:token\"]"),
        "webhooks.toml:5:8: `feild:token` is no part of a signature",
    );
    told(&format!("{PLAIN}\nat = \"signature\""), "not both");
    told(
        "scheme = \"token\"\nsecret = \"hook\"",
        "it needs a `header`, or `at`",
    );
    told(&format!("{PLAIN}\nguard = \"token\""), "its hash guards it");
    told(
        "scheme = \"token\"\nheader = \"X\"\nsecret = \"hook\"\nover = [\"body\"]",
        "over nothing",
    );
    told(
        &format!("{PLAIN}\ntimestamp = {{ header = \"T\", tolerance = \"5m\", note = \"1h\" }}"),
        "only noted",
    );
}
