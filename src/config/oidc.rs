//! `[oidc]` and `[[oidc.provider]]`: identity providers that speak OpenID Connect, and what their logins are taken for.

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

use super::{
    load::Problems,
    provider::{self, LevelSource, Provider},
    secret,
    site::Text,
};
use crate::model::{address::is_safe_address, claim::ClaimKind, level::Level, provider::ProviderId};

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

#[derive(Deserialize)]
pub(super) struct Raw {
    keys_dir: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    #[serde(default = "refresh_hours")]
    refresh_hours: u32,
    #[serde(default)]
    provider: Vec<RawProvider>,
}

fn refresh_hours() -> u32 {
    6
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own in the configuration")]
struct RawProvider {
    id: Option<String>,
    button: Option<Text>,
    #[serde(default)]
    mitid: bool,
    hint: Option<Text>,
    issuer: Option<String>,
    client_id: Option<String>,
    #[serde(default)]
    client_auth: RawClientAuth,
    client_secret: Option<SecretString>,
    client_secret_file: Option<PathBuf>,
    assertion_audience: Option<AssertionAudience>,
    assertion_algorithm: Option<Algorithm>,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
    #[serde(default)]
    parameters: BTreeMap<String, toml::Value>,
    #[serde(default)]
    response_mode: ResponseMode,
    #[serde(default = "yes")]
    par: bool,
    #[serde(default = "yes")]
    prompt_login: bool,
    max_age_seconds: Option<u32>,
    #[serde(default = "yes")]
    require_auth_time: bool,
    #[serde(default = "auth_time")]
    auth_time: String,
    #[serde(default)]
    logout_by: LogoutBy,
    #[serde(default = "algorithms")]
    algorithms: Vec<Algorithm>,
    #[serde(default)]
    encrypted_id_token: bool,
    #[serde(default)]
    signed_userinfo: bool,
    #[serde(default = "skew_seconds")]
    skew_seconds: u32,
    r#match: Option<RawMatch>,
    name: Option<RawField>,
    reference: Option<RawField>,
    fixed_level: Option<Level>,
    #[serde(default)]
    level: Vec<RawLevel>,
    #[serde(default)]
    minimum_level: Level,
    #[serde(default)]
    require: Vec<RawRequired>,
}

fn yes() -> bool {
    true
}

fn auth_time() -> String {
    "auth_time".to_owned()
}

fn scopes() -> Vec<String> {
    vec!["openid".to_owned()]
}

fn algorithms() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

fn skew_seconds() -> u32 {
    180
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawClientAuth {
    #[default]
    Basic,
    Post,
    PrivateKeyJwt,
}

#[derive(Deserialize)]
struct RawMatch {
    by: ClaimKind,
    from: String,
    #[serde(default)]
    r#in: Place,
    ad_attribute: Option<String>,
}

#[derive(Deserialize)]
struct RawField {
    from: String,
    #[serde(default)]
    r#in: Place,
}

#[derive(Deserialize)]
struct RawLevel {
    from: String,
    #[serde(default)]
    r#in: Place,
    values: BTreeMap<String, Level>,
}

#[derive(Deserialize)]
struct RawRequired {
    from: String,
    #[serde(default)]
    r#in: Place,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    or_absent: bool,
}

/// Parameters that are ours to set.
const OURS: [&str; 16] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "code_challenge",
    "code_challenge_method",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Oidc> {
        let before = problems.0.len();
        if !(1..=168).contains(&self.refresh_hours) {
            problems.add("oidc.refresh_hours", "has to be 1 to 168");
        }
        let mut providers = Vec::new();
        for raw in self.provider {
            providers.extend(raw.check(problems));
        }
        if self.keys_dir.is_none() && providers.iter().any(OidcProvider::needs_keys) {
            problems.add("oidc.keys_dir", "missing: a provider has client_auth = \"private_key_jwt\" or encrypted_id_token = true");
        }
        (problems.0.len() == before).then_some(Oidc {
            keys_dir: self.keys_dir,
            ca_file: self.ca_file,
            refresh_hours: self.refresh_hours,
            providers,
        })
    }
}

impl RawProvider {
    fn check(mut self, problems: &mut Problems) -> Option<OidcProvider> {
        let before = problems.0.len();
        let name = self.id.clone().unwrap_or_default();
        let section = format!("oidc.provider {name:?}");
        let key = |key: &str| format!("{section}.{key}");
        let issuer = problems.required(&key("issuer"), self.issuer.take());
        if issuer.as_ref().is_some_and(|issuer| !is_safe_address(issuer) || issuer.contains(['?', '#'])) {
            problems.add(&key("issuer"), "has to begin with https:// (http:// on loopback only), without ? and #");
        }
        let client_id = problems.required(&key("client_id"), self.client_id.take());
        if client_id.as_ref().is_some_and(|id| id.is_empty() || id.chars().any(char::is_control)) {
            problems.add(&key("client_id"), "is empty or holds control characters");
        }
        let client_auth = self.client_auth(&section, problems);
        if !self.scopes.iter().any(|scope| scope == "openid") {
            problems.add(&key("scopes"), "has to hold \"openid\"");
        }
        if self.scopes.iter().any(|scope| scope.is_empty() || scope.contains(|c: char| c.is_whitespace() || c.is_control())) {
            problems.add(&key("scopes"), "a scope is a word without blanks");
        }
        if let Some(ours) = OURS.iter().find(|ours| self.parameters.contains_key(**ours)) {
            problems.add(&key("parameters"), format!("{ours:?} is set by the service itself"));
        }
        if self.algorithms.is_empty() {
            problems.add(&key("algorithms"), "is empty, so no login could be believed");
        }
        if self.skew_seconds > 600 {
            problems.add(&key("skew_seconds"), "has to be 0 to 600");
        }
        if self.require.iter().any(|required| required.values.is_empty() && !required.or_absent) {
            problems.add(&key("require"), "a field has no value that would do, so nobody could log in");
        }
        let said = self.level.drain(..).map(|raw| (field(raw.from, raw.r#in), raw.values)).collect();
        let levels = problems.0.len();
        let level = LevelSource::check(&section, self.fixed_level, said, problems);
        if level.is_none() && problems.0.len() == levels {
            problems.add(&section, "needs fixed_level or [[oidc.provider.level]]: how sure are its logins?");
        }
        if level.as_ref().is_some_and(|level| level.highest() < self.minimum_level) {
            problems.add(&key("minimum_level"), "is above every level that its logins can have, so nobody could log in");
        }
        let common = provider::Raw {
            section: &section,
            id: &name,
            button: self.button.take(),
            mitid: self.mitid,
            hint: self.hint.take(),
            matching: self.r#match.as_ref().map(|matching| (matching.by, matching.ad_attribute.clone())),
            highest: level.as_ref().map(LevelSource::highest).unwrap_or_default(),
        };
        let provider = OidcProvider {
            common: common.check(problems)?,
            issuer: issuer?,
            client_id: client_id?,
            client_auth: client_auth?,
            scopes: self.scopes,
            parameters: self.parameters.into_iter().map(|(name, value)| (name, sent(value))).collect(),
            response_mode: self.response_mode,
            par: self.par,
            prompt_login: self.prompt_login,
            max_age_seconds: self.max_age_seconds,
            require_auth_time: self.require_auth_time,
            auth_time: self.auth_time,
            logout_by: self.logout_by,
            algorithms: self.algorithms,
            encrypted_id_token: self.encrypted_id_token,
            signed_userinfo: self.signed_userinfo,
            skew_seconds: self.skew_seconds,
            claim: self.r#match.map(|matching| field(matching.from, matching.r#in))?,
            name: self.name.map(|raw| field(raw.from, raw.r#in)),
            reference: self.reference.map_or_else(|| field("jti".to_owned(), Place::IdToken), |raw| field(raw.from, raw.r#in)),
            level: level?,
            minimum_level: self.minimum_level,
            require: self
                .require
                .into_iter()
                .map(|raw| Required { field: field(raw.from, raw.r#in), values: raw.values, or_absent: raw.or_absent })
                .collect(),
        };
        if let Some(field) = provider.fields().find(|field| !is_pointer_or_name(&field.from)) {
            problems.add(&section, format!("{:?} is no claim's name and no JSON pointer", field.from));
        }
        if provider.signed_userinfo && !provider.asks_userinfo() {
            problems.add(&key("signed_userinfo"), "is set, but nothing comes from UserInfo");
        }
        (problems.0.len() == before).then_some(provider)
    }

    fn client_auth(&mut self, section: &str, problems: &mut Problems) -> Option<ClientAuth> {
        let key = |key: &str| format!("{section}.{key}");
        let (secret, file) = (self.client_secret.take(), self.client_secret_file.take());
        let is_key = matches!(self.client_auth, RawClientAuth::PrivateKeyJwt);
        if is_key && (secret.is_some() || file.is_some()) {
            problems.add(&key("client_secret"), "is not used with client_auth = \"private_key_jwt\": leave it out");
            return None;
        }
        if !is_key && (self.assertion_audience.is_some() || self.assertion_algorithm.is_some()) {
            problems.add(&key("assertion_audience"), "and assertion_algorithm are for client_auth = \"private_key_jwt\" only");
        }
        let secret = || secret::one_of(&key("client_secret"), secret, file.as_deref(), problems);
        match self.client_auth {
            RawClientAuth::Basic => secret().map(ClientAuth::Basic),
            RawClientAuth::Post => secret().map(ClientAuth::Post),
            RawClientAuth::PrivateKeyJwt => {
                let pss = match self.assertion_algorithm {
                    None | Some(Algorithm::RS256) => false,
                    Some(Algorithm::PS256) => true,
                    Some(Algorithm::ES256) => {
                        problems.add(&key("assertion_algorithm"), "has to be \"RS256\" or \"PS256\": our keys are RSA keys");
                        return None;
                    }
                };
                Some(ClientAuth::PrivateKeyJwt { audience: self.assertion_audience.unwrap_or_default(), pss })
            }
        }
    }
}

fn field(from: String, place: Place) -> Field {
    Field { place, from }
}

/// RFC 6901: a pointer's `~` is followed by 0 or 1.
pub(super) fn is_pointer_or_name(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    !text.is_empty() && (!text.starts_with('/') || escapes)
}

/// A text goes as it is; anything else as JSON, which is how brokers take lists and objects.
fn sent(value: toml::Value) -> String {
    if let toml::Value::String(text) = value { text } else { serde_json::to_string(&value).unwrap_or_default() }
}
