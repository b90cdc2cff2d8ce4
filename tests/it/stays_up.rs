//! The service stays up whatever a client or a signal does, and says when it can't work.

mod connections;
mod health;
mod places;
mod program;

use std::{net::SocketAddr, path::Path, time::Duration};

use reqwest::Client;

use crate::{service::Setup, visitor::client};

/// Somebody at another address of loopback, without cookies.
pub fn from(last: u8) -> Client {
    client().local_address(std::net::IpAddr::from([127, 0, 0, last])).build().expect("a client")
}

/// Waits for what comes by itself.
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
