//! A provider's metadata: which keys it signs with, and where it listens. Pure.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use openssl::{
    pkey::{Id, PKey, Public},
    x509::X509,
};
use ring::digest::{SHA256, digest};
use roxmltree::Node;
use samael::crypto::CertificateDer;

use super::{
    Refused, decrypt, screen, signature,
    xml::{Bounds, DS, METADATA, Plain, attribute, children, is, text, time},
};
use crate::{identity::keys::expiry, model::address::is_safe_address};

/// What can be wrong with it. For the log and the check command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not XML that we read.
    #[error("it can't be read as metadata ({0})")]
    Unreadable(Refused),
    /// Its signature is missing or not the configured one's.
    #[error("its signature is missing or was not made with the configured certificate")]
    Signature,
    /// The provider is not in it.
    #[error("it holds no identity provider {0:?}")]
    NoSuchEntity(String),
    /// Several providers, and none is named.
    #[error("it holds several identity providers: set entity_id to one of them")]
    Several,
    /// It is over.
    #[error("it ended on {0}")]
    Expired(Timestamp),
    /// A time that can't be read.
    #[error("its validUntil can't be read")]
    Time,
    /// No key to verify signatures with: anything would be believed.
    #[error("it holds no usable signing key (RSA of 2048 bits or more, or EC of 256)")]
    NoKey,
    /// No address to send people to.
    #[error("it holds no SingleSignOnService with the binding {0}")]
    NoAddress(&'static str),
    /// An address that is not https.
    #[error("its address {0:?} is not https")]
    Unsafe(String),
}

/// HTTP-Redirect.
pub const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// HTTP-POST.
pub const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// Where a provider takes messages, by binding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addresses {
    /// HTTP-Redirect.
    pub redirect: Option<String>,
    /// HTTP-POST.
    pub post: Option<String>,
    /// Where answers go, if elsewhere.
    pub answers: Option<String>,
}

/// What we need of it.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// Its entity id.
    pub entity_id: String,
    /// Certificates of its signing keys.
    pub certificates: Vec<CertificateDer>,
    /// The same keys, for signatures of queries.
    pub keys: Vec<PKey<Public>>,
    /// Logins.
    pub sign_on: Addresses,
    /// Logouts; empty where it has none.
    pub log_out: Addresses,
    /// When the metadata ends.
    pub valid_until: Option<Timestamp>,
}

impl Metadata {
    /// What it is recognised by: its name, its certificates in any order, its addresses. 64 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut certificates: Vec<&[u8]> = self.certificates.iter().map(CertificateDer::der_data).collect();
        certificates.sort_unstable();
        let text = format!("{:?} {certificates:?} {:?} {:?}", self.entity_id, self.sign_on, self.log_out);
        HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
    }

    /// Reads it, signature first where one is demanded.
    pub fn parse(bytes: &[u8], entity_id: Option<&str>, signer: Option<&CertificateDer>, now: Timestamp) -> Result<Self, MetadataError> {
        let unreadable = MetadataError::Unreadable;
        let mut plain = Plain::parse(&without_comments(bytes), Bounds::METADATA).map_err(unreadable)?.text().to_owned();
        if let Some(signer) = signer {
            let whole = Plain::parse(plain.as_bytes(), Bounds::METADATA).map_err(unreadable)?;
            if !screen::metadata(&whole.document().map_err(unreadable)?).map_err(unreadable)? {
                return Err(MetadataError::Signature);
            }
            plain = signature::verified(whole, std::slice::from_ref(signer)).map_err(|_| MetadataError::Signature)?;
        }
        let document = Plain::parse(plain.as_bytes(), Bounds::METADATA).and_then(Plain::document).map_err(unreadable)?;
        let providers: Vec<_> = document
            .descendants()
            .filter(|node| is(*node, METADATA, "EntityDescriptor"))
            .filter(|entity| children(*entity, METADATA, "IDPSSODescriptor").next().is_some())
            .filter(|entity| entity_id.is_none_or(|id| attribute(*entity, "entityID") == Some(id)))
            .collect();
        match providers.as_slice() {
            [] => Err(MetadataError::NoSuchEntity(entity_id.unwrap_or_default().to_owned())),
            [entity] => of_entity(*entity, now),
            [_, _, ..] => Err(MetadataError::Several),
        }
    }

    /// The first end of its certificates.
    pub fn first_expiry(&self) -> Option<Timestamp> {
        self.certificates.iter().filter_map(|certificate| expiry(certificate.der_data())).min()
    }
}

/// Metadata is written by people, with comments. They are taken out before the screen, which knows none; a signature does not cover them either
/// (exclusive canonicalisation without comments).
fn without_comments(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.into() };
    let text = text.trim_start_matches('\u{feff}'); // AD FS begins its metadata with one
    if !text.contains("<!--") {
        return text.as_bytes().into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("<!--") {
        out.push_str(before);
        let Some((_, after)) = comment.split_once("-->") else { return bytes.into() };
        rest = after;
    }
    out.push_str(rest);
    out.into_bytes().into()
}

fn of_entity(entity: Node<'_, '_>, now: Timestamp) -> Result<Metadata, MetadataError> {
    let entity_id = attribute(entity, "entityID").unwrap_or_default().to_owned();
    let Some(descriptor) = children(entity, METADATA, "IDPSSODescriptor").next() else {
        return Err(MetadataError::NoSuchEntity(entity_id));
    };
    let ends = entity.ancestors().filter_map(|node| attribute(node, "validUntil")).chain(attribute(descriptor, "validUntil"));
    let ends = ends.map(|end| time(end).ok_or(MetadataError::Time)).collect::<Result<Vec<_>, _>>()?;
    let valid_until = ends.into_iter().min();
    if let Some(end) = valid_until.filter(|end| *end <= now) {
        return Err(MetadataError::Expired(end));
    }
    let signs = |key: &Node<'_, '_>| attribute(*key, "use").is_none_or(|usage| usage == "signing");
    let found: Vec<_> = children(descriptor, METADATA, "KeyDescriptor")
        .filter(signs)
        // The first certificate of each: what follows it is the chain to its issuer, who is not the provider (SAML Metadata Interoperability 2.6.1).
        .filter_map(|key| key.descendants().find(|node| is(*node, DS, "X509Certificate")))
        .filter_map(|node| key_of(&decrypt::base64(text(node)?)?))
        .collect();
    if found.is_empty() {
        return Err(MetadataError::NoKey);
    }
    let (certificates, keys) = found.into_iter().unzip();
    Ok(Metadata {
        entity_id,
        certificates,
        keys,
        sign_on: addresses(descriptor, "SingleSignOnService")?,
        log_out: addresses(descriptor, "SingleLogoutService")?,
        valid_until,
    })
}

/// A certificate's key, if it is strong enough.
fn key_of(der: &[u8]) -> Option<(CertificateDer, PKey<Public>)> {
    let key = X509::from_der(der).ok()?.public_key().ok()?;
    let strong = match key.id() {
        Id::RSA => key.bits() >= 2048,
        Id::EC => key.bits() >= 256,
        _ => false,
    };
    strong.then(|| (CertificateDer::from(der.to_vec()), key))
}

fn addresses(descriptor: Node<'_, '_>, name: &str) -> Result<Addresses, MetadataError> {
    let mut found = Addresses::default();
    for service in descriptor.children().filter(|node| is(*node, METADATA, name)) {
        let (Some(binding), Some(location)) = (attribute(service, "Binding"), attribute(service, "Location")) else { continue };
        let place = match binding {
            REDIRECT => &mut found.redirect,
            POST => &mut found.post,
            _ => continue,
        };
        for address in [Some(location), attribute(service, "ResponseLocation")].into_iter().flatten() {
            if !is_safe_address(address) {
                return Err(MetadataError::Unsafe(address.chars().take(200).collect()));
            }
        }
        place.get_or_insert_with(|| location.to_owned());
        if let Some(answers) = attribute(service, "ResponseLocation") {
            found.answers.get_or_insert_with(|| answers.to_owned());
        }
    }
    Ok(found)
}
