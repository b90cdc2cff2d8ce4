//! Logout messages of providers: their requests, and their answers to ours. Pure.

use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;

use super::{
    Refused, message,
    metadata::Metadata,
    screen, signature,
    xml::{ASSERTION, Bounds, LARGEST_LOGOUT, PROTOCOL, Plain, attribute, children, is, later, only, text, time},
};

/// A message as received.
#[derive(Debug, Clone, Copy)]
pub enum Incoming<'a> {
    /// Raw query of a redirect.
    Query(&'a str),
    /// Fields of a form.
    Form {
        /// Value of SAMLRequest or SAMLResponse.
        message: &'a str,
        /// Whether it is SAMLRequest.
        request: bool,
        relay: Option<&'a str>,
    },
}

/// A decoded message, with the signature of its binding.
#[derive(Debug)]
pub struct Unpacked {
    xml: Vec<u8>,
    /// Whether it is a request.
    pub request: bool,
    /// Whether it came by form; otherwise by redirect.
    pub by_form: bool,
    /// RelayState, to return with the answer.
    pub relay: Option<String>,
    query: Option<(Vec<u8>, String, Vec<u8>)>,
}

/// Decodes a message. It is not verified yet.
pub fn unpack(incoming: Incoming<'_>) -> Result<Unpacked, Refused> {
    match incoming {
        Incoming::Form { message, request, relay } => Ok(Unpacked {
            xml: message::decoded(message, LARGEST_LOGOUT)?,
            request,
            by_form: true,
            relay: relay.map(str::to_owned),
            query: None,
        }),
        Incoming::Query(query) => from_query(query),
    }
}

/// Parses a query. Each field may occur once. The signature covers the raw values in the order of the profile (Bindings 3.4.4.1).
fn from_query(query: &str) -> Result<Unpacked, Refused> {
    let wrong = Refused::Query;
    let field = |name: &str| {
        let mut found = query.split('&').filter_map(|part| part.split_once('=')).filter(|(key, _)| *key == name).map(|(_, value)| value);
        match (found.next(), found.next()) {
            (one, None) => Ok(one),
            (_, Some(_)) => Err(wrong),
        }
    };
    let plain =
        |value: &str| percent_decode_str(&value.replace('+', " ")).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| wrong);
    let (name, raw) = match (field("SAMLRequest")?, field("SAMLResponse")?) {
        (Some(raw), None) => ("SAMLRequest", raw),
        (None, Some(raw)) => ("SAMLResponse", raw),
        (Some(_), Some(_)) | (None, None) => return Err(wrong),
    };
    let (algorithm, signature) = (field("SigAlg")?, field("Signature")?);
    let (Some(algorithm), Some(signature)) = (algorithm, signature) else { return Err(Refused::Unsigned) };
    let relay = field("RelayState")?;
    let mut signed = format!("{name}={raw}");
    if let Some(relay) = relay {
        signed.push_str(&format!("&RelayState={relay}"));
    }
    signed.push_str(&format!("&SigAlg={algorithm}"));
    let signature = BASE64.decode(plain(signature)?.as_bytes()).map_err(|_| Refused::NotBase64)?;
    Ok(Unpacked {
        xml: message::inflated(&plain(raw)?)?,
        request: name == "SAMLRequest",
        by_form: false,
        relay: relay.map(plain).transpose()?,
        query: Some((signed.into_bytes(), plain(algorithm)?, signature)),
    })
}

/// The unverified issuer of a message. It only selects the provider whose keys must verify the message.
pub fn issuer(unpacked: &Unpacked) -> Result<String, Refused> {
    let plain = Plain::parse(&unpacked.xml, Bounds::LOGOUT)?;
    let document = plain.document()?;
    let issuer = only(document.root_element(), ASSERTION, "Issuer").ok().flatten().and_then(text);
    issuer.map(str::to_owned).ok_or(Refused::Issuer)
}

/// Expected values of a message.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedLogout<'a> {
    pub metadata: &'a Metadata,
    /// Our address for logouts.
    pub slo: &'a str,
    /// Tolerated difference of clocks.
    pub skew: SignedDuration,
    pub now: Timestamp,
}

/// A provider's verified request to end sessions.
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// ID of the request, for the answer.
    pub id: String,
    /// Time until which it could be replayed.
    pub until: Timestamp,
    pub name_id: String,
    /// SessionIndex values; empty for all sessions of the person.
    pub sessions: Vec<String>,
}

impl std::fmt::Debug for LogoutRequest {
    /// Leaves out the person, because a provider may use CPR numbers as NameID.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogoutRequest({})", self.id)
    }
}

/// Verifies a LogoutRequest. Blocks for about a millisecond.
pub fn request(unpacked: &Unpacked, expected: &ExpectedLogout<'_>) -> Result<LogoutRequest, Refused> {
    let xml = verified(unpacked, "LogoutRequest", expected)?;
    let document = Plain::canonical(&xml).document()?;
    let root = document.root_element();
    common(root, "LogoutRequest", expected)?;
    let issued = attribute(root, "IssueInstant").and_then(time).ok_or(Refused::Time)?;
    let until = match attribute(root, "NotOnOrAfter") {
        Some(end) => time(end).ok_or(Refused::Time)?,
        None => later(issued, SignedDuration::from_mins(5)),
    };
    if expected.now - expected.skew >= until {
        return Err(Refused::Expired);
    }
    let name_id = only(root, ASSERTION, "NameID").ok().flatten().and_then(text).filter(|text| !text.is_empty());
    let sessions: Vec<_> = children(root, PROTOCOL, "SessionIndex").map(|node| text(node).unwrap_or_default().to_owned()).collect();
    Ok(LogoutRequest {
        id: attribute(root, "ID").ok_or(Refused::Id)?.to_owned(),
        until: later(until, expected.skew),
        name_id: name_id.ok_or(Refused::LogoutSubject)?.to_owned(),
        sessions,
    })
}

/// Verifies a LogoutResponse to our request `asked`. Returns whether the logout succeeded everywhere.
pub fn response(unpacked: &Unpacked, asked: &str, expected: &ExpectedLogout<'_>) -> Result<bool, Refused> {
    let xml = verified(unpacked, "LogoutResponse", expected)?;
    let document = Plain::canonical(&xml).document()?;
    let root = document.root_element();
    common(root, "LogoutResponse", expected)?;
    if attribute(root, "InResponseTo") != Some(asked) {
        return Err(Refused::InResponseTo);
    }
    let code = only(root, PROTOCOL, "Status").ok().flatten().and_then(|status| only(status, PROTOCOL, "StatusCode").ok().flatten());
    let code = code.ok_or(Refused::Status)?;
    let inner = children(code, PROTOCOL, "StatusCode").next().is_some();
    Ok(attribute(code, "Value") == Some("urn:oasis:names:tc:SAML:2.0:status:Success") && !inner)
}

/// The signed text: the whole message if the query is signed, otherwise the part that the XML signature covers.
fn verified(unpacked: &Unpacked, name: &str, expected: &ExpectedLogout<'_>) -> Result<String, Refused> {
    let plain = Plain::parse(&unpacked.xml, Bounds::LOGOUT)?;
    let document = plain.document()?;
    let signed = screen::message(&document, name)?;
    if let Some((bytes, algorithm, value)) = &unpacked.query {
        signature::verify_query(algorithm, &expected.metadata.keys, bytes, value)?;
        return Ok(plain.text().to_owned());
    }
    if !signed {
        return Err(Refused::Unsigned);
    }
    signature::verified(plain, &[document.root_element()], &expected.metadata.keys)
}

fn common(root: roxmltree::Node<'_, '_>, name: &str, expected: &ExpectedLogout<'_>) -> Result<(), Refused> {
    if !is(root, PROTOCOL, name) {
        return Err(Refused::Root);
    }
    if attribute(root, "Version") != Some("2.0") {
        return Err(Refused::Version);
    }
    let issuer = only(root, ASSERTION, "Issuer").ok().flatten().and_then(text);
    if issuer != Some(&expected.metadata.entity_id) {
        return Err(Refused::Issuer);
    }
    if attribute(root, "Destination").is_none_or(|destination| destination != expected.slo) {
        return Err(Refused::Destination);
    }
    let at = attribute(root, "IssueInstant").and_then(time).ok_or(Refused::Time)?;
    let fits = at >= expected.now - expected.skew - SignedDuration::from_mins(10) && at <= expected.now + expected.skew;
    if fits { Ok(()) } else { Err(Refused::IssueInstant) }
}
