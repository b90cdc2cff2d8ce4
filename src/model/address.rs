//! Check of the URLs that the service may send requests to.

use std::net::{Ipv4Addr, Ipv6Addr};

/// True for https URLs, and for http URLs of the local machine. URLs with user information are refused: the text before `@` can look like a
/// host without being one.
pub fn is_safe_address(url: &str) -> bool {
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') || authority.contains('@') {
        return false;
    }
    if url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) {
        return true;
    }
    if !url.starts_with("http://") {
        return false;
    }
    // An IPv6 address stands in brackets and has colons of its own (RFC 3986, section 3.2.2).
    if let Some((address, port)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (port.is_empty() || port.starts_with(':')) && address.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback());
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_be_asked_in_clear() {
        for url in [
            "https://idp.dk/metadata",
            "http://localhost:8080/x",
            "http://127.0.0.1/x",
            "http://127.0.0.41:81",
            "http://[::1]:1/",
            "http://[::1]",
            "http://[::1]/x",
            "http://[::1]?x",
            "http://[0:0:0:0:0:0:0:1]/",
        ] {
            assert!(is_safe_address(url), "{url}");
        }
        for url in [
            "",
            "ftp://x",
            "https://",
            "https:///x",
            "http://idp.dk/",
            "http://localhost.evil.dk/",
            "http://127.0.0.1@evil.dk/",
            "http://127.0.0.1:80@evil.dk/",
            "http://localhost:x@evil.dk/",
            "http://evil.dk\\@127.0.0.1/",
            "https://idp.dk@evil.dk/",
            "http://127.0.0.1 /",
            "http://::1/",
            "http://[::1",
            "http://[::1]evil.dk/",
            "http://[::1].evil.dk:80/",
            "http://[::2]/",
            "http://[2001:db8::1]/",
            "http://[127.0.0.1]/",
            "http://[localhost]/",
        ] {
            assert!(!is_safe_address(url), "{url}");
        }
    }
}
