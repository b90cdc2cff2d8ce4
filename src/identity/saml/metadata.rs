//! Metadata of a provider: its signing keys and addresses. Pure.

mod text;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use roxmltree::Node;

use super::{
    Refused, decrypt, screen, signature,
    signing_key::SigningKey,
    xml::{Bounds, DS, METADATA, PROTOCOL, Plain, attribute, children, is, text, time},
};
use crate::{identity::keys::expiry, model::address::is_safe_address};

/// Reasons why metadata can't be used, for the log and the check command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not parseable as XML within the bounds.
    #[error("it is not readable as metadata ({0})")]
    Unreadable(Refused),
    /// The signature is missing or not by the configured certificate.
    #[error("its signature is missing or was not made with the configured certificate")]
    Signature,
    /// It does not contain the provider.
    #[error("it holds no identity provider {0:?}")]
    NoSuchEntity(String),
    /// It contains several providers, and the configuration names none.
    #[error("it holds several identity providers: set entity_id to one of them")]
    Several,
    /// It has expired.
    #[error("it ended on {0}")]
    Expired(Timestamp),
    /// A malformed time.
    #[error("its validUntil can't be read")]
    Time,
    /// Without a key no signature could be verified.
    #[error("it holds no usable signing key (RSA of 2048 bits or more, or EC of 256)")]
    NoKey,
    /// No address for logins.
    #[error("it holds no SingleSignOnService with the binding {0}")]
    NoAddress(&'static str),
    /// An address without https.
    #[error("its address {0:?} is not https")]
    Unsafe(String),
    /// So many keys that trying them on forged messages would cost too much.
    #[error("it holds {0} different signing keys, more than can be tried on each message; ask the provider to remove unused ones")]
    TooManyKeys(usize),
}

/// Binding HTTP-Redirect.
pub const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// Binding HTTP-POST.
pub const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// Addresses of a service, by binding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProviderAddresses {
    pub redirect: Option<BindingEndpoint>,
    pub post: Option<BindingEndpoint>,
}

/// Address of a service for one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingEndpoint {
    /// Address for requests.
    pub location: String,
    /// Address for responses, if it differs (ResponseLocation, Metadata 2.2.2).
    pub response_location: Option<String>,
}

impl BindingEndpoint {
    /// Address for responses.
    pub fn for_answers(&self) -> &str {
        self.response_location.as_ref().unwrap_or(&self.location)
    }
}

/// Maximum cost of trying all keys of a provider, microseconds: a hundred RSA keys of 2048 bits, or three of the most expensive EC keys.
/// Real providers have one to four keys.
const LARGEST_PRICE: u32 = 1_800;

/// The parts of a provider's metadata that the service uses.
#[derive(Debug, Clone)]
pub struct Metadata {
    pub entity_id: String,
    /// Signing keys, without duplicates.
    pub keys: Vec<SigningKey>,
    /// Addresses for logins.
    pub sign_on: ProviderAddresses,
    /// Addresses for logouts; empty without any.
    pub log_out: ProviderAddresses,
    /// End of validity.
    pub valid_until: Option<Timestamp>,
}

impl Metadata {
    /// Fingerprint of its entity id, certificates in any order, and addresses: 64 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut certificates: Vec<&[u8]> = self.keys.iter().map(|key| key.certificate.der_data()).collect();
        certificates.sort_unstable();
        let text = format!("{:?} {certificates:?} {:?} {:?}", self.entity_id, self.sign_on, self.log_out);
        HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
    }

    /// Parses metadata. If `signer` is given, the signature is verified first.
    pub fn parse(bytes: &[u8], entity_id: Option<&str>, signer: Option<&SigningKey>, now: Timestamp) -> Result<Self, MetadataError> {
        let unreadable = MetadataError::Unreadable;
        let mut plain = text::plain(bytes).map_err(unreadable)?;
        if let Some(signer) = signer {
            let whole = Plain::parse(plain.as_bytes(), Bounds::METADATA).map_err(unreadable)?;
            let document = whole.document().map_err(unreadable)?;
            if !screen::metadata(&document).map_err(unreadable)? {
                return Err(MetadataError::Signature);
            }
            let covered = signature::verified(whole, &[document.root_element()], std::slice::from_ref(signer));
            plain = covered.map_err(|_| MetadataError::Signature)?;
        }
        let document = Plain::parse(plain.as_bytes(), Bounds::METADATA).and_then(Plain::document).map_err(unreadable)?;
        let providers: Vec<_> = document
            .descendants()
            .filter(|node| is(*node, METADATA, "EntityDescriptor"))
            .filter(|entity| descriptor_of(*entity).is_some())
            .filter(|entity| entity_id.is_none_or(|id| attribute(*entity, "entityID") == Some(id)))
            .collect();
        match providers.as_slice() {
            [] => Err(MetadataError::NoSuchEntity(entity_id.unwrap_or_default().to_owned())),
            [entity] => of_entity(*entity, now),
            [_, _, ..] => Err(MetadataError::Several),
        }
    }

    /// Earliest end of its certificates.
    pub fn first_expiry(&self) -> Option<Timestamp> {
        self.keys.iter().filter_map(|key| expiry(key.certificate.der_data())).min()
    }
}

/// The descriptor for SAML 2.0. An entity may have another one for an older protocol.
fn descriptor_of<'a>(entity: Node<'a, 'a>) -> Option<Node<'a, 'a>> {
    let speaks = |node: &Node<'_, '_>| {
        attribute(*node, "protocolSupportEnumeration").is_none_or(|all| all.split_ascii_whitespace().any(|one| one == PROTOCOL))
    };
    children(entity, METADATA, "IDPSSODescriptor").find(speaks)
}

fn of_entity(entity: Node<'_, '_>, now: Timestamp) -> Result<Metadata, MetadataError> {
    let entity_id = attribute(entity, "entityID").unwrap_or_default().to_owned();
    let Some(descriptor) = descriptor_of(entity) else {
        return Err(MetadataError::NoSuchEntity(entity_id));
    };
    let ends = entity.ancestors().filter_map(|node| attribute(node, "validUntil")).chain(attribute(descriptor, "validUntil"));
    let ends = ends.map(|end| time(end).ok_or(MetadataError::Time)).collect::<Result<Vec<_>, _>>()?;
    let valid_until = ends.into_iter().min();
    if let Some(end) = valid_until.filter(|end| *end <= now) {
        return Err(MetadataError::Expired(end));
    }
    Ok(Metadata {
        entity_id,
        keys: signing_keys(descriptor)?,
        sign_on: addresses(descriptor, "SingleSignOnService")?,
        // Without a usable logout address, logins still work.
        log_out: addresses(descriptor, "SingleLogoutService").unwrap_or_default(),
        valid_until,
    })
}

fn signing_keys(descriptor: Node<'_, '_>) -> Result<Vec<SigningKey>, MetadataError> {
    let signs = |key: &Node<'_, '_>| attribute(*key, "use").is_none_or(|usage| usage == "signing");
    // The first certificate of each key. Further ones are the issuer's chain, and the issuer is not the provider (SAML Metadata
    // Interoperability 2.6.1).
    let first = |key: Node<'_, '_>| {
        let certificate = key.descendants().find(|node| is(*node, DS, "X509Certificate"))?;
        SigningKey::of(&decrypt::base64(text(certificate)?)?).filter(SigningKey::is_strong)
    };
    let mut keys: Vec<SigningKey> = Vec::new();
    for key in children(descriptor, METADATA, "KeyDescriptor").filter(signs).filter_map(first) {
        if !keys.iter().any(|known| known.key.public_eq(&key.key)) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(MetadataError::NoKey);
    }
    if keys.iter().map(SigningKey::price).fold(0, u32::saturating_add) > LARGEST_PRICE {
        return Err(MetadataError::TooManyKeys(keys.len()));
    }
    Ok(keys)
}

/// The first usable address of each binding. An error if there are addresses but none is usable.
fn addresses(descriptor: Node<'_, '_>, name: &str) -> Result<ProviderAddresses, MetadataError> {
    let mut found = ProviderAddresses::default();
    let mut refused = None;
    for service in descriptor.children().filter(|node| is(*node, METADATA, name)) {
        let (Some(binding), Some(location)) = (attribute(service, "Binding"), attribute(service, "Location")) else { continue };
        let place = match binding {
            REDIRECT => &mut found.redirect,
            POST => &mut found.post,
            _ => continue,
        };
        let response_location = attribute(service, "ResponseLocation");
        if let Some(address) = [Some(location), response_location].into_iter().flatten().find(|address| !is_safe_address(address)) {
            refused.get_or_insert_with(|| MetadataError::Unsafe(address.chars().take(200).collect()));
            continue;
        }
        place.get_or_insert_with(|| BindingEndpoint {
            location: location.to_owned(),
            response_location: response_location.map(str::to_owned),
        });
    }
    match refused {
        Some(refused) if found == ProviderAddresses::default() => Err(refused),
        Some(_) | None => Ok(found),
    }
}
