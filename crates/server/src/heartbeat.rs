//! `[server] heartbeat`: an address that is called each minute while the server really works, so that somebody else notices when it does
//! not. Silence is the message: where something is wrong nothing is called, and the cause goes to the log.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use stagewire_engine::hub::Hub;
use stagewire_model::Secret;
use tokio::net::TcpStream;

const MINUTE_MS: u64 = 60_000;
/// A door that does not open within this is closed.
const KNOCK: Duration = Duration::from_secs(5);

/// Calls until the server stops.
pub(crate) async fn work(hub: Arc<Hub>, url: Secret<String>, doors: Vec<SocketAddr>) {
    loop {
        beat(&hub, &url, &doors).await;
        hub.env.sleep(MINUTE_MS).await;
    }
}

async fn beat(hub: &Hub, url: &Secret<String>, doors: &[SocketAddr]) {
    let wrong = match closed(doors).await {
        Some(door) => Some(format!("nobody answers at {door}")),
        None => hub.not_working().await,
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

/// The first door of ours that does not open.
async fn closed(doors: &[SocketAddr]) -> Option<SocketAddr> {
    for door in doors {
        let knocked = tokio::time::timeout(KNOCK, TcpStream::connect(inside(*door))).await;
        if !matches!(knocked, Ok(Ok(_))) {
            return Some(*door);
        }
    }
    None
}

/// Who listens everywhere is reached by loopback.
fn inside(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_door_that_nobody_holds_is_closed() {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0")
            .await
            .expect("a port");
        let open = listener.local_addr().expect("an address");
        assert_eq!(closed(&[open]).await, None);
        drop(listener);
        assert_eq!(closed(&[open]).await, Some(open));
    }
}
