//! New events as they come, as server-sent events: ids and types only, so that a page knows when to look. One reader asks the store
//! for all listeners, and only while there are any.

use crate::Api;
use crate::list::{Wanted, page};
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use serde_json::json;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How often the store is asked, in milliseconds.
const EVERY_MS: u64 = 1_000;
/// A listener that lags further behind is told so.
const HELD: usize = 1_024;
/// Events of one look; where more came at once, listeners are told to look themselves.
const LOOK: i64 = 500;

/// What listeners are told.
#[derive(Clone, Debug)]
enum News {
    /// A new event: its id and type.
    Event(String, String),
    /// Some were left out.
    Gap,
}

/// All listeners.
pub(crate) struct Feed {
    news: broadcast::Sender<News>,
    running: AtomicBool,
    stopped: watch::Sender<bool>,
}

impl Default for Feed {
    fn default() -> Feed {
        Feed {
            news: broadcast::Sender::new(HELD),
            running: AtomicBool::new(false),
            stopped: watch::Sender::new(false),
        }
    }
}

impl Feed {
    /// Ends every listener's stream, so that the server can stop.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(stream))
}

/// New events, as they come: `event: event`, `data: {"id", "type"}`; `event: gap` says that some were left out.
#[utoipa::path(get, path = "/api/v1/stream", tag = "events", responses((status = 200, description = "A stream that does not end.", content_type = "text/event-stream", body = String)))]
async fn stream(State(api): State<Api>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let feed = &api.shared.feed;
    let (news, stopped) = (feed.news.subscribe(), feed.stopped.subscribe());
    if !feed.running.swap(true, Ordering::AcqRel) {
        tokio::spawn(tell(api.clone()));
    }
    let events = futures::stream::unfold((news, stopped), |(mut news, mut stopped)| async move {
        let heard = tokio::select! {
            heard = news.recv() => heard,
            _ = stopped.wait_for(|s| *s) => return None,
        };
        let event = match heard {
            Ok(News::Event(id, kind)) => Event::default()
                .event("event")
                .id(id.clone())
                .data(json!({"id": id, "type": kind}).to_string()),
            Ok(News::Gap) | Err(broadcast::error::RecvError::Lagged(_)) => {
                Event::default().event("gap").data("{}")
            }
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((Ok(event), (news, stopped)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

/// Looks for new events as long as somebody listens.
async fn tell(api: Api) {
    let feed = &api.shared.feed;
    let mut last: Option<String> = None;
    let mut first = true;
    loop {
        if feed.news.receiver_count() == 0 || *feed.stopped.borrow() {
            feed.running.store(false, Ordering::Release);
            // somebody may have come between the look and the word
            if feed.news.receiver_count() == 0
                || *feed.stopped.borrow()
                || feed.running.swap(true, Ordering::AcqRel)
            {
                return;
            }
        }
        let limit = if first { 1 } else { LOOK };
        match page(
            &api,
            "events",
            Wanted {
                limit,
                cursor: None,
                filters: Vec::new(),
            },
        )
        .await
        {
            Ok(page) => {
                let pair = |e: &serde_json::Value| {
                    Some((e["id"].as_str()?.to_owned(), e["type"].as_str()?.to_owned()))
                };
                let newest: Vec<(String, String)> = page.items.iter().filter_map(pair).collect();
                if !first {
                    tell_new(feed, &newest, last.as_deref(), page.next.is_some());
                }
                last = newest.into_iter().next().map(|(id, _)| id).or(last);
                first = false;
            }
            Err(e) => {
                tracing::warn!(problem = ?e.members.get("code"), "new events could not be read for listeners")
            }
        }
        api.hub.env.sleep(EVERY_MS).await;
    }
}

fn tell_new(feed: &Feed, newest: &[(String, String)], last: Option<&str>, more: bool) {
    let known = newest.iter().position(|(id, _)| Some(id.as_str()) == last);
    if known.is_none() && more {
        let _ = feed.news.send(News::Gap);
    }
    for (id, kind) in newest[..known.unwrap_or(newest.len())].iter().rev() {
        let _ = feed.news.send(News::Event(id.clone(), kind.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_told_oldest_first() {
        let feed = Feed::default();
        let mut heard = feed.news.subscribe();
        let events = |ids: &[&str]| {
            ids.iter()
                .map(|id| ((*id).to_owned(), "t".to_owned()))
                .collect::<Vec<_>>()
        };
        tell_new(&feed, &events(&["c", "b", "a"]), Some("a"), true);
        let ids: Vec<String> = std::iter::from_fn(|| heard.try_recv().ok())
            .map(|n| {
                if let News::Event(id, _) = n {
                    id
                } else {
                    "gap".into()
                }
            })
            .collect();
        assert_eq!(ids, ["b", "c"]);
        tell_new(&feed, &events(&["z"]), Some("a"), true);
        assert!(
            matches!(heard.try_recv(), Ok(News::Gap)),
            "more came than one look shows"
        );
    }
}
