//! `[saml]` and `[[saml.provider]]`: SAML 2.0 identity providers, and the interpretation of their logins.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use crate::config::{
    identity::provider::{self, LevelSource, Provider},
    problem::Problems,
    site::Text,
};
use crate::model::{
    address::is_safe_address,
    identity::{claim::ClaimKind, level::AssuranceLevel, provider::ProviderId},
};

/// `[saml]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saml {
    /// Our entity ID; `None` = `<public_url>/saml/metadata`.
    pub entity_id: Option<String>,
    /// Directory of our keys and certificates, as `os2nykode saml keygen` creates them.
    pub keys_dir: Option<PathBuf>,
    /// Directory of the last valid copies of the providers' metadata.
    pub cache_dir: Option<PathBuf>,
    /// Technical contact in our metadata, an e-mail address.
    pub contact: Option<String>,
    /// Sign our metadata.
    pub sign_metadata: bool,
    /// CA certificates for metadata over https; `None` = the system's.
    pub ca_file: Option<PathBuf>,
    /// Hours between refreshes of the providers' metadata, 1 to 168.
    pub refresh_hours: u32,
    /// `[[saml.provider]]`, in display order.
    pub providers: Vec<SamlProvider>,
}

impl Saml {
    pub fn provider(&self, id: &ProviderId) -> Option<&SamlProvider> {
        self.providers.iter().find(|provider| &provider.common.id == id)
    }
}

/// A SAML 2.0 identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlProvider {
    /// The settings of every identity provider.
    pub common: Provider,
    pub metadata: MetadataSource,
    /// Certificate (PEM) that the metadata has to be signed with.
    pub metadata_certificate_file: Option<PathBuf>,
    /// Entity ID; `None` = the only one in the metadata.
    pub entity_id: Option<String>,
    pub profile: Profile,
    pub binding: Binding,
    /// Sign our messages with RSASSA-PSS instead of RSASSA-PKCS1-v1_5.
    pub pss: bool,
    /// Requested assurance level; `none` = no request.
    pub request_level: AssuranceLevel,
    /// Requested kind of identity, OIOSAML 3.
    pub request_id_type: Option<IdType>,
    /// Request a new login even if the person has a session at the provider.
    pub force_authn: bool,
    /// Tolerated clock difference, seconds, 0 to 600.
    pub skew_seconds: u32,
    /// Accepted values of specVersion, OIOSAML 3.
    pub spec_versions: Vec<String>,
    /// Source of the claim: an attribute's name, or `NameID`.
    pub claim: Source,
    /// Attribute of the person's name.
    pub name: Option<String>,
    /// Source of the assurance level.
    pub level: LevelSource<String>,
    /// Attributes that must have one of these values.
    pub require: BTreeMap<String, Vec<String>>,
}

/// Position of a value in an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The subject's NameID.
    NameId,
    /// An attribute, by its full name.
    Attribute(String),
}

/// Source of a provider's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataSource {
    File(PathBuf),
    /// An https URL; http on loopback only.
    Url(String),
}

/// The profile that messages are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// SAML 2.0 Web Browser SSO.
    #[default]
    Saml2,
    /// OIOSAML 3: encrypted and signed assertions with specVersion and level.
    Oiosaml3,
}

/// Binding of an AuthnRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// HTTP-Redirect.
    #[default]
    Redirect,
    /// HTTP-POST.
    Post,
}

/// The requested kind of identity (OIOSAML 3.0.3, 6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdType {
    /// A private person.
    Person,
    /// A person at work.
    Professional,
}

impl IdType {
    /// URI of the authentication context class.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Person => "https://data.gov.dk/eid/Person",
            Self::Professional => "https://data.gov.dk/eid/Professional",
        }
    }
}

/// The NSIS attribute of the assurance level.
const NSIS: &str = "https://data.gov.dk/concept/core/nsis/loa";

#[derive(Deserialize)]
pub(crate) struct Raw {
    entity_id: Option<String>,
    keys_dir: Option<PathBuf>,
    cache_dir: Option<PathBuf>,
    contact: Option<String>,
    #[serde(default)]
    sign_metadata: bool,
    ca_file: Option<PathBuf>,
    #[serde(default = "refresh_hours")]
    refresh_hours: u32,
    #[serde(default)]
    provider: Vec<RawSamlProvider>,
}

fn refresh_hours() -> u32 {
    6
}

#[derive(Deserialize)]
struct RawSamlProvider {
    id: Option<String>,
    button: Option<Text>,
    #[serde(default)]
    mitid: bool,
    hint: Option<Text>,
    metadata_file: Option<PathBuf>,
    metadata_url: Option<String>,
    metadata_certificate_file: Option<PathBuf>,
    entity_id: Option<String>,
    #[serde(default)]
    profile: Profile,
    #[serde(default)]
    binding: Binding,
    #[serde(default)]
    pss: bool,
    request_level: Option<AssuranceLevel>,
    request_id_type: Option<IdType>,
    #[serde(default = "yes")]
    force_authn: bool,
    #[serde(default = "skew_seconds")]
    skew_seconds: u32,
    #[serde(default = "spec_versions")]
    spec_versions: Vec<String>,
    r#match: Option<RawSamlMatch>,
    name_attribute: Option<String>,
    fixed_level: Option<AssuranceLevel>,
    #[serde(default)]
    level: Vec<RawSamlLevel>,
    #[serde(default)]
    require: BTreeMap<String, Vec<String>>,
}

fn yes() -> bool {
    true
}

fn skew_seconds() -> u32 {
    180
}

fn spec_versions() -> Vec<String> {
    vec!["OIO-SAML-3.0".to_owned()]
}

#[derive(Deserialize)]
struct RawSamlMatch {
    by: ClaimKind,
    from: String,
    ad_attribute: Option<String>,
}

#[derive(Deserialize)]
struct RawSamlLevel {
    attribute: String,
    values: BTreeMap<String, AssuranceLevel>,
}

impl Raw {
    pub(crate) fn check(self, problems: &mut Problems) -> Option<Saml> {
        let before = problems.0.len();
        if !self.provider.is_empty() {
            problems.required("saml.keys_dir", self.keys_dir.as_ref());
            if self.cache_dir.is_none() && self.provider.iter().any(|p| p.metadata_url.is_some()) {
                problems
                    .add("saml.cache_dir", "missing: a provider's metadata comes from a URL, and the service keeps the last valid copy");
            }
        }
        if !(1..=168).contains(&self.refresh_hours) {
            problems.add("saml.refresh_hours", "has to be 1 to 168");
        }
        if self.entity_id.as_ref().is_some_and(|id| !is_entity_id(id)) {
            problems.add("saml.entity_id", "has to be an address or a urn of at most 1024 characters, without blanks");
        }
        let mut providers = Vec::new();
        for raw in self.provider {
            providers.extend(raw.check(problems));
        }
        (problems.0.len() == before).then_some(Saml {
            entity_id: self.entity_id,
            keys_dir: self.keys_dir,
            cache_dir: self.cache_dir,
            contact: self.contact,
            sign_metadata: self.sign_metadata,
            ca_file: self.ca_file,
            refresh_hours: self.refresh_hours,
            providers,
        })
    }
}

impl RawSamlProvider {
    fn check(self, problems: &mut Problems) -> Option<SamlProvider> {
        let before = problems.0.len();
        let name = self.id.clone().unwrap_or_default();
        let section = format!("saml.provider {name:?}");
        let key = |key: &str| format!("{section}.{key}");
        let metadata = match (self.metadata_file, self.metadata_url) {
            (Some(file), None) => Some(MetadataSource::File(file)),
            (None, Some(url)) => {
                if !is_safe_address(&url) {
                    problems.add(&key("metadata_url"), "has to begin with https:// (http:// on loopback only)");
                }
                Some(MetadataSource::Url(url))
            }
            (Some(_), Some(_)) | (None, None) => {
                problems.add(&section, "needs either metadata_file or metadata_url");
                None
            }
        };
        if self.entity_id.as_ref().is_some_and(|id| !is_entity_id(id)) {
            problems.add(&key("entity_id"), "has to be an address or a urn of at most 1024 characters, without blanks");
        }
        if self.skew_seconds > 600 {
            problems.add(&key("skew_seconds"), "has to be 0 to 600");
        }
        let said = self.level.into_iter().map(|raw| (raw.attribute, raw.values)).collect();
        let level = LevelSource::check(&section, self.fixed_level, said, problems)
            .unwrap_or_else(|| LevelSource::Said(vec![(NSIS.to_owned(), nsis_values())]));
        if let Some((attribute, _)) = self.require.iter().find(|(_, values)| values.is_empty()) {
            problems.add(&key("require"), format!("{attribute:?} has no accepted value, so every login would be refused"));
        }
        let common = provider::Raw {
            section: &section,
            id: &name,
            button: self.button,
            mitid: self.mitid,
            hint: self.hint,
            matching: self.r#match.as_ref().map(|matching| (matching.by, matching.ad_attribute.clone())),
            highest: level.highest(),
        };
        let (common, metadata, matching) = (common.check(problems)?, metadata?, self.r#match?);
        let request_level = self.request_level.unwrap_or(match self.profile {
            Profile::Saml2 => AssuranceLevel::None,
            Profile::Oiosaml3 => AssuranceLevel::Substantial,
        });
        (problems.0.len() == before).then_some(SamlProvider {
            common,
            metadata,
            metadata_certificate_file: self.metadata_certificate_file,
            entity_id: self.entity_id,
            profile: self.profile,
            binding: self.binding,
            pss: self.pss,
            request_level,
            request_id_type: self.request_id_type,
            force_authn: self.force_authn,
            skew_seconds: self.skew_seconds,
            spec_versions: self.spec_versions,
            claim: if matching.from == "NameID" { Source::NameId } else { Source::Attribute(matching.from) },
            name: self.name_attribute,
            level,
            require: self.require,
        })
    }
}

fn nsis_values() -> BTreeMap<String, AssuranceLevel> {
    AssuranceLevel::ALL.into_iter().filter_map(|level| Some((level.nsis()?.to_owned(), level))).collect()
}

/// At most 1024 characters (SAML Core 8.3.6), no blanks.
fn is_entity_id(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && text.contains(':') && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
