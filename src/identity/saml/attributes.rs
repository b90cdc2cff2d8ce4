//! What an assertion says about the person, as far as the configuration asks for it.
//!
//! Invariants: an attribute that nothing is configured to use never decides, whatever it looks like. What one name has on several elements (Keycloak sends `Role`
//! three times) belongs together, whatever their NameFormat: the configuration knows names only. Two values are two where they mean two things.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::{
    Refused,
    subject::Subject,
    xml::{ASSERTION, attribute, children, text},
};
use crate::{
    config::{Profile, SamlProvider, Source},
    model::{claim::Claim, level::Level},
};

/// OIOSAML's version, which its profile demands.
const SPEC_VERSION: &str = "https://data.gov.dk/model/core/specVersion";
/// So many names of attributes that were sent are told in the log.
const TOLD: usize = 40;

/// What one name has.
type Values<'a> = BTreeSet<Value<'a>>;

/// A value, without the blanks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Value<'a> {
    Text(&'a str),
    /// XML, such as a list of privileges. It is never what is asked for, and still a value beside others.
    Xml,
}

/// The attributes of an assertion, held against one provider's configuration.
pub(super) struct Attributes<'a> {
    provider: &'a SamlProvider,
    elements: Vec<(&'a str, Node<'a, 'a>)>,
}

impl<'a> Attributes<'a> {
    /// All that have a name. Encrypted ones have none, and what is no attribute says nothing.
    pub(super) fn of(assertion: Node<'a, 'a>, provider: &'a SamlProvider) -> Result<Self, Refused> {
        let statements: Vec<_> = children(assertion, ASSERTION, "AttributeStatement").collect();
        if provider.profile == Profile::Oiosaml3 && statements.len() != 1 {
            return Err(Refused::Attributes);
        }
        let all = statements.into_iter().flat_map(|statement| children(statement, ASSERTION, "Attribute"));
        Ok(Self { provider, elements: all.filter_map(|element| Some((attribute(element, "Name")?, element))).collect() })
    }

    /// Everything that is said under a name, each meaning once. `None`: the name is not there.
    fn values(&self, name: &str) -> Option<Values<'a>> {
        let mut elements = self.elements.iter().filter(|(known, _)| *known == name.trim()).peekable();
        elements.peek()?;
        let value = |value: Node<'a, 'a>| text(value).map_or(Value::Xml, Value::Text);
        Some(elements.flat_map(|(_, element)| children(*element, ASSERTION, "AttributeValue")).map(value).collect())
    }

    /// The one text that a name has; `None` where it has none or several.
    fn one(&self, name: &str) -> Option<&'a str> {
        match self.values(name)?.into_iter().collect::<Vec<_>>().as_slice() {
            [Value::Text(one)] => Some(*one),
            [Value::Xml] | [] | [_, _, ..] => None,
        }
    }

    /// Attributes that have to have one of the configured values, and the profile's own.
    pub(super) fn required(&self) -> Result<(), Refused> {
        if self.provider.profile == Profile::Oiosaml3 {
            let accepted = |version: &str| self.provider.spec_versions.iter().any(|accepted| accepted == version);
            if !self.one(SPEC_VERSION).is_some_and(accepted) {
                return Err(self.refused(SPEC_VERSION, Refused::SpecVersion));
            }
        }
        for (name, accepted) in &self.provider.require {
            let values = self.values(name).unwrap_or_default();
            if !accepted.iter().any(|one| values.contains(&Value::Text(one.trim()))) {
                return Err(self.refused(name, Refused::Required));
            }
        }
        Ok(())
    }

    /// The one value that leads to accounts. Two that mean different things would leave it to chance whose account it is.
    pub(super) fn claim(&self, subject: Option<&Subject>) -> Result<Claim, Refused> {
        let parse = |value: &str| Claim::parse(self.provider.common.match_by, value);
        let name = match &self.provider.claim {
            Source::NameId => {
                let subject = subject.ok_or_else(|| self.refused("NameID", Refused::NoClaim))?;
                return parse(&subject.name_id).ok_or_else(|| self.refused("NameID", Refused::Claim));
            }
            Source::Attribute(name) => name,
        };
        let mut values = self.values(name).unwrap_or_default();
        values.remove(&Value::Text(""));
        let mut claims = values.into_iter().map(|value| match value {
            Value::Text(text) => parse(text),
            Value::Xml => None,
        });
        let first = claims.next().ok_or_else(|| self.refused(name, Refused::NoClaim))?;
        let first = first.ok_or_else(|| self.refused(name, Refused::Claim))?;
        if claims.all(|other| other.as_ref() == Some(&first)) { Ok(first) } else { Err(self.refused(name, Refused::Claim)) }
    }

    /// The level, from the first of the configured attributes that is there. More than one value, or one that is not in the map, is none.
    pub(super) fn level(&self) -> Level {
        self.provider.level.level(|name| {
            let there = self.elements.iter().any(|(known, _)| *known == name.trim());
            there.then(|| self.one(name))
        })
    }

    /// The person's name, to greet with.
    pub(super) fn name(&self) -> Option<String> {
        self.one(self.provider.name.as_ref()?).filter(|name| !name.is_empty()).map(str::to_owned)
    }

    /// Tells the log which attribute it was, and which ones there are. Names are the operator's business, values may be personal.
    fn refused(&self, name: &str, reason: Refused) -> Refused {
        let sent: BTreeSet<&str> = self.elements.iter().map(|(name, _)| *name).take(TOLD).collect();
        tracing::info!(
            provider = self.provider.common.id.as_str(),
            attribute = name,
            reason = reason.code(),
            sent = ?sent,
            "a rightly signed login was refused for one attribute"
        );
        reason
    }
}
