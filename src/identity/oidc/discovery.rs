//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys.
//!
//! Invariants: every address is judged before anything is asked there; a field that this configuration does not use never decides; a field that is missing
//! or can't be used is told by its name.

use data_encoding::HEXLOWER;
use http::StatusCode;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{
    jwks::KeySet,
    payload::{Payload, Unreadable},
};
use crate::{config::OidcProvider, identity::http::Http, model::address::is_safe_address};

impl Known {
    /// What it is recognised by: its addresses and its keys in any order. 64 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let addresses = [Some(&self.authorize), Some(&self.token), self.userinfo.as_ref(), self.end_session.as_ref(), Some(&self.jwks_uri)];
        let text = format!("{addresses:?} {:?}", self.keys.in_order());
        HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
    }
}

/// A provider as it can be used.
#[derive(Debug, Clone)]
pub struct Known {
    /// Where people log in.
    pub authorize: String,
    /// Where codes are exchanged.
    pub token: String,
    /// UserInfo.
    pub userinfo: Option<String>,
    /// Pushed authorization requests (RFC 9126).
    pub par: Option<String>,
    /// RP-initiated logout.
    pub end_session: Option<String>,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Does it put `iss` in its answers (RFC 9207)?
    pub iss_parameter: bool,
    /// Does it tell us of logouts?
    pub backchannel_logout: bool,
    /// The ways to show who we are that it names.
    pub auth_methods: Vec<String>,
    /// The signatures that it names.
    pub algorithms: Vec<String>,
    /// The scopes that it names.
    pub scopes: Vec<String>,
    /// The claims that it names.
    pub claims: Vec<String>,
    /// Its keys.
    pub keys: KeySet,
}

/// Why a provider can't be used. For the log and the check command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The document or the keys can't be fetched or read.
    #[error("{0}")]
    Unreadable(String),
    /// It says that it is another issuer.
    #[error("its discovery document is of another issuer: {0:?}")]
    OtherIssuer(String),
    /// The discovery document of a Microsoft endpoint for many tenants.
    #[error("its discovery document is for any tenant ({0:?}): issuer needs the tenant's own GUID in that place")]
    AnyTenant(String),
    /// An address where nothing may be asked.
    #[error("its {0} is no address of https without user name and fragment")]
    Unsafe(&'static str),
    /// Something that we need is not there.
    #[error("its discovery document has no {0}")]
    Missing(&'static str),
    /// Something that we need is there, and of another type.
    #[error("its {0} can't be read: it has to be {1}, and stand there once")]
    NotA(&'static str, &'static str),
    /// Nothing could be verified.
    #[error("it publishes no key that fits the configured algorithms (RSA of 2048 bits or more, or P-256)")]
    NoKey,
}

/// Reads the discovery document and the keys.
pub async fn discover(http: &Http, provider: &OidcProvider) -> Result<Known, DiscoveryError> {
    let address = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
    let document = fetch(http, &address, "discovery document", "application/json").await?;
    let document =
        Payload::read(&document).ok_or_else(|| DiscoveryError::Unreadable("its discovery document is no JSON object".to_owned()))?;
    let mut known = said(&document, provider)?;
    known.keys = keys(http, &known, provider).await?;
    Ok(known)
}

/// Reads the keys again.
pub async fn keys(http: &Http, known: &Known, provider: &OidcProvider) -> Result<KeySet, DiscoveryError> {
    let document = fetch(http, &known.jwks_uri, "jwks_uri", "application/jwk-set+json, application/json").await?;
    let keys = KeySet::read(&document, &provider.algorithms);
    let keys =
        keys.ok_or_else(|| DiscoveryError::Unreadable("what its jwks_uri answers is no JSON object with a list of keys".to_owned()))?;
    if keys.is_empty() { Err(DiscoveryError::NoKey) } else { Ok(keys) }
}

async fn fetch(http: &Http, address: &str, what: &str, accept: &str) -> Result<Vec<u8>, DiscoveryError> {
    let answer = http.get(address, None, accept).await.map_err(|error| DiscoveryError::Unreadable(format!("its {what}: {error}")))?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        status if status.is_redirection() => {
            Err(DiscoveryError::Unreadable(format!("its {what} answered {status}: it redirects, which is not followed")))
        }
        status => Err(DiscoveryError::Unreadable(format!("its {what} answered {status}"))),
    }
}

/// What the document says, before anything more is asked. There are no keys yet.
pub fn said(document: &Payload, provider: &OidcProvider) -> Result<Known, DiscoveryError> {
    let issuer = text(document, "issuer")?.ok_or(DiscoveryError::Missing("issuer"))?;
    if issuer != provider.issuer {
        let told: String = issuer.chars().take(200).collect();
        return Err(if issuer.contains("{tenantid}") { DiscoveryError::AnyTenant(told) } else { DiscoveryError::OtherIssuer(told) });
    }
    let optional = |name| address(document, name, provider);
    let required = |name| optional(name)?.ok_or(DiscoveryError::Missing(name));
    let list = |name: &str| match document.get(name) {
        Ok(Some(Value::Array(words))) => words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        Ok(_) | Err(Unreadable) => Vec::new(),
    };
    Ok(Known {
        authorize: required("authorization_endpoint")?,
        token: required("token_endpoint")?,
        userinfo: if provider.asks_userinfo() { Some(required("userinfo_endpoint")?) } else { None },
        par: if provider.par { optional("pushed_authorization_request_endpoint")? } else { None },
        end_session: optional("end_session_endpoint")?,
        jwks_uri: required("jwks_uri")?,
        iss_parameter: truth(document, "authorization_response_iss_parameter_supported")?,
        // Only the check command tells of it, and of the lists.
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
        Ok(Some(_)) | Err(Unreadable) => Err(DiscoveryError::NotA(name, "a text")),
    }
}

/// An address where something may be asked or somebody sent. Only a provider on this machine may name addresses on this machine.
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
        Ok(Some(_)) | Err(Unreadable) => Err(DiscoveryError::NotA(name, "true or false")),
    }
}
