//! `[server]`: listening, TLS, trusted proxies and limits.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::problem::Problems;
use crate::config::read::secret::{self, Secret};
use crate::operator_file;

/// `[server]`.
#[derive(Debug)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The public origin, `https://host` without a path.
    pub public_url: String,
    /// Certificate and key; `None` = TLS ends at a proxy.
    pub tls: Option<Tls>,
    /// Proxies whose X-Forwarded-For is trusted. The header of other clients is ignored.
    pub trusted_proxies: Vec<IpNet>,
    /// Address of `/metrics`; `None` = off.
    pub metrics_listen: Option<SocketAddr>,
    /// Most parallel requests, 1 to 100,000; further ones get "try again".
    pub max_concurrent_requests: usize,
    /// Most open connections, 64 to 1,000,000.
    pub max_connections: usize,
    /// Most open connections from one address, 1 to 1,000,000; trusted proxies are exempt.
    pub max_connections_per_address: usize,
    /// Timeout of one request, seconds, 5 to 300.
    pub request_timeout_seconds: u64,
    /// The secret that all keys are derived from.
    pub secret: Secret,
}

/// Files in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tls {
    /// The certificate, followed by its intermediates.
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

#[derive(Deserialize)]
pub(super) struct Raw {
    listen: Option<SocketAddr>,
    public_url: Option<String>,
    tls: Option<Tls>,
    #[serde(default)]
    trusted_proxies: Vec<IpNet>,
    metrics_listen: Option<SocketAddr>,
    #[serde(default = "max_concurrent_requests")]
    max_concurrent_requests: usize,
    #[serde(default = "max_connections")]
    max_connections: usize,
    #[serde(default = "max_connections_per_address")]
    max_connections_per_address: usize,
    #[serde(default = "request_timeout_seconds")]
    request_timeout_seconds: u64,
    secret: Option<SecretString>,
    secret_file: Option<PathBuf>,
}

fn max_concurrent_requests() -> usize {
    256
}

fn max_connections() -> usize {
    16_384
}

/// Enough for a school of 600 people behind one address, whose browsers open several connections each.
fn max_connections_per_address() -> usize {
    4096
}

fn request_timeout_seconds() -> u64 {
    30
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Server> {
        let before = problems.0.len();
        let listen = problems.required("server.listen", self.listen);
        let public_url = problems.required("server.public_url", self.public_url);
        if let Some(url) = &public_url {
            check_origin(url, problems);
        }
        if let Some(Tls { certificate_file, key_file }) = &self.tls {
            if let Err(error) = std::fs::metadata(certificate_file) {
                problems.add("server.tls.certificate_file", format!("{}: {error}", certificate_file.display()));
            }
            if let Err(error) = operator_file::is_private(key_file) {
                problems.add("server.tls.key_file", format!("{}: {error}", key_file.display()));
            }
        }
        if self.trusted_proxies.iter().any(|net| net.prefix_len() == 0) {
            let what = "would trust X-Forwarded-For from every address, so that a client could choose the address that is rate limited and logged: name the proxy's own address";
            problems.add("server.trusted_proxies", what);
        }
        if self.tls.is_none() && listen.is_some_and(|listen| !listen.ip().is_loopback()) && self.trusted_proxies.is_empty() {
            let what = "would send passwords in clear text: set server.tls, or listen on loopback behind a proxy, or name the proxy in server.trusted_proxies";
            problems.add("server.listen", what);
        }
        if self.tls.is_none() && public_url.as_ref().is_some_and(|url| url.starts_with("https://")) && self.trusted_proxies.is_empty() {
            let what =
                "TLS ends at a proxy, and all visitors would seem to come from its address: name that proxy, such as [\"127.0.0.1/32\"]";
            problems.add("server.trusted_proxies", what);
        }
        if !(1..=100_000).contains(&self.max_concurrent_requests) {
            problems.add("server.max_concurrent_requests", "has to be 1 to 100000");
        }
        if !(64..=1_000_000).contains(&self.max_connections) {
            problems.add("server.max_connections", "has to be 64 to 1000000");
        }
        if !(1..=1_000_000).contains(&self.max_connections_per_address) {
            problems.add("server.max_connections_per_address", "has to be 1 to 1000000");
        }
        if !(5..=300).contains(&self.request_timeout_seconds) {
            problems.add("server.request_timeout_seconds", "has to be 5 to 300");
        }
        let secret = secret::one_of("server.secret", self.secret, self.secret_file.as_deref(), problems)?;
        let Some(secret) = Secret::parse(secret.expose_secret()) else {
            problems.add("server.secret", "has to be 32 random bytes in base64: make one with `os2nykode config secret`");
            return None;
        };
        let (listen, public_url) = (listen?, public_url?);
        (problems.0.len() == before).then_some(Server {
            listen,
            public_url,
            tls: self.tls,
            trusted_proxies: self.trusted_proxies,
            metrics_listen: self.metrics_listen,
            max_concurrent_requests: self.max_concurrent_requests,
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            request_timeout_seconds: self.request_timeout_seconds,
            secret,
        })
    }
}

fn check_origin(url: &str, problems: &mut Problems) {
    let (scheme, host) = url.split_once("://").unwrap_or_default();
    // The colons of an IPv6 address are inside its brackets.
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    let local = ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    // The origin is compared with the browser's, which is in lower case and without the scheme's standard port.
    let letters = local || name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-');
    let standard = if scheme == "https" { "443" } else { "80" };
    let port = port.is_none_or(|port| port != standard && port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port));
    let shape = !name.is_empty() && letters && port;
    if !(shape && (scheme == "https" || (scheme == "http" && local))) {
        problems.add(
            "server.public_url",
            "has to be https://host in lower case, without a path or the standard port (http:// on localhost only)",
        );
    }
}
