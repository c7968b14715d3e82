//! `/api/v1/stream`: new events are told by id and type, and the stream ends when the server stops.

mod common;

use common::{Server, request};
use futures::StreamExt;
use tower::ServiceExt;

#[tokio::test]
async fn a_listener_hears_of_new_events_and_is_let_go() {
    let server = Server::start().await;
    let response = server
        .app
        .clone()
        .oneshot(request("GET", "/api/v1/stream", Some("viewer"), None))
        .await
        .expect("an answer");
    assert_eq!(response.status().as_u16(), 200);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .is_ok_and(|t| t.starts_with("text/event-stream"))
    );
    let mut body = response.into_body().into_data_stream();
    server.with_people(1).await;
    let heard = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        let mut text = String::new();
        while !text.contains("application.created") {
            let chunk = body.next().await.expect("it goes on").expect("it is whole");
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        text
    });
    let text = heard.await.expect("it is told");
    assert!(
        text.contains("event: event") && text.contains("data: {\"id\":\"evt_"),
        "{text}"
    );
    assert!(!text.contains("Ana"), "only ids and types");
    server.api.stop();
    assert!(body.next().await.is_none(), "it ends with the server");
}
