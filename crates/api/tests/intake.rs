//! `/in/{connection}` over a real connection: limits while reading, bad chunks, bad signatures, and no second guess about the answer.

mod common;

use common::Server;
use serde_json::json;
use stagewire_api::intake_router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Sends raw bytes to a real listener; gives back what it answers.
async fn raw(server: &Server, bytes: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = intake_router(server.api.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // the server may answer and close before all is sent
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    serving.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_signed_delivery_is_acknowledged_as_the_manifest_says() {
    let server = Server::start().await;
    let body = json!({"type": "person.made", "data": {"id": "p1", "first": "Ana", "updated": "2026-11-24T10:00:00Z"}});
    let answer = server.deliver(&body).await.is(202);
    assert!(
        answer.text.is_empty() && answer.header("x-request-id").is_empty(),
        "nothing is added on this way"
    );
    server.deliver(&body).await.is(202);
    let seen = server
        .until("/api/v1/deliveries", |a| a.items().len() == 2)
        .await;
    assert!(
        seen.items().iter().any(|d| d["state"] == "duplicate"),
        "{}",
        seen.text
    );
}

#[tokio::test]
async fn what_is_not_proven_is_refused_and_counted() {
    let server = Server::start().await;
    let mut forged = server.signed("{}");
    *forged.body_mut() = axum::body::Body::from("[]");
    server.send(forged).await.is(401);
    let shown = server
        .until("/api/v1/connections", |a| a.items()[0]["rejected"] == 1)
        .await;
    assert_eq!(shown.items()[0]["rejected"], 1);
    let request = |path: &str| {
        axum::http::Request::post(path)
            .body(axum::body::Body::from("{}"))
            .expect("a request")
    };
    server.send(request("/in/nobody")).await.is(404);
    server.send(request("/in/ats/more")).await.is(404);
    assert_eq!(
        server
            .call("GET", "/in/ats", None, None)
            .await
            .status
            .as_u16(),
        405
    );
}

#[tokio::test]
async fn a_body_is_limited_by_what_is_told_and_by_what_comes() {
    let server = Server::start().await;
    let largest = server.api.hub.largest("ats").expect("it takes deliveries");
    let told = format!(
        "POST /in/ats HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        largest + 1
    );
    let answer = raw(&server, told.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "told: {answer}");
    let mut chunked =
        b"POST /in/ats HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..=(largest >> 20) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend(&chunk);
        chunked.extend(b"\r\n");
    }
    let answer = raw(&server, &chunked).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413"),
        "came: {answer}"
    );
    let shown = server
        .until("/api/v1/connections", |a| {
            a.items()[0]["refused_large"] == 2
        })
        .await;
    assert_eq!(shown.items()[0]["refused_large"], 2);
    let failure = server
        .until("/api/v1/failures?code=IN-003", |a| !a.items().is_empty())
        .await;
    assert!(
        failure.items()[0]["cause"]
            .as_str()
            .is_some_and(|c| c.contains("too large")),
        "{}",
        failure.text
    );
}

#[tokio::test]
async fn broken_chunks_are_not_taken() {
    let server = Server::start().await;
    let broken = "POST /in/ats HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n";
    let answer = raw(&server, broken.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(server.get("/api/v1/deliveries").await.items().is_empty());
}
