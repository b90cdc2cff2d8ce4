//! `[oidc]` and `[[oidc.provider]]`: identity providers that speak OpenID Connect, and what their logins are taken for.

mod raw;

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

pub(super) use raw::Raw;

use super::provider::{LevelSource, Provider};
use crate::model::{level::Level, provider::ProviderId};

/// `[oidc]`.
#[derive(Debug, Clone, Default)]
pub struct Oidc {
    /// Our keys, as `os2nykode oidc keygen` makes them.
    pub keys_dir: Option<PathBuf>,
    /// CA certificates for the providers; the system's where none is set.
    pub ca_file: Option<PathBuf>,
    /// Hours between looks at what the providers say of themselves, 1 to 168.
    pub refresh_hours: u32,
    /// `[[oidc.provider]]`, in the order in which they are shown.
    pub providers: Vec<OidcProvider>,
}

impl Oidc {
    /// A provider by its name.
    pub fn provider(&self, id: &ProviderId) -> Option<&OidcProvider> {
        self.providers.iter().find(|provider| &provider.common.id == id)
    }
}

/// One provider.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own in the configuration")]
pub struct OidcProvider {
    /// What every provider has.
    pub common: Provider,
    /// Its issuer identifier, letter by letter as in its discovery document and tokens.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// Who may stand in `aud` beside us. A token with several audiences needs an `azp`, which is us.
    pub additional_audiences: Vec<String>,
    /// How we show who we are.
    pub client_auth: ClientAuth,
    /// The scopes that are asked for, `openid` among them.
    pub scopes: Vec<String>,
    /// More parameters of the authorization request, as they are sent.
    pub parameters: BTreeMap<String, String>,
    /// How its answer travels.
    pub response_mode: ResponseMode,
    /// Are requests pushed (RFC 9126) where it offers that?
    pub par: bool,
    /// Is `prompt=login` sent?
    pub prompt_login: bool,
    /// `max_age`, seconds.
    pub max_age_seconds: Option<u32>,
    /// Is a token without a time of login refused where a fresh login was asked for?
    pub require_auth_time: bool,
    /// The claim of the ID token that holds the time of the login: seconds since 1970, or ISO 8601 (in UTC where it has no offset).
    pub auth_time: String,
    /// How people are taken to its logout.
    pub logout_by: LogoutBy,
    /// Signatures that are taken.
    pub algorithms: Vec<Algorithm>,
    /// Have ID tokens to be encrypted to us?
    pub encrypted_id_token: bool,
    /// Has UserInfo to be a signed JWT?
    pub signed_userinfo: bool,
    /// Has a logout token to be of the type `logout+jwt`?
    pub typed_logout_tokens: bool,
    /// Clocks may differ by this much, seconds, 0 to 600.
    pub skew_seconds: u32,
    /// Where the claim stands that leads to accounts.
    pub claim: Field,
    /// Where the person's name stands.
    pub name: Option<Field>,
    /// Where it stands what the provider's own log names the login by.
    pub reference: Field,
    /// Where the level comes from.
    pub level: LevelSource<Field>,
    /// A login below this level is refused.
    pub minimum_level: Level,
    /// What has to be said.
    pub require: Vec<Required>,
}

/// A field that has to have one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    /// Where it stands.
    pub field: Field,
    /// What may stand there.
    pub values: Vec<String>,
    /// May it be missing as well?
    pub or_absent: bool,
    /// How much of a list has to be among the values.
    pub list: ListOf,
}

/// How much of a list has to be among the required values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOf {
    /// All of it: nothing else may stand there.
    #[default]
    Only,
    /// One of it, whatever stands beside it: for groups and roles.
    Any,
}

impl OidcProvider {
    /// Every field that is looked at.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        let levels = match &self.level {
            LevelSource::Fixed(_) => &[],
            LevelSource::Said(sources) => sources.as_slice(),
        };
        let single = std::iter::once(&self.claim).chain(&self.name).chain([&self.reference]);
        single.chain(levels.iter().map(|(field, _)| field)).chain(self.require.iter().map(|required| &required.field))
    }

    /// Does anything come from UserInfo?
    pub fn asks_userinfo(&self) -> bool {
        self.fields().any(|field| field.place == Place::Userinfo)
    }

    /// Are our own keys needed?
    pub fn needs_keys(&self) -> bool {
        self.encrypted_id_token || matches!(self.client_auth, ClientAuth::PrivateKeyJwt { .. })
    }
}

/// Where a value stands in what a provider says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// In which of its answers.
    pub place: Place,
    /// The claim's literal name, dots and addresses included, or a JSON pointer (RFC 6901) where it begins with `/`.
    pub from: String,
}

impl Field {
    /// The member of the answer, and the JSON pointer inside its value.
    pub fn steps(&self) -> (String, Option<&str>) {
        let Some(path) = self.from.strip_prefix('/') else { return (self.from.clone(), None) };
        let first = path.split('/').next().unwrap_or_default();
        let rest = &path[first.len()..];
        (first.replace("~1", "/").replace("~0", "~"), (!rest.is_empty()).then_some(rest))
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Place::IdToken => f.write_str(&self.from),
            Place::Userinfo => write!(f, "{} in UserInfo", self.from),
        }
    }
}

/// The two answers of a provider that hold claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The ID token.
    #[default]
    IdToken,
    /// The UserInfo answer.
    Userinfo,
}

/// How we show a provider who we are (OpenID Connect Core, section 9).
#[derive(Debug, Clone)]
pub enum ClientAuth {
    /// `client_secret_basic`.
    Basic(SecretString),
    /// `client_secret_post`.
    Post(SecretString),
    /// `private_key_jwt`.
    PrivateKeyJwt {
        /// Whom the assertion is for.
        audience: AssertionAudience,
        /// Is it signed with PS256? Else RS256.
        pss: bool,
    },
}

/// The audience of a client assertion. The issuer is the safe one: no other provider can make us address an assertion to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The issuer identifier.
    #[default]
    Issuer,
    /// The token endpoint's address, for providers that take nothing else.
    TokenEndpoint,
}

/// How the answer to an authorization request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the address.
    #[default]
    Query,
    /// As a form.
    FormPost,
}

/// How people are taken to a provider's logout (RP-Initiated Logout 1.0, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutBy {
    /// By a form, with the ID token as a hint.
    #[default]
    Form,
    /// By an address, without a hint: a token goes in no address. For providers that take no forms; they may ask the person.
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
    /// All that are taken at all.
    pub const ALL: [Self; 3] = [Self::RS256, Self::PS256, Self::ES256];
}

/// RFC 6901: a pointer's `~` is followed by 0 or 1.
pub(super) fn is_pointer_or_name(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    !text.is_empty() && (!text.starts_with('/') || escapes)
}
