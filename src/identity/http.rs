//! How providers are asked: no redirects, a longest time and a largest size for every answer.

use std::{path::Path, pin::Pin, time::Duration};

use jiff::Timestamp;
use openidconnect::{
    AsyncHttpClient, HttpRequest, HttpResponse,
    http::{Method, Request, StatusCode, header},
};

use crate::tls::{self, TlsSetupError};

/// Longest time for one question, from the connection to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The client. Trust is in the configured CA, or the system's.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    largest: usize,
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
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
    /// No connection, no answer in time, or it broke off.
    #[error("{0}")]
    Unreachable(String),
    /// More than was thought of, bytes.
    #[error("the answer is larger than {} KiB", .0 / 1024)]
    TooLarge(usize),
}

impl Http {
    /// Trusts the CA certificates of this file, or the system's; reads at most so many bytes of an answer.
    pub fn new(ca_file: Option<&Path>, largest: usize) -> Result<Self, HttpSetupError> {
        let tls = tls::client_config(ca_file)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .connect_timeout(CONNECT)
            .build()
            .map_err(HttpSetupError::Client)?;
        Ok(Self { client, largest })
    }

    /// Asks, and reads the whole answer, whatever its status.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let unreachable = |error: reqwest::Error| HttpError::Unreachable(causes(&error.without_url()));
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
        let mut response = HttpResponse::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Sends a form. `authorization`: the header, where it is used.
    pub async fn post(&self, address: &str, authorization: Option<&str>, form: &[(&str, &str)]) -> Result<HttpResponse, HttpError> {
        let body = serde_urlencoded::to_string(form).map_err(|error| HttpError::Unreachable(error.to_string()))?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(address)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(body.into_bytes()).map_err(|error| HttpError::Unreachable(error.to_string()))?;
        self.send(request).await
    }

    /// Asks for the headers of a document.
    pub async fn head(&self, address: &str) -> Result<HttpResponse, HttpError> {
        let request = Request::builder().method(Method::HEAD).uri(address).body(Vec::new());
        self.send(request.map_err(|error| HttpError::Unreachable(error.to_string()))?).await
    }

    /// Asks for a document.
    pub async fn get(&self, address: &str, bearer: Option<&str>, accept: &str) -> Result<HttpResponse, HttpError> {
        let mut request = Request::builder().uri(address).header(header::ACCEPT, accept);
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Vec::new()).map_err(|error| HttpError::Unreachable(error.to_string()))?;
        self.send(request).await
    }
}

/// The essence of the Content-Type, in lower case.
pub fn content_type(response: &HttpResponse) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// JSON of a right answer; else what is wrong, for the log, without what was said.
pub fn json<T: serde::de::DeserializeOwned>(response: &HttpResponse) -> Result<T, String> {
    if response.status() != StatusCode::OK && response.status() != StatusCode::CREATED {
        return Err(format!("answered {}", response.status()));
    }
    if content_type(response) != "application/json" {
        return Err(format!("answered {:?} and not application/json", content_type(response)));
    }
    serde_json::from_slice(response.body())
        .map_err(|error| format!("answered JSON that can't be read (line {}, column {})", error.line(), error.column()))
}

/// The time by the clock of the machine that answered.
pub fn time(response: &HttpResponse) -> Option<Timestamp> {
    let date = response.headers().get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp())
}

/// The provider's own word for an error (RFC 6749, section 5.2).
pub fn error_word(response: &HttpResponse) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Error {
        error: String,
    }
    let Error { error } = serde_json::from_slice(response.body()).ok()?;
    crate::identity::answer::ErrorCode::parse(&error).map(|code| code.as_str().to_owned())
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
