//! The settings of every identity provider, SAML or OpenID Connect: button, matching and highest level.

use std::collections::BTreeMap;

use crate::config::{problem::Problems, site::Text};
use crate::model::identity::{claim::ClaimKind, level::AssuranceLevel, provider::ProviderId};

/// An identity provider, as the front page and the matching use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Name in URLs and in the audit log, unique over both protocols.
    pub id: ProviderId,
    /// Text of the button.
    pub button: Text,
    /// Show the button in MitID's design.
    pub mitid: bool,
    /// A line below the button.
    pub hint: Option<Text>,
    /// Kind of the claim that leads to the linked accounts.
    pub match_by: ClaimKind,
    /// AD attribute that the claim is compared with. `None`: a CPR number leads to accounts through registers only.
    pub match_attribute: Option<String>,
    /// The highest level that its logins can have.
    pub highest: AssuranceLevel,
}

impl Provider {
    /// True if its logins can have this level.
    pub fn reaches(&self, level: AssuranceLevel) -> bool {
        self.highest >= level
    }
}

/// Source of a login's assurance level. It must not be a value that may only echo the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LevelSource<S> {
    /// Always this level.
    Fixed(AssuranceLevel),
    /// The first of these values that is present; a value that is not in its map gives no level.
    Said(Vec<(S, BTreeMap<String, AssuranceLevel>)>),
}

impl<S> LevelSource<S> {
    pub(crate) fn highest(&self) -> AssuranceLevel {
        match self {
            Self::Fixed(level) => *level,
            Self::Said(sources) => sources.iter().flat_map(|(_, values)| values.values()).max().copied().unwrap_or_default(),
        }
    }

    /// The level of a login. `value` returns the login's value at a source: `None` if it is absent, `Some(None)` if it is not a single
    /// text.
    pub fn level<'v>(&self, value: impl Fn(&S) -> Option<Option<&'v str>>) -> AssuranceLevel {
        match self {
            Self::Fixed(level) => *level,
            Self::Said(sources) => sources
                .iter()
                .find_map(|(source, values)| value(source).map(|said| said.and_then(|said| values.get(said)).copied().unwrap_or_default()))
                .unwrap_or_default(),
        }
    }

    /// Exactly one of the two ways may be configured.
    pub(crate) fn check(
        section: &str,
        fixed: Option<AssuranceLevel>,
        said: Vec<(S, BTreeMap<String, AssuranceLevel>)>,
        problems: &mut Problems,
    ) -> Option<Self> {
        match (fixed, said.is_empty()) {
            (Some(level), true) => Some(Self::Fixed(level)),
            (None, false) => Some(Self::Said(said)),
            (None, true) => None,
            (Some(_), false) => {
                problems.add(section, "has both fixed_level and a list of levels: keep one");
                None
            }
        }
    }
}

/// The keys that every provider's section has.
pub(crate) struct Raw<'a> {
    pub section: &'a str,
    pub id: &'a str,
    pub button: Option<Text>,
    pub mitid: bool,
    pub hint: Option<Text>,
    /// Kind of the claim, and the AD attribute if configured.
    pub matching: Option<(ClaimKind, Option<String>)>,
    pub highest: AssuranceLevel,
}

impl Raw<'_> {
    pub(crate) fn check(self, problems: &mut Problems) -> Option<Provider> {
        let key = |key: &str| format!("{}.{key}", self.section);
        let id = ProviderId::parse(self.id);
        if id.is_none() {
            problems.add(&key("id"), "has to be 1 to 32 lower-case letters, digits and dashes");
        }
        let button = match (self.mitid, self.button) {
            (false, button) => problems.required(&key("button"), button),
            (true, None) => Some(mitid_button()),
            (true, Some(_)) => {
                problems.add(&key("button"), "can't be set with mitid = true: the text of MitID's button is fixed");
                None
            }
        };
        let matching = problems.required(&key("match"), self.matching).and_then(|(by, attribute)| {
            let attribute = attribute.or_else(|| by.usual_attribute().map(str::to_owned));
            let named = match &attribute {
                Some(attribute) => is_ad_attribute(attribute),
                // Registers may replace the attribute; this is checked after all sections are read.
                None => by == ClaimKind::Cpr,
            };
            if !named {
                problems
                    .add(&key("match.ad_attribute"), "has to be the LDAP name of the AD attribute that holds it, such as employeeNumber");
            }
            named.then_some((by, attribute))
        });
        let (match_by, match_attribute) = matching?;
        Some(Provider { id: id?, button: button?, mitid: self.mitid, hint: self.hint, match_by, match_attribute, highest: self.highest })
    }
}

/// MitID's rules for services prescribe these texts.
fn mitid_button() -> Text {
    Text { da: "Log ind med MitID".to_owned(), en: Some("Log in with MitID".to_owned()) }
}

/// Short name of an LDAP attribute (RFC 4512 1.4). It becomes part of a search filter.
pub(crate) fn is_ad_attribute(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use crate::config::identity::provider::*;

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
