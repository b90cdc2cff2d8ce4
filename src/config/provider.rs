//! What every identity provider has, whatever it speaks: its button, what its logins are matched by, and how sure they can be.

use std::collections::BTreeMap;

use super::{load::Problems, site::Text};
use crate::model::{claim::ClaimKind, level::Level, provider::ProviderId};

/// A provider, as the front page and the matching know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name in addresses and in the log: one provider has it, whatever it speaks.
    pub id: ProviderId,
    /// The text of its button.
    pub button: Text,
    /// Does the button look as MitID's does?
    pub mitid: bool,
    /// A line below the button.
    pub hint: Option<Text>,
    /// What the claim is that leads to accounts.
    pub match_by: ClaimKind,
    /// The AD attribute that it is held against. `None`: only the registers of `[people]` know whose accounts a CPR number leads to.
    pub match_attribute: Option<String>,
    /// The highest level that a login of it can have.
    pub highest: Level,
}

impl Provider {
    /// Can its logins be of this level at all?
    pub fn reaches(&self, level: Level) -> bool {
        self.highest >= level
    }
}

/// Where the level of a login comes from, in a provider's own terms. Never from what may only echo the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LevelSource<S> {
    /// Always this one.
    Fixed(Level),
    /// From the first of these that is there; a value that is not in its map is no level.
    Said(Vec<(S, BTreeMap<String, Level>)>),
}

impl<S> LevelSource<S> {
    pub(super) fn highest(&self) -> Level {
        match self {
            Self::Fixed(level) => *level,
            Self::Said(sources) => sources.iter().flat_map(|(_, values)| values.values()).max().copied().unwrap_or_default(),
        }
    }

    /// The level of a login. `value`: what the login says at a place; `None` where it says nothing there, `Some(None)` where it says no one thing.
    pub fn level<'v>(&self, value: impl Fn(&S) -> Option<Option<&'v str>>) -> Level {
        match self {
            Self::Fixed(level) => *level,
            Self::Said(sources) => sources
                .iter()
                .find_map(|(source, values)| value(source).map(|said| said.and_then(|said| values.get(said)).copied().unwrap_or_default()))
                .unwrap_or_default(),
        }
    }

    /// One of the two ways to say it; both is a contradiction.
    pub(super) fn check(
        section: &str,
        fixed: Option<Level>,
        said: Vec<(S, BTreeMap<String, Level>)>,
        problems: &mut Problems,
    ) -> Option<Self> {
        match (fixed, said.is_empty()) {
            (Some(level), true) => Some(Self::Fixed(level)),
            (None, false) => Some(Self::Said(said)),
            (None, true) => None,
            (Some(_), false) => {
                problems.add(section, "has both fixed_level and a list of levels: which of them counts?");
                None
            }
        }
    }
}

/// The keys that every provider's section has.
pub(super) struct Raw<'a> {
    pub section: &'a str,
    pub id: &'a str,
    pub button: Option<Text>,
    pub mitid: bool,
    pub hint: Option<Text>,
    /// What it is matched by, and the AD attribute where one is named.
    pub matching: Option<(ClaimKind, Option<String>)>,
    pub highest: Level,
}

impl Raw<'_> {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Provider> {
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
                // Whether a register knows it instead is known when all sections are read.
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

/// MitID's rules for services fix these words.
fn mitid_button() -> Text {
    Text { da: "Log ind med MitID".to_owned(), en: Some("Log in with MitID".to_owned()) }
}

/// An LDAP attribute's short name (RFC 4512 1.4): it is put into a search filter.
pub(super) fn is_ad_attribute(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

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
