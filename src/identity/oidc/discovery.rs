//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys.

use data_encoding::HEXLOWER;
use openidconnect::{
    AdditionalProviderMetadata, IssuerUrl, JsonWebKeySetUrl, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::jwks::KeySet;
use crate::{config::OidcProvider, identity::http::Http, model::address::is_safe_address};

/// What the library's own metadata leaves out.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct More {
    pushed_authorization_request_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    backchannel_logout_supported: bool,
}

impl AdditionalProviderMetadata for More {}

type Document = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

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
    /// An address that would be asked in clear.
    #[error("its {0} does not begin with https://")]
    Unsafe(&'static str),
    /// Something that we need is not there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// Nothing could be verified.
    #[error("it publishes no key that fits the configured algorithms (RSA of 2048 bits or more, or P-256)")]
    NoKey,
}

/// Reads the discovery document and the keys.
pub async fn discover(http: &Http, provider: &OidcProvider) -> Result<Known, DiscoveryError> {
    let unreadable = |error: &dyn std::fmt::Display| DiscoveryError::Unreadable(error.to_string());
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(|error| unreadable(&error))?;
    let document = Document::discover_async(issuer, http).await.map_err(|error| DiscoveryError::Unreadable(told(&error)))?;
    if document.issuer().as_str() != provider.issuer {
        return Err(DiscoveryError::OtherIssuer(document.issuer().as_str().chars().take(200).collect()));
    }
    let more = document.additional_metadata().clone();
    let token = document.token_endpoint().ok_or(DiscoveryError::Missing("token_endpoint"))?;
    let known = Known {
        authorize: document.authorization_endpoint().as_str().to_owned(),
        token: token.as_str().to_owned(),
        userinfo: document.userinfo_endpoint().map(|address| address.as_str().to_owned()),
        par: more.pushed_authorization_request_endpoint,
        end_session: more.end_session_endpoint,
        jwks_uri: document.jwks_uri().as_str().to_owned(),
        iss_parameter: more.authorization_response_iss_parameter_supported,
        backchannel_logout: more.backchannel_logout_supported,
        auth_methods: words(document.token_endpoint_auth_methods_supported().map(Vec::as_slice).unwrap_or_default()),
        algorithms: words(document.id_token_signing_alg_values_supported()),
        keys: KeySet::of(document.jwks(), &provider.algorithms),
    };
    let addresses = [
        ("authorization_endpoint", Some(&known.authorize)),
        ("token_endpoint", Some(&known.token)),
        ("userinfo_endpoint", known.userinfo.as_ref()),
        ("pushed_authorization_request_endpoint", known.par.as_ref()),
        ("end_session_endpoint", known.end_session.as_ref()),
        ("jwks_uri", Some(&known.jwks_uri)),
    ];
    // Only a provider on this machine may name addresses on this machine.
    let safe = |address: &str| is_safe_address(address) && (address.starts_with("https://") || provider.issuer.starts_with("http://"));
    if let Some((name, _)) = addresses.into_iter().find(|(_, address)| address.is_some_and(|address| !safe(address))) {
        return Err(DiscoveryError::Unsafe(name));
    }
    if provider.asks_userinfo() && known.userinfo.is_none() {
        return Err(DiscoveryError::Missing("userinfo_endpoint"));
    }
    if known.keys.is_empty() {
        return Err(DiscoveryError::NoKey);
    }
    Ok(known)
}

/// Reads the keys again.
pub async fn keys(http: &Http, known: &Known, provider: &OidcProvider) -> Result<KeySet, DiscoveryError> {
    let address = JsonWebKeySetUrl::new(known.jwks_uri.clone()).map_err(|error| DiscoveryError::Unreadable(error.to_string()))?;
    let keys = CoreJsonWebKeySet::fetch_async(&address, http).await;
    let keys = KeySet::of(&keys.map_err(|error| DiscoveryError::Unreadable(told(&error)))?, &provider.algorithms);
    if keys.is_empty() { Err(DiscoveryError::NoKey) } else { Ok(keys) }
}

/// The names as the document has them.
fn words(values: &[impl Serialize]) -> Vec<String> {
    values.iter().filter_map(|value| Some(serde_json::to_value(value).ok()?.as_str()?.to_owned())).collect()
}

/// What the library says, without what the provider said: it may be a page of anything.
fn told<E: std::error::Error + 'static>(error: &openidconnect::DiscoveryError<E>) -> String {
    match error {
        openidconnect::DiscoveryError::Response(status, _, what) => format!("answered {status}: {what}"),
        openidconnect::DiscoveryError::Parse(error) => format!("answered JSON that is no such document ({})", error.path()),
        openidconnect::DiscoveryError::Request(error) => error.to_string(),
        openidconnect::DiscoveryError::UrlParse(error) => error.to_string(),
        openidconnect::DiscoveryError::Validation(what) => format!("its discovery document is of another issuer: {what}"),
        openidconnect::DiscoveryError::Other(_) | _ => error.to_string(),
    }
}
