//! Messages of ours: written in exclusive canonical form, so that their bytes can be signed directly, and their transport by redirect or
//! form.

use std::io::Write;

use data_encoding::{BASE64, HEXLOWER};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use jiff::Timestamp;
use openssl::error::ErrorStack;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Refused, signature,
    subject::LogoutSubject,
    xml::{ASSERTION, LARGEST_LOGOUT, PROTOCOL, content, escaped},
};
use crate::{
    config::{IdType, SamlProvider},
    identity::{keys::KeyPair, transport::Transport},
};

/// Characters to encode in a query: all but the unreserved ones (RFC 3986, section 2.3). Verifiers may encode values again, and software
/// that normalises addresses decodes the unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A message, and the position of its signature in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    id: String,
    text: String,
    signature_at: usize,
    kind: MessageKind,
}

/// Request or response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageKind {
    Request,
    Response,
}

impl MessageKind {
    fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// An ID with 128 random bits. The underscore makes it an XML name.
pub fn id(random: [u8; 16]) -> String {
    format!("_{}", HEXLOWER.encode(&random))
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Start of a message up to its issuer, and the position after it, where the signature belongs (Core 3.2.1).
fn begin(name: &str, attributes: &[(&str, &str)], issuer: &str) -> (String, usize) {
    let mut sorted: Vec<_> = attributes.iter().filter(|(_, value)| !value.is_empty()).collect();
    sorted.sort_unstable(); // canonical order
    let attributes: String = sorted.iter().map(|(name, value)| format!(" {name}=\"{}\"", escaped(value))).collect();
    let text = format!(
        "<samlp:{name} xmlns:samlp=\"{PROTOCOL}\"{attributes}><saml:Issuer xmlns:saml=\"{ASSERTION}\">{}</saml:Issuer>",
        content(issuer)
    );
    let place = text.len();
    (text, place)
}

/// Content of an AuthnRequest.
#[derive(Debug, Clone, Copy)]
pub struct AuthnRequest<'a> {
    /// ID of the request.
    pub id: &'a str,
    /// Time of the request.
    pub at: Timestamp,
    /// Address of the provider.
    pub destination: &'a str,
    pub entity_id: &'a str,
    /// Our assertion consumer address.
    pub acs: &'a str,
    /// Whether the person must authenticate again.
    pub force: bool,
    /// The provider's configuration.
    pub provider: &'a SamlProvider,
}

impl AuthnRequest<'_> {
    /// Writes the request.
    pub fn message(&self) -> Message {
        let at = instant(self.at);
        let attributes = [
            ("ID", self.id),
            ("Version", "2.0"),
            ("IssueInstant", &at),
            ("Destination", self.destination),
            ("AssertionConsumerServiceURL", self.acs),
            ("ProtocolBinding", super::metadata::POST),
            ("ForceAuthn", if self.force { "true" } else { "" }),
        ];
        let (mut text, signature_at) = begin("AuthnRequest", &attributes, self.entity_id);
        text.push_str(&self.context());
        text.push_str("</samlp:AuthnRequest>");
        Message { id: self.id.to_owned(), text, signature_at, kind: MessageKind::Request }
    }

    fn context(&self) -> String {
        let level = self.provider.request_level.nsis().map(|word| format!("https://data.gov.dk/concept/core/nsis/loa/{word}"));
        let kind = self.provider.request_id_type.map(|kind| IdType::uri(kind).to_owned());
        let classes: String = level
            .into_iter()
            .chain(kind)
            .map(|class| format!("<saml:AuthnContextClassRef xmlns:saml=\"{ASSERTION}\">{}</saml:AuthnContextClassRef>", content(&class)))
            .collect();
        if classes.is_empty() {
            return String::new();
        }
        // OIOSAML 3.0.3 OIO-SP-12: minimum.
        format!("<samlp:RequestedAuthnContext Comparison=\"minimum\">{classes}</samlp:RequestedAuthnContext>")
    }
}

/// A request to end a session at the provider.
pub fn logout_request(id: &str, at: Timestamp, destination: &str, entity_id: &str, subject: &LogoutSubject) -> Message {
    let at_text = instant(at);
    let ends = instant(at + jiff::SignedDuration::from_mins(5));
    let attributes = [("ID", id), ("Version", "2.0"), ("IssueInstant", &at_text), ("Destination", destination), ("NotOnOrAfter", &ends)];
    let (mut text, signature_at) = begin("LogoutRequest", &attributes, entity_id);
    let qualifiers =
        [("Format", &subject.format), ("NameQualifier", &subject.name_qualifier), ("SPNameQualifier", &subject.sp_name_qualifier)];
    let qualifiers: String =
        qualifiers.iter().filter_map(|(name, value)| Some(format!(" {name}=\"{}\"", escaped(value.as_deref()?)))).collect();
    text.push_str(&format!("<saml:NameID xmlns:saml=\"{ASSERTION}\"{qualifiers}>{}</saml:NameID>", content(&subject.name_id)));
    if let Some(index) = &subject.session_index {
        text.push_str(&format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", content(index)));
    }
    text.push_str("</samlp:LogoutRequest>");
    Message { id: id.to_owned(), text, signature_at, kind: MessageKind::Request }
}

/// An answer of success to a provider's logout.
pub fn logout_response(id: &str, at: Timestamp, destination: &str, entity_id: &str, answered: &str) -> Message {
    let at = instant(at);
    let attributes = [("ID", id), ("Version", "2.0"), ("IssueInstant", &at), ("Destination", destination), ("InResponseTo", answered)];
    let (mut text, signature_at) = begin("LogoutResponse", &attributes, entity_id);
    text.push_str(
        "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status></samlp:LogoutResponse>",
    );
    Message { id: id.to_owned(), text, signature_at, kind: MessageKind::Response }
}

impl Message {
    /// Transport by redirect, with a signed query (Bindings 3.4.4.1).
    pub fn redirect(&self, address: &str, relay: Option<&str>, key: &KeyPair, pss: bool) -> Result<Transport, ErrorStack> {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = deflate.write_all(self.text.as_bytes()).and_then(|()| deflate.finish()).expect("a Vec takes everything");
        let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string();
        let mut query = format!("{}={}", self.kind.parameter(), encoded(&BASE64.encode(&packed)));
        if let Some(relay) = relay {
            query.push_str(&format!("&RelayState={}", encoded(relay)));
        }
        query.push_str(&format!("&SigAlg={}", encoded(signature::algorithm(pss))));
        let signature = encoded(&BASE64.encode(&signature::sign(key.key(), pss, query.as_bytes())?));
        let joint = if address.contains('?') { '&' } else { '?' };
        Ok(Transport::Redirect(format!("{address}{joint}{query}&Signature={signature}")))
    }

    /// Transport by form, with an enveloped signature.
    pub fn form(&self, address: &str, relay: Option<&str>, key: &KeyPair, pss: bool) -> Result<Transport, ErrorStack> {
        let signed = signature::enveloped(&self.text, self.signature_at, &self.id, key.key(), key.certificate(), pss)?;
        let mut fields = vec![(self.kind.parameter(), BASE64.encode(signed.as_bytes()))];
        fields.extend(relay.map(|relay| ("RelayState", relay.to_owned())));
        Ok(Transport::Form { action: address.to_owned(), fields })
    }
}

/// Decodes a message of a redirect: base64, then deflate, up to [`LARGEST_LOGOUT`] bytes.
pub fn inflated(encoded: &str) -> Result<Vec<u8>, Refused> {
    use std::io::Read;
    if encoded.len() > LARGEST_LOGOUT {
        return Err(Refused::TooLarge);
    }
    let packed = super::decrypt::base64(encoded).ok_or(Refused::NotBase64)?;
    let mut text = Vec::new();
    let limit = u64::try_from(LARGEST_LOGOUT).unwrap_or(u64::MAX) + 1;
    DeflateDecoder::new(packed.as_slice()).take(limit).read_to_end(&mut text).map_err(|_| Refused::NotDeflated)?;
    if text.len() > LARGEST_LOGOUT { Err(Refused::TooLarge) } else { Ok(text) }
}

/// Decodes a message of a form.
pub fn decoded(encoded: &str, largest: usize) -> Result<Vec<u8>, Refused> {
    // Three bytes in four characters, and line ends after 64 characters or more.
    if encoded.len() > largest / 3 * 4 + largest / 16 {
        return Err(Refused::TooLarge);
    }
    super::decrypt::base64(encoded).ok_or(Refused::NotBase64)
}
