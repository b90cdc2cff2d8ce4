//! Discovery document of a provider (OpenID Connect Discovery 1.0), and its keys.
//!
//! Invariants:
//! - Every address is checked before a request to it.
//! - A field that the configuration does not use never decides.
//! - An error names the field that is missing or unusable.

use data_encoding::HEXLOWER;
use http::StatusCode;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{
    jwks::KeySet,
    payload::{AmbiguousMember, Payload},
};
use crate::{config::OidcProvider, identity::http::HttpClient, model::address::is_safe_address};

impl DiscoveredProvider {
    /// Fingerprint of its addresses and keys, independent of the keys' order: 64 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let addresses = [Some(&self.authorize), Some(&self.token), self.userinfo.as_ref(), self.end_session.as_ref(), Some(&self.jwks_uri)];
        let text = format!("{addresses:?} {:?}", self.keys.in_order());
        HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
    }
}

/// Usable metadata of a provider.
#[derive(Debug, Clone)]
pub struct DiscoveredProvider {
    /// Authorization endpoint.
    pub authorize: String,
    /// Token endpoint.
    pub token: String,
    /// UserInfo endpoint.
    pub userinfo: Option<String>,
    /// Endpoint for pushed authorization requests (RFC 9126).
    pub par: Option<String>,
    /// Endpoint for RP-initiated logout.
    pub end_session: Option<String>,
    /// Address of its keys.
    pub jwks_uri: String,
    /// Whether its answers contain `iss` (RFC 9207).
    pub iss_parameter: bool,
    /// Whether it supports back-channel logout.
    pub backchannel_logout: bool,
    /// Supported methods of client authentication.
    pub auth_methods: Vec<String>,
    /// Supported signature algorithms.
    pub algorithms: Vec<String>,
    /// Supported scopes.
    pub scopes: Vec<String>,
    /// Supported claims.
    pub claims: Vec<String>,
    pub keys: KeySet,
}

/// Reasons why a provider can't be used, for the log and the check command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// A document can't be fetched or parsed.
    #[error("{0}")]
    Unreadable(String),
    /// The document names another issuer than configured.
    #[error("its discovery document is of another issuer: {0:?}")]
    OtherIssuer(String),
    /// The discovery document of a Microsoft endpoint for several tenants.
    #[error("its discovery document is for any tenant ({0:?}): issuer needs the tenant's own GUID in that place")]
    AnyTenant(String),
    /// An address is not acceptable.
    #[error("its {0} is not an https address without user name and fragment")]
    Unsafe(&'static str),
    /// A required field is missing.
    #[error("its discovery document has no {0}")]
    Missing(&'static str),
    /// A required field has another type.
    #[error("its {0} must be {1} and occur once")]
    NotA(&'static str, &'static str),
    /// No key is usable.
    #[error("it publishes no key that fits the configured algorithms (RSA of 2048 bits or more, or P-256)")]
    NoKey,
}

/// Fetches the discovery document and the keys.
pub async fn discover(http: &HttpClient, provider: &OidcProvider) -> Result<DiscoveredProvider, DiscoveryError> {
    let address = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
    let document = fetch(http, &address, "discovery document", "application/json").await?;
    let document =
        Payload::read(&document).ok_or_else(|| DiscoveryError::Unreadable("its discovery document is no JSON object".to_owned()))?;
    let mut known = said(&document, provider)?;
    known.keys = keys(http, &known, provider).await?;
    Ok(known)
}

/// Fetches the keys again.
pub async fn keys(http: &HttpClient, known: &DiscoveredProvider, provider: &OidcProvider) -> Result<KeySet, DiscoveryError> {
    let document = fetch(http, &known.jwks_uri, "jwks_uri", "application/jwk-set+json, application/json").await?;
    let keys = KeySet::read(&document, &provider.algorithms);
    let keys = keys.ok_or_else(|| DiscoveryError::Unreadable("its jwks_uri returned no JSON object with a list of keys".to_owned()))?;
    if keys.is_empty() { Err(DiscoveryError::NoKey) } else { Ok(keys) }
}

async fn fetch(http: &HttpClient, address: &str, what: &str, accept: &str) -> Result<Vec<u8>, DiscoveryError> {
    let answer = http.get(address, None, accept).await.map_err(|error| DiscoveryError::Unreadable(format!("its {what}: {error}")))?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        status if status.is_redirection() => {
            Err(DiscoveryError::Unreadable(format!("its {what} answered {status}: redirects are not followed")))
        }
        status => Err(DiscoveryError::Unreadable(format!("its {what} answered {status}"))),
    }
}

/// Reads the document, without the keys.
pub fn said(document: &Payload, provider: &OidcProvider) -> Result<DiscoveredProvider, DiscoveryError> {
    let issuer = text(document, "issuer")?.ok_or(DiscoveryError::Missing("issuer"))?;
    if issuer != provider.issuer {
        let told: String = issuer.chars().take(200).collect();
        return Err(if issuer.contains("{tenantid}") { DiscoveryError::AnyTenant(told) } else { DiscoveryError::OtherIssuer(told) });
    }
    let optional = |name| address(document, name, provider);
    let required = |name| optional(name)?.ok_or(DiscoveryError::Missing(name));
    let list = |name: &str| match document.get(name) {
        Ok(Some(Value::Array(words))) => words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        Ok(_) | Err(AmbiguousMember) => Vec::new(),
    };
    Ok(DiscoveredProvider {
        authorize: required("authorization_endpoint")?,
        token: required("token_endpoint")?,
        userinfo: if provider.asks_userinfo() { Some(required("userinfo_endpoint")?) } else { None },
        par: if provider.par { optional("pushed_authorization_request_endpoint")? } else { None },
        end_session: optional("end_session_endpoint")?,
        jwks_uri: required("jwks_uri")?,
        iss_parameter: truth(document, "authorization_response_iss_parameter_supported")?,
        // Only the check command reports this field and the lists.
        backchannel_logout: truth(document, "backchannel_logout_supported").unwrap_or_default(),
        auth_methods: list("token_endpoint_auth_methods_supported"),
        algorithms: list("id_token_signing_alg_values_supported"),
        scopes: list("scopes_supported"),
        claims: list("claims_supported"),
        keys: KeySet::none(),
    })
}

fn text<'d>(document: &'d Payload, name: &'static str) -> Result<Option<&'d str>, DiscoveryError> {
    match document.get(name) {
        Ok(None) => Ok(None),
        Ok(Some(Value::String(text))) => Ok((!text.is_empty()).then_some(text.as_str())),
        Ok(Some(_)) | Err(AmbiguousMember) => Err(DiscoveryError::NotA(name, "a text")),
    }
}

/// An address in the document for requests or redirects. Only a provider on this machine may use http.
fn address(document: &Payload, name: &'static str, provider: &OidcProvider) -> Result<Option<String>, DiscoveryError> {
    let Some(address) = text(document, name)? else { return Ok(None) };
    let here = provider.issuer.starts_with("http://");
    let host = address.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(|host| !host.is_empty())).unwrap_or_default();
    let safe = host && is_safe_address(address) && (address.starts_with("https://") || here) && !address.contains('#');
    if safe { Ok(Some(address.to_owned())) } else { Err(DiscoveryError::Unsafe(name)) }
}

fn truth(document: &Payload, name: &'static str) -> Result<bool, DiscoveryError> {
    match document.get(name) {
        Ok(None) => Ok(false),
        Ok(Some(Value::Bool(truth))) => Ok(*truth),
        Ok(Some(_)) | Err(AmbiguousMember) => Err(DiscoveryError::NotA(name, "true or false")),
    }
}
