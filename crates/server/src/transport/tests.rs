//! How a call can end, against listeners on loopback that refuse, hang, break off or say too much.

use std::future::Future;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::Cidr;

fn outbound() -> Outbound {
    let loopback = Cidr::parse("127.0.0.0/8").expect("a range");
    Outbound::new(Addresses::allowing(vec![loopback])).expect("a client")
}

fn request(url: &str) -> Request {
    Request {
        timeout_ms: 2_000,
        ..Request::get(url, "/")
    }
}

/// A listener that does this with the first connection once its request has come.
async fn listener<F>(act: impl FnOnce(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        act(stream).await;
    });
    url
}

async fn says(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    listener(|mut stream| async move {
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
    })
    .await
}

#[tokio::test]
async fn an_answer_comes_back_whole_and_a_redirect_is_not_followed() {
    let url = says("HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\nX-Left: 7\r\ncontent-length: 2\r\n\r\nok").await;
    let answer = outbound().send(request(&url)).await.expect("an answer");
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("x-left"), Some("7"));
    assert_eq!(answer.text(), "ok");
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let ended = outbound().send(request(&url)).await;
    assert_eq!(ended, Err(not(NotSent::Refused)));
}

#[tokio::test]
async fn a_name_without_address_was_not_sent() {
    let ended = outbound().send(request("http://nobody.invalid/")).await;
    assert_eq!(ended, Err(not(NotSent::Dns)));
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_was_sent_nothing() {
    let url = says("HTTP/1.1 200 OK\r\n\r\n").await;
    let url = url.replace("http://", "https://");
    let ended = outbound().send(request(&url)).await;
    assert_eq!(ended, Err(not(NotSent::Tls)));
}

#[tokio::test]
async fn forbidden_addresses_are_not_called_however_they_are_written() {
    let nothing_private = Outbound::new(Addresses::default()).expect("a client");
    for url in [
        "http://127.0.0.1:1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:1/",
        "http://user@example.com/",
        "ftp://example.com/",
    ] {
        let ended = nothing_private.send(request(url)).await;
        assert_eq!(ended, Err(not(NotSent::Blocked)), "{url}");
    }
}

#[tokio::test]
async fn a_peer_that_hangs_may_have_been_sent_it() {
    let url = listener(|mut stream| async move {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    })
    .await;
    let slow = Request {
        timeout_ms: 100,
        ..request(&url)
    };
    let ended = outbound().send(slow).await;
    assert_eq!(ended, Err(maybe(MaybeSent::Timeout)));
}

#[tokio::test]
async fn a_peer_that_closes_early_may_have_been_sent_it() {
    let url = listener(|stream| async move { drop(stream) }).await;
    let ended = outbound().send(request(&url)).await;
    assert_eq!(ended, Err(maybe(MaybeSent::Reset)));
    let url = says("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    let ended = outbound().send(request(&url)).await;
    assert_eq!(ended, Err(maybe(MaybeSent::Reset)), "half a body");
}

#[tokio::test]
async fn an_answer_over_the_limits_is_no_complete_answer() {
    let told = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", BODY + 1);
    let ended = outbound().send(request(&says(told).await)).await;
    assert_eq!(ended, Err(maybe(MaybeSent::Reset)), "told beforehand");
    let mut untold = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    untold.resize(untold.len() + BODY + 1, b'x');
    let ended = outbound().send(request(&says(untold).await)).await;
    assert_eq!(ended, Err(maybe(MaybeSent::Reset)), "found while reading");
    let wide = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(HEADER_BYTES));
    let ended = outbound().send(request(&says(wide).await)).await;
    assert_eq!(ended, Err(maybe(MaybeSent::Reset)), "headers");
}

#[tokio::test]
async fn a_header_that_cannot_be_one_is_not_sent() {
    let mut bad = request("http://127.0.0.1:1/");
    bad.set_header("x-note", "two\r\nlines");
    assert_eq!(outbound().send(bad).await, Err(OTHER));
}
