//! `[saml]` and `[[saml.provider]]`: identity providers that speak SAML 2.0, and what their logins are taken for.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::{
    load::Problems,
    provider::{self, LevelSource, Provider},
    site::Text,
};
use crate::model::{address::is_safe_address, claim::ClaimKind, level::Level, provider::ProviderId};

/// `[saml]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saml {
    /// Our own entity id; `<public_url>/saml/metadata` where none is set.
    pub entity_id: Option<String>,
    /// Our keys and certificates, as `os2nykode saml keygen` makes them.
    pub keys_dir: Option<PathBuf>,
    /// Last good copies of the providers' metadata.
    pub cache_dir: Option<PathBuf>,
    /// An e-mail address for the providers' technicians, in our metadata.
    pub contact: Option<String>,
    /// Is our metadata signed?
    pub sign_metadata: bool,
    /// CA certificates for metadata over https; the system's where none is set.
    pub ca_file: Option<PathBuf>,
    /// Hours between looks at the providers' metadata, 1 to 168.
    pub refresh_hours: u32,
    /// `[[saml.provider]]`, in the order in which they are shown.
    pub providers: Vec<SamlProvider>,
}

impl Saml {
    /// A provider by its name.
    pub fn provider(&self, id: &ProviderId) -> Option<&SamlProvider> {
        self.providers.iter().find(|provider| &provider.common.id == id)
    }
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlProvider {
    /// What every provider has.
    pub common: Provider,
    /// Where its metadata comes from.
    pub metadata: MetadataSource,
    /// Whose signature its metadata has to have (PEM).
    pub metadata_certificate_file: Option<PathBuf>,
    /// Its entity id; the only one in its metadata where none is set.
    pub entity_id: Option<String>,
    /// How strictly it follows a profile.
    pub profile: Profile,
    /// How requests travel.
    pub binding: Binding,
    /// Is RSASSA-PSS used for our signatures to it? Else RSASSA-PKCS1-v1_5.
    pub pss: bool,
    /// The level that is asked for; `none` = nothing is asked for.
    pub request_level: Level,
    /// The kind of identity that is asked for, OIOSAML 3.
    pub request_id_type: Option<IdType>,
    /// Must people show who they are again, whatever session they have there?
    pub force_authn: bool,
    /// Clocks may differ by this much, seconds, 0 to 600.
    pub skew_seconds: u32,
    /// Accepted values of specVersion, OIOSAML 3.
    pub spec_versions: Vec<String>,
    /// Where the claim stands: the name of an attribute, or `NameID`.
    pub claim: Source,
    /// The attribute that holds the person's name.
    pub name: Option<String>,
    /// Where the level comes from.
    pub level: LevelSource<String>,
    /// Attributes that have to have one of these values.
    pub require: BTreeMap<String, Vec<String>>,
}

/// Where something stands in an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The subject's NameID.
    NameId,
    /// An attribute, by its whole name.
    Attribute(String),
}

/// Where a provider's metadata comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataSource {
    /// A file.
    File(PathBuf),
    /// An https address; http on loopback only.
    Url(String),
}

/// The profile that messages are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// SAML 2.0 Web Browser SSO.
    #[default]
    Saml2,
    /// OIOSAML 3: encrypted and signed assertions with specVersion and level.
    Oiosaml3,
}

/// How an AuthnRequest travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// HTTP-Redirect.
    #[default]
    Redirect,
    /// HTTP-POST.
    Post,
}

/// The kind of identity to ask for (OIOSAML 3.0.3, 6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdType {
    /// A private person.
    Person,
    /// Somebody at work.
    Professional,
}

impl IdType {
    /// The class reference.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Person => "https://data.gov.dk/eid/Person",
            Self::Professional => "https://data.gov.dk/eid/Professional",
        }
    }
}

/// The attributes that carry the level in Denmark.
const NSIS: &str = "https://data.gov.dk/concept/core/nsis/loa";

#[derive(Deserialize)]
pub(super) struct Raw {
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
    provider: Vec<RawProvider>,
}

fn refresh_hours() -> u32 {
    6
}

#[derive(Deserialize)]
struct RawProvider {
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
    request_level: Option<Level>,
    request_id_type: Option<IdType>,
    #[serde(default = "yes")]
    force_authn: bool,
    #[serde(default = "skew_seconds")]
    skew_seconds: u32,
    #[serde(default = "spec_versions")]
    spec_versions: Vec<String>,
    r#match: Option<RawMatch>,
    name_attribute: Option<String>,
    fixed_level: Option<Level>,
    #[serde(default)]
    level: Vec<RawLevel>,
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
struct RawMatch {
    by: ClaimKind,
    from: String,
    ad_attribute: Option<String>,
}

#[derive(Deserialize)]
struct RawLevel {
    attribute: String,
    values: BTreeMap<String, Level>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Saml> {
        let before = problems.0.len();
        if !self.provider.is_empty() {
            problems.required("saml.keys_dir", self.keys_dir.as_ref());
            if self.cache_dir.is_none() && self.provider.iter().any(|p| p.metadata_url.is_some()) {
                problems.add(
                    "saml.cache_dir",
                    "missing: a provider's metadata comes from an address, and the last good copy has to be kept somewhere",
                );
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

impl RawProvider {
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
            problems.add(&key("require"), format!("{attribute:?} has no value that would do, so nobody could log in"));
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
            Profile::Saml2 => Level::None,
            Profile::Oiosaml3 => Level::Substantial,
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

fn nsis_values() -> BTreeMap<String, Level> {
    Level::ALL.into_iter().filter_map(|level| Some((level.nsis()?.to_owned(), level))).collect()
}

/// At most 1024 characters (SAML Core 8.3.6), no blanks.
fn is_entity_id(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && text.contains(':') && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
