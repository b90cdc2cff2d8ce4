//! `[server]`: where the service listens and who it believes.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{
    load::Problems,
    secret::{self, Secret},
};

/// `[server]`.
#[derive(Debug)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The origin that people see, `https://host`; without a path.
    pub public_url: String,
    /// Certificate and key, where the service speaks TLS itself.
    pub tls: Option<Tls>,
    /// Proxies whose X-Forwarded-For is believed; nobody else's is.
    pub trusted_proxies: Vec<IpNet>,
    /// Where `/metrics` listens; nowhere if not set.
    pub metrics_listen: Option<SocketAddr>,
    /// Requests worked on at once, 1 to 100 000; more get "try again".
    pub max_concurrent_requests: usize,
    /// Longest time for one request, seconds, 5 to 300.
    pub request_timeout_seconds: u64,
    /// What all keys are derived from.
    pub secret: Secret,
}

/// Files in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tls {
    /// The certificate, followed by its intermediates.
    pub certificate_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
}

#[derive(Deserialize)]
pub(super) struct Raw {
    listen: SocketAddr,
    public_url: String,
    tls: Option<Tls>,
    #[serde(default)]
    trusted_proxies: Vec<IpNet>,
    metrics_listen: Option<SocketAddr>,
    #[serde(default = "max_concurrent_requests")]
    max_concurrent_requests: usize,
    #[serde(default = "request_timeout_seconds")]
    request_timeout_seconds: u64,
    secret: Option<SecretString>,
    secret_file: Option<PathBuf>,
}

fn max_concurrent_requests() -> usize {
    256
}

fn request_timeout_seconds() -> u64 {
    30
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Server> {
        let before = problems.0.len();
        check_origin(&self.public_url, problems);
        for file in
            self.tls.iter().flat_map(|tls| [("server.tls.certificate_file", &tls.certificate_file), ("server.tls.key_file", &tls.key_file)])
        {
            if let Err(error) = std::fs::metadata(file.1) {
                problems.add(file.0, format!("{}: {error}", file.1.display()));
            }
        }
        if self.tls.is_none() && !self.listen.ip().is_loopback() && self.trusted_proxies.is_empty() {
            let what = "would send passwords in clear text: set server.tls, or listen on loopback behind a proxy, or name the proxy in server.trusted_proxies";
            problems.add("server.listen", what);
        }
        if self.tls.is_none() && self.public_url.starts_with("https://") && self.trusted_proxies.is_empty() {
            let what = "somebody else speaks TLS for this service, and all visitors would seem to come from there: name that proxy, such as [\"127.0.0.1/32\"]";
            problems.add("server.trusted_proxies", what);
        }
        if !(1..=100_000).contains(&self.max_concurrent_requests) {
            problems.add("server.max_concurrent_requests", "has to be 1 to 100000");
        }
        if !(5..=300).contains(&self.request_timeout_seconds) {
            problems.add("server.request_timeout_seconds", "has to be 5 to 300");
        }
        let secret = secret::one_of("server.secret", self.secret, self.secret_file.as_deref(), problems)?;
        let Some(secret) = Secret::parse(secret.expose_secret()) else {
            problems.add("server.secret", "has to be 32 random bytes in base64: make one with `os2nykode config secret`");
            return None;
        };
        (problems.0.len() == before).then_some(Server {
            listen: self.listen,
            public_url: self.public_url,
            tls: self.tls,
            trusted_proxies: self.trusted_proxies,
            metrics_listen: self.metrics_listen,
            max_concurrent_requests: self.max_concurrent_requests,
            request_timeout_seconds: self.request_timeout_seconds,
            secret,
        })
    }
}

fn check_origin(url: &str, problems: &mut Problems) {
    let (scheme, host) = url.split_once("://").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let local = ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    let shape = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
    if !(shape && (scheme == "https" || (scheme == "http" && local))) {
        problems.add("server.public_url", "has to be https://host without a path (http:// on localhost only)");
    }
}
