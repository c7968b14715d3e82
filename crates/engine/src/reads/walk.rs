//! A walk over the pages of one stream: asks, remembers where it was, finds out whether it was whole. Concludes nothing and stores
//! nothing; a walk that ends before its end ends with an error.

use super::ReadError;
use super::ask::ask;
use crate::budget::Priority;
use crate::connection::Connection;
use crate::hub::Hub;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stagewire_connector::{Ask, Request, Scan, Stream};

/// One page.
pub(super) struct Page {
    /// Its rows, without what is protected.
    pub rows: Vec<Value>,
    /// Our receipt number when it was asked.
    pub asked: u64,
    /// The sync token, on the last page of those who give one.
    pub token: Option<String>,
    /// Where the walk goes on; none after the last page.
    pub next: Option<Place>,
}

/// Where a walk goes on, as a checkpoint holds it. No credentials are in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
}

/// A walk under way.
pub(super) struct Walk<'a> {
    hub: &'a Hub,
    conn: &'a Connection,
    stream: &'a Stream,
    priority: Priority,
    scan: Scan,
    next: Option<Request>,
    /// One list for each row of another list, not yet asked for.
    each: bool,
    /// The page after the last one given is asked for while that one is being stored.
    ahead: Option<Ahead<'a>>,
}

type Answer = Result<(Request, stagewire_connector::Response, u64), ReadError>;
type Ahead<'a> = std::pin::Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

impl<'a> Walk<'a> {
    /// A walk from the first page, or from where an earlier one stopped.
    pub(super) fn new(
        hub: &'a Hub,
        conn: &'a Connection,
        stream: &'a Stream,
        what: &Ask,
        from: Option<&Place>,
        priority: Priority,
    ) -> Result<Walk<'a>, ReadError> {
        let mut walk = Walk {
            hub,
            conn,
            stream,
            priority,
            scan: Scan::new(),
            next: None,
            each: *what == Ask::Full && stream.by_each(),
            ahead: None,
        };
        if walk.each {
            return Ok(walk);
        }
        let ours = hub.env.now();
        let now = conn.vendor_date().map_or(ours, |theirs| theirs.max(ours));
        let settings = conn.settings();
        let mut first = conn
            .connector
            .first_page_at(stream, &settings, what, Some(now))?;
        if let Some(place) = from {
            place.url.clone_into(&mut first.url);
            if !place.body.is_empty() {
                first.body = place.body.clone().into_bytes();
            }
        }
        walk.next = Some(first);
        Ok(walk)
    }

    /// The next page; none after the last.
    pub(super) async fn page(&mut self) -> Result<Option<Page>, ReadError> {
        if std::mem::take(&mut self.each) {
            return together(self.hub, self.conn, self.stream, self.priority)
                .await
                .map(Some);
        }
        self.one().await
    }

    async fn one(&mut self) -> Result<Option<Page>, ReadError> {
        let answer = match (self.ahead.take(), self.next.take()) {
            (Some(ahead), _) => ahead.await,
            (None, Some(request)) => fetch(self.hub, self.conn, request, self.priority).await,
            (None, None) => return Ok(None),
        };
        let (request, response, asked) = answer?;
        let connector = &self.conn.connector;
        let next = connector.next_page(self.stream, &request, &response)?;
        let next = self.scan.step(&request, next)?;
        let (rows, token) = connector.rows(self.stream, &request, &response)?;
        let place = next.as_ref().map(|n| Place {
            url: n.url.clone(),
            body: String::from_utf8_lossy(&n.body).into_owned(),
        });
        self.next = next;
        Ok(Some(Page {
            rows,
            asked,
            token,
            next: place,
        }))
    }

    /// Stores what a page told, while the next page is already asked for.
    pub(super) async fn beside<T>(&mut self, store: impl Future<Output = T>) -> T {
        let Some(request) = self.next.take() else {
            return store.await;
        };
        let mut ahead: Ahead<'a> = Box::pin(fetch(self.hub, self.conn, request, self.priority));
        tokio::pin!(store);
        tokio::select! {
            biased;
            stored = &mut store => {
                self.ahead = Some(ahead);
                stored
            }
            answer = &mut ahead => {
                self.ahead = Some(Box::pin(std::future::ready(answer)));
                store.await
            }
        }
    }
}

/// The list of each row of another list, as one page: they are few, and only all of them together are whole.
async fn together(
    hub: &Hub,
    conn: &Connection,
    stream: &Stream,
    priority: Priority,
) -> Result<Page, ReadError> {
    let asked = conn.ask();
    let (mut ids, mut rows) = (Vec::new(), Vec::new());
    let mut owners = Walk::new(hub, conn, stream, &Ask::Each, None, priority)?;
    while let Some(page) = owners.one().await? {
        ids.extend(page.rows.iter().filter_map(|row| stream.each_id(row)));
    }
    for id in ids {
        let ask = Ask::Foreign {
            entity: stream.entity,
            ids: vec![id],
        };
        let mut list = Walk::new(hub, conn, stream, &ask, None, priority)?;
        while let Some(page) = list.one().await? {
            rows.extend(page.rows);
        }
    }
    Ok(Page {
        rows,
        asked,
        token: None,
        next: None,
    })
}

async fn fetch(hub: &Hub, conn: &Connection, request: Request, priority: Priority) -> Answer {
    let asked = conn.ask();
    let response = ask(hub, conn, request.clone(), priority).await?;
    Ok((request, response, asked))
}
