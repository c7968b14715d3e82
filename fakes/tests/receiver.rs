//! The signed receiver checks, counts and misbehaves as told.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{client, send, start};
use reqwest::RequestBuilder;
use stagewire_fakes::receiver::{Options, Receiver};
use stagewire_fakes::{Clock, Fault, Handle, Rule, loopback, standard_webhooks_signature};

const SECRET: &str = "whsec_HboHGoa2x7E0ubhw+26K7XB689oDc0Cm";

async fn receiver(options: Options) -> (Handle<Receiver>, Clock) {
    let clock = Clock::manual(start());
    let options = Options {
        clock: clock.clone(),
        ..options
    };
    let handle = Receiver::new(options)
        .serve(loopback().await.unwrap())
        .await
        .unwrap();
    (handle, clock)
}

fn signed(url: &str, id: &str, secs: i64, body: &str) -> RequestBuilder {
    let signature = standard_webhooks_signature(SECRET, id, secs, body.as_bytes()).unwrap();
    let request = client().post(format!("{url}/hook/any/path"));
    let request = request
        .header("webhook-id", id)
        .header("webhook-timestamp", secs);
    let request = request.header("webhook-signature", format!("v1a,other {signature}"));
    request.body(body.to_string())
}

#[tokio::test]
async fn a_signature_must_match_the_bytes_and_be_recent() {
    let options = Options {
        secrets: vec![SECRET.into()],
        ..Options::default()
    };
    let (handle, clock) = receiver(options).await;
    let now = clock.now().secs();
    let url = handle.url();
    assert_eq!(send(signed(&url, "m1", now, "{}")).await.status, 200);
    assert_eq!(send(signed(&url, "m2", now - 300, "{}")).await.status, 200);
    assert_eq!(send(signed(&url, "m3", now - 301, "{}")).await.status, 401);
    assert_eq!(
        send(signed(&url, "m4", now, "{}").body("{ }")).await.status,
        401
    );
    let bare = client().post(format!("{url}/hook")).body("{}");
    assert_eq!(send(bare).await.status, 401);
    assert_eq!(handle.state.order(), ["m1", "m2"]);
    assert_eq!(handle.state.refused(), 3);
}

#[tokio::test]
async fn a_repeat_is_no_second_effect_unless_ids_are_ignored() {
    for (ignores_ids, effects) in [(false, 2), (true, 3)] {
        let (handle, _) = receiver(Options {
            ignores_ids,
            ..Options::default()
        })
        .await;
        for (id, body) in [("a", r#"{"n":1}"#), ("b", "{}"), ("a", r#"{"n":2}"#)] {
            assert_eq!(send(signed(&handle.url(), id, 0, body)).await.status, 200);
        }
        assert_eq!(handle.state.effects(), effects);
        assert_eq!((handle.state.requests(), handle.state.count("a")), (3, 2));
        let entry = handle.state.entry("a").unwrap();
        assert_eq!(&entry.first_body[..], br#"{"n":1}"#);
        assert_eq!(&entry.last_body[..], br#"{"n":2}"#);
        let page = send(client().get(handle.url())).await;
        assert!(page.text.contains("/hook/any/path") && page.text.contains("effects"));
    }
}

#[tokio::test]
async fn faults_last_as_long_as_told() {
    let (handle, clock) = receiver(Options::default()).await;
    let url = handle.url();
    let until = clock.now().plus_secs(60);
    handle
        .state
        .arm(Rule::until(until, "POST", "/hook", Fault::status(503)));
    assert_eq!(send(signed(&url, "a", 0, "{}")).await.status, 503);
    clock.advance(Duration::from_secs(60));
    assert_eq!(send(signed(&url, "a", 0, "{}")).await.status, 200);
    handle
        .state
        .arm(Rule::next(1, "", "/hook", Fault::DropAfter));
    assert!(signed(&url, "b", 0, "{}").send().await.is_err());
    assert_eq!(handle.state.count("b"), 1);
    handle.state.arm(Rule::next(1, "", "/hook", Fault::Hang));
    let hanging = tokio::spawn(signed(&url, "c", 0, "{}").send());
    while !handle.state.order().is_empty() && handle.state.count("d") == 0 {
        let _ = send(signed(&url, "d", 0, "{}")).await.status;
    }
    handle.shutdown().await;
    assert!(hanging.await.unwrap().is_err());
}

#[tokio::test]
async fn only_loopback_is_served() {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    assert!(
        Receiver::new(Options::default())
            .serve(listener)
            .await
            .is_err()
    );
}
