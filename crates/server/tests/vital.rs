//! How the server looks after itself: signs of life, its own address and certificate, and who really asks behind a proxy.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

use common::{Place, TOKEN};
use serde_json::Value;

const USUAL: &str = "[server]\nlisten = \"127.0.0.1:0\"\n";
const LOOPBACK: &str = "[network]\nallow_private = [\"127.0.0.0/8\"]\n";

#[test]
fn a_sign_of_life_is_given_and_its_address_is_told_to_nobody() {
    let ear = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = ear.local_addr().expect("an address");
    let place = Place::with(&format!("{USUAL}heartbeat = \"file:beat\"\n{LOOPBACK}"));
    place.write("beat", &format!("http://{at}/ping/s3cret\n"));
    let server = place.serve();
    let (mut caller, _) = ear.accept().expect("somebody calls");
    let mut line = String::new();
    let mut reader = BufReader::new(caller.try_clone().expect("the same connection"));
    reader.read_line(&mut line).expect("a request");
    assert_eq!(line.trim(), "GET /ping/s3cret HTTP/1.1");
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    caller.write_all(answer).expect("answered");
    let calls = loop {
        let (_, calls) = server.get("/api/v1/calls");
        if calls["items"][0].is_object() {
            break calls;
        }
    };
    let call = &calls["items"][0];
    assert_eq!(call["purpose"], "heartbeat");
    assert_eq!(
        (&call["path"], &call["status"]),
        (&"/{heartbeat}".into(), &200.into())
    );
    assert!(!calls.to_string().contains("s3cret"), "{calls}");
}

/// The status of a request with a token, as a proxy passes it on for `client`.
fn asked(at: &str, token: &str, client: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).expect("somebody listens");
    let request = format!(
        "GET /api/v1/connections HTTP/1.0\r\nhost: {at}\r\nauthorization: Bearer {token}\r\nx-forwarded-for: {client}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it leaves");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    (status.expect("a status"), answer)
}

#[test]
fn behind_a_trusted_proxy_only_who_guesses_tokens_must_wait() {
    let place = Place::with(&format!("{USUAL}trusted_proxies = [\"127.0.0.1\"]\n"));
    let server = place.serve();
    let wrong = |client: &str| asked(&server.at, "no-such-token", client);
    assert_eq!(asked(&server.at, TOKEN, "203.0.113.9").0, 200);
    for n in 0..20 {
        assert_eq!(wrong("203.0.113.9").0, 401, "{n}");
    }
    let (status, answer) = wrong("203.0.113.9");
    assert_eq!(status, 429);
    assert!(answer.contains("API-429") && answer.to_lowercase().contains("retry-after: "));
    assert_eq!(wrong("203.0.113.10").0, 401, "somebody else");
    assert_eq!(
        asked(&server.at, TOKEN, "203.0.113.9").0,
        200,
        "a known token"
    );
}

#[test]
fn where_no_proxy_is_trusted_nobody_can_speak_for_another() {
    let place = Place::with(USUAL);
    let server = place.serve();
    for n in 0..20 {
        assert_eq!(
            asked(&server.at, "no-such-token", &format!("203.0.113.{n}")).0,
            401
        );
    }
    let (status, _) = asked(&server.at, "no-such-token", "203.0.113.99");
    assert_eq!(status, 429, "all of them came from one address");
}

/// One answer over the owner's door.
fn local(data: &Path, path: &str) -> Value {
    let mut stream = UnixStream::connect(data.join("stagewire.sock")).expect("the door is there");
    let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it leaves");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn a_certificate_at_its_end_and_an_address_that_leads_nowhere_are_told() {
    let place = Place::with(&format!(
        "{USUAL}tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\npublic_url = \"https://wire.invalid\"\n\
         [[connection]]\nid = \"gh\"\nconnector = \"greenhouse\"\nowner = \"ana@example.com\"\npoll = \"0\"\nbase_url = \"http://127.0.0.1:9\"\nauth_url = \"http://127.0.0.1:9\"\n[connection.fields]\nclient_id = \"c\"\nclient_secret = \"s\"\nwebhook_secret = \"w\"\n"
    ));
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params =
        rcgen::CertificateParams::new(vec!["wire.invalid".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(2026, 1, 2);
    let cert = params.self_signed(&key).expect("a certificate");
    fs::write(place.path("cert.pem"), cert.pem()).expect("written");
    fs::write(place.path("key.pem"), key.serialize_pem()).expect("written");
    let mut serve = place.command(&["serve"]);
    let serve = serve.env("STAGEWIRE_ADMIN_TOKEN", TOKEN);
    let serve = serve.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = serve.spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let listens = lines.any(|line| line.is_ok_and(|line| line.starts_with("listening on https")));
    assert!(listens);
    let data = place.path("data");
    let causes = loop {
        let failures = local(&data, "/api/v1/failures?code=SELF-001");
        let causes: Vec<String> = failures["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|f| f["cause"].as_str().unwrap_or_default().to_owned())
            .collect();
        if causes.len() >= 2 {
            break causes;
        }
    };
    child.kill().expect("it ends");
    child.wait().expect("it ended");
    let says = |words: &str| causes.iter().any(|cause| cause.contains(words));
    assert!(
        says("the certificate of https://wire.invalid ended on 2026-01-02"),
        "{causes:?}"
    );
    assert!(
        says("vendors cannot reach https://wire.invalid: "),
        "{causes:?}"
    );
    assert_eq!(causes.len(), 2, "{causes:?}");
}
