//! Validation of a Response to a login, from its bytes to a proven login. Pure: no clock, store or network.
//!
//! Order: screening, signature, decryption, screening and signature of the plaintext, and only then the content, read from the signed
//! bytes.

use jiff::{SignedDuration, Timestamp};
use roxmltree::{Document, Node};
use zeroize::Zeroizing;

use super::{
    Refused,
    attributes::Attributes,
    decrypt,
    metadata::Metadata,
    screen::{self, Holds},
    signature,
    subject::LogoutSubject,
    xml::{ASSERTION, Bounds, PROTOCOL, Plain, attribute, children, is, later, only, text, time},
};
use crate::{
    config::{Profile, SamlProvider},
    identity::{
        answer::{Login, LoginAnswer, LoginFailure, SessionThere},
        keys::ProviderKeys,
    },
};

/// Expected values of a Response.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedResponse<'a> {
    pub provider: &'a SamlProvider,
    pub metadata: &'a Metadata,
    pub entity_id: &'a str,
    /// Our assertion consumer address.
    pub acs: &'a str,
    /// ID of the request.
    pub request: &'a str,
    /// Time of the request.
    pub asked: Timestamp,
    /// Whether a fresh login was requested.
    pub forced: bool,
    pub now: Timestamp,
}

/// Takes a look at an assertion whose signature is verified.
type Seen<'a> = &'a mut dyn FnMut(Node<'_, '_>);

impl ExpectedResponse<'_> {
    fn skew(&self) -> SignedDuration {
        SignedDuration::from_secs(self.provider.skew_seconds.into())
    }
}

/// Validates a Response. Blocks for one to three milliseconds.
pub fn read(message: &[u8], keys: &ProviderKeys, expected: &ExpectedResponse<'_>) -> Result<LoginAnswer, Refused> {
    read_with(message, keys, expected, &mut |_assertion| {})
}

/// As [`read`]. `seen` gets the assertion as soon as its signature is verified, also where another check then refuses the login.
pub(super) fn read_with(
    message: &[u8],
    keys: &ProviderKeys,
    expected: &ExpectedResponse<'_>,
    seen: Seen<'_>,
) -> Result<LoginAnswer, Refused> {
    let plain = Plain::parse(message, Bounds::MESSAGE)?;
    let document = plain.document()?;
    let shape = screen::response(&document)?;
    let root = document.root_element();
    if shape.holds == Holds::Nothing {
        return failure(root, expected).map(LoginAnswer::Failure);
    }
    if shape.holds == Holds::Assertion && !shape.response_signed && !shape.assertion_signed {
        return Err(Refused::Unsigned);
    }
    if shape.holds == Holds::Assertion && expected.provider.profile == Profile::Oiosaml3 {
        return Err(Refused::NotEncrypted);
    }
    let response = shape.response_signed.then_some(root);
    let assertion = only(root, ASSERTION, "Assertion").ok().flatten().filter(|_| shape.assertion_signed);
    let elements: Vec<_> = response.into_iter().chain(assertion).collect();
    let signed = if elements.is_empty() { None } else { Some(signature::verified(plain, &elements, &expected.metadata.keys)?) };
    match (shape.holds, &signed) {
        // Only the assertion is signed. The Response around it proves nothing, but must still match.
        (Holds::Assertion, Some(signed)) if !shape.response_signed => {
            let document = reread(signed)?;
            seen(document.root_element());
            around(root, false, expected)?;
            within(&document, expected)
        }
        (_, Some(signed)) => {
            let document = reread(signed)?;
            let root = document.root_element();
            if !is(root, PROTOCOL, "Response") {
                return Err(Refused::Root);
            }
            let assertion = only(root, ASSERTION, "Assertion").map_err(|_more| Refused::AssertionCount)?;
            if let Some(assertion) = assertion {
                seen(assertion);
            }
            around(root, true, expected)?;
            match assertion {
                Some(assertion) => login(assertion, expected),
                None => opened(root, true, keys, expected, seen),
            }
        }
        (_, None) => {
            around(root, true, expected)?;
            opened(root, false, keys, expected, seen)
        }
    }
    .map(|login| LoginAnswer::Login(Box::new(login)))
}

/// Parses the signed text. It is as well-formed and bounded as the message, but may be longer, because namespaces are declared again.
fn reread(signed: &str) -> Result<Document<'_>, Refused> {
    Plain::canonical(signed).document()
}

/// Decrypts the assertion of a Response and verifies its signature. An unsigned one counts only within a signed Response.
fn opened(
    root: Node<'_, '_>,
    covered: bool,
    keys: &ProviderKeys,
    expected: &ExpectedResponse<'_>,
    seen: Seen<'_>,
) -> Result<Login, Refused> {
    let encrypted = only(root, ASSERTION, "EncryptedAssertion").ok().flatten().ok_or(Refused::AssertionCount)?;
    let bytes: Zeroizing<Vec<u8>> = decrypt::decrypt(&screen::encrypted(encrypted)?, keys.decrypting())?;
    let plain = Plain::parse(&bytes, Bounds::MESSAGE)?;
    let document = plain.document()?;
    if screen::assertion(&document)? {
        let signed = Zeroizing::new(signature::verified(plain, &[document.root_element()], &expected.metadata.keys)?);
        let document = reread(&signed)?;
        seen(document.root_element());
        return within(&document, expected);
    }
    if !covered || expected.provider.profile == Profile::Oiosaml3 {
        return Err(Refused::Unsigned);
    }
    seen(document.root_element());
    within(&document, expected)
}

fn within(document: &Document<'_>, expected: &ExpectedResponse<'_>) -> Result<Login, Refused> {
    let assertion = document.root_element();
    if is(assertion, ASSERTION, "Assertion") { login(assertion, expected) } else { Err(Refused::Root) }
}

/// The failure in a Response without an assertion.
fn failure(root: Node<'_, '_>, expected: &ExpectedResponse<'_>) -> Result<LoginFailure, Refused> {
    if attribute(root, "InResponseTo") != Some(expected.request) {
        return Err(Refused::InResponseTo);
    }
    let code = status(root)?;
    let inner = children(code, PROTOCOL, "StatusCode").next().and_then(|inner| attribute(inner, "Value"));
    let codes = [attribute(code, "Value"), inner].into_iter().flatten().map(|code| code.rsplit(':').next().unwrap_or_default());
    let codes: Vec<_> = codes.collect();
    Ok(match codes.last().copied() {
        Some("Success") | None => return Err(Refused::AssertionCount),
        Some("AuthnFailed" | "RequestDenied" | "Responder" | "UnknownPrincipal") => LoginFailure::Cancelled,
        Some("NoAuthnContext") => LoginFailure::Level,
        Some("NoPassive") => LoginFailure::Passive,
        Some(_) => LoginFailure::Other(None),
    })
}

fn status<'a, 'i>(root: Node<'a, 'i>) -> Result<Node<'a, 'i>, Refused> {
    let status = only(root, PROTOCOL, "Status").ok().flatten().ok_or(Refused::Status)?;
    only(status, PROTOCOL, "StatusCode").ok().flatten().ok_or(Refused::Status)
}

/// Checks the Response itself (Core 3.2.2, Profiles 4.1.4.2).
fn around(root: Node<'_, '_>, needs_issuer: bool, expected: &ExpectedResponse<'_>) -> Result<(), Refused> {
    version(root)?;
    match only(root, ASSERTION, "Issuer").map_err(|_more| Refused::Issuer)? {
        Some(issuer) if text(issuer) == Some(&expected.metadata.entity_id) => {}
        None if !needs_issuer => {}
        Some(_) | None => return Err(Refused::Issuer),
    }
    if attribute(root, "Destination") != Some(expected.acs) {
        return Err(Refused::Destination);
    }
    if attribute(root, "InResponseTo") != Some(expected.request) {
        return Err(Refused::InResponseTo);
    }
    issued(root, expected)?;
    let code = status(root)?;
    if attribute(code, "Value") == Some("urn:oasis:names:tc:SAML:2.0:status:Success") { Ok(()) } else { Err(Refused::Status) }
}

fn version(node: Node<'_, '_>) -> Result<(), Refused> {
    if attribute(node, "Version") == Some("2.0") { Ok(()) } else { Err(Refused::Version) }
}

/// Checks that IssueInstant is after the request and not in the future.
fn issued(node: Node<'_, '_>, expected: &ExpectedResponse<'_>) -> Result<(), Refused> {
    let at = attribute(node, "IssueInstant").and_then(time).ok_or(Refused::Time)?;
    let fits = at >= expected.asked - expected.skew() && at <= expected.now + expected.skew();
    if fits { Ok(()) } else { Err(Refused::IssueInstant) }
}

fn moment(node: Node<'_, '_>, name: &str) -> Result<Option<Timestamp>, Refused> {
    attribute(node, name).map(|text| time(text).ok_or(Refused::Time)).transpose()
}

/// Validates the assertion (Core 2.3.3, Profiles 4.1.4.2 and 4.1.4.3).
fn login(assertion: Node<'_, '_>, expected: &ExpectedResponse<'_>) -> Result<Login, Refused> {
    version(assertion)?;
    let id = attribute(assertion, "ID").filter(|id| !id.is_empty()).ok_or(Refused::Id)?;
    // Unknown Advice may be ignored (Core 2.3.3). The screen has checked that it contains no assertion.
    let known = ["Issuer", "Subject", "Conditions", "Advice", "AuthnStatement", "AttributeStatement"];
    let is_known = |node: Node<'_, '_>| known.iter().any(|name| is(node, ASSERTION, name)) || is(node, super::xml::DS, "Signature");
    if assertion.children().any(|child| child.is_element() && !is_known(child)) {
        return Err(Refused::UnknownStatement);
    }
    let issuer = only(assertion, ASSERTION, "Issuer").ok().flatten().and_then(text);
    if issuer != Some(&expected.metadata.entity_id) {
        return Err(Refused::Issuer);
    }
    issued(assertion, expected)?;
    let subject = only(assertion, ASSERTION, "Subject").ok().flatten().ok_or(Refused::Subject)?;
    let confirmed_until = confirmation(subject, expected)?;
    let until = conditions(assertion, expected)?.map_or(confirmed_until, |until| until.max(confirmed_until));
    let Authentication { at, session_index, ends } = authentication(assertion, expected)?;
    let attributes = Attributes::of(assertion, expected.provider)?;
    let subject = name_id(subject, session_index)?;
    if subject.is_none() && expected.provider.profile == Profile::Oiosaml3 {
        return Err(Refused::Subject); // OIOSAML 3.0.3, OIO-IDP-24: the subject has a NameID
    }
    attributes.required()?;
    Ok(Login {
        assertion: id.to_owned(),
        until: later(until, expected.skew()),
        claim: attributes.claim(subject.as_ref())?,
        level: attributes.level(),
        name: attributes.name(),
        at,
        ends,
        session: subject.map(SessionThere::Saml),
    })
}

/// Checks the only SubjectConfirmation: bearer, our address, our request, with an end. Returns its end.
fn confirmation(subject: Node<'_, '_>, expected: &ExpectedResponse<'_>) -> Result<Timestamp, Refused> {
    let wrong = Refused::Confirmation;
    let confirmation = only(subject, ASSERTION, "SubjectConfirmation").ok().flatten().ok_or(wrong)?;
    if attribute(confirmation, "Method") != Some("urn:oasis:names:tc:SAML:2.0:cm:bearer") {
        return Err(wrong);
    }
    let data = only(confirmation, ASSERTION, "SubjectConfirmationData").ok().flatten().ok_or(wrong)?;
    if attribute(data, "Recipient") != Some(expected.acs) {
        return Err(Refused::Recipient);
    }
    if attribute(data, "InResponseTo") != Some(expected.request) {
        return Err(Refused::InResponseTo);
    }
    if attribute(data, "NotBefore").is_some() {
        return Err(Refused::ConfirmationTime); // bearer confirmations may have no NotBefore (Profiles 4.1.4.2)
    }
    let until = moment(data, "NotOnOrAfter")?.ok_or(Refused::ConfirmationTime)?;
    if expected.now - expected.skew() < until { Ok(until) } else { Err(Refused::ConfirmationTime) }
}

fn conditions(assertion: Node<'_, '_>, expected: &ExpectedResponse<'_>) -> Result<Option<Timestamp>, Refused> {
    let conditions = only(assertion, ASSERTION, "Conditions").ok().flatten().ok_or(Refused::Conditions)?;
    if moment(conditions, "NotBefore")?.is_some_and(|from| expected.now + expected.skew() < from) {
        return Err(Refused::NotYet);
    }
    let until = moment(conditions, "NotOnOrAfter")?;
    if until.is_some_and(|until| expected.now - expected.skew() >= until) {
        return Err(Refused::Expired);
    }
    let mut named = false;
    for condition in conditions.children().filter(Node::is_element) {
        if is(condition, ASSERTION, "AudienceRestriction") {
            // Each AudienceRestriction must name us (Core 2.5.1.4).
            named = children(condition, ASSERTION, "Audience").any(|audience| text(audience) == Some(expected.entity_id));
            if !named {
                return Err(Refused::Audience);
            }
        } else if !is(condition, ASSERTION, "OneTimeUse") && !is(condition, ASSERTION, "ProxyRestriction") {
            return Err(Refused::UnknownCondition);
        }
    }
    if named { Ok(until) } else { Err(Refused::Audience) }
}

/// Content of an AuthnStatement.
struct Authentication {
    /// Time of authentication.
    at: Timestamp,
    /// The provider's session identifier.
    session_index: Option<String>,
    /// End of the provider's session, with which ours ends (Core 2.7.2).
    ends: Option<Timestamp>,
}

fn authentication(assertion: Node<'_, '_>, expected: &ExpectedResponse<'_>) -> Result<Authentication, Refused> {
    let wrong = Refused::AuthnStatement;
    let statement = only(assertion, ASSERTION, "AuthnStatement").ok().flatten().ok_or(wrong)?;
    let at = moment(statement, "AuthnInstant")?.ok_or(wrong)?;
    if at > expected.now + expected.skew() || (expected.forced && at < expected.asked - expected.skew()) {
        return Err(Refused::NotFresh);
    }
    let ends = moment(statement, "SessionNotOnOrAfter")?;
    if ends.is_some_and(|end| expected.now >= end) {
        return Err(Refused::SessionOver);
    }
    Ok(Authentication { at: at.min(expected.now), session_index: attribute(statement, "SessionIndex").map(str::to_owned), ends })
}

fn name_id(subject: Node<'_, '_>, session_index: Option<String>) -> Result<Option<LogoutSubject>, Refused> {
    let known = |node: &Node<'_, '_>| is(*node, ASSERTION, "NameID") || is(*node, ASSERTION, "SubjectConfirmation");
    if subject.children().any(|child| child.is_element() && !known(&child)) {
        return Err(Refused::Subject);
    }
    let Some(node) = only(subject, ASSERTION, "NameID").map_err(|_more| Refused::Subject)? else { return Ok(None) };
    let own = |name| attribute(node, name).map(str::to_owned);
    Ok(Some(LogoutSubject {
        name_id: text(node).filter(|text| !text.is_empty()).ok_or(Refused::Subject)?.to_owned(),
        format: own("Format"),
        name_qualifier: own("NameQualifier"),
        sp_name_qualifier: own("SPNameQualifier"),
        session_index,
    }))
}
