//! HTTP requests to providers: the adapter for the library `openidconnect`, and the methods that both protocols use.

use std::{path::Path, pin::Pin, time::Duration};

use openidconnect::{
    AsyncHttpClient, HttpRequest, HttpResponse,
    http::{Method, Request, header},
};

use crate::http_client::ClientLimits;
pub use crate::http_client::{HttpClient, HttpError, HttpSetupError, content_type, json, time};

/// Timeout of one request, from connecting to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// Timeout of connecting.
const CONNECT: Duration = Duration::from_secs(5);

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl HttpClient {
    /// A client that trusts the CAs of `ca_file`, or else the system's, and reads at most `largest` bytes of an answer.
    pub fn new(ca_file: Option<&Path>, largest: usize) -> Result<Self, HttpSetupError> {
        Self::on(ClientLimits { ca_file, certificate: None, patience: PATIENCE, connect: CONNECT, largest, proxy: true })
    }

    /// Sends a form. `authorization`: value of the header.
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

    /// Requests the headers of a document.
    pub async fn head(&self, address: &str) -> Result<HttpResponse, HttpError> {
        let request = Request::builder().method(Method::HEAD).uri(address).body(Vec::new());
        self.send(request.map_err(|error| HttpError::Unreachable(error.to_string()))?).await
    }

    /// Requests a document.
    pub async fn get(&self, address: &str, bearer: Option<&str>, accept: &str) -> Result<HttpResponse, HttpError> {
        let mut request = Request::builder().uri(address).header(header::ACCEPT, accept);
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Vec::new()).map_err(|error| HttpError::Unreachable(error.to_string()))?;
        self.send(request).await
    }
}

/// The error code of an answer (RFC 6749, section 5.2).
pub fn error_word(response: &HttpResponse) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Error {
        error: String,
    }
    let Error { error } = serde_json::from_slice(response.body()).ok()?;
    crate::identity::answer::ErrorCode::parse(&error).map(|code| code.as_str().to_owned())
}
