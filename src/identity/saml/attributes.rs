//! Attributes of an assertion, as the provider's configuration reads them.
//!
//! Invariants:
//! - An attribute that the configuration does not use never decides.
//! - Several elements with one name (Keycloak sends `Role` three times) are one attribute, whatever their NameFormat, because the
//!   configuration knows names only.
//! - Values are compared by meaning: two spellings of one value are one value.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::{
    Refused,
    subject::LogoutSubject,
    xml::{ASSERTION, attribute, children, text},
};
use crate::{
    config::{Profile, SamlProvider, Source},
    model::identity::{claim::Claim, level::AssuranceLevel},
};

/// Version attribute that the OIOSAML profile requires.
pub(super) const SPEC_VERSION: &str = "https://data.gov.dk/model/core/specVersion";
/// Maximum number of received attribute names in a log line.
const TOLD: usize = 40;

/// Values of an attribute.
pub(super) type SamlValues<'a> = BTreeSet<SamlValue<'a>>;

/// A value without surrounding white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SamlValue<'a> {
    Text(&'a str),
    /// XML, such as a list of privileges. It never matches, but counts as a value beside others.
    Xml,
}

/// Attributes of an assertion, with the provider's configuration.
pub(super) struct Attributes<'a> {
    provider: &'a SamlProvider,
    elements: Vec<(&'a str, Node<'a, 'a>)>,
}

impl<'a> Attributes<'a> {
    /// Collects all attributes with a name. Encrypted attributes have none and are ignored.
    pub(super) fn of(assertion: Node<'a, 'a>, provider: &'a SamlProvider) -> Result<Self, Refused> {
        let statements: Vec<_> = children(assertion, ASSERTION, "AttributeStatement").collect();
        if provider.profile == Profile::Oiosaml3 && statements.len() != 1 {
            return Err(Refused::Attributes);
        }
        let all = statements.into_iter().flat_map(|statement| children(statement, ASSERTION, "Attribute"));
        Ok(Self { provider, elements: all.filter_map(|element| Some((attribute(element, "Name")?, element))).collect() })
    }

    /// All values of a name, without duplicates; `None` if the name is absent.
    pub(super) fn values(&self, name: &str) -> Option<SamlValues<'a>> {
        let mut elements = self.elements.iter().filter(|(known, _)| *known == name.trim()).peekable();
        elements.peek()?;
        let value = |value: Node<'a, 'a>| text(value).map_or(SamlValue::Xml, SamlValue::Text);
        Some(elements.flat_map(|(_, element)| children(*element, ASSERTION, "AttributeValue")).map(value).collect())
    }

    /// The only text value of a name; `None` if it has none or several.
    fn one(&self, name: &str) -> Option<&'a str> {
        match self.values(name)?.into_iter().collect::<Vec<_>>().as_slice() {
            [SamlValue::Text(one)] => Some(*one),
            [SamlValue::Xml] | [] | [_, _, ..] => None,
        }
    }

    /// All names, in the order of the message.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.elements.iter().map(|(name, _)| *name)
    }

    /// Checks the configured required values, and those of the profile.
    pub(super) fn required(&self) -> Result<(), Refused> {
        self.unmet().map_or(Ok(()), |(name, reason)| Err(self.refused(name, reason)))
    }

    /// The first required attribute that has none of the accepted values.
    pub(super) fn unmet(&self) -> Option<(&'a str, Refused)> {
        if self.provider.profile == Profile::Oiosaml3 {
            let accepted = |version: &str| self.provider.spec_versions.iter().any(|accepted| accepted == version);
            if !self.one(SPEC_VERSION).is_some_and(accepted) {
                return Some((SPEC_VERSION, Refused::SpecVersion));
            }
        }
        for (name, accepted) in &self.provider.require {
            let values = self.values(name).unwrap_or_default();
            if !accepted.iter().any(|one| values.contains(&SamlValue::Text(one.trim()))) {
                return Some((name, Refused::Required));
            }
        }
        None
    }

    /// The claim that leads to accounts. Two values with different meanings are refused, because they are ambiguous.
    pub(super) fn claim(&self, subject: Option<&LogoutSubject>) -> Result<Claim, Refused> {
        let parse = |value: &str| Claim::parse(self.provider.common.match_by, value);
        let name = match &self.provider.claim {
            Source::NameId => {
                let subject = subject.ok_or_else(|| self.refused("NameID", Refused::NoClaim))?;
                return parse(&subject.name_id).ok_or_else(|| self.refused("NameID", Refused::Claim));
            }
            Source::Attribute(name) => name,
        };
        let mut values = self.values(name).unwrap_or_default();
        values.remove(&SamlValue::Text(""));
        let mut claims = values.into_iter().map(|value| match value {
            SamlValue::Text(text) => parse(text),
            SamlValue::Xml => None,
        });
        let first = claims.next().ok_or_else(|| self.refused(name, Refused::NoClaim))?;
        let first = first.ok_or_else(|| self.refused(name, Refused::Claim))?;
        if claims.all(|other| other.as_ref() == Some(&first)) { Ok(first) } else { Err(self.refused(name, Refused::Claim)) }
    }

    /// The level from the first configured attribute that is present. Several values, or a value that is not in the map, give no level.
    pub(super) fn level(&self) -> AssuranceLevel {
        self.provider.level.level(|name| {
            let there = self.elements.iter().any(|(known, _)| *known == name.trim());
            there.then(|| self.one(name))
        })
    }

    /// The person's name for the greeting.
    pub(super) fn name(&self) -> Option<String> {
        self.one(self.provider.name.as_ref()?).filter(|name| !name.is_empty()).map(str::to_owned)
    }

    /// Logs the deciding attribute and the names of the received ones. Values are left out, because they may be personal data.
    fn refused(&self, name: &str, reason: Refused) -> Refused {
        let sent: BTreeSet<&str> = self.elements.iter().map(|(name, _)| *name).take(TOLD).collect();
        tracing::info!(
            provider = self.provider.common.id.as_str(),
            attribute = name,
            reason = reason.code(),
            sent = ?sent,
            "validly signed login refused because of an attribute"
        );
        reason
    }
}
