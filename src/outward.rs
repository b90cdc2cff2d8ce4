//! How others are asked over HTTP, whoever asks them: no redirects, a longest time and a largest size for every answer.
//!
//! Invariant: no error tells an address or what was said.

use std::{path::Path, time::Duration};

use http::{Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use crate::tls::{self, ClientCertificate, TlsSetupError};

/// The client. Trust is in the configured CA, or the system's.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    largest: usize,
}

/// How much is borne with, and by what we are known.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Trusts the CA certificates of this file; else the system's.
    pub ca_file: Option<&'a Path>,
    /// By which certificate we are known.
    pub certificate: Option<&'a ClientCertificate>,
    /// Longest time for one question, from the connection to the last byte.
    pub patience: Duration,
    /// Longest time for a connection.
    pub connect: Duration,
    /// Bytes that are read of an answer at most.
    pub largest: usize,
    /// May a proxy of the environment (`HTTPS_PROXY`) stand in between? Never for http: it would read along.
    pub proxy: bool,
}

/// The HTTP client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// Trust for https.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// The client itself.
    #[error("an HTTP client can't be made: {0}")]
    Client(reqwest::Error),
}

/// There was no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection, or it broke off.
    #[error("{0}")]
    Unreachable(String),
    /// No whole answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// More than was thought of, bytes.
    #[error("the answer is larger than {} KiB", .0 / 1024)]
    TooLarge(usize),
}

impl Http {
    /// A client on these terms.
    pub fn on(terms: Terms<'_>) -> Result<Self, HttpSetupError> {
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

    /// Asks, and reads the whole answer, whatever its status.
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

/// The essence of the Content-Type, in lower case.
pub fn content_type(response: &Response<Vec<u8>>) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// JSON of a right answer; else what is wrong, for the log, without what was said.
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

/// The value at a member's literal name, or at a JSON pointer (RFC 6901) where the place begins with `/`.
pub fn at<'v>(value: &'v Value, place: &str) -> Option<&'v Value> {
    if place.starts_with('/') { value.pointer(place) } else { value.get(place) }
}

/// The time by the clock of the machine that answered.
pub fn time(response: &Response<Vec<u8>>) -> Option<Timestamp> {
    let date = response.headers().get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp())
}

/// An error with what is below it: the outermost word alone says too little to an operator.
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
