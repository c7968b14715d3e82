//! Names become addresses here, and what must not be reached is taken out: what was checked is what
//! is connected to, so that a name cannot change its mind in between.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::addresses::Addresses;

pub(super) struct Resolver(pub(super) Arc<Addresses>);

/// Our own rules forbid every address of a name.
#[derive(Debug)]
pub(super) struct Blocked;

/// A name has no address.
#[derive(Debug)]
pub(super) struct Unresolved;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = found.map_err(|_| Unresolved)?.collect();
            if found.is_empty() {
                return Err(Unresolved.into());
            }
            let open = |at: &SocketAddr| addresses.refused(at.ip()).is_none();
            let open: Vec<SocketAddr> = found.into_iter().filter(open).collect();
            match open.is_empty() {
                true => Err(Blocked.into()),
                false => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to an address that [network] does not allow")
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has no address")
    }
}

impl std::error::Error for Blocked {}
impl std::error::Error for Unresolved {}
