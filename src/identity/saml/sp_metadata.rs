//! Our metadata as a service provider: one entity for all providers.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use openssl::error::ErrorStack;

use super::{
    metadata::{POST, REDIRECT},
    signature,
    xml::{DS, METADATA, content, escaped},
};
use crate::{
    config::{LevelSource, Saml, Source},
    identity::keys::{KeyPair, ProviderKeys},
};

/// Our addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddresses {
    pub entity_id: String,
    /// Assertion consumer address.
    pub acs: String,
    /// Address for logout messages.
    pub slo: String,
}

impl OwnAddresses {
    /// Addresses below the public address.
    pub fn of(config: &Saml, public_url: &str) -> Self {
        Self {
            entity_id: config.entity_id.clone().unwrap_or_else(|| format!("{public_url}/saml/metadata")),
            acs: format!("{public_url}/saml/acs"),
            slo: format!("{public_url}/saml/slo"),
        }
    }
}

const ID: &str = "os2nykode";

/// Writes the metadata in canonical form, and signs it if configured.
pub fn document(at: &OwnAddresses, keys: &ProviderKeys, config: &Saml, service: &str) -> Result<String, ErrorStack> {
    let descriptor = |usage: &str, pair: &KeyPair| {
        format!(
            "<md:KeyDescriptor use=\"{usage}\"><ds:KeyInfo xmlns:ds=\"{DS}\"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
             </ds:KeyInfo>{}</md:KeyDescriptor>",
            BASE64.encode(pair.certificate()),
            if usage == "encryption" { ENCRYPTION } else { "" },
        )
    };
    let keys_told: String =
        keys.published().map(|(name, pair)| descriptor(if name.ends_with("signing") { "signing" } else { "encryption" }, pair)).collect();
    let (slo, acs, entity_id) = (escaped(&at.slo), escaped(&at.acs), escaped(&at.entity_id));
    let head = format!("<md:EntityDescriptor xmlns:md=\"{METADATA}\" ID=\"{ID}\" entityID=\"{entity_id}\">");
    let contact = config.contact.as_ref().map(|mail| {
        format!(
            "<md:ContactPerson contactType=\"technical\"><md:EmailAddress>mailto:{}</md:EmailAddress></md:ContactPerson>",
            escaped(mail)
        )
    });
    let body = format!(
        "<md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys_told}\
         <md:SingleLogoutService Binding=\"{REDIRECT}\" Location=\"{slo}\"></md:SingleLogoutService>\
         <md:SingleLogoutService Binding=\"{POST}\" Location=\"{slo}\"></md:SingleLogoutService>\
         <md:AssertionConsumerService Binding=\"{POST}\" Location=\"{acs}\" index=\"0\" isDefault=\"true\"></md:AssertionConsumerService>\
         {}</md:SPSSODescriptor>{}</md:EntityDescriptor>",
        requested(config, service),
        contact.unwrap_or_default(),
    );
    let text = format!("{head}{body}");
    if config.sign_metadata {
        signature::enveloped(&text, head.len(), ID, keys.signing.key(), keys.signing.certificate(), false)
    } else {
        Ok(text)
    }
}

/// Preferred algorithms of encryption.
const ENCRYPTION: &str = "<md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"></md:EncryptionMethod>\
    <md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\"></md:EncryptionMethod>\
    <md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"></md:EncryptionMethod>";

/// All attributes that the configuration reads, of any provider.
fn requested(config: &Saml, service: &str) -> String {
    let mut names = BTreeSet::new();
    for provider in &config.providers {
        if let Source::Attribute(name) = &provider.claim {
            names.insert(name.as_str());
        }
        names.extend(provider.name.as_deref());
        names.extend(provider.require.keys().map(String::as_str));
        if let LevelSource::Said(sources) = &provider.level {
            names.extend(sources.iter().map(|(name, _)| name.as_str()));
        }
    }
    if names.is_empty() {
        return String::new(); // the schema wants at least one
    }
    let each: String = names
        .iter()
        .map(|name| {
            format!(
                "<md:RequestedAttribute Name=\"{}\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\"></md:RequestedAttribute>",
                escaped(name)
            )
        })
        .collect();
    let service = content(service);
    format!(
        "<md:AttributeConsumingService index=\"0\" isDefault=\"true\"><md:ServiceName xml:lang=\"da\">{service}</md:ServiceName>{each}\
         </md:AttributeConsumingService>"
    )
}
