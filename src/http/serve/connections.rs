//! Limits on open connections, in total and by address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ipnet::IpNet;

use crate::{config, http::middleware::client::network, telemetry};

/// File descriptors reserved for the rest: database, controllers, files.
const OTHERS: usize = 256;

/// The open connections.
#[derive(Debug, Clone)]
pub(super) struct ConnectionLimit(Arc<ConnectionCounts>);

#[derive(Debug)]
struct ConnectionCounts {
    most: usize,
    most_each: usize,
    trusted: Vec<IpNet>,
    open: Mutex<OpenConnections>,
}

#[derive(Debug, Default)]
struct OpenConnections {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The limit that a new connection exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionRefusal {
    All,
    Address,
}

impl ConnectionRefusal {
    pub(super) fn limit(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// An open connection's slot. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    connections: ConnectionLimit,
    address: IpAddr,
}

impl ConnectionLimit {
    /// The configured limits, capped by the limit of file descriptors.
    pub(super) fn new(config: &config::Server) -> Self {
        let reach = telemetry::descriptors().saturating_sub(OTHERS).max(OTHERS);
        if reach < config.max_connections {
            tracing::warn!(
                max_connections = config.max_connections,
                possible = reach,
                "max_connections exceeds the limit of open files (LimitNOFILE); fewer connections are accepted"
            );
        }
        let trusted = config.trusted_proxies.clone();
        Self::of(config.max_connections.min(reach), config.max_connections_per_address, trusted)
    }

    fn of(most: usize, most_each: usize, trusted: Vec<IpNet>) -> Self {
        Self(Arc::new(ConnectionCounts { most, most_each, trusted, open: Mutex::default() }))
    }

    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a connection. Trusted proxies carry many clients: only the total limit applies to them, and a sixteenth of it is reserved
    /// for them.
    pub(super) fn admit(&self, address: IpAddr) -> Result<ConnectionSlot, ConnectionRefusal> {
        let trusted = self.0.trusted.iter().any(|net| net.contains(&address.to_canonical()));
        let address = network(address);
        let kept = if trusted || self.0.trusted.is_empty() { 0 } else { self.0.most / 16 };
        let mut open = self.open();
        if open.all >= self.0.most - kept {
            return Err(ConnectionRefusal::All);
        }
        let here = open.by_address.entry(address).or_default();
        if *here >= self.0.most_each && !trusted {
            return Err(ConnectionRefusal::Address);
        }
        *here += 1;
        open.all += 1;
        drop(open);
        Ok(ConnectionSlot { connections: self.clone(), address })
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.all -= 1;
        if let Some(here) = open.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_takes_its_share_and_a_trusted_proxy_more() {
        let connections = ConnectionLimit::of(32, 3, vec!["10.0.0.1/32".parse().expect("a net")]);
        let held: Vec<_> = (0..3).map(|_| connections.admit(address("192.0.2.1")).expect("a place")).collect();
        assert_eq!(connections.admit(address("192.0.2.1")).err(), Some(ConnectionRefusal::Address));
        assert_eq!(connections.admit(address("::ffff:192.0.2.1")).err(), Some(ConnectionRefusal::Address), "the same address");
        let other = connections.admit(address("192.0.2.2")).expect("another's place");
        let proxied: Vec<_> = (0..28).map(|_| connections.admit(address("10.0.0.1")).expect("a proxy's place")).collect();
        assert_eq!(connections.admit(address("10.0.0.1")).err(), Some(ConnectionRefusal::All));
        drop((held, other, proxied));
        assert!(connections.open().by_address.is_empty() && connections.open().all == 0, "given back");
        assert!(connections.admit(address("192.0.2.1")).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_strangers_leave_places_for_the_proxy() {
        let connections = ConnectionLimit::of(32, 100, vec!["10.0.0.1/32".parse().expect("a net")]);
        let one = ConnectionLimit::of(32, 1, Vec::new());
        let _first = one.admit(address("2001:db8::1")).expect("a place");
        assert_eq!(one.admit(address("2001:db8::2")).err(), Some(ConnectionRefusal::Address));
        let _strangers: Vec<_> = (0..30).map(|_| connections.admit(address("192.0.2.1")).expect("a place")).collect();
        assert_eq!(connections.admit(address("192.0.2.2")).err(), Some(ConnectionRefusal::All));
        assert!(connections.admit(address("10.0.0.1")).is_ok());
    }
}
