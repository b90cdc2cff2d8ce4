//! Parsing and checks of `[oidc]`.

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::identity::oidc::{
    Algorithm, AssertionAudience, ClaimPath, ClaimSource, ClientAuth, ListOf, LogoutBy, Oidc, OidcProvider, Required, ResponseMode,
    is_pointer_or_name,
};
use crate::config::problem::Problems;
use crate::{
    config::{
        identity::provider::{self, LevelSource},
        read::secret,
        site::Text,
    },
    model::{
        address::is_safe_address,
        identity::{claim::ClaimKind, level::AssuranceLevel},
    },
};

#[derive(Deserialize)]
pub(crate) struct Raw {
    keys_dir: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    #[serde(default = "refresh_hours")]
    refresh_hours: u32,
    #[serde(default)]
    provider: Vec<RawOidcProvider>,
}

fn refresh_hours() -> u32 {
    6
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own in the configuration")]
struct RawOidcProvider {
    id: Option<String>,
    button: Option<Text>,
    #[serde(default)]
    mitid: bool,
    hint: Option<Text>,
    issuer: Option<String>,
    client_id: Option<String>,
    #[serde(default)]
    additional_audiences: Vec<String>,
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
    #[serde(default)]
    typed_logout_tokens: bool,
    #[serde(default = "skew_seconds")]
    skew_seconds: u32,
    r#match: Option<RawOidcMatch>,
    name: Option<RawField>,
    reference: Option<RawField>,
    fixed_level: Option<AssuranceLevel>,
    #[serde(default)]
    level: Vec<RawOidcLevel>,
    #[serde(default)]
    minimum_level: AssuranceLevel,
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
struct RawOidcMatch {
    by: ClaimKind,
    from: String,
    #[serde(default)]
    r#in: ClaimSource,
    ad_attribute: Option<String>,
}

#[derive(Deserialize)]
struct RawField {
    from: String,
    #[serde(default)]
    r#in: ClaimSource,
}

#[derive(Deserialize)]
struct RawOidcLevel {
    from: String,
    #[serde(default)]
    r#in: ClaimSource,
    values: BTreeMap<String, AssuranceLevel>,
}

#[derive(Deserialize)]
struct RawRequired {
    from: String,
    #[serde(default)]
    r#in: ClaimSource,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    or_absent: bool,
    #[serde(default)]
    list: ListOf,
}

/// Parameters that the service sets itself.
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
    pub(crate) fn check(self, problems: &mut Problems) -> Option<Oidc> {
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

impl RawOidcProvider {
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
        if self.additional_audiences.iter().any(String::is_empty) {
            problems.add(&key("additional_audiences"), "holds an empty name");
        }
        if self.algorithms.is_empty() {
            problems.add(&key("algorithms"), "is empty, so every login would be refused");
        }
        if self.skew_seconds > 600 {
            problems.add(&key("skew_seconds"), "has to be 0 to 600");
        }
        if self.require.iter().any(|required| required.values.is_empty() && !required.or_absent) {
            problems.add(&key("require"), "a field has no accepted value, so every login would be refused");
        }
        let said = self.level.drain(..).map(|raw| (field(raw.from, raw.r#in), raw.values)).collect();
        let levels = problems.0.len();
        let level = LevelSource::check(&section, self.fixed_level, said, problems);
        if level.is_none() && problems.0.len() == levels {
            problems.add(&section, "needs fixed_level or [[oidc.provider.level]], the assurance level of its logins");
        }
        if level.as_ref().is_some_and(|level| level.highest() < self.minimum_level) {
            problems.add(&key("minimum_level"), "is above every level that its logins can have, so every login would be refused");
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
            additional_audiences: self.additional_audiences,
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
            typed_logout_tokens: self.typed_logout_tokens,
            skew_seconds: self.skew_seconds,
            claim: self.r#match.map(|matching| field(matching.from, matching.r#in))?,
            name: self.name.map(|raw| field(raw.from, raw.r#in)),
            reference: self.reference.map_or_else(|| field("jti".to_owned(), ClaimSource::IdToken), |raw| field(raw.from, raw.r#in)),
            level: level?,
            minimum_level: self.minimum_level,
            require: self
                .require
                .into_iter()
                .map(|raw| Required { field: field(raw.from, raw.r#in), values: raw.values, or_absent: raw.or_absent, list: raw.list })
                .collect(),
        };
        if let Some(field) = provider.fields().find(|field| !is_pointer_or_name(&field.from)) {
            problems.add(&section, format!("{:?} is neither a claim name nor a JSON pointer", field.from));
        }
        if provider.signed_userinfo && !provider.asks_userinfo() {
            problems.add(&key("signed_userinfo"), "is set, but no field is read from UserInfo");
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

fn field(from: String, place: ClaimSource) -> ClaimPath {
    ClaimPath { place, from }
}

/// A string is sent as it is, any other value as JSON, which is the brokers' form of lists and objects.
fn sent(value: toml::Value) -> String {
    if let toml::Value::String(text) = value { text } else { serde_json::to_string(&value).unwrap_or_default() }
}
