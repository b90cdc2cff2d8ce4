//! The settings of web services that take a CPR number: URL, request, credentials.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::problem::Problems;
use crate::config::{directory::seconds, identity::oidc::is_pointer_or_name, read::secret};
use crate::{
    model::{address::is_safe_address, cpr::CprFormat},
    tls::ClientCertificate,
};

/// Placeholder of the CPR number in a URL.
pub(crate) const IN_ADDRESS: &str = "{cpr}";

/// A web service that takes a CPR number.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Name in the log.
    pub id: String,
    pub url: String,
    pub asks: Asks,
    pub cpr_format: CprFormat,
    /// Credentials besides the client certificate.
    pub credentials: RegisterCredentials,
    /// Our client certificate.
    pub certificate: Option<ClientCertificate>,
    /// CA certificates; `None` = the system's.
    pub ca_file: Option<PathBuf>,
    /// Position of the result in the answer: a literal member name, or a JSON pointer. `None` = the whole answer.
    pub accounts_at: Option<String>,
    /// HTTP statuses that mean "no such person".
    pub not_found_statuses: Vec<u16>,
    /// Timeout of one request.
    pub timeout: Duration,
}

/// Transport of the CPR number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// POST, as JSON; the field's name.
    Json(String),
    /// POST, as a form; the field's name.
    Form(String),
    /// GET, in the URL: the last resort, because URLs end up in logs.
    InAddress,
}

/// Credentials in a request.
#[derive(Debug, Clone)]
pub enum RegisterCredentials {
    None,
    /// User name and password (RFC 7617).
    Basic(String, SecretString),
    /// Bearer token (RFC 6750).
    Bearer(SecretString),
}

/// `method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestMethod {
    Post,
    Get,
}

/// `body`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestBody {
    Json,
    Form,
}

/// The keys as written. Sections that include them use [`with_service_keys`].
#[derive(Default)]
pub(crate) struct RawService {
    pub url: Option<String>,
    pub method: Option<RequestMethod>,
    pub body: Option<RequestBody>,
    pub cpr_in_address: bool,
    pub cpr_parameter: Option<String>,
    pub cpr_format: CprFormat,
    pub username: Option<String>,
    pub password: Option<SecretString>,
    pub password_file: Option<PathBuf>,
    pub token: Option<SecretString>,
    pub token_file: Option<PathBuf>,
    pub client_certificate_file: Option<PathBuf>,
    pub client_key_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub accounts_at: Option<String>,
    pub not_found_statuses: Vec<u16>,
    pub timeout_seconds: Option<f64>,
}

/// A struct of a section's own keys and those of [`RawService`]. serde's `flatten` would accept unknown keys.
macro_rules! with_service_keys {
    ($(#[$meta:meta])* struct $name:ident { $($key:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(serde::Deserialize, Default)]
        #[serde(default)]
        pub(crate) struct $name {
            $($key: $kind,)*
            url: Option<String>,
            method: Option<$crate::config::registers::service::RequestMethod>,
            body: Option<$crate::config::registers::service::RequestBody>,
            cpr_in_address: bool,
            cpr_parameter: Option<String>,
            cpr_format: $crate::model::cpr::CprFormat,
            username: Option<String>,
            password: Option<secrecy::SecretString>,
            password_file: Option<std::path::PathBuf>,
            token: Option<secrecy::SecretString>,
            token_file: Option<std::path::PathBuf>,
            client_certificate_file: Option<std::path::PathBuf>,
            client_key_file: Option<std::path::PathBuf>,
            ca_file: Option<std::path::PathBuf>,
            accounts_at: Option<String>,
            not_found_statuses: Vec<u16>,
            timeout_seconds: Option<f64>,
        }

        impl $name {
            fn service(&mut self) -> $crate::config::registers::service::RawService {
                $crate::config::registers::service::RawService {
                    url: self.url.take(),
                    method: self.method,
                    body: self.body,
                    cpr_in_address: self.cpr_in_address,
                    cpr_parameter: self.cpr_parameter.take(),
                    cpr_format: self.cpr_format,
                    username: self.username.take(),
                    password: self.password.take(),
                    password_file: self.password_file.take(),
                    token: self.token.take(),
                    token_file: self.token_file.take(),
                    client_certificate_file: self.client_certificate_file.take(),
                    client_key_file: self.client_key_file.take(),
                    ca_file: self.ca_file.take(),
                    accounts_at: self.accounts_at.take(),
                    not_found_statuses: std::mem::take(&mut self.not_found_statuses),
                    timeout_seconds: self.timeout_seconds,
                }
            }
        }
    };
}
pub(crate) use with_service_keys;

/// Statuses that can mean "no such person". Statuses for credentials, limits and server errors cannot.
const NOBODY: [u16; 5] = [204, 400, 404, 410, 422];

impl RawService {
    /// `section`: prefix of the keys.
    pub fn check(mut self, id: String, section: &str, problems: &mut Problems) -> Option<ServiceConfig> {
        let before = problems.0.len();
        let key = |key: &str| format!("{section}.{key}");
        let asks = self.asks(section, problems);
        let credentials = self.credentials(section, problems);
        let certificate = self.certificate(section, problems);
        let url = problems.required(&key("url"), self.url);
        match url.as_deref() {
            Some(url) if !is_safe_address(url) || url.contains('#') || reqwest::Url::parse(&url.replace(IN_ADDRESS, "0")).is_err() => {
                problems.add(&key("url"), "has to begin with https:// (http:// on loopback only), without # and user names");
            }
            Some(url) if certificate.is_some() && !url.starts_with("https://") => {
                problems.add(&key("client_certificate_file"), "needs an address that begins with https://");
            }
            Some(_) | None => {}
        }
        if let Some(file) = &self.ca_file
            && let Err(error) = std::fs::metadata(file)
        {
            problems.add(&key("ca_file"), format!("{}: {error}", file.display()));
        }
        if self.accounts_at.as_ref().is_some_and(|place| !is_pointer_or_name(place)) {
            problems.add(&key("accounts_at"), "is neither a member name nor a JSON pointer");
        }
        if self.not_found_statuses.iter().any(|status| !NOBODY.contains(status)) {
            problems.add(&key("not_found_statuses"), "can hold 204, 400, 404, 410 and 422");
        }
        let timeout = seconds(&key("timeout_seconds"), self.timeout_seconds.unwrap_or(3.0), 0.1, 30.0, problems);
        (problems.0.len() == before).then_some(ServiceConfig {
            id,
            url: url?,
            asks: asks?,
            cpr_format: self.cpr_format,
            credentials: credentials?,
            certificate,
            ca_file: self.ca_file,
            accounts_at: self.accounts_at,
            not_found_statuses: self.not_found_statuses,
            timeout,
        })
    }

    fn asks(&mut self, section: &str, problems: &mut Problems) -> Option<Asks> {
        let before = problems.0.len();
        let key = |key: &str| format!("{section}.{key}");
        let url = self.url.as_deref().unwrap_or_default();
        let parameter = self.cpr_parameter.take();
        let get = self.method == Some(RequestMethod::Get);
        if get != self.cpr_in_address {
            let what = "and method = \"get\" belong together: with GET the CPR number is part of the URL, which servers and proxies log. Prefer POST";
            problems.add(&key("cpr_in_address"), what);
        } else if get {
            let path = url.splitn(4, '/').nth(3).unwrap_or_default();
            if path.matches(IN_ADDRESS).count() != 1 || url.matches(IN_ADDRESS).count() != 1 {
                problems.add(&key("url"), "has to hold {cpr} once, after the host's name, where the CPR number goes");
            }
            if parameter.is_some() || self.body.is_some() {
                problems.add(&key("cpr_parameter"), "and body are for POST only");
            }
        } else if url.contains(IN_ADDRESS) {
            problems.add(&key("url"), "can hold {cpr} only with method = \"get\" and cpr_in_address = true");
        }
        let parameter = parameter.unwrap_or_else(|| "cpr".to_owned());
        if parameter.is_empty() || parameter.chars().any(char::is_control) {
            problems.add(&key("cpr_parameter"), "is empty or holds control characters");
        }
        let asks = match (get, self.body) {
            (true, _) => Asks::InAddress,
            (false, None | Some(RequestBody::Json)) => Asks::Json(parameter),
            (false, Some(RequestBody::Form)) => Asks::Form(parameter),
        };
        (problems.0.len() == before).then_some(asks)
    }

    fn credentials(&mut self, section: &str, problems: &mut Problems) -> Option<RegisterCredentials> {
        let key = |key: &str| format!("{section}.{key}");
        let (password, password_file) = (self.password.take(), self.password_file.take());
        let (token, token_file) = (self.token.take(), self.token_file.take());
        let basic = self.username.is_some() || password.is_some() || password_file.is_some();
        let bearer = token.is_some() || token_file.is_some();
        match (basic, bearer) {
            (false, false) => Some(RegisterCredentials::None),
            (true, true) => {
                problems.add(&key("token"), "and username with password are two ways: keep one");
                None
            }
            (false, true) => {
                let token = secret::one_of(&key("token"), token, token_file.as_deref(), problems)?;
                let sendable = secrecy::ExposeSecret::expose_secret(&token).chars().all(|c| c.is_ascii_graphic());
                if !sendable {
                    problems.add(&key("token"), "holds a character that can't be sent");
                }
                sendable.then_some(RegisterCredentials::Bearer(token))
            }
            (true, false) => {
                let username = problems.required(&key("username"), self.username.take());
                if username.as_ref().is_some_and(|name| name.contains(':') || name.chars().any(char::is_control)) {
                    problems.add(&key("username"), "can't hold a colon or control characters");
                    return None;
                }
                let password = secret::one_of(&key("password"), password, password_file.as_deref(), problems);
                Some(RegisterCredentials::Basic(username?, password?))
            }
        }
    }

    fn certificate(&mut self, section: &str, problems: &mut Problems) -> Option<ClientCertificate> {
        let (file, key_file) = (self.client_certificate_file.take(), self.client_key_file.take());
        let (file, key_file) = match (file, key_file) {
            (None, None) => return None,
            (Some(file), Some(key_file)) => (file, key_file),
            (Some(_), None) | (None, Some(_)) => {
                problems.add(&format!("{section}.client_certificate_file"), "and client_key_file belong together");
                return None;
            }
        };
        if let Err(error) = std::fs::metadata(&file) {
            problems.add(&format!("{section}.client_certificate_file"), format!("{}: {error}", file.display()));
        }
        let key = secret::private_key(&format!("{section}.client_key_file"), &key_file, problems)?;
        Some(ClientCertificate { file, key })
    }
}
