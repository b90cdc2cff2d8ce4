//! Client address of a request, and the request's log line.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;
use metrics::{counter, histogram};
use tracing::{Instrument, error_span, info};

use crate::{app::App, telemetry};

/// The client's address; a request extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub IpAddr);

/// Adds [`Client`] to the request, runs it, and writes one log line and its metrics.
///
/// Neither holds an address, a query or a path with a name in it: the route's pattern stands for the path.
pub(crate) async fn log_request(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
    let client = real_address(peer, request.headers(), &app.config.server.trusted_proxies);
    request.extensions_mut().insert(Client(client));
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    // All log lines of the request carry this number. The span has the highest level, so that no filter drops it. A request id from outside
    // is ignored: any client could write it into our log.
    let number = telemetry::reference();
    let span = error_span!("request", request = number);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&number) {
        response.headers_mut().insert("x-request-id", value);
    }
    let status = response.status().as_u16();
    let seconds = started.elapsed().as_secs_f64();
    counter!("os2nykode_http_requests_total", "route" => route.clone(), "status" => status.to_string()).increment(1);
    histogram!("os2nykode_http_request_duration_seconds", "route" => route.clone()).record(seconds);
    let milliseconds = (seconds * 1000.0).round();
    info!(request = number, %method, route, status, milliseconds, "request");
    response
}

/// The peer's address, or, where the peer is a trusted proxy, the right-most address of X-Forwarded-For that is no trusted proxy.
///
/// Entries further left can be forged by the client. An entry that is no address ends the search at the last valid address.
fn real_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
    let mut address = peer.to_canonical();
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().unwrap_or("?")).collect();
    for entry in lines.iter().flat_map(|line| line.split(',')).rev() {
        if !is_trusted(address) {
            break;
        }
        match parse(entry.trim()) {
            Some(next) => address = next.to_canonical(),
            None => break,
        }
    }
    address
}

/// The unit of limits by address: an IPv4 address, or an IPv6 network (/64), because one customer has 2^64 addresses of it.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Parses `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use crate::http::middleware::client::*;

    fn address(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).expect("a header"));
        }
        let trusted = ["10.0.0.0/8".parse().expect("a net"), "fd00::/8".parse().expect("a net")];
        real_address(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(address("192.0.2.9", &["203.0.113.1"]), "192.0.2.9");
        assert_eq!(address("10.0.0.1", &["203.0.113.1"]), "203.0.113.1");
        assert_eq!(address("::ffff:10.0.0.1", &["203.0.113.1"]), "203.0.113.1");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_counts() {
        assert_eq!(address("10.0.0.1", &["6.6.6.6, 203.0.113.1, 10.0.0.2"]), "203.0.113.1");
        assert_eq!(address("10.0.0.1", &["6.6.6.6", "203.0.113.1, 10.0.0.2"]), "203.0.113.1");
        assert_eq!(address("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(address("fd00::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(address("10.0.0.1", &["203.0.113.1:99"]), "203.0.113.1");
    }

    #[test]
    fn nonsense_ends_the_search() {
        assert_eq!(address("10.0.0.1", &["203.0.113.1, unknown"]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["203.0.113.1, , 10.0.0.2"]), "10.0.0.2");
        assert_eq!(address("10.0.0.1", &[""]), "10.0.0.1");
    }
}
