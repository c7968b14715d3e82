//! `[server] heartbeat`: an address that is called each minute while the server really works, so that somebody else notices when it does
//! not. Silence is the message: where something is wrong nothing is called, and the cause goes to the log.

use std::sync::Arc;

use stagewire_engine::hub::Hub;
use stagewire_model::Secret;
use tokio::task::AbortHandle;

const MINUTE_MS: u64 = 60_000;

/// Calls until the server stops; `doors` are the tasks of its listeners.
pub(crate) async fn work(hub: Arc<Hub>, url: Secret<String>, doors: Vec<AbortHandle>) {
    loop {
        beat(&hub, &url, &doors).await;
        hub.env.sleep(MINUTE_MS).await;
    }
}

async fn beat(hub: &Hub, url: &Secret<String>, doors: &[AbortHandle]) {
    let wrong = match closed(doors) {
        true => Some("a listener has stopped".to_owned()),
        false => hub.not_working().await,
    };
    if let Some(cause) = wrong {
        tracing::error!(
            cause,
            "the server does not work as it should; no sign of life is given"
        );
        return;
    }
    match hub.beat(url).await {
        Ok(answer) if (200..300).contains(&answer.status) => {}
        Ok(answer) => {
            tracing::warn!(status = answer.status, "the sign of life was not taken");
        }
        Err(_) => tracing::warn!("nobody took the sign of life"),
    }
}

fn closed(doors: &[AbortHandle]) -> bool {
    doors.iter().any(AbortHandle::is_finished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_that_has_stopped_is_closed() {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let door = tokio::spawn(async move { drop(stopped.await) });
        assert!(!closed(&[door.abort_handle()]));
        drop(stop);
        let handle = door.abort_handle();
        door.await.expect("it ends");
        assert!(closed(&[handle]));
    }
}
