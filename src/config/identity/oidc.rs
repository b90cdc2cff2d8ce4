//! `[oidc]` and `[[oidc.provider]]`: OpenID Connect identity providers, and the interpretation of their logins.

mod raw;

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

pub(crate) use crate::config::identity::oidc::raw::Raw;

use crate::config::identity::provider::{LevelSource, Provider};
use crate::model::identity::{level::AssuranceLevel, provider::ProviderId};

/// `[oidc]`.
#[derive(Debug, Clone, Default)]
pub struct Oidc {
    /// Directory of our keys, as `os2nykode oidc keygen` creates them.
    pub keys_dir: Option<PathBuf>,
    /// CA certificates for the providers; `None` = the system's.
    pub ca_file: Option<PathBuf>,
    /// Hours between refreshes of the providers' metadata, 1 to 168.
    pub refresh_hours: u32,
    /// `[[oidc.provider]]`, in display order.
    pub providers: Vec<OidcProvider>,
}

impl Oidc {
    pub fn provider(&self, id: &ProviderId) -> Option<&OidcProvider> {
        self.providers.iter().find(|provider| &provider.common.id == id)
    }
}

/// An OpenID Connect identity provider.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own in the configuration")]
pub struct OidcProvider {
    /// The settings of every identity provider.
    pub common: Provider,
    /// Issuer identifier, exactly as in the discovery document and in tokens.
    pub issuer: String,
    pub client_id: String,
    /// Audiences that `aud` may hold besides us. A token with several audiences needs our client_id in `azp`.
    pub additional_audiences: Vec<String>,
    pub client_auth: ClientAuth,
    /// Requested scopes, `openid` among them.
    pub scopes: Vec<String>,
    /// Additional parameters of the authorization request.
    pub parameters: BTreeMap<String, String>,
    pub response_mode: ResponseMode,
    /// Push authorization requests (RFC 9126) if the provider supports it.
    pub par: bool,
    /// Send `prompt=login`.
    pub prompt_login: bool,
    /// `max_age`, seconds.
    pub max_age_seconds: Option<u32>,
    /// Refuse a token without a time of login if a fresh login was requested.
    pub require_auth_time: bool,
    /// The ID token's claim with the time of login: seconds since 1970, or ISO 8601 (UTC if it has no offset).
    pub auth_time: String,
    pub logout_by: LogoutBy,
    /// Accepted signature algorithms.
    pub algorithms: Vec<Algorithm>,
    /// ID tokens have to be encrypted with our key.
    pub encrypted_id_token: bool,
    /// UserInfo has to be a signed JWT.
    pub signed_userinfo: bool,
    /// Logout tokens have to be of type `logout+jwt`.
    pub typed_logout_tokens: bool,
    /// Tolerated clock difference, seconds, 0 to 600.
    pub skew_seconds: u32,
    /// Field of the claim that leads to the linked accounts.
    pub claim: ClaimPath,
    /// Field of the person's name.
    pub name: Option<ClaimPath>,
    /// Field of the login's ID in the provider's own log.
    pub reference: ClaimPath,
    /// Source of the assurance level.
    pub level: LevelSource<ClaimPath>,
    /// Logins below this level are refused.
    pub minimum_level: AssuranceLevel,
    /// Fields with required values.
    pub require: Vec<Required>,
}

/// A field with required values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    pub field: ClaimPath,
    /// Accepted values.
    pub values: Vec<String>,
    /// The field may be missing.
    pub or_absent: bool,
    /// The rule for a list of values.
    pub list: ListOf,
}

/// The rule for a field that holds a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOf {
    /// All values of the list have to be accepted.
    #[default]
    Only,
    /// One value has to be accepted, others are ignored: for groups and roles.
    Any,
}

impl OidcProvider {
    /// All fields that are read.
    pub fn fields(&self) -> impl Iterator<Item = &ClaimPath> {
        let levels = match &self.level {
            LevelSource::Fixed(_) => &[],
            LevelSource::Said(sources) => sources.as_slice(),
        };
        let single = std::iter::once(&self.claim).chain(&self.name).chain([&self.reference]);
        single.chain(levels.iter().map(|(field, _)| field)).chain(self.require.iter().map(|required| &required.field))
    }

    /// True if a field is read from UserInfo.
    pub fn asks_userinfo(&self) -> bool {
        self.fields().any(|field| field.place == ClaimSource::Userinfo)
    }

    /// True if our own keys are needed.
    pub fn needs_keys(&self) -> bool {
        self.encrypted_id_token || matches!(self.client_auth, ClientAuth::PrivateKeyJwt { .. })
    }
}

/// Position of a value in a provider's answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimPath {
    pub place: ClaimSource,
    /// Literal name of the claim, dots and URLs included; or a JSON pointer (RFC 6901) if it begins with `/`.
    pub from: String,
}

impl ClaimPath {
    /// The member of the answer, and the JSON pointer within its value.
    pub fn steps(&self) -> (String, Option<&str>) {
        let Some(path) = self.from.strip_prefix('/') else { return (self.from.clone(), None) };
        let first = path.split('/').next().unwrap_or_default();
        let rest = &path[first.len()..];
        (first.replace("~1", "/").replace("~0", "~"), (!rest.is_empty()).then_some(rest))
    }
}

impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            ClaimSource::IdToken => f.write_str(&self.from),
            ClaimSource::Userinfo => write!(f, "{} in UserInfo", self.from),
        }
    }
}

/// The two answers of a provider with claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimSource {
    #[default]
    IdToken,
    Userinfo,
}

/// Client authentication (OpenID Connect Core, section 9).
#[derive(Debug, Clone)]
pub enum ClientAuth {
    /// `client_secret_basic`.
    Basic(SecretString),
    /// `client_secret_post`.
    Post(SecretString),
    /// `private_key_jwt`.
    PrivateKeyJwt {
        audience: AssertionAudience,
        /// Signed with PS256 instead of RS256.
        pss: bool,
    },
}

/// The audience of a client assertion. The issuer is the safe one: another provider cannot make us address an assertion to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The issuer identifier.
    #[default]
    Issuer,
    /// URL of the token endpoint, for providers that accept nothing else.
    TokenEndpoint,
}

/// Transport of the answer to an authorization request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the URL.
    #[default]
    Query,
    /// As a form.
    FormPost,
}

/// The way to a provider's logout (RP-Initiated Logout 1.0, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutBy {
    /// A form, with the ID token as a hint.
    #[default]
    Form,
    /// A URL, without a hint, because URLs must not hold tokens. For providers that do not accept forms; they may ask the person.
    Address,
}

/// A signature algorithm (RFC 7518, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// ECDSA with P-256 and SHA-256.
    ES256,
}

impl Algorithm {
    /// All supported algorithms.
    pub const ALL: [Self; 3] = [Self::RS256, Self::PS256, Self::ES256];
}

/// RFC 6901: in a pointer, `~` is followed by 0 or 1.
pub(crate) fn is_pointer_or_name(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    !text.is_empty() && (!text.starts_with('/') || escapes)
}
