//! Availability: the service survives misbehaving clients and signals, and reports when it cannot work.

mod connections;
mod health;
mod places;
mod program;

use std::{net::SocketAddr, path::Path, time::Duration};

use reqwest::Client;

use crate::{service::Setup, visitor::client};

/// A client at 127.0.0.`last` without cookies.
pub fn from(last: u8) -> Client {
    client().local_address(std::net::IpAddr::from([127, 0, 0, last])).build().expect("a client")
}

/// Waits until the condition holds. `what` describes it in the failure.
pub async fn until(what: &str, seconds: u64, is_so: impl AsyncFn() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while !is_so().await {
        assert!(tokio::time::Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The configuration behind a proxy: without TLS of its own.
pub fn behind_a_proxy(setup: &Setup, dir: &Path, address: SocketAddr) -> String {
    let text = setup.text(dir, &address.to_string());
    let lines = text.lines().map(|line| if line.starts_with("tls = ") { "trusted_proxies = [\"127.0.0.1/32\"]" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}
