//! Whether the server really works: its store takes writes, its lanes and dispatchers run, and nothing that arrived is left lying.
//! Looks and says; it mends nothing.

use crate::caller::Purpose;
use crate::hub::Hub;
use stagewire_connector::{Request, Response, SendError};
use stagewire_model::{MAIN, Micros, Secret};
use stagewire_store::Failing;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A store that takes longer for one write does not work.
const SLOWEST: Duration = Duration::from_secs(5);
/// A delivery that could be mapped and lies longer than this is left lying.
const LYING_US: i64 = 600_000_000;
/// How long the answer to a sign of life is waited for.
const BEAT_MS: u64 = 10_000;
/// The entry of the inbox for all that is wrong with the server itself.
const CODE: &str = "SELF-001";

impl Hub {
    /// A task without which the server does not work.
    pub(crate) fn needs(&self, what: String, task: JoinHandle<()>) {
        self.needed().push((what, task));
    }

    /// What keeps the server from working, if anything does.
    pub async fn not_working(&self) -> Option<String> {
        match tokio::time::timeout(SLOWEST, self.store.ping()).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Some(format!("the store cannot be written: {e}")),
            Err(_) => return Some("the store does not answer".to_owned()),
        }
        let ended =
            |(what, task): &(String, JoinHandle<()>)| task.is_finished().then(|| what.clone());
        if let Some(what) = self.needed().iter().find_map(ended) {
            return Some(format!("{what} has stopped"));
        }
        let counts = match self.store.counts().await {
            // what is left of a connection that is gone waits for nobody
            Ok(all) => all
                .into_iter()
                .filter(|(_, conn, _)| self.connection(conn).is_some())
                .collect::<Vec<_>>(),
            Err(e) => return Some(format!("the store cannot be read: {e}")),
        };
        lying(&counts, self.env.now())
    }

    /// Calls an address that belongs to no connection, such as one that waits for signs of life. The address itself is not logged.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn beat(&self, url: &Secret<String>) -> Result<Response, SendError> {
        let mut request = Request::get(url.reveal(), "/{heartbeat}");
        request.timeout_ms = BEAT_MS;
        self.caller.send_ours(request, Purpose::Heartbeat).await
    }

    /// A look at the server itself: what is wrong is one entry in the inbox, which closes when it is right again.
    pub async fn looked(&self, what: &str, found: Result<(), String>) {
        let now = self.env.now().0;
        let group_key = format!("{CODE}|{what}");
        let cause = match found {
            Ok(()) => {
                let _ = self.store.recovered(MAIN, group_key, now).await;
                return;
            }
            Err(cause) => cause,
        };
        tracing::warn!(what, cause, "the server is not as it should be");
        let failing = Failing {
            ws: MAIN,
            group_key,
            code: CODE.to_owned(),
            conn: None,
            flow: None,
            cause,
            owner: "admin".to_owned(),
            at: now,
            item: None,
        };
        if self.store.fail(vec![failing]).await.is_ok() {
            self.failed.notify_one();
        }
    }
}

fn lying(counts: &[(String, String, i64)], now: Micros) -> Option<String> {
    let oldest = counts.iter().filter(|(what, ..)| what == "delivery_ready");
    let old = oldest.filter(|(.., at)| now.0 - at > LYING_US);
    old.map(|(_, conn, _)| format!("deliveries of {conn} are left lying"))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_for_ten_minutes_is_left_lying() {
        let now = Micros(10_000_000_000);
        let count = |what: &str, at: i64| vec![(what.to_owned(), "gh".to_owned(), at)];
        assert_eq!(lying(&count("delivery_ready", now.0 - LYING_US), now), None);
        let old = now.0 - LYING_US - 1;
        assert!(lying(&count("delivery_ready", old), now).is_some());
        let waits = count("delivery_oldest", old);
        assert_eq!(lying(&waits, now), None, "it may wait for a read");
    }
}
