//! `[saml]` and `[[saml.provider]]`: identity providers that speak SAML 2.0, and what their logins are taken for.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::{load::Problems, site::Text};
use crate::model::{claim::ClaimKind, level::Level, provider::ProviderId};

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
    pub providers: Vec<Provider>,
}

impl Saml {
    /// A provider by its name.
    pub fn provider(&self, id: &ProviderId) -> Option<&Provider> {
        self.providers.iter().find(|provider| &provider.id == id)
    }
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name in addresses and in the log.
    pub id: ProviderId,
    /// The text of its button.
    pub button: Text,
    /// A line below the button.
    pub hint: Option<Text>,
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
    /// What the claim is that leads to accounts.
    pub match_by: ClaimKind,
    /// The AD attribute that it is held against.
    pub match_attribute: String,
    /// Where the claim stands: the name of an attribute, or `NameID`.
    pub claim: Source,
    /// The attribute that holds the person's name.
    pub name: Option<String>,
    /// Where the level comes from.
    pub level: LevelSource,
    /// Attributes that have to have one of these values.
    pub require: BTreeMap<String, Vec<String>>,
}

impl Provider {
    /// Can its logins be of this level at all?
    pub fn reaches(&self, level: Level) -> bool {
        match &self.level {
            LevelSource::Fixed(fixed) => *fixed >= level,
            LevelSource::Attributes(sources) => sources.iter().flat_map(|(_, values)| values.values()).any(|value| *value >= level),
        }
    }
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

/// Where the level of a login comes from. Never from AuthnContextClassRef, which may only echo what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LevelSource {
    /// Always this one.
    Fixed(Level),
    /// From the first of these attributes that is there; a value that is not in its map is no level.
    Attributes(Vec<(String, BTreeMap<String, Level>)>),
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
        let mut providers = Vec::<Provider>::new();
        for raw in self.provider {
            let Some(provider) = raw.check(problems) else { continue };
            if providers.iter().any(|other| other.id == provider.id) {
                problems.add(&format!("saml.provider {:?}", provider.id.as_str()), "two providers have this id");
            }
            providers.push(provider);
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
    fn check(self, problems: &mut Problems) -> Option<Provider> {
        let before = problems.0.len();
        let name = self.id.clone().unwrap_or_default();
        let section = format!("saml.provider {name:?}");
        let key = |key: &str| format!("{section}.{key}");
        let id = ProviderId::parse(&name);
        if id.is_none() {
            problems.add(&key("id"), "has to be 1 to 32 lower-case letters, digits and dashes");
        }
        let button = problems.required(&key("button"), self.button);
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
        let level = match (self.fixed_level, self.level) {
            (Some(level), none) if none.is_empty() => LevelSource::Fixed(level),
            (Some(_), _) => {
                problems.add(&section, "has both fixed_level and [[saml.provider.level]]: which of them counts?");
                LevelSource::Fixed(Level::None)
            }
            (None, none) if none.is_empty() => LevelSource::Attributes(vec![(NSIS.to_owned(), nsis_values())]),
            (None, sources) => LevelSource::Attributes(sources.into_iter().map(|raw| (raw.attribute, raw.values)).collect()),
        };
        if let Some((attribute, _)) = self.require.iter().find(|(_, values)| values.is_empty()) {
            problems.add(&key("require"), format!("{attribute:?} has no value that would do, so nobody could log in"));
        }
        let matching = problems.required(&key("match"), self.r#match);
        let mut match_attribute = None;
        if let Some(matching) = &matching {
            match_attribute = matching.ad_attribute.clone().or_else(|| matching.by.usual_attribute().map(str::to_owned));
            if match_attribute.as_ref().is_none_or(|attribute| !is_ad_attribute(attribute)) {
                problems
                    .add(&key("match.ad_attribute"), "has to be the LDAP name of the AD attribute that holds it, such as employeeNumber");
            }
        }
        let (id, button, metadata, matching, match_attribute) = (id?, button?, metadata?, matching?, match_attribute?);
        let request_level = self.request_level.unwrap_or(match self.profile {
            Profile::Saml2 => Level::None,
            Profile::Oiosaml3 => Level::Substantial,
        });
        (problems.0.len() == before).then_some(Provider {
            id,
            button,
            hint: self.hint,
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
            match_by: matching.by,
            match_attribute,
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

/// An LDAP attribute's short name (RFC 4512 1.4): it is put into a search filter.
fn is_ad_attribute(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// https, or http on this very machine. Without user names: what stands before an `@` is not the host, however much it looks like one.
pub(crate) fn is_safe_address(url: &str) -> bool {
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') || authority.contains('@') {
        return false;
    }
    if url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) {
        return true;
    }
    if !url.starts_with("http://") {
        return false;
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()) || host == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_be_asked_in_clear() {
        for url in ["https://idp.dk/metadata", "http://localhost:8080/x", "http://127.0.0.1/x", "http://127.0.0.41:81", "http://[::1]:1/"] {
            assert!(is_safe_address(url), "{url}");
        }
        for url in [
            "",
            "ftp://x",
            "https://",
            "https:///x",
            "http://idp.dk/",
            "http://localhost.evil.dk/",
            "http://127.0.0.1@evil.dk/",
            "http://127.0.0.1:80@evil.dk/",
            "http://localhost:x@evil.dk/",
            "http://evil.dk\\@127.0.0.1/",
            "https://idp.dk@evil.dk/",
            "http://127.0.0.1 /",
        ] {
            assert!(!is_safe_address(url), "{url}");
        }
    }

    #[test]
    fn an_attribute_is_nothing_but_a_name() {
        assert!(
            is_ad_attribute("employeeNumber") && is_ad_attribute("extensionAttribute1") && is_ad_attribute("msDS-cloudExtensionAttribute1")
        );
        for text in ["", "1x", "a)(b=*", "a b", "a=b", "objectÆ", "2.5.4.3"] {
            assert!(!is_ad_attribute(text), "{text}");
        }
    }
}
