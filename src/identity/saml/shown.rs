//! What an assertion says, part by part, for a test of a login: what counted, what was ignored and what refused it. Pure.
//!
//! Invariant: only an assertion with a verified signature is looked at.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Node;

use super::{
    Refused,
    attributes::{Attributes, SPEC_VERSION, SamlValue},
    response::{ExpectedResponse, read_with},
    xml::{ASSERTION, attribute, children, is, only, text, time},
};
use crate::{
    config::{LevelSource, Profile, SamlProvider, Source},
    identity::{
        answer::LoginAnswer,
        keys::ProviderKeys,
        shown::{self, Findings, Line, Place, Shown, Use},
    },
    model::identity::claim::ClaimKind,
};

/// Limit of listed lines. People in many groups have one attribute with many values, not many attributes.
const MOST: usize = 200;
const CONFIRMED_UNTIL: &str = "SubjectConfirmationData/NotOnOrAfter";
const NOT_BEFORE: &str = "Conditions/NotBefore";
const NOT_ON_OR_AFTER: &str = "Conditions/NotOnOrAfter";
/// The part of a message that a refusal is about, where it is a single one.
const PARTS: [(Refused, &str); 17] = [
    (Refused::Destination, "Destination"),
    (Refused::Status, "Status"),
    (Refused::Issuer, "Issuer"),
    (Refused::IssueInstant, "IssueInstant"),
    (Refused::InResponseTo, "InResponseTo"),
    (Refused::Subject, "NameID"),
    (Refused::Confirmation, "SubjectConfirmation"),
    (Refused::Recipient, "Recipient"),
    (Refused::ConfirmationTime, CONFIRMED_UNTIL),
    (Refused::Conditions, "Conditions"),
    (Refused::NotYet, NOT_BEFORE),
    (Refused::Expired, NOT_ON_OR_AFTER),
    (Refused::Audience, "Audience"),
    (Refused::AuthnStatement, "AuthnStatement"),
    (Refused::NotFresh, "AuthnInstant"),
    (Refused::SessionOver, "SessionNotOnOrAfter"),
    (Refused::Attributes, "AttributeStatement"),
];

/// A response and what a test shows of it.
#[derive(Debug)]
pub struct Examined {
    /// The login, or why there is none: the same as without a test.
    pub answer: Result<LoginAnswer, Refused>,
    /// What is shown.
    pub findings: Findings,
}

/// Holds a Response against what is expected, and notes what it says.
pub fn examine(message: &[u8], keys: &ProviderKeys, expected: &ExpectedResponse<'_>) -> Examined {
    let provider = expected.provider;
    let (mut findings, mut unmet) = (Findings::default(), None);
    let answer = read_with(message, keys, expected, &mut |assertion| {
        findings.lines = parts(assertion, provider);
        if let Ok(attributes) = Attributes::of(assertion, provider) {
            findings.lines.extend(of_attributes(&attributes, provider));
            findings.lines.truncate(MOST);
            findings.level = Some(attributes.level());
            unmet = attributes.unmet().map(|(name, _)| name.to_owned());
        }
    });
    if let Err(refused) = &answer {
        findings.check = refused.meaning();
        findings.field = if matches!(refused, Refused::Required | Refused::SpecVersion) {
            unmet.unwrap_or_default()
        } else if matches!(refused, Refused::NoClaim | Refused::Claim) {
            claim(provider).to_owned()
        } else {
            PARTS.iter().find(|(reason, _)| reason == refused).map(|(_, part)| (*part).to_owned()).unwrap_or_default()
        };
    }
    Examined { answer, findings }
}

/// Name of what leads to accounts.
fn claim(provider: &SamlProvider) -> &str {
    match &provider.claim {
        Source::NameId => "NameID",
        Source::Attribute(name) => name.trim(),
    }
}

/// Everything but the attributes.
fn parts(assertion: Node<'_, '_>, provider: &SamlProvider) -> Vec<Line> {
    let child = |node, name| only(node, ASSERTION, name).ok().flatten();
    let moment = |said: Option<&str>| said.map(|said| time(said).map_or(Shown::Unreadable, Shown::Time));
    let whole = |said: Option<&str>| said.map(Shown::whole);
    let mut lines = Vec::new();
    let mut add = |name: &str, value: Option<Shown>, used: &[Use]| {
        if let Some(value) = value {
            lines.push(Line { name: name.to_owned(), place: Place::Assertion, value, uses: used.iter().copied().collect() });
        }
    };
    let checked = [Use::Protocol];
    add("Issuer", whole(child(assertion, "Issuer").and_then(text)), &checked);
    add("IssueInstant", moment(attribute(assertion, "IssueInstant")), &checked);
    let subject = child(assertion, "Subject");
    let name_id = subject.and_then(|subject| child(subject, "NameID"));
    let leads = provider.claim == Source::NameId;
    let value = name_id.and_then(text).map_or(Shown::Missing, |said| if leads { claimed(said, provider) } else { Shown::masked(said) });
    add("NameID", Some(value), if leads { &[Use::Account, Use::Protocol] } else { &checked });
    add("NameID/Format", whole(name_id.and_then(|node| attribute(node, "Format"))), &checked);
    let data = subject.and_then(|subject| child(subject, "SubjectConfirmation")).and_then(|node| child(node, "SubjectConfirmationData"));
    add("Recipient", whole(data.and_then(|node| attribute(node, "Recipient"))), &checked);
    add("InResponseTo", data.and_then(|node| attribute(node, "InResponseTo")).map(|_| Shown::Hidden), &checked);
    add(CONFIRMED_UNTIL, moment(data.and_then(|node| attribute(node, "NotOnOrAfter"))), &checked);
    if let Some(conditions) = child(assertion, "Conditions") {
        add(NOT_BEFORE, moment(attribute(conditions, "NotBefore")), &checked);
        add(NOT_ON_OR_AFTER, moment(attribute(conditions, "NotOnOrAfter")), &checked);
        for condition in conditions.children().filter(Node::is_element) {
            if is(condition, ASSERTION, "AudienceRestriction") {
                let named: Vec<_> = children(condition, ASSERTION, "Audience").map(|node| text(node).unwrap_or_default()).collect();
                let value = if let [one] = named.as_slice() { Shown::whole(one) } else { Shown::list(&named, |one| Shown::whole(one)) };
                add("Audience", Some(value), &checked);
            } else {
                let known = is(condition, ASSERTION, "OneTimeUse") || is(condition, ASSERTION, "ProxyRestriction");
                add(&shown::name(condition.tag_name().name()), Some(Shown::Structure), if known { &[] } else { &checked });
            }
        }
    }
    if let Some(statement) = child(assertion, "AuthnStatement") {
        add("AuthnInstant", moment(attribute(statement, "AuthnInstant")), &checked);
        add("SessionIndex", attribute(statement, "SessionIndex").map(Shown::masked), &checked);
        add("SessionNotOnOrAfter", moment(attribute(statement, "SessionNotOnOrAfter")), &checked);
        let context = child(statement, "AuthnContext").and_then(|node| child(node, "AuthnContextClassRef")).and_then(text);
        add("AuthnContextClassRef", context.map(Shown::word), &[]);
    }
    lines
}

/// Every configured attribute, present or not, then every other one.
fn of_attributes(attributes: &Attributes<'_>, provider: &SamlProvider) -> Vec<Line> {
    let configured = configured(provider);
    let mut seen: BTreeSet<&str> = configured.keys().copied().collect();
    let line = |name: &str, uses: &BTreeSet<Use>| Line {
        name: shown::name(name),
        place: Place::Attribute,
        value: value(attributes, name, uses, provider),
        uses: uses.clone(),
    };
    let mut lines: Vec<_> = configured.iter().map(|(name, uses)| line(name, uses)).collect();
    lines.extend(attributes.names().filter(|name| seen.insert(name)).map(|name| line(name, &BTreeSet::new())));
    lines
}

/// Every configured attribute and what it is for.
fn configured(provider: &SamlProvider) -> BTreeMap<&str, BTreeSet<Use>> {
    let mut names: BTreeMap<&str, BTreeSet<Use>> = BTreeMap::new();
    let mut add = |name, used| {
        names.entry(name).or_default().insert(used);
    };
    if let Source::Attribute(name) = &provider.claim {
        add(name.trim(), Use::Account);
    }
    if let LevelSource::Said(sources) = &provider.level {
        for (name, _) in sources {
            add(name.trim(), Use::Level);
        }
    }
    if provider.profile == Profile::Oiosaml3 {
        add(SPEC_VERSION, Use::Required);
    }
    for name in provider.require.keys() {
        add(name.trim(), Use::Required);
    }
    if let Some(name) = &provider.name {
        add(name.trim(), Use::Name);
    }
    names
}

/// What is left of the values of an attribute.
fn value(attributes: &Attributes<'_>, name: &str, uses: &BTreeSet<Use>, provider: &SamlProvider) -> Shown {
    let one = |value: &SamlValue<'_>| match value {
        SamlValue::Xml => Shown::Structure,
        SamlValue::Text(said) if uses.contains(&Use::Account) => claimed(said, provider),
        SamlValue::Text(said) if uses.contains(&Use::Level) || name == SPEC_VERSION => Shown::word(said),
        SamlValue::Text(said) => Shown::masked(said),
    };
    let Some(values) = attributes.values(name) else { return Shown::Missing };
    match values.into_iter().collect::<Vec<_>>().as_slice() {
        [] => Shown::Missing,
        [single] => one(single),
        several => Shown::list(several, one),
    }
}

/// What leads to accounts.
fn claimed(said: &str, provider: &SamlProvider) -> Shown {
    if provider.common.match_by == ClaimKind::Cpr { Shown::Hidden } else { Shown::masked(said) }
}
