//! The HTTP client: no redirects, a timeout and a size limit for every response.
//!
//! Invariant: no error contains a URL or a part of a response.

use std::{path::Path, time::Duration};

use http::{Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use crate::tls::{self, ClientCertificate, TlsSetupError};

/// A client. Trusts the configured CA, or the system's.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    largest: usize,
}

/// Limits and credentials of the HTTP client.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits<'a> {
    /// File of trusted CA certificates; `None`: the system's.
    pub ca_file: Option<&'a Path>,
    /// Our client certificate.
    pub certificate: Option<&'a ClientCertificate>,
    /// Timeout of one request, from the connection to the last byte.
    pub patience: Duration,
    /// Timeout of a connection.
    pub connect: Duration,
    /// Largest response body in bytes.
    pub largest: usize,
    /// Whether a proxy of the environment (`HTTPS_PROXY`) may be used. Never for http: the proxy would read the
    /// traffic.
    pub proxy: bool,
}

/// The client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    #[error("HTTP client could not be built: {0}")]
    Client(reqwest::Error),
}

/// Why there is no complete response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection, or the connection was lost.
    #[error("{0}")]
    Unreachable(String),
    /// No complete response in time.
    #[error("no answer in time")]
    TimedOut,
    /// The response is larger than this limit, in bytes.
    #[error("the answer is larger than {} KiB", .0 / 1024)]
    TooLarge(usize),
}

impl HttpClient {
    /// Builds a client.
    pub fn on(terms: ClientLimits<'_>) -> Result<Self, HttpSetupError> {
        let tls = tls::client_config_as(terms.ca_file, terms.certificate)?;
        let mut client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            .redirect(reqwest::redirect::Policy::none())
            .timeout(terms.patience)
            .connect_timeout(terms.connect);
        if !terms.proxy {
            client = client.no_proxy();
        }
        Ok(Self { client: client.build().map_err(HttpSetupError::Client)?, largest: terms.largest })
    }

    /// Sends a request and reads the complete response, whatever its status.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        let unreachable = |error: reqwest::Error| {
            if error.is_timeout() { HttpError::TimedOut } else { HttpError::Unreachable(causes(&error.without_url())) }
        };
        let request = reqwest::Request::try_from(request).map_err(unreachable)?;
        let mut answer = self.client.execute(request).await.map_err(unreachable)?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > self.largest {
                return Err(HttpError::TooLarge(self.largest));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// The media type of the Content-Type header, in lower case.
pub fn content_type(response: &Response<Vec<u8>>) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The JSON body of a successful response. `Err`: the cause for the log, without a part of the response.
pub fn json<T: serde::de::DeserializeOwned>(response: &Response<Vec<u8>>) -> Result<T, String> {
    if response.status() != StatusCode::OK && response.status() != StatusCode::CREATED {
        return Err(format!("answered {}", response.status()));
    }
    let kind = content_type(response);
    if kind != "application/json" {
        return Err(format!("answered {kind:?} and not application/json"));
    }
    serde_json::from_slice(response.body())
        .map_err(|error| format!("answered JSON that can't be read (line {}, column {})", error.line(), error.column()))
}

/// The value at a member's name, or at a JSON pointer (RFC 6901) where the path begins with `/`.
pub fn at<'v>(value: &'v Value, place: &str) -> Option<&'v Value> {
    if place.starts_with('/') { value.pointer(place) } else { value.get(place) }
}

/// The time of the `Date` header.
pub fn time(response: &Response<Vec<u8>>) -> Option<Timestamp> {
    let date = response.headers().get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp())
}

/// An error with its causes: the outermost text alone does not help an operator.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        below = cause.source();
    }
    text
}
