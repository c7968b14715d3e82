//! Who really asks: the other end of the connection, or, where that is a proxy whose word is taken, the address that the proxy names in
//! `X-Forwarded-For`. Anybody can write that header, so nobody else's word is taken.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::{ConnectInfo, Connected, IntoMakeServiceWithConnectInfo};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::IncomingStream;
use stagewire_api::Client;
use tokio::net::TcpListener;

use crate::config::Cidr;
use crate::tls::TlsListener;

const FORWARDED: &str = "x-forwarded-for";
/// Proxies in a row; what stands further left is not looked at.
const MOST: usize = 16;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(IpAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Peer::of(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Peer::of(*stream.remote_addr())
    }
}

impl Peer {
    fn of(at: SocketAddr) -> Self {
        Peer(at.ip().to_canonical())
    }
}

/// A router that knows who asks.
pub(crate) fn knowing(
    router: Router,
    trusted: &Arc<[Cidr]>,
) -> IntoMakeServiceWithConnectInfo<Router, Peer> {
    let layer = from_fn_with_state(Arc::clone(trusted), client);
    router
        .layer(layer)
        .into_make_service_with_connect_info::<Peer>()
}

async fn client(
    State(trusted): State<Arc<[Cidr]>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    let who = asks(peer.0, request.headers(), &trusted);
    request.extensions_mut().insert(Client(who));
    Ok(next.run(request).await)
}

/// From the nearest hop outwards: the first that is no trusted proxy asks.
fn asks(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|range| range.contains(ip));
    let mut who = peer;
    let lines: Vec<&str> = headers
        .get_all(FORWARDED)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for _ in 0..MOST {
        if !is_trusted(who) {
            break;
        }
        match hops.next().and_then(address) {
            Some(hop) => who = hop,
            None => break,
        }
    }
    who
}

/// An address as proxies write it, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse().ok();
    let ip = ip.or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()));
    ip.map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, line.parse().expect("a header"));
        }
        let trusted: Vec<Cidr> = trusted
            .iter()
            .map(|range| Cidr::parse(range).expect("a range"))
            .collect();
        asks(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let spoof = ["203.0.113.9"];
        assert_eq!(who("198.51.100.7", &spoof, &[]), "198.51.100.7");
        assert_eq!(who("198.51.100.7", &spoof, &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(who("10.0.0.1", &spoof, &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(who("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn what_a_caller_wrote_before_the_proxies_is_not_believed() {
        let trusted = ["10.0.0.0/8", "127.0.0.1"];
        let chain = ["1.1.1.1, 203.0.113.9", "10.0.0.2"];
        assert_eq!(who("127.0.0.1", &chain, &trusted), "203.0.113.9");
        assert_eq!(who("127.0.0.1", &["nonsense"], &trusted), "127.0.0.1");
        assert_eq!(
            who("127.0.0.1", &["[2001:db8::1]:4711"], &trusted),
            "2001:db8::1"
        );
        assert_eq!(who("127.0.0.1", &["192.0.2.4:80"], &trusted), "192.0.2.4");
    }
}
