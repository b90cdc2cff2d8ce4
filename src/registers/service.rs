//! Client of a web service that takes a CPR number and returns JSON.

use std::fmt;

use data_encoding::BASE64;
use http::{HeaderValue, Method, Request, header};
use secrecy::ExposeSecret;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::registers::{RegisterErrorCause, SetupError};
use crate::{
    config::{self, Asks, IN_ADDRESS, RegisterCredentials},
    http_client::{ClientLimits, HttpClient, HttpError, at, content_type},
};

/// Largest answer, in bytes.
const LARGEST: usize = 256 * 1024;

pub struct RegisterService {
    config: config::ServiceConfig,
    http: HttpClient,
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for RegisterService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({})", self.config.id)
    }
}

impl RegisterService {
    /// Reads the certificates; does not connect yet.
    pub fn new(config: &config::ServiceConfig) -> Result<Self, SetupError> {
        let http = HttpClient::on(ClientLimits {
            ca_file: config.ca_file.as_deref(),
            certificate: config.certificate.as_ref(),
            patience: config.timeout,
            connect: config.timeout,
            largest: LARGEST,
            proxy: config.url.starts_with("https://"),
        })?;
        Ok(Self { authorization: authorization(&config.credentials), config: config.clone(), http })
    }

    /// `id` in the configuration.
    pub fn id(&self) -> &str {
        &self.config.id
    }

    pub fn cpr_format(&self) -> crate::model::cpr::CprFormat {
        self.config.cpr_format
    }

    /// The part of the answer that the configuration points to. `None`: the status is one of `not_found_statuses`.
    pub async fn ask(&self, cpr: &str) -> Result<Option<Value>, RegisterErrorCause> {
        let answer = self.http.send(self.request(cpr)?).await.map_err(|error| match error {
            HttpError::Unreachable(what) => RegisterErrorCause::Unreachable(what),
            HttpError::TimedOut => RegisterErrorCause::TimedOut,
            HttpError::TooLarge(_) => RegisterErrorCause::TooLarge(error.to_string()),
        })?;
        let status = answer.status().as_u16();
        if self.config.not_found_statuses.contains(&status) {
            return Ok(None);
        }
        match status {
            200 => {}
            401 | 403 => return Err(RegisterErrorCause::NotLetIn(status.to_string())),
            other => return Err(RegisterErrorCause::Status(other)),
        }
        let kind = content_type(&answer);
        if kind != "application/json" && !(kind.starts_with("application/") && kind.ends_with("+json")) {
            return Err(RegisterErrorCause::not_as_configured("it is not JSON by its Content-Type"));
        }
        // The parser's message may quote the answer, so only the position is used.
        let value: Value = serde_json::from_slice(answer.body()).map_err(|error| {
            RegisterErrorCause::not_as_configured(format!("it is not JSON (line {}, column {})", error.line(), error.column()))
        })?;
        match &self.config.accounts_at {
            None => Ok(Some(value)),
            Some(place) => match at(&value, place) {
                Some(found) => Ok(Some(found.clone())),
                None => Err(RegisterErrorCause::not_as_configured(format!("no {place} in the answer"))),
            },
        }
    }

    fn request(&self, cpr: &str) -> Result<Request<Vec<u8>>, RegisterErrorCause> {
        let (method, address, body) = match &self.config.asks {
            // Digits and a hyphen need no escaping anywhere in a URL.
            Asks::InAddress => (Method::GET, Zeroizing::new(self.config.url.replace(IN_ADDRESS, cpr)), None),
            Asks::Json(field) => {
                let body = serde_json::json!({ field.as_str(): cpr }).to_string();
                (Method::POST, Zeroizing::new(self.config.url.clone()), Some(("application/json", body)))
            }
            Asks::Form(field) => {
                let body = serde_urlencoded::to_string([(field.as_str(), cpr)]).map_err(|_| RegisterErrorCause::Crashed)?;
                (Method::POST, Zeroizing::new(self.config.url.clone()), Some(("application/x-www-form-urlencoded", body)))
            }
        };
        let mut request = Request::builder().method(method).uri(address.as_str()).header(header::ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let body = match body {
            None => Vec::new(),
            Some((kind, text)) => {
                request = request.header(header::CONTENT_TYPE, kind);
                text.into_bytes()
            }
        };
        request.body(body).map_err(|_| RegisterErrorCause::Unreachable("the address can't be used".to_owned()))
    }
}

/// The Authorization header, marked as sensitive so that no library prints it. The configuration only accepts values that are valid in a
/// header.
fn authorization(credentials: &RegisterCredentials) -> Option<HeaderValue> {
    let text = match credentials {
        RegisterCredentials::None => return None,
        RegisterCredentials::Basic(user, password) => {
            let pair = Zeroizing::new(format!("{user}:{}", password.expose_secret()));
            Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())))
        }
        RegisterCredentials::Bearer(token) => Zeroizing::new(format!("Bearer {}", token.expose_secret())),
    };
    let mut value = HeaderValue::from_str(&text).expect("base64, or visible ASCII as the configuration has made sure");
    value.set_sensitive(true);
    Some(value)
}
